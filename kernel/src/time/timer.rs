//! Being woken at a time.
//!
//! The list is ordered by deadline and served from the 1000 Hz tick of the first CPU, so that a wait ends at most a
//! millisecond late.

use alloc::{collections::BTreeMap, sync::Arc};
use core::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use ostd::{
    sync::{LocalIrqDisabled, SpinLock, Waker},
    timer::register_callback_on_cpu,
};

pub(crate) use super::callback::Timer;
use super::{callback, clock};

/// When, in nanoseconds of the monotonic clock, and a number that tells apart what ends at the same time.
type Key = (u64, u64);

static LIST: SpinLock<BTreeMap<Key, Arc<Waker>>, LocalIrqDisabled> = SpinLock::new(BTreeMap::new());
/// The first deadline of the list, so that a tick at which nothing is due costs a load.
static NEXT: AtomicU64 = AtomicU64::new(u64::MAX);
static SERIAL: AtomicU64 = AtomicU64::new(0);

/// Serves the list from this CPU's tick.
///
/// # Errors
/// No memory for the task that calls the functions of timers.
pub(crate) fn init() -> ostd::Result<()> {
    register_callback_on_cpu(serve);
    register_callback_on_cpu(|| callback::tick(clock::now_ns));
    callback::start()
}

fn serve() {
    let next = NEXT.load(Ordering::Relaxed);
    if next == u64::MAX {
        return;
    }
    let now = clock::now_ns();
    if next > now {
        return;
    }
    // Wakers are woken and let go of under the lock: a waiter that takes its entry back has to wait for that, and so
    // keeps its task alive. A task must not end its life in an interrupt.
    let mut list = LIST.lock();
    while let Some(entry) = list.first_entry()
        && entry.key().0 <= now
    {
        entry.remove().wake_up();
    }
    publish(&list);
}

fn publish(list: &BTreeMap<Key, Arc<Waker>>) {
    NEXT.store(list.first_key_value().map_or(u64::MAX, |(key, _)| key.0), Ordering::Relaxed);
}

/// An entry in the list, taken out when dropped.
pub(crate) struct Alarm(Key);

impl Alarm {
    /// Wakes `waker` once the monotonic clock shows `deadline`.
    pub(crate) fn set(deadline: Duration, waker: Arc<Waker>) -> Self {
        let at = u64::try_from(deadline.as_nanos()).unwrap_or(u64::MAX);
        let key = (at, SERIAL.fetch_add(1, Ordering::Relaxed));
        let mut list = LIST.lock();
        list.insert(key, waker);
        publish(&list);
        Self(key)
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        let mut list = LIST.lock();
        list.remove(&self.0);
        publish(&list);
    }
}
