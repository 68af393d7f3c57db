//! What a program says about one datagram that it sends: control messages of the levels SOL_IP and SOL_IPV6 (`ip(7)`,
//! `ipv6(7)`, RFC 3542, 6).

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use linux_raw_sys::net::{
    IP_PKTINFO, IP_TOS, IP_TTL, IPV6_HOPLIMIT, IPV6_PKTINFO, IPV6_TCLASS, SOL_IP, SOL_IPV6, SOL_SOCKET,
};
use net_stack::{
    datagram::{Ancillary, Version},
    net::{InterfaceId, Reach},
};

use super::{Internet, udp::Udp};
use crate::{
    abi::control::ControlMessages,
    error::{Errno, Error, Result},
};

/// `struct in_pktinfo`, `in6_pktinfo`: their sizes.
const PACKET_V4: usize = 12;
const PACKET_V6: usize = 20;

/// What a message of the level says, as the family of the destination has it; others mean nothing (`ip_cmsg_send`,
/// `ip6_datagram_send_ctl`).
///
/// # Errors
/// EINVAL for a message that the level does not have, or whose length or value is wrong; for an address that this host does
/// not have EINVAL, or ENETUNREACH where it is of IPv4. ENODEV for an interface that there is not.
pub(crate) fn read(
    internet: &Internet,
    udp: &Udp,
    control: &ControlMessages,
    over: Version,
) -> Result<Ancillary> {
    let mut said = Ancillary::default();
    for (header, data) in control.messages() {
        match (over, header.level as u32, header.kind as u32) {
            (Version::V4, SOL_IP, kind) => read_v4(&mut said, kind, data)?,
            // A socket of AF_INET6 says so also about IPv4-mapped addresses.
            (Version::V4, SOL_IPV6, IPV6_PKTINFO) if internet.version() == Version::V6 => {
                read_v6(&mut said, IPV6_PKTINFO, data)?;
            }
            (Version::V6, SOL_IPV6, kind) => read_v6(&mut said, kind, data)?,
            (_, SOL_SOCKET, _) => return Err(UNKNOWN),
            _ => {}
        }
    }
    control.check_end()?;
    said.source = said.source.map(|source| source.to_canonical()).filter(|source| !source.is_unspecified());
    let (known, own) = internet.stack().network(|network| {
        let known = said.interface.is_none_or(|interface| network.interface(interface).is_some());
        (known, said.source.is_none_or(|source| network.reach(source) == Reach::Local))
    });
    if !known {
        return Err(Error::new(Errno::ENODEV, "no such interface"));
    }
    if !own && !udp.socket().options().free_bind {
        let errno = if over == Version::V4 { Errno::ENETUNREACH } else { Errno::EINVAL };
        return Err(Error::new(errno, "not an address of this host"));
    }
    Ok(said)
}

fn read_v4(said: &mut Ancillary, kind: u32, data: &[u8]) -> Result<()> {
    match kind {
        IP_PKTINFO => {
            let info: &[u8; PACKET_V4] = data.try_into().map_err(|_| LENGTH)?;
            let [i0, i1, i2, i3, a0, a1, a2, a3, ..] = *info;
            said.interface = InterfaceId::new(u32::from_ne_bytes([i0, i1, i2, i3])).or(said.interface);
            said.source = Some(IpAddr::from(Ipv4Addr::new(a0, a1, a2, a3)));
        }
        IP_TTL => {
            let hops = u8::try_from(int(data)?).ok().filter(|hops| *hops != 0);
            said.hop_limit = Some(hops.ok_or(VALUE)?);
        }
        IP_TOS => {
            let class = if let [class] = data { i32::from(*class) } else { int(data)? };
            said.traffic_class = Some(u8::try_from(class).map_err(|_| VALUE)?);
        }
        _ => return Err(UNKNOWN),
    }
    Ok(())
}

fn read_v6(said: &mut Ancillary, kind: u32, data: &[u8]) -> Result<()> {
    // -1 is for the socket's own.
    let byte = |value| match value {
        -1 => Ok(None),
        value => u8::try_from(value).map(Some).map_err(|_| VALUE),
    };
    match kind {
        IPV6_PKTINFO => {
            let info: &[u8; PACKET_V6] = data.first_chunk().ok_or(LENGTH)?;
            let (address, index) = info.split_at(16);
            let address: [u8; 16] = address.try_into().map_err(|_| LENGTH)?;
            let index: [u8; 4] = index.try_into().map_err(|_| LENGTH)?;
            said.interface = InterfaceId::new(u32::from_ne_bytes(index)).or(said.interface);
            said.source = Some(IpAddr::from(Ipv6Addr::from(address)));
        }
        IPV6_HOPLIMIT => said.hop_limit = byte(int(data)?)?,
        IPV6_TCLASS => said.traffic_class = byte(int(data)?)?,
        _ => return Err(UNKNOWN),
    }
    Ok(())
}

/// The data where it is an `int`.
fn int(data: &[u8]) -> Result<i32> {
    data.try_into().map(i32::from_ne_bytes).map_err(|_| LENGTH)
}

const LENGTH: Error = Error::new(Errno::EINVAL, "a control message's length");
const VALUE: Error = Error::new(Errno::EINVAL, "a control message's value is out of range");
const UNKNOWN: Error = Error::new(Errno::EINVAL, "no such control message");
