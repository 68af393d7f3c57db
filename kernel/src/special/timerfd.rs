//! Timers that can be waited for: timerfd_create(2).

use alloc::{
    format,
    string::String,
    sync::{Arc, Weak},
};
use core::time::Duration;

use linux_raw_sys::general::{CLOCK_REALTIME, CLOCK_REALTIME_ALARM, TFD_TIMER_ABSTIME};
use socket::{
    error::{Errno, Error, Result},
    ready::{Events, Pollee},
};
use spin::Mutex;
use vfs::{Buffers, Special};

use crate::time::{clock, timer::Timer};

/// How long the number of expirations is, in bytes.
const LENGTH: usize = size_of::<u64>();

/// A time and an interval, as struct itimerspec has them; zero for none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Setting {
    pub(crate) value: Duration,
    pub(crate) interval: Duration,
}

/// Nanoseconds of the monotonic clock. A time of another clock may be before its start.
type Moment = i128;

fn now() -> Moment {
    clock::now_ns().into()
}

/// No longer than what the monotonic clock can show.
fn duration(nanoseconds: Moment) -> Duration {
    Duration::from_nanos(u64::try_from(nanoseconds.max(0)).unwrap_or(u64::MAX))
}

#[derive(Default)]
struct State {
    /// The next expiration, or the last one where nobody has asked since; `None` where not set.
    deadline: Option<Moment>,
    interval: Duration,
    /// It has expired, and was not set again: as on Linux, that happens when somebody asks.
    expired: bool,
    /// Expirations that nobody has read.
    ticks: u64,
    /// The flags with which it was set.
    flags: u32,
}

impl State {
    /// Counts the expirations that have passed since the first one was noticed, and moves on to the next.
    fn advance(&mut self, now: Moment) {
        if let (true, false, Some(deadline)) = (self.expired, self.interval.is_zero(), self.deadline) {
            let interval = self.interval.as_nanos() as Moment;
            let periods = (now - deadline).max(0) / interval + 1;
            self.deadline = Some(deadline + periods * interval);
            self.expired = false;
            self.ticks = self.ticks.saturating_add(u64::try_from(periods).unwrap_or(u64::MAX) - 1);
        }
    }

    /// What is left until the next expiration.
    fn show(&self, now: Moment) -> Setting {
        let value = match self.deadline {
            Some(deadline) if !self.expired => duration(deadline - now),
            _ => Duration::ZERO,
        };
        Setting { value, interval: self.interval }
    }
}

/// The timer of a timerfd.
pub(crate) struct TimerFile {
    clock: u32,
    state: Mutex<State>,
    timer: Timer,
    pollee: Arc<Pollee>,
}

impl TimerFile {
    /// A timer that is not set, on one of the clocks of timerfd_create(2).
    pub(crate) fn new(clock: u32) -> Arc<Self> {
        Arc::new_cyclic(|this: &Weak<Self>| {
            let this = this.clone();
            let timer = Timer::new(move || {
                if let Some(this) = this.upgrade() {
                    this.look();
                }
            });
            Self { clock, state: Mutex::default(), timer, pollee: Arc::default() }
        })
    }

    /// Notes an expiration and announces it.
    fn look(&self) {
        if self.note(&mut self.state.lock()) {
            self.pollee.notify(Events::IN);
        }
    }

    /// Notes an expiration; whether there was one, which is to be announced.
    fn note(&self, state: &mut State) -> bool {
        let due = !state.expired && state.deadline.is_some_and(|deadline| deadline <= now());
        if due {
            state.expired = true;
            state.ticks += 1;
        }
        due
    }

    /// Sets it, or takes it back where the time is zero; returns what it was. `flags` are those of timerfd_settime(2).
    pub(crate) fn set(&self, flags: u32, new: Setting) -> Setting {
        let realtime = clock::realtime().as_nanos() as Moment;
        let now = now();
        let on_realtime = matches!(self.clock, CLOCK_REALTIME | CLOCK_REALTIME_ALARM);
        let value = new.value.as_nanos() as Moment;
        let deadline = match flags & TFD_TIMER_ABSTIME {
            _ if value == 0 => None,
            0 => Some(now + value),
            _ if on_realtime => Some(value - (realtime - now)),
            _ => Some(value),
        };
        let (old, due) = {
            let mut state = self.state.lock();
            state.advance(now);
            let old = state.show(now);
            *state = State { deadline, interval: new.interval, expired: false, ticks: 0, flags };
            let due = self.note(&mut state);
            self.arm(&state);
            (old, due)
        };
        if due {
            self.pollee.notify(Events::IN);
        }
        old
    }

    /// What is left, and the interval (timerfd_gettime(2)).
    pub(crate) fn get(&self) -> Setting {
        let now = now();
        let mut state = self.state.lock();
        self.move_on(&mut state, now);
        state.show(now)
    }

    /// Counts what has passed, and waits for the next expiration.
    fn move_on(&self, state: &mut State, now: Moment) {
        if state.expired && !state.interval.is_zero() {
            state.advance(now);
            self.arm(state);
        }
    }

    fn arm(&self, state: &State) {
        match state.deadline {
            Some(deadline) if !state.expired => self.timer.set(duration(deadline), Duration::ZERO),
            _ => self.timer.cancel(),
        }
    }
}

impl Special for TimerFile {
    fn name(&self) -> &'static str {
        "anon_inode:[timerfd]"
    }

    fn details(&self) -> String {
        let state = self.state.lock();
        let Setting { value, interval } = state.show(now());
        let pair = |time: Duration| format!("({}, {})", time.as_secs(), time.subsec_nanos());
        format!(
            "clockid: {}\nticks: {}\nsettime flags: 0{:o}\nit_value: {}\nit_interval: {}\n",
            self.clock,
            state.ticks,
            state.flags,
            pair(value),
            pair(interval)
        )
    }

    /// How often it has expired since it was set or read. As in Linux, a number that cannot be handed over is lost.
    fn read(&self, buffers: &mut Buffers<'_>) -> Result<usize> {
        if buffers.remaining() < LENGTH {
            return Err(Error::new(Errno::EINVAL, "no room for the number"));
        }
        let (ticks, due) = {
            let mut state = self.state.lock();
            let due = self.note(&mut state);
            if state.ticks == 0 {
                return Err(Errno::EAGAIN.into());
            }
            self.move_on(&mut state, now());
            state.expired = false;
            if state.interval.is_zero() {
                state.deadline = None;
            }
            (core::mem::take(&mut state.ticks), due)
        };
        if due {
            // Others may have waited for it.
            self.pollee.notify(Events::IN);
        }
        if buffers.put(&ticks.to_ne_bytes()) < LENGTH {
            return Err(Errno::EFAULT.into());
        }
        Ok(LENGTH)
    }

    fn poll(&self) -> Events {
        let (due, ticks) = {
            let mut state = self.state.lock();
            (self.note(&mut state), state.ticks)
        };
        if due {
            self.pollee.notify(Events::IN);
        }
        if ticks > 0 { Events::IN } else { Events::empty() }
    }

    fn pollee(&self) -> Option<&Arc<Pollee>> {
        Some(&self.pollee)
    }
}
