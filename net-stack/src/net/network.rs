//! All interfaces with their routes, and what follows: which addresses are this host's.

use alloc::{collections::BTreeMap, string::String, sync::Arc, vec, vec::Vec};

use super::{
    Action, Address, Change, Interface, InterfaceId, Kind, Origin, Route, Routes, Virtual, link_local,
};
use crate::{
    address::{IpAddr, Ipv4Addr, Ipv6Addr},
    random::{Secret, Table, table},
};

/// The interfaces and routes of one system.
pub struct Network {
    interfaces: BTreeMap<InterfaceId, Interface>,
    routes: Routes,
    /// Whose address it is, for each address; 127/8 is the loopback interface's as a whole.
    local: Table<IpAddr, Vec<InterfaceId>>,
    /// What has changed and nobody was told of yet.
    changes: Vec<Change>,
}

/// Why an address or interface was not added.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AddError {
    /// It is there already.
    Exists,
    /// There is no such interface.
    NoInterface,
    /// No host can have such an address.
    NotUnicast,
}

impl Network {
    /// The loopback interface with its addresses, and nothing else.
    #[must_use]
    pub fn new(secret: &Secret) -> Self {
        let mut network = Self {
            interfaces: BTreeMap::new(),
            routes: Routes::default(),
            local: table(secret),
            changes: vec![],
        };
        network.interfaces.insert(InterfaceId::LOOPBACK, Interface::loopback());
        // Without a broadcast address, as Linux has it: that of this network is known to all who ask.
        let own = Address { broadcast: None, ..Address::new(Ipv4Addr::LOCALHOST, 8) };
        for address in [own, Address::new(Ipv6Addr::LOCALHOST, 128)] {
            let added = network.add_address(InterfaceId::LOOPBACK, address);
            debug_assert_eq!(added, Ok(()));
        }
        // Nobody can have asked yet.
        network.changes.clear();
        network
    }

    /// Adds an interface that is up and has no address.
    ///
    /// # Errors
    /// [`AddError::Exists`] where the name is taken.
    pub fn add_interface(&mut self, name: &str, kind: Kind, mtu: u32) -> Result<InterfaceId, AddError> {
        self.insert(name, kind, mtu, None)
    }

    fn insert(
        &mut self,
        name: &str,
        kind: Kind,
        mtu: u32,
        made: Option<Virtual>,
    ) -> Result<InterfaceId, AddError> {
        if self.find_interface(name).is_some() {
            return Err(AddError::Exists);
        }
        let last = self.interfaces.keys().next_back().map_or(0, |id| id.get());
        let id = last.checked_add(1).and_then(InterfaceId::new).ok_or(AddError::Exists)?;
        // A device of the machine is in use from the start, one that a program makes when the program says so.
        let (up, carrier) = (made.is_none(), !matches!(made, Some(Virtual::Pair(_))));
        let (name, addresses, statistics) = (String::from(name), Vec::new(), Arc::default());
        let interface = Interface { id, name, kind, mtu, up, addresses, made, carrier, statistics };
        self.changes.push(Change::Link(interface.clone()));
        self.interfaces.insert(id, interface);
        Ok(id)
    }

    /// Adds a device that loses what is sent. It is down.
    ///
    /// # Errors
    /// [`AddError::Exists`] where the name is taken.
    pub fn add_dummy(&mut self, name: &str, address: [u8; 6]) -> Result<InterfaceId, AddError> {
        self.insert(name, Kind::Ethernet { address }, VIRTUAL_MTU, Some(Virtual::Dummy))
    }

    /// Adds two devices at the ends of one line. They are down; the first is the one with the higher index, as on Linux.
    ///
    /// # Errors
    /// [`AddError::Exists`] where one of the names is taken.
    pub fn add_pair(&mut self, names: [&str; 2], addresses: [[u8; 6]; 2]) -> Result<InterfaceId, AddError> {
        let [name, peer_name] = names;
        if name == peer_name || self.find_interface(name).is_some() {
            return Err(AddError::Exists);
        }
        let [kind, peer_kind] = addresses.map(|address| Kind::Ethernet { address });
        // Of the peer it is known when there is one.
        let peer = self.insert(peer_name, peer_kind, VIRTUAL_MTU, Some(Virtual::Dummy))?;
        let id = self.insert(name, kind, VIRTUAL_MTU, Some(Virtual::Pair(peer)))?;
        if let Some(peer) = self.interfaces.get_mut(&peer) {
            (peer.made, peer.carrier) = (Some(Virtual::Pair(id)), false);
        }
        Ok(id)
    }

    /// Removes an interface that a program made, with its peer, its addresses and its routes.
    pub fn remove_interface(&mut self, id: InterfaceId) -> Vec<InterfaceId> {
        let Some(made) = self.interface(id).and_then(|interface| interface.made) else { return Vec::new() };
        let all = match made {
            Virtual::Dummy => vec![id],
            Virtual::Pair(peer) => vec![id, peer],
        };
        for id in &all {
            self.set_up(*id, false);
            for address in self.addresses(*id) {
                self.remove_address(*id, address.address);
            }
            self.drop_routes(*id);
        }
        for id in &all {
            self.changes.extend(self.interfaces.remove(id).map(Change::LinkGone));
        }
        all
    }

    /// What has changed since this was last asked for.
    pub(crate) fn take_changes(&mut self) -> Vec<Change> {
        core::mem::take(&mut self.changes)
    }

    /// An interface.
    #[must_use]
    pub fn interface(&self, id: InterfaceId) -> Option<&Interface> {
        self.interfaces.get(&id)
    }

    /// An interface by its name.
    #[must_use]
    pub fn find_interface(&self, name: &str) -> Option<&Interface> {
        self.interfaces().find(|interface| interface.name == name)
    }

    /// All interfaces, by index.
    pub fn interfaces(&self) -> impl Iterator<Item = &Interface> + Clone {
        self.interfaces.values()
    }

    /// Takes an interface into use or out of it. Its routes over routers are lost when it goes down, and its addresses of
    /// IPv6, as on Linux.
    pub fn set_up(&mut self, id: InterfaceId, up: bool) {
        let Some(interface) = self.interfaces.get_mut(&id).filter(|interface| interface.up != up) else {
            return;
        };
        interface.up = up;
        let (changed, kind, made) = (interface.clone(), interface.kind, interface.made);
        self.changes.push(Change::Link(changed));
        if up {
            self.addresses(id).into_iter().for_each(|address| self.add_link_route(id, address));
            let own = match kind {
                Kind::Loopback => Some(Address::new(Ipv6Addr::LOCALHOST, 128)),
                Kind::Ethernet { address } => Some(Address::new(link_local(address), 64)),
                Kind::Point => None,
            };
            if let Some(own) = own {
                // It may be there already.
                let _ = self.add_address(id, own);
            }
        } else {
            self.drop_routes(id);
            for gone in self.addresses(id).into_iter().filter(|own| own.address.is_ipv6()) {
                self.remove_address(id, gone.address);
            }
        }
        if let Some(Virtual::Pair(peer)) = made {
            self.look_for_carrier([id, peer]);
        }
    }

    /// The addresses of an interface as they are now, for those who change them.
    fn addresses(&self, id: InterfaceId) -> Vec<Address> {
        self.interface(id).map(|interface| interface.addresses.clone()).unwrap_or_default()
    }

    /// The two ends of a line have a carrier while both are in use.
    fn look_for_carrier(&mut self, ends: [InterfaceId; 2]) {
        let carrier = ends.iter().all(|end| self.interface(*end).is_some_and(|interface| interface.up));
        for end in ends {
            let Some(interface) = self.interfaces.get_mut(&end) else { continue };
            if core::mem::replace(&mut interface.carrier, carrier) != carrier && interface.up {
                self.changes.push(Change::Link(interface.clone()));
            }
        }
    }

    fn drop_routes(&mut self, id: InterfaceId) {
        let gone = self.routes.remove_where(|route| route.interface == id && route.action == Action::Pass);
        // As on Linux, of those of IPv4 nobody is told.
        let gone = gone.into_iter().filter(|route| route.destination.address().is_ipv6());
        self.changes.extend(gone.map(|route| Change::Route { route, gone: true }));
    }

    /// Sets the length of the longest packet.
    pub fn set_mtu(&mut self, id: InterfaceId, mtu: u32) {
        self.change(id, |interface| interface.mtu = mtu);
    }

    /// Gives an interface another name.
    ///
    /// # Errors
    /// [`AddError::Exists`] where the name is taken.
    pub fn rename(&mut self, id: InterfaceId, name: &str) -> Result<(), AddError> {
        match self.find_interface(name) {
            Some(other) if other.id == id => Ok(()),
            Some(_) => Err(AddError::Exists),
            None => {
                self.change(id, |interface| interface.name = String::from(name));
                Ok(())
            }
        }
    }

    /// Gives an interface of Ethernet another address there.
    pub fn set_mac(&mut self, id: InterfaceId, address: [u8; 6]) {
        self.change(id, |interface| interface.kind = Kind::Ethernet { address });
    }

    fn change(&mut self, id: InterfaceId, change: impl FnOnce(&mut Interface)) {
        if let Some(interface) = self.interfaces.get_mut(&id) {
            change(interface);
            self.changes.push(Change::Link(interface.clone()));
        }
    }

    /// The way to the network that an address of an interface is of.
    fn link_route(id: InterfaceId, address: Address) -> Route {
        let v4 = address.address.is_ipv4();
        let source = v4.then_some(address.address);
        // IP6_RT_PRIO_ADDRCONF of Linux.
        let metric = if v4 { 0 } else { 256 };
        Route { metric, source, ..Route::on_link(address.network(), id) }
    }

    fn add_link_route(&mut self, id: InterfaceId, address: Address) {
        let alone = address.address.is_ipv4() && address.prefix_length == 32;
        if id != InterfaceId::LOOPBACK && address.prefix_length > 0 && !alone && !address.no_route {
            self.add_route(Self::link_route(id, address));
        }
    }

    /// Gives an interface an address, and a route to the network that the address is of.
    ///
    /// # Errors
    /// [`AddError`].
    pub fn add_address(&mut self, id: InterfaceId, address: Address) -> Result<(), AddError> {
        if is_multicast_or_none(address.address) {
            return Err(AddError::NotUnicast);
        }
        let interface = self.interfaces.get_mut(&id).ok_or(AddError::NoInterface)?;
        if interface.has(address.address) {
            return Err(AddError::Exists);
        }
        let place = interface.place_of(&address);
        interface.addresses.insert(place, address);
        let up = interface.up;
        self.local.entry(address.address).or_default().push(id);
        let told = Change::Address { interface: id, address, gone: false };
        let own = Change::Own { interface: id, address, gone: false };
        // Linux tells of the three in another order for each version.
        if address.address.is_ipv4() {
            self.changes.extend([told, own]);
            if up {
                self.add_link_route(id, address);
            }
        } else {
            if up {
                self.add_link_route(id, address);
            }
            self.changes.extend([told, own]);
        }
        Ok(())
    }

    /// Takes an address away; whether it was there.
    pub fn remove_address(&mut self, id: InterfaceId, address: IpAddr) -> bool {
        let Some(interface) = self.interfaces.get_mut(&id) else { return false };
        let Some(place) = interface.addresses.iter().position(|own| own.address == address) else {
            return false;
        };
        let gone = interface.addresses.remove(place);
        let network = gone.network();
        let still = interface.addresses.iter().find(|own| own.network() == network).copied();
        if let Some(owners) = self.local.get_mut(&address) {
            owners.retain(|owner| *owner != id);
            if owners.is_empty() {
                self.local.remove(&address);
            }
        }
        self.changes.push(Change::Address { interface: id, address: gone, gone: true });
        let route = Self::link_route(id, gone);
        let made = self.routes.like(&route).is_some_and(|route| route.origin == Origin::ADDRESS);
        if made && still.is_none_or(|still| Self::link_route(id, still) != route) {
            self.remove_route(&route);
            if let Some(still) = still {
                self.add_link_route(id, still);
            }
        }
        self.changes.push(Change::Own { interface: id, address: gone, gone: true });
        if address.is_ipv4() {
            self.drop_routes_from(id, address);
        }
        true
    }

    /// Routes that name an address as their source are lost with it, and with an interface's last address of IPv4 all of that
    /// version. As on Linux, nobody is told (`fib_sync_down_addr`, `fib_disable_ip`).
    fn drop_routes_from(&mut self, id: InterfaceId, address: IpAddr) {
        let last = self.interface(id).is_some_and(|interface| interface.ipv4().next().is_none());
        self.routes.remove_where(|route| {
            let v4 = route.destination.address().is_ipv4();
            route.source == Some(address)
                || last && v4 && route.interface == id && route.action == Action::Pass
        });
    }

    /// Adds a route; whether it was not there yet (with this prefix, metric and interface).
    pub fn add_route(&mut self, route: Route) -> bool {
        let added = self.routes.add(route);
        if added {
            self.changes.push(Change::Route { route, gone: false });
        }
        added
    }

    /// Removes the route with the same prefix, metric and interface; whether there was one.
    pub fn remove_route(&mut self, route: &Route) -> bool {
        let removed = self.routes.remove(route);
        self.changes.extend(removed.map(|route| Change::Route { route, gone: true }));
        removed.is_some()
    }

    /// The routes.
    #[must_use]
    pub fn routes(&self) -> &Routes {
        &self.routes
    }

    /// Whether a packet to `address` is for this host.
    #[must_use]
    pub fn is_local(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) if address.is_loopback() => address != LOOPBACK_BROADCAST,
            _ => self.local.contains_key(&address) || self.is_on_loopback(address),
        }
    }

    /// Whether an address of IPv4 is of a network that the loopback interface has an address of: all such are this host's.
    fn is_on_loopback(&self, address: IpAddr) -> bool {
        let Some(loopback) = self.interface(InterfaceId::LOOPBACK) else { return false };
        // Nearly always there is none but 127.0.0.1.
        address.is_ipv4()
            && loopback.addresses.len() > 2
            && loopback.ipv4().any(|(_, own)| {
                own.network().contains(address)
                    && own.network().broadcast().map(IpAddr::from) != Some(address)
            })
    }

    /// Whether the address is one to which all hosts of a network of ours listen.
    #[must_use]
    pub fn is_broadcast(&self, address: IpAddr) -> bool {
        let IpAddr::V4(address) = address else { return false };
        matches!(address, Ipv4Addr::BROADCAST | LOOPBACK_BROADCAST)
            || self
                .interfaces()
                .flat_map(|interface| &interface.addresses)
                .any(|own| own.broadcast == Some(address))
    }
}

/// The length of the longest packet of a new virtual device.
const VIRTUAL_MTU: u32 = 1500;

/// All hosts of the network that is this host.
pub(super) const LOOPBACK_BROADCAST: Ipv4Addr = Ipv4Addr::new(127, 255, 255, 255);

fn is_multicast_or_none(address: IpAddr) -> bool {
    address.is_multicast() || address.is_unspecified() || address == IpAddr::from(Ipv4Addr::BROADCAST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        address::Prefix,
        net::{PathError, Reach},
    };

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// lo; eth0 with 10.0.2.15/24, fe80::15 and 2001:db8::15; eth1 with 192.168.0.1/16; routers 10.0.2.2 and fe80::2.
    fn network() -> (Network, InterfaceId, InterfaceId) {
        let mut network = Network::new(&Secret::new([3, 4]));
        let ethernet = Kind::Ethernet { address: [2, 0, 0, 0, 0, 1] };
        let eth0 = network.add_interface("eth0", ethernet, 1500).unwrap();
        let eth1 = network.add_interface("eth1", ethernet, 9000).unwrap();
        for (id, address, length) in [
            (eth0, "10.0.2.15", 24),
            (eth0, "fe80::15", 64),
            (eth0, "2001:db8::15", 64),
            (eth1, "192.168.0.1", 16),
        ] {
            network.add_address(id, Address::new(ip(address), length)).unwrap();
        }
        for (all, gateway) in [("0.0.0.0", "10.0.2.2"), ("::", "fe80::2")] {
            let destination = Prefix::new(ip(all), 0);
            let gateway = Some(ip(gateway));
            assert!(network.add_route(Route { gateway, ..Route::on_link(destination, eth0) }));
        }
        (network, eth0, eth1)
    }

    #[test]
    fn the_way_says_where_from_and_over_whom() {
        let (network, eth0, eth1) = network();
        let lo = InterfaceId::LOOPBACK;
        for (to, interface, source, next_hop, reach) in [
            ("127.0.0.1", lo, "127.0.0.1", "127.0.0.1", Reach::Local),
            ("127.5.6.7", lo, "127.0.0.1", "127.5.6.7", Reach::Local),
            ("10.0.2.15", lo, "10.0.2.15", "10.0.2.15", Reach::Local),
            ("0.0.0.0", lo, "127.0.0.1", "127.0.0.1", Reach::Local),
            ("::", lo, "::1", "::1", Reach::Local),
            ("10.0.2.99", eth0, "10.0.2.15", "10.0.2.99", Reach::Unicast),
            ("10.0.2.255", eth0, "10.0.2.15", "10.0.2.255", Reach::Broadcast),
            ("255.255.255.255", eth0, "10.0.2.15", "255.255.255.255", Reach::Broadcast),
            ("224.0.0.1", eth0, "10.0.2.15", "224.0.0.1", Reach::Multicast),
            ("8.8.8.8", eth0, "10.0.2.15", "10.0.2.2", Reach::Unicast),
            ("192.168.7.7", eth1, "192.168.0.1", "192.168.7.7", Reach::Unicast),
            ("2001:db8::99", eth0, "2001:db8::15", "2001:db8::99", Reach::Unicast),
            ("2600::1", eth0, "2001:db8::15", "fe80::2", Reach::Unicast),
            ("fe80::99", eth0, "fe80::15", "fe80::99", Reach::Unicast),
        ] {
            let path = network.path(ip(to), None, None).unwrap();
            let seen = (path.interface, path.source, path.next_hop, path.reach);
            assert_eq!(seen, (interface, ip(source), ip(next_hop), reach), "{to}");
        }
        assert_eq!(network.path(ip("8.8.8.8"), None, Some(eth1)).unwrap().next_hop, ip("8.8.8.8"));
        assert_eq!(
            network.path(ip("8.8.8.8"), Some(ip("192.168.0.1")), None).unwrap().source,
            ip("192.168.0.1")
        );
        assert_eq!(network.path(ip("10.0.2.15"), None, Some(eth1)), Err(PathError::Unreachable));
        assert_eq!(network.path(ip("1.1.1.1"), None, InterfaceId::new(77)), Err(PathError::NoDevice));
    }

    #[test]
    fn an_interface_that_is_down_leads_nowhere() {
        let (mut network, eth0, _) = network();
        network.set_up(eth0, false);
        assert_eq!(network.path(ip("10.0.2.99"), None, None), Err(PathError::Unreachable));
        assert_eq!(network.path(ip("10.0.2.99"), None, Some(eth0)), Err(PathError::NoDevice));
        // Its addresses are still this host's.
        assert!(network.path(ip("10.0.2.15"), None, None).is_ok());
        assert_eq!(network.interface(eth0).unwrap().addresses.len(), 1);
        network.set_up(eth0, true);
        assert!(network.path(ip("10.0.2.99"), None, None).is_ok());
        assert_eq!(network.path(ip("8.8.8.8"), None, None), Err(PathError::Unreachable));
    }

    #[test]
    fn addresses_come_and_go_with_their_routes() {
        let (mut network, eth0, eth1) = network();
        assert_eq!(network.add_address(eth0, Address::new(ip("10.0.2.15"), 24)), Err(AddError::Exists));
        assert_eq!(network.add_address(eth0, Address::new(ip("224.0.0.1"), 24)), Err(AddError::NotUnicast));
        network.add_address(eth1, Address::new(ip("192.168.0.2"), 16)).unwrap();
        assert!(network.remove_address(eth1, ip("192.168.0.1")));
        assert!(!network.remove_address(eth1, ip("192.168.0.1")));
        assert_eq!(network.path(ip("192.168.7.7"), None, None).unwrap().source, ip("192.168.0.2"));
        assert!(network.remove_address(eth1, ip("192.168.0.2")));
        assert_eq!(network.path(ip("192.168.7.7"), None, None).unwrap().interface, eth0);
        assert!(!network.is_local(ip("192.168.0.2")));
    }
}
