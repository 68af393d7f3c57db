//! Which processes wait for which others to unlock something: so that they do not wait in a circle.

use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use socket::error::{Errno, Error, Result};
use spin::Mutex;

use super::Owner;
use crate::inode::Inode;

/// How many ranges may be locked in all files of a system together: what they take up is the kernel's memory.
const RANGES_MAX: usize = 65_536;

struct Wait {
    number: u64,
    /// The address of the inode, which lives as long as somebody waits.
    inode: usize,
    waiter: Owner,
    holder: Owner,
}

/// Who waits for whom, and how much is locked. Locked below the locks of an inode.
#[derive(Default)]
pub(crate) struct LockWaits {
    waits: Mutex<Vec<Wait>>,
    next: AtomicU64,
    ranges: AtomicUsize,
}

impl LockWaits {
    pub(super) fn new_number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Notes that `waiter` waits for something that `holder` has locked of `inode`.
    ///
    /// # Errors
    /// EDEADLK where `holder` waits for `waiter`, perhaps by way of others; nothing is noted then.
    pub(super) fn wait(&self, number: u64, inode: &Inode, waiter: Owner, holder: Owner) -> Result<()> {
        let mut waits = self.waits.lock();
        waits.retain(|wait| wait.number != number);
        let mut at = holder;
        for _ in 0..=waits.len() {
            let Some(next) = waits.iter().find(|wait| wait.waiter == at) else { break };
            at = next.holder;
            if at == waiter {
                return Err(Error::new(Errno::EDEADLK, "the one who has it waits for this process"));
            }
        }
        waits.push(Wait { number, inode: core::ptr::from_ref(inode).addr(), waiter, holder });
        Ok(())
    }

    /// A wait is over.
    pub(super) fn done(&self, number: u64) {
        self.waits.lock().retain(|wait| wait.number != number);
    }

    /// Something was unlocked of `inode`, `ranges` of them for good: all who wait there will look again.
    pub(super) fn unlocked(&self, inode: &Inode, ranges: usize) {
        self.ranges.fetch_sub(ranges, Ordering::Relaxed);
        let inode = core::ptr::from_ref(inode).addr();
        self.waits.lock().retain(|wait| wait.inode != inode);
    }

    /// How many more ranges can be locked.
    pub(super) fn room(&self) -> usize {
        RANGES_MAX.saturating_sub(self.ranges.load(Ordering::Relaxed))
    }

    /// A file had `before` ranges and has `now`.
    pub(super) fn counted(&self, before: usize, now: usize) {
        if now >= before {
            self.ranges.fetch_add(now - before, Ordering::Relaxed);
        } else {
            self.ranges.fetch_sub(before - now, Ordering::Relaxed);
        }
    }
}
