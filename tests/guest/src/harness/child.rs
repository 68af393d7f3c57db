//! Bodies of tests in a process of their own: for what concerns a process as a whole.

use std::{
    fs::File,
    io::{Read, Write},
    panic::{self, AssertUnwindSafe},
};

use super::{Case, Failure, Outcome, check_eq, progress};
use crate::sys;

/// What the child exits with when its body has failed.
const FAILED: i32 = 1;
/// What stands between the location and the message of a failure.
const SEPARATOR: char = '\n';

impl Case {
    /// Runs `body` in a child process; its failure becomes the test's. The child has this thread alone.
    #[track_caller]
    pub(crate) fn in_child(&self, body: impl FnOnce() -> Outcome) -> Outcome {
        let status = self.child_status(|| body().map(|()| 0))?;
        check_eq!(status, 0, "how the child ended, as wait(2) has it");
        Ok(())
    }

    /// Runs `body` in a child process that exits with what it gives; returns how it ended, as wait(2) has it.
    #[track_caller]
    pub(crate) fn child_status(&self, body: impl FnOnce() -> Outcome<i32>) -> Outcome<i32> {
        self.child(body)?.status()
    }

    /// Starts a child process that runs `body` and exits with what it gives.
    #[track_caller]
    pub(crate) fn child(&self, body: impl FnOnce() -> Outcome<i32>) -> Outcome<Child> {
        // Without waiting: whoever inherited an end may live on.
        let (report, reporter) = sys::pipe2(libc::O_CLOEXEC | libc::O_NONBLOCK)?;
        let (report, reporter) = (File::from(report), File::from(reporter));
        let pid = sys::fork(|| {
            let outcome = panic::catch_unwind(AssertUnwindSafe(body));
            match outcome.unwrap_or_else(|_| Err(Failure::here("the child panicked"))) {
                Ok(status) => status,
                Err(failure) => {
                    let text = format!("{}{SEPARATOR}{}", failure.location, failure.message);
                    // The status tells of the failure, if not what it was.
                    let _ = (&reporter).write_all(text.as_bytes());
                    FAILED
                }
            }
        })?;
        drop(reporter);
        progress::checked();
        Ok(Child { pid, report })
    }
}

/// A child process of a test.
pub(crate) struct Child {
    /// Its number.
    pub(crate) pid: i32,
    report: File,
}

impl Child {
    /// Waits for its end: how it ended, as wait(2) has it. A failure of its body becomes the test's.
    #[track_caller]
    pub(crate) fn status(mut self) -> Outcome<i32> {
        let status = sys::wait_for(self.pid)?;
        let mut text = Vec::new();
        match self.report.read_to_end(&mut text) {
            Err(error) if error.kind() != std::io::ErrorKind::WouldBlock => return Err(error.into()),
            _ => {}
        }
        let text = String::from_utf8_lossy(&text);
        match text.split_once(SEPARATOR) {
            Some((location, message)) => {
                Err(Failure { message: format!("in the child: {message}"), location: location.to_owned() })
            }
            None => Ok(status),
        }
    }
}
