//! From bytes to text.

use core::str;

use super::{
    ast::File,
    parser,
    span::{MAX_SOURCE, Source, Span},
};
use crate::diagnostic::Reporter;

/// A source as text.
pub(crate) struct Decoded<'a> {
    pub(crate) name: &'a str,
    /// As much as can be read.
    pub(crate) text: &'a str,
    /// Where reading ended, and why.
    problem: Option<(usize, &'static str)>,
}

impl Source {
    /// The text, unless the file is too large.
    pub(crate) fn decode(&self) -> Decoded<'_> {
        let name = &self.name;
        if self.bytes.len() > MAX_SOURCE {
            return Decoded { name, text: "", problem: Some((0, "the file is too large")) };
        }
        match str::from_utf8(&self.bytes) {
            Ok(text) => Decoded { name, text, problem: None },
            Err(error) => {
                let valid = error.valid_up_to();
                let text = str::from_utf8(&self.bytes[..valid]).unwrap_or_default();
                Decoded { name, text, problem: Some((valid, "the file is not UTF-8 from here on")) }
            }
        }
    }
}

impl Decoded<'_> {
    /// The syntax tree. What is wrong goes to the reporter; the rules that could be read are returned.
    pub(crate) fn parse(&self, file: u32, reporter: &mut Reporter<'_>) -> File {
        let Some((offset, message)) = self.problem else { return parser::parse(file, self.text, reporter) };
        let start = offset.min(self.text.len()) as u32;
        reporter
            .error(Span { file, start, end: start }, message)
            .note("SCML files are UTF-8 of at most 4 MiB");
        File::default()
    }
}
