//! connect(2)

use crate::{
    harness::{check_eq, check_err},
    probe::{Attempt, probed, situation::Situation},
    suite::unix::help::{exchange, peer_name},
    sys,
};

/// The two ends are connected.
pub(crate) fn sockfd_af_unix_sock_stream(at: &Situation<'_>) -> Attempt {
    let (fd, address) = at.listener(&at.address("a"), 1)?;
    let near = at.socket()?;
    probed(sys::connect(&near, address.bytes()))?;
    check_eq!(peer_name(&near)?, address);
    let far = sys::accept(&fd)?;
    exchange(&near, &far)?;
    check_err!(sys::connect(&near, address.bytes()), EISCONN);
    Ok(())
}

/// An address of this family is looked up in the file system where it has a path.
pub(crate) fn addr_sa_family_af_unix(at: &Situation<'_>) -> Attempt {
    let address = at.path_address("node");
    let (fd, address) = at.listener(&address, 1)?;
    let near = at.socket()?;
    check_err!(sys::connect(&near, at.path_address("absent").bytes()), ENOENT);
    probed(sys::connect(&near, address.bytes()))?;
    let far = sys::accept(&fd)?;
    Ok(exchange(&near, &far)?)
}
