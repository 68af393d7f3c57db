//! Sockets, as the kernel's own code may use them: without descriptors and without user memory.
//!
//! These methods are what the system calls perform once they are decoded and admitted, in the spirit of the kernel
//! interfaces of the BSDs (`socket(9)`): create, bind, listen, accept, connect, send, receive, get and set options, shut
//! down, close (by dropping), and being told of events ([`Socket::pollee`]). None of them waits: what would have to is a
//! [`Stop::Blocked`](crate::step::Stop::Blocked), which says where the event will be announced that is worth another try.
//! Bytes come from any [`Source`] and go to any [`Sink`]; a slice will do.

use alloc::{sync::Arc, vec::Vec};
use core::sync::atomic::{AtomicU32, Ordering};

use bitflags::bitflags;
use linux_raw_sys::net;
use scml::{Descriptor, SocketState};

use crate::{
    ancillary::{self, Gathered, OpenFile},
    bytes::{Sink, Source},
    caller::NodeId,
    error::{Errno, Error, Result},
    family::unix::{
        address::Address,
        connection::{Channel, ConnectionMode, Defaults, REFUSED, Sides},
        datagram::{self, Datagram},
        record::{Endpoint, Kind, New, Sequenced},
        shutdown::Shutdown,
        stream::{Link, Received},
    },
    identity::{Credentials, Identity},
    ready::{Events, Pollee},
    registry,
    step::Attempt,
    world::World,
};

/// Types are below it (`SOCK_MAX` of the kernel's `include/linux/net.h`).
const SOCK_MAX: u32 = 11;
/// Families are below it (`AF_MAX`).
const AF_MAX: u32 = 46;

/// What SO_SNDBUF may be at least: room for two small messages as Linux counts them (SOCK_MIN_SNDBUF).
const SEND_BUFFER_MIN: u32 = 4608;
/// What SO_RCVBUF may be at least (SOCK_MIN_RCVBUF).
const RECEIVE_BUFFER_MIN: u32 = 2304;

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
    body: Body,
}

/// In a socket's flags, besides the bits of [`Options`]: calls do not wait (O_NONBLOCK).
const NONBLOCKING: u32 = 1 << 30;
/// Likewise: it accepts connections. Set under the lock of the state that it tells of, for those who must not take that lock.
const LISTENING: u32 = 1 << 31;

bitflags! {
    /// Options of the level SOL_SOCKET that are on or off (`socket(7)`, `unix(7)`).
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub struct Options: u32 {
        /// SO_REUSEADDR: kept, and without a meaning to the UNIX family.
        const REUSE_ADDRESS = 1 << 0;
        /// SO_PASSCRED: messages come with their sender's credentials.
        const PASS_CREDENTIALS = 1 << 1;
        /// SO_PASSPIDFD: messages come with a descriptor of their sender's process.
        const PASS_PIDFD = 1 << 2;
    }
}

impl Options {
    /// Those for which messages have to say who sent them.
    pub const KNOWS_SENDERS: Self = Self::PASS_CREDENTIALS.union(Self::PASS_PIDFD);
    /// Those that a connection has from the listener.
    const INHERITED: Self = Self::KNOWS_SENDERS;
}

/// The families and types.
pub(crate) enum Body {
    /// SOCK_STREAM of the UNIX family
    Stream(ConnectionMode<Link>),
    /// SOCK_SEQPACKET of the UNIX family
    Seqpacket(ConnectionMode<Sequenced>),
    /// SOCK_DGRAM of the UNIX family
    Datagram(Datagram),
}

/// What every body that has a state machine can do, and a datagram socket in its own way.
macro_rules! dispatch {
    ($socket:expr, $machine:pat => $of_machine:expr, $datagram:pat => $of_datagram:expr) => {
        match &$socket.body {
            Body::Stream($machine) => $of_machine,
            Body::Seqpacket($machine) => $of_machine,
            Body::Datagram($datagram) => $of_datagram,
        }
    };
}

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

const fn unix(kind: u32) -> Descriptor {
    Descriptor::new(net::AF_UNIX as u16, kind as u8, 0)
}

impl Socket {
    fn with(world: &World, pollee: Arc<Pollee>, descriptor: Descriptor, body: Body) -> Self {
        Self {
            flags: AtomicU32::new(0),
            send_buffer: AtomicU32::new(world.settings.get().send_buffer),
            receive_buffer: AtomicU32::new(world.settings.get().receive_buffer),
            pollee,
            descriptor,
            place: AtomicU32::new(registry::NOWHERE),
            body,
        }
    }

    /// A socket as socket(2) makes it.
    ///
    /// # Errors
    /// EAFNOSUPPORT, EINVAL, EPROTONOSUPPORT, ESOCKTNOSUPPORT: what Linux answers for what it does not have, in its order.
    pub fn create(world: &World, family: u32, socket_type: u32, protocol: u32) -> Result<Arc<Self>> {
        let descriptor = Self::kind(family, socket_type, protocol)?;
        let pollee = Arc::<Pollee>::default();
        let body = match socket_type {
            net::SOCK_DGRAM => Body::Datagram(Datagram::new(Self::datagrams(world, pollee.clone(), None))),
            net::SOCK_SEQPACKET => Body::Seqpacket(ConnectionMode::new()),
            _ => Body::Stream(ConnectionMode::new()),
        };
        let socket = Arc::new(Self::with(world, pollee, descriptor, body));
        registry::enter(world.id, [&socket]);
        Ok(socket)
    }

    /// Two sockets that are connected to each other, as socketpair(2) makes them. `identity` is shown as the peer's on
    /// both sides.
    ///
    /// # Errors
    /// As [`Socket::create`].
    pub fn pair(
        world: &World,
        family: u32,
        socket_type: u32,
        protocol: u32,
        identity: Arc<Identity>,
    ) -> Result<[Arc<Self>; 2]> {
        let descriptor = Self::kind(family, socket_type, protocol)?;
        let pollees = [Arc::<Pollee>::default(), Arc::default()];
        let bodies = match socket_type {
            net::SOCK_DGRAM => {
                let [one, other] =
                    pollees.clone().map(|pollee| Self::datagrams(world, pollee, Some(identity.clone())));
                Endpoint::join(&one, &other);
                [one, other].map(|endpoint| Body::Datagram(Datagram::new(endpoint)))
            }
            net::SOCK_SEQPACKET => Self::connected::<Sequenced>(world, &pollees, identity),
            _ => Self::connected::<Link>(world, &pollees, identity),
        };
        let [pollee, other_pollee] = pollees;
        let [body, other_body] = bodies;
        let end = |pollee, body| Arc::new(Self::with(world, pollee, descriptor, body));
        let [socket, peer] = [end(pollee, body), end(other_pollee, other_body)];
        registry::enter(world.id, [&socket, &peer]);
        Ok([socket, peer])
    }

    /// A datagram socket as others know it.
    fn datagrams(world: &World, pollee: Arc<Pollee>, peer: Option<Arc<Identity>>) -> Arc<Endpoint> {
        let limits = world.settings.get();
        Endpoint::new(New {
            kind: Kind::Datagram,
            pollee,
            pool: &world.pool,
            send_buffer: limits.send_buffer,
            backlog: limits.datagrams,
            peer,
        })
    }

    /// The two sides of a connection.
    fn connected<C: Channel>(
        world: &World,
        pollees: &[Arc<Pollee>; 2],
        identity: Arc<Identity>,
    ) -> [Body; 2] {
        let sides = Sides {
            pollees: pollees.clone(),
            peers: [identity.clone(), identity],
            send_buffers: [world.settings.get().send_buffer; 2],
            pool: &world.pool,
        };
        C::pair(sides).map(|link| C::body(ConnectionMode::connected(link)))
    }

    /// The kind of socket that is asked for.
    fn kind(family: u32, socket_type: u32, protocol: u32) -> Result<Descriptor> {
        if family >= AF_MAX {
            return Err(Error::new(Errno::EAFNOSUPPORT, "no such address family"));
        }
        if socket_type >= SOCK_MAX {
            return Err(Error::new(Errno::EINVAL, "no such socket type"));
        }
        match family {
            net::AF_UNIX if protocol != 0 && protocol != net::AF_UNIX => {
                Err(Error::new(Errno::EPROTONOSUPPORT, "the UNIX family has one protocol"))
            }
            net::AF_UNIX
                if matches!(socket_type, net::SOCK_STREAM | net::SOCK_DGRAM | net::SOCK_SEQPACKET) =>
            {
                Ok(unix(socket_type))
            }
            net::AF_UNIX => Err(Error::new(Errno::ESOCKTNOSUPPORT, "the UNIX family has no such type here")),
            _ => Err(Error::new(Errno::EAFNOSUPPORT, "the family is not supported")),
        }
    }

    /// The socket at the other end of a connection that waits to be accepted.
    pub(crate) fn embryo(body: Body, descriptor: Descriptor, defaults: Defaults) -> Arc<Self> {
        let Defaults { pollee, pool: _, send_buffer, receive_buffer } = defaults;
        Arc::new(Self {
            flags: AtomicU32::new(0),
            send_buffer: AtomicU32::new(send_buffer),
            receive_buffer: AtomicU32::new(receive_buffer),
            pollee,
            descriptor,
            place: AtomicU32::new(registry::NOWHERE),
            body,
        })
    }

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

    /// Gives the socket an abstract name.
    ///
    /// # Errors
    /// EINVAL where it has a name, EADDRINUSE where another socket has this one.
    pub fn bind_abstract(self: &Arc<Self>, world: &World, name: &[u8]) -> Result<()> {
        dispatch!(self, machine => machine.bind_abstract(self, &world.unix, name), datagram => datagram.bind_abstract(self, &world.unix, name))
    }

    /// Gives the socket the name of an inode that was made for it at `path`.
    ///
    /// # Errors
    /// EINVAL where it has a name.
    pub fn bind_node(self: &Arc<Self>, world: &World, path: &[u8], node: NodeId) -> Result<()> {
        dispatch!(self, machine => machine.bind_node(self, &world.unix, path, node), datagram => datagram.bind_node(self, &world.unix, path, node))
    }

    /// Gives the socket an abstract name that nobody has; one that has a name keeps it.
    ///
    /// # Errors
    /// ENOSPC where no name is left.
    pub fn bind_any(self: &Arc<Self>, world: &World) -> Result<()> {
        dispatch!(self, machine => machine.bind_any(self, &world.unix), datagram => datagram.bind_any(self, &world.unix))
    }

    /// Lets connections wait here, `backlog` and one more of them; also changes how many.
    ///
    /// # Errors
    /// EOPNOTSUPP for a datagram socket; EINVAL for a socket that has no name, or a connection.
    pub fn listen(&self, world: &World, backlog: u32, identity: Arc<Identity>) -> Result<()> {
        let backlog = backlog.min(world.settings.get().backlog);
        dispatch!(self, machine => machine.listen(self, backlog, identity), _ => Err(NO_CONNECTIONS))
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
            }
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
            _ => return Err(NO_CONNECTIONS.into())
        );
        registry::accepted(socket.place());
        Ok(socket)
    }

    /// The stream, to send and receive on, where the socket has one.
    #[inline]
    #[must_use]
    pub fn link(&self) -> Option<&Link> {
        match &self.body {
            Body::Stream(machine) => machine.link(),
            _ => None,
        }
    }

    /// What sends and receives records, where the socket has it; nothing for streams, and for what is not connected but would
    /// have to be.
    #[inline]
    pub(crate) fn endpoint(&self) -> Option<&Arc<Endpoint>> {
        match &self.body {
            Body::Datagram(datagram) => Some(datagram.endpoint()),
            Body::Seqpacket(machine) => machine.link().map(Sequenced::endpoint),
            Body::Stream(_) => None,
        }
    }

    /// Whether what is sent are records, not a stream of bytes.
    #[inline]
    #[must_use]
    pub fn sends_records(&self) -> bool {
        !matches!(self.body, Body::Stream(_))
    }

    /// Sends as much as there is room for; a record is sent whole, to the socket's peer. See [`Link::send`] for the pieces of a
    /// stream.
    ///
    /// # Errors
    /// ENOTCONN, ECONNRESET, EPIPE, EFAULT; of records also EMSGSIZE, ECONNREFUSED and EPERM. Waits for room.
    pub fn send<S: Source>(&self, source: &mut S) -> Attempt<usize> {
        if let Some(endpoint) = self.endpoint() {
            let length = source.remaining();
            let peer = endpoint.peer().ok_or(NOT_CONNECTED)?;
            // Before `source` is used up: who waits comes again with the same bytes.
            endpoint.find_room(&peer)?;
            let mut unsent = endpoint.prepare(source)?.room_was_found();
            return endpoint.deliver(&mut unsent, &peer, false).map(|_| length);
        }
        let link = self.link().ok_or(NOT_CONNECTED)?;
        link.check_sending()?;
        let mut sent = 0;
        while source.remaining() > 0 {
            match link.send(source, sent == 0) {
                Ok(length) => sent += length,
                Err(_) if sent > 0 => break,
                Err(stop) => return Err(stop),
            }
        }
        Ok(sent)
    }

    /// Receives what is there; of a record, what there is room for. Open files that came with it are closed.
    ///
    /// # Errors
    /// Where there is no connection EINVAL, or of records ENOTCONN, as Linux has it; ECONNRESET, EFAULT. Waits for something to
    /// be there.
    pub fn receive<S: Sink>(&self, sink: &mut S, peek: bool) -> Attempt<Received> {
        if let Some(endpoint) = self.endpoint() {
            let taken = endpoint.receive(sink, peek, false)?;
            return Ok(if taken.is_end() { Received::End } else { Received::Bytes(taken.copied) });
        }
        self.link().ok_or_else(|| self.not_connected())?.receive(sink, peek, &mut Gathered::default())
    }

    /// What receiving fails with that needs a connection.
    #[cold]
    pub(crate) fn not_connected(&self) -> Error {
        match &self.body {
            Body::Stream(_) => NO_STREAM,
            _ => NOT_CONNECTED,
        }
    }

    /// How many bytes can be received (FIONREAD).
    ///
    /// # Errors
    /// EINVAL for a listening socket.
    pub fn unread(&self) -> Result<u32> {
        if self.is_listening() {
            return Err(Error::new(Errno::EINVAL, "a listening socket receives nothing"));
        }
        Ok(match self.endpoint() {
            Some(endpoint) => endpoint.unread(),
            None => self.link().map_or(0, Link::unread),
        })
    }

    /// What the receivers have not received yet, in bytes as they count against the send buffer (SIOCOUTQ).
    #[must_use]
    pub fn unsent(&self) -> u32 {
        match self.endpoint() {
            Some(endpoint) => endpoint.unsent(),
            None => self.link().map_or(0, Link::unsent),
        }
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
            datagram => datagram.endpoint().shutdown_directions(directions)
        );
    }

    /// The socket's name.
    #[must_use]
    pub fn local_address(&self) -> Option<Address> {
        dispatch!(
            self,
            machine => machine.local_address(),
            datagram => datagram.endpoint().name().cloned()
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
        }
        .ok_or(NOT_CONNECTED)
    }

    /// Who is, or was, at the other end, when the connection was made; for a listening socket, who made it listen.
    #[must_use]
    pub fn peer(&self) -> Option<Arc<Identity>> {
        dispatch!(self, machine => machine.peer(), datagram => datagram.endpoint().peer_identity().cloned())
    }

    /// SO_PEERCRED: who is at the other end, or [`Credentials::NOBODY`].
    #[must_use]
    pub fn peer_credentials(&self) -> Credentials {
        self.peer().map_or(Credentials::NOBODY, |peer| peer.as_peer())
    }

    /// SO_ERROR: the pending error, which is forgotten thereby.
    #[must_use]
    pub fn take_error(&self) -> Option<Error> {
        match self.endpoint() {
            Some(endpoint) => endpoint.take_error(),
            None => self.link().and_then(Link::take_error),
        }
    }

    /// An error waits at the socket from now on, for SO_ERROR and for the next call.
    pub(crate) fn set_error(&self, error: Error) {
        match self.endpoint() {
            Some(endpoint) => endpoint.set_error(error.errno),
            None => {
                if let Some(link) = self.link() {
                    link.set_error(error.errno);
                }
            }
        }
    }

    /// Whether it accepts connections, which it will do for ever: SO_ACCEPTCONN.
    #[must_use]
    pub fn is_listening(&self) -> bool {
        self.flags.load(Ordering::SeqCst) & LISTENING != 0
    }

    pub(crate) fn set_listening(&self) {
        self.flags.fetch_or(LISTENING, Ordering::SeqCst);
    }

    /// SO_SNDBUF, as it is accounted: in bytes, bookkeeping included.
    #[must_use]
    pub fn send_buffer(&self) -> u32 {
        self.send_buffer.load(Ordering::Relaxed)
    }

    /// Sets SO_SNDBUF: twice what is asked for, within the limits of the system. As in Linux no value is refused, and one
    /// that is negative, taken as unsigned, is very large.
    pub fn set_send_buffer(&self, world: &World, wanted: u32) {
        let bytes = doubled(wanted, world.settings.get().send_buffer_max, SEND_BUFFER_MIN);
        let set = || self.send_buffer.store(bytes, Ordering::Relaxed);
        dispatch!(
            self,
            machine => machine.set_send_buffer(bytes, set),
            datagram => {
                set();
                datagram.endpoint().set_send_buffer(bytes);
            }
        );
    }

    /// Whether /proc/net/unix shows it as connected: a datagram socket is that, too, if another connected to it.
    #[must_use]
    pub fn is_established(&self) -> bool {
        dispatch!(
            self,
            machine => machine.link().is_some(),
            datagram => datagram.endpoint().is_established()
        )
    }

    /// How many refer to it, as /proc/net/unix counts: itself twice, and those whose peer it is.
    #[must_use]
    pub fn references(&self) -> u32 {
        let others = dispatch!(
            self,
            machine => machine.link().is_some().into(),
            datagram => datagram.endpoint().peer_of()
        );
        2 + others
    }

    /// SO_RCVBUF. What a UNIX stream may hold is the sender's SO_SNDBUF, here as in Linux.
    #[must_use]
    pub fn receive_buffer(&self) -> u32 {
        self.receive_buffer.load(Ordering::Relaxed)
    }

    /// Sets SO_RCVBUF, as [`Socket::set_send_buffer`].
    pub fn set_receive_buffer(&self, world: &World, wanted: u32) {
        let bytes = doubled(wanted, world.settings.get().receive_buffer_max, RECEIVE_BUFFER_MIN);
        self.receive_buffer.store(bytes, Ordering::Relaxed);
    }

    /// The options that are on.
    #[inline]
    #[must_use]
    pub fn options(&self) -> Options {
        Options::from_bits_truncate(self.flags.load(Ordering::Relaxed))
    }

    /// Switches options on or off. A connection that is accepted has those of [`Options::KNOWS_SENDERS`] as the listener had
    /// them when it was made, and no others.
    pub fn set_options(&self, options: Options, on: bool) {
        let set = || {
            self.set_flags(options.bits(), on);
            self.options()
        };
        dispatch!(self, machine => machine.set_options(set), _ => { set(); });
    }

    fn set_flags(&self, flags: u32, on: bool) {
        if on {
            self.flags.fetch_or(flags, Ordering::Relaxed);
        } else {
            self.flags.fetch_and(!flags, Ordering::Relaxed);
        }
    }

    /// Whether messages have to say who sent them.
    #[must_use]
    pub fn knows_senders(&self) -> bool {
        self.options().intersects(Options::KNOWS_SENDERS)
    }

    /// Takes on what a connection has from its listener.
    pub(crate) fn inherit(&self, listener: Options) {
        self.set_options(listener & Options::INHERITED, true);
    }

    /// Takes the open files out of all messages that wait here: nobody will ever receive them.
    pub(crate) fn take_rights(&self, files: &mut Vec<OpenFile>) {
        dispatch!(self, machine => machine.take_rights(files), _ => {});
    }

    /// A descriptor of the socket is closed. Dropping does the same, but does not find out that the socket is now one of those
    /// which are only kept by messages that wait at each other, until something else happens.
    pub fn release(self: Arc<Self>) {
        let place = self.place();
        match Arc::into_inner(self) {
            Some(socket) => drop(socket),
            None => ancillary::garbage::look(place),
        }
    }

    /// What may be done now, as poll(2) shows it.
    #[must_use]
    pub fn poll(&self) -> Events {
        dispatch!(self, machine => machine.poll(), datagram => datagram.endpoint().poll())
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
        dispatch!(self, machine => machine.phase(), datagram => datagram.phase())
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
        dispatch!(self, machine => machine.set_place(place), _ => {});
    }

    /// SO_TYPE.
    #[must_use]
    pub fn socket_type(&self) -> u8 {
        self.descriptor.kind()
    }
}

impl Socket {
    /// Nobody has the socket any more: the first part of dropping it. What is closed with it is added to `files`.
    pub(crate) fn dismantle(&mut self, files: &mut Vec<OpenFile>) {
        match &mut self.body {
            Body::Stream(machine) => machine.close(&self.pollee, files),
            Body::Seqpacket(machine) => machine.close(&self.pollee, files),
            Body::Datagram(datagram) => datagram.close(),
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let mut files = Vec::new();
        self.dismantle(&mut files);
        if !files.is_empty() {
            ancillary::dispose(files);
        }
        let place = *self.place.get_mut();
        registry::leave(place);
        // Who watches sockets, and not only waits at one, forgets this one.
        self.pollee.notify(Events::NVAL);
        ancillary::garbage::look(place);
    }
}

/// A buffer's size from what a program asks for: doubled, as the bookkeeping is paid from it.
fn doubled(wanted: u32, max: u32, min: u32) -> u32 {
    (wanted.min(max).min(i32::MAX as u32 / 2) * 2).max(min)
}

const NO_CONNECTIONS: Error = Error::new(Errno::EOPNOTSUPP, "datagram sockets make no connections");
pub(crate) const NOT_CONNECTED: Error = Error::new(Errno::ENOTCONN, "");
pub(crate) const NO_STREAM: Error = Error::new(Errno::EINVAL, "the socket is not connected");
