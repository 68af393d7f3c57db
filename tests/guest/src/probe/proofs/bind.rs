//! bind(2)

pub(crate) use super::{internet::names::bind::*, netlink::names::bind::*, vsock::bind::*};
use crate::{
    harness::{check_eq, check_err},
    probe::{Attempt, probed, situation::Situation},
    suite::unix::help::{datagram, exchange, name, record},
    sys,
};

/// The socket has the name, and can be found by it.
pub(crate) fn sockfd_af_unix_sock_stream(at: &Situation<'_>) -> Attempt {
    let address = at.address("a");
    let fd = at.socket()?;
    probed(sys::bind(&fd, address.bytes()))?;
    check_eq!(name(&fd)?, address);
    check_err!(sys::bind(&at.socket()?, address.bytes()), EADDRINUSE);
    sys::listen(&fd, 1)?;
    let (near, far) = at.accepted(&fd, &address)?;
    Ok(exchange(&near, &far)?)
}

/// An address of this family names an inode where it has a path.
pub(crate) fn addr_sa_family_af_unix(at: &Situation<'_>) -> Attempt {
    let address = at.path_address("node");
    let fd = at.socket()?;
    probed(sys::bind(&fd, address.bytes()))?;
    check_eq!(sys::stat(&at.path("node"))?.st_mode & libc::S_IFMT, libc::S_IFSOCK);
    check_eq!(name(&fd)?, address);
    Ok(())
}

/// A server of records is found by its name.
pub(crate) fn sockfd_af_unix_sock_seqpacket(at: &Situation<'_>) -> Attempt {
    let address = at.abstract_address("records");
    let fd = sys::socket(libc::AF_UNIX, libc::SOCK_SEQPACKET, 0)?;
    probed(sys::bind(&fd, address.bytes()))?;
    sys::listen(&fd, 1)?;
    let near = sys::socket(libc::AF_UNIX, libc::SOCK_SEQPACKET, 0)?;
    sys::connect(&near, address.bytes())?;
    Ok(exchange(&near, &sys::accept(&fd)?)?)
}

/// What is sent to the name arrives.
pub(crate) fn sockfd_af_unix_sock_dgram(at: &Situation<'_>) -> Attempt {
    let address = at.abstract_address("datagrams");
    let fd = datagram()?;
    probed(sys::bind(&fd, address.bytes()))?;
    sys::sendto(&datagram()?, b"to the name", 0, address.bytes())?;
    check_eq!(record(&fd)?, b"to the name");
    Ok(())
}
