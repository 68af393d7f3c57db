//! connect(2)

pub(crate) use super::{internet::names::connect::*, netlink::names::connect::*, vsock::connect::*};
use crate::{
    harness::{check_eq, check_err},
    probe::{Attempt, probed, situation::Situation},
    suite::unix::help::{bound, datagram, exchange, peer_name, record, sequenced},
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
    let (fd, address) = match at.has_connections() {
        true => at.listener(&address, 1)?,
        false => at.bound(&address)?,
    };
    let near = at.socket()?;
    check_err!(sys::connect(&near, at.path_address("absent").bytes()), ENOENT);
    probed(sys::connect(&near, address.bytes()))?;
    check_eq!(peer_name(&near)?, address);
    if !at.has_connections() {
        return Ok(at.carries(&near, &fd)?);
    }
    let far = sys::accept(&fd)?;
    Ok(exchange(&near, &far)?)
}

/// Records go to the one who was accepted.
pub(crate) fn sockfd_af_unix_sock_seqpacket(at: &Situation<'_>) -> Attempt {
    let address = at.abstract_address("records");
    let [_fd, near, far] = probed(sequenced(&address))?;
    check_eq!(peer_name(&near)?, address);
    exchange(&near, &far)?;
    check_err!(sys::connect(&near, address.bytes()), EISCONN);
    Ok(())
}

/// What is sent without an address goes to the peer, which may be changed.
pub(crate) fn sockfd_af_unix_sock_dgram(at: &Situation<'_>) -> Attempt {
    let (one, other) = (at.abstract_address("one"), at.abstract_address("other"));
    let (first, second) = (bound(&one)?, bound(&other)?);
    let fd = datagram()?;
    for (address, receiver) in [(&one, &first), (&other, &second)] {
        probed(sys::connect(&fd, address.bytes()))?;
        check_eq!(&peer_name(&fd)?, address);
        check_eq!(sys::write(&fd, b"x")?, 1);
        check_eq!(record(receiver)?, b"x");
    }
    Ok(())
}

/// The peer of a datagram socket is taken away; others have nothing of that kind.
pub(crate) fn addr_sa_family_af_unspec(at: &Situation<'_>) -> Attempt {
    if at.is_internet() {
        let (near, _far) = at.pair()?;
        probed(sys::connect(&near, &[0; 16]))?;
        check_err!(peer_name(&near), ENOTCONN);
        return Ok(());
    }
    if at.has_connections() {
        let (near, far) = at.pair()?;
        check_err!(sys::connect(&near, &[0; 16]), EINVAL);
        return Ok(exchange(&near, &far)?);
    }
    let address = at.abstract_address("a");
    let _receiver = bound(&address)?;
    let fd = datagram()?;
    sys::connect(&fd, address.bytes())?;
    probed(sys::connect(&fd, &[0; 16]))?;
    check_err!(peer_name(&fd), ENOTCONN);
    check_err!(sys::write(&fd, b"x"), ENOTCONN);
    Ok(())
}
