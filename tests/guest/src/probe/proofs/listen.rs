//! listen(2)

pub(crate) use super::{internet::names::listen::*, vsock::listen::*};
use crate::{
    harness::check_eq,
    probe::{Attempt, probed, situation::Situation},
    suite::unix::help::{exchange, option},
    sys,
};

/// Connections are queued as the backlog says, and accepted.
pub(crate) fn sockfd_af_unix_sock_stream(at: &Situation<'_>) -> Attempt {
    let address = at.address("a");
    let fd = at.socket()?;
    sys::bind(&fd, address.bytes())?;
    probed(sys::listen(&fd, 1))?;
    check_eq!(option(&fd, libc::SO_ACCEPTCONN)?, 1);
    let (one, _two) = (at.client(&address)?, at.client(&address)?);
    let third = at.socket_with(libc::SOCK_NONBLOCK)?;
    check_eq!(sys::connect(&third, address.bytes()).map_err(|errno| errno.0), Err(libc::EAGAIN));
    let far = sys::accept(&fd)?;
    Ok(exchange(&one, &far)?)
}

/// Connections of records are queued and accepted likewise.
pub(crate) fn sockfd_af_unix_sock_seqpacket(at: &Situation<'_>) -> Attempt {
    let address = at.abstract_address("records");
    let fd = sys::socket(libc::AF_UNIX, libc::SOCK_SEQPACKET, 0)?;
    sys::bind(&fd, address.bytes())?;
    probed(sys::listen(&fd, 0))?;
    let connect = || {
        let fd = sys::socket(libc::AF_UNIX, libc::SOCK_SEQPACKET | libc::SOCK_NONBLOCK, 0)?;
        sys::connect(&fd, address.bytes()).map(|_| fd)
    };
    let near = connect()?;
    check_eq!(connect().map(drop).map_err(|errno| errno.0), Err(libc::EAGAIN));
    let far = sys::accept(&fd)?;
    sys::write(&near, b"x")?;
    check_eq!(sys::read(&far, &mut [0; 4])?, 1);
    Ok(())
}
