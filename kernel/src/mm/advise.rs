//! madvise(2).

use core::ops::Range;

use socket::error::{Errno, Result};

use super::{
    layout::{PAGE_SIZE, page_up},
    map::check_range,
    mapping::{Mapping, OnFork},
    source::Backing,
    space::AddressSpace,
};

impl AddressSpace {
    /// MADV_DONTNEED: the pages of the range go, and come back as they first were, or as their file is. With `free`,
    /// MADV_FREE: private memory without a file only.
    ///
    /// # Errors
    /// EINVAL for a range that does not begin at a page, or is locked or, with `free`, of a file; ENOMEM where a part is
    /// not mapped.
    pub(crate) fn discard(&self, start: usize, length: usize, free: bool) -> Result<()> {
        let Some(range) = advised(start, length)? else { return Ok(()) };
        let state = self.lock();
        // As on Linux, what comes before a part that refuses is discarded.
        for (start, mapping) in state.mappings.within(&range) {
            if mapping.rules.locked || (free && !matches!(mapping.backing, Backing::Anonymous)) {
                return Err(Errno::EINVAL.into());
            }
            self.drop_pages(&(start.max(range.start)..mapping.end.min(range.end)));
        }
        if state.mappings.covers(&range) { Ok(()) } else { Err(Errno::ENOMEM.into()) }
    }

    /// Whether every page of the range is mapped: what msync(2) and advice about speed ask.
    ///
    /// # Errors
    /// EINVAL for a range that does not begin at a page; ENOMEM where a part is not mapped.
    pub(crate) fn check_mapped(&self, start: usize, length: usize) -> Result<()> {
        let Some(range) = advised(start, length)? else { return Ok(()) };
        if self.lock().mappings.covers(&range) { Ok(()) } else { Err(Errno::ENOMEM.into()) }
    }

    /// MADV_DONTFORK, MADV_WIPEONFORK and what undoes them.
    ///
    /// # Errors
    /// EINVAL for a range that does not begin at a page, or to be wiped though it is a file's or shared; ENOMEM where a
    /// part is not mapped.
    pub(crate) fn set_on_fork(&self, start: usize, length: usize, on_fork: OnFork) -> Result<()> {
        let Some(range) = advised(start, length)? else { return Ok(()) };
        let mut state = self.lock();
        let refuses = |mapping: &Mapping| !matches!(mapping.backing, Backing::Anonymous);
        if on_fork == OnFork::Wipe && state.mappings.within(&range).any(|(_, mapping)| refuses(mapping)) {
            return Err(Errno::EINVAL.into());
        }
        let covered = state.mappings.covers(&range);
        for mapping in state.mappings.isolate(&range)? {
            mapping.rules.on_fork = on_fork;
        }
        state.mappings.join(&range);
        if covered { Ok(()) } else { Err(Errno::ENOMEM.into()) }
    }
}

/// The range, in whole pages; `None` where it is empty.
///
/// # Errors
/// EINVAL where it does not begin at a page or is too long; ENOMEM where it is out of range.
pub(super) fn advised(start: usize, length: usize) -> Result<Option<Range<usize>>> {
    if !start.is_multiple_of(PAGE_SIZE) {
        return Err(Errno::EINVAL.into());
    }
    let length = page_up(length).ok_or(Errno::EINVAL)?;
    start.checked_add(length).ok_or(Errno::EINVAL)?;
    if length == 0 { Ok(None) } else { check_range(start, length).map(Some) }
}
