//! Address spaces.

use alloc::{
    collections::BTreeSet,
    sync::{Arc, Weak},
};
use core::{
    ops::Range,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
};

use ostd::{
    mm::VmSpace,
    sync::{Mutex, MutexGuard},
};

use linux_raw_sys::general::{RLIMIT_AS, RLIMIT_DATA, RLIMIT_STACK};
use socket::{
    caller::NodeId,
    error::{Errno, Result},
};
use spin::Once;
use vfs::Inode;

use super::{
    inherited::{LastFork, Pages},
    layout::{PAGE_SIZE, STACK_SIZE},
    mapping::Mappings,
    pages,
};

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
    /// What RLIMIT_STACK allows, in bytes.
    stack_limit: AtomicUsize,
    /// What RLIMIT_AS allows, in bytes.
    total_limit: AtomicUsize,
    /// What RLIMIT_DATA allows, in bytes.
    data_limit: AtomicUsize,
    this: Weak<Self>,
}

pub(super) struct State {
    pub(super) mappings: Mappings,
    /// The files whose loss of pages concerns this address space.
    pub(super) files: BTreeSet<NodeId>,
    /// What is mapped from now on is locked (mlockall(2), MCL_FUTURE).
    pub(super) lock_future: bool,
    /// Where the heap of brk(2) begins and ends.
    pub(super) heap_start: usize,
    pub(super) heap_end: usize,
    /// Where the program's strings are.
    pub(super) strings: StringPlaces,
    /// The parent's pages that are this address space's too, wherever a private page is missing.
    pub(super) inherited: Option<Arc<Pages>>,
    /// What the last child got.
    pub(super) last_fork: Option<LastFork>,
}

/// Where a program's strings and its auxiliary vector are, for `/proc/PID/cmdline`, `environ` and `auxv`: begin and end of
/// each.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct StringPlaces {
    pub(crate) arguments: (usize, usize),
    pub(crate) environment: (usize, usize),
    pub(crate) auxiliary: (usize, usize),
}

impl AddressSpace {
    /// An address space in which nothing is mapped.
    pub(crate) fn new() -> Arc<Self> {
        Self::with_state(State {
            mappings: Mappings::new(),
            files: BTreeSet::new(),
            lock_future: false,
            heap_start: 0,
            heap_end: 0,
            strings: StringPlaces::default(),
            inherited: None,
            last_fork: None,
        })
    }

    /// An address space in which no page is present.
    pub(super) fn with_state(state: State) -> Arc<Self> {
        static NEXT_ID: AtomicU64 = AtomicU64::new(1);
        Arc::new_cyclic(|this: &Weak<Self>| {
            for file in &state.files {
                pages::add_mapper(*file, this.clone());
            }
            Self {
                vm: Arc::new(VmSpace::new()),
                id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
                state: Mutex::new(state),
                resident: AtomicUsize::new(0),
                stack_limit: AtomicUsize::new(STACK_SIZE),
                total_limit: AtomicUsize::new(usize::MAX),
                data_limit: AtomicUsize::new(usize::MAX),
                this: this.clone(),
            }
        })
    }

    /// An address space in which nothing is ever mapped: that of threads which are about to be gone.
    pub(crate) fn none() -> Arc<Self> {
        static NONE: Once<Arc<AddressSpace>> = Once::new();
        NONE.call_once(Self::new).clone()
    }

    /// Says what a resource limit of the process is from now on, in bytes; those that do not concern memory are ignored.
    pub(crate) fn set_limit(&self, resource: u32, bytes: u64) {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        match resource {
            RLIMIT_STACK => self.stack_limit.store(bytes, Ordering::Relaxed),
            RLIMIT_AS => self.total_limit.store(bytes, Ordering::Relaxed),
            RLIMIT_DATA => self.data_limit.store(bytes, Ordering::Relaxed),
            _ => {}
        }
    }

    /// Takes over the limits of another.
    pub(super) fn copy_limits(&self, from: &Self) {
        for (to, from) in [
            (&self.stack_limit, &from.stack_limit),
            (&self.total_limit, &from.total_limit),
            (&self.data_limit, &from.data_limit),
        ] {
            to.store(from.load(Ordering::Relaxed), Ordering::Relaxed);
        }
    }

    /// What the stack may grow to, in bytes.
    pub(super) fn stack_limit(&self) -> usize {
        self.stack_limit.load(Ordering::Relaxed)
    }

    /// What may be mapped, and what of it may be private and writable, in bytes.
    pub(super) fn size_limits(&self) -> (usize, usize) {
        (self.total_limit.load(Ordering::Relaxed), self.data_limit.load(Ordering::Relaxed))
    }

    /// Notes that a file is mapped whose pages can go.
    pub(super) fn watch(&self, state: &mut State, file: &Inode) {
        if state.files.insert(file.id()) {
            pages::add_mapper(file.id(), self.this.clone());
            file.set_mapped();
        }
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
        self.resident.load(Ordering::Relaxed) * PAGE_SIZE
    }

    /// Locks the mappings to change them, or to look at pages: what was inherited is mapped. Faults, which bring in pages
    /// one by one, lock `state` itself.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock();
        state.last_fork = None;
        self.map_all_inherited(&mut state);
        state
    }

    /// Says where the program's strings are.
    pub(crate) fn set_strings(&self, places: StringPlaces) {
        self.state.lock().strings = places;
    }

    /// Where the program's strings are.
    pub(crate) fn strings(&self) -> StringPlaces {
        self.state.lock().strings
    }

    /// Where in a file the byte at `address` is, if it is shared.
    ///
    /// # Errors
    /// EFAULT where nothing is mapped.
    pub(crate) fn shared_place(&self, address: usize) -> Result<Option<(NodeId, u64)>> {
        let state = self.state.lock();
        let (start, mapping) = state.mappings.find(address).ok_or(Errno::EFAULT)?;
        let file = mapping.backing.file().filter(|_| mapping.backing.is_shared());
        Ok(file.map(|(source, offset)| (source.inode().id(), offset + (address - start) as u64)))
    }

    /// Looks at what is mapped.
    pub(crate) fn with_mappings<T>(&self, look: impl FnOnce(&Mappings, Range<usize>) -> T) -> T {
        let state = self.state.lock();
        look(&state.mappings, state.heap_start..state.heap_end)
    }
}

impl Drop for AddressSpace {
    fn drop(&mut self) {
        let this: *const Self = self;
        for file in &self.state.get_mut().files {
            pages::remove_mapper(*file, this);
        }
    }
}
