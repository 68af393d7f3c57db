//! Compiled rules that own their tables.

use alloc::{string::String, vec::Vec};
use core::{array, ops::Range};

use super::build::Builder;
use crate::{
    call::Call,
    diagnostic::Diagnostic,
    tables::{Alternative, Pattern, Row, Rule, Shape, Tables, Test, Window},
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
    rules: Vec<Rule>,
    alternatives: Vec<Alternative>,
    strings: String,
    pub(super) warnings: Vec<Diagnostic>,
}

impl Profile {
    pub(super) fn new(mut builder: Builder) -> Self {
        // Stable: within a call, the order of the files.
        builder.rows.sort_by_key(|(call, _)| *call);
        let calls = array::from_fn(|call| {
            let first = builder.rows.partition_point(|(other, _)| *other < call);
            first..builder.rows.partition_point(|(other, _)| *other <= call)
        });
        let mut rows: Vec<Row> = builder.rows.into_iter().map(|(_, row)| row).collect();
        for call in &calls {
            let of_call: &mut [Row] = &mut rows[Range::clone(call)];
            if of_call.iter().any(|row| row.tests == 0) {
                of_call.iter_mut().for_each(|row| row.shortcut = 0);
            }
        }
        Self {
            rows,
            calls,
            tests: builder.tests,
            patterns: builder.patterns,
            shapes: builder.shapes,
            windows: builder.windows,
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
