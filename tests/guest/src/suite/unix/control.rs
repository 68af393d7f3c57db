//! Control messages: made by hand, so that they may also be wrong, and taken apart.

use std::{
    io::{IoSlice, IoSliceMut},
    os::fd::OwnedFd,
};

use crate::{
    errno::Result,
    sys::{self, Descriptor, Envelope, Header},
};

/// `sizeof(struct cmsghdr)`
pub(crate) const HEADER: usize = 16;

/// `SCM_CREDENTIALS`
pub(crate) const CREDENTIALS: i32 = libc::SCM_CREDENTIALS;
/// `SCM_RIGHTS`
pub(crate) const RIGHTS: i32 = libc::SCM_RIGHTS;
/// `SO_PASSPIDFD`, likewise missing in libc.
pub(crate) const PASSPIDFD: i32 = 76;
/// `SCM_PIDFD`, which libc lacks.
pub(crate) const PIDFD: i32 = 4;

/// `SO_PEERPIDFD`
pub(crate) const PEERPIDFD: i32 = 77;

/// CMSG_LEN
pub(crate) fn length(data: usize) -> usize {
    HEADER + data
}

/// CMSG_SPACE
pub(crate) fn space(data: usize) -> usize {
    HEADER + data.next_multiple_of(8)
}

/// A control message whose header says what it is told to, its padding included.
pub(crate) fn raw(said: usize, level: i32, kind: i32, data: &[u8]) -> Vec<u8> {
    let mut bytes = said.to_ne_bytes().to_vec();
    bytes.extend(level.to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(data);
    bytes.resize(space(data.len()), 0);
    bytes
}

/// A control message of the level SOL_SOCKET.
pub(crate) fn message(kind: i32, data: &[u8]) -> Vec<u8> {
    raw(length(data.len()), libc::SOL_SOCKET, kind, data)
}

/// Descriptors for SCM_RIGHTS.
pub(crate) fn rights(numbers: &[i32]) -> Vec<u8> {
    message(RIGHTS, &numbers.iter().flat_map(|number| number.to_ne_bytes()).collect::<Vec<_>>())
}

/// A `struct ucred` for SCM_CREDENTIALS.
pub(crate) fn credentials(pid: i32, uid: u32, gid: u32) -> Vec<u8> {
    message(CREDENTIALS, &ucred(pid, uid, gid))
}

/// The bytes of a `struct ucred`.
pub(crate) fn ucred(pid: i32, uid: u32, gid: u32) -> Vec<u8> {
    [pid.to_ne_bytes(), uid.to_ne_bytes(), gid.to_ne_bytes()].concat()
}

/// Sends bytes with control data.
#[track_caller]
pub(crate) fn send(fd: &impl Descriptor, data: &[u8], control: &[u8], flags: i32) -> Result<usize> {
    let mut control = control.to_vec();
    let envelope = Envelope { control: Some(&mut control), ..Envelope::default() };
    sys::sendmsg(fd, &[IoSlice::new(data)], envelope, flags).map(|header| header.bytes)
}

/// Sends bytes with descriptors.
#[track_caller]
pub(crate) fn send_files(fd: &impl Descriptor, data: &[u8], files: &[&dyn Descriptor]) -> Result<usize> {
    let numbers: Vec<i32> = files.iter().map(|file| file.number()).collect();
    send(fd, data, &rights(&numbers), 0)
}

/// Control messages: level, type and data.
pub(crate) type Messages = Vec<(i32, i32, Vec<u8>)>;

/// What a receiver got.
#[derive(Debug)]
pub(crate) struct Got {
    /// The payload.
    pub(crate) data: Vec<u8>,
    /// The header as it came back.
    pub(crate) header: Header,
    /// What came with the payload.
    pub(crate) messages: Messages,
    /// The descriptors among them.
    pub(crate) files: Vec<OwnedFd>,
}

impl Got {
    /// Whether MSG_CTRUNC says that something was left out.
    pub(crate) fn is_truncated(&self) -> bool {
        self.header.flags & libc::MSG_CTRUNC != 0
    }

    /// The data of the only message of a type, if there is one.
    pub(crate) fn only(&self, kind: i32) -> Option<&[u8]> {
        let mut of_kind =
            self.messages.iter().filter(|(level, is, _)| (*level, *is) == (libc::SOL_SOCKET, kind));
        let first = of_kind.next().map(|(.., data)| &data[..]);
        if of_kind.next().is_none() { first } else { None }
    }
}

/// Receives at most `room` bytes, with that much room for control data.
#[track_caller]
pub(crate) fn receive_with(fd: &impl Descriptor, room: usize, control: usize, flags: i32) -> Result<Got> {
    let (mut data, mut buffer) = (vec![0; room], vec![0; control]);
    let envelope = Envelope { control: Some(&mut buffer), ..Envelope::default() };
    let header = sys::recvmsg(fd, &mut [IoSliceMut::new(&mut data)], envelope, flags)?;
    data.truncate(header.bytes.min(room));
    buffer.truncate(header.control);
    let messages = parse(&buffer);
    let files = adopt(&messages);
    Ok(Got { data, header, messages, files })
}

/// The descriptors that came with control messages.
pub(crate) fn adopt(messages: &Messages) -> Vec<OwnedFd> {
    let is_rights = |level: i32, kind: i32| level == libc::SOL_SOCKET && matches!(kind, RIGHTS | PIDFD);
    let of_rights = messages.iter().filter(|(level, kind, _)| is_rights(*level, *kind));
    let numbers = of_rights.flat_map(|(.., data)| data.as_chunks::<4>().0);
    numbers.map(|number| sys::adopt(i32::from_ne_bytes(*number) as usize)).collect()
}

/// Receives at most `room` bytes, with enough room for control data.
#[track_caller]
pub(crate) fn receive(fd: &impl Descriptor, room: usize) -> Result<Got> {
    receive_with(fd, room, 2048, libc::MSG_DONTWAIT)
}

/// Takes control data apart.
pub(crate) fn parse(mut bytes: &[u8]) -> Messages {
    let mut messages = Vec::new();
    while let Some(length) = bytes.first_chunk().map(|length| usize::from_ne_bytes(*length)) {
        let int = |at: usize| i32::from_ne_bytes(*bytes[at..].first_chunk().expect("a header is 16 bytes"));
        messages.push((int(8), int(12), bytes[HEADER..length].to_vec()));
        bytes = bytes.get(length.next_multiple_of(8)..).unwrap_or_default();
    }
    messages
}
