//! `postern run`.

use std::{ffi::OsString, fs::File, path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use clap::{Args, builder::PossibleValuesParser};
use emulator::{
    boot::{MODES, PROFILES},
    run::{Ending, Report, Request, run},
};
use socket::policy::{Mode, Profile};

/// Run a program of this machine on the socket layer, without the guest
///
/// The program runs as always, with this machine's files, and so does what it starts; only its socket calls are served by
/// the layer, under the rules of the profile. All of them see each other's sockets and nobody else's.
#[derive(Debug, Args)]
#[command(after_long_help = DETAILS, override_usage = "postern run [OPTIONS] -- PROG [ARG]...")]
pub(super) struct Run {
    /// What the system supports
    #[arg(long, value_name = "P", default_value = "postern", value_parser = PossibleValuesParser::new(PROFILES))]
    profile: String,

    /// What is done about a call that the profile does not declare: refuse it, perform but record it, or nothing
    #[arg(long, value_name = "M", default_value = "enforce", value_parser = PossibleValuesParser::new(MODES))]
    mode: String,

    /// Tell of calls that are not declared in FILE, and not on standard error
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,

    /// The program, by its path or by a name in PATH, and its arguments
    #[arg(last = true, required = true, value_name = "PROG")]
    program: Vec<OsString>,
}

const DETAILS: &str = "\
Examples:
  postern run -- python3 server.py
  postern run -- sh -c 'socat UNIX-LISTEN:/tmp/s EXEC:cat & sleep 1; echo hello | socat - UNIX:/tmp/s'
  postern run --mode audit --log denials.txt -- PROG

Emulated are sockets of the UNIX family; others are refused as the profile says. Open files are not passed over them yet:
EINVAL. A call that is not declared is told of once, with the rule that comes nearest, and counted in a last line.

This tool shows how a program fares on such a kernel. It is no sandbox: it keeps nothing from a program that means ill.

It needs x86-64 and Linux 5.19 (6.6 to be fast); not root, but without it set-id programs gain nothing. 32-bit programs
have no sockets, and neither a program that filters its own calls through a supervisor nor `postern run` itself can run
in it.

Exit status:
  that of the program, 128+N if signal N ended it
  125  this command could not do what it was told
  126  the program cannot be executed
  127  there is no such program";

impl Run {
    pub(super) fn run(self) -> Result<ExitCode> {
        let report = match &self.log {
            None => Report::new(Box::new(std::io::stderr())),
            Some(path) => {
                let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
                Report::new(Box::new(file))
            }
        };
        let profile = match &self.profile[..] {
            "asterinas" => Profile::Asterinas,
            _ => Profile::Postern,
        };
        let mode = match &self.mode[..] {
            "audit" => Mode::Audit,
            "off" => Mode::Off,
            _ => Mode::Enforce,
        };
        let name = self.program.first().map(|name| name.display().to_string()).unwrap_or_default();
        let ending = run(Request { words: self.program, profile, mode, report })?;
        if let Ending::NotStarted(error) = &ending {
            eprintln!("postern: cannot run {name}: {error}");
        }
        Ok(ExitCode::from(ending.status()))
    }
}
