//! madvise(2).

use linux_raw_sys::general::{
    __NR_madvise, MADV_COLD, MADV_DODUMP, MADV_DOFORK, MADV_DONTDUMP, MADV_DONTFORK, MADV_DONTNEED,
    MADV_DONTNEED_LOCKED, MADV_FREE, MADV_HUGEPAGE, MADV_KEEPONFORK, MADV_MERGEABLE, MADV_NOHUGEPAGE,
    MADV_NORMAL, MADV_PAGEOUT, MADV_POPULATE_READ, MADV_POPULATE_WRITE, MADV_RANDOM, MADV_SEQUENTIAL,
    MADV_UNMERGEABLE, MADV_WILLNEED, MADV_WIPEONFORK,
};
use ostd::task::Task;
use socket::error::{Errno, Result};

use super::{Arguments, Calls, Handler::Plain};
use crate::{
    context::Context,
    mm::{
        Access, Discard, FaultError, OnFork,
        layout::{PAGE_SIZE, page_up},
    },
};

pub(super) const CALLS: &Calls = &[(__NR_madvise, Plain(madvise))];

/// Advice that only asks for speed, or concerns dumps, of which there are none, is taken by doing nothing.
fn madvise(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [address, length, advice, ..] = *arguments;
    let space = &context.space;
    match advice as u32 {
        MADV_DONTNEED => space.discard(address, length, Discard::Unlocked)?,
        MADV_DONTNEED_LOCKED => space.discard(address, length, Discard::All)?,
        // Freeing at once is one of the moments at which Linux may free.
        MADV_FREE => space.discard(address, length, Discard::Anonymous)?,
        MADV_DONTFORK => space.set_on_fork(address, length, OnFork::Omit, None)?,
        MADV_DOFORK => space.set_on_fork(address, length, OnFork::Copy, Some(OnFork::Omit))?,
        MADV_WIPEONFORK => space.set_on_fork(address, length, OnFork::Wipe, None)?,
        MADV_KEEPONFORK => space.set_on_fork(address, length, OnFork::Copy, Some(OnFork::Wipe))?,
        MADV_POPULATE_READ => bring_in(context, address, length, Access::Read)?,
        MADV_POPULATE_WRITE => bring_in(context, address, length, Access::Write)?,
        MADV_NORMAL | MADV_RANDOM | MADV_SEQUENTIAL | MADV_WILLNEED | MADV_HUGEPAGE | MADV_NOHUGEPAGE
        | MADV_DONTDUMP | MADV_DODUMP | MADV_COLD | MADV_PAGEOUT | MADV_MERGEABLE | MADV_UNMERGEABLE => {
            space.check_mapped(address, length)?;
        }
        _ => return Err(Errno::EINVAL.into()),
    }
    Ok(0)
}

/// Touches the pages of a range, as the program would.
///
/// # Errors
/// EINVAL for a range that does not begin at a page, or that may not be touched so; ENOMEM where a part is not mapped or
/// memory is short; EFAULT for a part of a file that does not exist; EINTR.
fn bring_in(context: &Context, start: usize, length: usize, access: Access) -> Result<()> {
    context.space.check_mapped(start, length)?;
    let end = start + page_up(length).ok_or(Errno::EINVAL)?;
    for (count, page) in (start..end).step_by(PAGE_SIZE).enumerate() {
        if context.thread.must_attend() {
            return Err(Errno::EINTR.into());
        }
        context.space.fault(page, access).map_err(|error| match error {
            FaultError::NotAllowed => Errno::EINVAL,
            FaultError::NoContents => Errno::EFAULT,
            FaultError::NoMemory => Errno::ENOMEM,
        })?;
        if count % 64 == 63 {
            Task::yield_now();
        }
    }
    Ok(())
}
