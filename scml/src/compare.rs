//! What one profile supports and another does not.
//!
//! Rules are not compared with rules but by what they admit: calls that stand for everything that either profile declares,
//! on every kind of socket that can be made under either, are judged by both.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::{String, ToString},
    vec::Vec,
};

use linux_raw_sys::net;

use crate::{
    call::Call,
    domain::{Kind, Member, constants, show, signature, structs},
    probe::{self, Sample},
    subject::{Descriptor, SocketState},
    tables::{AlternativeKind, Tables},
};

/// The kind of socket that a call is about: family and type.
pub type SocketType = (u16, u8);

/// Arguments with the values that are supported; an empty name stands for the call as such.
type Values = BTreeMap<String, Vec<String>>;

/// What only one of two profiles supports, by kind of socket, call and argument.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Support {
    /// For calls that are not about one socket, the key is `None`.
    pub sockets: BTreeMap<Option<SocketType>, BTreeMap<Call, Values>>,
    /// Kinds of sockets that cannot be made under the other profile at all.
    pub unknown: BTreeSet<SocketType>,
    /// Calls that are not for sockets only, and for which only this profile has rules: under the other one they are not
    /// checked at all. They are left out above.
    pub governs: BTreeSet<Call>,
}

impl Support {
    fn add(&mut self, socket: Option<SocketType>, call: Call, argument: &str, value: &str) {
        let calls = self.sockets.entry(socket).or_default();
        let values = calls.entry(call).or_default().entry(argument.to_string()).or_default();
        if !value.is_empty() && !values.iter().any(|known| known == value) {
            values.push(value.to_string());
        }
    }

    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sockets.is_empty() && self.governs.is_empty()
    }
}

/// What `one` supports and `other` does not, and the reverse.
#[must_use]
pub fn compare(one: &Tables<'_>, other: &Tables<'_>) -> [Support; 2] {
    let sides = [Side::new(one), Side::new(other)];
    let mut support = [Support::default(), Support::default()];
    creation(&sides, &mut support);
    for (index, side) in sides.iter().enumerate() {
        let only = |call: &Call| side.tables.governs(*call) && !sides[1 - index].tables.governs(*call);
        support[index].governs = Call::ALL.iter().copied().filter(only).collect();
    }
    let not_compared: BTreeSet<Call> = support.iter().flat_map(|side| side.governs.iter().copied()).collect();
    let kinds: BTreeSet<SocketType> = sides.iter().flat_map(|side| side.makes.keys().copied()).collect();
    for side in &sides {
        for declared in probe::alternatives(side.tables) {
            let call = declared.sample.call;
            let selects = selects(call, declared.parameter.into()) && !declared.argument.contains('.');
            if matches!(call, Call::Socket | Call::Socketpair) || selects || not_compared.contains(&call) {
                continue;
            }
            let what = match declared.kind {
                AlternativeKind::Call | AlternativeKind::Descriptor => (String::new(), String::new()),
                _ => named(&declared.sample, &declared.argument, &declared.name),
            };
            if !takes_descriptor(call) {
                judge(&sides, &declared.sample, None, (&what.0, &what.1), &mut support);
                continue;
            }
            for kind in kinds
                .iter()
                .filter(|kind| sensible(&declared.argument, declared.value, &declared.sample, **kind))
            {
                judge(&sides, &declared.sample, Some(*kind), (&what.0, &what.1), &mut support);
            }
        }
    }
    support
}

/// A profile, and the sockets that can be made under it with a protocol for each.
struct Side<'a> {
    tables: &'a Tables<'a>,
    makes: BTreeMap<SocketType, Vec<u32>>,
}

impl<'a> Side<'a> {
    fn new(tables: &'a Tables<'a>) -> Self {
        let mut makes: BTreeMap<SocketType, Vec<u32>> = BTreeMap::new();
        for family in values(constants::FAMILY.members) {
            for kind in values(constants::TYPE.members) {
                for protocol in protocols(family) {
                    let makes_it = [Call::Socket, Call::Socketpair]
                        .iter()
                        .any(|call| makes_one(tables, *call, family, kind, protocol));
                    if makes_it {
                        makes.entry((family as u16, kind as u8)).or_default().push(protocol);
                    }
                }
            }
        }
        Self { tables, makes }
    }

    /// Whether the call is admitted on some socket of that kind.
    fn admits(&self, sample: &Sample, kind: Option<SocketType>) -> bool {
        let Some((family, number)) = kind else { return sample.admit(self.tables).is_ok() };
        let Some(protocols) = self.makes.get(&(family, number)) else { return false };
        let states = match sample.state {
            Some(state) => alloc::vec![state],
            None => alloc::vec![SocketState::Connected],
        };
        protocols.iter().any(|protocol| {
            let descriptor = Descriptor::new(family, number, shown_protocol(family, number, *protocol));
            states.iter().any(|state| {
                let sample = Sample { descriptor: Some(descriptor), state: Some(*state), ..sample.clone() };
                sample.admit(self.tables).is_ok()
            })
        })
    }
}

/// The distinct values of members.
fn values(members: &[Member]) -> BTreeSet<u32> {
    members.iter().map(|member| member.value).collect()
}

/// 0, and the protocols that have a name.
fn protocols(family: u32) -> BTreeSet<u32> {
    let named = structs::PROTOCOLS.iter().find(|variant| variant.selector == family);
    let mut all = named.map_or_else(BTreeSet::new, |variant| values(variant.domain.members));
    all.insert(0);
    all
}

/// What SO_PROTOCOL shows.
fn shown_protocol(family: u16, kind: u8, protocol: u32) -> u16 {
    const STREAM: u8 = 1;
    const DGRAM: u8 = 2;
    match (u32::from(family), kind, protocol) {
        (net::AF_UNIX, ..) => 0,
        (net::AF_INET | net::AF_INET6, STREAM, 0) => net::IPPROTO_TCP as u16,
        (net::AF_INET | net::AF_INET6, DGRAM, 0) => net::IPPROTO_UDP as u16,
        _ => protocol as u16,
    }
}

fn makes_one(tables: &Tables<'_>, call: Call, family: u32, kind: u32, protocol: u32) -> bool {
    Sample::new(call, [family.into(), kind.into(), protocol.into(), 0, 0, 0]).admit(tables).is_ok()
}

/// Kinds of sockets, their protocols, and flags.
fn creation(sides: &[Side<'_>; 2], support: &mut [Support; 2]) {
    for (index, side) in sides.iter().enumerate() {
        let other = &sides[1 - index];
        for (kind, made) in &side.makes {
            if !other.makes.contains_key(kind) {
                support[index].unknown.insert(*kind);
            }
            let (family, number) = (u32::from(kind.0), u32::from(kind.1));
            for call in [Call::Socket, Call::Socketpair] {
                for protocol in made {
                    let has =
                        |side: &Side<'_>, kind: u32| makes_one(side.tables, call, family, kind, *protocol);
                    if !has(side, number) {
                        continue;
                    }
                    if !has(other, number) {
                        let parameter = signature(call).parameters[2].kind;
                        let value = show::value(parameter, (*protocol).into(), family.into());
                        support[index].add(Some(*kind), call, "protocol", &value);
                        continue;
                    }
                    for flag in constants::TYPE_FLAGS.members {
                        if has(side, number | flag.value) && !has(other, number | flag.value) {
                            support[index].add(Some(*kind), call, "type", flag.name);
                        }
                    }
                }
            }
        }
    }
}

fn takes_descriptor(call: Call) -> bool {
    signature(call).parameters.iter().any(|parameter| matches!(parameter.kind, Kind::Descriptor))
}

/// Whether another argument depends on this one: it is spoken of together with that.
fn selects(call: Call, index: usize) -> bool {
    let depends = |kind: Kind| matches!(kind, Kind::Dependent { on, .. } if usize::from(on) == index);
    signature(call).parameters.iter().any(|parameter| depends(parameter.kind))
}

/// Judges a call under both profiles. Where both admit it, each of its scalar arguments is varied.
fn judge(
    sides: &[Side<'_>; 2],
    sample: &Sample,
    kind: Option<SocketType>,
    (argument, value): (&str, &str),
    support: &mut [Support; 2],
) {
    match sides.each_ref().map(|side| side.admits(sample, kind)) {
        [true, false] => support[0].add(kind, sample.call, argument, value),
        [false, true] => support[1].add(kind, sample.call, argument, value),
        [false, false] => {}
        [true, true] => {
            for (varied, argument, value) in variations(sample) {
                match sides.each_ref().map(|side| side.admits(&varied, kind)) {
                    [true, false] => support[0].add(kind, sample.call, &argument, &value),
                    [false, true] => support[1].add(kind, sample.call, &argument, &value),
                    _ => {}
                }
            }
        }
    }
}

/// The call with every other member of each of its enumerations and with every flag.
fn variations(sample: &Sample) -> Vec<(Sample, String, String)> {
    let parameters = signature(sample.call).parameters;
    let mut all = Vec::new();
    for (index, parameter) in parameters.iter().enumerate() {
        let register = sample.registers[index];
        let domain = match parameter.kind {
            Kind::Enumeration(domain) if !selects(sample.call, index) => domain,
            Kind::Dependent { on, variants } => {
                match show::selected(variants, sample.registers[usize::from(on)] & 0xffff_ffff) {
                    Some(domain) => domain,
                    None => continue,
                }
            }
            Kind::BitSet(domain) => domain,
            _ => continue,
        };
        for value in values(domain.members) {
            let mut varied = sample.clone();
            varied.registers[index] = match parameter.kind {
                Kind::BitSet(_) => register | u64::from(value),
                _ => value.into(),
            };
            let (argument, name) = named(&varied, parameter.name, &show::member(domain, value.into()));
            all.push((varied, argument, name));
        }
    }
    all
}

/// An option's level stands before its name, and the argument's name is not needed then.
fn named(sample: &Sample, argument: &str, value: &str) -> (String, String) {
    if argument != "optname" {
        return (argument.to_string(), value.to_string());
    }
    let level = signature(sample.call).parameters[1].kind;
    (show::value(level, sample.registers[1], 0), value.to_string())
}

/// Whether an alternative means something to such a socket: an address of another family does not, nor does an option of
/// another protocol.
fn sensible(argument: &str, value: u64, sample: &Sample, (family, kind): SocketType) -> bool {
    const STREAM: u8 = 1;
    let family = u32::from(family);
    if argument.ends_with("_family") {
        return value == u64::from(family);
    }
    if !matches!(sample.call, Call::Getsockopt | Call::Setsockopt) {
        return true;
    }
    let inet = family == net::AF_INET || family == net::AF_INET6;
    match sample.registers[1] as u32 {
        net::SOL_SOCKET => true,
        net::SOL_IP => inet,
        net::SOL_TCP => inet && kind == STREAM,
        net::SOL_UDP | net::SOL_UDPLITE | net::SOL_RAW => inet && kind != STREAM,
        net::SOL_IPV6 | net::SOL_ICMPV6 => family == net::AF_INET6,
        net::SOL_NETLINK => family == net::AF_NETLINK,
        net::SOL_PACKET => family == net::AF_PACKET,
        net::AF_VSOCK | linux_raw_sys::vm_sockets::SOL_VSOCK => family == net::AF_VSOCK,
        _ => true,
    }
}
