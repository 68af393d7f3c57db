//! connect(2)

use crate::{
    harness::{Case, check_eq, check_err},
    probe::{Attempt, probed},
    suite::unix::help::{exchange, listener, peer_name, socket},
    sys,
};

/// The two ends are connected.
pub(crate) fn sockfd_af_unix_sock_stream(case: &Case) -> Attempt {
    let address = case.abstract_address("a");
    let fd = listener(&address, 1)?;
    let near = socket()?;
    probed(sys::connect(&near, address.bytes()))?;
    check_eq!(peer_name(&near)?, address);
    let far = sys::accept(&fd)?;
    exchange(&near, &far)?;
    check_err!(sys::connect(&near, address.bytes()), EISCONN);
    Ok(())
}

/// An address of this family is looked up in the file system where it has a path.
pub(crate) fn addr_sa_family_af_unix(case: &Case) -> Attempt {
    let address = case.path_address("node");
    let fd = listener(&address, 1)?;
    let near = socket()?;
    check_err!(sys::connect(&near, case.path_address("absent").bytes()), ENOENT);
    probed(sys::connect(&near, address.bytes()))?;
    let far = sys::accept(&fd)?;
    Ok(exchange(&near, &far)?)
}
