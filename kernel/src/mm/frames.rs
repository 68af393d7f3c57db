//! Frames for user pages, and how many may be had.

use osdk_frame_allocator::load_total_free_size;
use ostd::{
    boot::{boot_info, memory_region::MemoryRegionType},
    mm::{Frame, FrameAllocOptions, VmReader},
};

/// What programs cannot have: the kernel's own structures (page tables, sockets, stacks) must always find room, because
/// a kernel that finds none stops. One page table may be needed per user page, hence a share of the memory.
const RESERVE_SHARE: usize = 8;

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
        .map(|region| region.len())
        .sum()
}

/// Whether what is left is the kernel's.
pub(crate) fn low_on_memory() -> bool {
    static RESERVE: spin::Once<usize> = spin::Once::new();
    free_bytes() < *RESERVE.call_once(|| total_bytes() / RESERVE_SHARE)
}

/// A frame of zeros; `None` when memory is short.
pub(super) fn zeroed() -> Option<Frame<()>> {
    if low_on_memory() {
        return None;
    }
    FrameAllocOptions::new().alloc_frame().ok()
}

/// A frame that begins with `contents` and goes on with zeros; `None` when memory is short.
pub(super) fn with_contents(contents: &[u8]) -> Option<Frame<()>> {
    use ostd::mm::io::util::HasVmReaderWriter;
    if low_on_memory() {
        return None;
    }
    let frame = FrameAllocOptions::new().zeroed(contents.len() < super::layout::PAGE_SIZE).alloc_frame().ok()?;
    frame.writer().write(&mut VmReader::from(contents));
    Some(frame)
}
