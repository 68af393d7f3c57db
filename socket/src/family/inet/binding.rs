//! bind(2), as both protocols have it.

use net_stack::{
    Stack,
    address::IpAddr,
    cover::Cover,
    datagram::Version,
    net::{InterfaceId, Reach},
    port::Claim,
};

use super::{Context, address::InternetAddress};
use crate::error::{Errno, Error, Result};

/// Ports below it are for those who may have them: `net.ipv4.ip_unprivileged_port_start`.
const UNPRIVILEGED: u16 = 1024;

/// What a socket has chosen that bind(2) and connect(2) have to know.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Choices {
    /// SO_REUSEADDR
    pub(crate) reuse_address: bool,
    /// SO_REUSEPORT
    pub(crate) reuse_port: bool,
    /// IPV6_V6ONLY
    pub(crate) v6_only: bool,
    /// IP_FREEBIND, IP_TRANSPARENT: addresses that this host does not have, too.
    pub(crate) free_bind: bool,
    /// SO_BINDTODEVICE
    pub(crate) device: Option<InterfaceId>,
}

impl Choices {
    /// What a socket that is bound to `address` wants of a port.
    pub(super) fn claim(self, address: IpAddr, user: u32) -> Claim {
        let Self { reuse_address, reuse_port, v6_only, device, .. } = self;
        Claim { cover: Cover::new(address, v6_only), device, reuse_address, reuse_port, user }
    }
}

/// Looks whether a socket may be bound to an address.
///
/// # Errors
/// In Linux's order: EINVAL for an IPv4-mapped address where IPV6_V6ONLY is set, and for a stream and a group of IPv6;
/// EADDRNOTAVAIL for an address that this host does not have; EACCES for a port below 1024 without CAP_NET_BIND_SERVICE.
pub(super) fn check(
    stack: &Stack,
    version: Version,
    stream: bool,
    choices: Choices,
    address: &InternetAddress,
    context: &Context,
) -> Result<()> {
    let ip = address.endpoint.address;
    if address.mapped && choices.v6_only {
        return Err(Error::new(Errno::EINVAL, "IPV6_V6ONLY is set"));
    }
    if version == Version::V6 && stream && ip.is_ipv6() && ip.is_multicast() {
        return Err(Error::new(Errno::EINVAL, "no stream is bound to a group"));
    }
    let strange = !ip.is_unspecified() && stack.network(|network| network.reach(ip)) == Reach::Unicast;
    if strange && !choices.free_bind {
        return Err(Error::new(Errno::EADDRNOTAVAIL, "not an address of this host"));
    }
    let port = address.endpoint.port;
    if port != 0 && port < UNPRIVILEGED && !context.may_bind_all {
        return Err(Error::new(Errno::EACCES, "a port below 1024 without CAP_NET_BIND_SERVICE"));
    }
    Ok(())
}
