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

pub use profile::Profile;

#[cfg(feature = "std")]
pub use {
    load::{LoadError, load},
    source::rust_source,
};

use crate::{
    diagnostic::{Diagnostic, Reporter},
    syntax::{
        ast::File,
        span::{Source, Text},
    },
};

/// Compiles files that are loaded together.
///
/// The order of the files is that of the rules. What is only a warning is kept in the profile.
///
/// # Errors
/// Everything that is wrong, in the order of the files: up to fifty errors.
pub fn compile(sources: &[Source]) -> Result<Profile, Vec<Diagnostic>> {
    let decoded: Vec<_> = sources.iter().map(Source::decode).collect();
    let texts: Vec<_> = decoded.iter().map(|decoded| Text::new(decoded.name, decoded.text)).collect();
    let mut reporter = Reporter::new(&texts);
    let numbered = (0..).zip(&decoded);
    let files: Vec<_> = numbered.map(|(file, source)| source.parse(file, &mut reporter)).collect();
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
