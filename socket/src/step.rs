//! Calls as resumable values.
//!
//! A call that has been decoded and admitted is a value with a `step`. It performs what can be done now, or says what it
//! waits for. Who steps it decides how to wait: the guest's thread sleeps, the emulator parks the call and serves
//! others, a unit test interleaves two on one thread.

use alloc::sync::Arc;
use core::time::Duration;

use crate::{
    caller::Caller,
    error::{Errno, Error, Result},
    ready::{Events, Pollee},
};

/// What one step of a call came to.
pub enum Step {
    /// The call is over: its return value, or its error.
    Done(Result<usize>),
    /// Nothing more can be done until one of the events happens.
    Wait(Wait),
}

/// What a call waits for.
///
/// The one who waits first registers an observer on `pollee`, then steps the call again, and only then sleeps: an
/// event between the step and the registration is so never lost.
pub struct Wait {
    /// Where the event will be announced. Not always the caller's own socket: a connect waits at the listener.
    pub pollee: Arc<Pollee>,
    /// Any of these ends the wait.
    pub events: Events,
    /// On the caller's monotonic clock; `None` waits without limit. At the deadline, the call is stepped once more.
    pub deadline: Option<Duration>,
}

/// A call on its way. It must not be stepped again once it is done.
pub trait Operation<C: Caller> {
    /// Does what can be done now.
    fn step(&mut self, caller: &C) -> Step;

    /// Ends a call that was to wait, because a signal came: the result is that of what has been transferred already, or
    /// EINTR. (A kernel that restarts calls does so for EINTR.)
    ///
    /// # Errors
    /// EINTR, and what storing the results fails with.
    fn interrupt(&mut self, caller: &C) -> Result<usize> {
        let _ = caller;
        Err(Errno::EINTR.into())
    }
}

/// Why a family could not do what it was asked.
#[derive(Debug)]
pub enum Stop {
    /// It failed.
    Error(Error),
    /// It has to wait: a non-blocking call gets EAGAIN.
    Blocked(Blocked),
    /// Somebody else is at it this moment (Linux would sleep on a mutex): non-blocking calls wait for that, too.
    Contended(Blocked),
}

/// Until when.
pub struct Blocked {
    /// Where the event will be announced.
    pub pollee: Arc<Pollee>,
    /// Any of these is worth another try.
    pub events: Events,
}

impl core::fmt::Debug for Blocked {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.events.fmt(f)
    }
}

/// What a family's method comes to.
pub type Attempt<T> = core::result::Result<T, Stop>;

impl From<Error> for Stop {
    #[cold]
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<Errno> for Stop {
    #[cold]
    fn from(errno: Errno) -> Self {
        Self::Error(errno.into())
    }
}

impl From<Blocked> for Wait {
    fn from(Blocked { pollee, events }: Blocked) -> Self {
        Self { pollee, events, deadline: None }
    }
}

impl Stop {
    /// What the call comes to that met this before it had any success.
    #[cold]
    pub(crate) fn into_step(self, nonblocking: bool) -> Step {
        match self {
            Self::Error(error) => Step::Done(Err(error)),
            Self::Blocked(_) if nonblocking => Step::Done(Err(Errno::EAGAIN.into())),
            Self::Blocked(blocked) | Self::Contended(blocked) => Step::Wait(blocked.into()),
        }
    }
}

/// How long a call waits: what the socket says (SO_RCVTIMEO, SO_SNDTIMEO), from its first wait on.
#[derive(Default)]
pub(crate) struct Patience(Option<Duration>);

impl Patience {
    /// What the call comes to that would wait: it does not, where its time is over.
    #[cold]
    pub(crate) fn wait<C: Caller>(
        &mut self,
        caller: &C,
        stop: Stop,
        nonblocking: bool,
        timeout: Option<Duration>,
    ) -> Step {
        match (stop.into_step(nonblocking), timeout) {
            (Step::Wait(mut wait), Some(timeout)) => {
                let now = caller.now();
                let deadline = *self.0.get_or_insert_with(|| now.saturating_add(timeout));
                if deadline <= now {
                    return Step::Done(Err(Errno::EAGAIN.into()));
                }
                wait.deadline = Some(deadline);
                Step::Wait(wait)
            }
            (step, _) => step,
        }
    }
}

/// The step of a call that does everything at once, or waits to do so.
pub(crate) fn all_at_once(attempt: Attempt<usize>, nonblocking: bool) -> Step {
    match attempt {
        Ok(value) => Step::Done(Ok(value)),
        Err(stop) => stop.into_step(nonblocking),
    }
}
