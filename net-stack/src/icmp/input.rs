//! ICMP messages in.

use smoltcp::wire::{Icmpv4Packet, Icmpv6Packet};

use super::trouble::{Quoted, Report, Trouble};
use crate::{
    address::{Endpoint, IpAddr},
    demux::FourTuple,
    ip::{input::Incoming, protocol},
    net::{InterfaceId, Reach},
    outbox::Outbox,
    stack::Stack,
    time::Instant,
};

/// Message types.
const ECHO_REPLY: u8 = 0;
const ECHO: u8 = 8;
const ECHO_V6: u8 = 128;
const ECHO_REPLY_V6: u8 = 129;

impl Stack {
    pub(crate) fn icmp_input(&self, incoming: Incoming, now: Instant, out: &mut Outbox) {
        let v6 = incoming.header.source.is_ipv6();
        let bytes = incoming.packet.bytes();
        let Some(&[kind, code, _, _, a, b, c, d]) = bytes.first_chunk::<8>() else {
            return Self::count(&self.counters.malformed);
        };
        let sound = incoming.packet.trusted
            || match (incoming.header.source, incoming.header.destination) {
                (IpAddr::V6(source), IpAddr::V6(destination)) => {
                    Icmpv6Packet::new_unchecked(bytes).verify_checksum(&source, &destination)
                }
                _ => Icmpv4Packet::new_unchecked(bytes).verify_checksum(),
            };
        if !sound {
            return Self::count(&self.counters.malformed);
        }
        let identifier = u16::from_be_bytes([a, b]);
        match (v6, kind) {
            (false, ECHO) | (true, ECHO_V6) => self.answer_echo(incoming, out),
            (false, ECHO_REPLY) | (true, ECHO_REPLY_V6) => self.ping_input(&incoming, identifier, now, out),
            (true, _) if self.discovery_input(&incoming, now, out) || self.router_input(&incoming, now) => {}
            _ => {
                if let Some(trouble) = Trouble::of(v6, kind, code, u32::from_be_bytes([a, b, c, d])) {
                    let report = Report { trouble, kind, code, from: incoming.header.source, v6 };
                    self.report(&bytes[8..], incoming.interface, &report, now, out);
                }
            }
        }
    }

    /// RFC 1122, 3.2.2.6; RFC 4443, 4.2. Linux does not answer echoes to broadcasts; those to groups of IPv6 it does.
    fn answer_echo(&self, incoming: Incoming, out: &mut Outbox) {
        let header = incoming.header;
        let v6 = header.source.is_ipv6();
        if header.source.is_unspecified() || incoming.reach != Reach::Local && !v6 {
            return;
        }
        let from = (incoming.reach == Reach::Local).then_some(header.destination);
        let Ok(path) = self.network.read().path(header.source, from, None) else { return };
        let mut message = incoming.packet;
        message.bytes_mut()[0] = if v6 { ECHO_REPLY_V6 } else { ECHO_REPLY };
        self.send_icmp(&path, message, header.traffic_class, out);
    }

    /// A packet of ours met trouble: the socket that sent it hears of it.
    pub(crate) fn report(
        &self,
        quoted_bytes: &[u8],
        interface: InterfaceId,
        report: &Report,
        now: Instant,
        out: &mut Outbox,
    ) {
        let Some(quoted) = Quoted::parse(quoted_bytes) else { return };
        // Whoever quotes a packet that this host cannot have sent wants to disturb.
        if !self.network.read().is_local(quoted.source) || report.v6 != quoted.source.is_ipv6() {
            return;
        }
        let transport = &quoted_bytes[quoted.start..];
        // Of a transport header 8 bytes are quoted (RFC 792); only raw sockets send less.
        let Some(&[a, b, c, d, e, f, g, h]) = transport.first_chunk::<8>() else {
            return self.raw_error(&quoted, report, transport, now, out);
        };
        match quoted.protocol {
            protocol::UDP => {
                let local = Endpoint::new(quoted.source, u16::from_be_bytes([a, b]));
                let remote = Endpoint::new(quoted.destination, u16::from_be_bytes([c, d]));
                if let Some(socket) = self.udp.find(local, remote, interface) {
                    let payload = transport.get(8..).unwrap_or_default();
                    self.datagram_error(&socket, report, remote, payload, now, out);
                }
            }
            protocol::TCP => {
                let local = Endpoint::new(quoted.source, u16::from_be_bytes([a, b]));
                let remote = Endpoint::new(quoted.destination, u16::from_be_bytes([c, d]));
                let seq = u32::from_be_bytes([e, f, g, h]);
                self.tcp_error(FourTuple { local, remote }, seq, report, now, out);
            }
            protocol::ICMP | protocol::ICMPV6 => {
                let local = Endpoint::new(quoted.source, u16::from_be_bytes([e, f]));
                let remote = Endpoint::new(quoted.destination, 0);
                if let Some(socket) = self.ping.find(local, remote, interface) {
                    self.datagram_error(&socket, report, remote, transport, now, out);
                }
            }
            _ => {}
        }
        self.raw_error(&quoted, report, transport, now, out);
    }
}
