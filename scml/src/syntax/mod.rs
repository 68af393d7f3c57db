//! From bytes to a syntax tree, and back to its canonical form.

pub mod ast;
mod decode;
mod format;
mod lexer;
mod parser;
mod print;
pub mod span;

pub use format::{WIDTH, format};
pub use parser::MAX_DEPTH;

use alloc::vec::Vec;

use crate::diagnostic::{Diagnostic, Reporter};

/// The syntax tree of a file. Names need not be known or defined.
///
/// # Errors
/// Everything that is wrong: up to fifty errors.
pub fn parse(source: &span::Source) -> Result<ast::File, Vec<Diagnostic>> {
    let decoded = source.decode();
    let texts = [span::Text::new(decoded.name, decoded.text)];
    let mut reporter = Reporter::new(&texts);
    let file = decoded.parse(0, &mut reporter);
    if reporter.failed() { Err(reporter.finish()) } else { Ok(file) }
}
