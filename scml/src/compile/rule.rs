//! A call rule becomes rows.

use alloc::{
    collections::BTreeSet,
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
    subject::FURTHER_TESTS,
    syntax::{
        ast::{AtomKind, CallRule, File, Pattern as Syntax, Rule as SyntaxRule},
        span::Text as SourceText,
    },
    tables::{
        Alternative, AlternativeKind, Bits, Choice, Control, LAYOUTS, Layout, Pattern, Row, Rule, Test,
    },
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
    /// What the rule at hand declares.
    declared: BTreeSet<Alternative>,
    /// Which control messages it lets a receiving call be given, as far as it has been read.
    pub(super) delivers: Option<Control>,
    /// How many rules each call has so far.
    ordinals: [u16; Call::COUNT],
}

/// The tests of a row's scalars, as far as they are known.
#[derive(Clone, Copy)]
struct Draft {
    /// One value of the enumeration in the upper half; `None` for any.
    upper: Option<u32>,
    /// A window of values of the one in the lower half, `(base, set)`; `None` for any.
    lower: Option<(u32, u64)>,
    bits: Bits,
}

impl Draft {
    const ANY: Self = Self { upper: None, lower: None, bits: Bits::ANY };

    /// Both; `None` where no call could match both.
    fn and(self, other: Self) -> Option<Self> {
        let upper = match (self.upper, other.upper) {
            (Some(one), Some(two)) if one != two => return None,
            (one, two) => one.or(two),
        };
        let bits = Bits {
            forbidden: self.bits.forbidden | other.bits.forbidden,
            types: self.bits.types & other.bits.types,
            further: 0,
        };
        Some(Self { upper, lower: self.lower.or(other.lower), bits })
    }

    fn choice(self) -> Choice {
        let (base, set) = self.lower.unwrap_or((0, u64::MAX));
        let lower = if self.lower.is_some() { !63_u32 } else { 0 };
        let upper = if self.upper.is_some() { u32::MAX } else { 0 };
        Choice {
            base: u64::from(self.upper.unwrap_or_default()) << 32 | u64::from(base),
            outside: u64::from(upper) << 32 | u64::from(lower),
            set,
        }
    }
}

impl<'a, 'r, 's> Lowering<'a, 'r, 's> {
    pub(super) fn new(definitions: &'r Definitions<'a>, reporter: &'r mut Reporter<'s>) -> Self {
        Self {
            definitions,
            reporter,
            tables: Builder::default(),
            declared: BTreeSet::new(),
            delivers: None,
            ordinals: [0; Call::COUNT],
        }
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
        if self.reporter.failed() {
            return None;
        }
        self.definitions.warn_unused(self.reporter);
        Some(Profile::new(self.tables))
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
            if syscalls::NAMES.binary_search(&name.as_str()).is_ok() {
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
            delivers: Control::Any,
        };
        self.tables.rules.push(kept);
        self.declared.clear();
        self.delivers = None;
        if !self.check_parameters(signature, rule) {
            return;
        }
        let layout = &LAYOUTS[call.index()];
        let mut descriptors = alloc::vec![Admitted::ANY];
        let mut rows = alloc::vec![Draft::ANY];
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
                    if let Some(drafts) = self.drafts(&at, pattern) {
                        rows = combine(&rows, &drafts);
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
        if let Some(rule) = self.tables.rules.last_mut() {
            rule.delivers = self.delivers.unwrap_or(Control::Any);
        }
        if self.declared.is_empty() {
            let path = Path { parameter: 0, fields: String::new() };
            self.declare_one(&path, call.name(), 0, AlternativeKind::Call);
        }
        for descriptor in &descriptors {
            let mut tests = tests.clone();
            if let Some(pattern) = descriptor.pattern {
                let place = signature.parameters.iter().position(|p| matches!(p.kind, Kind::Descriptor));
                tests.push(Test { place: place.unwrap_or_default() as u8, pattern });
            }
            let span = self.tables.tests(&tests);
            let further = if span.count == 0 { 0 } else { FURTHER_TESTS };
            let shortcut = self.tables.shortcut(call, &tests);
            self.tables.rows.extend(rows.iter().map(|draft| {
                let row = Row {
                    forbidden: descriptor.forbidden | further,
                    choice: draft.choice(),
                    bits: if span.count == 0 { draft.bits } else { draft.bits.with_further_tests() },
                    rule: number,
                    tests: span.count,
                    first: u32::from(span.first),
                    shortcut,
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
        let pattern = self.pattern(&place, pattern).filter(|pattern| *pattern != Pattern::Any)?;
        Some(Test { place: at.index as u8, pattern })
    }

    /// The alternatives of one parameter (and of the one that it depends on); each is a row.
    fn drafts(&mut self, at: &At<'_>, pattern: &Syntax) -> Option<Vec<Draft>> {
        let what = format!("`{}`", at.parameter.name);
        let flat = self.atoms(at.file, &what, pattern)?;
        let (width, path) = (at.parameter.width, at.path());
        match at.parameter.kind {
            Kind::Enumeration(domain) => {
                let values = scalar::values(&flat, &[domain], width, &what, self.reporter)?;
                self.declare(&path, &values, AlternativeKind::Member);
                Some(at.enumeration(&values))
            }
            Kind::BitSet(domain) => {
                let values = scalar::values(&flat, &[domain], width, &what, self.reporter)?;
                self.declare(&path, &values, AlternativeKind::Flag);
                let forbidden = !scalar::allowed(&values) as u32;
                Some(alloc::vec![Draft { bits: Bits { forbidden, ..Bits::ANY }, ..Draft::ANY }])
            }
            Kind::Typed { values, flags } => {
                let domains = [values, flags];
                let found = scalar::values(&flat, &domains, width, &what, self.reporter)?;
                let bits = self.typed(&path, &found, pattern)?;
                Some(alloc::vec![Draft { bits, ..Draft::ANY }])
            }
            Kind::Dependent { on, variants } => self.dependent(at, &flat, usize::from(on), variants),
            _ => None,
        }
    }

    /// A socket type: one of the types in the low four bits, and some of the flags.
    fn typed(&mut self, path: &Path, values: &Values, pattern: &Syntax) -> Option<Bits> {
        const LOW: u64 = 0xf;
        let Values::These(named) = values else { return Some(Bits::ANY) };
        let mut bits = Bits { forbidden: !(LOW as u32), types: 0, further: 0 };
        for Named { name, value } in named {
            let kind = value & LOW;
            if kind != 0 {
                bits.types |= 1 << kind;
            }
            bits.forbidden &= !(value & !LOW) as u32;
            let declared = if kind == 0 { AlternativeKind::Flag } else { AlternativeKind::Member };
            self.declare_one(path, name, *value, declared);
        }
        if bits.types == 0 {
            self.reporter
                .error(pattern.span(), "no socket type is listed: no call could match")
                .note("at least one of SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, ... has to be there");
            return None;
        }
        Some(bits)
    }

    /// An enumeration whose members depend on another parameter: a name counts only where that one has a value that it
    /// belongs to, so each value of the other makes its own rows.
    fn dependent(
        &mut self,
        at: &At<'_>,
        flat: &[Flat],
        on: usize,
        variants: &'static [Variant],
    ) -> Option<Vec<Draft>> {
        let what = format!("`{}`", at.parameter.name);
        let selected = self.selected(at, on);
        let domains = domains_of(variants, selected.as_deref());
        let at_home = self.check_belonging(at, flat, on, variants, selected.as_deref(), &domains);
        let values = scalar::values(&at_home, &domains, at.parameter.width, &what, self.reporter)?;
        if at_home.len() < flat.len() {
            return None;
        }
        self.declare(&at.path(), &values, AlternativeKind::Member);
        let Values::These(_) = &values else { return Some(alloc::vec![Draft::ANY]) };
        let names = flat.iter().any(|flat| matches!(flat.atom, AtomKind::Constant(_)));
        if !names || selected.as_ref().is_some_and(|selected| selected.len() == 1) {
            return Some(at.enumeration(&values));
        }
        let selectors = selected.unwrap_or_else(|| variants.iter().map(|variant| variant.selector).collect());
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
            let windows = scalar::windows(own);
            let row = |(base, set): (u64, u64)| Draft {
                upper: Some(selector),
                lower: Some((base as u32, set)),
                ..Draft::ANY
            };
            rows.extend(windows.into_iter().map(row));
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

    /// The alternatives that belong to what the rule lists for the other parameter; complaints about the others.
    fn check_belonging(
        &mut self,
        at: &At<'_>,
        flat: &[Flat],
        on: usize,
        variants: &'static [Variant],
        selected: Option<&[u32]>,
        domains: &[&'static Domain],
    ) -> Vec<Flat> {
        let other = &at.signature.parameters[on];
        let Kind::Enumeration(others) = other.kind else { return flat.to_vec() };
        let mut at_home = Vec::new();
        for flat in flat {
            let home = match &flat.atom {
                AtomKind::Constant(name) if scalar::find(domains, name).is_none() => {
                    variants.iter().find(|variant| variant.domain.value(name).is_some()).zip(Some(name))
                }
                _ => None,
            };
            let Some((home, name)) = home else {
                at_home.push(flat.clone());
                continue;
            };
            let home = others.name(home.selector).unwrap_or_default();
            let listed: Vec<_> = selected
                .unwrap_or_default()
                .iter()
                .map(|value| others.name(*value).map_or_else(|| value.to_string(), ToString::to_string))
                .collect();
            let (other, listed) = (other.name, listed.join(" | "));
            self.reporter
                .error(
                    flat.span,
                    format!("`{name}` belongs to {home}, but this rule has `{other} = {listed}`"),
                )
                .note(format!(
                    "the same number means something else there: write a rule with `{other} = {home}`"
                ));
        }
        at_home
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
        if self.declared.insert(alternative) {
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

    /// An enumeration: a row for each value in the upper half, for each window of values in the lower.
    fn enumeration(&self, values: &Values) -> Vec<Draft> {
        let Values::These(named) = values else { return alloc::vec![Draft::ANY] };
        if self.layout.upper == Some(self.index as u8) {
            let values: BTreeSet<_> = named.iter().map(|named| named.value as u32).collect();
            return values.into_iter().map(|value| Draft { upper: Some(value), ..Draft::ANY }).collect();
        }
        let windows = scalar::windows(named.iter().map(|named| named.value));
        let row = |(base, set): (u64, u64)| Draft { lower: Some((base as u32, set)), ..Draft::ANY };
        windows.into_iter().map(row).collect()
    }
}

fn names(parameters: &[Parameter]) -> String {
    parameters.iter().map(|parameter| parameter.name).collect::<Vec<_>>().join(", ")
}

/// Every row with every alternative.
fn combine(rows: &[Draft], alternatives: &[Draft]) -> Vec<Draft> {
    rows.iter().flat_map(|row| alternatives.iter().filter_map(|alternative| row.and(*alternative))).collect()
}
