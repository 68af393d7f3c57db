//! `postern report`.

use std::{io::IsTerminal, path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use clap::Args;
use emulator::{checkout::Checkout, report::Report as Model};

/// Show the last conformance report, or the one in FILE
///
/// The report is written by `make run`. Beside its table there is a page to browse, target/report/index.html.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  postern report
  postern report --json | jq .summary
  postern report saved/report.json

Exit status: 0 if everything declared holds and nothing else is let through, 1 if not, 2 if there is no report.")]
pub(super) struct Report {
    /// Print the report's JSON instead of the table
    #[arg(long)]
    json: bool,

    /// The report, instead of target/report/report.json
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

impl Report {
    pub(super) fn run(self) -> Result<ExitCode> {
        let path = match self.file {
            Some(path) => path,
            None => {
                let checkout =
                    Checkout::find().context("this program lies in no checkout: name the report's file")?;
                checkout.reports().join("report.json")
            }
        };
        let report = Model::load(&path).context("there is no report to show (`make run` writes one)")?;
        let text =
            if self.json { report.to_json() + "\n" } else { report.table(std::io::stdout().is_terminal()) };
        super::print(&text)?;
        Ok(if report.summary.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
