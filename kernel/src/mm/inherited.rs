//! The pages that a child of fork(2) has from its parent and has not touched yet. Most children end, or start another
//! program, before they have touched many: their page tables are filled in as they do.

use alloc::{sync::Arc, vec::Vec};
use core::ops::Range;

use ostd::{
    mm::{PageFlags, PageProperty, UFrame},
    task::disable_preempt,
};

use super::{
    fault::{FaultError, property},
    frames,
    layout::PAGE_SIZE,
    space::{AddressSpace, State},
};

/// How many pages may differ from those of the last fork before it is forgotten.
const MOST_CHANGED: usize = 64;
/// Pages that are further apart than this are mapped one after the other, in bytes.
const FAR: usize = 2 << 20;

/// Private pages, by address, that nobody can write to without a fault.
#[derive(Clone)]
pub(super) struct Pages(pub(super) Vec<(usize, Option<UFrame>)>);

impl Pages {
    fn place(&self, page: usize) -> Result<usize, usize> {
        self.0.binary_search_by_key(&page, |(address, _)| *address)
    }

    /// Those in `range`.
    pub(super) fn within(&self, range: &Range<usize>) -> &[(usize, Option<UFrame>)] {
        let first = self.0.partition_point(|(address, _)| *address < range.start);
        let count = self.0[first..].iter().take_while(|(address, _)| *address < range.end).count();
        &self.0[first..first + count]
    }

    /// Says what is at `page` now.
    pub(super) fn put(&mut self, page: usize, frame: Option<UFrame>) {
        match (self.place(page), frame) {
            (Ok(place), None) => drop(self.0.remove(place)),
            (Ok(place), frame) => self.0[place].1 = frame,
            (Err(_), None) => {}
            (Err(place), frame) => self.0.insert(place, (page, frame)),
        }
    }
}

/// What the last child got, for the next one: all private pages but those that have changed since.
pub(super) struct LastFork {
    pub(super) pages: Arc<Pages>,
    pub(super) changed: Vec<usize>,
}

impl State {
    /// Notes that the private page at `page` is about to become another, or to be written to.
    pub(super) fn change(last_fork: &mut Option<LastFork>, page: usize) {
        let Some(last) = last_fork else { return };
        if last.changed.len() == MOST_CHANGED {
            *last_fork = None;
            return;
        }
        last.changed.push(page);
        // Where the children are gone, the page is this address space's alone.
        if let Some(pages) = Arc::get_mut(&mut last.pages)
            && let Ok(place) = pages.place(page)
        {
            pages.0[place].1 = None;
        }
    }

    /// The page that was inherited at `page`, and whether nobody else has it.
    pub(super) fn inherited_page(inherited: &mut Option<Arc<Pages>>, page: usize) -> Option<(UFrame, bool)> {
        let pages = inherited.as_mut()?;
        let place = pages.place(page).ok()?;
        if pages.0[place].1.as_ref()?.reference_count() == 1
            && let Some(pages) = Arc::get_mut(pages)
        {
            return Some((pages.0[place].1.take()?, true));
        }
        Some((pages.0[place].1.clone()?, false))
    }
}

impl AddressSpace {
    /// Maps a page that was inherited, or, to be written to, a copy of it.
    pub(super) fn map_inherited(
        &self,
        page: usize,
        frame: UFrame,
        alone: bool,
        write: bool,
        mut property: PageProperty,
    ) -> Result<(), FaultError> {
        let frame = if alone {
            frame
        } else if write {
            frames::copy_of(&frame).ok_or(FaultError::NoMemory)?.into()
        } else {
            property.flags -= PageFlags::W;
            frame
        };
        let guard = disable_preempt();
        let cursor = self.vm().cursor_mut(&guard, &(page..page + PAGE_SIZE));
        cursor.map_err(|_| FaultError::NotAllowed)?.map(frame, property);
        Ok(())
    }

    /// Maps all that was inherited and is not there yet: what is mapped is about to change.
    pub(super) fn map_all_inherited(&self, state: &mut State) {
        let Some(inherited) = state.inherited.take() else { return };
        for near in inherited.0.chunk_by(|(one, _), (next, _)| next - one < FAR) {
            let (Some((first, _)), Some((last, _))) = (near.first(), near.last()) else { continue };
            let guard = disable_preempt();
            let Ok(mut cursor) = self.vm().cursor_mut(&guard, &(*first..*last + PAGE_SIZE)) else { continue };
            for (page, frame) in near {
                let Some(frame) = frame else { continue };
                let Some((_, mapping)) = state.mappings.find(*page) else { continue };
                if cursor.virt_addr() != *page && cursor.jump(*page).is_err() {
                    continue;
                }
                if matches!(cursor.query(), Ok((_, None))) {
                    let mut property = property(mapping.protection);
                    property.flags -= PageFlags::W;
                    cursor.map(frame.clone(), property);
                }
            }
        }
    }
}
