//! What a program says about a single datagram: control messages (`ip(7)`, `ipv6(7)`, RFC 3542); and datagrams of several
//! pieces (`udp(7)`), and devices that sockets are bound to (`socket(7)`).

use std::{io::IoSlice, os::fd::OwnedFd};

use super::errors::soon;
use super::help::{
    DGRAM, FAMILIES, STREAM, V4, V6, bound, connection, datagrams, loopback, port_of, wait_for,
};
use super::options::{get, set};
use crate::{
    errno::{Errno, Result},
    harness::{Case, Outcome, Test, check_eq, check_err, tests},
    suite::{
        netlink::help::{NEAR, Pair, Talk},
        unix::{
            control::{self, raw},
            every::SENDS,
            help::name,
        },
    },
    sys::{self, Descriptor, Envelope, Outgoing},
};

pub(crate) const TESTS: &[Test] = tests!("inet";
    said_reaches_the_receiver,
    said_by_ipv6_sockets_about_ipv4,
    said_wrongly,
    said_over_a_device_that_is_not,
    pieces_become_one_datagram,
    pieces_go_where_the_first_goes,
    pieces_may_become_too_long,
    cork_holds_pieces_back,
    mtu_of_the_way_to_the_peer,
    discovery_has_its_values,
    device_limits_what_comes,
    device_is_named,
    strange_addresses_can_be_bound_where_it_is_asked_for,
    checksums_can_be_left_out,
);

const IP: i32 = libc::IPPROTO_IP;
const IPV6: i32 = libc::IPPROTO_IPV6;
const UDP: i32 = libc::IPPROTO_UDP;
/// `UDP_CORK`
pub(crate) const CORK: i32 = 1;
pub(crate) const FREEBIND_V6: i32 = 78;

/// A control message of that level.
pub(crate) fn saying(level: i32, kind: i32, data: &[u8]) -> Vec<u8> {
    raw(control::length(data.len()), level, kind, data)
}

/// Another address of this host to send from, where there is one: `struct in_pktinfo`, `in6_pktinfo`.
pub(crate) fn from(over: i32) -> Vec<u8> {
    if over == V4 {
        [[1, 0, 0, 0], [127, 0, 0, 5], [0; 4]].concat()
    } else {
        [&[0; 15][..], &[1], &[1, 0, 0, 0]].concat()
    }
}

/// What can be said, and what a receiver that asks for it is told; the option that asks.
pub(crate) const SAYINGS: [(i32, i32, i32, i32); 6] = [
    (V4, IP, libc::IP_TTL, libc::IP_RECVTTL),
    (V4, IP, libc::IP_TOS, libc::IP_RECVTOS),
    (V4, IP, libc::IP_PKTINFO, libc::IP_PKTINFO),
    (V6, IPV6, libc::IPV6_HOPLIMIT, libc::IPV6_RECVHOPLIMIT),
    (V6, IPV6, libc::IPV6_TCLASS, libc::IPV6_RECVTCLASS),
    (V6, IPV6, libc::IPV6_PKTINFO, libc::IPV6_RECVPKTINFO),
];

/// The data of such a message, and as the receiver is told.
pub(crate) fn data(over: i32, kind: i32) -> (Vec<u8>, Vec<u8>) {
    match (over, kind) {
        (V4, libc::IP_PKTINFO) | (V6, libc::IPV6_PKTINFO) => {
            let told =
                if over == V4 { [[1, 0, 0, 0], [127, 0, 0, 1], [127, 0, 0, 1]].concat() } else { from(V6) };
            (from(over), told)
        }
        (V4, libc::IP_TOS) => (0x10_i32.to_ne_bytes().to_vec(), vec![0x10]),
        _ => (17_i32.to_ne_bytes().to_vec(), 17_i32.to_ne_bytes().to_vec()),
    }
}

/// Sends a byte with control data, to an address or to the peer.
#[track_caller]
pub(crate) fn say(fd: &impl Descriptor, control: &[u8], to: Option<&[u8]>) -> Result<usize> {
    let (mut control, mut to) = (control.to_vec(), to.map(<[u8]>::to_vec));
    let envelope = Envelope { control: Some(&mut control), name: to.as_deref_mut(), flags: 0 };
    sys::sendmsg(fd, &[IoSlice::new(b"x")], envelope, 0).map(|header| header.bytes)
}

/// As [`say`], by sendmmsg(2).
#[track_caller]
pub(crate) fn say_many(fd: &OwnedFd, control: &[u8], to: Option<&[u8]>) -> Result<usize> {
    let (count, lengths) = sys::sendmmsg(fd, &[Outgoing { data: b"x", to, control: Some(control) }], 0)?;
    Ok(count * lengths[0] as usize)
}

/// How it can be said.
type Say = fn(&OwnedFd, &[u8], Option<&[u8]>) -> Result<usize>;

fn said_reaches_the_receiver(_: &Case) -> Outcome {
    for (over, level, kind, asks) in SAYINGS {
        for say in [say, say_many as Say] {
            let (one, other) = datagrams(over)?;
            let receiver = sys::socket(over, DGRAM, 0)?;
            sys::bind(&receiver, loopback(over, 0).bytes())?;
            set(&receiver, level, asks, 1)?;
            let to = name(&receiver)?;
            let (said, told) = data(over, kind);
            check_eq!(say(&one, &saying(level, kind, &said), Some(to.bytes()))?, 1);
            wait_for(&receiver, libc::POLLIN)?;
            let got = control::receive_with(&receiver, 8, 256, libc::MSG_PEEK)?;
            check_eq!(got.messages, [(level, kind, told)]);
            let (mut from, mut length) = ([0; 28], 28);
            sys::recvfrom(&receiver, &mut [0; 8], 0, &mut from, &mut length)?;
            // The address to send from, for this one alone.
            let address =
                if kind == libc::IP_PKTINFO && over == V4 { [127, 0, 0, 5] } else { [127, 0, 0, 1] };
            if over == V4 {
                check_eq!(from[4..8], address);
            }
            sys::write(&one, b"y")?;
            check_eq!(sys::recv(&other, &mut [0; 8], 0)?, 1);
        }
    }
    Ok(())
}

fn said_by_ipv6_sockets_about_ipv4(_: &Case) -> Outcome {
    for (over, level, kind, asks) in SAYINGS {
        if over != V4 {
            continue;
        }
        for say in [say, say_many as Say] {
            let (receiver, _) = bound(V4, DGRAM)?;
            set(&receiver, level, asks, 1)?;
            let to = super::help::at(V6, &format!("127.0.0.1:{}", port_of(&receiver)?));
            let fd = sys::socket(V6, DGRAM, 0)?;
            let (said, told) = data(V4, kind);
            say(&fd, &saying(level, kind, &said), Some(to.bytes()))?;
            check_eq!(super::told::by_recvmsg(&receiver)?, [(level, kind, told)]);
        }
    }
    Ok(())
}

fn said_wrongly(_: &Case) -> Outcome {
    let ints = |value: i32| value.to_ne_bytes().to_vec();
    let (one, _other) = datagrams(V4)?;
    for (kind, data) in [
        (libc::IP_TTL, ints(0)),
        (libc::IP_TTL, ints(256)),
        (libc::IP_TTL, vec![9]),
        (libc::IP_TOS, ints(256)),
        (libc::IP_TOS, vec![1; 2]),
        (libc::IP_PKTINFO, vec![0; 11]),
        (libc::IP_PKTINFO, vec![0; 13]),
    ] {
        check_err!(say(&one, &saying(IP, kind, &data), None), EINVAL, "{kind} {data:?}");
    }
    // 192.0.2.1 and 2001:db8::1 are not this host's.
    let strange = [[0; 4], [192, 0, 2, 1], [0; 4]].concat();
    check_err!(say(&one, &saying(IP, libc::IP_PKTINFO, &strange), None), ENETUNREACH);
    let (one, _other) = datagrams(V6)?;
    for (kind, data) in [
        (libc::IPV6_HOPLIMIT, ints(256)),
        (libc::IPV6_HOPLIMIT, ints(-2)),
        (libc::IPV6_HOPLIMIT, vec![9]),
        (libc::IPV6_TCLASS, ints(256)),
        (libc::IPV6_PKTINFO, vec![0; 19]),
        (libc::IPV6_PKTINFO, [&[0x20, 1, 0xd, 0xb8][..], &[0; 11], &[1], &[0; 4]].concat()),
    ] {
        check_err!(say(&one, &saying(IPV6, kind, &data), None), EINVAL, "{kind} {data:?}");
    }
    // -1 is for the socket's own.
    check_eq!(say(&one, &saying(IPV6, libc::IPV6_HOPLIMIT, &ints(-1)), None)?, 1);
    Ok(())
}

fn said_over_a_device_that_is_not(_: &Case) -> Outcome {
    for family in FAMILIES {
        let (one, _other) = datagrams(family)?;
        let (level, kind, mut data) = if family == V4 {
            (IP, libc::IP_PKTINFO, vec![0; 12])
        } else {
            (IPV6, libc::IPV6_PKTINFO, vec![0; 20])
        };
        let place = if family == V4 { 0 } else { 16 };
        data[place..place + 4].copy_from_slice(&9999_i32.to_ne_bytes());
        check_err!(say(&one, &saying(level, kind, &data), None), ENODEV);
    }
    Ok(())
}

/// Sends with MSG_MORE.
#[track_caller]
fn begin(fd: &OwnedFd, data: &[u8]) -> Result<usize> {
    sys::send(fd, data, libc::MSG_MORE)
}

fn pieces_become_one_datagram(_: &Case) -> Outcome {
    for family in FAMILIES {
        let (one, other) = datagrams(family)?;
        let mut data = [0; 32];
        for (call, send) in SENDS {
            check_eq!(send(&one, b"one more ", libc::MSG_MORE)?, 9, "{call}");
            check_eq!(begin(&one, b"")?, 0);
            check_eq!(send(&one, b"datagram", libc::MSG_MORE)?, 8, "{call}");
            check_err!(sys::recv(&other, &mut [0; 32], libc::MSG_DONTWAIT), EAGAIN);
            check_eq!(sys::send(&one, b"!", 0)?, 1);
            check_eq!(sys::recv(&other, &mut data, 0)?, 18);
            check_eq!(&data[..18], b"one more datagram!");
        }
        // What is not complete is never sent.
        begin(&one, b"lost")?;
        drop(one);
        check_err!(sys::recv(&other, &mut data, libc::MSG_DONTWAIT), EAGAIN);
    }
    Ok(())
}

fn pieces_go_where_the_first_goes(_: &Case) -> Outcome {
    for family in FAMILIES {
        let (first, address) = bound(family, DGRAM)?;
        let (second, other) = bound(family, DGRAM)?;
        let fd = sys::socket(family, DGRAM, 0)?;
        check_err!(begin(&fd, b"x"), EDESTADDRREQ);
        sys::sendto(&fd, b"to ", libc::MSG_MORE, address.bytes())?;
        sys::sendto(&fd, b"first", 0, other.bytes())?;
        let mut data = [0; 32];
        check_eq!(sys::recv(&first, &mut data, 0)?, 8);
        check_eq!(&data[..8], b"to first");
        check_err!(sys::recv(&second, &mut data, libc::MSG_DONTWAIT), EAGAIN);
    }
    Ok(())
}

fn pieces_may_become_too_long(_: &Case) -> Outcome {
    let (one, other) = datagrams(V4)?;
    check_eq!(begin(&one, &vec![1; 60_000])?, 60_000);
    check_err!(begin(&one, &vec![2; 60_000]), EMSGSIZE);
    // All of it is lost.
    sys::send(&one, b"new", 0)?;
    check_eq!(sys::recv(&other, &mut [0; 8], 0)?, 3);
    Ok(())
}

fn cork_holds_pieces_back(_: &Case) -> Outcome {
    for family in FAMILIES {
        let (one, other) = datagrams(family)?;
        check_eq!(get(&one, UDP, CORK)?, 0);
        set(&one, UDP, CORK, 3)?;
        check_eq!(get(&one, UDP, CORK)?, 1);
        sys::write(&one, b"held ")?;
        sys::write(&one, b"back")?;
        check_err!(sys::recv(&other, &mut [0; 32], libc::MSG_DONTWAIT), EAGAIN);
        set(&one, UDP, CORK, 0)?;
        let mut data = [0; 32];
        check_eq!(sys::recv(&other, &mut data, 0)?, 9);
        check_eq!(&data[..9], b"held back");
        check_err!(sys::setsockopt(&one, UDP, CORK, &[1]), EINVAL);
    }
    Ok(())
}

fn mtu_of_the_way_to_the_peer(_: &Case) -> Outcome {
    // An IPv4 packet is never longer than 65,535 bytes.
    for (family, level, option, mtu) in [(V4, IP, libc::IP_MTU, 65_535), (V6, IPV6, libc::IPV6_MTU, 65_536)] {
        for kind in [STREAM, DGRAM] {
            let fd = sys::socket(family, kind, 0)?;
            check_err!(get(&fd, level, option), ENOTCONN);
        }
        let (one, _other) = datagrams(family)?;
        check_eq!(get(&one, level, option)?, mtu);
        let (near, far) = connection(family)?;
        for fd in [near, far] {
            check_eq!(get(&fd, level, option)?, mtu);
        }
    }
    check_err!(set(&sys::socket(V4, DGRAM, 0)?, IP, libc::IP_MTU, 1500), ENOPROTOOPT);
    Ok(())
}

/// A way that takes less than a datagram may have: a socket with a peer, and how long a payload is too long for it. That
/// of IPv4 leads over a pair of devices, where nobody answers; that of IPv6 over the loopback interface.
#[track_caller]
pub(crate) fn narrow(family: i32) -> Result<(OwnedFd, usize, Option<Pair>)> {
    if family == V6 {
        let (_far, to) = bound(V6, DGRAM)?;
        let fd = sys::socket(V6, DGRAM, 0)?;
        sys::connect(&fd, to.bytes())?;
        return Ok((fd, 65_500, None));
    }
    let pair = Pair::with_address(Talk::new()?)?;
    let fd = sys::socket(V4, DGRAM, 0)?;
    let [a, b, c, d] = NEAR;
    sys::connect(&fd, super::help::at(V4, &format!("{a}.{b}.{c}.{d}:9")).bytes())?;
    Ok((fd, 2000, Some(pair)))
}

fn discovery_has_its_values(_: &Case) -> Outcome {
    for (family, level, option) in [(V4, IP, libc::IP_MTU_DISCOVER), (V6, IPV6, libc::IPV6_MTU_DISCOVER)] {
        for how in 0..6 {
            let (fd, length, _pair) = narrow(family)?;
            check_eq!(get(&fd, level, option)?, 1);
            set(&fd, level, option, how)?;
            check_eq!(get(&fd, level, option)?, how);
            // Those that this host must not split are refused where the way does not take them.
            let sent = sys::write(&fd, &vec![7; length]);
            if matches!(how, 2..=4) {
                check_err!(sent, EMSGSIZE, "{how}");
            } else {
                check_eq!(sent, Ok(length), "{how}");
            }
        }
        let fd = sys::socket(family, DGRAM, 0)?;
        for bad in [-1, 6] {
            check_err!(set(&fd, level, option, bad), EINVAL);
        }
    }
    Ok(())
}

/// The device that the socket is bound to.
#[track_caller]
pub(crate) fn device(fd: &impl Descriptor) -> Result<String> {
    let (mut bytes, mut length) = ([0xa5; 16], 16);
    sys::getsockopt(fd, libc::SOL_SOCKET, libc::SO_BINDTODEVICE, &mut bytes, &mut length)?;
    Ok(String::from_utf8_lossy(&bytes[..length as usize]).into_owned())
}

#[track_caller]
pub(crate) fn set_device(fd: &impl Descriptor, name: &[u8]) -> Result<usize> {
    sys::setsockopt(fd, libc::SOL_SOCKET, libc::SO_BINDTODEVICE, name)
}

fn device_limits_what_comes(_: &Case) -> Outcome {
    let pair = Pair::new()?;
    for family in FAMILIES {
        for kind in [STREAM, DGRAM] {
            let (near, far) = if kind == STREAM { connection(family)? } else { datagrams(family)? };
            drop((near, far));
            // Over the loopback interface all is as before.
            let bound = sys::socket(family, kind, 0)?;
            set_device(&bound, b"lo")?;
            sys::bind(&bound, loopback(family, 0).bytes())?;
            if kind == STREAM {
                sys::listen(&bound, 1)?;
            }
            let fd = sys::socket(family, kind, 0)?;
            set_device(&fd, b"lo\0")?;
            sys::connect(&fd, name(&bound)?.bytes())?;
            sys::write(&fd, b"x")?;
            let receiver = if kind == STREAM { sys::accept(&bound)? } else { bound };
            check_eq!(sys::recv(&receiver, &mut [0; 4], 0)?, 1);
            // Who hears another device hears nothing of this one.
            let elsewhere = sys::socket(family, kind, 0)?;
            set_device(&elsewhere, pair.name.as_bytes())?;
            sys::bind(&elsewhere, super::help::any(family, 0).bytes())?;
            if kind == STREAM {
                sys::listen(&elsewhere, 1)?;
            }
            let fd = sys::socket(family, kind, 0)?;
            let to = loopback(family, port_of(&elsewhere)?);
            if kind == STREAM {
                check_err!(sys::connect(&fd, to.bytes()), ECONNREFUSED);
            } else {
                sys::connect(&fd, to.bytes())?;
                // Nobody has the port: the next call, or one after it, is told.
                let refused = soon(|| match sys::write(&fd, b"x") {
                    Ok(_) => Err(Errno(libc::EAGAIN)),
                    Err(errno) => Ok(errno.0),
                });
                check_eq!(refused, Ok(libc::ECONNREFUSED));
            }
        }
    }
    Ok(())
}

fn device_is_named(_: &Case) -> Outcome {
    for family in FAMILIES {
        for kind in [STREAM, DGRAM] {
            let fd = sys::socket(family, kind, 0)?;
            check_eq!(device(&fd)?, "");
            set_device(&fd, b"lo")?;
            check_eq!(device(&fd)?, "lo\0");
            let (mut bytes, mut length) = ([0; 16], 15);
            let short =
                sys::getsockopt(&fd, libc::SOL_SOCKET, libc::SO_BINDTODEVICE, &mut bytes, &mut length);
            check_err!(short, EINVAL);
            check_err!(set_device(&fd, b"no-such-device"), ENODEV);
            check_eq!(device(&fd)?, "lo\0");
            set_device(&fd, b"")?;
            check_eq!(device(&fd)?, "");
            set_device(&fd, b"lo\0and more")?;
            set_device(&fd, b"\0")?;
            check_eq!(device(&fd)?, "");
        }
    }
    Ok(())
}

/// The option by which any address can be bound.
pub(crate) fn freebind(family: i32) -> (i32, i32) {
    if family == V4 { (IP, libc::IP_FREEBIND) } else { (IPV6, FREEBIND_V6) }
}

fn strange_addresses_can_be_bound_where_it_is_asked_for(_: &Case) -> Outcome {
    for (family, strange) in [(V4, "192.0.2.9:0"), (V6, "[2001:db8::9]:0")] {
        let strange = super::help::at(family, strange);
        for kind in [STREAM, DGRAM] {
            let fd = sys::socket(family, kind, 0)?;
            check_err!(sys::bind(&fd, strange.bytes()), EADDRNOTAVAIL);
            let (level, option) = freebind(family);
            check_eq!(get(&fd, level, option)?, 0);
            set(&fd, level, option, 4)?;
            check_eq!(get(&fd, level, option)?, 1);
            sys::bind(&fd, strange.bytes())?;
            check_eq!(name(&fd)?.rest()[2..8], strange.rest()[2..8]);
        }
    }
    Ok(())
}

fn checksums_can_be_left_out(_: &Case) -> Outcome {
    for family in FAMILIES {
        let (one, other) = datagrams(family)?;
        check_eq!(get(&one, libc::SOL_SOCKET, libc::SO_NO_CHECK)?, 0);
        set(&one, libc::SOL_SOCKET, libc::SO_NO_CHECK, 3)?;
        check_eq!(get(&one, libc::SOL_SOCKET, libc::SO_NO_CHECK)?, 1);
        sys::write(&one, b"bare")?;
        check_eq!(sys::recv(&other, &mut [0; 8], 0)?, 4);
    }
    Ok(())
}
