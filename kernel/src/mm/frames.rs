//! Frames for user pages, and how many may be had.

use osdk_frame_allocator::load_total_free_size;
use ostd::{
    boot::{
        boot_info,
        memory_region::{MemoryRegion, MemoryRegionType},
    },
    mm::{Frame, FrameAllocOptions, UFrame, io::util::HasVmReaderWriter},
};
use spin::Once;

use crate::system;

/// The share of the memory that programs cannot have: the kernel's own structures (page tables, sockets, stacks) must
/// always find room, because a kernel that finds none stops. What files may still take comes on top.
const RESERVE_SHARE: usize = 8;
/// The share that must be left beyond that for a new thread.
const THREAD_SHARE: usize = 32;

/// Bytes of memory that nobody uses.
pub(crate) fn free_bytes() -> usize {
    load_total_free_size()
}

/// Bytes of memory that the machine has.
pub(crate) fn total_bytes() -> usize {
    boot_info()
        .memory_regions
        .iter()
        .filter(|region| region.typ() == MemoryRegionType::Usable)
        .map(MemoryRegion::len)
        .sum()
}

/// Bytes of memory that programs may still have.
pub(crate) fn available_bytes() -> usize {
    left_for_programs()
}

/// How much programs may still have, in bytes.
fn left_for_programs() -> usize {
    static RESERVE: Once<usize> = Once::new();
    let reserve = *RESERVE.call_once(|| total_bytes() / RESERVE_SHARE);
    free_bytes().saturating_sub(reserve.saturating_add(system::bytes_left_for_files()))
}

/// Whether what is left is for the kernel and for files.
pub(super) fn low_on_memory() -> bool {
    left_for_programs() == 0
}

/// Whether there is room for another thread, and for what it will touch.
pub(crate) fn has_room_for_thread() -> bool {
    static MARGIN: Once<usize> = Once::new();
    left_for_programs() > *MARGIN.call_once(|| total_bytes() / THREAD_SHARE)
}

/// Whether there is room for another frame of a program, if need be after others have given up what they can have again.
fn make_room() -> bool {
    !low_on_memory() || (system::give_up_copies() > 0 && !low_on_memory())
}

/// A frame of zeros; `None` when memory is short.
pub(super) fn zeroed() -> Option<Frame<()>> {
    if !make_room() {
        return None;
    }
    FrameAllocOptions::new().alloc_frame().ok()
}

/// As [`zeroed`], where nobody can be asked to give up memory: files are locked.
pub(super) fn zeroed_at_once() -> Option<Frame<()>> {
    if low_on_memory() {
        return None;
    }
    FrameAllocOptions::new().alloc_frame().ok()
}

/// A frame of zeros out of what was set aside for files.
pub(super) fn promised() -> Option<Frame<()>> {
    FrameAllocOptions::new().alloc_frame().ok()
}

/// A frame with the contents of another; `None` when memory is short.
pub(super) fn copy_of(original: &UFrame) -> Option<Frame<()>> {
    if !make_room() {
        return None;
    }
    let frame = FrameAllocOptions::new().zeroed(false).alloc_frame().ok()?;
    frame.writer().write(&mut original.reader());
    Some(frame)
}
