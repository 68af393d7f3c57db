//! Addresses that somebody has written down.

use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
};
use core::{fmt, str::FromStr};

use super::{default_route, set_default_route};
use crate::{
    address::IpAddr,
    net::{AddError, Address, InterfaceId, Network, Origin},
    stack::Stack,
};

/// An address for an interface, with a router: `IFACE:ADDR/LEN[:GATEWAY]`. Addresses of IPv6 are in brackets, as in
/// `eth0:[fd00::2]/64:[fd00::1]`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StaticAddress {
    /// The interface's name.
    pub interface: String,
    /// Its address.
    pub address: IpAddr,
    /// How many of its bits name the network.
    pub prefix_length: u8,
    /// Who passes on what is for others.
    pub gateway: Option<IpAddr>,
}

/// Why a text says no address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StaticAddressError {
    /// It has not the form.
    Form,
    /// The name of an interface has 1 to 15 bytes, none of them `/` or white (dev_valid_name of Linux).
    Interface,
    /// An address cannot be read, or no host can have it.
    Address,
    /// The prefix is longer than the address.
    Length,
    /// The router's address is of the other version, or not one host's.
    Gateway,
}

impl fmt::Display for StaticAddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Form => "not of the form IFACE:ADDR/LEN[:GATEWAY]",
            Self::Interface => "no name of an interface",
            Self::Address => "no address of a host",
            Self::Length => "no length of a prefix",
            Self::Gateway => "no address of a router",
        })
    }
}

impl core::error::Error for StaticAddressError {}

/// The address in front of `text`, and what follows it.
fn leading(text: &str, end: char) -> (Option<IpAddr>, &str) {
    if let Some(text) = text.strip_prefix('[') {
        let (address, rest) = text.split_once(']').unwrap_or((text, ""));
        let address = address.parse().ok().filter(IpAddr::is_ipv6);
        return (address, rest);
    }
    let (address, rest) = text.split_at(text.find(end).unwrap_or(text.len()));
    (address.parse().ok().filter(IpAddr::is_ipv4), rest)
}

fn is_host(address: IpAddr) -> bool {
    !address.is_multicast() && !address.is_unspecified() && address != IpAddr::from([255; 4])
}

impl FromStr for StaticAddress {
    type Err = StaticAddressError;

    fn from_str(text: &str) -> Result<Self, StaticAddressError> {
        use StaticAddressError as Error;
        let (interface, rest) = text.split_once(':').ok_or(Error::Form)?;
        let bad = |byte: u8| byte == b'/' || byte.is_ascii_whitespace();
        if !(1..16).contains(&interface.len())
            || matches!(interface, "." | "..")
            || interface.bytes().any(bad)
        {
            return Err(Error::Interface);
        }
        let (address, rest) = leading(rest, '/');
        let address = address.filter(|address| is_host(*address)).ok_or(Error::Address)?;
        let rest = rest.strip_prefix('/').ok_or(Error::Form)?;
        let (length, gateway) = match rest.split_once(':') {
            Some((length, gateway)) => (length, Some(gateway)),
            None => (rest, None),
        };
        let most = if address.is_ipv4() { 32 } else { 128 };
        // `parse` takes a sign.
        let digits = length.bytes().all(|byte| byte.is_ascii_digit());
        let prefix_length = length.parse::<u8>().ok().filter(|length| digits && *length <= most);
        let prefix_length = prefix_length.ok_or(Error::Length)?;
        let gateway = match gateway.map(|gateway| leading(gateway, ':')) {
            None => None,
            Some((Some(gateway), "")) if gateway.is_ipv4() == address.is_ipv4() && is_host(gateway) => {
                Some(gateway)
            }
            Some(_) => return Err(Error::Gateway),
        };
        Ok(Self { interface: interface.to_owned(), address, prefix_length, gateway })
    }
}

impl fmt::Display for StaticAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |address: IpAddr| match address {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => alloc::format!("[{address}]"),
        };
        write!(f, "{}:{}/{}", self.interface, shown(self.address), self.prefix_length)?;
        self.gateway.map_or(Ok(()), |gateway| write!(f, ":{}", shown(gateway)))
    }
}

impl StaticAddress {
    /// Gives the interface the address, and the default route.
    ///
    /// # Errors
    /// [`AddError`]: no such interface, or it has the address already.
    pub fn apply(&self, stack: &Stack) -> Result<InterfaceId, AddError> {
        stack.configure(|network: &mut Network| {
            let interface = network.find_interface(&self.interface).ok_or(AddError::NoInterface)?.id;
            network.add_address(interface, Address::new(self.address, self.prefix_length))?;
            if let Some(gateway) = self.gateway {
                set_default_route(network, default_route(interface, gateway, 0, Origin::BOOT));
            }
            Ok(interface)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{net::Kind, random::Secret};

    #[test]
    fn what_is_written_is_read() {
        for text in
            ["eth0:10.0.2.15/24:10.0.2.2", "lo:10.1.2.3/32", "eth0:[fd00::2]/64:[fd00::1]", "e:[::2]/0"]
        {
            assert_eq!(text.parse::<StaticAddress>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn nonsense_is_refused() {
        use StaticAddressError as Error;
        for (text, error) in [
            ("", Error::Form),
            ("eth0", Error::Form),
            (":10.0.0.1/8", Error::Interface),
            ("a/b:10.0.0.1/8", Error::Interface),
            ("sixteen_letters_:10.0.0.1/8", Error::Interface),
            ("eth0:10.0.0.1", Error::Form),
            ("eth0:10.0.0/8", Error::Address),
            ("eth0:0.0.0.0/8", Error::Address),
            ("eth0:224.0.0.1/8", Error::Address),
            ("eth0:255.255.255.255/8", Error::Address),
            ("eth0:fd00::1/64", Error::Address),
            ("eth0:[fd00::1/64", Error::Address),
            ("eth0:[10.0.0.1]/8", Error::Address),
            ("eth0:10.0.0.1/33", Error::Length),
            ("eth0:10.0.0.1/+8", Error::Length),
            ("eth0:10.0.0.1/", Error::Length),
            ("eth0:[fd00::1]/129", Error::Length),
            ("eth0:10.0.0.1/8:", Error::Gateway),
            ("eth0:10.0.0.1/8:[fd00::1]", Error::Gateway),
            ("eth0:10.0.0.1/8:10.0.0.2:x", Error::Gateway),
            ("eth0:10.0.0.1/8:224.0.0.1", Error::Gateway),
        ] {
            assert_eq!(text.parse::<StaticAddress>(), Err(error), "{text}");
        }
    }

    #[test]
    fn an_address_comes_with_its_routes() {
        let stack = Stack::new(Secret::new([1, 2]));
        let wanted: StaticAddress = "eth0:10.0.2.15/24:10.0.2.2".parse().unwrap();
        assert_eq!(wanted.apply(&stack), Err(AddError::NoInterface));
        let kind = Kind::Ethernet { address: [2, 0, 0, 0, 0, 1] };
        let id = stack.configure(|network| network.add_interface("eth0", kind, 1500)).unwrap();
        assert_eq!(wanted.apply(&stack), Ok(id));
        assert_eq!(wanted.apply(&stack), Err(AddError::Exists));
        let path = |to: &str| stack.network(|network| network.path(to.parse().unwrap(), None, None)).unwrap();
        assert_eq!(path("192.0.2.1").next_hop, "10.0.2.2".parse::<IpAddr>().unwrap());
        assert_eq!(path("10.0.2.7").next_hop, "10.0.2.7".parse::<IpAddr>().unwrap());
        assert_eq!(path("192.0.2.1").source, wanted.address);
    }
}
