//! Memory for large pieces of payload, used again as it is: zeroing it each time would cost a good part of what copying
//! costs.

use alloc::{boxed::Box, vec, vec::Vec};

use spin::Mutex;

/// How large the pieces are: nine pages, for what is sent in one piece at most.
pub(crate) const PIECE: usize = 9 * 4096;

/// How many pieces are kept: about a megabyte, for all sockets of a system together.
const KEPT_MAX: usize = 32;

/// Pieces of memory that nobody uses. What was in them last is still there: who takes one must fill what he shows of it.
#[derive(Default)]
pub(crate) struct Pool {
    kept: Mutex<Vec<Box<[u8]>>>,
}

impl Pool {
    /// A piece of [`PIECE`] bytes.
    pub(crate) fn take(&self) -> Box<[u8]> {
        let kept = self.kept.lock().pop();
        kept.unwrap_or_else(|| vec![0; PIECE].into_boxed_slice())
    }

    /// Takes back memory; what is not of this size, or too much, is freed.
    pub(crate) fn give(&self, memory: Box<[u8]>) {
        if memory.len() != PIECE {
            return;
        }
        let mut kept = self.kept.lock();
        if kept.len() < KEPT_MAX {
            kept.push(memory);
        } else {
            // Freed once the lock is gone.
            drop(kept);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_come_again_and_are_not_hoarded() {
        let pool = Pool::default();
        let mut piece = pool.take();
        piece[7] = 7;
        pool.give(piece);
        assert_eq!(pool.take()[7], 7);
        for _ in 0..2 * KEPT_MAX {
            pool.give(vec![0; PIECE].into_boxed_slice());
        }
        pool.give(vec![0; PIECE - 1].into_boxed_slice());
        assert_eq!(pool.kept.lock().len(), KEPT_MAX);
    }
}
