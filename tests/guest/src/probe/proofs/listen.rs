//! listen(2)

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
