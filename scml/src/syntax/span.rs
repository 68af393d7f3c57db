//! Sources, and places in them.

use alloc::{string::String, vec::Vec};

/// The largest file that is read, in bytes: far beyond any set of rules that a person writes, and small enough for a tool
/// to answer at once.
pub const MAX_SOURCE: usize = 4 << 20;

/// A file of rules, as it was found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Source {
    /// The name that diagnostics and denials show.
    pub name: String,
    /// The contents; not yet known to be UTF-8.
    pub bytes: Vec<u8>,
}

impl Source {
    /// A file with these contents.
    pub fn new(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self { name: name.into(), bytes: bytes.into() }
    }
}

/// A range of bytes in one of the sources of a run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Span {
    /// The index of the source.
    pub file: u32,
    /// The first byte.
    pub start: u32,
    /// The byte after the last.
    pub end: u32,
}

impl Span {
    /// From the start of `self` to the end of `other`, which is in the same source.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        Self { end: other.end.max(self.end), ..self }
    }
}

/// A value and where it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Spanned<T> {
    /// What.
    pub value: T,
    /// Where.
    pub span: Span,
}

/// A decoded source with what is needed to say where in it something is.
#[derive(Debug)]
pub(crate) struct Text<'a> {
    pub(crate) name: &'a str,
    text: &'a str,
    /// Where each line begins, in bytes.
    lines: Vec<usize>,
}

/// A line of a source and a place in it.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    /// From 1.
    pub(crate) line: u32,
    /// In characters, from 1.
    pub(crate) column: u32,
    pub(crate) source: &'a str,
    /// Where the line begins, in bytes.
    pub(crate) start: usize,
}

impl<'a> Text<'a> {
    pub(crate) fn new(name: &'a str, text: &'a str) -> Self {
        let newlines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let lines = core::iter::once(0).chain(newlines.map(|(offset, _)| offset + 1)).collect();
        Self { name, text, lines }
    }

    pub(crate) fn place(&self, offset: usize) -> Place<'a> {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let line = self.lines.partition_point(|start| *start <= offset);
        let start = self.lines[line - 1];
        let end = self.lines.get(line).map_or(self.text.len(), |next| next - 1);
        Place {
            line: line as u32,
            column: self.text[start..offset].chars().count() as u32 + 1,
            source: self.text[start..end].trim_end_matches('\r'),
            start,
        }
    }
}
