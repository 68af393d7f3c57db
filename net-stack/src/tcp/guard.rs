//! Which segments an open connection listens to: RFC 9293, 3.10.7.4; RFC 5961; RFC 7323, 5.

use core::time::Duration;

use super::{
    disposition::Disposition,
    flow::{Core, Step},
    segment::{ACK, FIN, RST, SYN, Segment},
    sequence::{after, before},
};

/// Challenges are sent no more often: RFC 5961, 7.
const CHALLENGE_PAUSE: Duration = Duration::from_millis(500);

/// What is to be done with a segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// It belongs to the connection.
    Listen,
    /// It does not; what was to be answered has been.
    Ignore,
    /// The peer knows no such connection.
    Reset,
}

impl Core {
    /// Looks at a segment before anybody acts on it.
    pub(super) fn guard(&mut self, step: &mut Step<'_>, segment: &Segment) -> Verdict {
        // RFC 7323, 5.3 R1: from an earlier round of the sequence numbers, or from an earlier connection.
        let old = self.timestamps
            && segment.options.timestamps.is_some_and(|(value, _)| before(value, self.recent));
        if old && !segment.has(RST) {
            self.answer_stray(step, segment);
            return Verdict::Ignore;
        }
        if !self.acceptable(segment) {
            if !segment.has(RST) {
                self.answer_stray(step, segment);
            }
            return Verdict::Ignore;
        }
        if segment.has(RST) {
            // RFC 5961, 3.2: only the one sequence number that the peer must know will do.
            if segment.seq == self.receive_next {
                return Verdict::Reset;
            }
            self.challenge(step);
            return Verdict::Ignore;
        }
        if segment.has(SYN) {
            // RFC 5961, 4.2: a peer that has lost its memory answers the challenge with the right RST.
            self.challenge(step);
            return Verdict::Ignore;
        }
        if !segment.has(ACK) {
            return Verdict::Ignore;
        }
        // RFC 5961, 5.2: what was never sent, or is too old to be honest.
        let oldest = self.send_una.wrapping_sub(self.send_window.max(65535));
        if after(segment.ack, self.send_next) || before(segment.ack, oldest) {
            self.challenge(step);
            return Verdict::Ignore;
        }
        // RFC 7323, 4.3.
        if let Some((value, _)) = segment.options.timestamps
            && !after(segment.seq, self.last_ack)
            && !before(value, self.recent)
        {
            self.recent = value;
        }
        Verdict::Listen
    }

    /// RFC 9293, 3.4, "Segment Acceptability Test": whether any of it lies in the window.
    fn acceptable(&self, segment: &Segment) -> bool {
        let (first, edge) = (self.receive_next, self.promised);
        let end = segment.end();
        if segment.span() == 0 {
            // With a window of 0 only what carries nothing.
            return segment.seq == first || !before(segment.seq, first) && before(segment.seq, edge);
        }
        !before(segment.seq, first) && before(segment.seq, edge)
            || after(end, first) && !after(end, edge) && before(segment.seq, edge)
            // Its beginning is old, its end beyond the window: the middle is wanted.
            || before(segment.seq, first) && after(end, edge) && first != edge
            // A FIN behind a full window is heard: it needs no room.
            || segment.has(FIN) && segment.length == 0 && segment.seq == first
    }

    /// Says what is expected: to who sends again what is here already, or asks whether this end is still there.
    fn answer_stray(&mut self, step: &mut Step<'_>, segment: &Segment) {
        // Segments with data come no faster than the peer's timer; others may answer each other for ever.
        if segment.length > 0 || segment.has(FIN) && !segment.has(SYN) {
            let seq = self.acceptable_seq();
            self.emit(step, ACK, seq);
        } else {
            self.challenge(step);
        }
    }

    /// Sends an acknowledgement that only the true peer can make use of.
    pub(super) fn challenge(&mut self, step: &mut Step<'_>) {
        if step.now >= self.challenge_at {
            self.challenge_at = step.now + CHALLENGE_PAUSE;
            let seq = self.acceptable_seq();
            self.emit(step, ACK, seq);
        }
    }

    /// How the connection ends that the peer has reset.
    pub(super) fn reset_disposition(&self) -> Disposition {
        if self.teardown.fin_received && !self.teardown.fin_sent {
            Disposition::ResetAfterClose
        } else {
            Disposition::Reset
        }
    }
}
