//! What is in memory: msync(2), mincore(2), mlock(2) and its kin.

use linux_raw_sys::general::{
    __NR_mincore, __NR_mlock, __NR_mlock2, __NR_mlockall, __NR_msync, __NR_munlock, __NR_munlockall,
    CAP_IPC_LOCK, MCL_CURRENT, MCL_FUTURE, MCL_ONFAULT, MLOCK_ONFAULT, MS_ASYNC, MS_INVALIDATE, MS_SYNC,
    RLIMIT_MEMLOCK,
};
use socket::error::{Errno, Result};

use super::{Arguments, Calls, Handler::Plain, memory::populate};
use crate::{
    context::Context,
    mm::layout::{HIGHEST, PAGE_SIZE, page_down, page_up},
};

pub(super) const CALLS: &Calls = &[
    (__NR_msync, Plain(msync)),
    (__NR_mincore, Plain(mincore)),
    (__NR_mlock, Plain(|context, &[start, length, ..]| lock(context, start, length, true))),
    (__NR_mlock2, Plain(mlock2)),
    (__NR_munlock, Plain(munlock)),
    (__NR_mlockall, Plain(mlockall)),
    (__NR_munlockall, Plain(|context, _| context.space.set_all_locked(Some(false), false, 0).map(|()| 0))),
];

/// How many pages mincore looks at in one go.
const PIECE: usize = 4096;

/// What is mapped is the file itself: there is nothing to write back.
fn msync(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [start, length, flags, ..] = *arguments;
    let flags = flags as u32;
    if flags & !(MS_ASYNC | MS_SYNC | MS_INVALIDATE) != 0
        || flags & (MS_ASYNC | MS_SYNC) == MS_ASYNC | MS_SYNC
    {
        return Err(Errno::EINVAL.into());
    }
    if !start.is_multiple_of(PAGE_SIZE) {
        return Err(Errno::EINVAL.into());
    }
    // As on Linux, a length that overflows is none, and one that only the sum overflows with is not mapped.
    let length = page_up(length).unwrap_or(0);
    start.checked_add(length).ok_or(Errno::ENOMEM)?;
    context.space.check_synced(start, length, flags & MS_INVALIDATE != 0).map(|()| 0)
}

fn mincore(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [start, length, vector, ..] = *arguments;
    if !start.is_multiple_of(PAGE_SIZE) {
        return Err(Errno::EINVAL.into());
    }
    if start.checked_add(length).is_none_or(|end| end > HIGHEST) {
        return Err(Errno::ENOMEM.into());
    }
    let count = length.div_ceil(PAGE_SIZE);
    if vector.checked_add(count).is_none_or(|end| end > HIGHEST) {
        return Err(Errno::EFAULT.into());
    }
    for done in (0..count).step_by(PIECE) {
        let pages = context.space.in_core(start + done * PAGE_SIZE, PIECE.min(count - done))?;
        context.space.write_bytes(vector + done, &pages).map_err(|_| Errno::EFAULT)?;
    }
    Ok(0)
}

fn mlock2(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [start, length, flags, ..] = *arguments;
    match flags as u32 {
        0 => lock(context, start, length, true),
        MLOCK_ONFAULT => lock(context, start, length, false),
        _ => Err(Errno::EINVAL.into()),
    }
}

/// How much may be locked, in bytes.
///
/// # Errors
/// EPERM where it is nothing at all.
fn limit(context: &Context) -> Result<u64> {
    if context.thread.credentials.lock().can(CAP_IPC_LOCK) {
        return Ok(u64::MAX);
    }
    let limit = context.process.limits.lock().get(RLIMIT_MEMLOCK).map_or(u64::MAX, |limit| limit.soft);
    if limit == 0 { Err(Errno::EPERM.into()) } else { Ok(limit) }
}

fn lock(context: &Context, start: usize, length: usize, bring_in: bool) -> Result<usize> {
    context.space.set_locked(start, length, true, limit(context)?)?;
    let end = start.checked_add(length).and_then(page_up);
    match end.filter(|_| bring_in && length != 0) {
        // As on Linux, what may not be touched cannot be locked.
        Some(end) if !populate(context, page_down(start)..end) => Err(Errno::ENOMEM.into()),
        _ => Ok(0),
    }
}

fn munlock(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [start, length, ..] = *arguments;
    context.space.set_locked(start, length, false, 0).map(|()| 0)
}

fn mlockall(context: &Context, arguments: &Arguments) -> Result<usize> {
    let flags = arguments[0] as u32;
    if flags & !(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0 || matches!(flags, 0 | MCL_ONFAULT) {
        return Err(Errno::EINVAL.into());
    }
    let current = flags & MCL_CURRENT != 0;
    context.space.set_all_locked(current.then_some(true), flags & MCL_FUTURE != 0, limit(context)?)?;
    if current && flags & MCL_ONFAULT == 0 {
        for range in context.space.ranges() {
            // As on Linux, what cannot be brought in is no error here.
            populate(context, range);
        }
    }
    Ok(0)
}
