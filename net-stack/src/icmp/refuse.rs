//! What this host tells senders: that nobody waits for their packets.

use smoltcp::wire::{Icmpv4Packet, Icmpv6Packet};

use crate::{
    address::IpAddr,
    ip::{Outgoing, input::Incoming, protocol},
    net::{InterfaceId, Path, Reach},
    outbox::Outbox,
    packet::Packet,
    stack::Stack,
    time::Instant,
};

/// Why a packet is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Refusal {
    /// Nobody has the port.
    Port,
    /// Nobody knows the protocol.
    Protocol,
}

/// Messages a second to others: `net.ipv4.icmp_msgs_per_sec`.
const PER_SECOND: u64 = 1000;

/// So many may go at once: `net.ipv4.icmp_msgs_burst`.
const BURST: u64 = 50;

/// How many messages may still be sent: RFC 1812, 4.3.2.8; RFC 4443, 2.4 (f).
pub(crate) struct Rate {
    credit: u64,
    since: Instant,
}

impl Default for Rate {
    fn default() -> Self {
        Self { credit: BURST, since: Instant::ZERO }
    }
}

impl Rate {
    fn allows(&mut self, now: Instant) -> bool {
        let earned = now.since(self.since).as_micros() as u64 * PER_SECOND / 1_000_000;
        if earned > 0 {
            self.credit = BURST.min(self.credit + earned);
            self.since = now;
        }
        let allowed = self.credit > 0;
        self.credit -= u64::from(allowed);
        allowed
    }
}

impl Stack {
    /// Tells the sender that a packet is refused, unless such packets are not talked about: RFC 1122, 3.2.2;
    /// RFC 4443, 2.4 (e).
    pub(crate) fn refuse(&self, incoming: &Incoming, refusal: Refusal, now: Instant, out: &mut Outbox) {
        Self::count(&self.counters.no_receiver);
        let header = &incoming.header;
        if incoming.reach != Reach::Local || header.source.is_unspecified() {
            return;
        }
        if incoming.interface != InterfaceId::LOOPBACK && !self.icmp_rate.lock().allows(now) {
            return;
        }
        let v6 = header.source.is_ipv6();
        // As much of the packet as fits: 576 bytes in all (RFC 1812, 4.3.2.3), or 1280 (RFC 4443, 2.4 (c)).
        let room = if v6 { 1280 - 40 - 8 } else { 576 - 20 - 8 };
        let mut quoted = incoming.packet.duplicate();
        if !incoming.with_header(&mut quoted) {
            return;
        }
        let mut message = Packet::copy(&quoted.bytes()[..quoted.len().min(room)]);
        let (kind, code, rest) = match (v6, refusal) {
            (false, Refusal::Port) => (3, 3, 0),
            (false, Refusal::Protocol) => (3, 2, 0),
            (true, Refusal::Port) => (1, 4, 0),
            // The pointer to the field that names the protocol: that of the IPv6 header.
            (true, Refusal::Protocol) => (4, 1, 6u32),
        };
        let bytes = message.push_front(8);
        bytes[..4].copy_from_slice(&[kind, code, 0, 0]);
        bytes[4..8].copy_from_slice(&rest.to_be_bytes());
        let path = self.network.read().path(header.source, Some(header.destination), None);
        if let Ok(path) = path {
            self.send_icmp(&path, message, 0xc0, out);
        }
    }

    /// Sends an ICMP message, its checksum still to be computed.
    pub(crate) fn send_icmp(&self, path: &Path, mut message: Packet, class: u8, out: &mut Outbox) {
        let protocol = match (path.source, path.destination) {
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                Icmpv6Packet::new_unchecked(message.bytes_mut()).fill_checksum(&source, &destination);
                protocol::ICMPV6
            }
            _ => {
                Icmpv4Packet::new_unchecked(message.bytes_mut()).fill_checksum();
                protocol::ICMP
            }
        };
        let outgoing =
            Outgoing { protocol, hop_limit: 64, traffic_class: class, dont_fragment: false, loop_back: true };
        self.send(path, &outgoing, message, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_a_rate() {
        let mut rate = Rate::default();
        let count = |rate: &mut Rate, at| (0..2000).filter(|_| rate.allows(Instant::from_millis(at))).count();
        assert_eq!(count(&mut rate, 10_000), 50);
        assert_eq!(count(&mut rate, 10_010), 10);
        assert_eq!(count(&mut rate, 20_000), 50);
    }
}
