//! A socket as a program has it: bind(2), connect(2), listen(2), accept(2), shutdown(2), and what poll(2) shows.

use alloc::sync::Arc;

use scml::SocketState;

use super::{
    Kind,
    address::Address,
    endpoint::Endpoint,
    hub::Hub,
    options::Options,
    packet::{Directions, Operation},
    state::{Phase, State},
};
use crate::{
    error::{Errno, Error, Result},
    ready::{Events, Pollee},
    socket::How,
    step::{Attempt, Blocked, Stop},
};

/// A socket of AF_VSOCK. None of its methods waits.
pub(crate) struct Vsock(Arc<Endpoint>);

impl Vsock {
    /// A socket.
    pub(crate) fn new(hub: &Arc<Hub>, kind: Kind) -> Self {
        Self(Endpoint::new(hub, kind, Options::default()))
    }

    /// That of a connection that was accepted.
    pub(crate) fn accepted(endpoint: Arc<Endpoint>) -> Self {
        Self(endpoint)
    }

    pub(super) fn endpoint(&self) -> &Arc<Endpoint> {
        &self.0
    }

    /// Where its events are announced.
    pub(crate) fn pollee(&self) -> &Arc<Pollee> {
        &self.0.pollee
    }

    pub(super) fn blocked(&self, events: Events) -> Stop {
        Stop::Blocked(Blocked { pollee: self.0.pollee.clone(), events })
    }

    /// Gives the socket a name.
    ///
    /// # Errors
    /// EINVAL for what is no address, and where it has a name; EADDRNOTAVAIL, EACCES, EADDRINUSE.
    pub(crate) fn bind(&self, address: &[u8], may_bind_all: bool) -> Result<()> {
        let address = Address::parse(address)?;
        let mut state = self.0.state.lock();
        if state.local != Address::NONE {
            return Err(Error::new(Errno::EINVAL, "the socket has a name"));
        }
        state.local = self.0.hub.bind(&self.0, address, may_bind_all)?;
        Ok(())
    }

    /// Connects to an address. `nonblocking` says that the caller does not wait: over the loopback transport there is nothing
    /// to wait for, but as on Linux it is told so only later.
    ///
    /// # Errors
    /// EINVAL for what is no address, and for a socket that listens or that was shut down; EISCONN; ENODEV where there is no
    /// way to the machine; ECONNRESET where nobody listens, or too many wait; EINPROGRESS.
    pub(crate) fn connect(&self, address: &[u8], nonblocking: bool) -> Result<()> {
        let mut state = self.0.state.lock();
        match state.phase {
            _ if state.leaving => return Err(Error::new(Errno::EINVAL, "the socket was shut down")),
            Phase::Connected => return Err(Errno::EISCONN.into()),
            Phase::Listening { .. } => return Err(Error::new(Errno::EINVAL, "the socket listens")),
            Phase::Connecting => return Err(Errno::EALREADY.into()),
            Phase::Over => return Err(Errno::EISCONN.into()),
            Phase::Closed => {}
        }
        let to = Address::parse(address)?;
        if !Hub::reaches(to.cid) {
            return Err(Error::new(Errno::ENODEV, "there is no way to that machine"));
        }
        if state.local == Address::NONE {
            state.local = self.0.hub.bind(&self.0, Address::NONE, false)?;
        }
        state.remote = to;
        state.error = None;
        state.phase = Phase::Connecting;
        let request = self.0.packet(&mut state, Operation::Request);
        drop(state);
        self.0.hub.send(request);
        if nonblocking {
            return Err(Errno::EINPROGRESS.into());
        }
        let mut state = self.0.state.lock();
        state.error.take().map_or(Ok(()), |errno| Err(errno.into()))
    }

    /// Lets connections wait here, `backlog` and one more.
    ///
    /// # Errors
    /// EINVAL for a socket that has no name, or a connection.
    pub(crate) fn listen(&self, backlog: u32) -> Result<()> {
        self.0.listen(backlog)
    }

    /// The next connection that waits.
    ///
    /// # Errors
    /// EINVAL where the socket does not listen. Waits for a connection.
    pub(crate) fn accept(&self) -> Attempt<Arc<Endpoint>> {
        self.0.accept()?.ok_or_else(|| self.blocked(Events::IN))
    }

    /// The socket's name.
    pub(crate) fn local_name(&self) -> [u8; 16] {
        self.0.state.lock().local.bytes()
    }

    /// The peer's name. `ever` says that a peer will do that is gone, as for accept(2).
    ///
    /// # Errors
    /// ENOTCONN
    pub(crate) fn peer_name(&self, ever: bool) -> Result<[u8; 16]> {
        let state = self.0.state.lock();
        let connected = matches!(state.phase, Phase::Connected | Phase::Over) && !state.leaving;
        if connected || ever { Ok(state.remote.bytes()) } else { Err(Errno::ENOTCONN.into()) }
    }

    /// Shuts directions.
    ///
    /// # Errors
    /// ENOTCONN where there is no connection.
    pub(crate) fn shutdown(&self, how: How) -> Result<()> {
        let directions = match how {
            How::Receive => Directions::RECEIVE,
            How::Send => Directions::SEND,
            How::Both => Directions::all(),
        };
        let mut state = self.0.state.lock();
        let connected = match state.phase {
            Phase::Connected | Phase::Over => true,
            Phase::Closed | Phase::Listening { .. } | Phase::Connecting => false,
        };
        if !connected {
            return Err(Errno::ENOTCONN.into());
        }
        state.leaving = true;
        state.shut |= directions;
        let tells = state.is_connected();
        drop(state);
        if tells {
            self.0.tell(Operation::Shutdown(directions));
        }
        self.0.pollee.notify(Events::all());
        Ok(())
    }

    /// SO_ERROR
    pub(crate) fn take_error(&self) -> Option<Error> {
        self.0.state.lock().error.take().map(Error::from)
    }

    pub(crate) fn set_error(&self, errno: Errno) {
        self.0.state.lock().error = Some(errno);
    }

    /// As a rule of the policy may name it.
    pub(crate) fn phase(&self) -> SocketState {
        let state = self.0.state.lock();
        match state.phase {
            Phase::Closed if state.local == Address::NONE => SocketState::Unbound,
            Phase::Closed => SocketState::Bound,
            Phase::Listening { .. } => SocketState::Listening,
            Phase::Connecting => SocketState::Connecting,
            Phase::Connected => SocketState::Connected,
            Phase::Over => SocketState::Closed,
        }
    }

    /// What poll(2) shows (`vsock_poll` of Linux).
    pub(crate) fn poll(&self) -> Events {
        let state = self.0.state.lock();
        let mut shown = Events::empty();
        shown.set(Events::ERR, state.error.is_some());
        let both_ended = state.shut.contains(Directions::SEND) && state.peer_shut.contains(Directions::SEND);
        shown.set(Events::HUP, state.shut == Directions::all() || both_ended);
        let ended = state.has_ended();
        shown.set(Events::RDHUP, ended);
        let mut readable = ended;
        let mut writable = false;
        match &state.phase {
            Phase::Listening { waiting, .. } => readable |= !waiting.is_empty(),
            Phase::Connected => {
                readable |= !state.shut.contains(Directions::RECEIVE) && self.has_data(&state);
                writable = !state.shut.contains(Directions::SEND) && state.credit.available() > 0;
            }
            Phase::Closed | Phase::Over => writable = !state.shut.contains(Directions::SEND),
            Phase::Connecting => {}
        }
        shown.set(Events::READABLE, readable);
        shown.set(Events::OUT | Events::WRNORM, writable);
        shown
    }

    pub(super) fn has_data(&self, state: &State) -> bool {
        match self.0.kind {
            Kind::Stream => state.unread > 0,
            Kind::Seqpacket => state.records > 0,
        }
    }

    /// FIONREAD
    ///
    /// # Errors
    /// EINVAL for a socket that listens.
    pub(crate) fn unread(&self) -> Result<u32> {
        let state = self.0.state.lock();
        match state.phase {
            Phase::Listening { .. } => Err(Error::new(Errno::EINVAL, "a listening socket receives nothing")),
            _ => Ok(state.unread),
        }
    }

    /// The room of the socket has another size: the peer is told.
    pub(super) fn resized(&self, room: u32) {
        let mut state = self.0.state.lock();
        state.credit.room = room;
        let tells = state.is_connected();
        drop(state);
        if tells {
            self.0.tell(Operation::CreditUpdate);
        }
    }
}

impl Drop for Vsock {
    fn drop(&mut self) {
        self.0.close();
    }
}
