//! Where and how threads run.

pub(super) mod affinity;
pub(super) mod priority;
pub(super) mod turns;

use crate::{errno::Result, sys::Region};

/// Calls of this suite with their structures in pages of their own, into which the kernel may write whatever it likes.
struct Desk(Region);

impl Desk {
    fn new() -> Result<Self> {
        Region::new(1, libc::PROT_READ | libc::PROT_WRITE).map(Self)
    }

    /// The address of the structure.
    fn at(&self) -> usize {
        self.0.at(0)
    }

    fn call(&self, number: i64, words: &[usize]) -> Result<usize> {
        let mut all = [0; 6];
        all[..words.len()].copy_from_slice(words);
        self.0.call("call", number, all)
    }

    fn put(&self, words: &[u32]) {
        for (at, word) in words.iter().enumerate() {
            self.0.write(at * 4, &word.to_ne_bytes());
        }
    }

    fn word(&self, index: usize) -> u32 {
        let mut word = [0; 4];
        self.0.read(index * 4, &mut word);
        u32::from_ne_bytes(word)
    }

    /// The calling thread's CPU.
    fn cpu(&self) -> Result<u32> {
        self.call(libc::SYS_getcpu, &[self.at(), 0, 0])?;
        Ok(self.word(0))
    }

    /// The CPUs on which a thread may run, of the first 1024.
    fn affinity(&self, tid: usize) -> Result<Vec<u32>> {
        self.put(&[0; 32]);
        self.call(libc::SYS_sched_getaffinity, &[tid, 128, self.at()])?;
        Ok((0..1024).filter(|cpu| self.word(*cpu as usize / 32) >> (cpu % 32) & 1 != 0).collect())
    }

    fn set_affinity(&self, tid: usize, cpus: &[u32]) -> Result<usize> {
        let mut mask = [0; 32];
        for cpu in cpus {
            mask[*cpu as usize / 32] |= 1 << (cpu % 32);
        }
        self.put(&mask);
        self.call(libc::SYS_sched_setaffinity, &[tid, 128, self.at()])
    }
}

/// A negative number in a register.
const fn negative(number: i32) -> usize {
    number as isize as usize
}

/// No thread has this number: it is above the highest.
const NOBODY: usize = 9_999_999;
/// An address where nothing is.
const WILD: usize = 1;
