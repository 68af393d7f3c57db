//! Opening a connection from this side: RFC 9293, 3.5 and 3.10.7.3.

use super::{
    disposition::Disposition,
    flow::{Core, OWN_SCALE, Phase, Retry, Step},
    segment::{ACK, Options, RST, SYN, Segment},
    sequence::later,
};

impl Core {
    /// The window of a SYN is never shifted.
    fn syn_window(&self) -> u16 {
        self.ring.min(0xffff) as u16
    }

    /// Sends the SYN, or the SYN of one who has received one, for the first time or again.
    pub(super) fn send_syn(&mut self, step: &mut Step<'_>) {
        let received = matches!(self.phase, Phase::SynReceived);
        let echo = if received { self.recent } else { 0 };
        let options = Options {
            mss: Some(self.path_mss()),
            // What the peer did not offer is not answered.
            scale: (!received || self.own_scale > 0).then_some(OWN_SCALE),
            sack_permitted: !received || self.sack,
            timestamps: (!received || self.timestamps).then(|| (self.clock(step.now), echo)),
        };
        let flags = if received { SYN | ACK } else { SYN };
        let seq = self.send_una;
        self.send_next = seq.wrapping_add(1);
        let window = self.syn_window();
        let scale = core::mem::take(&mut self.own_scale);
        self.emit_with(step, flags, seq, window, options);
        self.own_scale = scale;
    }

    /// Notes what the peer's SYN says.
    pub(super) fn note_syn(&mut self, segment: &Segment) {
        self.receive_next = segment.seq.wrapping_add(1);
        self.last_ack = self.receive_next;
        self.farthest = self.receive_next;
        self.promised = self.receive_next.wrapping_add(u32::from(self.syn_window()));
        self.send_window = u32::from(segment.window);
        self.window_seq = segment.seq;
        let options = &segment.options;
        (self.peer_scale, self.own_scale) = options.scale.map_or((0, 0), |scale| (scale, OWN_SCALE));
        // RFC 9293, 3.7.1; less than Linux's TCP_MIN_SND_MSS would be an attack.
        let limit = self.options.max_segment.unwrap_or(u16::MAX);
        self.peer_mss = options.mss.filter(|mss| *mss > 0).unwrap_or(536).max(48).min(limit);
        self.sack = options.sack_permitted;
        self.timestamps = options.timestamps.is_some();
        self.recent = options.timestamps.map_or(0, |(value, _)| value);
    }

    pub(super) fn syn_sent_input(&mut self, step: &mut Step<'_>, segment: &Segment) {
        let acceptable = segment.has(ACK) && segment.ack == self.send_next;
        if segment.has(ACK) && !acceptable {
            // An old connection's; its peer shall know.
            if !segment.has(RST) {
                let reply = Segment { seq: segment.ack, flags: RST, ..Segment::default() };
                self.emit_with(step, RST, reply.seq, 0, Options::default());
            }
            return;
        }
        if segment.has(RST) {
            if acceptable {
                self.die(step, Some(Disposition::Refused), false);
            }
            return;
        }
        if !segment.has(SYN) {
            return;
        }
        self.note_syn(segment);
        if acceptable {
            self.send_una = segment.ack;
            self.open(step);
            let seq = self.acceptable_seq();
            self.emit(step, ACK, seq);
        } else {
            self.phase = Phase::SynReceived;
            self.retry = Retry::start(step.now);
            self.send_syn(step);
        }
    }

    pub(super) fn syn_received_input(&mut self, step: &mut Step<'_>, segment: &Segment) -> bool {
        if segment.has(RST) {
            if segment.seq == self.receive_next {
                self.die(step, Some(Disposition::Refused), false);
            }
            return false;
        }
        // The peer's SYN again, now with an acknowledgement of ours: that is how crossing SYNs end.
        let again = segment.has(SYN) && segment.seq.wrapping_add(1) == self.receive_next;
        if segment.has(SYN) && !again {
            self.challenge(step);
            return false;
        }
        if !segment.has(ACK) {
            if again {
                self.send_syn(step);
            }
            return false;
        }
        if segment.ack != self.send_next {
            self.emit_with(step, RST, segment.ack, 0, Options::default());
            return false;
        }
        self.send_una = segment.ack;
        let scale = if segment.has(SYN) { 0 } else { self.peer_scale };
        self.send_window = u32::from(segment.window) << scale;
        self.window_seq = segment.seq;
        self.open(step);
        if again {
            let seq = self.acceptable_seq();
            self.emit(step, ACK, seq);
        }
        // What else it says is for the connection that is open now.
        !again
    }

    /// Both SYNs are acknowledged.
    fn open(&mut self, step: &Step<'_>) {
        self.phase = Phase::Open(None);
        self.retry = Retry::default();
        self.heard = step.now;
        self.soft = None;
        self.promised = later(self.promised, self.receive_next);
    }
}
