//! `runner test`.

use std::thread;

use anyhow::Result;
use clap::Args;

use crate::{
    case::Tally,
    context::Context,
    junit,
    sink::Sink,
    suites::{self, Suite},
};

/// Run the tests
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  runner test
  runner test --list
  runner test --only guest-counted --filter unix::connect")]
pub(crate) struct Options {
    /// Only this suite; may be repeated
    #[arg(long, value_name = "SUITE")]
    only: Vec<String>,

    /// Of the guest's tests, only those whose name contains this
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,

    /// Name the suites, run none
    #[arg(long)]
    list: bool,
}

/// Runs the suites; whether all passed.
pub(crate) fn run(context: &Context, options: &Options) -> Result<bool> {
    if options.list {
        for suite in suites::all() {
            println!("{:<16} {}", suite.name, suite.what);
        }
        return Ok(true);
    }
    for name in &options.only {
        if !suites::all().any(|suite| suite.name == name) {
            anyhow::bail!("there is no suite {name}: see `runner test --list`");
        }
    }
    let wanted =
        |suite: &&Suite| options.only.is_empty() || options.only.iter().any(|name| name == suite.name);
    let sink = Sink::new();
    let run = suites::Run { context, sink: &sink, filter: options.filter.as_deref() };
    // Side by side, for a guest keeps one CPU busy at most; each lane in its order.
    thread::scope(|scope| {
        for lane in suites::ALL {
            let run = &run;
            scope.spawn(move || lane.iter().filter(wanted).for_each(|suite| suite.run(run)));
        }
    });
    let (cases, times, whole) = sink.finish();
    let path = context.checkout.reports().join("junit.xml");
    junit::write(&path, &cases, &times, whole)?;
    let tally = Tally::of(&cases);
    println!("{tally}");
    // A run without a single test has shown nothing.
    Ok(tally.failed == 0 && tally.passed > 0)
}
