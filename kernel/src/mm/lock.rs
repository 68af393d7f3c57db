//! mlock(2) and its kin, mincore(2). There is nowhere to page out to: what is locked is brought in, and counted.

use alloc::vec::Vec;

use ostd::task::disable_preempt;
use socket::error::{Errno, Result};

use super::{
    advise::advised,
    layout::{PAGE_SIZE, page_up},
    space::AddressSpace,
};

impl AddressSpace {
    /// Locks or unlocks what is mapped in a range. `limit` is how much may be locked, in bytes
    /// (RLIMIT_MEMLOCK).
    ///
    /// # Errors
    /// ENOMEM where a part is not mapped, or the limit is reached; EINVAL for a range that overflows.
    pub(crate) fn set_locked(&self, start: usize, length: usize, locked: bool, limit: u64) -> Result<()> {
        // Unlike others, these calls take addresses within pages, and lengths that overflow for none.
        let in_page = start % PAGE_SIZE;
        let Some(whole) = length.checked_add(in_page).and_then(page_up).filter(|_| length != 0) else {
            return Ok(());
        };
        let Some(range) = advised(start - in_page, whole)? else { return Ok(()) };
        let mut state = self.lock();
        if locked {
            let already = state.mappings.within(&range).filter(|(_, mapping)| mapping.rules.locked);
            let already: usize =
                already.map(|(start, mapping)| mapping.end.min(range.end) - start.max(range.start)).sum();
            let wanted = state.mappings.locked() + (range.end - range.start) - already;
            if wanted as u64 > limit {
                return Err(Errno::ENOMEM.into());
            }
        }
        let covered = state.mappings.covers(&range);
        for mapping in state.mappings.isolate(&range)? {
            mapping.rules.locked = locked;
        }
        state.mappings.join(&range);
        if covered { Ok(()) } else { Err(Errno::ENOMEM.into()) }
    }

    /// Locks or unlocks everything that is mapped, where `present` is given, and has what is mapped from now on locked.
    ///
    /// # Errors
    /// ENOMEM where more is mapped than `limit` allows.
    pub(crate) fn set_all_locked(&self, present: Option<bool>, future: bool, limit: u64) -> Result<()> {
        let mut state = self.lock();
        if present == Some(true) && state.mappings.sizes().0 as u64 > limit {
            return Err(Errno::ENOMEM.into());
        }
        state.lock_future = future;
        if let Some(locked) = present {
            state.mappings.set_all_locked(locked);
        }
        Ok(())
    }

    /// The mappings, as ranges: to be brought in.
    pub(crate) fn ranges(&self) -> Vec<core::ops::Range<usize>> {
        self.lock().mappings.iter().map(|(start, mapping)| start..mapping.end).collect()
    }

    /// For each of `count` pages from `start` on, 1 where touching it takes no reading (mincore(2)).
    ///
    /// # Errors
    /// ENOMEM where a part is not mapped.
    pub(crate) fn in_core(&self, start: usize, count: usize) -> Result<Vec<u8>> {
        let Some(range) = advised(start, count * PAGE_SIZE)? else { return Ok(Vec::new()) };
        let state = self.lock();
        if !state.mappings.covers(&range) {
            return Err(Errno::ENOMEM.into());
        }
        let mut pages = alloc::vec![0; count];
        {
            let guard = disable_preempt();
            let mut cursor = self.vm().cursor(&guard, &range).map_err(|_| Errno::ENOMEM)?;
            while let Some(address) = cursor.find_next(range.end - cursor.virt_addr()) {
                if let Some(page) = pages.get_mut((address - start) / PAGE_SIZE) {
                    *page = 1;
                }
                if address + PAGE_SIZE >= range.end || cursor.jump(address + PAGE_SIZE).is_err() {
                    break;
                }
            }
        }
        for (from, mapping) in state.mappings.within(&range) {
            let Some((source, offset)) = mapping.backing.file() else { continue };
            for address in (from.max(range.start)..mapping.end.min(range.end)).step_by(PAGE_SIZE) {
                if source.inode().is_occupied(offset + (address - from) as u64)
                    && let Some(page) = pages.get_mut((address - start) / PAGE_SIZE)
                {
                    *page = 1;
                }
            }
        }
        Ok(pages)
    }
}
