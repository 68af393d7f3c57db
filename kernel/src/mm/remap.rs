//! mremap(2).

use alloc::vec::Vec;
use core::{ops::Range, sync::atomic::Ordering};

use ostd::{
    mm::{PageProperty, UFrame, vm_space::VmQueriedItem},
    task::disable_preempt,
};
use socket::error::{Errno, Result};

use super::{
    layout::{HIGHEST, LOWEST, PAGE_SIZE, page_up},
    map::{Place, check_range, whole_pages},
    mapping::Mapping,
    space::{AddressSpace, State},
};

/// How many pages are moved at once.
const BATCH: usize = 256;

impl AddressSpace {
    /// Changes the size of a mapping, and moves it where it must (`may_move`) or is told to (`to`).
    ///
    /// # Errors
    /// EINVAL for bad addresses and lengths, or where the new place overlaps the old; EFAULT where the old range is not
    /// within one mapping; ENOMEM where there is no room.
    pub(crate) fn remap(
        &self,
        start: usize,
        old_length: usize,
        new_length: usize,
        may_move: bool,
        to: Option<usize>,
    ) -> Result<usize> {
        let room = |length: &usize| *length > 0 && *length <= HIGHEST;
        let new_length = page_up(new_length).filter(room).ok_or(Errno::EINVAL)?;
        // As on Linux, a length that overflows is none.
        let old_length = page_up(old_length).unwrap_or(0);
        if old_length == 0 {
            return self.map_again(start, new_length, may_move, to);
        }
        let old = whole_pages(start, old_length)?;
        let mut state = self.lock();
        let (found, mapping) = state.mappings.find(start).ok_or(Errno::EFAULT)?;
        let grows = new_length > old.end - old.start;
        // What shrinks in place may have holes.
        if mapping.end < old.end && (grows || to.is_some()) {
            return Err(Errno::EFAULT.into());
        }
        if grows {
            let growth = new_length - (old.end - old.start);
            let is_data = mapping.protection.write && !mapping.backing.is_shared();
            self.check_room(&state, growth, is_data.then_some(growth))?;
        }
        let reaches = mapping.end;
        let mut rest = mapping.clone();
        rest.backing = mapping.backing.advanced(old.end - found);

        if let Some(to) = to {
            let new = whole_pages(to, new_length)?;
            if to < LOWEST || (new.start < old.end && old.start < new.end) {
                return Err(Errno::EINVAL.into());
            }
            self.remove(&mut state, &new)?;
            return self.relocate(&mut state, &old, &new);
        }
        if !grows {
            if start + new_length < old.end {
                self.remove(&mut state, &(start + new_length..old.end))?;
            }
            return Ok(start);
        }
        let grown = check_range(start, new_length);
        if let Ok(grown) = &grown
            && reaches == old.end
            && state.mappings.is_free(&(old.end..grown.end))
        {
            rest.end = grown.end;
            state.mappings.insert(old.end, rest)?;
            return Ok(start);
        }
        if !may_move {
            return Err(Errno::ENOMEM.into());
        }
        let place = state.mappings.find_free(new_length).ok_or(Errno::ENOMEM)?;
        self.relocate(&mut state, &old, &(place..place + new_length))
    }

    /// Maps what is mapped at `start` a second time: an old length of zero asks for that.
    ///
    /// # Errors
    /// EINVAL where it is not shared; the others as [`AddressSpace::remap`].
    fn map_again(&self, start: usize, length: usize, may_move: bool, to: Option<usize>) -> Result<usize> {
        if !start.is_multiple_of(PAGE_SIZE) {
            return Err(Errno::EINVAL.into());
        }
        let (protection, backing) = {
            let state = self.lock();
            let (found, mapping) = state.mappings.find(start).ok_or(Errno::EFAULT)?;
            if !mapping.backing.is_shared() {
                return Err(Errno::EINVAL.into());
            }
            (mapping.protection, mapping.backing.advanced(start - found))
        };
        if !may_move {
            return Err(Errno::ENOMEM.into());
        }
        let place = to.map_or(Place::Hint(0), Place::Fixed);
        self.map(place, length, protection, backing)
    }

    /// Moves the mapping of `old`, with its pages, to `new`, which is free.
    fn relocate(&self, state: &mut State, old: &Range<usize>, new: &Range<usize>) -> Result<usize> {
        let kept = (old.end - old.start).min(new.end - new.start);
        let mapping = {
            let mut isolated = state.mappings.isolate(old)?;
            isolated.next().ok_or(Errno::EFAULT)?.clone()
        };
        state.mappings.insert(new.start, Mapping { end: new.end, ..mapping })?;
        let mut at = 0;
        while at < kept {
            let length = (kept - at).min(BATCH * PAGE_SIZE);
            self.move_pages(old.start + at..old.start + at + length, new.start + at);
            at += length;
        }
        self.remove(state, old)?;
        Ok(new.start)
    }

    fn move_pages(&self, from: Range<usize>, to: usize) {
        let mut pages: Vec<(usize, UFrame, PageProperty)> = Vec::new();
        let guard = disable_preempt();
        if let Ok(mut cursor) = self.vm().cursor_mut(&guard, &from) {
            while let Some(address) = cursor.find_next(from.end - cursor.virt_addr()) {
                if let Ok((_, Some(VmQueriedItem::MappedRam { frame, prop }))) = cursor.query() {
                    pages.push((address - from.start, (*frame).clone(), prop));
                }
                if address + PAGE_SIZE >= from.end || cursor.jump(address + PAGE_SIZE).is_err() {
                    break;
                }
            }
            if cursor.jump(from.start).is_ok() {
                let count = cursor.unmap(from.end - from.start);
                cursor.flusher().sync_tlb_flush();
                self.resident.fetch_sub(count, Ordering::Relaxed);
            }
        }
        if pages.is_empty() {
            return;
        }
        let length = from.end - from.start;
        if let Ok(mut cursor) = self.vm().cursor_mut(&guard, &(to..to + length)) {
            for (offset, frame, property) in pages {
                if cursor.jump(to + offset).is_ok() {
                    cursor.map(frame, property);
                    self.resident.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }
}
