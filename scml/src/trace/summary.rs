//! What came of a trace, per program.

use std::collections::BTreeMap;

use crate::{call::Call, explain::Explanation};

use super::observed::Unclear;

/// A trace, judged.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// In the order in which they were first seen.
    pub programs: Vec<Program>,
    /// How many lines there were.
    pub lines: u64,
    /// Lines that are no output of strace's, or broken.
    pub unreadable: u64,
    /// The first of them.
    pub first_unreadable: Option<Place>,
}

/// Where in the logs something is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// The log's name.
    pub log: String,
    /// From 1.
    pub line: u64,
}

/// What the processes of one program did. Only calls about sockets count.
#[derive(Clone, Debug, Default)]
pub struct Program {
    /// The path that was executed.
    pub name: String,
    /// How many processes there were.
    pub processes: u64,
    /// Calls that were judged.
    pub calls: u64,
    /// Calls that conform.
    pub conforming: u64,
    /// Calls that do not, by cause: most frequent first.
    pub causes: Vec<Cause>,
    /// Calls that could not be judged: most frequent first.
    pub unclear: Vec<UnclearCalls>,
    /// Calls that Linux itself refused before it would come to the rules: EBADF, ENOTSOCK, EFAULT.
    pub failed: u64,
}

impl Program {
    /// Calls that do not conform.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.calls - self.conforming
    }

    /// Calls that could not be judged.
    #[must_use]
    pub fn not_judged(&self) -> u64 {
        self.unclear.iter().map(|unclear| unclear.count).sum()
    }

    /// Most frequent first; of equal ones, the first that was seen.
    pub(super) fn sort(&mut self) {
        self.causes.sort_by_key(|cause| core::cmp::Reverse(cause.total()));
        self.unclear.sort_by_key(|unclear| core::cmp::Reverse(unclear.count));
    }
}

/// Calls that are refused for one reason.
#[derive(Clone, Debug)]
pub struct Cause {
    /// Why, of the first of them.
    pub explanation: Explanation,
    /// How many.
    pub count: u64,
    /// The first.
    pub first: Place,
    /// The first as the log has it.
    pub example: String,
    /// What Linux said: `0`, or the name of the error, and how often.
    pub linux: BTreeMap<String, u64>,
    /// Calls on sockets that this refusal would have kept from being made, and that are refused for what the socket is.
    pub followers: BTreeMap<Call, u64>,
}

impl Cause {
    /// With its followers.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.count + self.followers.values().sum::<u64>()
    }
}

/// Calls that could not be judged for one reason.
#[derive(Clone, Debug)]
pub struct UnclearCalls {
    /// Which call.
    pub call: Call,
    /// Why.
    pub why: Unclear,
    /// How many.
    pub count: u64,
    /// The first.
    pub first: Place,
}
