//! What can happen to a packet on its way.

use crate::address::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A trouble that a packet met, by what it means for the sender.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trouble {
    /// No route leads to the network.
    NetUnreachable,
    /// The host does not answer, or nobody may reach it.
    HostUnreachable,
    /// The host does not know the protocol.
    ProtocolUnreachable,
    /// Nobody has the port.
    PortUnreachable,
    /// The packet is longer than a link on the way takes.
    TooBig {
        /// How long it may be.
        mtu: u32,
    },
    /// The route that the sender asked for is not possible.
    SourceRouteFailed,
    /// The host is known to be down.
    HostDown,
    /// The host is cut off.
    HostIsolated,
    /// The hop limit was used up, or a piece did not come in time.
    TimeExceeded,
    /// A header makes no sense to the receiver.
    Parameter,
}

impl Trouble {
    /// Reads the type, the code and the rest of an ICMP message's header; `None` where it tells of no trouble.
    pub(crate) fn of(v6: bool, kind: u8, code: u8, rest: u32) -> Option<Self> {
        Some(match (v6, kind, code) {
            (false, 3, 0 | 6 | 9 | 11) => Self::NetUnreachable,
            (false, 3, 1 | 10 | 12..=15) => Self::HostUnreachable,
            (false, 3, 2) => Self::ProtocolUnreachable,
            (false, 3, 3) => Self::PortUnreachable,
            (false, 3, 4) => Self::TooBig { mtu: rest & 0xffff },
            (false, 3, 5) => Self::SourceRouteFailed,
            (false, 3, 7) => Self::HostDown,
            (false, 3, 8) => Self::HostIsolated,
            (false, 11, _) | (true, 3, _) => Self::TimeExceeded,
            (false, 12, _) => Self::Parameter,
            (true, 1, 0) => Self::NetUnreachable,
            (true, 1, 1 | 2 | 3 | 5 | 6) => Self::HostUnreachable,
            (true, 1, 4) => Self::PortUnreachable,
            (true, 2, _) => Self::TooBig { mtu: rest },
            (true, 4, 1) => Self::ProtocolUnreachable,
            (true, 4, _) => Self::Parameter,
            _ => return None,
        })
    }

    /// Whether it will not pass by itself, so that a connected socket is told (RFC 1122, 4.1.3.3 and 4.2.3.9): Linux's
    /// table `icmp_err_convert`.
    pub(crate) fn is_lasting(self, v6: bool, code: u8) -> bool {
        match self {
            Self::PortUnreachable | Self::ProtocolUnreachable | Self::HostDown | Self::HostIsolated => true,
            Self::Parameter => true,
            Self::NetUnreachable => !v6 && matches!(code, 6 | 9),
            Self::HostUnreachable => !v6 && matches!(code, 10 | 13..=15) || v6 && matches!(code, 1 | 5 | 6),
            Self::TooBig { .. } | Self::SourceRouteFailed | Self::TimeExceeded => false,
        }
    }
}

/// An ICMP message about a packet that this host has sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// What happened.
    pub trouble: Trouble,
    /// The message's type.
    pub kind: u8,
    /// Its code.
    pub code: u8,
    /// Who says so.
    pub from: IpAddr,
    /// The message is of ICMPv6.
    pub v6: bool,
}

/// What of a packet's header an ICMP message quotes.
pub(crate) struct Quoted {
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    pub(crate) protocol: u8,
    /// Where the transport header begins.
    pub(crate) start: usize,
}

impl Quoted {
    /// Reads it.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let quoted = match bytes.first()? >> 4 {
            4 => {
                let header = bytes.first_chunk::<20>()?;
                let start = usize::from(header[0] & 0xf) * 4;
                // Only the first piece has a transport header.
                if start < 20 || u16::from_be_bytes([header[6], header[7]]) & 0x1fff != 0 {
                    return None;
                }
                let address = |at| Some(IpAddr::from(Ipv4Addr::from(*header.get(at..)?.first_chunk::<4>()?)));
                Self { source: address(12)?, destination: address(16)?, protocol: header[9], start }
            }
            6 => {
                let header = bytes.first_chunk::<40>()?;
                let address =
                    |at| Some(IpAddr::from(Ipv6Addr::from(*header.get(at..)?.first_chunk::<16>()?)));
                let (mut protocol, mut start) = (header[6], 40);
                if protocol == 44 {
                    let fragment = bytes.get(40..)?.first_chunk::<8>()?;
                    if u16::from_be_bytes([fragment[2], fragment[3]]) & !7 != 0 {
                        return None;
                    }
                    (protocol, start) = (fragment[0], 48);
                }
                Self { source: address(8)?, destination: address(24)?, protocol, start }
            }
            _ => return None,
        };
        (quoted.start <= bytes.len()).then_some(quoted)
    }
}
