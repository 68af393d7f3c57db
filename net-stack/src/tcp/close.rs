//! The end of a connection: FINs, RSTs, and what remains.

use super::{
    disposition::{Disposition, State},
    flow::{Core, Phase, Retry, Step},
    segment::{ACK, FIN, Options, RST, Segment},
    time_wait::TimeWait,
};

/// How far the two directions are closed: RFC 9293, 3.6.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Teardown {
    /// Nothing more will be written; the FIN may still be waiting behind data.
    pub(super) write_shut: bool,
    /// Nothing more will be read.
    pub(super) read_shut: bool,
    /// No program has the connection any more.
    pub(super) orphan: bool,
    pub(super) fin_sent: bool,
    pub(super) fin_acked: bool,
    pub(super) fin_received: bool,
    /// The peer's FIN came before ours went: TIME-WAIT is the peer's.
    passive: bool,
}

impl Teardown {
    pub(super) fn sent_fin(&mut self) {
        if !self.fin_sent {
            self.fin_sent = true;
            self.passive = self.fin_received;
        }
    }

    /// Everything that was sent is acknowledged, or is not.
    pub(super) fn acknowledged(&mut self, everything: bool) {
        self.fin_acked |= self.fin_sent && everything;
    }

    fn is_over(&self) -> bool {
        self.fin_acked && self.fin_received
    }

    pub(super) fn state(&self) -> State {
        match (self.write_shut, self.fin_acked, self.fin_received, self.passive) {
            (false, _, false, _) => State::Established,
            (false, _, true, _) => State::CloseWait,
            (true, false, false, _) => State::FinWait1,
            (true, true, false, _) => State::FinWait2,
            // The FIN behind data that is not sent yet is as good as sent.
            (true, _, true, _) if self.passive || !self.fin_sent => State::LastAck,
            (true, false, true, _) => State::Closing,
            (true, true, true, _) => State::TimeWait,
        }
    }
}

impl Core {
    /// A segment without data for a connection without engine.
    pub(super) fn quiet_input(&mut self, step: &mut Step<'_>, segment: &Segment) {
        if segment.has(FIN) && !self.teardown.fin_received && segment.seq == self.receive_next {
            self.receive_next = self.receive_next.wrapping_add(1);
            self.teardown.fin_received = true;
            let seq = self.acceptable_seq();
            self.emit(step, ACK, seq);
        } else if segment.has(FIN) || segment.length > 0 {
            // Out of order, or after the end.
            let seq = self.acceptable_seq();
            self.emit(step, ACK, seq);
        }
        self.progress(step);
    }

    /// No more will be written: the FIN goes when everything before it has gone.
    pub(super) fn shut_write(&mut self, step: &mut Step<'_>) {
        if self.teardown.write_shut || !matches!(self.phase, Phase::Open(_)) {
            return;
        }
        self.teardown.write_shut = true;
        self.uncork(step);
        let nothing_waits =
            self.send_una == self.send_next && self.engine().is_none_or(|engine| engine.unsent() == 0);
        let quiet = self.engine().is_none_or(|engine| engine.readable() == 0) && nothing_waits;
        if quiet {
            self.stop_engine(step);
        }
        match self.engine_mut() {
            Some(engine) => {
                engine.close();
                self.run_engine(step);
            }
            None => {
                self.send_fin(step);
                self.retry = Retry::start(step.now);
                self.waiting_since = Some(step.now);
            }
        }
    }

    /// Sends a FIN that no engine sends, for the first time or again.
    pub(super) fn send_fin(&mut self, step: &mut Step<'_>) {
        if !self.teardown.fin_sent {
            self.send_next = self.send_next.wrapping_add(1);
            self.teardown.sent_fin();
        }
        let seq = self.send_next.wrapping_sub(1);
        self.emit(step, FIN | ACK, seq);
    }

    /// The program lets go of the connection.
    pub(super) fn close(&mut self, step: &mut Step<'_>) {
        self.teardown.orphan = true;
        self.teardown.read_shut = true;
        match &self.phase {
            Phase::SynSent | Phase::SynReceived => {
                let reset = matches!(self.phase, Phase::SynReceived);
                self.die(step, None, reset);
            }
            Phase::Open(engine) => {
                // RFC 2525, 2.17: data that was received and not read is lost, and the peer shall know it.
                let unread = engine.as_ref().is_some_and(|engine| engine.readable() > 0);
                if unread || self.options.reset_on_close {
                    self.die(step, None, true);
                } else {
                    self.shut_write(step);
                }
            }
            Phase::Gone(_) => self.phase = Phase::Gone(None),
        }
    }

    /// Looks whether the connection is over.
    pub(super) fn progress(&mut self, step: &mut Step<'_>) {
        if self.teardown.fin_acked && matches!(self.phase, Phase::Open(None)) {
            self.retry = Retry::default();
            self.waiting_since = None;
        }
        if !self.teardown.is_over() || !matches!(self.phase, Phase::Open(_)) {
            return;
        }
        if self.last_ack != self.receive_next {
            let seq = self.acceptable_seq();
            self.emit(step, ACK, seq);
        }
        if self.teardown.passive {
            self.leave(step);
        } else {
            let binding = self.binding.take();
            self.leave(step);
            TimeWait::enter(step, self, binding);
        }
    }

    /// Ends the connection at once. `reset`: the peer is told.
    pub(super) fn die(&mut self, step: &mut Step<'_>, disposition: Option<Disposition>, reset: bool) {
        if matches!(self.phase, Phase::Gone(_)) {
            return;
        }
        if reset {
            let seq = self.acceptable_seq();
            self.emit_with(step, RST | ACK, seq, 0, Options::default());
        }
        self.disposition = disposition;
        self.leave(step);
    }

    /// The connection is not found any more, and has no port. What was received can still be read, unless nobody will.
    fn leave(&mut self, step: &mut Step<'_>) {
        step.stack.forget(step.flow);
        self.binding = None;
        let phase = core::mem::replace(&mut self.phase, Phase::Gone(None));
        if let Phase::Open(engine) = phase {
            self.phase = Phase::Gone(engine);
        }
        if self.teardown.orphan {
            if let Phase::Gone(engine) = &mut self.phase
                && let Some(engine) = engine.take()
            {
                step.stack.engines.give(engine);
            }
        } else {
            self.drop_read_engine(step);
        }
        (self.retry, self.waiting_since) = (Retry::default(), None);
    }
}
