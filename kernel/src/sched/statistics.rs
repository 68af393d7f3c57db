//! What CPUs have done, and how much there is to do: `/proc/stat`, `/proc/loadavg`.

use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use ostd::timer::{TIMER_FREQ, register_callback_on_cpu};

use super::SCHEDULER;

/// At how many of its ticks a CPU did what.
#[derive(Default)]
pub(super) struct Ticks {
    user: AtomicU64,
    nice: AtomicU64,
    system: AtomicU64,
    idle: AtomicU64,
}

/// How long a CPU did what, in ticks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct CpuTimes {
    /// Programs.
    pub(crate) user: u64,
    /// Programs with a positive nice value.
    pub(crate) nice: u64,
    /// The kernel.
    pub(crate) system: u64,
    /// Nothing.
    pub(crate) idle: u64,
}

/// How many ticks a second has.
pub(crate) const TICKS_PER_SECOND: u64 = TIMER_FREQ;

impl Ticks {
    pub(super) const fn new() -> Self {
        Self {
            user: AtomicU64::new(0),
            nice: AtomicU64::new(0),
            system: AtomicU64::new(0),
            idle: AtomicU64::new(0),
        }
    }

    fn count(counter: &AtomicU64) {
        // No other CPU writes it.
        counter.store(counter.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    pub(super) fn count_idle(&self) {
        Self::count(&self.idle);
    }

    pub(super) fn count_system(&self) {
        Self::count(&self.system);
    }

    pub(super) fn count_user(&self, nice: i32) {
        Self::count(if nice > 0 { &self.nice } else { &self.user });
    }

    fn get(&self) -> CpuTimes {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        CpuTimes {
            user: get(&self.user),
            nice: get(&self.nice),
            system: get(&self.system),
            idle: get(&self.idle),
        }
    }
}

/// What each CPU has done, by number.
pub(crate) fn cpu_times() -> Vec<CpuTimes> {
    SCHEDULER
        .get()
        .map(|scheduler| scheduler.queues.iter().map(|queue| queue.ticks.get()).collect())
        .unwrap_or_default()
}

/// How many threads run or could run.
pub(crate) fn runnable() -> usize {
    SCHEDULER
        .get()
        .map_or(0, |scheduler| scheduler.queues.iter().map(|queue| queue.load.load(Ordering::Relaxed)).sum())
}

/// How often CPUs went from one task to another.
pub(crate) fn switches() -> u64 {
    SCHEDULER.get().map_or(0, |scheduler| {
        scheduler.queues.iter().map(|queue| queue.switches.load(Ordering::Relaxed)).sum()
    })
}

/// One, as averages have it.
pub(crate) const LOAD_ONE: u64 = 1 << 11;
/// How many ticks there are between two looks: 5 seconds.
const LOOK_AFTER: u32 = 5 * TIMER_FREQ as u32;
/// What is left of an average after that time, so that it follows in 1, 5 and 15 minutes (Linux's `EXP_1` and so on).
const DECAY: [u64; 3] = [1884, 2014, 2037];

static AVERAGES: [AtomicU64; 3] = [const { AtomicU64::new(0) }; 3];
static TICKS: AtomicU32 = AtomicU32::new(0);

/// How many threads there were that ran or could run, on average in the last 1, 5 and 15 minutes, times [`LOAD_ONE`].
pub(crate) fn load_averages() -> [u64; 3] {
    [0, 1, 2].map(|index| AVERAGES[index].load(Ordering::Relaxed))
}

/// From now on averages are kept, by this CPU's ticks.
pub(crate) fn start_averages() {
    register_callback_on_cpu(|| {
        let ticks = TICKS.load(Ordering::Relaxed) + 1;
        if ticks < LOOK_AFTER {
            return TICKS.store(ticks, Ordering::Relaxed);
        }
        TICKS.store(0, Ordering::Relaxed);
        let active = runnable() as u64 * LOAD_ONE;
        for (average, decay) in AVERAGES.iter().zip(DECAY) {
            average.store(next_average(average.load(Ordering::Relaxed), decay, active), Ordering::Relaxed);
        }
    });
}

/// The next value of an average (Linux's `calc_load`).
fn next_average(last: u64, decay: u64, active: u64) -> u64 {
    let mut next = last * decay + active * (LOAD_ONE - decay);
    if active >= last {
        next += LOAD_ONE - 1;
    }
    next / LOAD_ONE
}
