//! The same for every call and every kind of socket: data passes, whichever call moves it, and flags that mean nothing
//! change nothing.

use std::os::fd::OwnedFd;

use super::help::{DGRAM, FAMILIES, STREAM, V4, connection, datagrams, listener, wait_for};
use crate::{
    errno::Result,
    harness::{Case, Outcome, Test, check_eq, check_err, tests},
    suite::unix::{
        every::{PAYLOAD, READS, RECEIVES, SENDS, WRITES, arrives, has},
        help::exchange,
    },
    sys,
};

pub(crate) const TESTS: &[Test] = tests!("inet";
    every_call_moves_data_on_every_kind,
    flags_of_senders_that_mean_nothing,
    flags_of_receivers_on_every_kind,
    every_kind_has_requests,
    every_kind_has_no_credentials,
    every_stream_is_accepted,
);

/// Connected pairs of every kind, with the kind's name.
#[track_caller]
fn pairs() -> Result<Vec<(String, OwnedFd, OwnedFd)>> {
    let mut pairs = Vec::new();
    for family in FAMILIES {
        for kind in [STREAM, DGRAM] {
            let (one, other) = if kind == STREAM { connection(family)? } else { datagrams(family)? };
            let family = if family == V4 { "AF_INET" } else { "AF_INET6" };
            let kind = if kind == STREAM { "SOCK_STREAM" } else { "SOCK_DGRAM" };
            pairs.push((format!("{family} {kind}"), one, other));
        }
    }
    Ok(pairs)
}

fn every_call_moves_data_on_every_kind(case: &Case) -> Outcome {
    for (kind, left, right) in pairs()? {
        for (send, sends) in SENDS.iter().chain(&WRITES) {
            for (receive, receives) in RECEIVES.iter().chain(&READS) {
                check_eq!(sends(&left, PAYLOAD, 0)?, PAYLOAD.len(), "{send} on {kind}");
                wait_for(&right, libc::POLLIN)?;
                let mut data = [0; 64];
                check_eq!(receives(&right, &mut data, 0)?, PAYLOAD.len(), "{send}, {receive} on {kind}");
                check_eq!(&data[..PAYLOAD.len()], PAYLOAD, "{send}, {receive} on {kind}");
            }
        }
        let file = sys::open(&case.path(&kind), libc::O_RDWR | libc::O_CREAT, 0o600)?;
        sys::write(&file, PAYLOAD)?;
        // Linux keeps a datagram back while it takes more to be there.
        let length = PAYLOAD.len();
        check_eq!(sys::sendfile(&left, &file, Some(&mut 0), length)?, length, "on {kind}");
        wait_for(&right, libc::POLLIN)?;
        arrives(&right, &kind)?;
    }
    Ok(())
}

fn flags_of_senders_that_mean_nothing(_: &Case) -> Outcome {
    let flags = [libc::MSG_NOSIGNAL, libc::MSG_DONTWAIT, libc::MSG_CONFIRM, libc::MSG_EOR];
    for (kind, left, right) in pairs()? {
        for (call, send) in &SENDS {
            for flag in flags {
                let what = format!("{call} with {flag:#x} on {kind}");
                check_eq!(send(&left, PAYLOAD, flag)?, PAYLOAD.len(), "{what}");
                wait_for(&right, libc::POLLIN)?;
                arrives(&right, &what)?;
            }
        }
    }
    Ok(())
}

/// Each flag of each call that receives, of those that are meant, on the second of two that are connected.
pub(crate) fn flags_of_receivers(
    kind: &str,
    left: &OwnedFd,
    right: &OwnedFd,
    is_meant: impl Fn(&str, &str) -> bool,
) -> Outcome {
    let flags = [
        ("MSG_PEEK", libc::MSG_PEEK),
        ("MSG_DONTWAIT", libc::MSG_DONTWAIT),
        ("MSG_TRUNC", libc::MSG_TRUNC),
        ("MSG_NOSIGNAL", libc::MSG_NOSIGNAL),
        ("MSG_CMSG_CLOEXEC", libc::MSG_CMSG_CLOEXEC),
        ("MSG_WAITFORONE", 0x1_0000),
        ("MSG_WAITALL", libc::MSG_WAITALL),
    ];
    for (call, receive) in &RECEIVES {
        for (name, flag) in flags.iter().filter(|(name, _)| is_meant(call, name)) {
            let what = format!("{call} with {name} on {kind}");
            sys::write(left, PAYLOAD)?;
            wait_for(right, libc::POLLIN)?;
            let mut data = [0; PAYLOAD.len()];
            check_eq!(receive(right, &mut data, *flag)?, PAYLOAD.len(), "{what}");
            check_eq!(&data, PAYLOAD, "{what}");
            match *flag {
                libc::MSG_PEEK => arrives(right, &what)?,
                _ => check_err!(sys::recv(right, &mut data, libc::MSG_DONTWAIT), EAGAIN),
            }
        }
    }
    Ok(())
}

fn flags_of_receivers_on_every_kind(_: &Case) -> Outcome {
    for (kind, left, right) in pairs()? {
        // To a stream MSG_TRUNC means another thing, and one is about several messages.
        let records = kind.ends_with("SOCK_DGRAM");
        flags_of_receivers(&kind, &left, &right, |call, name| match name {
            "MSG_TRUNC" => records,
            "MSG_WAITFORONE" => call == "recvmmsg",
            _ => has(call, name),
        })?;
    }
    Ok(())
}

fn every_kind_has_requests(_: &Case) -> Outcome {
    for (kind, left, right) in pairs()? {
        sys::write(&left, PAYLOAD)?;
        wait_for(&right, libc::POLLIN)?;
        let mut count = -1;
        sys::ioctl(&right, libc::FIONREAD, &mut count)?;
        check_eq!(count as usize, PAYLOAD.len(), "{kind}");
        sys::ioctl(&right, libc::TIOCOUTQ, &mut count)?;
        check_eq!(count, 0, "{kind}");
        flags_by_request(&kind, &left)?;
    }
    Ok(())
}

/// Flags of the open file, and of the descriptor. The socket does not wait afterwards.
pub(crate) fn flags_by_request(kind: &str, fd: &OwnedFd) -> Outcome {
    sys::ioctl(fd, libc::FIONBIO, &mut 1)?;
    check_err!(sys::read(fd, &mut [0]), EAGAIN, "{kind}");
    sys::ioctl(fd, libc::FIOCLEX, &mut 0)?;
    check_eq!(sys::fcntl(fd, libc::F_GETFD, 0)?, libc::FD_CLOEXEC as usize, "{kind}");
    sys::ioctl(fd, libc::FIONCLEX, &mut 0)?;
    check_eq!(sys::fcntl(fd, libc::F_GETFD, 0)?, 0, "{kind}");
    Ok(())
}

fn every_kind_has_no_credentials(_: &Case) -> Outcome {
    for (kind, left, _right) in pairs()? {
        has_no_credentials(&kind, &left)?;
    }
    Ok(())
}

/// SO_PEERCRED: nobody is at the other end.
pub(crate) fn has_no_credentials(kind: &str, fd: &OwnedFd) -> Outcome {
    let (mut value, mut length) = ([0; 12], 12);
    sys::getsockopt(fd, libc::SOL_SOCKET, libc::SO_PEERCRED, &mut value, &mut length)?;
    check_eq!(value, [0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255], "{kind}");
    Ok(())
}

fn every_stream_is_accepted(_: &Case) -> Outcome {
    for family in FAMILIES {
        let (fd, address) = listener(family, 1)?;
        for flags in [0, libc::SOCK_CLOEXEC, libc::SOCK_NONBLOCK] {
            let near = super::help::client(family, &address)?;
            let far = sys::accept4(&fd, flags)?;
            let closes = if flags == libc::SOCK_CLOEXEC { libc::FD_CLOEXEC as usize } else { 0 };
            check_eq!(sys::fcntl(&far, libc::F_GETFD, 0)?, closes);
            let waits = sys::fcntl(&far, libc::F_GETFL, 0)? as i32 & libc::O_NONBLOCK == 0;
            check_eq!(waits, flags != libc::SOCK_NONBLOCK);
            if waits {
                exchange(&near, &far)?;
            }
        }
    }
    Ok(())
}
