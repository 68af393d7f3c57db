//! Control messages (`cmsg(3)`).

use alloc::{vec, vec::Vec};

use linux_raw_sys::net::SOL_SOCKET;
use scml::ControlHeader;

use crate::{
    abi::{int, message::MessageHeader, word},
    caller::Caller,
    error::{Errno, Error, Result},
};

/// `sizeof(struct cmsghdr)`, which is also what CMSG_LEN(0) is.
const HEADER: usize = 16;

/// `sizeof(int)`.
const INT: usize = 4;

/// What `net.core.optmem_max` is by default: the most that one message's control data may take.
const OPTMEM_MAX: usize = 128 << 10;

/// The control messages of a message that is to be sent.
#[derive(Debug, Default)]
pub struct ControlMessages {
    /// The headers, in order, up to the first that is malformed.
    pub headers: Vec<ControlHeader>,
    bytes: Vec<u8>,
    /// Whether one is malformed: what comes behind it cannot be found.
    malformed: bool,
}

impl ControlMessages {
    /// Copies in the control data of a message.
    ///
    /// # Errors
    /// ENOBUFS where it is larger than Linux's limit, EFAULT.
    pub fn read<C: Caller>(caller: &C, header: &MessageHeader) -> Result<Self> {
        if header.control_length == 0 {
            return Ok(Self::default());
        }
        if header.control_length >= OPTMEM_MAX {
            return Err(Error::new(Errno::ENOBUFS, "more control data than net.core.optmem_max"));
        }
        let mut bytes = vec![0; header.control_length];
        caller.read_memory(header.control, &mut bytes)?;
        Ok(Self::parse(bytes))
    }

    fn parse(bytes: Vec<u8>) -> Self {
        let mut messages = Self { headers: Vec::new(), bytes, malformed: false };
        let mut rest = &messages.bytes[..];
        while rest.len() >= HEADER {
            let header = ControlHeader { length: word(rest, 0), level: int(rest, 8), kind: int(rest, 12) };
            if header.length < HEADER || header.length > rest.len() {
                messages.malformed = true;
                break;
            }
            messages.headers.push(header);
            rest = rest.get(space(header.length)..).unwrap_or_default();
        }
        messages
    }

    /// The messages in order, each with its data.
    pub fn messages(&self) -> impl Iterator<Item = (&ControlHeader, &[u8])> {
        let mut at = 0;
        self.headers.iter().map(move |header| {
            let data = &self.bytes[at + HEADER..at + header.length];
            at += space(header.length);
            (header, data)
        })
    }

    /// Whether there are no more than those. Asked when they have been looked at: what is wrong with one of them comes first.
    ///
    /// # Errors
    /// EINVAL where the length of the next header is below that of a header, or beyond the end of the data.
    pub fn check_end(&self) -> Result<()> {
        if self.malformed {
            return Err(Error::new(Errno::EINVAL, "a control message's length"));
        }
        Ok(())
    }
}

/// CMSG_ALIGN: how much room a message of that length takes.
fn space(length: usize) -> usize {
    length.next_multiple_of(size_of::<usize>())
}

/// Where the control messages of a message that is received are to go, and how far they have come (put_cmsg and
/// scm_detach_fds of Linux's `net/core/scm.c`).
#[derive(Debug)]
pub struct ControlOut {
    at: usize,
    room: usize,
    used: usize,
    /// Whether something did not fit: MSG_CTRUNC.
    pub truncated: bool,
}

impl ControlOut {
    /// The room that a header offers: none where it has no pointer.
    #[must_use]
    pub fn new(header: &MessageHeader) -> Self {
        let room = if header.control == 0 { 0 } else { header.control_length };
        Self { at: header.control, room, used: 0, truncated: false }
    }

    /// Whether the program asks for control messages at all. Room for none is asking, too.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.at != 0
    }

    /// How many bytes are used: `msg_controllen` as it goes back.
    #[must_use]
    pub fn used(&self) -> usize {
        self.used
    }

    fn left(&self) -> usize {
        self.room - self.used
    }

    fn end(&self) -> usize {
        self.at.wrapping_add(self.used)
    }

    fn header(length: usize, level: u32, kind: u32) -> [u8; HEADER] {
        let mut header = [0; HEADER];
        header[..8].copy_from_slice(&length.to_ne_bytes());
        header[8..12].copy_from_slice(&level.to_ne_bytes());
        header[12..].copy_from_slice(&kind.to_ne_bytes());
        header
    }

    /// Stores a message of the level SOL_SOCKET: see [`ControlOut::put_of`].
    pub fn put<C: Caller>(&mut self, caller: &C, kind: u32, data: &[u8]) -> bool {
        self.put_of(caller, SOL_SOCKET, kind, data)
    }

    /// Stores a message, cut short where it does not fit. Whether it could be stored: where the memory is bad, Linux goes on as
    /// if there had been none.
    pub fn put_of<C: Caller>(&mut self, caller: &C, level: u32, kind: u32, data: &[u8]) -> bool {
        if self.left() < HEADER {
            self.truncated = true;
            return true;
        }
        let full = HEADER + data.len();
        let length = full.min(self.left());
        self.truncated |= length < full;
        let mut message = Self::header(length, level, kind).to_vec();
        message.extend_from_slice(&data[..length - HEADER]);
        if caller.write_memory(self.end(), &message).is_err() {
            return false;
        }
        self.used += space(full).min(self.left());
        true
    }

    /// Whether there is room for a message with so many bytes of data. If not, the result is truncated.
    pub fn fits(&mut self, data: usize) -> bool {
        let fits = self.left() >= HEADER + data;
        self.truncated |= !fits;
        fits
    }

    /// How many `int`s one more message can hold.
    #[must_use]
    pub fn ints(&self) -> usize {
        self.left().saturating_sub(HEADER) / INT
    }

    /// Stores the `int` of that index of the message that comes next, before the message itself: see
    /// [`ControlOut::finish_ints`].
    ///
    /// # Errors
    /// EFAULT.
    pub fn put_int<C: Caller>(&self, caller: &C, index: usize, value: i32) -> Result<()> {
        Ok(caller.write_memory(self.end().wrapping_add(HEADER + INT * index), &value.to_ne_bytes())?)
    }

    /// Stores the header of a message with that many `int`s, which are there already.
    pub fn finish_ints<C: Caller>(&mut self, caller: &C, kind: u32, count: usize) {
        let length = HEADER + INT * count;
        if caller.write_memory(self.end(), &Self::header(length, SOL_SOCKET, kind)).is_ok() {
            self.used += space(length).min(self.left());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(length: usize, level: i32, kind: i32) -> Vec<u8> {
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend(level.to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes
    }

    #[test]
    fn headers_are_found_behind_padding() {
        let mut bytes = header(20, 1, 1);
        bytes.extend([7, 7, 7, 7, 0, 0, 0, 0]);
        bytes.extend(header(16, 1, 2));
        bytes.push(0);
        let messages = ControlMessages::parse(bytes);
        messages.check_end().unwrap();
        let seen: Vec<_> = messages.messages().map(|(header, data)| (header.kind, data.to_vec())).collect();
        assert_eq!(seen, [(1, vec![7; 4]), (2, vec![])]);
    }

    #[test]
    fn bad_lengths_are_refused_and_a_rest_is_ignored() {
        for bad in [header(0, 1, 1), header(15, 1, 1), header(17, 1, 1), header(usize::MAX, 1, 1)] {
            let messages = ControlMessages::parse([header(16, 1, 3), bad].concat());
            assert_eq!(messages.check_end().unwrap_err().errno, Errno::EINVAL);
            assert_eq!(messages.messages().count(), 1, "what comes before it is found");
        }
        let messages = ControlMessages::parse(vec![0xff; 15]);
        messages.check_end().unwrap();
        assert!(messages.headers.is_empty());
    }
}
