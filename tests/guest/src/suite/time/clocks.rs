//! What clocks there are, and who sets them.

use super::{Desk, SECOND, WILD, burn, negative};
use crate::{
    harness::{Case, Outcome, Test, check, check_eq, check_err, tests},
    sys,
};

pub(crate) const TESTS: &[Test] = tests!("time";
    clocks_have_numbers,
    clocks_belong_together,
    clocks_of_processes_and_threads,
    clocks_of_a_child,
    clocks_are_set_by_the_superuser_alone,
    clocks_refuse_bad_times,
    time_of_day_and_its_zone,
    adjtimex_reads,
    clock_calls_refuse_bad_addresses,
);

const CLOCKS: [i32; 9] = [
    libc::CLOCK_REALTIME,
    libc::CLOCK_MONOTONIC,
    libc::CLOCK_PROCESS_CPUTIME_ID,
    libc::CLOCK_THREAD_CPUTIME_ID,
    libc::CLOCK_MONOTONIC_RAW,
    libc::CLOCK_REALTIME_COARSE,
    libc::CLOCK_MONOTONIC_COARSE,
    libc::CLOCK_BOOTTIME,
    libc::CLOCK_TAI,
];

/// As clock_getcpuclockid(3) makes numbers: 2 for measured time, 4 for a thread's.
const fn clock_of(id: i32, low: i32) -> i32 {
    (!id << 3) | low
}

fn clocks_have_numbers(_: &Case) -> Outcome {
    let desk = Desk::new()?;
    for number in CLOCKS {
        check_eq!(desk.call(libc::SYS_clock_getres, &[number as usize, desk.at(0)])?, 0);
        let resolution = desk.word(1);
        check!(desk.word(0) == 0 && (1..=10_000_000).contains(&resolution), "{number}: {resolution}");
        check_eq!(desk.call(libc::SYS_clock_getres, &[number as usize, 0])?, 0);
        let first = desk.clock(number)?;
        check!(desk.clock(number)? >= first, "clock {number} goes back");
    }
    for number in [10, 12, 13, 14, 15, 16, 1000, i32::MAX] {
        check_err!(desk.clock(number), EINVAL, "clock {number}");
        check_err!(desk.call(libc::SYS_clock_getres, &[number as usize, 0]), EINVAL, "clock {number}");
    }
    Ok(())
}

fn clocks_belong_together(_: &Case) -> Outcome {
    let desk = Desk::new()?;
    for (coarse, fine) in [
        (libc::CLOCK_REALTIME_COARSE, libc::CLOCK_REALTIME),
        (libc::CLOCK_MONOTONIC_COARSE, libc::CLOCK_MONOTONIC),
    ] {
        let before = desk.clock(fine)?;
        let between = desk.clock(coarse)?;
        let after = desk.clock(fine)?;
        check!(between <= after && between > before - SECOND, "{before} {between} {after}");
    }
    check!(desk.clock(libc::CLOCK_BOOTTIME)? >= desk.clock(libc::CLOCK_MONOTONIC)? - SECOND);
    Ok(())
}

fn clocks_of_processes_and_threads(case: &Case) -> Outcome {
    let desk = Desk::new()?;
    let (pid, tid) = (sys::getpid()? as i32, sys::gettid()? as i32);
    let before = desk.clock(libc::CLOCK_THREAD_CPUTIME_ID)?;
    for number in [clock_of(tid, 6), clock_of(0, 6)] {
        check!(desk.clock(number)? >= before);
    }
    burn(3_000_000)?;
    let own = desk.clock(clock_of(tid, 6))?;
    check!(own >= before + 3_000_000);
    for number in [clock_of(pid, 2), clock_of(0, 2)] {
        check!(desk.clock(number)? >= own, "the process has run longer than one of its threads");
    }
    let idle = case.spawn(|| {
        let desk = Desk::new()?;
        Ok(desk.clock(libc::CLOCK_THREAD_CPUTIME_ID)?)
    });
    check!(idle.join()? < desk.clock(clock_of(pid, 2))?);
    // User time, and user and system time, in ticks.
    for low in [0, 1] {
        check!(desk.clock(clock_of(pid, low))? >= 0);
        check!(desk.clock(clock_of(tid, low | 4))? >= 0);
    }
    for number in [clock_of(9_999_999, 2), clock_of(9_999_999, 6), clock_of(0, 3), clock_of(0, 7)] {
        check_err!(desk.clock(number), EINVAL, "{number:#x}");
        check_err!(desk.call(libc::SYS_clock_getres, &[negative(number), 0]), EINVAL, "{number:#x}");
    }
    Ok(())
}

fn clocks_of_a_child(_: &Case) -> Outcome {
    let desk = Desk::new()?;
    let (read, write) = sys::pipe2(0)?;
    let child = sys::fork(|| i32::from(burn(5_000_000).is_err() || sys::read(&read, &mut [0; 1]) != Ok(1)))?;
    while desk.clock(clock_of(child, 2))? < 5_000_000 {
        sys::nanosleep(0, 1_000_000)?;
    }
    check_err!(desk.clock(clock_of(child, 6)), EINVAL, "another process's thread");
    sys::write(&write, b"x")?;
    check_eq!(sys::wait_for(child)?, 0);
    check_err!(desk.clock(clock_of(child, 2)), EINVAL, "it has been waited for");
    Ok(())
}

fn clocks_are_set_by_the_superuser_alone(case: &Case) -> Outcome {
    case.spawn(|| {
        sys::set_thread_uids(54_321, 54_321, 54_321)?;
        let desk = Desk::new()?;
        desk.call(libc::SYS_clock_gettime, &[0, desk.at(0)])?;
        check_err!(desk.call(libc::SYS_clock_settime, &[0, desk.at(0)]), EPERM);
        desk.put(0, &[desk.word(0), 0]);
        check_err!(desk.call(libc::SYS_settimeofday, &[desk.at(0), 0]), EPERM);
        check_err!(desk.call(libc::SYS_settimeofday, &[0, 0]), EPERM);
        desk.put(0, &[0]);
        check_err!(desk.call(libc::SYS_settimeofday, &[0, desk.at(0)]), EPERM);
        // ADJ_SETOFFSET, by nothing.
        desk.put(0, &[0x100; 1]);
        desk.put(1, &[0; 25]);
        check_err!(desk.call(libc::SYS_adjtimex, &[desk.at(0)]), EPERM);
        Ok(())
    })
    .join()
}

fn clocks_refuse_bad_times(_: &Case) -> Outcome {
    let desk = Desk::new()?;
    for time in [[-1, 0], [0, -1], [0, SECOND], [i64::MIN, 0], [i64::MAX, 0]] {
        desk.put(0, &time);
        check_err!(desk.call(libc::SYS_clock_settime, &[0, desk.at(0)]), EINVAL, "{time:?}");
    }
    desk.put(0, &[1, 0]);
    for number in CLOCKS.iter().filter(|number| **number != libc::CLOCK_REALTIME) {
        check_err!(desk.call(libc::SYS_clock_settime, &[*number as usize, desk.at(0)]), EINVAL, "{number}");
    }
    check_err!(desk.call(libc::SYS_clock_settime, &[negative(clock_of(0, 2)), desk.at(0)]), EPERM);
    for time in [[-1, 0], [0, -1], [0, 1_000_000]] {
        desk.put(0, &time);
        check_err!(desk.call(libc::SYS_settimeofday, &[desk.at(0), 0]), EINVAL, "{time:?}");
    }
    Ok(())
}

fn time_of_day_and_its_zone(_: &Case) -> Outcome {
    let desk = Desk::new()?;
    let before = desk.clock(libc::CLOCK_REALTIME)?;
    desk.put(0, &[0; 4]);
    check_eq!(desk.call(libc::SYS_gettimeofday, &[desk.at(0), desk.at(2)])?, 0);
    let time = desk.word(0) * SECOND + desk.word(1) * 1000;
    check!(time >= before / 1000 * 1000 && time <= desk.clock(libc::CLOCK_REALTIME)?);
    check_eq!(desk.call(libc::SYS_gettimeofday, &[0, 0])?, 0);
    let seconds = desk.call(libc::SYS_time, &[desk.at(0)])?;
    check_eq!(desk.word(0), seconds as i64);
    check!(seconds as i64 >= before / SECOND - 1);
    Ok(())
}

fn adjtimex_reads(_: &Case) -> Outcome {
    let desk = Desk::new()?;
    for (number, first) in [(libc::SYS_adjtimex, None), (libc::SYS_clock_adjtime, Some(0))] {
        desk.put(0, &[0; 26]);
        let words: Vec<_> = first.into_iter().chain([desk.at(0)]).collect();
        let state = desk.call(number, &words)?;
        check!(state <= 5, "{state}");
        check!((9_000..=11_000).contains(&desk.word(11)), "microseconds per tick");
        let now = desk.clock(libc::CLOCK_REALTIME)? / SECOND;
        check!(now > 0);
    }
    check_err!(desk.call(libc::SYS_adjtimex, &[WILD]), EFAULT);
    check_err!(desk.call(libc::SYS_clock_adjtime, &[0, WILD]), EFAULT);
    check_err!(desk.call(libc::SYS_clock_adjtime, &[99, desk.at(0)]), EINVAL);
    check_err!(desk.call(libc::SYS_clock_adjtime, &[1, desk.at(0)]), EOPNOTSUPP);
    Ok(())
}

fn clock_calls_refuse_bad_addresses(_: &Case) -> Outcome {
    let desk = Desk::new()?;
    for number in CLOCKS {
        check_err!(desk.call(libc::SYS_clock_gettime, &[number as usize, WILD]), EFAULT);
        check_err!(desk.call(libc::SYS_clock_getres, &[number as usize, WILD]), EFAULT);
    }
    check_err!(desk.call(libc::SYS_clock_settime, &[0, WILD]), EFAULT);
    check_err!(desk.call(libc::SYS_clock_settime, &[negative(clock_of(0, 2)), WILD]), EFAULT);
    check_err!(desk.call(libc::SYS_settimeofday, &[WILD, 0]), EFAULT);
    check_err!(desk.call(libc::SYS_settimeofday, &[0, WILD]), EFAULT);
    check_err!(desk.call(libc::SYS_gettimeofday, &[WILD, 0]), EFAULT);
    check_err!(desk.call(libc::SYS_gettimeofday, &[0, WILD]), EFAULT);
    check_err!(desk.call(libc::SYS_time, &[WILD]), EFAULT);
    Ok(())
}
