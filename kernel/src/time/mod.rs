//! Clocks and timed waits.

mod calibration;
pub(crate) mod clock;
mod rtc;
pub(crate) mod timer;
