//! `runner soak`: what takes longer than a test run may, and finds what only chance shows.

use anyhow::Result;

use crate::{
    case::Tally,
    context::Context,
    sink::Sink,
    suites::{self, Suite},
};

/// Runs the guest suite on two and four CPUs, the fuzz targets and stress-ng, so many times; whether all passed.
pub(crate) fn run(context: &Context, rounds: u32) -> Result<bool> {
    let sink = Sink::new();
    let whole = suites::Run { context, sink: &sink, filter: None };
    let stress = suites::Run { context, sink: &sink, filter: Some("stress-ng") };
    for round in 1..=rounds {
        sink.say(&format!("round {round} of {rounds}"));
        suites::SOAK.iter().for_each(|suite| suite.run(&whole));
        suites::all().filter(|suite| suite.name == Suite::PROGRAMS).for_each(|suite| suite.run(&stress));
    }
    let (cases, ..) = sink.finish();
    let tally = Tally::of(&cases);
    println!("{tally}");
    Ok(tally.failed == 0 && tally.passed > 0)
}
