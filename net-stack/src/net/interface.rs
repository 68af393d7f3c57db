//! An interface: a link with its addresses.

use alloc::{string::String, sync::Arc, vec::Vec};
use core::{
    num::NonZeroU32,
    sync::atomic::{AtomicU64, Ordering},
};

use crate::address::{IpAddr, Ipv4Addr, Ipv6Addr, Prefix, Scope, scope};

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

/// A device that is made of nothing but memory (`ip link add`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Virtual {
    /// What is sent is lost.
    Dummy,
    /// What is sent comes in at the other one (`veth(4)`).
    Pair(InterfaceId),
}

/// What went through an interface.
#[derive(Default, Debug)]
pub(crate) struct Statistics {
    received: Count,
    sent: Count,
}

/// Packets and their bytes.
#[derive(Default, Debug)]
struct Count {
    packets: AtomicU64,
    bytes: AtomicU64,
}

impl Count {
    fn add(&self, bytes: usize) {
        self.packets.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    fn get(&self) -> (u64, u64) {
        (self.packets.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed))
    }
}

impl Statistics {
    pub(crate) fn count_received(&self, bytes: usize) {
        self.received.add(bytes);
    }

    pub(crate) fn count_sent(&self, bytes: usize) {
        self.sent.add(bytes);
    }
}

/// Where an address may be spoken of (`ifa_scope` of rtnetlink(7)).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AddressScope(pub u8);

impl AddressScope {
    /// Everywhere (RT_SCOPE_UNIVERSE).
    pub const GLOBAL: Self = Self(0);
    /// On the link (RT_SCOPE_LINK).
    pub const LINK: Self = Self(253);
    /// On this host (RT_SCOPE_HOST).
    pub const HOST: Self = Self(254);
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
    /// Where it may be spoken of.
    pub scope: AddressScope,
    /// Whether it comes without a route to its network (IFA_F_NOPREFIXROUTE).
    pub no_route: bool,
    /// Whether it was said that nobody is asked whether another has it (IFA_F_NODAD): nobody is here.
    pub no_detection: bool,
}

impl Address {
    /// An address with the usual broadcast address.
    #[must_use]
    pub fn new(address: impl Into<IpAddr>, prefix_length: u8) -> Self {
        let address = address.into().to_canonical();
        let prefix = Prefix::new(address, prefix_length);
        let scope = match (address, scope(address)) {
            (_, Scope::Host) => AddressScope::HOST,
            // Of an address of IPv4, who gives it says that.
            (IpAddr::V6(_), Scope::Link) => AddressScope::LINK,
            _ => AddressScope::GLOBAL,
        };
        Self {
            address,
            prefix_length: prefix.length(),
            broadcast: prefix.broadcast(),
            scope,
            no_route: false,
            no_detection: false,
        }
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
    /// What device it is, if it is one that a program made.
    pub made: Option<Virtual>,
    /// Whether the device has somebody at the other end.
    pub carrier: bool,
    /// What went through it: [`Interface::received`], [`Interface::sent`].
    pub(crate) statistics: Arc<Statistics>,
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
            made: None,
            carrier: true,
            statistics: Arc::default(),
        }
    }

    /// Packets and bytes that came in.
    #[must_use]
    pub fn received(&self) -> (u64, u64) {
        self.statistics.received.get()
    }

    /// Packets and bytes that went out. What goes out of the loopback interface comes in, and is counted there.
    #[must_use]
    pub fn sent(&self) -> (u64, u64) {
        match self.kind {
            Kind::Loopback => self.received(),
            Kind::Ethernet { .. } | Kind::Point => self.statistics.sent.get(),
        }
    }

    /// The Ethernet address, if it has one.
    #[must_use]
    pub fn mac(&self) -> Option<[u8; 6]> {
        match self.kind {
            Kind::Ethernet { address } => Some(address),
            Kind::Loopback | Kind::Point => None,
        }
    }

    /// Its addresses of IPv4, the primary one first.
    pub fn ipv4(&self) -> impl Iterator<Item = (Ipv4Addr, &Address)> {
        self.addresses.iter().filter_map(|own| match own.address {
            IpAddr::V4(address) => Some((address, own)),
            IpAddr::V6(_) => None,
        })
    }

    /// Where a new address belongs: at the end, or before those of IPv6 that reach no farther, or those of IPv4 that reach
    /// farther, as on Linux (`ipv6_link_dev_addr`, `__inet_insert_ifa`).
    pub(super) fn place_of(&self, address: &Address) -> usize {
        let reach = scope(address.address);
        let v6 = address.address.is_ipv6();
        let before = |own: &Address| match own.address {
            IpAddr::V6(_) => v6 && scope(own.address) <= reach,
            IpAddr::V4(_) => !v6 && own.scope.0 < address.scope.0,
        };
        self.addresses.iter().position(before).unwrap_or(self.addresses.len())
    }

    /// Whether the address is its own.
    #[must_use]
    pub fn has(&self, address: IpAddr) -> bool {
        self.addresses.iter().any(|own| own.address == address)
    }
}

/// The address that an interface of Ethernet has on its link: RFC 4862, 5.3, with the identifier of RFC 2464, 4.
pub(crate) fn link_local(mac: [u8; 6]) -> Ipv6Addr {
    with_identifier(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), mac)
}

/// An address of a network of 64 bits, with the identifier of an interface of Ethernet.
pub(crate) fn with_identifier(prefix: Ipv6Addr, mac: [u8; 6]) -> Ipv6Addr {
    let [a, b, c, d, e, f] = mac;
    let mut octets = prefix.octets();
    octets[8..].copy_from_slice(&[a ^ 2, b, c, 0xff, 0xfe, d, e, f]);
    octets.into()
}
