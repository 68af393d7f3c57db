//! sendmsg(2)

use std::{
    io::{IoSlice, IoSliceMut},
    os::fd::OwnedFd,
};

use super::internet::datagrams;
pub(crate) use super::{
    internet::{data::sendmsg::*, datagrams::sendmsg::*},
    netlink::data::sendmsg::*,
    vsock::sendmsg::*,
};
use crate::{
    errno::Result,
    harness::{check_eq, check_err},
    probe::{Attempt, probed, situation::Situation},
    suite::unix::{
        control,
        help::{bound, datagram, drain, exchange, pair_of, read_full, record, set_option},
    },
    sys::{self, Descriptor, Envelope},
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
    let header = sys::recvmsg(&right, &mut [IoSliceMut::new(&mut data)], envelope, 0)?;
    let bytes = if at.keeps_records() { 1 } else { 2 };
    check_eq!((header.bytes, header.control), (bytes, 0), "the receiver gets data alone");
    check_eq!(data[..bytes], b"ab"[..bytes]);
    Ok(())
}

/// Data is sent as without the flag, and a broken connection gives EPIPE.
pub(crate) fn flags_msg_nosignal(at: &Situation<'_>) -> Attempt {
    let (left, right) = at.pair()?;
    check_eq!(probed(send(&left, &[b"x"], libc::MSG_NOSIGNAL))?, 1);
    check_eq!(sys::read(&right, &mut [0; 4])?, 1);
    drop(right);
    at.finds_nobody(&left)?;
    check_eq!(send(&left, &[b"x"], libc::MSG_NOSIGNAL), Err(at.broken()));
    Ok(())
}

/// With the buffer full, the call returns EAGAIN instead of waiting, and sends nothing.
pub(crate) fn flags_msg_dontwait(at: &Situation<'_>) -> Attempt {
    let (left, right) = at.pair()?;
    check_eq!(probed(send(&left, &[b"x"], libc::MSG_DONTWAIT))?, 1);
    if at.never_waits_for_room() {
        return Ok(at.carries(&right, &left)?);
    }
    let filled = at.fill(&left)?;
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

/// The parts become one record.
pub(crate) fn sockfd_af_unix_sock_seqpacket(_: &Situation<'_>) -> Attempt {
    let (left, right) = pair_of(libc::SOCK_SEQPACKET)?;
    check_eq!(probed(send(&left, &[b"three", b"", b" parts"], 0))?, 11);
    check_eq!(probed(send(&left, &[], 0))?, 0);
    check_eq!(record(&right)?, b"three parts");
    check_eq!(record(&right)?, b"");
    Ok(())
}

/// The parts become one datagram, for whom the header names.
pub(crate) fn sockfd_af_unix_sock_dgram(at: &Situation<'_>) -> Attempt {
    let address = at.abstract_address("a");
    let receiver = bound(&address)?;
    let mut to = address.bytes().to_vec();
    let envelope = Envelope { name: Some(&mut to), ..Envelope::default() };
    let parts = [IoSlice::new(b"two "), IoSlice::new(b"parts")];
    check_eq!(probed(sys::sendmsg(&datagram()?, &parts, envelope, 0))?.bytes, 9);
    check_eq!(record(&receiver)?, b"two parts");
    Ok(())
}

/// It means nothing to this family: records are what is sent at a time, and no flag comes with them.
pub(crate) fn flags_msg_eor(at: &Situation<'_>) -> Attempt {
    is_ignored(at, libc::MSG_EOR)
}

/// To the UNIX family it means nothing: nothing waits for more.
pub(crate) fn flags_msg_more(at: &Situation<'_>) -> Attempt {
    if at.is_internet() {
        return datagrams::msg_more(at, datagrams::in_message);
    }
    is_ignored(at, libc::MSG_MORE)
}

fn is_ignored(at: &Situation<'_>, flag: i32) -> Attempt {
    let (left, right) = at.pair()?;
    check_eq!(probed(send(&left, &[b"ab", b"c"], flag))?, 3);
    let mut data = [0; 4];
    let header = sys::recvmsg(&right, &mut [IoSliceMut::new(&mut data)], Envelope::default(), 0)?;
    // Records over vsock come with the mark.
    let marked = at.is_vsock() && at.keeps_records() && flag == libc::MSG_EOR;
    check_eq!((header.bytes, header.flags), (3, if marked { flag } else { 0 }));
    check_eq!(&data[..3], b"abc");
    Ok(exchange(&left, &right)?)
}

/// Messages of this level mean something; those of others are passed over.
pub(crate) fn msg_msg_control_cmsg_level_sol_socket(at: &Situation<'_>) -> Attempt {
    let (left, right) = at.pair()?;
    let control = control::rights(&[left.number()]);
    check_eq!(probed(control::send(&left, b"x", &control, 0))?, 1);
    check_eq!(control::receive(&right, 8)?.files.len(), 1);
    Ok(())
}

/// The receiver has the same file open, under a number of its own.
pub(crate) fn msg_msg_control_cmsg_type_scm_rights(at: &Situation<'_>) -> Attempt {
    let (left, right) = at.pair()?;
    let (reader, writer) = sys::pipe2(0)?;
    let control = control::rights(&[writer.number(), reader.number()]);
    check_eq!(probed(control::send(&left, b"x", &control, 0))?, 1);
    drop((reader, writer));
    let got = control::receive(&right, 8)?;
    check_eq!((got.data, got.files.len(), got.header.flags), (b"x".to_vec(), 2, 0));
    check_eq!(sys::write(&got.files[0], b"through")?, 7);
    check_eq!(sys::read(&got.files[1], &mut [0; 8])?, 7);
    Ok(())
}

/// Who says who it is is believed if it is true.
pub(crate) fn msg_msg_control_cmsg_type_scm_credentials(at: &Situation<'_>) -> Attempt {
    let (left, right) = at.pair()?;
    set_option(&right, libc::SO_PASSCRED, 1)?;
    let (pid, uid, gid) = (sys::getpid()? as i32, sys::geteuid()? as u32, sys::getegid()? as u32);
    check_eq!(probed(control::send(&left, b"x", &control::credentials(pid, uid, gid), 0))?, 1);
    let got = control::receive(&right, 8)?;
    check_eq!(got.only(control::CREDENTIALS), Some(&control::ucred(pid, uid, gid)[..]));
    Ok(())
}
