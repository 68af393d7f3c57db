//! What routers say: router discovery (RFC 4861, 6) and the addresses that follow (RFC 4862).
//!
//! Lifetimes are kept only where they are zero: what a router has once said stands until a router takes it back. That an
//! address is nobody else's is believed, not asked (RFC 4862, 5.4): it is made of the device's own.

use alloc::vec::Vec;

use super::{default_route, set_default_route};
use crate::{
    address::{IpAddr, Ipv6Addr, Prefix},
    ip::{Outgoing, input::Incoming, protocol},
    neighbour::Mac,
    net::{Address, InterfaceId, Network, Origin, Path, Reach, Route, link_local, with_identifier},
    outbox::Outbox,
    packet::Packet,
    stack::Stack,
    time::Instant,
};

/// Router solicitation and advertisement: RFC 4861, 4.1 and 4.2.
const SOLICITATION: u8 = 133;
const ADVERTISEMENT: u8 = 134;

/// Options: RFC 4861, 4.6.
const SOURCE_ADDRESS: u8 = 1;
const PREFIX: u8 = 3;

/// In the option of a prefix: it is on the link; hosts make addresses of it.
const ON_LINK: u8 = 0x80;
const AUTONOMOUS: u8 = 0x40;

/// The metric of routes that routers told of, as on Linux (IP6_RT_PRIO_USER).
const METRIC: u32 = 1024;
/// That of routes to what is on the link (IP6_RT_PRIO_ADDRCONF).
const PREFIX_METRIC: u32 = 256;

/// So many addresses are made at a router's word: `net.ipv6.conf.*.max_addresses`.
const ADDRESSES_MAX: usize = 16;

const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);

/// The options of a message; `None` if one is broken, which spoils them all.
fn options(mut bytes: &[u8], mut each: impl FnMut(u8, &[u8])) -> Option<()> {
    while let [kind, length, ..] = bytes {
        let whole = usize::from(*length) * 8;
        if whole == 0 {
            return None;
        }
        let (option, rest) = bytes.split_at_checked(whole)?;
        each(*kind, option.get(2..)?);
        bytes = rest;
    }
    Some(())
}

/// The prefix that an option tells of.
#[derive(Clone, Copy)]
struct Told {
    length: u8,
    flags: u8,
    valid: u32,
    prefix: Ipv6Addr,
}

fn told(body: &[u8]) -> Option<Told> {
    let &[length, flags, v0, v1, v2, v3] = body.first_chunk::<6>()?;
    let prefix = Ipv6Addr::from(*body.get(14..)?.first_chunk::<16>()?);
    let sound = length <= 128 && !prefix.is_unicast_link_local() && !prefix.is_multicast();
    sound.then_some(Told { length, flags, valid: u32::from_be_bytes([v0, v1, v2, v3]), prefix })
}

fn note_prefix(network: &mut Network, interface: InterfaceId, own: Mac, told: &Told) {
    let on_link = told.flags & ON_LINK != 0;
    if on_link {
        let destination = Prefix::new(told.prefix, told.length);
        let route = Route { metric: PREFIX_METRIC, ..Route::on_link(destination, interface) };
        if told.valid == 0 {
            network.remove_route(&route);
        } else {
            network.add_route(route);
        }
    }
    if told.flags & AUTONOMOUS == 0 || told.length != 64 {
        return;
    }
    let address = with_identifier(told.prefix, own);
    if told.valid == 0 {
        network.remove_address(interface, address.into());
        return;
    }
    let few = network.interface(interface).is_some_and(|it| it.addresses.len() < ADDRESSES_MAX);
    if few {
        // It is there already, most of the time.
        let _ = network.add_address(interface, Address::new(address, if on_link { 64 } else { 128 }));
    }
}

impl Stack {
    /// Gives an Ethernet interface its link-local address, and asks for routers. Answers change the interface's addresses
    /// and routes as they come.
    pub fn solicit_routers(&self, interface: InterfaceId, now: Instant) {
        let Some(own) = self.mac(interface) else { return };
        let source = link_local(own);
        // It is there already when this is asked again.
        let _ = self.configure(|network| network.add_address(interface, Address::new(source, 64)));
        let mut message = Packet::with_payload(16);
        let bytes = message.bytes_mut();
        bytes[0] = SOLICITATION;
        bytes[8..10].copy_from_slice(&[SOURCE_ADDRESS, 1]);
        bytes[10..].copy_from_slice(&own);
        smoltcp::wire::Icmpv6Packet::new_unchecked(bytes).fill_checksum(&source, &ALL_ROUTERS);
        let destination = IpAddr::from(ALL_ROUTERS);
        let path = Path {
            interface,
            source: source.into(),
            destination,
            next_hop: destination,
            mtu: 1280,
            reach: Reach::Multicast,
        };
        let outgoing = Outgoing {
            protocol: protocol::ICMPV6,
            hop_limit: 255,
            traffic_class: 0,
            dont_fragment: true,
            loop_back: false,
        };
        let mut out = Outbox::default();
        self.send(&path, &outgoing, message, &mut out);
        self.flush(out, now);
    }

    /// A router's advertisement (RFC 4861, 6.3.4); whether the message is one.
    pub(crate) fn router_input(&self, incoming: &Incoming, now: Instant) -> bool {
        let bytes = incoming.packet.bytes();
        let Some(&[ADVERTISEMENT, code, _, _, _, _, l0, l1]) = bytes.first_chunk::<8>() else { return false };
        let IpAddr::V6(router) = incoming.header.source else { return true };
        let interface = incoming.interface;
        // RFC 4861, 6.1.2.
        let sound = incoming.header.hop_limit == 255 && code == 0 && router.is_unicast_link_local();
        let (Some(own), Some(rest)) = (self.mac(interface).filter(|_| sound), bytes.get(16..)) else {
            return true;
        };
        let (mut prefixes, mut mac) = (Vec::new(), None);
        let read = options(rest, |kind, body| match kind {
            PREFIX => prefixes.extend(told(body)),
            SOURCE_ADDRESS => mac = body.first_chunk::<6>().copied(),
            _ => {}
        });
        if read.is_none() {
            return true;
        }
        self.configure(|network| {
            let route = default_route(interface, router.into(), METRIC, Origin::ROUTER);
            if u16::from_be_bytes([l0, l1]) > 0 {
                set_default_route(network, route);
            } else if network.routes().iter().any(|known| *known == route) {
                network.remove_route(&route);
            }
            for told in &prefixes {
                note_prefix(network, interface, own, told);
            }
        });
        if let Some(mac) = mac {
            self.release(interface, own, router.into(), mac, true, now);
        }
        true
    }
}
