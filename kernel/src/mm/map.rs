//! mmap(2), munmap(2), brk(2).

use core::{ops::Range, sync::atomic::Ordering};

use ostd::task::disable_preempt;
use socket::{
    caller::NodeId,
    error::{Errno, Result},
};

use super::{
    layout::{HIGHEST, LOWEST, MMAP_TOP, PAGE_SIZE, STACK_GUARD, STACK_START, page_down, page_up},
    mapping::{Mapping, Protection, Rules},
    source::Backing,
    space::{AddressSpace, State},
};

/// How much is unmapped at once, in bytes.
const PIECE: usize = 16 << 20;

/// Where [`Place::Low`] is, as on Linux.
const LOW: Range<usize> = 0x4000_0000..0x8000_0000;

/// Where a mapping goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// At this address if that is free, else anywhere.
    Hint(usize),
    /// Anywhere within the lowest 2 GiB (MAP_32BIT).
    Low,
    /// Exactly there, in place of what was there.
    Fixed(usize),
    /// Exactly there, if that is free.
    FixedFree(usize),
}

impl AddressSpace {
    /// Maps `length` bytes and says where. Lengths are rounded up to whole pages.
    ///
    /// # Errors
    /// EINVAL for a length of zero or an address that is no page's; ENOMEM where there is no room, the address is out
    /// of range or a limit is reached; EPERM for a fixed address below the lowest; EEXIST for [`Place::FixedFree`] where something is.
    pub(crate) fn map(
        &self,
        place: Place,
        length: usize,
        protection: Protection,
        backing: Backing,
    ) -> Result<usize> {
        self.map_with(place, length, protection, backing, Rules::default())
    }

    /// As [`AddressSpace::map`], with what is special about the mapping.
    ///
    /// # Errors
    /// As [`AddressSpace::map`].
    pub(crate) fn map_with(
        &self,
        place: Place,
        length: usize,
        protection: Protection,
        backing: Backing,
        rules: Rules,
    ) -> Result<usize> {
        if length == 0 {
            return Err(Errno::EINVAL.into());
        }
        let length = page_up(length).filter(|length| *length <= HIGHEST).ok_or(Errno::ENOMEM)?;
        let mut state = self.lock();
        if let Some(file) = backing.can_be_cut() {
            self.watch(&mut state, file);
        }
        let is_data = protection.write && !backing.is_shared();
        let start = match place {
            Place::Hint(hint) => {
                self.check_room(&state, length, is_data.then_some(length))?;
                // As on Linux, a hint is rounded up to a page, and one below the lowest address becomes that.
                let hint = page_up(hint).unwrap_or(0);
                let wanted = (hint != 0).then(|| check_range(hint.max(LOWEST), length).ok()).flatten();
                match wanted.filter(|range| state.mappings.is_free(range)) {
                    Some(range) => range.start,
                    None => state.mappings.find_free(length).ok_or(Errno::ENOMEM)?,
                }
            }
            Place::Low => {
                self.check_room(&state, length, is_data.then_some(length))?;
                state.mappings.find_free_in(&LOW, length).ok_or(Errno::ENOMEM)?
            }
            Place::Fixed(start) | Place::FixedFree(start) => {
                if !start.is_multiple_of(PAGE_SIZE) {
                    return Err(Errno::EINVAL.into());
                }
                let range = check_range(start, length)?;
                if start < LOWEST {
                    return Err(Errno::EPERM.into());
                }
                let replaced = state.mappings.within(&range).map(|(start, mapping)| {
                    mapping.end.min(range.end).saturating_sub(start.max(range.start))
                });
                let replaced = replaced.sum::<usize>();
                self.check_room(&state, length - replaced, is_data.then_some(length))?;
                if matches!(place, Place::FixedFree(_)) {
                    if !state.mappings.is_free(&range) {
                        return Err(Errno::EEXIST.into());
                    }
                } else {
                    self.remove(&mut state, &range)?;
                }
                start
            }
        };
        let rules = Rules { locked: rules.locked || state.lock_future, ..rules };
        state.mappings.insert(start, Mapping { end: start + length, protection, backing, rules })?;
        Ok(start)
    }

    /// Whether `growth` more bytes may be mapped, and `data` more that are private and writable (RLIMIT_AS, RLIMIT_DATA).
    ///
    /// # Errors
    /// ENOMEM.
    pub(super) fn check_room(&self, state: &State, growth: usize, data: Option<usize>) -> Result<()> {
        let (total_limit, data_limit) = self.size_limits();
        if total_limit == usize::MAX && data_limit == usize::MAX {
            return Ok(());
        }
        let (total, data_size) = state.mappings.sizes();
        let data_size = data.map_or(0, |data| data_size.saturating_add(data));
        if total.saturating_add(growth) > total_limit || data_size > data_limit {
            return Err(Errno::ENOMEM.into());
        }
        Ok(())
    }

    /// munmap(2): whatever is mapped in the range no longer is.
    ///
    /// # Errors
    /// EINVAL for a range that is empty, does not begin at a page or is out of range; ENOMEM where a mapping would be cut
    /// in two and there are too many.
    pub(crate) fn unmap(&self, start: usize, length: usize) -> Result<()> {
        let range = whole_pages(start, length)?;
        self.remove(&mut self.lock(), &range)
    }

    /// Says where the heap of brk(2) begins.
    pub(crate) fn set_heap(&self, start: usize) {
        let mut state = self.lock();
        state.heap_start = start;
        state.heap_end = start;
    }

    /// brk(2): moves the end of the heap, and says where it is now; it stays where it was if it cannot be moved.
    pub(crate) fn set_heap_end(&self, end: usize) -> usize {
        let mut state = self.lock();
        match self.move_heap_end(&mut state, end) {
            Ok(()) => state.heap_end = end,
            Err(_) => return state.heap_end,
        }
        end
    }

    fn move_heap_end(&self, state: &mut State, end: usize) -> Result<()> {
        if end < state.heap_start || end > MMAP_TOP {
            return Err(Errno::ENOMEM.into());
        }
        let old = page_up(state.heap_end).ok_or(Errno::ENOMEM)?;
        let new = page_up(end).ok_or(Errno::ENOMEM)?;
        if new > old {
            // A page stays free before the next mapping, as on Linux.
            if !state.mappings.is_free(&(old..new.saturating_add(PAGE_SIZE))) {
                return Err(Errno::ENOMEM.into());
            }
            self.check_room(state, new - old, Some(new - old))?;
            let mut mapping = Mapping::new(new, Protection::READ_WRITE, Backing::Anonymous);
            mapping.rules.locked = state.lock_future;
            state.mappings.insert(old, mapping)
        } else if new < old {
            self.remove(state, &(new..old))
        } else {
            Ok(())
        }
    }

    /// Maps the stack of the first thread, up to `top`. It grows as it is touched, as far as RLIMIT_STACK allows; the guard
    /// gap below it stays free.
    ///
    /// # Errors
    /// ENOMEM, EEXIST where something is already there.
    pub(crate) fn map_stack(&self, top: usize, protection: Protection) -> Result<()> {
        let rules = Rules { grows: true, ..Rules::default() };
        let place = Place::FixedFree(top - STACK_START);
        self.map_with(place, STACK_START, protection, Backing::Anonymous, rules).map(drop)
    }

    /// Lets the stack above `page` reach down to it; false where there is none, or it may not grow so far.
    pub(super) fn grow_stack(&self, state: &mut State, page: usize) -> bool {
        let Some((start, mapping)) = state.mappings.next_after(page).filter(|(_, next)| next.rules.grows)
        else {
            return false;
        };
        let growth = start - page;
        if mapping.end - page > self.stack_limit()
            || page < LOWEST
            || !state.mappings.is_free(&(page.saturating_sub(STACK_GUARD)..start))
            || self.check_room(state, growth, None).is_err()
        {
            return false;
        }
        state.mappings.extend_down(start, page);
        true
    }

    /// Drops the pages of a file from number `from` on, which the file has lost, and private copies of them too.
    pub(super) fn cut(&self, file: NodeId, from: u64) {
        let state = self.lock();
        for (start, mapping) in state.mappings.iter() {
            let Some((source, offset)) = mapping.backing.file() else { continue };
            let kept = (from.saturating_mul(PAGE_SIZE as u64)).saturating_sub(offset);
            let kept = usize::try_from(kept).unwrap_or(usize::MAX);
            if source.inode().id() == file && kept < mapping.end - start {
                self.drop_pages(&(start + kept..mapping.end));
            }
        }
    }

    /// Takes out mappings and their pages.
    pub(super) fn remove(&self, state: &mut State, range: &Range<usize>) -> Result<()> {
        if state.mappings.is_free(range) {
            return Ok(());
        }
        state.mappings.remove(range)?;
        self.drop_pages(range);
        Ok(())
    }

    /// Gives back the pages of a range; what is mapped stays mapped. The mappings must be locked.
    pub(super) fn drop_pages(&self, range: &Range<usize>) {
        let mut at = range.start;
        while at < range.end {
            let guard = disable_preempt();
            // Empty stretches cost nothing; full ones are taken in pieces, so that the list of frames that wait for
            // the flush stays short.
            let Ok(mut cursor) = self.vm().cursor_mut(&guard, &(at..range.end)) else { return };
            let Some(first) = cursor.find_next(range.end - at) else { return };
            let end = range.end.min(first + PIECE);
            if cursor.jump(first).is_err() {
                return;
            }
            let count = cursor.unmap(end - first);
            cursor.flusher().sync_tlb_flush();
            self.resident.fetch_sub(count, Ordering::Relaxed);
            at = end;
        }
    }
}

/// The range, if it can be mapped at all.
///
/// # Errors
/// ENOMEM where it is out of range.
pub(super) fn check_range(start: usize, length: usize) -> Result<Range<usize>> {
    let end = start.checked_add(length).filter(|end| *end <= HIGHEST).ok_or(Errno::ENOMEM)?;
    Ok(start..end)
}

/// The whole pages of a range that begins at one.
///
/// # Errors
/// EINVAL where it does not begin at a page, is empty or is out of range.
pub(super) fn whole_pages(start: usize, length: usize) -> Result<Range<usize>> {
    if page_down(start) != start || length == 0 {
        return Err(Errno::EINVAL.into());
    }
    let length = page_up(length).ok_or(Errno::EINVAL)?;
    check_range(start, length).map_err(|_| Errno::EINVAL.into())
}
