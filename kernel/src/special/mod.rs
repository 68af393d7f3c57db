//! Files that calls of their own make, and that are nowhere else: eventfd(2) and its kin.

pub(crate) mod epoll;
pub(crate) mod eventfd;
pub(crate) mod pidfd;
pub(crate) mod signalfd;
pub(crate) mod timerfd;

use alloc::sync::Arc;

use linux_raw_sys::general::{O_CLOEXEC, O_NONBLOCK};
use socket::error::Result;
use vfs::{Handle, OpenFile, Special};

use crate::context::Context;

/// Opens what a call has made under a new descriptor. Of `flags`, O_NONBLOCK and O_CLOEXEC matter.
///
/// # Errors
/// EMFILE.
pub(crate) fn open(context: &Context, special: Arc<dyn Special>, flags: u32) -> Result<usize> {
    let file = OpenFile::special(&context.system.anonymous, special, flags & O_NONBLOCK);
    let number = context.files.add(Handle::File(file), flags & O_CLOEXEC != 0)?;
    Ok(number as usize)
}
