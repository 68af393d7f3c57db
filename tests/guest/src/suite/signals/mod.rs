//! Signals: who gets them, what a handler finds, and what it interrupts. All of it in child processes: handlers, masks and
//! pending signals are the whole process's.

pub(super) mod bad;
pub(super) mod delivery;
pub(super) mod frames;
pub(super) mod stops;
pub(super) mod waits;

use crate::{
    errno::Result,
    sys::signals::{self, Reaction, set},
};

/// The handler that keeps a record, with no flags and nothing blocked.
const RECORD: Reaction = Reaction::Record(0, 0);

/// No signals.
const NONE: [i32; 0] = [];

/// The numbers of the signals that were recorded, in their order.
fn seen() -> Vec<i32> {
    signals::records().iter().map(|record| record.signal).collect()
}

/// Blocks these signals and no others.
#[track_caller]
fn block(blocked: &[i32]) -> Result<u64> {
    signals::mask(libc::SIG_SETMASK, set(blocked))
}

/// As wait(2) has the end by a signal, without a core.
fn killed(status: i32) -> Option<i32> {
    (status & 0x7f != 0 && status & 0xff != 0x7f).then_some(status & 0x7f)
}
