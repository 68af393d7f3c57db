//! Which local addresses a binding is about.

use crate::address::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The local addresses that a bound socket takes packets for. Whether two bindings meet is a question about sets: Linux's
/// rules on wildcards, IPv4-mapped addresses and IPV6_V6ONLY follow from it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Cover {
    /// One address: of an IPv4 socket, or of an IPv6 socket bound to an IPv4-mapped address.
    V4(Ipv4Addr),
    /// All IPv4 addresses: 0.0.0.0, or ::ffff:0.0.0.0.
    AnyV4,
    /// One IPv6 address.
    V6(Ipv6Addr),
    /// All IPv6 addresses: `::` with IPV6_V6ONLY.
    AnyV6,
    /// All addresses: `::` without IPV6_V6ONLY.
    Any,
}

impl Cover {
    /// What a binding to `address` covers. `v6_only` says of an IPv6 socket that it has nothing to do with IPv4.
    #[must_use]
    pub fn new(address: IpAddr, v6_only: bool) -> Self {
        // ::ffff:0.0.0.0 is all of IPv4, `::` more than that.
        match address.to_canonical() {
            IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Self::AnyV4,
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(Ipv6Addr::UNSPECIFIED) if v6_only => Self::AnyV6,
            IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Self::Any,
            IpAddr::V6(address) => Self::V6(address),
        }
    }

    /// Just this address.
    #[must_use]
    pub fn only(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => Self::V6(address),
        }
    }

    /// The address, if it is one.
    #[must_use]
    pub fn address(self) -> Option<IpAddr> {
        match self {
            Self::V4(address) => Some(address.into()),
            Self::V6(address) => Some(address.into()),
            Self::AnyV4 | Self::AnyV6 | Self::Any => None,
        }
    }

    /// Whether a packet to `address` is for it.
    #[must_use]
    pub fn contains(self, address: IpAddr) -> bool {
        self.overlaps(Self::only(address))
    }

    /// Whether there is an address that both cover.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        match (self, other) {
            (Self::V4(one), Self::V4(other)) => one == other,
            (Self::V6(one), Self::V6(other)) => one == other,
            (Self::Any, _) | (_, Self::Any) => true,
            (Self::V4(_) | Self::AnyV4, Self::V4(_) | Self::AnyV4) => true,
            (Self::V6(_) | Self::AnyV6, Self::V6(_) | Self::AnyV6) => true,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cover(text: &str, v6_only: bool) -> Cover {
        Cover::new(text.parse().unwrap(), v6_only)
    }

    #[test]
    fn bindings_meet_where_there_is_an_address_for_both() {
        let all = [
            cover("10.0.0.1", false),
            cover("0.0.0.0", false),
            cover("2001:db8::1", false),
            cover("::", true),
            cover("::", false),
        ];
        // A row for each: which of the five it meets.
        let expected = ["11..1", "11..1", "..111", "..111", "11111"];
        for (one, row) in all.iter().zip(expected) {
            let met: String = all.iter().map(|other| if one.overlaps(*other) { '1' } else { '.' }).collect();
            assert_eq!(met, row, "{one:?}");
        }
        assert!(!cover("10.0.0.1", false).overlaps(cover("10.0.0.2", false)));
        assert!(!cover("::1", false).overlaps(cover("::2", false)));
        assert_eq!(cover("::ffff:10.0.0.1", false), cover("10.0.0.1", false));
        assert_eq!(cover("::ffff:0.0.0.0", false), Cover::AnyV4);
        assert!(cover("::", false).contains("1.2.3.4".parse().unwrap()));
        assert!(!cover("::", true).contains("1.2.3.4".parse().unwrap()));
    }
}
