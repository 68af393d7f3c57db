//! Streams over TCP: the states that programs see (`tcp(7)`).

use alloc::sync::{Arc, Weak};
use core::time::Duration;

use net_stack::{
    Stack, Watcher,
    address::{Endpoint, IpAddr, Ipv4Addr, Ipv6Addr},
    datagram::Version,
    port::Binding,
    tcp::{self, ReadError, TcpListener, TcpOptions, TcpStream, WriteError},
    time::Instant,
};
use scml::SocketState;
use spin::Mutex;

use super::{
    Context,
    address::InternetAddress,
    announcer::{Announcer, events},
    binding::{self, Choices},
    failure,
};
use crate::{
    error::{Errno, Error, Result},
    family::unix::shutdown::Shutdown,
    ready::Events,
    socket::How,
    step::{Attempt, Blocked, Stop},
};

/// `net.ipv4.tcp_fin_timeout`, in seconds.
const FIN_TIMEOUT: i32 = 60;

/// A stream socket.
///
/// Lock order: `state` comes before everything of net-stack. It is not held while bytes are copied from or to programs.
pub(crate) struct Tcp(Mutex<State>);

struct State {
    phase: Phase,
    options: TcpOptions,
    choices: Choices,
    /// What bind(2) was told: the address, and whether it named a port.
    bound: Option<(IpAddr, bool)>,
    /// Directions that were shut while there was no connection.
    shut: Shutdown,
    /// An error that a call has left for the next.
    error: Option<Errno>,
    /// TCP_DEFER_ACCEPT, by how many answers to a SYN.
    deferral: u8,
    /// TCP_LINGER2 in seconds; 0 for the usual.
    linger2: i32,
}

enum Phase {
    /// Neither connected nor listening; with the port, where it has one.
    Closed(Option<Binding>),
    /// listen(2)
    Listening(TcpListener),
    /// connect(2) was called, and has not told yet what came of it.
    Connecting(Arc<TcpStream>),
    /// There is, or was, a connection.
    Connected(Arc<TcpStream>),
}

/// How a call on a stream that may not be connected finds it.
pub(crate) enum Found {
    /// The connection, which may be about to be made or be over.
    Stream(Arc<TcpStream>),
    /// There never was one.
    Nothing,
}

/// What accept(2) has found.
pub(crate) struct Accepted {
    pub(super) stream: TcpStream,
    pub(super) options: TcpOptions,
    pub(super) choices: Choices,
}

impl Tcp {
    fn with(phase: Phase, options: TcpOptions, choices: Choices) -> Self {
        Self(Mutex::new(State {
            phase,
            options,
            choices,
            bound: None,
            shut: Shutdown::empty(),
            error: None,
            deferral: 0,
            linger2: 0,
        }))
    }

    /// A socket without name and peer.
    pub(super) fn new() -> Self {
        Self::with(Phase::Closed(None), TcpOptions::default(), Choices::default())
    }

    /// The socket of a connection that was accepted. It has what the listener had chosen.
    pub(super) fn accepted(accepted: Accepted, announcer: &Arc<Announcer>) -> Self {
        let Accepted { stream, options, choices } = accepted;
        stream.watch(Some(watcher(announcer)));
        Self::with(Phase::Connected(Arc::new(stream)), options, choices)
    }

    /// The connection, whatever has become of it.
    pub(super) fn stream(&self) -> Found {
        match &self.0.lock().phase {
            Phase::Connecting(stream) | Phase::Connected(stream) => Found::Stream(stream.clone()),
            Phase::Closed(_) | Phase::Listening(_) => Found::Nothing,
        }
    }

    /// bind(2)
    ///
    /// # Errors
    /// EINVAL where it has a name already, or is connected; what [`binding::check`] says; EADDRINUSE.
    pub(super) fn bind(
        &self,
        stack: &Stack,
        version: Version,
        address: &InternetAddress,
        context: &Context,
    ) -> Result<()> {
        let mut state = self.0.lock();
        binding::check(stack, version, true, state.choices, address, context)?;
        if !matches!(state.phase, Phase::Closed(None)) {
            return Err(Error::new(Errno::EINVAL, "the socket is bound already"));
        }
        let Endpoint { address: ip, port } = address.endpoint;
        let claim = state.choices.claim(ip, context.user);
        let binding = match port {
            0 => stack.tcp_ports().bind_any(claim).ok(),
            port => stack.tcp_ports().bind(port, claim).ok(),
        };
        let binding = binding.ok_or(Error::new(Errno::EADDRINUSE, "somebody has the port"))?;
        state.phase = Phase::Closed(Some(binding));
        state.bound = Some((ip, port != 0));
        Ok(())
    }

    /// listen(2), for the first time or again.
    ///
    /// # Errors
    /// EINVAL for a socket that is connected, or about to be; EADDRINUSE where another listens there, or no port is free.
    pub(super) fn listen(
        &self,
        stack: &Arc<Stack>,
        version: Version,
        announcer: &Arc<Announcer>,
        backlog: u32,
        context: &Context,
    ) -> Result<()> {
        let mut state = self.0.lock();
        let State { phase, options, choices, bound, shut, .. } = &mut *state;
        let binding = match phase {
            Phase::Listening(listener) => {
                listener.set_backlog(backlog as usize);
                return Ok(());
            }
            Phase::Connecting(_) | Phase::Connected(_) => {
                return Err(Error::new(Errno::EINVAL, "a connected socket cannot listen"));
            }
            Phase::Closed(binding) => binding.take(),
        };
        let binding = match binding {
            Some(binding) => binding,
            None => {
                let address = bound.map_or_else(|| any(version), |(address, _)| address);
                let claim = choices.claim(address, context.user);
                stack.tcp_ports().bind_any(claim).map_err(|_| IN_USE)?
            }
        };
        match stack.tcp_listen(binding, options, backlog as usize) {
            Ok(listener) => {
                listener.watch(Some(watcher(announcer)));
                bound.get_or_insert((any(version), false));
                *phase = Phase::Listening(listener);
                *shut = Shutdown::empty();
                Ok(())
            }
            Err(error) => {
                *phase = Phase::Closed(Some(error.binding));
                Err(IN_USE)
            }
        }
    }

    /// accept(2)
    ///
    /// # Errors
    /// EINVAL where the socket does not listen. Waits for a connection.
    pub(super) fn accept(&self, announcer: &Arc<Announcer>) -> Attempt<Accepted> {
        let state = self.0.lock();
        let Phase::Listening(listener) = &state.phase else {
            return Err(Error::new(Errno::EINVAL, "the socket does not listen").into());
        };
        match listener.accept() {
            Some(stream) => Ok(Accepted { stream, options: state.options, choices: state.choices }),
            None => Err(blocked(announcer, Events::IN)),
        }
    }

    /// Begins what connect(2) is to come to; whether it was begun here, rather than by an earlier call.
    ///
    /// # Errors
    /// EISCONN; EADDRNOTAVAIL, ENETUNREACH and others where there is no way.
    pub(super) fn begin_connect(
        &self,
        stack: &Arc<Stack>,
        version: Version,
        announcer: &Arc<Announcer>,
        to: Endpoint,
        context: &Context,
    ) -> Result<bool> {
        let mut state = self.0.lock();
        let State { phase, options, choices, bound, shut, .. } = &mut *state;
        let own = bound.map_or_else(|| any(version), |(address, _)| address);
        let binding = match phase {
            Phase::Connecting(_) => return Ok(false),
            Phase::Connected(_) | Phase::Listening(_) => return Err(Errno::EISCONN.into()),
            Phase::Closed(binding) => binding.take(),
        };
        let from = binding.ok_or_else(|| choices.claim(own, context.user));
        match stack.tcp_connect(from, to, options, context.now) {
            Ok(stream) => {
                stream.watch(Some(watcher(announcer)));
                *shut = Shutdown::empty();
                *phase = Phase::Connecting(Arc::new(stream));
                Ok(true)
            }
            Err((error, binding)) => {
                *phase = Phase::Closed(binding);
                Err(failure::of_connect(error))
            }
        }
    }

    /// What has come of a connection that was begun.
    ///
    /// # Errors
    /// ECONNREFUSED, ETIMEDOUT and others, once; ECONNABORTED where the reason was told already. Waits for the peer's answer.
    pub(super) fn finish_connect(&self, stack: &Stack, announcer: &Arc<Announcer>, user: u32) -> Attempt<()> {
        let mut state = self.0.lock();
        let Phase::Connecting(stream) = &state.phase else {
            return match state.phase {
                Phase::Connected(_) => Ok(()),
                _ => Err(Errno::ECONNABORTED.into()),
            };
        };
        let stream = stream.clone();
        match stream.state() {
            tcp::State::SynSent | tcp::State::SynReceived => {
                Err(blocked(announcer, Events::OUT | Events::ERR | Events::HUP))
            }
            tcp::State::Closed => {
                let errno = state.error.take();
                let errno = errno.or_else(|| stream.take_error().map(failure::of_disposition));
                state.reopen(stack, stream.local().port, user);
                Err(errno.unwrap_or(Errno::ECONNABORTED).into())
            }
            _ => {
                state.phase = Phase::Connected(stream);
                Ok(())
            }
        }
    }

    /// connect(2) to no address: the connection is reset, and the socket as good as new but for the name that bind(2) gave.
    pub(super) fn disconnect(&self, stack: &Stack, context: &Context) {
        let mut state = self.0.lock();
        match core::mem::replace(&mut state.phase, Phase::Closed(None)) {
            Phase::Closed(binding) => state.phase = Phase::Closed(binding),
            Phase::Listening(listener) => state.stop(listener, context.now),
            Phase::Connecting(stream) | Phase::Connected(stream) => {
                let port = stream.local().port;
                stream.reset(context.now);
                state.reopen(stack, port, context.user);
            }
        }
        (state.shut, state.error) = (Shutdown::empty(), None);
    }

    /// shutdown(2)
    ///
    /// # Errors
    /// ENOTCONN where there is no connection; the directions are shut for all that.
    pub(super) fn shutdown(&self, how: How, stack: &Stack, now: Instant, user: u32) -> Result<()> {
        let (receive, send) = (how != How::Send, how != How::Receive);
        let mut state = self.0.lock();
        match core::mem::replace(&mut state.phase, Phase::Closed(None)) {
            Phase::Closed(binding) => {
                state.phase = Phase::Closed(binding);
                for (direction, shut) in [(Shutdown::RECEIVE, receive), (Shutdown::SEND, send)] {
                    if shut {
                        state.shut |= direction;
                    }
                }
                Err(Errno::ENOTCONN.into())
            }
            // Who listens only receives: connections.
            Phase::Listening(listener) if receive => {
                state.stop(listener, now);
                Ok(())
            }
            Phase::Connecting(stream)
                if matches!(stream.state(), tcp::State::SynSent | tcp::State::SynReceived) =>
            {
                let port = stream.local().port;
                stream.reset(now);
                state.reopen(stack, port, user);
                Ok(())
            }
            phase => {
                let stream = match &phase {
                    Phase::Connecting(stream) | Phase::Connected(stream) => Some(stream.clone()),
                    _ => None,
                };
                state.phase = phase;
                drop(state);
                let Some(stream) = stream else { return Ok(()) };
                if stream.state() == tcp::State::Closed {
                    return Err(Errno::ENOTCONN.into());
                }
                stream.shut_down(receive, send, now);
                Ok(())
            }
        }
    }

    /// What poll(2) shows.
    pub(super) fn poll(&self) -> Events {
        let state = self.0.lock();
        let mut shown = match &state.phase {
            Phase::Closed(_) => {
                let mut shown = Events::OUT | Events::WRNORM | Events::HUP;
                let no_more = state.shut.contains(Shutdown::RECEIVE);
                shown.set(Events::READABLE | Events::RDHUP, no_more);
                shown
            }
            Phase::Listening(listener) => events(listener.readiness()),
            Phase::Connecting(stream) | Phase::Connected(stream) => events(stream.readiness()),
        };
        shown.set(Events::ERR, shown.contains(Events::ERR) || state.error.is_some());
        shown
    }

    /// As a rule of the policy may name it.
    pub(super) fn phase(&self) -> SocketState {
        match &self.0.lock().phase {
            Phase::Closed(None) => SocketState::Unbound,
            Phase::Closed(Some(_)) => SocketState::Bound,
            Phase::Listening(_) => SocketState::Listening,
            Phase::Connecting(stream) | Phase::Connected(stream) => match stream.state() {
                tcp::State::SynSent | tcp::State::SynReceived => SocketState::Connecting,
                tcp::State::Closed => SocketState::Closed,
                _ => SocketState::Connected,
            },
        }
    }

    /// getsockname(2)
    pub(super) fn local(&self, version: Version) -> Endpoint {
        let state = self.0.lock();
        let address = state.bound.map_or_else(|| any(version), |(address, _)| address);
        match &state.phase {
            Phase::Closed(binding) => Endpoint { address, port: binding.as_ref().map_or(0, Binding::port) },
            Phase::Listening(listener) => Endpoint { address, port: listener.local().1 },
            Phase::Connecting(stream) | Phase::Connected(stream) => stream.local(),
        }
    }

    /// getpeername(2); `ever` says that a connection will do which is over.
    ///
    /// # Errors
    /// ENOTCONN
    pub(super) fn remote(&self, ever: bool) -> Result<Endpoint> {
        let Found::Stream(stream) = self.stream() else { return Err(Errno::ENOTCONN.into()) };
        let unknown = matches!(stream.state(), tcp::State::Closed | tcp::State::SynSent);
        if unknown && !ever { Err(Errno::ENOTCONN.into()) } else { Ok(stream.remote()) }
    }

    /// SO_ERROR
    pub(super) fn take_error(&self) -> Option<Error> {
        let mut state = self.0.lock();
        let left = state.error.take();
        let errno = left.or_else(|| match &state.phase {
            Phase::Connecting(stream) | Phase::Connected(stream) => {
                stream.take_error().map(failure::of_disposition)
            }
            _ => None,
        });
        errno.map(Error::from)
    }

    /// An error waits from now on.
    pub(super) fn set_error(&self, errno: Errno) {
        self.0.lock().error = Some(errno);
    }

    /// FIONREAD
    ///
    /// # Errors
    /// EINVAL for a socket that listens.
    pub(super) fn unread(&self) -> Result<usize> {
        match &self.0.lock().phase {
            Phase::Listening(_) => Err(Error::new(Errno::EINVAL, "a listening socket receives nothing")),
            Phase::Closed(_) => Ok(0),
            Phase::Connecting(stream) | Phase::Connected(stream) => Ok(stream.info().readable),
        }
    }

    /// SIOCOUTQ
    ///
    /// # Errors
    /// EINVAL for a socket that listens.
    pub(super) fn unsent(&self) -> Result<usize> {
        match &self.0.lock().phase {
            Phase::Listening(_) => Err(Error::new(Errno::EINVAL, "a listening socket sends nothing")),
            Phase::Closed(_) => Ok(0),
            Phase::Connecting(stream) | Phase::Connected(stream) => Ok(stream.info().unsent),
        }
    }

    /// What the options are.
    pub(super) fn options(&self) -> TcpOptions {
        self.0.lock().options
    }

    /// Changes the options, of a connection too, or of those that will be accepted.
    pub(super) fn set_options(&self, now: Instant, change: impl FnOnce(&mut TcpOptions)) {
        let mut state = self.0.lock();
        change(&mut state.options);
        let options = state.options;
        match &state.phase {
            Phase::Closed(_) => {}
            Phase::Listening(listener) => listener.set_options(|theirs| *theirs = options),
            Phase::Connecting(stream) | Phase::Connected(stream) => {
                let stream = stream.clone();
                drop(state);
                stream.set_options(now, |theirs| *theirs = options);
            }
        }
    }

    /// How many connections wait to be accepted, and how many may; nothing for a socket that does not listen.
    pub(super) fn backlog(&self) -> Option<(u32, u32)> {
        let state = self.0.lock();
        let Phase::Listening(listener) = &state.phase else { return None };
        Some((listener.waiting().0 as u32, listener.backlog() as u32))
    }

    /// TCP_DEFER_ACCEPT, by how many answers to a SYN.
    pub(super) fn deferral(&self) -> u8 {
        self.0.lock().deferral
    }

    pub(super) fn set_deferral(&self, answers: u8, now: Instant) {
        self.0.lock().deferral = answers;
        self.set_options(now, |options| options.defer_accept = answers != 0);
    }

    /// TCP_LINGER2 as it is shown: in seconds, below 0 for not at all.
    pub(super) fn linger2(&self) -> i32 {
        match self.0.lock().linger2 {
            0 => FIN_TIMEOUT,
            seconds => seconds,
        }
    }

    /// Sets it; 0 is for the usual.
    pub(super) fn set_linger2(&self, seconds: i32, now: Instant) {
        self.0.lock().linger2 = seconds;
        let seconds = if seconds == 0 { FIN_TIMEOUT } else { seconds };
        let timeout = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
        self.set_options(now, |options| options.fin_timeout = timeout);
    }

    /// What it has chosen about names.
    pub(super) fn choices(&self) -> Choices {
        self.0.lock().choices
    }

    /// Chooses something about names.
    pub(super) fn choose(&self, change: impl FnOnce(&mut Choices)) {
        let mut state = self.0.lock();
        change(&mut state.choices);
        let Choices { reuse_address, reuse_port, device, .. } = state.choices;
        if let Phase::Closed(Some(binding)) = &mut state.phase {
            binding.share(reuse_address, reuse_port);
            binding.limit(device);
        }
    }

    /// Whether it has a name, or a connection.
    pub(super) fn is_bound(&self) -> bool {
        !matches!(self.0.lock().phase, Phase::Closed(None))
    }
}

impl State {
    /// Nobody listens any more. The port is kept if bind(2) was told it, as in Linux.
    fn stop(&mut self, listener: TcpListener, now: Instant) {
        let named = self.bound.is_some_and(|(_, named)| named);
        self.phase = Phase::Closed(listener.stop(now).filter(|_| named));
    }

    /// There is no connection any more; of the port likewise.
    fn reopen(&mut self, stack: &Stack, port: u16, user: u32) {
        self.phase = Phase::Closed(None);
        let Some((address, true)) = self.bound else { return };
        let claim = self.choices.claim(address, user);
        self.phase = Phase::Closed(stack.tcp_ports().bind(port, claim).ok());
    }
}

/// Writes to a connection.
///
/// # Errors
/// What ended the connection, once; then EPIPE. Waits for room.
pub(super) fn write(
    stream: &TcpStream,
    announcer: &Arc<Announcer>,
    bytes: &[u8],
    more: bool,
    now: Instant,
) -> Attempt<usize> {
    stream.write_more(bytes, more, now).map_err(|error| match error {
        WriteError::WouldBlock => blocked(announcer, Events::OUT | Events::ERR | Events::HUP),
        WriteError::Closed => Errno::EPIPE.into(),
        WriteError::Failed(disposition) => failure::of_disposition(disposition).into(),
    })
}

/// Reads from a connection; `take` is given what is there, and says how much of it it has taken. 0 at the end.
///
/// # Errors
/// What ended the connection, once. Waits for data.
pub(super) fn read(
    stream: &TcpStream,
    announcer: &Arc<Announcer>,
    now: Instant,
    take: impl FnMut(&[u8]) -> usize,
) -> Attempt<usize> {
    stream.read_with(now, take).map_err(|error| match error {
        ReadError::WouldBlock => blocked(announcer, Events::IN | Events::RDHUP | Events::ERR | Events::HUP),
        ReadError::Failed(disposition) => failure::of_disposition(disposition).into(),
    })
}

pub(super) fn blocked(announcer: &Announcer, events: Events) -> Stop {
    Stop::Blocked(Blocked { pollee: announcer.pollee().clone(), events })
}

fn watcher(announcer: &Arc<Announcer>) -> Weak<dyn Watcher> {
    let announcer: Arc<dyn Watcher> = announcer.clone();
    Arc::downgrade(&announcer)
}

/// All addresses of that version.
pub(super) fn any(version: Version) -> IpAddr {
    match version {
        Version::V4 => Ipv4Addr::UNSPECIFIED.into(),
        Version::V6 => Ipv6Addr::UNSPECIFIED.into(),
    }
}

const IN_USE: Error = Error::new(Errno::EADDRINUSE, "somebody has the port, or none is free");
