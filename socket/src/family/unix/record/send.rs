//! A record is made, and put into the receiver's queue.

use alloc::{boxed::Box, sync::Arc};

use super::{
    endpoint::{Endpoint, Kind},
    payload::{Payload, charge},
    queue::Record,
};
use crate::{
    ancillary::Ancillary,
    bytes::Source,
    error::{Errno, Error},
    family::unix::shutdown::Shutdown,
    identity::Sender,
    ready::Events,
    step::{Attempt, Blocked, Stop},
};

/// A record that has no place yet. It counts against the sender's buffer already.
pub(crate) struct Unsent {
    record: Option<Record>,
    /// Whether it goes into a queue that is full.
    whatever: bool,
}

impl Unsent {
    /// Room was found before the record was made, and will do, though somebody else may have been faster.
    pub(crate) fn room_was_found(self) -> Self {
        Self { whatever: true, ..self }
    }

    /// Something goes with the record.
    pub(crate) fn add(&mut self, ancillary: Ancillary) {
        if let Some(record) = &mut self.record
            && !ancillary.is_empty()
        {
            record.ancillary = Some(Box::new(ancillary));
        }
    }

    /// What goes with the record.
    #[inline]
    pub(crate) fn ancillary(&mut self) -> Option<&mut Ancillary> {
        self.record.as_mut()?.ancillary.as_deref_mut()
    }

    /// The record says who sent it, if it does not yet.
    #[cold]
    pub(crate) fn name_sender(&mut self, name: impl FnOnce() -> Sender) {
        if let Some(record) = &mut self.record {
            record.ancillary.get_or_insert_default().sender.get_or_insert_with(name);
        }
    }
}

/// What became of a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Delivery {
    /// It is in the receiver's queue.
    Done,
    /// The socket that was found under a name is gone: another may have the name now.
    Gone,
}

impl Endpoint {
    /// Makes a record of everything that is left in `source`.
    ///
    /// # Errors
    /// In this order: EMSGSIZE where the buffer could never hold it, ECONNRESET, EPIPE where the sending direction is shut;
    /// waits while the buffer is full; EFAULT.
    #[inline]
    pub(crate) fn prepare<S: Source>(self: &Arc<Self>, source: &mut S) -> Attempt<Unsent> {
        /// What has to be left in the buffer.
        const LEFT: usize = 32;
        let length = source.remaining();
        if length > (self.send_buffer.load(core::sync::atomic::Ordering::Relaxed) as usize) - LEFT {
            return Err(Error::new(Errno::EMSGSIZE, "larger than the send buffer").into());
        }
        if !self.status.may_send() {
            self.why_broken()?;
        }
        if !self.has_buffer() {
            return Err(Stop::Blocked(Blocked { pollee: self.pollee.clone(), events: Events::OUT }));
        }
        let payload = Payload::take(source, &self.pool)?;
        let charge = charge(length);
        self.add_charge(charge);
        let record = Some(Record { payload, sender: self.clone(), charge, ancillary: None });
        Ok(Unsent { record, whatever: false })
    }

    #[cold]
    fn why_broken(&self) -> Attempt<()> {
        if let Some(error) = self.status.take_error() {
            return Err(error.into());
        }
        if self.status.shutdown().contains(Shutdown::SEND) { Err(broken_pipe()) } else { Ok(()) }
    }

    /// Puts the record into the queue of `receiver`: the peer, or a socket that was found under a name.
    ///
    /// # Errors
    /// EPERM where the receiver takes records from its own peer only; ECONNREFUSED where it was the peer and is gone, which
    /// makes it the peer no more; EPIPE where it takes nothing more; waits for room in its queue.
    #[inline]
    pub(crate) fn deliver(
        self: &Arc<Self>,
        unsent: &mut Unsent,
        receiver: &Arc<Self>,
        named: bool,
    ) -> Attempt<Delivery> {
        let mut state = receiver.lock();
        let peer_of_receiver = state.peer.as_ref();
        if peer_of_receiver.is_some_and(|peer| !Arc::ptr_eq(peer, self)) {
            return Err(not_for_us());
        }
        if receiver.status.shutdown().contains(Shutdown::RECEIVE) {
            drop(state);
            return self.why_not(receiver, named);
        }
        if !unsent.whatever && receiver.is_full_for(&state, self) {
            drop(state);
            return Err(receiver.until_room());
        }
        if let Some(record) = unsent.record.take() {
            state.queue.push(record);
        }
        drop(state);
        receiver.pollee.notify(Events::READABLE);
        Ok(Delivery::Done)
    }

    /// Looks for room in a receiver's queue.
    ///
    /// # Errors
    /// Waits for it.
    pub(crate) fn find_room(self: &Arc<Self>, receiver: &Arc<Self>) -> Attempt<()> {
        let full = !receiver.status.is_gone() && receiver.is_full_for(&receiver.lock(), self);
        if full { Err(receiver.until_room()) } else { Ok(()) }
    }

    #[cold]
    fn until_room(&self) -> Stop {
        Stop::Blocked(Blocked { pollee: self.room().clone(), events: Events::OUT })
    }

    /// The receiver takes nothing more.
    #[cold]
    fn why_not(self: &Arc<Self>, receiver: &Arc<Self>, named: bool) -> Attempt<Delivery> {
        if !receiver.status.is_gone() || self.kind == Kind::Sequenced {
            return Err(broken_pipe());
        }
        if self.disconnect_from(receiver) {
            return Err(Error::new(Errno::ECONNREFUSED, "the peer is gone").into());
        }
        match named {
            true => Ok(Delivery::Gone),
            false => {
                Err(Error::new(Errno::ECONNRESET, "the peer is gone, and another has taken its place").into())
            }
        }
    }
}

#[cold]
fn broken_pipe() -> Stop {
    Error::new(Errno::EPIPE, "a direction is shut").into()
}

#[cold]
fn not_for_us() -> Stop {
    Error::new(Errno::EPERM, "the receiver has another peer").into()
}
