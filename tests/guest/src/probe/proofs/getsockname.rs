//! getsockname(2)

use crate::{
    address::Address,
    harness::check_eq,
    probe::{Attempt, probed, situation::Situation},
    suite::unix::help::name,
    sys,
};

/// The name is the one that was bound, and a nameless socket has the family alone.
pub(crate) fn sockfd_af_unix_sock_stream(at: &Situation<'_>) -> Attempt {
    let fd = at.socket()?;
    check_eq!(probed(name(&fd))?, Address::unnamed());
    let address = at.address("a");
    sys::bind(&fd, address.bytes())?;
    check_eq!(probed(name(&fd))?, address);
    Ok(())
}
