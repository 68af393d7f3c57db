//! Interval timers of processes (setitimer(2)).

use alloc::{
    boxed::Box,
    sync::{Arc, Weak},
};
use core::time::Duration;

use linux_raw_sys::general::{ITIMER_PROF, ITIMER_REAL, ITIMER_VIRTUAL, SIGALRM, SIGPROF, SIGVTALRM};
use ostd::{cpu::num_cpus, sync::SpinLock};

use super::{Info, send_to_process};
use crate::{
    process::Process,
    time::{clock, timer::Timer},
};

/// What a timer measures.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Measure {
    /// Time as it passes.
    Real,
    /// The time that the process runs in user mode. It is not told apart from the next.
    Virtual,
    /// The time that the process runs.
    Profiling,
}

impl Measure {
    /// As setitimer(2) numbers them.
    pub(crate) fn from_number(number: u32) -> Option<Self> {
        match number {
            ITIMER_REAL => Some(Self::Real),
            ITIMER_VIRTUAL => Some(Self::Virtual),
            ITIMER_PROF => Some(Self::Profiling),
            _ => None,
        }
    }

    fn signal(self) -> u32 {
        match self {
            Self::Real => SIGALRM,
            Self::Virtual => SIGVTALRM,
            Self::Profiling => SIGPROF,
        }
    }

    fn now(self, process: &Process) -> Duration {
        match self {
            Self::Real => clock::now(),
            Self::Virtual => process.usage().user,
            Self::Profiling => process.cpu_time(),
        }
    }

    /// How long it takes at least until `left` has been measured. A process that does not run is looked at every few
    /// milliseconds when little is left.
    fn wait(self, left: Duration) -> Duration {
        const LEAST: Duration = Duration::from_millis(4);
        match self {
            Self::Real => left,
            Self::Virtual | Self::Profiling => (left / num_cpus() as u32).max(LEAST),
        }
    }
}

/// Time until the next signal, and from then on from signal to signal; zero for none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Setting {
    pub(crate) left: Duration,
    pub(crate) interval: Duration,
}

#[derive(Default)]
struct State {
    /// When the next signal is due, as the timer measures; `None` where it is not set.
    due: Option<Duration>,
    interval: Duration,
}

struct One {
    measure: Measure,
    timer: Timer,
    state: SpinLock<State>,
}

/// The timers of a process; made when the first one is set.
#[derive(Default)]
pub(super) struct Timers([Option<Box<One>>; 3]);

impl One {
    fn new(process: Weak<Process>, measure: Measure) -> Self {
        let timer = Timer::new(move || {
            if let Some(process) = process.upgrade() {
                look(&process, measure);
            }
        });
        Self { measure, timer, state: SpinLock::new(State::default()) }
    }

    fn show(&self, process: &Process) -> Setting {
        let state = self.state.lock();
        let left = state.due.map_or(Duration::ZERO, |due| {
            // One that is set shows no zero: that would be one that is not.
            due.saturating_sub(self.measure.now(process)).max(Duration::from_micros(1))
        });
        Setting { left, interval: if state.due.is_some() { state.interval } else { Duration::ZERO } }
    }

    /// Has the timer look again when the next signal may be due.
    fn arm(&self, state: &State, now: Duration) {
        match state.due {
            Some(due) => {
                let wait = self.measure.wait(due.saturating_sub(now));
                self.timer.set(clock::now().saturating_add(wait), Duration::ZERO);
            }
            None => self.timer.cancel(),
        }
    }
}

/// Sends the signal if it is due.
fn look(process: &Arc<Process>, measure: Measure) {
    if process.thread_count() == 0 {
        return;
    }
    let now = measure.now(process);
    let due = {
        let timers = process.signals.timers.lock();
        let Some(one) = &timers.0[measure as usize] else { return };
        let mut state = one.state.lock();
        let due = state.due.is_some_and(|due| due <= now);
        if let (true, Some(at)) = (due, state.due) {
            state.due = (!state.interval.is_zero()).then(|| {
                let missed = (now - at).as_nanos() / state.interval.as_nanos();
                let periods = u32::try_from(missed + 1).unwrap_or(u32::MAX);
                at.saturating_add(state.interval.saturating_mul(periods))
            });
        }
        one.arm(&state, now);
        due
    };
    if due {
        send_to_process(process, Info::kernel(measure.signal()));
    }
}

/// What is left of a timer.
pub(crate) fn timer(process: &Process, measure: Measure) -> Setting {
    let timers = process.signals.timers.lock();
    timers.0[measure as usize].as_ref().map_or_else(Setting::default, |one| one.show(process))
}

/// Sets a timer; returns what was left of it.
pub(crate) fn set_timer(process: &Arc<Process>, measure: Measure, new: Setting) -> Setting {
    let fresh = Box::new(One::new(Arc::downgrade(process), measure));
    let mut timers = process.signals.timers.lock();
    let one = timers.0[measure as usize].get_or_insert(fresh);
    let old = one.show(process);
    let now = measure.now(process);
    let mut state = one.state.lock();
    let due = (!new.left.is_zero()).then(|| now.saturating_add(new.left));
    *state = State { due, interval: new.interval };
    one.arm(&state, now);
    old
}
