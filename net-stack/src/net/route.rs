//! Routes: which way to an address.

use alloc::{collections::BTreeMap, vec::Vec};

use super::InterfaceId;
use crate::address::{IpAddr, Prefix, width};

/// What a route says of the addresses it leads to (`RTN_UNICAST` and others of rtnetlink(7)).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Action {
    /// They are reached over the interface.
    #[default]
    Pass,
    /// Packets are lost without a word.
    Blackhole,
    /// Nobody is there.
    Unreachable,
    /// They must not be reached.
    Prohibit,
}

/// Who made a route (`rtm_protocol` of rtnetlink(7)).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Origin(pub u8);

impl Origin {
    /// It comes with an address of the interface (RTPROT_KERNEL).
    pub const ADDRESS: Self = Self(2);
    /// It was given when the system started (RTPROT_BOOT).
    pub const BOOT: Self = Self(3);
    /// A router advertised it (RTPROT_RA).
    pub const ROUTER: Self = Self(9);
    /// It came with a lease (RTPROT_DHCP).
    pub const DHCP: Self = Self(16);
}

/// A way to the addresses of a prefix.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Route {
    /// Where it leads.
    pub destination: Prefix,
    /// Among routes to the same prefix the least counts.
    pub metric: u32,
    /// Where packets go out.
    pub interface: InterfaceId,
    /// The router; `None` where the destination is on the link.
    pub gateway: Option<IpAddr>,
    /// The address that packets are sent from where the sender has not chosen one.
    pub source: Option<IpAddr>,
    /// What becomes of packets.
    pub action: Action,
    /// Who made it.
    pub origin: Origin,
}

impl Route {
    /// The way to what is on the interface's link.
    #[must_use]
    pub const fn on_link(destination: Prefix, interface: InterfaceId) -> Self {
        let (gateway, source) = (None, None);
        Self {
            destination,
            metric: 0,
            interface,
            gateway,
            source,
            action: Action::Pass,
            origin: Origin::ADDRESS,
        }
    }
}

/// Routes by version, prefix length, prefix, metric. A look-up takes one step for each *length* that occurs, not for each
/// route.
#[derive(Default)]
pub struct Routes {
    routes: BTreeMap<Key, Route>,
    /// How many routes there are of each length, of IPv4 and of IPv6.
    lengths: [BTreeMap<u8, usize>; 2],
}

type Key = (Prefix, u32, InterfaceId);

impl Routes {
    fn key(route: &Route) -> Key {
        (route.destination, route.metric, route.interface)
    }

    /// Adds a route; whether it was not there yet (with this prefix, metric and interface).
    pub fn add(&mut self, route: Route) -> bool {
        if self.routes.contains_key(&Self::key(&route)) {
            return false;
        }
        self.routes.insert(Self::key(&route), route);
        *self.lengths_mut(route.destination).entry(route.destination.length()).or_default() += 1;
        true
    }

    /// The route with the same prefix, metric and interface, if there is one.
    #[must_use]
    pub fn like(&self, route: &Route) -> Option<&Route> {
        self.routes.get(&Self::key(route))
    }

    /// Removes the route with the same prefix, metric and interface, if there is one.
    pub fn remove(&mut self, route: &Route) -> Option<Route> {
        let removed = self.routes.remove(&Self::key(route))?;
        let length = route.destination.length();
        let lengths = self.lengths_mut(route.destination);
        if let Some(count) = lengths.get_mut(&length) {
            *count -= 1;
            if *count == 0 {
                lengths.remove(&length);
            }
        }
        Some(removed)
    }

    fn lengths_mut(&mut self, prefix: Prefix) -> &mut BTreeMap<u8, usize> {
        &mut self.lengths[usize::from(prefix.address().is_ipv6())]
    }

    /// The best way to `address` that `allowed` admits: the longest prefix, then the least metric.
    pub fn find(&self, address: IpAddr, allowed: impl Fn(&Route) -> bool) -> Option<&Route> {
        let lengths = &self.lengths[usize::from(address.is_ipv6())];
        debug_assert!(lengths.keys().all(|length| *length <= width(address)));
        lengths.keys().rev().find_map(|length| {
            let prefix = Prefix::new(address, *length);
            let least = (prefix, 0, InterfaceId::LOOPBACK);
            let same = self.routes.range(least..).take_while(|(key, _)| key.0 == prefix);
            same.map(|(_, route)| route).find(|route| allowed(route))
        })
    }

    /// All routes, by prefix and metric.
    pub fn iter(&self) -> impl Iterator<Item = &Route> {
        self.routes.values()
    }

    /// Removes all routes for which `gone` holds, and says which they were.
    pub fn remove_where(&mut self, gone: impl Fn(&Route) -> bool) -> Vec<Route> {
        let routes: Vec<_> = self.iter().filter(|route| gone(route)).copied().collect();
        for route in &routes {
            self.remove(route);
        }
        routes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(prefix: &str, metric: u32, interface: u32) -> Route {
        let (address, length) = prefix.split_once('/').unwrap();
        let destination = Prefix::new(address.parse::<IpAddr>().unwrap(), length.parse().unwrap());
        let interface = InterfaceId::new(interface).unwrap();
        Route { metric, ..Route::on_link(destination, interface) }
    }

    #[test]
    fn the_longest_prefix_wins_then_the_least_metric() {
        let mut routes = Routes::default();
        for route in [
            route("0.0.0.0/0", 100, 2),
            route("0.0.0.0/0", 50, 3),
            route("10.0.0.0/8", 0, 4),
            route("10.1.0.0/16", 7, 5),
            route("10.1.0.0/16", 7, 6),
            route("10.1.2.3/32", 900, 7),
            route("2001:db8::/32", 1, 8),
            route("::/0", 1, 9),
        ] {
            assert!(routes.add(route));
            assert!(!routes.add(route));
        }
        let way = |routes: &Routes, address: &str| {
            routes.find(address.parse().unwrap(), |_| true).map(|route| route.interface.get())
        };
        for (address, interface) in [
            ("8.8.8.8", 3),
            ("10.9.9.9", 4),
            ("10.1.9.9", 5),
            ("10.1.2.3", 7),
            ("2001:db8::1", 8),
            ("::2", 9),
        ] {
            assert_eq!(way(&routes, address), Some(interface), "{address}");
        }
        let only_6 = |route: &Route| route.interface.get() == 6;
        assert_eq!(routes.find("10.1.2.3".parse().unwrap(), only_6).unwrap().metric, 7);
        assert!(routes.remove(&route("10.1.2.3/32", 900, 7)).is_some());
        assert!(routes.remove(&route("10.1.2.3/32", 900, 7)).is_none());
        assert_eq!(way(&routes, "10.1.2.3"), Some(5));
        routes.remove_where(|route| route.destination.address().is_ipv4());
        assert_eq!((way(&routes, "10.1.2.3"), routes.iter().count()), (None, 2));
    }
}
