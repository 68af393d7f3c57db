//! The bytes of a record.

use alloc::{boxed::Box, sync::Arc, vec, vec::Vec};

use crate::{
    bytes::{Sink, Source},
    caller::Fault,
    pool::{self, Pool},
};

/// Up to here, the bytes are in the record itself.
const SHORT: usize = 48;

/// From here on, memory comes from the pool, the pieces of which are all alike.
const POOLED: usize = 16 << 10;

/// The bytes of a record. Cloned, for those who look at a record that others may take, it costs no copy of them.
#[derive(Clone)]
pub(super) enum Payload {
    Short { length: u8, bytes: [u8; SHORT] },
    Long(Arc<Long>),
}

/// Bytes in pieces, all but the last of which are full.
pub(super) struct Long {
    length: usize,
    first: Box<[u8]>,
    rest: Vec<Box<[u8]>>,
    pool: Arc<Pool>,
}

impl Payload {
    /// Copies everything that is left in `source`.
    ///
    /// # Errors
    /// [`Fault`]
    #[inline]
    pub(super) fn take<S: Source>(source: &mut S, pool: &Arc<Pool>) -> Result<Self, Fault> {
        let length = source.remaining();
        if length > SHORT {
            return Ok(Self::Long(Arc::new(Long::take(source, length, pool)?)));
        }
        let mut bytes = [0; SHORT];
        source.take(&mut bytes[..length])?;
        Ok(Self::Short { length: length as u8, bytes })
    }

    /// How many bytes there are.
    #[inline]
    pub(super) fn length(&self) -> usize {
        match self {
            Self::Short { length, .. } => usize::from(*length),
            Self::Long(long) => long.length,
        }
    }

    /// Stores the first `length` bytes.
    ///
    /// # Errors
    /// [`Fault`], where some of them may have been stored.
    #[inline]
    pub(super) fn put<S: Sink>(&self, sink: &mut S, length: usize) -> Result<(), Fault> {
        match self {
            Self::Short { bytes, .. } => sink.put(&bytes[..length]),
            Self::Long(long) => long.put(sink, length),
        }
    }
}

impl Long {
    #[inline(never)]
    fn take<S: Source>(source: &mut S, length: usize, pool: &Arc<Pool>) -> Result<Self, Fault> {
        let piece = |length: usize| {
            if length >= POOLED { pool.take() } else { vec![0; length].into_boxed_slice() }
        };
        let first = length.min(pool::PIECE);
        let mut long = Self { length, first: piece(first), rest: Vec::new(), pool: pool.clone() };
        source.take(&mut long.first[..first])?;
        while source.remaining() > 0 {
            let next = source.remaining().min(pool::PIECE);
            let mut memory = piece(next);
            let taken = source.take(&mut memory[..next]);
            long.rest.push(memory);
            taken?;
        }
        Ok(long)
    }

    #[inline(never)]
    fn put<S: Sink>(&self, sink: &mut S, length: usize) -> Result<(), Fault> {
        let mut left = length;
        for piece in core::iter::once(&self.first).chain(&self.rest) {
            let here = left.min(piece.len());
            sink.put(&piece[..here])?;
            left -= here;
            if left == 0 {
                break;
            }
        }
        Ok(())
    }
}

impl Drop for Long {
    fn drop(&mut self) {
        self.pool.give(core::mem::take(&mut self.first));
        for piece in self.rest.drain(..) {
            self.pool.give(piece);
        }
    }
}

/// What a record of so many bytes counts against the sender's buffer: as much memory as Linux takes for it (`truesize`),
/// with its bookkeeping and rounded up as its allocator does.
pub(super) fn charge(length: usize) -> u32 {
    /// `struct sk_buff`, and `struct skb_shared_info` behind the bytes.
    const HEAD: usize = 256;
    const SHARED: usize = 320;
    /// What goes into one piece (SKB_MAX_ALLOC); what is more goes into pages, of which there are at most so many bytes.
    const LINEAR: usize = 16_064;
    const PAGES: usize = 17 * 4096;
    let pages = length.saturating_sub(LINEAR).min(PAGES).next_multiple_of(4096);
    let linear = (length - pages.min(length)).next_multiple_of(64) + SHARED;
    (HEAD + linear.max(512).next_power_of_two() + pages) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_out_as_they_went_in() {
        let pool = Arc::<Pool>::default();
        for length in [0, 1, SHORT, SHORT + 1, 4096, pool::PIECE, pool::PIECE + 1, 3 * pool::PIECE + 7] {
            let bytes: Vec<u8> = (0..length).map(|index| (index * 7) as u8).collect();
            let payload = Payload::take(&mut &bytes[..], &pool).unwrap();
            assert_eq!(payload.length(), length);
            for part in [length, length / 2] {
                let mut out = vec![0; part];
                payload.put(&mut &mut out[..], part).unwrap();
                assert_eq!(out, bytes[..part]);
            }
        }
    }

    #[test]
    fn memory_is_charged_as_linux_does() {
        let seen = [
            (0, 768),
            (192, 768),
            (300, 1280),
            (704, 1280),
            (705, 2304),
            (1729, 4352),
            (3777, 8448),
            (16_064, 16_640),
            (16_065, 20_736),
            (30_000, 33_024),
            (65_536, 69_888),
            (100_000, 102_656),
            (200_000, 200_960),
            (212_960, 332_032),
        ];
        for (length, bytes) in seen {
            assert_eq!(charge(length), bytes, "{length}");
        }
    }
}
