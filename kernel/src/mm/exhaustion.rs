//! What happens when memory is short and nobody can be told: a process is ended.

use alloc::sync::Arc;

use linux_raw_sys::general::SIGKILL;
use ostd::task::Task;

use super::frames;
use crate::{
    process::{self, ExitStatus, Process},
    system,
};

/// How often others get the CPU, to give back what they have, before one of them is ended.
const PATIENCE: usize = 64;
/// The number of the first process, with which the system ends.
const FIRST: i32 = 1;

/// Called where a page was wanted for `process` and there is none: returns once there is room, or has ended the process that
/// has most, which may be this one.
pub(crate) fn relieve(process: &Arc<Process>) {
    system::give_up_copies();
    for _ in 0..PATIENCE {
        if process.is_ending() || !frames::low_on_memory() {
            return;
        }
        // Whoever is ending already needs the CPU for it.
        Task::yield_now();
    }
    let victim = process::all()
        .into_iter()
        .filter(|other| !other.is_ending())
        .max_by_key(|other| (other.pid != FIRST, other.space().resident_bytes()));
    let Some(victim) = victim else { return };
    ostd::warn!(
        "memory is exhausted: process {} is ended, which has {} KiB",
        victim.pid,
        victim.space().resident_bytes() >> 10,
    );
    victim.end(ExitStatus::Killed(SIGKILL as u8));
}
