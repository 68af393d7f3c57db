//! Sending with ancillary data.

use core::sync::atomic::Ordering;

use super::connected::{Link, PIECE_MAX, SHORT};
use crate::{ancillary::Ancillary, bytes::Source, error::Result, ready::Events, step::Attempt};

impl Link {
    /// Whether who sends from here has to say who it is: one of the two sides wants to know, as Linux has it.
    #[inline]
    #[must_use]
    pub fn names_sender(&self) -> bool {
        self.here().status.knows_senders() || self.there().status.knows_senders()
    }

    /// As [`Link::send`], with ancillary data: `pack` is asked for it once there is room, and told at which socket it will
    /// be, by its place in the registry.
    ///
    /// # Errors
    /// As [`Link::send`], and what `pack` fails with. In both cases, nothing has been sent; what `pack` gave is lost.
    #[cold]
    pub(crate) fn send_with<S: Source>(
        &self,
        source: &mut S,
        first: bool,
        pack: impl FnOnce(u32) -> Result<Ancillary>,
    ) -> Attempt<usize> {
        const _: () = assert!(SHORT < PIECE_MAX);
        let there = self.there();
        let send_buffer = self.check_state(first)?;
        let ancillary = pack(there.place.load(Ordering::Relaxed))?;
        let length = source.remaining();
        let (mut inbox, length) = if length <= SHORT {
            (self.queue_stacked(source, length)?, length)
        } else {
            self.queue_long(source, send_buffer)?
        };
        if !ancillary.is_empty() {
            inbox.mark(length, ancillary);
        }
        drop(inbox);
        there.pollee.notify(Events::READABLE);
        Ok(length)
    }
}
