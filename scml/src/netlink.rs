//! Netlink messages in the bytes that a socket is to send (`netlink(7)`), as far as Linux reads them.

use linux_raw_sys::netlink as uapi;

/// `NLMSG_HDRLEN`, `NLMSG_ALIGNTO` and `NLA_HDRLEN`.
const HEADER: usize = 16;
const ALIGNMENT: usize = 4;
const ATTRIBUTE_HEADER: usize = 4;

/// `NLA_TYPE_MASK`: the two highest bits of an attribute's type say how it is laid out.
pub(crate) const TYPE_MASK: u64 = 0x3fff;

/// The messages, one after the other. Linux reads no further than a length that cannot be.
#[derive(Clone, Debug)]
pub(crate) struct Messages<'a> {
    pub(crate) rest: &'a [u8],
    /// The socket's protocol (`NETLINK_ROUTE`, ...).
    pub(crate) protocol: u16,
}

/// One of them, header and all.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Message<'a> {
    pub(crate) bytes: &'a [u8],
    protocol: u16,
}

impl<'a> Iterator for Messages<'a> {
    type Item = Message<'a>;

    fn next(&mut self) -> Option<Message<'a>> {
        let length = u32::from_ne_bytes(*self.rest.first_chunk()?) as usize;
        if length < HEADER {
            return None;
        }
        let bytes = self.rest.get(..length)?;
        self.rest = self.rest.get(length.next_multiple_of(ALIGNMENT)..).unwrap_or_default();
        Some(Message { bytes, protocol: self.protocol })
    }
}

impl<'a> Message<'a> {
    /// `nlmsg_type`
    pub(crate) fn message_type(self) -> u16 {
        self.bytes.get(4..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u16::from_ne_bytes(*bytes))
    }

    /// The attributes; none where the header of the message's type is not complete, as in the short forms of requests.
    pub(crate) fn attributes(self) -> Attributes<'a> {
        let rest = self.family_header().and_then(|length| self.bytes.get(HEADER + length..));
        Attributes { rest: rest.unwrap_or_default() }
    }

    /// How long the header is that stands between the message's and the attributes: those of `linux/rtnetlink.h`,
    /// `linux/genetlink.h` and `linux/*_diag.h`. `None` where there is nothing behind it that could be looked into.
    fn family_header(self) -> Option<usize> {
        let message_type = u32::from(self.message_type());
        match u32::from(self.protocol) {
            uapi::NETLINK_ROUTE if message_type >= uapi::RTM_NEWLINK as u32 => {
                // The types come in groups of four.
                match message_type & !3 {
                    // ifinfomsg
                    16 | 108 => Some(16),
                    // ifaddrmsg
                    20 | 56 | 60 => Some(8),
                    // rtmsg, ndmsg, fib_rule_hdr, prefixmsg, ifaddrlblmsg, if_stats_msg
                    24 | 28 | 32 | 52 | 72 | 92 => Some(12),
                    // tcmsg
                    36 | 40 | 44 | 100 => Some(20),
                    // tcamsg, ndtmsg, dcbmsg, netconfmsg, rtgenmsg
                    48 | 64 | 76 | 80 | 88 => Some(4),
                    // nduseroptmsg
                    68 => Some(16),
                    // br_port_msg, nhmsg, br_vlan_msg, tunnel_msg
                    84 | 104 | 112 | 116 | 120 => Some(8),
                    _ => None,
                }
            }
            uapi::NETLINK_GENERIC if message_type >= 16 => Some(4),
            uapi::NETLINK_SOCK_DIAG if message_type == 20 => match self.bytes.get(HEADER)? {
                // unix_diag_req, inet_diag_req_v2
                1 => Some(24),
                2 | 10 => Some(56),
                _ => None,
            },
            _ => None,
        }
    }
}

/// The attributes of a message, each with its header.
#[derive(Clone, Debug)]
pub(crate) struct Attributes<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Attributes<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let length = usize::from(u16::from_ne_bytes(*self.rest.first_chunk()?));
        if length < ATTRIBUTE_HEADER {
            return None;
        }
        let attribute = self.rest.get(..length)?;
        self.rest = self.rest.get(length.next_multiple_of(ALIGNMENT)..).unwrap_or_default();
        Some(attribute)
    }
}

#[cfg(test)]
mod tests {
    use alloc::{vec, vec::Vec};

    use super::*;

    fn message(length: u32, message_type: u16, rest: &[u8]) -> Vec<u8> {
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend(message_type.to_ne_bytes());
        bytes.extend([0; 10]);
        bytes.extend(rest);
        bytes
    }

    #[test]
    fn messages_follow_each_other() {
        let mut bytes = message(17, 3, &[7, 0, 0, 0]);
        bytes.extend(message(16, 2, &[]));
        bytes.extend([16, 0, 0]);
        let types = Messages { rest: &bytes, protocol: 0 }
            .map(|message| (message.message_type(), message.bytes.len()));
        assert_eq!(types.collect::<Vec<_>>(), [(3, 17), (2, 16)]);
    }

    #[test]
    fn lengths_that_cannot_be_end_it() {
        for bytes in [message(15, 3, &[]), message(0, 3, &[]), message(17, 3, &[]), message(u32::MAX, 3, &[])]
        {
            assert_eq!(Messages { rest: &bytes, protocol: 0 }.count(), 0);
        }
        let attributes = |bytes: &[u8]| Attributes { rest: bytes }.map(<[u8]>::len).collect::<Vec<_>>();
        assert_eq!(attributes(&[5, 0, 1, 0, 9, 0, 0, 0, 4, 0, 2, 0]), [5, 4]);
        assert_eq!(attributes(&[4, 0, 1, 0, 3, 0, 2, 0]), [4]);
        assert_eq!(attributes(&[8, 0, 1, 0]), [] as [usize; 0]);
        assert_eq!(attributes(&[4, 0]), [] as [usize; 0]);
    }

    #[test]
    fn attributes_stand_behind_the_header_of_the_type() {
        for (protocol, message_type, header) in
            [(0, 18, 16), (0, 22, 8), (0, 26, 12), (0, 38, 20), (16, 31, 4), (4, 20, 56)]
        {
            let mut rest = vec![2; header];
            rest.extend([6, 0, 1, 0, 0, 0, 0, 0, 4, 0, 3, 0]);
            let bytes = message(16 + rest.len() as u32, message_type, &rest);
            let found =
                Messages { rest: &bytes, protocol }.next().map(|message| message.attributes().count());
            assert_eq!(found, Some(2), "{protocol} {message_type}");
            // The short form of a request.
            let bytes = message(17, message_type, &[2, 0, 0, 0]);
            let found =
                Messages { rest: &bytes, protocol }.next().map(|message| message.attributes().count());
            assert_eq!(found, Some(0));
        }
        let bytes = message(24, 18, &[8, 0, 1, 0, 0, 0, 0, 0]);
        let kobject =
            Messages { rest: &bytes, protocol: 15 }.next().map(|message| message.attributes().count());
        assert_eq!(kobject, Some(0), "nothing is known of this protocol");
    }
}
