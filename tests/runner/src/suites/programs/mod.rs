//! Debian's own programs, unmodified: `tests/programs/` says what they do, and what they print in the guest must be what
//! they print on this machine's Linux, from the same files.
//!
//! - `scenario`: the files of `tests/programs/`;
//! - `packages`: fetching;
//! - `sides`: running on the host and in the guest;
//! - `record`: the output of the small init that a case runs under.

mod packages;
mod record;
mod scenario;
mod sides;

use std::{fs, path::PathBuf, time::Instant};

use anyhow::{Context as _, Result, bail, ensure};

use self::{
    packages::{Fetcher, Packages},
    record::{Record, Rounds, parse},
    scenario::{Case as Scene, Scenario},
    sides::{Root, Written, in_guest, last_lines, on_host},
};
use super::Run;
use crate::case::Case;

/// The numbers of CPUs that each case runs on.
const CPUS: [u32; 2] = [1, 2];

/// How often a case runs in the same guest, and how often in another guest where that left too little memory. The first run
/// fills caches (files that are read for the first time, compiled Python); what is less after later runs than after earlier ones
/// has leaked, or the allocators keep it for now, for each CPU and each size of object. What they keep goes up and down by
/// half a MiB, more so with two CPUs, and comes back in some of many runs; what has leaked never comes back.
const ROUNDS: [usize; 3] = [2, 8, 32];

/// By how many KiB free memory may be less at its best in the second half of the runs than at its best in the first.
const TOLERANCE: u64 = 256;

pub(super) fn run(run: &Run<'_>, suite: &'static str) -> Result<()> {
    each(run, suite, &CPUS.map(|cpus| format!(" on {cpus}")), one)
}

/// The same programs on this machine, their socket calls served by the layer.
pub(super) fn emulated(run: &Run<'_>, suite: &'static str) -> Result<()> {
    each(run, suite, &[String::new()], one_emulated)
}

/// Runs `body` with each scenario's cases, every one of which has results with these endings of their names.
fn each(
    run: &Run<'_>,
    suite: &'static str,
    endings: &[String],
    body: impl Fn(&Run<'_>, &str, &str, &Root, &Scene),
) -> Result<()> {
    let mut scenarios = scenario::load(&run.context.checkout.root().join("tests/programs"))?;
    if let Some(filter) = run.filter {
        for scenario in &mut scenarios {
            let name = scenario.name.clone();
            scenario.cases.retain(|case| format!("{name}::{}", case.name).contains(filter));
        }
        scenarios.retain(|scenario| !scenario.cases.is_empty());
    }
    let cases: usize = scenarios.iter().map(|scenario| scenario.cases.len()).sum();
    run.sink.expect(cases * endings.len());
    let skip = |scenario: &Scenario, case: &Scene, reason: &str| {
        for ending in endings {
            let name = format!("{}::{}{ending}", scenario.name, case.name);
            run.sink.add(Case::skipped(suite, name, reason));
        }
    };
    let mut fetcher = Fetcher::new(run.context);
    for scenario in &scenarios {
        match fetcher.fetch(&scenario.packages)? {
            Packages::Folders(folders) => {
                for case in &scenario.cases {
                    if let Some(lacking) = &case.lacks {
                        skip(scenario, case, &format!("there is no {lacking} yet"));
                        continue;
                    }
                    let root = Root::new(run.context, &folders, case)?;
                    body(run, suite, &format!("{}::{}", scenario.name, case.name), &root, case);
                }
            }
            Packages::Missing(reason) => {
                scenario.cases.iter().for_each(|case| skip(scenario, case, &reason));
            }
        }
    }
    Ok(())
}

/// A case on the host, without and with the emulator.
fn one_emulated(run: &Run<'_>, suite: &str, name: &str, root: &Root, case: &Scene) {
    let started = Instant::now();
    let compare = || -> Result<()> {
        let host = on_host(root, case, None).context("without the emulator")?;
        let emulated = on_host(root, case, Some(&run.context.postern))?;
        let log = keep(run, &format!("{name} emulated"), &emulated);
        let check = || -> Result<()> {
            let (host, emulated) = (parse(&host.stdout, 1)?, parse(&emulated.stdout, 1)?);
            let (host, emulated) = (&host.rounds[0], &emulated.rounds[0]);
            same(&host.after, host.output, &emulated.after, emulated.output)
        };
        check().with_context(|| format!("see {}; {}", log.display(), last_lines(&emulated.stderr)))
    };
    let outcome = match compare() {
        Ok(()) => Case::passed(suite, name),
        Err(error) => Case::failed(suite, name, format!("{error:#}")),
    };
    run.sink.add(outcome.lasting(started.elapsed()));
}

/// A case on the host, and on each number of CPUs.
fn one(run: &Run<'_>, suite: &str, name: &str, root: &Root, case: &Scene) {
    let host = on_host(root, case, None);
    if let Ok(written) = &host {
        keep(run, &format!("{name} on host"), written);
    }
    for cpus in CPUS {
        let name = format!("{name} on {cpus}");
        let started = Instant::now();
        let version = run.context.qemu.version();
        if cpus > 1 && !version.has_x2apic() {
            let reason = format!("two CPUs need QEMU 9 or later, and this is {version}");
            run.sink.add(Case::skipped(suite, name, reason));
            continue;
        }
        let result = match &host {
            Ok(host) => guest(run, root, case, cpus, &name, &host.stdout),
            Err(error) => Err(anyhow::anyhow!("on the host: {error:#}")),
        };
        let outcome = match result {
            Ok(()) => Case::passed(suite, name),
            Err(error) => Case::failed(suite, name, format!("{error:#}")),
        };
        run.sink.add(outcome.lasting(started.elapsed()));
    }
}

/// Keeps what was written in a file, for whoever has to find out why something failed.
fn keep(run: &Run<'_>, name: &str, written: &Written) -> PathBuf {
    let file: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let folder = run.context.checkout.logs();
    let path = folder.join(format!("program-{file}.log"));
    let text = [written.stdout.as_slice(), b"\n--- standard error:\n", &written.stderr].concat();
    // No reason to fail: what matters is in the message too.
    let _ = fs::create_dir_all(folder).and_then(|()| fs::write(&path, text));
    path
}

/// Runs the case in the guest, and holds it against what it did on the host and against itself.
fn guest(run: &Run<'_>, root: &Root, case: &Scene, cpus: u32, name: &str, host: &[u8]) -> Result<()> {
    let mut gone = 0;
    for number in ROUNDS {
        gone = rounds(run, root, case, cpus, name, host, number)?;
        if gone <= TOLERANCE {
            return Ok(());
        }
    }
    bail!("{gone} KiB of memory are gone after {} runs, and do not come back", ROUNDS[ROUNDS.len() - 1])
}

/// Runs the case so many times in a guest, and gives the KiB of memory that are gone.
fn rounds(
    run: &Run<'_>,
    root: &Root,
    case: &Scene,
    cpus: u32,
    name: &str,
    host: &[u8],
    rounds: usize,
) -> Result<u64> {
    let host = parse(host, 1).context("on the host")?;
    let written = in_guest(run.context, root, case, cpus, rounds)?;
    let log = keep(run, name, &written);
    ensure!(
        written.ending.is_none(),
        "{}: {}",
        written.ending.unwrap_or_default(),
        last_lines(&written.stderr)
    );
    let check = || -> Result<u64> {
        let guest = parse(&written.stdout, rounds)?;
        for round in &guest.rounds {
            same(&host.rounds[0].after, host.rounds[0].output, &round.after, round.output)?;
        }
        counts_are_as_before(&guest)?;
        Ok(memory_gone(&guest))
    };
    check().with_context(|| format!("see {}; {}", log.display(), last_lines(&written.stderr)))
}

/// Output, status, and what was left behind in the folder.
fn same(host: &Record, host_output: &[u8], guest: &Record, guest_output: &[u8]) -> Result<()> {
    let [wanted, got] = [host_output, guest_output].map(String::from_utf8_lossy);
    let mut lines = wanted.lines();
    for (number, got) in got.lines().enumerate() {
        match lines.next() {
            Some(wanted) if wanted == got => {}
            Some(wanted) => bail!("line {} is {got:?}, and {wanted:?} on the host", number + 1),
            None => bail!("line {} is {got:?}, and not there on the host", number + 1),
        }
    }
    if let Some(wanted) = lines.next() {
        bail!("the output ends before {wanted:?}");
    }
    ensure!(host_output == guest_output, "the outputs differ in their lines' ends");
    ensure!(
        host.status == guest.status,
        "the status is {:#x}, and {:#x} on the host",
        guest.status.unwrap_or_default(),
        host.status.unwrap_or_default()
    );
    ensure!(host.left == guest.left, "it leaves {:?}, and {:?} on the host", guest.left, host.left);
    Ok(())
}

/// Counts after each run against those before.
fn counts_are_as_before(guest: &Rounds<'_>) -> Result<()> {
    for after in guest.rounds.iter().map(|round| &round.after) {
        let pairs = [
            ("open files", guest.before.counts.files, after.counts.files),
            ("sockets", guest.before.counts.sockets, after.counts.sockets),
            ("processes", guest.before.counts.processes, after.counts.processes),
        ];
        for (what, before, after) in pairs {
            ensure!(before == after, "{after} {what} after it, and {before} before");
        }
    }
    Ok(())
}

/// By how many KiB less memory is free after the runs of the second half than after those of the first, each at its best:
/// what the allocators keep for each CPU goes up and down, and what leaks only down. Of several runs, the very first is left
/// out: it fills caches.
fn memory_gone(guest: &Rounds<'_>) -> u64 {
    let free: Vec<_> = guest.rounds.iter().map(|round| round.after.counts.free).collect();
    let (first, second) = free.split_at(free.len() / 2);
    let filled = if first.len() > 1 { &first[1..] } else { first };
    let best = |part: &[u64]| part.iter().copied().max().unwrap_or_default();
    best(filled).saturating_sub(best(second))
}
