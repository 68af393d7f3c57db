//! getpeername(2)

pub(crate) use super::{
    internet::names::getpeername::*, netlink::names::getpeername::*, vsock::getpeername::*,
};
use crate::{
    address::Address,
    harness::{check_eq, check_err},
    probe::{Attempt, probed, situation::Situation},
    suite::unix::help::{bound, datagram, peer_name, sequenced},
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

/// The same over connections of records.
pub(crate) fn sockfd_af_unix_sock_seqpacket(at: &Situation<'_>) -> Attempt {
    let address = at.abstract_address("records");
    let [_fd, near, far] = sequenced(&address)?;
    check_eq!(probed(peer_name(&near))?, address);
    check_eq!(probed(peer_name(&far))?, Address::unnamed());
    Ok(())
}

/// The peer is whom the socket was connected to, and who need not know.
pub(crate) fn sockfd_af_unix_sock_dgram(at: &Situation<'_>) -> Attempt {
    let address = at.abstract_address("a");
    let receiver = bound(&address)?;
    let fd = datagram()?;
    check_err!(peer_name(&fd), ENOTCONN);
    crate::sys::connect(&fd, address.bytes())?;
    check_eq!(probed(peer_name(&fd))?, address);
    check_err!(peer_name(&receiver), ENOTCONN);
    Ok(())
}
