//! Compiled rules that own their tables.

use alloc::{string::String, vec::Vec};
use core::{array, ops::Range};

use super::build::Builder;
use crate::{
    call::Call,
    diagnostic::Diagnostic,
    tables::{Alternative, Choice, Envelope, Pattern, Row, Rule, Shape, Tables, Test, Window},
};

/// The compiled rules of a set of files.
#[derive(Debug)]
pub struct Profile {
    rows: Vec<Row>,
    /// Where the rows of each call are.
    calls: [Range<usize>; Call::COUNT],
    tests: Vec<Test>,
    patterns: Vec<Pattern>,
    shapes: Vec<Shape>,
    windows: Vec<Window>,
    envelopes: Vec<Envelope>,
    choices: Vec<Choice>,
    rules: Vec<Rule>,
    alternatives: Vec<Alternative>,
    strings: String,
    pub(super) warnings: Vec<Diagnostic>,
}

impl Profile {
    pub(super) fn new(mut builder: Builder) -> Self {
        // Stable: within a call, the order of the files; but rows without further tests first.
        builder.rows.sort_by_key(|(call, row)| (*call, row.tests != 0));
        let calls = array::from_fn(|call| {
            let first = builder.rows.partition_point(|(other, _)| *other < call);
            first..builder.rows.partition_point(|(other, _)| *other <= call)
        });
        Self {
            rows: builder.rows.into_iter().map(|(_, row)| row).collect(),
            calls,
            tests: builder.tests,
            patterns: builder.patterns,
            shapes: builder.shapes,
            windows: builder.windows,
            envelopes: builder.envelopes,
            choices: builder.choices,
            rules: builder.rules,
            alternatives: builder.alternatives,
            strings: builder.strings,
            warnings: Vec::new(),
        }
    }

    /// Lends the tables.
    #[must_use]
    pub fn tables(&self) -> Tables<'_> {
        Tables {
            first: array::from_fn(|call| {
                self.rows[self.calls[call].clone()].first().copied().unwrap_or(Row::NONE)
            }),
            rows: array::from_fn(|call| &self.rows[self.calls[call].clone()]),
            tests: &self.tests,
            patterns: &self.patterns,
            shapes: &self.shapes,
            windows: &self.windows,
            envelopes: &self.envelopes,
            choices: &self.choices,
            rules: &self.rules,
            alternatives: &self.alternatives,
            strings: &self.strings,
        }
    }

    /// What is probably not as it was meant.
    #[must_use]
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }
}
