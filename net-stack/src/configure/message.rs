//! DHCP's messages: RFC 2131, 2, and their options, RFC 2132.

use alloc::vec::Vec;

use crate::{address::Ipv4Addr, neighbour::Mac};

/// What is before the options: RFC 2131, figure 1, and the four bytes by which options are known.
const OPTIONS: usize = 240;
const COOKIE: [u8; 4] = [99, 130, 83, 99];
const BOOTREQUEST: u8 = 1;
const BOOTREPLY: u8 = 2;
/// The answer is to be sent to all: whoever has no address yet cannot be reached otherwise.
const BROADCAST: u16 = 0x8000;

/// The shortest message that all servers take: RFC 1542, 2.1.
const LEAST: usize = 300;

mod option {
    pub(super) const PAD: u8 = 0;
    pub(super) const SUBNET_MASK: u8 = 1;
    pub(super) const ROUTER: u8 = 3;
    pub(super) const NAME_SERVER: u8 = 6;
    pub(super) const REQUESTED_ADDRESS: u8 = 50;
    pub(super) const LEASE_TIME: u8 = 51;
    pub(super) const MESSAGE_TYPE: u8 = 53;
    pub(super) const SERVER_IDENTIFIER: u8 = 54;
    pub(super) const PARAMETER_REQUEST: u8 = 55;
    pub(super) const END: u8 = 255;
}

/// DHCP message type: RFC 2132, 9.6.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Discover = 1,
    Offer = 2,
    Request = 3,
    Ack = 5,
    Nak = 6,
}

/// What a client says.
pub(super) struct Request {
    pub(super) kind: Kind,
    pub(super) transaction: u32,
    pub(super) mac: Mac,
    /// `ciaddr`: the address that the client has.
    pub(super) own: Option<Ipv4Addr>,
    pub(super) requested: Option<Ipv4Addr>,
    pub(super) server: Option<Ipv4Addr>,
}

/// What a server says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Reply {
    pub(super) kind: Kind,
    /// `yiaddr`: the address for the client.
    pub(super) address: Ipv4Addr,
    pub(super) server: Option<Ipv4Addr>,
    pub(super) prefix_length: Option<u8>,
    pub(super) router: Option<Ipv4Addr>,
    /// In seconds.
    pub(super) lease: Option<u32>,
}

impl Request {
    pub(super) fn build(&self) -> Vec<u8> {
        let mut bytes = alloc::vec![0; OPTIONS];
        // To Ethernet, whose addresses have 6 bytes.
        bytes[..3].copy_from_slice(&[BOOTREQUEST, 1, 6]);
        bytes[4..8].copy_from_slice(&self.transaction.to_be_bytes());
        match self.own {
            Some(own) => bytes[12..16].copy_from_slice(&own.octets()),
            None => bytes[10..12].copy_from_slice(&BROADCAST.to_be_bytes()),
        }
        bytes[28..34].copy_from_slice(&self.mac);
        bytes[236..].copy_from_slice(&COOKIE);
        bytes.extend([option::MESSAGE_TYPE, 1, self.kind as u8]);
        for (name, address) in
            [(option::REQUESTED_ADDRESS, self.requested), (option::SERVER_IDENTIFIER, self.server)]
        {
            if let Some(address) = address {
                bytes.extend([name, 4]);
                bytes.extend(address.octets());
            }
        }
        bytes.extend([
            option::PARAMETER_REQUEST,
            3,
            option::SUBNET_MASK,
            option::ROUTER,
            option::NAME_SERVER,
        ]);
        bytes.push(option::END);
        bytes.resize(bytes.len().max(LEAST), 0);
        bytes
    }
}

impl Reply {
    /// A server's message to this client about this transaction; `None` if it is anything else.
    pub(super) fn parse(bytes: &[u8], transaction: u32, mac: Mac) -> Option<Self> {
        let head = bytes.first_chunk::<OPTIONS>()?;
        if head[0] != BOOTREPLY
            || head[4..8] != transaction.to_be_bytes()
            || head[28..34] != mac
            || head[236..] != COOKIE
        {
            return None;
        }
        let address = |bytes: &[u8]| bytes.first_chunk::<4>().copied().map(Ipv4Addr::from);
        let mut kind = None;
        let mut reply = Self {
            kind: Kind::Nak,
            address: address(&head[16..20])?,
            server: None,
            prefix_length: None,
            router: None,
            lease: None,
        };
        let mut rest = &bytes[OPTIONS..];
        while let [name, after @ ..] = rest {
            match *name {
                option::PAD => {
                    rest = after;
                    continue;
                }
                option::END => break,
                _ => {}
            }
            let (length, after) = after.split_first()?;
            let (value, after) = after.split_at_checked(usize::from(*length))?;
            rest = after;
            match *name {
                option::MESSAGE_TYPE => {
                    kind = match value {
                        [2] => Some(Kind::Offer),
                        [5] => Some(Kind::Ack),
                        [6] => Some(Kind::Nak),
                        _ => return None,
                    };
                }
                option::SERVER_IDENTIFIER => reply.server = address(value),
                option::ROUTER => reply.router = address(value),
                option::SUBNET_MASK => {
                    // Ones, then zeros.
                    let mask = u32::from(address(value)?);
                    let ones = mask.leading_ones();
                    reply.prefix_length = (mask.count_ones() == ones).then_some(ones as u8);
                }
                option::LEASE_TIME => reply.lease = value.first_chunk().copied().map(u32::from_be_bytes),
                _ => {}
            }
        }
        reply.kind = kind?;
        Some(reply)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) const MAC: Mac = [2, 0, 0, 0, 0, 7];

    /// A server's answer.
    pub(in super::super) fn answer(kind: u8, transaction: u32, address: Ipv4Addr, options: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; OPTIONS];
        bytes[0] = BOOTREPLY;
        bytes[4..8].copy_from_slice(&transaction.to_be_bytes());
        bytes[16..20].copy_from_slice(&address.octets());
        bytes[28..34].copy_from_slice(&MAC);
        bytes[236..].copy_from_slice(&COOKIE);
        bytes.extend([53, 1, kind]);
        bytes.extend(options);
        bytes.push(255);
        bytes
    }

    #[test]
    fn answers_are_read_and_broken_ones_are_not() {
        let address = Ipv4Addr::new(10, 0, 2, 15);
        let options =
            [0, 54, 4, 10, 0, 2, 2, 1, 4, 255, 255, 255, 0, 3, 4, 10, 0, 2, 2, 51, 4, 0, 0, 14, 16, 77, 1, 9];
        let whole = answer(5, 7, address, &options);
        let reply = Reply::parse(&whole, 7, MAC).unwrap();
        let server = Some(Ipv4Addr::new(10, 0, 2, 2));
        let expected = Reply {
            kind: Kind::Ack,
            address,
            server,
            prefix_length: Some(24),
            router: server,
            lease: Some(3600),
        };
        assert_eq!(reply, expected);
        assert_eq!(Reply::parse(&whole, 8, MAC), None);
        assert_eq!(Reply::parse(&whole, 7, [2; 6]), None);
        // Cut anywhere: nothing, or less.
        for length in 0..whole.len() {
            if let Some(part) = Reply::parse(&whole[..length], 7, MAC) {
                assert!(part.kind == Kind::Ack && length > OPTIONS);
            }
        }
        assert_eq!(Reply::parse(&answer(5, 7, address, &[51, 200, 1]), 7, MAC), None);
        assert_eq!(Reply::parse(&answer(4, 7, address, &[]), 7, MAC), None);
        let holes = Reply::parse(&answer(5, 7, address, &[1, 4, 255, 0, 255, 0]), 7, MAC).unwrap();
        assert_eq!(holes.prefix_length, None);
    }

    #[test]
    fn requests_are_as_long_as_servers_want() {
        let request = Request {
            kind: Kind::Discover,
            transaction: 7,
            mac: MAC,
            own: None,
            requested: None,
            server: None,
        };
        let bytes = request.build();
        assert_eq!((bytes.len(), bytes[0], bytes[10]), (300, BOOTREQUEST, 0x80));
    }
}
