//! What a receiver of datagrams is told about them besides who sent them: control messages of the levels SOL_IP and SOL_IPV6
//! (`ip(7)`, `ipv6(7)`, RFC 3542).

use alloc::vec::Vec;
use core::sync::atomic::{AtomicU8, Ordering};

use bitflags::bitflags;
use linux_raw_sys::net::{
    IP_PKTINFO, IP_RECVTOS, IP_RECVTTL, IP_TOS, IP_TTL, IPV6_HOPLIMIT, IPV6_PKTINFO, IPV6_RECVHOPLIMIT,
    IPV6_RECVPKTINFO, IPV6_RECVTCLASS, IPV6_TCLASS, SOL_IP, SOL_IPV6,
};
use net_stack::{
    address::{IpAddr, Ipv4Addr},
    datagram::{Received, Version},
};

use super::Internet;

bitflags! {
    /// What is wanted. Those of IPv4 are for packets of IPv4, also at sockets of AF_INET6.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub(super) struct Wanted: u8 {
        /// IP_PKTINFO
        const PACKET_V4 = 1 << 0;
        /// IP_RECVTTL
        const HOPS_V4 = 1 << 1;
        /// IP_RECVTOS
        const CLASS_V4 = 1 << 2;
        /// IPV6_RECVPKTINFO
        const PACKET_V6 = 1 << 3;
        /// IPV6_RECVHOPLIMIT
        const HOPS_V6 = 1 << 4;
        /// IPV6_RECVTCLASS
        const CLASS_V6 = 1 << 5;
    }
}

impl Wanted {
    /// What an option asks for, if it is one of these.
    pub(super) fn of_option(level: u32, name: u32) -> Option<Self> {
        Some(match (level, name) {
            (SOL_IP, IP_PKTINFO) => Self::PACKET_V4,
            (SOL_IP, IP_RECVTTL) => Self::HOPS_V4,
            (SOL_IP, IP_RECVTOS) => Self::CLASS_V4,
            (SOL_IPV6, IPV6_RECVPKTINFO) => Self::PACKET_V6,
            (SOL_IPV6, IPV6_RECVHOPLIMIT) => Self::HOPS_V6,
            (SOL_IPV6, IPV6_RECVTCLASS) => Self::CLASS_V6,
            _ => return None,
        })
    }
}

/// What is wanted, as the socket keeps it.
#[derive(Default)]
pub(super) struct Wishes(AtomicU8);

impl Wishes {
    #[inline]
    pub(super) fn get(&self) -> Wanted {
        Wanted::from_bits_truncate(self.0.load(Ordering::Relaxed))
    }

    pub(super) fn set(&self, wanted: Wanted, on: bool) {
        if on {
            self.0.fetch_or(wanted.bits(), Ordering::Relaxed);
        } else {
            self.0.fetch_and(!wanted.bits(), Ordering::Relaxed);
        }
    }
}

/// A control message that a receiver is to be given.
pub(crate) struct Told {
    /// Its level and type.
    pub(crate) level: u32,
    pub(crate) kind: u32,
    pub(crate) data: Vec<u8>,
}

impl Internet {
    /// What is told about a datagram, in Linux's order.
    #[cold]
    pub(super) fn tell(&self, wanted: Wanted, received: &Received) -> Vec<Told> {
        let mut told = Vec::new();
        let mut add = |level, kind, data: &[u8]| told.push(Told { level, kind, data: data.to_vec() });
        let index = received.interface.get().to_ne_bytes();
        if self.version() == Version::V6 && wanted.contains(Wanted::PACKET_V6) {
            let to = match received.to {
                IpAddr::V4(to) => to.to_ipv6_mapped(),
                IpAddr::V6(to) => to,
            };
            // struct in6_pktinfo
            add(SOL_IPV6, IPV6_PKTINFO, &[&to.octets()[..], &index].concat());
        }
        let (hops, class) = (i32::from(received.hop_limit).to_ne_bytes(), received.traffic_class);
        match received.to {
            IpAddr::V4(to) => {
                if wanted.contains(Wanted::PACKET_V4) {
                    // struct in_pktinfo
                    let own = self.own_address(to, received).octets();
                    add(SOL_IP, IP_PKTINFO, &[&index[..], &own, &to.octets()].concat());
                }
                if wanted.contains(Wanted::HOPS_V4) {
                    add(SOL_IP, IP_TTL, &hops);
                }
                if wanted.contains(Wanted::CLASS_V4) {
                    add(SOL_IP, IP_TOS, &[class]);
                }
            }
            IpAddr::V6(_) => {
                if wanted.contains(Wanted::HOPS_V6) {
                    add(SOL_IPV6, IPV6_HOPLIMIT, &hops);
                }
                if wanted.contains(Wanted::CLASS_V6) {
                    add(SOL_IPV6, IPV6_TCLASS, &i32::from(class).to_ne_bytes());
                }
            }
        }
        told
    }

    /// The address from which an answer would be sent: that to which the datagram was sent, if it is this host's alone.
    fn own_address(&self, to: Ipv4Addr, received: &Received) -> Ipv4Addr {
        self.stack().network(|network| {
            if network.is_local(to.into()) {
                return to;
            }
            let first = network.interface(received.interface).and_then(|interface| interface.ipv4().next());
            first.map_or(Ipv4Addr::UNSPECIFIED, |(address, _)| address)
        })
    }
}
