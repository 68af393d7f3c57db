//! `struct sockaddr_in` and `struct sockaddr_in6`.

use linux_raw_sys::net::{AF_INET, AF_INET6, AF_UNSPEC};
use net_stack::{
    address::{Endpoint, IpAddr, Ipv4Addr, Ipv6Addr},
    datagram::Version,
    net::InterfaceId,
};

use crate::error::{Errno, Error, Result};

/// `sizeof(struct sockaddr_in)`.
const LENGTH_V4: usize = 16;
/// `sizeof(struct sockaddr_in6)`.
const LENGTH_V6: usize = 28;
/// What it was before RFC 2553 added the scope: shorter ones are refused (SIN6_LEN_RFC2133).
const LENGTH_V6_MIN: usize = 24;

/// An address with a port, and the interface that a link-local address is of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InternetAddress {
    /// The address, never an IPv4-mapped one, and the port.
    pub endpoint: Endpoint,
    /// `sin6_scope_id`
    pub scope: Option<InterfaceId>,
    /// Whether it was written as an IPv4-mapped address.
    pub mapped: bool,
}

/// The family that the bytes name.
#[must_use]
pub fn family(bytes: &[u8]) -> Option<u32> {
    let family = bytes.first_chunk::<2>()?;
    Some(u16::from_ne_bytes(*family).into())
}

/// Whether the bytes name no address at all: connect(2) to it takes the peer away.
#[must_use]
pub fn is_unspecific(bytes: &[u8]) -> bool {
    family(bytes) == Some(AF_UNSPEC)
}

/// Reads an address that a socket of that version is given. `unspecific` says that AF_UNSPEC with the address 0.0.0.0 is as
/// good as AF_INET, as bind(2) and sendto(2) have it.
///
/// # Errors
/// EINVAL where it is too short, EAFNOSUPPORT where it is of another family.
pub fn parse(version: Version, bytes: &[u8], unspecific: bool) -> Result<InternetAddress> {
    match version {
        Version::V4 => parse_v4(bytes, unspecific),
        Version::V6 => parse_v6(bytes),
    }
}

fn port(bytes: &[u8]) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?))
}

fn parse_v4(bytes: &[u8], unspecific: bool) -> Result<InternetAddress> {
    let (Some(port), Some(address)) = (port(bytes), bytes.get(4..8).and_then(|it| it.first_chunk::<4>()))
    else {
        return Err(SHORT);
    };
    if bytes.len() < LENGTH_V4 {
        return Err(SHORT);
    }
    let address = Ipv4Addr::from(*address);
    match family(bytes) {
        Some(AF_INET) => {}
        Some(AF_UNSPEC) if unspecific && address.is_unspecified() => {}
        _ => return Err(Error::new(Errno::EAFNOSUPPORT, "the address is of another family")),
    }
    Ok(InternetAddress { endpoint: Endpoint::new(address, port), scope: None, mapped: false })
}

fn parse_v6(bytes: &[u8]) -> Result<InternetAddress> {
    let (Some(port), Some(address)) = (port(bytes), bytes.get(8..24).and_then(|it| it.first_chunk::<16>()))
    else {
        return Err(SHORT);
    };
    if bytes.len() < LENGTH_V6_MIN {
        return Err(SHORT);
    }
    if family(bytes) != Some(AF_INET6) {
        return Err(Error::new(Errno::EAFNOSUPPORT, "the address is of another family"));
    }
    let address = Ipv6Addr::from(*address);
    let scope = bytes.get(24..LENGTH_V6).and_then(|it| it.first_chunk::<4>());
    let scope = scope.and_then(|scope| InterfaceId::new(u32::from_ne_bytes(*scope)));
    let mapped = address.to_ipv4_mapped().is_some();
    let scope = scope.filter(|_| address.is_unicast_link_local() || address.is_multicast());
    Ok(InternetAddress { endpoint: Endpoint::new(address, port), scope, mapped })
}

const SHORT: Error = Error::new(Errno::EINVAL, "shorter than an address of the family");

/// An address as a program gets it.
#[derive(Clone, Copy, Debug)]
pub struct Shown {
    bytes: [u8; LENGTH_V6],
    length: usize,
}

impl Shown {
    /// An address of another family, no longer than those of IPv6.
    pub(crate) fn of<const N: usize>(address: [u8; N]) -> Self {
        const { assert!(N <= LENGTH_V6) };
        let mut bytes = [0; LENGTH_V6];
        bytes[..N].copy_from_slice(&address);
        Self { bytes, length: N }
    }

    /// An address for a socket of that version: one of IPv6 sees IPv4-mapped addresses.
    #[must_use]
    pub fn new(version: Version, endpoint: Endpoint, scope: Option<InterfaceId>) -> Self {
        let mut bytes = [0; LENGTH_V6];
        bytes[2..4].copy_from_slice(&endpoint.port.to_be_bytes());
        let length = match (version, endpoint.address) {
            (Version::V4, address) => {
                bytes[..2].copy_from_slice(&(AF_INET as u16).to_ne_bytes());
                if let IpAddr::V4(address) = address {
                    bytes[4..8].copy_from_slice(&address.octets());
                }
                LENGTH_V4
            }
            (Version::V6, address) => {
                bytes[..2].copy_from_slice(&(AF_INET6 as u16).to_ne_bytes());
                let octets = match address {
                    IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
                    IpAddr::V6(address) => address.octets(),
                };
                bytes[8..24].copy_from_slice(&octets);
                let local = matches!(address, IpAddr::V6(address) if address.is_unicast_link_local());
                if let Some(scope) = scope.filter(|_| local) {
                    bytes[24..].copy_from_slice(&scope.get().to_ne_bytes());
                }
                LENGTH_V6
            }
        };
        Self { bytes, length }
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_read_again() {
        for (version, address) in [
            (Version::V4, "127.0.0.1:80"),
            (Version::V4, "0.0.0.0:0"),
            (Version::V6, "[::1]:65535"),
            (Version::V6, "10.0.0.1:5"),
        ] {
            let endpoint: core::net::SocketAddr = address.parse().unwrap();
            let endpoint = Endpoint::new(endpoint.ip(), endpoint.port());
            let shown = Shown::new(version, endpoint, None);
            let read = parse(version, shown.bytes(), false).unwrap();
            assert_eq!(read.endpoint, endpoint, "{address}");
            assert_eq!(read.mapped, version == Version::V6 && endpoint.address.is_ipv4());
        }
    }

    #[test]
    fn what_is_no_address_is_refused_as_on_linux() {
        let errno = |version, bytes: &[u8], unspecific| parse(version, bytes, unspecific).unwrap_err().errno;
        let v4 = Shown::new(Version::V4, Endpoint::new(Ipv4Addr::LOCALHOST, 1), None);
        let v6 = Shown::new(Version::V6, Endpoint::new(Ipv6Addr::LOCALHOST, 1), None);
        for length in 0..16 {
            assert_eq!(errno(Version::V4, &v4.bytes()[..length], false), Errno::EINVAL);
        }
        for length in 0..24 {
            assert_eq!(errno(Version::V6, &v6.bytes()[..length], false), Errno::EINVAL);
        }
        assert!(parse(Version::V6, &v6.bytes()[..24], false).is_ok(), "without a scope");
        assert_eq!(errno(Version::V4, v6.bytes(), false), Errno::EAFNOSUPPORT);
        assert_eq!(errno(Version::V6, &[v4.bytes(), &[0; 12]].concat(), false), Errno::EAFNOSUPPORT);
        assert!(parse(Version::V4, &[0; 16], true).is_ok());
        assert_eq!(errno(Version::V4, &[0; 16], false), Errno::EAFNOSUPPORT);
        let mut somewhere = [0; 16];
        somewhere[4] = 1;
        assert_eq!(errno(Version::V4, &somewhere, true), Errno::EAFNOSUPPORT);
    }

    #[test]
    fn a_scope_is_a_link_local_addresss() {
        let address: Ipv6Addr = "fe80::1".parse().unwrap();
        let scope = InterfaceId::new(3);
        let shown = Shown::new(Version::V6, Endpoint::new(address, 1), scope);
        assert_eq!(parse(Version::V6, shown.bytes(), false).unwrap().scope, scope);
        let shown = Shown::new(Version::V6, Endpoint::new(Ipv6Addr::LOCALHOST, 1), scope);
        assert_eq!(parse(Version::V6, shown.bytes(), false).unwrap().scope, None);
    }
}
