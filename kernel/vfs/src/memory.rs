//! The memory of the program on whose behalf files are read and written.

use socket::caller::Fault;

/// User memory, as the kernel lends it for the length of a call.
///
/// No lock of this crate is held when it is touched.
pub trait UserMemory {
    /// Fills `into` from `address`, from its start as far as the memory can be read.
    ///
    /// # Errors
    /// [`Fault`] where a part of the range is not readable user memory.
    fn read(&self, address: usize, into: &mut [u8]) -> Result<(), Fault>;

    /// Copies `from` to `address`, from its start as far as the memory can be written.
    ///
    /// # Errors
    /// [`Fault`] where a part of the range is not writable user memory.
    fn write(&self, address: usize, from: &[u8]) -> Result<(), Fault>;
}

/// One range of user memory (an `iovec`, readv(2)).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Segment {
    /// Where it starts.
    pub address: usize,
    /// Its length in bytes.
    pub length: usize,
}

/// The most that one call transfers, in bytes (`MAX_RW_COUNT`, read(2)).
pub const MAX_TRANSFER: usize = 0x7fff_f000;

/// Ranges of user memory that a call works through from the start.
pub struct Buffers<'a> {
    memory: &'a dyn UserMemory,
    segments: &'a [Segment],
    /// How much of the first segment is done.
    done: usize,
    remaining: usize,
}

impl<'a> Buffers<'a> {
    /// The ranges, cut off after [`MAX_TRANSFER`] bytes.
    #[must_use]
    pub fn new(memory: &'a dyn UserMemory, segments: &'a [Segment]) -> Self {
        let total = segments.iter().fold(0_usize, |sum, segment| sum.saturating_add(segment.length));
        Self { memory, segments, done: 0, remaining: total.min(MAX_TRANSFER) }
    }

    /// How many bytes are left.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.remaining
    }

    /// How many bytes the next range that is not empty has left: what a call without vectors would be given.
    #[must_use]
    pub fn next_length(&self) -> usize {
        let first = self.segments.first().map_or(0, |first| first.length - self.done);
        let length = match first {
            0 => self.segments.iter().skip(1).map(|segment| segment.length).find(|length| *length != 0),
            _ => Some(first),
        };
        length.unwrap_or(0).min(self.remaining)
    }

    /// Stops after `length` more bytes at the latest.
    pub fn limit(&mut self, length: usize) {
        self.remaining = self.remaining.min(length);
    }

    /// Leaves out the next `length` bytes.
    pub fn skip(&mut self, length: usize) {
        let mut left = length.min(self.remaining);
        while let Some((_, length)) = self.front(left) {
            self.done += length;
            self.remaining -= length;
            left -= length;
        }
    }

    /// Copies `from` out to the program; returns how many bytes fitted, fewer on a fault or at the end.
    pub fn put(&mut self, from: &[u8]) -> usize {
        let mut from = &from[..from.len().min(self.remaining)];
        let mut copied = 0;
        while let Some((address, length)) = self.front(from.len()) {
            let (now, later) = from.split_at(length);
            let result = self.memory.write(address, now);
            let moved = self.advance(length, result);
            copied += moved;
            if moved < length {
                break;
            }
            from = later;
        }
        copied
    }

    /// Copies from the program into `into`; returns how many bytes came, fewer on a fault or at the end.
    pub fn take(&mut self, into: &mut [u8]) -> usize {
        let wanted = into.len().min(self.remaining);
        let mut copied = 0;
        while let Some((address, length)) = self.front(wanted - copied) {
            let result = self.memory.read(address, &mut into[copied..copied + length]);
            let moved = self.advance(length, result);
            copied += moved;
            if moved < length {
                break;
            }
        }
        copied
    }

    /// The next stretch of at most `wanted` bytes; `None` when nothing is wanted or left.
    fn front(&mut self, wanted: usize) -> Option<(usize, usize)> {
        if wanted == 0 {
            return None;
        }
        loop {
            let first = self.segments.first()?;
            let left = first.length - self.done;
            if left != 0 {
                return Some((first.address.wrapping_add(self.done), left.min(wanted)));
            }
            self.segments = &self.segments[1..];
            self.done = 0;
        }
    }

    fn advance(&mut self, length: usize, result: Result<(), Fault>) -> usize {
        let moved = match result {
            Ok(()) => length,
            Err(fault) => fault.copied.min(length),
        };
        self.done += moved;
        self.remaining -= moved;
        moved
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use alloc::{vec, vec::Vec};
    use core::cell::RefCell;

    use super::*;

    /// User memory for tests: `bytes` from address 0x1000 on, nothing elsewhere.
    pub(crate) struct Memory {
        pub(crate) bytes: RefCell<Vec<u8>>,
    }

    pub(crate) const BASE: usize = 0x1000;

    impl Memory {
        pub(crate) fn new(bytes: &[u8]) -> Self {
            Self { bytes: RefCell::new(bytes.to_vec()) }
        }

        fn readable(&self, address: usize, length: usize) -> (usize, usize) {
            let size = self.bytes.borrow().len();
            let start = address.wrapping_sub(BASE).min(size);
            (start, length.min(size - start))
        }
    }

    impl UserMemory for Memory {
        fn read(&self, address: usize, into: &mut [u8]) -> Result<(), Fault> {
            let (start, copied) = self.readable(address, into.len());
            into[..copied].copy_from_slice(&self.bytes.borrow()[start..start + copied]);
            if copied == into.len() { Ok(()) } else { Err(Fault { copied }) }
        }

        fn write(&self, address: usize, from: &[u8]) -> Result<(), Fault> {
            let (start, copied) = self.readable(address, from.len());
            self.bytes.borrow_mut()[start..start + copied].copy_from_slice(&from[..copied]);
            if copied == from.len() { Ok(()) } else { Err(Fault { copied }) }
        }
    }

    #[test]
    fn ranges_are_worked_through_in_order() {
        let memory = Memory::new(&[0; 8]);
        let segments = [
            Segment { address: BASE + 4, length: 3 },
            Segment { address: 0, length: 0 },
            Segment { address: BASE, length: 2 },
        ];
        let mut buffers = Buffers::new(&memory, &segments);
        assert_eq!(buffers.remaining(), 5);
        assert_eq!(buffers.put(b"ab"), 2);
        assert_eq!(buffers.put(b"cdefg"), 3, "no more than there is room");
        assert_eq!(buffers.put(b"h"), 0);
        assert_eq!(&*memory.bytes.borrow(), b"de\0\0abc\0");
        let mut all = vec![0; 9];
        let mut buffers = Buffers::new(&memory, &segments);
        assert_eq!(buffers.take(&mut all), 5);
        assert_eq!(&all[..5], b"abcde");
    }

    #[test]
    fn a_fault_stops_where_it_happens() {
        let memory = Memory::new(&[0; 2]);
        let segments = [Segment { address: BASE, length: 4 }, Segment { address: BASE, length: 4 }];
        let mut buffers = Buffers::new(&memory, &segments);
        assert_eq!(buffers.put(b"abcdef"), 2);
        assert_eq!(buffers.put(b"c"), 0);
    }

    #[test]
    fn absurd_lengths_are_cut() {
        let memory = Memory::new(&[]);
        let segments =
            [Segment { address: 0, length: usize::MAX }, Segment { address: 0, length: usize::MAX }];
        assert_eq!(Buffers::new(&memory, &segments).remaining(), MAX_TRANSFER);
    }
}
