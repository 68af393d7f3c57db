//! Which way a packet goes.

use alloc::vec::Vec;

use super::{Action, Interface, InterfaceId, Kind, Network, Route, network::LOOPBACK_BROADCAST};
use crate::address::{IpAddr, Ipv4Addr, Ipv6Addr, Scope, common_bits, scope};

/// The way to a destination.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Path {
    /// Where the packet goes out; the loopback interface where the destination is this host.
    pub interface: InterfaceId,
    /// The address to send from.
    pub source: IpAddr,
    /// The address to send to: the unspecified address stands for this host.
    pub destination: IpAddr,
    /// Who takes the packet on the link: a router, or the destination itself.
    pub next_hop: IpAddr,
    /// The length of the longest packet that the interface takes.
    pub mtu: u32,
    /// Whether all hosts on a link are meant, or those of a group.
    pub reach: Reach,
}

/// Who is meant by a destination.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reach {
    /// One host, and it is this one.
    Local,
    /// One host.
    Unicast,
    /// All hosts of a network (RFC 919).
    Broadcast,
    /// The members of a group.
    Multicast,
}

/// Why there is no way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PathError {
    /// No route leads there.
    Unreachable,
    /// This host has no address to send from.
    NoSource,
    /// The device that was asked for is not there, or not up.
    NoDevice,
    /// A route says that packets are not to go there.
    Rejected(Action),
}

impl Network {
    /// Who is meant by an address.
    #[must_use]
    pub fn reach(&self, address: IpAddr) -> Reach {
        if address.is_multicast() {
            Reach::Multicast
        } else if self.is_local(address) {
            Reach::Local
        } else if self.is_broadcast(address) {
            Reach::Broadcast
        } else {
            Reach::Unicast
        }
    }

    /// The way to `destination`, from `source` and over `device` where they have been chosen.
    ///
    /// # Errors
    /// [`PathError`].
    pub fn path(
        &self,
        destination: IpAddr,
        source: Option<IpAddr>,
        device: Option<InterfaceId>,
    ) -> Result<Path, PathError> {
        let source = source.filter(|source| !source.is_unspecified());
        // Linux: to connect to no address is to connect to oneself.
        let destination = match (destination.is_unspecified(), destination, source) {
            (false, destination, _) => destination,
            (true, _, Some(source)) => source,
            (true, IpAddr::V4(_), None) => Ipv4Addr::LOCALHOST.into(),
            (true, IpAddr::V6(_), None) => Ipv6Addr::LOCALHOST.into(),
        };
        let reach = self.reach(destination);
        if reach == Reach::Local {
            let own =
                |id: InterfaceId| self.interface(id).is_some_and(|interface| interface.has(destination));
            let here = |id| id == InterfaceId::LOOPBACK || own(id);
            if device.is_some_and(|device| !here(device)) {
                return Err(PathError::Unreachable);
            }
            let loopback = self.interface(InterfaceId::LOOPBACK).filter(|loopback| loopback.up);
            let mtu = loopback.ok_or(PathError::Unreachable)?.mtu;
            let source = source.unwrap_or(match destination {
                IpAddr::V4(address) if address.is_loopback() => Ipv4Addr::LOCALHOST.into(),
                other => other,
            });
            let interface = InterfaceId::LOOPBACK;
            return Ok(Path { interface, source, destination, next_hop: destination, mtu, reach });
        }
        if destination == IpAddr::from(LOOPBACK_BROADCAST)
            && device.is_none_or(|it| it == InterfaceId::LOOPBACK)
        {
            let loopback = self.interface(InterfaceId::LOOPBACK).filter(|loopback| loopback.up);
            let mtu = loopback.ok_or(PathError::Unreachable)?.mtu;
            let source = source.unwrap_or(Ipv4Addr::LOCALHOST.into());
            let interface = InterfaceId::LOOPBACK;
            return Ok(Path { interface, source, destination, next_hop: destination, mtu, reach });
        }
        let up = |id: InterfaceId| self.interface(id).is_some_and(|interface| interface.up);
        if device.is_some_and(|device| !up(device)) {
            return Err(PathError::NoDevice);
        }
        let allowed =
            |route: &Route| device.is_none_or(|device| route.interface == device) && up(route.interface);
        let route = self.routes().find(destination, allowed).copied();
        // Without a route, whoever names a device means what is on its link.
        let (id, gateway, preferred) = match (route, device) {
            (Some(route), _) => (route.interface, route.gateway, route.source),
            (None, Some(device)) => (device, None, None),
            (None, None) => return Err(PathError::Unreachable),
        };
        if let Some(Route {
            action: action @ (Action::Blackhole | Action::Unreachable | Action::Prohibit),
            ..
        }) = route
        {
            return Err(PathError::Rejected(action));
        }
        // Groups and broadcasts go to the link, whatever router the route names.
        let one_host = reach == Reach::Unicast;
        let next_hop = gateway.filter(|_| one_host).unwrap_or(destination);
        let interface = self.interface(id).ok_or(PathError::NoDevice)?;
        let source = source.or(preferred).or_else(|| self.source(interface, destination, next_hop));
        let source = source.ok_or(PathError::NoSource)?;
        Ok(Path { interface: id, source, destination, next_hop, mtu: interface.mtu, reach })
    }

    /// The address to send from: one of the interface's, of another's only where it has none that reaches so far.
    fn source(&self, interface: &Interface, destination: IpAddr, next_hop: IpAddr) -> Option<IpAddr> {
        let candidates = |interface: &Interface| {
            let fits = interface.addresses.iter().map(|own| own.address);
            fits.filter(|own| own.is_ipv4() == destination.is_ipv4()).collect::<Vec<_>>()
        };
        let own = candidates(interface);
        let best = match destination {
            // The address of the network that the next hop is of, or the primary one.
            IpAddr::V4(_) => {
                let networks = interface.addresses.iter().filter(|own| own.network().contains(next_hop));
                networks.map(|own| own.address).next().or(own.first().copied())
            }
            IpAddr::V6(_) => best_v6(&own, destination),
        };
        let elsewhere = || {
            let others = self.interfaces().filter(|other| other.kind != Kind::Loopback && other.up);
            let others: Vec<_> =
                others.flat_map(candidates).filter(|own| scope(*own) == Scope::Global).collect();
            if destination.is_ipv6() { best_v6(&others, destination) } else { others.first().copied() }
        };
        best.or_else(elsewhere)
    }
}

/// RFC 6724, 5: rules 2 (scope) and 8 (longest matching prefix); the first of equals.
fn best_v6(candidates: &[IpAddr], destination: IpAddr) -> Option<IpAddr> {
    let wanted = scope(destination);
    let rank = |own: &IpAddr| {
        let own_scope = scope(*own);
        // The smallest scope that is great enough; if there is none, the greatest.
        let fit = if own_scope >= wanted { 8 - (own_scope as i32 - wanted as i32) } else { own_scope as i32 };
        (fit, common_bits(*own, destination))
    };
    candidates.iter().rev().max_by_key(|own| rank(own)).copied()
}
