//! getsockname(2)

pub(crate) use super::{
    internet::names::getsockname::*, netlink::names::getsockname::*, vsock::getsockname::*,
};
use crate::{
    address::Address,
    harness::check_eq,
    probe::{Attempt, probed, situation::Situation},
    suite::unix::help::{bound, datagram, name, sequenced},
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

/// What was accepted has the listener's name.
pub(crate) fn sockfd_af_unix_sock_seqpacket(at: &Situation<'_>) -> Attempt {
    let address = at.abstract_address("records");
    let [fd, near, far] = sequenced(&address)?;
    check_eq!(probed(name(&fd))?, address);
    check_eq!(probed(name(&far))?, address);
    check_eq!(probed(name(&near))?, Address::unnamed());
    Ok(())
}

/// The name that was bound, or none.
pub(crate) fn sockfd_af_unix_sock_dgram(at: &Situation<'_>) -> Attempt {
    let address = at.abstract_address("datagrams");
    check_eq!(probed(name(&bound(&address)?))?, address);
    check_eq!(probed(name(&datagram()?))?, Address::unnamed());
    Ok(())
}
