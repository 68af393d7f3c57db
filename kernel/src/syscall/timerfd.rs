//! timerfd_create(2), timerfd_settime(2), timerfd_gettime(2).

use alloc::sync::Arc;
use core::time::Duration;

use linux_raw_sys::general::{
    __NR_timerfd_create, __NR_timerfd_gettime, __NR_timerfd_settime, CAP_WAKE_ALARM, CLOCK_BOOTTIME,
    CLOCK_BOOTTIME_ALARM, CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_REALTIME_ALARM, O_CLOEXEC, O_NONBLOCK,
    TFD_TIMER_ABSTIME, TFD_TIMER_CANCEL_ON_SET,
};
use socket::error::{Errno, Error, Result};
use vfs::{Handle, OpenFile};

use super::{Arguments, Calls, Handler::Plain, time::read_timespec};
use crate::{
    context::Context,
    special::{
        self,
        timerfd::{Setting, TimerFile},
    },
};

pub(super) const CALLS: &Calls = &[
    (__NR_timerfd_create, Plain(timerfd_create)),
    (__NR_timerfd_settime, Plain(timerfd_settime)),
    (__NR_timerfd_gettime, Plain(timerfd_gettime)),
];

/// `sizeof(struct timespec)`.
const TIMESPEC: usize = 16;

/// TFD_CLOEXEC and TFD_NONBLOCK are the flags of open(2).
fn timerfd_create(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [clock, flags, ..] = arguments.map(|argument| argument as u32);
    let wakes = matches!(clock, CLOCK_REALTIME_ALARM | CLOCK_BOOTTIME_ALARM);
    let known = wakes || matches!(clock, CLOCK_REALTIME | CLOCK_MONOTONIC | CLOCK_BOOTTIME);
    if flags & !(O_CLOEXEC | O_NONBLOCK) != 0 || !known {
        return Err(Error::new(Errno::EINVAL, "no such flag, or no such clock"));
    }
    if wakes && !context.thread.credentials.lock().can(CAP_WAKE_ALARM) {
        return Err(Error::new(Errno::EPERM, "only the superuser wakes the machine"));
    }
    special::open(context, TimerFile::new(clock), flags)
}

fn timerfd_settime(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [descriptor, flags, new_at, old_at, ..] = *arguments;
    let flags = flags as u32;
    let [interval, value] = read_times(context, new_at)?;
    if flags & !(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET) != 0 {
        return Err(Error::new(Errno::EINVAL, "no such flag"));
    }
    let new = Setting { value: value?, interval: interval? };
    let file = file(context, descriptor)?;
    let old = timer(&file)?.set(flags, new);
    if old_at != 0 {
        write_setting(context, old_at, old)?;
    }
    Ok(0)
}

fn timerfd_gettime(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [descriptor, at, ..] = *arguments;
    let file = file(context, descriptor)?;
    let now = timer(&file)?.get();
    write_setting(context, at, now)?;
    Ok(0)
}

/// Reads the two times of a struct itimerspec; each may be no time at all.
///
/// # Errors
/// EFAULT.
fn read_times(context: &Context, at: usize) -> Result<[Result<Duration>; 2]> {
    let times = [at, at.wrapping_add(TIMESPEC)].map(|at| read_timespec(context, at));
    if let Some(error) =
        times.iter().find_map(|time| time.as_ref().err().filter(|e| e.errno == Errno::EFAULT))
    {
        return Err(*error);
    }
    Ok(times)
}

fn write_setting(context: &Context, at: usize, setting: Setting) -> Result<()> {
    let [interval, value] =
        [setting.interval, setting.value].map(|time| [time.as_secs(), time.subsec_nanos().into()]);
    context.space.write(at, &[interval[0], interval[1], value[0], value[1]])
}

fn file(context: &Context, descriptor: usize) -> Result<Arc<OpenFile>> {
    match context.files.get(descriptor as i32)? {
        Handle::File(file) if file.is_path_only() => Err(Errno::EBADF.into()),
        Handle::File(file) => Ok(file),
        Handle::Socket(_) => Err(Error::new(Errno::EINVAL, "not a timer")),
    }
}

fn timer(file: &OpenFile) -> Result<&TimerFile> {
    file.special_as::<TimerFile>().ok_or(Error::new(Errno::EINVAL, "not a timer"))
}
