//! What has passed over a connection, for TCP_INFO.

use super::segment::{ACK, Segment};
use crate::time::Instant;

/// Counts since the connection was begun.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tally {
    /// Segments out and in.
    pub segments: (u32, u32),
    /// Those of them with data.
    pub data_segments: (u32, u32),
    /// Bytes that were sent, those that were sent again included.
    pub sent: u64,
    /// Bytes that were sent again.
    pub resent: u64,
    /// Bytes that the peer has acknowledged.
    pub acknowledged: u64,
    /// Bytes that were received in order.
    pub received: u64,
    /// Segments with data that were sent again.
    pub repetitions: u32,
    /// When data was sent, data received, and an acknowledgement received last.
    pub last: (Instant, Instant, Instant),
}

impl Tally {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            segments: (0, 0),
            data_segments: (0, 0),
            sent: 0,
            resent: 0,
            acknowledged: 0,
            received: 0,
            repetitions: 0,
            last: (now, now, now),
        }
    }

    #[inline]
    pub(super) fn sent_segment(&mut self) {
        self.segments.0 = self.segments.0.wrapping_add(1);
    }

    #[inline]
    pub(super) fn sent_data(&mut self, now: Instant, length: usize, again: bool) {
        self.data_segments.0 = self.data_segments.0.wrapping_add(1);
        self.sent += length as u64;
        self.last.0 = now;
        if again {
            self.resent += length as u64;
            self.repetitions = self.repetitions.wrapping_add(1);
        }
    }

    #[inline]
    pub(super) fn heard_segment(&mut self, now: Instant, segment: &Segment) {
        self.segments.1 = self.segments.1.wrapping_add(1);
        if segment.length > 0 {
            self.data_segments.1 = self.data_segments.1.wrapping_add(1);
            self.last.1 = now;
        }
        if segment.has(ACK) {
            self.last.2 = now;
        }
    }

    #[inline]
    pub(super) fn acknowledged(&mut self, bytes: u32) {
        self.acknowledged += u64::from(bytes);
    }
}
