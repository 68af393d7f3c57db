//! Sending and taking signals.

use super::{NONE, RECORD, block, killed, seen};
use crate::{
    harness::{Case, Outcome, Test, check, check_eq, check_err, tests},
    sys::{
        self,
        signals::{self, Reaction, Record, set},
    },
};

pub(crate) const TESTS: &[Test] = tests!("signals::delivery";
    handler_runs_before_kill_returns,
    handler_is_told_who_sent,
    standard_signals_wait_once,
    real_time_signals_are_queued,
    blocked_signals_wait,
    handler_blocks_its_mask,
    reset_handler_runs_once,
    ignored_signals_are_lost,
    default_actions,
    mask_survives_the_handler,
    faults_name_their_address,
    faults_that_are_blocked_end_the_process,
    child_ends_are_told,
    children_of_the_uninterested_end_alone,
    broken_pipes_send_sigpipe,
    groups_get_signals,
    alarm_rings,
);

fn handler_runs_before_kill_returns(case: &Case) -> Outcome {
    case.in_child(|| {
        signals::react(libc::SIGUSR1, RECORD)?;
        signals::raise(libc::SIGUSR1)?;
        check_eq!(seen(), [libc::SIGUSR1]);
        signals::tkill(sys::gettid()? as i32, libc::SIGUSR1)?;
        check_eq!(seen(), [libc::SIGUSR1]);
        Ok(())
    })
}

fn handler_is_told_who_sent(case: &Case) -> Outcome {
    case.in_child(|| {
        let pid = sys::getpid()? as i32;
        signals::react(libc::SIGUSR1, RECORD)?;
        signals::kill(pid, libc::SIGUSR1)?;
        signals::tgkill(pid, pid, libc::SIGUSR1)?;
        signals::queue(pid, libc::SIGUSR1, libc::SI_QUEUE, 77)?;
        let records = signals::records();
        let codes: Vec<_> = records.iter().map(|record| record.code).collect();
        check_eq!(codes, [libc::SI_USER, libc::SI_TKILL, libc::SI_QUEUE]);
        for Record { words: [sender, _], .. } in &records[..2] {
            check_eq!(*sender as i32, pid);
        }
        check_eq!(records[2].words[1], 77);
        Ok(())
    })
}

fn standard_signals_wait_once(case: &Case) -> Outcome {
    case.in_child(|| {
        signals::react(libc::SIGUSR1, RECORD)?;
        block(&[libc::SIGUSR1])?;
        for _ in 0..3 {
            signals::raise(libc::SIGUSR1)?;
        }
        check_eq!(seen(), NONE);
        check_eq!(signals::pending()?, set(&[libc::SIGUSR1]));
        block(&[])?;
        check_eq!(seen(), [libc::SIGUSR1]);
        check_eq!(signals::pending()?, 0);
        Ok(())
    })
}

fn real_time_signals_are_queued(case: &Case) -> Outcome {
    case.in_child(|| {
        let pid = sys::getpid()? as i32;
        let [low, high] = [40, 50];
        for signal in [low, high] {
            // One after the other: each blocks both.
            signals::react(signal, Reaction::Record(0, set(&[low, high])))?;
        }
        block(&[low, high])?;
        for value in 0..3 {
            signals::queue(pid, high, libc::SI_QUEUE, value)?;
            signals::queue(pid, low, libc::SI_QUEUE, 10 + value)?;
        }
        block(&[])?;
        let met: Vec<_> = signals::records().iter().map(|record| (record.signal, record.words[1])).collect();
        check_eq!(met, [(low, 10), (low, 11), (low, 12), (high, 0), (high, 1), (high, 2)]);
        Ok(())
    })
}

fn blocked_signals_wait(case: &Case) -> Outcome {
    case.in_child(|| {
        signals::react(libc::SIGUSR1, RECORD)?;
        signals::react(libc::SIGUSR2, RECORD)?;
        block(&[libc::SIGUSR1])?;
        signals::raise(libc::SIGUSR1)?;
        signals::raise(libc::SIGUSR2)?;
        check_eq!(seen(), [libc::SIGUSR2]);
        let old = signals::mask(libc::SIG_UNBLOCK, set(&[libc::SIGUSR1]))?;
        check_eq!(old, set(&[libc::SIGUSR1]));
        check_eq!(seen(), [libc::SIGUSR1]);
        // What cannot be blocked is not.
        signals::mask(libc::SIG_SETMASK, u64::MAX)?;
        let all = signals::mask(libc::SIG_SETMASK, 0)?;
        check_eq!(all, !set(&[libc::SIGKILL, libc::SIGSTOP]));
        Ok(())
    })
}

fn handler_blocks_its_mask(case: &Case) -> Outcome {
    case.in_child(|| {
        let both = [libc::SIGUSR1, libc::SIGUSR2];
        signals::react(libc::SIGUSR1, Reaction::Record(0, set(&[libc::SIGUSR2])))?;
        signals::react(libc::SIGUSR2, RECORD)?;
        block(&both)?;
        signals::raise(libc::SIGUSR2)?;
        signals::raise(libc::SIGUSR1)?;
        block(&[])?;
        // The first handler is entered with the other signal blocked, and returned from before the next.
        let masks: Vec<_> = signals::records().iter().map(|record| (record.signal, record.mask)).collect();
        check_eq!(masks, [(libc::SIGUSR1, 0), (libc::SIGUSR2, 0)]);
        // Without that, the second interrupts the first before it has begun: its frame has the first one's mask.
        signals::react(libc::SIGUSR1, RECORD)?;
        block(&both)?;
        signals::raise(libc::SIGUSR1)?;
        signals::raise(libc::SIGUSR2)?;
        block(&[])?;
        let masks: Vec<_> = signals::records().iter().map(|record| (record.signal, record.mask)).collect();
        check_eq!(masks, [(libc::SIGUSR2, set(&[libc::SIGUSR1])), (libc::SIGUSR1, 0)]);
        Ok(())
    })
}

fn reset_handler_runs_once(case: &Case) -> Outcome {
    let status = case.child_status(|| {
        signals::react(libc::SIGUSR1, Reaction::Record(libc::SA_RESETHAND, 0))?;
        signals::raise(libc::SIGUSR1)?;
        check_eq!(seen(), [libc::SIGUSR1]);
        signals::raise(libc::SIGUSR1)?;
        Ok(0)
    })?;
    check_eq!(killed(status), Some(libc::SIGUSR1));
    Ok(())
}

fn ignored_signals_are_lost(case: &Case) -> Outcome {
    case.in_child(|| {
        signals::react(libc::SIGUSR1, Reaction::Ignore)?;
        signals::raise(libc::SIGUSR1)?;
        signals::react(libc::SIGUSR1, RECORD)?;
        // One that waits is lost when it comes to be ignored.
        block(&[libc::SIGUSR1])?;
        signals::raise(libc::SIGUSR1)?;
        signals::react(libc::SIGUSR1, Reaction::Ignore)?;
        check_eq!(signals::pending()?, 0);
        // One that is ignored and blocked is kept: it may not be ignored any more when it is taken.
        signals::raise(libc::SIGUSR1)?;
        check_eq!(signals::pending()?, set(&[libc::SIGUSR1]));
        signals::react(libc::SIGUSR1, RECORD)?;
        block(&[])?;
        check_eq!(seen(), [libc::SIGUSR1]);
        // What is ignored by default.
        for signal in [libc::SIGCHLD, libc::SIGURG, libc::SIGWINCH, libc::SIGCONT] {
            signals::raise(signal)?;
        }
        Ok(())
    })
}

fn default_actions(case: &Case) -> Outcome {
    let stop_or_nothing = [
        libc::SIGCHLD,
        libc::SIGCONT,
        libc::SIGSTOP,
        libc::SIGTSTP,
        libc::SIGTTIN,
        libc::SIGTTOU,
        libc::SIGURG,
        libc::SIGWINCH,
    ];
    for signal in (1..=64).filter(|signal| !stop_or_nothing.contains(signal)) {
        if (32..34).contains(&signal) {
            // The C library's own.
            continue;
        }
        let status = case.child_status(|| {
            if signal != libc::SIGKILL {
                signals::react(signal, Reaction::Default)?;
            }
            signals::raise(signal)?;
            Ok(0)
        })?;
        check_eq!(killed(status), Some(signal));
    }
    Ok(())
}

fn mask_survives_the_handler(case: &Case) -> Outcome {
    case.in_child(|| {
        signals::react(libc::SIGUSR1, Reaction::Record(0, u64::MAX))?;
        block(&[libc::SIGHUP])?;
        signals::raise(libc::SIGUSR1)?;
        let records = signals::records();
        check_eq!(records.len(), 1);
        check_eq!(records[0].mask, set(&[libc::SIGHUP]));
        check_eq!(block(&[])?, set(&[libc::SIGHUP]));
        Ok(())
    })
}

fn faults_name_their_address(case: &Case) -> Outcome {
    // SEGV_MAPERR, SEGV_ACCERR, SI_KERNEL, ILL_ILLOPN, FPE_INTDIV.
    const KERNEL: i32 = 0x80;
    case.in_child(|| {
        for signal in [libc::SIGSEGV, libc::SIGILL, libc::SIGFPE, libc::SIGTRAP] {
            signals::react(signal, RECORD)?;
        }
        signals::do_to_frame(signals::Deed::Skip);
        let region = sys::Region::new(2, libc::PROT_NONE)?;
        let met = || signals::records().iter().map(|r| (r.signal, r.code, r.words[0])).collect::<Vec<_>>();
        for (address, code, told) in [
            (16, 1, 16),
            (region.at(24), 2, region.at(24)),
            (usize::MAX - 0xfff, 1, usize::MAX - 0xfff),
            (1 << 63, KERNEL, 0),
        ] {
            signals::touch(address);
            check_eq!(met(), [(libc::SIGSEGV, code, told as u64)], "at {address:#x}");
        }
        for (what, signal, code) in [
            (signals::Refused::Division, libc::SIGFPE, 1),
            (signals::Refused::Instruction, libc::SIGILL, 2),
            (signals::Refused::Privileged, libc::SIGSEGV, KERNEL),
            (signals::Refused::Breakpoint, libc::SIGTRAP, KERNEL),
        ] {
            signals::refuse(what);
            let met = met();
            check_eq!(met.iter().map(|met| (met.0, met.1)).collect::<Vec<_>>(), [(signal, code)]);
            check_eq!(
                met[0].2 != 0,
                code != KERNEL,
                "the instruction's address is told where there is a code"
            );
        }
        Ok(())
    })
}

fn faults_that_are_blocked_end_the_process(case: &Case) -> Outcome {
    for reaction in [RECORD, Reaction::Ignore] {
        let status = case.child_status(|| {
            signals::react(libc::SIGSEGV, reaction)?;
            if reaction == RECORD {
                block(&[libc::SIGSEGV])?;
            }
            signals::touch(16);
            Ok(0)
        })?;
        check_eq!(killed(status), Some(libc::SIGSEGV));
    }
    Ok(())
}

fn child_ends_are_told(case: &Case) -> Outcome {
    // CLD_EXITED, CLD_KILLED
    case.in_child(|| {
        block(&[libc::SIGCHLD])?;
        for (signal, code, told) in [(None, 1, 7), (Some(libc::SIGTERM), 2, libc::SIGTERM as u64)] {
            let child = sys::fork(|| {
                if let Some(signal) = signal {
                    let _ = signals::raise(signal);
                }
                7
            })?;
            let (met, met_code, status) = signals::wait(set(&[libc::SIGCHLD]), None)?;
            check_eq!((met, met_code, status), (libc::SIGCHLD, code, told));
            sys::wait_for(child)?;
        }
        Ok(())
    })
}

fn children_of_the_uninterested_end_alone(case: &Case) -> Outcome {
    case.in_child(|| {
        for reaction in [Reaction::Ignore, Reaction::Record(libc::SA_NOCLDWAIT, 0)] {
            signals::react(libc::SIGCHLD, reaction)?;
            let child = sys::fork(|| 0)?;
            let mut waited = sys::wait_for(child);
            // A handler may interrupt the wait.
            if waited == Err(crate::errno::Errno(libc::EINTR)) {
                waited = sys::wait_for(child);
            }
            check_err!(waited, ECHILD, "{reaction:?}");
        }
        check_eq!(seen(), [libc::SIGCHLD]);
        Ok(())
    })
}

fn broken_pipes_send_sigpipe(case: &Case) -> Outcome {
    case.in_child(|| {
        signals::react(libc::SIGPIPE, RECORD)?;
        let (reader, writer) = sys::pipe2(0)?;
        drop(reader);
        check_err!(sys::write(&writer, b"x"), EPIPE);
        check_eq!(seen(), [libc::SIGPIPE]);
        let (one, other) = sys::socketpair(libc::AF_UNIX, libc::SOCK_STREAM, 0)?;
        drop(other);
        check_err!(sys::write(&one, b"x"), EPIPE);
        check_eq!(seen(), [libc::SIGPIPE]);
        check_err!(sys::send(&one, b"x", libc::MSG_NOSIGNAL), EPIPE);
        check_eq!(seen(), NONE);
        Ok(())
    })
}

fn groups_get_signals(case: &Case) -> Outcome {
    case.in_child(|| {
        signals::setpgid(0, 0)?;
        block(&[libc::SIGTERM])?;
        let children = [(); 3].map(|()| {
            sys::fork(|| match block(&[]).and_then(|_| signals::pause()) {
                Ok(_) => 0,
                Err(_) => 1,
            })
        });
        signals::kill(0, libc::SIGTERM)?;
        for child in children {
            check_eq!(killed(sys::wait_for(child?)?), Some(libc::SIGTERM));
        }
        check_eq!(signals::pending()?, set(&[libc::SIGTERM]));
        Ok(())
    })
}

fn alarm_rings(case: &Case) -> Outcome {
    case.in_child(|| {
        signals::react(libc::SIGALRM, RECORD)?;
        check_eq!(signals::alarm(100)?, 0);
        check_eq!(signals::alarm(1)?, 100);
        check_err!(signals::pause(), EINTR);
        check_eq!(seen(), [libc::SIGALRM]);
        check_eq!(signals::alarm(0)?, 0);
        check!(signals::pending()? == 0);
        Ok(())
    })
}
