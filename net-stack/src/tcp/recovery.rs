//! When what was sent is sent again: RFC 6298 with Linux's least timeout, RFC 7323's measurements, RFC 6582's recovery.
//!
//! smoltcp waits a second at least, doubles that with every loss, and measures nothing while it repairs. But its clock is
//! what this crate says it is: when the flow's own timeout is over, the [engine](super::engine)'s clock is put forward to
//! the time that it waits for. And a loss behind one that was just repaired is made known by what smoltcp understands,
//! duplicate acknowledgements.

use core::time::Duration;

use super::{
    flow::{Core, Step},
    segment::Segment,
    sequence::{after, before},
};
use crate::time::Instant;

/// Linux's `TCP_RTO_MIN`, and RFC 6298's upper bound and first value.
const LEAST: u32 = 200;
const GREATEST: u32 = 60_000;
const FIRST: u32 = 1000;

/// What is known of the way's delay, in milliseconds, and of the losses on it.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Recovery {
    /// Eight times the smoothed round-trip time, four times its deviation; 0 if nothing was measured.
    smoothed: u32,
    deviation: u32,
    /// How often the timeout was doubled.
    backoff: u8,
    /// When the timeout is over.
    pub(super) at: Option<Instant>,
    /// A loss was noticed when this was the next to be sent: acknowledgements up to here are partial (RFC 6582, 3.2).
    recover: Option<u32>,
}

impl Recovery {
    /// RFC 6298, 2.2 and 2.3.
    fn measured(&mut self, round_trip: u32) {
        let round_trip = round_trip.clamp(1, GREATEST);
        if self.smoothed == 0 {
            self.smoothed = round_trip * 8;
            self.deviation = round_trip * 2;
        } else {
            let error = (self.smoothed / 8).abs_diff(round_trip);
            self.deviation = self.deviation - self.deviation / 4 + error;
            self.smoothed = self.smoothed - self.smoothed / 8 + round_trip;
        }
    }

    /// RFC 6298, 2.3 to 2.5 and 5.5.
    fn timeout(&self) -> Duration {
        let base = if self.smoothed == 0 { FIRST } else { self.smoothed / 8 + self.deviation.max(10) };
        let timeout = base.max(LEAST).checked_shl(u32::from(self.backoff)).unwrap_or(GREATEST);
        Duration::from_millis(u64::from(timeout.min(GREATEST)))
    }

    /// How long is waited, in milliseconds, and how often that was doubled.
    pub(super) fn waits(&self) -> (u32, u8) {
        (self.timeout().as_millis() as u32, self.backoff)
    }

    /// The smoothed round-trip time, in milliseconds, and its deviation.
    pub(super) fn round_trip(&self) -> (u32, u32) {
        (self.smoothed / 8, self.deviation / 4)
    }
}

impl Core {
    /// New data was acknowledged, that from `before` on. Whether there is a loss behind it.
    pub(super) fn note_progress(&mut self, step: &Step<'_>, segment: &Segment) -> bool {
        let recovery = &mut self.recovery;
        if let Some((_, echo)) = segment.options.timestamps.filter(|_| self.timestamps)
            && echo != 0
        {
            let clock = (step.now.millis() as u32).wrapping_add(self.clock_offset);
            let round_trip = clock.wrapping_sub(echo);
            if round_trip < GREATEST {
                recovery.measured(round_trip);
            }
        }
        recovery.backoff = 0;
        let partial = recovery.recover.is_some_and(|recover| before(segment.ack, recover));
        if !partial {
            recovery.recover = None;
        }
        recovery.at = (self.send_una != self.send_next).then(|| step.now + recovery.timeout());
        partial
    }

    /// A segment with data leaves that was sent before.
    pub(super) fn note_repetition(&mut self) {
        let next = self.send_next;
        self.recovery.recover.get_or_insert(next);
    }

    /// Sets the timer if something is on the way, and none if not. Against a closed window the engine has its own.
    pub(super) fn arm_recovery(&mut self, now: Instant) {
        let outstanding =
            after(self.send_next, self.send_una) && self.send_window > 0 && self.engine().is_some();
        if !outstanding {
            self.recovery.at = None;
        } else if self.recovery.at.is_none() {
            self.recovery.at = Some(now + self.recovery.timeout());
        }
    }

    /// The timeout is over: what was not acknowledged is sent again.
    pub(super) fn recover(&mut self, step: &mut Step<'_>) {
        self.recovery.backoff = self.recovery.backoff.saturating_add(1);
        self.recovery.at = Some(step.now + self.recovery.timeout());
        let next = self.send_next;
        self.recovery.recover = Some(next);
        if let Some(engine) = self.engine_mut() {
            engine.time_out(step.now);
        }
        self.run_engine(step);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_timeout_follows_what_is_measured() {
        let mut recovery = Recovery::default();
        assert_eq!(recovery.timeout(), Duration::from_secs(1));
        recovery.measured(100);
        assert_eq!((recovery.timeout(), recovery.round_trip()), (Duration::from_millis(300), (100, 50)));
        (0..100).for_each(|_| recovery.measured(20));
        assert_eq!(recovery.timeout(), Duration::from_millis(200));
        (0..100).for_each(|_| recovery.measured(400));
        assert!((400..450).contains(&recovery.timeout().as_millis()), "{:?}", recovery.timeout());
        recovery.backoff = 3;
        assert!(recovery.timeout() >= Duration::from_secs(3));
        recovery.backoff = 30;
        assert_eq!(recovery.timeout(), Duration::from_secs(60));
        recovery.backoff = 255;
        assert_eq!(recovery.timeout(), Duration::from_secs(60));
    }
}
