//! The values to try at a place, declared or not.

use alloc::{string::String, vec::Vec};

use linux_raw_sys::net;

use super::place::{Place, Spot};
use crate::{
    domain::{Domain, Kind, Width, show},
    explain::show_control,
};

/// A value and its name.
pub(super) type Candidate = (String, u64);

/// What the place can be given: every member, every bit, 0, what other rules list (`listed`), and what is beyond.
///
/// `now` is what stands there in an admitted call, `selector` what a dependent domain depends on.
pub(super) fn candidates(spot: &Spot, now: u64, selector: u64, listed: &[u64]) -> Vec<Candidate> {
    let Spot { place, kind, width } = *spot;
    let mut found = match (place, kind) {
        (Place::Beyond, _) => return Vec::new(),
        (Place::Control, _) => return control_messages(),
        (_, Kind::Enumeration(domain)) => members(domain, width, listed),
        (_, Kind::Dependent { variants, .. }) => match show::selected(variants, selector) {
            Some(domain) => members(domain, width, listed),
            None => numbers(listed.iter().copied().chain([0, 1, width.mask()])),
        },
        (_, Kind::BitSet(domain)) => bits(domain, width, 0, now),
        (_, Kind::Typed { values, flags }) => {
            let types = (0..16).map(|kind| (show::member(values, kind), now & !0xf | kind));
            types.chain(bits(flags, width, 0xf, now)).collect()
        }
        (_, Kind::Integer) => {
            let beside =
                listed.iter().flat_map(|value| [value.wrapping_sub(1), *value, value.wrapping_add(1)]);
            numbers(beside.map(|value| value & width.mask()).chain([0, width.mask()]))
        }
        _ => return Vec::new(),
    };
    let mut seen = Vec::new();
    found.retain(|(_, value)| {
        !seen.contains(value) && {
            seen.push(*value);
            true
        }
    });
    found
}

/// The control messages of SOL_SOCKET that can be sent.
fn control_messages() -> Vec<Candidate> {
    [net::SCM_RIGHTS, net::SCM_CREDENTIALS]
        .into_iter()
        .map(|kind| (show_control(net::SOL_SOCKET as i32, kind as i32), u64::from(kind)))
        .collect()
}

/// Every member once, 0, what else is listed, and what is beyond.
fn members(domain: &Domain, width: Width, listed: &[u64]) -> Vec<Candidate> {
    let mut values: Vec<u64> = domain.members.iter().map(|member| u64::from(member.value)).collect();
    values.push(0);
    let beyond = values.iter().copied().max().unwrap_or_default() + 1;
    values.extend(listed);
    values.sort_unstable();
    values.dedup();
    let mut named: Vec<_> = values.into_iter().map(|value| (show::member(domain, value), value)).collect();
    named.extend(numbers([beyond, width.mask()]));
    named
}

fn numbers(values: impl IntoIterator<Item = u64>) -> Vec<Candidate> {
    values.into_iter().map(|value| (show::value(Kind::Integer, value, 0), value)).collect()
}

/// Every bit outside the mask, added to what is there.
fn bits(domain: &Domain, width: Width, not: u64, now: u64) -> Vec<Candidate> {
    (0..width.bytes() * 8)
        .map(|bit| 1_u64 << bit)
        .filter(|bit| not & bit == 0)
        .map(|bit| (show::bits(domain, bit).join(" | "), now | bit))
        .collect()
}
