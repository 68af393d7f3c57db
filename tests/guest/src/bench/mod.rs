//! What calls cost: loops around the bare instruction, timed by CLOCK_MONOTONIC.

mod files;
mod internet;
mod memory;
mod netlink;
mod processes;
mod ready;
mod sockets;

use std::os::fd::OwnedFd;

use serde::Serialize;

use crate::{
    errno::Result,
    sys::{self, fast},
};

/// A measurement: what is repeated, and how often.
struct Bench {
    name: &'static str,
    /// How often, unless the command line says otherwise: enough for a steady mean, little enough for an emulated processor.
    iterations: u64,
    /// Prepares, warms up, measures; nanoseconds per iteration.
    run: fn(u64) -> Result<Figures>,
}

/// What a measurement gave, in nanoseconds per iteration.
#[derive(Clone, Copy)]
struct Figures {
    /// The mean over all iterations.
    mean: f64,
    /// The mean of the best of [`ROUNDS`] parts: without most of what the clock's interrupts and neighbours cost.
    best: f64,
}

#[derive(Serialize)]
struct Line {
    r#type: &'static str,
    name: &'static str,
    iterations: u64,
    ns_per_iteration: f64,
    best: f64,
}

const ROUNDS: u64 = 5;

/// The measurements of calls that belong to no group; see [`all`].
const BENCHES: &[Bench] = &[
    Bench { name: "getppid", iterations: 20_000, run: getppid },
    Bench { name: "clock_gettime", iterations: 5_000, run: clock_gettime },
];

/// All measurements, in the order of the report. Those of processes come first: what the others leave behind (memory that
/// was touched, room for a thousand descriptors) would be copied by every fork(2).
fn all() -> impl Iterator<Item = &'static Bench> {
    let groups = [
        processes::BENCHES,
        BENCHES,
        sockets::BENCHES,
        internet::BENCHES,
        netlink::BENCHES,
        ready::BENCHES,
        files::BENCHES,
        memory::BENCHES,
    ];
    groups.into_iter().flatten()
}

/// Runs the measurements whose name contains `filter`; whether there was one, and all worked.
pub(crate) fn run(filter: Option<&str>, iterations: Option<u64>, json: bool) -> bool {
    let mut good = true;
    let mut ran = false;
    for bench in all().filter(|bench| filter.is_none_or(|filter| bench.name.contains(filter))) {
        ran = true;
        let iterations = iterations.unwrap_or(bench.iterations);
        match (bench.run)(iterations) {
            Ok(figures) => {
                let Figures { mean, best } = figures;
                if json {
                    let name = bench.name;
                    crate::print_line(&Line {
                        r#type: "bench",
                        name,
                        iterations,
                        ns_per_iteration: mean,
                        best,
                    });
                } else {
                    println!("{:<32} {iterations:>8} x {mean:>12.1} ns   best {best:>12.1} ns", bench.name);
                }
            }
            Err(errno) => {
                eprintln!("{}: {errno}", bench.name);
                good = false;
            }
        }
    }
    if !ran {
        eprintln!("no measurement has {:?} in its name", filter.unwrap_or_default());
    }
    good && ran
}

/// Times `body`: a tenth of the iterations to warm up, then five rounds.
#[inline(always)]
fn measure(iterations: u64, mut body: impl FnMut() -> Result<()>) -> Result<Figures> {
    for _ in 0..iterations / 10 + 2 {
        body()?;
    }
    let (mut total, mut best) = (0, f64::INFINITY);
    let mut done = 0;
    for round in 0..ROUNDS {
        let count = iterations * (round + 1) / ROUNDS - done;
        if count == 0 {
            continue;
        }
        done += count;
        let before = sys::clock_nanoseconds(libc::CLOCK_MONOTONIC)?;
        for _ in 0..count {
            body()?;
        }
        let passed = sys::clock_nanoseconds(libc::CLOCK_MONOTONIC)? - before;
        total += passed;
        best = f64::min(best, passed as f64 / count as f64);
    }
    Ok(Figures { mean: total as f64 / iterations as f64, best })
}

/// A call of which only the failure is of interest.
#[inline(always)]
fn done(value: isize) -> Result<()> {
    fast::checked(value).map(|_| ())
}

fn pair() -> Result<(OwnedFd, OwnedFd)> {
    sys::socketpair(libc::AF_UNIX, libc::SOCK_STREAM, 0)
}

fn getppid(iterations: u64) -> Result<Figures> {
    measure(iterations, || done(fast::getppid()))
}

fn clock_gettime(iterations: u64) -> Result<Figures> {
    measure(iterations, || sys::clock_nanoseconds(libc::CLOCK_MONOTONIC).map(|_| ()))
}
