//! The command line of `postern`.

mod boot;
mod check;
mod diff;
mod explain;
mod fmt;
mod profile;
mod report;
mod run;
mod trace;

use std::{io::Write, process::ExitCode};

use clap::{Parser, Subcommand};

/// Runs programs in the guest or on the layer alone, shows the conformance report, checks rules, and judges traces by them.
///
/// The guest is an operating system whose socket layer is declared, flag by flag, in SCML files: what a profile
/// declares behaves as on Linux, and everything else is refused.
#[derive(Debug, Parser)]
#[command(name = "postern", version, max_term_width = 100, after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  postern boot --root DIR -- /bin/busybox ash -c 'echo hello; ls /'
  postern run -- PROG ARG...
  postern report
  postern check scml/profiles/postern
  postern explain 'socket(AF_INET6, SOCK_STREAM, 0)'
  postern trace -- curl -s http://127.0.0.1:8080/

Each command has its own --help.";

#[derive(Debug, Subcommand)]
enum Command {
    Boot(boot::Boot),
    Run(run::Run),
    Report(report::Report),
    Check(check::Check),
    Fmt(fmt::Fmt),
    Explain(explain::Explain),
    Trace(trace::Trace),
    Diff(diff::Diff),
}

pub(crate) fn run(arguments: Arguments) -> ExitCode {
    let (result, failure) = match arguments.command {
        Command::Boot(boot) => (boot.run(), 125),
        Command::Run(run) => (run.run(), 125),
        Command::Report(report) => (report.run(), 2),
        Command::Check(check) => (check.run(), 2),
        Command::Fmt(fmt) => (fmt.run(), 2),
        Command::Explain(explain) => (explain.run(), 2),
        Command::Trace(trace) => (trace.run(), 2),
        Command::Diff(diff) => (diff.run(), 2),
    };
    result.unwrap_or_else(|error| {
        eprintln!("postern: {error:#}");
        ExitCode::from(failure)
    })
}

/// Prints to standard output; a reader that has gone away is no error.
fn print(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}
