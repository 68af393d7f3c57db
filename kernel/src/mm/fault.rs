//! Bringing in pages when they are touched.

use core::sync::atomic::Ordering;

use ostd::{
    arch::{
        cpu::context::{CpuException, PageFaultErrorCode, RawPageFaultInfo},
        trap::inject_user_page_fault_handler,
    },
    mm::{CachePolicy, Frame, PageProperty},
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
        if self.is_present(page) {
            // Another thread was faster, or this CPU remembered what no longer holds.
            return Ok(());
        }
        let frame = contents(mapping, page - start)?;
        let property = PageProperty::new_user(protection.page_flags(), CachePolicy::Writeback);
        let guard = disable_preempt();
        // The range is a user page: the cursor cannot be refused.
        let Ok(mut cursor) = self.vm().cursor_mut(&guard, &(page..page + PAGE_SIZE)) else {
            return Err(FaultError::NotAllowed);
        };
        cursor.map(frame.into(), property);
        self.resident.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn is_present(&self, page: usize) -> bool {
        let guard = disable_preempt();
        match self.vm().cursor(&guard, &(page..page + PAGE_SIZE)) {
            Ok(mut cursor) => matches!(cursor.query(), Ok((_, Some(_)))),
            Err(_) => false,
        }
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
