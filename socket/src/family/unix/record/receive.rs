//! A record is taken out of the queue.

use alloc::{boxed::Box, sync::Arc};

use super::{
    endpoint::{Endpoint, Kind},
    queue::Record,
};
use crate::{
    ancillary::{Ancillary, Gathered, flight},
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
    /// What came with them.
    ancillary: Option<Box<Ancillary>>,
}

impl Taken {
    /// The name of the sender, if it has one by now.
    #[must_use]
    pub fn sender(&self) -> Option<&Address> {
        self.sender.as_ref()?.name()
    }

    /// Takes what came with the bytes: who sent them is known, even if it is that nobody knows.
    pub(crate) fn gather(&mut self) -> Gathered {
        let Ancillary { rights, sender } = self.ancillary.take().map_or_else(Ancillary::default, |it| *it);
        Gathered { rights, sender: Some(sender) }
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
        if let Some(error) = self.status.take_error() {
            return Err(error.into());
        }
        if peek {
            return self.peek(sink, nonblocking);
        }
        let mut state = self.lock();
        let Some(mut record) = state.queue.pop() else {
            drop(state);
            return self.nothing_to_receive(nonblocking);
        };
        drop(state);
        self.announce_room();
        let length = record.payload.length();
        let copied = length.min(sink.room());
        record.payload.put(sink, copied)?;
        let ancillary = record.ancillary.take();
        Ok(Taken { copied, length, sender: Some(record.sender.clone()), ancillary })
    }

    /// Looks at the next record, which stays there.
    #[inline(never)]
    fn peek<S: Sink>(&self, sink: &mut S, nonblocking: bool) -> Attempt<Taken> {
        let copy = |record: &Record| {
            let ancillary = record.ancillary.as_ref().map(|ancillary| Box::new(ancillary.copied()));
            (record.payload.clone(), record.sender.clone(), ancillary)
        };
        let state = self.lock();
        let seen = match state.queue.first() {
            // Only where files are in flight is there something to be disturbed.
            Some(record) if record.has_rights() => {
                drop(state);
                flight::undisturbed(|| self.lock().queue.first().map(copy))
            }
            first => {
                let seen = first.map(copy);
                drop(state);
                seen
            }
        };
        let Some((payload, sender, ancillary)) = seen else {
            return self.nothing_to_receive(nonblocking);
        };
        let length = payload.length();
        let copied = length.min(sink.room());
        payload.put(sink, copied)?;
        Ok(Taken { copied, length, sender: Some(sender), ancillary })
    }

    #[cold]
    fn nothing_to_receive(&self, nonblocking: bool) -> Attempt<Taken> {
        let end = self.status.shutdown().contains(Shutdown::RECEIVE);
        if end && (self.kind == Kind::Sequenced || !nonblocking) {
            return Ok(Taken { copied: 0, length: 0, sender: None, ancillary: None });
        }
        Err(Stop::Blocked(Blocked { pollee: self.pollee.clone(), events: Events::IN | Events::RDHUP }))
    }
}
