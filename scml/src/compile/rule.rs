//! A call rule becomes rows.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::{
    build::Builder,
    descriptor::Admitted,
    profile::Profile,
    resolve::{Definitions, Flat},
    scalar::{self, Named, Values},
    structs::{Place, choose, domains_of},
};
use crate::{
    call::Call,
    diagnostic::Reporter,
    domain::{Domain, Kind, Parameter, Signature, Variant, signature, structs, syscalls},
    syntax::{
        ast::{AtomKind, CallRule, File, Pattern as Syntax, Rule as SyntaxRule},
        span::Text as SourceText,
    },
    tables::{Alternative, AlternativeKind, LAYOUTS, Layout, Row, Rule, SLOTS, Slot, Test},
};

/// How many rows one rule may come to: alternatives of the descriptor times windows of its enumerations.
const MAX_ROWS: usize = 4096;

/// From a parameter to a value in what it points to.
#[derive(Clone)]
pub(super) struct Path {
    parameter: u8,
    fields: String,
}

impl Path {
    pub(super) fn to(&self, field: &str) -> Self {
        let fields = match self.fields.as_str() {
            "" => field.to_string(),
            fields => format!("{fields}.{field}"),
        };
        Self { parameter: self.parameter, fields }
    }
}

/// What all rules of a run are lowered with.
pub(super) struct Lowering<'a, 'r, 's> {
    pub(super) definitions: &'r Definitions<'a>,
    pub(super) reporter: &'r mut Reporter<'s>,
    pub(super) tables: Builder,
    /// How many rules each call has so far.
    ordinals: [u16; Call::COUNT],
}

/// The slots of a row, as far as they are known.
type Slots = [Slot; SLOTS];

impl<'a, 'r, 's> Lowering<'a, 'r, 's> {
    pub(super) fn new(definitions: &'r Definitions<'a>, reporter: &'r mut Reporter<'s>) -> Self {
        Self { definitions, reporter, tables: Builder::default(), ordinals: [0; Call::COUNT] }
    }

    /// The profile, unless something was wrong.
    pub(super) fn finish(mut self) -> Option<Profile> {
        for (_, rule) in self.definitions.unused_structs() {
            let known = structs::ALL
                .iter()
                .find(|of| of.name == rule.name.value || of.aliases.contains(&rule.name.value.as_str()));
            if known.is_some() {
                let of = choose(structs::ALL, Some(&rule.name.value), &rule.body)?;
                self.check_fields(of, &[of], &rule.body);
            }
        }
        (!self.reporter.failed()).then(|| Profile::new(self.tables))
    }

    pub(super) fn file(&mut self, file: usize, name: &str, text: &SourceText<'_>, tree: &File) {
        for rule in &tree.rules {
            if self.reporter.full() {
                return;
            }
            let SyntaxRule::Call(rule) = rule else { continue };
            let Some(call) = self.call(rule) else { continue };
            self.call_rule(file, name, text, call, rule);
            if self.tables.overflowed() {
                self.reporter
                    .error(rule.name.span, "there are too many rules")
                    .note("the tables are counted in 16 bits: split the rules into several profiles");
                return;
            }
        }
    }

    fn call(&mut self, rule: &CallRule) -> Option<Call> {
        let name = &rule.name.value;
        let call = Call::from_name(name);
        if call.is_none() {
            if syscalls::NAMES.contains(&name.as_str()) {
                self.reporter
                    .warning(rule.name.span, format!("`{name}` is not governed: the rule has no effect"))
                    .note(
                        "SCML governs the calls of the networking interface and those that wait for sockets",
                    );
            } else {
                let names = Call::ALL.iter().map(|call| call.name()).chain(syscalls::NAMES.iter().copied());
                self.reporter
                    .error(rule.name.span, format!("unknown system call `{name}`"))
                    .suggest(name, names);
            }
        }
        call
    }

    fn call_rule(&mut self, file: usize, name: &str, text: &SourceText<'_>, call: Call, rule: &CallRule) {
        let signature = signature(call);
        let number = self.tables.rules.len() as u16;
        let ordinal = &mut self.ordinals[call.index()];
        *ordinal = ordinal.saturating_add(1);
        let kept = Rule {
            call,
            ordinal: *ordinal,
            line: text.place(rule.span.start as usize).line,
            file: self.tables.text(name),
            text: self.tables.text(&rule.to_string()),
        };
        self.tables.rules.push(kept);
        let declared = self.tables.alternatives.len();
        if !self.check_parameters(signature, rule) {
            return;
        }
        let layout = &LAYOUTS[call.index()];
        let mut descriptors = alloc::vec![Admitted::ANY];
        let mut rows: Vec<Slots> = alloc::vec![[Slot::ANY; SLOTS]];
        let mut tests = Vec::new();
        for (index, (parameter, labelled)) in signature.parameters.iter().zip(&rule.parameters).enumerate() {
            let Some(pattern) = &labelled.pattern else { continue };
            let at = At { file, rule, signature, parameter, index, layout };
            match parameter.kind {
                Kind::Descriptor => {
                    let what = format!("`{}`", parameter.name);
                    match self.descriptor(file, &what, &at.path(), pattern) {
                        Some(admitted) => descriptors = admitted,
                        None => continue,
                    }
                }
                Kind::Enumeration(_) | Kind::Dependent { .. } | Kind::BitSet(_) | Kind::Typed { .. } => {
                    if let Some(slots) = self.slots(&at, pattern) {
                        rows = combine(&rows, &slots);
                    }
                }
                _ => tests.extend(self.parameter_test(&at, pattern)),
            }
            if rows.len() * descriptors.len() > MAX_ROWS {
                self.reporter
                    .error(rule.span, "the rule has too many combinations of alternatives")
                    .note("write it as several rules");
                return;
            }
        }
        if self.tables.alternatives.len() == declared {
            let path = Path { parameter: 0, fields: String::new() };
            self.declare_one(&path, call.name(), 0, AlternativeKind::Call);
        }
        for descriptor in &descriptors {
            let mut tests = tests.clone();
            if let Some(pattern) = descriptor.pattern {
                let place = signature.parameters.iter().position(|p| matches!(p.kind, Kind::Descriptor));
                let pattern = self.tables.pattern(pattern);
                tests.push(Test { place: place.unwrap_or_default() as u8, pattern });
            }
            let span = self.tables.tests(&tests);
            self.tables.rows.extend(rows.iter().map(|slots| {
                let row = Row {
                    forbidden: descriptor.forbidden,
                    slots: *slots,
                    rule: number,
                    tests: span.count,
                    first: u32::from(span.first),
                };
                (call.index(), row)
            }));
        }
    }

    /// Whether the labels fit their positions, and all parameters are there.
    fn check_parameters(&mut self, signature: &Signature, rule: &CallRule) -> bool {
        let call = signature.call.name();
        let parameters = signature.parameters;
        let mut sound = true;
        for (index, labelled) in rule.parameters.iter().enumerate() {
            let label = &labelled.name.value;
            let Some(parameter) = parameters.get(index) else {
                let count = parameters.len();
                let names = names(parameters);
                self.reporter
                    .error(labelled.name.span, format!("`{call}` has only {count} parameters"))
                    .note(format!("they are {names}"));
                return false;
            };
            if parameter.is_called(label) {
                continue;
            }
            sound = false;
            let position = scalar::ordinal(index);
            let draft = self.reporter.error(
                labelled.name.span,
                format!("the {position} parameter of `{call}` is `{}`, not `{label}`", parameter.name),
            );
            if let Some(other) = parameters.iter().position(|parameter| parameter.is_called(label)) {
                let other = scalar::ordinal(other);
                draft.note(format!("parameters match by position; `{label}` is the {other}"));
            } else {
                draft
                    .suggest(label, parameters.iter().map(|parameter| parameter.name))
                    .note(format!("its parameters are {}", names(parameters)));
            }
        }
        let missing = &parameters[rule.parameters.len().min(parameters.len())..];
        if rule.rest.is_none() && !missing.is_empty() {
            self.reporter
                .error(rule.span, format!("parameters of `{call}` are not named: {}", names(missing)))
                .note("end the list with `..` if they may have any value");
            sound = false;
        }
        sound
    }

    fn parameter_test(&mut self, at: &At<'_>, pattern: &Syntax) -> Option<Test> {
        let (what, path) = (format!("`{}`", at.parameter.name), at.path());
        let place = Place {
            kind: at.parameter.kind,
            width: at.parameter.width,
            file: at.file,
            what: &what,
            path: &path,
            domains: Vec::new(),
        };
        let pattern = self.pattern(&place, pattern)?;
        let pattern = self.tables.pattern(pattern);
        Some(Test { place: at.index as u8, pattern })
    }

    /// The alternatives of the slots for one parameter (and the one that it depends on); each is a row.
    fn slots(&mut self, at: &At<'_>, pattern: &Syntax) -> Option<Vec<Vec<(usize, Slot)>>> {
        let what = format!("`{}`", at.parameter.name);
        let flat = self.atoms(at.file, &what, pattern)?;
        let slot = at.layout.slot(at.index)?;
        let (width, path) = (at.parameter.width, at.path());
        match at.parameter.kind {
            Kind::Enumeration(domain) => {
                let values = scalar::values(&flat, &[domain], width, &what, self.reporter)?;
                self.declare(&path, &values, AlternativeKind::Member);
                Some(each(slot, scalar::enumeration_slots(&values)))
            }
            Kind::BitSet(domain) => {
                let values = scalar::values(&flat, &[domain], width, &what, self.reporter)?;
                self.declare(&path, &values, AlternativeKind::Flag);
                Some(each(slot, [scalar::bit_set_slot(&values)]))
            }
            Kind::Typed { values, flags } => {
                let domains = [values, flags];
                let found = scalar::values(&flat, &domains, width, &what, self.reporter)?;
                let found = self.typed(&path, &found, pattern)?;
                Some(each(slot, [found]))
            }
            Kind::Dependent { on, variants } => self.dependent(at, &flat, slot, usize::from(on), variants),
            _ => None,
        }
    }

    /// A socket type: one of the types in the low four bits, and some of the flags.
    fn typed(&mut self, path: &Path, values: &Values, pattern: &Syntax) -> Option<Slot> {
        const LOW: u64 = 0xf;
        let Values::These(named) = values else { return Some(Slot::ANY) };
        let mut slot = Slot { base: 0, forbidden: !(LOW as u32), set: 0 };
        for Named { name, value } in named {
            let kind = value & LOW;
            if kind != 0 {
                slot.set |= 1 << kind;
            }
            slot.forbidden &= !(value & !LOW) as u32;
            let declared = if kind == 0 { AlternativeKind::Flag } else { AlternativeKind::Member };
            self.declare_one(path, name, *value, declared);
        }
        if slot.set == 0 {
            self.reporter
                .error(pattern.span(), "no socket type is listed: no call could match")
                .note("at least one of SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, ... has to be there");
            return None;
        }
        Some(slot)
    }

    /// An enumeration whose members depend on another parameter: a name counts only where that one has a value that it
    /// belongs to, so each value of the other makes its own rows.
    fn dependent(
        &mut self,
        at: &At<'_>,
        flat: &[Flat],
        slot: usize,
        on: usize,
        variants: &'static [Variant],
    ) -> Option<Vec<Vec<(usize, Slot)>>> {
        let what = format!("`{}`", at.parameter.name);
        let selected = self.selected(at, on);
        let domains = domains_of(variants, selected.as_deref());
        self.check_belonging(at, flat, on, variants, selected.as_deref(), &domains)?;
        let values = scalar::values(flat, &domains, at.parameter.width, &what, self.reporter)?;
        self.declare(&at.path(), &values, AlternativeKind::Member);
        let Values::These(_) = &values else { return Some(each(slot, [Slot::ANY])) };
        let names = flat.iter().any(|flat| matches!(flat.atom, AtomKind::Constant(_)));
        if !names || selected.as_ref().is_some_and(|selected| selected.len() == 1) {
            return Some(each(slot, scalar::enumeration_slots(&values)));
        }
        let selectors = selected.unwrap_or_else(|| variants.iter().map(|variant| variant.selector).collect());
        let selector_slot = at.layout.slot(on)?;
        let mut rows = Vec::new();
        for selector in selectors {
            let domains = domains_of(variants, Some(&[selector]));
            let own: Vec<_> = flat
                .iter()
                .filter_map(|flat| match &flat.atom {
                    AtomKind::Constant(name) => scalar::find(&domains, name).map(u64::from),
                    AtomKind::Number { value, text } => scalar::fit(*value, text, at.parameter.width),
                    _ => None,
                })
                .collect();
            let only = Slot { base: selector, forbidden: !63, set: 1 };
            for (base, set) in scalar::windows(own) {
                let own = Slot { base: base as u32, forbidden: !63, set };
                rows.push(alloc::vec![(selector_slot, only), (slot, own)]);
            }
        }
        Some(rows)
    }

    /// The values that the pattern of another parameter of the rule lists; `None` for any.
    fn selected(&self, at: &At<'_>, on: usize) -> Option<Vec<u32>> {
        let Kind::Enumeration(domain) = at.signature.parameters.get(on)?.kind else { return None };
        let Some(Syntax::Flags(atoms)) = &at.rule.parameters.get(on)?.pattern else { return None };
        self.definitions
            .flatten(at.file, atoms)
            .iter()
            .map(|flat| match &flat.atom {
                AtomKind::Constant(name) => domain.value(name),
                AtomKind::Number { value, .. } => u32::try_from(*value).ok(),
                _ => None,
            })
            .collect()
    }

    /// Complains about names that belong to another value of the other parameter than the rule lists.
    fn check_belonging(
        &mut self,
        at: &At<'_>,
        flat: &[Flat],
        on: usize,
        variants: &'static [Variant],
        selected: Option<&[u32]>,
        domains: &[&'static Domain],
    ) -> Option<()> {
        let other = &at.signature.parameters[on];
        let Kind::Enumeration(others) = other.kind else { return Some(()) };
        let mut sound = true;
        for flat in flat {
            let AtomKind::Constant(name) = &flat.atom else { continue };
            if scalar::find(domains, name).is_some() {
                continue;
            }
            let Some(home) = variants.iter().find(|variant| variant.domain.value(name).is_some()) else {
                continue;
            };
            sound = false;
            let home = others.name(home.selector).unwrap_or_default();
            let listed: Vec<_> = selected
                .unwrap_or_default()
                .iter()
                .map(|value| others.name(*value).map_or_else(|| value.to_string(), ToString::to_string))
                .collect();
            self.reporter
                .error(
                    flat.span,
                    format!(
                        "`{name}` belongs to {home}, but this rule has `{} = {}`",
                        other.name,
                        listed.join(" | ")
                    ),
                )
                .note(format!(
                    "the same number means something else there: write a rule with `{} = {home}`",
                    other.name
                ));
        }
        sound.then_some(())
    }

    /// Keeps what is declared.
    pub(super) fn declare(&mut self, path: &Path, values: &Values, kind: AlternativeKind) {
        let Values::These(named) = values else { return };
        for Named { name, value } in named {
            let kind =
                if kind == AlternativeKind::Flag && *value == 0 { AlternativeKind::Member } else { kind };
            self.declare_one(path, name, *value, kind);
        }
    }

    pub(super) fn declare_null(&mut self, path: &Path) {
        self.declare_one(path, "NULL", 0, AlternativeKind::Null);
    }

    pub(super) fn declare_one(&mut self, path: &Path, name: &str, value: u64, kind: AlternativeKind) {
        let alternative = Alternative {
            rule: (self.tables.rules.len().max(1) - 1) as u16,
            parameter: path.parameter,
            path: self.tables.text(&path.fields),
            name: self.tables.text(name),
            value,
            kind,
        };
        // Several struct rules of one name may list the same value.
        let known = self.tables.alternatives.iter().rev().take_while(|known| known.rule == alternative.rule);
        if !known.into_iter().any(|known| *known == alternative) {
            self.tables.alternatives.push(alternative);
        }
    }
}

/// Where a pattern of a parameter stands.
struct At<'t> {
    file: usize,
    rule: &'t CallRule,
    signature: &'static Signature,
    parameter: &'static Parameter,
    index: usize,
    layout: &'static Layout,
}

impl At<'_> {
    const fn path(&self) -> Path {
        Path { parameter: self.index as u8, fields: String::new() }
    }
}

fn names(parameters: &[Parameter]) -> String {
    parameters.iter().map(|parameter| parameter.name).collect::<Vec<_>>().join(", ")
}

/// Each slot as a row of its own.
fn each(slot: usize, slots: impl IntoIterator<Item = Slot>) -> Vec<Vec<(usize, Slot)>> {
    slots.into_iter().map(|test| alloc::vec![(slot, test)]).collect()
}

/// Every row with every alternative. A slot that both have (what another parameter depends on) is met by both: the
/// alternative's is the narrower one where the row's admits it, and otherwise the row cannot match and is left out.
fn combine(rows: &[Slots], alternatives: &[Vec<(usize, Slot)>]) -> Vec<Slots> {
    let mut combined = Vec::new();
    for row in rows {
        for alternative in alternatives {
            let mut row = *row;
            let mut possible = true;
            for (slot, test) in alternative {
                if row[*slot] != Slot::ANY {
                    possible &= row[*slot].admits(test.base);
                }
                row[*slot] = *test;
            }
            if possible {
                combined.push(row);
            }
        }
    }
    combined
}
