//! What a policy refuses, and how the kernel's log tells of it.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use emulator::boot::{Ending, PROFILES};

use super::Run;
use crate::{
    case::Case,
    guest::{self, Setup},
};

/// AF_UNIX, SOCK_DGRAM, no protocol.
const DATAGRAM: [&str; 5] = ["tool", "socket", "1", "2", "0"];
/// AF_UNIX, SOCK_RDM, no protocol: a type that the family does not have.
const OTHER_TYPE: [&str; 5] = ["tool", "socket", "1", "4", "0"];
/// AF_UNIX, SOCK_STREAM, no protocol.
const STREAM: [&str; 5] = ["tool", "socket", "1", "1", "0"];

/// What Linux gives for a type that a family does not have.
const NO_SUCH_TYPE: &str = "ESOCKTNOSUPPORT\n";

/// A test: its name, the profile, the mode, the call, the errno that it gives, and what the log has to say and must not.
type Test = (
    &'static str,
    &'static str,
    &'static str,
    [&'static str; 5],
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);

const TESTS: &[Test] = &[
    (
        "asterinas_refuses_datagrams_and_names_the_rule",
        "asterinas",
        "enforce",
        DATAGRAM,
        NO_SUCH_TYPE,
        &["scml: denied socket(", "SOCK_DGRAM", "socket#", "scml/profiles/asterinas/socket.scml:"],
        &["scml: audit"],
    ),
    (
        "audit_records_and_the_family_answers",
        "asterinas",
        "audit",
        DATAGRAM,
        "0\n",
        &["scml: audit socket(", "socket#", "scml/profiles/asterinas/socket.scml:"],
        &["scml: denied"],
    ),
    ("off_says_nothing", "asterinas", "off", DATAGRAM, "0\n", &[], &["scml: denied", "scml: audit"]),
    ("asterinas_admits_streams", "asterinas", "enforce", STREAM, "0\n", &[], &["scml: denied"]),
    (
        "postern_refuses_other_types_and_names_the_rule",
        "postern",
        "enforce",
        OTHER_TYPE,
        NO_SUCH_TYPE,
        &["scml: denied socket(", "SOCK_RDM", "socket#", "scml/profiles/postern/socket.scml:"],
        &[],
    ),
    ("postern_admits_streams", "postern", "enforce", STREAM, "0\n", &[], &["scml: denied"]),
    (
        "a_cause_is_told_once",
        "postern",
        "enforce",
        ["tool", "socket", "1", "4", "0,0,0,0"],
        "ESOCKTNOSUPPORT\nESOCKTNOSUPPORT\nESOCKTNOSUPPORT\nESOCKTNOSUPPORT\n",
        &["scml: denied socket("],
        &[],
    ),
];

pub(super) fn run(run: &Run<'_>, suite: &'static str) -> Result<()> {
    run.sink.expect(TESTS.len());
    for test in TESTS {
        let name = test.0;
        run.sink.add(match try_one(run, test) {
            Ok(()) => Case::passed(suite, name),
            Err(error) => Case::failed(suite, name, format!("{error:#}")),
        });
    }
    Ok(())
}

fn try_one(run: &Run<'_>, (name, profile, mode, call, errno, has, lacks): &Test) -> Result<()> {
    debug_assert!(PROFILES.contains(profile), "{profile}");
    let setup = Setup { profile, mode, ..Setup::plain(1, &format!("policy-{name}")) };
    let (outcome, captured) = guest::run_captured(run.context, &setup, call)?;
    ensure!(outcome.ending == Ending::Exited(0), "{outcome}");
    let stdout = captured.stdout();
    let stdout = String::from_utf8_lossy(&stdout);
    ensure!(stdout == *errno, "the call gave {stdout:?} instead of {errno:?}");
    let path = outcome.log.context("the run has a log")?;
    let log = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    for text in *has {
        ensure!(log.contains(text), "the log does not say {text:?}: {}", path.display());
    }
    for text in *lacks {
        ensure!(!log.contains(text), "the log says {text:?}: {}", path.display());
    }
    if *name == "a_cause_is_told_once" {
        let told = log.matches("scml: denied").count();
        ensure!(told == 1, "the log tells it {told} times: {}", path.display());
    }
    Ok(())
}
