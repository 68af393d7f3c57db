//! The same for both types and every call.

use std::os::fd::OwnedFd;

use scml::probe::SocketKind;

use super::help::{address, route};
use crate::{
    errno::Result,
    harness::{Case, Failure, Outcome, Test, check, check_eq, check_err, tests},
    probe::{
        Trouble,
        proofs::netlink::messages::{ALL, SENDS as WAYS},
        situation::Situation,
    },
    suite::{
        inet::{
            every::{flags_by_request, flags_of_receivers, has_no_credentials},
            interfaces,
        },
        unix::{
            control,
            every::{PAYLOAD, READS, RECEIVES, SENDS, WRITES, arrives, has},
            help::{DGRAM, name, option, peer_name, set_option},
        },
    },
    sys,
};

pub(crate) const TESTS: &[Test] = tests!("netlink";
    every_message_over_every_call,
    every_call_moves_messages_of_both_types,
    every_flag_of_senders_that_means_nothing,
    every_flag_of_receivers,
    every_type_has_requests,
    every_type_has_names_and_options,
    every_type_can_be_made_with_flags,
);

const TYPES: [(i32, &str); 2] = [(libc::SOCK_RAW, "AF_NETLINK SOCK_RAW"), (DGRAM, "AF_NETLINK SOCK_DGRAM")];

#[track_caller]
fn socket(kind: i32, flags: i32) -> Result<OwnedFd> {
    sys::socket(libc::AF_NETLINK, kind | flags, libc::NETLINK_ROUTE)
}

/// Two of each type that are connected to each other.
#[track_caller]
fn pairs() -> Result<Vec<(&'static str, OwnedFd, OwnedFd)>> {
    let made = TYPES.map(|(kind, shown)| {
        let (one, other) = (socket(kind, 0)?, socket(kind, 0)?);
        sys::bind(&one, address(0, 0).bytes())?;
        sys::bind(&other, address(0, 0).bytes())?;
        sys::connect(&one, name(&other)?.bytes())?;
        sys::connect(&other, name(&one)?.bytes())?;
        Ok((shown, one, other))
    });
    made.into_iter().collect()
}

/// Whatever is declared of messages does what it is for, whichever call sends them.
fn every_message_over_every_call(case: &Case) -> Outcome {
    for (kind, shown) in TYPES {
        let kind = SocketKind { family: libc::AF_NETLINK as u16, kind: kind as u8, protocol: 0, state: None };
        for (call, send) in WAYS {
            for (what, proof) in ALL {
                let here = |trouble: String| Failure::here(format!("{what} by {call} on {shown}: {trouble}"));
                match proof(&Situation::new(case, kind), send) {
                    Ok(()) => {}
                    Err(Trouble::Refused(errno, _)) => return Err(here(format!("{errno}"))),
                    Err(Trouble::Misbehaved(failure)) => return Err(here(format!("{failure}"))),
                }
            }
        }
    }
    Ok(())
}

fn every_call_moves_messages_of_both_types(_: &Case) -> Outcome {
    for (kind, left, right) in pairs()? {
        for (send, sends) in SENDS.iter().chain(&WRITES) {
            for (receive, receives) in RECEIVES.iter().chain(&READS) {
                check_eq!(sends(&left, PAYLOAD, 0)?, PAYLOAD.len(), "{send} on {kind}");
                let mut data = [0; 64];
                check_eq!(receives(&right, &mut data, 0)?, PAYLOAD.len(), "{send}, {receive} on {kind}");
                check_eq!(&data[..PAYLOAD.len()], PAYLOAD, "{send}, {receive} on {kind}");
            }
        }
    }
    Ok(())
}

fn every_flag_of_senders_that_means_nothing(_: &Case) -> Outcome {
    let flags = [libc::MSG_NOSIGNAL, libc::MSG_DONTWAIT, libc::MSG_CONFIRM, libc::MSG_EOR, libc::MSG_MORE];
    for (kind, left, right) in pairs()? {
        for (call, send) in &SENDS {
            for flag in flags {
                let what = format!("{call} with {flag:#x} on {kind}");
                check_eq!(send(&left, PAYLOAD, flag)?, PAYLOAD.len(), "{what}");
                arrives(&right, &what)?;
            }
        }
    }
    Ok(())
}

fn every_flag_of_receivers(_: &Case) -> Outcome {
    for (kind, left, right) in pairs()? {
        flags_of_receivers(kind, &left, &right, |call, name| {
            has(call, name) && (name != "MSG_WAITFORONE" || call == "recvmmsg")
        })?;
        // What comes with them.
        set_option(&right, libc::SO_PASSCRED, 1)?;
        super::options::switch(&right, libc::NETLINK_PKTINFO, 1)?;
        for receive in [crate::suite::inet::told::by_recvmsg, crate::suite::inet::told::by_recvmmsg] {
            sys::write(&left, PAYLOAD)?;
            let levels: Vec<_> = receive(&right)?.iter().map(|(level, ..)| *level).collect();
            check_eq!(levels, [super::options::LEVEL, libc::SOL_SOCKET], "{kind}");
        }
    }
    Ok(())
}

fn every_type_has_requests(_: &Case) -> Outcome {
    for (kind, left, _right) in pairs()? {
        let mut count = -1;
        check_err!(sys::ioctl(&left, libc::FIONREAD, &mut count), ENOTTY, "{kind}");
        check_err!(sys::ioctl(&left, libc::TIOCOUTQ, &mut count), ENOTTY, "{kind}");
        for on in [1, 0] {
            sys::ioctl(&left, libc::FIOASYNC, &mut { on })?;
        }
        flags_by_request(kind, &left)?;
        check_eq!(interfaces::number(&left, libc::SIOCGIFMTU, "lo")?, 65_536, "{kind}");
        check_err!(interfaces::address(&left, libc::SIOCGIFADDR, "lo"), ENOTTY, "{kind}");
    }
    Ok(())
}

fn every_type_has_names_and_options(_: &Case) -> Outcome {
    for (type_number, kind) in TYPES {
        let fd = socket(type_number, 0)?;
        for (name, value) in [
            (libc::SO_TYPE, type_number),
            (libc::SO_DOMAIN, libc::AF_NETLINK),
            (libc::SO_PROTOCOL, libc::NETLINK_ROUTE),
            (libc::SO_ACCEPTCONN, 0),
            (libc::SO_ERROR, 0),
            (libc::SO_SNDLOWAT, 1),
        ] {
            check_eq!(option(&fd, name)?, value, "{name} on {kind}");
        }
        let switches = [
            libc::SO_REUSEADDR,
            libc::SO_KEEPALIVE,
            libc::SO_BROADCAST,
            libc::SO_DONTROUTE,
            libc::SO_PASSCRED,
            libc::SO_RCVLOWAT,
        ];
        for name in switches {
            set_option(&fd, name, 1)?;
            check_eq!(option(&fd, name)?, 1, "{name} on {kind}");
        }
        for name in [libc::SO_SNDBUF, libc::SO_RCVBUF] {
            set_option(&fd, name, 7000)?;
            check_eq!(option(&fd, name)?, 14_000, "{name} on {kind}");
        }
        let linger = [1_i32, 5].map(i32::to_ne_bytes).concat();
        sys::setsockopt(&fd, libc::SOL_SOCKET, libc::SO_LINGER, &linger)?;
        let (mut value, mut length) = ([0; 8], 8);
        sys::getsockopt(&fd, libc::SOL_SOCKET, libc::SO_LINGER, &mut value, &mut length)?;
        check_eq!(value[..], linger, "{kind}");
        has_no_credentials(kind, &fd)?;
        check_err!(option(&fd, control::PASSPIDFD), EOPNOTSUPP, "{kind}");
        check_eq!(name(&fd)?.bytes().len(), 12);
        check_eq!(peer_name(&fd)?.bytes().len(), 12);
        sys::bind(&fd, address(0, 0).bytes())?;
        sys::connect(&fd, address(0, 0).bytes())?;
        for name in super::options::SWITCHES {
            super::options::switch(&fd, name, 1)?;
            check_eq!(
                crate::suite::inet::options::get(&fd, super::options::LEVEL, name)?,
                1,
                "{name} on {kind}"
            );
        }
        for change in [libc::NETLINK_ADD_MEMBERSHIP, libc::NETLINK_DROP_MEMBERSHIP] {
            crate::suite::inet::options::set(&fd, super::options::LEVEL, change, 1)?;
        }
        check_eq!(super::options::memberships(&fd, 8)?.0, [0, 0], "{kind}");
    }
    check!(route().is_ok());
    Ok(())
}

fn every_type_can_be_made_with_flags(_: &Case) -> Outcome {
    for (kind, shown) in TYPES {
        let fd = socket(kind, libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC)?;
        check_err!(sys::read(&fd, &mut [0]), EAGAIN, "{shown}");
        check_eq!(sys::fcntl(&fd, libc::F_GETFD, 0)?, libc::FD_CLOEXEC as usize, "{shown}");
    }
    Ok(())
}
