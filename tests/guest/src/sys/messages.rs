//! sendmsg(2) and recvmsg(2): the calls whose arguments are behind two pointers.

use std::io::{IoSlice, IoSliceMut};

use super::{Argument, Descriptor, Fill, Number, Words, call};
use crate::errno::Result;

/// What sendmsg(2) and recvmsg(2) say besides the payload.
#[derive(Debug, Default)]
pub(crate) struct Envelope<'a> {
    /// The buffer for, or the bytes of, the address; its length goes into `msg_namelen`.
    pub(crate) name: Option<&'a mut [u8]>,
    /// The same for control data.
    pub(crate) control: Option<&'a mut [u8]>,
    /// `msg_flags` as it goes in: the kernel must ignore it.
    pub(crate) flags: i32,
}

/// The header after the call.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// The value that the call returned: bytes of payload.
    pub(crate) bytes: usize,
    /// `msg_namelen`
    pub(crate) name: u32,
    /// `msg_controllen`
    pub(crate) control: usize,
    /// `msg_flags`
    pub(crate) flags: i32,
}

#[track_caller]
fn message(
    call_name: &'static str,
    number: i64,
    fd: &impl Descriptor,
    parts: (usize, usize),
    envelope: Envelope<'_>,
    flags: i32,
) -> Result<Header> {
    // SAFETY: a msghdr is integers and pointers, for which zero is a value.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    if let Some(name) = envelope.name {
        header.msg_name = name.as_mut_ptr().cast();
        header.msg_namelen = name.len() as u32;
    }
    if let Some(control) = envelope.control {
        header.msg_control = control.as_mut_ptr().cast();
        header.msg_controllen = control.len();
    }
    header.msg_iov = parts.0 as *mut libc::iovec;
    header.msg_iovlen = parts.1;
    header.msg_flags = envelope.flags;
    let mut words = Words::default();
    Number(fd.number()).place(&mut words);
    Fill(&mut header).place(&mut words);
    flags.place(&mut words);
    // SAFETY: the header's pointers and lengths are those of slices that are lent for the call; `parts` comes from the
    // two functions below, which borrow it likewise.
    let bytes = unsafe { call(call_name, number, &words) }?;
    Ok(Header { bytes, name: header.msg_namelen, control: header.msg_controllen, flags: header.msg_flags })
}

/// sendmsg(2)
#[track_caller]
pub(crate) fn sendmsg(
    fd: &impl Descriptor,
    parts: &[IoSlice<'_>],
    envelope: Envelope<'_>,
    flags: i32,
) -> Result<Header> {
    message("sendmsg", libc::SYS_sendmsg, fd, (parts.as_ptr() as usize, parts.len()), envelope, flags)
}

/// recvmsg(2)
#[track_caller]
pub(crate) fn recvmsg(
    fd: &impl Descriptor,
    parts: &mut [IoSliceMut<'_>],
    envelope: Envelope<'_>,
    flags: i32,
) -> Result<Header> {
    message("recvmsg", libc::SYS_recvmsg, fd, (parts.as_mut_ptr() as usize, parts.len()), envelope, flags)
}
