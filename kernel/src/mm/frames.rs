//! Frames for user pages, and how many may be had.

use core::sync::atomic::{AtomicBool, Ordering};

use osdk_frame_allocator::load_total_free_size;
use ostd::{
    boot::{
        boot_info,
        memory_region::{MemoryRegion, MemoryRegionType},
    },
    mm::{Frame, FrameAllocOptions, VmReader, io::util::HasVmReaderWriter},
    timer::register_callback_on_cpu,
};
use spin::Once;

use super::layout::PAGE_SIZE;
use crate::system;

/// The share of the memory that programs cannot have: the kernel's own structures (page tables, sockets, stacks) must
/// always find room, because a kernel that finds none stops. What files may still take comes on top.
const RESERVE_SHARE: usize = 8;
/// Below this share of the memory, calls that need more of it fail.
const PRESSURE_SHARE: usize = 16;

/// Whether less than [`PRESSURE_SHARE`] was left at the last tick.
static PRESSURE: AtomicBool = AtomicBool::new(false);
/// Bytes of [`RESERVE_SHARE`] and [`PRESSURE_SHARE`].
static SHARES: Once<[usize; 2]> = Once::new();

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

fn shares() -> [usize; 2] {
    *SHARES.call_once(|| [RESERVE_SHARE, PRESSURE_SHARE].map(|share| total_bytes() / share))
}

/// Whether what is left is for the kernel and for files.
pub(crate) fn low_on_memory() -> bool {
    let [reserve, _] = shares();
    free_bytes() < reserve.saturating_add(system::bytes_left_for_files())
}

/// Whether so little is left that only what gives memory back should be done.
#[inline]
pub(crate) fn under_pressure() -> bool {
    PRESSURE.load(Ordering::Relaxed)
}

/// Looks at how much is left, at each tick of one CPU.
pub(crate) fn watch() {
    shares();
    register_callback_on_cpu(|| {
        let [_, pressure] = shares();
        PRESSURE.store(free_bytes() < pressure, Ordering::Relaxed);
    });
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
    if low_on_memory() {
        return None;
    }
    let frame = FrameAllocOptions::new().zeroed(contents.len() < PAGE_SIZE).alloc_frame().ok()?;
    frame.writer().write(&mut VmReader::from(contents));
    Some(frame)
}
