//! What has to be tried so that a profile is proven: each declared alternative, and the undeclared neighbours of each
//! argument.
//!
//! A [`Sample`] is a call that can be judged and made. Its registers hold the scalars; what pointers have to reach is
//! described beside them.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};

use linux_raw_sys::net;

use crate::{
    call::Call,
    domain::{Domain, Kind, Parameter, Width, constants, show, signature},
    explain::{Explanation, show_control},
    matcher::Refusal,
    subject::{
        Address, ControlHeader, Descriptor, FAMILIES, FAMILY_BITS, Message, SocketState, Subject, TYPES,
    },
    tables::{Alternative, AlternativeKind, Bits, LAYOUTS, Row, Tables},
};

/// A call that stands for many.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sample {
    /// Which call.
    pub call: Call,
    /// The scalar parameters; those that are pointers or descriptors are 0.
    pub registers: [u64; 6],
    /// What the descriptor has to be.
    pub descriptor: Option<Descriptor>,
    /// In which state, where the rule says so.
    pub state: Option<SocketState>,
    /// The family of the address argument, or of `msg_name`; `None` leaves it out.
    pub family: Option<u16>,
    /// The control messages to send; `None` where there are none.
    pub control: Option<Vec<ControlHeader>>,
}

/// A declared alternative, and a call that makes use of it and that the rule admits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Declared {
    /// The index in [`Tables::alternatives`].
    pub index: usize,
    /// The rule's number.
    pub rule: u16,
    /// `call#n`
    pub rule_id: String,
    /// The parameter's index.
    pub parameter: u8,
    /// The parameter's name, and the fields from it to the value, separated by points.
    pub argument: String,
    /// The alternative's name, as the rule has it.
    pub name: String,
    /// Its value.
    pub value: u64,
    /// What it is.
    pub kind: AlternativeKind,
    /// The call.
    pub sample: Sample,
}

/// A call that differs from an admitted one in one argument and that no rule admits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Neighbour {
    /// The rule's number.
    pub rule: u16,
    /// `call#n`
    pub rule_id: String,
    /// The parameter's index.
    pub parameter: u8,
    /// The parameter's name, and the fields from it to the value, separated by points.
    pub argument: String,
    /// The value by name; bits without a name in hexadecimal.
    pub name: String,
    /// The value: of the register, or what was put into the sample.
    pub value: u64,
    /// The errno of the refusal: what the guest has to show where Linux does not refuse the call itself.
    pub errno: u16,
    /// The call.
    pub sample: Sample,
}

/// A sample with what its pointers reach, to be judged.
struct Judged<'a> {
    sample: &'a Sample,
    address: Option<[u8; 2]>,
}

impl Subject for Judged<'_> {
    fn parameter(&self, index: usize) -> u64 {
        self.sample.registers.get(index).copied().unwrap_or_default()
    }

    fn descriptor(&self) -> Option<Descriptor> {
        self.sample.descriptor
    }

    fn state(&self) -> SocketState {
        self.sample.state.unwrap_or(SocketState::Connected)
    }

    fn address(&self) -> Option<Address<'_>> {
        self.address.as_ref().map(|bytes| Address { bytes })
    }

    fn message(&self) -> Option<Message<'_>> {
        let control = self.sample.control.as_deref();
        let control_length = control.unwrap_or_default().iter().map(|header| header.length).sum();
        Some(Message { name: self.address(), parts: 1, control, control_length, flags: 0 })
    }
}

impl Sample {
    /// A call with these scalars, and nothing else.
    #[must_use]
    pub const fn new(call: Call, registers: [u64; 6]) -> Self {
        Self { call, registers, descriptor: None, state: None, family: None, control: None }
    }

    /// Judges the call.
    ///
    /// # Errors
    /// As [`Tables::admit`].
    pub fn admit(&self, tables: &Tables<'_>) -> Result<u16, Refusal> {
        tables.admit(self.call, &self.judged()).map(|hit| hit.rule)
    }

    /// Why the call is refused; `None` where it is admitted.
    #[must_use]
    pub fn explain(&self, tables: &Tables<'_>) -> Option<Explanation> {
        let refusal = self.admit(tables).err()?;
        Some(tables.explain(self.call, &self.judged(), refusal))
    }

    fn judged(&self) -> Judged<'_> {
        Judged { sample: self, address: self.family.map(u16::to_ne_bytes) }
    }

    /// The same call with another value at a place; `None` where samples do not reach.
    fn with(&self, place: Place, value: u64) -> Option<Self> {
        let mut sample = self.clone();
        match place {
            Place::Register(index) => *sample.registers.get_mut(index)? = value,
            Place::Family => sample.family = Some(u16::try_from(value).ok()?),
            Place::ControlLevel => sample.only_control()?.level = value as u32 as i32,
            Place::ControlType => sample.only_control()?.kind = value as u32 as i32,
            Place::Control if value == 0 => sample.control = None,
            Place::Control => {
                let header = ControlHeader {
                    length: CONTROL_LENGTH,
                    level: net::SOL_SOCKET as i32,
                    kind: value as u32 as i32,
                };
                sample.control = Some(alloc::vec![header]);
            }
            Place::Beyond => return None,
        }
        Some(sample)
    }

    fn only_control(&mut self) -> Option<&mut ControlHeader> {
        self.control.as_mut()?.first_mut()
    }
}

/// A stream socket.
const SOCK_STREAM: u16 = 1;

/// A header and one descriptor or number.
const CONTROL_LENGTH: usize = 20;

/// Where in a sample an argument is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Register(usize),
    /// Of the address, or of `msg_name`.
    Family,
    /// All control messages.
    Control,
    ControlLevel,
    ControlType,
    /// Not in the sample: a descriptor's facts, a path.
    Beyond,
}

fn place(parameter: &Parameter, index: usize, path: &str) -> Place {
    match (parameter.kind, path.rsplit('.').next().unwrap_or_default()) {
        (Kind::Descriptor, _) => Place::Beyond,
        (
            _,
            "sa_family" | "sun_family" | "sin_family" | "sin6_family" | "nl_family" | "svm_family"
            | "sll_family",
        ) => Place::Family,
        (_, "msg_control") => Place::Control,
        (_, "cmsg_level") => Place::ControlLevel,
        (_, "cmsg_type") => Place::ControlType,
        (
            Kind::Struct { .. } | Kind::Array { .. } | Kind::Buffer | Kind::Path | Kind::OptionValue { .. },
            _,
        ) => Place::Beyond,
        (_, _) => Place::Register(index),
    }
}

/// Every declared alternative of the profile with a call that makes use of it, in the order of the rules.
#[must_use]
pub fn alternatives(tables: &Tables<'_>) -> Vec<Declared> {
    let mut declared = Vec::new();
    for (index, alternative) in tables.alternatives.iter().enumerate() {
        let Some(rule) = tables.rules.get(usize::from(alternative.rule)) else { continue };
        let place = place(
            &signature(rule.call).parameters[usize::from(alternative.parameter)],
            alternative.parameter.into(),
            tables.text(alternative.path),
        );
        let samples = samples(tables, alternative.rule);
        let of_this = |sample: &Sample| {
            sample.admit(tables) == Ok(alternative.rule)
                && tables.uses(rule.call, &sample.judged(), alternative)
        };
        let varied =
            samples.iter().filter_map(|sample| sample.with(place, value_in(sample, place, alternative)));
        // A rule that an earlier one shadows is still shown by the base sample.
        let sample = samples.iter().cloned().chain(varied).find(of_this).or_else(|| samples.first().cloned());
        let Some(sample) = sample else { continue };
        declared.push(Declared {
            index,
            rule: alternative.rule,
            rule_id: tables.rule_id(alternative.rule),
            parameter: alternative.parameter,
            argument: tables.argument(alternative),
            name: tables.text(alternative.name).to_string(),
            value: alternative.value,
            kind: alternative.kind,
            sample,
        });
    }
    declared
}

/// The value with which an alternative appears in a register: a flag is added, a member replaces.
fn value_in(sample: &Sample, place: Place, alternative: &Alternative) -> u64 {
    match (alternative.kind, place) {
        (AlternativeKind::Flag, Place::Register(index)) => sample.registers[index] | alternative.value,
        _ => alternative.value,
    }
}

/// The calls next to what a rule admits: each argument that the rule names, with every other member of its domain, with
/// every unknown bit, and with a value beyond all members.
#[must_use]
pub fn neighbours(tables: &Tables<'_>, rule: u16) -> Vec<Neighbour> {
    let mut neighbours: Vec<Neighbour> = Vec::new();
    let Some(call) = tables.rules.get(usize::from(rule)).map(|rule| rule.call) else { return neighbours };
    let samples = samples(tables, rule);
    let Some(base) = samples.iter().find(|sample| sample.admit(tables).is_ok()) else { return neighbours };
    let mut seen: Vec<(u8, &str)> = Vec::new();
    for index in tables.alternatives_of(rule) {
        let alternative = &tables.alternatives[index];
        let path = tables.text(alternative.path);
        if seen.contains(&(alternative.parameter, path)) {
            continue;
        }
        seen.push((alternative.parameter, path));
        let parameter = &signature(call).parameters[usize::from(alternative.parameter)];
        let place = place(parameter, alternative.parameter.into(), path);
        for (name, value) in candidates(place, parameter, base) {
            let Some(sample) = base.with(place, value) else { continue };
            let Err(refusal) = sample.admit(tables) else { continue };
            neighbours.push(Neighbour {
                rule,
                rule_id: tables.rule_id(rule),
                parameter: alternative.parameter,
                argument: tables.argument(alternative),
                name,
                value,
                errno: refusal.errno,
                sample,
            });
        }
    }
    neighbours
}

/// The values to try at a place, declared or not.
fn candidates(place: Place, parameter: &Parameter, base: &Sample) -> Vec<(String, u64)> {
    match place {
        Place::Register(index) => match parameter.kind {
            Kind::Enumeration(domain) => members(domain, parameter.width),
            Kind::Dependent { on, variants } => {
                let selector = base.registers[usize::from(on)];
                show::selected(variants, selector)
                    .map_or_else(|| numbers(1, parameter.width), |domain| members(domain, parameter.width))
            }
            Kind::BitSet(domain) => bits(domain, parameter.width, 0, base.registers[index]),
            Kind::Typed { values, flags } => {
                let kept = base.registers[index] & !0xf;
                let types = (0..16).map(|kind| (show::member(values, kind), kept | kind));
                types.chain(bits(flags, parameter.width, 0xf, base.registers[index])).collect()
            }
            _ => Vec::new(),
        },
        Place::Family => members(&constants::FAMILY, Width::Bits16),
        Place::Control => control_messages(),
        Place::ControlLevel => members(&constants::LEVEL, Width::Bits32),
        Place::ControlType => members(&constants::SCM_SOCKET, Width::Bits32),
        Place::Beyond => Vec::new(),
    }
}

/// The control messages of SOL_SOCKET that can be sent.
fn control_messages() -> Vec<(String, u64)> {
    [net::SCM_RIGHTS, net::SCM_CREDENTIALS]
        .into_iter()
        .map(|kind| (show_control(net::SOL_SOCKET as i32, kind as i32), u64::from(kind)))
        .collect()
}

/// Every member once, 0, and what is beyond.
fn members(domain: &Domain, width: Width) -> Vec<(String, u64)> {
    let mut values: Vec<u64> = domain.members.iter().map(|member| u64::from(member.value)).collect();
    values.push(0);
    values.sort_unstable();
    values.dedup();
    let beyond = values.last().copied().unwrap_or_default() + 1;
    let mut named: Vec<_> = values.into_iter().map(|value| (show::member(domain, value), value)).collect();
    named.extend(numbers(beyond, width));
    named
}

/// A number beyond all members, and the largest, which is -1.
fn numbers(beyond: u64, width: Width) -> Vec<(String, u64)> {
    [beyond, width.mask()].map(|value| (show::value(Kind::Integer, value, 0), value)).into()
}

/// Every bit outside the mask, added to what is there.
fn bits(domain: &Domain, width: Width, not: u64, base: u64) -> Vec<(String, u64)> {
    (0..width.bytes() * 8)
        .map(|bit| 1_u64 << bit)
        .filter(|bit| not & bit == 0)
        .map(|bit| (show::bits(domain, bit).join(" | "), base | bit))
        .collect()
}

/// A call for each row of the rule, with the first value of everything.
fn samples(tables: &Tables<'_>, rule: u16) -> Vec<Sample> {
    let Some(call) = tables.rules.get(usize::from(rule)).map(|rule| rule.call) else { return Vec::new() };
    let rows = tables.rows[call.index()].iter().filter(|row| row.rule == rule);
    rows.flat_map(|row| sample(tables, call, row)).collect()
}

fn sample(tables: &Tables<'_>, call: Call, row: &Row) -> Vec<Sample> {
    let layout = &LAYOUTS[call.index()];
    let declared = |place_wanted: Place| {
        tables.alternatives_of(row.rule).map(|index| &tables.alternatives[index]).find(|alternative| {
            let index = usize::from(alternative.parameter);
            let at = place(&signature(call).parameters[index], index, tables.text(alternative.path));
            at == place_wanted && matches!(alternative.kind, AlternativeKind::Member)
        })
    };
    let fact = |path: &str| {
        tables
            .alternatives_of(row.rule)
            .map(|index| &tables.alternatives[index])
            .find(|alternative| tables.text(alternative.path) == path)
            .map(|alternative| alternative.value)
    };
    let mut registers = [0; 6];
    let mut set = |parameter: Option<u8>, value: u64| {
        if let Some(parameter) = parameter {
            registers[usize::from(parameter)] = value & 0xffff_ffff;
        }
    };
    let first = row.choice.base + u64::from(row.choice.set.trailing_zeros());
    set(layout.upper, first >> 32);
    set(layout.lower, first);
    // Any type: a stream.
    set(
        layout.typed,
        if row.bits.all() == Bits::ANY.types {
            SOCK_STREAM.into()
        } else {
            row.bits.all().trailing_zeros().into()
        },
    );
    let control = declared(Place::ControlLevel).or_else(|| declared(Place::ControlType)).map(|_| {
        let value = |place: Place, otherwise: u32| {
            declared(place).map_or(u64::from(otherwise), |it| it.value) as u32 as i32
        };
        let level = value(Place::ControlLevel, net::SOL_SOCKET);
        alloc::vec![ControlHeader {
            length: CONTROL_LENGTH,
            level,
            kind: value(Place::ControlType, net::SCM_RIGHTS)
        }]
    });
    let protocol = fact("protocol").filter(|_| layout.descriptor).unwrap_or_default() as u16;
    let descriptors =
        if layout.descriptor { descriptors(row.forbidden, protocol) } else { alloc::vec![None] };
    let family = declared(Place::Family).map(|alternative| alternative.value as u16);
    descriptors
        .into_iter()
        .map(|descriptor| Sample {
            call,
            registers,
            descriptor,
            state: fact("state").filter(|_| layout.descriptor).and_then(state),
            family,
            control: control.clone(),
        })
        .collect()
}

fn state(value: u64) -> Option<SocketState> {
    use SocketState::{Bound, Closed, Connected, Connecting, Listening, Unbound};
    [Unbound, Bound, Connecting, Connected, Listening, Closed].get(usize::try_from(value).ok()?).copied()
}

/// Every kind of socket that is not forbidden; a UNIX stream where anything goes.
fn descriptors(forbidden: u64, protocol: u16) -> Vec<Option<Descriptor>> {
    let free = |shift: u32, count: u32, any: u16| -> Vec<u16> {
        let mask = ((1_u64 << count) - 1) << shift;
        match forbidden & mask {
            0 => alloc::vec![any],
            _ => (0..count).filter(|bit| forbidden >> (shift + bit) & 1 == 0).map(|bit| bit as u16).collect(),
        }
    };
    debug_assert!(FAMILY_BITS.count_ones() == FAMILIES, "families stand first");
    let types = free(FAMILIES, TYPES, SOCK_STREAM);
    free(0, FAMILIES, net::AF_UNIX as u16)
        .into_iter()
        .flat_map(|family| types.iter().map(move |kind| Some(Descriptor::new(family, *kind as u8, protocol))))
        .collect()
}
