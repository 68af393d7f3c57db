//! Clocks and timed waits.

mod calibration;
mod callback;
pub(crate) mod clock;
mod rtc;
pub(crate) mod timer;
