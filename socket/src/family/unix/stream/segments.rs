//! Payload in pieces of memory.

use alloc::{boxed::Box, collections::VecDeque, vec};
use core::ops::Range;

use crate::pool::Pool;

/// What the bookkeeping of a segment counts against the sender's buffer, besides its payload: as much as Linux counts for
/// a `struct sk_buff` and its shared info.
const OVERHEAD: u32 = 576;

/// From here on, memory comes from the pool, the pieces of which are all alike.
const POOLED: usize = 16 << 10;

/// A piece of memory, filled from its start, and read from its start.
pub(super) struct Segment {
    /// Empty while a reader has it.
    memory: Box<[u8]>,
    start: u32,
    end: u32,
    /// How much of the memory may be used.
    capacity: u32,
}

impl Segment {
    /// An empty one with room for `capacity` bytes, at most [`PIECE`](crate::pool::PIECE).
    pub(super) fn with_capacity(capacity: usize, pool: &Pool) -> Self {
        let memory = if capacity >= POOLED { pool.take() } else { vec![0; capacity].into_boxed_slice() };
        debug_assert!(memory.len() >= capacity);
        Self { memory, start: 0, end: 0, capacity: capacity as u32 }
    }

    /// Gives its memory back.
    pub(super) fn free(self, pool: &Pool) {
        pool.give(self.memory);
    }

    /// The room for a payload of `length` bytes, which is taken to be filled in: where it is not, the segment must be
    /// freed.
    pub(super) fn fill(&mut self, length: usize) -> &mut [u8] {
        let start = self.end as usize;
        self.end += length as u32;
        &mut self.memory[start..start + length]
    }

    /// How much more fits; nothing while a reader has the memory.
    fn room(&self) -> usize {
        self.memory.len().min(self.capacity as usize).saturating_sub(self.end as usize)
    }

    /// How many bytes wait in it.
    pub(super) fn length(&self) -> usize {
        (self.end - self.start) as usize
    }

    /// What it counts against the sender's buffer: everything that was ever filled, until all of it has been read.
    pub(super) fn charge(&self) -> u32 {
        self.end + OVERHEAD
    }

    fn bytes(&self) -> &[u8] {
        self.memory.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

/// A segment's memory while a reader copies out of it, with no lock held.
pub(super) struct Lent {
    memory: Box<[u8]>,
    /// Which segment it is of.
    index: usize,
    payload: Range<usize>,
}

impl Lent {
    /// The payload from `skip` on.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.memory[self.payload.clone()]
    }
}

/// Segments in order. A single one needs no further memory.
#[derive(Default)]
pub(super) struct Segments {
    first: Option<Segment>,
    #[expect(clippy::box_collection, reason = "8 bytes in every idle connection, not 32")]
    rest: Option<Box<VecDeque<Segment>>>,
}

impl Segments {
    pub(super) const fn new() -> Self {
        Self { first: None, rest: None }
    }

    /// Gives back all memory.
    pub(super) fn free(mut self, pool: &Pool) {
        while let Some(segment) = self.pop() {
            segment.free(pool);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    fn get_mut(&mut self, index: usize) -> Option<&mut Segment> {
        match index.checked_sub(1) {
            None => self.first.as_mut(),
            Some(index) => self.rest.as_mut()?.get_mut(index),
        }
    }

    fn last_mut(&mut self) -> Option<&mut Segment> {
        match &mut self.rest {
            Some(rest) => rest.back_mut(),
            None => self.first.as_mut(),
        }
    }

    pub(super) fn push(&mut self, segment: Segment) {
        if self.first.is_none() {
            self.first = Some(segment);
        } else {
            self.rest.get_or_insert_default().push_back(segment);
        }
    }

    /// Adds bytes to the last segment, if they fit.
    pub(super) fn append(&mut self, bytes: &[u8]) -> bool {
        match self.last_mut() {
            Some(last) if last.room() >= bytes.len() => {
                last.fill(bytes.len()).copy_from_slice(bytes);
                true
            }
            _ => false,
        }
    }

    /// Copies out from byte `skip` on; the bytes stay. None of them may be lent.
    pub(super) fn copy(&self, mut skip: usize, mut into: &mut [u8]) {
        for segment in self.first.iter().chain(self.rest.iter().flat_map(|rest| rest.iter())) {
            if into.is_empty() {
                break;
            }
            let bytes = segment.bytes();
            let Some(bytes) = bytes.get(skip..) else {
                skip -= bytes.len();
                continue;
            };
            skip = 0;
            let length = bytes.len().min(into.len());
            let (head, tail) = core::mem::take(&mut into).split_at_mut(length);
            head.copy_from_slice(&bytes[..length]);
            into = tail;
        }
    }

    /// Lends the memory of the segment in which byte `skip` is: at most `length` bytes from there on.
    pub(super) fn lend(&mut self, mut skip: usize, length: usize) -> Option<Lent> {
        for index in 0.. {
            let segment = self.get_mut(index)?;
            if skip < segment.length() {
                let start = segment.start as usize + skip;
                let payload = start..(segment.end as usize).min(start + length);
                return Some(Lent { memory: core::mem::take(&mut segment.memory), index, payload });
            }
            skip -= segment.length();
        }
        None
    }

    /// Takes back what was lent.
    pub(super) fn give_back(&mut self, lent: Lent) {
        if let Some(segment) = self.get_mut(lent.index) {
            segment.memory = lent.memory;
        }
    }

    /// Removes `length` bytes from the front. What is used up is given to `freed`: free it where no lock is held.
    /// Returns what no longer counts against the sender's buffer.
    pub(super) fn consume(&mut self, mut length: usize, freed: &mut Segments) -> u32 {
        let mut charge = 0;
        while length > 0 {
            let Some(first) = &mut self.first else { break };
            let here = length.min(first.length());
            first.start += here as u32;
            length -= here;
            if first.length() == 0 {
                charge += first.charge();
                if let Some(first) = self.pop() {
                    freed.push(first);
                }
            }
        }
        charge
    }

    fn pop(&mut self) -> Option<Segment> {
        let next = self.rest.as_mut().and_then(|rest| rest.pop_front());
        if self.rest.as_ref().is_some_and(|rest| rest.is_empty()) {
            self.rest = None;
        }
        core::mem::replace(&mut self.first, next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(bytes: &[u8], capacity: usize) -> Segment {
        let mut segment = Segment::with_capacity(capacity, &Pool::default());
        segment.fill(bytes.len()).copy_from_slice(bytes);
        segment
    }

    #[test]
    fn bytes_come_out_in_order() {
        let mut segments = Segments::default();
        segments.push(segment(b"abc", 3));
        segments.push(segment(b"de", 4));
        assert!(segments.append(b"fg") && !segments.append(b"h"));
        segments.push(segment(b"hi", 2));
        let mut out = [0; 6];
        segments.copy(2, &mut out);
        assert_eq!(&out, b"cdefgh");
        assert_eq!(segments.lend(4, 2).unwrap().bytes(), b"ef");
    }

    #[test]
    fn what_is_used_up_is_handed_over() {
        let mut segments = Segments::default();
        segments.push(segment(b"abc", 3));
        segments.push(segment(b"de", 4));
        let mut freed = Segments::default();
        assert_eq!(segments.consume(4, &mut freed), 3 + OVERHEAD);
        assert_eq!(segments.consume(1, &mut freed), 2 + OVERHEAD);
        assert!(segments.is_empty() && segments.rest.is_none());
        assert_eq!(freed.rest.map(|rest| rest.len()), Some(1));
    }

    #[test]
    fn nothing_is_added_to_what_is_lent() {
        let mut segments = Segments::default();
        segments.push(segment(b"abc", 30));
        let lent = segments.lend(1, 9).unwrap();
        assert!(!segments.append(b"d"));
        segments.give_back(lent);
        assert!(segments.append(b"d"));
        let mut out = [0; 4];
        segments.copy(0, &mut out);
        assert_eq!(&out, b"abcd");
    }
}
