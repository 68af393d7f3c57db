//! A segment's header: RFC 9293, 3.1; its options: RFC 9293, 3.2, RFC 7323, RFC 2018.

use smoltcp::wire::TcpPacket;

use crate::{address::IpAddr, packet::Packet};

pub(super) const FIN: u8 = 1;
pub(super) const SYN: u8 = 2;
pub(super) const RST: u8 = 4;
pub(super) const PSH: u8 = 8;
pub(super) const ACK: u8 = 16;

/// What a segment says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) from: u16,
    pub(super) to: u16,
    pub(super) seq: u32,
    pub(super) ack: u32,
    pub(super) flags: u8,
    /// As it is in the header.
    pub(super) window: u16,
    pub(super) options: Options,
    /// How long the header is, with options.
    pub(super) header: usize,
    /// How many bytes of data.
    pub(super) length: usize,
}

/// The options that mean something here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) mss: Option<u16>,
    pub(super) scale: Option<u8>,
    pub(super) sack_permitted: bool,
    /// Value and echo reply.
    pub(super) timestamps: Option<(u32, u32)>,
}

impl Segment {
    /// Reads a segment. `None` where lengths lie.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let head = bytes.first_chunk::<20>()?;
        let header = usize::from(head[12] >> 4) * 4;
        let options = bytes.get(20..header)?;
        let half = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
        let word = |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        Some(Self {
            from: half(0),
            to: half(2),
            seq: word(4),
            ack: word(8),
            flags: head[13] & 0x3f,
            window: half(14),
            options: Options::parse(options),
            header,
            length: bytes.len() - header,
        })
    }

    pub(super) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// How many sequence numbers it takes.
    pub(super) fn span(&self) -> u32 {
        self.length as u32 + u32::from(self.has(SYN)) + u32::from(self.has(FIN))
    }

    /// The first sequence number after it.
    pub(super) fn end(&self) -> u32 {
        self.seq.wrapping_add(self.span())
    }

    /// The segment without data, its checksum still to be computed.
    pub(super) fn build(&self) -> Packet {
        let mut options = [0; 40];
        let length = self.options.write(&mut options);
        let mut packet = Packet::with_payload(20 + length);
        let bytes = packet.bytes_mut();
        bytes[0..2].copy_from_slice(&self.from.to_be_bytes());
        bytes[2..4].copy_from_slice(&self.to.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.seq.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.ack.to_be_bytes());
        bytes[12] = ((20 + length) / 4 * 16) as u8;
        bytes[13] = self.flags;
        bytes[14..16].copy_from_slice(&self.window.to_be_bytes());
        bytes[20..].copy_from_slice(&options[..length]);
        packet
    }
}

impl Options {
    /// Reads options; what is not understood is passed over, and what makes no sense ends the list.
    fn parse(mut bytes: &[u8]) -> Self {
        let mut options = Self::default();
        while let Some((kind, rest)) = bytes.split_first() {
            match kind {
                0 => break,
                1 => bytes = rest,
                _ => {
                    let Some(length) = rest.first().map(|length| usize::from(*length)) else { break };
                    let Some(body) = bytes.get(2..length) else { break };
                    options.note(*kind, body);
                    bytes = &bytes[length..];
                }
            }
        }
        options
    }

    fn note(&mut self, kind: u8, body: &[u8]) {
        match (kind, body) {
            (2, [a, b]) => self.mss = Some(u16::from_be_bytes([*a, *b])),
            // RFC 7323, 2.3: more than 14 is 14.
            (3, [scale]) => self.scale = Some((*scale).min(14)),
            (4, []) => self.sack_permitted = true,
            (8, [a, b, c, d, e, f, g, h]) => {
                let value = u32::from_be_bytes([*a, *b, *c, *d]);
                self.timestamps = Some((value, u32::from_be_bytes([*e, *f, *g, *h])));
            }
            _ => {}
        }
    }

    /// Writes them, in the order that Linux has, each at a multiple of 4; returns how many bytes.
    fn write(&self, into: &mut [u8; 40]) -> usize {
        let mut length = 0;
        let mut put = |bytes: &[u8]| {
            into[length..length + bytes.len()].copy_from_slice(bytes);
            length += bytes.len();
        };
        if let Some(mss) = self.mss {
            let [a, b] = mss.to_be_bytes();
            put(&[2, 4, a, b]);
        }
        if self.sack_permitted {
            put(&[1, 1, 4, 2]);
        }
        if let Some((value, echo)) = self.timestamps {
            put(&[1, 1, 8, 10]);
            put(&value.to_be_bytes());
            put(&echo.to_be_bytes());
        }
        if let Some(scale) = self.scale {
            put(&[1, 3, 3, scale]);
        }
        length
    }
}

/// Fills in the checksum.
pub(super) fn fill_checksum(packet: &mut Packet, source: IpAddr, destination: IpAddr) {
    TcpPacket::new_unchecked(packet.bytes_mut()).fill_checksum(&source.into(), &destination.into());
}

/// Whether the checksum is right.
pub(super) fn verify_checksum(bytes: &[u8], source: IpAddr, destination: IpAddr) -> bool {
    TcpPacket::new_unchecked(bytes).verify_checksum(&source.into(), &destination.into())
}

/// Writes other timestamps into the option of a segment that has one; whether it has.
pub(super) fn set_timestamps(bytes: &mut [u8], value: u32, echo: u32) -> bool {
    let header = usize::from(bytes[12] >> 4) * 4;
    let mut at = 20;
    while at < header {
        match bytes[at] {
            0 => return false,
            1 => at += 1,
            8 if at + 10 <= header => {
                bytes[at + 2..at + 6].copy_from_slice(&value.to_be_bytes());
                bytes[at + 6..at + 10].copy_from_slice(&echo.to_be_bytes());
                return true;
            }
            _ => at += usize::from(bytes[at + 1]).max(2),
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_is_read() {
        for options in [
            Options::default(),
            Options { timestamps: Some((7, 8)), ..Options::default() },
            Options { mss: Some(1460), scale: Some(7), sack_permitted: true, timestamps: Some((1, 0)) },
        ] {
            let mut segment = Segment {
                from: 1,
                to: 2,
                seq: 3,
                ack: 4,
                flags: SYN | ACK,
                window: 5,
                options,
                header: 0,
                length: 0,
            };
            let mut packet = segment.build();
            segment.header = packet.len();
            assert_eq!(Segment::parse(packet.bytes()), Some(segment));
            assert_eq!(set_timestamps(packet.bytes_mut(), 9, 10), options.timestamps.is_some());
            if options.timestamps.is_some() {
                segment.options.timestamps = Some((9, 10));
            }
            assert_eq!(Segment::parse(packet.bytes()), Some(segment));
            for length in 0..packet.len() {
                assert_eq!(Segment::parse(&packet.bytes()[..length]), None);
            }
        }
    }

    #[test]
    fn options_that_lie_end_the_list() {
        for bytes in [&[2, 4, 5][..], &[2, 0, 0, 0], &[2], &[8, 10, 1], &[3, 1, 7], &[254, 255, 0]] {
            assert_eq!(Options::parse(bytes), Options::default(), "{bytes:?}");
        }
        let odd = Options::parse(&[1, 254, 4, 9, 9, 3, 3, 200, 0, 2, 4, 5, 5]);
        assert_eq!(odd, Options { scale: Some(14), ..Options::default() });
    }
}
