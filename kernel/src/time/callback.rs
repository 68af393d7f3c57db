//! Timers that call a function when they expire.
//!
//! A task of the kernel's own calls them, so the functions may take any lock and tell observers. The 1000 Hz tick of the
//! first CPU wakes it when one is due.

use alloc::{boxed::Box, collections::BTreeMap, sync::Arc};
use core::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use ostd::{
    sync::{SpinLock, Waiter, Waker},
    task::{Task, TaskOptions},
};
use spin::Once;

use super::clock;

/// When, in nanoseconds of the monotonic clock, and a number that tells apart what expires at the same time.
type Key = (u64, u64);

/// Those that are set, in the order in which they expire. Never locked in an interrupt.
static LIST: SpinLock<BTreeMap<Key, Arc<Inner>>> = SpinLock::new(BTreeMap::new());
/// The first deadline of the list, so that a tick at which nothing is due costs a load.
static NEXT: AtomicU64 = AtomicU64::new(u64::MAX);
static SERIAL: AtomicU64 = AtomicU64::new(0);
/// Wakes the task.
static WAKER: Once<Arc<Waker>> = Once::new();

/// Starts the task.
///
/// # Errors
/// No memory for it.
pub(super) fn start() -> ostd::Result<()> {
    TaskOptions::new(serve).spawn()?;
    Ok(())
}

/// Called at each tick, in the interrupt.
pub(super) fn tick(now: impl FnOnce() -> u64) {
    let next = NEXT.load(Ordering::Relaxed);
    if next != u64::MAX
        && next <= now()
        && let Some(waker) = WAKER.get()
    {
        waker.wake_up();
    }
}

/// The task.
fn serve() {
    let (waiter, waker) = Waiter::new_pair();
    WAKER.call_once(|| waker);
    loop {
        while let Some((key, timer)) = take_due() {
            if timer.expire(key) {
                (timer.callback)();
            }
            drop(timer);
            // Many may be due, and the kernel is not preempted.
            Task::yield_now();
        }
        waiter.wait();
    }
}

fn take_due() -> Option<(Key, Arc<Inner>)> {
    let mut list = LIST.lock();
    let first = list.first_entry().filter(|entry| entry.key().0 <= clock::now_ns())?;
    let taken = first.remove_entry();
    publish(&list);
    Some(taken)
}

fn publish(list: &BTreeMap<Key, Arc<Inner>>) {
    NEXT.store(list.first_key_value().map_or(u64::MAX, |(key, _)| key.0), Ordering::Relaxed);
}

struct Setting {
    /// Where the timer is in the list; `None` where it is not set.
    key: Option<Key>,
    /// In nanoseconds; 0 for once.
    interval: u64,
}

struct Inner {
    callback: Box<dyn Fn() + Send + Sync>,
    /// Locked before the list.
    setting: SpinLock<Setting>,
}

impl Inner {
    fn insert(self: &Arc<Self>, setting: &mut Setting, at: u64) {
        let key = (at, SERIAL.fetch_add(1, Ordering::Relaxed));
        setting.key = Some(key);
        let mut list = LIST.lock();
        list.insert(key, self.clone());
        publish(&list);
    }

    fn remove(setting: &mut Setting) {
        let Some(key) = setting.key.take() else { return };
        let removed = {
            let mut list = LIST.lock();
            let removed = list.remove(&key);
            publish(&list);
            removed
        };
        drop(removed);
    }

    /// Notes that it was taken from the list; whether it was still meant to be there. A periodic timer is set again, to
    /// the first of its times that is to come.
    fn expire(self: &Arc<Self>, key: Key) -> bool {
        let mut setting = self.setting.lock();
        if setting.key != Some(key) {
            return false;
        }
        setting.key = None;
        if let Some(periods) = clock::now_ns().saturating_sub(key.0).checked_div(setting.interval) {
            let next = key.0.saturating_add((periods + 1).saturating_mul(setting.interval));
            self.insert(&mut setting, next);
        }
        true
    }
}

/// A timer that calls a function. Cancelled when dropped.
///
/// The function may be called once more by an expiry that was under way when the timer was set anew, cancelled or
/// dropped: where that matters, it compares the time with what it expects. It must not own what owns the timer.
pub(crate) struct Timer(Arc<Inner>);

impl Timer {
    /// A timer that is not set.
    pub(crate) fn new(callback: impl Fn() + Send + Sync + 'static) -> Self {
        let setting = SpinLock::new(Setting { key: None, interval: 0 });
        Self(Arc::new(Inner { callback: Box::new(callback), setting }))
    }

    /// Lets it expire when the monotonic clock shows `deadline`, and then each `interval` unless that is zero: for
    /// periods that were missed there is one call.
    pub(crate) fn set(&self, deadline: Duration, interval: Duration) {
        let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let mut setting = self.0.setting.lock();
        Inner::remove(&mut setting);
        setting.interval = nanoseconds(interval);
        // The largest number is for "never": what is that far off does not expire.
        let at = nanoseconds(deadline).min(u64::MAX - 1);
        self.0.insert(&mut setting, at);
    }

    /// Keeps it from expiring.
    pub(crate) fn cancel(&self) {
        Inner::remove(&mut self.0.setting.lock());
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.cancel();
    }
}
