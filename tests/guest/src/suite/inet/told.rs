//! What receivers of datagrams are told about them besides who sent them (`ip(7)`, `ipv6(7)`, RFC 3542).

use std::{io::IoSliceMut, os::fd::OwnedFd};

use super::help::{DGRAM, V4, V6, at, bound, loopback, port_of, wait_for};
use super::options::{get, set};
use crate::{
    errno::Result,
    harness::{Case, Outcome, Test, check_eq, check_err, tests},
    suite::unix::control::{self, HEADER, Messages, receive_with, space},
    sys::{self, Envelope},
};

pub(crate) const TESTS: &[Test] = tests!("inet";
    told_nothing_unasked,
    told_what_the_option_says,
    told_everything_in_order,
    told_of_ipv4_at_ipv6_sockets,
    told_as_far_as_there_is_room,
    told_options_are_switches,
    told_options_of_other_sockets,
);

/// Options that ask, each with what it brings, over which version of IP.
pub(crate) struct Question {
    pub(crate) level: i32,
    pub(crate) option: i32,
    pub(crate) kind: i32,
}

const fn question(level: i32, option: i32, kind: i32) -> Question {
    Question { level, option, kind }
}

pub(crate) const PACKET_V4: Question = question(libc::SOL_IP, libc::IP_PKTINFO, libc::IP_PKTINFO);
pub(crate) const HOPS_V4: Question = question(libc::SOL_IP, libc::IP_RECVTTL, libc::IP_TTL);
pub(crate) const CLASS_V4: Question = question(libc::SOL_IP, libc::IP_RECVTOS, libc::IP_TOS);
pub(crate) const PACKET_V6: Question = question(libc::SOL_IPV6, libc::IPV6_RECVPKTINFO, libc::IPV6_PKTINFO);
pub(crate) const HOPS_V6: Question = question(libc::SOL_IPV6, libc::IPV6_RECVHOPLIMIT, libc::IPV6_HOPLIMIT);
pub(crate) const CLASS_V6: Question = question(libc::SOL_IPV6, libc::IPV6_RECVTCLASS, libc::IPV6_TCLASS);

/// What can be asked about packets of each version.
const QUESTIONS: [(i32, [Question; 3]); 2] =
    [(V4, [PACKET_V4, HOPS_V4, CLASS_V4]), (V6, [PACKET_V6, HOPS_V6, CLASS_V6])];

/// What the sender sets for its packets.
const HOPS: i32 = 9;
const CLASS: i32 = 0x28;

/// A sender whose packets have a hop limit and a class of their own, and the receiver to which it sends: of `family`, over IPv4
/// or IPv6.
#[track_caller]
pub(crate) fn route(family: i32, over: i32) -> Result<(OwnedFd, OwnedFd)> {
    let receiver = if family == over {
        bound(family, DGRAM)?.0
    } else {
        let receiver = sys::socket(V6, DGRAM, 0)?;
        sys::bind(&receiver, at(V6, "[::ffff:127.0.0.1]:0").bytes())?;
        receiver
    };
    let (sender, _) = bound(over, DGRAM)?;
    for (level, option, value) in match over {
        V4 => [(libc::SOL_IP, libc::IP_TTL, HOPS), (libc::SOL_IP, libc::IP_TOS, CLASS)],
        _ => [(libc::SOL_IPV6, libc::IPV6_UNICAST_HOPS, HOPS), (libc::SOL_IPV6, libc::IPV6_TCLASS, CLASS)],
    } {
        set(&sender, level, option, value)?;
    }
    sys::connect(&sender, loopback(over, port_of(&receiver)?).bytes())?;
    Ok((sender, receiver))
}

/// The data of the control message that answers a question about a packet of [`route`].
pub(crate) fn answer(question: &Question, over: i32) -> Vec<u8> {
    let index = 1_i32.to_ne_bytes();
    let own = [127, 0, 0, 1];
    match (question.level, question.kind) {
        (libc::SOL_IP, libc::IP_PKTINFO) => [index, own, own].concat(),
        (libc::SOL_IP, libc::IP_TOS) => vec![CLASS as u8],
        (libc::SOL_IPV6, libc::IPV6_PKTINFO) if over == V4 => {
            [&[0; 10][..], &[0xff; 2], &own, &index].concat()
        }
        (libc::SOL_IPV6, libc::IPV6_PKTINFO) => [&[0; 15][..], &[1], &index].concat(),
        (libc::SOL_IPV6, libc::IPV6_TCLASS) => CLASS.to_ne_bytes().to_vec(),
        _ => HOPS.to_ne_bytes().to_vec(),
    }
}

/// Receives one datagram by recvmsg(2).
#[track_caller]
pub(crate) fn by_recvmsg(fd: &OwnedFd) -> Result<Messages> {
    wait_for(fd, libc::POLLIN)?;
    Ok(receive_with(fd, 8, 256, 0)?.messages)
}

/// Receives one datagram by recvmmsg(2).
#[track_caller]
pub(crate) fn by_recvmmsg(fd: &OwnedFd) -> Result<Messages> {
    wait_for(fd, libc::POLLIN)?;
    let (mut data, mut room) = ([0; 8], [0; 256]);
    let (_, headers) = sys::recvmmsg_with(fd, &mut [&mut data], &mut [&mut room], 0, None)?;
    Ok(control::parse(&room[..headers[0].control]))
}

fn told_nothing_unasked(_: &Case) -> Outcome {
    for family in [V4, V6] {
        let (sender, receiver) = route(family, family)?;
        sys::write(&sender, b"x")?;
        check_eq!(by_recvmsg(&receiver)?, []);
    }
    Ok(())
}

fn told_what_the_option_says(_: &Case) -> Outcome {
    for (over, questions) in QUESTIONS {
        let (sender, receiver) = route(over, over)?;
        for question in questions {
            let Question { level, option, kind } = question;
            set(&receiver, level, option, 1)?;
            for receive in [by_recvmsg, by_recvmmsg] {
                sys::write(&sender, b"x")?;
                check_eq!(receive(&receiver)?, [(level, kind, answer(&question, over))]);
            }
            // read(2) passes over it.
            sys::write(&sender, b"xy")?;
            wait_for(&receiver, libc::POLLIN)?;
            check_eq!(sys::read(&receiver, &mut [0; 8])?, 2);
            set(&receiver, level, option, 0)?;
            sys::write(&sender, b"x")?;
            check_eq!(by_recvmsg(&receiver)?, []);
        }
    }
    Ok(())
}

fn told_everything_in_order(_: &Case) -> Outcome {
    for (over, questions) in QUESTIONS {
        let (sender, receiver) = route(over, over)?;
        for Question { level, option, .. } in &questions {
            set(&receiver, *level, *option, 1)?;
        }
        let all: Messages = questions.iter().map(|it| (it.level, it.kind, answer(it, over))).collect();
        sys::write(&sender, b"x")?;
        wait_for(&receiver, libc::POLLIN)?;
        check_eq!(receive_with(&receiver, 8, 256, libc::MSG_PEEK)?.messages, all, "also to a look");
        check_eq!(by_recvmsg(&receiver)?, all);
    }
    Ok(())
}

fn told_of_ipv4_at_ipv6_sockets(_: &Case) -> Outcome {
    let (sender, receiver) = route(V6, V4)?;
    for Question { level, option, .. } in [PACKET_V6, HOPS_V6, CLASS_V6] {
        set(&receiver, level, option, 1)?;
    }
    sys::write(&sender, b"x")?;
    let packet = (libc::SOL_IPV6, libc::IPV6_PKTINFO, answer(&PACKET_V6, V4));
    check_eq!(by_recvmsg(&receiver)?, std::slice::from_ref(&packet), "the rest is about IPv6");
    for question in [PACKET_V4, HOPS_V4, CLASS_V4] {
        let Question { level, option, kind } = question;
        set(&receiver, level, option, 1)?;
        for receive in [by_recvmsg, by_recvmmsg] {
            sys::write(&sender, b"x")?;
            check_eq!(receive(&receiver)?, [packet.clone(), (level, kind, answer(&question, V4))]);
        }
        set(&receiver, level, option, 0)?;
    }
    Ok(())
}

fn told_as_far_as_there_is_room(_: &Case) -> Outcome {
    let (sender, receiver) = route(V4, V4)?;
    set(&receiver, libc::SOL_IP, libc::IP_RECVTTL, 1)?;
    set(&receiver, libc::SOL_IP, libc::IP_RECVTOS, 1)?;
    // Nothing, a part of the first, the first, both.
    for (room, messages, used) in [
        (0, 0, 0),
        (HEADER - 1, 0, 0),
        (HEADER + 2, 1, HEADER + 2),
        (space(4), 1, space(4)),
        (256, 2, 2 * space(4)),
    ] {
        sys::write(&sender, b"x")?;
        wait_for(&receiver, libc::POLLIN)?;
        let got = receive_with(&receiver, 8, room, 0)?;
        check_eq!((got.messages.len(), got.header.control), (messages, used), "with {room} bytes");
        check_eq!(got.is_truncated(), room != 256, "with {room} bytes");
    }
    // Without a buffer, too, something is missing.
    sys::write(&sender, b"x")?;
    wait_for(&receiver, libc::POLLIN)?;
    let header = sys::recvmsg(&receiver, &mut [IoSliceMut::new(&mut [0; 8])], Envelope::default(), 0)?;
    check_eq!((header.control, header.flags), (0, libc::MSG_CTRUNC));
    Ok(())
}

fn told_options_are_switches(_: &Case) -> Outcome {
    for (family, questions) in [
        (V4, &[PACKET_V4, HOPS_V4, CLASS_V4][..]),
        (V6, &[PACKET_V4, HOPS_V4, CLASS_V4, PACKET_V6, HOPS_V6, CLASS_V6]),
    ] {
        let fd = sys::socket(family, DGRAM, 0)?;
        for Question { level, option, .. } in questions {
            check_eq!(get(&fd, *level, *option)?, 0);
            set(&fd, *level, *option, 77)?;
            check_eq!(get(&fd, *level, *option)?, 1);
            set(&fd, *level, *option, 0)?;
            check_eq!(get(&fd, *level, *option)?, 0);
            // Those of IPv4 take a byte, too, and nothing for 0.
            for (value, shown) in [(&[1][..], 1), (&[], 0)] {
                let short = sys::setsockopt(&fd, *level, *option, value);
                if *level == libc::SOL_IP {
                    short?;
                    check_eq!(get(&fd, *level, *option)?, shown);
                } else {
                    check_err!(short, EINVAL);
                }
            }
        }
    }
    Ok(())
}

fn told_options_of_other_sockets(_: &Case) -> Outcome {
    let fd = sys::socket(V4, DGRAM, 0)?;
    for Question { level, option, .. } in [PACKET_V6, HOPS_V6, CLASS_V6] {
        check_err!(set(&fd, level, option, 1), ENOPROTOOPT);
    }
    Ok(())
}
