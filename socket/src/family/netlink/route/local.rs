//! Which addresses are this host's, as the routes of the table `local`: they follow from the addresses of interfaces.

use alloc::vec::Vec;

use net_stack::{
    address::{IpAddr, Ipv6Addr, Prefix},
    net::{Address, Interface, InterfaceId, Kind},
};

use super::{super::uapi::*, routes::Shown};

/// `rtm_protocol` of what comes with an address (RTPROT_KERNEL).
const KERNEL: u8 = 2;

/// The metric of routes to what is on a link (IP6_RT_PRIO_ADDRCONF).
const GROUP_METRIC: u32 = 256;

/// What an address of an interface makes this host's, in the order in which Linux tells of it.
pub(super) fn of_address(id: InterfaceId, address: &Address) -> impl Iterator<Item = Shown> + use<> {
    let one = |destination: Prefix, kind: u8, scope: u8, source: Option<IpAddr>| Shown {
        destination,
        kind,
        scope,
        table: TABLE_LOCAL,
        protocol: KERNEL,
        interface: Some(id),
        metric: None,
        gateway: None,
        source,
        flags: 0,
    };
    let own = address.address;
    let network = address.network();
    let mut all = [None; 3];
    match own {
        IpAddr::V4(_) => {
            let source = Some(own);
            all[0] = Some(one(Prefix::new(own, 32), RTN_LOCAL, SCOPE_HOST, source));
            // All of a network of the loopback interface is this host's.
            let whole = id == InterfaceId::LOOPBACK && network.length() < 32;
            all[1] = whole.then(|| one(network, RTN_LOCAL, SCOPE_HOST, source));
            let broadcast = match id {
                InterfaceId::LOOPBACK => network.broadcast(),
                _ => address.broadcast,
            };
            all[2] = broadcast.map(|to| one(Prefix::new(to, 32), RTN_BROADCAST, SCOPE_LINK, source));
        }
        IpAddr::V6(_) => {
            let shown = one(Prefix::new(own, 128), RTN_LOCAL, SCOPE_UNIVERSE, None);
            all[0] = Some(Shown { metric: Some(0), ..shown });
        }
    }
    all.into_iter().flatten()
}

/// Where groups of IPv6 are heard.
pub(super) fn groups(interface: &Interface) -> Option<Shown> {
    let hears = interface.up && matches!(interface.kind, Kind::Ethernet { .. });
    hears.then(|| Shown {
        destination: Prefix::new(Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8),
        kind: RTN_MULTICAST,
        scope: SCOPE_UNIVERSE,
        table: TABLE_LOCAL,
        protocol: KERNEL,
        interface: Some(interface.id),
        metric: Some(GROUP_METRIC),
        gateway: None,
        source: None,
        flags: 0,
    })
}

/// All that is this host's, of one version, by prefix as Linux shows it.
pub(super) fn all<'a>(interfaces: impl Iterator<Item = &'a Interface> + Clone, v6: bool) -> Vec<Shown> {
    let addresses = interfaces.clone().filter(|interface| interface.up || !v6).flat_map(|interface| {
        let of_version = interface.addresses.iter().filter(move |own| own.address.is_ipv6() == v6);
        of_version.flat_map(|address| of_address(interface.id, address))
    });
    let mut all: Vec<_> = addresses.chain(interfaces.filter(|_| v6).filter_map(groups)).collect();
    all.sort_by_key(|shown| (shown.destination.address(), shown.destination.length()));
    all
}
