//! Waiting for many files: epoll(7), poll(2), select(2), and the files that exist to be waited for.

pub(crate) mod eventfd;
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
