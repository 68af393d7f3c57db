//! Calls as resumable values.
//!
//! A call that has been decoded and admitted is a value with a `step`. It performs what can be done now, or says what it
//! waits for. Who steps it decides how to wait: the guest's thread sleeps, the emulator parks the call and serves
//! others, a unit test interleaves two on one thread.

use alloc::sync::Arc;
use core::time::Duration;

use crate::{
    caller::Caller,
    error::Result,
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

/// A call on its way.
pub trait Operation<C: Caller> {
    /// Does what can be done now.
    fn step(&mut self, caller: &C) -> Step;
}
