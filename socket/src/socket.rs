//! Sockets, as the kernel's own code may use them: without descriptors and without user memory.
//!
//! These methods are what the system calls perform once they are decoded and admitted, in the spirit of the kernel
//! interfaces of the BSDs (`socket(9)`): create, bind, listen, accept, connect, send, receive, get and set options, shut
//! down, close (by dropping), and being told of events ([`Socket::pollee`]). None of them waits: what would have to is a
//! [`Stop::Blocked`](crate::step::Stop::Blocked), which says where the event will be announced that is worth another try.
//! Bytes come from any [`Source`] and go to any [`Sink`]; a slice will do.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use linux_raw_sys::net;
use scml::{Descriptor, SocketState};

use crate::{
    bytes::{Sink, Source},
    caller::{Credentials, NodeId},
    error::{Errno, Error, Result},
    family::unix::{
        address::Address,
        stream::{Defaults, Link, Received, Shutdown, Stream},
    },
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
    nonblocking: AtomicBool,
    /// Set under the lock of the state that it tells of, for those who must not take that lock.
    listening: AtomicBool,
    /// SO_REUSEADDR: kept, and without a meaning to the UNIX family.
    reuse_address: AtomicBool,
    send_buffer: AtomicU32,
    receive_buffer: AtomicU32,
    pollee: Arc<Pollee>,
    descriptor: Descriptor,
    /// Where in the registry it is.
    place: AtomicU32,
    body: Body,
}

/// The families and types.
enum Body {
    UnixStream(Stream),
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

const UNIX_STREAM: Descriptor = Descriptor::new(net::AF_UNIX as u16, net::SOCK_STREAM as u8, 0);

impl Socket {
    fn with(world: &World, pollee: Arc<Pollee>, descriptor: Descriptor, body: Body) -> Self {
        Self {
            nonblocking: AtomicBool::new(false),
            listening: AtomicBool::new(false),
            reuse_address: AtomicBool::new(false),
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
        let body = Body::UnixStream(Stream::new());
        let socket = Arc::new(Self::with(world, Arc::default(), descriptor, body));
        registry::enter(world.id, [&socket]);
        Ok(socket)
    }

    /// Two sockets that are connected to each other, as socketpair(2) makes them. `credentials` are shown as the peer's on
    /// both sides.
    ///
    /// # Errors
    /// As [`Socket::create`].
    pub fn pair(
        world: &World,
        family: u32,
        socket_type: u32,
        protocol: u32,
        credentials: Credentials,
    ) -> Result<[Arc<Self>; 2]> {
        let descriptor = Self::kind(family, socket_type, protocol)?;
        let pollees = [Arc::<Pollee>::default(), Arc::default()];
        let (link, other) =
            Link::pair(pollees.clone(), [credentials; 2], [world.settings.get().send_buffer; 2], &world.pool);
        let [pollee, other_pollee] = pollees;
        let end = |pollee, link| {
            Arc::new(Self::with(world, pollee, descriptor, Body::UnixStream(Stream::connected(link))))
        };
        let [socket, peer] = [end(pollee, link), end(other_pollee, other)];
        registry::enter(world.id, [&socket, &peer]);
        Ok([socket, peer])
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
            net::AF_UNIX if socket_type == net::SOCK_STREAM => Ok(UNIX_STREAM),
            net::AF_UNIX => Err(Error::new(Errno::ESOCKTNOSUPPORT, "the UNIX family has no such type here")),
            _ => Err(Error::new(Errno::EAFNOSUPPORT, "the family is not supported")),
        }
    }

    /// The socket at the other end of a connection that waits to be accepted.
    pub(crate) fn embryo(link: Link, defaults: Defaults) -> Arc<Self> {
        let Defaults { pollee, pool: _, send_buffer, receive_buffer } = defaults;
        Arc::new(Self {
            nonblocking: AtomicBool::new(false),
            listening: AtomicBool::new(false),
            reuse_address: AtomicBool::new(false),
            send_buffer: AtomicU32::new(send_buffer),
            receive_buffer: AtomicU32::new(receive_buffer),
            pollee,
            descriptor: UNIX_STREAM,
            place: AtomicU32::new(registry::NOWHERE),
            body: Body::UnixStream(Stream::connected(link)),
        })
    }

    #[inline]
    pub(crate) fn stream(&self) -> &Stream {
        let Body::UnixStream(stream) = &self.body;
        stream
    }

    /// Gives the socket an abstract name.
    ///
    /// # Errors
    /// EINVAL where it has a name, EADDRINUSE where another socket has this one.
    pub fn bind_abstract(self: &Arc<Self>, world: &World, name: &[u8]) -> Result<()> {
        self.stream().bind_abstract(self, &world.unix, name)
    }

    /// Gives the socket the name of an inode that was made for it at `path`.
    ///
    /// # Errors
    /// EINVAL where it has a name.
    pub fn bind_node(self: &Arc<Self>, world: &World, path: &[u8], node: NodeId) -> Result<()> {
        self.stream().bind_node(self, &world.unix, path, node)
    }

    /// Gives the socket an abstract name that nobody has; one that has a name keeps it.
    ///
    /// # Errors
    /// ENOSPC where no name is left.
    pub fn bind_any(self: &Arc<Self>, world: &World) -> Result<()> {
        self.stream().bind_any(self, &world.unix)
    }

    /// Lets connections wait here, `backlog` and one more of them; also changes how many.
    ///
    /// # Errors
    /// EINVAL for a socket that has no name, or a connection.
    pub fn listen(&self, world: &World, backlog: u32, credentials: Credentials) -> Result<()> {
        self.stream().listen(self, backlog.min(world.settings.get().backlog), credentials)
    }

    /// Connects to who listens at a name.
    ///
    /// # Errors
    /// ECONNREFUSED where nobody listens there, EPROTOTYPE where a socket of another type does, EISCONN and EINVAL where the
    /// socket itself is connected or listens. Waits while the backlog there is full.
    pub fn connect(
        self: &Arc<Self>,
        world: &World,
        target: Target<'_>,
        credentials: Credentials,
    ) -> Attempt<()> {
        use crate::family::unix::stream::REFUSED;
        let other = match target {
            Target::Abstract(name) => world.unix.find_abstract(self.socket_type(), name),
            Target::Node(node) => world.unix.find_node(node),
        };
        let other = other.ok_or(REFUSED)?;
        if other.socket_type() != self.socket_type() {
            return Err(Error::new(Errno::EPROTOTYPE, "the socket there has another type").into());
        }
        let defaults = Defaults {
            pollee: Arc::default(),
            pool: world.pool.clone(),
            send_buffer: world.settings.get().send_buffer,
            receive_buffer: world.settings.get().receive_buffer,
        };
        self.stream().connect(self, &other, credentials, defaults)
    }

    /// The next connection that waits. `nonblocking` only decides which error a listener whose receiving direction is shut
    /// answers with, as in Linux: EAGAIN, or EINVAL if it is false.
    ///
    /// # Errors
    /// EINVAL where the socket does not listen. Waits for a connection.
    pub fn accept(&self, nonblocking: bool) -> Attempt<Arc<Self>> {
        let socket = self.stream().accept(&self.pollee, nonblocking)?;
        registry::accepted(socket.place());
        Ok(socket)
    }

    /// The connection, to send and receive on.
    #[inline]
    #[must_use]
    pub fn link(&self) -> Option<&Link> {
        self.stream().link()
    }

    /// Sends as much as there is room for; see [`Link::send`] for the pieces of it.
    ///
    /// # Errors
    /// ENOTCONN, ECONNRESET, EPIPE, EFAULT. Waits for room.
    pub fn send<S: Source>(&self, source: &mut S) -> Attempt<usize> {
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

    /// Receives what is there.
    ///
    /// # Errors
    /// EINVAL where there is no connection, as Linux has it; ECONNRESET, EFAULT. Waits for something to be there.
    pub fn receive<S: Sink>(&self, sink: &mut S, peek: bool) -> Attempt<Received> {
        self.link().ok_or(NO_STREAM)?.receive(sink, peek)
    }

    /// How many bytes can be received (FIONREAD).
    ///
    /// # Errors
    /// EINVAL for a listening socket.
    pub fn unread(&self) -> Result<u32> {
        if self.is_listening() {
            return Err(Error::new(Errno::EINVAL, "a listening socket receives nothing"));
        }
        Ok(self.link().map_or(0, Link::unread))
    }

    /// What the peer has not received yet, in bytes as they count against the send buffer (SIOCOUTQ).
    #[must_use]
    pub fn unsent(&self) -> u32 {
        self.link().map_or(0, Link::unsent)
    }

    /// Shuts directions, in any state.
    pub fn shutdown(&self, how: How) {
        let directions = match how {
            How::Receive => Shutdown::RECEIVE,
            How::Send => Shutdown::SEND,
            How::Both => Shutdown::all(),
        };
        self.stream().shutdown(directions, &self.pollee);
    }

    /// The socket's name.
    #[must_use]
    pub fn local_address(&self) -> Option<Address> {
        self.stream().local_address()
    }

    /// The peer's name, if it has one.
    ///
    /// # Errors
    /// ENOTCONN where there is not, and never was, a peer.
    pub fn peer_address(&self) -> Result<Option<&Address>> {
        Ok(self.link().ok_or(NOT_CONNECTED)?.peer_address())
    }

    /// SO_PEERCRED: who is at the other end, or [`Credentials::NOBODY`].
    #[must_use]
    pub fn peer_credentials(&self) -> Credentials {
        self.stream().peer_credentials()
    }

    /// SO_ERROR: the pending error, which is forgotten thereby.
    #[must_use]
    pub fn take_error(&self) -> Option<Error> {
        self.link().and_then(Link::take_error)
    }

    /// Whether it accepts connections, which it will do for ever: SO_ACCEPTCONN.
    #[must_use]
    pub fn is_listening(&self) -> bool {
        self.listening.load(Ordering::SeqCst)
    }

    pub(crate) fn set_listening(&self) {
        self.listening.store(true, Ordering::SeqCst);
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
        self.stream().set_send_buffer(bytes, || self.send_buffer.store(bytes, Ordering::Relaxed));
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

    /// SO_REUSEADDR. Names of the UNIX family are never used twice, whatever it says, here as in Linux.
    #[must_use]
    pub fn reuse_address(&self) -> bool {
        self.reuse_address.load(Ordering::Relaxed)
    }

    /// Sets SO_REUSEADDR, for this socket alone: those that it accepts do not inherit it.
    pub fn set_reuse_address(&self, wanted: bool) {
        self.reuse_address.store(wanted, Ordering::Relaxed);
    }

    /// What may be done now, as poll(2) shows it.
    #[must_use]
    pub fn poll(&self) -> Events {
        self.stream().poll()
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
        self.nonblocking.load(Ordering::Relaxed)
    }

    /// Sets O_NONBLOCK.
    pub fn set_nonblocking(&self, nonblocking: bool) {
        self.nonblocking.store(nonblocking, Ordering::Relaxed);
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
        self.stream().phase()
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
    }

    /// SO_TYPE.
    #[must_use]
    pub fn socket_type(&self) -> u8 {
        self.descriptor.kind()
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let Body::UnixStream(stream) = &mut self.body;
        stream.close(&self.pollee);
        registry::leave(*self.place.get_mut());
        // Who watches sockets, and not only waits at one, forgets this one.
        self.pollee.notify(Events::NVAL);
    }
}

/// A buffer's size from what a program asks for: doubled, as the bookkeeping is paid from it.
fn doubled(wanted: u32, max: u32, min: u32) -> u32 {
    (wanted.min(max).min(i32::MAX as u32 / 2) * 2).max(min)
}

pub(crate) const NOT_CONNECTED: Error = Error::new(Errno::ENOTCONN, "");
pub(crate) const NO_STREAM: Error = Error::new(Errno::EINVAL, "the socket is not connected");
