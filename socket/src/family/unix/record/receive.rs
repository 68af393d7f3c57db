//! A record is taken out of the queue.

use alloc::sync::Arc;

use super::endpoint::{Endpoint, Kind};
use crate::{
    bytes::Sink,
    family::unix::{address::Address, shutdown::Shutdown},
    ready::Events,
    step::{Attempt, Blocked, Stop},
};

/// A record that was received, or the end.
pub struct Taken {
    /// How many bytes were stored.
    pub copied: usize,
    /// How many there were.
    pub length: usize,
    /// Who sent them; nobody, where it was the end.
    sender: Option<Arc<Endpoint>>,
}

impl Taken {
    /// The name of the sender, if it has one by now.
    #[must_use]
    pub fn sender(&self) -> Option<&Address> {
        self.sender.as_ref()?.name()
    }

    /// Whether there was no record, nor will be.
    #[must_use]
    pub fn is_end(&self) -> bool {
        self.sender.is_none()
    }
}

impl Endpoint {
    /// Receives a record; what there is no room for is lost. With `peek`, it stays there.
    ///
    /// # Errors
    /// ECONNRESET, before anything that may be there; waits, and so do datagrams if nothing more will come but the caller must
    /// not wait, as in Linux; EFAULT, and the record is lost.
    #[inline]
    pub(crate) fn receive<S: Sink>(&self, sink: &mut S, peek: bool, nonblocking: bool) -> Attempt<Taken> {
        if let Some(error) = self.take_error() {
            return Err(error.into());
        }
        let mut state = self.lock();
        if peek {
            let Some(record) = state.queue.first() else {
                drop(state);
                return self.nothing_to_receive(nonblocking);
            };
            let (payload, sender) = (record.payload.clone(), record.sender.clone());
            drop(state);
            let length = payload.length();
            let copied = length.min(sink.room());
            payload.put(sink, copied)?;
            return Ok(Taken { copied, length, sender: Some(sender) });
        }
        let Some(record) = state.queue.pop() else {
            drop(state);
            return self.nothing_to_receive(nonblocking);
        };
        drop(state);
        self.announce_room();
        let length = record.payload.length();
        let copied = length.min(sink.room());
        record.payload.put(sink, copied)?;
        Ok(Taken { copied, length, sender: Some(record.sender.clone()) })
    }

    #[cold]
    fn nothing_to_receive(&self, nonblocking: bool) -> Attempt<Taken> {
        let end = self.shutdown().contains(Shutdown::RECEIVE);
        if end && (self.kind == Kind::Sequenced || !nonblocking) {
            return Ok(Taken { copied: 0, length: 0, sender: None });
        }
        Err(Stop::Blocked(Blocked { pollee: self.pollee.clone(), events: Events::IN | Events::RDHUP }))
    }
}
