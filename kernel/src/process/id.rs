//! Process and thread numbers, from one range.

use alloc::{
    collections::{BTreeMap, btree_map::Entry},
    sync::{Arc, Weak},
    vec::Vec,
};

use ostd::sync::SpinLock;
use socket::error::{Errno, Result};

use super::Thread;

/// One past the highest number (`kernel.pid_max`).
const END: i32 = 4_194_304;

struct Ids {
    next: i32,
    /// How many were given out.
    made: u64,
    taken: BTreeMap<i32, Weak<Thread>>,
}

static IDS: SpinLock<Ids> = SpinLock::new(Ids { next: 1, made: 0, taken: BTreeMap::new() });

/// Takes a number: the next that is free, so that one is not used again soon.
///
/// # Errors
/// EAGAIN when all are taken.
pub(crate) fn new_id() -> Result<i32> {
    let mut ids = IDS.lock();
    if ids.taken.len() >= END as usize - 1 {
        return Err(Errno::EAGAIN.into());
    }
    loop {
        let id = ids.next;
        ids.next = if id + 1 < END { id + 1 } else { 1 };
        if let Entry::Vacant(place) = ids.taken.entry(id) {
            place.insert(Weak::new());
            ids.made += 1;
            return Ok(id);
        }
    }
}

/// Says whose number it is.
pub(super) fn register(thread: &Arc<Thread>) {
    IDS.lock().taken.insert(thread.tid(), Arc::downgrade(thread));
}

/// Gives a number back.
pub(crate) fn free_id(id: i32) {
    let entry = IDS.lock().taken.remove(&id);
    drop(entry);
}

/// All threads there are.
pub(crate) fn threads() -> Vec<Arc<Thread>> {
    IDS.lock().taken.values().filter_map(Weak::upgrade).collect()
}

/// The thread with a number.
pub(crate) fn thread_by_id(id: i32) -> Option<Arc<Thread>> {
    IDS.lock().taken.get(&id).and_then(Weak::upgrade)
}

/// How many processes and threads were made.
pub(crate) fn made() -> u64 {
    IDS.lock().made
}

/// The number that was given out last.
pub(crate) fn last_id() -> i32 {
    match IDS.lock().next {
        1 => END - 1,
        next => next - 1,
    }
}
