//! Segments in: to the connection with the four-tuple, else to who listens.

use alloc::sync::Arc;

use super::{
    disposition::Disposition,
    flow::{Core, Flow, Phase, Step},
    request::Request,
    segment::{ACK, FIN, RST, SYN, Segment, fill_checksum, verify_checksum},
    sequence::{after, before},
    time_wait::{Answer, TimeWait},
    timers::Timed,
};
use crate::{
    address::Endpoint,
    demux::{FourTuple, Same},
    icmp::{Report, Trouble},
    ip::{Outgoing, input::Incoming, protocol},
    net::{InterfaceId, Path, Reach},
    outbox::Outbox,
    stack::Stack,
    time::Instant,
};

/// What a four-tuple leads to.
#[derive(Clone)]
pub(crate) enum Entry {
    Flow(Arc<Flow>),
    Request(Arc<Request>),
    TimeWait(Arc<TimeWait>),
}

impl Same for Entry {
    fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Flow(one), Self::Flow(other)) => Arc::ptr_eq(one, other),
            (Self::Request(one), Self::Request(other)) => Arc::ptr_eq(one, other),
            (Self::TimeWait(one), Self::TimeWait(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }
}

impl Stack {
    pub(crate) fn tcp_input(&self, incoming: Incoming, now: Instant, out: &mut Outbox) {
        let Incoming { header, packet, interface, reach, .. } = incoming;
        let Some(segment) = Segment::parse(packet.bytes()) else {
            return Self::count(&self.counters.malformed);
        };
        if !packet.trusted && !verify_checksum(packet.bytes(), header.source, header.destination) {
            return Self::count(&self.counters.malformed);
        }
        // RFC 9293, 3.9.2.3: TCP is between two hosts.
        if reach != Reach::Local || segment.to == 0 || header.source.is_unspecified() {
            return;
        }
        let local = Endpoint { address: header.destination, port: segment.to };
        let remote = Endpoint { address: header.source, port: segment.from };
        let tuple = FourTuple { local, remote };
        match self.tcp.find(&tuple) {
            Some(Entry::Flow(flow)) => {
                flow.step(self, now, out, |core, step| core.input(step, &segment, packet));
            }
            Some(Entry::Request(request)) => self.request_input(&request, &segment, packet, now, out),
            Some(Entry::TimeWait(waiting)) => {
                let answer = waiting.input(self, &segment, now, out);
                if let Answer::New(first) = answer {
                    // Only if somebody listens is the old connection forgotten.
                    if self.listeners.find(local, remote, interface).is_some() {
                        waiting.end(self);
                        self.listener_input(tuple, interface, &segment, packet, Some(first), now, out);
                    }
                }
            }
            None => self.listener_input(tuple, interface, &segment, packet, None, now, out),
        }
    }

    /// RFC 9293, 3.10.7.1: nobody has such a connection.
    pub(super) fn refuse_segment(&self, tuple: &FourTuple, segment: &Segment, out: &mut Outbox) {
        Self::count(&self.counters.no_receiver);
        if segment.has(RST) {
            return;
        }
        let (seq, ack, flags) =
            if segment.has(ACK) { (segment.ack, 0, RST) } else { (0, segment.end(), RST | ACK) };
        let (from, to) = (tuple.local.port, tuple.remote.port);
        let reply = Segment { from, to, seq, ack, flags, ..Segment::default() };
        if let Some(path) = self.path_back(tuple, None) {
            self.tcp_send(&path, &reply, out);
        }
    }

    /// The way back to who sent something.
    pub(super) fn path_back(&self, tuple: &FourTuple, device: Option<InterfaceId>) -> Option<Path> {
        self.network.read().path(tuple.remote.address, Some(tuple.local.address), device).ok()
    }

    /// Sends a segment that no connection sends.
    pub(super) fn tcp_send(&self, path: &Path, segment: &Segment, out: &mut Outbox) {
        let mut packet = segment.build();
        packet.trusted = path.reach == Reach::Local;
        if !packet.trusted {
            fill_checksum(&mut packet, path.source, path.destination);
        }
        let outgoing = Outgoing {
            protocol: protocol::TCP,
            hop_limit: 64,
            traffic_class: 0,
            dont_fragment: true,
            loop_back: false,
        };
        self.send(path, &outgoing, packet, out);
    }

    /// The connection is not found any more.
    pub(super) fn forget(&self, flow: &Arc<Flow>) {
        self.tcp.remove(&flow.tuple, &Entry::Flow(flow.clone()));
    }

    /// A segment of ours met trouble.
    pub(crate) fn tcp_error(
        &self,
        tuple: FourTuple,
        seq: u32,
        report: &Report,
        now: Instant,
        out: &mut Outbox,
    ) {
        if let Some(Entry::Flow(flow)) = self.tcp.find(&tuple) {
            flow.step(self, now, out, |core, step| core.trouble(step, seq, report.trouble));
        }
    }

    /// Looks after the connections whose time has come.
    pub(crate) fn tcp_tick(&self, now: Instant, out: &mut Outbox) {
        while let Some(timed) = self.timers.due(now) {
            match timed {
                Timed::Flow(flow) => {
                    if let Some(flow) = flow.upgrade() {
                        flow.step(self, now, out, |core, step| {
                            core.place = None;
                            core.tick(step);
                        });
                    }
                }
                Timed::Request(request) => {
                    if let Some(request) = request.upgrade() {
                        request.tick(self, now, out);
                    }
                }
                Timed::TimeWait(waiting) => {
                    if let Some(waiting) = waiting.upgrade() {
                        waiting.tick(self, now);
                    }
                }
            }
        }
    }
}

impl Core {
    /// A segment for this connection.
    pub(super) fn input(&mut self, step: &mut Step<'_>, segment: &Segment, packet: crate::packet::Packet) {
        // Two that exclude each other: an attack, or nonsense.
        if segment.has(SYN) && segment.has(FIN | RST) {
            return;
        }
        match self.phase {
            Phase::SynSent => self.syn_sent_input(step, segment),
            Phase::SynReceived => {
                if self.syn_received_input(step, segment) {
                    self.open_input(step, segment, packet);
                }
            }
            Phase::Open(_) => self.open_input(step, segment, packet),
            Phase::Gone(_) => {}
        }
    }

    /// RFC 5927: only what was sent and not yet acknowledged can have met trouble.
    fn trouble(&mut self, step: &mut Step<'_>, seq: u32, trouble: Trouble) {
        if before(seq, self.send_una) || after(seq, self.send_next) {
            return;
        }
        match (&self.phase, trouble) {
            (_, Trouble::TooBig { mtu }) => {
                // RFC 1191, 3; RFC 8201, 4: no way is as narrow as some say. What is too long already is split.
                let least = if self.path.source.is_ipv4() { 576 } else { 1280 };
                self.path.mtu = self.path.mtu.min(mtu.max(least));
            }
            (Phase::SynSent | Phase::SynReceived, _) => {
                self.die(step, Some(Disposition::Trouble(trouble)), false);
            }
            _ => self.soft = Some(trouble),
        }
    }
}
