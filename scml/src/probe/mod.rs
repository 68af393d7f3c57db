//! What has to be tried so that a profile is proven, out of its rules alone: each declared alternative on each kind of
//! socket that its rule names, and the undeclared neighbours.
//!
//! A [`Sample`] is a call that can be judged and made. What it is made on is a [`SocketKind`], so that a rule for another
//! family or type brings its probes with it.
//!
//! Neighbours of a rule are, on each of its kinds:
//! - for each argument and field that the rule names: every other named member of its domain, every bit position that the
//!   rule does not list (alone, so that each one is tried, whether it has a name or not), what other rules of the call list
//!   there, 0, and values beyond all members;
//! - across families: what the rule declares, tried on every kind of socket that exists in the profile but not in the rule.
//!
//! Whatever some rule of the profile admits is no neighbour, and no call is tried twice.

mod candidates;
mod kinds;
mod place;
mod plan;
mod sample;

use alloc::{string::String, vec::Vec};

pub use self::{
    kinds::{SocketKind, kinds},
    sample::{FieldValue, Sample},
};
use crate::tables::{AlternativeKind, Tables};

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
    /// The value of the argument that gives the value its meaning, by name: the level of an option or a control message.
    /// Else empty.
    pub under: String,
    /// What it is tried on, or what is made.
    pub on: SocketKind,
    /// The call.
    pub sample: Sample,
}

/// A call that differs from an admitted one in one argument, or in what it is made on, and that no rule admits.
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
    /// As [`Declared::under`].
    pub under: String,
    /// What it is tried on, or what would have been made.
    pub on: SocketKind,
    /// Whether the rule declares the value, but not for this kind of socket.
    pub across: bool,
    /// The errno of the refusal: what the guest has to show where Linux does not refuse the call itself.
    pub errno: u16,
    /// The call.
    pub sample: Sample,
}

/// Every declared alternative of the profile on every kind of socket of its rule, with a call that makes use of it, in
/// the order of the rules.
#[must_use]
pub fn alternatives(tables: &Tables<'_>) -> Vec<Declared> {
    let existing = kinds(tables);
    (0..tables.rule_count())
        .filter_map(|rule| plan::Plan::new(tables, u16::try_from(rule).ok()?, &existing))
        .flat_map(|plan| plan.declared())
        .collect()
}

/// The calls next to what the profile admits, in the order of the rules.
#[must_use]
pub fn neighbours(tables: &Tables<'_>) -> Vec<Neighbour> {
    let existing = kinds(tables);
    let plans: Vec<_> = (0..tables.rule_count())
        .filter_map(|rule| plan::Plan::new(tables, u16::try_from(rule).ok()?, &existing))
        .collect();
    let mut seen = plan::Seen::default();
    plans.iter().flat_map(|plan| plan.neighbours(&plans, &existing, &mut seen)).collect()
}
