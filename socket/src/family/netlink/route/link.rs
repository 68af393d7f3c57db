//! Interfaces, as they are shown (`rtnl_fill_ifinfo` of Linux).

use net_stack::net::{Interface, Kind, Network, Virtual};

use super::{
    super::{
        message::{Attributes, Builder},
        request::{Done, Outcome, Refusal, Request},
        uapi::*,
    },
    ANY, MULTI, V6, answer, unsupported,
};
use crate::{
    abi::int,
    error::Errno,
    interface::{MTU_MAX, MTU_MIN, QUEUE, flags, hardware_type},
};

/// `struct ifinfomsg`: its size, and where index, flags and mask are.
pub(super) const IFINFO: usize = 16;

/// `IF_OPER_*`: RFC 2863.
const OPER_UNKNOWN: u8 = 0;
const OPER_DOWN: u8 = 2;
const OPER_LOWER_DOWN: u8 = 3;
const OPER_UP: u8 = 6;

/// Where the indices stand in a header.
pub(super) fn word(header: &[u8; IFINFO], at: usize) -> u32 {
    int(header, at) as u32
}

/// What is asked about interfaces besides their index.
#[derive(Default)]
struct Asked<'a> {
    name: Option<&'a str>,
    /// IFLA_MASTER and IFLA_LINKINFO, by which Linux filters.
    kind: Option<&'a [u8]>,
}

impl<'a> Asked<'a> {
    fn read(attributes: Attributes<'a>) -> Outcome<Self> {
        let mut asked = Self::default();
        for attribute in attributes {
            match attribute.kind {
                IFLA_IFNAME | IFLA_ALT_IFNAME => asked.name = Some(attribute.name()?),
                // What it asks for besides, or wants left out, no interface here has.
                IFLA_EXT_MASK => drop(attribute.number()?),
                IFLA_LINKINFO => {
                    asked.kind = attribute.nested().find(|it| it.kind == IFLA_INFO_KIND).map(|it| it.data);
                }
                _ => return Err(unsupported(&attribute)),
            }
        }
        Ok(asked)
    }
}

/// What kind of device it is that a program made.
pub(super) fn made(interface: &Interface) -> Option<&'static str> {
    interface.made.map(|made| match made {
        Virtual::Dummy => "dummy",
        Virtual::Pair(_) => "veth",
    })
}

pub(super) fn dump(request: &Request<'_>) -> Outcome<Done> {
    let v6 = request.message.body().first() == Some(&V6);
    let Ok((header, attributes)) = request.message.parts::<IFINFO>() else {
        // The short form, a struct rtgenmsg.
        return answer_all(request, &Asked::default(), v6, 0);
    };
    if request.is_strict() && word(header, 4) != 0 {
        let text = "Filter by device index not supported for link dumps";
        return Err(Refusal::new(Errno::EINVAL).because(text));
    }
    let asked = Asked::read(attributes)?;
    let filtered = if asked.kind.is_some() { NLM_F_DUMP_FILTERED } else { 0 };
    answer_all(request, &asked, v6, filtered)
}

fn answer_all(request: &Request<'_>, asked: &Asked<'_>, v6: bool, flags: u16) -> Outcome<Done> {
    let wanted = |interface: &&Interface| {
        asked.kind.is_none_or(|kind| {
            let kind = kind.split(|byte| *byte == 0).next().unwrap_or_default();
            made(interface).is_some_and(|made| made.as_bytes() == kind)
        })
    };
    answer(request, flags, |builder| {
        request.context.world.network.network(|network| {
            for interface in network.interfaces().filter(wanted) {
                builder.begin(request.header(RTM_NEWLINK, MULTI | flags));
                if v6 {
                    fill_v6(builder, network, interface);
                } else {
                    fill(builder, network, interface, 0);
                }
            }
        });
    })
}

pub(super) fn get(request: &Request<'_>) -> Outcome<Done> {
    let (header, attributes) = request.message.parts::<IFINFO>()?;
    let asked = Asked::read(attributes)?;
    let index = word(header, 4);
    let mut builder = Builder::with_capacity(1024);
    request.context.world.network.network(|network| {
        let found = match (index, asked.name) {
            (0, None) => return Err(Refusal::new(Errno::EINVAL)),
            (0, Some(name)) => network.find_interface(name),
            (index, _) => super::interface(network, index),
        };
        let interface = found.ok_or(Refusal::new(Errno::ENODEV))?;
        builder.begin(request.header(RTM_NEWLINK, 0));
        fill(&mut builder, network, interface, 0);
        Ok(())
    })?;
    request.answer(builder);
    Ok(Done::All)
}

fn state(interface: &Interface) -> u8 {
    match (interface.kind, interface.up, interface.carrier) {
        (Kind::Loopback, true, _) => OPER_UNKNOWN,
        (_, false, _) => OPER_DOWN,
        (_, true, false) => OPER_LOWER_DOWN,
        // A dummy tells nothing of what is at its end.
        _ if interface.made == Some(Virtual::Dummy) => OPER_UNKNOWN,
        _ => OPER_UP,
    }
}

/// Ends a message with what IPv6 has to say of an interface, which is less (`inet6_fill_ifinfo` of Linux).
fn fill_v6(builder: &mut Builder, network: &Network, interface: &Interface) {
    builder.put(&header(V6, interface, 0));
    builder.text(IFLA_IFNAME, &interface.name);
    if let Some(mac) = interface.mac() {
        builder.attribute(IFLA_ADDRESS, &mac);
    }
    builder.number(IFLA_MTU, interface.mtu);
    peer(builder, network, interface);
    builder.byte(IFLA_OPERSTATE, state(interface));
    builder.nest(IFLA_PROTINFO, |builder| of_v6(builder, interface));
    builder.end();
}

fn of_v6(builder: &mut Builder, interface: &Interface) {
    /// `IF_READY` of `net/if_inet6.h`
    const READY: u32 = 0x8000_0000;
    builder.number(IFLA_INET6_FLAGS, if interface.up { READY } else { 0 });
    // Identifiers come out of the device's address.
    builder.byte(IFLA_INET6_ADDR_GEN_MODE, 0);
}

/// The other end of a line.
fn peer(builder: &mut Builder, network: &Network, interface: &Interface) {
    if let Some(Virtual::Pair(peer)) = interface.made
        && network.interface(peer).is_some()
    {
        builder.number(IFLA_LINK, peer.get());
    }
}

fn header(family: u8, interface: &Interface, changed: u32) -> [u8; IFINFO] {
    let mut header = [0; IFINFO];
    header[0] = family;
    header[2..4].copy_from_slice(&hardware_type(interface).to_ne_bytes());
    header[4..8].copy_from_slice(&interface.id.get().to_ne_bytes());
    header[8..12].copy_from_slice(&flags(interface).to_ne_bytes());
    header[12..].copy_from_slice(&changed.to_ne_bytes());
    header
}

/// Ends a message that was begun with what there is to know about an interface. `changed` are the flags that have changed.
pub(super) fn fill(builder: &mut Builder, network: &Network, interface: &Interface, changed: u32) {
    builder.put(&header(ANY, interface, changed));
    builder.text(IFLA_IFNAME, &interface.name);
    builder.number(IFLA_TXQLEN, QUEUE);
    builder.byte(IFLA_OPERSTATE, state(interface));
    builder.byte(IFLA_LINKMODE, 0);
    builder.number(IFLA_MTU, interface.mtu);
    let (least, most) = if interface.mac().is_some() { (MTU_MIN, MTU_MAX) } else { (0, 0) };
    builder.number(IFLA_MIN_MTU, least);
    builder.number(IFLA_MAX_MTU, most);
    builder.number(IFLA_GROUP, 0);
    builder.number(IFLA_PROMISCUITY, 0);
    builder.number(IFLA_ALLMULTI, 0);
    builder.number(IFLA_NUM_TX_QUEUES, 1);
    builder.number(IFLA_NUM_RX_QUEUES, 1);
    builder.byte(IFLA_CARRIER, (interface.up && interface.carrier).into());
    builder.text(IFLA_QDISC, if interface.up { "noqueue" } else { "noop" });
    let (address, broadcast) = interface.mac().map_or(([0; 6], [0; 6]), |mac| (mac, [0xff; 6]));
    builder.attribute(IFLA_ADDRESS, &address);
    builder.attribute(IFLA_BROADCAST, &broadcast);
    peer(builder, network, interface);
    // struct rtnl_link_ifmap: a device here has neither memory nor an interrupt that anybody could use.
    builder.attribute(IFLA_MAP, &[0; 32]);
    statistics(builder, interface);
    if let Some(made) = made(interface) {
        builder.nest(IFLA_LINKINFO, |builder| builder.text(IFLA_INFO_KIND, made));
    }
    builder.nest(IFLA_AF_SPEC, |builder| {
        builder.nest(V6.into(), |builder| of_v6(builder, interface));
    });
    builder.end();
}

/// `struct rtnl_link_stats64` and `struct rtnl_link_stats`: packets and bytes, then errors, of which there are none.
fn statistics(builder: &mut Builder, interface: &Interface) {
    let (received, sent) = (interface.received(), interface.sent());
    let counts = [received.0, sent.0, received.1, sent.1];
    let (mut wide, mut narrow) = ([0; 200], [0; 96]);
    for (place, count) in wide.chunks_exact_mut(8).zip(counts) {
        place.copy_from_slice(&count.to_ne_bytes());
    }
    for (place, count) in narrow.chunks_exact_mut(4).zip(counts) {
        place.copy_from_slice(&(count as u32).to_ne_bytes());
    }
    builder.attribute(IFLA_STATS64, &wide);
    builder.attribute(IFLA_STATS, &narrow);
}
