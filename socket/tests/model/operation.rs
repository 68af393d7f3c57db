//! The calls of a sequence.

use proptest::{prelude::*, sample::select};

/// How many sockets there can be at a time.
pub(crate) const SOCKETS: usize = 6;

/// SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET.
const KINDS: [i32; 3] = [1, 2, 5];

/// An address, as good or bad as programs make them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Address {
    /// One of a few files in the sequence's directory.
    Path(u8),
    /// One of a few abstract names; a name of the same number has the same bytes for all types.
    Abstract(u8),
    /// The family alone.
    Unnamed,
    /// AF_UNSPEC, with so many bytes in all.
    Unspecific(u8),
    /// AF_INET.
    Foreign,
    /// One byte.
    Short,
    /// 111 bytes.
    Long,
}

/// A call. Sockets are named by their places, modulo the number of places; a call on a place where there is none is made with a
/// descriptor that is not open.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Operation {
    Socket {
        kind: i32,
        nonblocking: bool,
    },
    Pair {
        kind: i32,
    },
    Bind(usize, Address),
    Connect(usize, Address),
    Listen(usize, i32),
    Accept(usize),
    Send {
        socket: usize,
        length: usize,
        flags: i32,
        to: Option<Address>,
    },
    Write(usize, usize),
    /// A gathering one, of parts of these lengths.
    Writev(usize, Vec<usize>),
    Receive {
        socket: usize,
        length: usize,
        flags: i32,
    },
    Read(usize, usize),
    Shutdown(usize, i32),
    Close(usize),
    /// Another descriptor for the same socket.
    Duplicate(usize),
    Name(usize),
    PeerName(usize),
    Option(usize, i32),
    SetSendBuffer(usize, i32),
    /// How many bytes can be read.
    Unread(usize),
    /// Whether anything is not received yet.
    Unsent(usize),
    SetNonblocking(usize, bool),
    Unlink(u8),
}

impl Operation {
    /// Any call.
    pub(crate) fn any() -> impl Strategy<Value = Self> {
        let socket = || 0..SOCKETS;
        let kind = || select(&KINDS[..]);
        let length = || prop_oneof![8 => 0_usize..12, 2 => 40_usize..400, 1 => Just(3000_usize)];
        let options = select(
            &[libc::SO_ERROR, libc::SO_TYPE, libc::SO_ACCEPTCONN, libc::SO_SNDBUF, libc::SO_DOMAIN][..],
        );
        prop_oneof![
            6 => (kind(), any::<bool>()).prop_map(|(kind, nonblocking)| Self::Socket { kind, nonblocking }),
            6 => kind().prop_map(|kind| Self::Pair { kind }),
            8 => (socket(), address()).prop_map(|(socket, to)| Self::Bind(socket, to)),
            10 => (socket(), address()).prop_map(|(socket, to)| Self::Connect(socket, to)),
            5 => (socket(), -1..4).prop_map(|(socket, backlog)| Self::Listen(socket, backlog)),
            6 => socket().prop_map(Self::Accept),
            14 => (socket(), length(), send_flags(), proptest::option::of(address()))
                .prop_map(|(socket, length, flags, to)| Self::Send { socket, length, flags, to }),
            8 => (socket(), length()).prop_map(|(socket, length)| Self::Write(socket, length)),
            2 => (socket(), proptest::collection::vec(0_usize..9, 0..4))
                .prop_map(|(socket, lengths)| Self::Writev(socket, lengths)),
            14 => (socket(), length(), receive_flags())
                .prop_map(|(socket, length, flags)| Self::Receive { socket, length, flags }),
            6 => (socket(), length()).prop_map(|(socket, length)| Self::Read(socket, length)),
            5 => (socket(), -1..4).prop_map(|(socket, how)| Self::Shutdown(socket, how)),
            5 => socket().prop_map(Self::Close),
            1 => socket().prop_map(Self::Duplicate),
            2 => socket().prop_map(Self::Name),
            2 => socket().prop_map(Self::PeerName),
            3 => (socket(), options).prop_map(|(socket, option)| Self::Option(socket, option)),
            1 => (socket(), select(&[0, 3000, 10_000, -1][..])).prop_map(|(socket, size)| Self::SetSendBuffer(socket, size)),
            2 => socket().prop_map(Self::Unread),
            2 => socket().prop_map(Self::Unsent),
            1 => (socket(), any::<bool>()).prop_map(|(socket, on)| Self::SetNonblocking(socket, on)),
            2 => (0..NAMES).prop_map(Self::Unlink),
        ]
    }
}

const NAMES: u8 = 3;

fn address() -> impl Strategy<Value = Address> {
    prop_oneof![
        8 => (0..NAMES).prop_map(Address::Path),
        8 => (0..NAMES).prop_map(Address::Abstract),
        2 => Just(Address::Unnamed),
        3 => select(&[2, 16, 110, 128][..]).prop_map(Address::Unspecific),
        1 => select(&[Address::Foreign, Address::Short, Address::Long][..]),
    ]
}

fn some_of(flags: &'static [i32]) -> impl Strategy<Value = i32> {
    prop_oneof![
        2 => Just(0),
        1 => proptest::sample::subsequence(flags, 0..=flags.len())
            .prop_map(|flags| flags.into_iter().fold(0, |all, flag| all | flag)),
    ]
}

fn send_flags() -> impl Strategy<Value = i32> {
    some_of(&[libc::MSG_DONTWAIT, libc::MSG_EOR, libc::MSG_MORE, libc::MSG_CONFIRM])
}

fn receive_flags() -> impl Strategy<Value = i32> {
    some_of(&[libc::MSG_DONTWAIT, libc::MSG_PEEK, libc::MSG_TRUNC, libc::MSG_WAITALL])
}

/// The payload of the `call`-th call of a sequence.
pub(crate) fn payload(call: usize, length: usize) -> Vec<u8> {
    (0..length).map(|index| (call * 31 + index) as u8).collect()
}

/// How many bytes, and which: the first of them, and a sum of all.
pub(crate) fn digest(bytes: &[u8]) -> String {
    let sum = bytes.iter().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(*byte)));
    format!("{} bytes {:x?} {sum:x}", bytes.len(), bytes.first())
}

/// Addresses as bytes, and as they are shown: the same on both sides.
pub(crate) struct Names {
    prefix: String,
    /// Names that autobind gave, in the order in which they were seen.
    given: Vec<Vec<u8>>,
}

impl Names {
    pub(crate) fn new(prefix: String) -> Self {
        Self { prefix, given: Vec::new() }
    }

    pub(crate) fn path(&self, number: u8) -> String {
        format!("{}/{number}", self.prefix)
    }

    /// A `struct sockaddr_un`, as much of it as belongs to the address.
    pub(crate) fn bytes(&self, address: Address) -> Vec<u8> {
        let unix = |rest: &[u8]| [&1_u16.to_ne_bytes(), rest].concat();
        match address {
            Address::Path(number) => unix(format!("{}\0", self.path(number)).as_bytes()),
            Address::Abstract(number) => unix(format!("\0{}\0{number}", self.prefix).as_bytes()),
            Address::Unnamed => unix(&[]),
            Address::Unspecific(length) => vec![0; length.into()],
            Address::Foreign => [&2_u16.to_ne_bytes()[..], &[1; 14]].concat(),
            Address::Short => vec![1],
            Address::Long => unix(&[b'x'; 109]),
        }
    }

    /// An address that a call gave.
    pub(crate) fn show(&mut self, bytes: &[u8]) -> String {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match bytes {
            [1, 0, 0, digits @ ..] if digits.len() == 5 && digits.iter().all(u8::is_ascii_hexdigit) => {
                let seen = self.given.iter().position(|given| given == digits).unwrap_or_else(|| {
                    self.given.push(digits.to_vec());
                    self.given.len() - 1
                });
                format!("given {seen}")
            }
            [1, 0, 0, name @ ..] => format!("abstract {}", text(name)),
            [1, 0, path @ ..] => format!("path {}", text(path)),
            other => format!("{other:x?}"),
        }
    }
}
