//! What makes no sense: numbers of nothing, memory that is not there.

use crate::{
    errno::{Errno, Result},
    harness::{Case, Outcome, Test, check_eq, check_err, tests},
    sys::{
        self, PAGE, Region,
        signals::{self, Reaction},
    },
};

pub(crate) const TESTS: &[Test] = tests!("signals::bad";
    numbers_of_nothing, claims_of_others, memory_that_is_not_there, wrong_sizes, queues_are_limited,
);

const NOBODY: i32 = 0x3fff_ffff;

fn numbers_of_nothing(case: &Case) -> Outcome {
    case.in_child(|| {
        let pid = sys::getpid()? as i32;
        for signal in [-1, 65, 1000] {
            check_err!(signals::kill(pid, signal), EINVAL);
            check_err!(signals::tgkill(pid, pid, signal), EINVAL);
            check_err!(signals::queue(pid, signal, libc::SI_QUEUE, 0), EINVAL);
            check_err!(signals::kill(NOBODY, signal), ESRCH);
        }
        check_eq!(signals::kill(pid, 0)?, 0);
        check_err!(signals::kill(NOBODY, 0), ESRCH);
        check_err!(signals::kill(-NOBODY, libc::SIGTERM), ESRCH);
        check_err!(signals::kill(i32::MIN, libc::SIGTERM), ESRCH);
        check_err!(signals::tkill(0, libc::SIGTERM), EINVAL);
        check_err!(signals::tkill(-1, libc::SIGTERM), EINVAL);
        check_err!(signals::tgkill(0, pid, libc::SIGTERM), EINVAL);
        check_err!(signals::tgkill(pid, 0, libc::SIGTERM), EINVAL);
        check_err!(signals::tgkill(NOBODY, pid, libc::SIGTERM), ESRCH);
        check_err!(signals::tgkill(pid, NOBODY, libc::SIGTERM), ESRCH);
        check_err!(signals::react(libc::SIGKILL, Reaction::Ignore), EINVAL);
        check_err!(signals::react(libc::SIGSTOP, Reaction::Ignore), EINVAL);
        check_err!(signals::react(65, Reaction::Default), EINVAL);
        check_err!(signals::mask(3, 0), EINVAL);
        Ok(())
    })
}

fn claims_of_others(case: &Case) -> Outcome {
    case.in_child(|| {
        let parent = sys::getppid()? as i32;
        for code in [libc::SI_USER, libc::SI_TKILL, 0x80, 1] {
            check_err!(signals::queue(parent, libc::SIGWINCH, code, 0), EPERM);
        }
        Ok(())
    })
}

/// Calls with these registers, besides an address that is bad.
type Registers = fn(&Region, usize) -> [usize; 6];

fn memory_that_is_not_there(case: &Case) -> Outcome {
    case.in_child(|| {
        let region = Region::new(2, libc::PROT_READ | libc::PROT_WRITE)?;
        region.protect(PAGE..2 * PAGE, libc::PROT_NONE)?;
        let usr1 = libc::SIGUSR1 as usize;
        let calls: &[(&'static str, i64, Registers)] = &[
            ("rt_sigaction", libc::SYS_rt_sigaction, |_, bad| [libc::SIGUSR2 as usize, bad, 0, 8, 0, 0]),
            ("rt_sigaction", libc::SYS_rt_sigaction, |_, bad| [libc::SIGUSR2 as usize, 0, bad, 8, 0, 0]),
            ("rt_sigprocmask", libc::SYS_rt_sigprocmask, |_, bad| [0, bad, 0, 8, 0, 0]),
            ("rt_sigprocmask", libc::SYS_rt_sigprocmask, |_, bad| [0, 0, bad, 8, 0, 0]),
            ("rt_sigpending", libc::SYS_rt_sigpending, |_, bad| [bad, 8, 0, 0, 0, 0]),
            ("rt_sigsuspend", libc::SYS_rt_sigsuspend, |_, bad| [bad, 8, 0, 0, 0, 0]),
            ("rt_sigtimedwait", libc::SYS_rt_sigtimedwait, |_, bad| [bad, 0, 0, 8, 0, 0]),
            ("rt_sigtimedwait", libc::SYS_rt_sigtimedwait, |good, bad| [good.at(0), 0, bad, 8, 0, 0]),
            ("sigaltstack", libc::SYS_sigaltstack, |_, bad| [bad, 0, 0, 0, 0, 0]),
            ("sigaltstack", libc::SYS_sigaltstack, |_, bad| [0, bad, 0, 0, 0, 0]),
            ("setitimer", libc::SYS_setitimer, |_, bad| [0, bad, 0, 0, 0, 0]),
            ("getitimer", libc::SYS_getitimer, |_, bad| [0, bad, 0, 0, 0, 0]),
            ("signalfd4", libc::SYS_signalfd4, |_, bad| [usize::MAX, bad, 8, 0, 0, 0]),
        ];
        for (name, number, registers) in calls {
            for bad in [8, region.at(PAGE - 4), region.at(PAGE), 1 << 47, 1 << 63, usize::MAX - 7] {
                let met = region.call(name, *number, registers(&region, bad));
                check_eq!(met, Err(Errno(libc::EFAULT)), "{name} at {bad:#x}");
            }
        }
        let pid = sys::getpid()?;
        for bad in [0, region.at(PAGE - 4), 1 << 63] {
            let met = region.call("rt_sigqueueinfo", libc::SYS_rt_sigqueueinfo, [pid, usr1, bad, 0, 0, 0]);
            check_eq!(met, Err(Errno(libc::EFAULT)));
        }
        Ok(())
    })
}

fn wrong_sizes(case: &Case) -> Outcome {
    const INVALID: Result<usize> = Err(Errno(libc::EINVAL));
    case.in_child(|| {
        let region = Region::new(1, libc::PROT_READ | libc::PROT_WRITE)?;
        let at = region.at(0);
        for size in [0, 4, 9, 16, 128, usize::MAX] {
            let call = |name, number, words| region.call(name, number, words);
            check_eq!(call("rt_sigaction", libc::SYS_rt_sigaction, [10, 0, at, size, 0, 0]), INVALID);
            check_eq!(call("rt_sigprocmask", libc::SYS_rt_sigprocmask, [0, at, 0, size, 0, 0]), INVALID);
            check_eq!(call("rt_sigsuspend", libc::SYS_rt_sigsuspend, [at, size, 0, 0, 0, 0]), INVALID);
            check_eq!(call("rt_sigtimedwait", libc::SYS_rt_sigtimedwait, [at, 0, 0, size, 0, 0]), INVALID);
            check_eq!(call("signalfd4", libc::SYS_signalfd4, [usize::MAX, at, size, 0, 0, 0]), INVALID);
            if size > 8 {
                check_eq!(call("rt_sigpending", libc::SYS_rt_sigpending, [at, size, 0, 0, 0, 0]), INVALID);
            }
        }
        check_eq!(region.call("setitimer", libc::SYS_setitimer, [3, 0, 0, 0, 0, 0]), INVALID);
        check_eq!(region.call("signalfd4", libc::SYS_signalfd4, [usize::MAX, at, 8, 1, 0, 0]), INVALID);
        check_eq!(region.call("signalfd4", libc::SYS_signalfd4, [1, at, 8, 0, 0, 0]), INVALID);
        let met = region.call("signalfd4", libc::SYS_signalfd4, [1 << 20, at, 8, 0, 0, 0]);
        check_eq!(met, Err(Errno(libc::EBADF)));
        Ok(())
    })
}

fn queues_are_limited(case: &Case) -> Outcome {
    case.in_child(|| {
        let pid = sys::getpid()? as i32;
        let region = Region::new(1, libc::PROT_READ | libc::PROT_WRITE)?;
        region.write(0, &4u64.to_ne_bytes());
        region.write(8, &4u64.to_ne_bytes());
        let limit = libc::RLIMIT_SIGPENDING as usize;
        region.call("prlimit64", libc::SYS_prlimit64, [0, limit, region.at(0), 0, 0, 0])?;
        signals::mask(libc::SIG_SETMASK, u64::MAX)?;
        // Others of the same user count, too: no more than so many are taken, and none is lost that was.
        let taken = (0..10).take_while(|_| signals::queue(pid, 40, libc::SI_QUEUE, 0).is_ok()).count();
        check_eq!(taken <= 4, true);
        check_err!(signals::queue(pid, 40, libc::SI_QUEUE, 0), EAGAIN);
        // kill(2) says nothing that could be lost.
        check_eq!(signals::kill(pid, 41)?, 0);
        let set = signals::set(&[40, 41]);
        let met = (0..20).take_while(|_| signals::wait(set, Some(0)).is_ok()).count();
        check_eq!(met, taken + 1);
        Ok(())
    })
}
