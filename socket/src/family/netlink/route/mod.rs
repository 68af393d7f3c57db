//! NETLINK_ROUTE (`rtnetlink(7)`): links, addresses, routes, neighbours and rules, as the tables of net-stack have them.
//!
//! | file | what |
//! |---|---|
//! | `link` | interfaces: shown; `link_change`: made, changed and removed |
//! | `addresses` | what addresses they have |
//! | `routes` | which way packets go; `routes_change`: added and removed |
//! | `local` | which addresses are this host's, as the routes of the table `local` |
//! | `neighbours` | who is where on a link |
//! | `rules` | which table is looked at: those of Linux's start, which stay |
//! | `notify` | what changes, for who listens |

mod addresses;
mod link;
mod link_change;
mod local;
mod neighbours;
mod notify;
mod routes;
mod routes_change;
mod rules;

use linux_raw_sys::net::{AF_INET, AF_INET6, AF_UNSPEC};
use net_stack::{
    address::{IpAddr, Ipv4Addr, Ipv6Addr},
    net::{Interface, InterfaceId, Network},
};

use super::{
    dump::{self, Dump, END, end_of},
    message::{Attribute, Builder},
    request::{Done, Outcome, Refusal, Request},
    uapi::{
        NLM_F_DUMP, NLM_F_MULTI, RTM_DELADDR, RTM_DELLINK, RTM_DELNEIGH, RTM_DELROUTE, RTM_GETADDR,
        RTM_GETLINK, RTM_GETNEIGH, RTM_GETROUTE, RTM_GETRULE, RTM_NEWADDR, RTM_NEWLINK, RTM_NEWNEIGH,
        RTM_NEWROUTE, RTM_SETLINK,
    },
};
use crate::error::Errno;

const V4: u8 = AF_INET as u8;
const V6: u8 = AF_INET6 as u8;
const ANY: u8 = AF_UNSPEC as u8;

const NOT_SUPPORTED: Refusal = Refusal::new(Errno::EOPNOTSUPP);

/// Does what a request asks for.
pub(super) fn perform(request: &Request<'_>) -> Outcome<Done> {
    let kind = request.message.kind;
    // As on Linux, what is too short to name a family is passed over.
    let Some(family) = request.message.body().first().copied() else { return Ok(Done::All) };
    let gets = kind % 4 == RTM_GETLINK % 4;
    if !gets && !request.context.may_administer() {
        return Err(Refusal::new(Errno::EPERM));
    }
    let dumps = gets && request.message.flags & NLM_F_DUMP != 0;
    match kind {
        RTM_GETLINK if dumps => link::dump(request),
        RTM_GETLINK => link::get(request),
        RTM_NEWLINK | RTM_SETLINK => link_change::set(request),
        RTM_DELLINK => link_change::delete(request),
        RTM_GETADDR if dumps => addresses::dump(request, family),
        RTM_NEWADDR if family == V4 || family == V6 => addresses::add(request, family == V6),
        RTM_DELADDR if family == V4 || family == V6 => addresses::remove(request, family == V6),
        RTM_GETROUTE if dumps => routes::dump(request, family),
        RTM_GETROUTE if family == V4 || family == V6 => routes::get(request, family == V6),
        RTM_NEWROUTE if family == V4 || family == V6 => routes_change::add(request, family == V6),
        RTM_DELROUTE if family == V4 || family == V6 => routes_change::remove(request, family == V6),
        RTM_GETNEIGH if dumps => neighbours::dump(request, family),
        RTM_GETNEIGH => neighbours::get(request),
        RTM_NEWNEIGH => neighbours::add(request),
        RTM_DELNEIGH => neighbours::remove(request),
        RTM_GETRULE if dumps => rules::dump(request, family),
        _ => Err(NOT_SUPPORTED),
    }
}

/// Answers with the messages that `fill` builds, in parts.
///
/// # Errors
/// EBUSY while an answer to another request has not been received.
pub(super) fn answer(request: &Request<'_>, flags: u16, fill: impl FnOnce(&mut Builder)) -> Outcome<Done> {
    if request.endpoint.dumps() {
        return Err(Refusal::new(Errno::EBUSY));
    }
    let mut builder = Builder::with_capacity(1024);
    fill(&mut builder);
    let (sequence, port) = (request.message.sequence, request.endpoint.port());
    // Most answers are short.
    if builder.length() + END <= request.endpoint.part_limit() {
        dump::end(&mut builder, end_of(sequence, port, flags));
        request.answer(builder);
    } else if !request.endpoint.begin(Dump::new(builder.finish(), sequence, port, flags)) {
        // Another thread was faster.
        return Err(Refusal::new(Errno::EBUSY));
    }
    Ok(Done::Dump)
}

/// The flags of messages in answers of many.
pub(super) const MULTI: u16 = NLM_F_MULTI;

/// For attributes that are not supported.
fn unsupported(attribute: &Attribute<'_>) -> Refusal {
    NOT_SUPPORTED.because("Attribute is not supported").at(attribute.offset)
}

/// The interface of that index.
fn interface(network: &Network, index: u32) -> Option<&Interface> {
    network.interface(InterfaceId::new(index)?)
}

fn family_of(address: IpAddr) -> u8 {
    if address.is_ipv6() { V6 } else { V4 }
}

fn is_wanted(family: u8, address: IpAddr) -> bool {
    family == ANY || family == family_of(address)
}

/// Whether what is of a version is to be shown to who asks for a family.
const fn shows(family: u8, v6: bool) -> bool {
    family == ANY || (family == V6) == v6
}

/// The address that stands for none.
fn nowhere(v6: bool) -> IpAddr {
    if v6 { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() }
}
