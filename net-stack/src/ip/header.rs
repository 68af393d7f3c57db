//! The header of an IP packet, both versions: RFC 791 and RFC 8200.

use core::ops::Range;

use smoltcp::wire::{IpProtocol, Ipv4Packet, Ipv6Packet};

use crate::{
    address::{IpAddr, Ipv4Addr, Ipv6Addr},
    packet::Packet,
};

/// What is behind the IP header.
pub(crate) mod protocol {
    pub(crate) const ICMP: u8 = 1;
    pub(crate) const TCP: u8 = 6;
    pub(crate) const UDP: u8 = 17;
    pub(crate) const ICMPV6: u8 = 58;
    const HOP_BY_HOP: u8 = 0;
    const ROUTING: u8 = 43;
    pub(super) const FRAGMENT: u8 = 44;
    const DESTINATION: u8 = 60;

    /// Whether it is one of IPv6's further headers (RFC 8200, 4), all of one layout.
    pub(super) fn is_extension(protocol: u8) -> bool {
        matches!(protocol, HOP_BY_HOP | ROUTING | DESTINATION)
    }
}

/// So many further headers are followed: nobody honest sends more.
const EXTENSIONS_MAX: usize = 8;

/// What an IP header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    pub(crate) protocol: u8,
    pub(crate) hop_limit: u8,
    /// TOS, or traffic class.
    pub(crate) traffic_class: u8,
    /// Where in the packet the payload is.
    pub(crate) payload: Range<usize>,
    pub(crate) fragment: Option<Fragment>,
    pub(crate) dont_fragment: bool,
}

/// A part of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fragment {
    pub(crate) identification: u32,
    /// Where in the whole payload this one belongs, in bytes.
    pub(crate) offset: usize,
    pub(crate) more: bool,
}

/// The header makes no sense; the packet is dropped without a word (RFC 1122, 3.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

impl Header {
    /// Reads the header. `trusted`: the checksum need not be looked at.
    pub(crate) fn parse(bytes: &[u8], trusted: bool) -> Result<Self, Malformed> {
        match bytes.first().map(|first| first >> 4) {
            Some(4) => Self::parse_v4(bytes, trusted),
            Some(6) => Self::parse_v6(bytes),
            _ => Err(Malformed),
        }
    }

    fn parse_v4(bytes: &[u8], trusted: bool) -> Result<Self, Malformed> {
        let packet = Ipv4Packet::new_checked(bytes).map_err(|_| Malformed)?;
        let (start, end) = (usize::from(packet.header_len()), usize::from(packet.total_len()));
        if start < 20 || start > end || !(trusted || packet.verify_checksum()) {
            return Err(Malformed);
        }
        let fragment = (packet.more_frags() || packet.frag_offset() != 0).then(|| Fragment {
            identification: u32::from(packet.ident()),
            offset: usize::from(packet.frag_offset()),
            more: packet.more_frags(),
        });
        Ok(Self {
            source: packet.src_addr().into(),
            destination: packet.dst_addr().into(),
            protocol: packet.next_header().into(),
            hop_limit: packet.hop_limit(),
            traffic_class: bytes[1],
            payload: start..end,
            fragment,
            dont_fragment: packet.dont_frag(),
        })
    }

    fn parse_v6(bytes: &[u8]) -> Result<Self, Malformed> {
        let packet = Ipv6Packet::new_checked(bytes).map_err(|_| Malformed)?;
        let end = packet.total_len();
        let mut header = Self {
            source: packet.src_addr().into(),
            destination: packet.dst_addr().into(),
            protocol: packet.next_header().into(),
            hop_limit: packet.hop_limit(),
            traffic_class: packet.traffic_class(),
            payload: packet.header_len()..end,
            fragment: None,
            dont_fragment: true,
        };
        // IPv4 in IPv6's clothes does not come over a link: RFC 4038, 5.
        if mapped(packet.src_addr()) || mapped(packet.dst_addr()) {
            return Err(Malformed);
        }
        for _ in 0..EXTENSIONS_MAX {
            let rest = bytes.get(header.payload.clone()).ok_or(Malformed)?;
            if protocol::is_extension(header.protocol) && header.fragment.is_none_or(|part| part.offset == 0)
            {
                let length = rest.get(1).map(|length| 8 + 8 * usize::from(*length)).ok_or(Malformed)?;
                if length > rest.len() {
                    return Err(Malformed);
                }
                header.protocol = rest[0];
                header.payload.start += length;
            } else if header.protocol == protocol::FRAGMENT && header.fragment.is_none() {
                let [next, _, high, low, id @ ..] = rest.first_chunk::<8>().ok_or(Malformed)?;
                let offset = u16::from_be_bytes([*high, *low]);
                header.fragment = Some(Fragment {
                    identification: u32::from_be_bytes(*id),
                    offset: usize::from(offset & !7),
                    more: offset & 1 != 0,
                });
                header.protocol = *next;
                header.payload.start += 8;
                // What follows belongs to the whole packet.
                return Ok(header);
            } else {
                return Ok(header);
            }
        }
        Err(Malformed)
    }

    /// Puts an IP header in front of `packet`, which is its payload.
    pub(crate) fn put(&self, packet: &mut Packet) {
        let length = packet.len();
        match (self.source, self.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                self.put_v4(packet.push_front(20), 20 + length, source, destination);
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                let mut length = length;
                if let Some(part) = self.fragment {
                    let offset = part.offset as u16 & !7 | u16::from(part.more);
                    let bytes = packet.push_front(8);
                    bytes[..2].copy_from_slice(&[self.protocol, 0]);
                    bytes[2..4].copy_from_slice(&offset.to_be_bytes());
                    bytes[4..8].copy_from_slice(&part.identification.to_be_bytes());
                    length += 8;
                }
                self.put_v6(packet.push_front(40), length, source, destination);
            }
            _ => debug_assert!(false, "the versions of source and destination differ"),
        }
    }

    fn put_v4(&self, bytes: &mut [u8], total: usize, source: Ipv4Addr, destination: Ipv4Addr) {
        let mut header = Ipv4Packet::new_unchecked(&mut bytes[..20]);
        header.set_version(4);
        header.set_header_len(20);
        header.set_total_len(total as u16);
        header.clear_flags();
        header.set_dont_frag(self.dont_fragment);
        let fragment = self.fragment.unwrap_or(Fragment { identification: 0, offset: 0, more: false });
        header.set_ident(fragment.identification as u16);
        header.set_more_frags(fragment.more);
        header.set_frag_offset(fragment.offset as u16);
        header.set_hop_limit(self.hop_limit);
        header.set_next_header(IpProtocol::from(self.protocol));
        header.set_src_addr(source);
        header.set_dst_addr(destination);
        bytes[1] = self.traffic_class;
        Ipv4Packet::new_unchecked(&mut bytes[..20]).fill_checksum();
    }

    fn put_v6(&self, bytes: &mut [u8], length: usize, source: Ipv6Addr, destination: Ipv6Addr) {
        let next = if self.fragment.is_some() { protocol::FRAGMENT } else { self.protocol };
        let mut header = Ipv6Packet::new_unchecked(&mut bytes[..40]);
        header.set_version(6);
        header.set_traffic_class(self.traffic_class);
        header.set_flow_label(0);
        header.set_payload_len(length as u16);
        header.set_next_header(IpProtocol::from(next));
        header.set_hop_limit(self.hop_limit);
        header.set_src_addr(source);
        header.set_dst_addr(destination);
    }

    /// How long a header is that [`Header::put`] puts in front, without a fragment header.
    pub(crate) fn length(source: IpAddr) -> usize {
        if source.is_ipv4() { 20 } else { 40 }
    }
}

fn mapped(address: Ipv6Addr) -> bool {
    address.to_ipv4_mapped().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(v6: bool) -> Header {
        let ip = |text: &str| text.parse().unwrap();
        let (source, destination) =
            if v6 { (ip("2001:db8::1"), ip("2001:db8::2")) } else { (ip("10.0.0.1"), ip("10.0.0.2")) };
        let start = Header::length(source);
        Header {
            source,
            destination,
            protocol: protocol::UDP,
            hop_limit: 61,
            traffic_class: 0xb8,
            payload: start..start + 7,
            fragment: None,
            dont_fragment: true,
        }
    }

    #[test]
    fn what_is_put_is_read() {
        for v6 in [false, true] {
            let mut header = header(v6);
            let mut packet = Packet::copy(b"payload");
            header.put(&mut packet);
            assert_eq!(Header::parse(packet.bytes(), false).as_ref(), Ok(&header));
            header.fragment = Some(Fragment { identification: 77, offset: 1480, more: true });
            header.dont_fragment = v6;
            let mut packet = Packet::copy(b"payload");
            header.put(&mut packet);
            if v6 {
                header.payload = 48..55;
            }
            assert_eq!(Header::parse(packet.bytes(), false).as_ref(), Ok(&header));
        }
    }

    #[test]
    fn what_is_cut_or_lies_is_refused() {
        for v6 in [false, true] {
            let mut packet = Packet::copy(b"payload");
            header(v6).put(&mut packet);
            for length in 0..packet.len() {
                assert_eq!(Header::parse(&packet.bytes()[..length], false), Err(Malformed), "{length}");
            }
        }
        let mut packet = Packet::copy(b"payload");
        header(false).put(&mut packet);
        packet.bytes_mut()[8] ^= 1;
        assert_eq!(Header::parse(packet.bytes(), false), Err(Malformed), "the checksum");
        assert!(Header::parse(packet.bytes(), true).is_ok());
        packet.bytes_mut()[0] = 0x44;
        assert_eq!(Header::parse(packet.bytes(), true), Err(Malformed), "a header of 16 bytes");
        packet.bytes_mut()[0] = 0x54;
        assert_eq!(Header::parse(packet.bytes(), true), Err(Malformed), "version 5");
    }

    #[test]
    fn further_headers_of_ipv6_are_followed_to_a_limit() {
        let mut header = header(true);
        let chain = |count: usize| {
            let mut payload = Vec::new();
            for place in 0..count {
                payload.extend([if place + 1 == count { 17 } else { 60 }, 0, 1, 4, 0, 0, 0, 0]);
            }
            payload.extend(b"payload");
            payload
        };
        header.protocol = 60;
        let mut packet = Packet::copy(&chain(3));
        header.put(&mut packet);
        let parsed = Header::parse(packet.bytes(), false).unwrap();
        assert_eq!((parsed.protocol, &packet.bytes()[parsed.payload]), (17, &b"payload"[..]));
        let mut packet = Packet::copy(&chain(100));
        header.put(&mut packet);
        assert_eq!(Header::parse(packet.bytes(), false), Err(Malformed));
        let mut packet = Packet::copy(&[17, 255, 0, 0, 0, 0, 0, 0]);
        header.put(&mut packet);
        assert_eq!(Header::parse(packet.bytes(), false), Err(Malformed));
    }
}
