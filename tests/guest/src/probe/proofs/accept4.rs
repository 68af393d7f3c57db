//! accept4(2)

use std::os::fd::OwnedFd;

use crate::{
    harness::{Case, check_eq, check_err},
    probe::{Attempt, probed},
    suite::unix::help::{client, exchange, listener},
    sys,
};

/// A client, and what accept4 with these flags made of it.
fn accepted(case: &Case, flags: i32) -> Attempt<(OwnedFd, OwnedFd)> {
    let address = case.abstract_address("a");
    let fd = listener(&address, 1)?;
    let near = client(&address)?;
    let far = probed(sys::accept4(&fd, flags))?;
    Ok((near, far))
}

/// Without flags it does as accept.
pub(crate) fn sockfd_af_unix_sock_stream(case: &Case) -> Attempt {
    let (near, far) = accepted(case, 0)?;
    check_eq!(sys::fcntl(&far, libc::F_GETFL, 0)? as i32, libc::O_RDWR);
    check_eq!(sys::fcntl(&far, libc::F_GETFD, 0)?, 0);
    Ok(exchange(&near, &far)?)
}

/// A read of the new socket gives EAGAIN.
pub(crate) fn flags_sock_nonblock(case: &Case) -> Attempt {
    let (near, far) = accepted(case, libc::SOCK_NONBLOCK)?;
    check_err!(sys::read(&far, &mut [0]), EAGAIN);
    check_eq!(sys::fcntl(&far, libc::F_GETFD, 0)?, 0);
    Ok(exchange(&near, &far)?)
}

/// The new descriptor is closed on exec, and nothing else.
pub(crate) fn flags_sock_cloexec(case: &Case) -> Attempt {
    let (near, far) = accepted(case, libc::SOCK_CLOEXEC)?;
    check_eq!(sys::fcntl(&far, libc::F_GETFD, 0)? as i32, libc::FD_CLOEXEC);
    check_eq!(sys::fcntl(&far, libc::F_GETFL, 0)? as i32, libc::O_RDWR);
    Ok(exchange(&near, &far)?)
}
