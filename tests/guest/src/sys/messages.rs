//! sendmsg(2) and recvmsg(2), sendmmsg(2) and recvmmsg(2): the calls whose arguments are behind two pointers.

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

/// The payload of one message of sendmmsg(2), to whom it goes, and its control data.
#[derive(Debug, Default)]
pub(crate) struct Outgoing<'a> {
    /// The payload, in one part.
    pub(crate) data: &'a [u8],
    /// The bytes of the address.
    pub(crate) to: Option<&'a [u8]>,
    /// The bytes of the control messages.
    pub(crate) control: Option<&'a [u8]>,
}

/// sendmmsg(2): the value of the call, and `msg_len` of each message, which is `u32::MAX` before.
#[track_caller]
pub(crate) fn sendmmsg(
    fd: &impl Descriptor,
    messages: &[Outgoing<'_>],
    flags: i32,
) -> Result<(usize, Vec<u32>)> {
    let mut parts: Vec<_> = messages.iter().map(|message| IoSlice::new(message.data)).collect();
    let mut headers: Vec<_> = messages
        .iter()
        .zip(&mut parts)
        .map(|(message, part)| {
            // SAFETY: a mmsghdr is integers and pointers, for which zero is a value.
            let mut header: libc::mmsghdr = unsafe { std::mem::zeroed() };
            header.msg_hdr.msg_iov = std::ptr::from_mut(part).cast();
            header.msg_hdr.msg_iovlen = 1;
            if let Some(to) = message.to {
                header.msg_hdr.msg_name = to.as_ptr().cast_mut().cast();
                header.msg_hdr.msg_namelen = to.len() as u32;
            }
            if let Some(control) = message.control {
                header.msg_hdr.msg_control = control.as_ptr().cast_mut().cast();
                header.msg_hdr.msg_controllen = control.len();
            }
            header.msg_len = u32::MAX;
            header
        })
        .collect();
    let mut words = Words::default();
    Number(fd.number()).place(&mut words);
    words.push(headers.as_mut_ptr() as usize);
    words.push(headers.len());
    flags.place(&mut words);
    // SAFETY: the headers are as many as are said, and lead to slices that are lent for the call; the kernel writes `msg_len`.
    let count = unsafe { call("sendmmsg", libc::SYS_sendmmsg, &words) }?;
    Ok((count, headers.iter().map(|header| header.msg_len).collect()))
}

/// recvmmsg(2) into one buffer for each message: the value of the call, and the header of each message that came, with
/// `msg_len` as its bytes.
#[track_caller]
pub(crate) fn recvmmsg(
    fd: &impl Descriptor,
    buffers: &mut [&mut [u8]],
    flags: i32,
    timeout: Option<&mut libc::timespec>,
) -> Result<(usize, Vec<Header>)> {
    recvmmsg_with(fd, buffers, &mut [], flags, timeout)
}

/// As [`recvmmsg`], with room for the control data of the first messages.
#[track_caller]
pub(crate) fn recvmmsg_with(
    fd: &impl Descriptor,
    buffers: &mut [&mut [u8]],
    controls: &mut [&mut [u8]],
    flags: i32,
    timeout: Option<&mut libc::timespec>,
) -> Result<(usize, Vec<Header>)> {
    let mut parts: Vec<_> = buffers.iter_mut().map(|buffer| IoSliceMut::new(buffer)).collect();
    let mut headers: Vec<_> = parts
        .iter_mut()
        .map(|part| {
            // SAFETY: as above.
            let mut header: libc::mmsghdr = unsafe { std::mem::zeroed() };
            header.msg_hdr.msg_iov = std::ptr::from_mut(part).cast();
            header.msg_hdr.msg_iovlen = 1;
            header
        })
        .collect();
    for (header, control) in headers.iter_mut().zip(controls) {
        header.msg_hdr.msg_control = control.as_mut_ptr().cast();
        header.msg_hdr.msg_controllen = control.len();
    }
    let mut words = Words::default();
    Number(fd.number()).place(&mut words);
    words.push(headers.as_mut_ptr() as usize);
    words.push(headers.len());
    flags.place(&mut words);
    match timeout {
        Some(timeout) => Fill(timeout).place(&mut words),
        None => words.push(0),
    }
    // SAFETY: as above; the kernel writes into the buffers, which are borrowed mutably, and into the timeout.
    let count = unsafe { call("recvmmsg", libc::SYS_recvmmsg, &words) }?;
    let header = |header: &libc::mmsghdr| Header {
        bytes: header.msg_len as usize,
        name: header.msg_hdr.msg_namelen,
        control: header.msg_hdr.msg_controllen,
        flags: header.msg_hdr.msg_flags,
    };
    Ok((count, headers.iter().take(count).map(header).collect()))
}
