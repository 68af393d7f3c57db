//! Memory that is kept back for when there is none: the kernel stops where an allocation fails.
//!
//! Frames come from osdk's allocator. A share of the memory is set aside at boot in blocks; when the allocator has nothing
//! that fits, for want of memory or because what is free lies scattered, a block stands in. From then on until all blocks are
//! back there is pressure: calls that need memory fail, so that only what is under way uses the reserve.

use core::{
    alloc::Layout,
    sync::atomic::{AtomicBool, Ordering},
};

use osdk_frame_allocator::FrameAllocator;
use ostd::{
    mm::{Paddr, frame::GlobalFrameAllocator},
    sync::{LocalIrqDisabled, SpinLock},
    timer::register_callback_on_cpu,
};

use super::layout::PAGE_SIZE;

/// Size of a block in bytes: a kernel stack fits.
const BLOCK: usize = 32 * PAGE_SIZE;
/// How many blocks there are at most.
const MOST: usize = 512;
/// The share of the memory that is set aside.
const SHARE: usize = 32;

struct Reserve;

struct Blocks {
    places: [Paddr; MOST],
    count: usize,
    /// How many there should be.
    wanted: usize,
}

static BLOCKS: SpinLock<Blocks, LocalIrqDisabled> =
    SpinLock::new(Blocks { places: [0; MOST], count: 0, wanted: 0 });
/// Whether blocks are missing.
static PRESSURE: AtomicBool = AtomicBool::new(false);

#[ostd::global_frame_allocator]
static ALLOCATOR: Reserve = Reserve;

impl GlobalFrameAllocator for Reserve {
    fn alloc(&self, layout: Layout) -> Option<Paddr> {
        FrameAllocator.alloc(layout).or_else(|| from_reserve(layout))
    }

    fn dealloc(&self, address: Paddr, size: usize) {
        FrameAllocator.dealloc(address, size);
    }

    fn add_free_memory(&self, address: Paddr, size: usize) {
        FrameAllocator.add_free_memory(address, size);
    }
}

#[cold]
fn from_reserve(layout: Layout) -> Option<Paddr> {
    if layout.size() > BLOCK || layout.align() > BLOCK {
        return None;
    }
    let block = {
        let mut blocks = BLOCKS.lock();
        blocks.count = blocks.count.checked_sub(1)?;
        blocks.places[blocks.count]
    };
    PRESSURE.store(true, Ordering::Relaxed);
    if layout.size() < BLOCK {
        FrameAllocator.dealloc(block + layout.size(), BLOCK - layout.size());
    }
    Some(block)
}

impl Blocks {
    fn fill(&mut self) {
        let Ok(layout) = Layout::from_size_align(BLOCK, BLOCK) else { return };
        while self.count < self.wanted
            && let Some(block) = FrameAllocator.alloc(layout)
        {
            self.places[self.count] = block;
            self.count += 1;
        }
        PRESSURE.store(self.count < self.wanted, Ordering::Relaxed);
    }
}

/// Sets the reserve aside, and from now on fills it up at each tick of this CPU.
pub(crate) fn init() {
    {
        let mut blocks = BLOCKS.lock();
        blocks.wanted = (super::total_bytes() / SHARE / BLOCK).min(MOST);
        blocks.fill();
    }
    register_callback_on_cpu(|| {
        if under_pressure() {
            BLOCKS.lock().fill();
        }
    });
}

/// Whether only what gives memory back should be done.
#[inline]
pub(crate) fn under_pressure() -> bool {
    PRESSURE.load(Ordering::Relaxed)
}
