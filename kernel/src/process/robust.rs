//! Robust futexes: locks that pass to others when their holder dies.
//!
//! Source: Linux, Documentation/locking/robust-futexes.rst and robust-futex-ABI.rst.

use alloc::sync::Arc;
use core::sync::atomic::Ordering;

use linux_raw_sys::general::{FUTEX_OWNER_DIED, FUTEX_TID_MASK, FUTEX_WAITERS};

use crate::{context::Context, futex};

/// How many locks are looked at: the list is the program's, and may go in circles.
const LIMIT: usize = 2048;

/// What set_robust_list(2) said.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct RobustList {
    /// Address of the list's head; 0 for none.
    pub(crate) head: usize,
}

/// Lets go of all that the thread holds in the memory that it is about to leave: its locks, and the word that says that it
/// is there (set_tid_address(2)).
pub(super) fn release_all(context: &Context) {
    release(context);
    let clear_at = context.thread.clear_tid_at.load(Ordering::Relaxed);
    // Nobody looks where nobody else is: the process and this thread hold the memory once each.
    let seen = context.process.thread_count() > 1 || Arc::strong_count(&context.space) > 2;
    if clear_at != 0 && seen {
        // A thread that gave a bad address has nobody to tell it to.
        let _ = context.space.write(clear_at, &0u32);
        futex::wake_address(context, clear_at, 1);
    }
}

/// Lets go of all locks on the list of the exiting thread. A list that cannot be read ends there.
fn release(context: &Context) {
    let head = context.thread.robust_list.lock().head;
    if head == 0 {
        return;
    }
    // struct robust_list_head: next, futex_offset, list_op_pending.
    let Ok([first, offset, pending]) = context.space.read::<[usize; 3]>(head) else { return };
    // The lowest bit of a link says that the lock inherits priorities; those are not supported and not let go of.
    let mut link = first;
    for _ in 0..LIMIT {
        let entry = link & !1;
        if entry == head || entry == 0 {
            break;
        }
        let Ok(next) = context.space.read::<usize>(entry) else { break };
        if entry != pending & !1 {
            release_one(context, entry.wrapping_add(offset), false);
        }
        link = next;
    }
    if pending & !1 != 0 {
        release_one(context, (pending & !1).wrapping_add(offset), true);
    }
}

/// Marks one lock, if the thread holds it, as its holder's having died, and wakes one that waits.
fn release_one(context: &Context, address: usize, pending: bool) {
    let mut replaced = None;
    let outcome = futex::update(context, address, |value| {
        // Died between taking the lock off the list and waking: nobody holds it, somebody may wait.
        replaced = Some(value);
        let held = value & FUTEX_TID_MASK == context.thread.tid() as u32;
        held.then_some((value & FUTEX_WAITERS) | FUTEX_OWNER_DIED)
    });
    let Some(value) = replaced.filter(|_| outcome.is_ok()) else { return };
    let held = value & FUTEX_TID_MASK == context.thread.tid() as u32;
    if (held && value & FUTEX_WAITERS != 0) || (pending && value & FUTEX_TID_MASK == 0) {
        futex::wake_address(context, address, 1);
    }
}
