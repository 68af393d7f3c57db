//! What is judged: the facts about one call, asked for one by one.

use crate::usage::kind_number;

/// The state of an open socket, as a struct rule over a descriptor may name it (`state = connected`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum SocketState {
    /// Created, without an address or a peer.
    Unbound,
    /// Has a local address.
    Bound,
    /// A connection is being made.
    Connecting,
    /// Has a peer.
    Connected,
    /// Accepts connections.
    Listening,
    /// The connection is over.
    Closed,
}

/// What never changes about an open socket: the three arguments that made it.
///
/// Family and type are kept one-hot, so that "the family is one of these and the type is one of those" is a single
/// test of one word against the bits that are forbidden.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Descriptor {
    bits: u64,
    family: u16,
    /// See [`kind_number`].
    kind_number: u16,
    kind: u8,
    protocol: u16,
}

/// Families are 0..AF_MAX (46 since Linux 5.15): the low bits of the one-hot word.
pub(crate) const FAMILIES: u32 = 46;
/// Types are 0..SOCK_MAX (11): the bits after the families.
pub(crate) const TYPES: u32 = 11;
pub(crate) const FAMILY_BITS: u64 = (1 << FAMILIES) - 1;
/// The bit after the types: every socket has it, and every row that needs further tests forbids it. One test so tells
/// both that the descriptor is admitted and that nothing else is to be looked at.
pub(crate) const FURTHER_TESTS: u64 = 1 << 63;
pub(crate) const TYPE_BITS: u64 = ((1 << TYPES) - 1) << FAMILIES;

impl Descriptor {
    /// A socket as socket(2) made it. `kind` is the type without its flag bits; `protocol` is what SO_PROTOCOL shows.
    ///
    /// A family or type that no Linux socket has conforms only to rules that do not name one.
    #[must_use]
    pub const fn new(family: u16, kind: u8, protocol: u16) -> Self {
        Self {
            bits: family_bit(family as u32) | type_bit(kind as u32) | FURTHER_TESTS,
            family,
            kind_number: kind_number(family, kind),
            kind,
            protocol,
        }
    }

    /// The address family (`AF_*`).
    #[must_use]
    pub const fn family(self) -> u16 {
        self.family
    }

    /// The socket's type (`SOCK_*`, without flags).
    #[must_use]
    pub const fn kind(self) -> u8 {
        self.kind
    }

    /// The protocol.
    #[must_use]
    pub const fn protocol(self) -> u16 {
        self.protocol
    }

    #[inline]
    pub(crate) const fn kind_number(self) -> u16 {
        self.kind_number
    }

    pub(crate) const fn bits(self) -> u64 {
        self.bits
    }
}

/// All bits for a family that does not exist: every word of forbidden bits then has one of them.
pub(crate) const fn family_bit(family: u32) -> u64 {
    if family < FAMILIES { 1 << family } else { FAMILY_BITS }
}

pub(crate) const fn type_bit(kind: u32) -> u64 {
    if kind < TYPES { 1 << (FAMILIES + kind) } else { TYPE_BITS }
}

/// A socket address as it was copied in: `sa_family` and what follows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Address<'a> {
    /// The bytes, as many as the length argument says.
    pub bytes: &'a [u8],
}

impl Address<'_> {
    /// `sa_family`; `AF_UNSPEC` where there are not even two bytes.
    #[must_use]
    pub const fn family(&self) -> u16 {
        match self.bytes {
            [low, high, ..] => u16::from_ne_bytes([*low, *high]),
            _ => 0,
        }
    }
}

/// The header of one control message (`cmsg(3)`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ControlHeader {
    /// `cmsg_len`: header and data, in bytes.
    pub length: usize,
    /// `cmsg_level`, the protocol that defines the type.
    pub level: i32,
    /// `cmsg_type`.
    pub kind: i32,
}

/// A `struct msghdr` as it was copied in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Message<'a> {
    /// `msg_name`; `None` where the pointer is NULL or the length 0.
    pub name: Option<Address<'a>>,
    /// `msg_iovlen`.
    pub parts: usize,
    /// `msg_control`; `None` where the pointer is NULL or the length 0. For a receiving call, what is asked for is not
    /// known beforehand: an empty slice then says that there is room.
    pub control: Option<&'a [ControlHeader]>,
    /// `msg_controllen` in bytes.
    pub control_length: usize,
    /// `msg_flags`.
    pub flags: u32,
}

/// One call that is to be judged. The matcher is compiled for each implementation and asks only for what the rules of
/// the call name; a parameter costs a load.
pub trait Subject {
    /// The raw register of a parameter, 0 to 5. The matcher looks at as many bits as the parameter has.
    fn parameter(&self, index: usize) -> u64;

    /// The socket behind the call's descriptor; `None` where the call has none or it is no socket.
    fn descriptor(&self) -> Option<Descriptor> {
        None
    }

    /// The state of that socket; asked for only by rules that name `state`.
    fn state(&self) -> SocketState {
        SocketState::Unbound
    }

    /// The address argument; `None` where it is absent (NULL, or length 0), or for the call to fill in.
    fn address(&self) -> Option<Address<'_>> {
        None
    }

    /// The `struct msghdr` argument of sendmsg and recvmsg. sendmmsg and recvmmsg are judged once per message.
    fn message(&self) -> Option<Message<'_>> {
        None
    }

    /// The bytes that a netlink socket is to send, as they were copied in; `None` where they are not known, and for other
    /// sockets.
    fn payload(&self) -> Option<&[u8]> {
        None
    }

    /// Any other memory that a pointer parameter reaches and that was copied in: an array of `struct pollfd`, an option's
    /// value, what an ioctl's argument points to. `None` where it is absent.
    fn memory(&self, parameter: usize) -> Option<&[u8]> {
        let _ = parameter;
        None
    }
}
