//! Clocks, sleep and random bytes.

use std::{
    collections::HashSet,
    thread,
    time::{Duration, Instant},
};

use crate::{
    harness::{Case, Outcome, Test, check, check_eq, check_err, tests},
    sys,
};

pub(crate) const TESTS: &[Test] = tests!("process";
    clock_never_goes_back,
    clock_agrees_with_std,
    clock_refuses_unknown_clocks,
    nanosleep_sleeps_long_enough,
    nanosleep_refuses_bad_times,
    sleeping_threads_wake_in_order,
    getrandom_gives_random_bytes,
    getrandom_refuses_unknown_flags,
);

fn clock_never_goes_back(case: &Case) -> Outcome {
    let watch = || {
        let mut last = sys::clock_nanoseconds(libc::CLOCK_MONOTONIC)?;
        for _ in 0..2000 {
            let now = sys::clock_nanoseconds(libc::CLOCK_MONOTONIC)?;
            if now < last {
                return Err(crate::harness::Failure::here(format!("{now} after {last}")));
            }
            last = now;
        }
        Ok(())
    };
    let other = case.spawn(watch);
    watch()?;
    other.join()?;
    check!(sys::clock_nanoseconds(libc::CLOCK_MONOTONIC)? > 0);
    Ok(())
}

fn clock_agrees_with_std(_: &Case) -> Outcome {
    // std may read the clock without a call; the two must be the same clock.
    for _ in 0..10 {
        let before = sys::clock_nanoseconds(libc::CLOCK_MONOTONIC)?;
        let instant = Instant::now();
        let elapsed = instant.elapsed().as_nanos() as u64;
        let after = sys::clock_nanoseconds(libc::CLOCK_MONOTONIC)?;
        check!(
            after >= before && elapsed <= after - before,
            "{elapsed} ns passed within {} ns",
            after - before
        );
    }
    check!(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).is_ok());
    Ok(())
}

fn clock_refuses_unknown_clocks(_: &Case) -> Outcome {
    check_err!(sys::clock_nanoseconds(1000), EINVAL);
    check_err!(sys::clock_nanoseconds(i32::MAX), EINVAL);
    check!(sys::clock_nanoseconds(libc::CLOCK_REALTIME)? > 0);
    Ok(())
}

fn nanosleep_sleeps_long_enough(_: &Case) -> Outcome {
    for nanoseconds in [0, 1, 1_000_000, 15_000_000] {
        let before = sys::clock_nanoseconds(libc::CLOCK_MONOTONIC)?;
        check_eq!(sys::nanosleep(0, nanoseconds)?, 0);
        let passed = sys::clock_nanoseconds(libc::CLOCK_MONOTONIC)? - before;
        check!(passed >= nanoseconds as u64, "{passed} ns instead of {nanoseconds}");
    }
    let before = Instant::now();
    thread::sleep(Duration::from_millis(5));
    check!(before.elapsed() >= Duration::from_millis(5));
    Ok(())
}

fn nanosleep_refuses_bad_times(_: &Case) -> Outcome {
    for (seconds, nanoseconds) in [(-1, 0), (0, -1), (0, 1_000_000_000), (0, i64::MAX), (i64::MIN, 0)] {
        check_err!(sys::nanosleep(seconds, nanoseconds), EINVAL, "{seconds} s {nanoseconds} ns");
    }
    Ok(())
}

fn sleeping_threads_wake_in_order(case: &Case) -> Outcome {
    // Deadlines far enough apart that only a broken queue of timers confuses them; each records when it woke, and
    // no thread may wake before its own time.
    let threads: Vec<_> = [30u64, 10, 20, 5]
        .into_iter()
        .map(|milliseconds| {
            case.spawn(move || {
                let before = sys::clock_nanoseconds(libc::CLOCK_MONOTONIC)?;
                sys::nanosleep(0, milliseconds as i64 * 1_000_000)?;
                let passed = sys::clock_nanoseconds(libc::CLOCK_MONOTONIC)? - before;
                check!(passed >= milliseconds * 1_000_000, "{passed} ns instead of {milliseconds} ms");
                Ok(())
            })
        })
        .collect();
    threads.into_iter().try_for_each(crate::harness::Worker::join)
}

fn getrandom_gives_random_bytes(_: &Case) -> Outcome {
    let (mut one, mut other) = ([0; 256], [0; 256]);
    check_eq!(sys::getrandom(&mut one, 0)?, 256);
    check_eq!(sys::getrandom(&mut other, 0)?, 256);
    check!(one != other);
    // 256 random bytes hold far more than 100 different values (fewer: once in 10^20 universes).
    check!(one.iter().collect::<HashSet<_>>().len() > 100);
    let mut long = vec![0; 10_000];
    check_eq!(sys::getrandom(&mut long, libc::GRND_NONBLOCK)?, 10_000);
    check!(long[9_900..].iter().any(|byte| *byte != 0));
    check_eq!(sys::getrandom(&mut [], 0)?, 0);
    Ok(())
}

fn getrandom_refuses_unknown_flags(_: &Case) -> Outcome {
    check_err!(sys::getrandom(&mut [0; 4], 0x80), EINVAL);
    check_err!(sys::getrandom(&mut [0; 4], u32::MAX), EINVAL);
    Ok(())
}
