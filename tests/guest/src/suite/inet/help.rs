//! What the tests of AF_INET and AF_INET6 share.

use std::{
    net::{IpAddr, SocketAddr},
    os::fd::OwnedFd,
};

use crate::{
    address::Address,
    errno::Result,
    harness::Outcome,
    suite::unix::help::{name, set_option},
    sys::{self, Descriptor},
};

/// `AF_INET`
pub(crate) const V4: i32 = libc::AF_INET;
/// `AF_INET6`
pub(crate) const V6: i32 = libc::AF_INET6;
/// Both.
pub(crate) const FAMILIES: [i32; 2] = [V4, V6];
/// `SOCK_STREAM`
pub(crate) const STREAM: i32 = libc::SOCK_STREAM;
/// `SOCK_DGRAM`
pub(crate) const DGRAM: i32 = libc::SOCK_DGRAM;

/// An address as text, such as `127.0.0.1:80` or `[::1]:80`, for a socket of that family: one of AF_INET6 is given an
/// IPv4-mapped address where the text is of IPv4.
pub(crate) fn at(family: i32, text: &str) -> Address {
    let address: SocketAddr = text.parse().expect("the test writes addresses");
    let port = address.port().to_be_bytes();
    match (family, address.ip()) {
        (V4, IpAddr::V4(ip)) => {
            let mut rest = [0; 14];
            rest[..2].copy_from_slice(&port);
            rest[2..6].copy_from_slice(&ip.octets());
            Address::raw(V4 as u16, &rest)
        }
        (_, ip) => {
            let octets = match ip {
                IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
                IpAddr::V6(ip) => ip.octets(),
            };
            let mut rest = [0; 26];
            rest[..2].copy_from_slice(&port);
            rest[6..22].copy_from_slice(&octets);
            Address::raw(V6 as u16, &rest)
        }
    }
}

/// The loopback address of the family, at that port.
pub(crate) fn loopback(family: i32, port: u16) -> Address {
    match family {
        V4 => at(V4, &format!("127.0.0.1:{port}")),
        _ => at(V6, &format!("[::1]:{port}")),
    }
}

/// All addresses of the family, at that port.
pub(crate) fn any(family: i32, port: u16) -> Address {
    match family {
        V4 => at(V4, &format!("0.0.0.0:{port}")),
        _ => at(V6, &format!("[::]:{port}")),
    }
}

/// The port in an address.
pub(crate) fn port(address: &Address) -> u16 {
    u16::from_be_bytes([address.rest()[0], address.rest()[1]])
}

/// The port that a socket has.
#[track_caller]
pub(crate) fn port_of(fd: &impl Descriptor) -> Result<u16> {
    Ok(port(&name(fd)?))
}

/// A socket of that type, bound to a port of the loopback address.
#[track_caller]
pub(crate) fn bound(family: i32, kind: i32) -> Result<(OwnedFd, Address)> {
    let fd = sys::socket(family, kind, 0)?;
    sys::bind(&fd, loopback(family, 0).bytes())?;
    let address = name(&fd)?;
    Ok((fd, address))
}

/// A stream socket that listens at the loopback address.
#[track_caller]
pub(crate) fn listener(family: i32, backlog: i32) -> Result<(OwnedFd, Address)> {
    let (fd, address) = bound(family, STREAM)?;
    sys::listen(&fd, backlog)?;
    Ok((fd, address))
}

/// A stream socket that is connected to `address`.
#[track_caller]
pub(crate) fn client(family: i32, address: &Address) -> Result<OwnedFd> {
    let fd = sys::socket(family, STREAM, 0)?;
    sys::connect(&fd, address.bytes())?;
    Ok(fd)
}

/// Both ends of a connection: who connected, and what was accepted.
#[track_caller]
pub(crate) fn connection(family: i32) -> Result<(OwnedFd, OwnedFd)> {
    let (fd, address) = listener(family, 1)?;
    let near = client(family, &address)?;
    let far = sys::accept(&fd)?;
    Ok((near, far))
}

/// Two datagram sockets that are connected to each other.
#[track_caller]
pub(crate) fn datagrams(family: i32) -> Result<(OwnedFd, OwnedFd)> {
    let (one, first) = bound(family, DGRAM)?;
    let (other, second) = bound(family, DGRAM)?;
    sys::connect(&one, second.bytes())?;
    sys::connect(&other, first.bytes())?;
    Ok((one, other))
}

/// An address of the loopback interface at which nobody is.
#[track_caller]
pub(crate) fn nobody(family: i32, kind: i32) -> Result<Address> {
    let (_closed, address) = bound(family, kind)?;
    Ok(address)
}

/// Waits until `events` are shown, 10 seconds at most; all that is shown.
#[track_caller]
pub(crate) fn wait_for(fd: &impl Descriptor, events: i16) -> Result<i16> {
    crate::suite::unix::help::poll_for(fd, events, 10_000)
}

/// Lets the socket reset its connection when it is closed: unread data does the same. The peer is told at once.
#[track_caller]
pub(crate) fn reset(near: OwnedFd, far: &OwnedFd) -> Outcome {
    sys::write(far, b"unread")?;
    wait_for(&near, libc::POLLIN)?;
    drop(near);
    Ok(())
}

/// Sets an option of level SOL_SOCKET that is on or off.
#[track_caller]
pub(crate) fn switch_on(fd: &impl Descriptor, option: i32) -> Result<()> {
    set_option(fd, option, 1).map(|_| ())
}
