//! Clocks: reading and setting them (clock_gettime(2), settimeofday(2), adjtimex(2)).

use alloc::sync::Arc;
use core::{
    sync::atomic::{AtomicI32, Ordering},
    time::Duration,
};

use linux_raw_sys::general::{
    __NR_adjtimex, __NR_clock_adjtime, __NR_clock_getres, __NR_clock_gettime, __NR_clock_settime,
    __NR_gettimeofday, __NR_settimeofday, __NR_time, CAP_SYS_TIME, CLOCK_BOOTTIME, CLOCK_MONOTONIC,
    CLOCK_MONOTONIC_COARSE, CLOCK_MONOTONIC_RAW, CLOCK_PROCESS_CPUTIME_ID, CLOCK_REALTIME,
    CLOCK_REALTIME_COARSE, CLOCK_TAI, CLOCK_THREAD_CPUTIME_ID,
};
use ostd::timer::TIMER_FREQ;
use socket::error::{Errno, Error, Result};

use super::{
    Arguments, Calls,
    Handler::Plain,
    time::{read_timespec, write_timespec},
};
use crate::{
    context::Context,
    process::{self, Process, Thread},
    time::clock,
};

pub(super) const CALLS: &Calls = &[
    (__NR_clock_gettime, Plain(clock_gettime)),
    (__NR_clock_settime, Plain(clock_settime)),
    (__NR_clock_getres, Plain(clock_getres)),
    (__NR_clock_adjtime, Plain(clock_adjtime)),
    (__NR_gettimeofday, Plain(gettimeofday)),
    (__NR_settimeofday, Plain(settimeofday)),
    (__NR_adjtimex, Plain(adjtimex)),
    (__NR_time, Plain(time)),
];

/// How far ticks are apart.
const TICK: Duration = Duration::from_nanos(1_000_000_000 / TIMER_FREQ);
/// The last second that a clock is set to: as on Linux, 30 years before nanoseconds no longer fit in 63 bits.
const LAST_SECOND: u64 = i64::MAX as u64 / 1_000_000_000 - 30 * 365 * 86_400;

/// A clock that a number stands for.
pub(super) enum Clock {
    /// CLOCK_REALTIME and those that show the same.
    Realtime,
    /// CLOCK_MONOTONIC and those that show the same.
    Monotonic,
    /// One of the two, to the tick.
    Coarse(fn() -> Duration),
    /// CLOCK_MONOTONIC_RAW: it shows the same as CLOCK_MONOTONIC, and nobody can wait for it.
    Raw,
    /// The CPU time of a process.
    Process(Arc<Process>, CpuClock),
    /// The CPU time of a thread.
    Thread(Arc<Thread>, CpuClock),
}

/// Which CPU time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum CpuClock {
    /// User and system time as the ticks divide it (CPUCLOCK_PROF).
    Both,
    /// User time (CPUCLOCK_VIRT).
    User,
    /// All that was measured (CPUCLOCK_SCHED).
    All,
}

impl Clock {
    /// The clock with a number.
    ///
    /// # Errors
    /// EINVAL for a number of no clock, or of a process or thread that does not exist or is another process's thread.
    pub(super) fn find(context: &Context, number: usize) -> Result<Self> {
        let number = number as i32;
        if number < 0 {
            return Self::of_other(context, number);
        }
        match number as u32 {
            CLOCK_REALTIME | CLOCK_TAI => Ok(Self::Realtime),
            CLOCK_MONOTONIC | CLOCK_BOOTTIME => Ok(Self::Monotonic),
            CLOCK_REALTIME_COARSE => Ok(Self::Coarse(clock::realtime)),
            CLOCK_MONOTONIC_COARSE => Ok(Self::Coarse(clock::now)),
            CLOCK_MONOTONIC_RAW => Ok(Self::Raw),
            CLOCK_PROCESS_CPUTIME_ID => Ok(Self::Process(context.process.clone(), CpuClock::All)),
            CLOCK_THREAD_CPUTIME_ID => Ok(Self::Thread(context.thread.clone(), CpuClock::All)),
            _ => Err(Error::new(Errno::EINVAL, "no such clock")),
        }
    }

    /// As clock_getcpuclockid(3) makes them: `~pid << 3`, 4 for a thread's, and in the lowest two bits which time.
    fn of_other(context: &Context, number: i32) -> Result<Self> {
        let which = match number & 3 {
            0 => CpuClock::Both,
            1 => CpuClock::User,
            2 => CpuClock::All,
            _ => return Err(Error::new(Errno::EINVAL, "there are no clocks with descriptors")),
        };
        let id = !(number >> 3);
        let none = Error::new(Errno::EINVAL, "no such process, or another process's thread");
        if number & 4 != 0 {
            let thread = match id {
                0 => context.thread.clone(),
                id => process::thread_by_id(id).ok_or(none)?,
            };
            let own = Arc::ptr_eq(&thread.process, &context.process);
            return if own { Ok(Self::Thread(thread, which)) } else { Err(none) };
        }
        let process = match id {
            0 => context.process.clone(),
            id => process::process_by_id(id).ok_or(none)?,
        };
        Ok(Self::Process(process, which))
    }

    /// What it shows.
    pub(super) fn read(&self) -> Duration {
        match self {
            Self::Realtime => clock::realtime(),
            Self::Monotonic | Self::Raw => clock::now(),
            Self::Coarse(read) => {
                let time = read();
                time - Duration::from_nanos(u64::from(time.subsec_nanos()) % TICK.as_nanos() as u64)
            }
            Self::Process(process, CpuClock::User) => process.usage().user,
            Self::Process(process, _) => process.cpu_time(),
            Self::Thread(thread, CpuClock::User) => thread.usage().user,
            Self::Thread(thread, _) => thread.cpu_time.duration(),
        }
    }

    fn resolution(&self) -> Duration {
        match self {
            Self::Coarse(_)
            | Self::Process(_, CpuClock::Both | CpuClock::User)
            | Self::Thread(_, CpuClock::Both | CpuClock::User) => TICK,
            _ => Duration::from_nanos(1),
        }
    }
}

fn clock_gettime(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [number, at, ..] = *arguments;
    let time = match number as u32 {
        // Without a detour.
        CLOCK_REALTIME => clock::realtime(),
        CLOCK_MONOTONIC => clock::now(),
        _ => Clock::find(context, number)?.read(),
    };
    write_timespec(context, at, time)?;
    Ok(0)
}

fn clock_getres(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [number, at, ..] = *arguments;
    let resolution = Clock::find(context, number)?.resolution();
    if at != 0 {
        write_timespec(context, at, resolution)?;
    }
    Ok(0)
}

/// Sets the time.
///
/// # Errors
/// EPERM; EINVAL where CLOCK_REALTIME would show less than CLOCK_MONOTONIC.
fn set(context: &Context, time: Duration) -> Result<()> {
    if time.as_secs() >= LAST_SECOND {
        return Err(Errno::EINVAL.into());
    }
    may_set(context)?;
    if !clock::set_realtime(time) {
        return Err(Error::new(Errno::EINVAL, "that was before the machine was started"));
    }
    Ok(())
}

/// # Errors
/// EPERM.
fn may_set(context: &Context) -> Result<()> {
    if context.thread.credentials.lock().can(CAP_SYS_TIME) { Ok(()) } else { Err(Errno::EPERM.into()) }
}

/// CLOCK_REALTIME alone can be set.
fn clock_settime(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [number, at, ..] = *arguments;
    match number as i32 {
        0 => set(context, read_timespec(context, at)?).map(|()| 0),
        number if number < 0 => {
            context.space.read::<[i64; 2]>(at)?;
            Clock::of_other(context, number)?;
            Err(Error::new(Errno::EPERM, "CPU time is not set"))
        }
        _ => Err(Error::new(Errno::EINVAL, "no clock, or none that is set")),
    }
}

/// The time zone that the system does not use, but keeps: minutes west of Greenwich, and the kind of daylight saving.
static ZONE: [AtomicI32; 2] = [AtomicI32::new(0), AtomicI32::new(0)];

fn gettimeofday(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [time_at, zone_at, ..] = *arguments;
    if time_at != 0 {
        let now = clock::realtime();
        context.space.write(time_at, &[now.as_secs(), u64::from(now.subsec_micros())])?;
    }
    if zone_at != 0 {
        let [west, kind] = &ZONE;
        context.space.write(zone_at, &[west.load(Ordering::Relaxed), kind.load(Ordering::Relaxed)])?;
    }
    Ok(0)
}

fn settimeofday(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [time_at, zone_at, ..] = *arguments;
    let mut time = None;
    if time_at != 0 {
        let [seconds, microseconds] = context.space.read::<[i64; 2]>(time_at)?;
        if !(0..1_000_000).contains(&microseconds) || seconds < 0 {
            return Err(Errno::EINVAL.into());
        }
        time = Some(Duration::new(seconds as u64, microseconds as u32 * 1000));
    }
    let zone = if zone_at != 0 { Some(context.space.read::<[i32; 2]>(zone_at)?) } else { None };
    may_set(context)?;
    if let Some([west, kind]) = zone {
        if !(-15 * 60..=15 * 60).contains(&west) {
            return Err(Errno::EINVAL.into());
        }
        ZONE[0].store(west, Ordering::Relaxed);
        ZONE[1].store(kind, Ordering::Relaxed);
    }
    match time {
        Some(time) => set(context, time).map(|()| 0),
        None => Ok(0),
    }
}

fn time(context: &Context, arguments: &Arguments) -> Result<usize> {
    let seconds = clock::realtime().as_secs() as usize;
    if arguments[0] != 0 {
        context.space.write(arguments[0], &seconds)?;
    }
    Ok(seconds)
}

// sys/timex.h
const ADJ_SETOFFSET: u32 = 0x0100;
const ADJ_NANO: u32 = 0x2000;
const ADJ_OFFSET_SS_READ: u32 = 0xA001;
const STA_UNSYNC: i64 = 0x40;
const STA_NANO: i64 = 0x2000;
/// The clock is not synchronised.
const TIME_ERROR: usize = 5;

/// struct timex, as 26 words of eight bytes.
type Timex = [i64; 26];

/// Reads how the clock is disciplined (not at all), or steps it (ADJ_SETOFFSET). What changes its rate is refused.
fn adjtimex(context: &Context, arguments: &Arguments) -> Result<usize> {
    let at = arguments[0];
    let wanted = context.space.read::<Timex>(at)?;
    let modes = wanted[0] as u32;
    if modes != 0 && modes != ADJ_OFFSET_SS_READ {
        may_set(context)?;
        if modes & !ADJ_NANO != ADJ_SETOFFSET {
            return Err(Error::new(Errno::EINVAL, "the clock's rate is fixed"));
        }
        step(modes, wanted[9], wanted[10])?;
    }
    let now = clock::realtime();
    let mut state: Timex = [0; 26];
    state[0] = wanted[0];
    // Up to 16 s off, as far as anybody knows: maxerror, esterror.
    state[3] = 16_000_000;
    state[4] = 16_000_000;
    state[5] = STA_UNSYNC | STA_NANO;
    // constant, precision, tolerance (500 parts in a million, scaled).
    state[6] = 2;
    state[7] = 1;
    state[8] = 500 << 16;
    state[9] = now.as_secs() as i64;
    state[10] = i64::from(now.subsec_nanos());
    // tick, in microseconds.
    state[11] = 10_000;
    context.space.write(at, &state)?;
    Ok(TIME_ERROR)
}

/// Steps the clock by a time, the fraction of a second in nanoseconds with ADJ_NANO, else in microseconds.
fn step(modes: u32, seconds: i64, fraction: i64) -> Result<()> {
    let unit = if modes & ADJ_NANO != 0 { 1 } else { 1000 };
    if !(0..1_000_000_000 / unit).contains(&fraction) {
        return Err(Errno::EINVAL.into());
    }
    let offset = i128::from(seconds) * 1_000_000_000 + i128::from(fraction * unit);
    let target = clock::realtime().as_nanos() as i128 + offset;
    let target = u64::try_from(target).ok().map(Duration::from_nanos);
    match target.filter(|time| time.as_secs() < LAST_SECOND) {
        Some(time) if clock::set_realtime(time) => Ok(()),
        _ => Err(Errno::EINVAL.into()),
    }
}

fn clock_adjtime(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [number, at, ..] = *arguments;
    if number as u32 == CLOCK_REALTIME {
        return adjtimex(context, &[at, 0, 0, 0, 0, 0]);
    }
    Clock::find(context, number)?;
    Err(Error::new(Errno::EOPNOTSUPP, "CLOCK_REALTIME alone is adjusted"))
}
