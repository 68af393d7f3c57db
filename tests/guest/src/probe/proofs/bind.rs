//! bind(2)

use crate::{
    harness::{check_eq, check_err},
    probe::{Attempt, probed, situation::Situation},
    suite::unix::help::{exchange, name},
    sys,
};

/// The socket has the name, and can be found by it.
pub(crate) fn sockfd_af_unix_sock_stream(at: &Situation<'_>) -> Attempt {
    let address = at.address("a");
    let fd = at.socket()?;
    probed(sys::bind(&fd, address.bytes()))?;
    check_eq!(name(&fd)?, address);
    check_err!(sys::bind(&at.socket()?, address.bytes()), EADDRINUSE);
    sys::listen(&fd, 1)?;
    let (near, far) = at.accepted(&fd, &address)?;
    Ok(exchange(&near, &far)?)
}

/// An address of this family names an inode where it has a path.
pub(crate) fn addr_sa_family_af_unix(at: &Situation<'_>) -> Attempt {
    let address = at.path_address("node");
    let fd = at.socket()?;
    probed(sys::bind(&fd, address.bytes()))?;
    check_eq!(sys::stat(&at.path("node"))?.st_mode & libc::S_IFMT, libc::S_IFSOCK);
    check_eq!(name(&fd)?, address);
    Ok(())
}
