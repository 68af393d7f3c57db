//! bind(2)

use crate::{
    harness::{Case, check_eq, check_err},
    probe::{Attempt, probed},
    suite::unix::help::{accepted, exchange, name, socket},
    sys,
};

/// The socket has the name, and can be found by it.
pub(crate) fn sockfd_af_unix_sock_stream(case: &Case) -> Attempt {
    let address = case.abstract_address("a");
    let fd = socket()?;
    probed(sys::bind(&fd, address.bytes()))?;
    check_eq!(name(&fd)?, address);
    check_err!(sys::bind(&socket()?, address.bytes()), EADDRINUSE);
    sys::listen(&fd, 1)?;
    let (near, far) = accepted(&fd, &address)?;
    Ok(exchange(&near, &far)?)
}

/// An address of this family names an inode where it has a path.
pub(crate) fn addr_sa_family_af_unix(case: &Case) -> Attempt {
    let address = case.path_address("node");
    let fd = socket()?;
    probed(sys::bind(&fd, address.bytes()))?;
    check_eq!(sys::stat(&case.path("node"))?.st_mode & libc::S_IFMT, libc::S_IFSOCK);
    check_eq!(name(&fd)?, address);
    Ok(())
}
