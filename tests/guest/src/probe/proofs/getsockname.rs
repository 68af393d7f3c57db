//! getsockname(2)

use crate::{
    address::Address,
    harness::{Case, check_eq},
    probe::{Attempt, probed},
    suite::unix::help::{name, socket},
    sys,
};

/// The name is the one that was bound, and a nameless socket has the family alone.
pub(crate) fn sockfd_af_unix_sock_stream(case: &Case) -> Attempt {
    let fd = socket()?;
    check_eq!(probed(name(&fd))?, Address::unnamed());
    let address = case.abstract_address("a");
    sys::bind(&fd, address.bytes())?;
    check_eq!(probed(name(&fd))?, address);
    Ok(())
}
