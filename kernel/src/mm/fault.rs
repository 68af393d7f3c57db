//! Bringing in pages when they are touched.

use core::sync::atomic::Ordering;

use ostd::{
    arch::{
        cpu::context::{CpuException, PageFaultErrorCode, RawPageFaultInfo},
        trap::inject_user_page_fault_handler,
    },
    mm::{
        CachePolicy, HasPaddr, PageFlags, PageProperty, UFrame, VmReader, io::util::HasVmReaderWriter,
        vm_space::VmQueriedItem,
    },
    task::disable_preempt,
};

use super::{
    exhaustion::relieve,
    frames,
    inherited::Pages,
    layout::{PAGE_SIZE, page_down},
    mapping::{Mapping, Protection},
    pages::frame_of,
    source::{Backing, Source},
    space::{AddressSpace, State},
};
use crate::{process::current_thread, system};

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

/// What [`AddressSpace::fill`] found.
enum Filled {
    /// Nothing; the page is there now.
    New,
    /// The page.
    Present(UFrame, PageProperty),
    /// Nothing, and memory is short.
    Absent,
}

impl AddressSpace {
    /// Makes the page at `address` present for `access`.
    pub(crate) fn fault(&self, address: usize, access: Access) -> Result<(), FaultError> {
        let page = page_down(address);
        let mut state = self.state.lock();
        let state = &mut *state;
        if state.mappings.find(page).is_none() && !self.grow_stack(state, page) {
            return Err(FaultError::NotAllowed);
        }
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
        let at = page - start;
        let write = access == Access::Write;
        let present = if matches!(mapping.backing, Backing::Anonymous) && state.inherited.is_none() {
            // The usual case takes one look at the page table.
            match self.fill(page, property(protection)) {
                Filled::New => {
                    State::change(&mut state.last_fork, page);
                    return Ok(());
                }
                Filled::Present(frame, held) => Some((frame, held)),
                Filled::Absent => None,
            }
        } else {
            self.present(page)
        };
        if present.is_none()
            && !mapping.backing.is_shared()
            && let Some((frame, alone)) = State::inherited_page(&mut state.inherited, page)
        {
            return self.map_inherited(page, frame, alone, write, property(protection));
        }
        let last_fork = &mut state.last_fork;
        match (present, &mapping.backing) {
            (Some((_, held)), _) if !write || held.flags.contains(PageFlags::W) => {
                // Another thread was faster, or this CPU remembered what no longer holds.
                Ok(())
            }
            (Some((frame, _)), Backing::Shared { source, offset, .. }) => {
                let own = file_page(&**source, offset + at as u64, true)?;
                if own.paddr() != frame.paddr() {
                    return self.replace(page, own, property(protection));
                }
                self.allow(page, property(protection));
                Ok(())
            }
            (Some((frame, held)), _) => {
                State::change(last_fork, page);
                self.own(page, &frame, held, property(protection))
            }
            (None, Backing::Anonymous) => {
                State::change(last_fork, page);
                let frame = frames::zeroed().ok_or(FaultError::NoMemory)?;
                self.set(page, frame.into(), property(protection))
            }
            (None, Backing::Shared { source, offset, .. }) if write => {
                let frame = file_page(&**source, offset + at as u64, true)?;
                self.set(page, frame, property(protection))
            }
            (None, Backing::Shared { source, offset, .. }) => {
                let frame = file_page(&**source, offset + at as u64, false)?;
                self.set(page, frame, file_property(protection))?;
                self.map_around(start, mapping, state.inherited.as_deref(), page);
                Ok(())
            }
            (None, Backing::File { source, offset, length }) => {
                let wanted = length.saturating_sub(at).min(PAGE_SIZE);
                if write || wanted < PAGE_SIZE {
                    State::change(last_fork, page);
                    let frame = private_copy(&**source, offset + at as u64, wanted)?;
                    return self.set(page, frame, property(protection));
                }
                let frame = file_page(&**source, offset + at as u64, false)?;
                self.set(page, frame, file_property(protection))?;
                self.map_around(start, mapping, state.inherited.as_deref(), page);
                Ok(())
            }
        }
    }

    /// Makes the page at `page` present as it is to be used, before it is: written to already where it is private and may be.
    pub(crate) fn bring_in(&self, page: usize) -> Result<(), FaultError> {
        let access = {
            let state = self.state.lock();
            let (_, mapping) = state.mappings.find(page).ok_or(FaultError::NotAllowed)?;
            let write = mapping.protection.write && !mapping.backing.is_shared();
            if write { Access::Write } else { Access::Read }
        };
        self.fault(page, access)
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

    /// Maps zeros at `page` if nothing is there, and if memory is not short.
    fn fill(&self, page: usize, property: PageProperty) -> Filled {
        let guard = disable_preempt();
        let Ok(mut cursor) = self.vm().cursor_mut(&guard, &(page..page + PAGE_SIZE)) else {
            return Filled::Absent;
        };
        match cursor.query() {
            Ok((_, None)) => {}
            Ok((_, Some(VmQueriedItem::MappedRam { frame, prop }))) => {
                return Filled::Present((*frame).clone(), prop);
            }
            _ => return Filled::Absent,
        }
        let Some(frame) = frames::zeroed_at_once() else { return Filled::Absent };
        cursor.map(frame.into(), property);
        self.resident.fetch_add(1, Ordering::Relaxed);
        Filled::New
    }

    /// Maps a frame where nothing is.
    fn set(&self, page: usize, frame: UFrame, property: PageProperty) -> Result<(), FaultError> {
        let guard = disable_preempt();
        // The range is a user page: the cursor cannot be refused.
        let cursor = self.vm().cursor_mut(&guard, &(page..page + PAGE_SIZE));
        cursor.map_err(|_| FaultError::NotAllowed)?.map(frame, property);
        self.resident.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Gives a page that is there more permissions.
    fn allow(&self, page: usize, property: PageProperty) {
        let guard = disable_preempt();
        if let Ok(mut cursor) = self.vm().cursor_mut(&guard, &(page..page + PAGE_SIZE)) {
            // No CPU has to forget anything: who believes that the page cannot be written to asks here.
            cursor.protect_next(PAGE_SIZE, |flags, _| *flags = property.flags);
        }
    }

    /// Maps another frame in place of the one that is there.
    fn replace(&self, page: usize, frame: UFrame, property: PageProperty) -> Result<(), FaultError> {
        let guard = disable_preempt();
        let range = page..page + PAGE_SIZE;
        let mut cursor = self.vm().cursor_mut(&guard, &range).map_err(|_| FaultError::NotAllowed)?;
        cursor.unmap(PAGE_SIZE);
        // Every CPU has to see the new one before it is written to.
        cursor.flusher().sync_tlb_flush();
        if cursor.jump(page).is_ok() {
            cursor.map(frame, property);
        }
        Ok(())
    }

    /// Makes a private page that others have too this address space's own: by a copy, unless it is a page of zeros or of a
    /// copy that the others have given up by now.
    fn own(
        &self,
        page: usize,
        frame: &UFrame,
        held: PageProperty,
        property: PageProperty,
    ) -> Result<(), FaultError> {
        // The page table's and `frame`. Who else could refer to the frame had to find it in this page table.
        if frame.reference_count() == 2 && !held.flags.contains(OF_FILE) {
            self.allow(page, property);
            return Ok(());
        }
        let copy = frames::copy_of(frame).ok_or(FaultError::NoMemory)?;
        self.replace(page, copy.into(), property)
    }

    /// Maps the pages around `page` that the file has at hand, as they are likely to be wanted next.
    fn map_around(&self, start: usize, mapping: &Mapping, inherited: Option<&Pages>, page: usize) {
        let Some((source, offset)) = mapping.backing.file() else { return };
        let whole = match &mapping.backing {
            Backing::File { length, .. } => start.saturating_add(page_down(*length)).min(mapping.end),
            _ => mapping.end,
        };
        let window = page & !(AROUND * PAGE_SIZE - 1);
        let range = window.max(start)..(window + AROUND * PAGE_SIZE).min(whole);
        let inherited = inherited.map_or(&[][..], |pages| pages.within(&range));
        let number = |address: usize| (offset + (address - start) as u64) / PAGE_SIZE as u64;
        let mut found: [Option<UFrame>; AROUND] = [const { None }; AROUND];
        let first = number(range.start);
        source.inode().pages_at_hand(first..number(range.end), |number, page| {
            if let Some(place) = found.get_mut((number - first) as usize) {
                *place = frame_of(&*page);
            }
        });
        let guard = disable_preempt();
        let Ok(mut cursor) = self.vm().cursor_mut(&guard, &range) else { return };
        let mut mapped = 0;
        for (index, frame) in found.into_iter().enumerate() {
            let Some(frame) = frame else { continue };
            let address = range.start + index * PAGE_SIZE;
            if inherited.iter().any(|(other, _)| *other == address) {
                continue;
            }
            if (cursor.virt_addr() == address || cursor.jump(address).is_ok())
                && matches!(cursor.query(), Ok((_, None)))
            {
                cursor.map(frame, file_property(mapping.protection));
                mapped += 1;
            }
        }
        self.resident.fetch_add(mapped, Ordering::Relaxed);
    }
}

/// How many pages around one that is touched are mapped with it: a power of two.
const AROUND: usize = 16;

/// Marks pages that are a file's, not this address space's.
pub(super) const OF_FILE: PageFlags = PageFlags::AVAIL2;

pub(super) fn property(protection: Protection) -> PageProperty {
    PageProperty::new_user(protection.page_flags(), CachePolicy::Writeback)
}

/// That of a file's page, which becomes writable by a fault only.
fn file_property(protection: Protection) -> PageProperty {
    let flags = protection.page_flags() - PageFlags::W;
    PageProperty::new_user(flags | OF_FILE, CachePolicy::Writeback)
}

/// The page of a file that begins at `offset`, to be mapped as it is.
fn file_page(source: &dyn Source, offset: u64, write: bool) -> Result<UFrame, FaultError> {
    let number = offset / PAGE_SIZE as u64;
    let page = match source.inode().page(number, write) {
        // What is short is memory rather than room on the file system, perhaps.
        Err(_) if system::give_up_copies() > 0 => source.inode().page(number, write),
        result => result,
    };
    let page = page.ok().flatten().ok_or(FaultError::NoContents)?;
    frame_of(&*page).ok_or(FaultError::NoContents)
}

/// A copy of `length` bytes of a file from `offset` on, with zeros behind them.
fn private_copy(source: &dyn Source, offset: u64, length: usize) -> Result<UFrame, FaultError> {
    // Within a file mapping but behind the file's last page there is nothing; the loader maps zeros of its own.
    if length == 0 || source.inode().length() <= offset {
        return Err(FaultError::NoContents);
    }
    let frame = frames::zeroed().ok_or(FaultError::NoMemory)?;
    let mut filled = 0;
    while filled < length {
        let at = offset + filled as u64;
        let mut part = [0; 512];
        let bytes = match source.inode().borrowed(at) {
            Some(bytes) => &bytes[..bytes.len().min(length - filled)],
            None => {
                let part = &mut part[..(length - filled).min(512)];
                let count = source.read_at(at, part).map_err(|_| FaultError::NoContents)?;
                &part[..count]
            }
        };
        if bytes.is_empty() {
            break;
        }
        frame.writer().skip(filled).write(&mut VmReader::from(bytes));
        filled += bytes.len();
    }
    Ok(frame.into())
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
        let access = Access::from_exception(info);
        loop {
            match space.fault(info.addr, access) {
                Err(FaultError::NoMemory) if !thread.process.is_ending() => relieve(&thread.process),
                result => return result.map_err(drop),
            }
        }
    });
}
