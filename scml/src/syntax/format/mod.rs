//! The canonical form of a file: what `postern fmt` writes.
//!
//! A rule stands on one line where it fits, and else has a line for each parameter or field, indented by four; alternatives
//! that are too long go on in further lines, each of which begins with its `|`. Between rules, one empty line is kept.
//! A comment stays before what it stood before, or behind what it stood behind; what surrounds it then has several lines.

mod layout;

use alloc::{string::String, vec::Vec};

use self::layout::Printer;
use super::{parse, span::Source};
use crate::diagnostic::Diagnostic;

/// How long a line may be, in characters. What cannot be broken may be longer.
pub const WIDTH: usize = 110;

/// The file in its canonical form. Formatting that again changes nothing.
///
/// Only the grammar matters: names need not be known or defined.
///
/// # Errors
/// Where the file is not valid, everything that is wrong: up to fifty errors.
pub fn format(source: &Source) -> Result<String, Vec<Diagnostic>> {
    let file = parse(source)?;
    let mut printer = Printer::new(source.decode().text, &file.comments);
    printer.file(&file);
    Ok(printer.finish())
}
