//! The tables as they grow.

use alloc::{
    collections::BTreeMap,
    string::{String, ToString},
    vec::Vec,
};

use crate::tables::{Alternative, Choice, Envelope, Pattern, Row, Rule, Shape, Span, Test, Text, Window};

/// Rows, tests, patterns and so on are counted in 16 bits.
const LIMIT: usize = u16::MAX as usize - 1;

#[derive(Default)]
pub(super) struct Builder {
    /// The row and the index of its call.
    pub(super) rows: Vec<(usize, Row)>,
    pub(super) tests: Vec<Test>,
    pub(super) patterns: Vec<Pattern>,
    pub(super) shapes: Vec<Shape>,
    pub(super) windows: Vec<Window>,
    pub(super) envelopes: Vec<Envelope>,
    pub(super) choices: Vec<Choice>,
    pub(super) rules: Vec<Rule>,
    pub(super) alternatives: Vec<Alternative>,
    pub(super) strings: String,
    known: BTreeMap<String, Text>,
}

impl Builder {
    /// Whether an index no longer fits. What is added from then on refers nowhere, and the profile is given up.
    pub(super) fn overflowed(&self) -> bool {
        [
            self.rows.len(),
            self.tests.len(),
            self.patterns.len(),
            self.shapes.len(),
            self.windows.len(),
            self.envelopes.len(),
            self.choices.len(),
            self.rules.len(),
            self.alternatives.len(),
        ]
        .iter()
        .any(|length| *length > LIMIT)
            || u32::try_from(self.strings.len()).is_err()
    }

    /// Keeps a text once.
    pub(super) fn text(&mut self, text: &str) -> Text {
        if let Some(known) = self.known.get(text) {
            return *known;
        }
        let kept = Text { first: self.strings.len() as u32, length: text.len() as u32 };
        self.strings.push_str(text);
        self.known.insert(text.to_string(), kept);
        kept
    }

    pub(super) fn tests(&mut self, tests: &[Test]) -> Span {
        append(&mut self.tests, tests)
    }

    pub(super) fn shapes(&mut self, shapes: &[Shape]) -> Span {
        append(&mut self.shapes, shapes)
    }

    pub(super) fn windows(&mut self, windows: &[Window]) -> Span {
        append(&mut self.windows, windows)
    }

    pub(super) fn envelopes(&mut self, envelopes: &[Envelope]) -> Span {
        append(&mut self.envelopes, envelopes)
    }

    pub(super) fn choices(&mut self, choices: &[Choice]) -> Span {
        append(&mut self.choices, choices)
    }

    pub(super) fn patterns(&mut self, patterns: &[Pattern]) -> Span {
        append(&mut self.patterns, patterns)
    }
}

/// How far back the same items are looked for.
const NEAR: usize = 256;

/// Appends, or finds the same items where they already stand together, not far back.
fn append<T: Copy + PartialEq>(all: &mut Vec<T>, items: &[T]) -> Span {
    let count = items.len();
    let near = all.len().saturating_sub(NEAR);
    let known = match count {
        0 => Some(0),
        _ => all[near..].windows(count).position(|window| window == items).map(|known| near + known),
    };
    let first = known.unwrap_or_else(|| {
        all.extend_from_slice(items);
        all.len() - count
    });
    Span { first: first as u16, count: count as u16 }
}
