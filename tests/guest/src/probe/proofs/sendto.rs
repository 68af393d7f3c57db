//! sendto(2)

use std::io::IoSliceMut;

use super::internet::datagrams;
pub(crate) use super::{internet::data::sendto::*, netlink::data::sendto::*, vsock::sendto::*};
use crate::{
    harness::{check_eq, check_err},
    probe::{Attempt, probed, situation::Situation},
    suite::unix::help::{bound, datagram, drain, exchange, read_full, record, sequenced},
    sys::{self, Envelope},
};

/// What is sent is received, in order and whole.
pub(crate) fn sockfd_af_unix_sock_stream(at: &Situation<'_>) -> Attempt {
    let (left, right) = at.pair()?;
    check_eq!(probed(sys::send(&left, b"sent ", 0))?, 5);
    check_eq!(probed(sys::send(&left, b"whole", 0))?, 5);
    let mut data = [0; 10];
    check_eq!(read_full(&right, &mut data)?, 10);
    check_eq!(&data, b"sent whole");
    Ok(())
}

/// Data is sent as without the flag, and a broken connection gives EPIPE.
pub(crate) fn flags_msg_nosignal(at: &Situation<'_>) -> Attempt {
    let (left, right) = at.pair()?;
    check_eq!(probed(sys::send(&left, b"x", libc::MSG_NOSIGNAL))?, 1);
    check_eq!(sys::read(&right, &mut [0; 4])?, 1);
    drop(right);
    at.finds_nobody(&left)?;
    check_eq!(sys::send(&left, b"x", libc::MSG_NOSIGNAL), Err(at.broken()));
    Ok(())
}

/// With the buffer full, the call returns EAGAIN instead of waiting, and sends nothing.
pub(crate) fn flags_msg_dontwait(at: &Situation<'_>) -> Attempt {
    let (left, right) = at.pair()?;
    check_eq!(probed(sys::send(&left, b"x", libc::MSG_DONTWAIT))?, 1);
    if at.never_waits_for_room() {
        return Ok(at.carries(&right, &left)?);
    }
    let filled = at.fill(&left)?;
    check_err!(sys::send(&left, b"y", libc::MSG_DONTWAIT), EAGAIN);
    check_eq!(drain(&right)?, filled + 1);
    Ok(exchange(&left, &right)?)
}

/// The flag means nothing to this family: data is sent as without it.
pub(crate) fn flags_msg_confirm(at: &Situation<'_>) -> Attempt {
    let (left, right) = at.pair()?;
    check_eq!(probed(sys::send(&left, b"abc", libc::MSG_CONFIRM))?, 3);
    let mut data = [0; 4];
    check_eq!(sys::read(&right, &mut data)?, 3);
    check_eq!(&data[..3], b"abc");
    Ok(exchange(&left, &right)?)
}

/// Every record arrives by itself; an address is not looked at.
pub(crate) fn sockfd_af_unix_sock_seqpacket(at: &Situation<'_>) -> Attempt {
    let address = at.abstract_address("records");
    let [_fd, left, right] = sequenced(&address)?;
    check_eq!(probed(sys::send(&left, b"sent ", 0))?, 5);
    check_eq!(probed(sys::sendto(&left, b"apart", 0, address.bytes()))?, 5);
    check_eq!(record(&right)?, b"sent ");
    check_eq!(record(&right)?, b"apart");
    Ok(())
}

/// A datagram goes to whom it is addressed.
pub(crate) fn sockfd_af_unix_sock_dgram(at: &Situation<'_>) -> Attempt {
    let (one, other) = (at.abstract_address("one"), at.path_address("other"));
    let (first, second) = (bound(&one)?, bound(&other)?);
    let fd = datagram()?;
    check_eq!(probed(sys::sendto(&fd, b"to one", 0, one.bytes()))?, 6);
    check_eq!(probed(sys::sendto(&fd, b"to the other", 0, other.bytes()))?, 12);
    check_eq!(record(&first)?, b"to one");
    check_eq!(record(&second)?, b"to the other");
    check_err!(sys::send(&fd, b"x", 0), ENOTCONN);
    Ok(())
}

/// It means nothing to this family: records are what is sent at a time, and no flag comes with them.
pub(crate) fn flags_msg_eor(at: &Situation<'_>) -> Attempt {
    is_ignored(at, libc::MSG_EOR)
}

/// To the UNIX family it means nothing: nothing waits for more.
pub(crate) fn flags_msg_more(at: &Situation<'_>) -> Attempt {
    if at.is_internet() {
        return datagrams::msg_more(at, |fd, data, flags| sys::send(fd, data, flags));
    }
    is_ignored(at, libc::MSG_MORE)
}

fn is_ignored(at: &Situation<'_>, flag: i32) -> Attempt {
    let (left, right) = at.pair()?;
    check_eq!(probed(sys::send(&left, b"abc", flag))?, 3);
    let mut data = [0; 4];
    let header = sys::recvmsg(&right, &mut [IoSliceMut::new(&mut data)], Envelope::default(), 0)?;
    // Records over vsock come with the mark.
    let marked = at.is_vsock() && at.keeps_records() && flag == libc::MSG_EOR;
    check_eq!((header.bytes, header.flags), (3, if marked { flag } else { 0 }));
    check_eq!(&data[..3], b"abc");
    Ok(exchange(&left, &right)?)
}
