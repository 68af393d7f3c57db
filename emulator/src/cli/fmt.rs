//! `postern fmt`.

use std::{
    fmt::Write,
    fs,
    io::{self, IsTerminal, Read},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result};
use clap::Args;
use scml::{Source, load, syntax};
use walkdir::WalkDir;

/// Bring SCML files into their canonical form
///
/// A rule stands on one line where it fits into 110 columns, and else has a line for each parameter. Comments stay where
/// they are. Names need not be known: `postern check` says whether they are. Files that are in order are not touched.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  postern fmt scml/profiles
  postern fmt --check scml/profiles
  postern fmt - <socket.scml

Exit status: 0 if all files are in order (now), 1 if --check found one that is not, 2 if one cannot be read or is not SCML.")]
pub(super) struct Fmt {
    /// Change nothing; name the files that are not in order
    #[arg(long)]
    check: bool,

    /// Files, directories with files that end in .scml at any depth, or - for standard input to standard output
    #[arg(required = true, value_name = "FILE")]
    paths: Vec<PathBuf>,
}

/// What came of a file.
enum Outcome {
    InOrder,
    Changed,
    Bad,
}

impl Fmt {
    pub(super) fn run(self) -> Result<ExitCode> {
        let (mut changed, mut bad) = (0, false);
        for path in &self.paths {
            let outcomes = match path.to_str() {
                Some("-") => vec![self.standard_input()?],
                _ => files(path)?.iter().map(|file| self.file(file)).collect::<Result<_>>()?,
            };
            for outcome in outcomes {
                match outcome {
                    Outcome::InOrder => {}
                    Outcome::Changed => changed += 1,
                    Outcome::Bad => bad = true,
                }
            }
        }
        Ok(match (bad, self.check && changed > 0) {
            (true, _) => ExitCode::from(2),
            (false, true) => ExitCode::FAILURE,
            (false, false) => ExitCode::SUCCESS,
        })
    }

    fn file(&self, path: &Path) -> Result<Outcome> {
        for source in load(path)? {
            let Some(text) = formatted(&source) else { return Ok(Outcome::Bad) };
            if text.as_bytes() == source.bytes {
                continue;
            }
            if self.check {
                let line = first_difference(&source.bytes, text.as_bytes());
                super::print(&format!("{}:{line}: is not in canonical form\n", source.name))?;
            } else {
                fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
                super::print(&format!("{}: formatted\n", source.name))?;
            }
            return Ok(Outcome::Changed);
        }
        Ok(Outcome::InOrder)
    }

    fn standard_input(&self) -> Result<Outcome> {
        let mut bytes = Vec::new();
        let limit = syntax::span::MAX_SOURCE as u64 + 1;
        io::stdin().take(limit).read_to_end(&mut bytes).context("standard input")?;
        let source = Source::new("<stdin>", bytes);
        let Some(text) = formatted(&source) else { return Ok(Outcome::Bad) };
        let in_order = text.as_bytes() == source.bytes;
        match self.check {
            true if !in_order => {
                let line = first_difference(&source.bytes, text.as_bytes());
                super::print(&format!("<stdin>:{line}: is not in canonical form\n"))?;
            }
            true => {}
            false => super::print(&text)?,
        }
        Ok(if in_order { Outcome::InOrder } else { Outcome::Changed })
    }
}

/// The canonical text; what is wrong goes to standard error.
fn formatted(source: &Source) -> Option<String> {
    match scml::format(source) {
        Ok(text) => Some(text),
        Err(errors) => {
            let color = io::stderr().is_terminal();
            let mut text = String::new();
            for error in errors {
                let _ = writeln!(text, "{}\n", error.render(color));
            }
            eprint!("{text}");
            None
        }
    }
}

/// The file itself, or the SCML files in a directory.
fn files(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in WalkDir::new(path).sort_by_file_name() {
        let entry = entry?;
        if entry.file_type().is_file()
            && entry.path().extension().is_some_and(|extension| extension == "scml")
        {
            files.push(entry.into_path());
        }
    }
    Ok(files)
}

/// The line, from 1, up to which both are the same.
fn first_difference(one: &[u8], other: &[u8]) -> usize {
    let lines = one.split(|byte| *byte == b'\n').zip(other.split(|byte| *byte == b'\n'));
    lines.take_while(|(one, other)| one == other).count() + 1
}
