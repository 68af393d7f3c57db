//! `/proc/net/route` and `/proc/net/if_inet6`, from the stack's interfaces and routes.

use alloc::{format, string::String, vec::Vec};

use net_stack::{
    address::{IpAddr, Ipv4Addr, Scope, scope},
    net::{Network, Route},
};

use super::padded;
use crate::system::System;

/// Flags of a route: linux/route.h.
const RTF_UP: u32 = 1;
const RTF_GATEWAY: u32 = 2;
const RTF_HOST: u32 = 4;

/// Flag of an address without an end: linux/if_addr.h. The stack keeps no lifetimes.
const IFA_F_PERMANENT: u32 = 0x80;

/// An address as Linux prints it there: as the number that its bytes are to this machine.
fn number(address: Ipv4Addr) -> u32 {
    u32::from_ne_bytes(address.octets())
}

fn line(network: &Network, route: &Route) -> Option<Vec<u8>> {
    let IpAddr::V4(destination) = route.destination.address() else { return None };
    let interface = network.interface(route.interface)?;
    let mask = route.destination.netmask()?;
    let gateway = match route.gateway {
        Some(IpAddr::V4(gateway)) => gateway,
        _ => Ipv4Addr::UNSPECIFIED,
    };
    let mut flags = RTF_UP;
    if route.gateway.is_some() {
        flags |= RTF_GATEWAY;
    }
    if mask == Ipv4Addr::BROADCAST {
        flags |= RTF_HOST;
    }
    let (name, metric) = (&interface.name, route.metric);
    let (destination, gateway, mask) = (number(destination), number(gateway), number(mask));
    let text =
        format!("{name}\t{destination:08X}\t{gateway:08X}\t{flags:04X}\t0\t0\t{metric}\t{mask:08X}\t0\t0\t0");
    Some(padded(&text, 127))
}

/// `/proc/net/route`: the routes of IPv4.
pub(super) fn routes(system: &System) -> Vec<u8> {
    let mut text =
        padded("Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT", 127);
    system.world.network.network(|network| {
        text.extend(network.routes().iter().filter_map(|route| line(network, route)).flatten());
    });
    text
}

/// The scopes of addresses there: net/ipv6.h, IPV6_ADDR_LOOPBACK and so on.
fn scope_number(address: IpAddr) -> u32 {
    match (scope(address), address) {
        (Scope::Host, _) => 0x10,
        (Scope::Link, _) => 0x20,
        // fec0::/10, given up by RFC 3879; QEMU's user network has it.
        (Scope::Global, IpAddr::V6(address)) if address.segments()[0] & 0xffc0 == 0xfec0 => 0x40,
        (Scope::Global, _) => 0,
    }
}

/// `/proc/net/if_inet6`: the addresses of IPv6.
pub(super) fn addresses(system: &System) -> Vec<u8> {
    system.world.network.network(|network| {
        let mut text = String::new();
        for interface in network.interfaces() {
            for own in &interface.addresses {
                let IpAddr::V6(address) = own.address else { continue };
                let digits = u128::from(address);
                let (index, name) = (interface.id.get(), &interface.name);
                let (length, scope) = (own.prefix_length, scope_number(own.address));
                text += &format!(
                    "{digits:032x} {index:02x} {length:02x} {scope:02x} {IFA_F_PERMANENT:02x} {name:>8}\n"
                );
            }
        }
        text.into_bytes()
    })
}
