//! What probes are made on.

use alloc::{collections::BTreeSet, vec, vec::Vec};
use core::fmt;

use linux_raw_sys::net;

use crate::{
    call::Call,
    domain::{Kind, constants, show, signature, structs},
    subject::{Descriptor, SocketState},
    tables::{Alternative, AlternativeKind, Tables},
};

/// A kind of socket, as far as rules tell sockets apart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SocketKind {
    /// `AF_*`
    pub family: u16,
    /// `SOCK_*`, without flags.
    pub kind: u8,
    /// The protocol that a rule names; 0 for whichever the family takes.
    pub protocol: u16,
    /// The state that a rule names.
    pub state: Option<SocketState>,
}

impl SocketKind {
    /// A UNIX stream: what is taken where there is no choice.
    pub const UNIX_STREAM: Self = Self { family: net::AF_UNIX as u16, kind: 1, protocol: 0, state: None };

    /// As the matcher sees it.
    #[must_use]
    pub const fn descriptor(self) -> Descriptor {
        Descriptor::new(self.family, self.kind, self.protocol)
    }
}

impl fmt::Display for SocketKind {
    /// As rules have it: `AF_UNIX SOCK_STREAM`, then the protocol and the state where one is named.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let family = show::member(&constants::FAMILY, self.family.into());
        write!(f, "{family} {}", show::member(&constants::TYPE, self.kind.into()))?;
        if self.protocol != 0 {
            let protocol = structs::DESCRIPTOR.fields[2].kind;
            write!(f, " {}", show::value(protocol, self.protocol.into(), self.family.into()))?;
        }
        match self.state {
            Some(state) => write!(f, " {}", show::member(&constants::STATE, state as u64)),
            None => Ok(()),
        }
    }
}

/// The kinds of sockets that exist in a profile: what socket and socketpair make, and what other rules name. A UNIX stream
/// where there are none.
#[must_use]
pub fn kinds(tables: &Tables<'_>) -> Vec<SocketKind> {
    let mut found = BTreeSet::new();
    for rule in 0..tables.rule_count() as u16 {
        if let Some(call @ (Call::Socket | Call::Socketpair)) = call(tables, rule) {
            found.extend(made(tables, rule, call));
        }
    }
    let made: Vec<_> = found.iter().copied().collect();
    for rule in 0..tables.rule_count() as u16 {
        let named = named(tables, rule, &made);
        // In which state it is says nothing about what exists.
        found.extend(named.into_iter().flatten().map(|kind| SocketKind { state: None, ..kind }));
    }
    if found.is_empty() {
        found.insert(SocketKind::UNIX_STREAM);
    }
    found.into_iter().collect()
}

/// The kinds that a rule is about.
pub(super) fn of_rule(tables: &Tables<'_>, rule: u16, existing: &[SocketKind]) -> Vec<SocketKind> {
    let Some(call) = call(tables, rule) else { return Vec::new() };
    let parameters = signature(call).parameters;
    if parameters.iter().any(|parameter| matches!(parameter.kind, Kind::Descriptor)) {
        return named(tables, rule, existing).unwrap_or_else(|| existing.to_vec());
    }
    let made = made(tables, rule, call);
    // Calls that are not about one socket are tried with one.
    if made.is_empty() { existing.iter().copied().take(1).collect() } else { made }
}

fn call(tables: &Tables<'_>, rule: u16) -> Option<Call> {
    tables.rules.get(usize::from(rule)).map(|rule| rule.call)
}

fn declared<'t>(tables: &'t Tables<'_>, rule: u16) -> impl Iterator<Item = &'t Alternative> + 't {
    tables.alternatives[tables.alternatives_of(rule)].iter()
}

/// What a rule of socket or socketpair makes: each family with each type.
fn made(tables: &Tables<'_>, rule: u16, call: Call) -> Vec<SocketKind> {
    let members = |wanted: fn(Kind) -> bool| -> Vec<u64> {
        let here = |one: &&Alternative| {
            let parameter = signature(call).parameters.get(usize::from(one.parameter));
            one.kind == AlternativeKind::Member && parameter.is_some_and(|parameter| wanted(parameter.kind))
        };
        declared(tables, rule).filter(here).map(|one| one.value).collect()
    };
    let families = members(|kind| matches!(kind, Kind::Enumeration(_)));
    let types = members(|kind| matches!(kind, Kind::Typed { .. }));
    let of = |family: u64| {
        types.iter().map(move |kind| SocketKind {
            family: family as u16,
            kind: (kind & 0xf) as u8,
            protocol: 0,
            state: None,
        })
    };
    families.into_iter().flat_map(of).collect()
}

/// The kinds that a rule names for its descriptor; `None` where it names none.
fn named(tables: &Tables<'_>, rule: u16, made: &[SocketKind]) -> Option<Vec<SocketKind>> {
    const ANY: u64 = 0xffff;
    let facts = |name: &str| -> Vec<u64> {
        let here = declared(tables, rule).filter(|one| tables.text(one.path) == name);
        here.map(|one| one.value).collect()
    };
    let protocols = match facts("protocol") {
        none if none.is_empty() => vec![0],
        some => some,
    };
    let states = match facts("state") {
        none if none.is_empty() => vec![None],
        some => some.into_iter().map(state).collect(),
    };
    let descriptors: Vec<_> =
        declared(tables, rule).filter(|one| one.kind == AlternativeKind::Descriptor).collect();
    if descriptors.is_empty() {
        return None;
    }
    let mut kinds = Vec::new();
    for descriptor in descriptors {
        let (family, kind) = (descriptor.value & 0xffff, descriptor.value >> 16 & 0xffff);
        let fits = |one: &&SocketKind| {
            (family == ANY || family == u64::from(one.family)) && (kind == ANY || kind == u64::from(one.kind))
        };
        let exact = SocketKind { family: family as u16, kind: kind as u8, protocol: 0, state: None };
        let some: Vec<_> = match family != ANY && kind != ANY {
            true => vec![exact],
            false => made.iter().filter(fits).copied().collect(),
        };
        for kind in some {
            for protocol in &protocols {
                let protocol = *protocol as u16;
                let with = states.iter().map(|state| SocketKind { protocol, state: *state, ..kind });
                with.for_each(|kind| {
                    if !kinds.contains(&kind) {
                        kinds.push(kind);
                    }
                });
            }
        }
    }
    Some(kinds)
}

fn state(value: u64) -> Option<SocketState> {
    use SocketState::{Bound, Closed, Connected, Connecting, Listening, Unbound};
    [Unbound, Bound, Connecting, Connected, Listening, Closed].get(usize::try_from(value).ok()?).copied()
}
