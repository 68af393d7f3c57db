//! recvmmsg(2)

use std::os::fd::OwnedFd;

use super::received_flags;
pub(crate) use super::{
    internet::{data::recvmmsg::*, datagrams::recvmmsg::*, told::recvmmsg::*},
    netlink::data::{recvmmsg::*, told::recvmmsg::*},
    vsock::recvmmsg::*,
};
use crate::{
    errno::Result,
    harness::{Failure, check, check_eq, check_err},
    probe::{Attempt, probed, situation::Situation},
    suite::unix::{
        control::{self, Messages},
        help::{pair_of, set_option},
    },
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

/// What came with each of two messages: level, type and data of its control messages.
fn receive_control(right: &OwnedFd) -> Attempt<[Messages; 2]> {
    let (mut one, mut two, mut first, mut second) = ([0], [0], [0; 64], [0; 64]);
    let mut buffers = [&mut one[..], &mut two];
    let mut controls = [&mut first[..], &mut second];
    let met = sys::recvmmsg_with(right, &mut buffers, &mut controls, libc::MSG_DONTWAIT, None);
    let (count, headers) = probed(met)?;
    check_eq!((count, headers[0].flags, headers[1].flags), (2, 0, 0));
    let [first, second] = [(&first, &headers[0]), (&second, &headers[1])]
        .map(|(control, header)| control::parse(&control[..header.control]));
    Ok([first, second])
}

/// What is delivered is of this level.
pub(crate) fn msgvec_msg_hdr_msg_control_cmsg_level_sol_socket(at: &Situation<'_>) -> Attempt {
    let (left, right) = at.pair()?;
    set_option(&right, libc::SO_PASSCRED, 1)?;
    sys::write(&left, b"x")?;
    sys::write(&left, b"y")?;
    for messages in receive_control(&right)? {
        check_eq!(messages.iter().map(|(level, ..)| *level).collect::<Vec<_>>(), [libc::SOL_SOCKET]);
    }
    Ok(())
}

/// Each message comes with its own files.
pub(crate) fn msgvec_msg_hdr_msg_control_cmsg_type_scm_rights(at: &Situation<'_>) -> Attempt {
    let (left, right) = at.pair()?;
    let (reader, writer) = sys::pipe2(0)?;
    control::send_files(&left, b"x", &[&writer])?;
    control::send_files(&left, b"y", &[&reader, &reader])?;
    let [first, second] = receive_control(&right)?;
    let (first, second) = (control::adopt(&first), control::adopt(&second));
    check_eq!((first.len(), second.len()), (1, 2));
    check_eq!(sys::write(&first[0], b"through")?, 7);
    check_eq!(sys::read(&second[1], &mut [0; 8])?, 7);
    Ok(())
}

/// Who has asked is told who sends, with each message.
pub(crate) fn msgvec_msg_hdr_msg_control_cmsg_type_scm_credentials(at: &Situation<'_>) -> Attempt {
    let (left, right) = at.pair()?;
    set_option(&right, libc::SO_PASSCRED, 1)?;
    sys::write(&left, b"x")?;
    sys::write(&left, b"y")?;
    let own = control::ucred(sys::getpid()? as i32, sys::getuid()? as u32, sys::getgid()? as u32);
    for messages in receive_control(&right)? {
        check_eq!(messages, [(libc::SOL_SOCKET, control::CREDENTIALS, own.clone())]);
    }
    Ok(())
}

/// Who has asked gets a descriptor of the sender's process, with each message.
pub(crate) fn msgvec_msg_hdr_msg_control_cmsg_type_scm_pidfd(at: &Situation<'_>) -> Attempt {
    let (left, right) = at.pair()?;
    set_option(&right, control::PASSPIDFD, 1)?;
    sys::write(&left, b"x")?;
    sys::write(&left, b"y")?;
    for messages in receive_control(&right)? {
        let [(libc::SOL_SOCKET, control::PIDFD, number)] = &messages[..] else {
            return Err(Failure::here(format!("the control messages: {messages:?}")).into());
        };
        let number = i32::from_ne_bytes(*number.first_chunk().expect("a descriptor"));
        check!(number >= 0, "no descriptor: {number}");
        drop(sys::adopt(number as usize));
    }
    Ok(())
}
