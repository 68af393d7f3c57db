//! The probes of one rule.

use alloc::{
    collections::BTreeSet,
    string::{String, ToString},
    vec::Vec,
};

use super::{
    Declared, Neighbour,
    candidates::candidates,
    kinds::{SocketKind, of_rule},
    place::{Place, Spot},
    sample::Sample,
};
use crate::{
    call::Call,
    domain::{Kind, constants, show, signature},
    tables::{Alternative, AlternativeKind, LAYOUTS, Tables},
};

/// How many combinations of declared values are looked at for one that the rule admits.
const COMBINATIONS: usize = 4096;

/// The calls that are neighbours already.
pub(super) type Seen = BTreeSet<Sample>;

/// A rule, as far as samples of it are made.
pub(super) struct Plan<'t> {
    tables: &'t Tables<'t>,
    rule: u16,
    call: Call,
    /// What it is about.
    kinds: Vec<SocketKind>,
    /// Whether it is called on a socket.
    on_socket: bool,
    /// The parameter with the type of the socket to make.
    typed: Option<usize>,
    /// The declared members of each place.
    axes: Vec<(Place, Vec<u64>)>,
}

impl<'t> Plan<'t> {
    pub(super) fn new(tables: &'t Tables<'t>, rule: u16, existing: &[SocketKind]) -> Option<Self> {
        let call = tables.rules.get(usize::from(rule))?.call;
        let layout = &LAYOUTS[call.index()];
        let mut plan = Self {
            tables,
            rule,
            call,
            kinds: of_rule(tables, rule, existing),
            on_socket: layout.descriptor,
            typed: layout.typed.map(usize::from),
            axes: Vec::new(),
        };
        for (_, alternative) in plan.alternatives() {
            if alternative.kind != AlternativeKind::Member {
                continue;
            }
            let Spot { place, kind, .. } = plan.spot(alternative);
            if place == Place::Beyond || matches!(kind, Kind::Typed { .. }) {
                continue;
            }
            match plan.axes.iter_mut().find(|(known, _)| *known == place) {
                Some((_, values)) => values.push(alternative.value),
                None => plan.axes.push((place, alloc::vec![alternative.value])),
            }
        }
        Some(plan)
    }

    fn alternatives(&self) -> impl Iterator<Item = (usize, &'t Alternative)> + use<'t> {
        let tables = self.tables;
        tables.alternatives_of(self.rule).map(move |index| (index, &tables.alternatives[index]))
    }

    fn spot(&self, alternative: &Alternative) -> Spot {
        let parameter = &signature(self.call).parameters[usize::from(alternative.parameter)];
        Spot::find(parameter, alternative.parameter, self.tables.text(alternative.path))
    }

    /// What a sample is made on, or makes.
    fn kind_of(&self, sample: &Sample, kind: SocketKind) -> SocketKind {
        let Some(typed) = self.typed else { return kind };
        SocketKind { family: sample.registers[0] as u16, kind: (sample.registers[typed] & 0xf) as u8, ..kind }
    }

    /// The name of the level that a sample's value belongs to.
    fn under(&self, spot: &Spot, sample: &Sample) -> String {
        let level = match (spot.place, spot.kind) {
            // Of the family, what it is made on tells.
            (Place::Register(_), Kind::Dependent { on, .. }) if on > 0 => Place::Register(on.into()),
            (Place::ControlType, _) => Place::ControlLevel,
            _ => return String::new(),
        };
        show::member(&constants::LEVEL, sample.at(level))
    }

    /// Whether a place is filled in calls that are not about it.
    fn usual(&self, place: Place) -> bool {
        let named = matches!(self.call, Call::Bind | Call::Connect);
        match place {
            // What is made is told by the kind.
            Place::Register(0) => self.typed.is_none(),
            Place::Register(_) => true,
            Place::Family => named,
            Place::Field(field) => {
                let parameter = signature(self.call).parameters.get(usize::from(field.parameter));
                named || !parameter.is_some_and(Place::is_address)
            }
            Place::Control | Place::ControlLevel | Place::ControlType | Place::Beyond => false,
        }
    }

    /// An admitted call on that kind of socket with declared values at the usual places, and at `wanted` that value.
    fn sample(&self, on: SocketKind, wanted: Option<(Place, u64)>) -> Option<Sample> {
        let mut blank = Sample::new(self.call, [0; 6]);
        if self.on_socket {
            blank.descriptor = Some(on.descriptor());
            blank.state = on.state;
        }
        if let Some(typed) = self.typed {
            blank.registers[0] = on.family.into();
            blank.registers[typed] = on.kind.into();
        }
        let is_control = |place| matches!(place, Place::ControlLevel | Place::ControlType);
        let about_control = wanted.is_some_and(|(place, _)| is_control(place));
        let axes: Vec<_> = self
            .axes
            .iter()
            .filter(|(place, _)| wanted.is_none_or(|(wanted, _)| wanted != *place))
            .filter(|(place, _)| self.usual(*place) || about_control && is_control(*place))
            .collect();
        let combinations = axes.iter().map(|(_, values)| values.len()).product::<usize>();
        (0..combinations.min(COMBINATIONS)).find_map(|mut number| {
            let mut sample = blank.clone();
            for (place, values) in &axes {
                sample = sample.with(*place, values[number % values.len()])?;
                number /= values.len();
            }
            if let Some((place, value)) = wanted {
                sample = sample.with(place, value)?;
            }
            (sample.admit(self.tables) == Ok(self.rule)).then_some(sample)
        })
    }

    /// A call on that kind of socket that makes use of an alternative.
    fn using(&self, alternative: &Alternative, on: SocketKind) -> Option<Sample> {
        let Spot { place, kind, .. } = self.spot(alternative);
        let value = match (alternative.kind, kind, self.typed) {
            (AlternativeKind::Flag, Kind::Typed { .. }, _) => alternative.value | u64::from(on.kind),
            _ => alternative.value,
        };
        let fits = |sample: &Sample| {
            self.kind_of(sample, on) == on && self.tables.uses(self.call, &sample.judged(), alternative)
        };
        let usual = self.sample(on, None).filter(&fits);
        usual.or_else(|| self.sample(on, Some((place, value))).filter(&fits))
    }

    /// Each alternative on each kind for which it can be used.
    pub(super) fn declared(&self) -> Vec<Declared> {
        let mut declared = Vec::new();
        for (index, alternative) in self.alternatives() {
            let found: Vec<_> =
                self.kinds.iter().filter_map(|on| Some((*on, self.using(alternative, *on)?))).collect();
            // A rule that an earlier one shadows still promises what it says, and what a call delivers is not in it.
            let shadowed =
                self.kinds.iter().filter(|_| found.is_empty()).map(|on| {
                    (*on, self.sample(*on, None).unwrap_or_else(|| Sample::new(self.call, [0; 6])))
                });
            let shadowed: Vec<_> = shadowed.collect();
            declared.extend(found.into_iter().chain(shadowed).map(|(on, sample)| Declared {
                index,
                rule: self.rule,
                rule_id: self.tables.rule_id(self.rule),
                parameter: alternative.parameter,
                argument: self.tables.argument(alternative),
                name: self.tables.text(alternative.name).to_string(),
                value: alternative.value,
                kind: alternative.kind,
                under: self.under(&self.spot(alternative), &sample),
                on,
                sample,
            }));
        }
        declared
    }

    /// The neighbours of the rule that are not in `seen`.
    pub(super) fn neighbours(
        &self,
        plans: &[Self],
        existing: &[SocketKind],
        seen: &mut Seen,
    ) -> Vec<Neighbour> {
        let mut found = Vec::new();
        for (number, on) in self.kinds.iter().enumerate() {
            self.beside(plans, *on, number == 0, seen, &mut found);
        }
        if self.on_socket {
            self.across(existing, seen, &mut found);
        }
        found
    }

    /// Other values, on a kind of socket that the rule is about.
    fn beside(
        &self,
        plans: &[Self],
        on: SocketKind,
        first: bool,
        seen: &mut Seen,
        found: &mut Vec<Neighbour>,
    ) {
        let Some(usual) = self.sample(on, None) else { return };
        let mut done: Vec<(u8, &str)> = Vec::new();
        for (_, alternative) in self.alternatives() {
            let path = self.tables.text(alternative.path);
            if done.contains(&(alternative.parameter, path)) {
                continue;
            }
            done.push((alternative.parameter, path));
            let spot = self.spot(alternative);
            if self.typed.is_some() && spot.place == Place::Register(0) && !first {
                // Families are tried once: what else is asked for does not matter to them.
                continue;
            }
            let base = match spot.place {
                Place::ControlLevel | Place::ControlType => {
                    self.sample(on, Some((spot.place, alternative.value)))
                }
                _ => None,
            };
            let base = base.as_ref().unwrap_or(&usual);
            let selector = match spot.kind {
                Kind::Dependent { on, .. } if matches!(spot.place, Place::Register(_)) => {
                    base.at(Place::Register(on.into()))
                }
                _ => base.at(Place::ControlLevel),
            };
            let listed: Vec<u64> = plans
                .iter()
                .filter(|plan| plan.call == self.call)
                .flat_map(|plan| &plan.axes)
                .filter(|(place, _)| *place == spot.place)
                .flat_map(|(_, values)| values.iter().copied())
                .collect();
            for (name, value) in candidates(&spot, base.at(spot.place), selector, &listed) {
                let Some(sample) = base.with(spot.place, value) else { continue };
                self.add(alternative, name, value, on, false, sample, seen, found);
            }
        }
    }

    /// What the rule declares, on kinds of sockets that it is not about.
    fn across(&self, existing: &[SocketKind], seen: &mut Seen, found: &mut Vec<Neighbour>) {
        let own =
            |kind: &&SocketKind| !self.kinds.iter().any(|own| SocketKind { state: None, ..*own } == **kind);
        for on in existing.iter().filter(own) {
            for (_, alternative) in self.alternatives() {
                let Some(used) = self.kinds.iter().find_map(|own| self.using(alternative, *own)) else {
                    continue;
                };
                let sample = Sample { descriptor: Some(on.descriptor()), state: None, ..used };
                let (name, value) = match alternative.kind {
                    AlternativeKind::Descriptor => (on.to_string(), 0),
                    _ => (self.tables.text(alternative.name).to_string(), alternative.value),
                };
                self.add(alternative, name, value, *on, true, sample, seen, found);
            }
        }
    }

    #[allow(clippy::too_many_arguments, reason = "the fields of what is added")]
    fn add(
        &self,
        alternative: &Alternative,
        name: String,
        value: u64,
        on: SocketKind,
        across: bool,
        sample: Sample,
        seen: &mut Seen,
        found: &mut Vec<Neighbour>,
    ) {
        let Err(refusal) = sample.admit(self.tables) else { return };
        if !seen.insert(sample.clone()) {
            return;
        }
        found.push(Neighbour {
            rule: self.rule,
            rule_id: self.tables.rule_id(self.rule),
            parameter: alternative.parameter,
            argument: self.tables.argument(alternative),
            name,
            value,
            under: self.under(&self.spot(alternative), &sample),
            on,
            across,
            errno: refusal.errno,
            sample,
        });
    }
}
