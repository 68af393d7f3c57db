//! Counts of admitted calls: one increment per call, on memory that only one CPU writes.

use alloc::{boxed::Box, vec::Vec};
use core::sync::atomic::{AtomicU64, Ordering};

/// How many counters share a cache line: the counters of one CPU begin on their own.
const LINE: usize = 8;

/// A counter for each rule, and perhaps each alternative, per CPU.
pub(super) struct Counters {
    counters: Box<[AtomicU64]>,
    rules: usize,
    alternatives: usize,
    /// How many counters one CPU has.
    stride: usize,
    /// The number of sets, a power of two, less one.
    mask: usize,
}

impl Counters {
    pub(super) fn new(rules: usize, alternatives: usize, cpus: usize) -> Self {
        let stride = (rules + alternatives).next_multiple_of(LINE);
        let sets = cpus.max(1).next_power_of_two();
        let counters = (0..stride * sets).map(|_| AtomicU64::new(0)).collect::<Vec<_>>().into_boxed_slice();
        Self { counters, rules, alternatives, stride, mask: sets - 1 }
    }

    /// Counts; what has no counter (a call that is not governed) is not counted.
    #[inline]
    pub(super) fn count(&self, cpu: usize, index: usize) {
        if index < self.stride
            && let Some(counter) = self.counters.get((cpu & self.mask) * self.stride + index)
        {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn rule(&self, rule: usize) -> u64 {
        if rule < self.rules { self.sum(rule) } else { 0 }
    }

    pub(super) fn alternative(&self, alternative: usize) -> u64 {
        if alternative < self.alternatives { self.sum(self.rules + alternative) } else { 0 }
    }

    fn sum(&self, index: usize) -> u64 {
        let of_each = self.counters.iter().skip(index).step_by(self.stride.max(1));
        of_each.map(|counter| counter.load(Ordering::Relaxed)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_all_cpus_are_added() {
        let counters = Counters::new(3, 2, 3);
        for (cpu, index) in [(0, 0), (1, 0), (2, 0), (3, 1), (7, 4), (0, usize::from(u16::MAX))] {
            counters.count(cpu, index);
        }
        assert_eq!([0, 1, 2, 3].map(|rule| counters.rule(rule)), [3, 1, 0, 0]);
        assert_eq!([0, 1, 2].map(|alternative| counters.alternative(alternative)), [0, 1, 0]);
    }
}
