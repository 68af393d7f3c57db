//! Calls about open files that take structures, or two descriptors.

use super::{Argument, Descriptor, Fill, Number, Words, call};
use crate::errno::Result;

/// ioctl(2) with an int to read or to fill
#[track_caller]
pub(crate) fn ioctl(fd: &impl Descriptor, request: u64, value: &mut i32) -> Result<usize> {
    let mut words = Words::default();
    Number(fd.number()).place(&mut words);
    request.place(&mut words);
    Fill(value).place(&mut words);
    // SAFETY: the tests make requests whose argument is an int, or nothing, or that no kernel knows for this file.
    unsafe { call("ioctl", libc::SYS_ioctl, &words) }
}

/// ioctl(2) with room for what a socket's requests take or fill, a `struct ifreq` or `ifconf`
#[track_caller]
pub(crate) fn ioctl_bytes(fd: &impl Descriptor, request: u64, room: &mut [u8; 64]) -> Result<usize> {
    let mut words = Words::default();
    Number(fd.number()).place(&mut words);
    request.place(&mut words);
    Fill(room).place(&mut words);
    // SAFETY: the room is larger than the argument of any request of a socket, and as zeros holds no address.
    unsafe { call("ioctl", libc::SYS_ioctl, &words) }
}

/// flock(2)
#[track_caller]
pub(crate) fn flock(fd: &impl Descriptor, operation: i32) -> Result<usize> {
    let mut words = Words::default();
    Number(fd.number()).place(&mut words);
    operation.place(&mut words);
    // SAFETY: no memory is involved.
    unsafe { call("flock", libc::SYS_flock, &words) }
}

/// fcntl(2) with a `struct flock`
#[track_caller]
pub(crate) fn fcntl_lock(fd: &impl Descriptor, command: i32, lock: &mut libc::flock) -> Result<usize> {
    let mut words = Words::default();
    Number(fd.number()).place(&mut words);
    command.place(&mut words);
    Fill(lock).place(&mut words);
    // SAFETY: the kernel reads and fills one `struct flock`, which is lent.
    unsafe { call("fcntl", libc::SYS_fcntl, &words) }
}
