//! Routes that are added and removed (`inet_rtm_newroute` and `inet6_rtm_newroute` of Linux).

use net_stack::{
    address::{IpAddr, Prefix},
    net::{Action, InterfaceId, Network, Origin, Reach, Route},
};

use super::{
    super::{
        request::{Done, Outcome, Refusal, Request},
        uapi::*,
    },
    NOT_SUPPORTED, interface, nowhere,
    routes::RTM,
    unsupported,
};
use crate::error::Errno;

/// The metric of routes of IPv6 that say none (IP6_RT_PRIO_USER).
const METRIC_V6: u32 = 1024;

/// What a message says of a route.
struct Wanted {
    destination: Prefix,
    table: u32,
    protocol: u8,
    scope: u8,
    kind: u8,
    flags: u32,
    interface: u32,
    gateway: Option<IpAddr>,
    metric: Option<u32>,
    source: Option<IpAddr>,
}

impl Wanted {
    fn read(request: &Request<'_>, v6: bool) -> Outcome<Self> {
        let (header, attributes) = request.message.parts::<RTM>()?;
        let &[_, length, src_length, tos, table, protocol, scope, kind, f0, f1, f2, f3] = header;
        let width = if v6 { 128 } else { 32 };
        if length > width {
            return Err(Refusal::new(Errno::EINVAL).because("Invalid prefix length"));
        }
        if src_length != 0 || tos != 0 {
            return Err(NOT_SUPPORTED.because("Routes by source or type of service are not supported"));
        }
        let mut wanted = Self {
            destination: Prefix::new(nowhere(v6), length),
            table: table.into(),
            protocol,
            scope,
            kind,
            flags: u32::from_ne_bytes([f0, f1, f2, f3]),
            interface: 0,
            gateway: None,
            metric: None,
            source: None,
        };
        for attribute in attributes {
            match attribute.kind {
                RTA_DST => {
                    let to = attribute.address(v6)?;
                    wanted.destination = Prefix::new(to, length);
                    if wanted.destination.address() != to && !v6 {
                        return Err(
                            Refusal::new(Errno::EINVAL).because("Invalid prefix for given prefix length")
                        );
                    }
                }
                RTA_OIF => wanted.interface = attribute.number()?,
                RTA_GATEWAY => {
                    let gateway = attribute.address(v6)?;
                    wanted.gateway = Some(gateway).filter(|gateway| !gateway.is_unspecified());
                }
                RTA_PRIORITY => wanted.metric = Some(attribute.number()?),
                RTA_PREFSRC => wanted.source = Some(attribute.address(v6)?),
                RTA_TABLE => wanted.table = attribute.number()?,
                RTA_PREF => {
                    if attribute.byte()? != 0 {
                        return Err(unsupported(&attribute));
                    }
                }
                _ => return Err(unsupported(&attribute)),
            }
        }
        Ok(wanted)
    }

    fn is_in_main(&self) -> bool {
        self.table == 0 || self.table == u32::from(TABLE_MAIN)
    }

    fn action(&self) -> Outcome<Action> {
        Ok(match self.kind {
            RTN_UNSPEC | RTN_UNICAST => Action::Pass,
            RTN_BLACKHOLE => Action::Blackhole,
            RTN_UNREACHABLE => Action::Unreachable,
            RTN_PROHIBIT => Action::Prohibit,
            _ => return Err(NOT_SUPPORTED.because("Type of route is not supported")),
        })
    }
}

/// Where a router is, and whether it can be reached without another one.
fn next_hop(network: &Network, wanted: &Wanted, v6: bool) -> Outcome<InterfaceId> {
    let refused = |errno, text| Err(Refusal::new(errno).because(text));
    let named = match wanted.interface {
        0 => None,
        index => Some(interface(network, index).ok_or(Refusal::new(Errno::ENODEV))?),
    };
    if named.is_some_and(|named| !named.up) {
        let text = if v6 { "Nexthop device is not up" } else { "Device for nexthop is not up" };
        return refused(Errno::ENETDOWN, text);
    }
    let Some(gateway) = wanted.gateway else {
        return match named {
            Some(named) => Ok(named.id),
            None if v6 => refused(Errno::ENODEV, "Nexthop device required for nexthop"),
            None => Err(Refusal::new(Errno::ENODEV)),
        };
    };
    let unreachable = if v6 { Errno::EHOSTUNREACH } else { Errno::ENETUNREACH };
    match network.path(gateway, None, named.map(|named| named.id)) {
        Ok(path) if path.reach == Reach::Unicast && path.next_hop == gateway => {
            let on_link = network.routes().find(gateway, |route| route.interface == path.interface);
            if on_link.is_some() {
                Ok(path.interface)
            } else {
                refused(unreachable, "Nexthop has invalid gateway")
            }
        }
        _ => refused(if v6 { Errno::EINVAL } else { unreachable }, "Nexthop has invalid gateway"),
    }
}

pub(super) fn add(request: &Request<'_>, v6: bool) -> Outcome<Done> {
    let wanted = Wanted::read(request, v6)?;
    if !wanted.is_in_main() {
        return Err(NOT_SUPPORTED.because("Only the table main can be changed"));
    }
    let action = wanted.action()?;
    let known = RTNH_F_LINKDOWN;
    if wanted.flags & !known != 0 {
        return Err(NOT_SUPPORTED.because("Flag of route is not supported"));
    }
    if !v6 && action == Action::Pass {
        let usual = if wanted.gateway.is_some() { SCOPE_UNIVERSE } else { SCOPE_LINK };
        if wanted.scope != usual {
            return Err(NOT_SUPPORTED.because("Scope of route is not supported"));
        }
    }
    request.context.world.network.configure(|network| {
        let id = match action {
            Action::Pass => next_hop(network, &wanted, v6)?,
            _ => InterfaceId::LOOPBACK,
        };
        if wanted.source.is_some_and(|source| !network.is_local(source)) {
            let text = if v6 { "Invalid source address" } else { "Invalid prefsrc address" };
            return Err(Refusal::new(Errno::EINVAL).because(text));
        }
        let metric = wanted.metric.filter(|metric| !v6 || *metric != 0);
        let route = Route {
            metric: metric.unwrap_or(if v6 { METRIC_V6 } else { 0 }),
            gateway: wanted.gateway.filter(|_| action == Action::Pass),
            source: wanted.source,
            action,
            origin: Origin(wanted.protocol),
            ..Route::on_link(wanted.destination, id)
        };
        let same = |known: &&Route| known.destination == route.destination && known.metric == route.metric;
        let before = network.routes().iter().find(same).copied();
        match before {
            Some(_) if request.has(NLM_F_EXCL) => return Err(Refusal::new(Errno::EEXIST)),
            Some(before) if request.has(NLM_F_REPLACE) => {
                network.remove_route(&before);
            }
            Some(_) if !request.has(NLM_F_APPEND) && !v6 && !request.has(NLM_F_CREATE) => {
                return Err(Refusal::new(Errno::EEXIST));
            }
            None if !request.has(NLM_F_CREATE) => return Err(Refusal::new(Errno::ENOENT)),
            _ => {}
        }
        if network.add_route(route) {
            Ok(Done::All)
        } else if request.has(NLM_F_APPEND) {
            Err(NOT_SUPPORTED.because("Two ways to one destination are not supported"))
        } else {
            Err(Refusal::new(Errno::EEXIST))
        }
    })
}

pub(super) fn remove(request: &Request<'_>, v6: bool) -> Outcome<Done> {
    let wanted = Wanted::read(request, v6)?;
    if !wanted.is_in_main() {
        return Err(Refusal::new(Errno::ESRCH));
    }
    let action = (wanted.kind != RTN_UNSPEC).then(|| wanted.action()).transpose()?;
    request.context.world.network.configure(|network| {
        let is_meant = |route: &&Route| {
            route.destination == wanted.destination
                && wanted.metric.is_none_or(|metric| route.metric == metric)
                && wanted.gateway.is_none_or(|gateway| route.gateway == Some(gateway))
                && (wanted.interface == 0 || route.interface.get() == wanted.interface)
                && wanted.source.is_none_or(|source| route.source == Some(source))
                && (wanted.protocol == 0 || v6 && wanted.protocol == 3 || route.origin.0 == wanted.protocol)
                && action.is_none_or(|action| route.action == action)
        };
        let found = network.routes().iter().find(is_meant).copied();
        let route = found.ok_or(Refusal::new(Errno::ESRCH))?;
        network.remove_route(&route);
        Ok(Done::All)
    })
}
