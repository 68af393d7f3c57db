//! How a socket stands, under its lock.

use alloc::{collections::VecDeque, sync::Arc, vec::Vec};

use super::{
    address::Address,
    endpoint::Endpoint,
    packet::{Directions, PAYLOAD_MAX},
};
use crate::error::Errno;

/// Payload that has come.
pub(super) struct Chunk {
    pub(super) bytes: Vec<u8>,
    /// How much of it has been received.
    pub(super) done: usize,
    /// Whether it ends a record, and whether that is marked.
    pub(super) ends: bool,
    pub(super) marked: bool,
}

/// What a socket is at.
pub(super) enum Phase {
    /// Nothing: there is no connection, or none any more.
    Closed,
    /// It accepts connections: those that wait, and how many may.
    Listening { waiting: VecDeque<Arc<Endpoint>>, backlog: usize },
    /// It has asked for a connection.
    Connecting,
    /// It has one.
    Connected,
    /// The peer has let go of it, and nothing is left to be received.
    Over,
}

/// All that changes about a socket.
pub(super) struct State {
    pub(super) phase: Phase,
    /// The name that it has, and that of the peer.
    pub(super) local: Address,
    pub(super) remote: Address,
    /// Which directions are shut here, and which the peer says that it has shut.
    pub(super) shut: Directions,
    pub(super) peer_shut: Directions,
    /// shutdown(2) was called: there is no peer any more for those who ask for its name.
    pub(super) leaving: bool,
    /// Whether the connection has been ended by the peer (SOCK_DONE).
    pub(super) done: bool,
    /// No program has it any more.
    pub(super) orphan: bool,
    pub(super) error: Option<Errno>,
    pub(super) received: VecDeque<Chunk>,
    /// How many bytes of it wait, and how many whole records.
    pub(super) unread: u32,
    pub(super) records: usize,
    pub(super) credit: Credit,
}

/// The credit of both directions (Virtual I/O Device 1.3, 5.10.6.3). All counts wrap.
#[derive(Clone, Copy, Default)]
pub(super) struct Credit {
    /// How many bytes are taken here, how many have been taken out so far, and how many the peer knows of.
    pub(super) room: u32,
    pub(super) forwarded: u32,
    told: u32,
    /// The same of the peer.
    pub(super) peer_room: u32,
    peer_forwarded: u32,
    /// How many bytes have been sent.
    sent: u32,
}

impl Credit {
    /// How many bytes may be sent now.
    pub(super) fn available(&self) -> usize {
        let on_the_way = self.sent.wrapping_sub(self.peer_forwarded);
        self.peer_room.saturating_sub(on_the_way) as usize
    }

    pub(super) fn spend(&mut self, bytes: usize) {
        self.sent = self.sent.wrapping_add(bytes as u32);
    }

    /// Bytes were not sent after all.
    pub(super) fn refund(&mut self, bytes: usize) {
        self.sent = self.sent.wrapping_sub(bytes as u32);
    }

    /// What a packet says about the peer.
    pub(super) fn hear(&mut self, room: u32, forwarded: u32) {
        (self.peer_room, self.peer_forwarded) = (room, forwarded);
    }

    /// A packet that says what is so here.
    pub(super) fn tell(&mut self) -> (u32, u32) {
        self.told = self.forwarded;
        (self.room, self.forwarded)
    }

    /// Bytes were taken out. Whether the peer must hear of it now: before it has nothing left to send with, and also where
    /// little waits, so that nobody waits for the other.
    pub(super) fn took(&mut self, bytes: usize, little_waits: bool) -> bool {
        self.forwarded = self.forwarded.wrapping_add(bytes as u32);
        let untold = self.forwarded.wrapping_sub(self.told);
        untold > 0 && ((self.room.saturating_sub(untold) as usize) < PAYLOAD_MAX || little_waits)
    }
}

impl State {
    pub(super) fn new(room: u32) -> Self {
        Self {
            phase: Phase::Closed,
            local: Address::NONE,
            remote: Address::NONE,
            shut: Directions::empty(),
            peer_shut: Directions::empty(),
            leaving: false,
            done: false,
            orphan: false,
            error: None,
            received: VecDeque::new(),
            unread: 0,
            records: 0,
            credit: Credit { room, ..Credit::default() },
        }
    }

    pub(super) fn is_connected(&self) -> bool {
        matches!(self.phase, Phase::Connected)
    }

    /// Whether what the peer sends has come to its end.
    pub(super) fn has_ended(&self) -> bool {
        self.shut.contains(Directions::RECEIVE) || self.peer_shut.contains(Directions::SEND)
    }

    /// Whether nothing can be sent any more.
    pub(super) fn is_deaf(&self) -> bool {
        self.shut.contains(Directions::SEND) || self.peer_shut.contains(Directions::RECEIVE)
    }

    /// The peer has let go of the connection. What has come before can still be received.
    pub(super) fn end(&mut self) {
        (self.done, self.peer_shut) = (true, Directions::all());
        if self.unread == 0 && self.received.is_empty() {
            self.phase = Phase::Over;
        }
    }

    /// Payload has come; whether there was room for it. A sender that does not heed its credit loses what it sends.
    pub(super) fn store(&mut self, chunk: Chunk, joins: bool) -> bool {
        let length = chunk.bytes.len() as u32;
        if u64::from(self.unread) + u64::from(length) > u64::from(self.credit.room) {
            return false;
        }
        self.unread += length;
        self.records += usize::from(chunk.ends);
        // Small pieces of a stream do not take a place each.
        match self.received.back_mut() {
            Some(last) if joins && last.bytes.capacity() - last.bytes.len() >= chunk.bytes.len() => {
                last.bytes.extend_from_slice(&chunk.bytes);
            }
            _ => self.received.push_back(chunk),
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn credit_is_spent_and_comes_back() {
        let mut credit = Credit { room: 1000, ..Credit::default() };
        assert_eq!(credit.available(), 0);
        credit.hear(100, 0);
        credit.spend(60);
        assert_eq!(credit.available(), 40);
        credit.hear(100, 50);
        assert_eq!(credit.available(), 90);
        // Who takes room back gets nothing, and no lie makes it more than that.
        credit.hear(5, 50);
        assert_eq!(credit.available(), 0);
        credit.hear(100, u32::MAX);
        assert!(credit.available() <= 100);
        // Counts wrap.
        let mut credit = Credit { sent: u32::MAX - 4, peer_forwarded: u32::MAX - 9, ..Credit::default() };
        credit.hear(20, u32::MAX - 9);
        credit.spend(10);
        assert_eq!(credit.available(), 5);
    }

    #[test]
    fn what_exceeds_the_credit_is_lost() {
        let mut state = State::new(10);
        let chunk = |length| Chunk { bytes: vec![0; length], done: 0, ends: false, marked: false };
        assert!(state.store(chunk(10), true));
        assert!(!state.store(chunk(1), true));
        assert_eq!(state.unread, 10);
    }
}
