//! The sockets that there are: NETLINK_SOCK_DIAG (`sock_diag(7)`).

use std::os::fd::OwnedFd;

use super::help::{DUMP, Message, REQUEST, Request, Talk, by_send, word};
use crate::{
    errno::Result,
    harness::{Case, Outcome, Test, check, check_eq, tests},
    suite::{
        inet::{
            help::{DGRAM, FAMILIES, STREAM, V4, V6, bound, connection, datagrams, listener, port, port_of},
            options::set,
        },
        unix::help::{pair_of, sequenced},
    },
    sys::{self, Descriptor},
};

pub(crate) const TESTS: &[Test] = tests!("netlink";
    diag_shows_unix_sockets,
    diag_shows_names_and_queues,
    diag_shows_streams,
    diag_shows_datagram_sockets,
    diag_shows_numbers_of_inodes,
    diag_shows_the_states_that_are_asked_for,
    diag_refuses_what_it_does_not_know,
);

/// `NETLINK_SOCK_DIAG`, `SOCK_DIAG_BY_FAMILY`
const SOCK_DIAG: i32 = 4;
const BY_FAMILY: u16 = 20;
/// TCP_ESTABLISHED, TCP_CLOSE, TCP_LISTEN
const ESTABLISHED: u8 = 1;
const CLOSE: u8 = 7;
const LISTEN: u8 = 10;

/// The length of `struct unix_diag_msg` and `inet_diag_msg`.
const UNIX_HEADER: usize = 16;
const INET_HEADER: usize = 72;

#[track_caller]
pub(crate) fn talk(kind: i32) -> Result<Talk> {
    Ok(Talk::over(sys::socket(libc::AF_NETLINK, kind, SOCK_DIAG)?, by_send))
}

/// `struct unix_diag_req`
fn unix(states: u32, show: u32) -> Request {
    let mut header = vec![libc::AF_UNIX as u8, 0, 0, 0];
    for number in [states, 0, show, 0, 0] {
        header.extend(number.to_ne_bytes());
    }
    Request::new(BY_FAMILY, DUMP, &header)
}

/// `struct inet_diag_req_v2`
pub(crate) fn internet(family: i32, protocol: i32, states: u32) -> Request {
    let mut header = vec![family as u8, protocol as u8, 2, 0];
    header.extend(states.to_ne_bytes());
    header.resize(56, 0);
    Request::new(BY_FAMILY, DUMP, &header)
}

/// The number of a socket's inode.
fn number(fd: &OwnedFd) -> Result<u32> {
    let link = std::fs::read_link(format!("/proc/self/fd/{}", fd.number())).unwrap_or_default();
    let text = link.to_string_lossy().into_owned();
    Ok(text.trim_start_matches("socket:[").trim_end_matches(']').parse().unwrap_or_default())
}

/// What tells a socket from all others: SO_COOKIE.
#[track_caller]
fn cookie(fd: &OwnedFd) -> Result<[u8; 8]> {
    let (mut value, mut length) = ([0; 8], 8);
    sys::getsockopt(fd, libc::SOL_SOCKET, libc::SO_COOKIE, &mut value, &mut length)?;
    Ok(value)
}

/// The message about a socket of the UNIX family.
#[track_caller]
fn about(all: &[Message], fd: &OwnedFd) -> Result<Message> {
    let own = cookie(fd)?;
    let found = all.iter().find(|it| it.body[8..16] == own);
    Ok(found.cloned().expect("the socket is among them"))
}

fn diag_shows_unix_sockets(case: &Case) -> Outcome {
    let talk = talk(libc::SOCK_RAW)?;
    let (stream, other) = pair_of(STREAM)?;
    let (datagram, _) = pair_of(DGRAM)?;
    let fresh = sys::socket(libc::AF_UNIX, STREAM, 0)?;
    let [listening, near, _far] = sequenced(&case.abstract_address("a"))?;
    let all = talk.ask(&unix(u32::MAX, 4))?;
    for (fd, kind, state) in [
        (&stream, STREAM, ESTABLISHED),
        (&datagram, DGRAM, ESTABLISHED),
        (&fresh, STREAM, CLOSE),
        (&listening, libc::SOCK_SEQPACKET, LISTEN),
        (&near, libc::SOCK_SEQPACKET, ESTABLISHED),
    ] {
        let found = about(&all, fd)?;
        check_eq!(found.body[..3], [libc::AF_UNIX as u8, kind as u8, state]);
    }
    let peer = |fd| about(&all, fd).map(|found| found.number(UNIX_HEADER, 2));
    let own = |fd| about(&all, fd).map(|found| word(&found.body[4..]));
    check_eq!((peer(&stream)?, peer(&other)?), (Some(own(&other)?), Some(own(&stream)?)));
    check_eq!(peer(&fresh)?, None);
    Ok(())
}

fn diag_shows_names_and_queues(case: &Case) -> Outcome {
    let talk = talk(libc::SOCK_DGRAM)?;
    let name = case.abstract_address("named");
    let fd = crate::suite::unix::help::listener(&name, 5)?;
    let _waiting = crate::suite::unix::help::client(&name)?;
    let (left, right) = pair_of(STREAM)?;
    sys::write(&left, b"unread")?;
    let all = talk.ask(&unix(u32::MAX, 1 | 16))?;
    check_eq!(about(&all, &fd)?.get(UNIX_HEADER, 0).as_deref(), Some(name.rest()));
    let queues = |fd| {
        about(&all, fd).map(|found| {
            let bytes = found.get(UNIX_HEADER, 4).unwrap_or_default();
            (word(&bytes), word(&bytes[4..]))
        })
    };
    check_eq!(queues(&fd)?, (1, 5), "one waits of five");
    check_eq!(queues(&right)?, (6, 0));
    check!(queues(&left)?.1 >= 6);
    check_eq!(about(&all, &left)?.get(UNIX_HEADER, 0), None);
    Ok(())
}

/// The message about the socket at a port, and one at the other end: 0 for none.
fn at_port(all: &[Message], own: u16, peer: u16) -> Option<Message> {
    let is_it = |it: &&Message| it.body[4..8] == [own.to_be_bytes(), peer.to_be_bytes()].concat()[..];
    all.iter().find(is_it).cloned()
}

fn diag_shows_streams(_: &Case) -> Outcome {
    for family in FAMILIES {
        let talk = talk(libc::SOCK_RAW)?;
        let (fd, address) = listener(family, 7)?;
        let (near, far) = connection(family)?;
        sys::write(&near, b"unread")?;
        crate::suite::inet::help::wait_for(&far, libc::POLLIN)?;
        let all = talk.ask(&internet(family, libc::IPPROTO_TCP, u32::MAX))?;
        let listening = at_port(&all, port(&address), 0).expect("it listens");
        check_eq!(listening.body[..2], [family as u8, LISTEN]);
        // What waits to be accepted, and how much may; then who it is.
        check_eq!((word(&listening.body[56..]), word(&listening.body[60..])), (0, 7));
        check_eq!(listening.body[44..52], cookie(&fd)?);
        let (one, other) = (port_of(&near)?, port_of(&far)?);
        let found = at_port(&all, other, one).expect("it is connected");
        check_eq!(found.body[..2], [family as u8, ESTABLISHED]);
        check_eq!(word(&found.body[56..]), 6);
        let own = if family == V4 { vec![127, 0, 0, 1] } else { [&[0; 15][..], &[1]].concat() };
        check_eq!(found.body[8..8 + own.len()], own[..]);
        check_eq!(found.body[24..24 + own.len()], own[..]);
        // INET_DIAG_INFO was asked for.
        let info = found.get(INET_HEADER, 2).unwrap_or_default();
        check!(info.len() >= 232 && info[0] == ESTABLISHED, "{} bytes", info.len());
        // Who listens at an address of IPv6 hears of nothing else.
        let only = listening.get(INET_HEADER, 11);
        check_eq!(only, if family == V4 { None } else { Some(vec![1]) });
    }
    Ok(())
}

fn diag_shows_datagram_sockets(_: &Case) -> Outcome {
    for family in FAMILIES {
        let talk = talk(libc::SOCK_RAW)?;
        let (fd, address) = bound(family, DGRAM)?;
        let (one, other) = datagrams(family)?;
        let fresh = sys::socket(family, DGRAM, 0)?;
        if family == V6 {
            set(&fresh, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, 1)?;
        }
        let all = talk.ask(&internet(family, libc::IPPROTO_UDP, u32::MAX))?;
        let found = at_port(&all, port(&address), 0).expect("it is bound");
        check_eq!((found.body[1], &found.body[44..52]), (CLOSE, &cookie(&fd)?[..]));
        let found = at_port(&all, port_of(&one)?, port_of(&other)?).expect("it is connected");
        check_eq!(found.body[1], ESTABLISHED);
        let own = cookie(&fresh)?;
        check!(all.iter().all(|it| it.body[44..52] != own), "one without a port is nowhere to be found");
    }
    Ok(())
}

/// By these numbers ss finds out whose sockets they are.
fn diag_shows_numbers_of_inodes(_: &Case) -> Outcome {
    let talk = talk(libc::SOCK_RAW)?;
    let (stream, _other) = pair_of(STREAM)?;
    check_eq!(word(&about(&talk.ask(&unix(u32::MAX, 0))?, &stream)?.body[4..]), number(&stream)?);
    let (fd, address) = listener(V4, 1)?;
    let all = talk.ask(&internet(V4, libc::IPPROTO_TCP, u32::MAX))?;
    let found = at_port(&all, port(&address), 0).expect("it listens");
    check_eq!(word(&found.body[68..]), number(&fd)?);
    Ok(())
}

fn diag_shows_the_states_that_are_asked_for(_: &Case) -> Outcome {
    let talk = talk(libc::SOCK_RAW)?;
    let (_fd, address) = listener(V4, 1)?;
    let (near, far) = connection(V4)?;
    let all = talk.ask(&internet(V4, libc::IPPROTO_TCP, 1 << LISTEN))?;
    check!(at_port(&all, port(&address), 0).is_some());
    check!(all.iter().all(|it| it.body[1] == LISTEN));
    let all = talk.ask(&internet(V4, libc::IPPROTO_TCP, 1 << ESTABLISHED))?;
    check!(at_port(&all, port_of(&near)?, port_of(&far)?).is_some());
    check!(all.iter().all(|it| it.body[1] == ESTABLISHED));
    let all = talk.ask(&unix(1 << LISTEN, 0))?;
    check!(all.iter().all(|it| it.body[2] == LISTEN));
    Ok(())
}

fn diag_refuses_what_it_does_not_know(_: &Case) -> Outcome {
    let talk = talk(libc::SOCK_RAW)?;
    for (kind, header, errno) in [
        (BY_FAMILY, vec![libc::AF_UNIX as u8, 0, 0, 0], libc::EINVAL),
        (BY_FAMILY, vec![libc::AF_INET as u8, 6, 0, 0], libc::EINVAL),
        (99, vec![0; 56], libc::EINVAL),
    ] {
        for flags in [DUMP, REQUEST] {
            let asked = talk.ask(&Request::new(kind, flags, &header));
            check_eq!(asked.map(|found| found.len()).map_err(|met| met.0), Err(errno), "{kind} {flags:#x}");
        }
    }
    Ok(())
}
