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

/// An offset that the kernel reads and moves, or none.
fn offset(offset: Option<&mut i64>) -> usize {
    offset.map_or(0, |offset| std::ptr::from_mut(offset) as usize)
}

/// sendfile(2)
#[track_caller]
pub(crate) fn sendfile(
    to: &impl Descriptor,
    from: &impl Descriptor,
    at: Option<&mut i64>,
    count: usize,
) -> Result<usize> {
    let mut words = Words::default();
    Number(to.number()).place(&mut words);
    Number(from.number()).place(&mut words);
    offset(at).place(&mut words);
    count.place(&mut words);
    // SAFETY: the kernel reads and moves one offset, which is lent.
    unsafe { call("sendfile", libc::SYS_sendfile, &words) }
}

/// splice(2)
#[track_caller]
pub(crate) fn splice(
    from: &impl Descriptor,
    from_at: Option<&mut i64>,
    to: &impl Descriptor,
    to_at: Option<&mut i64>,
    count: usize,
    flags: u32,
) -> Result<usize> {
    let mut words = Words::default();
    Number(from.number()).place(&mut words);
    offset(from_at).place(&mut words);
    Number(to.number()).place(&mut words);
    offset(to_at).place(&mut words);
    (count, flags).place(&mut words);
    // SAFETY: the kernel reads and moves two offsets, which are lent.
    unsafe { call("splice", libc::SYS_splice, &words) }
}

/// copy_file_range(2)
#[track_caller]
pub(crate) fn copy_file_range(
    from: &impl Descriptor,
    from_at: Option<&mut i64>,
    to: &impl Descriptor,
    to_at: Option<&mut i64>,
    count: usize,
    flags: u32,
) -> Result<usize> {
    let mut words = Words::default();
    Number(from.number()).place(&mut words);
    offset(from_at).place(&mut words);
    Number(to.number()).place(&mut words);
    offset(to_at).place(&mut words);
    (count, flags).place(&mut words);
    // SAFETY: as in `splice`.
    unsafe { call("copy_file_range", libc::SYS_copy_file_range, &words) }
}

impl Argument for (usize, u32) {
    fn place(self, words: &mut Words) {
        self.0.place(words);
        self.1.place(words);
    }
}

/// tee(2)
#[track_caller]
pub(crate) fn tee(from: &impl Descriptor, to: &impl Descriptor, count: usize, flags: u32) -> Result<usize> {
    let mut words = Words::default();
    Number(from.number()).place(&mut words);
    Number(to.number()).place(&mut words);
    (count, flags).place(&mut words);
    // SAFETY: no memory is involved.
    unsafe { call("tee", libc::SYS_tee, &words) }
}

/// vmsplice(2) into a pipe
#[track_caller]
pub(crate) fn vmsplice(fd: &impl Descriptor, data: &[std::io::IoSlice<'_>], flags: u32) -> Result<usize> {
    let mut words = Words::default();
    Number(fd.number()).place(&mut words);
    data.place(&mut words);
    flags.place(&mut words);
    // SAFETY: the data is lent, and the tests empty the pipe before they give it up.
    unsafe { call("vmsplice", libc::SYS_vmsplice, &words) }
}

/// vmsplice(2) out of a pipe
#[track_caller]
pub(crate) fn vmsplice_out(
    fd: &impl Descriptor,
    into: &mut [std::io::IoSliceMut<'_>],
    flags: u32,
) -> Result<usize> {
    let mut words = Words::default();
    Number(fd.number()).place(&mut words);
    into.place(&mut words);
    flags.place(&mut words);
    // SAFETY: as in readv.
    unsafe { call("vmsplice", libc::SYS_vmsplice, &words) }
}

/// A vector of ranges, and the offset as two halves.
fn vectors(words: &mut Words, offset: i64, flags: i32) {
    offset.place(words);
    words.push(0);
    flags.place(words);
}

/// preadv2(2)
#[track_caller]
pub(crate) fn preadv2(
    fd: &impl Descriptor,
    into: &mut [std::io::IoSliceMut<'_>],
    offset: i64,
    flags: i32,
) -> Result<usize> {
    let mut words = Words::default();
    Number(fd.number()).place(&mut words);
    into.place(&mut words);
    vectors(&mut words, offset, flags);
    // SAFETY: as in readv.
    unsafe { call("preadv2", libc::SYS_preadv2, &words) }
}

/// pwritev2(2)
#[track_caller]
pub(crate) fn pwritev2(
    fd: &impl Descriptor,
    data: &[std::io::IoSlice<'_>],
    offset: i64,
    flags: i32,
) -> Result<usize> {
    let mut words = Words::default();
    Number(fd.number()).place(&mut words);
    data.place(&mut words);
    vectors(&mut words, offset, flags);
    // SAFETY: as in writev.
    unsafe { call("pwritev2", libc::SYS_pwritev2, &words) }
}

/// ioctl(SIOCGIFCONF): what `ifc_len` says afterwards. Without a buffer it is how much room is needed; `said` is how long the
/// buffer is said to be, at most as long as it is.
#[track_caller]
pub(crate) fn ifconf(fd: &impl Descriptor, buffer: Option<&mut [u8]>, said: i32) -> Result<i32> {
    let length = buffer.as_ref().map_or(0, |buffer| buffer.len());
    assert!(buffer.is_none() || usize::try_from(said).is_ok_and(|said| said <= length));
    let mut request = [0_usize; 2];
    request[0] = said as u32 as usize;
    request[1] = buffer.map_or(0, |buffer| buffer.as_mut_ptr() as usize);
    let mut words = Words::default();
    Number(fd.number()).place(&mut words);
    libc::SIOCGIFCONF.place(&mut words);
    Fill(&mut request).place(&mut words);
    // SAFETY: the kernel writes into the buffer, which is borrowed mutably, no more than it is said to hold.
    unsafe { call("ioctl", libc::SYS_ioctl, &words) }?;
    Ok(request[0] as u32 as i32)
}
