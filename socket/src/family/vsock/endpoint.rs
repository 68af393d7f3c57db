//! A socket as others know it: what packets do to it (`virtio_transport_recv_pkt` of Linux).

use alloc::{collections::VecDeque, sync::Arc};

use spin::{Mutex, MutexGuard};

use super::{
    Kind,
    address::{Address, LOCAL},
    hub::Hub,
    options::Options,
    packet::{Directions, Operation, Packet},
    state::{Chunk, Phase, State},
};
use crate::{
    error::{Errno, Error, Result},
    ready::{Events, Pollee},
};

/// A socket as others know it.
pub(crate) struct Endpoint {
    pub(super) kind: Kind,
    pub(super) hub: Arc<Hub>,
    pub(super) pollee: Arc<Pollee>,
    pub(super) options: Options,
    pub(super) state: Mutex<State>,
}

impl Endpoint {
    pub(super) fn new(hub: &Arc<Hub>, kind: Kind, options: Options) -> Arc<Self> {
        let state = Mutex::new(State::new(options.room()));
        Arc::new(Self { kind, hub: hub.clone(), pollee: Arc::default(), options, state })
    }

    /// Sends to the peer, and says how much room there is. Nothing may be locked.
    pub(super) fn tell(&self, operation: Operation) {
        let mut state = self.state.lock();
        let packet = self.packet(&mut state, operation);
        drop(state);
        self.hub.send(packet);
    }

    pub(super) fn packet(&self, state: &mut State, operation: Operation) -> Packet {
        let (room, forwarded) = state.credit.tell();
        let from = Address { cid: LOCAL, port: state.local.port };
        Packet { from, to: state.remote, kind: self.kind, operation, room, forwarded }
    }

    /// A packet comes.
    pub(super) fn hear(self: &Arc<Self>, packet: Packet) {
        let mut state = self.state.lock();
        match state.phase {
            Phase::Listening { .. } => self.hear_request(state, &packet),
            _ if packet.kind != self.kind => {
                drop(state);
                self.hub.refuse(&packet);
            }
            Phase::Connecting => {
                state.credit.hear(packet.room, packet.forwarded);
                self.hear_answer(state, &packet);
            }
            Phase::Connected | Phase::Over => {
                state.credit.hear(packet.room, packet.forwarded);
                self.hear_connected(state, packet);
            }
            Phase::Closed => {
                drop(state);
                self.hub.refuse(&packet);
            }
        }
    }

    /// Who listens is asked for a connection.
    fn hear_request(self: &Arc<Self>, mut state: MutexGuard<'_, State>, packet: &Packet) {
        let Phase::Listening { waiting, backlog } = &mut state.phase else { return };
        let wanted = packet.operation == Operation::Request
            && packet.kind == self.kind
            && waiting.len() <= *backlog
            && !state.shut.contains(Directions::RECEIVE);
        if !wanted {
            drop(state);
            self.hub.refuse(packet);
            return;
        }
        let child = Self::new(&self.hub, self.kind, self.options.inherited());
        let mut its = child.state.lock();
        its.phase = Phase::Connected;
        (its.local, its.remote) = (packet.to, packet.from);
        its.credit.hear(packet.room, packet.forwarded);
        let answer = child.packet(&mut its, Operation::Response);
        drop(its);
        self.hub.connected(packet.to.port, packet.from, &child);
        if let Phase::Listening { waiting, .. } = &mut state.phase {
            waiting.push_back(child);
        }
        drop(state);
        self.hub.send(answer);
        self.pollee.notify(Events::READABLE);
    }

    /// Who has asked for a connection is answered.
    fn hear_answer(self: &Arc<Self>, mut state: MutexGuard<'_, State>, packet: &Packet) {
        match packet.operation {
            Operation::Response => {
                state.phase = Phase::Connected;
                let (port, remote) = (state.local.port, state.remote);
                drop(state);
                self.hub.connected(port, remote, self);
                self.pollee.notify(Events::WRITABLE);
            }
            // Whatever else it is: it is no answer.
            _ => {
                state.phase = Phase::Closed;
                let errno =
                    if packet.operation == Operation::Reset { Errno::ECONNRESET } else { Errno::EPROTO };
                state.error = Some(errno);
                drop(state);
                self.pollee.notify(Events::all());
            }
        }
    }

    fn hear_connected(self: &Arc<Self>, mut state: MutexGuard<'_, State>, packet: Packet) {
        match packet.operation {
            Operation::Data { bytes, ends, marked } => {
                if state.orphan || state.shut.contains(Directions::RECEIVE) {
                    // Nobody will receive it.
                    return;
                }
                let chunk = Chunk { bytes, done: 0, ends, marked };
                let stored = state.store(chunk, self.kind == Kind::Stream);
                let whole = self.kind == Kind::Stream || state.records > 0;
                drop(state);
                if stored && whole {
                    self.pollee.notify(Events::READABLE);
                }
            }
            Operation::CreditUpdate => {
                drop(state);
                self.pollee.notify(Events::WRITABLE);
            }
            Operation::Shutdown(directions) => {
                state.peer_shut |= directions;
                let both = state.peer_shut == Directions::all();
                // Nothing is left to be received: the connection is over.
                let over = both && state.received.is_empty() && !state.done;
                if over {
                    let answer = self.packet(&mut state, Operation::Reset);
                    self.end(state);
                    self.hub.send(answer);
                    return;
                }
                let (port, remote) = (state.local.port, state.remote);
                drop(state);
                if both {
                    self.hub.disconnected(port, remote, self);
                }
                self.pollee.notify(Events::all());
            }
            Operation::Reset => self.end(state),
            Operation::Request | Operation::Response => {}
        }
    }

    /// The peer has let go of the connection.
    fn end(&self, mut state: MutexGuard<'_, State>) {
        state.end();
        let (port, remote) = (state.local.port, state.remote);
        drop(state);
        self.hub.disconnected(port, remote, self);
        self.pollee.notify(Events::all());
    }

    /// The next connection that waits; nothing where none does.
    ///
    /// # Errors
    /// EINVAL where the socket does not listen; the error that waits.
    pub(super) fn accept(&self) -> Result<Option<Arc<Self>>> {
        let mut state = self.state.lock();
        let error = state.error.take();
        match &mut state.phase {
            Phase::Listening { waiting, .. } => match error {
                Some(errno) => Err(errno.into()),
                None => Ok(waiting.pop_front()),
            },
            _ => Err(Error::new(Errno::EINVAL, "the socket does not listen")),
        }
    }

    /// No program has the socket any more.
    pub(super) fn close(&self) {
        let mut state = self.state.lock();
        state.orphan = true;
        let local = state.local;
        let phase = core::mem::replace(&mut state.phase, Phase::Closed);
        let unread = core::mem::take(&mut state.received);
        let farewell = match &phase {
            Phase::Connected if state.peer_shut == Directions::all() => Some(Operation::Reset),
            Phase::Connected if state.shut != Directions::all() => {
                Some(Operation::Shutdown(Directions::all()))
            }
            _ => None,
        };
        let packet = farewell.map(|operation| self.packet(&mut state, operation));
        let remote = state.remote;
        drop(state);
        drop(unread);
        self.hub.release(self, local);
        self.hub.disconnected(local.port, remote, self);
        if let Some(packet) = packet {
            self.hub.send(packet);
        }
        if let Phase::Listening { waiting, .. } = phase {
            waiting.iter().for_each(|child| child.close());
        }
    }

    /// Lets connections wait here.
    ///
    /// # Errors
    /// EINVAL for a socket that has no name, or a connection.
    pub(super) fn listen(&self, backlog: u32) -> Result<()> {
        let mut state = self.state.lock();
        let named = state.local != Address::NONE;
        match &mut state.phase {
            Phase::Listening { backlog: its, .. } => *its = backlog as usize,
            phase @ Phase::Closed if named => {
                *phase = Phase::Listening { waiting: VecDeque::new(), backlog: backlog as usize };
            }
            _ => return Err(Error::new(Errno::EINVAL, "no name, or a connection")),
        }
        Ok(())
    }
}
