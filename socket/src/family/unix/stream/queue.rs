//! What is on its way to one end of a connection.

use alloc::{boxed::Box, vec::Vec};

use super::{
    marks::{self, Marks, Run},
    segments::{Lent, Segment, Segments},
};
use crate::ancillary::{Ancillary, Rights};

/// How many bytes the queue holds in itself: short messages, the ones that are asked for and answered, need no memory.
/// Chosen so that a connection with its two ends fits into 512 bytes.
const INLINE: usize = 120;

/// Bytes in order: first those in the queue itself, then those in segments.
pub(super) struct Queue {
    inline: [u8; INLINE],
    start: u8,
    end: u8,
    segments: Segments,
    /// How many bytes can be read, those in segments included.
    available: u32,
    /// What came with some of the bytes: mostly nothing.
    marks: Option<Box<Marks>>,
}

/// A piece of the queue that a reader may copy while the queue is not locked.
pub(super) enum Piece {
    /// So many bytes, copied to the reader's buffer.
    Copied(usize),
    Lent(Lent),
}

impl Queue {
    pub(super) const fn new() -> Self {
        Self { inline: [0; INLINE], start: 0, end: 0, segments: Segments::new(), available: 0, marks: None }
    }

    /// Whether it holds bytes and nothing else.
    #[inline]
    pub(super) fn is_plain(&self) -> bool {
        self.marks.is_none()
    }

    /// The last `length` bytes came with this. Returns what that counts against the sender's buffer.
    pub(super) fn mark(&mut self, length: usize, ancillary: Ancillary) -> u32 {
        let available = self.available;
        self.marks.get_or_insert_default().push(available, length as u32, ancillary);
        marks::OVERHEAD
    }

    /// The bytes from `skip` on that belong together.
    pub(super) fn run(&self, skip: usize) -> Option<Run<'_>> {
        let behind = self.available.checked_sub(skip as u32).filter(|behind| *behind > 0)?;
        Some(match &self.marks {
            None => Run { length: behind, ancillary: None },
            Some(marks) => marks.run(skip as u32, self.available),
        })
    }

    /// Takes the open files that came with the bytes at the front.
    pub(super) fn take_rights(&mut self) -> Option<Rights> {
        self.marks.as_mut()?.take_rights()
    }

    /// Takes the open files that came with any bytes.
    pub(super) fn take_all_rights(&mut self) -> Vec<Rights> {
        self.marks.as_mut().map(|marks| marks.take_all_rights()).unwrap_or_default()
    }

    /// How many bytes can be read.
    #[inline]
    pub(super) fn available(&self) -> usize {
        self.available as usize
    }

    fn inline(&self) -> &[u8] {
        &self.inline[usize::from(self.start)..usize::from(self.end)]
    }

    /// Adds a short message, if there is memory for it.
    #[inline]
    pub(super) fn append(&mut self, bytes: &[u8]) -> bool {
        if self.segments.is_empty() {
            if self.start == self.end {
                (self.start, self.end) = (0, 0);
            }
            let start = usize::from(self.end);
            let Some(room) = self.inline.get_mut(start..start + bytes.len()) else { return false };
            room.copy_from_slice(bytes);
            self.end += bytes.len() as u8;
        } else if !self.segments.append(bytes) {
            return false;
        }
        self.available += bytes.len() as u32;
        true
    }

    /// Adds a message in its own memory; returns what it counts against the sender's buffer.
    pub(super) fn push(&mut self, segment: Segment) -> u32 {
        self.available += segment.length() as u32;
        let charge = segment.charge();
        self.segments.push(segment);
        charge
    }

    /// Copies from the front as much as `into` takes; the bytes stay.
    #[inline]
    pub(super) fn peek(&self, into: &mut [u8]) {
        match self.inline().get(..into.len()) {
            Some(bytes) => into.copy_from_slice(bytes),
            None => self.peek_at(0, into),
        }
    }

    fn peek_at(&self, skip: usize, mut into: &mut [u8]) {
        let inline = self.inline().get(skip..).unwrap_or_default();
        let here = inline.len().min(into.len());
        into[..here].copy_from_slice(&inline[..here]);
        into = &mut into[here..];
        self.segments.copy(skip.saturating_sub(self.inline().len()), into);
    }

    /// The next piece from byte `skip` on, of at most `room` bytes: copied to `buffer` if they fit there or lie in the
    /// queue itself, lent otherwise.
    pub(super) fn next(&mut self, skip: usize, room: usize, buffer: &mut [u8]) -> Option<Piece> {
        let length = room.min(self.available().saturating_sub(skip));
        if length == 0 {
            return None;
        }
        let inline = self.inline().len().saturating_sub(skip);
        if length <= buffer.len() {
            self.peek_at(skip, &mut buffer[..length]);
            Some(Piece::Copied(length))
        } else if inline > 0 {
            self.peek_at(skip, &mut buffer[..inline]);
            Some(Piece::Copied(inline))
        } else {
            self.segments.lend(skip - self.inline().len(), room).map(Piece::Lent)
        }
    }

    /// Takes back what was lent.
    pub(super) fn give_back(&mut self, lent: Lent) {
        self.segments.give_back(lent);
    }

    /// Removes bytes from the front that lie in the queue itself; `None` where not all of them do. Returns what no longer
    /// counts against the sender's buffer.
    #[inline]
    pub(super) fn consume_inline(&mut self, length: usize) -> Option<u32> {
        if length > usize::from(self.end - self.start) || !self.is_plain() {
            return None;
        }
        self.start += length as u8;
        self.available -= length as u32;
        Some(length as u32)
    }

    /// Removes bytes from the front, of not more than one run. What is used up is given to `freed`: free it where no lock is
    /// held. Returns what no longer counts against the sender's buffer.
    pub(super) fn consume(&mut self, length: usize, freed: &mut Freed) -> u32 {
        let inline = length.min(usize::from(self.end - self.start));
        self.start += inline as u8;
        self.available -= length as u32;
        let mut charge = inline as u32 + self.segments.consume(length - inline, &mut freed.segments);
        if let Some(marks) = &mut self.marks {
            freed.ancillary = marks.consume(length as u32);
            if freed.ancillary.is_some() {
                charge += marks::OVERHEAD;
            }
            if marks.is_empty() {
                freed.marks = self.marks.take();
            }
        }
        charge
    }

    /// Removes everything.
    pub(super) fn clear(&mut self) -> Freed {
        (self.start, self.end, self.available) = (0, 0, 0);
        let segments = core::mem::take(&mut self.segments);
        Freed { segments, marks: self.marks.take(), ancillary: None }
    }
}

/// What a queue needs no more.
#[derive(Default)]
pub(super) struct Freed {
    pub(super) segments: Segments,
    pub(super) marks: Option<Box<Marks>>,
    ancillary: Option<Ancillary>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::Pool;

    fn read(queue: &mut Queue, length: usize) -> Vec<u8> {
        let mut out = vec![0; length];
        queue.peek(&mut out);
        queue.consume(length, &mut Freed::default());
        out
    }

    #[test]
    fn short_messages_need_no_memory_until_there_are_too_many() {
        let mut queue = Queue::new();
        assert!(queue.append(&[1; 100]));
        assert!(!queue.append(&[2; 100]));
        let mut segment = Segment::with_capacity(200, &Pool::default());
        segment.fill(100).fill(2);
        assert_eq!(queue.push(segment), 100 + 576);
        // Not into the room that the queue itself has: the order would be lost.
        assert!(queue.append(&[3; 20]));
        assert_eq!(queue.available(), 220);
        assert_eq!(read(&mut queue, 150), [[1; 100].as_slice(), &[2; 50]].concat());
        assert_eq!(read(&mut queue, 70), [[2; 50].as_slice(), &[3; 20]].concat());
        assert_eq!((queue.available(), queue.append(&[4; INLINE])), (0, true));
    }

    #[test]
    fn pieces_follow_each_other() {
        let mut queue = Queue::new();
        queue.append(&[1; 30]);
        let mut segment = Segment::with_capacity(500, &Pool::default());
        segment.fill(500).fill(2);
        queue.push(segment);
        let mut buffer = [0; 64];
        assert!(matches!(queue.next(0, 1000, &mut buffer), Some(Piece::Copied(30))));
        let Some(Piece::Lent(lent)) = queue.next(30, 1000, &mut buffer) else { panic!() };
        assert_eq!(lent.bytes(), [2; 500]);
        queue.give_back(lent);
        assert!(matches!(queue.next(500, 1000, &mut buffer), Some(Piece::Copied(30))));
        assert!(queue.next(530, 1000, &mut buffer).is_none());
    }
}
