//! What the descriptors of a process are, from the calls that made them and from what `-y` and `-yy` say.

use std::{cell::Cell, collections::BTreeMap, rc::Rc};

use linux_raw_sys::net;

use crate::{
    domain::constants,
    subject::{Descriptor, SocketState},
};

use super::observed::descriptor;

/// An open socket. Descriptors that dup or fork made share it.
pub(super) type Socket = Rc<Cell<Open>>;

/// What is known of an open socket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Open {
    pub(super) descriptor: Descriptor,
    /// `None` where the trace begins after it was made.
    pub(super) state: Option<SocketState>,
    /// The cause for which the call that made it is refused: what happens on it would not happen.
    pub(super) refused: Option<usize>,
}

/// What a descriptor is.
#[derive(Clone, Debug)]
pub(super) enum Known {
    Socket(Socket),
    /// No socket.
    Other,
    /// The trace does not say.
    Unknown,
}

/// Entries beyond this are forgotten: no process has so many, and a log may claim anything.
const MOST: usize = 1 << 16;

/// The descriptors of a process.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    entries: BTreeMap<u64, Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    known: Known,
    close_on_exec: bool,
}

impl Table {
    pub(super) fn get(&self, number: u64) -> Known {
        self.entries.get(&number).map_or(Known::Unknown, |entry| entry.known.clone())
    }

    pub(super) fn insert(&mut self, number: u64, known: Known, close_on_exec: bool) {
        if self.entries.len() >= MOST && !self.entries.contains_key(&number) {
            return;
        }
        self.entries.insert(number, Entry { known, close_on_exec });
    }

    pub(super) fn duplicate(&mut self, number: u64, copy: u64, close_on_exec: bool) {
        match self.get(number) {
            Known::Unknown => self.close(copy),
            known => self.insert(copy, known, close_on_exec),
        }
    }

    pub(super) fn close(&mut self, number: u64) {
        self.entries.remove(&number);
    }

    pub(super) fn close_range(&mut self, first: u64, last: u64) {
        self.entries.retain(|number, _| !(first..=last).contains(number));
    }

    pub(super) fn set_close_on_exec(&mut self, first: u64, last: u64, close_on_exec: bool) {
        for (_, entry) in self.entries.range_mut(first..=last.max(first)) {
            entry.close_on_exec = close_on_exec;
        }
    }

    /// What execve does.
    pub(super) fn exec(&mut self) {
        self.entries.retain(|_, entry| !entry.close_on_exec);
    }
}

/// A socket that was just made.
pub(super) fn socket(descriptor: Descriptor, state: SocketState, refused: Option<usize>) -> Socket {
    Rc::new(Cell::new(Open { descriptor, state: Some(state), refused }))
}

/// What `-y` or `-yy` says of a descriptor, with what was known before.
pub(super) fn decorated(shown: &str, tracked: Known) -> Known {
    let (protocol, rest) = shown.split_once(':').unwrap_or((shown, ""));
    let Some(seen) = kind(protocol, rest) else {
        // A socket of which only the inode is shown.
        let socket = matches!(protocol, "socket" | "UNIX");
        return match (&tracked, socket) {
            (Known::Socket(_), true) => tracked,
            (_, true) => Known::Unknown,
            (_, false) => Known::Other,
        };
    };
    if let Known::Socket(socket) = &tracked {
        let known = socket.get().descriptor;
        if known.family() == seen.family() && (known.kind() == seen.kind() || !tells_type(protocol)) {
            return tracked;
        }
    }
    let state = rest.contains("->").then_some(SocketState::Connected);
    Known::Socket(Rc::new(Cell::new(Open { descriptor: seen, state, refused: None })))
}

/// Netlink's two types and packet sockets' are alike to strace.
fn tells_type(protocol: &str) -> bool {
    !matches!(protocol, "NETLINK" | "PACKET")
}

fn kind(protocol: &str, rest: &str) -> Option<Descriptor> {
    const STREAM: u8 = 1;
    const DGRAM: u8 = 2;
    const RAW: u8 = 3;
    const SEQPACKET: u8 = 5;
    let inet = |kind: u8, number: u32| (net::AF_INET, kind, number);
    let inet6 = |kind: u8, number: u32| (net::AF_INET6, kind, number);
    let (family, kind, number) = match protocol {
        "TCP" => inet(STREAM, 6),
        "TCPv6" => inet6(STREAM, 6),
        "MPTCP" => inet(STREAM, 262),
        "MPTCPv6" => inet6(STREAM, 262),
        "SCTP" => inet(STREAM, 132),
        "SCTPv6" => inet6(STREAM, 132),
        "UDP" => inet(DGRAM, 17),
        "UDPv6" => inet6(DGRAM, 17),
        "UDPLITE" => inet(DGRAM, 136),
        "UDPLITEv6" => inet6(DGRAM, 136),
        "PING" => inet(DGRAM, 1),
        "PINGv6" => inet6(DGRAM, 58),
        "RAW" => inet(RAW, 0),
        "RAWv6" => inet6(RAW, 0),
        "UNIX-STREAM" => (net::AF_UNIX, STREAM, 0),
        "UNIX-DGRAM" => (net::AF_UNIX, DGRAM, 0),
        "UNIX-SEQPACKET" => (net::AF_UNIX, SEQPACKET, 0),
        "NETLINK" => (net::AF_NETLINK, RAW, netlink(rest).unwrap_or_default()),
        "PACKET" => (net::AF_PACKET, RAW, 0),
        _ => return as_shown_here(protocol),
    };
    Some(descriptor(family as u16, kind, number as u16))
}

/// `[ROUTE:1234]`
fn netlink(rest: &str) -> Option<u32> {
    let (name, _) = rest.strip_prefix('[')?.split_once(':')?;
    constants::PROTOCOL_NETLINK.value(&format!("NETLINK_{name}"))
}

/// As explanations show a socket: `AF_INET SOCK_STREAM`, with a protocol if need be.
fn as_shown_here(text: &str) -> Option<Descriptor> {
    let mut words = text.split_whitespace();
    let family = constants::FAMILY.value(words.next()?)?;
    let kind = constants::TYPE.value(words.next()?)?;
    let protocol = match words.next() {
        Some(name) => constants::all().find_map(|domain| domain.value(name)).or_else(|| name.parse().ok())?,
        None => 0,
    };
    words.next().is_none().then(|| descriptor(family as u16, kind as u8, protocol as u16))
}

#[cfg(test)]
mod tests {
    use super::{Known, Open, SocketState, decorated, descriptor, socket};

    fn open(known: &Known) -> Option<Open> {
        match known {
            Known::Socket(socket) => Some(socket.get()),
            _ => None,
        }
    }

    #[track_caller]
    fn shown(text: &str) -> (u16, u8, u16) {
        let open = open(&decorated(text, Known::Unknown)).unwrap_or_else(|| panic!("{text}"));
        (open.descriptor.family(), open.descriptor.kind(), open.descriptor.protocol())
    }

    #[test]
    fn what_strace_says_of_a_socket() {
        assert_eq!(shown("TCP:[127.0.0.1:1->127.0.0.1:2]"), (2, 1, 6));
        assert_eq!(shown("TCPv6:[[::1]:80]"), (10, 1, 6));
        assert_eq!(shown("UDP:[1234]"), (2, 2, 17));
        assert_eq!(shown("UNIX-SEQPACKET:[1->2, \"/a\"]"), (1, 5, 0));
        assert_eq!(shown("NETLINK:[ROUTE:12]"), (16, 3, 0));
        assert_eq!(shown("NETLINK:[KOBJECT_UEVENT:12]"), (16, 3, 15));
        assert_eq!(shown("AF_INET6 SOCK_DGRAM"), (10, 2, 17));
        assert_eq!(shown("AF_INET SOCK_RAW IPPROTO_ICMP"), (2, 3, 1));
        let state = |text| open(&decorated(text, Known::Unknown)).unwrap().state;
        assert_eq!(state("TCP:[1.2.3.4:5->1.2.3.4:6]"), Some(SocketState::Connected));
        assert_eq!(state("TCP:[12]"), None);
    }

    #[test]
    fn what_is_no_socket_or_not_known() {
        for text in ["/dev/null<char 1:3>", "pipe:[12]", "anon_inode:[eventpoll]", "/tmp/TCP", ""] {
            assert!(matches!(decorated(text, Known::Unknown), Known::Other), "{text}");
        }
        assert!(matches!(decorated("socket:[12]", Known::Unknown), Known::Unknown));
        let tracked = Known::Socket(socket(descriptor(1, 2, 0), SocketState::Bound, None));
        assert_eq!(open(&decorated("socket:[12]", tracked.clone())).unwrap().state, Some(SocketState::Bound));
        assert_eq!(
            open(&decorated("UNIX-DGRAM:[12]", tracked.clone())).unwrap().state,
            Some(SocketState::Bound)
        );
        assert!(matches!(decorated("/etc/passwd", tracked), Known::Other));
    }
}
