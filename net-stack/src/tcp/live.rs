//! A connection with an engine: getting one, passing segments through it, and letting go of it.

use alloc::boxed::Box;
use core::time::Duration;

use super::{
    engine::{Engine, Start},
    flow::{Core, Phase, Step},
    guard::Verdict,
    segment::{ACK, FIN, PSH, Segment, set_timestamps},
    sequence::{after, before, distance, later},
};
use crate::packet::Packet;

/// An answer within this time is one that an acknowledgement could have waited for.
const PING_PONG: Duration = Duration::from_millis(40);

/// Only for less than this an acknowledgement waits: more is no question but a part of a transfer, whose sender may be
/// holding a short segment back until all before it are acknowledged.
const ANSWERED_MAX: u32 = 700;

/// So long an engine may have nothing to do before it is given back.
pub(super) const IDLE: Duration = Duration::from_millis(200);

impl Core {
    /// A segment for a connection that is open.
    pub(super) fn open_input(&mut self, step: &mut Step<'_>, segment: &Segment, packet: Packet) {
        match self.guard(step, segment) {
            Verdict::Ignore => return,
            Verdict::Reset => {
                let disposition = self.reset_disposition();
                self.die(step, Some(disposition), false);
                return;
            }
            Verdict::Listen => {}
        }
        self.heard = step.now;
        self.probes = 0;
        let window = self.note_window(segment);
        let mut partial = false;
        self.tally.heard_segment(step.now, segment);
        if after(segment.ack, self.send_una) {
            self.tally.acknowledged(distance(self.send_una, segment.ack));
            self.send_una = segment.ack;
            self.waiting_since = None;
            self.soft = None;
            partial = self.note_progress(step, segment);
        }
        // A peer that has no room but answers is alive: RFC 9293, 3.8.6.1.
        if self.send_window == 0 {
            self.waiting_since = None;
        }
        self.teardown.acknowledged(self.send_una == self.send_next);
        let fresh =
            segment.length > 0 && after(segment.seq.wrapping_add(segment.length as u32), self.receive_next);
        if fresh && self.teardown.orphan {
            // Nobody will read it: RFC 9293, 3.6.1; the peer shall know that it was lost.
            self.die(step, None, true);
            return;
        }
        let data = segment.length > 0 && !self.teardown.fin_received;
        if data {
            if self.unanswered.is_some() {
                self.ping_pong = false;
            }
            self.unanswered = Some(step.now);
            let end = segment.seq.wrapping_add(segment.length as u32);
            self.farthest = later(self.farthest, if after(end, self.promised) { self.promised } else { end });
        }
        if data && self.engine().is_none() {
            self.start_engine(step);
        }
        match self.engine_mut() {
            Some(engine) => {
                engine.receive(&step.flow.tuple, packet, segment.ack, window, step.now);
                if partial {
                    engine.report_loss(&step.flow.tuple, step.now);
                }
                self.run_engine(step);
            }
            None => self.quiet_input(step, segment),
        }
    }

    /// Notes how much room the peer has, unless an older segment says so that was overtaken on the way (RFC 9293,
    /// 3.10.7.4, Linux's `tcp_may_update_window`). Returns what counts, as it is in a header: smoltcp believes the last
    /// one that it hears.
    fn note_window(&mut self, segment: &Segment) -> u16 {
        let window = u32::from(segment.window) << self.peer_scale;
        let newer = after(segment.ack, self.send_una)
            || after(segment.seq, self.window_seq)
            || segment.seq == self.window_seq && window > self.send_window;
        if newer {
            self.send_window = window;
            self.window_seq = segment.seq;
        }
        (self.send_window >> self.peer_scale).min(0xffff) as u16
    }

    /// Gets an engine, if the connection has none.
    pub(super) fn start_engine(&mut self, step: &Step<'_>) {
        if !matches!(self.phase, Phase::Open(None)) {
            return;
        }
        let teardown = &self.teardown;
        let receive_next = self.receive_next.wrapping_sub(u32::from(teardown.fin_received));
        // There must be room for what the peer was promised.
        let promised = distance(self.receive_next, self.promised).max(self.ring);
        let start = Start {
            tuple: step.flow.tuple,
            send_next: self.send_next,
            receive_next,
            window: self.send_window,
            peer_scale: self.peer_scale,
            peer_mss: self.peer_mss.min(self.path_mss()),
            sack: self.sack,
            timestamps: self.timestamps,
            mtu: self.mtu(),
            local: self.is_local(),
            no_delay: self.options.no_delay,
            send_size: self.options.send_size(),
            receive_size: (promised as usize).next_multiple_of(4096),
            fin_received: teardown.fin_received,
            fin_sent: teardown.fin_sent,
            fin_acked: teardown.fin_acked,
        };
        self.phase = Phase::Open(Some(Engine::start(&step.stack.engines, &start, step.now)));
    }

    /// Lets the engine send what it wants to, and notes what has changed.
    pub(super) fn run_engine(&mut self, step: &mut Step<'_>) {
        let v6 = step.flow.tuple.local.address.is_ipv6();
        let Phase::Open(Some(engine)) = &mut self.phase else { return };
        if engine.fin_received() && !self.teardown.fin_received {
            self.teardown.fin_received = true;
        }
        let receive_next = engine.receive_next().wrapping_add(u32::from(self.teardown.fin_received));
        self.tally.received += u64::from(distance(self.receive_next, receive_next));
        self.receive_next = receive_next;
        engine.egress(step.now);
        self.engine_at = engine.deadline(step.now);
        if engine.unsent() > 0 && self.engine_at.is_none() {
            engine.nudge(&step.flow.tuple, step.now);
            self.engine_at = engine.deadline(step.now);
        }
        for (packet, segment, window, reply) in engine.take_sent(v6) {
            if reply || !self.says_nothing_new(&segment, window) {
                self.send_live(step, packet, &segment, window);
            }
        }
        let Phase::Open(Some(engine)) = &self.phase else { return };
        let outstanding = self.send_una != self.send_next || engine.unsent() > 0;
        let quiescent = !outstanding && self.is_quiescent();
        if outstanding {
            self.waiting_since.get_or_insert(step.now);
        } else {
            self.waiting_since = None;
        }
        self.idle_since = quiescent.then_some(step.now);
        self.arm_recovery(step.now);
        // After a FIN there is seldom more.
        if quiescent && (self.teardown.fin_sent || self.teardown.fin_received) {
            self.stop_engine(step);
        }
        self.progress(step);
    }

    /// Whether an acknowledgement was overtaken by one of [`Core::acknowledge_read`].
    fn says_nothing_new(&mut self, segment: &Segment, window: u32) -> bool {
        let bare = segment.span() == 0;
        if bare && segment.seq == self.send_next {
            // Nothing was written in answer to what was read: the next one need not wait.
            self.ping_pong = false;
        }
        let edge = segment.ack.wrapping_add(window >> self.own_scale << self.own_scale);
        bare && segment.ack == self.last_ack && !after(edge, self.promised) && segment.seq == self.send_next
    }

    /// Something was read: the engine is run if the peer should hear that there is much more room now, which is what
    /// smoltcp looks for (its rule and Linux's: twice as much as was promised).
    pub(super) fn after_read(&mut self, step: &mut Step<'_>) {
        let Phase::Open(Some(engine)) = &self.phase else { return };
        let promised = distance(self.receive_next, self.promised);
        if engine.window() / 2 >= promised || self.teardown.fin_received || self.teardown.fin_sent {
            return self.run_engine(step);
        }
        let quiescent = self.waiting_since.is_none() && self.is_quiescent();
        self.idle_since = quiescent.then_some(step.now);
    }

    /// Whether an engine has nothing in it, provided that everything that was sent is acknowledged.
    fn is_quiescent(&self) -> bool {
        self.engine().is_some_and(|engine| engine.readable() == 0)
            && self.last_ack == self.receive_next
            && !after(self.farthest, self.receive_next)
    }

    /// Everything was read: as long as no answer seems to follow, the peer need not wait for the acknowledgement. Without
    /// this, Nagle's algorithm at the other end and the delay at this one would wait for each other.
    pub(super) fn acknowledge_read(&mut self, step: &mut Step<'_>) {
        let drained = matches!(&self.phase, Phase::Open(Some(engine)) if engine.readable() == 0);
        let owed = distance(self.last_ack, self.receive_next);
        let waits = self.ping_pong && owed < ANSWERED_MAX;
        if drained && !waits && owed > 0 {
            let room = self.window().max(self.engine().map_or(0, Engine::window));
            self.promised = later(self.promised, self.receive_next.wrapping_add(room));
            let seq = self.acceptable_seq();
            self.emit(step, ACK, seq);
            self.idle_since = None;
            self.run_engine(step);
        }
    }

    /// Sends what the engine has made: with the windows and timestamps of the connection.
    fn send_live(&mut self, step: &mut Step<'_>, mut packet: Packet, segment: &Segment, window: u32) {
        if segment.length > 0 && self.send_window == 0 && segment.seq == self.send_una {
            // smoltcp asks for room by the next byte, and does not count it; whether the peer has taken it neither end
            // could say. An old number asks as well (RFC 9293, 3.8.6.1 wants an answer to it), as Linux does.
            let seq = self.send_una.wrapping_sub(1);
            return self.emit(step, ACK, seq);
        }
        let field = (window >> self.own_scale).min(0xffff) as u16;
        let clock = self.clock(step.now);
        let recent = self.recent;
        let bytes = packet.bytes_mut();
        bytes[14..16].copy_from_slice(&field.to_be_bytes());
        if self.timestamps {
            set_timestamps(bytes, clock, recent);
        }
        // Linux ends what it sends with PSH, not only what is sent last; so do many receivers want it.
        if segment.has(FIN) {
            bytes[13] |= PSH * u8::from(segment.length > 0);
            self.teardown.sent_fin();
        }
        // Linux's `tcp_event_data_sent`: who answers soon will do so again.
        if segment.length > 0
            && let Some(received) = self.unanswered.take()
        {
            self.ping_pong |= step.now.since(received) < PING_PONG;
        }
        if segment.span() == 0 {
            // smoltcp's would be older than one that the flow has sent itself, and its window not be believed.
            let seq = self.acceptable_seq();
            packet.bytes_mut()[4..8].copy_from_slice(&seq.to_be_bytes());
        }
        if segment.has(ACK) {
            self.note_promise(segment.ack, u32::from(field) << self.own_scale);
        }
        if segment.length > 0 {
            let again = before(segment.seq, self.send_next);
            self.tally.sent_data(step.now, segment.length, again);
            if again {
                self.note_repetition();
            }
        }
        self.send_next = later(self.send_next, segment.end());
        self.transmit(step, packet);
    }

    /// Gives the engine back. Nothing may be in it.
    pub(super) fn stop_engine(&mut self, step: &Step<'_>) {
        if let Phase::Open(engine) = &mut self.phase
            && let Some(engine) = engine.take()
        {
            give(step, engine);
        }
        (self.idle_since, self.recovery.at, self.engine_at) = (None, None, None);
    }

    /// Gives the engine of a connection back that is gone, once everything was read.
    pub(super) fn drop_read_engine(&mut self, step: &Step<'_>) {
        if let Phase::Gone(engine) = &mut self.phase
            && engine.as_ref().is_some_and(|engine| engine.readable() == 0)
            && let Some(engine) = engine.take()
        {
            give(step, engine);
        }
    }
}

fn give(step: &Step<'_>, engine: Box<Engine>) {
    step.stack.engines.give(engine);
}
