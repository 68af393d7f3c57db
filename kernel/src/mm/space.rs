//! Address spaces.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use ostd::{
    mm::VmSpace,
    sync::{Mutex, MutexGuard},
};

use spin::Once;

use super::mapping::Mappings;

/// A process's memory.
///
/// Lock order: nothing else is locked while the mappings are, but what a [`super::Source`] locks to be read. User
/// memory is not touched meanwhile: the fault it may cause needs the same lock.
pub(crate) struct AddressSpace {
    vm: Arc<VmSpace>,
    /// Tells address spaces apart for as long as the system runs.
    id: u64,
    pub(super) state: Mutex<State>,
    /// How many pages are there.
    pub(super) resident: AtomicUsize,
}

pub(super) struct State {
    pub(super) mappings: Mappings,
    /// Where the heap of brk(2) begins and ends.
    pub(super) heap_start: usize,
    pub(super) heap_end: usize,
}

impl AddressSpace {
    /// An address space in which nothing is mapped.
    pub(crate) fn new() -> Arc<Self> {
        Self::with_state(State { mappings: Mappings::new(), heap_start: 0, heap_end: 0 })
    }

    /// An address space in which no page is present.
    pub(super) fn with_state(state: State) -> Arc<Self> {
        static NEXT_ID: AtomicU64 = AtomicU64::new(1);
        Arc::new(Self {
            vm: Arc::new(VmSpace::new()),
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            state: Mutex::new(state),
            resident: AtomicUsize::new(0),
        })
    }

    /// An address space in which nothing is ever mapped: that of threads which are about to be gone.
    pub(crate) fn none() -> Arc<Self> {
        static NONE: Once<Arc<AddressSpace>> = Once::new();
        NONE.call_once(Self::new).clone()
    }

    /// The page table.
    pub(crate) fn vm(&self) -> &Arc<VmSpace> {
        &self.vm
    }

    /// Tells address spaces apart for as long as the system runs.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Bytes of memory in use.
    pub(crate) fn resident_bytes(&self) -> usize {
        self.resident.load(Ordering::Relaxed) * super::layout::PAGE_SIZE
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Looks at what is mapped.
    pub(crate) fn with_mappings<T>(&self, look: impl FnOnce(&Mappings, core::ops::Range<usize>) -> T) -> T {
        let state = self.lock();
        look(&state.mappings, state.heap_start..state.heap_end)
    }
}
