//! Datagrams in, and what was heard of those that were sent.

use alloc::{sync::Arc, vec::Vec};
use core::sync::atomic::Ordering;

use smoltcp::wire::UdpPacket;

use super::{
    Kind, Shared, State, Version,
    errors::{ErrorRecord, Origin},
    queue::Received,
};
use crate::{
    address::Endpoint,
    icmp::{Quoted, Refusal, Report},
    ip::{input::Incoming, protocol},
    net::Reach,
    outbox::{Notice, Outbox},
    packet::Packet,
    stack::Stack,
    time::Instant,
};

impl Stack {
    pub(crate) fn udp_input(&self, mut incoming: Incoming, now: Instant, out: &mut Outbox) {
        let header = &incoming.header;
        let Ok(udp) = UdpPacket::new_checked(incoming.packet.bytes()) else {
            return Self::count(&self.counters.malformed);
        };
        // RFC 8200, 8.1: over IPv6 a checksum is not optional.
        let sound = incoming.packet.trusted
            || udp.verify_checksum(&header.source.into(), &header.destination.into())
                && (header.source.is_ipv4() || udp.checksum() != 0);
        if !sound || udp.dst_port() == 0 {
            return Self::count(&self.counters.malformed);
        }
        let from = Endpoint::new(header.source, udp.src_port());
        let to = Endpoint::new(header.destination, udp.dst_port());
        let length = usize::from(udp.len());
        if incoming.reach != Reach::Local {
            incoming.packet.truncate(length);
            return self.udp_to_many(&incoming, from, to, now, out);
        }
        let Some(socket) = self.udp.find(to, from, incoming.interface) else {
            return self.refuse(&incoming, Refusal::Port, now, out);
        };
        incoming.packet.truncate(length);
        incoming.packet.pull_front(8);
        let state = socket.state.lock();
        self.store(&socket, state, incoming.packet.moved(), &incoming, from, now, out);
    }

    /// To a group or to all: every socket that wants it gets it, and nobody is told if none does.
    fn udp_to_many(&self, incoming: &Incoming, from: Endpoint, to: Endpoint, now: Instant, out: &mut Outbox) {
        for socket in self.udp.all(to.port) {
            let state = socket.state.lock();
            let Some(key) = state.key else { continue };
            let wanted = key.cover.contains(to.address)
                && key.device.is_none_or(|device| device == incoming.interface)
                && key.peer.is_none_or(|peer| peer == from)
                && state.hears(incoming);
            if wanted {
                let mut packet = incoming.packet.duplicate();
                packet.pull_front(8);
                self.store(&socket, state, packet, incoming, from, now, out);
            }
        }
    }

    /// The answer to an echo request.
    pub(crate) fn ping_input(&self, incoming: &Incoming, identifier: u16, now: Instant, out: &mut Outbox) {
        let from = Endpoint::new(incoming.header.source, 0);
        let to = Endpoint::new(incoming.header.destination, identifier);
        if let Some(socket) = self.ping.find(to, from, incoming.interface) {
            let state = socket.state.lock();
            self.store(&socket, state, incoming.packet.duplicate(), incoming, from, now, out);
        }
    }

    /// Raw sockets get a copy of what they asked for; whether there is one that did.
    pub(crate) fn deliver_raw(&self, incoming: &Incoming, now: Instant, out: &mut Outbox) -> bool {
        if self.raw_count.load(Ordering::Relaxed) == 0 {
            return false;
        }
        let sockets: Vec<_> =
            self.raw.read().iter().filter(|socket| socket.takes(incoming)).cloned().collect();
        let mut any = false;
        for socket in sockets {
            let state = socket.state.lock();
            if !state.takes_raw(incoming) {
                continue;
            }
            any = true;
            let mut packet = incoming.packet.duplicate();
            if socket.version == Version::V4 {
                incoming.with_header(&mut packet);
            }
            let from = Endpoint::new(incoming.header.source, 0);
            self.store(&socket, state, packet, incoming, from, now, out);
        }
        any
    }

    #[expect(clippy::too_many_arguments, reason = "what a datagram has")]
    fn store(
        &self,
        socket: &Shared,
        mut state: spin::MutexGuard<'_, State>,
        packet: Packet,
        incoming: &Incoming,
        from: Endpoint,
        now: Instant,
        out: &mut Outbox,
    ) {
        // After shutdown(2) Linux goes on receiving; only who waits is woken.
        let limit = state.options.receive_buffer;
        let received = Received {
            packet,
            from,
            to: incoming.header.destination,
            interface: incoming.interface,
            hop_limit: incoming.header.hop_limit,
            traffic_class: incoming.header.traffic_class,
            at: now,
        };
        let stored = state.queue.push(received, limit);
        drop(state);
        if stored {
            out.tell(&socket.watched, Notice::READABLE);
        } else {
            Self::count(&self.counters.no_room);
        }
    }

    /// A datagram of that socket met trouble.
    pub(crate) fn datagram_error(
        &self,
        socket: &Arc<Shared>,
        report: &Report,
        destination: Endpoint,
        payload: &[u8],
        _now: Instant,
        out: &mut Outbox,
    ) {
        let mut state = socket.state.lock();
        // The option is that of the socket's own version.
        if state.options.receive_errors && report.v6 == (socket.version == Version::V6) {
            state.errors.record(ErrorRecord {
                trouble: report.trouble,
                origin: if report.v6 { Origin::Icmpv6 } else { Origin::Icmp },
                kind: report.kind,
                code: report.code,
                offender: Some(report.from),
                destination,
                payload: Vec::from(payload),
            });
        } else if state.peer.is_none() || !report.trouble.is_lasting(report.v6, report.code) {
            // RFC 1122, 4.1.3.3: who is not connected cannot tell which of his datagrams it was.
            return;
        }
        state.errors.set(report.trouble);
        drop(state);
        out.tell(&socket.watched, Notice::ERROR | Notice::READABLE | Notice::WRITABLE);
    }

    /// Raw sockets hear of troubles of their protocol.
    pub(crate) fn raw_error(
        &self,
        quoted: &Quoted,
        report: &Report,
        payload: &[u8],
        now: Instant,
        out: &mut Outbox,
    ) {
        if self.raw_count.load(Ordering::Relaxed) == 0 {
            return;
        }
        let concerned = |socket: &&Arc<Shared>| {
            let version = if report.v6 { Version::V6 } else { Version::V4 };
            socket.kind == Kind::Raw { protocol: quoted.protocol } && socket.version == version
        };
        let sockets: Vec<_> = self.raw.read().iter().filter(concerned).cloned().collect();
        for socket in sockets {
            let state = socket.state.lock();
            let ours = state.local.is_none_or(|local| local == quoted.source)
                && state.peer.is_none_or(|peer| peer.address == quoted.destination);
            drop(state);
            if ours {
                let destination = Endpoint::new(quoted.destination, 0);
                self.datagram_error(&socket, report, destination, payload, now, out);
            }
        }
    }
}

impl Shared {
    /// Whether the packet is of the raw socket's protocol and version.
    fn takes(&self, incoming: &Incoming) -> bool {
        let version = if incoming.header.source.is_ipv4() { Version::V4 } else { Version::V6 };
        self.version == version && self.kind == Kind::Raw { protocol: incoming.header.protocol }
    }
}

impl State {
    /// Whether the socket wants to hear what is sent to a group.
    fn hears(&self, incoming: &Incoming) -> bool {
        let header = &incoming.header;
        if incoming.reach != Reach::Multicast {
            return true;
        }
        let wants = self.memberships.wants(incoming.interface, header.destination, header.source);
        wants.unwrap_or(self.options.multicast_all)
    }

    fn takes_raw(&self, incoming: &Incoming) -> bool {
        let header = &incoming.header;
        let kind = incoming.packet.bytes().first().copied().unwrap_or(0);
        let filtered = match header.protocol {
            protocol::ICMP => kind < 32 && self.options.icmp_filter >> kind & 1 != 0,
            protocol::ICMPV6 => self.options.icmp6_filter[usize::from(kind) / 32] >> (kind % 32) & 1 != 0,
            _ => false,
        };
        !filtered
            && self.local.is_none_or(|local| local == header.destination)
            && self.peer.is_none_or(|peer| peer.address == header.source)
            && self.options.device.is_none_or(|device| device == incoming.interface)
            && self.hears(incoming)
    }
}
