//! Counts of admitted calls: one increment per call, on memory that only one CPU writes.

use alloc::{boxed::Box, vec::Vec};
use core::sync::atomic::{AtomicU64, Ordering};

/// How many counters share a cache line: the counters of one CPU begin on their own.
const LINE: usize = 8;

/// A counter for each rule, and perhaps each alternative, per CPU.
pub(super) struct Counters {
    /// Where there is one CPU, and rules only have themselves to count: a counter for each rule, found by one
    /// comparison. Else empty.
    alone: Box<[AtomicU64]>,
    /// Else: the sets of the CPUs, one after the other.
    sets: Box<[AtomicU64]>,
    rules: usize,
    alternatives: usize,
    /// How many counters one set has.
    stride: usize,
    /// The number of sets, a power of two, less one.
    mask: usize,
}

impl Counters {
    pub(super) fn new(rules: usize, alternatives: usize, cpus: usize) -> Self {
        let stride = (rules + alternatives).next_multiple_of(LINE);
        let sets = cpus.max(1).next_power_of_two();
        let simplest = sets == 1 && alternatives == 0;
        let zeroed = |count| (0..count).map(|_| AtomicU64::new(0)).collect::<Vec<_>>().into_boxed_slice();
        Self {
            alone: zeroed(if simplest { rules } else { 0 }),
            sets: zeroed(if simplest { 0 } else { stride * sets }),
            rules,
            alternatives,
            stride,
            mask: sets - 1,
        }
    }

    /// Counts a rule. Returns `false` where that was not possible or is not all: alternatives are counted too, or the
    /// call is not governed and there is no rule. Which CPU it is, is asked only where there are several.
    #[inline(always)]
    #[must_use]
    pub(super) fn count_simple(&self, cpu: impl FnOnce() -> usize, rule: usize) -> bool {
        match self.alone.get(rule) {
            Some(counter) => {
                counter.fetch_add(1, Ordering::Relaxed);
                true
            }
            None => self.mask != 0 && self.count_shared(cpu(), rule),
        }
    }

    #[inline(never)]
    fn count_shared(&self, cpu: usize, rule: usize) -> bool {
        let simple = rule < self.rules && self.alternatives == 0;
        if simple {
            self.count(cpu, rule);
        }
        simple
    }

    /// Whether alternatives are counted, too.
    pub(super) const fn counts_alternatives(&self) -> bool {
        self.alternatives != 0
    }

    /// Counts a rule, or behind the rules an alternative.
    pub(super) fn count(&self, cpu: usize, index: usize) {
        if let Some(counter) = self.sets.get((cpu & self.mask) * self.stride + index) {
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
        let of_each =
            self.alone.get(index).into_iter().chain(self.sets.iter().skip(index).step_by(self.stride.max(1)));
        of_each.map(|counter| counter.load(Ordering::Relaxed)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_all_cpus_are_added() {
        let counters = Counters::new(3, 2, 3);
        for (cpu, index) in [(0, 0), (1, 0), (2, 0), (3, 1), (7, 4)] {
            counters.count(cpu, index);
        }
        assert!(!counters.count_simple(|| 0, 0), "its alternatives are to be counted, too");
        assert_eq!([0, 1, 2, 3].map(|rule| counters.rule(rule)), [3, 1, 0, 0]);
        assert_eq!([0, 1, 2].map(|alternative| counters.alternative(alternative)), [0, 1, 0]);
    }

    #[test]
    fn without_alternatives_a_rule_is_all_there_is() {
        let counters = Counters::new(3, 0, 1);
        assert!(counters.count_simple(|| 5, 2) && !counters.count_simple(|| 5, usize::from(u16::MAX)));
        assert_eq!(counters.rule(2), 1);
    }

    #[test]
    fn with_several_cpus_each_has_its_own() {
        let counters = Counters::new(3, 0, 2);
        assert!(counters.count_simple(|| 0, 2) && counters.count_simple(|| 1, 2));
        assert!(!counters.count_simple(|| 1, usize::from(u16::MAX)), "there is no rule to count");
        assert_eq!([0, 1, 2].map(|rule| counters.rule(rule)), [0, 0, 2]);
    }
}
