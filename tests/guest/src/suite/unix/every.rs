//! The same for every call and every type: data passes, whichever call moves it, and flags that mean nothing change
//! nothing. On Linux all of it is made; under a profile, what that declares.

use std::{
    io::{IoSlice, IoSliceMut},
    os::fd::OwnedFd,
};

use super::help::{UNIX, exchange, option, set_option};
use crate::{
    errno::Result,
    harness::{Case, Need, Outcome, Test, check, check_eq, check_err, tests},
    probe::declares,
    sys::{self, Descriptor, Envelope, PAGE, Region},
};

pub(crate) const TESTS: &[Test] = tests!("unix";
    every_call_moves_data_on_every_type,
    flags_that_mean_nothing_to_senders,
    flags_that_mean_nothing_to_receivers,
    every_type_has_names_and_options,
    every_type_of_connection_is_accepted,
);

const TYPES: [(i32, &str); 3] = [
    (libc::SOCK_STREAM, "AF_UNIX SOCK_STREAM"),
    (libc::SOCK_SEQPACKET, "AF_UNIX SOCK_SEQPACKET"),
    (libc::SOCK_DGRAM, "AF_UNIX SOCK_DGRAM"),
];

pub(crate) const PAYLOAD: &[u8] = b"what is sent";

/// Whether the system has a value for a call: Linux has everything.
pub(crate) fn has(call: &str, value: &str) -> bool {
    Need::Policy.missing().is_some() || declares(call, value)
}

/// Connected pairs of every type that there is, with the type's name.
#[track_caller]
fn pairs() -> Result<Vec<(&'static str, OwnedFd, OwnedFd)>> {
    let there = TYPES.iter().filter(|(_, name)| has("socketpair", &name["AF_UNIX ".len()..]));
    there
        .map(|(kind, name)| sys::socketpair(UNIX, *kind, 0).map(|(left, right)| (*name, left, right)))
        .collect()
}

pub(crate) type Send = fn(&OwnedFd, &[u8], i32) -> Result<usize>;
pub(crate) type Receive = fn(&OwnedFd, &mut [u8], i32) -> Result<usize>;

pub(crate) const SENDS: [(&str, Send); 3] = [
    ("sendto", |fd, data, flags| sys::send(fd, data, flags)),
    ("sendmsg", |fd, data, flags| {
        let parts = [IoSlice::new(&data[..5]), IoSlice::new(&data[5..])];
        Ok(sys::sendmsg(fd, &parts, Envelope::default(), flags)?.bytes)
    }),
    ("sendmmsg", |fd, data, flags| one_of_many(fd, libc::SYS_sendmmsg, &mut data.to_vec(), flags)),
];

pub(crate) const WRITES: [(&str, Send); 2] = [
    ("write", |fd, data, _| sys::write(fd, data)),
    ("writev", |fd, data, _| sys::writev(fd, &[IoSlice::new(&data[..7]), IoSlice::new(&data[7..])])),
];

pub(crate) const RECEIVES: [(&str, Receive); 3] = [
    ("recvfrom", |fd, into, flags| sys::recv(fd, into, flags)),
    ("recvmsg", |fd, into, flags| {
        let (one, two) = into.split_at_mut(3);
        let mut parts = [IoSliceMut::new(one), IoSliceMut::new(two)];
        Ok(sys::recvmsg(fd, &mut parts, Envelope::default(), flags)?.bytes)
    }),
    ("recvmmsg", |fd, into, flags| one_of_many(fd, libc::SYS_recvmmsg, into, flags)),
];

pub(crate) const READS: [(&str, Receive); 2] = [
    ("read", |fd, into, _| sys::read(fd, into)),
    ("readv", |fd, into, _| {
        let (one, two) = into.split_at_mut(3);
        sys::readv(fd, &mut [IoSliceMut::new(one), IoSliceMut::new(two)])
    }),
];

/// sendmmsg(2) or recvmmsg(2) with a single message: how much of it was moved.
fn one_of_many(fd: &OwnedFd, number: i64, data: &mut [u8], flags: i32) -> Result<usize> {
    // A struct mmsghdr (64 bytes), the iovec of its one part, and the data.
    const PART: usize = 64;
    const DATA: usize = 128;
    let region = Region::new(1, libc::PROT_READ | libc::PROT_WRITE)?;
    assert!(data.len() <= PAGE - DATA);
    region.write(16, &region.at(PART).to_ne_bytes());
    region.write(24, &1_usize.to_ne_bytes());
    region.write(PART, &region.at(DATA).to_ne_bytes());
    region.write(PART + 8, &data.len().to_ne_bytes());
    region.write(DATA, data);
    let words = [fd.number() as usize, region.at(0), 1, flags as usize, 0, 0];
    let count = region.call("sendmmsg or recvmmsg", number, words)?;
    assert_eq!(count, 1, "one message was given");
    region.read(DATA, data);
    let mut length = [0; 4];
    region.read(56, &mut length);
    Ok(u32::from_ne_bytes(length) as usize)
}

/// Receives with plain flags, and compares.
#[track_caller]
pub(crate) fn arrives(fd: &OwnedFd, what: &str) -> Outcome {
    let mut data = [0; 64];
    check_eq!(sys::recv(fd, &mut data, libc::MSG_DONTWAIT)?, PAYLOAD.len(), "{what}");
    check_eq!(&data[..PAYLOAD.len()], PAYLOAD, "{what}");
    check_err!(sys::recv(fd, &mut data, libc::MSG_DONTWAIT), EAGAIN);
    Ok(())
}

fn every_call_moves_data_on_every_type(case: &Case) -> Outcome {
    for (kind, left, right) in pairs()? {
        for (send, sends) in SENDS.iter().chain(&WRITES).filter(|(call, _)| has(call, kind)) {
            for (receive, receives) in RECEIVES.iter().chain(&READS).filter(|(call, _)| has(call, kind)) {
                check_eq!(sends(&left, PAYLOAD, 0)?, PAYLOAD.len(), "{send} on {kind}");
                let mut data = [0; 64];
                check_eq!(receives(&right, &mut data, 0)?, PAYLOAD.len(), "{send}, {receive} on {kind}");
                check_eq!(&data[..PAYLOAD.len()], PAYLOAD, "{send}, {receive} on {kind}");
            }
        }
        if has("sendfile", kind) {
            let file = sys::open(&case.path(&kind[8..]), libc::O_RDWR | libc::O_CREAT, 0o600)?;
            sys::write(&file, PAYLOAD)?;
            check_eq!(sys::sendfile(&left, &file, Some(&mut 0), 100)?, PAYLOAD.len(), "on {kind}");
            arrives(&right, kind)?;
        }
    }
    Ok(())
}

fn flags_that_mean_nothing_to_senders(_: &Case) -> Outcome {
    let flags = [
        ("MSG_NOSIGNAL", libc::MSG_NOSIGNAL),
        ("MSG_DONTWAIT", libc::MSG_DONTWAIT),
        ("MSG_CONFIRM", libc::MSG_CONFIRM),
        ("MSG_EOR", libc::MSG_EOR),
        ("MSG_MORE", libc::MSG_MORE),
    ];
    for (kind, left, right) in pairs()? {
        for (call, send) in SENDS.iter().filter(|(call, _)| has(call, kind)) {
            for (name, flag) in flags.iter().filter(|(name, _)| has(call, name)) {
                let what = format!("{call} with {name} on {kind}");
                check_eq!(send(&left, PAYLOAD, *flag)?, PAYLOAD.len(), "{what}");
                arrives(&right, &what)?;
            }
        }
    }
    Ok(())
}

fn flags_that_mean_nothing_to_receivers(_: &Case) -> Outcome {
    let flags = [
        ("MSG_PEEK", libc::MSG_PEEK),
        ("MSG_DONTWAIT", libc::MSG_DONTWAIT),
        ("MSG_TRUNC", libc::MSG_TRUNC),
        ("MSG_NOSIGNAL", libc::MSG_NOSIGNAL),
        ("MSG_CMSG_CLOEXEC", libc::MSG_CMSG_CLOEXEC),
        ("MSG_WAITFORONE", 0x1_0000),
        ("MSG_WAITALL", libc::MSG_WAITALL),
    ];
    for (kind, left, right) in pairs()? {
        for (call, receive) in RECEIVES.iter().filter(|(call, _)| has(call, kind)) {
            // One of them is about several messages, and of no other call.
            let of_call = |name: &str| has(call, name) && (*call == "recvmmsg" || name != "MSG_WAITFORONE");
            for (name, flag) in flags.iter().filter(|(name, _)| of_call(name)) {
                let what = format!("{call} with {name} on {kind}");
                sys::write(&left, PAYLOAD)?;
                // As much as there is: nothing is missing to wait for, and nothing to cut off.
                let mut data = [0; PAYLOAD.len()];
                check_eq!(receive(&right, &mut data, *flag)?, PAYLOAD.len(), "{what}");
                check_eq!(&data, PAYLOAD, "{what}");
                match *flag {
                    libc::MSG_PEEK => arrives(&right, &what)?,
                    _ => check_err!(sys::recv(&right, &mut data, libc::MSG_DONTWAIT), EAGAIN),
                }
            }
        }
    }
    Ok(())
}

fn every_type_has_names_and_options(case: &Case) -> Outcome {
    for (kind, name) in TYPES.iter().filter(|(_, name)| has("bind", name)) {
        let address = case.abstract_address(name);
        let fd = sys::socket(UNIX, *kind, 0)?;
        sys::bind(&fd, address.bytes())?;
        check_eq!(super::help::name(&fd)?, address, "{name}");
        check_err!(super::help::peer_name(&fd), ENOTCONN);
        check_eq!(option(&fd, libc::SO_TYPE)?, *kind);
        set_option(&fd, libc::SO_SNDBUF, 10_000)?;
        check_eq!(option(&fd, libc::SO_SNDBUF)?, 20_000, "{name}");
        sys::ioctl(&fd, libc::FIONBIO, &mut 1)?;
        check_eq!(sys::fcntl(&fd, libc::F_GETFL, 0)? as i32 & libc::O_NONBLOCK, libc::O_NONBLOCK, "{name}");
    }
    for (kind, left, right) in pairs()? {
        check!(super::help::peer_name(&left)?.rest().is_empty(), "{kind}");
        sys::shutdown(&left, libc::SHUT_WR)?;
        check_err!(sys::write(&left, b"x"), EPIPE);
        check_eq!(sys::write(&right, b"back")?, 4, "{kind}");
        check_eq!(sys::read(&left, &mut [0; 8])?, 4, "{kind}");
    }
    Ok(())
}

fn every_type_of_connection_is_accepted(case: &Case) -> Outcome {
    for (kind, name) in TYPES.iter().filter(|(_, name)| has("listen", name)) {
        let (address, fd) = (case.abstract_address(name), sys::socket(UNIX, *kind, 0)?);
        sys::bind(&fd, address.bytes())?;
        if *kind == libc::SOCK_DGRAM {
            check_err!(sys::listen(&fd, 1), EOPNOTSUPP);
            continue;
        }
        sys::listen(&fd, 1)?;
        for flags in [None, Some(0)] {
            let near = sys::socket(UNIX, *kind, 0)?;
            sys::connect(&near, address.bytes())?;
            let far = flags.map_or_else(|| sys::accept(&fd), |flags| sys::accept4(&fd, flags))?;
            check_eq!(option(&far, libc::SO_TYPE)?, *kind);
            exchange(&near, &far)?;
        }
    }
    Ok(())
}
