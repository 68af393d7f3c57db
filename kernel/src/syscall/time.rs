//! Sleeping, and how much time was used.

use core::time::Duration;

use linux_raw_sys::general::{
    __NR_clock_nanosleep, __NR_getrusage, __NR_nanosleep, __NR_times, CLOCK_BOOTTIME_ALARM,
    CLOCK_REALTIME_ALARM, TIMER_ABSTIME,
};
use ostd::cpu::num_cpus;
use socket::{
    error::{Errno, Error, Result},
    ready::Events,
};

use super::{Arguments, Calls, Handler::Plain, clock::Clock};
use crate::{
    context::Context,
    exec::CLOCK_TICKS,
    process::Usage,
    time::clock,
    wait::{self, WaitError},
};

pub(super) const CALLS: &Calls = &[
    (__NR_clock_nanosleep, Plain(clock_nanosleep)),
    (__NR_nanosleep, Plain(nanosleep)),
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

/// struct tms in clock ticks: user and system time, and those of children.
fn times(context: &Context, arguments: &Arguments) -> Result<usize> {
    let ticks = |time: Duration| time.as_nanos() as u64 / (NANOSECONDS as u64 / CLOCK_TICKS);
    if arguments[0] != 0 {
        let (own, children) = (context.process.usage(), context.process.children_usage());
        let times = [own.user, own.system, children.user, children.system].map(ticks);
        context.space.write(arguments[0], &times)?;
    }
    Ok(ticks(clock::now()) as usize)
}

/// struct rusage. Page faults, file system blocks and messages are not counted and 0.
pub(super) fn usage(usage: &Usage) -> [i64; 18] {
    let mut words = [0; 18];
    for (at, time) in [(0, usage.user), (2, usage.system)] {
        words[at] = time.as_secs() as i64;
        words[at + 1] = i64::from(time.subsec_micros());
    }
    // ru_maxrss in KiB, ru_nvcsw, ru_nivcsw.
    words[4] = (usage.resident >> 10) as i64;
    words[16] = usage.waits as i64;
    words[17] = usage.preemptions as i64;
    words
}

fn getrusage(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [who, at, ..] = *arguments;
    let used = match who as i32 {
        RUSAGE_SELF => Usage { resident: context.space.resident_bytes(), ..context.process.usage() },
        RUSAGE_THREAD => Usage { resident: context.space.resident_bytes(), ..context.thread.usage() },
        RUSAGE_CHILDREN => context.process.children_usage(),
        _ => return Err(Error::new(Errno::EINVAL, "neither the process, nor its children, nor the thread")),
    };
    context.space.write(at, &usage(&used)).map(|()| 0)
}

fn nanosleep(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [time_at, rest_at, ..] = *arguments;
    let time = read_timespec(context, time_at)?;
    sleep(context, clock::now().saturating_add(time), rest_at)
}

fn clock_nanosleep(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [number, flags, time_at, rest_at, ..] = *arguments;
    if matches!(number as u32, CLOCK_REALTIME_ALARM | CLOCK_BOOTTIME_ALARM) {
        read_timespec(context, time_at)?;
        return Err(Error::new(Errno::EOPNOTSUPP, "no clock wakes the machine"));
    }
    let clock = Clock::find(context, number)?;
    match clock {
        Clock::Coarse(_) | Clock::Raw => {
            return Err(Error::new(Errno::EOPNOTSUPP, "nobody waits for this clock"));
        }
        Clock::Thread(..) => return Err(Error::new(Errno::EINVAL, "a thread that sleeps has no CPU time")),
        _ => {}
    }
    let time = read_timespec(context, time_at)?;
    // As on Linux, other flags than this one are not looked at.
    let absolute = flags as u32 & TIMER_ABSTIME != 0;
    match clock {
        Clock::Process(..) => {
            let end = if absolute { time } else { clock.read().saturating_add(time) };
            sleep_while_running(context, &clock, end, if absolute { 0 } else { rest_at })
        }
        _ if !absolute => sleep(context, clock::now().saturating_add(time), rest_at),
        // The rest of an absolute time is the time itself: none is written.
        Clock::Realtime => sleep_until_realtime(context, time),
        _ => sleep(context, time, 0),
    }
}

/// Sleeps until the monotonic clock shows `deadline`.
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

/// Sleeps until CLOCK_REALTIME shows `time`, whenever it is set in between.
fn sleep_until_realtime(context: &Context, time: Duration) -> Result<usize> {
    let changes = [(clock::changes().clone(), Events::IN)];
    loop {
        let deadline = clock::monotonic_from_realtime(time);
        let changed = || (clock::monotonic_from_realtime(time) != deadline).then_some(());
        match wait::block_on(context, &changes, Some(deadline), changed) {
            Ok(()) => {}
            Err(WaitError::TimedOut) => return Ok(0),
            Err(WaitError::Interrupted) => return Err(Errno::EINTR.into()),
        }
    }
}

/// Sleeps until a clock of CPU time shows `end`: looks again when that can be so at the earliest.
fn sleep_while_running(context: &Context, clock: &Clock, end: Duration, rest_at: usize) -> Result<usize> {
    loop {
        let rest = end.saturating_sub(clock.read());
        if rest.is_zero() {
            return Ok(0);
        }
        let pause = (rest / num_cpus() as u32).max(Duration::from_millis(1));
        let deadline = clock::now().saturating_add(pause);
        if let Err(WaitError::Interrupted) = wait::until(context, Some(deadline), || None::<()>) {
            if rest_at != 0 {
                write_timespec(context, rest_at, end.saturating_sub(clock.read()))?;
            }
            return Err(Errno::EINTR.into());
        }
    }
}
