//! `runner`: what `make run`, `make test` and `make bench` start once everything is built.
//!
//! - `runner report` probes each declared alternative in the guest and on the host, and writes the conformance report;
//! - `runner test` runs all suites, on the host and in the guest;
//! - `runner bench` prints figures beside their limits.

mod bench;
mod case;
mod context;
mod guest;
mod junit;
mod lines;
mod namespaces;
mod process;
mod report;
mod sink;
mod soak;
mod suites;
mod test;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

use crate::context::Context;

/// Runs every suite on the host and in the guest, and writes the reports.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
struct Arguments {
    /// Boot this kernel instead of target/kernel/postern-kernel.elf
    #[arg(long, value_name = "ELF", global = true)]
    kernel: Option<PathBuf>,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Probe what the profile declares, in the guest and on the host, and report
    Report,
    Test(test::Options),
    /// Measure in executed guest instructions, and compare with the limits
    Bench,
    /// Run the guest suite on two and four CPUs, the fuzz targets and stress-ng, over and over
    Soak {
        /// How often
        #[arg(long, value_name = "N", default_value = "10")]
        rounds: u32,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = Context::find(arguments.kernel.as_deref()).and_then(|context| match arguments.command {
        Command::Report => report::run(&context),
        Command::Test(options) => test::run(&context, &options),
        Command::Bench => bench::run(&context),
        Command::Soak { rounds } => soak::run(&context, rounds),
    });
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("runner: {error:#}");
            ExitCode::from(2)
        }
    }
}
