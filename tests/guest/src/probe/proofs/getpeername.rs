//! getpeername(2)

use crate::{
    address::Address,
    harness::{Case, check_eq, check_err},
    probe::{Attempt, probed},
    suite::unix::help::{accepted, listener, pair, peer_name},
};

/// The name is the peer's; a socket without a peer has none to tell.
pub(crate) fn sockfd_af_unix_sock_stream(case: &Case) -> Attempt {
    let address = case.abstract_address("a");
    let fd = listener(&address, 1)?;
    check_err!(peer_name(&fd), ENOTCONN);
    let (near, far) = accepted(&fd, &address)?;
    check_eq!(probed(peer_name(&near))?, address);
    check_eq!(probed(peer_name(&far))?, Address::unnamed());
    let (left, _right) = pair()?;
    check_eq!(probed(peer_name(&left))?, Address::unnamed());
    Ok(())
}
