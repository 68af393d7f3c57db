//! getrusage(2) and times(2).

use super::{Desk, SECOND, WILD, burn, negative};
use crate::{
    harness::{Case, Outcome, Test, check, check_eq, check_err, tests},
    sys,
};

pub(crate) const TESTS: &[Test] = tests!("time";
    usage_grows_with_work,
    usage_of_children_counts_once_they_are_waited_for,
    usage_counts_waits,
    usage_refuses_bad_arguments,
);

/// User and system time in nanoseconds, of struct rusage.
fn times_of(desk: &Desk, who: i32) -> Outcome<(i64, i64)> {
    desk.call(libc::SYS_getrusage, &[negative(who), desk.at(0)])?;
    let time = |at: usize| desk.word(at) * SECOND + desk.word(at + 1) * 1000;
    Ok((time(0), time(2)))
}

fn usage_grows_with_work(_: &Case) -> Outcome {
    let desk = Desk::new()?;
    let thread = times_of(&desk, libc::RUSAGE_THREAD)?;
    let process = times_of(&desk, libc::RUSAGE_SELF)?;
    burn(30_000_000)?;
    let (user, system) = times_of(&desk, libc::RUSAGE_THREAD)?;
    check!(user >= thread.0 && system >= thread.1, "neither goes back");
    // To the microsecond.
    check!(user + system >= thread.0 + thread.1 + 29_000_000);
    let (user, system) = times_of(&desk, libc::RUSAGE_SELF)?;
    check!(user >= process.0 && system >= process.1);
    check!(user + system >= process.0 + process.1 + 29_000_000);
    check!(desk.word(4) > 0, "it has memory");
    desk.put(0, &[0; 4]);
    check!(desk.call(libc::SYS_times, &[desk.at(0)])? > 0);
    // In hundredths of a second; the two were asked for one after the other.
    let ticks = desk.word(0) + desk.word(1);
    check!(ticks >= (user + system) / 10_000_000 - 1, "{ticks} ticks, {user} and {system} ns");
    check_eq!(desk.call(libc::SYS_times, &[0]).is_ok(), true);
    Ok(())
}

fn usage_of_children_counts_once_they_are_waited_for(_: &Case) -> Outcome {
    // In a process of its own: no other test's children are among them.
    let child = sys::fork(|| {
        let counted = || -> Outcome<bool> {
            let desk = Desk::new()?;
            let before = times_of(&desk, libc::RUSAGE_CHILDREN)?;
            check_eq!(before, (0, 0));
            let child = sys::fork(|| i32::from(burn(20_000_000).is_err()))?;
            let status = sys::wait_for(child)?;
            let (user, system) = times_of(&desk, libc::RUSAGE_CHILDREN)?;
            desk.call(libc::SYS_times, &[desk.at(0)])?;
            Ok(status == 0 && user + system >= 19_000_000 && desk.word(2) + desk.word(3) >= 1)
        };
        i32::from(!matches!(counted(), Ok(true)))
    })?;
    check_eq!(sys::wait_for(child)?, 0);
    Ok(())
}

fn usage_counts_waits(case: &Case) -> Outcome {
    case.spawn(|| {
        let desk = Desk::new()?;
        let waits = || -> Outcome<i64> {
            desk.call(libc::SYS_getrusage, &[negative(libc::RUSAGE_THREAD), desk.at(0)])?;
            Ok(desk.word(16))
        };
        let before = waits()?;
        for _ in 0..3 {
            sys::nanosleep(0, 2_000_000)?;
        }
        check!(waits()? >= before + 3);
        Ok(())
    })
    .join()
}

fn usage_refuses_bad_arguments(_: &Case) -> Outcome {
    let desk = Desk::new()?;
    for who in [2, -2, -3, i32::MAX, i32::MIN] {
        check_err!(desk.call(libc::SYS_getrusage, &[negative(who), desk.at(0)]), EINVAL, "{who}");
        check_err!(desk.call(libc::SYS_getrusage, &[negative(who), WILD]), EINVAL, "{who}");
    }
    for who in [libc::RUSAGE_SELF, libc::RUSAGE_THREAD, libc::RUSAGE_CHILDREN] {
        check_err!(desk.call(libc::SYS_getrusage, &[negative(who), WILD]), EFAULT, "{who}");
    }
    check_err!(desk.call(libc::SYS_times, &[WILD]), EFAULT);
    Ok(())
}
