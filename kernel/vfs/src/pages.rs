//! The pages that file contents are kept in: memory that can also be mapped, where the system has such.

use alloc::{sync::Arc, vec::Vec};
use core::{any::Any, ops::Range};

use socket::caller::NodeId;
use spin::Mutex;

/// The unit in which contents are copied, allocated and counted, in bytes.
pub const PAGE: usize = 4096;

/// A page of a file's contents. Programs that map it read and write it at any time.
pub trait Page: Any + Send + Sync {
    /// Copies the bytes from `at` on, which are within the page.
    fn read(&self, at: usize, into: &mut [u8]);

    /// Replaces the bytes from `at` on, which are within the page.
    fn write(&self, at: usize, from: &[u8]);

    /// Whether someone may have it mapped.
    fn is_mapped(&self) -> bool;

    /// Makes bytes zero.
    fn clear(&self, range: Range<usize>) {
        const ZEROS: [u8; 256] = [0; 256];
        for at in range.clone().step_by(ZEROS.len()) {
            self.write(at, &ZEROS[..ZEROS.len().min(range.end - at)]);
        }
    }
}

/// Where pages come from.
pub trait PageStore: Send + Sync {
    /// A page of zeros; `None` when memory is short. Pages within a file system's limit are `promised`: the memory was set
    /// aside for them.
    fn allocate(&self, promised: bool) -> Option<Arc<dyn Page>>;

    /// The file no longer has pages from number `from` on: who has them mapped loses them.
    fn cut(&self, file: NodeId, from: u64);
}

/// Pages from the heap, which nobody maps.
pub(crate) struct HeapPages;

struct HeapPage(Mutex<Vec<u8>>);

impl PageStore for HeapPages {
    fn allocate(&self, _promised: bool) -> Option<Arc<dyn Page>> {
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(PAGE).ok()?;
        bytes.resize(PAGE, 0);
        Some(Arc::new(HeapPage(Mutex::new(bytes))))
    }

    fn cut(&self, _file: NodeId, _from: u64) {}
}

impl Page for HeapPage {
    fn read(&self, at: usize, into: &mut [u8]) {
        into.copy_from_slice(&self.0.lock()[at..at + into.len()]);
    }

    fn write(&self, at: usize, from: &[u8]) {
        self.0.lock()[at..at + from.len()].copy_from_slice(from);
    }

    fn is_mapped(&self) -> bool {
        false
    }
}
