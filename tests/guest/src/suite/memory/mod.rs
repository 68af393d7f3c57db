//! Memory: mapping, protecting, sharing, what children get of it, and limits.

pub(crate) mod advice;
pub(crate) mod files;
pub(crate) mod fork;
pub(crate) mod limits;
pub(crate) mod mapping;
pub(crate) mod sealed;
pub(crate) mod shared;

use crate::{
    harness::{Failure, Outcome, check_eq},
    sys,
};

/// Reading and writing.
const RW: i32 = libc::PROT_READ | libc::PROT_WRITE;
const PRIVATE: i32 = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
const SHARED: i32 = libc::MAP_SHARED | libc::MAP_ANONYMOUS;

/// Does `body` in a child process: how it ended, as wait4(2) says it. A failure is told on standard error.
fn child(body: impl FnOnce() -> Outcome) -> Outcome<i32> {
    let pid = sys::fork(|| match body() {
        Ok(()) => 0,
        Err(Failure { message, location }) => {
            eprintln!("in a child: {location}: {message}");
            1
        }
    })?;
    Ok(sys::wait_for(pid)?)
}

/// Does `body` in a child process, in which it must not fail.
fn in_child(body: impl FnOnce() -> Outcome) -> Outcome {
    check_eq!(child(body)?, 0, "the child's status");
    Ok(())
}

/// Does `body` in a child process, which must be killed by a signal.
fn dies_of(signal: i32, body: impl FnOnce()) -> Outcome {
    let status = child(|| {
        body();
        Ok(())
    })?;
    check_eq!(status, signal, "the child's status");
    Ok(())
}
