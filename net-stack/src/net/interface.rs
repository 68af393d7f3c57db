//! An interface: a link with its addresses.

use alloc::{string::String, vec::Vec};
use core::num::NonZeroU32;

use crate::address::{IpAddr, Ipv4Addr, Prefix};

/// The index of an interface, as if_nametoindex(3) gives it. The loopback interface is 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct InterfaceId(NonZeroU32);

impl InterfaceId {
    /// The loopback interface.
    pub const LOOPBACK: Self = Self(NonZeroU32::MIN);

    /// An interface by its index; 0 is none.
    #[must_use]
    pub const fn new(index: u32) -> Option<Self> {
        match NonZeroU32::new(index) {
            Some(index) => Some(Self(index)),
            None => None,
        }
    }

    /// The index.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0.get()
    }
}

/// What is behind an interface.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// This host: what is sent comes back.
    Loopback,
    /// Ethernet: neighbours have to be found.
    Ethernet {
        /// Its own address there.
        address: [u8; 6],
    },
    /// A line with one other end: packets are sent as they are.
    Point,
}

/// An address of an interface.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Address {
    /// The address.
    pub address: IpAddr,
    /// How many of its bits name the network on the link.
    pub prefix_length: u8,
    /// The address to which all hosts of that network listen, if there is one.
    pub broadcast: Option<Ipv4Addr>,
}

impl Address {
    /// An address with the usual broadcast address.
    #[must_use]
    pub fn new(address: impl Into<IpAddr>, prefix_length: u8) -> Self {
        let address = address.into().to_canonical();
        let prefix = Prefix::new(address, prefix_length);
        Self { address, prefix_length: prefix.length(), broadcast: prefix.broadcast() }
    }

    /// The network on the link.
    #[must_use]
    pub fn network(&self) -> Prefix {
        Prefix::new(self.address, self.prefix_length)
    }
}

/// An interface.
#[derive(Clone, Debug)]
pub struct Interface {
    /// Its index.
    pub id: InterfaceId,
    /// Its name, such as `eth0`.
    pub name: String,
    /// What is behind it.
    pub kind: Kind,
    /// The length of the longest IP packet, in bytes.
    pub mtu: u32,
    /// Whether it is in use: nothing is sent or received on one that is not.
    pub up: bool,
    /// Its addresses, the primary one first.
    pub addresses: Vec<Address>,
}

impl Interface {
    pub(super) fn loopback() -> Self {
        Self {
            id: InterfaceId::LOOPBACK,
            name: String::from("lo"),
            kind: Kind::Loopback,
            // As Linux has it: a TCP segment of 64 KiB fits.
            mtu: 65536,
            up: true,
            addresses: Vec::new(),
        }
    }

    /// Its addresses of IPv4, the primary one first.
    pub fn ipv4(&self) -> impl Iterator<Item = (Ipv4Addr, &Address)> {
        self.addresses.iter().filter_map(|own| match own.address {
            IpAddr::V4(address) => Some((address, own)),
            IpAddr::V6(_) => None,
        })
    }

    /// Whether the address is its own.
    #[must_use]
    pub fn has(&self, address: IpAddr) -> bool {
        self.addresses.iter().any(|own| own.address == address)
    }
}
