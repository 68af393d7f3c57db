//! What is wrong with a file: where, why, and what to do.

#[cfg(feature = "std")]
mod render;

#[cfg(feature = "std")]
pub use render::compile_directory;

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

use crate::syntax::span::{Span, Text};

/// How many errors one run reports; what follows is noise.
pub(crate) const MAX_ERRORS: usize = 50;

/// A source line is shown as far as this, in characters.
const MAX_LINE: usize = 240;

/// How bad it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Severity {
    /// The files are not valid.
    Error,
    /// The files are valid, but probably do not say what was meant.
    Warning,
}

/// A place in a file and what is to be said there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Label {
    /// The file's name.
    pub file: String,
    /// From 1.
    pub line: u32,
    /// In characters, from 1.
    pub column: u32,
    /// How many bytes of the line are meant, and from which on.
    pub range: core::ops::Range<usize>,
    /// The line itself, clipped if it is very long.
    pub source: String,
    /// What is to be said; may be empty.
    pub text: String,
}

/// An error or a warning.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// One line.
    pub message: String,
    /// Where; the first is the place itself, the others explain.
    pub labels: Vec<Label>,
    /// What to do, or what else is known.
    pub notes: Vec<String>,
}

impl fmt::Display for Diagnostic {
    /// One line: `file:line:column: error: message`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(label) = self.labels.first() {
            write!(f, "{}:{}:{}: ", label.file, label.line, label.column)?;
        }
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{severity}: {}", self.message)
    }
}

impl core::error::Error for Diagnostic {}

/// Collects diagnostics of one run.
pub(crate) struct Reporter<'a> {
    texts: &'a [Text<'a>],
    diagnostics: Vec<Diagnostic>,
    errors: usize,
    warnings: usize,
}

impl<'a> Reporter<'a> {
    pub(crate) const fn new(texts: &'a [Text<'a>]) -> Self {
        Self { texts, diagnostics: Vec::new(), errors: 0, warnings: 0 }
    }

    pub(crate) fn error(&mut self, span: Span, message: impl Into<String>) -> Draft<'_> {
        self.add(Severity::Error, span, message.into())
    }

    pub(crate) fn warning(&mut self, span: Span, message: impl Into<String>) -> Draft<'_> {
        self.add(Severity::Warning, span, message.into())
    }

    fn add(&mut self, severity: Severity, span: Span, message: String) -> Draft<'_> {
        match severity {
            Severity::Error => self.errors += 1,
            Severity::Warning => self.warnings += 1,
        }
        if self.errors > MAX_ERRORS || severity == Severity::Warning && self.warnings > MAX_ERRORS {
            return Draft { texts: self.texts, diagnostic: None };
        }
        let label = label(self.texts, span, String::new());
        // One place is wrong in one way: what a name or a struct makes twice is said once.
        let known = self
            .diagnostics
            .iter()
            .position(|known| known.message == message && known.labels.first() == Some(&label));
        let diagnostic = if known.is_some() {
            None
        } else {
            self.diagnostics.push(Diagnostic {
                severity,
                message,
                labels: alloc::vec![label],
                notes: Vec::new(),
            });
            self.diagnostics.last_mut()
        };
        Draft { texts: self.texts, diagnostic }
    }

    pub(crate) const fn failed(&self) -> bool {
        self.errors > 0
    }

    pub(crate) const fn error_count(&self) -> usize {
        self.errors
    }

    pub(crate) const fn full(&self) -> bool {
        self.errors >= MAX_ERRORS
    }

    pub(crate) fn finish(mut self) -> Vec<Diagnostic> {
        if self.errors > MAX_ERRORS {
            self.diagnostics.push(Diagnostic {
                severity: Severity::Error,
                message: format!("{} further errors are not shown", self.errors - MAX_ERRORS),
                labels: Vec::new(),
                notes: Vec::new(),
            });
        }
        self.diagnostics
    }
}

/// A diagnostic that is being written.
pub(crate) struct Draft<'r> {
    texts: &'r [Text<'r>],
    diagnostic: Option<&'r mut Diagnostic>,
}

impl Draft<'_> {
    /// Says something at the place itself.
    pub(crate) fn here(self, text: impl Into<String>) -> Self {
        self.edit(|_, diagnostic| {
            if let Some(label) = diagnostic.labels.first_mut() {
                label.text = text.into();
            }
        })
    }

    /// Shows another place.
    pub(crate) fn there(self, span: Span, text: impl Into<String>) -> Self {
        self.edit(|texts, diagnostic| diagnostic.labels.push(label(texts, span, text.into())))
    }

    /// Says what to do.
    pub(crate) fn note(self, text: impl Into<String>) -> Self {
        self.edit(|_, diagnostic| diagnostic.notes.push(text.into()))
    }

    /// Says what may have been meant, if anything is near.
    pub(crate) fn suggest<'s>(self, name: &str, names: impl IntoIterator<Item = &'s str>) -> Self {
        if self.diagnostic.is_none() {
            return self;
        }
        match nearest(name, names) {
            Some(suggestion) => self.note(format!("did you mean `{suggestion}`?")),
            None => self,
        }
    }

    fn edit(mut self, edit: impl FnOnce(&[Text<'_>], &mut Diagnostic)) -> Self {
        if let Some(diagnostic) = &mut self.diagnostic {
            edit(self.texts, diagnostic);
        }
        self
    }
}

fn label(texts: &[Text<'_>], span: Span, text: String) -> Label {
    let Some(file) = texts.get(span.file as usize) else {
        return Label { file: String::new(), line: 0, column: 0, range: 0..0, source: String::new(), text };
    };
    let place = file.place(span.start as usize);
    let start = (span.start as usize - place.start).min(place.source.len());
    let end = (span.end as usize).saturating_sub(place.start).clamp(start, place.source.len());
    let (source, range) = clip(place.source, start..end);
    Label { file: file.name.to_string(), line: place.line, column: place.column, range, source, text }
}

/// Cuts a window of at most [`MAX_LINE`] characters around the range.
fn clip(line: &str, range: core::ops::Range<usize>) -> (String, core::ops::Range<usize>) {
    if line.len() <= MAX_LINE {
        return (line.to_string(), range);
    }
    let boundary = |mut at: usize| {
        at = at.min(line.len());
        while !line.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let first = boundary(range.start.saturating_sub(MAX_LINE / 3));
    let last = boundary(first + MAX_LINE);
    let start = range.start - first;
    (line[first..last].to_string(), start..(boundary(range.end.min(last)) - first).max(start))
}

/// The name that differs least, if it differs little (Levenshtein, case ignored).
pub(crate) fn nearest<'s>(name: &str, names: impl IntoIterator<Item = &'s str>) -> Option<&'s str> {
    const LONGEST: usize = 64;
    if name.len() > LONGEST {
        return None;
    }
    let limit = (name.len() / 3).max(1);
    names
        .into_iter()
        .filter(|candidate| candidate.len() <= LONGEST && candidate.len().abs_diff(name.len()) <= limit)
        .map(|candidate| (distance(name.as_bytes(), candidate.as_bytes()), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn distance(left: &[u8], right: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, from) in left.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, to) in right.iter().enumerate() {
            let above = row[column + 1];
            let substituted = diagonal + usize::from(!from.eq_ignore_ascii_case(to));
            row[column + 1] = substituted.min(above + 1).min(row[column] + 1);
            diagonal = above;
        }
    }
    row[right.len()]
}
