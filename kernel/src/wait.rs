//! Sleeping until something happens.

use alloc::{sync::Arc, vec::Vec};
use core::time::Duration;

use socket::{
    error::{Errno, Error},
    ready::{Events, Observer, Pollee, Registration},
};

use crate::{
    context::Context,
    process::signal,
    time::{clock, timer::Alarm},
};

/// Why a wait ended without what was waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum WaitError {
    /// The thread has something else to attend to: a signal's handler is to run, or the thread to end.
    Interrupted,
    /// The deadline has passed.
    TimedOut,
}

impl WaitError {
    /// The error of a call that was not waiting for time to pass.
    pub(crate) fn error(self, timed_out: Errno) -> Error {
        match self {
            Self::Interrupted => Errno::EINTR.into(),
            Self::TimedOut => timed_out.into(),
        }
    }
}

/// Tries `attempt` until it gives something, sleeping in between until one of `targets` announces one of its events.
///
/// `attempt` is made once before anything is registered, once after, so that no announcement is lost, and once after the
/// deadline (monotonic clock).
///
/// # Errors
/// A signal came whose handler is to run, the thread is to end, or the deadline has passed.
pub(crate) fn block_on<T>(
    context: &Context,
    targets: &[(Arc<Pollee>, Events)],
    deadline: Option<Duration>,
    mut attempt: impl FnMut() -> Option<T>,
) -> Result<T, WaitError> {
    if let Some(value) = attempt() {
        return Ok(value);
    }
    // Most wait for one thing: that is done without allocating.
    let mut few = [const { None }; 2];
    let mut many = Vec::new();
    for (index, (pollee, events)) in targets.iter().enumerate() {
        let observed = Observed::new(context, pollee.clone(), *events);
        match few.get_mut(index) {
            Some(place) => *place = Some(observed),
            None => many.push(observed),
        }
    }
    until(context, deadline, attempt)
}

/// Tries `attempt` until it gives something, sleeping in between until somebody wakes the thread.
///
/// # Errors
/// A signal came whose handler is to run, the thread is to end, or the deadline has passed.
pub(crate) fn until<T>(
    context: &Context,
    deadline: Option<Duration>,
    mut attempt: impl FnMut() -> Option<T>,
) -> Result<T, WaitError> {
    let mut alarm = None;
    loop {
        // What has happened is looked at before what is over: an event at the deadline counts.
        let over = deadline.is_some_and(|deadline| deadline <= clock::now());
        if let Some(value) = attempt() {
            return Ok(value);
        }
        if over {
            return Err(WaitError::TimedOut);
        }
        if signal::pending(context) {
            return Err(WaitError::Interrupted);
        }
        if let (Some(deadline), None) = (deadline, &alarm) {
            alarm = Some(Alarm::set(deadline, context.waiter.waker()));
        }
        context.waiter.wait();
    }
}

/// The thread's registration as an observer, taken back when dropped.
pub(crate) struct Observed {
    pollee: Arc<Pollee>,
    registration: Option<Registration>,
}

impl Observed {
    /// From now on, `events` at `pollee` wake the thread.
    pub(crate) fn new(context: &Context, pollee: Arc<Pollee>, events: Events) -> Self {
        let observer: Arc<dyn Observer> = context.thread.clone();
        let registration = Some(pollee.register(observer, events));
        Self { pollee, registration }
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        if let Some(registration) = self.registration.take() {
            self.pollee.unregister(registration);
        }
    }
}
