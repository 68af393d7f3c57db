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

/// What may be discarded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Discard {
    /// Everything.
    All,
    /// What is not locked.
    Unlocked,
    /// Private memory without a file that is not locked.
    Anonymous,
}

impl AddressSpace {
    /// MADV_DONTNEED and its kin: the pages of the range go, and come back as they first were, or as their file is.
    ///
    /// # Errors
    /// EINVAL for a range that does not begin at a page, or has a part that is spared; ENOMEM where a part is not mapped.
    pub(crate) fn discard(&self, start: usize, length: usize, what: Discard) -> Result<()> {
        let Some(range) = advised(start, length)? else { return Ok(()) };
        let state = self.lock();
        // As on Linux, what comes before a part that refuses is discarded.
        for (start, mapping) in state.mappings.within(&range) {
            let refuses = match what {
                Discard::All => false,
                Discard::Unlocked => mapping.rules.locked,
                Discard::Anonymous => mapping.rules.locked || !matches!(mapping.backing, Backing::Anonymous),
            };
            if refuses {
                return Err(Errno::EINVAL.into());
            }
            self.drop_pages(&(start.max(range.start)..mapping.end.min(range.end)));
        }
        if state.mappings.covers(&range) { Ok(()) } else { Err(Errno::ENOMEM.into()) }
    }

    /// Whether every page of the range is mapped, and with `invalidate` none is locked: what msync(2) asks.
    ///
    /// # Errors
    /// ENOMEM where a part is not mapped; EBUSY where it is locked.
    pub(crate) fn check_synced(&self, start: usize, length: usize, invalidate: bool) -> Result<()> {
        let Some(range) = advised(start, length)? else { return Ok(()) };
        let state = self.lock();
        if invalidate && state.mappings.within(&range).any(|(_, mapping)| mapping.rules.locked) {
            return Err(Errno::EBUSY.into());
        }
        if state.mappings.covers(&range) { Ok(()) } else { Err(Errno::ENOMEM.into()) }
    }

    /// Whether every page of the range is mapped: what advice about speed asks.
    ///
    /// # Errors
    /// EINVAL for a range that does not begin at a page; ENOMEM where a part is not mapped.
    pub(crate) fn check_mapped(&self, start: usize, length: usize) -> Result<()> {
        let Some(range) = advised(start, length)? else { return Ok(()) };
        if self.lock().mappings.covers(&range) { Ok(()) } else { Err(Errno::ENOMEM.into()) }
    }

    /// MADV_DONTFORK, MADV_WIPEONFORK; with [`OnFork::Copy`] and what is to be undone, MADV_DOFORK and MADV_KEEPONFORK.
    ///
    /// # Errors
    /// EINVAL for a range that does not begin at a page, or to be wiped though it is a file's or shared; ENOMEM where a
    /// part is not mapped.
    pub(crate) fn set_on_fork(
        &self,
        start: usize,
        length: usize,
        on_fork: OnFork,
        undone: Option<OnFork>,
    ) -> Result<()> {
        let Some(range) = advised(start, length)? else { return Ok(()) };
        let mut state = self.lock();
        let refuses = |mapping: &Mapping| !matches!(mapping.backing, Backing::Anonymous);
        if on_fork == OnFork::Wipe && state.mappings.within(&range).any(|(_, mapping)| refuses(mapping)) {
            return Err(Errno::EINVAL.into());
        }
        let covered = state.mappings.covers(&range);
        for mapping in state.mappings.isolate(&range)? {
            if undone.is_none_or(|undone| undone == mapping.rules.on_fork) {
                mapping.rules.on_fork = on_fork;
            }
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
