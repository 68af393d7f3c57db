//! `postern check`.

use std::{fmt::Write, io::IsTerminal, path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::Args;
use scml::{Source, compile, load};

/// Say whether SCML files are valid, and where they are not
///
/// The files of a directory belong together, and so do the files that are named one by one: what one defines, the
/// others may use.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  postern check scml/profiles/postern
  postern check socket.scml options.scml

Exit status: 0 if all are valid (there may be warnings), 1 if not, 2 if one cannot be read.")]
pub(super) struct Check {
    /// Files, or directories with files that end in .scml
    #[arg(required = true, value_name = "FILE")]
    paths: Vec<PathBuf>,
}

impl Check {
    pub(super) fn run(self) -> Result<ExitCode> {
        let (directories, files): (Vec<_>, Vec<_>) = self.paths.into_iter().partition(|path| path.is_dir());
        let mut groups = Vec::new();
        let mut named = Vec::new();
        for file in files {
            named.extend(load(file)?);
        }
        if !named.is_empty() {
            groups.push((describe(&named), named));
        }
        for directory in directories {
            let sources = load(&directory)?;
            groups.push((format!("{} ({})", directory.display(), describe(&sources)), sources));
        }

        let color = std::io::stdout().is_terminal();
        let mut good = true;
        let mut text = String::new();
        for (name, sources) in groups {
            let (diagnostics, conclusion) = match compile(&sources) {
                Ok(profile) => {
                    let rules = count(profile.tables().rules.len(), "rule");
                    (profile.warnings().to_vec(), format!("{name}: valid, {rules}"))
                }
                Err(diagnostics) => {
                    good = false;
                    let errors = count(diagnostics.len(), "finding");
                    (diagnostics, format!("{name}: not valid, {errors}"))
                }
            };
            for diagnostic in diagnostics {
                let _ = writeln!(text, "{}\n", diagnostic.render(color));
            }
            let _ = writeln!(text, "{conclusion}");
        }
        super::print(&text)?;
        Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn describe(sources: &[Source]) -> String {
    match sources {
        [one] => one.name.clone(),
        several => count(several.len(), "file"),
    }
}

fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}
