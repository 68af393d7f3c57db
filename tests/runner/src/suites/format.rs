//! rustfmt and clippy: warnings are failures.

use std::{collections::BTreeSet, process::Command, time::Duration};

use anyhow::Result;

use super::Run;
use crate::{case::Case, process::run_lines};

const LIMIT: Duration = Duration::from_secs(600);

/// Cargo in the checkout, its output plain.
pub(super) fn cargo(run: &Run<'_>) -> Command {
    let mut command = Command::new("sh");
    command
        // The pinned toolchain, wherever it is.
        .args(["-c", r#"root=$PWD; . tools/env.sh; exec cargo "$@""#, "cargo"])
        .current_dir(run.context.checkout.root())
        .env("CARGO_TERM_COLOR", "never")
        .env("CARGO_TERM_PROGRESS_WHEN", "never")
        .env("RUST_BACKTRACE", "0");
    command
}

/// One failure per file that is not formatted.
pub(super) fn rustfmt(run: &Run<'_>, suite: &'static str) -> Result<()> {
    let mut files = BTreeSet::new();
    let mut last = String::new();
    let status = run_lines(cargo(run).args(["fmt", "--all", "--check"]), LIMIT, |line| {
        // `Diff in /path/file.rs:12:` or, from older versions, `Diff in /path/file.rs at line 12:`.
        if let Some(place) = line.strip_prefix("Diff in ") {
            let file = place.split(" at line ").next().unwrap_or(place);
            let file =
                file.split(".rs:").next().unwrap_or(file).trim_end_matches(".rs").trim_end_matches(':');
            files.insert(format!("{file}.rs"));
        } else if !line.is_empty() {
            line.clone_into(&mut last);
        }
    })?;
    let root = format!("{}/", run.context.checkout.root().display());
    for file in &files {
        let file = file.strip_prefix(&root).unwrap_or(file);
        run.sink.add(Case::failed(suite, file, "is not formatted: run `make fmt`"));
    }
    if files.is_empty() {
        run.sink.add(whole(suite, "sources", status, &last));
    }
    Ok(())
}

/// Warnings of the crates that build for the host.
pub(super) fn clippy(run: &Run<'_>, suite: &'static str) -> Result<()> {
    let mut command = cargo(run);
    command.args(["clippy", "--all-targets", "--message-format=short", "--", "-D", "warnings"]);
    warnings(run, suite, "host crates", &mut command)
}

/// Warnings of the kernel, which only its own build knows how to check.
pub(super) fn kernel_clippy(run: &Run<'_>, suite: &'static str) -> Result<()> {
    let mut command = Command::new("tools/kernel.sh");
    command.arg("clippy").current_dir(run.context.checkout.root()).env("CARGO_TERM_COLOR", "never");
    warnings(run, suite, "kernel", &mut command)
}

/// One failure per warning.
fn warnings(run: &Run<'_>, suite: &'static str, whole_name: &str, command: &mut Command) -> Result<()> {
    let mut found = BTreeSet::new();
    let mut last = String::new();
    let status = run_lines(command, LIMIT, |line| {
        if let Some(finding) = finding(line) {
            // A library and its tests have the same warnings.
            if found.insert(finding.clone()) {
                let (location, message) = finding;
                run.sink.add(Case::failed(suite, location, message));
            }
        } else if !line.is_empty() {
            line.clone_into(&mut last);
        }
    })?;
    if found.is_empty() {
        run.sink.add(whole(suite, whole_name, status, &last));
    }
    Ok(())
}

/// Place and message of a short message: `path:line:column: error: message`.
fn finding(line: &str) -> Option<(String, String)> {
    let (location, message) = line.split_once(": ")?;
    let is_place = location.contains(".rs:") && location.ends_with(|c: char| c.is_ascii_digit());
    (is_place && (message.starts_with("error") || message.starts_with("warning")))
        .then(|| (location.to_owned(), message.to_owned()))
}

fn whole(suite: &str, name: &str, status: Option<std::process::ExitStatus>, last: &str) -> Case {
    match status {
        Some(status) if status.success() => Case::passed(suite, name),
        Some(status) => Case::failed(suite, name, format!("{status}: {last}")),
        None => Case::failed(suite, name, format!("not done after {} s", LIMIT.as_secs())),
    }
}

#[cfg(test)]
mod tests {
    use super::finding;

    #[test]
    fn findings_are_told_from_other_lines() {
        let line = "scml/src/lib.rs:12:1: error: unused extern crate";
        assert_eq!(finding(line), Some(("scml/src/lib.rs:12:1".into(), "error: unused extern crate".into())));
        for line in
            ["error: could not compile `scml` (lib) due to 1 previous error", "    Checking scml v0.1.0 (/x)"]
        {
            assert_eq!(finding(line), None);
        }
    }
}
