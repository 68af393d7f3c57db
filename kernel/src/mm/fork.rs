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
    inherited::{LastFork, Pages},
    layout::PAGE_SIZE,
    mapping::{Mapping, OnFork},
    space::{AddressSpace, State},
};

/// How many pages are shared before others get a chance to run.
const BATCH: usize = 256;
/// Up to how many pages the child's page table is filled in when it touches them.
const LAZY: usize = 2048;

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
        let mut state = self.state.lock();
        self.map_all_inherited(&mut state);
        let inherited = if self.resident.load(Ordering::Relaxed) <= LAZY {
            Some(self.for_child(&mut state)?)
        } else {
            None
        };
        let count = inherited.as_ref().map_or(0, |pages| pages.0.len());
        let lazy = inherited.is_some();
        let copy = Self::with_state(State {
            mappings: state.mappings.for_child(),
            files: state.files.clone(),
            lock_future: false,
            heap_start: state.heap_start,
            heap_end: state.heap_end,
            strings: state.strings,
            inherited,
            last_fork: None,
        });
        copy.copy_limits(self);
        copy.resident.store(count, Ordering::Relaxed);
        if lazy {
            return Ok(copy);
        }
        state.last_fork = None;
        let mut batch = Vec::with_capacity(BATCH);
        self.share_all(&state, &mut batch, |batch| copy.share(batch))?;
        Ok(copy)
    }

    /// All pages that a child has from this address space.
    ///
    /// # Errors
    /// ENOMEM.
    fn for_child(&self, state: &mut State) -> Result<Arc<Pages>> {
        let pages = match state.last_fork.take() {
            Some(last) if last.changed.is_empty() => last.pages,
            Some(mut last) => {
                let mut pages = Arc::try_unwrap(last.pages).unwrap_or_else(|pages| (*pages).clone());
                let mut batch = Vec::with_capacity(1);
                last.changed.sort_unstable();
                last.changed.dedup();
                for page in last.changed {
                    if state.mappings.find(page).is_some_and(|(_, mapping)| is_copied(mapping)) {
                        self.take_to_share(&(page..page + PAGE_SIZE), &mut batch);
                    }
                    pages.put(page, batch.pop().map(|(_, frame, _)| frame));
                }
                Arc::new(pages)
            }
            None => {
                let mut pages = Vec::new();
                let most = self.resident.load(Ordering::Relaxed);
                pages.try_reserve_exact(most).map_err(|_| Errno::ENOMEM)?;
                let mut batch = Vec::with_capacity(BATCH);
                self.share_all(state, &mut batch, |batch| {
                    pages.extend(batch.drain(..).map(|(page, frame, _)| (page, Some(frame))));
                })?;
                Arc::new(Pages(pages))
            }
        };
        state.last_fork = Some(LastFork { pages: pages.clone(), changed: Vec::new() });
        Ok(pages)
    }

    /// Makes everything that a child gets impossible to write to without a fault, and gives it in batches to `share`.
    ///
    /// # Errors
    /// ENOMEM.
    fn share_all(&self, state: &State, batch: &mut Batch, mut share: impl FnMut(&mut Batch)) -> Result<()> {
        for (start, mapping) in state.mappings.iter().filter(|(_, mapping)| is_copied(mapping)) {
            let mut rest = start..mapping.end;
            while !rest.is_empty() {
                // The kernel is not preempted, and the copy's page table takes memory.
                if frames::low_on_memory() {
                    return Err(Errno::ENOMEM.into());
                }
                rest.start = self.take_to_share(&rest, batch);
                share(batch);
                if !rest.is_empty() {
                    Task::yield_now();
                }
            }
        }
        Ok(())
    }

    /// Collects the next pages of `range`, which nobody can write to from now on without a fault, and says where the rest
    /// of the range begins. The mappings must be locked.
    fn take_to_share(&self, range: &Range<usize>, batch: &mut Batch) -> usize {
        let guard = disable_preempt();
        let Ok(mut cursor) = self.vm().cursor_mut(&guard, range) else { return range.end };
        let mut changed: Option<Range<usize>> = None;
        let mut rest = range.end;
        let mut expected = range.start;
        loop {
            // What follows a page is mostly another: cheaper to look at than to look for.
            let queried = match cursor.query() {
                Ok((_, None)) => {
                    if cursor.find_next(range.end - cursor.virt_addr()).is_none() {
                        break;
                    }
                    expected = cursor.virt_addr();
                    cursor.query()
                }
                queried => queried,
            };
            let Ok((_, Some(VmQueriedItem::MappedRam { frame, mut prop }))) = queried else { break };
            let address = expected;
            expected += PAGE_SIZE;
            if batch.len() >= BATCH {
                rest = address;
                break;
            }
            let mut moved = false;
            if !prop.flags.contains(OF_FILE) {
                let frame = (*frame).clone();
                if prop.flags.contains(PageFlags::W) {
                    cursor.protect_next(PAGE_SIZE, |flags, _| *flags -= PageFlags::W);
                    moved = true;
                    let start = changed.map_or(address, |changed| changed.start);
                    changed = Some(start..expected);
                }
                prop.flags -= PageFlags::W;
                batch.push((address, frame, prop));
            }
            if expected >= range.end || (!moved && cursor.jump(expected).is_err()) {
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
    fn share(&self, batch: &mut Batch) {
        let (Some((first, ..)), Some((last, ..))) = (batch.first(), batch.last()) else { return };
        let range = *first..*last + PAGE_SIZE;
        let guard = disable_preempt();
        let Ok(mut cursor) = self.vm().cursor_mut(&guard, &range) else { return batch.clear() };
        self.resident.fetch_add(batch.len(), Ordering::Relaxed);
        for (address, frame, property) in batch.drain(..) {
            if cursor.virt_addr() == address || cursor.jump(address).is_ok() {
                cursor.map(frame, property);
            }
        }
    }
}

/// Pages on their way to a child.
type Batch = Vec<(usize, UFrame, PageProperty)>;

/// Whether a child has private pages of the mapping.
fn is_copied(mapping: &Mapping) -> bool {
    !mapping.backing.is_shared() && mapping.rules.on_fork == OnFork::Copy
}
