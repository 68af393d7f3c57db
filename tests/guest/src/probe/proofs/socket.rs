//! socket(2)

use std::os::fd::OwnedFd;

use crate::{
    harness::{Case, check_eq, check_err},
    probe::{Attempt, probed},
    suite::unix::help::{exchange, listener, option},
    sys,
};

const STREAM: i32 = libc::SOCK_STREAM;

/// Connects the socket and passes a byte: that it is a working one of this family and type.
fn works(case: &Case, fd: &OwnedFd) -> Attempt {
    let address = case.abstract_address("a");
    let listening = listener(&address, 1)?;
    sys::connect(fd, address.bytes())?;
    let far = sys::accept(&listening)?;
    Ok(exchange(fd, &far)?)
}

/// The family is what SO_DOMAIN says, and names of the family lead to it.
pub(crate) fn family_af_unix(case: &Case) -> Attempt {
    let fd = probed(sys::socket(libc::AF_UNIX, STREAM, 0))?;
    check_eq!(option(&fd, libc::SO_DOMAIN)?, libc::AF_UNIX);
    works(case, &fd)
}

/// A byte stream: boundaries are not kept.
pub(crate) fn type_sock_stream(case: &Case) -> Attempt {
    let fd = probed(sys::socket(libc::AF_UNIX, STREAM, 0))?;
    check_eq!(option(&fd, libc::SO_TYPE)?, STREAM);
    let address = case.abstract_address("stream");
    let listening = listener(&address, 1)?;
    sys::connect(&fd, address.bytes())?;
    let far = sys::accept(&listening)?;
    sys::write(&fd, b"one")?;
    sys::write(&fd, b"two")?;
    check_eq!(sys::read(&far, &mut [0; 16])?, 6);
    Ok(())
}

/// A read gives EAGAIN.
pub(crate) fn type_sock_nonblock(case: &Case) -> Attempt {
    let fd = probed(sys::socket(libc::AF_UNIX, STREAM | libc::SOCK_NONBLOCK, 0))?;
    check_eq!(sys::fcntl(&fd, libc::F_GETFL, 0)? as i32, libc::O_RDWR | libc::O_NONBLOCK);
    check_eq!(sys::fcntl(&fd, libc::F_GETFD, 0)?, 0);
    let address = case.abstract_address("nonblock");
    let listening = listener(&address, 1)?;
    sys::connect(&fd, address.bytes())?;
    let far = sys::accept(&listening)?;
    check_err!(sys::read(&fd, &mut [0]), EAGAIN);
    Ok(exchange(&fd, &far)?)
}

/// The descriptor is closed on exec, and nothing else.
pub(crate) fn type_sock_cloexec(case: &Case) -> Attempt {
    let fd = probed(sys::socket(libc::AF_UNIX, STREAM | libc::SOCK_CLOEXEC, 0))?;
    check_eq!(sys::fcntl(&fd, libc::F_GETFD, 0)? as i32, libc::FD_CLOEXEC);
    check_eq!(sys::fcntl(&fd, libc::F_GETFL, 0)? as i32, libc::O_RDWR);
    works(case, &fd)
}

/// The family's only protocol, by no name.
pub(crate) fn protocol_0(case: &Case) -> Attempt {
    let fd = probed(sys::socket(libc::AF_UNIX, STREAM, 0))?;
    works(case, &fd)
}

/// The family's only protocol, by its name; sockets of both ways reach each other.
pub(crate) fn protocol_pf_unix(case: &Case) -> Attempt {
    let fd = probed(sys::socket(libc::AF_UNIX, STREAM, libc::PF_UNIX))?;
    check_eq!(option(&fd, libc::SO_PROTOCOL)?, 0);
    works(case, &fd)
}
