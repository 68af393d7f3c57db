//! What changes, for who listens to its group, whoever has changed it.

use alloc::{string::String, sync::Arc, vec::Vec};

use linux_raw_sys::netlink::NETLINK_ROUTE;
use net_stack::{
    Stack,
    address::IpAddr,
    net::{Change, Interface, InterfaceId, Observer},
};

use super::{
    super::{
        endpoint::Datagram,
        message::{Builder, Header},
        ports::Ports,
        uapi::*,
    },
    addresses, link, local, neighbours,
    routes::{self, Shown},
};

/// Of messages that nobody has asked for.
const fn header(kind: u16) -> Header {
    Header { kind, flags: 0, sequence: 0, port: 0 }
}

/// The type of message for what is there, or is gone.
const fn of(gone: bool, [new, delete]: [u16; 2]) -> u16 {
    if gone { delete } else { new }
}

impl Observer for Ports {
    fn changed(&self, changes: &[Change]) {
        let Some(stack) = self.stack.upgrade() else { return };
        changes.iter().for_each(|change| self.tell(&stack, change));
    }
}

impl Ports {
    fn tell(&self, stack: &Stack, change: &Change) {
        match change {
            Change::Link(interface) => {
                self.device_changed(interface);
                self.link(stack, RTM_NEWLINK, interface);
            }
            Change::LinkGone(interface) => {
                self.device_gone(interface);
                self.link(stack, RTM_DELLINK, interface);
            }
            Change::Address { interface, address, gone } => {
                let group = of_version(address.address, [RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR]);
                self.say(group, of(*gone, [RTM_NEWADDR, RTM_DELADDR]), |builder| {
                    let name = name_of(stack, *interface);
                    addresses::fill(builder, *interface, &name, address);
                });
            }
            Change::Own { interface, address, gone } => {
                let shown: Vec<_> = local::of_address(*interface, address).collect();
                // What was said last is taken back first.
                let ordered =
                    (0..shown.len()).map(|place| if *gone { shown.len() - 1 - place } else { place });
                for place in ordered {
                    if let Some(shown) = shown.get(place) {
                        self.route(shown, *gone);
                    }
                }
            }
            Change::Route { route, gone } => self.route(&Shown::from(route), *gone),
            Change::Neighbour { neighbour, gone } => {
                self.say(RTNLGRP_NEIGH, of(*gone, [RTM_NEWNEIGH, RTM_DELNEIGH]), |builder| {
                    neighbours::fill(builder, neighbour);
                });
            }
        }
    }

    fn link(&self, stack: &Stack, kind: u16, interface: &Interface) {
        self.say(RTNLGRP_LINK, kind, |builder| {
            let changed = if kind == RTM_DELLINK { u32::MAX } else { 0 };
            stack.network(|network| link::fill(builder, network, interface, changed));
        });
    }

    fn route(&self, shown: &Shown, gone: bool) {
        let to = shown.destination.address();
        let group = of_version(to, [RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE]);
        self.say(group, of(gone, [RTM_NEWROUTE, RTM_DELROUTE]), |builder| routes::fill(builder, shown));
    }

    /// Builds a message for who listens to a group, if anybody may.
    fn say(&self, group: u16, kind: u16, fill: impl FnOnce(&mut Builder)) {
        let group = group.into();
        if !self.is_heard(group) {
            return;
        }
        let mut builder = Builder::with_capacity(1024);
        builder.begin(header(kind));
        fill(&mut builder);
        let bytes = Arc::new(builder.finish());
        self.announce(NETLINK_ROUTE, 0, None, &Datagram { bytes, port: 0, group, sender: None });
    }
}

fn of_version(address: IpAddr, [v4, v6]: [u16; 2]) -> u16 {
    if address.is_ipv6() { v6 } else { v4 }
}

/// The name of an interface; none where it is gone.
fn name_of(stack: &Stack, id: InterfaceId) -> String {
    stack.network(|network| network.interface(id).map(|interface| interface.name.clone()).unwrap_or_default())
}
