//! A connection that somebody asks for, until he proves to be where he says: a SYN was received and answered. It takes a
//! few hundred bytes and no engine, so that a flood of SYNs cannot take much.

use alloc::sync::{Arc, Weak};

use spin::Mutex;

use super::{
    flow::{Core, Flow, OWN_SCALE, Phase, Retry},
    input::Entry,
    listener::Listening,
    options::TcpOptions,
    segment::{ACK, FIN, Options, RST, SYN, Segment},
    sequence::before,
    timers::{Place, Timed},
};
use crate::{
    demux::FourTuple,
    net::Path,
    outbox::{Outbox, Watched},
    packet::Packet,
    stack::Stack,
    time::Instant,
};

/// How often the answer is sent again: `net.ipv4.tcp_synack_retries`.
const RETRIES: u8 = 5;

pub(crate) struct Request {
    pub(super) listener: Weak<Listening>,
    pub(super) offer: Offer,
    state: Mutex<State>,
}

/// What the two SYNs said.
#[derive(Clone, Copy)]
pub(super) struct Offer {
    pub(super) tuple: FourTuple,
    pub(super) path: Path,
    /// The first sequence numbers, ours and the peer's.
    pub(super) ours: u32,
    pub(super) theirs: u32,
    pub(super) clock_offset: u32,
    /// The peer's options.
    pub(super) options: Options,
    /// The room that the peer was told of.
    pub(super) window: u16,
    /// The longest segment to be asked for.
    pub(super) mss: u16,
}

struct State {
    retry: Retry,
    place: Option<Place>,
    recent: u32,
    /// The peer has proven to be there, but nobody could take the connection yet.
    over: bool,
}

impl Offer {
    /// The answer to the peer's SYN.
    pub(super) fn answer(&self, now: Instant, recent: u32) -> Segment {
        let clock = (now.millis() as u32).wrapping_add(self.clock_offset);
        Segment {
            from: self.tuple.local.port,
            to: self.tuple.remote.port,
            seq: self.ours,
            ack: self.theirs.wrapping_add(1),
            flags: SYN | ACK,
            window: self.window,
            options: Options {
                mss: Some(self.mss),
                scale: self.options.scale.map(|_| OWN_SCALE),
                sack_permitted: self.options.sack_permitted,
                timestamps: self.options.timestamps.map(|_| (clock, recent)),
            },
            header: 0,
            length: 0,
        }
    }

    /// The connection, now that the peer has proven to be there.
    pub(super) fn open(&self, options: TcpOptions, ack: &Segment, now: Instant) -> Arc<Flow> {
        let mut core = Core::new(self.path, options, None, self.ours, now);
        let syn =
            Segment { seq: self.theirs, options: self.options, window: ack.window, ..Segment::default() };
        core.note_syn(&syn);
        core.clock_offset = self.clock_offset;
        core.recent = ack.options.timestamps.map_or(core.recent, |(value, _)| value);
        core.send_una = ack.ack;
        core.send_next = ack.ack;
        core.send_window = u32::from(ack.window) << core.peer_scale;
        core.phase = Phase::Open(None);
        Arc::new(Flow { tuple: self.tuple, watched: Watched::default(), core: Mutex::new(core) })
    }
}

impl Request {
    /// Enters a request and answers the SYN.
    pub(super) fn enter(
        stack: &Stack,
        listener: &Arc<Listening>,
        offer: Offer,
        now: Instant,
        out: &mut Outbox,
    ) -> bool {
        let recent = offer.options.timestamps.map_or(0, |(value, _)| value);
        let state = State { retry: Retry::start(now), place: None, recent, over: false };
        let request = Arc::new(Self { listener: Arc::downgrade(listener), offer, state: Mutex::new(state) });
        if !stack.tcp.insert(offer.tuple, &Entry::Request(request.clone())) {
            return false;
        }
        request.send(stack, now, out);
        request.arm(stack);
        true
    }

    fn send(&self, stack: &Stack, now: Instant, out: &mut Outbox) {
        let recent = self.state.lock().recent;
        stack.tcp_send(&self.offer.path, &self.offer.answer(now, recent), out);
    }

    fn arm(self: &Arc<Self>, stack: &Stack) {
        let mut state = self.state.lock();
        let at = state.retry.at.filter(|_| !state.over);
        stack.timers.set(&mut state.place, at, || Timed::Request(Arc::downgrade(self)));
    }

    /// Sends the answer again, or gives up.
    pub(super) fn tick(self: &Arc<Self>, stack: &Stack, now: Instant, out: &mut Outbox) {
        let give_up = {
            let mut state = self.state.lock();
            state.place = None;
            state.retry.again(now);
            state.retry.count > RETRIES
        };
        if give_up || self.listener.upgrade().is_none_or(|listener| listener.is_closed()) {
            self.end(stack);
        } else {
            self.send(stack, now, out);
            self.arm(stack);
        }
    }

    /// It is not found any more; whether it was until now.
    pub(super) fn end(self: &Arc<Self>, stack: &Stack) -> bool {
        let mut state = self.state.lock();
        if core::mem::replace(&mut state.over, true) {
            return false;
        }
        stack.timers.cancel(&mut state.place);
        drop(state);
        stack.tcp.remove(&self.offer.tuple, &Entry::Request(self.clone()));
        if let Some(listener) = self.listener.upgrade() {
            listener.request_over();
        }
        true
    }
}

impl Stack {
    /// `tcp_check_req` of Linux 6.1.
    pub(super) fn request_input(
        &self,
        request: &Arc<Request>,
        segment: &Segment,
        packet: Packet,
        now: Instant,
        out: &mut Outbox,
    ) {
        let offer = &request.offer;
        let expected = offer.theirs.wrapping_add(1);
        if segment.has(SYN) && !segment.has(ACK | RST | FIN) && segment.seq == offer.theirs {
            // The answer was lost.
            return request.send(self, now, out);
        }
        let value =
            segment.options.timestamps.map(|(value, _)| value).filter(|_| offer.options.timestamps.is_some());
        let old = value.is_some_and(|value| before(value, request.state.lock().recent));
        let edge = expected.wrapping_add(u32::from(offer.window));
        let inside = !before(segment.seq, expected) && before(segment.seq, edge);
        if segment.has(RST) {
            if segment.seq == expected {
                request.end(self);
            }
            return;
        }
        if old || !inside || segment.has(SYN) {
            if !segment.has(SYN) {
                let mut reply = request.offer.answer(now, request.state.lock().recent);
                (reply.flags, reply.seq) = (ACK, offer.ours.wrapping_add(1));
                reply.options = Options { timestamps: reply.options.timestamps, ..Options::default() };
                self.tcp_send(&offer.path, &reply, out);
            }
            return;
        }
        if !segment.has(ACK) {
            return;
        }
        if segment.ack != offer.ours.wrapping_add(1) {
            return self.refuse_segment(&offer.tuple, segment, out);
        }
        let listener = request.listener.upgrade().filter(|listener| !listener.is_closed());
        let Some(listener) = listener else {
            request.end(self);
            return self.refuse_segment(&offer.tuple, segment, out);
        };
        if listener.defers() && segment.length == 0 && !segment.has(FIN) {
            return;
        }
        let Some(options) = listener.reserve() else {
            // Nobody takes the connection now: the peer will ask again, as on Linux.
            return;
        };
        if !request.end(self) {
            listener.unreserve();
            return;
        }
        let flow = offer.open(options, segment, now);
        self.establish(&listener, flow, segment, packet, now, out);
    }

    /// A connection begins whose first acknowledgement is `segment`; the listener has kept a place for it.
    pub(super) fn establish(
        &self,
        listener: &Arc<Listening>,
        flow: Arc<Flow>,
        segment: &Segment,
        packet: Packet,
        now: Instant,
        out: &mut Outbox,
    ) {
        let binding = listener.binding_for(flow.tuple.local.address);
        flow.core.lock().binding = binding;
        if !self.tcp.insert(flow.tuple, &Entry::Flow(flow.clone())) {
            return listener.unreserve();
        }
        flow.step(self, now, out, |core, step| core.open_input(step, segment, packet));
        listener.push(flow, out);
    }
}
