//! socket(2)

pub(crate) use super::{internet::names::socket::*, netlink::names::socket::*, vsock::socket::*};
use crate::{
    harness::{check_eq, check_err},
    probe::{Attempt, probed, situation::Situation},
    suite::unix::help::{bound, option, read_full, sequenced},
    sys,
};

/// The family is what SO_DOMAIN says, and names of the family lead to it.
pub(crate) fn family_af_unix(at: &Situation<'_>) -> Attempt {
    let fd = probed(sys::socket(libc::AF_UNIX, at.kind(), 0))?;
    check_eq!(option(&fd, libc::SO_DOMAIN)?, libc::AF_UNIX);
    at.works(&fd)?;
    Ok(())
}

/// A byte stream: boundaries are not kept.
pub(crate) fn type_sock_stream(at: &Situation<'_>) -> Attempt {
    let fd = probed(sys::socket(at.family(), libc::SOCK_STREAM, 0))?;
    check_eq!(option(&fd, libc::SO_TYPE)?, libc::SOCK_STREAM);
    let far = at.works(&fd)?;
    sys::write(&fd, b"one")?;
    sys::write(&fd, b"two")?;
    check_eq!(read_full(&far, &mut [0; 6])?, 6);
    Ok(())
}

/// A read gives EAGAIN.
pub(crate) fn type_sock_nonblock(at: &Situation<'_>) -> Attempt {
    let fd = probed(at.socket_with(libc::SOCK_NONBLOCK))?;
    check_eq!(sys::fcntl(&fd, libc::F_GETFL, 0)? as i32, libc::O_RDWR | libc::O_NONBLOCK);
    check_eq!(sys::fcntl(&fd, libc::F_GETFD, 0)?, 0);
    let _far = at.works(&fd)?;
    check_err!(sys::read(&fd, &mut [0]), EAGAIN);
    Ok(())
}

/// The descriptor is closed on exec, and nothing else.
pub(crate) fn type_sock_cloexec(at: &Situation<'_>) -> Attempt {
    let fd = probed(at.socket_with(libc::SOCK_CLOEXEC))?;
    check_eq!(sys::fcntl(&fd, libc::F_GETFD, 0)? as i32, libc::FD_CLOEXEC);
    check_eq!(sys::fcntl(&fd, libc::F_GETFL, 0)? as i32, libc::O_RDWR);
    at.works(&fd)?;
    Ok(())
}

/// The protocol that the family has for the type.
pub(crate) fn protocol_0(at: &Situation<'_>) -> Attempt {
    let fd = probed(sys::socket(at.family(), at.kind(), 0))?;
    at.works(&fd)?;
    Ok(())
}

/// The family's only protocol, by its name; sockets of both ways reach each other.
pub(crate) fn protocol_pf_unix(at: &Situation<'_>) -> Attempt {
    let fd = probed(sys::socket(libc::AF_UNIX, at.kind(), libc::PF_UNIX))?;
    check_eq!(option(&fd, libc::SO_PROTOCOL)?, 0);
    at.works(&fd)?;
    Ok(())
}

/// Records over a connection.
pub(crate) fn type_sock_seqpacket(at: &Situation<'_>) -> Attempt {
    let fd = probed(sys::socket(libc::AF_UNIX, libc::SOCK_SEQPACKET, 0))?;
    check_eq!(option(&fd, libc::SO_TYPE)?, libc::SOCK_SEQPACKET);
    check_err!(sys::write(&fd, b"x"), ENOTCONN);
    let [_listening, near, far] = sequenced(&at.abstract_address("records"))?;
    sys::write(&near, b"one")?;
    sys::write(&near, b"two")?;
    check_eq!(sys::read(&far, &mut [0; 16])?, 3);
    Ok(())
}

/// Records to anybody.
pub(crate) fn type_sock_dgram(at: &Situation<'_>) -> Attempt {
    let fd = probed(sys::socket(libc::AF_UNIX, libc::SOCK_DGRAM, 0))?;
    check_eq!(option(&fd, libc::SO_TYPE)?, libc::SOCK_DGRAM);
    let address = at.abstract_address("datagrams");
    let receiver = bound(&address)?;
    sys::sendto(&fd, b"one", 0, address.bytes())?;
    sys::sendto(&fd, b"two", 0, address.bytes())?;
    check_eq!(sys::read(&receiver, &mut [0; 16])?, 3);
    check_err!(sys::listen(&fd, 1), EOPNOTSUPP);
    Ok(())
}
