//! eventfd(2).

use linux_raw_sys::general::{__NR_eventfd, __NR_eventfd2, EFD_SEMAPHORE, O_CLOEXEC, O_NONBLOCK};
use socket::error::{Errno, Error, Result};

use super::{Arguments, Calls, Handler::Plain};
use crate::{
    context::Context,
    special::{self, eventfd::EventCounter},
};

pub(super) const CALLS: &Calls = &[
    (__NR_eventfd, Plain(|context, &[count, ..]| make(context, count as u32, 0))),
    (__NR_eventfd2, Plain(eventfd2)),
];

fn eventfd2(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [count, flags, ..] = *arguments;
    make(context, count as u32, flags as u32)
}

/// EFD_CLOEXEC and EFD_NONBLOCK are the flags of open(2).
fn make(context: &Context, count: u32, flags: u32) -> Result<usize> {
    if flags & !(EFD_SEMAPHORE | O_CLOEXEC | O_NONBLOCK) != 0 {
        return Err(Error::new(Errno::EINVAL, "no such flag"));
    }
    special::open(context, EventCounter::new(count, flags & EFD_SEMAPHORE != 0), flags)
}
