//! Timers that can be waited for: timerfd_create(2).

use std::{os::fd::AsRawFd, sync::Arc};

use super::{ALL, polled};
use crate::{
    harness::{Case, Need, Outcome, Test, check, check_eq, check_err, tests},
    sys::{self, Region},
};

pub(crate) const TESTS: &[Test] = tests!("ready";
    timerfd_expires_once,
    timerfd_expires_again_and_again,
    timerfd_counts_what_nobody_read,
    timerfd_absolute_times,
    timerfd_follows_the_clock needs [Need::OwnSystem],
    timerfd_is_taken_back,
    timerfd_shows_what_is_left,
    timerfd_wakes_who_polls,
    timerfd_set_while_somebody_reads,
    timerfd_many_at_once,
    timerfd_clocks_and_flags,
    timerfd_bad_times,
    timerfd_is_not_another_file,
    timerfd_bad_addresses,
);

const MILLISECOND: i64 = 1_000_000;
const SECOND: i64 = 1000 * MILLISECOND;
const ABSOLUTE: i32 = libc::TFD_TIMER_ABSTIME;

fn monotonic() -> Outcome<i64> {
    Ok(sys::clock_nanoseconds(libc::CLOCK_MONOTONIC)? as i64)
}

fn timerfd_expires_once(_: &Case) -> Outcome {
    let timer = sys::timerfd(libc::CLOCK_MONOTONIC, 0)?;
    let before = monotonic()?;
    check_eq!(sys::timerfd_settime(&timer, 0, 5 * MILLISECOND, 0)?, (0, 0));
    check_eq!(sys::take(&timer)?, 1);
    let passed = monotonic()? - before;
    check!(passed >= 5 * MILLISECOND, "after {passed} ns");
    check_eq!(sys::timerfd_gettime(&timer)?, (0, 0));
    check_eq!(polled(&timer, ALL)?, 0);
    sys::fcntl(&timer, libc::F_SETFL, libc::O_NONBLOCK)?;
    check_err!(sys::take(&timer), EAGAIN);
    Ok(())
}

/// Sets CLOCK_REALTIME forward, or back.
fn move_clock(nanoseconds: i64) -> Outcome {
    let time = sys::clock_nanoseconds(libc::CLOCK_REALTIME)? as i64 + nanoseconds;
    sys::set_clock(libc::CLOCK_REALTIME, time)?;
    Ok(())
}

fn timerfd_follows_the_clock(_: &Case) -> Outcome {
    let in_a_minute = sys::clock_nanoseconds(libc::CLOCK_REALTIME)? as i64 + 60 * SECOND;
    let make = |clock| sys::timerfd(clock, libc::TFD_NONBLOCK);
    let (absolute, relative) = (make(libc::CLOCK_REALTIME)?, make(libc::CLOCK_REALTIME)?);
    let (cancelled, other) = (make(libc::CLOCK_REALTIME)?, make(libc::CLOCK_MONOTONIC)?);
    sys::timerfd_settime(&absolute, ABSOLUTE, in_a_minute, 0)?;
    sys::timerfd_settime(&relative, libc::TFD_TIMER_CANCEL_ON_SET, 60 * SECOND, 0)?;
    sys::timerfd_settime(
        &cancelled,
        ABSOLUTE | libc::TFD_TIMER_CANCEL_ON_SET,
        in_a_minute + 600 * SECOND,
        0,
    )?;
    sys::timerfd_settime(&other, ABSOLUTE, monotonic()? + 60 * SECOND, 0)?;
    move_clock(90 * SECOND)?;
    let told = (|| -> Outcome {
        check_eq!(polled(&absolute, ALL)?, libc::POLLIN);
        check_eq!(sys::take(&absolute)?, 1);
        check_eq!(polled(&cancelled, ALL)?, libc::POLLIN);
        check_err!(sys::take(&cancelled), ECANCELED);
        check_err!(sys::take(&cancelled), EAGAIN, "told once");
        let (left, _) = sys::timerfd_gettime(&cancelled)?;
        check!((560 * SECOND..=570 * SECOND).contains(&left), "{left} ns left");
        check_err!(sys::take(&relative), EAGAIN);
        check_err!(sys::take(&other), EAGAIN);
        Ok(())
    })();
    move_clock(-90 * SECOND)?;
    told
}

fn timerfd_expires_again_and_again(_: &Case) -> Outcome {
    let timer = sys::timerfd(libc::CLOCK_MONOTONIC, 0)?;
    let before = monotonic()?;
    sys::timerfd_settime(&timer, 0, 1, 2 * MILLISECOND)?;
    let mut count = 0;
    while count < 10 {
        let more = sys::take(&timer)?;
        check!(more > 0);
        count += more as i64;
        let passed = monotonic()? - before;
        check!(passed >= (count - 1) * 2 * MILLISECOND, "{count} after {passed} ns");
    }
    check_eq!(sys::timerfd_gettime(&timer)?.1, 2 * MILLISECOND);
    Ok(())
}

fn timerfd_counts_what_nobody_read(_: &Case) -> Outcome {
    let timer = sys::timerfd(libc::CLOCK_MONOTONIC, libc::TFD_NONBLOCK)?;
    let before = monotonic()?;
    sys::timerfd_settime(&timer, ABSOLUTE, before, MILLISECOND)?;
    let end = before + 20 * MILLISECOND;
    while monotonic()? < end {
        sys::nanosleep(0, end - monotonic()?.min(end))?;
    }
    let count = sys::take(&timer)? as i64;
    let passed = monotonic()? - before;
    check!((21..=passed / MILLISECOND + 1).contains(&count), "{count} times in {passed} ns");
    // A period shorter than anything that is measured is counted, not served one by one.
    sys::timerfd_settime(&timer, ABSOLUTE, before, 1)?;
    let count = sys::take(&timer)? as i64;
    check!((passed..=monotonic()? - before + 1).contains(&count), "{count} times");
    Ok(())
}

fn timerfd_absolute_times(_: &Case) -> Outcome {
    for clock in [libc::CLOCK_MONOTONIC, libc::CLOCK_REALTIME, libc::CLOCK_BOOTTIME] {
        let timer = sys::timerfd(clock, 0)?;
        let now = || sys::clock_nanoseconds(clock).map(|time| time as i64);
        let until = now()? + 5 * MILLISECOND;
        sys::timerfd_settime(&timer, ABSOLUTE, until, 0)?;
        let left = sys::timerfd_gettime(&timer)?.0;
        check!(left <= 5 * MILLISECOND, "{left} ns are left");
        check_eq!(sys::take(&timer)?, 1);
        check!(now()? >= until, "clock {clock}");
        // A time that has passed expires at once.
        sys::fcntl(&timer, libc::F_SETFL, libc::O_NONBLOCK)?;
        sys::timerfd_settime(&timer, ABSOLUTE, 1, 0)?;
        check_eq!(polled(&timer, ALL)?, libc::POLLIN);
        check_eq!(sys::take(&timer)?, 1);
        sys::timerfd_settime(&timer, ABSOLUTE | libc::TFD_TIMER_CANCEL_ON_SET, now()? + 1000 * SECOND, 0)?;
        check_eq!(polled(&timer, ALL)?, 0);
    }
    Ok(())
}

fn timerfd_is_taken_back(_: &Case) -> Outcome {
    let timer = sys::timerfd(libc::CLOCK_MONOTONIC, libc::TFD_NONBLOCK)?;
    sys::timerfd_settime(&timer, ABSOLUTE, 1, 0)?;
    check_eq!(polled(&timer, ALL)?, libc::POLLIN);
    // Setting it takes back what has expired.
    check_eq!(sys::timerfd_settime(&timer, 0, 1000 * SECOND, 0)?, (0, 0));
    check_eq!(polled(&timer, ALL)?, 0);
    check_err!(sys::take(&timer), EAGAIN);
    let old = sys::timerfd_settime(&timer, 0, 0, 3 * SECOND)?;
    check!((990 * SECOND..=1000 * SECOND).contains(&old.0) && old.1 == 0, "{old:?}");
    // Without a time there is no next one either, but the interval is kept.
    check_eq!(sys::timerfd_gettime(&timer)?, (0, 3 * SECOND));
    check_err!(sys::take(&timer), EAGAIN);
    Ok(())
}

fn timerfd_shows_what_is_left(_: &Case) -> Outcome {
    let timer = sys::timerfd(libc::CLOCK_REALTIME, libc::TFD_NONBLOCK)?;
    check_eq!(sys::timerfd_gettime(&timer)?, (0, 0));
    sys::timerfd_settime(&timer, 0, 500 * SECOND, 7)?;
    let (left, interval) = sys::timerfd_gettime(&timer)?;
    check!((490 * SECOND..=500 * SECOND).contains(&left), "{left}");
    check_eq!(interval, 7);
    // Asking moves a periodic timer on, and leaves what has expired for the reader.
    sys::timerfd_settime(&timer, ABSOLUTE, 1, 1000 * SECOND)?;
    let (left, _) = sys::timerfd_gettime(&timer)?;
    check!(left > 0 && left <= 1000 * SECOND, "{left}");
    check_eq!(polled(&timer, ALL)?, libc::POLLIN);
    check!(sys::take(&timer)? > 1_000_000);
    check_err!(sys::take(&timer), EAGAIN);
    let path = format!("/proc/self/fd/{}", timer.as_raw_fd());
    check_eq!(std::fs::read_link(path)?.as_os_str(), "anon_inode:[timerfd]");
    Ok(())
}

fn timerfd_wakes_who_polls(_: &Case) -> Outcome {
    let timer = sys::timerfd(libc::CLOCK_MONOTONIC, libc::TFD_NONBLOCK)?;
    for _ in 0..5 {
        sys::timerfd_settime(&timer, 0, 2 * MILLISECOND, 0)?;
        let mut entries = [libc::pollfd { fd: timer.as_raw_fd(), events: ALL, revents: 0 }];
        check_eq!(sys::poll(&mut entries, -1)?, 1);
        check_eq!(entries[0].revents, libc::POLLIN);
        check_eq!(sys::take(&timer)?, 1);
    }
    Ok(())
}

fn timerfd_set_while_somebody_reads(case: &Case) -> Outcome {
    let timer = Arc::new(sys::timerfd(libc::CLOCK_MONOTONIC, 0)?);
    for round in 0..20 {
        if round % 2 == 0 {
            sys::timerfd_settime(&*timer, 0, 1000 * SECOND, 0)?;
        }
        let reader = case.spawn({
            let timer = timer.clone();
            move || Ok(sys::take(&*timer)?)
        });
        sys::sched_yield()?;
        sys::timerfd_settime(&*timer, 0, MILLISECOND, 0)?;
        check_eq!(reader.join()?, 1);
    }
    Ok(())
}

fn timerfd_many_at_once(_: &Case) -> Outcome {
    let timers = (0..100)
        .map(|_| sys::timerfd(libc::CLOCK_MONOTONIC, libc::TFD_NONBLOCK))
        .collect::<Result<Vec<_>, _>>()?;
    let start = monotonic()? + 20 * MILLISECOND;
    for (index, timer) in timers.iter().enumerate() {
        // Set in an order other than that of their times; each tenth is taken back.
        let at = start + (index as i64 * 37 % 100) * MILLISECOND / 10;
        sys::timerfd_settime(timer, ABSOLUTE, at, 0)?;
        if index % 10 == 0 {
            sys::timerfd_settime(timer, ABSOLUTE, 0, 0)?;
        }
    }
    let mut left: Vec<_> = (0..100).filter(|index| index % 10 != 0).collect();
    while !left.is_empty() {
        let entry = |index: &usize| libc::pollfd { fd: timers[*index].as_raw_fd(), events: ALL, revents: 0 };
        let mut entries: Vec<_> = left.iter().map(entry).collect();
        check!(sys::poll(&mut entries, -1)? > 0);
        let mut expired = entries.iter().map(|entry| entry.revents != 0);
        let mut gone = Vec::new();
        left.retain(|index| {
            let expired = expired.next() == Some(true);
            if expired {
                gone.push(*index);
            }
            !expired
        });
        for index in gone {
            check_eq!(sys::take(&timers[index])?, 1);
        }
    }
    check!(monotonic()? >= start + 99 * MILLISECOND / 10);
    for timer in &timers {
        check_err!(sys::take(timer), EAGAIN);
    }
    Ok(())
}

fn timerfd_clocks_and_flags(_: &Case) -> Outcome {
    for clock in
        [-1, libc::CLOCK_PROCESS_CPUTIME_ID, libc::CLOCK_THREAD_CPUTIME_ID, 4, 5, 6, 10, 11, 12, 1 << 20]
    {
        check_err!(sys::timerfd(clock, 0), EINVAL, "clock {clock}");
    }
    for bit in 0..32 {
        let flag = 1_i32.wrapping_shl(bit);
        if flag & (libc::TFD_CLOEXEC | libc::TFD_NONBLOCK) == 0 {
            check_err!(sys::timerfd(libc::CLOCK_MONOTONIC, flag), EINVAL, "flag {flag:#x}");
        }
    }
    let timer = sys::timerfd(libc::CLOCK_BOOTTIME, libc::TFD_CLOEXEC | libc::TFD_NONBLOCK)?;
    check_eq!(sys::fcntl(&timer, libc::F_GETFD, 0)?, libc::FD_CLOEXEC as usize);
    check_eq!(sys::fcntl(&timer, libc::F_GETFL, 0)?, (libc::O_RDWR | libc::O_NONBLOCK) as usize);
    for bit in 2..32 {
        let flag = 1_i32.wrapping_shl(bit);
        check_err!(sys::timerfd_settime(&timer, flag, SECOND, 0), EINVAL, "flag {flag:#x}");
    }
    check_eq!(sys::timerfd_gettime(&timer)?, (0, 0));
    Ok(())
}

fn timerfd_bad_times(_: &Case) -> Outcome {
    let timer = sys::timerfd(libc::CLOCK_MONOTONIC, libc::TFD_NONBLOCK)?;
    sys::timerfd_settime(&timer, 0, 500 * SECOND, 5)?;
    let time = |tv_sec, tv_nsec| libc::timespec { tv_sec, tv_nsec };
    let bad = [time(-1, 0), time(0, -1), time(0, SECOND), time(i64::MIN, i64::MIN)];
    for bad in bad {
        let none = time(0, 0);
        let mut setting = libc::itimerspec { it_interval: none, it_value: bad };
        check_err!(sys::timerfd_settime_raw(&timer, 0, &mut setting), EINVAL);
        let mut setting = libc::itimerspec { it_interval: bad, it_value: none };
        check_err!(sys::timerfd_settime_raw(&timer, 0, &mut setting), EINVAL);
    }
    check_eq!(sys::timerfd_gettime(&timer)?.1, 5, "nothing was changed");
    let far = time(i64::MAX, SECOND - 1);
    let mut setting = libc::itimerspec { it_interval: far, it_value: far };
    for flags in [0, ABSOLUTE] {
        sys::timerfd_settime_raw(&timer, flags, &mut setting)?;
        check_eq!(polled(&timer, ALL)?, 0);
    }
    let mut setting = libc::itimerspec { it_interval: far, it_value: time(0, 1) };
    sys::timerfd_settime_raw(&timer, ABSOLUTE, &mut setting)?;
    check_eq!(sys::take(&timer)?, 1);
    Ok(())
}

fn timerfd_is_not_another_file(_: &Case) -> Outcome {
    let timer = sys::timerfd(libc::CLOCK_MONOTONIC, libc::TFD_NONBLOCK)?;
    check_err!(sys::write(&timer, &[0; 8]), EINVAL);
    check_err!(sys::read(&timer, &mut [0; 7]), EINVAL);
    check_err!(sys::pread(&timer, &mut [0; 8], 0), ESPIPE);
    let (left, _right) = sys::socketpair(libc::AF_UNIX, libc::SOCK_STREAM, 0)?;
    let counter = sys::eventfd(0, 0)?;
    for number in [left.as_raw_fd(), counter.as_raw_fd()] {
        check_err!(sys::timerfd_settime(&number, 0, 1, 0), EINVAL);
        check_err!(sys::timerfd_gettime(&number), EINVAL);
    }
    for number in [-1, i32::MAX] {
        check_err!(sys::timerfd_settime(&number, 0, 1, 0), EBADF);
        check_err!(sys::timerfd_gettime(&number), EBADF);
    }
    Ok(())
}

fn timerfd_bad_addresses(_: &Case) -> Outcome {
    let timer = sys::timerfd(libc::CLOCK_MONOTONIC, libc::TFD_NONBLOCK)?;
    let number = timer.as_raw_fd() as usize;
    let page = Region::new(2, libc::PROT_READ | libc::PROT_WRITE)?;
    page.protect(sys::PAGE..2 * sys::PAGE, libc::PROT_NONE)?;
    let good = page.at(0);
    // Half of it is out of reach.
    let half = page.at(sys::PAGE - 16);
    for bad in [8, page.at(sys::PAGE), half, usize::MAX - 7, 1 << 63] {
        let set =
            |new, old| page.call("timerfd_settime", libc::SYS_timerfd_settime, [number, 0, new, old, 0, 0]);
        check_err!(set(bad, 0), EFAULT, "{bad:#x}");
        check_err!(set(bad, bad), EFAULT);
        // What was is told after the timer is set.
        check_err!(set(good, bad), EFAULT);
        check_eq!(set(good, good)?, 0);
        check_err!(
            page.call("timerfd_gettime", libc::SYS_timerfd_gettime, [number, bad, 0, 0, 0, 0]),
            EFAULT
        );
        // The times are read before the descriptor is looked at.
        check_err!(
            page.call("timerfd_settime", libc::SYS_timerfd_settime, [usize::MAX, 0, bad, 0, 0, 0]),
            EFAULT
        );
    }
    sys::timerfd_settime(&timer, ABSOLUTE, 1, 0)?;
    check_err!(page.call("read", libc::SYS_read, [number, page.at(sys::PAGE), 8, 0, 0, 0]), EFAULT);
    check_err!(sys::take(&timer), EAGAIN, "a number that cannot be handed over is lost");
    Ok(())
}
