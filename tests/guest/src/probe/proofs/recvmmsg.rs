//! recvmmsg(2)

use std::os::fd::OwnedFd;

pub(crate) use super::internet::data::recvmmsg::*;
use super::received_flags;
use crate::{
    errno::Result,
    harness::{check_eq, check_err},
    probe::{Attempt, probed, situation::Situation},
    suite::unix::help::pair_of,
    sys::{self, Header},
};

fn receive(fd: &OwnedFd, into: &mut [u8], flags: i32) -> Result<usize> {
    let (_, headers) = sys::recvmmsg(fd, &mut [into], flags, None)?;
    Ok(headers.first().map_or(0, |header| header.bytes))
}

fn header(bytes: usize, flags: i32) -> Header {
    Header { bytes, name: 0, control: 0, flags }
}

/// What is there goes into the first message that has room.
pub(crate) fn sockfd_af_unix_sock_stream(at: &Situation<'_>) -> Attempt {
    let (left, right) = at.pair()?;
    sys::write(&left, b"stream")?;
    let (mut one, mut two) = ([0; 4], [0; 4]);
    let met = probed(sys::recvmmsg(&right, &mut [&mut one, &mut two], 0, None))?;
    check_eq!(met, (2, vec![header(4, 0), header(2, 0)]));
    check_eq!((&one, &two[..2]), (b"stre", &b"am"[..]));
    Ok(())
}

/// A record goes into each message; what does not fit is lost.
fn keeps_records_apart(kind: i32) -> Attempt {
    let (left, right) = pair_of(kind)?;
    for data in [&b"first"[..], b"2nd", b""] {
        sys::write(&left, data)?;
    }
    let (mut one, mut two, mut three, mut four) = ([0; 4], [0; 4], [0; 4], [0; 4]);
    let mut buffers = [&mut one[..], &mut two, &mut three, &mut four];
    let met = probed(sys::recvmmsg(&right, &mut buffers, libc::MSG_DONTWAIT, None))?;
    check_eq!(met, (3, vec![header(4, libc::MSG_TRUNC), header(3, 0), header(0, 0)]));
    check_eq!((&one, &two[..3]), (b"firs", &b"2nd"[..]));
    check_err!(sys::recvmmsg(&right, &mut [&mut one], libc::MSG_DONTWAIT, None), EAGAIN);
    Ok(())
}

/// Of a connection.
pub(crate) fn sockfd_af_unix_sock_seqpacket(_: &Situation<'_>) -> Attempt {
    keeps_records_apart(libc::SOCK_SEQPACKET)
}

/// Of whoever sent them.
pub(crate) fn sockfd_af_unix_sock_dgram(_: &Situation<'_>) -> Attempt {
    keeps_records_apart(libc::SOCK_DGRAM)
}

/// The first message is waited for, the others are taken if they are there.
pub(crate) fn flags_msg_waitforone(at: &Situation<'_>) -> Attempt {
    let (left, right) = at.pair()?;
    let waiting = at.spawn(move || {
        let (mut one, mut two) = ([0; 4], [0; 4]);
        let mut buffers = [&mut one[..], &mut two];
        Ok(sys::recvmmsg(&right, &mut buffers, libc::MSG_WAITFORONE, None).map(|met| (met, right)))
    });
    sys::write(&left, b"x")?;
    let ((count, _), _right) = probed(waiting.join()?)?;
    check_eq!(count, 1);
    Ok(())
}

pub(crate) fn flags_msg_peek(at: &Situation<'_>) -> Attempt {
    received_flags::msg_peek(at, receive)
}

pub(crate) fn flags_msg_dontwait(at: &Situation<'_>) -> Attempt {
    received_flags::msg_dontwait(at, receive)
}

pub(crate) fn flags_msg_waitall(at: &Situation<'_>) -> Attempt {
    received_flags::msg_waitall(at, receive)
}

pub(crate) fn flags_msg_trunc(at: &Situation<'_>) -> Attempt {
    received_flags::msg_trunc(at, receive)
}

pub(crate) fn flags_msg_nosignal(at: &Situation<'_>) -> Attempt {
    received_flags::msg_nosignal(at, receive)
}

pub(crate) fn flags_msg_cmsg_cloexec(at: &Situation<'_>) -> Attempt {
    received_flags::msg_cmsg_cloexec(at, receive)
}
