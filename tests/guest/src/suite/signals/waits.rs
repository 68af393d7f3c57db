//! What signals interrupt, and what goes on as if nothing had been (signal(7)).

use std::os::fd::{AsRawFd, OwnedFd};

use super::{NONE, RECORD, block, seen};
use crate::{
    errno::{Errno, Result},
    harness::{Case, Outcome, Test, check, check_eq, check_err, tests},
    sys::{
        self, Region,
        signals::{self, Reaction, set},
    },
};

pub(crate) const TESTS: &[Test] = tests!("signals::waits";
    calls_are_interrupted,
    calls_are_made_again,
    calls_with_a_limit_are_not_made_again,
    ignored_signals_do_not_interrupt,
    suspending_lets_a_signal_in,
    waiting_under_another_mask,
    signals_are_waited_for,
    waiting_for_signals_times_out,
);

const INTERRUPTED: Result<usize> = Err(Errno(libc::EINTR));

/// A process that sends this one a signal again and again until something has been done with `until`: a wait that the
/// signal finds not begun yet is met by the next one.
fn pester(signal: i32) -> Result<i32> {
    let target = sys::getpid()? as i32;
    sys::fork(|| {
        // Until its parent is gone, if nobody ends it before.
        while sys::getppid() == Ok(target as usize) && signals::kill(target, signal).is_ok() {
            let _ = sys::nanosleep(0, 2_000_000);
        }
        0
    })
}

fn leave_alone(pesterer: i32) -> Result<i32> {
    signals::kill(pesterer, libc::SIGKILL)?;
    loop {
        match sys::wait_for(pesterer) {
            Err(Errno(libc::EINTR)) => {}
            other => return other,
        }
    }
}

/// Waits in many ways, each of which would go on for ever: what each came to. Of the pipe and the socket nothing comes.
fn waits(reader: &OwnedFd, one: &OwnedFd) -> Vec<(&'static str, Result<usize>)> {
    let mut bytes = [0; 4];
    let mut entries = [libc::pollfd { fd: reader.as_raw_fd(), events: libc::POLLIN, revents: 0 }];
    let word = std::sync::atomic::AtomicU32::new(0);
    vec![
        ("read", sys::read(reader, &mut bytes)),
        ("recv", sys::recv(one, &mut bytes, 0)),
        ("poll", sys::poll(&mut entries, -1)),
        ("futex", sys::futex_wait(&word, 0, None)),
        ("nanosleep", sys::nanosleep(1000, 0)),
        ("pause", signals::pause()),
    ]
}

fn calls_are_interrupted(case: &Case) -> Outcome {
    case.in_child(|| {
        signals::react(libc::SIGUSR1, RECORD)?;
        // Made before there are signals: the emulator's supervisor may hear of a call too late to keep one away from it.
        let (reader, _writer) = sys::pipe2(0)?;
        let (one, _other) = sys::socketpair(libc::AF_UNIX, libc::SOCK_STREAM, 0)?;
        let pesterer = pester(libc::SIGUSR1)?;
        let results = waits(&reader, &one);
        leave_alone(pesterer)?;
        for (name, result) in results {
            check_eq!(result, INTERRUPTED, "{name}");
        }
        check!(!seen().is_empty());
        Ok(())
    })
}

/// Returns once a process sleeps. One that has been sent a signal which it takes does so again when its handler is through.
fn until_asleep(pid: i32) {
    let sleeps = |stat: String| stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('S'));
    while !std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(sleeps) {
        let _ = sys::nanosleep(0, 1_000_000);
    }
}

/// A pipe that a child writes to after it has sent the signal some times, each time to a process that waits.
fn late(signal: i32) -> Result<(OwnedFd, i32)> {
    let (reader, writer) = sys::pipe2(0)?;
    let target = sys::getpid()? as i32;
    let child = sys::fork(|| {
        for _ in 0..5 {
            until_asleep(target);
            let _ = signals::kill(target, signal);
        }
        until_asleep(target);
        i32::from(sys::write(&writer, b"late").is_err())
    })?;
    Ok((reader, child))
}

fn calls_are_made_again(case: &Case) -> Outcome {
    case.in_child(|| {
        signals::react(libc::SIGUSR1, Reaction::Record(libc::SA_RESTART, 0))?;
        let (reader, child) = late(libc::SIGUSR1)?;
        let mut bytes = [0; 8];
        check_eq!(sys::read(&reader, &mut bytes)?, 4);
        check_eq!(&bytes[..4], b"late");
        check_eq!(sys::wait_for(child)?, 0);
        check_eq!(seen(), [libc::SIGUSR1; 5]);
        Ok(())
    })
}

fn calls_with_a_limit_are_not_made_again(case: &Case) -> Outcome {
    case.in_child(|| {
        signals::react(libc::SIGUSR1, Reaction::Record(libc::SA_RESTART, 0))?;
        let (reader, _writer) = sys::pipe2(0)?;
        let mut entries = [libc::pollfd { fd: reader.as_raw_fd(), events: libc::POLLIN, revents: 0 }];
        let word = std::sync::atomic::AtomicU32::new(0);
        let pesterer = pester(libc::SIGUSR1)?;
        let results = [
            sys::poll(&mut entries, -1),
            sys::nanosleep(1000, 0),
            sys::futex_wait(&word, 0, Some(1_000_000_000_000)),
            signals::pause(),
            signals::suspend(0),
        ];
        leave_alone(pesterer)?;
        check_eq!(results, [INTERRUPTED; 5]);
        Ok(())
    })
}

fn ignored_signals_do_not_interrupt(case: &Case) -> Outcome {
    case.in_child(|| {
        for signal in [libc::SIGUSR1, libc::SIGCHLD, libc::SIGWINCH] {
            if signal == libc::SIGUSR1 {
                signals::react(signal, Reaction::Ignore)?;
            }
            let (reader, child) = late(signal)?;
            let mut entries = [libc::pollfd { fd: reader.as_raw_fd(), events: libc::POLLIN, revents: 0 }];
            check_eq!(sys::poll(&mut entries, -1)?, 1);
            check_eq!(sys::wait_for(child)?, 0);
        }
        Ok(())
    })
}

fn suspending_lets_a_signal_in(case: &Case) -> Outcome {
    case.in_child(|| {
        signals::react(libc::SIGUSR1, RECORD)?;
        block(&[libc::SIGUSR1])?;
        signals::raise(libc::SIGUSR1)?;
        check_eq!(seen(), NONE);
        check_err!(signals::suspend(set(&[libc::SIGHUP])), EINTR);
        let records = signals::records();
        check_eq!(records.len(), 1);
        // The handler returns to the mask from before, not to that of the wait.
        check_eq!(records[0].mask, set(&[libc::SIGUSR1]));
        check_eq!(block(&[])?, set(&[libc::SIGUSR1]));
        Ok(())
    })
}

fn waiting_under_another_mask(case: &Case) -> Outcome {
    case.in_child(|| {
        let region = Region::new(1, libc::PROT_READ | libc::PROT_WRITE)?;
        signals::react(libc::SIGUSR1, RECORD)?;
        block(&[libc::SIGUSR1])?;
        signals::raise(libc::SIGUSR1)?;
        // An empty set at the start, then a time of zero: the signal counts even so.
        let ppoll = |time: usize, mask: usize| {
            region.call("ppoll", libc::SYS_ppoll, [region.at(0), 0, time, mask, 8, 0])
        };
        check_eq!(ppoll(region.at(16), 0)?, 0);
        check_eq!(seen(), NONE);
        check_eq!(ppoll(region.at(16), region.at(0)), INTERRUPTED);
        check_eq!(seen(), [libc::SIGUSR1]);
        check_eq!(signals::mask(libc::SIG_BLOCK, 0)?, set(&[libc::SIGUSR1]));
        Ok(())
    })
}

fn signals_are_waited_for(case: &Case) -> Outcome {
    case.in_child(|| {
        let pid = sys::getpid()? as i32;
        let wanted = set(&[libc::SIGUSR1, 40]);
        block(&[libc::SIGUSR1, 40])?;
        signals::queue(pid, 40, libc::SI_QUEUE, 5)?;
        signals::raise(libc::SIGUSR1)?;
        check_eq!(signals::wait(wanted, None)?.0, libc::SIGUSR1);
        check_eq!(signals::wait(wanted, None)?, (40, libc::SI_QUEUE, 5));
        // One that is ignored is not lost on who waits for it, if it is blocked.
        block(&[libc::SIGUSR1, libc::SIGUSR2, 40])?;
        signals::react(libc::SIGUSR2, Reaction::Ignore)?;
        let pesterer = pester(libc::SIGUSR2)?;
        check_eq!(signals::wait(set(&[libc::SIGUSR2]), None)?.0, libc::SIGUSR2);
        signals::react(libc::SIGUSR2, RECORD)?;
        block(&[libc::SIGUSR1, 40])?;
        // Another's handler interrupts.
        check_err!(signals::wait(set(&[libc::SIGUSR1]), None), EINTR);
        leave_alone(pesterer)?;
        Ok(())
    })
}

fn waiting_for_signals_times_out(case: &Case) -> Outcome {
    case.in_child(|| {
        check_err!(signals::wait(set(&[libc::SIGUSR1]), Some(0)), EAGAIN);
        check_err!(signals::wait(set(&[libc::SIGUSR1]), Some(1_000_000)), EAGAIN);
        check_err!(signals::wait(set(&[libc::SIGUSR1]), Some(-1)), EINVAL);
        check_err!(signals::wait(set(&[libc::SIGUSR1]), Some(1_000_000_000)), EINVAL);
        Ok(())
    })
}
