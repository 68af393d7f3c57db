//! What the page shows: calls, their arguments, the values of each, and what comes of a value on each kind of socket.

use std::collections::BTreeMap;

use scml::Call;

use crate::report::model::{DeclaredRule, OtherProfile, Probe, ProbeKind, Report, Rule, Verdict};

/// A kind of socket, as in `AF_UNIX SOCK_STREAM`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Kind {
    pub(super) name: String,
}

impl Kind {
    /// `AF_UNIX`
    pub(super) fn family(&self) -> &str {
        self.name.split(' ').next().unwrap_or_default()
    }

    /// `UNIX`
    pub(super) fn short_family(&self) -> &str {
        self.family().trim_start_matches("AF_")
    }

    /// `stream`, and what else tells it from others of the family.
    pub(super) fn short(&self) -> String {
        let words = self.name.split(' ').skip(1);
        let short = words.map(|word| word.trim_start_matches("SOCK_").to_lowercase());
        short.collect::<Vec<_>>().join(" ")
    }
}

/// A rule and one of its probes.
pub(super) type Tried<'r> = (&'r Rule, &'r Probe);

/// What there is to say of a value on one kind of socket.
#[derive(Clone, Default)]
pub(super) struct Cell<'r> {
    /// What the guest's profile declares or does not, and what came of it.
    pub(super) tried: Option<Tried<'r>>,
    /// The other profile's rule that declares it.
    pub(super) other: Option<&'r DeclaredRule>,
}

impl Cell<'_> {
    fn declared(&self) -> bool {
        self.tried.is_some_and(|(_, probe)| probe.kind == ProbeKind::Declared)
    }
}

/// A value that one of the profiles declares.
pub(super) struct Feature<'r> {
    /// The value's name; empty for the call itself.
    pub(super) value: String,
    /// One for each kind of the matrix.
    pub(super) cells: Vec<Cell<'r>>,
}

impl Feature<'_> {
    /// Whether the guest's profile declares it, and the other one.
    pub(super) fn declared(&self) -> (bool, bool) {
        (self.cells.iter().any(Cell::declared), self.cells.iter().any(|cell| cell.other.is_some()))
    }

    /// Whether the profiles declare it for different kinds.
    pub(super) fn differs(&self) -> bool {
        self.cells.iter().any(|cell| cell.declared() != cell.other.is_some())
    }

    /// Whether something is not as it should be.
    pub(super) fn is_bad(&self) -> bool {
        self.cells.iter().any(|cell| cell.tried.is_some_and(|(_, probe)| !probe.verdict.is_good()))
    }
}

/// Undeclared values of which the same came.
pub(super) struct Outcome<'r> {
    pub(super) tried: Tried<'r>,
    /// The values, each with the kinds of sockets on which that came of it.
    pub(super) values: Vec<(&'r str, Vec<&'r str>)>,
}

/// An argument of a call, or a field behind it.
pub(super) struct Argument<'r> {
    /// Its name; empty for the call itself.
    pub(super) name: String,
    /// The level that its values belong to.
    pub(super) under: String,
    pub(super) features: Vec<Feature<'r>>,
    /// The values that no profile declares.
    pub(super) outcomes: Vec<Outcome<'r>>,
}

impl Argument<'_> {
    /// How many values no profile declares.
    pub(super) fn undeclared(&self) -> usize {
        let names = self.outcomes.iter().flat_map(|outcome| &outcome.values).map(|(value, _)| *value);
        names.collect::<std::collections::BTreeSet<_>>().len()
    }
}

/// A call.
pub(super) struct CallView<'r> {
    pub(super) name: &'r str,
    pub(super) arguments: Vec<Argument<'r>>,
    /// The guest's profile's rules.
    pub(super) rules: Vec<&'r Rule>,
    /// The other profile's.
    pub(super) others: Vec<&'r DeclaredRule>,
}

/// Everything.
pub(super) struct Matrix<'r> {
    /// The kinds of sockets of either profile, by family.
    pub(super) kinds: Vec<Kind>,
    pub(super) calls: Vec<CallView<'r>>,
}

/// Whether an alternative stands for the call as a whole: what it is made on, or nothing in particular.
fn is_whole(call: &str, argument: &str, value: &str, on: &str) -> bool {
    value == call || !argument.contains('.') && on.starts_with(value)
}

/// The number of a family or type, for the order; others come last.
fn order(name: &str) -> Vec<u32> {
    use scml::domain::constants::{FAMILY, TYPE};
    let number = |word: &str| FAMILY.value(word).or_else(|| TYPE.value(word)).unwrap_or(u32::MAX);
    name.split(' ').map(number).collect()
}

impl<'r> Matrix<'r> {
    pub(super) fn new(report: &'r Report, other: Option<&'r OtherProfile>) -> Self {
        let other_rules = || other.into_iter().flat_map(|other| &other.rules);
        let here = report.rules.iter().flat_map(|rule| &rule.probes).map(|probe| &probe.on);
        let there = other_rules().flat_map(|rule| &rule.alternatives).map(|one| &one.on);
        let mut names: Vec<_> = here.chain(there).filter(|name| !name.is_empty()).collect();
        names.sort_by_key(|name| (order(name), (*name).clone()));
        names.dedup();
        let kinds: Vec<_> = names.into_iter().map(|name| Kind { name: name.clone() }).collect();

        let mut calls: Vec<&str> = report.rules.iter().map(|rule| &*rule.call).collect();
        calls.extend(other_rules().map(|rule| &*rule.call));
        calls.sort_by_key(|name| (Call::from_name(name).map_or(usize::MAX, Call::index), *name));
        calls.dedup();
        let calls = calls.into_iter().map(|name| {
            let rules: Vec<_> = report.rules.iter().filter(|rule| rule.call == name).collect();
            let others: Vec<_> = other_rules().filter(|rule| rule.call == name).collect();
            CallView { name, arguments: arguments(name, &kinds, &rules, &others), rules, others }
        });
        let calls = calls.collect();
        Self { kinds, calls }
    }
}

/// Where a value stands: argument, level, value; the last two empty for the call itself.
type Key = (String, String, String);

fn arguments<'r>(
    call: &str,
    kinds: &[Kind],
    rules: &[&'r Rule],
    others: &[&'r DeclaredRule],
) -> Vec<Argument<'r>> {
    let column = |on: &str| kinds.iter().position(|kind| kind.name == on);
    let key = |argument: &str, under: &str, value: &str, on: &str| -> Key {
        match is_whole(call, argument, value, on) {
            true => Key::default(),
            false => (argument.to_owned(), under.to_owned(), value.to_owned()),
        }
    };
    let mut order: Vec<Key> = vec![Key::default()];
    let mut rows: BTreeMap<Key, Vec<Cell<'r>>> = BTreeMap::new();
    let mut put = |key: Key, column: Option<usize>, set: &dyn Fn(&mut Cell<'r>)| {
        if !order.contains(&key) {
            order.push(key.clone());
        }
        let row = rows.entry(key).or_insert_with(|| vec![Cell::default(); kinds.len()]);
        if let Some(cell) = column.and_then(|column| row.get_mut(column)) {
            set(cell);
        }
    };
    let probes = || rules.iter().flat_map(|rule| rule.probes.iter().map(move |probe| (*rule, probe)));
    for tried @ (_, probe) in probes().filter(|(_, probe)| probe.kind == ProbeKind::Declared) {
        let key = key(&probe.argument, &probe.under, &probe.value, &probe.on);
        // Of several rules that declare it, the one with which something is wrong.
        put(key, column(&probe.on), &|cell| {
            if cell.tried.is_none_or(|(_, known)| known.verdict.is_good()) {
                cell.tried = Some(tried);
            }
        });
    }
    for other in others {
        for one in &other.alternatives {
            let column = column(&one.on);
            put(Key::default(), column, &|cell| _ = cell.other.get_or_insert(other));
            // No flags at all can be given wherever there are flags.
            if one.value == "0" && one.argument.ends_with("flags") {
                continue;
            }
            let key = key(&one.argument, &one.under, &one.value, &one.on);
            put(key, column, &|cell| _ = cell.other.get_or_insert(other));
        }
    }
    let mut undeclared = Vec::new();
    for tried @ (_, probe) in probes().filter(|(_, probe)| probe.kind == ProbeKind::Neighbour) {
        let key = key(&probe.argument, &probe.under, &probe.value, &probe.on);
        match rows.get_mut(&key).zip(column(&probe.on)) {
            Some((row, column)) => {
                row[column].tried.get_or_insert(tried);
            }
            None => undeclared.push(tried),
        }
    }
    group(order, rows, &undeclared)
}

fn group<'r>(
    order: Vec<Key>,
    mut rows: BTreeMap<Key, Vec<Cell<'r>>>,
    undeclared: &[Tried<'r>],
) -> Vec<Argument<'r>> {
    let mut arguments: Vec<Argument<'r>> = Vec::new();
    let mut at = |name: &str, under: &str| -> usize {
        let known = arguments.iter().position(|one| one.name == name && one.under == under);
        known.unwrap_or_else(|| {
            let (name, under) = (name.to_owned(), under.to_owned());
            arguments.push(Argument { name, under, features: Vec::new(), outcomes: Vec::new() });
            arguments.len() - 1
        })
    };
    let mut features = Vec::new();
    for key in order {
        let Some(cells) = rows.remove(&key) else { continue };
        let (name, under, value) = key;
        features.push((at(&name, &under), Feature { value, cells }));
    }
    let others: Vec<_> =
        undeclared.iter().map(|tried| (at(&tried.1.argument, &tried.1.under), *tried)).collect();
    for (index, feature) in features {
        arguments[index].features.push(feature);
    }
    for (index, tried) in others {
        add(&mut arguments[index].outcomes, tried);
    }
    arguments
}

/// Puts a probe to those of which the same came.
fn add<'r>(outcomes: &mut Vec<Outcome<'r>>, tried: Tried<'r>) {
    let (rule, probe) = tried;
    let same = |one: &&mut Outcome<'r>| {
        let (known_rule, known) = one.tried;
        known_rule.id == rule.id
            && known.verdict == probe.verdict
            && known.guest == probe.guest
            && known.host == probe.host
            && known.reason == probe.reason
    };
    let values = match outcomes.iter_mut().find(same) {
        Some(known) => &mut known.values,
        None => {
            outcomes.push(Outcome { tried, values: Vec::new() });
            &mut outcomes.last_mut().expect("it was just added").values
        }
    };
    match values.iter_mut().find(|(value, _)| *value == probe.value) {
        Some((_, kinds)) => kinds.push(&probe.on),
        None => values.push((&probe.value, vec![&probe.on])),
    }
}

/// The verdicts in the order of their weight.
pub(super) const VERDICTS: [Verdict; 6] = [
    Verdict::Held,
    Verdict::Broken,
    Verdict::Unproven,
    Verdict::Refused,
    Verdict::LinuxIgnores,
    Verdict::Leaking,
];
