//! Linux is the oracle: the same random calls on a handful of its UNIX sockets and on this crate's must come to the same,
//! and leave the same to be seen by poll(2).
//!
//! `MODEL_SEQUENCES` says how many sequences are tried; a failure is shrunk and shown call by call, with both outcomes.

mod common;
mod model {
    pub(crate) mod host;
    pub(crate) mod layer;
    pub(crate) mod operation;
}

use std::{env, fmt::Write};

use model::{host::Host, layer::Layer, operation::Operation};
use proptest::{
    collection::vec,
    test_runner::{Config, TestCaseError, TestRunner},
};

/// What a call came to: an error number, or what can be seen of success.
type Outcome = Result<String, i32>;

/// What poll(2) shows of each socket that is open, by its place.
type Readiness = Vec<(usize, i16)>;

/// How many calls a sequence has at most.
const LENGTH: usize = 40;

/// Makes the calls on both sides, until they differ.
fn compare(operations: &[Operation], exact: bool) -> Result<(), TestCaseError> {
    let mut host = Host::new();
    let mut layer = Layer::new(host.prefix());
    let mut log = String::new();
    for operation in operations {
        if let Operation::SetSendBuffer(socket, _) = operation
            && (!exact || layer.is_stream(*socket))
        {
            continue;
        }
        // This crate's side says whether the call would wait; then it must not on the host.
        let (ours, waits) = layer.perform(operation);
        let theirs = host.perform(operation, waits);
        let (our_readiness, their_readiness) = (layer.readiness(), host.readiness());
        let _ = writeln!(log, "{operation:?}\n    ours {ours:?} {our_readiness:x?}");
        if ours != theirs || our_readiness != their_readiness {
            let _ = writeln!(log, "    Linux {theirs:?} {their_readiness:x?}");
            return Err(TestCaseError::fail(format!("Linux differs in the last of these calls:\n{log}")));
        }
    }
    Ok(())
}

#[test]
fn sequences_of_calls_come_to_the_same() {
    let sequences = env::var("MODEL_SEQUENCES").ok().and_then(|text| text.parse().ok()).unwrap_or(3000);
    // A call that waits on the host and not here is interrupted, and so found.
    model::host::watch();
    // Buffers are full at the same moment only where this Linux takes as much memory for a record as this crate thinks. For
    // short messages of a stream it takes more.
    let exact = model::host::charges_are_as_expected();
    let config =
        Config { cases: sequences, max_shrink_iters: 20_000, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new(config);
    let result = runner.run(&vec(Operation::any(), 1..LENGTH), |operations| compare(&operations, exact));
    if let Err(error) = result {
        panic!("{error}");
    }
}
