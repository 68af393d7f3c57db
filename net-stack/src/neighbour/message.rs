//! The messages by which neighbours find each other.

use super::{BROADCAST, Mac};
use crate::{
    address::{IpAddr, Ipv4Addr, Ipv6Addr},
    packet::Packet,
};

/// What follows an Ethernet header.
pub(super) const IPV4: u16 = 0x0800;
pub(super) const ARP: u16 = 0x0806;
pub(super) const IPV6: u16 = 0x86dd;

/// Neighbour solicitation and advertisement: RFC 4861, 4.3 and 4.4.
pub(super) const SOLICITATION: u8 = 135;
pub(super) const ADVERTISEMENT: u8 = 136;

/// Puts an Ethernet header in front.
pub(super) fn put_ethernet(packet: &mut Packet, to: Mac, from: Mac, kind: u16) {
    let bytes = packet.push_front(14);
    bytes[..6].copy_from_slice(&to);
    bytes[6..12].copy_from_slice(&from);
    bytes[12..14].copy_from_slice(&kind.to_be_bytes());
}

/// An ARP message for IPv4 over Ethernet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Arp {
    pub(super) reply: bool,
    pub(super) sender: (Mac, Ipv4Addr),
    pub(super) target: (Mac, Ipv4Addr),
}

/// Ethernet, IPv4, and the lengths of their addresses.
const ARP_HEAD: [u8; 6] = [0, 1, 8, 0, 6, 4];

impl Arp {
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.first_chunk::<28>()?;
        let mac = |at: usize| bytes[at..].first_chunk::<6>().copied();
        let address = |at: usize| bytes[at..].first_chunk::<4>().copied().map(Ipv4Addr::from);
        let reply = match bytes[6..8] {
            [0, 1] => false,
            [0, 2] => true,
            _ => return None,
        };
        let known = bytes[..6] == ARP_HEAD;
        let message = Self { reply, sender: (mac(8)?, address(14)?), target: (mac(18)?, address(24)?) };
        known.then_some(message)
    }

    pub(super) fn build(&self) -> Packet {
        let mut packet = Packet::with_payload(28);
        let bytes = packet.bytes_mut();
        bytes[..6].copy_from_slice(&ARP_HEAD);
        bytes[7] = if self.reply { 2 } else { 1 };
        bytes[8..14].copy_from_slice(&self.sender.0);
        bytes[14..18].copy_from_slice(&self.sender.1.octets());
        bytes[18..24].copy_from_slice(&self.target.0);
        bytes[24..28].copy_from_slice(&self.target.1.octets());
        packet
    }
}

/// A solicitation or advertisement for `target`, from a device with that address.
pub(super) fn discovery(kind: u8, flags: u8, target: Ipv6Addr, own: Mac) -> Packet {
    let mut packet = Packet::with_payload(32);
    let bytes = packet.bytes_mut();
    (bytes[0], bytes[4]) = (kind, flags);
    bytes[8..24].copy_from_slice(&target.octets());
    // The sender's address, or the target's.
    bytes[24..26].copy_from_slice(&[if kind == SOLICITATION { 1 } else { 2 }, 1]);
    bytes[26..32].copy_from_slice(&own);
    packet
}

/// The target of such a message, and the device's address, if it is told.
pub(super) fn parse_discovery(bytes: &[u8]) -> Option<(Ipv6Addr, Option<Mac>)> {
    let target = Ipv6Addr::from(*bytes.get(8..)?.first_chunk::<16>()?);
    let wanted = if bytes[0] == SOLICITATION { 1 } else { 2 };
    let mut options = bytes.get(24..)?;
    let mut address = None;
    while let [kind, length, body @ ..] = options {
        // RFC 4861, 4.6: an option of length 0 spoils the message.
        let whole = usize::from(*length) * 8;
        if whole == 0 || whole > options.len() {
            return None;
        }
        if *kind == wanted {
            address = body.first_chunk::<6>().copied();
        }
        options = &options[whole..];
    }
    Some((target, address))
}

/// The group that whoever has the address listens to: RFC 4291, 2.7.1.
pub(super) fn solicited_node(address: Ipv6Addr) -> Ipv6Addr {
    let [.., a, b, c] = address.octets();
    Ipv6Addr::from([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, a, b, c])
}

/// The address of a group on Ethernet: RFC 1112, 6.4; RFC 2464, 7.
pub(super) fn group_mac(group: IpAddr) -> Mac {
    match group {
        IpAddr::V4(group) if group.is_multicast() => {
            let [_, a, b, c] = group.octets();
            [1, 0, 0x5e, a & 0x7f, b, c]
        }
        IpAddr::V4(_) => BROADCAST,
        IpAddr::V6(group) => {
            let [.., a, b, c, d] = group.octets();
            [0x33, 0x33, a, b, c, d]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_is_read() {
        let own = [2, 0, 0, 0, 0, 7];
        let arp = Arp {
            reply: true,
            sender: (own, Ipv4Addr::new(10, 0, 0, 1)),
            target: (BROADCAST, Ipv4Addr::new(10, 0, 0, 2)),
        };
        let packet = arp.build();
        assert_eq!(Arp::parse(packet.bytes()), Some(arp));
        (0..28).for_each(|length| assert_eq!(Arp::parse(&packet.bytes()[..length]), None));
        let target = "fe80::1:2".parse().unwrap();
        let packet = discovery(SOLICITATION, 0, target, own);
        assert_eq!(parse_discovery(packet.bytes()), Some((target, Some(own))));
        (0..24).for_each(|length| assert_eq!(parse_discovery(&packet.bytes()[..length]), None));
        (26..32).for_each(|length| assert_eq!(parse_discovery(&packet.bytes()[..length]), None));
    }

    #[test]
    fn groups_have_addresses() {
        assert_eq!(group_mac("224.129.2.3".parse().unwrap()), [1, 0, 0x5e, 1, 2, 3]);
        assert_eq!(group_mac("10.0.0.255".parse().unwrap()), BROADCAST);
        assert_eq!(group_mac("ff02::1:ff00:7".parse().unwrap()), [0x33, 0x33, 0xff, 0, 0, 7]);
        assert_eq!(
            solicited_node("fd00::12:3456".parse().unwrap()),
            "ff02::1:ff12:3456".parse::<Ipv6Addr>().unwrap()
        );
    }
}
