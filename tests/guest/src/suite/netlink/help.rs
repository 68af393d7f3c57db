//! Messages, made and taken apart; and devices to try them on.

use std::{
    os::fd::OwnedFd,
    sync::atomic::{AtomicU32, Ordering},
};

use crate::{
    address::Address,
    errno::{Errno, Result},
    sys::{self, Descriptor},
};

/// `NLM_F_REQUEST`, `NLM_F_ACK` and `NLM_F_DUMP`.
pub(crate) const REQUEST: u16 = libc::NLM_F_REQUEST as u16;
pub(crate) const ACK: u16 = REQUEST | libc::NLM_F_ACK as u16;
pub(crate) const DUMP: u16 = REQUEST | libc::NLM_F_DUMP as u16;
/// A new thing, which must not be there yet.
pub(crate) const NEW: u16 = ACK | (libc::NLM_F_CREATE | libc::NLM_F_EXCL) as u16;

/// The sequence number of all requests.
const SEQUENCE: u32 = 0x5ca1ab1e;

/// Sizes of the headers behind the message's.
pub(crate) const IFINFO: usize = 16;
pub(crate) const IFADDR: usize = 8;
pub(crate) const RTM: usize = 12;
pub(crate) const ND: usize = 12;

/// A message on its way out.
#[derive(Clone)]
pub(crate) struct Request(Vec<u8>);

fn pad(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}

/// An attribute.
pub(crate) fn attribute(kind: u16, data: &[u8]) -> Vec<u8> {
    let mut bytes = (4 + data.len() as u16).to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(data);
    pad(&mut bytes);
    bytes
}

impl Request {
    pub(crate) fn new(kind: u16, flags: u16, header: &[u8]) -> Self {
        let mut bytes = 0_u32.to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(flags.to_ne_bytes());
        bytes.extend(SEQUENCE.to_ne_bytes());
        bytes.extend([0; 4]);
        bytes.extend(header);
        pad(&mut bytes);
        Self(bytes)
    }

    /// About an interface: `struct ifinfomsg`.
    pub(crate) fn link(kind: u16, flags: u16, index: u32) -> Self {
        Self::link_flags(kind, flags, index, 0, 0)
    }

    pub(crate) fn link_flags(kind: u16, flags: u16, index: u32, value: i32, mask: i32) -> Self {
        let mut header = vec![0; 4];
        header.extend(index.to_ne_bytes());
        header.extend(value.to_ne_bytes());
        header.extend(mask.to_ne_bytes());
        Self::new(kind, flags, &header)
    }

    /// About an address: `struct ifaddrmsg`.
    pub(crate) fn address(kind: u16, flags: u16, family: i32, length: u8, index: u32) -> Self {
        let mut header = vec![family as u8, length, 0, 0];
        header.extend(index.to_ne_bytes());
        Self::new(kind, flags, &header)
    }

    /// About a route: `struct rtmsg`, of the main table.
    pub(crate) fn route(kind: u16, flags: u16, family: i32, length: u8, scope: u8) -> Self {
        Self::new(kind, flags, &[family as u8, length, 0, 0, 254, 4, scope, 1, 0, 0, 0, 0])
    }

    /// About a neighbour: `struct ndmsg`.
    pub(crate) fn neighbour(kind: u16, flags: u16, family: i32, index: u32) -> Self {
        let mut header = vec![family as u8, 0, 0, 0];
        header.extend(index.to_ne_bytes());
        header.extend((libc::NUD_PERMANENT).to_ne_bytes());
        header.extend([0, 0]);
        Self::new(kind, flags, &header)
    }

    /// One that is built already.
    pub(crate) fn raw(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    pub(crate) fn with(mut self, kind: u16, data: &[u8]) -> Self {
        self.0.extend(attribute(kind, data));
        self
    }

    pub(crate) fn text(self, kind: u16, text: &str) -> Self {
        self.with(kind, format!("{text}\0").as_bytes())
    }

    /// The bytes, with the length where it belongs.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.0.clone();
        let length = bytes.len() as u32;
        bytes[..4].copy_from_slice(&length.to_ne_bytes());
        bytes
    }
}

/// A message that has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) kind: u16,
    pub(crate) flags: u16,
    pub(crate) sequence: u32,
    pub(crate) port: u32,
    pub(crate) body: Vec<u8>,
}

fn half(bytes: &[u8]) -> u16 {
    u16::from_ne_bytes([bytes[0], bytes[1]])
}

pub(crate) fn word(bytes: &[u8]) -> u32 {
    u32::from_ne_bytes(*bytes.first_chunk().expect("four bytes"))
}

/// Attributes that follow each other.
pub(crate) fn attributes(mut bytes: &[u8]) -> Vec<(u16, Vec<u8>)> {
    let mut found = Vec::new();
    while bytes.len() >= 4 {
        let length = usize::from(half(bytes));
        assert!((4..=bytes.len()).contains(&length), "an attribute of {length} bytes in {}", bytes.len());
        found.push((half(&bytes[2..]) & 0x3fff, bytes[4..length].to_vec()));
        bytes = &bytes[length.next_multiple_of(4).min(bytes.len())..];
    }
    found
}

/// Messages that follow each other.
pub(crate) fn messages(mut bytes: &[u8]) -> Vec<Message> {
    let mut found = Vec::new();
    while bytes.len() >= 16 {
        let length = word(bytes) as usize;
        assert!((16..=bytes.len()).contains(&length), "a message of {length} bytes in {}", bytes.len());
        found.push(Message {
            kind: half(&bytes[4..]),
            flags: half(&bytes[6..]),
            sequence: word(&bytes[8..]),
            port: word(&bytes[12..]),
            body: bytes[16..length].to_vec(),
        });
        bytes = &bytes[length.next_multiple_of(4).min(bytes.len())..];
    }
    found
}

impl Message {
    /// What an attribute behind a header of that size says.
    pub(crate) fn get(&self, header: usize, kind: u16) -> Option<Vec<u8>> {
        let found = attributes(&self.body[header..]);
        found.into_iter().find(|(here, _)| *here == kind).map(|(_, data)| data)
    }

    pub(crate) fn number(&self, header: usize, kind: u16) -> Option<u32> {
        self.get(header, kind).map(|data| word(&data))
    }

    pub(crate) fn text(&self, header: usize, kind: u16) -> Option<String> {
        self.get(header, kind).map(|data| String::from_utf8_lossy(&data).trim_end_matches('\0').to_owned())
    }

    /// The errno of an acknowledgement, positive.
    pub(crate) fn errno(&self) -> Option<i32> {
        (self.kind == libc::NLMSG_ERROR as u16).then(|| -(word(&self.body) as i32))
    }

    /// The index in the header of a link, an address or a neighbour.
    pub(crate) fn index(&self) -> u32 {
        word(&self.body[4..])
    }
}

/// The address of a socket of the family.
pub(crate) fn address(port: u32, groups: u32) -> Address {
    let mut rest = [0; 10];
    rest[2..6].copy_from_slice(&port.to_ne_bytes());
    rest[6..].copy_from_slice(&groups.to_ne_bytes());
    Address::raw(libc::AF_NETLINK as u16, &rest)
}

/// Port and groups in an address.
pub(crate) fn parts(address: &Address) -> (u32, u32) {
    (word(&address.rest()[2..]), word(&address.rest()[6..]))
}

/// A socket for NETLINK_ROUTE.
#[track_caller]
pub(crate) fn route() -> Result<OwnedFd> {
    sys::socket(libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_ROUTE)
}

/// One that listens to groups, a bit for each of the first.
#[track_caller]
pub(crate) fn listener(groups: &[u32]) -> Result<OwnedFd> {
    let fd = route()?;
    let mask = groups.iter().map(|group| 1 << (group - 1)).sum();
    sys::bind(&fd, address(0, mask).bytes())?;
    Ok(fd)
}

/// The messages that wait, taken together.
#[track_caller]
pub(crate) fn receive(fd: &impl Descriptor, flags: i32) -> Result<Vec<Message>> {
    let mut room = vec![0; 64 << 10];
    let count = sys::recv(fd, &mut room, flags)?;
    Ok(messages(&room[..count]))
}

/// What is answered: all of an answer in parts, without its end.
#[track_caller]
pub(crate) fn answer(fd: &impl Descriptor) -> Result<Vec<Message>> {
    let mut all = Vec::new();
    loop {
        for message in receive(fd, 0)? {
            if message.kind == libc::NLMSG_DONE as u16 {
                return Ok(all);
            }
            let more = message.flags & libc::NLM_F_MULTI as u16 != 0;
            all.push(message);
            if !more {
                return Ok(all);
            }
        }
    }
}

/// How a message is sent.
pub(crate) type Send = fn(&OwnedFd, &[u8]) -> Result<usize>;

/// By send(2).
pub(crate) fn by_send(fd: &OwnedFd, bytes: &[u8]) -> Result<usize> {
    sys::send(fd, bytes, 0)
}

/// A socket, and how messages are sent over it.
pub(crate) struct Talk {
    pub(crate) fd: OwnedFd,
    send: Send,
}

impl Talk {
    #[track_caller]
    pub(crate) fn new() -> Result<Self> {
        Ok(Self { fd: route()?, send: by_send })
    }

    pub(crate) fn over(fd: OwnedFd, send: Send) -> Self {
        Self { fd, send }
    }

    /// Sends a message.
    #[track_caller]
    pub(crate) fn send(&self, request: &Request) -> Result<usize> {
        (self.send)(&self.fd, &request.bytes())
    }

    /// What is answered to a request.
    #[track_caller]
    pub(crate) fn ask(&self, request: &Request) -> Result<Vec<Message>> {
        self.send(request)?;
        let found = answer(&self.fd)?;
        match found.first().and_then(Message::errno) {
            Some(errno) if errno != 0 => Err(Errno(errno)),
            _ => Ok(found),
        }
    }

    /// Has something done that is acknowledged.
    #[track_caller]
    pub(crate) fn make(&self, request: &Request) -> Result<()> {
        self.ask(request).map(drop)
    }

    /// The interface of that name.
    #[track_caller]
    pub(crate) fn link(&self, name: &str) -> Result<Message> {
        let request = Request::link(libc::RTM_GETLINK, REQUEST, 0).text(libc::IFLA_IFNAME, name);
        Ok(self.ask(&request)?.remove(0))
    }

    /// Everything of a kind, of a family.
    #[track_caller]
    pub(crate) fn dump(&self, kind: u16, family: i32, header: usize) -> Result<Vec<Message>> {
        let mut bytes = vec![0; header];
        bytes[0] = family as u8;
        self.ask(&Request::new(kind, DUMP, &bytes))
    }

    /// Takes an interface into use, or out of it.
    #[track_caller]
    pub(crate) fn set_up(&self, index: u32, up: bool) -> Result<()> {
        let value = if up { libc::IFF_UP } else { 0 };
        self.make(&Request::link_flags(libc::RTM_NEWLINK, ACK, index, value, libc::IFF_UP))
    }

    /// Gives an interface an address of IPv4.
    #[track_caller]
    pub(crate) fn add_address(&self, index: u32, address: [u8; 4], length: u8) -> Result<()> {
        self.make(&new_address(index, address, length))
    }
}

/// `IFLA_INFO_KIND`
const INFO_KIND: u16 = 1;

/// A message that makes two devices.
pub(crate) fn new_pair(flags: u16, name: &str, peer: &str) -> Request {
    let mut inner = vec![0; IFINFO];
    inner.extend(attribute(libc::IFLA_IFNAME, format!("{peer}\0").as_bytes()));
    let data = attribute(libc::IFLA_INFO_DATA, &attribute(1, &inner));
    let info = [attribute(INFO_KIND, b"veth\0"), data].concat();
    Request::link(libc::RTM_NEWLINK, flags, 0).text(libc::IFLA_IFNAME, name).with(libc::IFLA_LINKINFO, &info)
}

/// A message that gives an interface an address.
pub(crate) fn new_address(index: u32, address: [u8; 4], length: u8) -> Request {
    Request::address(libc::RTM_NEWADDR, NEW, libc::AF_INET, length, index)
        .with(libc::IFA_LOCAL, &address)
        .with(libc::IFA_ADDRESS, &address)
}

/// Two devices at the ends of one line, in use; gone when dropped.
pub(crate) struct Pair {
    pub(crate) talk: Talk,
    pub(crate) name: String,
    pub(crate) peer: String,
    pub(crate) index: u32,
}

impl Pair {
    /// With names that nobody else has.
    #[track_caller]
    pub(crate) fn new() -> Result<Self> {
        Self::over(Talk::new()?)
    }

    #[track_caller]
    pub(crate) fn over(talk: Talk) -> Result<Self> {
        let [name, peer] = names();
        talk.make(&new_pair(NEW, &name, &peer))?;
        let index = talk.link(&name)?.index();
        let pair = Self { talk, name, peer, index };
        pair.talk.set_up(index, true)?;
        pair.talk.set_up(pair.talk.link(&pair.peer)?.index(), true)?;
        Ok(pair)
    }

    /// With an address of IPv4, and a network of 256.
    #[track_caller]
    pub(crate) fn with_address(talk: Talk) -> Result<Self> {
        let pair = Self::over(talk)?;
        pair.talk.add_address(pair.index, OWN, 24)?;
        Ok(pair)
    }
}

/// The address of [`Pair::with_address`], and another one on its link.
pub(crate) const OWN: [u8; 4] = [198, 18, 5, 1];
pub(crate) const NEAR: [u8; 4] = [198, 18, 5, 9];
/// Addresses somewhere else.
pub(crate) const FAR: [u8; 4] = [198, 19, 7, 0];

/// Two names for devices that nobody has.
pub(crate) fn names() -> [String; 2] {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let process = std::process::id() % 100_000;
    ["a", "b"].map(|end| format!("v{process}x{number}{end}"))
}

impl Drop for Pair {
    fn drop(&mut self) {
        // The test may have removed it itself.
        let gone = Request::link(libc::RTM_DELLINK, ACK, 0).text(libc::IFLA_IFNAME, &self.name);
        let _ = Talk::new().and_then(|talk| talk.make(&gone));
    }
}

/// Sends what is to go to a port.
pub(crate) fn send_to(fd: &impl Descriptor, bytes: &[u8], port: u32) -> Result<usize> {
    sys::sendto(fd, bytes, 0, address(port, 0).bytes())
}
