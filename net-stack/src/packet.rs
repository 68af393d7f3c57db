//! A packet in memory of its own.

use alloc::{vec, vec::Vec};

/// Room for all headers in front of a payload: Ethernet 14, IPv6 40 with a fragment header of 8, and a transport header.
pub(crate) const HEADROOM: usize = 96;

/// An IP packet, or a part of one on its way down. Headers are put in front without moving what is there.
pub(crate) struct Packet {
    memory: Vec<u8>,
    start: usize,
    /// The packet never left this host: its checksums are neither computed nor looked at.
    pub(crate) trusted: bool,
}

impl Packet {
    /// So many bytes of payload, zero, with room for headers in front.
    pub(crate) fn with_payload(length: usize) -> Self {
        Self { memory: vec![0; HEADROOM + length], start: HEADROOM, trusted: false }
    }

    /// A payload that is there already.
    pub(crate) fn copy(payload: &[u8]) -> Self {
        let mut memory = Vec::with_capacity(HEADROOM + payload.len());
        memory.resize(HEADROOM, 0);
        memory.extend_from_slice(payload);
        Self { memory, start: HEADROOM, trusted: false }
    }

    /// What a link received.
    pub(crate) fn received(memory: Vec<u8>, start: usize) -> Self {
        let start = start.min(memory.len());
        Self { memory, start, trusted: false }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.memory[self.start..]
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.memory[self.start..]
    }

    pub(crate) fn len(&self) -> usize {
        self.memory.len() - self.start
    }

    /// Makes room for a header in front and gives it; what is in it is undefined.
    pub(crate) fn push_front(&mut self, length: usize) -> &mut [u8] {
        if self.start < length {
            // A packet that came in over a link and goes out again, with more headers than it had.
            let more = length - self.start + HEADROOM;
            self.memory.splice(0..0, core::iter::repeat_n(0, more));
            self.start += more;
        }
        self.start -= length;
        &mut self.memory[self.start..]
    }

    /// Removes the first bytes; they stay as headroom.
    pub(crate) fn pull_front(&mut self, length: usize) {
        self.start = self.memory.len().min(self.start + length);
    }

    /// What was removed last from the front, if nothing was put there since.
    pub(crate) fn pulled(&self, length: usize) -> Option<&[u8]> {
        self.memory.get(self.start.checked_sub(length)?..self.start)
    }

    /// Removes what is behind the first `length` bytes.
    pub(crate) fn truncate(&mut self, length: usize) {
        self.memory.truncate(self.start + length);
    }

    /// The memory and where in it the packet starts.
    pub(crate) fn into_parts(self) -> (Vec<u8>, usize) {
        (self.memory, self.start)
    }

    /// The packet itself; what stays is empty.
    pub(crate) fn moved(&mut self) -> Self {
        core::mem::replace(self, Self { memory: Vec::new(), start: 0, trusted: false })
    }

    /// The same bytes in other memory.
    pub(crate) fn duplicate(&self) -> Self {
        Self { trusted: self.trusted, ..Self::copy(self.bytes()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_go_in_front() {
        let mut packet = Packet::copy(b"payload");
        packet.push_front(4)[..4].copy_from_slice(b"head");
        assert_eq!(packet.bytes(), b"headpayload");
        packet.pull_front(2);
        packet.truncate(5);
        assert_eq!((packet.bytes(), packet.len()), (&b"adpay"[..], 5));
        let mut received = Packet::received(b"xpayload".to_vec(), 1);
        received.push_front(5)[..5].copy_from_slice(b"heads");
        assert_eq!(received.bytes(), b"headspayload");
        received.pull_front(100);
        assert_eq!(received.bytes(), b"");
    }
}
