//! Messages and their attributes: read, and built (`linux/netlink.h`).

use alloc::vec::Vec;
use core::net::IpAddr;

use super::request::{Outcome, Refusal};
use crate::{error::Errno, interface::is_name};

/// `NLMSG_HDRLEN`: `struct nlmsghdr`.
pub(super) const HEADER: usize = 16;
/// `NLMSG_ALIGNTO`, which is `NLA_ALIGNTO`, too.
const ALIGNMENT: usize = 4;
/// `NLA_HDRLEN`: `struct nlattr`.
const ATTRIBUTE: usize = 4;
/// `NLA_TYPE_MASK`: what is above says how an attribute is laid out.
const TYPE_MASK: u16 = 0x3fff;

fn aligned(length: usize) -> usize {
    length.next_multiple_of(ALIGNMENT)
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|bytes| u16::from_ne_bytes(*bytes))
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes))
}

/// A message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message<'a> {
    /// With its header.
    pub(super) bytes: &'a [u8],
    pub(super) kind: u16,
    pub(super) flags: u16,
    pub(super) sequence: u32,
}

/// Messages that follow each other, up to a length that cannot be.
pub(super) fn messages(mut rest: &[u8]) -> impl Iterator<Item = Message<'_>> {
    core::iter::from_fn(move || {
        let length = word(rest, 0)? as usize;
        if length < HEADER {
            return None;
        }
        let bytes = rest.get(..length)?;
        rest = rest.get(aligned(length)..).unwrap_or_default();
        Some(Message { bytes, kind: half(bytes, 4)?, flags: half(bytes, 6)?, sequence: word(bytes, 8)? })
    })
}

impl<'a> Message<'a> {
    /// What follows the header.
    pub(super) fn body(&self) -> &'a [u8] {
        self.bytes.get(HEADER..).unwrap_or_default()
    }

    /// The header that the type of message has, of `N` bytes, and the attributes behind it.
    ///
    /// # Errors
    /// EINVAL where it is shorter.
    pub(super) fn parts<const N: usize>(&self) -> Outcome<(&'a [u8; N], Attributes<'a>)> {
        let header = self.body().first_chunk().ok_or(Refusal::new(Errno::EINVAL))?;
        let offset = HEADER + aligned(N);
        Ok((header, Attributes { rest: self.bytes.get(offset..).unwrap_or_default(), offset }))
    }
}

/// Attributes that follow each other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attributes<'a> {
    rest: &'a [u8],
    /// Where in the message they are.
    offset: usize,
}

/// An attribute.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attribute<'a> {
    /// Its type, without what says how it is laid out.
    pub(super) kind: u16,
    pub(super) data: &'a [u8],
    /// Where in the message it is.
    pub(super) offset: usize,
}

impl Attributes<'_> {
    /// Those that follow a header.
    pub(super) fn skip_bytes(self, length: usize) -> Self {
        let length = aligned(length);
        Self { rest: self.rest.get(length..).unwrap_or_default(), offset: self.offset + length }
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Attribute<'a>;

    fn next(&mut self) -> Option<Attribute<'a>> {
        let length = usize::from(half(self.rest, 0)?);
        let data = self.rest.get(ATTRIBUTE..length)?;
        let attribute = Attribute { kind: half(self.rest, 2)? & TYPE_MASK, data, offset: self.offset };
        self.rest = self.rest.get(aligned(length)..).unwrap_or_default();
        self.offset += aligned(length);
        Some(attribute)
    }
}

/// What an attribute is refused for that is too short or too long (`nla_policy` of Linux).
const POLICY: &str = "Attribute failed policy validation";

impl<'a> Attribute<'a> {
    fn refused(&self) -> Refusal {
        Refusal::new(Errno::ERANGE).because(POLICY).at(self.offset)
    }

    /// A number of 32 bits.
    ///
    /// # Errors
    /// ERANGE where there is less.
    pub(super) fn number(&self) -> Outcome<u32> {
        word(self.data, 0).ok_or_else(|| self.refused())
    }

    /// A byte.
    ///
    /// # Errors
    /// ERANGE where there is none.
    pub(super) fn byte(&self) -> Outcome<u8> {
        self.data.first().copied().ok_or_else(|| self.refused())
    }

    /// So many bytes.
    ///
    /// # Errors
    /// ERANGE where there are less.
    pub(super) fn array<const N: usize>(&self) -> Outcome<[u8; N]> {
        self.data.first_chunk().copied().ok_or_else(|| self.refused())
    }

    /// An address of the family's length.
    ///
    /// # Errors
    /// ERANGE where it is shorter.
    pub(super) fn address(&self, v6: bool) -> Outcome<IpAddr> {
        Ok(if v6 { IpAddr::from(self.array::<16>()?) } else { IpAddr::from(self.array::<4>()?) })
    }

    /// A name of an interface, up to its first zero: 1 to 15 bytes.
    ///
    /// # Errors
    /// ERANGE where it is longer, EINVAL for what cannot be a name (`dev_valid_name` of Linux).
    pub(super) fn name(&self) -> Outcome<&'a str> {
        /// `IFNAMSIZ`
        const SIZE: usize = 16;
        let text = self.data.split(|byte| *byte == 0).next().unwrap_or_default();
        if text.len() >= SIZE {
            return Err(self.refused());
        }
        let name = core::str::from_utf8(text).unwrap_or_default();
        if !is_name(name) {
            return Err(Refusal::new(Errno::EINVAL).at(self.offset));
        }
        Ok(name)
    }

    /// The attributes in it.
    pub(super) fn nested(&self) -> Attributes<'a> {
        Attributes { rest: self.data, offset: self.offset + ATTRIBUTE }
    }
}

/// Messages that are being built, one after the other.
#[derive(Default)]
pub(super) struct Builder {
    bytes: Vec<u8>,
    /// Where the last one begins.
    start: usize,
}

/// What the header of an answer says.
#[derive(Clone, Copy)]
pub(super) struct Header {
    pub(super) kind: u16,
    pub(super) flags: u16,
    pub(super) sequence: u32,
    pub(super) port: u32,
}

impl Builder {
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self { bytes: Vec::with_capacity(capacity), start: 0 }
    }

    /// To be continued.
    pub(super) fn of(bytes: Vec<u8>) -> Self {
        Self { bytes, start: 0 }
    }

    /// Begins a message.
    pub(super) fn begin(&mut self, header: Header) {
        let Header { kind, flags, sequence, port } = header;
        self.start = self.bytes.len();
        let mut bytes = [0; HEADER];
        bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
        bytes[6..8].copy_from_slice(&flags.to_ne_bytes());
        bytes[8..12].copy_from_slice(&sequence.to_ne_bytes());
        bytes[12..].copy_from_slice(&port.to_ne_bytes());
        self.bytes.extend_from_slice(&bytes);
    }

    /// Puts bytes into the message, and fills up.
    pub(super) fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.fill();
    }

    #[inline]
    fn fill(&mut self) {
        let odd = self.bytes.len() % ALIGNMENT;
        if odd != 0 {
            self.bytes.extend_from_slice(&[0; ALIGNMENT][odd..]);
        }
    }

    /// How long it is so far.
    pub(super) fn length(&self) -> usize {
        self.bytes.len()
    }

    /// Adds an attribute.
    #[inline]
    pub(super) fn attribute(&mut self, kind: u16, data: &[u8]) {
        let length = (ATTRIBUTE + data.len()) as u16;
        let [l0, l1] = length.to_ne_bytes();
        let [k0, k1] = kind.to_ne_bytes();
        self.bytes.extend_from_slice(&[l0, l1, k0, k1]);
        self.put(data);
    }

    /// As [`Builder::attribute`], in one piece: most attributes are of this length.
    #[inline]
    fn short(&mut self, length: u16, kind: u16, [d0, d1, d2, d3]: [u8; 4]) {
        let ([l0, l1], [k0, k1]) = (length.to_ne_bytes(), kind.to_ne_bytes());
        self.bytes.extend_from_slice(&[l0, l1, k0, k1, d0, d1, d2, d3]);
    }

    pub(super) fn number(&mut self, kind: u16, number: u32) {
        self.short(8, kind, number.to_ne_bytes());
    }

    pub(super) fn byte(&mut self, kind: u16, byte: u8) {
        self.short(5, kind, [byte, 0, 0, 0]);
    }

    /// Adds an attribute with a text that ends with a zero.
    pub(super) fn text(&mut self, kind: u16, text: &str) {
        let length = ATTRIBUTE + text.len() + 1;
        let ([l0, l1], [k0, k1]) = ((length as u16).to_ne_bytes(), kind.to_ne_bytes());
        self.bytes.extend_from_slice(&[l0, l1, k0, k1]);
        self.bytes.extend_from_slice(text.as_bytes());
        // The zero, and what fills up.
        self.bytes.extend_from_slice(&[0; ALIGNMENT][..aligned(length) - length + 1]);
    }

    pub(super) fn address(&mut self, kind: u16, address: IpAddr) {
        match address {
            IpAddr::V4(address) => self.attribute(kind, &address.octets()),
            IpAddr::V6(address) => self.attribute(kind, &address.octets()),
        }
    }

    /// Adds an attribute of attributes.
    pub(super) fn nest(&mut self, kind: u16, inner: impl FnOnce(&mut Self)) {
        let at = self.bytes.len();
        self.attribute(kind, &[]);
        inner(self);
        let length = (self.bytes.len() - at) as u16;
        if let Some(place) = self.bytes.get_mut(at..at + 2) {
            place.copy_from_slice(&length.to_ne_bytes());
        }
    }

    /// Ends the message. As in Linux, its length counts what fills up the last attribute.
    pub(super) fn end(&mut self) {
        let length = (self.bytes.len() - self.start) as u32;
        if let Some(place) = self.bytes.get_mut(self.start..self.start + 4) {
            place.copy_from_slice(&length.to_ne_bytes());
        }
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    const PLAIN: Header = Header { kind: 20, flags: 1, sequence: 7, port: 9 };

    fn built() -> Vec<u8> {
        let mut builder = Builder::default();
        builder.begin(PLAIN);
        builder.put(&[1, 2, 3]);
        builder.text(3, "eth0");
        builder.nest(5, |builder| {
            builder.number(1, 0xdead_beef);
            builder.byte(2, 8);
        });
        builder.address(6, [10, 0, 0, 1].into());
        builder.end();
        builder.begin(Header { kind: 3, ..PLAIN });
        builder.end();
        builder.finish()
    }

    #[test]
    fn what_is_built_is_read() {
        let bytes = built();
        let found: Vec<_> = messages(&bytes).collect();
        assert_eq!(found.len(), 2);
        let (header, attributes) = found[0].parts::<3>().unwrap();
        assert_eq!((found[0].kind, found[0].flags, found[0].sequence, *header), (20, 1, 7, [1, 2, 3]));
        let attributes: Vec<_> = attributes.collect();
        assert_eq!(attributes.iter().map(|it| it.kind).collect::<Vec<_>>(), [3, 5, 6]);
        assert_eq!(attributes[0].offset, 20);
        assert_eq!(attributes[0].name().unwrap(), "eth0");
        let inner: Vec<_> = attributes[1].nested().collect();
        assert_eq!((inner[0].number().unwrap(), inner[1].byte().unwrap()), (0xdead_beef, 8));
        assert_eq!(inner[0].offset, attributes[1].offset + 4);
        assert_eq!(attributes[2].address(false).unwrap(), IpAddr::from([10, 0, 0, 1]));
        assert!(attributes[2].address(true).is_err());
    }

    #[test]
    fn lengths_that_cannot_be_end_it() {
        let bytes = built();
        for cut in 0..bytes.len() {
            // Whatever is left of them, what is read lies in it.
            for message in messages(&bytes[..cut]) {
                assert!(message.bytes.len() <= cut);
            }
        }
        for length in [0_u32, 1, 15, 17, u32::MAX] {
            let mut header = vec![0; 16];
            header[..4].copy_from_slice(&length.to_ne_bytes());
            assert_eq!(messages(&header).count(), 0, "{length}");
        }
        for (length, count) in [(0_u16, 0), (3, 0), (4, 1), (8, 1), (9, 0), (u16::MAX, 0)] {
            let mut rest = vec![0; 8];
            rest[..2].copy_from_slice(&length.to_ne_bytes());
            rest[4..6].copy_from_slice(&length.to_ne_bytes());
            let attributes = Attributes { rest: &rest, offset: 0 };
            assert!(attributes.count() >= count.min(1), "{length}");
        }
    }

    #[test]
    fn names_are_names() {
        let name = |data| Attribute { kind: 3, data, offset: 0 }.name().is_ok();
        assert!(name(b"lo\0") && name(b"eth0") && name(b"abcdefghijklmno\0"));
        for bad in [&b""[..], b"\0", b".", b"..", b"a/b", b"a b", b"a:b", b"abcdefghijklmnop\0", b"\xff\xff"]
        {
            assert!(!name(bad), "{bad:?}");
        }
    }
}
