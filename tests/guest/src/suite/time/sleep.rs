//! clock_nanosleep(2).

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use super::{Desk, SECOND, WILD, negative};
use crate::harness::{Case, Outcome, Test, check, check_eq, check_err, tests};

pub(crate) const TESTS: &[Test] = tests!("time";
    sleep_lasts_as_long_as_it_says,
    sleep_ends_when_it_says,
    sleep_on_clocks_that_nobody_waits_for,
    sleep_until_cpu_time_has_passed,
    sleep_refuses_bad_times_and_addresses,
);

const ABSOLUTE: usize = libc::TIMER_ABSTIME as usize;

fn sleep_lasts_as_long_as_it_says(_: &Case) -> Outcome {
    let desk = Desk::new()?;
    for clock in [libc::CLOCK_REALTIME, libc::CLOCK_MONOTONIC, libc::CLOCK_BOOTTIME, libc::CLOCK_TAI] {
        for nanoseconds in [0, 1, 300_000, 4_000_000] {
            let before = desk.clock(libc::CLOCK_MONOTONIC)?;
            desk.put(2, &[0, nanoseconds, 77, 77]);
            let words = [clock as usize, 0, desk.at(2), desk.at(4)];
            check_eq!(desk.call(libc::SYS_clock_nanosleep, &words)?, 0);
            let passed = desk.clock(libc::CLOCK_MONOTONIC)? - before;
            check!(passed >= nanoseconds, "{passed} ns instead of {nanoseconds} on clock {clock}");
            check_eq!((desk.word(4), desk.word(5)), (77, 77), "there is no rest to write");
        }
    }
    Ok(())
}

fn sleep_ends_when_it_says(_: &Case) -> Outcome {
    let desk = Desk::new()?;
    for clock in [libc::CLOCK_REALTIME, libc::CLOCK_MONOTONIC, libc::CLOCK_BOOTTIME] {
        for ahead in [-SECOND, 0, 3_000_000] {
            let end = desk.clock(clock)? + ahead;
            desk.put(2, &[end / SECOND, end % SECOND]);
            check_eq!(
                desk.call(libc::SYS_clock_nanosleep, &[clock as usize, ABSOLUTE, desk.at(2), WILD])?,
                0
            );
            check!(desk.clock(clock)? >= end, "clock {clock}, {ahead} ns ahead");
        }
        desk.put(2, &[0, 0]);
        check_eq!(desk.call(libc::SYS_clock_nanosleep, &[clock as usize, ABSOLUTE, desk.at(2), 0])?, 0);
    }
    Ok(())
}

fn sleep_on_clocks_that_nobody_waits_for(_: &Case) -> Outcome {
    let desk = Desk::new()?;
    desk.put(2, &[0, 1]);
    let sleep = |clock: i32, at: usize| desk.call(libc::SYS_clock_nanosleep, &[negative(clock), 0, at, 0]);
    for clock in [libc::CLOCK_MONOTONIC_RAW, libc::CLOCK_REALTIME_COARSE, libc::CLOCK_MONOTONIC_COARSE] {
        check_err!(sleep(clock, desk.at(2)), EOPNOTSUPP);
        check_err!(sleep(clock, WILD), EOPNOTSUPP, "the clock comes first");
    }
    for clock in [10, 12, 99] {
        check_err!(sleep(clock, desk.at(2)), EINVAL);
    }
    Ok(())
}

fn sleep_until_cpu_time_has_passed(case: &Case) -> Outcome {
    let desk = Desk::new()?;
    let clock = libc::CLOCK_PROCESS_CPUTIME_ID;
    let before = desk.clock(clock)?;
    // For as long as it takes: on a busy machine, the sleep may begin late.
    let over = Arc::new(AtomicBool::new(false));
    let seen = over.clone();
    let busy = case.spawn(move || {
        while !seen.load(Ordering::Relaxed) {
            super::burn(1_000_000)?;
        }
        Ok(())
    });
    desk.put(2, &[0, 5_000_000]);
    let slept = desk.call(libc::SYS_clock_nanosleep, &[clock as usize, 0, desk.at(2), 0]);
    over.store(true, Ordering::Relaxed);
    check_eq!(slept?, 0);
    check!(desk.clock(clock)? >= before + 5_000_000);
    busy.join()
}

fn sleep_refuses_bad_times_and_addresses(_: &Case) -> Outcome {
    let desk = Desk::new()?;
    for time in [[-1, 0], [0, -1], [0, SECOND], [i64::MIN, 0], [0, i64::MAX]] {
        desk.put(2, &time);
        for flags in [0, ABSOLUTE] {
            check_err!(desk.call(libc::SYS_clock_nanosleep, &[1, flags, desk.at(2), 0]), EINVAL, "{time:?}");
        }
        check_err!(desk.call(libc::SYS_nanosleep, &[desk.at(2), 0]), EINVAL, "{time:?}");
    }
    for clock in [0, 1, 7, 11] {
        check_err!(desk.call(libc::SYS_clock_nanosleep, &[clock, 0, WILD, 0]), EFAULT);
        check_err!(desk.call(libc::SYS_clock_nanosleep, &[clock, 0, 0, 0]), EFAULT);
    }
    check_err!(desk.call(libc::SYS_nanosleep, &[WILD, 0]), EFAULT);
    Ok(())
}
