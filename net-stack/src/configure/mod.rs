//! Where an interface's addresses come from: a text, a DHCP server, or routers.

mod dhcp;
mod message;
mod router;
mod text;

pub use dhcp::Dhcp;
pub use text::{StaticAddress, StaticAddressError};

use crate::{
    address::{IpAddr, Prefix, unspecified},
    net::{InterfaceId, Network, Origin, Route},
};

/// The way to everybody else: over `gateway`.
pub(crate) fn default_route(interface: InterfaceId, gateway: IpAddr, metric: u32, origin: Origin) -> Route {
    let destination = Prefix::new(unspecified(gateway), 0);
    Route { metric, gateway: Some(gateway), origin, ..Route::on_link(destination, interface) }
}

/// Replaces what was known about a default route of that interface and metric.
pub(crate) fn set_default_route(network: &mut Network, route: Route) {
    if network.routes().like(&route) != Some(&route) {
        network.remove_route(&route);
        network.add_route(route);
    }
}
