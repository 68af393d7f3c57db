//! Waiting for many files, and the files that exist to be waited for.

use std::os::fd::OwnedFd;

use super::{Argument, Descriptor, Fill, Number, Words, call, owned};
use crate::errno::Result;

/// eventfd2(2)
#[track_caller]
pub(crate) fn eventfd(count: u32, flags: i32) -> Result<OwnedFd> {
    let mut words = Words::default();
    count.place(&mut words);
    flags.place(&mut words);
    // SAFETY: numbers alone.
    unsafe { call("eventfd2", libc::SYS_eventfd2, &words) }.map(owned)
}

/// Adds to an eventfd.
#[track_caller]
pub(crate) fn add(fd: &impl Descriptor, value: u64) -> Result<usize> {
    super::write(fd, &value.to_ne_bytes())
}

/// Reads the value of an eventfd, or how often a timerfd has expired.
#[track_caller]
pub(crate) fn take(fd: &impl Descriptor) -> Result<u64> {
    let mut bytes = [0; 8];
    let length = super::read(fd, &mut bytes)?;
    assert_eq!(length, bytes.len(), "counters are read whole");
    Ok(u64::from_ne_bytes(bytes))
}

/// timerfd_create(2)
#[track_caller]
pub(crate) fn timerfd(clock: i32, flags: i32) -> Result<OwnedFd> {
    let mut words = Words::default();
    clock.place(&mut words);
    flags.place(&mut words);
    // SAFETY: numbers alone.
    unsafe { call("timerfd_create", libc::SYS_timerfd_create, &words) }.map(owned)
}

/// A time and an interval in nanoseconds as struct itimerspec.
fn itimerspec(value: i64, interval: i64) -> libc::itimerspec {
    let time = |time: i64| libc::timespec { tv_sec: time / 1_000_000_000, tv_nsec: time % 1_000_000_000 };
    libc::itimerspec { it_interval: time(interval), it_value: time(value) }
}

fn parts(time: libc::itimerspec) -> (i64, i64) {
    let nanoseconds = |time: libc::timespec| time.tv_sec * 1_000_000_000 + time.tv_nsec;
    (nanoseconds(time.it_value), nanoseconds(time.it_interval))
}

/// timerfd_settime(2), times in nanoseconds; returns what was left, and the old interval.
#[track_caller]
pub(crate) fn timerfd_settime(
    fd: &impl Descriptor,
    flags: i32,
    value: i64,
    interval: i64,
) -> Result<(i64, i64)> {
    timerfd_settime_raw(fd, flags, &mut itimerspec(value, interval))
}

/// timerfd_settime(2) with any struct.
#[track_caller]
pub(crate) fn timerfd_settime_raw(
    fd: &impl Descriptor,
    flags: i32,
    new: &mut libc::itimerspec,
) -> Result<(i64, i64)> {
    let mut old = itimerspec(0, 0);
    let mut words = Words::default();
    Number(fd.number()).place(&mut words);
    flags.place(&mut words);
    Fill(new).place(&mut words);
    Fill(&mut old).place(&mut words);
    // SAFETY: the kernel reads one struct and fills the other.
    unsafe { call("timerfd_settime", libc::SYS_timerfd_settime, &words) }?;
    Ok(parts(old))
}

/// timerfd_gettime(2): what is left, and the interval, in nanoseconds.
#[track_caller]
pub(crate) fn timerfd_gettime(fd: &impl Descriptor) -> Result<(i64, i64)> {
    let mut now = itimerspec(0, 0);
    let mut words = Words::default();
    Number(fd.number()).place(&mut words);
    Fill(&mut now).place(&mut words);
    // SAFETY: the kernel fills one struct.
    unsafe { call("timerfd_gettime", libc::SYS_timerfd_gettime, &words) }?;
    Ok(parts(now))
}

/// epoll_create1(2)
#[track_caller]
pub(crate) fn epoll(flags: i32) -> Result<OwnedFd> {
    let mut words = Words::default();
    flags.place(&mut words);
    // SAFETY: a number alone.
    unsafe { call("epoll_create1", libc::SYS_epoll_create1, &words) }.map(owned)
}

/// epoll_ctl(2)
#[track_caller]
pub(crate) fn epoll_ctl(
    epoll: &impl Descriptor,
    operation: i32,
    fd: &impl Descriptor,
    events: u32,
    data: u64,
) -> Result<usize> {
    let mut event = libc::epoll_event { events, u64: data };
    let mut words = Words::default();
    Number(epoll.number()).place(&mut words);
    operation.place(&mut words);
    Number(fd.number()).place(&mut words);
    Fill(&mut event).place(&mut words);
    // SAFETY: the kernel reads one struct.
    unsafe { call("epoll_ctl", libc::SYS_epoll_ctl, &words) }
}

/// epoll_wait(2), the timeout in milliseconds: events and data, in the kernel's order.
#[track_caller]
pub(crate) fn epoll_wait(epoll: &impl Descriptor, most: usize, timeout: i32) -> Result<Vec<(u32, u64)>> {
    let mut events = vec![libc::epoll_event { events: 0, u64: 0 }; most];
    let count = epoll_wait_into(epoll, &mut events, timeout)?;
    Ok(events[..count].iter().map(|event| (event.events, event.u64)).collect())
}

/// epoll_wait(2)
#[track_caller]
pub(crate) fn epoll_wait_into(
    epoll: &impl Descriptor,
    events: &mut [libc::epoll_event],
    timeout: i32,
) -> Result<usize> {
    let words = Words {
        words: [
            epoll.number() as isize as usize,
            events.as_mut_ptr() as usize,
            events.len(),
            timeout as isize as usize,
            0,
            0,
        ],
        used: 4,
    };
    // SAFETY: the kernel fills as many structs as are lent.
    unsafe { call("epoll_wait", libc::SYS_epoll_wait, &words) }
}
