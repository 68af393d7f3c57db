//! A connection.

use alloc::{boxed::Box, sync::Arc};
use core::time::Duration;

use spin::Mutex;

use super::{
    close::Teardown,
    cork::Held,
    disposition::{Disposition, State},
    engine::Engine,
    options::TcpOptions,
    recovery::Recovery,
    segment::{ACK, Options, RST, Segment, fill_checksum},
    sequence::{distance, later},
    tally::Tally,
    timers::{Place, Timed},
};
use crate::{
    demux::FourTuple,
    icmp::Trouble,
    ip::{Outgoing, protocol},
    net::{Path, Reach},
    outbox::{Notice, Outbox, Watched},
    packet::Packet,
    port::Binding,
    stack::Stack,
    time::Instant,
};

/// By how many bits own windows are shifted: enough for the greatest receive buffer (RFC 7323, 2.3).
pub(super) const OWN_SCALE: u8 = 7;

/// A connection, from the first SYN on until nobody cares any more. TIME-WAIT is not one of its states: see
/// [`TimeWait`](super::time_wait::TimeWait).
pub(crate) struct Flow {
    pub(super) tuple: FourTuple,
    pub(super) watched: Watched,
    pub(super) core: Mutex<Core>,
}

/// What a connection is doing.
pub(super) enum Phase {
    /// A SYN was sent.
    SynSent,
    /// SYNs crossed (RFC 9293, 3.5): one was sent, one was received.
    SynReceived,
    /// Both ends know each other. The engine is there while data is.
    Open(Option<Box<Engine>>),
    /// Nothing more will be sent or received; what was received can still be read.
    Gone(Option<Box<Engine>>),
}

/// All that is known of a connection, under its lock.
pub(super) struct Core {
    pub(super) phase: Phase,
    pub(super) options: TcpOptions,
    pub(super) binding: Option<Binding>,
    pub(super) path: Path,
    /// The first that is not acknowledged (SND.UNA), the next to be sent (SND.NXT).
    pub(super) send_una: u32,
    pub(super) send_next: u32,
    /// How many bytes the peer has room for (SND.WND).
    pub(super) send_window: u32,
    /// The segment that said so (SND.WL1).
    pub(super) window_seq: u32,
    /// The next to be received (RCV.NXT).
    pub(super) receive_next: u32,
    /// Up to here the peer was promised room; a promise is not taken back (RFC 9293, 3.8.6).
    pub(super) promised: u32,
    /// The last acknowledgement that was sent.
    pub(super) last_ack: u32,
    /// How many bytes the receive buffer of the next engine has.
    pub(super) ring: u32,
    pub(super) peer_scale: u8,
    pub(super) own_scale: u8,
    pub(super) peer_mss: u16,
    pub(super) sack: bool,
    pub(super) timestamps: bool,
    /// What is added to the clock (RFC 7323, 5.4), and the peer's last value.
    pub(super) clock_offset: u32,
    pub(super) recent: u32,
    pub(super) teardown: Teardown,
    pub(super) disposition: Option<Disposition>,
    /// A trouble that may pass (RFC 1122, 4.2.3.9): the reason, should the connection time out.
    pub(super) soft: Option<Trouble>,
    /// When the peer was last heard.
    pub(super) heard: Instant,
    /// Since when something waits for an acknowledgement that brings nothing new.
    pub(super) waiting_since: Option<Instant>,
    pub(super) retry: Retry,
    pub(super) recovery: Recovery,
    /// The end of what was received farthest on; what lies between is missing.
    pub(super) farthest: u32,
    /// How often a silent peer was asked whether it is still there.
    pub(super) probes: u8,
    /// Until then no challenge is sent (RFC 5961, 7).
    pub(super) challenge_at: Instant,
    /// What is received is answered, so that acknowledgements can go with the answers.
    pub(super) ping_pong: bool,
    /// When data was received that was not answered yet.
    pub(super) unanswered: Option<Instant>,
    /// What waits for more to follow.
    pub(super) held: Option<Box<Held>>,
    /// What has passed, for TCP_INFO.
    pub(super) tally: Tally,
    /// When the engine has something to do, as it said when it was last run.
    pub(super) engine_at: Option<Instant>,
    /// Since when the engine has had nothing to do.
    pub(super) idle_since: Option<Instant>,
    pub(super) place: Option<Place>,
}

/// A SYN or FIN that is sent again and again, with growing pauses (RFC 6298).
#[derive(Clone, Copy, Default)]
pub(super) struct Retry {
    pub(super) count: u8,
    pub(super) at: Option<Instant>,
}

impl Retry {
    /// The pause before the first repetition: RFC 6298, 2.1.
    const FIRST: Duration = Duration::from_secs(1);
    /// No pause is longer: RFC 6298, 2.5.
    const LONGEST: Duration = Duration::from_secs(120);

    pub(super) fn start(now: Instant) -> Self {
        Self { count: 0, at: Some(now + Self::FIRST) }
    }

    pub(super) fn again(&mut self, now: Instant) {
        self.count = self.count.saturating_add(1);
        let pause = Self::FIRST * (1 << self.count.min(7));
        self.at = Some(now + pause.min(Self::LONGEST));
    }
}

/// What goes with every step of a connection.
pub(super) struct Step<'step> {
    pub(super) stack: &'step Stack,
    pub(super) flow: &'step Arc<Flow>,
    pub(super) now: Instant,
    pub(super) out: &'step mut Outbox,
}

/// What somebody outside can see, to be compared before and after a step.
struct Signs {
    readable: usize,
    room: usize,
    open: bool,
    gone: bool,
    fin_received: bool,
    fin_acked: bool,
}

impl Flow {
    /// Takes a step of the connection, and does what follows from it: who watches is told, the timer set.
    pub(super) fn step<R>(
        self: &Arc<Self>,
        stack: &Stack,
        now: Instant,
        out: &mut Outbox,
        action: impl FnOnce(&mut Core, &mut Step<'_>) -> R,
    ) -> R {
        let mut core = self.core.lock();
        let before = core.signs();
        let mut step = Step { stack, flow: self, now, out };
        let result = action(&mut core, &mut step);
        let notice = core.signs().news(&before, core.disposition);
        if matches!(core.phase, Phase::Gone(_)) {
            stack.timers.cancel(&mut core.place);
        } else {
            let wanted = core.deadline();
            stack.timers.set(&mut core.place, wanted, || Timed::flow(self));
        }
        drop(core);
        out.tell(&self.watched, notice);
        result
    }
}

impl Core {
    /// A connection of which nothing is known yet but where its first SYN goes.
    pub(super) fn new(
        path: Path,
        options: TcpOptions,
        binding: Option<Binding>,
        first: u32,
        now: Instant,
    ) -> Self {
        let ring = options.receive_size() as u32;
        Self {
            phase: Phase::SynSent,
            options,
            binding,
            path,
            send_una: first,
            send_next: first,
            send_window: 0,
            window_seq: 0,
            receive_next: 0,
            promised: 0,
            last_ack: 0,
            ring,
            peer_scale: 0,
            own_scale: 0,
            peer_mss: 536,
            sack: false,
            timestamps: false,
            clock_offset: 0,
            recent: 0,
            teardown: Teardown::default(),
            disposition: None,
            soft: None,
            heard: now,
            waiting_since: None,
            retry: Retry::default(),
            recovery: Recovery::default(),
            farthest: 0,
            probes: 0,
            challenge_at: Instant::ZERO,
            ping_pong: false,
            unanswered: None,
            held: None,
            tally: Tally::new(now),
            engine_at: None,
            idle_since: None,
            place: None,
        }
    }

    fn signs(&self) -> Signs {
        let (engine, open, gone) = match &self.phase {
            Phase::SynSent | Phase::SynReceived => (None, false, false),
            Phase::Open(engine) => (engine.as_ref(), true, false),
            Phase::Gone(engine) => (engine.as_ref(), true, true),
        };
        Signs {
            readable: engine.map_or(0, |engine| engine.readable()),
            room: engine.map_or(usize::MAX, |engine| engine.room().saturating_sub(self.held())),
            open,
            gone,
            fin_received: self.teardown.fin_received,
            fin_acked: self.teardown.fin_acked,
        }
    }

    /// The engine, if there is one.
    pub(super) fn engine(&self) -> Option<&Engine> {
        match &self.phase {
            Phase::Open(engine) | Phase::Gone(engine) => engine.as_deref(),
            Phase::SynSent | Phase::SynReceived => None,
        }
    }

    pub(super) fn engine_mut(&mut self) -> Option<&mut Engine> {
        match &mut self.phase {
            Phase::Open(engine) | Phase::Gone(engine) => engine.as_deref_mut(),
            Phase::SynSent | Phase::SynReceived => None,
        }
    }

    /// Whether packets never leave this host.
    pub(super) fn is_local(&self) -> bool {
        self.path.reach == Reach::Local
    }

    /// The longest segment that the way takes.
    pub(super) fn path_mss(&self) -> u16 {
        let headers = if self.path.source.is_ipv4() { 40 } else { 60 };
        let longest = (self.mtu() - headers) as u16;
        longest.min(self.options.max_segment.unwrap_or(u16::MAX))
    }

    /// The length of the longest packet: no IPv4 header can say more.
    pub(super) fn mtu(&self) -> u32 {
        self.path.mtu.clamp(576, 65535)
    }

    pub(super) fn clock(&self, now: Instant) -> u32 {
        (now.millis() as u32).wrapping_add(self.clock_offset)
    }

    /// How much room the peer is told of, in bytes.
    pub(super) fn window(&self) -> u32 {
        match self.engine() {
            Some(_) => distance(self.receive_next, self.promised),
            // Nothing waits to be read: all of the next engine's buffer is free.
            None => distance(self.receive_next, self.promised).max(self.ring),
        }
        .min(0xffff << self.own_scale)
    }

    /// The sequence number for a segment without data: the next one, unless the peer has no room for it and would not
    /// listen (Linux's `tcp_acceptable_seq`).
    pub(super) fn acceptable_seq(&self) -> u32 {
        let edge = self.send_una.wrapping_add(self.send_window);
        // The shift rounds windows down: that much is no sign that the peer has taken room back.
        let rounding = 1 << self.peer_scale;
        if distance(edge, self.send_next) >= rounding { edge } else { self.send_next }
    }

    /// Sends a segment without data.
    pub(super) fn emit(&mut self, step: &mut Step<'_>, flags: u8, seq: u32) {
        let window = (self.window() >> self.own_scale).min(0xffff) as u16;
        let timestamps = self.timestamps.then(|| (self.clock(step.now), self.recent));
        let options = Options { timestamps, ..Options::default() };
        self.emit_with(step, flags, seq, window, options);
    }

    /// Sends a segment without data, with the window as it is in the header.
    pub(super) fn emit_with(
        &mut self,
        step: &mut Step<'_>,
        flags: u8,
        seq: u32,
        window: u16,
        options: Options,
    ) {
        let tuple = &step.flow.tuple;
        let ack = if flags & ACK != 0 { self.receive_next } else { 0 };
        let (from, to) = (tuple.local.port, tuple.remote.port);
        let segment = Segment { from, to, seq, ack, flags, window, options, header: 0, length: 0 };
        if flags & (ACK | RST) == ACK {
            self.note_promise(ack, u32::from(window) << self.own_scale);
        }
        self.transmit(step, segment.build());
    }

    /// The peer has been told of a window.
    pub(super) fn note_promise(&mut self, ack: u32, window: u32) {
        self.last_ack = ack;
        self.promised = later(self.promised, ack.wrapping_add(window));
    }

    /// Sends a segment that is complete but for its checksum.
    pub(super) fn transmit(&mut self, step: &mut Step<'_>, mut packet: Packet) {
        self.tally.sent_segment();
        packet.trusted = self.is_local();
        if !packet.trusted {
            fill_checksum(&mut packet, self.path.source, self.path.destination);
        }
        let outgoing = Outgoing {
            protocol: protocol::TCP,
            hop_limit: self.options.hop_limit,
            traffic_class: self.options.traffic_class,
            dont_fragment: true,
            loop_back: false,
        };
        step.stack.send(&self.path, &outgoing, packet, step.out);
    }

    /// The state, by the RFC's name.
    pub(super) fn state(&self) -> State {
        match &self.phase {
            Phase::SynSent => State::SynSent,
            Phase::SynReceived => State::SynReceived,
            Phase::Open(_) => self.teardown.state(),
            Phase::Gone(_) => State::Closed,
        }
    }
}

impl Signs {
    fn news(&self, before: &Self, disposition: Option<Disposition>) -> Notice {
        let mut notice = Notice::empty();
        notice.set(Notice::READABLE, self.readable > before.readable);
        notice.set(Notice::WRITABLE, self.room > before.room && before.open || self.open && !before.open);
        if self.fin_received && !before.fin_received {
            notice |= Notice::READABLE | Notice::READ_CLOSED;
        }
        // Who waits for all to have arrived looks again (SO_LINGER).
        notice
            .set(Notice::WRITABLE, notice.contains(Notice::WRITABLE) || self.fin_acked && !before.fin_acked);
        if self.gone && !before.gone {
            notice |= Notice::READABLE | Notice::WRITABLE | Notice::READ_CLOSED | Notice::CLOSED;
            notice.set(Notice::ERROR, disposition.is_some());
        }
        notice
    }
}
