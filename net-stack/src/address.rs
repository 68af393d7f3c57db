//! Addresses, endpoints, prefixes.
//!
//! Inside of this crate an IPv4-mapped IPv6 address (RFC 4291, 2.5.5.2) is the IPv4 address that it stands for: packets
//! know no other. Whether a program sees the one or the other form is the socket layer's affair.

use core::fmt;
pub use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address with a port. The port 0 stands for none.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// The address, never an IPv4-mapped one.
    pub address: IpAddr,
    /// The port.
    pub port: u16,
}

impl Endpoint {
    /// An address with a port.
    #[must_use]
    pub fn new(address: impl Into<IpAddr>, port: u16) -> Self {
        Self { address: address.into().to_canonical(), port }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", core::net::SocketAddr::new(self.address, self.port))
    }
}

/// The addresses that begin with the same bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix {
    address: IpAddr,
    length: u8,
}

impl Prefix {
    /// The addresses that have the first `length` bits in common with `address`; a length that is too great is the
    /// greatest there is.
    #[must_use]
    pub fn new(address: impl Into<IpAddr>, length: u8) -> Self {
        let address = address.into().to_canonical();
        let length = length.min(width(address));
        Self { address: mask(address, length), length }
    }

    /// All addresses of the same version as `like`.
    #[must_use]
    pub fn all(like: IpAddr) -> Self {
        Self::new(like, 0)
    }

    /// The first of the addresses.
    #[must_use]
    pub fn address(self) -> IpAddr {
        self.address
    }

    /// How many bits the addresses have in common.
    #[must_use]
    pub fn length(self) -> u8 {
        self.length
    }

    /// The bits that the addresses have in common, all set: what `netdevice(7)` calls a netmask. `None` in IPv6, which has
    /// lengths alone.
    #[must_use]
    pub fn netmask(self) -> Option<Ipv4Addr> {
        match mask(Ipv4Addr::BROADCAST.into(), self.length) {
            IpAddr::V4(netmask) if self.address.is_ipv4() => Some(netmask),
            _ => None,
        }
    }

    /// Whether the address is among them.
    #[must_use]
    pub fn contains(self, address: IpAddr) -> bool {
        self.address.is_ipv4() == address.is_ipv4() && mask(address, self.length) == self.address
    }

    /// The last of the addresses: in IPv4, the one to which all hosts of a network listen (RFC 919). `None` where there is
    /// no such address: in IPv6, and in networks of one or two hosts (RFC 3021).
    #[must_use]
    pub fn broadcast(self) -> Option<Ipv4Addr> {
        match self.address {
            IpAddr::V4(address) if self.length < 31 => {
                Some(Ipv4Addr::from_bits(address.to_bits() | u32::MAX >> self.length))
            }
            _ => None,
        }
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.address, self.length)
    }
}

/// How many bits such an address has.
pub(crate) fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn mask(address: IpAddr, length: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
            Ipv4Addr::from_bits(address.to_bits() & mask).into()
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
            Ipv6Addr::from_bits(address.to_bits() & mask).into()
        }
    }
}

/// How many bits from the front on two addresses have in common.
pub(crate) fn common_bits(one: IpAddr, other: IpAddr) -> u8 {
    match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => (one.to_bits() ^ other.to_bits()).leading_zeros() as u8,
        (IpAddr::V6(one), IpAddr::V6(other)) => (one.to_bits() ^ other.to_bits()).leading_zeros() as u8,
        _ => 0,
    }
}

/// How far an address reaches: RFC 4007 for IPv6, RFC 6724, 3.2 for IPv4.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Scope {
    /// This host only.
    Host,
    /// One link: the address says nothing without an interface.
    Link,
    /// Everywhere that routes lead.
    Global,
}

/// How far an address reaches.
#[must_use]
pub fn scope(address: IpAddr) -> Scope {
    let (host, link) = match address {
        IpAddr::V4(address) => {
            let link = address.is_link_local() || address.octets()[..3] == [224, 0, 0];
            (address.is_loopback(), link)
        }
        // A multicast address has its scope in it: RFC 4291, 2.7.
        IpAddr::V6(address) if address.is_multicast() => {
            let scope = address.octets()[1] & 0xf;
            (scope == 1, scope == 2)
        }
        IpAddr::V6(address) => (address.is_loopback(), address.is_unicast_link_local()),
    };
    match (host, link) {
        (true, _) => Scope::Host,
        (_, true) => Scope::Link,
        _ => Scope::Global,
    }
}

/// How many bits name the network of an address whose netmask nobody has told: those of its class (RFC 950). `None` where it is
/// of no class that hosts are of.
#[must_use]
pub fn class_length(address: Ipv4Addr) -> Option<u8> {
    match address.octets()[0] {
        0..=127 => Some(8),
        128..=191 => Some(16),
        192..=223 => Some(24),
        _ => None,
    }
}

/// The address that stands for none, in the version of `like`.
#[must_use]
pub fn unspecified(like: IpAddr) -> IpAddr {
    if like.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn prefixes_contain_what_begins_alike() {
        let net = Prefix::new(ip("10.1.2.3"), 20);
        assert_eq!(format!("{net:?}"), "10.1.0.0/20");
        assert!(net.contains(ip("10.1.15.255")) && !net.contains(ip("10.1.16.0")));
        assert_eq!(net.broadcast(), Some(Ipv4Addr::new(10, 1, 15, 255)));
        assert_eq!(net.netmask(), Some(Ipv4Addr::new(255, 255, 240, 0)));
        assert_eq!(Prefix::all(ip("1.2.3.4")).netmask(), Some(Ipv4Addr::UNSPECIFIED));
        assert_eq!(Prefix::new(ip("fe80::1"), 8).netmask(), None);
        assert!(Prefix::all(ip("1.2.3.4")).contains(ip("255.255.255.255")));
        assert!(!Prefix::all(ip("1.2.3.4")).contains(ip("::")));
        assert!(Prefix::new(ip("fe80::1"), 64).contains(ip("fe80::ffff:1:2:3")));
        assert_eq!(Prefix::new(ip("10.0.0.1"), 31).broadcast(), None);
        assert_eq!(Prefix::new(ip("10.0.0.1"), 200).length(), 32);
    }

    #[test]
    fn mapped_addresses_are_ipv4() {
        assert_eq!(Endpoint::new(ip("::ffff:1.2.3.4"), 5), Endpoint::new(ip("1.2.3.4"), 5));
        assert_eq!(Prefix::new(ip("::ffff:1.2.3.4"), 8), Prefix::new(ip("1.0.0.0"), 8));
    }

    #[test]
    fn scopes() {
        for (address, expected) in [
            ("127.9.9.9", Scope::Host),
            ("::1", Scope::Host),
            ("ff01::1", Scope::Host),
            ("169.254.1.1", Scope::Link),
            ("224.0.0.251", Scope::Link),
            ("fe80::1", Scope::Link),
            ("ff02::fb", Scope::Link),
            ("10.0.0.1", Scope::Global),
            ("fd00::1", Scope::Global),
            ("ff0e::1", Scope::Global),
        ] {
            assert_eq!(scope(ip(address)), expected, "{address}");
        }
    }
}
