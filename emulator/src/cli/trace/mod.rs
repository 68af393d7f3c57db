//! `postern trace`.

mod json;
mod strace;
mod text;

use std::{
    ffi::OsString,
    fs::File,
    io::{self, BufReader},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result, bail};
use clap::Args;
use scml::trace::{Session, Summary};

use super::profile::Rules;

/// Say which of a program's calls are supported, from strace's output
///
/// Reads logs that strace wrote, with or without -f, -y, -yy, -t, -T, -X and their relatives, or runs strace itself. With
/// -yy, strace says of every descriptor what it is; without, that is followed from the calls that make descriptors.
#[derive(Debug, Args)]
#[command(
    override_usage = "postern trace [--profile P] [--json] LOG...\n       postern trace [--profile P] [--json] -- PROG [ARG]...",
    after_help = "\
Examples:
  strace -f -yy -o log redis-server & ...; postern trace log
  postern trace --profile asterinas -- curl -s http://127.0.0.1:8080/
  postern trace --json log | jq '.programs[].causes[] | [.count, .call, .argument, .value]'

Exit status: 0 if all calls conform, 1 if some do not or cannot be judged, 2 if there is nothing to read."
)]
pub(super) struct Trace {
    /// The profile: its name, or a file or folder
    #[arg(long, value_name = "P", default_value = "postern")]
    profile: String,

    /// Print nothing but JSON on standard output; a program that is run here gets standard error as its output
    #[arg(long)]
    json: bool,

    /// Keep strace's log of the program that is run here
    #[arg(long, value_name = "FILE", requires = "program")]
    log: Option<PathBuf>,

    /// Logs of strace's, or - for standard input; those of `strace -ff`, NAME.PID, belong together
    #[arg(value_name = "LOG", conflicts_with = "program", required_unless_present = "program")]
    logs: Vec<PathBuf>,

    /// A program to run under strace, and its arguments
    #[arg(last = true, value_name = "PROG")]
    program: Vec<OsString>,
}

impl Trace {
    pub(super) fn run(self) -> Result<ExitCode> {
        let rules = Rules::named(&self.profile)?;
        let mut session = Session::new(rules.profile.tables());
        let mut names = Vec::new();
        if self.program.is_empty() {
            for log in &self.logs {
                names.push(log.display().to_string());
                read(&mut session, log)?;
            }
        } else {
            let log = strace::run(&self.program, self.log.as_deref(), self.json)?;
            let name = self.log.as_ref().map_or_else(String::new, |log| log.display().to_string());
            session.read(&name, None, BufReader::new(log))?;
            names.push(name);
        }
        let summary = session.finish();
        if summary.lines == 0 {
            bail!("there is nothing in {}", names.join(", "));
        }
        let text = match self.json {
            true => json::render(&rules.name, &names, &summary)?,
            false => text::render(&rules.name, &summary),
        };
        super::print(&text)?;
        Ok(match summary.unreadable == summary.lines {
            // Not strace's at all.
            true => ExitCode::from(2),
            false if conforms(&summary) => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        })
    }
}

fn read(session: &mut Session<'_>, log: &Path) -> Result<()> {
    let name = log.display().to_string();
    if name == "-" {
        session.read(&name, None, io::stdin().lock()).context("standard input")?;
        return Ok(());
    }
    let file = File::open(log).with_context(|| name.clone())?;
    if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
        bail!("{name}: is a directory, not a log");
    }
    session.read(&name, pid_of(log), BufReader::with_capacity(1 << 16, file)).with_context(|| name.clone())
}

/// The process that a log of `strace -ff` is about.
fn pid_of(log: &Path) -> Option<u32> {
    log.extension()?.to_str()?.parse().ok()
}

fn conforms(summary: &Summary) -> bool {
    summary.programs.iter().all(|program| program.refused() == 0 && program.not_judged() == 0)
}
