//! How a thread is to be treated (sched(7)), and what comes of it.
//!
//! Time is shared in turns. A nice value makes a thread's time slice longer or shorter. Threads of a real-time policy go
//! before others when they become runnable; but while they compute they take turns with them like all others, so that none
//! can take a CPU for itself: that is stricter than Linux, where they run until they wait.

use linux_raw_sys::general::{SCHED_BATCH, SCHED_DEADLINE, SCHED_FIFO, SCHED_IDLE, SCHED_NORMAL, SCHED_RR};

/// How many timer ticks (milliseconds) a thread of nice 0 may run while others wait.
const SLICE_TICKS: u32 = 4;

/// A policy and what goes with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Policy {
    /// SCHED_OTHER and so on.
    pub(crate) number: u32,
    /// 1 to 99 for the real-time policies, else 0.
    pub(crate) priority: u32,
    /// A child gets neither a real-time policy nor a negative nice value (SCHED_RESET_ON_FORK).
    pub(crate) reset_on_fork: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self { number: SCHED_NORMAL, priority: 0, reset_on_fork: false }
    }
}

impl Policy {
    pub(super) fn pack(self) -> u32 {
        self.number | self.priority << 8 | u32::from(self.reset_on_fork) << 16
    }

    pub(super) fn unpack(packed: u32) -> Self {
        Self { number: packed & 0xFF, priority: packed >> 8 & 0xFF, reset_on_fork: packed >> 16 != 0 }
    }

    /// SCHED_FIFO or SCHED_RR.
    pub(crate) fn is_real_time(self) -> bool {
        matches!(self.number, SCHED_FIFO | SCHED_RR)
    }

    /// What a child has whose maker has this and a nice value, and its nice value.
    pub(super) fn of_child(self, nice: i32) -> (Self, i32) {
        match self.reset_on_fork {
            false => (self, nice),
            true if self.is_real_time() => (Self::default(), 0),
            true => (Self { reset_on_fork: false, ..self }, nice.max(0)),
        }
    }

    /// The lowest and the highest priority of a policy; `None` where there is no such policy.
    pub(crate) fn priorities(number: u32) -> Option<(u32, u32)> {
        match number {
            SCHED_FIFO | SCHED_RR => Some((1, 99)),
            SCHED_NORMAL | SCHED_BATCH | SCHED_IDLE | SCHED_DEADLINE => Some((0, 0)),
            _ => None,
        }
    }

    /// How many ticks a time slice has.
    pub(crate) fn slice(self, nice: i32) -> u32 {
        match self.number {
            SCHED_FIFO | SCHED_RR => slice(-20),
            SCHED_IDLE => slice(19),
            _ => slice(nice),
        }
    }
}

/// How many ticks the time slice of a thread of a normal policy has: a quarter more for each step up to the lowest nice
/// value, and down to one tick.
pub(super) fn slice(nice: i32) -> u32 {
    let mut slice = SLICE_TICKS * 16;
    for _ in nice..0 {
        slice += slice / 4;
    }
    for _ in 0..nice {
        slice -= slice / 5;
    }
    (slice / 16).max(1)
}
