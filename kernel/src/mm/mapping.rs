//! What is mapped where.

use alloc::collections::BTreeMap;
use core::ops::Range;

use ostd::mm::PageFlags;
use socket::error::{Errno, Result};

use super::{
    layout::{HIGHEST, LOWEST, MAX_MAPPINGS, MMAP_TOP, PAGE_SIZE},
    source::Backing,
};

/// What may be done with the pages of a mapping.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Protection {
    pub(crate) read: bool,
    pub(crate) write: bool,
    pub(crate) execute: bool,
}

impl Protection {
    pub(crate) const NONE: Self = Self { read: false, write: false, execute: false };
    pub(crate) const READ_WRITE: Self = Self { read: true, write: true, execute: false };

    /// From the `PROT_` bits of mmap(2). `PROT_SEM` is accepted and means nothing on this architecture, as on Linux;
    /// `PROT_GROWSDOWN` and `PROT_GROWSUP` are refused, as Linux does for mappings that do not grow.
    ///
    /// # Errors
    /// EINVAL for any other bit.
    pub(crate) fn from_bits(bits: usize) -> Result<Self> {
        use linux_raw_sys::general::{PROT_EXEC, PROT_READ, PROT_SEM, PROT_WRITE};
        let bits = u32::try_from(bits).map_err(|_| Errno::EINVAL)?;
        if bits & !(PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM) != 0 {
            return Err(Errno::EINVAL.into());
        }
        Ok(Self {
            read: bits & PROT_READ != 0,
            write: bits & PROT_WRITE != 0,
            execute: bits & PROT_EXEC != 0,
        })
    }

    /// As the page table says it. The processor cannot forbid reading what may be written or executed.
    pub(super) fn page_flags(self) -> PageFlags {
        let mut flags = PageFlags::empty();
        if self.read || self.write || self.execute {
            flags |= PageFlags::R | PageFlags::ACCESSED;
        }
        if self.write {
            flags |= PageFlags::W | PageFlags::DIRTY;
        }
        if self.execute {
            flags |= PageFlags::X;
        }
        flags
    }
}

/// A range of pages that are alike. Its start is its key in [`Mappings`].
#[derive(Clone)]
pub(crate) struct Mapping {
    pub(crate) end: usize,
    pub(crate) protection: Protection,
    pub(crate) backing: Backing,
    pub(crate) rules: Rules,
}

/// What is special about a mapping; the default is nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Rules {
    /// What a child of fork(2) has there.
    pub(crate) on_fork: OnFork,
    /// It grows downwards when touched below its start: a stack.
    pub(crate) grows: bool,
    /// mlock(2).
    pub(crate) locked: bool,
}

/// What a child of fork(2) has where its parent has a mapping.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum OnFork {
    /// The same.
    #[default]
    Copy,
    /// Nothing (MADV_DONTFORK).
    Omit,
    /// Zeros (MADV_WIPEONFORK).
    Wipe,
}

impl Mapping {
    /// One about which nothing is special.
    pub(super) fn new(end: usize, protection: Protection, backing: Backing) -> Self {
        Self { end, protection, backing, rules: Rules::default() }
    }

    /// Whether `next`, which begins at the end of this one, which begins at `start`, is more of the same.
    fn continues_in(&self, start: usize, next: &Self) -> bool {
        self.protection == next.protection
            && self.rules == next.rules
            && self.backing.continues_in(&next.backing, self.end - start)
    }
}

/// Everything that is mapped in an address space: ranges that do not overlap, each a whole number of pages.
#[derive(Clone)]
pub(crate) struct Mappings {
    by_start: BTreeMap<usize, Mapping>,
    /// Where the search for free room begins: above it there was none when it was last looked for.
    search_from: usize,
}

impl Mappings {
    pub(super) const fn new() -> Self {
        Self { by_start: BTreeMap::new(), search_from: MMAP_TOP }
    }

    /// What a child of fork(2) has.
    pub(super) fn for_child(&self) -> Self {
        let mut child = self.clone();
        child.by_start.retain(|_, mapping| mapping.rules.on_fork != OnFork::Omit);
        for mapping in child.by_start.values_mut() {
            // Locks are not inherited.
            mapping.rules.locked = false;
        }
        child
    }

    /// The mapping that `address` is in, with its start.
    pub(crate) fn find(&self, address: usize) -> Option<(usize, &Mapping)> {
        let (start, mapping) = self.by_start.range(..=address).next_back()?;
        (address < mapping.end).then_some((*start, mapping))
    }

    /// The first mapping that begins behind `address`, with its start.
    pub(super) fn next_after(&self, address: usize) -> Option<(usize, &Mapping)> {
        self.by_start.range(address..).next().map(|(start, mapping)| (*start, mapping))
    }

    /// Moves the start of the mapping at `start` down to `lower`; what is between is free.
    pub(super) fn extend_down(&mut self, start: usize, lower: usize) {
        if let Some(mapping) = self.by_start.remove(&start) {
            self.by_start.insert(lower, mapping);
        }
    }

    /// How many bytes are mapped, and how many of them are private and writable and not the stack's.
    pub(crate) fn sizes(&self) -> (usize, usize) {
        self.by_start.iter().fold((0, 0), |(total, data), (start, mapping)| {
            let size = mapping.end - start;
            let is_data = mapping.protection.write && !mapping.backing.is_shared() && !mapping.rules.grows;
            (total + size, data + if is_data { size } else { 0 })
        })
    }

    /// How many bytes are locked.
    pub(crate) fn locked(&self) -> usize {
        let locked = self.by_start.iter().filter(|(_, mapping)| mapping.rules.locked);
        locked.map(|(start, mapping)| mapping.end - start).sum()
    }

    /// Locks or unlocks everything.
    pub(super) fn set_all_locked(&mut self, locked: bool) {
        for mapping in self.by_start.values_mut() {
            mapping.rules.locked = locked;
        }
        self.join(&(0..HIGHEST));
    }

    /// All mappings, by address.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &Mapping)> {
        self.by_start.iter().map(|(start, mapping)| (*start, mapping))
    }

    /// The mappings that are at least in part in `range`.
    pub(super) fn within(&self, range: &Range<usize>) -> impl Iterator<Item = (usize, &Mapping)> {
        let first = self.find(range.start).map_or(range.start, |(start, _)| start);
        self.by_start.range(first..range.end.max(first)).map(|(start, mapping)| (*start, mapping))
    }

    /// Whether nothing is mapped in `range`.
    pub(super) fn is_free(&self, range: &Range<usize>) -> bool {
        self.by_start.range(..range.end).next_back().is_none_or(|(_, mapping)| mapping.end <= range.start)
    }

    /// Whether every page in `range` is mapped.
    pub(super) fn covers(&self, range: &Range<usize>) -> bool {
        let mut at = range.start;
        while at < range.end {
            match self.find(at) {
                Some((_, mapping)) => at = mapping.end,
                None => return false,
            }
        }
        true
    }

    /// A free range of `length` bytes, high up: at or below the one that was found last, or above that where something
    /// was taken out since.
    pub(super) fn find_free(&mut self, length: usize) -> Option<usize> {
        let start = self
            .find_free_below(self.search_from, length)
            .or_else(|| self.find_free_below(MMAP_TOP, length))?;
        self.search_from = start;
        Some(start)
    }

    fn find_free_below(&self, top: usize, length: usize) -> Option<usize> {
        self.find_free_in(&(LOWEST..top), length)
    }

    /// A free range of `length` bytes within `room`, high up.
    pub(super) fn find_free_in(&self, room: &Range<usize>, length: usize) -> Option<usize> {
        let mut end = room.end;
        for (start, mapping) in self.by_start.range(..room.end).rev() {
            if mapping.end <= room.start {
                break;
            }
            if mapping.end <= end && end - mapping.end >= length {
                return Some(end - length);
            }
            end = end.min(*start);
        }
        (end >= room.start && end - room.start >= length).then(|| end - length)
    }

    /// Adds a mapping in a range that is free.
    ///
    /// # Errors
    /// ENOMEM when there are too many.
    pub(super) fn insert(&mut self, start: usize, mapping: Mapping) -> Result<()> {
        debug_assert!(start.is_multiple_of(PAGE_SIZE) && mapping.end.is_multiple_of(PAGE_SIZE));
        debug_assert!(start < mapping.end && mapping.end <= HIGHEST && self.is_free(&(start..mapping.end)));
        if self.by_start.len() >= MAX_MAPPINGS {
            return Err(Errno::ENOMEM.into());
        }
        let range = start..mapping.end;
        self.by_start.insert(start, mapping);
        self.join(&range);
        Ok(())
    }

    /// Makes one of neighbours that are alike, in `range` and at its ends: a heap that grows in small steps is one
    /// mapping, and one whose protection was changed and changed back is too.
    pub(super) fn join(&mut self, range: &Range<usize>) {
        let mut at = self.by_start.range(..range.start).next_back().map_or(range.start, |(start, _)| *start);
        while at <= range.end
            && let Some((&start, mapping)) = self.by_start.range(at..=range.end).next()
        {
            let end = mapping.end;
            let Some(next) = self.by_start.get(&end).filter(|next| mapping.continues_in(start, next)) else {
                at = start + 1;
                continue;
            };
            let joined = next.end;
            self.by_start.remove(&end);
            if let Some(mapping) = self.by_start.get_mut(&start) {
                mapping.end = joined;
            }
            at = start;
        }
    }

    /// Cuts the mapping that `at` is inside of into two.
    fn split(&mut self, at: usize) {
        if let Some((start, mapping)) = self.by_start.range_mut(..at).next_back()
            && at < mapping.end
        {
            let tail = Mapping {
                end: mapping.end,
                protection: mapping.protection,
                backing: mapping.backing.advanced(at - *start),
                rules: mapping.rules,
            };
            mapping.end = at;
            self.by_start.insert(at, tail);
        }
    }

    /// Takes out what is mapped in `range`.
    ///
    /// # Errors
    /// ENOMEM where a mapping would be cut in two and there are too many.
    pub(super) fn remove(&mut self, range: &Range<usize>) -> Result<()> {
        self.cut(range)?;
        self.search_from = self.search_from.max(range.end.min(MMAP_TOP));
        let starts: alloc::vec::Vec<usize> =
            self.by_start.range(range.clone()).map(|(start, _)| *start).collect();
        for start in starts {
            self.by_start.remove(&start);
        }
        Ok(())
    }

    /// The mappings in `range`, cut so that none reaches beyond it.
    ///
    /// # Errors
    /// ENOMEM where a mapping would be cut in two and there are too many.
    pub(super) fn isolate(&mut self, range: &Range<usize>) -> Result<impl Iterator<Item = &mut Mapping>> {
        self.cut(range)?;
        Ok(self.by_start.range_mut(range.clone()).map(|(_, mapping)| mapping))
    }

    fn cut(&mut self, range: &Range<usize>) -> Result<()> {
        if self.by_start.len() + 2 > MAX_MAPPINGS {
            return Err(Errno::ENOMEM.into());
        }
        self.split(range.start);
        self.split(range.end);
        Ok(())
    }
}
