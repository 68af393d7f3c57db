//! Frames in and out.

use alloc::vec::Vec;

use super::{
    BROADCAST, Mac,
    message::{
        ADVERTISEMENT, ARP, Arp, IPV4, IPV6, SOLICITATION, discovery, group_mac, parse_discovery,
        put_ethernet, solicited_node,
    },
    table::{Known, Step},
};
use crate::{
    address::{IpAddr, Ipv6Addr},
    icmp::{Report, Trouble},
    ip::{Header, Outgoing, input::Incoming, protocol},
    net::{Change, InterfaceId, Path, Reach},
    outbox::Outbox,
    packet::Packet,
    stack::Stack,
    time::Instant,
};

impl Stack {
    /// The interface's own address, if it is Ethernet.
    pub(crate) fn mac(&self, interface: InterfaceId) -> Option<Mac> {
        self.network.read().interface(interface)?.mac()
    }

    /// Sends an IP packet to a neighbour, or to a group or all on the link.
    pub(crate) fn send_to_neighbour(
        &self,
        interface: InterfaceId,
        own: Mac,
        next_hop: IpAddr,
        packet: Packet,
        now: Instant,
        out: &mut Outbox,
    ) {
        if next_hop.is_multicast() || self.network.read().is_broadcast(next_hop) {
            return self.send_frame(interface, own, group_mac(next_hop), packet);
        }
        let source = Header::parse(packet.bytes(), true).map(|header| header.source).ok();
        let ask = match self.neighbours.send((interface, next_hop), packet, now) {
            Step::Send { to, packet, ask } => {
                self.send_frame(interface, own, to, packet);
                ask
            }
            Step::Wait { ask } => ask,
        };
        if ask {
            self.ask(interface, own, next_hop, source, out);
        }
    }

    /// Sends an IP packet in a frame.
    fn send_frame(&self, interface: InterfaceId, own: Mac, to: Mac, mut packet: Packet) {
        let kind = if packet.bytes().first().is_some_and(|first| first >> 4 == 6) { IPV6 } else { IPV4 };
        put_ethernet(&mut packet, to, own, kind);
        self.hand_over(interface, packet);
    }

    /// Asks who has an address.
    fn ask(
        &self,
        interface: InterfaceId,
        own: Mac,
        wanted: IpAddr,
        source: Option<IpAddr>,
        out: &mut Outbox,
    ) {
        let chosen = || self.network.read().path(wanted, None, Some(interface)).map(|path| path.source).ok();
        let source = source.filter(|source| self.network.read().is_local(*source)).or_else(chosen);
        match (wanted, source) {
            (IpAddr::V4(wanted), Some(IpAddr::V4(source))) => {
                let message = Arp { reply: false, sender: (own, source), target: ([0; 6], wanted) };
                self.send_arp(interface, own, BROADCAST, &message);
            }
            (IpAddr::V6(wanted), Some(IpAddr::V6(source))) => {
                let message = discovery(SOLICITATION, 0, wanted, own);
                self.send_discovery(interface, source, solicited_node(wanted), message, out);
            }
            _ => {}
        }
    }

    fn send_arp(&self, interface: InterfaceId, own: Mac, to: Mac, message: &Arp) {
        let mut packet = message.build();
        put_ethernet(&mut packet, to, own, ARP);
        self.hand_over(interface, packet);
    }

    fn send_discovery(
        &self,
        interface: InterfaceId,
        from: Ipv6Addr,
        to: Ipv6Addr,
        mut message: Packet,
        out: &mut Outbox,
    ) {
        smoltcp::wire::Icmpv6Packet::new_unchecked(message.bytes_mut()).fill_checksum(&from, &to);
        let reach = if to.is_multicast() { Reach::Multicast } else { Reach::Unicast };
        let (source, destination) = (IpAddr::from(from), IpAddr::from(to));
        let path = Path { interface, source, destination, next_hop: destination, mtu: 1280, reach };
        // RFC 4861, 7.1.1: nobody off the link can have sent what has all its hops left.
        let outgoing = Outgoing {
            protocol: protocol::ICMPV6,
            hop_limit: 255,
            traffic_class: 0,
            dont_fragment: true,
            loop_back: false,
        };
        self.send(&path, &outgoing, message, out);
    }

    /// Takes a frame that came in.
    pub(crate) fn ethernet_input(
        &self,
        interface: InterfaceId,
        own: Mac,
        mut frame: Packet,
        now: Instant,
        out: &mut Outbox,
    ) {
        let Some(header) = frame.bytes().first_chunk::<14>() else {
            return Self::count(&self.counters.malformed);
        };
        let kind = u16::from_be_bytes([header[12], header[13]]);
        // A frame for one other device: the link is shared, or listens to all.
        let for_others = header[0] & 1 == 0 && header[..6] != own;
        if for_others {
            return Self::count(&self.counters.not_for_us);
        }
        if let Some(device) = self.network.read().interface(interface) {
            device.statistics.count_received(frame.len());
        }
        frame.pull_front(14);
        match kind {
            ARP => self.arp_input(interface, own, &frame, now),
            IPV4 | IPV6 => self.input(interface, frame, now, out),
            _ => Self::count(&self.counters.not_for_us),
        }
    }

    /// RFC 826, "Packet Reception".
    fn arp_input(&self, interface: InterfaceId, own: Mac, frame: &Packet, now: Instant) {
        let Some(message) = Arp::parse(frame.bytes()) else {
            return Self::count(&self.counters.malformed);
        };
        let (mac, address) = message.sender;
        let for_us = {
            let network = self.network.read();
            let ours = IpAddr::from(message.target.1);
            network.interface(interface).is_some_and(|interface| interface.up && interface.has(ours))
        };
        // Who asks is about to send, so that he is noted; others only if they are known.
        if mac[0] & 1 == 0 && !address.is_unspecified() {
            self.release(interface, own, address.into(), mac, for_us && !message.reply, now);
        }
        if for_us && !message.reply {
            let reply = Arp { reply: true, sender: (own, message.target.1), target: message.sender };
            self.send_arp(interface, own, mac, &reply);
        }
    }

    /// A neighbour's address is known: what has waited for it goes.
    pub(crate) fn release(
        &self,
        interface: InterfaceId,
        own: Mac,
        address: IpAddr,
        mac: Mac,
        new: bool,
        now: Instant,
    ) {
        let (waiting, news) = self.neighbours.heard((interface, address), mac, new, now);
        for packet in waiting {
            self.send_frame(interface, own, mac, packet);
        }
        if news && let Some(neighbour) = self.neighbours.get((interface, address), now) {
            self.announce(&[Change::Neighbour { neighbour, gone: false }]);
        }
    }

    /// A solicitation or advertisement (RFC 4861, 7); whether the message is one.
    pub(crate) fn discovery_input(&self, incoming: &Incoming, now: Instant, out: &mut Outbox) -> bool {
        let bytes = incoming.packet.bytes();
        let kind = bytes.first().copied().unwrap_or(0);
        if !matches!(kind, SOLICITATION | ADVERTISEMENT) {
            return false;
        }
        let interface = incoming.interface;
        let sound = incoming.header.hop_limit == 255;
        let (Some(own), Some((target, mac))) =
            (self.mac(interface).filter(|_| sound), parse_discovery(bytes))
        else {
            return true;
        };
        let IpAddr::V6(source) = incoming.header.source else { return true };
        if kind == ADVERTISEMENT {
            if let Some(mac) = mac {
                self.release(interface, own, target.into(), mac, false, now);
            }
            return true;
        }
        let ours =
            self.network.read().interface(interface).is_some_and(|interface| interface.has(target.into()));
        if !ours {
            return true;
        }
        if let Some(mac) = mac.filter(|_| !source.is_unspecified()) {
            self.release(interface, own, source.into(), mac, true, now);
        }
        // To all who listen, if the asker has no address yet: RFC 4861, 7.2.4.
        let all_nodes = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
        let (to, flags) = if source.is_unspecified() { (all_nodes, 0x20) } else { (source, 0x60) };
        self.send_discovery(interface, target, to, discovery(ADVERTISEMENT, flags, target, own), out);
        true
    }

    /// All neighbours that are known.
    #[must_use]
    pub fn known_neighbours(&self, now: Instant) -> Vec<Known> {
        self.neighbours.list(now)
    }

    /// A neighbour, if it is known.
    #[must_use]
    pub fn neighbour(&self, interface: InterfaceId, address: IpAddr, now: Instant) -> Option<Known> {
        self.neighbours.get((interface, address), now)
    }

    /// Notes a neighbour on somebody's word, and sends what has waited for it.
    pub fn set_neighbour(&self, neighbour: Known, now: Instant) {
        let waiting = self.neighbours.set(&neighbour, now);
        if let (Some(own), Some(mac)) = (self.mac(neighbour.interface), neighbour.mac) {
            waiting.into_iter().for_each(|packet| self.send_frame(neighbour.interface, own, mac, packet));
        }
        self.announce(&[Change::Neighbour { neighbour, gone: false }]);
        self.flush(Outbox::default(), now);
    }

    /// Forgets a neighbour; whether it was known.
    pub fn remove_neighbour(&self, neighbour: Known) -> bool {
        let removed = self.neighbours.remove((neighbour.interface, neighbour.address));
        if removed {
            self.announce(&[Change::Neighbour { neighbour, gone: true }]);
        }
        removed
    }

    /// Asks again who has not answered; who does not at all is unreachable, and those who sent to him are told.
    pub(crate) fn neighbours_tick(&self, now: Instant, out: &mut Outbox) {
        let due = self.neighbours.due(now);
        for (interface, wanted) in due.ask {
            if let Some(own) = self.mac(interface) {
                self.ask(interface, own, wanted, None, out);
            }
        }
        for (interface, packet) in due.undelivered {
            let Ok(header) = Header::parse(packet.bytes(), true) else { continue };
            let v6 = header.source.is_ipv6();
            let (kind, code) = if v6 { (1, 3) } else { (3, 1) };
            let report = Report { trouble: Trouble::HostUnreachable, kind, code, from: header.source, v6 };
            self.report(packet.bytes(), interface, &report, now, out);
        }
    }
}
