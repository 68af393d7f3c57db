//! Clocks and sleeping.

use core::time::Duration;

use linux_raw_sys::general::{
    __NR_clock_getres, __NR_clock_gettime, __NR_clock_nanosleep, __NR_getrusage, __NR_gettimeofday,
    __NR_nanosleep, __NR_time, __NR_times, CLOCK_BOOTTIME, CLOCK_MONOTONIC, CLOCK_MONOTONIC_COARSE,
    CLOCK_MONOTONIC_RAW, CLOCK_PROCESS_CPUTIME_ID, CLOCK_REALTIME, CLOCK_REALTIME_COARSE, CLOCK_TAI,
    CLOCK_THREAD_CPUTIME_ID, TIMER_ABSTIME,
};
use socket::error::{Errno, Result};

use super::{Arguments, Calls, Handler::Plain};
use crate::{
    context::Context,
    exec::CLOCK_TICKS,
    time::clock,
    wait::{self, WaitError},
};

pub(super) const CALLS: &Calls = &[
    (__NR_clock_gettime, Plain(clock_gettime)),
    (__NR_clock_getres, Plain(clock_getres)),
    (__NR_clock_nanosleep, Plain(clock_nanosleep)),
    (__NR_nanosleep, Plain(nanosleep)),
    (__NR_gettimeofday, Plain(gettimeofday)),
    (__NR_time, Plain(time)),
    (__NR_times, Plain(times)),
    (__NR_getrusage, Plain(getrusage)),
];

const RUSAGE_SELF: i32 = 0;
const RUSAGE_CHILDREN: i32 = -1;
const RUSAGE_THREAD: i32 = 1;

const NANOSECONDS: i64 = 1_000_000_000;

/// Reads a struct timespec that says how long, or when.
///
/// # Errors
/// EFAULT; EINVAL for a negative time or a fraction of a second or more.
pub(crate) fn read_timespec(context: &Context, address: usize) -> Result<Duration> {
    let [seconds, nanoseconds] = context.space.read::<[i64; 2]>(address)?;
    if seconds < 0 || !(0..NANOSECONDS).contains(&nanoseconds) {
        return Err(Errno::EINVAL.into());
    }
    Ok(Duration::new(seconds as u64, nanoseconds as u32))
}

/// Writes a struct timespec.
///
/// # Errors
/// EFAULT.
pub(crate) fn write_timespec(context: &Context, address: usize, time: Duration) -> Result<()> {
    context.space.write(address, &[time.as_secs(), u64::from(time.subsec_nanos())])
}

/// What a clock shows. The CPU time of other processes and threads is not served (EINVAL).
fn read_clock(context: &Context, clock: usize) -> Result<Duration> {
    match clock as u32 {
        CLOCK_REALTIME | CLOCK_REALTIME_COARSE | CLOCK_TAI => Ok(clock::realtime()),
        CLOCK_MONOTONIC | CLOCK_MONOTONIC_RAW | CLOCK_MONOTONIC_COARSE | CLOCK_BOOTTIME => Ok(clock::now()),
        CLOCK_PROCESS_CPUTIME_ID => Ok(context.process.cpu_time()),
        CLOCK_THREAD_CPUTIME_ID => Ok(context.thread.cpu_time.duration()),
        _ => Err(Errno::EINVAL.into()),
    }
}

fn clock_gettime(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [clock, at, ..] = *arguments;
    write_timespec(context, at, read_clock(context, clock)?)?;
    Ok(0)
}

fn clock_getres(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [clock, at, ..] = *arguments;
    read_clock(context, clock)?;
    if at != 0 {
        write_timespec(context, at, Duration::from_nanos(1))?;
    }
    Ok(0)
}

fn gettimeofday(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [time_at, zone_at, ..] = *arguments;
    if time_at != 0 {
        let now = clock::realtime();
        context.space.write(time_at, &[now.as_secs(), u64::from(now.subsec_micros())])?;
    }
    if zone_at != 0 {
        context.space.write(zone_at, &[0u32; 2])?;
    }
    Ok(0)
}

fn time(context: &Context, arguments: &Arguments) -> Result<usize> {
    let seconds = clock::realtime().as_secs() as usize;
    if arguments[0] != 0 {
        context.space.write(arguments[0], &seconds)?;
    }
    Ok(seconds)
}

/// struct tms in clock ticks. User and system time are not told apart: all is user time.
fn times(context: &Context, arguments: &Arguments) -> Result<usize> {
    let ticks = |time: Duration| time.as_nanos() as u64 / (NANOSECONDS as u64 / CLOCK_TICKS);
    if arguments[0] != 0 {
        context.space.write(arguments[0], &[ticks(context.process.cpu_time()), 0, 0, 0])?;
    }
    Ok(ticks(clock::now()) as usize)
}

/// struct rusage: all time is user time, memory is what is in use now; what else it has is not counted and 0.
fn getrusage(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [who, at, ..] = *arguments;
    let mut usage = [0u64; 18];
    let time = match who as i32 {
        RUSAGE_SELF => context.process.cpu_time(),
        RUSAGE_THREAD => context.thread.cpu_time.duration(),
        RUSAGE_CHILDREN => Duration::ZERO,
        _ => return Err(Errno::EINVAL.into()),
    };
    usage[0] = time.as_secs();
    usage[1] = u64::from(time.subsec_micros());
    if who as i32 != RUSAGE_CHILDREN {
        usage[4] = context.space.resident_bytes() as u64 >> 10;
    }
    context.space.write(at, &usage).map(|()| 0)
}

fn nanosleep(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [time_at, rest_at, ..] = *arguments;
    let time = read_timespec(context, time_at)?;
    sleep(context, clock::now().saturating_add(time), rest_at)
}

fn clock_nanosleep(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [clock, flags, time_at, rest_at, ..] = *arguments;
    let realtime = match clock as u32 {
        CLOCK_REALTIME | CLOCK_TAI => true,
        CLOCK_MONOTONIC | CLOCK_BOOTTIME => false,
        CLOCK_THREAD_CPUTIME_ID => return Err(Errno::EINVAL.into()),
        CLOCK_PROCESS_CPUTIME_ID | CLOCK_REALTIME_COARSE | CLOCK_MONOTONIC_COARSE | CLOCK_MONOTONIC_RAW => {
            return Err(Errno::EOPNOTSUPP.into());
        }
        _ => return Err(Errno::EINVAL.into()),
    };
    let time = read_timespec(context, time_at)?;
    // As on Linux, other flags than this one are not looked at.
    if flags as u32 & TIMER_ABSTIME == 0 {
        return sleep(context, clock::now().saturating_add(time), rest_at);
    }
    let deadline = if realtime { clock::monotonic_from_realtime(time) } else { time };
    // The rest of an absolute time is the time itself: none is written.
    sleep(context, deadline, 0)
}

fn sleep(context: &Context, deadline: Duration, rest_at: usize) -> Result<usize> {
    match wait::until(context, Some(deadline), || None::<()>) {
        Ok(()) | Err(WaitError::TimedOut) => Ok(0),
        Err(WaitError::Interrupted) => {
            if rest_at != 0 {
                write_timespec(context, rest_at, deadline.saturating_sub(clock::now()))?;
            }
            Err(Errno::EINTR.into())
        }
    }
}
