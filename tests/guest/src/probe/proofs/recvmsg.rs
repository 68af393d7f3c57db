//! recvmsg(2)

use std::{io::IoSliceMut, os::fd::OwnedFd};

use super::received_flags;
pub(crate) use super::{
    internet::{data::recvmsg::*, datagrams::recvmsg::*, told::recvmsg::*},
    netlink::data::{recvmsg::*, told::recvmsg::*},
    vsock::recvmsg::*,
};
use crate::{
    errno::Result,
    harness::check_eq,
    probe::{Attempt, probed, situation::Situation},
    suite::unix::{
        control,
        help::{pair_of, set_option},
    },
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

/// What is delivered is of this level.
pub(crate) fn msg_msg_control_cmsg_level_sol_socket(at: &Situation<'_>) -> Attempt {
    let (left, right) = at.pair()?;
    if at.is_netlink() {
        // No open files go this way.
        set_option(&right, libc::SO_PASSCRED, 1)?;
        sys::write(&left, b"x")?;
    } else {
        control::send_files(&left, b"x", &[&left])?;
    }
    let got = probed(control::receive(&right, 8))?;
    check_eq!(got.messages.iter().map(|(level, ..)| *level).collect::<Vec<_>>(), [libc::SOL_SOCKET]);
    Ok(())
}

/// The file is open here, too, under a number of its own.
pub(crate) fn msg_msg_control_cmsg_type_scm_rights(at: &Situation<'_>) -> Attempt {
    let (left, right) = at.pair()?;
    let (reader, writer) = sys::pipe2(0)?;
    control::send_files(&left, b"x", &[&writer])?;
    drop(writer);
    let got = probed(control::receive(&right, 8))?;
    check_eq!((&got.data[..], got.files.len(), got.header.flags), (&b"x"[..], 1, 0));
    check_eq!(sys::write(&got.files[0], b"through")?, 7);
    check_eq!(sys::read(&reader, &mut [0; 8])?, 7);
    Ok(())
}

/// Who has asked is told who sends.
pub(crate) fn msg_msg_control_cmsg_type_scm_credentials(at: &Situation<'_>) -> Attempt {
    let (left, right) = at.pair()?;
    set_option(&right, libc::SO_PASSCRED, 1)?;
    sys::write(&left, b"x")?;
    let own = control::ucred(sys::getpid()? as i32, sys::getuid()? as u32, sys::getgid()? as u32);
    let got = probed(control::receive(&right, 8))?;
    check_eq!(got.only(control::CREDENTIALS), Some(&own[..]));
    Ok(())
}

/// Who has asked gets a descriptor of the sender's process.
pub(crate) fn msg_msg_control_cmsg_type_scm_pidfd(at: &Situation<'_>) -> Attempt {
    let (left, right) = at.pair()?;
    set_option(&right, control::PASSPIDFD, 1)?;
    sys::write(&left, b"x")?;
    let got = probed(control::receive(&right, 8))?;
    check_eq!((got.only(control::PIDFD).map(<[u8]>::len), got.files.len()), (Some(4), 1));
    Ok(())
}
