//! Bringing in pages when they are touched.

use core::sync::atomic::Ordering;

use ostd::{
    arch::{
        cpu::context::{CpuException, PageFaultErrorCode, RawPageFaultInfo},
        trap::inject_user_page_fault_handler,
    },
    mm::{CachePolicy, Frame, PageFlags, PageProperty, UFrame, vm_space::VmQueriedItem},
    task::disable_preempt,
};

use super::{
    frames,
    layout::{PAGE_SIZE, page_down},
    mapping::{Backing, Mapping},
    space::AddressSpace,
};
use crate::process::current_thread;

/// What was being done with a page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Access {
    Read,
    Write,
    Execute,
}

impl Access {
    pub(crate) fn from_exception(info: &RawPageFaultInfo) -> Self {
        if info.error_code.contains(PageFaultErrorCode::INSTRUCTION) {
            Self::Execute
        } else if info.error_code.contains(PageFaultErrorCode::WRITE) {
            Self::Write
        } else {
            Self::Read
        }
    }
}

/// Why a page cannot be had.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum FaultError {
    /// Nothing is mapped there, or not for this kind of access: SIGSEGV.
    NotAllowed,
    /// What is behind the mapping ends before this page, or cannot be read: SIGBUS.
    NoContents,
    /// Memory is short: SIGKILL.
    NoMemory,
}

impl AddressSpace {
    /// Makes the page at `address` present for `access`.
    pub(crate) fn fault(&self, address: usize, access: Access) -> Result<(), FaultError> {
        let page = page_down(address);
        let state = self.lock();
        let (start, mapping) = state.mappings.find(page).ok_or(FaultError::NotAllowed)?;
        let protection = mapping.protection;
        let allowed = match access {
            Access::Read => protection.read || protection.write || protection.execute,
            Access::Write => protection.write,
            Access::Execute => protection.execute,
        };
        if !allowed {
            return Err(FaultError::NotAllowed);
        }
        let property = PageProperty::new_user(protection.page_flags(), CachePolicy::Writeback);
        match self.present(page) {
            None => {
                let frame = contents(mapping, page - start)?;
                self.resident.fetch_add(1, Ordering::Relaxed);
                self.set(page, frame.into(), property)
            }
            Some((frame, held)) if access == Access::Write && !held.flags.contains(PageFlags::W) => {
                self.own(page, &frame, property)
            }
            // Another thread was faster, or this CPU remembered what no longer holds.
            Some(_) => Ok(()),
        }
    }

    /// The page at `page`, if it is there. The mappings must be locked, here and below.
    fn present(&self, page: usize) -> Option<(UFrame, PageProperty)> {
        let guard = disable_preempt();
        let mut cursor = self.vm().cursor(&guard, &(page..page + PAGE_SIZE)).ok()?;
        match cursor.query() {
            Ok((_, Some(VmQueriedItem::MappedRam { frame, prop }))) => Some(((*frame).clone(), prop)),
            _ => None,
        }
    }

    /// Maps a frame where nothing is.
    fn set(&self, page: usize, frame: UFrame, property: PageProperty) -> Result<(), FaultError> {
        let guard = disable_preempt();
        // The range is a user page: the cursor cannot be refused.
        let cursor = self.vm().cursor_mut(&guard, &(page..page + PAGE_SIZE));
        cursor.map_err(|_| FaultError::NotAllowed)?.map(frame, property);
        Ok(())
    }

    /// Makes a private page that was common to several address spaces this one's own: by a copy, unless the others have
    /// theirs by now.
    fn own(&self, page: usize, frame: &UFrame, property: PageProperty) -> Result<(), FaultError> {
        // The page table's and `frame`. Who else could refer to the frame had to find it in this page table.
        let copy = match frame.reference_count() {
            2 => None,
            _ => Some(frames::copy_of(frame).ok_or(FaultError::NoMemory)?),
        };
        let guard = disable_preempt();
        let range = page..page + PAGE_SIZE;
        let mut cursor = self.vm().cursor_mut(&guard, &range).map_err(|_| FaultError::NotAllowed)?;
        let Some(copy) = copy else {
            // No CPU has to forget anything: who believes that the page cannot be written to asks here.
            cursor.protect_next(PAGE_SIZE, |flags, _| *flags = property.flags);
            return Ok(());
        };
        cursor.unmap(PAGE_SIZE);
        // Every CPU has to see the copy before it is written to.
        cursor.flusher().sync_tlb_flush();
        if cursor.jump(page).is_ok() {
            cursor.map(copy.into(), property);
        }
        Ok(())
    }
}

/// The page that begins `at` bytes into `mapping`.
fn contents(mapping: &Mapping, at: usize) -> Result<Frame<()>, FaultError> {
    let Backing::File { source, offset, length } = &mapping.backing else {
        return frames::zeroed().ok_or(FaultError::NoMemory);
    };
    let wanted = length.saturating_sub(at).min(PAGE_SIZE);
    if wanted == 0 {
        // Within a file mapping but beyond the file's last page; the loader maps zeros of its own.
        return Err(FaultError::NoContents);
    }
    let mut page = [0; PAGE_SIZE];
    let mut filled = 0;
    while filled < wanted {
        match source.read_at(offset + (at + filled) as u64, &mut page[filled..wanted]) {
            Ok(0) => break,
            Ok(count) => filled += count.min(wanted - filled),
            Err(_) => return Err(FaultError::NoContents),
        }
    }
    if filled == 0 {
        return Err(FaultError::NoContents);
    }
    frames::with_contents(&page[..filled]).ok_or(FaultError::NoMemory)
}

/// Serves the faults of the kernel's own copies from and to user memory.
pub(crate) fn init() {
    inject_user_page_fault_handler(|exception| {
        let CpuException::PageFault(info) = exception else { return Err(()) };
        let Some(thread) = current_thread() else { return Err(()) };
        // A copy that is made under a spinning lock must not come here for a page: who makes it tries again without.
        if thread.faults_disabled() {
            return Err(());
        }
        let space = thread.process.space();
        space.fault(info.addr, Access::from_exception(info)).map_err(drop)
    });
}
