//! sendmsg(2)

use std::{io::IoSlice, os::fd::OwnedFd};

use crate::{
    errno::Result,
    harness::{check_eq, check_err},
    probe::{Attempt, probed, situation::Situation},
    suite::unix::help::{drain, exchange, fill, read_full},
    sys::{self, Envelope},
};

fn send(fd: &OwnedFd, parts: &[&[u8]], flags: i32) -> Result<usize> {
    let parts: Vec<_> = parts.iter().map(|part| IoSlice::new(part)).collect();
    sys::sendmsg(fd, &parts, Envelope::default(), flags).map(|header| header.bytes)
}

/// The parts arrive joined.
pub(crate) fn sockfd_af_unix_sock_stream(at: &Situation<'_>) -> Attempt {
    let (left, right) = at.pair()?;
    check_eq!(probed(send(&left, &[b"three", b"", b" parts"], 0))?, 11);
    let mut data = [0; 11];
    check_eq!(read_full(&right, &mut data)?, 11);
    check_eq!(&data, b"three parts");
    Ok(())
}

/// No control data: a null pointer, and one with a length of 0.
pub(crate) fn msg_msg_control_null(at: &Situation<'_>) -> Attempt {
    let (left, right) = at.pair()?;
    check_eq!(probed(send(&left, &[b"a"], 0))?, 1);
    let envelope = Envelope { control: Some(&mut []), ..Envelope::default() };
    check_eq!(probed(sys::sendmsg(&left, &[IoSlice::new(b"b")], envelope, 0))?.bytes, 1);
    let (mut data, mut control) = ([0; 4], [0xa5; 64]);
    let envelope = Envelope { control: Some(&mut control), ..Envelope::default() };
    let header = sys::recvmsg(&right, &mut [std::io::IoSliceMut::new(&mut data)], envelope, 0)?;
    check_eq!((header.bytes, header.control), (2, 0), "the receiver gets data alone");
    check_eq!(&data[..2], b"ab");
    Ok(())
}

/// Data is sent as without the flag, and a broken connection gives EPIPE.
pub(crate) fn flags_msg_nosignal(at: &Situation<'_>) -> Attempt {
    let (left, right) = at.pair()?;
    check_eq!(probed(send(&left, &[b"x"], libc::MSG_NOSIGNAL))?, 1);
    check_eq!(sys::read(&right, &mut [0; 4])?, 1);
    drop(right);
    check_err!(send(&left, &[b"x"], libc::MSG_NOSIGNAL), EPIPE);
    Ok(())
}

/// With the buffer full, the call returns EAGAIN instead of waiting, and sends nothing.
pub(crate) fn flags_msg_dontwait(at: &Situation<'_>) -> Attempt {
    let (left, right) = at.pair()?;
    check_eq!(probed(send(&left, &[b"x"], libc::MSG_DONTWAIT))?, 1);
    let filled = fill(&left)?;
    check_err!(send(&left, &[b"y", b"z"], libc::MSG_DONTWAIT), EAGAIN);
    check_eq!(drain(&right)?, filled + 1);
    Ok(exchange(&left, &right)?)
}

/// The flag means nothing to this family: data is sent as without it.
pub(crate) fn flags_msg_confirm(at: &Situation<'_>) -> Attempt {
    let (left, right) = at.pair()?;
    check_eq!(probed(send(&left, &[b"ab", b"c"], libc::MSG_CONFIRM))?, 3);
    let mut data = [0; 4];
    check_eq!(sys::read(&right, &mut data)?, 3);
    check_eq!(&data[..3], b"abc");
    Ok(exchange(&left, &right)?)
}
