//! mprotect(2).

use ostd::{
    mm::{PageFlags, tlb::TlbFlushOp},
    task::disable_preempt,
};
use socket::error::{Errno, Result};

use super::{
    layout::{PAGE_SIZE, page_up},
    map::check_range,
    mapping::{Mapping, Protection},
    source::Backing,
    space::AddressSpace,
};

impl AddressSpace {
    /// Changes what may be done with the pages of a range.
    ///
    /// # Errors
    /// EINVAL where it does not begin at a page; EACCES for writing to a file that is not open for that; ENOMEM where a part is not mapped or out of range. Unlike Linux, which
    /// changes what comes before the part that is not mapped, nothing is changed then.
    pub(crate) fn protect(&self, start: usize, length: usize, protection: Protection) -> Result<()> {
        if !start.is_multiple_of(PAGE_SIZE) {
            return Err(Errno::EINVAL.into());
        }
        if length == 0 {
            return Ok(());
        }
        let range = check_range(start, page_up(length).ok_or(Errno::ENOMEM)?)?;
        let mut state = self.lock();
        if !state.mappings.covers(&range) {
            return Err(Errno::ENOMEM.into());
        }
        let refuses = |mapping: &Mapping| matches!(mapping.backing, Backing::Shared { may_write: false, .. });
        if protection.write && state.mappings.within(&range).any(|(_, mapping)| refuses(mapping)) {
            return Err(Errno::EACCES.into());
        }
        for mapping in state.mappings.isolate(&range)? {
            mapping.protection = protection;
        }
        state.mappings.join(&range);
        let wanted = protection.page_flags();
        let guard = disable_preempt();
        let mut cursor = self.vm().cursor_mut(&guard, &range).map_err(|_| Errno::ENOMEM)?;
        let mut changed = false;
        while cursor.virt_addr() < range.end {
            let left = range.end - cursor.virt_addr();
            let page = cursor.protect_next(left, |flags, _| {
                // A page that others may share becomes writable by a fault only.
                let writable = wanted & *flags & PageFlags::W;
                *flags = (*flags - PageFlags::RWX) | (wanted & PageFlags::RX) | writable;
            });
            if page.is_none() {
                break;
            }
            changed = true;
        }
        if changed {
            cursor.flusher().issue_tlb_flush(TlbFlushOp::for_range(range));
            cursor.flusher().dispatch_tlb_flush();
            cursor.flusher().sync_tlb_flush();
        }
        Ok(())
    }
}
