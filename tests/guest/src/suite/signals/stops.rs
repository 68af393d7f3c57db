//! Stopping and going on.

use super::{RECORD, block, killed};
use crate::{
    harness::{Case, Outcome, Test, check, check_eq, tests},
    sys::{
        self,
        signals::{self, Reaction, set},
    },
};

pub(crate) const TESTS: &[Test] = tests!("signals::stops";
    stopped_processes_go_on,
    stopped_processes_can_be_killed,
    continuing_takes_stops_back,
    stopping_may_be_silent,
);

/// CLD_STOPPED, CLD_CONTINUED
const STOPPED: i32 = 5;
const CONTINUED: i32 = 6;

/// Waits for SIGCHLD: its code and status.
fn told() -> Outcome<(i32, i32)> {
    let (_, code, status) = signals::wait(set(&[libc::SIGCHLD]), None)?;
    Ok((code, status as i32))
}

fn stopped_processes_go_on(case: &Case) -> Outcome {
    case.in_child(|| {
        block(&[libc::SIGCHLD])?;
        signals::react(libc::SIGCHLD, RECORD)?;
        let child = sys::fork(|| {
            let _ = signals::raise(libc::SIGSTOP);
            5
        })?;
        check_eq!(told()?, (STOPPED, libc::SIGSTOP));
        signals::kill(child, libc::SIGCONT)?;
        check_eq!(told()?.0, CONTINUED);
        check_eq!(sys::wait_for(child)?, 5 << 8);
        Ok(())
    })
}

fn stopped_processes_can_be_killed(case: &Case) -> Outcome {
    case.in_child(|| {
        block(&[libc::SIGCHLD])?;
        for signal in [libc::SIGKILL, libc::SIGTERM] {
            let child = sys::fork(|| {
                let _ = signals::raise(libc::SIGSTOP);
                5
            })?;
            check_eq!(told()?, (STOPPED, libc::SIGSTOP));
            signals::kill(child, signal)?;
            if signal != libc::SIGKILL {
                // It waits until the process goes on.
                signals::kill(child, libc::SIGCONT)?;
            }
            check_eq!(killed(sys::wait_for(child)?), Some(signal));
            while signals::wait(set(&[libc::SIGCHLD]), Some(0)).is_ok() {}
        }
        Ok(())
    })
}

fn continuing_takes_stops_back(case: &Case) -> Outcome {
    case.in_child(|| {
        block(&[libc::SIGTSTP, libc::SIGCONT])?;
        signals::react(libc::SIGCONT, RECORD)?;
        signals::raise(libc::SIGTSTP)?;
        check_eq!(signals::pending()?, set(&[libc::SIGTSTP]));
        signals::raise(libc::SIGCONT)?;
        check_eq!(signals::pending()?, set(&[libc::SIGCONT]));
        signals::raise(libc::SIGTSTP)?;
        check_eq!(signals::pending()?, set(&[libc::SIGTSTP]));
        signals::react(libc::SIGTSTP, Reaction::Ignore)?;
        block(&[])?;
        check!(signals::records().is_empty());
        Ok(())
    })
}

fn stopping_may_be_silent(case: &Case) -> Outcome {
    case.in_child(|| {
        block(&[libc::SIGCHLD])?;
        signals::react(libc::SIGCHLD, Reaction::Record(libc::SA_NOCLDSTOP, 0))?;
        let child = sys::fork(|| {
            let _ = signals::raise(libc::SIGSTOP);
            0
        })?;
        // Whether it has stopped yet or not: it ends only after it was told to go on.
        signals::wait_until_stopped(child)?;
        signals::kill(child, libc::SIGCONT)?;
        // CLD_EXITED: the first that is told.
        check_eq!(told()?, (1, 0));
        check_eq!(sys::wait_for(child)?, 0);
        Ok(())
    })
}
