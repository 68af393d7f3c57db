//! socketpair(2)

use std::os::fd::OwnedFd;

use crate::{
    harness::{check_eq, check_err},
    probe::{Attempt, probed, situation::Situation},
    suite::unix::help::{exchange, option},
    sys,
};

/// A pair of the situation's kind, with flags and a protocol, both ends of which are connected to each other.
fn pair(at: &Situation<'_>, flags: i32, protocol: i32) -> Attempt<[OwnedFd; 2]> {
    let (left, right) = probed(sys::socketpair(at.family(), at.kind() | flags, protocol))?;
    exchange(&left, &right)?;
    Ok([left, right])
}

/// Both ends are of the family.
pub(crate) fn family_af_unix(at: &Situation<'_>) -> Attempt {
    for fd in pair(at, 0, 0)? {
        check_eq!(option(&fd, libc::SO_DOMAIN)?, libc::AF_UNIX);
    }
    Ok(())
}

/// Both ends are byte streams.
pub(crate) fn type_sock_stream(at: &Situation<'_>) -> Attempt {
    let [left, right] = pair(at, 0, 0)?;
    check_eq!(option(&left, libc::SO_TYPE)?, libc::SOCK_STREAM);
    check_eq!(option(&right, libc::SO_TYPE)?, libc::SOCK_STREAM);
    sys::write(&left, b"one")?;
    sys::write(&left, b"two")?;
    check_eq!(sys::read(&right, &mut [0; 16])?, 6);
    Ok(())
}

/// A read of either end gives EAGAIN.
pub(crate) fn type_sock_nonblock(at: &Situation<'_>) -> Attempt {
    for fd in &pair(at, libc::SOCK_NONBLOCK, 0)? {
        check_err!(sys::read(fd, &mut [0]), EAGAIN);
        check_eq!(sys::fcntl(fd, libc::F_GETFD, 0)?, 0);
    }
    Ok(())
}

/// Both descriptors are closed on exec, and nothing else.
pub(crate) fn type_sock_cloexec(at: &Situation<'_>) -> Attempt {
    for fd in pair(at, libc::SOCK_CLOEXEC, 0)? {
        check_eq!(sys::fcntl(&fd, libc::F_GETFD, 0)? as i32, libc::FD_CLOEXEC);
        check_eq!(sys::fcntl(&fd, libc::F_GETFL, 0)? as i32, libc::O_RDWR);
    }
    Ok(())
}

/// The family's only protocol, by no name.
pub(crate) fn protocol_0(at: &Situation<'_>) -> Attempt {
    pair(at, 0, 0).map(|_| ())
}

/// The family's only protocol, by its name.
pub(crate) fn protocol_pf_unix(at: &Situation<'_>) -> Attempt {
    for fd in pair(at, 0, libc::PF_UNIX)? {
        check_eq!(option(&fd, libc::SO_PROTOCOL)?, 0);
    }
    Ok(())
}

/// Both ends keep records apart, and end together.
pub(crate) fn type_sock_seqpacket(at: &Situation<'_>) -> Attempt {
    let [left, right] = pair(at, 0, 0)?;
    check_eq!(option(&right, libc::SO_TYPE)?, libc::SOCK_SEQPACKET);
    sys::write(&left, b"one")?;
    sys::write(&left, b"two")?;
    check_eq!(sys::read(&right, &mut [0; 16])?, 3);
    drop(left);
    check_eq!(sys::read(&right, &mut [0; 16])?, 3);
    check_eq!(sys::read(&right, &mut [0; 16])?, 0);
    Ok(())
}

/// Both ends keep datagrams apart, and take them from each other only.
pub(crate) fn type_sock_dgram(at: &Situation<'_>) -> Attempt {
    let [left, right] = pair(at, 0, 0)?;
    check_eq!(option(&right, libc::SO_TYPE)?, libc::SOCK_DGRAM);
    sys::write(&left, b"one")?;
    sys::write(&left, b"two")?;
    check_eq!(sys::read(&right, &mut [0; 16])?, 3);
    let address = at.abstract_address("a");
    sys::bind(&right, address.bytes())?;
    let stranger = sys::socket(libc::AF_UNIX, libc::SOCK_DGRAM, 0)?;
    check_err!(sys::sendto(&stranger, b"x", 0, address.bytes()), EPERM);
    Ok(())
}
