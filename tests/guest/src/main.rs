//! `guest`: behaviour tests, conformance probes and benchmarks in one static program.
//!
//! The same binary runs on the host's Linux, which is the oracle, and in the guest kernel.

#![deny(unsafe_code)]

mod address;
mod bench;
mod errno;
mod exhaust;
mod harness;
mod probe;
mod suite;
#[allow(unsafe_code, reason = "the system calls; everything else is safe")]
mod sys;
mod tool;

use std::{io::Write, process::ExitCode, time::Duration};

use clap::{Parser, Subcommand};
use serde::Serialize;

/// Behaviour tests, conformance probes and benchmarks of the socket layer, for Linux and for kernels that claim to be like it.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the behaviour tests; one JSON object per test on standard output.
    Test {
        /// Only the tests whose `suite::name` contains this.
        filter: Option<String>,
        /// Only the tests of sockets.
        #[arg(long)]
        sockets: bool,
        /// Afterwards, tell what the calls so far have made use of (/proc/scml); only in the guest.
        #[arg(long)]
        uses: bool,
        /// Name the tests, run none.
        #[arg(long)]
        list: bool,
        /// Run tests although the machine lacks what they need: in the guest, nothing is skipped.
        #[arg(long)]
        never_skip: bool,
        /// Run all tests in the main thread, without a watchdog.
        #[arg(long)]
        inline: bool,
        /// Seconds after which a test counts as hanging.
        #[arg(long, default_value_t = 30, value_name = "SECONDS")]
        limit: u64,
    },
    /// Try every declared alternative of the profile `postern`, and the undeclared neighbours of every argument; one
    /// JSON object per probe on standard output.
    Probe {
        /// Only the probes whose `rule argument value` contains this.
        filter: Option<String>,
        /// Seconds after which a probe counts as hanging.
        #[arg(long, default_value_t = 20, value_name = "SECONDS")]
        limit: u64,
    },
    /// Measure what calls cost, in nanoseconds of CLOCK_MONOTONIC (in counted mode, an instruction is a nanosecond).
    Bench {
        /// Only the measurements whose name contains this.
        filter: Option<String>,
        /// How often each call is made, instead of a number that suits it.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
        iterations: Option<u64>,
        /// One JSON object per measurement instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// Small programs for the tests of `postern boot`.
    #[command(hide = true, subcommand)]
    Tool(tool::Tool),
}

/// Prints one line of the machine-readable output.
pub(crate) fn print_line(line: &impl Serialize) {
    let mut text = serde_json::to_string(line).expect("plain structures serialise");
    text.push('\n');
    let mut output = std::io::stdout().lock();
    // Whoever reads the report may have gone; the exit status still tells.
    let _ = output.write_all(text.as_bytes()).and_then(|()| output.flush());
}

/// A line with what the policy has counted.
#[derive(Serialize)]
struct Uses {
    r#type: &'static str,
    text: String,
}

/// Prints what the policy has counted; whether there is a policy.
fn tell_uses() -> bool {
    match std::fs::read_to_string("/proc/scml") {
        Ok(text) => print_line(&Uses { r#type: "uses", text }),
        Err(error) => {
            eprintln!("/proc/scml: {error}");
            return false;
        }
    }
    true
}

fn main() -> ExitCode {
    let good = match Arguments::parse().command {
        Command::Test { filter, sockets, uses, list, never_skip, inline, limit } => {
            let limit = Duration::from_secs(limit);
            let tests = if sockets { suite::sockets() } else { suite::all() };
            let good = harness::run(&tests, &harness::Options { filter, list, never_skip, inline, limit });
            good && (!uses || tell_uses())
        }
        Command::Probe { filter, limit } => probe::run(filter.as_deref(), Duration::from_secs(limit)),
        Command::Bench { filter, iterations, json } => bench::run(filter.as_deref(), iterations, json),
        Command::Tool(tool) => return tool::run(tool),
    };
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
