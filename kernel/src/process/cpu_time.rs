//! How long threads run.

use core::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use crate::time::clock;

/// The time that a thread has had a CPU, in user mode and in the kernel.
#[derive(Default)]
pub(crate) struct CpuTime {
    /// Up to when it last lost its CPU, in nanoseconds.
    past: AtomicU64,
    /// Since when it has one, in nanoseconds of the monotonic clock; 0 while it has none.
    since: AtomicU64,
    /// At how many of its CPU's ticks it was in user mode, and in the kernel.
    user_ticks: AtomicU64,
    kernel_ticks: AtomicU64,
}

impl CpuTime {
    /// The thread has a CPU from now on. Called by that CPU.
    pub(super) fn start(&self) {
        self.since.store(clock::now_ns().max(1), Ordering::Relaxed);
    }

    /// The thread loses its CPU. Called by that CPU.
    pub(super) fn stop(&self) {
        let now = self.nanoseconds();
        self.since.store(0, Ordering::Relaxed);
        self.past.store(now, Ordering::Relaxed);
    }

    /// A tick of its CPU found it in user mode or in the kernel. Called by that CPU.
    pub(crate) fn sample(&self, in_user_mode: bool) {
        let ticks = if in_user_mode { &self.user_ticks } else { &self.kernel_ticks };
        ticks.store(ticks.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    /// So far, in nanoseconds. Asked while the thread is being switched on another CPU it may be off by that run.
    pub(super) fn nanoseconds(&self) -> u64 {
        let past = self.past.load(Ordering::Relaxed);
        match self.since.load(Ordering::Relaxed) {
            0 => past,
            since => past + clock::now_ns().saturating_sub(since),
        }
    }

    /// So far.
    pub(crate) fn duration(&self) -> Duration {
        Duration::from_nanos(self.nanoseconds())
    }
}
