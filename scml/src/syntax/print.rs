//! The syntax tree as one line of SCML.

use core::fmt::{Display, Formatter, Result};

use super::ast::{
    ArrayPattern, Atom, AtomKind, CallRule, Element, FlagsRule, Labelled, Pattern, Rule, StructPattern,
    StructRule,
};

fn separated<T: Display>(f: &mut Formatter<'_>, items: &[T], separator: &str) -> Result {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            f.write_str(separator)?;
        }
        item.fmt(f)?;
    }
    Ok(())
}

fn with_rest<T: Display>(f: &mut Formatter<'_>, items: &[T], rest: bool) -> Result {
    separated(f, items, ", ")?;
    match (rest, items.is_empty()) {
        (true, true) => f.write_str(".."),
        (true, false) => f.write_str(", .."),
        (false, _) => Ok(()),
    }
}

impl Display for Rule {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Call(rule) => rule.fmt(f),
            Self::Struct(rule) => rule.fmt(f),
            Self::Flags(rule) => rule.fmt(f),
        }
    }
}

impl Display for StructRule {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "struct {} = {};", self.name.value, self.body)
    }
}

impl Display for FlagsRule {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{} = ", self.name.value)?;
        separated(f, &self.atoms, " | ")?;
        f.write_str(";")
    }
}

impl Display for CallRule {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{}{};", self.name.value, Parameters(self))
    }
}

/// The parameters of a call rule with their brackets.
pub(super) struct Parameters<'a>(pub(super) &'a CallRule);

impl Display for Parameters<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str("(")?;
        with_rest(f, &self.0.parameters, self.0.rest.is_some())?;
        f.write_str(")")
    }
}

impl Display for Labelled {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(&self.name.value)?;
        match &self.pattern {
            Some(pattern) => write!(f, " = {pattern}"),
            None => Ok(()),
        }
    }
}

impl Display for Pattern {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Flags(atoms) => separated(f, atoms, " | "),
            Self::Struct(pattern) => pattern.fmt(f),
            Self::Array(pattern) => pattern.fmt(f),
        }
    }
}

impl Display for Atom {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match &self.value {
            AtomKind::Constant(text) | AtomKind::Number { text, .. } => f.write_str(text),
            AtomKind::Reference(name) => write!(f, "<{name}>"),
            AtomKind::Path => f.write_str("<PATH>"),
            AtomKind::Integer => f.write_str("<INTEGER>"),
        }
    }
}

impl Display for StructPattern {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        if self.fields.is_empty() && self.rest.is_none() {
            return f.write_str("{}");
        }
        f.write_str("{ ")?;
        with_rest(f, &self.fields, self.rest.is_some())?;
        f.write_str(" }")
    }
}

impl Display for ArrayPattern {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str("[ ")?;
        separated(f, &self.elements, ", ")?;
        f.write_str(" ]")
    }
}

impl Display for Element {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Reference(name) => write!(f, "<{}>", name.value),
            Self::Struct(pattern) => pattern.fmt(f),
            Self::Array(pattern) => pattern.fmt(f),
        }
    }
}
