//! Packets in: what is for this host goes to whom it is for.

use super::{Header, protocol, reassembly::Outcome};
use crate::{
    address::{IpAddr, unspecified},
    icmp,
    net::{InterfaceId, Reach},
    outbox::Outbox,
    packet::Packet,
    stack::Stack,
    time::Instant,
};

/// A packet that is whole and for this host, its payload apart from its header.
pub(crate) struct Incoming {
    pub(crate) header: Header,
    /// Begins with the payload; the IP header is still in front of it.
    pub(crate) packet: Packet,
    pub(crate) interface: InterfaceId,
    pub(crate) reach: Reach,
    /// The IP header is in front of the payload, so that it can be quoted and shown.
    pub(crate) header_length: usize,
}

impl Incoming {
    /// Shows the IP header again in front of `packet`, a copy of the payload; whether that was possible.
    pub(crate) fn with_header(&self, packet: &mut Packet) -> bool {
        let header = self.packet.pulled(self.header_length);
        match header {
            Some(header) => {
                packet.push_front(self.header_length)[..self.header_length].copy_from_slice(header);
            }
            None => return false,
        }
        true
    }
}

impl Stack {
    /// Takes an IP packet that came in.
    pub(crate) fn input(&self, interface: InterfaceId, packet: Packet, now: Instant, out: &mut Outbox) {
        let count = |counter: &core::sync::atomic::AtomicU64| {
            counter.fetch_add(1, core::sync::atomic::Ordering::Relaxed);
        };
        count(&self.counters.received);
        let Ok(header) = Header::parse(packet.bytes(), packet.trusted) else {
            return count(&self.counters.malformed);
        };
        let Some(reach) = self.admitted(&header, packet.len(), interface) else {
            return count(&self.counters.not_for_us);
        };
        if let Some(part) = header.fragment {
            let outcome = self.reassembly.lock().add(&header, part, packet, now);
            if let Outcome::Whole(header, mut packet) = outcome {
                // As if it had come whole.
                let mut whole = header.clone();
                whole.put(&mut packet);
                let header_length = Header::length(header.source);
                packet.pull_front(header_length);
                whole.payload = header_length..header_length + packet.len();
                self.deliver(Incoming { header: whole, packet, interface, reach, header_length }, now, out);
            }
            return;
        }
        let mut packet = packet;
        packet.truncate(header.payload.end);
        let header_length = header.payload.start;
        packet.pull_front(header_length);
        self.deliver(Incoming { header, packet, interface, reach, header_length }, now, out);
    }

    /// Whether the packet is for this host, and how.
    fn admitted(&self, header: &Header, length: usize, interface: InterfaceId) -> Option<Reach> {
        let network = self.network.read();
        let from_outside = interface != InterfaceId::LOOPBACK;
        let device = network.interface(interface).filter(|interface| interface.up)?;
        // On Ethernet it was counted as it came, with its header.
        if device.mac().is_none() {
            device.statistics.count_received(length);
        }
        // RFC 1122, 3.2.1.3: nobody sends from such addresses, and loopback addresses are seen on no link.
        let source = header.source;
        if source.is_multicast()
            || network.is_broadcast(source)
            || from_outside && (source.is_loopback() || header.destination.is_loopback())
            || from_outside && header.protocol == protocol::TCP && network.is_local(source)
        {
            return None;
        }
        if source == unspecified(source) && header.protocol == protocol::TCP {
            return None;
        }
        let reach = network.reach(header.destination);
        drop(network);
        match reach {
            Reach::Local | Reach::Broadcast => Some(reach),
            Reach::Multicast => self.is_member(header.destination, interface).then_some(reach),
            // This host is no router.
            Reach::Unicast => None,
        }
    }

    fn deliver(&self, incoming: Incoming, now: Instant, out: &mut Outbox) {
        let raw = self.deliver_raw(&incoming, now, out);
        match (incoming.header.protocol, incoming.header.source) {
            (protocol::TCP, _) => self.tcp_input(incoming, now, out),
            (protocol::UDP, _) => self.udp_input(incoming, now, out),
            (protocol::ICMP, IpAddr::V4(_)) | (protocol::ICMPV6, IpAddr::V6(_)) => {
                self.icmp_input(incoming, now, out);
            }
            _ if raw => {}
            _ => self.refuse(&incoming, icmp::Refusal::Protocol, now, out),
        }
    }
}
