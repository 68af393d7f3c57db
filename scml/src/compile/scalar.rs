//! Patterns of values: which numbers the names stand for, and how they are tested.

use alloc::{
    collections::BTreeSet,
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::resolve::Flat;
use crate::{
    diagnostic::Reporter,
    domain::{Domain, Width, constants},
    syntax::ast::AtomKind,
    tables::Window,
};

/// An alternative with its name, as the file has it.
#[derive(Clone, Debug)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) value: u64,
}

/// What a pattern admits.
#[derive(Clone, Debug)]
pub(super) enum Values {
    Any,
    These(Vec<Named>),
}

/// Reads the alternatives of a value of a domain.
///
/// `None` where something is wrong, which has been reported.
pub(super) fn values(
    flat: &[Flat],
    domains: &[&'static Domain],
    width: Width,
    what: &str,
    reporter: &mut Reporter<'_>,
) -> Option<Values> {
    let mut named = Vec::new();
    let mut any = false;
    let mut sound = true;
    for Flat { atom, span, .. } in flat {
        match atom {
            AtomKind::Integer => any = true,
            AtomKind::Number { value, text } => match fit(*value, text, width) {
                Some(value) => named.push(Named { name: text.clone(), value }),
                None => {
                    let message =
                        format!("{text} does not fit into the {} bits of {what}", width.bytes() * 8);
                    reporter.error(*span, message);
                    sound = false;
                }
            },
            AtomKind::Constant(name) => match find(domains, name) {
                Some(value) => named.push(Named { name: name.clone(), value: u64::from(value) }),
                None => {
                    unknown(name, *span, domains, what, reporter);
                    sound = false;
                }
            },
            AtomKind::Reference(name) => {
                reporter.error(*span, format!("`<{name}>` is a struct, and {what} is not"));
                sound = false;
            }
            AtomKind::Path => {
                reporter.error(*span, format!("{what} is not a path"));
                sound = false;
            }
        }
    }
    match (sound, any) {
        (false, _) => None,
        (true, true) => Some(Values::Any),
        (true, false) => Some(Values::These(named)),
    }
}

pub(super) fn find(domains: &[&'static Domain], name: &str) -> Option<u32> {
    domains.iter().find_map(|domain| domain.value(name))
}

/// The number in two's complement of its width; `text` tells whether it is negative.
pub(super) fn fit(value: u64, text: &str, width: Width) -> Option<u64> {
    let mask = width.mask();
    if text.starts_with('-') {
        let smallest = (!(mask >> 1)) as i64;
        return (value as i64 >= smallest || width == Width::Bits64).then_some(value & mask);
    }
    (value <= mask).then_some(value)
}

fn unknown(
    name: &str,
    span: crate::syntax::span::Span,
    domains: &[&'static Domain],
    what: &str,
    reporter: &mut Reporter<'_>,
) {
    let elsewhere = constants::all().find(|domain| domain.value(name).is_some());
    if name == "NULL" {
        reporter
            .error(span, format!("{what} is not a pointer and cannot be NULL"))
            .note("the number is written `0`");
    } else if domains.is_empty() {
        reporter.error(span, format!("{what} has no named values")).note("write a number or `<INTEGER>`");
    } else if let Some(elsewhere) = elsewhere {
        let wanted = domains.iter().map(|domain| domain.what).collect::<BTreeSet<_>>();
        let wanted = wanted.into_iter().collect::<Vec<_>>().join(" or ");
        reporter
            .error(span, format!("`{name}` is no value of {what}"))
            .here(format!("this is a value of the kind \"{}\"", elsewhere.what))
            .note(format!("expected a value of the kind \"{wanted}\""));
    } else {
        let names = domains.iter().flat_map(|domain| domain.members).map(|member| member.name);
        reporter
            .error(span, format!("unknown name `{name}`"))
            .here(format!("not a value of {what}"))
            .suggest(name, names);
    }
}

/// The values of an enumeration as windows of 64: `(base, set)`.
pub(super) fn windows(values: impl IntoIterator<Item = u64>) -> Vec<(u64, u64)> {
    let values: BTreeSet<_> = values.into_iter().collect();
    let mut windows: Vec<(u64, u64)> = Vec::new();
    for value in values {
        match windows.last_mut() {
            Some((base, set)) if value - *base < 64 => *set |= 1 << (value - *base),
            _ => windows.push((value, 1)),
        }
    }
    windows
}

/// The bits that may be set.
pub(super) fn allowed(values: &Values) -> u64 {
    match values {
        Values::Any => u64::MAX,
        Values::These(named) => named.iter().fold(0, |bits, named| bits | named.value),
    }
}

/// A value that is tested beyond the row.
pub(super) fn enumeration_windows(values: &Values) -> Vec<Window> {
    match values {
        Values::Any => alloc::vec![Window { base: 0, forbidden: 0, set: u64::MAX }],
        Values::These(named) => windows(named.iter().map(|named| named.value))
            .into_iter()
            .map(|(base, set)| Window { base, forbidden: !63, set })
            .collect(),
    }
}

/// A bit set that is tested beyond the row.
pub(super) fn bit_set_window(values: &Values) -> Window {
    Window { base: 0, forbidden: !allowed(values), set: u64::MAX }
}

/// `the 2nd parameter`
pub(super) fn ordinal(index: usize) -> String {
    match index {
        0 => "first".to_string(),
        1 => "second".to_string(),
        2 => "third".to_string(),
        _ => format!("{}th", index + 1),
    }
}
