//! The program's buffers: one range, or the ranges of an iovec array.

use alloc::{boxed::Box, vec, vec::Vec};

use linux_raw_sys::general::UIO_MAXIOV;

use crate::{
    abi::{check_range, word},
    bytes::{Sink, Source},
    caller::{Caller, Fault},
    error::{Errno, Error, Result},
};

/// What one call transfers at most: MAX_RW_COUNT, the largest `int` that is a multiple of the page size.
pub const TRANSFER_MAX: usize = 0x7fff_f000;

/// `sizeof(struct iovec)`.
const IOVEC: usize = 16;

/// A piece of the program's memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Range {
    address: usize,
    length: usize,
}

/// Where payload is, or belongs, and how far a call has got with it.
#[derive(Debug)]
pub struct Buffers {
    /// What is left of the range at hand.
    current: Range,
    /// The ranges after it.
    more: Option<Box<More>>,
}

#[derive(Debug)]
struct More {
    ranges: Vec<Range>,
    next: usize,
    /// The sum of the lengths from `next` on.
    bytes: usize,
}

impl Buffers {
    /// The buffer of read, write, sendto and recvfrom.
    ///
    /// # Errors
    /// EFAULT where it is not within the program's half of the address space.
    #[inline]
    pub fn one(address: usize, length: usize) -> Result<Self> {
        let length = length.min(TRANSFER_MAX);
        check_range(address, length)?;
        Ok(Self { current: Range { address, length }, more: None })
    }

    /// Copies in an array of `struct iovec`. The total is cut at [`TRANSFER_MAX`].
    ///
    /// # Errors
    /// EINVAL for more than 1024 elements or a negative length, EFAULT for an array that cannot be read or an element
    /// outside of the program's half of the address space (`import_iovec`).
    pub fn iovec<C: Caller>(caller: &C, address: usize, count: usize) -> Result<Self> {
        if count > UIO_MAXIOV as usize {
            return Err(Error::new(Errno::EINVAL, "more than 1024 ranges"));
        }
        let mut on_stack = [0; 8 * IOVEC];
        let mut on_heap;
        let bytes = match on_stack.get_mut(..count * IOVEC) {
            Some(bytes) => bytes,
            None => {
                on_heap = vec![0; count * IOVEC];
                &mut on_heap[..]
            }
        };
        if count > 0 {
            caller.read_memory(address, bytes)?;
        }
        Self::parse(bytes)
    }

    fn parse(bytes: &[u8]) -> Result<Self> {
        let (vectors, _) = bytes.as_chunks::<IOVEC>();
        if vectors.iter().any(|vector| isize::try_from(word(vector, 8)).is_err()) {
            return Err(Error::new(Errno::EINVAL, "a negative length"));
        }
        let mut total = 0;
        let mut range = |vector: &[u8; IOVEC]| {
            let (address, length) = (word(vector, 0), word(vector, 8));
            if vectors.len() > 1 {
                check_range(address, length)?;
            } else {
                check_range(address, length.min(TRANSFER_MAX))?;
            }
            let length = length.min(TRANSFER_MAX - total);
            total += length;
            Ok(Range { address, length })
        };
        let Some((first, others)) = vectors.split_first() else {
            return Ok(Self { current: Range { address: 0, length: 0 }, more: None });
        };
        let current = range(first)?;
        if others.is_empty() {
            return Ok(Self { current, more: None });
        }
        let ranges = others.iter().map(range).collect::<Result<Vec<_>>>()?;
        let more = Some(Box::new(More { ranges, next: 0, bytes: total - current.length }));
        Ok(Self { current, more })
    }

    /// How many bytes are left.
    #[inline]
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.current.length + self.more.as_ref().map_or(0, |more| more.bytes)
    }

    /// Visits the next `length` bytes range by range, and moves on past them if `visit` could do with all of them what
    /// it wanted. It is given an address and the part of the `length` bytes that is there.
    #[inline]
    fn advance(
        &mut self,
        length: usize,
        mut visit: impl FnMut(usize, core::ops::Range<usize>) -> core::result::Result<(), Fault>,
    ) -> core::result::Result<(), Fault> {
        if length <= self.current.length {
            visit(self.current.address, 0..length)?;
            self.current =
                Range { address: self.current.address + length, length: self.current.length - length };
            return Ok(());
        }
        self.advance_over(length, &mut visit)
    }

    #[cold]
    fn advance_over(
        &mut self,
        length: usize,
        visit: &mut dyn FnMut(usize, core::ops::Range<usize>) -> core::result::Result<(), Fault>,
    ) -> core::result::Result<(), Fault> {
        let Some(more) = &mut self.more else { return Err(Fault { copied: 0 }) };
        let (mut current, mut next, mut done) = (self.current, more.next, 0);
        loop {
            let part = current.length.min(length - done);
            if part > 0 {
                visit(current.address, done..done + part)?;
            }
            done += part;
            current = Range { address: current.address + part, length: current.length - part };
            if done == length {
                break;
            }
            current = *more.ranges.get(next).ok_or(Fault { copied: done })?;
            next += 1;
        }
        more.bytes = self.current.length + more.bytes - length - current.length;
        more.next = next;
        self.current = current;
        Ok(())
    }
}

/// The buffers together with the memory that they are in.
pub(crate) struct UserBytes<'a, C> {
    pub(crate) caller: &'a C,
    pub(crate) buffers: &'a mut Buffers,
}

/// The buffers, when nothing is to be stored in them: what is received is given up (MSG_TRUNC on a stream of TCP).
pub(crate) struct Discarded<'a>(pub(crate) &'a mut Buffers);

impl Sink for Discarded<'_> {
    fn room(&self) -> usize {
        self.0.remaining()
    }

    fn put(&mut self, from: &[u8]) -> core::result::Result<(), Fault> {
        self.0.advance(from.len(), |_, _| Ok(()))
    }
}

impl<C: Caller> Source for UserBytes<'_, C> {
    #[inline]
    fn remaining(&self) -> usize {
        self.buffers.remaining()
    }

    #[inline]
    fn take(&mut self, into: &mut [u8]) -> core::result::Result<(), Fault> {
        self.buffers.advance(into.len(), |address, part| self.caller.read_memory(address, &mut into[part]))
    }
}

impl<C: Caller> Sink for UserBytes<'_, C> {
    #[inline]
    fn room(&self) -> usize {
        self.buffers.remaining()
    }

    #[inline]
    fn put(&mut self, from: &[u8]) -> core::result::Result<(), Fault> {
        self.buffers.advance(from.len(), |address, part| self.caller.write_memory(address, &from[part]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vectors(ranges: &[(usize, usize)]) -> Result<Buffers> {
        let words = ranges.iter().flat_map(|(address, length)| [*address, *length]);
        Buffers::parse(&words.flat_map(usize::to_ne_bytes).collect::<Vec<_>>())
    }

    fn visited(buffers: &mut Buffers, length: usize) -> Vec<(usize, usize)> {
        let mut seen = Vec::new();
        buffers
            .advance(length, |address, part| {
                seen.push((address, part.len()));
                Ok(())
            })
            .unwrap();
        seen
    }

    #[test]
    fn ranges_follow_each_other() {
        let mut buffers = vectors(&[(100, 10), (0, 0), (200, 5), (300, 7)]).unwrap();
        assert_eq!(buffers.remaining(), 22);
        assert_eq!(visited(&mut buffers, 4), [(100, 4)]);
        assert_eq!(visited(&mut buffers, 8), [(104, 6), (200, 2)]);
        assert_eq!(buffers.remaining(), 10);
        assert_eq!(visited(&mut buffers, 3), [(202, 3)]);
        assert_eq!(visited(&mut buffers, 7), [(300, 7)]);
        assert_eq!(buffers.remaining(), 0);
    }

    #[test]
    fn a_fault_leaves_them_where_they_were() {
        let mut buffers = vectors(&[(100, 10), (200, 5)]).unwrap();
        let fault = |address, _: core::ops::Range<usize>| {
            if address == 200 { Err(Fault { copied: 0 }) } else { Ok(()) }
        };
        assert!(buffers.advance(12, fault).is_err());
        assert_eq!(buffers.remaining(), 15);
        assert_eq!(visited(&mut buffers, 15), [(100, 10), (200, 5)]);
    }

    #[test]
    fn lengths_are_checked_as_linux_does() {
        let errno = |result: Result<Buffers>| result.unwrap_err().errno;
        assert_eq!(errno(vectors(&[(100, 1 << 63)])), Errno::EINVAL);
        // A bad length is found before a bad address, in whatever order they stand.
        assert_eq!(errno(vectors(&[(usize::MAX, 1), (0, usize::MAX)])), Errno::EINVAL);
        assert_eq!(errno(vectors(&[(USER_END, 1), (0, 1)])), Errno::EFAULT);
        assert_eq!(errno(vectors(&[(1 << 63, 0), (0, 1)])), Errno::EFAULT);
        assert_eq!(vectors(&[(0, 1 << 62)]).unwrap().remaining(), TRANSFER_MAX);
        assert_eq!(vectors(&[(0, TRANSFER_MAX), (0, TRANSFER_MAX)]).unwrap().remaining(), TRANSFER_MAX);
        assert_eq!(vectors(&[]).unwrap().remaining(), 0);
        assert_eq!(errno(Buffers::one(USER_END - 5, 6).map(|_| unreachable!())), Errno::EFAULT);
    }

    use crate::abi::USER_END;
}
