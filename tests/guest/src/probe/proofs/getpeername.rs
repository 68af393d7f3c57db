//! getpeername(2)

use crate::{
    address::Address,
    harness::{check_eq, check_err},
    probe::{Attempt, probed, situation::Situation},
    suite::unix::help::peer_name,
};

/// The name is the peer's; a socket without a peer has none to tell.
pub(crate) fn sockfd_af_unix_sock_stream(at: &Situation<'_>) -> Attempt {
    let (fd, address) = at.listener(&at.address("a"), 1)?;
    check_err!(peer_name(&fd), ENOTCONN);
    let (near, far) = at.accepted(&fd, &address)?;
    check_eq!(probed(peer_name(&near))?, address);
    check_eq!(probed(peer_name(&far))?, Address::unnamed());
    let (left, _right) = at.pair()?;
    check_eq!(probed(peer_name(&left))?, Address::unnamed());
    Ok(())
}
