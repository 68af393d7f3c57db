//! Short segments held back until more follows: TCP_CORK and MSG_MORE (`tcp(7)`).
//!
//! smoltcp sends whatever it has. So what would make a short segment is kept from it, for 200 ms at most.

use alloc::{boxed::Box, vec::Vec};
use core::time::Duration;

use super::{
    engine::Engine,
    flow::{Core, Step},
    sequence::distance,
};
use crate::time::Instant;

/// So long at most: `tcp(7)`.
const LONGEST: Duration = Duration::from_millis(200);

/// So much is taken from a writer at a time.
const PIECE: usize = 64 << 10;

/// What is held back.
pub(super) struct Held {
    bytes: Vec<u8>,
    since: Instant,
}

impl Core {
    /// How many bytes are held back.
    pub(super) fn held(&self) -> usize {
        self.held.as_ref().map_or(0, |held| held.bytes.len())
    }

    /// When they have been held back for long enough.
    pub(super) fn uncork_at(&self) -> Option<Instant> {
        self.held.as_ref().map(|held| held.since + LONGEST)
    }

    /// Writes as much as there is room for, behind what is held back. `more` says that more follows: whole segments go, and
    /// the rest waits for it. There is an engine.
    pub(super) fn write_held(
        &mut self,
        step: &Step<'_>,
        more: bool,
        mut fill: impl FnMut(&mut [u8]) -> usize,
    ) -> usize {
        let room = self.engine().map_or(0, Engine::room).saturating_sub(self.held());
        let held = self.held.get_or_insert_with(|| Box::new(Held { bytes: Vec::new(), since: step.now }));
        let before = held.bytes.len();
        held.bytes.resize(before + room.min(PIECE), 0);
        let written = held.bytes.get_mut(before..).filter(|room| !room.is_empty()).map_or(0, &mut fill);
        held.bytes.truncate(before + written);
        let whole = if more { self.whole_segments() } else { before + written };
        self.let_go(whole);
        if let Some(held) = self.held.as_mut().filter(|_| whole > 0) {
            held.since = step.now;
        }
        written
    }

    /// How much of what is held back makes whole segments, together with what the engine has not sent yet.
    fn whole_segments(&self) -> usize {
        let unsent = self.engine().map_or(0, Engine::unsent);
        let waits = unsent.saturating_sub(distance(self.send_una, self.send_next) as usize);
        // A buffer that is shorter than a segment must not be waited for.
        let segment =
            usize::from(self.peer_mss.min(self.path_mss())).min(self.options.send_size() / 2).max(1);
        ((waits + self.held()) / segment * segment).saturating_sub(waits).min(self.held())
    }

    /// Gives the engine so many of the bytes that are held back.
    fn let_go(&mut self, count: usize) {
        let Some(mut held) = self.held.take() else { return };
        let mut rest = held.bytes.get(..count).unwrap_or_default();
        if let Some(engine) = self.engine_mut() {
            engine.write(|room| {
                let (now, later) = rest.split_at(rest.len().min(room.len()));
                room[..now.len()].copy_from_slice(now);
                rest = later;
                now.len()
            });
        }
        let count = count - rest.len();
        held.bytes.drain(..count);
        self.held = Some(held).filter(|held| !held.bytes.is_empty());
    }

    /// Lets everything go that is held back. The engine is yet to be run.
    pub(super) fn uncork(&mut self, step: &Step<'_>) {
        if self.held.is_some() {
            self.start_engine(step);
            self.let_go(self.held());
        }
    }
}
