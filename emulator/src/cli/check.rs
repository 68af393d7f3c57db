//! `postern check`.

use std::{
    fmt::Write,
    fs,
    io::IsTerminal,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result, bail};
use clap::Args;
use scml::{Source, compile, lint, load};

/// Say whether SCML files are valid, and where they are not
///
/// The files of a directory belong together, and so do the files that are named one by one: what one defines, the
/// others may use. What is valid and probably not meant is a warning: a rule that another one shadows, a name that is
/// defined and not used, a declared alternative that no probe reaches.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  postern check scml/profiles/postern
  postern check socket.scml options.scml
  postern check --deny-lint scml/profiles

Exit status: 0 if all are valid (there may be warnings), 1 if not, 2 if one cannot be read.")]
pub(super) struct Check {
    /// Take warnings for errors
    #[arg(long)]
    deny_lint: bool,

    /// Files, directories with files that end in .scml, or directories of such directories
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
            for directory in profiles(&directory)? {
                let sources = load(&directory)?;
                groups.push((format!("{} ({})", directory.display(), describe(&sources)), sources));
            }
        }

        let color = std::io::stdout().is_terminal();
        let mut good = true;
        let mut text = String::new();
        for (name, sources) in groups {
            let (diagnostics, conclusion) = match compile(&sources) {
                Ok(profile) => {
                    let rules = count(profile.tables().rules.len(), "rule");
                    let warnings = lint(&sources, &profile);
                    let conclusion = match warnings.len() {
                        0 => format!("{name}: valid, {rules}"),
                        number => format!("{name}: valid, {rules}, {}", count(number, "warning")),
                    };
                    good &= warnings.is_empty() || !self.deny_lint;
                    (warnings, conclusion)
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

/// The directory itself if it has SCML files, or else the directories in it that have.
fn profiles(directory: &Path) -> Result<Vec<PathBuf>> {
    let entries = |directory: &Path| -> Result<Vec<PathBuf>> {
        let entries = fs::read_dir(directory).with_context(|| directory.display().to_string())?;
        entries.map(|entry| Ok(entry?.path())).collect()
    };
    let has_rules = |directory: &Path| -> Result<bool> {
        Ok(entries(directory)?
            .iter()
            .any(|path| path.extension().is_some_and(|extension| extension == "scml")))
    };
    if has_rules(directory)? {
        return Ok(vec![directory.to_owned()]);
    }
    let mut inner = entries(directory)?;
    inner.sort();
    let mut profiles = Vec::new();
    for path in inner {
        if path.is_dir() && has_rules(&path)? {
            profiles.push(path);
        }
    }
    if profiles.is_empty() {
        bail!("{}: no .scml file in this directory, nor in those in it", directory.display());
    }
    Ok(profiles)
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
