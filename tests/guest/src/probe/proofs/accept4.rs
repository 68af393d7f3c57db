//! accept4(2)

use std::os::fd::OwnedFd;

pub(crate) use super::{internet::names::accept4::*, vsock::accept4::*};
use crate::{
    harness::{check_eq, check_err},
    probe::{Attempt, probed, situation::Situation},
    suite::unix::help::{exchange, sequenced},
    sys,
};

/// A client, and what accept4 with these flags made of it.
fn accepted(at: &Situation<'_>, flags: i32) -> Attempt<(OwnedFd, OwnedFd)> {
    let (fd, address) = at.listener(&at.address("a"), 1)?;
    let near = at.client(&address)?;
    let far = probed(sys::accept4(&fd, flags))?;
    Ok((near, far))
}

/// Without flags it does as accept.
pub(crate) fn sockfd_af_unix_sock_stream(at: &Situation<'_>) -> Attempt {
    let (near, far) = accepted(at, 0)?;
    check_eq!(sys::fcntl(&far, libc::F_GETFL, 0)? as i32, libc::O_RDWR);
    check_eq!(sys::fcntl(&far, libc::F_GETFD, 0)?, 0);
    Ok(exchange(&near, &far)?)
}

/// A read of the new socket gives EAGAIN.
pub(crate) fn flags_sock_nonblock(at: &Situation<'_>) -> Attempt {
    let (near, far) = accepted(at, libc::SOCK_NONBLOCK)?;
    check_err!(sys::read(&far, &mut [0]), EAGAIN);
    check_eq!(sys::fcntl(&far, libc::F_GETFD, 0)?, 0);
    Ok(exchange(&near, &far)?)
}

/// The new descriptor is closed on exec, and nothing else.
pub(crate) fn flags_sock_cloexec(at: &Situation<'_>) -> Attempt {
    let (near, far) = accepted(at, libc::SOCK_CLOEXEC)?;
    check_eq!(sys::fcntl(&far, libc::F_GETFD, 0)? as i32, libc::FD_CLOEXEC);
    check_eq!(sys::fcntl(&far, libc::F_GETFL, 0)? as i32, libc::O_RDWR);
    Ok(exchange(&near, &far)?)
}

/// The same for connections of records.
pub(crate) fn sockfd_af_unix_sock_seqpacket(at: &Situation<'_>) -> Attempt {
    let address = at.abstract_address("records");
    let [fd, _near, _far] = sequenced(&address)?;
    let near = sys::socket(libc::AF_UNIX, libc::SOCK_SEQPACKET, 0)?;
    sys::connect(&near, address.bytes())?;
    let far = probed(sys::accept4(&fd, 0))?;
    Ok(exchange(&near, &far)?)
}
