//! Waiting for many files: epoll(7), poll(2), select(2), and the files that exist to be waited for.

pub(crate) mod epoll;
pub(crate) mod epoll_calls;
pub(crate) mod epoll_files;
pub(crate) mod epoll_threads;
pub(crate) mod eventfd;
pub(crate) mod poll;
pub(crate) mod select;
pub(crate) mod timerfd;

use crate::{errno::Result, sys};

/// What poll(2) says of one file at once.
fn polled(fd: &impl sys::Descriptor, events: i16) -> Result<i16> {
    let mut entries = [libc::pollfd { fd: fd.number(), events, revents: 0 }];
    sys::poll(&mut entries, 0)?;
    Ok(entries[0].revents)
}

/// Everything that can be asked for, apart from what only poll's results have.
const ALL: i16 = libc::POLLIN
    | libc::POLLPRI
    | libc::POLLOUT
    | libc::POLLRDNORM
    | libc::POLLRDBAND
    | libc::POLLWRNORM
    | libc::POLLWRBAND
    | libc::POLLRDHUP;

/// Events as epoll has them.
const IN: u32 = libc::EPOLLIN as u32;
const OUT: u32 = libc::EPOLLOUT as u32;
const HUP: u32 = libc::EPOLLHUP as u32;
const RDHUP: u32 = libc::EPOLLRDHUP as u32;
const EDGE: u32 = libc::EPOLLET as u32;
const ONCE: u32 = libc::EPOLLONESHOT as u32;
const EXCLUSIVE: u32 = libc::EPOLLEXCLUSIVE as u32;

/// An epoll that is given up on exec.
fn new_epoll() -> Result<std::os::fd::OwnedFd> {
    sys::epoll(libc::EPOLL_CLOEXEC)
}

/// Watches a file; `data` is its name.
#[track_caller]
fn add(epoll: &impl sys::Descriptor, fd: &impl sys::Descriptor, events: u32, data: u64) -> Result<usize> {
    sys::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, fd, events, data)
}

#[track_caller]
fn modify(epoll: &impl sys::Descriptor, fd: &impl sys::Descriptor, events: u32, data: u64) -> Result<usize> {
    sys::epoll_ctl(epoll, libc::EPOLL_CTL_MOD, fd, events, data)
}

#[track_caller]
fn remove(epoll: &impl sys::Descriptor, fd: &impl sys::Descriptor) -> Result<usize> {
    sys::epoll_ctl(epoll, libc::EPOLL_CTL_DEL, fd, 0, 0)
}

/// What has happened by now.
#[track_caller]
fn happened(epoll: &impl sys::Descriptor) -> Result<Vec<(u32, u64)>> {
    sys::epoll_wait(epoll, 64, 0)
}
