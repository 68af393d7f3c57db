//! The copy of an address space that fork(2) makes: nothing is copied before one of the two writes.

use alloc::{sync::Arc, vec::Vec};
use core::{ops::Range, sync::atomic::Ordering};

use ostd::{
    mm::{PageFlags, PageProperty, UFrame, tlb::TlbFlushOp, vm_space::VmQueriedItem},
    task::{Task, disable_preempt},
};
use socket::error::{Errno, Result};

use super::{
    fault::OF_FILE,
    frames,
    layout::PAGE_SIZE,
    mapping::OnFork,
    space::{AddressSpace, State},
};

/// How many pages are shared before others get a chance to run.
const BATCH: usize = 256;

impl AddressSpace {
    /// A second address space with the same contents: private pages are shared until one of the two writes to them. Pages
    /// of files are not mapped: they come when they are touched.
    ///
    /// # Errors
    /// ENOMEM.
    pub(crate) fn fork(&self) -> Result<Arc<Self>> {
        if frames::low_on_memory() {
            return Err(Errno::ENOMEM.into());
        }
        let state = self.lock();
        let copy = Self::with_state(State {
            mappings: state.mappings.for_child(),
            files: state.files.clone(),
            lock_future: false,
            heap_start: state.heap_start,
            heap_end: state.heap_end,
            strings: state.strings,
        });
        copy.copy_limits(self);
        let mut batch = Vec::with_capacity(BATCH);
        for (start, mapping) in state.mappings.iter() {
            if mapping.backing.is_shared() || mapping.rules.on_fork != OnFork::Copy {
                continue;
            }
            let mut rest = start..mapping.end;
            while !rest.is_empty() {
                // The kernel is not preempted, and the copy's page table takes memory.
                if frames::low_on_memory() {
                    return Err(Errno::ENOMEM.into());
                }
                rest.start = self.take_to_share(&rest, &mut batch);
                copy.share(&mut batch);
                if !rest.is_empty() {
                    Task::yield_now();
                }
            }
        }
        Ok(copy)
    }

    /// Collects the next pages of `range`, which nobody can write to from now on without a fault, and says where the rest
    /// of the range begins. The mappings must be locked.
    fn take_to_share(&self, range: &Range<usize>, batch: &mut Vec<(usize, UFrame, PageProperty)>) -> usize {
        let guard = disable_preempt();
        let Ok(mut cursor) = self.vm().cursor_mut(&guard, range) else { return range.end };
        let mut changed: Option<Range<usize>> = None;
        let mut rest = range.end;
        while let Some(address) = cursor.find_next(range.end - cursor.virt_addr()) {
            if batch.len() == BATCH {
                rest = address;
                break;
            }
            let Ok((_, Some(VmQueriedItem::MappedRam { frame, mut prop }))) = cursor.query() else { break };
            let next = address + PAGE_SIZE;
            if prop.flags.contains(OF_FILE) {
                if next >= range.end || cursor.jump(next).is_err() {
                    break;
                }
                continue;
            }
            let frame = (*frame).clone();
            if prop.flags.contains(PageFlags::W) {
                cursor.protect_next(PAGE_SIZE, |flags, _| *flags -= PageFlags::W);
                let start = changed.map_or(address, |changed| changed.start);
                changed = Some(start..address + PAGE_SIZE);
            }
            prop.flags -= PageFlags::W;
            batch.push((address, frame, prop));
            if next >= range.end || cursor.jump(next).is_err() {
                break;
            }
        }
        if let Some(changed) = changed {
            cursor.flusher().issue_tlb_flush(TlbFlushOp::for_range(changed));
            cursor.flusher().dispatch_tlb_flush();
            cursor.flusher().sync_tlb_flush();
        }
        rest
    }

    /// Maps pages of another address space, of which no one else knows yet.
    fn share(&self, batch: &mut Vec<(usize, UFrame, PageProperty)>) {
        let (Some((first, ..)), Some((last, ..))) = (batch.first(), batch.last()) else { return };
        let range = *first..*last + PAGE_SIZE;
        let guard = disable_preempt();
        let Ok(mut cursor) = self.vm().cursor_mut(&guard, &range) else { return batch.clear() };
        self.resident.fetch_add(batch.len(), Ordering::Relaxed);
        for (address, frame, property) in batch.drain(..) {
            if cursor.jump(address).is_ok() {
                cursor.map(frame, property);
            }
        }
    }
}
