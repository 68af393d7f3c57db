//! listen(2)

use crate::{
    harness::{Case, check_eq},
    probe::{Attempt, probed},
    suite::unix::help::{client, exchange, option, socket},
    sys,
};

/// Connections are queued as the backlog says, and accepted.
pub(crate) fn sockfd_af_unix_sock_stream(case: &Case) -> Attempt {
    let address = case.abstract_address("a");
    let fd = socket()?;
    sys::bind(&fd, address.bytes())?;
    probed(sys::listen(&fd, 1))?;
    check_eq!(option(&fd, libc::SO_ACCEPTCONN)?, 1);
    let (one, _two) = (client(&address)?, client(&address)?);
    let third = sys::socket(libc::AF_UNIX, libc::SOCK_STREAM | libc::SOCK_NONBLOCK, 0)?;
    check_eq!(sys::connect(&third, address.bytes()).map_err(|errno| errno.0), Err(libc::EAGAIN));
    let far = sys::accept(&fd)?;
    Ok(exchange(&one, &far)?)
}
