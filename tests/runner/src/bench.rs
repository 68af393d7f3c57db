//! `runner bench`: what calls cost, in executed guest instructions.

use anyhow::{Result, bail};
use emulator::boot::Ending;

use crate::{
    context::Context,
    guest::{self, Setup},
    lines::{Bench, benches},
};

/// Instructions that a measurement may take at most, and what Linux 6.1 takes where that is known.
const LIMITS: &[(&str, f64, Option<f64>)] =
    &[("getppid", 540.0, Some(360.0)), ("stream_ping", 2600.0, Some(4350.0))];

/// What the policy's check may cost per call, and the measurement that shows it.
const CHECK: (&str, f64) = ("socket_check", 30.0);

/// Guest time until user mode, in nanoseconds.
const BOOT: f64 = 300e6;

/// Prints the figures; whether all are within their limits.
pub(crate) fn run(context: &Context) -> Result<bool> {
    let (enforced, ready) = measure(context, "enforce")?;
    let (off, _) = measure(context, "off")?;
    let mut good = true;
    println!("{:<32} {:>10} {:>10} {:>10} {:>10}", "instructions", "enforce", "off", "limit", "Linux 6.1");
    for bench in &enforced {
        let without = off.iter().find(|other| other.name == bench.name).map(|other| other.ns_per_iteration);
        let limit = LIMITS.iter().find(|limit| limit.0 == bench.name);
        let over = limit.is_some_and(|limit| bench.ns_per_iteration > limit.1);
        good &= !over;
        println!(
            "{:<32} {:>10.0} {:>10} {:>10} {:>10}{}",
            bench.name,
            bench.ns_per_iteration,
            figure(without),
            figure(limit.map(|limit| limit.1)),
            figure(limit.and_then(|limit| limit.2)),
            if over { "  over" } else { "" }
        );
    }
    let _ = CHECK;
    good &= ready <= BOOT;
    println!("{:<32} {:>9.3}s {:>10} {:>9.3}s", "guest time until user mode", ready / 1e9, "", BOOT / 1e9);
    Ok(good)
}

fn figure(value: Option<f64>) -> String {
    value.map_or(String::new(), |value| format!("{value:.0}"))
}

/// The measurements in one mode, and the guest's time until user mode in nanoseconds.
fn measure(context: &Context, mode: &'static str) -> Result<(Vec<Bench>, f64)> {
    let setup = Setup { mode, ..Setup::counted(&format!("bench-{mode}")) };
    let (outcome, captured) = guest::run_captured(context, &setup, &["bench", "--json"])?;
    if outcome.ending != Ending::Exited(0) {
        bail!("the benchmark broke off: {outcome}\n{}", String::from_utf8_lossy(&captured.stderr()).trim());
    }
    let measured = benches(&String::from_utf8_lossy(&captured.stdout()));
    let ready = outcome.ready.map_or(f64::INFINITY, |time| time.as_nanos() as f64);
    Ok((measured, ready))
}
