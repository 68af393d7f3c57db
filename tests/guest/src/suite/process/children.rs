//! Processes: how they are made, how they end, and who waits for them.

use crate::{
    harness::{Case, Outcome, Test, check, check_eq, check_err, tests},
    sys,
};

pub(crate) const TESTS: &[Test] = tests!("process";
    children_are_waited_for,
);

/// As wait(2) has it, for an exit status.
const fn exited(code: i32) -> i32 {
    code << 8
}

fn children_are_waited_for(case: &Case) -> Outcome {
    let parent = sys::getpid()? as usize;
    for code in [0, 1, 127, 255] {
        let status = case.child_status(|| {
            check_eq!(sys::getppid()?, parent);
            check!(sys::getpid()? != parent);
            check_eq!(sys::gettid()?, sys::getpid()?);
            Ok(code)
        })?;
        check_eq!(status, exited(code));
    }
    case.in_child(|| {
        check_err!(sys::wait_for(-1), ECHILD, "a new process has no children");
        Ok(())
    })
}
