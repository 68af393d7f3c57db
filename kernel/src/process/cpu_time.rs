//! How long threads run.

use core::{
    ops::AddAssign,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use ostd::sync::SpinLock;

use super::{Process, Thread};
use crate::time::clock;

/// What a thread or process has used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Usage {
    /// CPU time in user mode.
    pub(crate) user: Duration,
    /// CPU time in the kernel.
    pub(crate) system: Duration,
    /// How often it gave up its CPU to wait.
    pub(crate) waits: u64,
    /// How often its CPU was taken from it.
    pub(crate) preemptions: u64,
    /// The most memory that one of them had, in bytes.
    pub(crate) resident: usize,
}

impl Usage {
    /// All CPU time.
    pub(crate) fn time(&self) -> Duration {
        self.user + self.system
    }
}

impl AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        let Self { user, system, waits, preemptions, resident } = other;
        self.user += user;
        self.system += system;
        self.waits += waits;
        self.preemptions += preemptions;
        self.resident = self.resident.max(resident);
    }
}

/// What was counted of threads.
#[derive(Clone, Copy, Default)]
pub(super) struct Counts {
    nanoseconds: u64,
    user_ticks: u64,
    kernel_ticks: u64,
    waits: u64,
    preemptions: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        let Self { nanoseconds, user_ticks, kernel_ticks, waits, preemptions } = other;
        self.nanoseconds += nanoseconds;
        self.user_ticks += user_ticks;
        self.kernel_ticks += kernel_ticks;
        self.waits += waits;
        self.preemptions += preemptions;
    }
}

/// Divides time that was measured into user and system time as the ticks fell.
///
/// Neither goes back, although the share that the ticks give may.
pub(super) struct Division(SpinLock<(u64, u64)>);

impl Default for Division {
    fn default() -> Self {
        Self(SpinLock::new((0, 0)))
    }
}

impl Division {
    fn usage(&self, counts: Counts) -> Usage {
        let Counts { nanoseconds: total, user_ticks, kernel_ticks, waits, preemptions } = counts;
        let share = match (user_ticks, kernel_ticks) {
            (_, 0) => 0,
            (0, _) => total,
            (user, kernel) => (u128::from(total) * u128::from(kernel) / u128::from(user + kernel)) as u64,
        };
        let mut last = self.0.lock();
        let total = total.max(last.0 + last.1);
        let system = share.clamp(last.1, total - last.0);
        *last = (total - system, system);
        Usage {
            user: Duration::from_nanos(last.0),
            system: Duration::from_nanos(last.1),
            waits,
            preemptions,
            resident: 0,
        }
    }
}

impl Thread {
    pub(super) fn counts(&self) -> Counts {
        let time = &self.cpu_time;
        let (waits, preemptions) = self.schedule.switches();
        Counts {
            nanoseconds: time.nanoseconds(),
            user_ticks: time.user_ticks.load(Ordering::Relaxed),
            kernel_ticks: time.kernel_ticks.load(Ordering::Relaxed),
            waits,
            preemptions,
        }
    }

    /// What it has used so far.
    pub(crate) fn usage(&self) -> Usage {
        self.cpu_time.division.usage(self.counts())
    }
}

impl Process {
    /// What its threads have used so far, those included that are gone.
    pub(crate) fn usage(&self) -> Usage {
        let threads = self.threads.lock();
        let mut counts = *self.past_counts.lock();
        for thread in threads.values() {
            counts += thread.counts();
        }
        drop(threads);
        self.division.usage(counts)
    }
}

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
    division: Division,
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
