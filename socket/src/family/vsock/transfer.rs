//! What goes out and comes in, from and to programs' memory, while nothing is locked.

use alloc::{vec, vec::Vec};

use super::{
    Kind, Vsock,
    packet::{Directions, Operation, PAYLOAD_MAX},
    state::{Chunk, Phase, State},
};
use crate::{
    bytes::{Sink, Source},
    error::{Errno, Error, Result},
    ready::Events,
    step::Attempt,
};

/// A record that was received.
pub(crate) struct Record {
    /// How much of it there was room for, and how long it is.
    pub(crate) copied: usize,
    pub(crate) length: usize,
    /// MSG_EOR
    pub(crate) marked: bool,
}

impl Vsock {
    /// What stands in the way of sending. `named` says that an address was given.
    fn check_sending(&self, state: &mut State, named: bool) -> Result<()> {
        if named {
            let errno = if state.is_connected() { Errno::EISCONN } else { Errno::EOPNOTSUPP };
            return Err(Error::new(errno, "the family does not send to addresses"));
        }
        if state.is_deaf() {
            return Err(Errno::EPIPE.into());
        }
        if !state.is_connected() {
            return Err(Errno::ENOTCONN.into());
        }
        state.error.take().map_or(Ok(()), |errno| Err(errno.into()))
    }

    /// Sends what there is credit for: of a stream a piece, of records one whole. How much. `marked` is MSG_EOR.
    ///
    /// # Errors
    /// EISCONN and EOPNOTSUPP where an address was given; EPIPE, ENOTCONN; EMSGSIZE for a record that the peer never has room
    /// for; EFAULT. Waits for credit.
    pub(crate) fn send<S: Source>(&self, source: &mut S, named: bool, marked: bool) -> Attempt<usize> {
        let endpoint = self.endpoint();
        let length = source.remaining();
        let mut state = endpoint.state.lock();
        self.check_sending(&mut state, named)?;
        let available = state.credit.available();
        let piece = match endpoint.kind {
            Kind::Stream if length == 0 => return Ok(0),
            Kind::Stream => length.min(available).min(PAYLOAD_MAX),
            Kind::Seqpacket if length > state.credit.peer_room as usize => {
                return Err(Error::new(Errno::EMSGSIZE, "longer than the peer's buffer").into());
            }
            Kind::Seqpacket => length,
        };
        if piece > available || piece == 0 && length > 0 {
            drop(state);
            return Err(self.blocked(Events::OUT | Events::ERR | Events::HUP));
        }
        // Nobody else spends it while the bytes are copied.
        state.credit.spend(piece);
        drop(state);
        let mut bytes = vec![0; piece];
        let copied = source.take(&mut bytes);
        let ends = endpoint.kind == Kind::Seqpacket;
        let mut state = endpoint.state.lock();
        if let Err(fault) = copied {
            state.credit.refund(piece);
            return Err(fault.into());
        }
        self.check_sending(&mut state, false)?;
        let packet = endpoint.packet(&mut state, Operation::Data { bytes, ends, marked: marked && ends });
        drop(state);
        endpoint.hub.send(packet);
        Ok(piece)
    }

    /// What receiving comes to where nothing is there; `Ok` at the end.
    fn nothing(&self, state: &mut State) -> Attempt<()> {
        match state.phase {
            Phase::Connected => {}
            _ if state.done => return Ok(()),
            _ => return Err(Errno::ENOTCONN.into()),
        }
        if state.has_ended() {
            return Ok(());
        }
        match state.error.take() {
            Some(errno) => Err(errno.into()),
            None => Err(self.blocked(Events::IN | Events::RDHUP | Events::ERR | Events::HUP)),
        }
    }

    /// Receives what is there of a stream: 0 at its end.
    ///
    /// # Errors
    /// ENOTCONN, what ended the connection, EFAULT, and then nothing is lost. Waits for data.
    pub(crate) fn receive<K: Sink>(&self, sink: &mut K, peek: bool, low: usize) -> Attempt<usize> {
        let endpoint = self.endpoint();
        let room = sink.room().min(PAYLOAD_MAX);
        let mut state = endpoint.state.lock();
        if state.unread == 0 || state.shut.contains(Directions::RECEIVE) || room == 0 {
            return self
                .nothing(&mut state)
                .map(|()| 0)
                .or_else(|stop| if room == 0 { Ok(0) } else { Err(stop) });
        }
        if peek {
            let bytes = seen(&state, room);
            drop(state);
            sink.put(&bytes)?;
            return Ok(bytes.len());
        }
        let bytes = taken(&mut state, room);
        drop(state);
        if let Err(fault) = sink.put(&bytes) {
            let mut state = endpoint.state.lock();
            state.unread += bytes.len() as u32;
            state.received.push_front(Chunk { bytes, done: 0, ends: false, marked: false });
            return Err(fault.into());
        }
        self.took(bytes.len(), low);
        Ok(bytes.len())
    }

    /// Receives a record; nothing at the end. One that cannot be stored is lost.
    ///
    /// # Errors
    /// As [`Vsock::receive`].
    pub(crate) fn receive_record<K: Sink>(&self, sink: &mut K, peek: bool) -> Attempt<Option<Record>> {
        let endpoint = self.endpoint();
        let mut state = endpoint.state.lock();
        if state.records == 0 || state.shut.contains(Directions::RECEIVE) {
            return self.nothing(&mut state).map(|()| None);
        }
        let mut bytes = Vec::new();
        let mut marked = false;
        if peek {
            for chunk in &state.received {
                bytes.extend_from_slice(&chunk.bytes);
                marked = chunk.marked;
                if chunk.ends {
                    break;
                }
            }
        } else {
            while let Some(chunk) = state.received.pop_front() {
                bytes.extend_from_slice(&chunk.bytes);
                marked = chunk.marked;
                if chunk.ends {
                    break;
                }
            }
            state.records -= 1;
            state.unread -= bytes.len() as u32;
        }
        drop(state);
        let copied = bytes.len().min(sink.room());
        let stored = sink.put(&bytes[..copied]);
        if !peek {
            self.took(bytes.len(), usize::MAX);
        }
        stored?;
        Ok(Some(Record { copied, length: bytes.len(), marked }))
    }

    /// Bytes were taken out: the peer is told in time.
    fn took(&self, bytes: usize, low: usize) {
        let endpoint = self.endpoint();
        let mut state = endpoint.state.lock();
        // Who waits for more than there is must not wait for a sender that waits for credit.
        let little = low > 1 && (state.unread as usize) < low;
        let tells = state.credit.took(bytes, little) && state.is_connected();
        // The peer has let go, and this was the last of it.
        if state.done && state.received.is_empty() && state.is_connected() {
            state.phase = Phase::Over;
        }
        drop(state);
        if tells {
            endpoint.tell(Operation::CreditUpdate);
        }
    }
}

/// The next bytes of a stream; they stay.
fn seen(state: &State, room: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for chunk in &state.received {
        let rest = &chunk.bytes[chunk.done..];
        bytes.extend_from_slice(&rest[..rest.len().min(room - bytes.len())]);
        if bytes.len() == room {
            break;
        }
    }
    bytes
}

/// Takes the next bytes of a stream.
fn taken(state: &mut State, room: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Some(chunk) = state.received.front_mut() {
        let rest = &chunk.bytes[chunk.done..];
        let wanted = rest.len().min(room - bytes.len());
        if wanted == rest.len() && bytes.is_empty() && chunk.done == 0 {
            // All of it: nothing has to be copied.
            bytes = core::mem::take(&mut chunk.bytes);
        } else {
            bytes.extend_from_slice(&rest[..wanted]);
            chunk.done += wanted;
        }
        if chunk.done >= chunk.bytes.len() {
            state.received.pop_front();
        }
        if bytes.len() == room {
            break;
        }
    }
    state.unread -= bytes.len() as u32;
    bytes
}
