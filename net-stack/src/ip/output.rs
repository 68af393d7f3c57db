//! Packets out: the header, pieces where the packet is too long, and the way.

use super::{Fragment, Header};
use crate::{
    address::IpAddr,
    net::{InterfaceId, Path, Reach},
    outbox::Outbox,
    packet::Packet,
    random::Purpose,
    stack::Stack,
};

/// What is to be sent.
pub(crate) struct Outgoing {
    pub(crate) protocol: u8,
    pub(crate) hop_limit: u8,
    pub(crate) traffic_class: u8,
    /// Routers may not split it; this host may.
    pub(crate) dont_fragment: bool,
    /// Multicast and broadcast: this host gets it too.
    pub(crate) loop_back: bool,
}

impl Stack {
    /// Sends `packet`, a payload of IP, over `path`. Its checksum has been computed unless the path stays on this host.
    pub(crate) fn send(&self, path: &Path, outgoing: &Outgoing, mut packet: Packet, out: &mut Outbox) {
        let start = Header::length(path.source);
        let mut header = Header {
            source: path.source,
            destination: path.destination,
            protocol: outgoing.protocol,
            hop_limit: outgoing.hop_limit,
            traffic_class: outgoing.traffic_class,
            payload: start..start + packet.len(),
            fragment: None,
            dont_fragment: outgoing.dont_fragment,
        };
        if header.payload.end <= path.mtu as usize {
            header.put(&mut packet);
            self.send_ip(path, packet, outgoing.loop_back, out);
            return;
        }
        let identification = self.identification(path.source, path.destination);
        header.dont_fragment = false;
        let room = (path.mtu as usize).saturating_sub(start + if start == 40 { 8 } else { 0 }) & !7;
        if room == 0 {
            return;
        }
        let length = packet.len();
        for offset in (0..length).step_by(room) {
            let end = length.min(offset + room);
            let mut piece = Packet::copy(&packet.bytes()[offset..end]);
            piece.trusted = packet.trusted;
            header.fragment = Some(Fragment { identification, offset, more: end < length });
            header.put(&mut piece);
            self.send_ip(path, piece, outgoing.loop_back, out);
        }
    }

    /// Sends a packet with its IP header.
    pub(crate) fn send_ip(&self, path: &Path, packet: Packet, loop_back: bool, out: &mut Outbox) {
        let many = matches!(path.reach, Reach::Broadcast | Reach::Multicast);
        if path.interface == InterfaceId::LOOPBACK {
            out.local.push_back((InterfaceId::LOOPBACK, packet));
            return;
        }
        if many
            && loop_back
            && (path.reach == Reach::Broadcast || self.is_member(path.destination, path.interface))
        {
            let mut own = packet.duplicate();
            own.trusted = true;
            out.local.push_back((path.interface, own));
        }
        self.transmit(path, packet, out);
    }

    /// A number that tells the pieces of this packet from those of others, and that strangers cannot foresee: RFC 7739.
    fn identification(&self, source: IpAddr, destination: IpAddr) -> u32 {
        let count = self.packets.fetch_add(1, core::sync::atomic::Ordering::Relaxed);
        (self.secret.hash(Purpose::Identification, (source, destination)) as u32).wrapping_add(count)
    }
}
