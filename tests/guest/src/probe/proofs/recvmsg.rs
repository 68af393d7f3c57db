//! recvmsg(2)

use std::{io::IoSliceMut, os::fd::OwnedFd};

use super::received_flags;
use crate::{
    errno::Result,
    harness::check_eq,
    probe::{Attempt, probed, situation::Situation},
    suite::unix::help::pair_of,
    sys::{self, Envelope, Header},
};

fn receive(fd: &OwnedFd, into: &mut [u8], flags: i32) -> Result<usize> {
    sys::recvmsg(fd, &mut [IoSliceMut::new(into)], Envelope::default(), flags).map(|header| header.bytes)
}

/// Data is scattered, and the header tells what came with it: nothing.
pub(crate) fn sockfd_af_unix_sock_stream(at: &Situation<'_>) -> Attempt {
    let (left, right) = at.pair()?;
    sys::write(&left, b"scattered")?;
    let (mut one, mut two) = ([0; 3], [0; 8]);
    let mut into = [IoSliceMut::new(&mut one), IoSliceMut::new(&mut two)];
    let header = probed(sys::recvmsg(&right, &mut into, Envelope::default(), 0))?;
    check_eq!(header, Header { bytes: 9, name: 0, control: 0, flags: 0 });
    check_eq!((&one, &two), (b"sca", b"ttered\0\0"));
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

pub(crate) fn flags_msg_nosignal(at: &Situation<'_>) -> Attempt {
    received_flags::msg_nosignal(at, receive)
}

pub(crate) fn flags_msg_cmsg_cloexec(at: &Situation<'_>) -> Attempt {
    received_flags::msg_cmsg_cloexec(at, receive)
}

/// What there was no room for is lost, and the header says so.
fn tells_of_truncation(kind: i32) -> Attempt {
    let (left, right) = pair_of(kind)?;
    sys::write(&left, b"too long")?;
    sys::write(&left, b"not")?;
    for (bytes, flags) in [(4, libc::MSG_TRUNC), (3, 0)] {
        let mut data = [0; 4];
        let mut into = [IoSliceMut::new(&mut data)];
        let header = probed(sys::recvmsg(&right, &mut into, Envelope::default(), 0))?;
        check_eq!(header, Header { bytes, name: 0, control: 0, flags });
    }
    Ok(())
}

/// Of a connection.
pub(crate) fn sockfd_af_unix_sock_seqpacket(_: &Situation<'_>) -> Attempt {
    tells_of_truncation(libc::SOCK_SEQPACKET)
}

/// Of a datagram.
pub(crate) fn sockfd_af_unix_sock_dgram(_: &Situation<'_>) -> Attempt {
    tells_of_truncation(libc::SOCK_DGRAM)
}

pub(crate) fn flags_msg_trunc(at: &Situation<'_>) -> Attempt {
    received_flags::msg_trunc(at, receive)
}
