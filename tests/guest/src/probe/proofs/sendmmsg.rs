//! sendmmsg(2)

use std::os::fd::OwnedFd;

use super::internet::datagrams;
pub(crate) use super::{
    internet::{data::sendmmsg::*, datagrams::sendmmsg::*},
    netlink::data::sendmmsg::*,
    vsock::sendmmsg::*,
};
use crate::{
    errno::Result,
    harness::{check, check_eq, check_err},
    probe::{Attempt, probed, situation::Situation},
    suite::unix::{
        control,
        help::{bound, datagram, drain, exchange, read_full, record, set_option},
    },
    sys::{self, Descriptor, Outgoing},
};

/// Messages to the peer: how many went, and how long each was.
fn send(fd: &OwnedFd, messages: &[&[u8]], flags: i32) -> Result<(usize, Vec<u32>)> {
    let messages: Vec<_> = messages.iter().map(|data| Outgoing { data, ..Outgoing::default() }).collect();
    sys::sendmmsg(fd, &messages, flags)
}

/// The messages arrive joined.
pub(crate) fn sockfd_af_unix_sock_stream(at: &Situation<'_>) -> Attempt {
    let (left, right) = at.pair()?;
    check_eq!(probed(send(&left, &[b"two ", b"messages"], 0))?, (2, vec![4, 8]));
    let mut data = [0; 12];
    check_eq!(read_full(&right, &mut data)?, 12);
    check_eq!(&data, b"two messages");
    Ok(())
}

/// Each message is a record.
pub(crate) fn sockfd_af_unix_sock_seqpacket(at: &Situation<'_>) -> Attempt {
    let (left, right) = at.pair()?;
    check_eq!(probed(send(&left, &[b"two ", b"messages"], 0))?, (2, vec![4, 8]));
    check_eq!(record(&right)?, b"two ");
    check_eq!(record(&right)?, b"messages");
    Ok(())
}

/// Each message goes to its own receiver.
pub(crate) fn sockfd_af_unix_sock_dgram(at: &Situation<'_>) -> Attempt {
    let (one, other) = (at.abstract_address("one"), at.abstract_address("other"));
    let (first, second) = (bound(&one)?, bound(&other)?);
    let message = |data, to| Outgoing { data, to: Some(to), control: None };
    let messages = [message(&b"to one"[..], one.bytes()), message(b"to the other", other.bytes())];
    check_eq!(probed(sys::sendmmsg(&datagram()?, &messages, 0))?, (2, vec![6, 12]));
    check_eq!(record(&first)?, b"to one");
    check_eq!(record(&second)?, b"to the other");
    Ok(())
}

/// No control data, in any of the messages.
pub(crate) fn msgvec_msg_hdr_msg_control_null(at: &Situation<'_>) -> Attempt {
    let (left, right) = at.pair()?;
    let messages = [
        Outgoing { data: b"a", control: Some(&[]), to: None },
        Outgoing { data: b"b", ..Outgoing::default() },
    ];
    check_eq!(probed(sys::sendmmsg(&left, &messages, 0))?, (2, vec![1, 1]));
    let first: &[u8] = if at.keeps_records() { b"a" } else { b"ab" };
    check_eq!(record(&right)?, first);
    Ok(())
}

/// Data is sent as without the flag, and a broken connection gives EPIPE.
pub(crate) fn flags_msg_nosignal(at: &Situation<'_>) -> Attempt {
    let (left, right) = at.pair()?;
    check_eq!(probed(send(&left, &[b"x", b"y"], libc::MSG_NOSIGNAL))?.0, 2);
    drain(&right)?;
    drop(right);
    at.finds_nobody(&left)?;
    check_eq!(send(&left, &[b"x"], libc::MSG_NOSIGNAL), Err(at.broken()));
    Ok(())
}

/// With the buffer full, the call returns EAGAIN instead of waiting; before, it says how many messages went.
pub(crate) fn flags_msg_dontwait(at: &Situation<'_>) -> Attempt {
    let (left, right) = at.pair()?;
    if at.never_waits_for_room() {
        check_eq!(probed(send(&left, &[b"x", b"y"], libc::MSG_DONTWAIT))?.0, 2);
        return Ok(at.carries(&right, &left)?);
    }
    let large = vec![0; 100_000];
    let messages = vec![&large[..]; 100];
    let (count, _) = probed(send(&left, &messages, libc::MSG_DONTWAIT))?;
    check!(count > 0 && count < 100, "{count} messages went");
    at.fill(&left)?;
    check_err!(send(&left, &[b"y", b"z"], libc::MSG_DONTWAIT), EAGAIN);
    check!(drain(&right)? > count * 50_000);
    Ok(exchange(&left, &right)?)
}

/// The flag means nothing to this family: data is sent as without it.
pub(crate) fn flags_msg_confirm(at: &Situation<'_>) -> Attempt {
    is_ignored(at, libc::MSG_CONFIRM)
}

/// Nor does this one.
pub(crate) fn flags_msg_eor(at: &Situation<'_>) -> Attempt {
    is_ignored(at, libc::MSG_EOR)
}

/// Nor does this one.
pub(crate) fn flags_msg_more(at: &Situation<'_>) -> Attempt {
    if at.is_internet() {
        return datagrams::msg_more(at, datagrams::in_messages);
    }
    is_ignored(at, libc::MSG_MORE)
}

fn is_ignored(at: &Situation<'_>, flag: i32) -> Attempt {
    let (left, right) = at.pair()?;
    check_eq!(probed(send(&left, &[b"abc"], flag))?, (1, vec![3]));
    check_eq!(record(&right)?, b"abc");
    Ok(exchange(&left, &right)?)
}

/// Two messages with control data: what the receiver got with each.
fn send_control(at: &Situation<'_>, control: [&[u8]; 2], option: Option<i32>) -> Attempt<[control::Got; 2]> {
    let (left, right) = at.pair()?;
    if let Some(option) = option {
        set_option(&right, option, 1)?;
    }
    let message = |control| Outgoing { data: b"x", control: Some(control), to: None };
    check_eq!(probed(sys::sendmmsg(&left, &control.map(message), 0))?, (2, vec![1, 1]));
    Ok([control::receive(&right, 1)?, control::receive(&right, 1)?])
}

/// Messages of this level mean something.
pub(crate) fn msgvec_msg_hdr_msg_control_cmsg_level_sol_socket(at: &Situation<'_>) -> Attempt {
    let (_reader, writer) = sys::pipe2(0)?;
    let [first, second] = send_control(at, [&control::rights(&[writer.number()]), &[]], None)?;
    check_eq!((first.files.len(), second.files.len()), (1, 0));
    Ok(())
}

/// Each message comes with its own files.
pub(crate) fn msgvec_msg_hdr_msg_control_cmsg_type_scm_rights(at: &Situation<'_>) -> Attempt {
    let (reader, writer) = sys::pipe2(0)?;
    let files = [control::rights(&[writer.number()]), control::rights(&[reader.number(), writer.number()])];
    let [first, second] = send_control(at, [&files[0], &files[1]], None)?;
    check_eq!((first.files.len(), second.files.len()), (1, 2));
    check_eq!(sys::write(&first.files[0], b"through")?, 7);
    check_eq!(sys::read(&second.files[0], &mut [0; 8])?, 7);
    Ok(())
}

/// Who says who it is is believed if it is true.
pub(crate) fn msgvec_msg_hdr_msg_control_cmsg_type_scm_credentials(at: &Situation<'_>) -> Attempt {
    let (pid, uid, gid) = (sys::getpid()? as i32, sys::geteuid()? as u32, sys::getegid()? as u32);
    let said = control::credentials(pid, uid, gid);
    let [first, second] = send_control(at, [&said, &[]], Some(libc::SO_PASSCRED))?;
    for got in [first, second] {
        check_eq!(got.only(control::CREDENTIALS), Some(&control::ucred(pid, uid, gid)[..]));
    }
    Ok(())
}
