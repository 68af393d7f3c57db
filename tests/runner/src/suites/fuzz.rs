//! The fuzz targets, with libFuzzer, for a while.

use std::{process::Command, time::Duration};

use anyhow::Result;

use super::Run;
use crate::{case::Case, process::run_lines};

const TARGETS: [&str; 3] = ["rules", "trace", "call"];

/// How long each is fuzzed.
const SECONDS: u64 = 30;

/// For cargo-fuzz and the targets, which are built the first time.
const BUILD: u64 = 1800;

/// One case for each target.
pub(super) fn run(run: &Run<'_>, suite: &'static str) -> Result<()> {
    for target in TARGETS {
        let mut command = Command::new("tools/fuzz.sh");
        command.arg(SECONDS.to_string()).arg(target).current_dir(run.context.checkout.root());
        let (mut last, mut reason) = (String::new(), String::new());
        let status = run_lines(&mut command, Duration::from_secs(SECONDS + BUILD), |line| {
            if reason.is_empty() && (line.contains("panicked at") || line.contains("ERROR: libFuzzer")) {
                line.clone_into(&mut reason);
            } else if !line.trim().is_empty() {
                line.clone_into(&mut last);
            }
        })?;
        let why = if reason.is_empty() { last } else { reason };
        run.sink.add(match status {
            Some(status) if status.success() => Case::passed(suite, target),
            Some(status) => Case::failed(suite, target, format!("{status}: {why}")),
            None => Case::failed(suite, target, format!("not done in time: {why}")),
        });
    }
    Ok(())
}
