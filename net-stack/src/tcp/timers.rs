//! When which connection has something to do.

use alloc::{
    collections::BTreeMap,
    sync::{Arc, Weak},
};
use core::sync::atomic::{AtomicU64, Ordering};

use spin::Mutex;

use super::{flow::Flow, request::Request, time_wait::TimeWait};
use crate::time::Instant;

/// What has a time.
#[derive(Clone)]
pub(crate) enum Timed {
    Flow(Weak<Flow>),
    Request(Weak<Request>),
    TimeWait(Weak<TimeWait>),
}

impl Timed {
    pub(super) fn flow(flow: &Arc<Flow>) -> Self {
        Self::Flow(Arc::downgrade(flow))
    }
}

/// A place among the timers. There is at most one for each connection.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Place(Instant, u64);

/// All timers, by time.
///
/// Lock order: the lock in here comes after all others; nothing is locked under it.
pub(crate) struct Timers {
    state: Mutex<State>,
    /// The first time, in microseconds, for those who must not wait for the lock; the greatest number where there is none.
    first: AtomicU64,
}

#[derive(Default)]
struct State {
    timers: BTreeMap<Place, Timed>,
    next: u64,
}

impl Default for Timers {
    fn default() -> Self {
        Self { state: Mutex::default(), first: AtomicU64::new(u64::MAX) }
    }
}

impl Timers {
    fn publish(&self, state: &State) {
        let first = state.timers.first_key_value().map_or(u64::MAX, |(place, _)| place.0.micros());
        self.first.store(first, Ordering::Relaxed);
    }

    /// Whether the first time has come. Takes no lock.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.first.load(Ordering::Relaxed) <= now.micros()
    }

    /// Has the connection looked at when `wanted` comes. One that is in the table for an earlier time stays there: it is
    /// looked at and entered again. So a timer that is only ever put off, like that of a retransmission, costs nothing.
    pub(super) fn set(
        &self,
        place: &mut Option<Place>,
        wanted: Option<Instant>,
        timed: impl FnOnce() -> Timed,
    ) {
        let Some(wanted) = wanted else { return };
        if place.is_some_and(|place| place.0 <= wanted) {
            return;
        }
        let mut state = self.state.lock();
        if let Some(place) = place.take() {
            state.timers.remove(&place);
        }
        state.next += 1;
        let new = Place(wanted, state.next);
        state.timers.insert(new, timed());
        self.publish(&state);
        *place = Some(new);
    }

    /// Takes a connection out.
    pub(super) fn cancel(&self, place: &mut Option<Place>) {
        if let Some(place) = place.take() {
            let mut state = self.state.lock();
            let old = state.timers.remove(&place);
            self.publish(&state);
            drop(state);
            drop(old);
        }
    }

    /// The first time.
    pub(crate) fn first(&self) -> Option<Instant> {
        self.state.lock().timers.keys().next().map(|place| place.0)
    }

    /// One whose time has come; it is not in the table any more.
    pub(crate) fn due(&self, now: Instant) -> Option<Timed> {
        let mut state = self.state.lock();
        let first = state.timers.first_entry()?;
        let due = (first.key().0 <= now).then(|| first.remove());
        self.publish(&state);
        due
    }
}
