//! From sources to tables.

mod build;
mod descriptor;
mod profile;
mod resolve;
mod rule;
mod scalar;
mod shortcut;
mod structs;

#[cfg(feature = "std")]
mod load;
#[cfg(feature = "std")]
mod source;

use alloc::vec::Vec;
use core::str;

pub use profile::Profile;

#[cfg(feature = "std")]
pub use {
    load::{LoadError, load},
    source::rust_source,
};

use crate::{
    diagnostic::{Diagnostic, Reporter},
    syntax::{
        self,
        ast::File,
        span::{MAX_SOURCE, Source, Span, Text},
    },
};

/// Compiles files that are loaded together.
///
/// The order of the files is that of the rules. What is only a warning is kept in the profile.
///
/// # Errors
/// Everything that is wrong, in the order of the files: up to fifty errors.
pub fn compile(sources: &[Source]) -> Result<Profile, Vec<Diagnostic>> {
    let decoded: Vec<_> = sources.iter().map(decode).collect();
    let texts: Vec<_> = decoded.iter().map(|decoded| Text::new(decoded.name, decoded.text)).collect();
    let mut reporter = Reporter::new(&texts);
    let mut files = Vec::new();
    for (index, source) in decoded.iter().enumerate() {
        let file = index as u32;
        if let Some((offset, message)) = source.problem {
            let start = offset.min(source.text.len()) as u32;
            reporter
                .error(Span { file, start, end: start }, message)
                .note("SCML files are UTF-8 of at most 4 MiB");
            files.push(File::default());
            continue;
        }
        files.push(syntax::parse(file, source.text, &mut reporter));
    }
    let names: Vec<_> = sources.iter().map(|source| source.name.as_str()).collect();
    let profile = lower(&files, &names, &texts, &mut reporter);
    let failed = reporter.failed();
    let mut diagnostics = reporter.finish();
    match profile {
        Some(mut profile) if !failed => {
            profile.warnings = diagnostics;
            Ok(profile)
        }
        _ => {
            diagnostics.sort_by_key(|diagnostic| diagnostic.severity);
            Err(diagnostics)
        }
    }
}

fn lower(files: &[File], names: &[&str], texts: &[Text<'_>], reporter: &mut Reporter<'_>) -> Option<Profile> {
    let definitions = resolve::Definitions::collect(files, reporter);
    if !definitions.check(files, reporter) {
        return None;
    }
    let mut lowering = rule::Lowering::new(&definitions, reporter);
    for (index, file) in files.iter().enumerate() {
        lowering.file(index, names[index], &texts[index], file);
    }
    lowering.finish()
}

struct Decoded<'a> {
    name: &'a str,
    /// As much as can be read.
    text: &'a str,
    problem: Option<(usize, &'static str)>,
}

fn decode(source: &Source) -> Decoded<'_> {
    let name = &source.name;
    if source.bytes.len() > MAX_SOURCE {
        return Decoded { name, text: "", problem: Some((0, "the file is too large")) };
    }
    match str::from_utf8(&source.bytes) {
        Ok(text) => Decoded { name, text, problem: None },
        Err(error) => {
            let valid = error.valid_up_to();
            let text = str::from_utf8(&source.bytes[..valid]).unwrap_or_default();
            Decoded { name, text, problem: Some((valid, "the file is not UTF-8 from here on")) }
        }
    }
}
