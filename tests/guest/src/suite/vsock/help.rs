//! What the tests of AF_VSOCK share.

use std::os::fd::OwnedFd;

use crate::{address::Address, errno::Result, suite::unix::help::name, sys};

/// `AF_VSOCK`
pub(crate) const VSOCK: i32 = libc::AF_VSOCK;
/// `VMADDR_CID_ANY`, `VMADDR_PORT_ANY`
pub(crate) const ANY: u32 = u32::MAX;
/// `VMADDR_CID_LOCAL`
pub(crate) const LOCAL: u32 = 1;
pub(crate) const STREAM: i32 = libc::SOCK_STREAM;
pub(crate) const SEQPACKET: i32 = libc::SOCK_SEQPACKET;
/// The types of connections.
pub(crate) const TYPES: [i32; 2] = [STREAM, SEQPACKET];

/// A `struct sockaddr_vm`.
pub(crate) fn address(cid: u32, port: u32) -> Address {
    let mut rest = [0; 14];
    rest[2..6].copy_from_slice(&port.to_ne_bytes());
    rest[6..10].copy_from_slice(&cid.to_ne_bytes());
    Address::raw(VSOCK as u16, &rest)
}

/// The machine and the port of one.
pub(crate) fn parts(address: &Address) -> (u32, u32) {
    let rest = address.rest();
    let word = |at: usize| u32::from_ne_bytes(rest[at..at + 4].try_into().expect("four bytes"));
    (word(6), word(2))
}

/// A socket that listens at a port of its own, and the address at which it is reached.
#[track_caller]
pub(crate) fn listener(kind: i32, backlog: i32) -> Result<(OwnedFd, Address)> {
    let fd = sys::socket(VSOCK, kind, 0)?;
    sys::bind(&fd, address(ANY, ANY).bytes())?;
    sys::listen(&fd, backlog)?;
    let port = parts(&name(&fd)?).1;
    Ok((fd, address(LOCAL, port)))
}

/// A socket that is connected there.
#[track_caller]
pub(crate) fn client(kind: i32, to: &Address) -> Result<OwnedFd> {
    let fd = sys::socket(VSOCK, kind, 0)?;
    sys::connect(&fd, to.bytes())?;
    Ok(fd)
}

/// Both ends of a connection.
#[track_caller]
pub(crate) fn connection(kind: i32) -> Result<(OwnedFd, OwnedFd)> {
    let (fd, to) = listener(kind, 1)?;
    let near = client(kind, &to)?;
    Ok((near, sys::accept(&fd)?))
}
