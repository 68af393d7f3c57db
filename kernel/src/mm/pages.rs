//! The pages of files: frames, which can be mapped.

use alloc::{
    collections::BTreeMap,
    sync::{Arc, Weak},
    vec::Vec,
};
use core::any::Any;

use ostd::{
    mm::{Frame, UFrame, VmReader, VmWriter, io::util::HasVmReaderWriter},
    sync::SpinLock,
};
use socket::caller::NodeId;
use vfs::{Page, PageStore};

use super::{frames, layout::PAGE_SIZE, space::AddressSpace};

/// A page of a file.
struct FramePage(Frame<()>);

impl Page for FramePage {
    fn read(&self, at: usize, into: &mut [u8]) {
        self.0.reader().skip(at).read(&mut VmWriter::from(into));
    }

    fn write(&self, at: usize, from: &[u8]) {
        self.0.writer().skip(at).write(&mut VmReader::from(from));
    }

    fn is_mapped(&self) -> bool {
        self.0.reference_count() > 1
    }
}

/// The frame of a page that [`FilePages`] made.
pub(super) fn frame_of(page: &dyn Page) -> Option<UFrame> {
    let page: &dyn Any = page;
    Some(page.downcast_ref::<FramePage>()?.0.clone().into())
}

/// Where the pages of files come from.
pub(crate) struct FilePages;

impl PageStore for FilePages {
    fn allocate(&self, promised: bool) -> Option<Arc<dyn Page>> {
        let frame = if promised { frames::promised() } else { frames::zeroed_at_once() };
        Some(Arc::new(FramePage(frame?)))
    }

    fn cut(&self, file: NodeId, from: u64) {
        // Whoever finds the file's pages from now on finds it cut: no one can bring back what is dropped here.
        for space in mappers(file) {
            space.cut(file, from);
        }
    }
}

/// Which address spaces have mapped which files, to find the pages that a file loses.
static MAPPERS: SpinLock<BTreeMap<NodeId, Vec<Weak<AddressSpace>>>> = SpinLock::new(BTreeMap::new());

/// Notes that an address space maps a file.
pub(super) fn add_mapper(file: NodeId, space: Weak<AddressSpace>) {
    MAPPERS.lock().entry(file).or_default().push(space);
}

/// Forgets an address space that is about to go, or the file that it no longer maps.
pub(super) fn remove_mapper(file: NodeId, space: *const AddressSpace) {
    let mut all = MAPPERS.lock();
    if let Some(spaces) = all.get_mut(&file) {
        spaces.retain(|other| other.as_ptr() != space);
        if spaces.is_empty() {
            all.remove(&file);
        }
    }
}

fn mappers(file: NodeId) -> Vec<Arc<AddressSpace>> {
    MAPPERS
        .lock()
        .get(&file)
        .map_or_else(Vec::new, |spaces| spaces.iter().filter_map(Weak::upgrade).collect())
}

const _: () = assert!(PAGE_SIZE == vfs::PAGE_SIZE);
