//! Values by name, as strace shows them.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::{Domain, Kind, Variant};

/// The names of the bits of a value; what has no name is hexadecimal.
#[must_use]
pub fn bits(domain: &Domain, value: u64) -> Vec<String> {
    let mut names = Vec::new();
    let mut left = value;
    for member in domain.members {
        let bits = u64::from(member.value);
        if bits != 0 && left & bits == bits {
            names.push(member.name.to_string());
            left &= !bits;
        }
    }
    if left != 0 {
        names.push(format!("{left:#x}"));
    }
    names
}

/// The name of a value; without one, the number.
#[must_use]
pub fn member(domain: &Domain, value: u64) -> String {
    let name = u32::try_from(value).ok().and_then(|value| domain.name(value));
    name.map_or_else(|| number(value), ToString::to_string)
}

/// A number that is small, negative as an `int`, or large.
fn number(value: u64) -> String {
    const SMALL: u64 = 0xffff;
    match u32::try_from(value) {
        Ok(int) if int > i32::MAX as u32 && int as i32 > -0x1000 => (int as i32).to_string(),
        _ if value <= SMALL => value.to_string(),
        _ => format!("{value:#x}"),
    }
}

/// The members that a dependent kind has under a selector.
#[must_use]
pub fn selected(variants: &[Variant], selector: u64) -> Option<&'static Domain> {
    variants.iter().find(|variant| u64::from(variant.selector) == selector).map(|variant| variant.domain)
}

/// A value of that kind. `selector` is what a dependent kind depends on.
#[must_use]
pub fn value(kind: Kind, value: u64, selector: u64) -> String {
    match kind {
        Kind::Enumeration(domain) => member(domain, value),
        Kind::Dependent { variants, .. } => {
            selected(variants, selector).map_or_else(|| number(value), |domain| member(domain, value))
        }
        Kind::BitSet(domain) => match value {
            0 => "0".to_string(),
            _ => bits(domain, value).join(" | "),
        },
        Kind::Typed { values, flags } => {
            let mut names = alloc::vec![member(values, value & 0xf)];
            names.extend(bits(flags, value & !0xf));
            names.join(" | ")
        }
        Kind::Integer | Kind::Descriptor => number(value),
        Kind::Struct { .. }
        | Kind::Array { .. }
        | Kind::OptionValue { .. }
        | Kind::Payload(_)
        | Kind::Buffer
        | Kind::Path => {
            if value == 0 {
                "NULL".to_string()
            } else {
                "..".to_string()
            }
        }
    }
}
