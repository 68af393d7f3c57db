//! Pages of the program's own, for calls that are to go wrong.

use std::ops::Range;

use super::{Argument, Words, call, syscall};
use crate::errno::{Errno, Result};

/// The size of a page, which x86-64 fixes.
pub(crate) const PAGE: usize = 4096;

/// Where regions are asked for: far from both ends of the user's half, so that adding a large length to an address in a
/// region does not leave it. The kernel may choose another place.
const HINT: usize = 0x1000_0000_0000;

/// Pages of the program's own that no Rust reference ever points into, so that their protection may change and the kernel may be sent
/// there with any offset.
pub(crate) struct Region {
    base: usize,
    length: usize,
    /// Ranges (offsets) that were unmapped and are no longer ours.
    holes: Vec<Range<usize>>,
    /// Got by moving the end of the heap to where the region ends.
    heap: bool,
}

impl Region {
    /// Maps `pages` anonymous pages with the given `PROT_` bits.
    #[track_caller]
    pub(crate) fn new(pages: usize, protection: i32) -> Result<Self> {
        Self::map(pages * PAGE, protection, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0)
    }

    /// mmap(2) at an address of the kernel's choice.
    #[track_caller]
    pub(crate) fn map(length: usize, protection: i32, flags: i32, fd: i32, offset: i64) -> Result<Self> {
        assert_eq!(flags & (libc::MAP_FIXED | libc::MAP_FIXED_NOREPLACE), 0, "would map over foreign memory");
        let mut words = Words::default();
        words.push(HINT);
        length.place(&mut words);
        (protection, flags, fd).place(&mut words);
        offset.place(&mut words);
        // SAFETY: without MAP_FIXED, the kernel chooses a range that nobody uses.
        let base = unsafe { call("mmap", libc::SYS_mmap, &words) }?;
        Ok(Self { base, length: length.next_multiple_of(PAGE), holes: Vec::new(), heap: false })
    }

    /// brk(2): moves the end of the heap up by `pages`, beyond what the C library's allocator knows of; it copes with
    /// others doing so. Dropping the region moves it back.
    #[track_caller]
    pub(crate) fn grow_heap(pages: usize) -> Result<Self> {
        let end = super::heap_end()?;
        let base = end.next_multiple_of(PAGE);
        let length = pages * PAGE;
        let mut words = Words::default();
        (base + length).place(&mut words);
        // SAFETY: the new pages are nobody's yet.
        let met = unsafe { call("brk", libc::SYS_brk, &words) }?;
        if met != base + length {
            // brk reports failure by leaving the end where it was.
            return Err(Errno(libc::ENOMEM));
        }
        Ok(Self { base, length, holes: Vec::new(), heap: true })
    }

    /// mmap(2) of anonymous memory where `other` has a hole, as a whole; it is never given back.
    #[track_caller]
    pub(crate) fn map_in_hole(
        other: &Self,
        range: Range<usize>,
        protection: i32,
        flags: i32,
    ) -> Result<Self> {
        assert!(other.holes.iter().any(|hole| hole.start <= range.start && range.end <= hole.end), "no hole");
        let mut words = Words::default();
        other.at(range.start).place(&mut words);
        range.len().place(&mut words);
        (protection, flags | libc::MAP_FIXED_NOREPLACE, -1).place(&mut words);
        0i64.place(&mut words);
        // SAFETY: nothing is mapped over.
        let base = unsafe { call("mmap", libc::SYS_mmap, &words) }?;
        let length = range.len();
        Ok(Self { base, length, holes: Vec::new(), heap: false })
    }

    /// Writes a byte below the start of the region, into what it grows by; gives what was there.
    pub(crate) fn touch_below(&self, distance: usize) -> u8 {
        let at = (self.base - distance) as *mut u8;
        // SAFETY: the caller has seen to it that the region grows there, or that it is a child that may be killed.
        unsafe {
            let before = std::ptr::read_volatile(at);
            std::ptr::write_volatile(at, 1);
            before
        }
    }

    /// The address of an offset.
    pub(crate) fn at(&self, offset: usize) -> usize {
        self.base + offset
    }

    /// The length in bytes.
    pub(crate) fn length(&self) -> usize {
        self.length
    }

    /// mprotect(2) of a range.
    #[track_caller]
    pub(crate) fn protect(&self, range: Range<usize>, protection: i32) -> Result<usize> {
        self.own(&range);
        let mut words = Words::default();
        self.at(range.start).place(&mut words);
        range.len().place(&mut words);
        protection.place(&mut words);
        // SAFETY: the range is this region's own, into which no reference points.
        unsafe { call("mprotect", libc::SYS_mprotect, &words) }
    }

    /// munmap(2) of a range, which is then nobody's.
    #[track_caller]
    pub(crate) fn unmap(&mut self, range: Range<usize>) -> Result<usize> {
        self.own(&range);
        let mut words = Words::default();
        self.at(range.start).place(&mut words);
        range.len().place(&mut words);
        // SAFETY: as protect; from now on the range counts as a hole.
        let result = unsafe { call("munmap", libc::SYS_munmap, &words) };
        if result.is_ok() {
            self.holes.push(range);
        }
        result
    }

    /// mremap(2): the region becomes `length` bytes long, where it must be elsewhere.
    #[track_caller]
    pub(crate) fn resize(&mut self, length: usize, flags: i32) -> Result<()> {
        assert!(self.holes.is_empty() && !self.heap, "not in one piece");
        let mut words = Words::default();
        for word in [self.base, self.length, length] {
            word.place(&mut words);
        }
        flags.place(&mut words);
        // SAFETY: the range is this region's own, into which no reference points; without MREMAP_FIXED the kernel chooses
        // a range that nobody uses.
        self.base = unsafe { call("mremap", libc::SYS_mremap, &words) }?;
        self.length = length.next_multiple_of(PAGE);
        Ok(())
    }

    /// mremap(2) of nothing: shared memory mapped a second time.
    #[track_caller]
    pub(crate) fn again(&self, length: usize) -> Result<Self> {
        let mut words = Words::default();
        for word in [self.base, 0, length] {
            word.place(&mut words);
        }
        libc::MREMAP_MAYMOVE.place(&mut words);
        // SAFETY: the kernel chooses a range that nobody uses.
        let base = unsafe { call("mremap", libc::SYS_mremap, &words) }?;
        Ok(Self { base, length, holes: Vec::new(), heap: false })
    }

    /// Adds to a word, atomically; gives what it was.
    pub(crate) fn add(&self, offset: usize, amount: u32) -> u32 {
        self.own(&(offset..offset + 4));
        assert!(offset.is_multiple_of(4));
        // SAFETY: inside the region and not in a hole, aligned, and only used atomically.
        let word = unsafe { std::sync::atomic::AtomicU32::from_ptr((self.base + offset) as *mut u32) };
        word.fetch_add(amount, std::sync::atomic::Ordering::SeqCst)
    }

    /// Copies out of the region. A page without permission to read kills the program, as it should.
    pub(crate) fn read(&self, offset: usize, into: &mut [u8]) {
        self.own(&(offset..offset + into.len()));
        for (index, byte) in into.iter_mut().enumerate() {
            // SAFETY: inside the region and not in a hole; volatile, as the kernel may have written there.
            *byte = unsafe { std::ptr::read_volatile((self.base + offset + index) as *const u8) };
        }
    }

    /// Copies into the region.
    pub(crate) fn write(&self, offset: usize, from: &[u8]) {
        self.own(&(offset..offset + from.len()));
        for (index, byte) in from.iter().enumerate() {
            // SAFETY: inside the region and not in a hole.
            unsafe { std::ptr::write_volatile((self.base + offset + index) as *mut u8, *byte) };
        }
    }

    /// Makes a call with registers as they are given: addresses are of this region, or of nothing at all.
    #[track_caller]
    pub(crate) fn call(&self, name: &'static str, number: i64, words: [usize; 6]) -> Result<usize> {
        let remaps = [libc::SYS_munmap, libc::SYS_mmap, libc::SYS_mremap, libc::SYS_brk, libc::SYS_mprotect];
        assert!(!remaps.contains(&number), "changes the memory map: use the region's own functions");
        // SAFETY: the caller builds its addresses from `at` and from constants where no Rust object lies (page zero,
        // the kernel's half, non-canonical ones); what the kernel writes lands in this region or faults.
        unsafe { call(name, number, &Words { words, used: 6 }) }
    }

    #[track_caller]
    fn own(&self, range: &Range<usize>) {
        assert!(range.start <= range.end && range.end <= self.length, "outside of the region");
        let hole = |hole: &Range<usize>| range.start < hole.end && hole.start < range.end;
        assert!(!self.holes.iter().any(hole), "unmapped before");
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        if self.heap {
            // Where the allocator has grown the heap behind the region, the region stays, and is lost.
            if super::heap_end() == Ok(self.base + self.length) {
                // SAFETY: the last pages of the heap are this region's own.
                unsafe { syscall(libc::SYS_brk, [self.base, 0, 0, 0, 0, 0]) };
            }
            return;
        }
        let mut start = 0;
        self.holes.sort_by_key(|hole| hole.start);
        for hole in self.holes.iter().chain(std::iter::once(&(self.length..self.length))) {
            if start < hole.start {
                // SAFETY: still this region's own, and no reference points there.
                unsafe { syscall(libc::SYS_munmap, [self.base + start, hole.start - start, 0, 0, 0, 0]) };
            }
            start = hole.end;
        }
    }
}
