//! Interval timers: setitimer(2), getitimer(2), alarm(2).

use core::time::Duration;

use linux_raw_sys::general::{__NR_alarm, __NR_getitimer, __NR_setitimer};
use socket::error::{Errno, Error, Result};

use super::{Arguments, Calls, Handler::Plain};
use crate::{
    context::Context,
    process::signal::{Measure, TimerSetting, set_timer, timer},
};

pub(super) const CALLS: &Calls =
    &[(__NR_getitimer, Plain(getitimer)), (__NR_setitimer, Plain(setitimer)), (__NR_alarm, Plain(alarm))];

const MICROSECONDS: i64 = 1_000_000;

fn measure(number: usize) -> Result<Measure> {
    Measure::from_number(number as u32).ok_or(Error::new(Errno::EINVAL, "no such timer"))
}

fn getitimer(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [which, at, ..] = *arguments;
    let setting = timer(&context.process, measure(which)?);
    write(context, at, setting).map(|()| 0)
}

/// As on Linux, no new setting at all is one of zero.
fn setitimer(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [which, new_at, old_at, ..] = *arguments;
    let new = if new_at == 0 { TimerSetting::default() } else { read(context, new_at)? };
    let old = set_timer(&context.process, measure(which)?, new);
    if old_at != 0 {
        write(context, old_at, old)?;
    }
    Ok(0)
}

/// Seconds; what was left is rounded, but not to none.
fn alarm(context: &Context, arguments: &Arguments) -> Result<usize> {
    let left = Duration::from_secs((arguments[0] as u32).into());
    let new = TimerSetting { left, interval: Duration::ZERO };
    let old = set_timer(&context.process, Measure::Real, new).left;
    let up = old.subsec_millis() >= 500 || (old.as_secs() == 0 && !old.is_zero());
    Ok(old.as_secs() as usize + usize::from(up))
}

/// Reads a struct itimerval.
///
/// # Errors
/// EFAULT; EINVAL for a negative time, or a fraction of a second or more.
fn read(context: &Context, at: usize) -> Result<TimerSetting> {
    let [interval_seconds, interval_fraction, seconds, fraction] = context.space.read::<[i64; 4]>(at)?;
    let time = |seconds: i64, fraction: i64| {
        if seconds < 0 || !(0..MICROSECONDS).contains(&fraction) {
            return Err(Error::new(Errno::EINVAL, "not a time"));
        }
        Ok(Duration::new(seconds as u64, fraction as u32 * 1000))
    };
    let left = time(seconds, fraction)?;
    Ok(TimerSetting { left, interval: time(interval_seconds, interval_fraction)? })
}

fn write(context: &Context, at: usize, setting: TimerSetting) -> Result<()> {
    let words =
        [setting.interval, setting.left].map(|time| [time.as_secs(), u64::from(time.subsec_micros())]);
    context.space.write(at, &[words[0][0], words[0][1], words[1][0], words[1][1]])
}
