//! Timers that can be waited for: timerfd_create(2).

use alloc::{
    format,
    string::String,
    sync::{Arc, Weak},
};
use core::time::Duration;

use linux_raw_sys::general::{
    CLOCK_REALTIME, CLOCK_REALTIME_ALARM, TFD_TIMER_ABSTIME, TFD_TIMER_CANCEL_ON_SET,
};
use socket::{
    error::{Errno, Error, Result},
    ready::{Events, Observer, Pollee, Registration},
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

/// What CLOCK_REALTIME shows more than the monotonic clock.
fn realtime_ahead() -> Moment {
    clock::realtime().as_nanos() as Moment - now()
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
    /// Where it expires at a time of CLOCK_REALTIME: how far that was ahead of the monotonic clock when `deadline` was found.
    ahead: Option<Moment>,
    /// CLOCK_REALTIME was set, which the next reader is told (TFD_TIMER_CANCEL_ON_SET).
    cancelled: bool,
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
    this: Weak<Self>,
    /// To be told when CLOCK_REALTIME is set; from when it matters on.
    told: Mutex<Option<Registration>>,
}

/// Who is told when CLOCK_REALTIME is set.
struct Follower(Weak<TimerFile>);

impl Observer for Follower {
    fn notify(&self, _events: Events) {
        if let Some(timer) = self.0.upgrade() {
            timer.clock_was_set();
        }
    }
}

impl Drop for TimerFile {
    fn drop(&mut self) {
        if let Some(registration) = self.told.get_mut().take() {
            clock::changes().unregister(registration);
        }
    }
}

impl TimerFile {
    /// A timer that is not set, on one of the clocks of timerfd_create(2).
    pub(crate) fn new(clock: u32) -> Arc<Self> {
        Arc::new_cyclic(|this: &Weak<Self>| {
            let of_timer = this.clone();
            let timer = Timer::new(move || {
                if let Some(this) = of_timer.upgrade() {
                    this.look();
                }
            });
            let this = this.clone();
            Self {
                clock,
                state: Mutex::default(),
                timer,
                pollee: Arc::default(),
                this,
                told: Mutex::new(None),
            }
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
        let on_realtime = matches!(self.clock, CLOCK_REALTIME | CLOCK_REALTIME_ALARM);
        let on_realtime = on_realtime && flags & TFD_TIMER_ABSTIME != 0;
        if on_realtime {
            let follower = Arc::new(Follower(self.this.clone()));
            self.told.lock().get_or_insert_with(|| clock::changes().register(follower, Events::IN));
        }
        let now = now();
        let ahead = on_realtime.then(realtime_ahead);
        let value = new.value.as_nanos() as Moment;
        let deadline = match flags & TFD_TIMER_ABSTIME {
            _ if value == 0 => None,
            0 => Some(now + value),
            _ => Some(value - ahead.unwrap_or(0)),
        };
        let (old, due) = {
            let mut state = self.state.lock();
            state.advance(now);
            let old = state.show(now);
            *state = State { deadline, interval: new.interval, flags, ahead, ..State::default() };
            let due = self.note(&mut state);
            self.arm(&state);
            (old, due)
        };
        if due {
            self.pollee.notify(Events::IN);
        }
        old
    }

    /// CLOCK_REALTIME shows another time: what was to happen at one of its times happens earlier or later now.
    fn clock_was_set(&self) {
        let news = {
            let mut state = self.state.lock();
            let Some(before) = state.ahead else { return };
            let ahead = realtime_ahead();
            state.ahead = Some(ahead);
            state.deadline = state.deadline.map(|deadline| deadline + before - ahead);
            let cancels = state.flags & TFD_TIMER_CANCEL_ON_SET != 0;
            if cancels {
                state.cancelled = true;
                state.ticks += 1;
            }
            let due = self.note(&mut state);
            self.arm(&state);
            due || cancels
        };
        if news {
            self.pollee.notify(Events::IN);
        }
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
            if core::mem::take(&mut state.cancelled) {
                state.ticks = 0;
                state.expired = false;
                return Err(Error::new(Errno::ECANCELED, "the clock was set"));
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
