//! Clocks, sleep, and the time that was used.

pub(super) mod clocks;
pub(super) mod sleep;
pub(super) mod used;

use crate::{errno::Result, sys::Region};

/// Calls of this suite with their structures in pages of their own, into which the kernel may write whatever it likes.
struct Desk(Region);

impl Desk {
    fn new() -> Result<Self> {
        Region::new(1, libc::PROT_READ | libc::PROT_WRITE).map(Self)
    }

    /// The address of a word of eight bytes.
    fn at(&self, index: usize) -> usize {
        self.0.at(index * 8)
    }

    fn call(&self, number: i64, words: &[usize]) -> Result<usize> {
        let mut all = [0; 6];
        all[..words.len()].copy_from_slice(words);
        self.0.call("call", number, all)
    }

    fn put(&self, index: usize, words: &[i64]) {
        for (at, word) in words.iter().enumerate() {
            self.0.write((index + at) * 8, &word.to_ne_bytes());
        }
    }

    fn word(&self, index: usize) -> i64 {
        let mut word = [0; 8];
        self.0.read(index * 8, &mut word);
        i64::from_ne_bytes(word)
    }

    /// clock_gettime(2) with any number, in nanoseconds.
    fn clock(&self, number: i32) -> Result<i64> {
        self.call(libc::SYS_clock_gettime, &[negative(number), self.at(0)])?;
        Ok(self.word(0) * SECOND + self.word(1))
    }
}

/// In nanoseconds.
const SECOND: i64 = 1_000_000_000;
/// An address where nothing is.
const WILD: usize = 1;

/// A number in a register, sign and all.
const fn negative(number: i32) -> usize {
    number as isize as usize
}

/// Computes until the calling thread has used so much CPU time, in nanoseconds.
fn burn(nanoseconds: u64) -> Result<()> {
    let now = || crate::sys::clock_nanoseconds(libc::CLOCK_THREAD_CPUTIME_ID);
    let end = now()? + nanoseconds;
    while now()? < end {
        // Mostly in user mode.
        for step in 0..20_000u64 {
            std::hint::black_box(step);
        }
    }
    Ok(())
}
