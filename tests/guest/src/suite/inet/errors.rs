//! The error queue: IP_RECVERR, IPV6_RECVERR and MSG_ERRQUEUE (`ip(7)`, `ipv6(7)`).

use std::{io::IoSliceMut, os::fd::OwnedFd};

use super::help::{DGRAM, FAMILIES, V4, V6, connection, nobody, port, wait_for};
use super::options::{get, set};
use crate::{
    address::Address,
    errno::{Errno, Result},
    harness::{Case, Outcome, Test, check, check_eq, check_err, tests},
    suite::unix::{
        control::{self, Messages},
        help::{name, option},
    },
    sys::{self, Descriptor, Envelope},
};

pub(crate) const TESTS: &[Test] = tests!("inet";
    errors_tell_what_became_of_a_datagram,
    errors_of_datagrams_without_a_peer,
    errors_are_shown_and_told,
    errors_of_this_host,
    errors_are_one_after_the_other,
    errors_nobody_waits_for,
    errors_are_lost_to_who_does_not_want_them,
    errors_of_streams_there_are_none,
    errors_have_a_switch,
);

/// The option that asks for errors, by level and name: it is also the type of the control message.
pub(crate) fn asking(family: i32) -> (i32, i32) {
    if family == V4 { (libc::IPPROTO_IP, libc::IP_RECVERR) } else { (libc::IPPROTO_IPV6, libc::IPV6_RECVERR) }
}

/// What was received from the error queue.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) data: Vec<u8>,
    pub(crate) to: Vec<u8>,
    pub(crate) flags: i32,
    pub(crate) messages: Messages,
}

/// Receives from it by recvmsg(2).
#[track_caller]
pub(crate) fn take(fd: &impl Descriptor) -> Result<Record> {
    let (mut data, mut control, mut to) = (vec![0; 64], vec![0; 256], vec![0; 28]);
    let envelope = Envelope { name: Some(&mut to), control: Some(&mut control), flags: 0 };
    let header = sys::recvmsg(fd, &mut [IoSliceMut::new(&mut data)], envelope, libc::MSG_ERRQUEUE)?;
    data.truncate(header.bytes);
    to.truncate(header.name as usize);
    let messages = control::parse(&control[..header.control]);
    Ok(Record { data, to, flags: header.flags, messages })
}

/// The same by recvmmsg(2): how many bytes came back, and what was told.
#[track_caller]
pub(crate) fn take_many(fd: &OwnedFd) -> Result<(usize, Messages)> {
    let (mut data, mut room) = ([0; 8], [0; 256]);
    let (_, headers) = sys::recvmmsg_with(fd, &mut [&mut data], &mut [&mut room], libc::MSG_ERRQUEUE, None)?;
    Ok((headers[0].bytes, control::parse(&room[..headers[0].control])))
}

/// Does `receive` until there is something, 10 seconds at most: nobody waits for errors.
#[track_caller]
pub(crate) fn soon<T>(mut receive: impl FnMut() -> Result<T>) -> Result<T> {
    let begun = std::time::Instant::now();
    loop {
        match receive() {
            Err(Errno(libc::EAGAIN)) if begun.elapsed().as_secs() < 10 => std::thread::yield_now(),
            result => return result,
        }
    }
}

/// The `struct sock_extended_err` of what a port says that nobody has, and who says so.
pub(crate) fn refused(family: i32) -> Vec<u8> {
    let (origin, kind, code) = if family == V4 { (2, 3, 3) } else { (3, 1, 4) };
    let mut bytes = libc::ECONNREFUSED.to_ne_bytes().to_vec();
    bytes.extend([origin, kind, code, 0]);
    bytes.extend([0; 8]);
    bytes.extend(super::help::loopback(family, 0).bytes());
    bytes
}

/// A socket that wants errors, and an address at which nobody is.
#[track_caller]
pub(crate) fn asker(family: i32) -> Result<(OwnedFd, Address)> {
    let fd = sys::socket(family, DGRAM, 0)?;
    let (level, name) = asking(family);
    set(&fd, level, name, 1)?;
    Ok((fd, nobody(family, DGRAM)?))
}

fn errors_tell_what_became_of_a_datagram(_: &Case) -> Outcome {
    for family in FAMILIES {
        let (fd, to) = asker(family)?;
        sys::connect(&fd, to.bytes())?;
        sys::write(&fd, b"payload")?;
        let (level, kind) = asking(family);
        let Record { data, to: name, flags, messages } = soon(|| take(&fd))?;
        check_eq!(data, b"payload");
        check_eq!(name, to.bytes());
        check_eq!(flags & !libc::MSG_TRUNC, libc::MSG_ERRQUEUE);
        check_eq!(messages, [(level, kind, refused(family))]);
        // With the record its error is told.
        check_eq!(option(&fd, libc::SO_ERROR)?, 0);
        check_err!(take(&fd), EAGAIN);
    }
    Ok(())
}

fn errors_of_datagrams_without_a_peer(_: &Case) -> Outcome {
    for family in FAMILIES {
        let (fd, to) = asker(family)?;
        sys::sendto(&fd, b"one", 0, to.bytes())?;
        let record = soon(|| take(&fd))?;
        check_eq!((&record.data[..], &record.to[..]), (&b"one"[..], to.bytes()));
        // By recvfrom(2), too.
        sys::sendto(&fd, b"three", 0, to.bytes())?;
        let (mut data, mut from, mut length) = ([0; 8], [0; 28], 28);
        let count = soon(|| sys::recvfrom(&fd, &mut data, libc::MSG_ERRQUEUE, &mut from, &mut length))?;
        check_eq!(count, 5);
        check_eq!(&from[..length as usize], to.bytes());
        sys::sendto(&fd, b"four", 0, to.bytes())?;
        let (level, kind) = asking(family);
        check_eq!(soon(|| take_many(&fd))?, (4, vec![(level, kind, refused(family))]));
    }
    Ok(())
}

fn errors_are_shown_and_told(_: &Case) -> Outcome {
    for family in FAMILIES {
        let (fd, to) = asker(family)?;
        sys::sendto(&fd, b"one", 0, to.bytes())?;
        let shown = wait_for(&fd, libc::POLLERR)?;
        check_eq!(shown & (libc::POLLERR | libc::POLLIN), libc::POLLERR, "what waits is no data");
        // The next call is told, once.
        check_err!(sys::sendto(&fd, b"two", 0, to.bytes()), ECONNREFUSED);
        check_eq!(take(&fd)?.data, b"one");
    }
    Ok(())
}

fn errors_of_this_host(_: &Case) -> Outcome {
    for (family, level, how) in
        [(V4, libc::IPPROTO_IP, libc::IP_MTU_DISCOVER), (V6, libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER)]
    {
        let (fd, length, pair) = super::said::narrow(family)?;
        let (asks, asked) = asking(family);
        set(&fd, asks, asked, 1)?;
        set(&fd, level, how, 2)?;
        check_err!(sys::send(&fd, &vec![0; length], 0), EMSGSIZE);
        let record = take(&fd)?;
        let (level, kind) = asking(family);
        check_eq!((record.messages[0].0, record.messages[0].1), (level, kind));
        let told = &record.messages[0].2;
        check_eq!(told[..4], libc::EMSGSIZE.to_ne_bytes());
        check_eq!(told[4..8], [1, 0, 0, 0], "by this host");
        let takes = if pair.is_some() { 1500 } else { 65_536 };
        check_eq!(u32::from_ne_bytes([told[8], told[9], told[10], told[11]]), takes);
    }
    Ok(())
}

fn errors_are_one_after_the_other(_: &Case) -> Outcome {
    let (fd, to) = asker(V4)?;
    let other = nobody(V4, DGRAM)?;
    check!(port(&to) != port(&other));
    sys::sendto(&fd, b"one", 0, to.bytes())?;
    check!(wait_for(&fd, libc::POLLERR)? & libc::POLLERR != 0);
    check_eq!(option(&fd, libc::SO_ERROR)?, libc::ECONNREFUSED);
    // The record is still there.
    check!(wait_for(&fd, libc::POLLERR)? & libc::POLLERR != 0);
    sys::sendto(&fd, b"two", 0, other.bytes())?;
    check_eq!(take(&fd)?.data, b"one");
    wait_for(&fd, libc::POLLERR)?;
    check_eq!(option(&fd, libc::SO_ERROR)?, libc::ECONNREFUSED, "that of the next one");
    check_eq!(take(&fd)?.to, other.bytes());
    check_err!(take(&fd), EAGAIN);
    Ok(())
}

fn errors_nobody_waits_for(_: &Case) -> Outcome {
    for family in FAMILIES {
        let (fd, _) = asker(family)?;
        check_err!(take(&fd), EAGAIN, "though the socket is a blocking one");
        let (mut from, mut length) = ([0; 28], 28);
        check_err!(sys::recvfrom(&fd, &mut [0; 4], libc::MSG_ERRQUEUE, &mut from, &mut length), EAGAIN);
    }
    Ok(())
}

fn errors_are_lost_to_who_does_not_want_them(_: &Case) -> Outcome {
    let (fd, to) = asker(V4)?;
    let (level, kind) = asking(V4);
    sys::sendto(&fd, b"one", 0, to.bytes())?;
    set(&fd, level, kind, 0)?;
    check_err!(take(&fd), EAGAIN);
    // Who has not asked is told nothing about datagrams without a peer.
    let quiet = sys::socket(V4, DGRAM, 0)?;
    sys::sendto(&quiet, b"x", 0, to.bytes())?;
    check_eq!(option(&quiet, libc::SO_ERROR)?, 0);
    check_err!(take(&quiet), EAGAIN);
    check!(port(&name(&quiet)?) != 0);
    Ok(())
}

fn errors_of_streams_there_are_none(_: &Case) -> Outcome {
    let (near, far) = connection(V4)?;
    sys::write(&far, b"data")?;
    wait_for(&near, libc::POLLIN)?;
    check_err!(sys::recv(&near, &mut [0; 4], libc::MSG_ERRQUEUE), EAGAIN);
    check_eq!(sys::recv(&near, &mut [0; 8], 0)?, 4);
    Ok(())
}

fn errors_have_a_switch(_: &Case) -> Outcome {
    for family in FAMILIES {
        let fd = sys::socket(family, DGRAM, 0)?;
        let (level, name) = asking(family);
        check_eq!(get(&fd, level, name)?, 0);
        set(&fd, level, name, 5)?;
        check_eq!(get(&fd, level, name)?, 1);
    }
    Ok(())
}
