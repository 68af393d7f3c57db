//! socketpair(2)

use std::os::fd::OwnedFd;

use crate::{
    harness::{Case, check_eq, check_err},
    probe::{Attempt, probed},
    suite::unix::help::{exchange, option},
    sys,
};

const STREAM: i32 = libc::SOCK_STREAM;

/// A pair made with these arguments, both ends of which are connected to each other.
fn pair(kind: i32, protocol: i32) -> Attempt<[OwnedFd; 2]> {
    let (left, right) = probed(sys::socketpair(libc::AF_UNIX, kind, protocol))?;
    exchange(&left, &right)?;
    Ok([left, right])
}

/// Both ends are of the family.
pub(crate) fn family_af_unix(_: &Case) -> Attempt {
    for fd in pair(STREAM, 0)? {
        check_eq!(option(&fd, libc::SO_DOMAIN)?, libc::AF_UNIX);
    }
    Ok(())
}

/// Both ends are byte streams.
pub(crate) fn type_sock_stream(_: &Case) -> Attempt {
    let [left, right] = pair(STREAM, 0)?;
    check_eq!(option(&left, libc::SO_TYPE)?, STREAM);
    check_eq!(option(&right, libc::SO_TYPE)?, STREAM);
    sys::write(&left, b"one")?;
    sys::write(&left, b"two")?;
    check_eq!(sys::read(&right, &mut [0; 16])?, 6);
    Ok(())
}

/// A read of either end gives EAGAIN.
pub(crate) fn type_sock_nonblock(_: &Case) -> Attempt {
    for fd in &pair(STREAM | libc::SOCK_NONBLOCK, 0)? {
        check_err!(sys::read(fd, &mut [0]), EAGAIN);
        check_eq!(sys::fcntl(fd, libc::F_GETFD, 0)?, 0);
    }
    Ok(())
}

/// Both descriptors are closed on exec, and nothing else.
pub(crate) fn type_sock_cloexec(_: &Case) -> Attempt {
    for fd in pair(STREAM | libc::SOCK_CLOEXEC, 0)? {
        check_eq!(sys::fcntl(&fd, libc::F_GETFD, 0)? as i32, libc::FD_CLOEXEC);
        check_eq!(sys::fcntl(&fd, libc::F_GETFL, 0)? as i32, libc::O_RDWR);
    }
    Ok(())
}

/// The family's only protocol, by no name.
pub(crate) fn protocol_0(_: &Case) -> Attempt {
    pair(STREAM, 0).map(|_| ())
}

/// The family's only protocol, by its name.
pub(crate) fn protocol_pf_unix(_: &Case) -> Attempt {
    for fd in pair(STREAM, libc::PF_UNIX)? {
        check_eq!(option(&fd, libc::SO_PROTOCOL)?, 0);
    }
    Ok(())
}
