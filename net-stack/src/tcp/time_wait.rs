//! TIME-WAIT: what is left of a connection so that its old segments do no harm (RFC 9293, 3.6.1). A few bytes, no lock
//! that anybody waits for, no engine.

use alloc::sync::Arc;
use core::time::Duration;

use spin::Mutex;

use super::{
    flow::{Core, Step},
    input::Entry,
    segment::{ACK, Options, RST, SYN, Segment},
    sequence::after,
    timers::{Place, Timed},
};
use crate::{demux::FourTuple, net::Path, outbox::Outbox, port::Binding, stack::Stack, time::Instant};

/// How long: Linux's `TCP_TIMEWAIT_LEN`, twice an MSL of 30 seconds.
pub(super) const LENGTH: Duration = Duration::from_secs(60);

/// On this host, so much later the four-tuple may be used again by who connects: `net.ipv4.tcp_tw_reuse`.
const REUSE_AFTER: Duration = Duration::from_secs(1);

pub(crate) struct TimeWait {
    pub(super) tuple: FourTuple,
    path: Path,
    send_next: u32,
    receive_next: u32,
    window: u16,
    timestamps: bool,
    clock_offset: u32,
    since: Instant,
    state: Mutex<Left>,
}

struct Left {
    /// The port; given back when it is over.
    binding: Option<Binding>,
    recent: u32,
    until: Instant,
    place: Option<Place>,
}

/// What a segment for a connection in TIME-WAIT means.
pub(super) enum Answer {
    /// It has been answered, or was nothing.
    Done,
    /// A new connection wants the four-tuple; this is a good first sequence number for it (RFC 6191).
    New(u32),
}

impl TimeWait {
    /// The connection's place is taken by what is left of it.
    pub(super) fn enter(step: &mut Step<'_>, core: &Core, binding: Option<Binding>) {
        let left = Left {
            binding: binding.map(Binding::into_time_wait),
            recent: core.recent,
            until: step.now + LENGTH,
            place: None,
        };
        let waiting = Arc::new(Self {
            tuple: step.flow.tuple,
            path: core.path,
            send_next: core.send_next,
            receive_next: core.receive_next,
            window: (core.ring >> core.own_scale).min(0xffff) as u16,
            timestamps: core.timestamps,
            clock_offset: core.clock_offset,
            since: step.now,
            state: Mutex::new(left),
        });
        if step.stack.tcp.insert(waiting.tuple, &Entry::TimeWait(waiting.clone())) {
            waiting.arm(step.stack);
        }
    }

    fn arm(self: &Arc<Self>, stack: &Stack) {
        let mut state = self.state.lock();
        let until = state.until;
        stack.timers.set(&mut state.place, Some(until), || Timed::TimeWait(Arc::downgrade(self)));
    }

    /// Its time may be over.
    pub(super) fn tick(self: &Arc<Self>, stack: &Stack, now: Instant) {
        let over = {
            let mut state = self.state.lock();
            state.place = None;
            state.until <= now
        };
        if over { self.end(stack) } else { self.arm(stack) }
    }

    /// It is over: the four-tuple and the port are free.
    pub(super) fn end(self: &Arc<Self>, stack: &Stack) {
        stack.tcp.remove(&self.tuple, &Entry::TimeWait(self.clone()));
        let mut state = self.state.lock();
        let binding = state.binding.take();
        stack.timers.cancel(&mut state.place);
        drop(state);
        drop(binding);
    }

    /// The first sequence number for a connection from here with the same four-tuple, if there may be one.
    pub(super) fn reusable(&self, now: Instant) -> Option<u32> {
        let local = self.tuple.remote.address.is_loopback();
        let old = now.since(self.since) > REUSE_AFTER;
        (local && self.timestamps && old).then(|| self.next_first())
    }

    /// Beyond all that the old connection can have sent.
    fn next_first(&self) -> u32 {
        self.send_next.wrapping_add(65535 + 2)
    }

    /// `tcp_timewait_state_process` of Linux 6.1.
    pub(super) fn input(
        self: &Arc<Self>,
        stack: &Stack,
        segment: &Segment,
        now: Instant,
        out: &mut Outbox,
    ) -> Answer {
        let mut state = self.state.lock();
        let value = segment.options.timestamps.map(|(value, _)| value).filter(|_| self.timestamps);
        let old = value.is_some_and(|value| after(state.recent, value));
        if !old && segment.seq == self.receive_next && (segment.span() == 0 || segment.has(RST)) {
            if segment.has(RST) {
                drop(state);
                self.end(stack);
            } else {
                state.until = now + LENGTH;
                state.recent = value.unwrap_or(state.recent);
            }
            return Answer::Done;
        }
        let newer = value.is_some_and(|value| after(value, state.recent));
        let opens = segment.has(SYN) && !segment.has(RST) && !segment.has(ACK);
        if opens && !old && (after(segment.seq, self.receive_next) || newer) {
            drop(state);
            return Answer::New(self.next_first());
        }
        if segment.has(RST) {
            return Answer::Done;
        }
        if old || segment.has(ACK) {
            state.until = now + LENGTH;
        }
        let clock = (now.millis() as u32).wrapping_add(self.clock_offset);
        let timestamps = self.timestamps.then_some((clock, state.recent));
        drop(state);
        let reply = Segment {
            from: self.tuple.local.port,
            to: self.tuple.remote.port,
            seq: self.send_next,
            ack: self.receive_next,
            flags: ACK,
            window: self.window,
            options: Options { timestamps, ..Options::default() },
            header: 0,
            length: 0,
        };
        stack.tcp_send(&self.path, &reply, out);
        Answer::Done
    }
}
