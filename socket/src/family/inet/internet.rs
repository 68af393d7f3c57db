//! A socket of AF_INET or AF_INET6.

use alloc::{sync::Arc, vec::Vec};
use core::sync::atomic::{AtomicBool, Ordering};

use net_stack::{
    Stack,
    address::Endpoint,
    datagram::Version,
    tcp::{State, TcpStream},
    time::Instant,
};
use scml::SocketState;
use spin::Mutex;

use super::{
    address::{self, Shown, is_unspecific},
    announcer::Announcer,
    binding::Choices,
    tcp::{self, Accepted, Found, Tcp},
    tcp_info,
    told::Wishes,
    udp::Udp,
};
use crate::{
    error::{Errno, Error, Result},
    ready::{Events, Pollee},
    socket::{How, Options},
    step::{Attempt, Stop},
};

/// Who calls, and when.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    /// The monotonic clock.
    pub now: Instant,
    /// The effective user: ports are shared by SO_REUSEPORT among one user's sockets.
    pub user: u32,
    /// CAP_NET_BIND_SERVICE
    pub may_bind_all: bool,
}

/// A socket of one of the two families. None of its methods waits.
pub struct Internet {
    version: Version,
    stack: Arc<Stack>,
    announcer: Arc<Announcer>,
    transport: Transport,
    /// Bytes of a stream that were read and could not be stored: they come before what follows.
    returned: Mutex<Vec<u8>>,
    /// Whether there are any.
    has_returned: AtomicBool,
    /// What is told about datagrams that are received.
    wishes: Wishes,
}

/// What carries the data.
pub(crate) enum Transport {
    /// SOCK_STREAM
    Tcp(Tcp),
    /// SOCK_DGRAM
    Udp(Udp),
}

impl Internet {
    fn with(stack: &Arc<Stack>, version: Version, announcer: Arc<Announcer>, transport: Transport) -> Self {
        Self {
            version,
            stack: stack.clone(),
            announcer,
            transport,
            returned: Mutex::new(Vec::new()),
            has_returned: AtomicBool::new(false),
            wishes: Wishes::default(),
        }
    }

    /// A stream socket.
    pub(crate) fn stream(stack: &Arc<Stack>, version: Version, pollee: Arc<Pollee>) -> Self {
        Self::with(stack, version, Announcer::new(pollee), Transport::Tcp(Tcp::new()))
    }

    /// A datagram socket.
    pub(crate) fn datagrams(stack: &Arc<Stack>, version: Version, pollee: Arc<Pollee>) -> Self {
        let announcer = Announcer::new(pollee);
        let transport = Transport::Udp(Udp::new(stack, version, &announcer));
        Self::with(stack, version, announcer, transport)
    }

    /// The socket of a connection that this one has accepted.
    pub(crate) fn accepted(&self, accepted: Accepted, pollee: Arc<Pollee>) -> Self {
        let announcer = Announcer::new(pollee);
        let transport = Transport::Tcp(Tcp::accepted(accepted, &announcer));
        Self::with(&self.stack, self.version, announcer, transport)
    }

    /// Which of the two families.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    pub(crate) fn transport(&self) -> &Transport {
        &self.transport
    }

    pub(super) fn wishes(&self) -> &Wishes {
        &self.wishes
    }

    pub(super) fn stack(&self) -> &Stack {
        &self.stack
    }

    pub(super) fn announcer(&self) -> &Announcer {
        &self.announcer
    }

    /// Gives the socket the name in a `struct sockaddr`.
    ///
    /// # Errors
    /// EINVAL for an address that is too short, where the socket has a name already, and for an IPv4-mapped address where
    /// IPV6_V6ONLY is set; EAFNOSUPPORT for another family; EADDRNOTAVAIL for an address that this host does not have; EACCES
    /// for a port below 1024 without CAP_NET_BIND_SERVICE; EADDRINUSE.
    pub fn bind(&self, address: &[u8], context: &Context) -> Result<()> {
        let address = address::parse(self.version, address, true)?;
        match &self.transport {
            Transport::Tcp(tcp) => tcp.bind(&self.stack, self.version, &address, context),
            Transport::Udp(udp) => udp.bind(&self.stack, self.version, &address, context),
        }
    }

    /// Lets connections wait here, `backlog` and one more; also changes how many.
    ///
    /// # Errors
    /// EOPNOTSUPP for a datagram socket; EINVAL for one that is connected; EADDRINUSE.
    pub fn listen(&self, backlog: u32, context: &Context) -> Result<()> {
        match &self.transport {
            Transport::Tcp(tcp) => tcp.listen(&self.stack, self.version, &self.announcer, backlog, context),
            Transport::Udp(_) => Err(NO_CONNECTIONS),
        }
    }

    /// The next connection that waits.
    ///
    /// # Errors
    /// EOPNOTSUPP for a datagram socket; EINVAL where the socket does not listen. Waits for a connection.
    pub(crate) fn accept(&self) -> Attempt<Accepted> {
        match &self.transport {
            Transport::Tcp(tcp) => tcp.accept(&self.announcer),
            Transport::Udp(_) => Err(NO_CONNECTIONS.into()),
        }
    }

    /// Begins to connect to the name in a `struct sockaddr`, of AF_UNSPEC to nothing. [`Begun`] says what is to follow.
    ///
    /// # Errors
    /// EINVAL for an address that is too short, EAFNOSUPPORT for another family; EISCONN; ENETUNREACH, EADDRNOTAVAIL, EACCES
    /// and others where there is no way.
    pub fn connect(&self, address: &[u8], context: &Context) -> Result<Begun> {
        if is_unspecific(address) {
            match &self.transport {
                Transport::Tcp(tcp) => tcp.disconnect(&self.stack, context),
                Transport::Udp(udp) => udp.socket().disconnect(),
            }
            self.announcer.pollee().notify(Events::all());
            return Ok(Begun::Over);
        }
        if address.len() < 2 {
            return Err(Error::new(Errno::EINVAL, "no family"));
        }
        let to = self.destination(address, false)?;
        match &self.transport {
            Transport::Udp(udp) => udp.connect(to).map(|()| Begun::Over),
            Transport::Tcp(tcp) => {
                let begun = tcp.begin_connect(&self.stack, self.version, &self.announcer, to, context)?;
                Ok(if begun { Begun::Here } else { Begun::Before })
            }
        }
    }

    /// What has come of a connection that was begun.
    ///
    /// # Errors
    /// ECONNREFUSED, ETIMEDOUT and others. Waits for the peer's answer.
    pub fn finish_connect(&self, context: &Context) -> Attempt<()> {
        match &self.transport {
            Transport::Tcp(tcp) => tcp.finish_connect(&self.stack, &self.announcer, context.user),
            Transport::Udp(_) => Ok(()),
        }
    }

    /// An address that is connected or sent to.
    ///
    /// # Errors
    /// EINVAL, EAFNOSUPPORT; ENETUNREACH for an IPv4-mapped address where IPV6_V6ONLY is set.
    pub(crate) fn destination(&self, address: &[u8], unspecific: bool) -> Result<Endpoint> {
        let to = address::parse(self.version, address, unspecific)?;
        if to.mapped && self.choices().v6_only {
            return Err(Error::new(Errno::ENETUNREACH, "IPV6_V6ONLY is set"));
        }
        Ok(to.endpoint)
    }

    /// The connection, where there is or was one, or is about to be.
    pub(crate) fn connection(&self) -> Option<Arc<TcpStream>> {
        match &self.transport {
            Transport::Tcp(tcp) => match tcp.stream() {
                Found::Stream(stream) => Some(stream),
                Found::Nothing => None,
            },
            Transport::Udp(_) => None,
        }
    }

    /// Writes to a connection: see [`tcp::write`].
    pub(super) fn write(&self, stream: &TcpStream, bytes: &[u8], more: bool, now: Instant) -> Attempt<usize> {
        tcp::write(stream, &self.announcer, bytes, more, now)
    }

    /// Reads from a connection: see [`tcp::read`].
    pub(crate) fn read(
        &self,
        stream: &TcpStream,
        now: Instant,
        take: impl FnMut(&[u8]) -> usize,
    ) -> Attempt<usize> {
        tcp::read(stream, &self.announcer, now, take)
    }

    /// Takes bytes that could not be stored, at most so many.
    pub(super) fn take_returned(&self, room: usize) -> Vec<u8> {
        if !self.has_returned.load(Ordering::Acquire) {
            return Vec::new();
        }
        let mut returned = self.returned.lock();
        let count = room.min(returned.len());
        let rest = returned.split_off(count);
        let taken = core::mem::replace(&mut *returned, rest);
        self.has_returned.store(!returned.is_empty(), Ordering::Release);
        taken
    }

    /// Looks at bytes that could not be stored, at most so many.
    pub(super) fn see_returned(&self, room: usize) -> Vec<u8> {
        if !self.has_returned.load(Ordering::Acquire) {
            return Vec::new();
        }
        let returned = self.returned.lock();
        returned.get(..room.min(returned.len())).unwrap_or_default().to_vec()
    }

    /// Bytes could not be stored: who reads next gets them.
    pub(super) fn give_back(&self, mut bytes: Vec<u8>) {
        let mut returned = self.returned.lock();
        bytes.append(&mut returned);
        *returned = bytes;
        self.has_returned.store(!returned.is_empty(), Ordering::Release);
        drop(returned);
        self.announcer.pollee().notify(Events::READABLE);
    }

    /// The latest time that anybody said.
    pub(crate) fn last_now(&self) -> Instant {
        self.stack.last_now()
    }

    /// The kernel's own code calls.
    pub(crate) fn own_context(&self) -> Context {
        Context { now: self.last_now(), user: 0, may_bind_all: true }
    }

    /// Shuts directions.
    ///
    /// # Errors
    /// ENOTCONN where there is no peer; they are shut for all that.
    pub fn shutdown(&self, how: How, context: &Context) -> Result<()> {
        let result = match &self.transport {
            Transport::Tcp(tcp) => tcp.shutdown(how, &self.stack, context.now, context.user),
            Transport::Udp(udp) => udp.shutdown(how, context.now),
        };
        // Whoever waits here, for data, room or connections, looks again.
        self.announcer.pollee().notify(Events::all());
        result
    }

    /// The socket's name.
    #[must_use]
    pub fn local_name(&self) -> Shown {
        let endpoint = match &self.transport {
            Transport::Tcp(tcp) => tcp.local(self.version),
            Transport::Udp(udp) => udp.socket().local(),
        };
        self.shown(endpoint)
    }

    /// The peer's name. `ever` says that a peer will do that is gone, as for accept(2).
    ///
    /// # Errors
    /// ENOTCONN
    pub fn peer_name(&self, ever: bool) -> Result<Shown> {
        let endpoint = match &self.transport {
            Transport::Tcp(tcp) => tcp.remote(ever)?,
            Transport::Udp(udp) => udp.socket().peer().ok_or(Errno::ENOTCONN)?,
        };
        Ok(self.shown(endpoint))
    }

    fn shown(&self, endpoint: Endpoint) -> Shown {
        Shown::new(self.version, endpoint, None)
    }

    /// SO_ERROR: the pending error, which is forgotten thereby.
    #[must_use]
    pub fn take_error(&self) -> Option<Error> {
        match &self.transport {
            Transport::Tcp(tcp) => tcp.take_error(),
            Transport::Udp(udp) => udp.take_error(),
        }
    }

    pub(crate) fn set_error(&self, errno: Errno) {
        match &self.transport {
            Transport::Tcp(tcp) => tcp.set_error(errno),
            Transport::Udp(udp) => udp.set_error(errno),
        }
    }

    /// How many bytes can be received, of datagrams in the next one (FIONREAD).
    ///
    /// # Errors
    /// EINVAL for a socket that listens.
    pub fn unread(&self) -> Result<usize> {
        match &self.transport {
            Transport::Tcp(tcp) => Ok(tcp.unread()? + self.see_returned(usize::MAX).len()),
            Transport::Udp(udp) => Ok(udp.socket().waiting().1),
        }
    }

    /// How many bytes are not acknowledged yet (SIOCOUTQ).
    ///
    /// # Errors
    /// EINVAL for a socket that listens.
    pub fn unsent(&self) -> Result<usize> {
        match &self.transport {
            Transport::Tcp(tcp) => tcp.unsent(),
            // They are on their way as soon as they are sent.
            Transport::Udp(_) => Ok(0),
        }
    }

    /// What poll(2) shows.
    #[must_use]
    pub fn poll(&self) -> Events {
        let mut shown = match &self.transport {
            Transport::Tcp(tcp) => tcp.poll(),
            Transport::Udp(udp) => udp.poll(),
        };
        if self.has_returned.load(Ordering::Acquire) {
            shown |= Events::IN | Events::RDNORM;
        }
        shown
    }

    /// As a rule of the policy may name it.
    #[must_use]
    pub fn phase(&self) -> SocketState {
        match &self.transport {
            Transport::Tcp(tcp) => tcp.phase(),
            Transport::Udp(udp) => udp.phase(),
        }
    }

    pub(crate) fn choices(&self) -> Choices {
        match &self.transport {
            Transport::Tcp(tcp) => tcp.choices(),
            Transport::Udp(udp) => udp.choices(),
        }
    }

    pub(crate) fn choose(&self, change: impl FnOnce(&mut Choices)) {
        match &self.transport {
            Transport::Tcp(tcp) => tcp.choose(change),
            Transport::Udp(udp) => udp.choose(change),
        }
    }

    /// Until what a connection whose sending direction is shut has arrived: nothing where it has, or where there is none.
    pub(crate) fn arrival(&self) -> Option<Stop> {
        let stream = self.connection()?;
        let state = stream.state();
        let arrived = matches!(state, State::FinWait2 | State::TimeWait | State::Closed);
        (!arrived).then(|| tcp::blocked(&self.announcer, Events::OUT | Events::ERR | Events::HUP))
    }

    /// How many connections wait to be accepted, and how many may; nothing for a socket that does not listen.
    pub(crate) fn backlog(&self) -> Option<(u32, u32)> {
        match &self.transport {
            Transport::Tcp(tcp) => tcp.backlog(),
            Transport::Udp(_) => None,
        }
    }

    /// The state of a stream, by the number of Linux's `net/tcp_states.h`; of datagrams, whether there is a peer.
    pub(crate) fn state_number(&self) -> u8 {
        match &self.transport {
            Transport::Tcp(tcp) if tcp.backlog().is_some() => tcp_info::LISTEN,
            Transport::Tcp(_) => {
                self.connection().map_or(tcp_info::CLOSE, |stream| tcp_info::number(stream.state()))
            }
            Transport::Udp(udp) if udp.socket().peer().is_some() => 1,
            Transport::Udp(_) => tcp_info::CLOSE,
        }
    }

    /// What waits to be received, as it counts against the buffer, and what waits to be acknowledged, in bytes.
    pub(crate) fn queues(&self) -> (u32, u32) {
        match &self.transport {
            Transport::Udp(udp) => (udp.socket().charge() as u32, 0),
            Transport::Tcp(_) => {
                let count = |bytes: Result<usize>| bytes.map_or(0, |bytes| bytes as u32);
                (count(self.unread()), count(self.unsent()))
            }
        }
    }

    /// SO_LINGER with no time at all: closing resets the connection.
    pub(crate) fn set_reset_on_close(&self, reset: bool) {
        if let Transport::Tcp(tcp) = &self.transport {
            tcp.set_options(self.last_now(), |options| options.reset_on_close = reset);
        }
    }

    /// SO_SNDBUF, in bytes as it is accounted.
    pub(crate) fn set_send_buffer(&self, bytes: u32) {
        if let Transport::Tcp(tcp) = &self.transport {
            tcp.set_options(self.last_now(), |options| options.send_buffer = bytes);
        }
    }

    /// SO_RCVBUF, likewise.
    pub(crate) fn set_receive_buffer(&self, bytes: u32) {
        match &self.transport {
            Transport::Tcp(tcp) => {
                tcp.set_options(self.last_now(), |options| options.receive_buffer = bytes);
            }
            Transport::Udp(udp) => {
                udp.socket().set_options(|options| options.receive_buffer = bytes as usize);
            }
        }
    }

    /// Options that are on or off.
    pub(crate) fn set_switches(&self, switches: Options) {
        match &self.transport {
            Transport::Tcp(tcp) => {
                let keep_alive = switches.contains(Options::KEEP_ALIVE);
                if tcp.options().keep_alive != keep_alive {
                    tcp.set_options(self.last_now(), |options| options.keep_alive = keep_alive);
                }
            }
            Transport::Udp(udp) => {
                udp.socket().set_options(|options| {
                    options.broadcast = switches.contains(Options::BROADCAST);
                    options.no_checksum = switches.contains(Options::NO_CHECK);
                });
            }
        }
    }

    /// Whether the socket has a name or a peer.
    #[must_use]
    pub fn is_bound(&self) -> bool {
        match &self.transport {
            Transport::Tcp(tcp) => tcp.is_bound(),
            Transport::Udp(udp) => udp.socket().local().port != 0,
        }
    }
}

/// How far connect(2) has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Begun {
    /// Nothing is left to do.
    Over,
    /// The connection is about to be made: [`Internet::finish_connect`] tells what becomes of it.
    Here,
    /// Likewise, and an earlier call had begun it.
    Before,
}

const NO_CONNECTIONS: Error = Error::new(Errno::EOPNOTSUPP, "datagram sockets make no connections");
