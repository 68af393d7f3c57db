//! epoll_create(2), epoll_ctl(2), epoll_wait(2).

use alloc::sync::Arc;
use core::time::Duration;

use ::socket::error::{Errno, Error, Result};
use linux_raw_sys::general::{
    __NR_epoll_create, __NR_epoll_create1, __NR_epoll_ctl, __NR_epoll_pwait, __NR_epoll_pwait2,
    __NR_epoll_wait, EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD, EPOLLERR, EPOLLET, EPOLLEXCLUSIVE,
    EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLWAKEUP, O_CLOEXEC,
};
use vfs::{Handle, OpenFile};

use super::{
    Arguments, Calls,
    Handler::Plain,
    poll::{Deadline, read_mask},
    time::read_timespec,
};
use crate::{
    context::Context,
    mm::layout::HIGHEST,
    process::signal,
    special::{
        self,
        epoll::{EVENT, Epoll, Interest, Room},
    },
};

pub(super) const CALLS: &Calls = &[
    (__NR_epoll_create, Plain(epoll_create)),
    (__NR_epoll_create1, Plain(epoll_create1)),
    (__NR_epoll_ctl, Plain(epoll_ctl)),
    (__NR_epoll_wait, Plain(epoll_wait)),
    (__NR_epoll_pwait, Plain(epoll_pwait)),
    (__NR_epoll_pwait2, Plain(epoll_pwait2)),
];

/// What may be asked for with EPOLLEXCLUSIVE.
const EXCLUSIVE_ALLOWED: u32 =
    EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE;

/// The most events that one call may ask for: an int of bytes.
const MOST_EVENTS: usize = i32::MAX as usize / EVENT;

/// The size is of no use any more.
fn epoll_create(context: &Context, arguments: &Arguments) -> Result<usize> {
    if arguments[0] as i32 <= 0 {
        return Err(Error::new(Errno::EINVAL, "a size that is not positive"));
    }
    special::open(context, Epoll::new(), 0)
}

/// EPOLL_CLOEXEC is the flag of open(2).
fn epoll_create1(context: &Context, arguments: &Arguments) -> Result<usize> {
    let flags = arguments[0] as u32;
    if flags & !O_CLOEXEC != 0 {
        return Err(Error::new(Errno::EINVAL, "no such flag"));
    }
    special::open(context, Epoll::new(), flags)
}

fn epoll_ctl(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [epoll, operation, descriptor, event_at, ..] = *arguments;
    let (operation, descriptor) = (operation as u32, descriptor as i32);
    let mut interest = Interest { events: 0, data: 0 };
    if operation != EPOLL_CTL_DEL {
        let event = context.space.read::<[u32; EVENT / 4]>(event_at)?;
        interest.events = event[0];
        interest.data = u64::from(event[1]) | u64::from(event[2]) << 32;
    }
    let file = context.files.get(epoll as i32)?;
    file.usable()?;
    let target = context.files.get(descriptor)?;
    target.usable()?;
    if matches!(&target, Handle::File(target) if !target.is_pollable()) {
        return Err(Error::new(Errno::EPERM, "there is nothing to wait for at that file"));
    }
    let file = open_file(file)?;
    if file_is(&file, &target) {
        return Err(Error::new(Errno::EINVAL, "an epoll does not watch itself"));
    }
    let epoll = epoll_of(&file)?;
    if interest.events & EPOLLEXCLUSIVE != 0 {
        let nested = matches!(&target, Handle::File(target) if target.special_as::<Epoll>().is_some());
        let refused = nested || interest.events & !EXCLUSIVE_ALLOWED != 0;
        if operation == EPOLL_CTL_MOD || operation == EPOLL_CTL_ADD && refused {
            return Err(Error::new(Errno::EINVAL, "EPOLLEXCLUSIVE does not go with that"));
        }
    }
    match operation {
        EPOLL_CTL_ADD => epoll.add(&target, descriptor, interest)?,
        EPOLL_CTL_MOD => epoll.modify(&target, descriptor, interest)?,
        EPOLL_CTL_DEL => epoll.remove(&target, descriptor)?,
        _ => return Err(Error::new(Errno::EINVAL, "no such operation")),
    }
    Ok(0)
}

fn file_is(file: &Arc<OpenFile>, other: &Handle) -> bool {
    matches!(other, Handle::File(other) if Arc::ptr_eq(file, other))
}

fn open_file(handle: Handle) -> Result<Arc<OpenFile>> {
    match handle {
        Handle::File(file) if file.is_path_only() => Err(Errno::EBADF.into()),
        Handle::File(file) => Ok(file),
        Handle::Socket(_) => Err(Error::new(Errno::EINVAL, "not an epoll")),
    }
}

fn epoll_of(file: &OpenFile) -> Result<&Epoll> {
    file.special_as::<Epoll>().ok_or(Error::new(Errno::EINVAL, "not an epoll"))
}

/// A timeout in milliseconds; none where it is negative.
fn milliseconds(timeout: usize) -> Deadline {
    match u64::try_from(timeout as i32) {
        Ok(milliseconds) => Deadline::after(Duration::from_millis(milliseconds)),
        Err(_) => Deadline::Never,
    }
}

fn epoll_wait(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [epoll, at, most, timeout, ..] = *arguments;
    wait(context, epoll, at, most, || milliseconds(timeout))
}

fn epoll_pwait(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [epoll, at, most, timeout, mask_at, mask_size] = *arguments;
    let mask = read_mask(context, mask_at, mask_size)?;
    signal::with_mask(context, mask, || wait(context, epoll, at, most, || milliseconds(timeout)))
}

fn epoll_pwait2(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [epoll, at, most, timeout_at, mask_at, mask_size] = *arguments;
    let deadline = match timeout_at {
        0 => Deadline::Never,
        address => Deadline::after(read_timespec(context, address)?),
    };
    let mask = read_mask(context, mask_at, mask_size)?;
    signal::with_mask(context, mask, || wait(context, epoll, at, most, || deadline))
}

fn wait(
    context: &Context,
    epoll: usize,
    at: usize,
    most: usize,
    deadline: impl FnOnce() -> Deadline,
) -> Result<usize> {
    let file = context.files.get(epoll as i32)?;
    file.usable()?;
    let most = usize::try_from(most as i32).unwrap_or(0);
    if most == 0 || most > MOST_EVENTS {
        return Err(Error::new(Errno::EINVAL, "no such number of events"));
    }
    if at.checked_add(most * EVENT).is_none_or(|end| end > HIGHEST) {
        return Err(Error::new(Errno::EFAULT, "the range is not the program's"));
    }
    let file = open_file(file)?;
    let epoll = epoll_of(&file)?;
    let room = Room { at, most };
    if let Some(result) = epoll.harvest(context, room) {
        return result;
    }
    match deadline() {
        Deadline::Now => Ok(0),
        Deadline::At(deadline) => epoll.wait(context, room, Some(deadline)),
        Deadline::Never => epoll.wait(context, room, None),
    }
}
