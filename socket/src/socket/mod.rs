//! Sockets, as the kernel's own code may use them: without descriptors and without user memory.
//!
//! These methods are what the system calls perform once they are decoded and admitted, in the spirit of the kernel
//! interfaces of the BSDs (`socket(9)`): create, bind, listen, accept, connect, send, receive, get and set options, shut
//! down, close (by dropping), and being told of events ([`Socket::pollee`]). None of them waits: what would have to is a
//! [`Stop::Blocked`](crate::step::Stop::Blocked), which says where the event will be announced that is worth another try.
//! Bytes come from any [`Source`] and go to any [`Sink`]; a slice will do.

//!
//! | file | what |
//! |---|---|
//! | `mod` | names, connections, states |
//! | `create` | how sockets come to be |
//! | `transfer` | what they send and receive |
//! | `options`, `extra` | options of the level SOL_SOCKET |
//! | `life` | their end |

mod create;
mod extra;
mod life;
mod options;
mod transfer;

use alloc::{boxed::Box, sync::Arc};
use core::sync::atomic::{AtomicU32, Ordering};

use scml::{Descriptor, SocketState};
use spin::Once;

use self::extra::Extra;

pub use self::{
    extra::{Direction, Linger},
    options::Options,
};
use crate::{
    caller::NodeId,
    error::{Errno, Error, Result},
    family::{
        inet::Internet,
        netlink::{Netlink, Status},
        unix::{
            address::Address,
            connection::{Channel, ConnectionMode, Defaults, REFUSED},
            datagram::{self, Datagram},
            record::{Endpoint, Sequenced},
            shutdown::Shutdown,
            stream::Link,
        },
        vsock::Vsock,
    },
    identity::{Credentials, Identity},
    ready::{Events, Pollee},
    registry,
    step::Attempt,
    world::World,
};

/// A socket. It is its own open file description: who has an [`Arc`] of it has it open, and the last one closes it.
pub struct Socket {
    /// The bits of [`Options`], [`NONBLOCKING`] and [`LISTENING`].
    flags: AtomicU32,
    send_buffer: AtomicU32,
    receive_buffer: AtomicU32,
    pollee: Arc<Pollee>,
    descriptor: Descriptor,
    /// Where in the registry it is.
    place: AtomicU32,
    /// Options that few sockets ever set.
    extra: Once<Box<Extra>>,
    body: Body,
}

/// In a socket's flags, besides the bits of [`Options`]: calls do not wait (O_NONBLOCK).
const NONBLOCKING: u32 = 1 << 30;
/// Likewise: it accepts connections. Set under the lock of the state that it tells of, for those who must not take that lock.
const LISTENING: u32 = 1 << 31;

/// The families and types.
pub(crate) enum Body {
    /// SOCK_STREAM of the UNIX family
    Stream(ConnectionMode<Link>),
    /// SOCK_SEQPACKET of the UNIX family
    Seqpacket(ConnectionMode<Sequenced>),
    /// SOCK_DGRAM of the UNIX family
    Datagram(Datagram),
    /// AF_INET and AF_INET6
    Internet(Box<Internet>),
    /// AF_NETLINK
    Netlink(Box<Netlink>),
    /// AF_VSOCK
    Vsock(Box<Vsock>),
}

/// What every body that has a state machine can do; a datagram socket, and one of another family, in its own way.
macro_rules! dispatch {
    ($socket:expr, $machine:pat => $of_machine:expr, $datagram:pat => $of_datagram:expr, $internet:pat => $of_internet:expr, $netlink:pat => $of_netlink:expr, $vsock:pat => $of_vsock:expr $(,)?) => {
        match &$socket.body {
            Body::Stream($machine) => $of_machine,
            Body::Seqpacket($machine) => $of_machine,
            Body::Datagram($datagram) => $of_datagram,
            Body::Internet($internet) => $of_internet,
            Body::Netlink($netlink) => $of_netlink,
            Body::Vsock($vsock) => $of_vsock,
        }
    };
}
use dispatch;

/// The directions that shutdown(2) shuts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum How {
    /// SHUT_RD
    Receive,
    /// SHUT_WR
    Send,
    /// SHUT_RDWR
    Both,
}

/// What connect(2) found under a name: where a socket may be that listens.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    /// An abstract name.
    Abstract(&'a [u8]),
    /// A socket inode.
    Node(NodeId),
}

impl Socket {
    #[inline]
    pub(crate) fn body(&self) -> &Body {
        &self.body
    }

    pub(crate) fn datagram(&self) -> Option<&Datagram> {
        match &self.body {
            Body::Datagram(datagram) => Some(datagram),
            _ => None,
        }
    }

    /// The socket, where it is one of AF_INET or AF_INET6: with those addresses, and with what only such sockets can do.
    #[inline]
    #[must_use]
    pub fn internet(&self) -> Option<&Internet> {
        match &self.body {
            Body::Internet(internet) => Some(internet),
            _ => None,
        }
    }

    /// The socket, where it is one of AF_NETLINK.
    #[inline]
    pub(crate) fn netlink(&self) -> Option<&Netlink> {
        match &self.body {
            Body::Netlink(netlink) => Some(netlink),
            _ => None,
        }
    }

    /// The socket, where it is one of AF_VSOCK.
    #[inline]
    pub(crate) fn vsock(&self) -> Option<&Vsock> {
        match &self.body {
            Body::Vsock(vsock) => Some(vsock),
            _ => None,
        }
    }

    /// As `/proc/net/netlink` shows it, where it is one of AF_NETLINK.
    #[must_use]
    pub fn netlink_status(&self) -> Option<Status> {
        self.netlink().map(Netlink::status)
    }

    /// Whether it is of the UNIX family.
    #[inline]
    pub(crate) fn is_unix(&self) -> bool {
        !matches!(self.body, Body::Internet(_) | Body::Netlink(_) | Body::Vsock(_))
    }

    /// Gives the socket an abstract name.
    ///
    /// # Errors
    /// EINVAL where it has a name, EADDRINUSE where another socket has this one.
    pub fn bind_abstract(self: &Arc<Self>, world: &World, name: &[u8]) -> Result<()> {
        dispatch!(self, machine => machine.bind_abstract(self, &world.unix, name), datagram => datagram.bind_abstract(self, &world.unix, name), _ => Err(NOT_UNIX), _ => Err(NOT_UNIX), _ => Err(NOT_UNIX))
    }

    /// Gives the socket the name of an inode that was made for it at `path`.
    ///
    /// # Errors
    /// EINVAL where it has a name.
    pub fn bind_node(self: &Arc<Self>, world: &World, path: &[u8], node: NodeId) -> Result<()> {
        dispatch!(self, machine => machine.bind_node(self, &world.unix, path, node), datagram => datagram.bind_node(self, &world.unix, path, node), _ => Err(NOT_UNIX), _ => Err(NOT_UNIX), _ => Err(NOT_UNIX))
    }

    /// Gives the socket an abstract name that nobody has; one that has a name keeps it.
    ///
    /// # Errors
    /// ENOSPC where no name is left.
    pub fn bind_any(self: &Arc<Self>, world: &World) -> Result<()> {
        dispatch!(self, machine => machine.bind_any(self, &world.unix), datagram => datagram.bind_any(self, &world.unix), _ => Err(NOT_UNIX), _ => Err(NOT_UNIX), _ => Err(NOT_UNIX))
    }

    /// Lets connections wait here, `backlog` and one more of them; also changes how many.
    ///
    /// # Errors
    /// EOPNOTSUPP for a datagram socket; EINVAL for a socket that has no name, or a connection.
    pub fn listen(&self, world: &World, backlog: u32, identity: Arc<Identity>) -> Result<()> {
        let backlog = backlog.min(world.settings.get().backlog);
        dispatch!(
            self,
            machine => machine.listen(self, backlog, identity),
            _ => Err(NO_CONNECTIONS),
            internet => internet.listen(backlog, &internet.own_context()),
            _ => Err(NO_CONNECTIONS),
            vsock => vsock.listen(backlog)
        )
    }

    /// Connects to who listens at a name; a datagram socket gets who has the name for its peer.
    ///
    /// # Errors
    /// ECONNREFUSED where nobody has the name, or listens there; EPROTOTYPE where a socket of another type does; EISCONN and
    /// EINVAL where the socket itself is connected or listens; EPERM where a datagram socket there has another peer. Waits
    /// while the backlog there is full.
    pub fn connect(
        self: &Arc<Self>,
        world: &World,
        target: Target<'_>,
        identity: Arc<Identity>,
    ) -> Attempt<()> {
        let other = self.find(world, target)?;
        let defaults = || Defaults {
            pollee: Arc::default(),
            pool: world.pool.clone(),
            send_buffer: world.settings.get().send_buffer,
            receive_buffer: world.settings.get().receive_buffer,
        };
        dispatch!(
            self,
            machine => machine.connect(self, &other, identity, defaults()),
            datagram => match datagram.connect(&other)? {
                true => Ok(()),
                false => Err(REFUSED.into()),
            },
            _ => Err(NOT_UNIX.into()),
            _ => Err(NOT_UNIX.into()),
            _ => Err(NOT_UNIX.into())
        )
    }

    /// Takes a datagram socket's peer away, if it has one; false for a socket of another type.
    #[must_use]
    pub fn disconnect(&self) -> bool {
        self.datagram().map(|datagram| datagram.endpoint().disconnect()).is_some()
    }

    /// The socket of the same type at a name.
    fn find(&self, world: &World, target: Target<'_>) -> Result<Arc<Self>> {
        let other = match target {
            Target::Abstract(name) => world.unix.find_abstract(self.socket_type(), name),
            Target::Node(node) => world.unix.find_node(node),
        };
        let other = other.ok_or(REFUSED)?;
        if other.socket_type() != self.socket_type() {
            return Err(Error::new(Errno::EPROTOTYPE, "the socket there has another type"));
        }
        Ok(other)
    }

    /// Who has a name, to send to.
    pub(crate) fn receiver(&self, world: &World, target: Target<'_>) -> Result<Arc<Endpoint>> {
        datagram::of(&*self.find(world, target)?).cloned()
    }

    /// The next connection that waits. `nonblocking` only decides which error a listener whose receiving direction is shut
    /// answers with, as in Linux: EAGAIN, or EINVAL if it is false.
    ///
    /// # Errors
    /// EOPNOTSUPP for a datagram socket, EINVAL where the socket does not listen. Waits for a connection.
    pub fn accept(&self, nonblocking: bool) -> Attempt<Arc<Self>> {
        let socket = dispatch!(
            self,
            machine => machine.accept(&self.pollee, nonblocking)?,
            _ => return Err(NO_CONNECTIONS.into()),
            internet => self.accept_internet(internet)?,
            _ => return Err(NO_CONNECTIONS.into()),
            vsock => self.accept_vsock(vsock)?
        );
        registry::accepted(socket.place());
        Ok(socket)
    }

    /// Shuts directions, in any state.
    pub fn shutdown(&self, how: How) {
        let directions = match how {
            How::Receive => Shutdown::RECEIVE,
            How::Send => Shutdown::SEND,
            How::Both => Shutdown::all(),
        };
        dispatch!(
            self,
            machine => machine.shutdown(directions, &self.pollee),
            datagram => datagram.endpoint().shutdown_directions(directions),
            internet => {
                // That there is no peer is nothing to those who do not ask.
                let _ = internet.shutdown(how, &internet.own_context());
            },
            // There is nothing that could be shut.
            _ => {},
            vsock => {
                let _ = vsock.shutdown(how);
            }
        );
    }

    /// The socket's name.
    #[must_use]
    pub fn local_address(&self) -> Option<Address> {
        dispatch!(
            self,
            machine => machine.local_address(),
            datagram => datagram.endpoint().name().cloned(),
            _ => None,
            _ => None,
            _ => None
        )
    }

    /// The peer's name, if it has one.
    ///
    /// # Errors
    /// ENOTCONN where there is not, and never was, a peer.
    pub fn peer_address(&self) -> Result<Option<Address>> {
        match &self.body {
            Body::Stream(machine) => machine.link().map(|link| link.peer_address().cloned()),
            Body::Seqpacket(machine) => machine.link().map(|link| link.peer_address().cloned()),
            Body::Datagram(datagram) => datagram.endpoint().peer().map(|peer| peer.name().cloned()),
            Body::Internet(_) | Body::Netlink(_) | Body::Vsock(_) => None,
        }
        .ok_or(NOT_CONNECTED)
    }

    /// How many connections wait to be accepted, and how many may; nothing for a socket that does not listen.
    pub(crate) fn backlog(&self) -> Option<(u32, u32)> {
        match &self.body {
            Body::Stream(machine) => machine.backlog(),
            Body::Seqpacket(machine) => machine.backlog(),
            Body::Internet(internet) => internet.backlog(),
            Body::Datagram(_) | Body::Netlink(_) | Body::Vsock(_) => None,
        }
    }

    /// The number of the socket of the UNIX family at the other end; 0 where it has none.
    pub(crate) fn peer_number(&self) -> u64 {
        let place = match &self.body {
            Body::Stream(machine) => machine.link().map(Link::peer_place),
            Body::Seqpacket(_) | Body::Datagram(_) => {
                self.endpoint().and_then(|endpoint| endpoint.peer()).map(|peer| peer.place())
            }
            Body::Internet(_) | Body::Netlink(_) | Body::Vsock(_) => None,
        };
        place.map_or(0, registry::number)
    }

    /// Who is, or was, at the other end, when the connection was made; for a listening socket, who made it listen.
    #[must_use]
    pub fn peer(&self) -> Option<Arc<Identity>> {
        dispatch!(self, machine => machine.peer(), datagram => datagram.endpoint().peer_identity().cloned(), _ => None, _ => None, _ => None)
    }

    /// SO_PEERCRED: who is at the other end, or [`Credentials::NOBODY`].
    #[must_use]
    pub fn peer_credentials(&self) -> Credentials {
        self.peer().map_or(Credentials::NOBODY, |peer| peer.as_peer())
    }

    /// SO_ERROR: the pending error, which is forgotten thereby.
    #[must_use]
    pub fn take_error(&self) -> Option<Error> {
        if let Some(internet) = self.internet() {
            return internet.take_error();
        }
        if let Some(netlink) = self.netlink() {
            return netlink.take_error();
        }
        if let Some(vsock) = self.vsock() {
            return vsock.take_error();
        }
        match self.endpoint() {
            Some(endpoint) => endpoint.status.take_error(),
            None => self.link().and_then(Link::take_error),
        }
    }

    /// An error waits at the socket from now on, for SO_ERROR and for the next call.
    pub(crate) fn set_error(&self, error: Error) {
        if let Some(internet) = self.internet() {
            return internet.set_error(error.errno);
        }
        if let Some(netlink) = self.netlink() {
            return netlink.set_error(error.errno);
        }
        if let Some(vsock) = self.vsock() {
            return vsock.set_error(error.errno);
        }
        match self.endpoint() {
            Some(endpoint) => endpoint.status.set_error(error.errno),
            None => {
                if let Some(link) = self.link() {
                    link.set_error(error.errno);
                }
            }
        }
    }

    /// Whether it accepts connections: SO_ACCEPTCONN. One of the UNIX family will do so for ever.
    #[must_use]
    pub fn is_listening(&self) -> bool {
        self.flags.load(Ordering::SeqCst) & LISTENING != 0
            || self.internet().is_some_and(|internet| internet.phase() == SocketState::Listening)
            || self.vsock().is_some_and(|vsock| vsock.phase() == SocketState::Listening)
    }

    pub(crate) fn set_listening(&self) {
        self.flags.fetch_or(LISTENING, Ordering::SeqCst);
    }

    /// Whether /proc/net/unix shows it as connected: a datagram socket is that, too, if another connected to it.
    #[must_use]
    pub fn is_established(&self) -> bool {
        dispatch!(
            self,
            machine => machine.link().is_some(),
            datagram => datagram.endpoint().is_established(),
            internet => internet.phase() == SocketState::Connected,
            netlink => netlink.state() == SocketState::Connected,
            vsock => vsock.phase() == SocketState::Connected
        )
    }

    /// How many refer to it, as /proc/net/unix counts: itself twice, and those whose peer it is.
    #[must_use]
    pub fn references(&self) -> u32 {
        let others = dispatch!(
            self,
            machine => machine.link().is_some().into(),
            datagram => datagram.endpoint().peer_of(),
            _ => 0,
            _ => 0,
            _ => 0
        );
        2 + others
    }

    fn set_flags(&self, flags: u32, on: bool) {
        if on {
            self.flags.fetch_or(flags, Ordering::Relaxed);
        } else {
            self.flags.fetch_and(!flags, Ordering::Relaxed);
        }
    }

    /// What may be done now, as poll(2) shows it.
    #[must_use]
    pub fn poll(&self) -> Events {
        dispatch!(self, machine => machine.poll(), datagram => datagram.endpoint().poll(), internet => self.enough(internet.poll()), netlink => netlink.poll(), vsock => vsock.poll())
    }

    /// SO_RCVLOWAT: a stream over TCP with less than that to be read is not shown as readable, unless no more will come.
    fn enough(&self, shown: Events) -> Events {
        let over = shown.intersects(Events::RDHUP | Events::HUP | Events::ERR);
        let low = self.receive_low();
        if low <= 1 || over || self.sends_records() || self.is_listening() {
            return shown;
        }
        match self.unread() {
            Ok(unread) if unread < low => shown - Events::READABLE,
            _ => shown,
        }
    }

    /// Where the socket's events are announced.
    #[must_use]
    pub fn pollee(&self) -> &Arc<Pollee> {
        &self.pollee
    }

    /// Whether calls do not wait: O_NONBLOCK.
    #[inline]
    #[must_use]
    pub fn nonblocking(&self) -> bool {
        self.flags.load(Ordering::Relaxed) & NONBLOCKING != 0
    }

    /// Sets O_NONBLOCK.
    pub fn set_nonblocking(&self, nonblocking: bool) {
        self.set_flags(NONBLOCKING, nonblocking);
    }

    /// What the rules of a policy can say about a socket, but for its state.
    #[inline]
    #[must_use]
    pub fn descriptor(&self) -> Descriptor {
        self.descriptor
    }

    /// The state, as the rules of a policy know it.
    #[must_use]
    pub fn state(&self) -> SocketState {
        dispatch!(self, machine => machine.phase(), datagram => datagram.phase(), internet => internet.phase(), netlink => netlink.state(), vsock => vsock.phase())
    }

    /// The number that tells it from all others of its system that there are or were, as stat(2) shows it in the place of an
    /// inode's; 0 until it is accepted.
    #[must_use]
    pub fn number(&self) -> u64 {
        registry::number(self.place())
    }

    pub(crate) fn place(&self) -> u32 {
        self.place.load(Ordering::Relaxed)
    }

    pub(crate) fn set_place(&self, place: u32) {
        self.place.store(place, Ordering::Relaxed);
        dispatch!(self, machine => machine.set_place(place), datagram => datagram.endpoint().set_place(place), _ => {}, _ => {}, _ => {});
    }

    /// SO_TYPE.
    #[must_use]
    pub fn socket_type(&self) -> u8 {
        self.descriptor.kind()
    }
}

const NO_CONNECTIONS: Error = Error::new(Errno::EOPNOTSUPP, "datagram sockets make no connections");
pub(crate) const NOT_CONNECTED: Error = Error::new(Errno::ENOTCONN, "");
pub(crate) const NO_STREAM: Error = Error::new(Errno::EINVAL, "the socket is not connected");
const NOT_UNIX: Error = Error::new(Errno::EINVAL, "the name is not of the socket's family");
