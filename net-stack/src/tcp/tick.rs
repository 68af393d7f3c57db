//! What a connection does when its time has come.

use core::time::Duration;

use super::{
    disposition::Disposition,
    flow::{Core, Phase, Step},
    live::IDLE,
    segment::ACK,
};
use crate::time::Instant;

/// How long data may stay without acknowledgement: what Linux's `tcp_retries2` of 15 comes to.
const GIVE_UP: Duration = Duration::from_secs(924);

/// As much, for connections that no program has: `tcp_orphan_retries`.
const GIVE_UP_ORPHAN: Duration = Duration::from_secs(120);

impl Core {
    fn patience(&self) -> Duration {
        let usual = if self.teardown.orphan { GIVE_UP_ORPHAN } else { GIVE_UP };
        self.options.user_timeout.unwrap_or(usual)
    }

    /// When the peer is to be asked whether it is still there: SO_KEEPALIVE. Not while an answer is awaited anyway.
    fn ask_at(&self) -> Option<Instant> {
        let asks =
            self.options.keep_alive && matches!(self.phase, Phase::Open(_)) && self.waiting_since.is_none();
        let pause = self.options.keep_idle + self.options.keep_interval * u32::from(self.probes);
        asks.then(|| self.heard + pause)
    }

    /// When a connection that no program has stops waiting for the peer's FIN.
    fn forget_at(&self) -> Option<Instant> {
        let waits = self.teardown.orphan && self.teardown.fin_acked && !self.teardown.fin_received;
        waits.then(|| self.heard + self.options.fin_timeout)
    }

    /// The next time at which there is something to do.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let give_up = self.waiting_since.map(|since| since + self.patience());
        let park = self.idle_since.map(|since| since + IDLE);
        let times = [
            self.engine_at,
            self.recovery.at,
            self.retry.at,
            give_up,
            park,
            self.ask_at(),
            self.forget_at(),
            self.uncork_at(),
        ];
        times.into_iter().flatten().min()
    }

    /// Does what the time has come for.
    pub(super) fn tick(&mut self, step: &mut Step<'_>) {
        let now = step.now;
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if due(self.waiting_since.map(|since| since + self.patience())) {
            return self.time_out(step);
        }
        if due(self.forget_at()) {
            return self.die(step, None, false);
        }
        if due(self.retry.at) && !self.repeat(step) {
            return self.time_out(step);
        }
        if due(self.recovery.at) {
            self.recover(step);
        }
        if due(self.ask_at()) {
            if self.probes >= self.options.keep_count {
                return self.time_out(step);
            }
            self.probes += 1;
            // RFC 9293, 3.8.4: an old sequence number makes the peer say what it expects.
            let seq = self.send_next.wrapping_sub(1);
            self.emit(step, ACK, seq);
        }
        if due(self.uncork_at()) {
            self.uncork(step);
            self.run_engine(step);
        }
        if due(self.idle_since.map(|since| since + IDLE)) {
            self.stop_engine(step);
        }
        self.run_engine_if_due(step);
    }

    fn run_engine_if_due(&mut self, step: &mut Step<'_>) {
        if matches!(self.phase, Phase::Open(Some(_))) && self.engine_at.is_some_and(|at| at <= step.now) {
            // An engine that only looks at the clock has not been busy.
            let idle_since = self.idle_since;
            self.run_engine(step);
            if self.idle_since.is_some() && idle_since.is_some() {
                self.idle_since = idle_since;
            }
        }
    }

    /// Sends a SYN or FIN again; `false` if that was done often enough.
    fn repeat(&mut self, step: &mut Step<'_>) -> bool {
        let opening = matches!(self.phase, Phase::SynSent | Phase::SynReceived);
        if opening && self.retry.count >= self.options.syn_retries {
            return false;
        }
        self.retry.again(step.now);
        if opening {
            self.send_syn(step);
        } else {
            self.send_fin(step);
        }
        true
    }

    /// The peer does not answer. If somebody said why, that is the reason.
    fn time_out(&mut self, step: &mut Step<'_>) {
        let disposition = self.soft.map_or(Disposition::TimedOut, Disposition::Trouble);
        let reset = matches!(self.phase, Phase::Open(_));
        self.die(step, Some(disposition), reset);
    }
}
