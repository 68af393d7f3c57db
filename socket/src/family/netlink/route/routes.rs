//! Which way packets go, as it is shown (`fib_dump_info` and `rt6_fill_node` of Linux).

use alloc::vec::Vec;

use net_stack::{
    address::{IpAddr, Prefix},
    net::{Action, InterfaceId, Origin, PathError, Reach, Route},
};

use super::{
    super::{
        message::Builder,
        request::{Done, Outcome, Refusal, Request},
        uapi::*,
    },
    MULTI, NOT_SUPPORTED, answer, family_of, interface, local, nowhere, shows, unsupported,
};
use crate::error::Errno;

/// `struct rtmsg`: its size.
pub(super) const RTM: usize = 12;

/// A route as programs see it.
#[derive(Clone, Copy)]
pub(super) struct Shown {
    pub(super) destination: Prefix,
    /// `RTN_*`
    pub(super) kind: u8,
    pub(super) scope: u8,
    pub(super) table: u8,
    pub(super) protocol: u8,
    pub(super) interface: Option<InterfaceId>,
    pub(super) metric: Option<u32>,
    pub(super) gateway: Option<IpAddr>,
    pub(super) source: Option<IpAddr>,
    pub(super) flags: u32,
}

impl From<&Route> for Shown {
    fn from(route: &Route) -> Self {
        let v6 = route.destination.address().is_ipv6();
        let passes = route.action == Action::Pass;
        let scope = match (v6, route.gateway, passes) {
            (false, None, true) => SCOPE_LINK,
            _ => SCOPE_UNIVERSE,
        };
        Self {
            destination: route.destination,
            kind: match route.action {
                Action::Pass => RTN_UNICAST,
                Action::Blackhole => RTN_BLACKHOLE,
                Action::Unreachable => RTN_UNREACHABLE,
                Action::Prohibit => RTN_PROHIBIT,
            },
            scope,
            table: TABLE_MAIN,
            protocol: route.origin.0,
            // What leads nowhere leads over no interface, but with IPv6.
            interface: Some(route.interface).filter(|_| passes || v6),
            metric: Some(route.metric).filter(|metric| v6 || *metric != 0),
            gateway: route.gateway,
            source: route.source,
            flags: 0,
        }
    }
}

/// Ends a message that was begun with what there is to know about a route.
pub(super) fn fill(builder: &mut Builder, shown: &Shown) {
    let to = shown.destination.address();
    let v6 = to.is_ipv6();
    let [f0, f1, f2, f3] = shown.flags.to_ne_bytes();
    let length = shown.destination.length();
    builder.put(&[
        family_of(to),
        length,
        0,
        0,
        shown.table,
        shown.protocol,
        shown.scope,
        shown.kind,
        f0,
        f1,
        f2,
        f3,
    ]);
    builder.number(RTA_TABLE, shown.table.into());
    if length > 0 {
        builder.address(RTA_DST, to);
    }
    if let Some(metric) = shown.metric {
        builder.number(RTA_PRIORITY, metric);
    }
    if let Some(source) = shown.source {
        builder.address(RTA_PREFSRC, source);
    }
    if let Some(gateway) = shown.gateway {
        builder.address(RTA_GATEWAY, gateway);
    }
    if let Some(interface) = shown.interface {
        builder.number(RTA_OIF, interface.get());
    }
    if v6 {
        // struct rta_cacheinfo, and ICMPV6_ROUTER_PREF_MEDIUM.
        builder.attribute(RTA_CACHEINFO, &[0; 32]);
        builder.byte(RTA_PREF, 0);
    }
    builder.end();
}

/// What is asked of the routes: the filters of a strict request.
#[derive(Default)]
struct Filter {
    table: u32,
    protocol: u8,
    kind: u8,
    interface: u32,
}

impl Filter {
    fn read(request: &Request<'_>) -> Outcome<Self> {
        let Ok((header, attributes)) = request.message.parts::<RTM>() else { return Ok(Self::default()) };
        if !request.is_strict() {
            return Ok(Self::default());
        }
        let &[_, dst_length, src_length, tos, table, protocol, scope, kind, ..] = header;
        if dst_length != 0 || src_length != 0 || tos != 0 || scope != 0 {
            return Err(Refusal::new(Errno::EINVAL).because("Invalid values in header for FIB dump request"));
        }
        let mut filter = Self { table: table.into(), protocol, kind, interface: 0 };
        for attribute in attributes {
            match attribute.kind {
                RTA_TABLE => filter.table = attribute.number()?,
                RTA_OIF => filter.interface = attribute.number()?,
                _ => {
                    let text = "Unsupported attribute in fib dump request";
                    return Err(Refusal::new(Errno::EINVAL).because(text).at(attribute.offset));
                }
            }
        }
        Ok(filter)
    }

    fn is_any(&self) -> bool {
        self.table == 0 && self.protocol == 0 && self.kind == 0 && self.interface == 0
    }

    fn admits(&self, shown: &Shown) -> bool {
        (self.table == 0 || self.table == u32::from(shown.table))
            && (self.protocol == 0 || self.protocol == shown.protocol)
            && (self.kind == 0 || self.kind == shown.kind)
            && (self.interface == 0 || shown.interface.is_some_and(|it| it.get() == self.interface))
    }
}

pub(super) fn dump(request: &Request<'_>, family: u8) -> Outcome<Done> {
    let filter = Filter::read(request)?;
    let tables = [TABLE_MAIN, TABLE_LOCAL, TABLE_DEFAULT].map(u32::from);
    if filter.table != 0 && !tables.contains(&filter.table) {
        let text =
            if family == super::V6 { "MR table does not exist" } else { "ipv4: FIB table does not exist" };
        return Err(Refusal::new(Errno::ENOENT).because(text));
    }
    let network = &request.context.world.network;
    let known = network.network(|network| interface(network, filter.interface).is_some());
    if filter.interface != 0 && !known {
        return Err(Refusal::new(Errno::ENODEV));
    }
    let flags = if filter.is_any() { 0 } else { NLM_F_DUMP_FILTERED };
    answer(request, flags, |builder| {
        network.network(|network| {
            for v6 in [false, true].into_iter().filter(|v6| shows(family, *v6)) {
                let main = network.routes().iter().filter(|it| it.destination.address().is_ipv6() == v6);
                let mut shown: Vec<_> = main.map(Shown::from).collect();
                shown.extend(local::all(network.interfaces(), v6));
                shown.retain(|shown| filter.admits(shown));
                for one in &shown {
                    builder.begin(request.header(RTM_NEWROUTE, MULTI | flags));
                    fill(builder, one);
                }
            }
        });
    })
}

/// Says which way a packet goes.
pub(super) fn get(request: &Request<'_>, v6: bool) -> Outcome<Done> {
    let (header, attributes) = request.message.parts::<RTM>()?;
    let flags = u32::from_ne_bytes([header[8], header[9], header[10], header[11]]);
    let (mut to, mut from, mut over) = (None, None, None);
    for attribute in attributes {
        match attribute.kind {
            RTA_DST => to = Some(attribute.address(v6)?),
            RTA_SRC => from = Some(attribute.address(v6)?),
            RTA_OIF => over = InterfaceId::new(attribute.number()?),
            // Who asks does not change the way.
            RTA_UID => {}
            _ => return Err(unsupported(&attribute)),
        }
    }
    if flags & RTM_F_FIB_MATCH != 0 {
        return Err(NOT_SUPPORTED.because("Fibmatch is not supported"));
    }
    let to = to.unwrap_or(nowhere(v6));
    if over.is_some_and(|over| request.context.world.network.network(|it| it.interface(over).is_none())) {
        return Err(Refusal::new(Errno::ENODEV));
    }
    let (path, route) = request
        .context
        .world
        .network
        .network(|network| {
            let path = network.path(to, from, over)?;
            let route = network.routes().find(to, |route| route.interface == path.interface).copied();
            Ok((path, route.filter(|_| path.reach == Reach::Unicast)))
        })
        .map_err(|error| {
            Refusal::new(match error {
                PathError::Rejected(Action::Prohibit) => Errno::EACCES,
                PathError::Rejected(Action::Unreachable) => Errno::EHOSTUNREACH,
                PathError::Rejected(_) => Errno::EINVAL,
                PathError::NoDevice => Errno::ENODEV,
                PathError::Unreachable | PathError::NoSource => Errno::ENETUNREACH,
            })
        })?;
    let (kind, cached) = match path.reach {
        Reach::Local => (RTN_LOCAL, RTCF_LOCAL),
        Reach::Broadcast => (RTN_BROADCAST, RTCF_BROADCAST),
        Reach::Multicast => (RTN_MULTICAST, 0),
        Reach::Unicast => (RTN_UNICAST, 0),
    };
    let mut builder = Builder::with_capacity(256);
    builder.begin(request.header(RTM_NEWROUTE, 0));
    // While nobody changes the rules, Linux has what is local of IPv4 in the main table, too.
    let table = if v6 && path.reach == Reach::Local { TABLE_LOCAL } else { TABLE_MAIN };
    let width = if v6 { 128 } else { 32 };
    let (length, from_length) = (width, if v6 || from.is_some() { width } else { 0 });
    let protocol = if v6 { route.map_or(Origin::ADDRESS, |route| route.origin).0 } else { 0 };
    let flags = if v6 { 0 } else { RTM_F_CLONED | cached };
    let [f0, f1, f2, f3] = flags.to_ne_bytes();
    builder.put(&[
        family_of(to),
        length,
        from_length,
        0,
        table,
        protocol,
        SCOPE_UNIVERSE,
        kind,
        f0,
        f1,
        f2,
        f3,
    ]);
    builder.number(RTA_TABLE, table.into());
    builder.address(RTA_DST, path.destination);
    if v6 || from.is_some() {
        builder.address(RTA_SRC, from.unwrap_or(nowhere(v6)));
    }
    builder.number(RTA_OIF, path.interface.get());
    if path.next_hop != path.destination {
        builder.address(RTA_GATEWAY, path.next_hop);
    }
    if from.is_none() {
        builder.address(RTA_PREFSRC, path.source);
    }
    if v6 {
        builder.number(RTA_PRIORITY, route.map_or(0, |route| route.metric));
        builder.attribute(RTA_CACHEINFO, &[0; 32]);
        builder.byte(RTA_PREF, 0);
    } else {
        builder.number(RTA_UID, request.context.program.identity().users.effective);
        builder.attribute(RTA_CACHEINFO, &[0; 32]);
    }
    builder.end();
    request.answer(builder);
    Ok(Done::All)
}
