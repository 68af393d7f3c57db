//! Waiting for many files, and the files that exist to be waited for.

use std::os::fd::OwnedFd;

use super::{Argument, Descriptor, Words, call, owned};
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
