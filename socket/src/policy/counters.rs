//! Counts of admitted calls: one comparison and one increment per call, on memory that only one CPU writes.
//!
//! Of each rule it is known which of its uses was the last (see [`Usage`]); a call that makes use of the same things is
//! counted there. Others are found in a table, into which a use is entered once and never changed, so that nobody has to
//! be kept from it; what the uses come to, alternative by alternative, is found when somebody reads the counts.

use alloc::{boxed::Box, vec::Vec};
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use scml::{Tables, Usage};
use spin::Mutex;

/// How many uses each CPU has room for; a power of two. What comes after is counted by alternative, one by one.
const USES: usize = 512;
/// So many places are looked at for a use.
const NEAR: usize = 8;
/// The place of no use: beyond the others.
const NOWHERE: u32 = USES as u32;

/// What one CPU has counted. It begins on a cache line of its own.
#[repr(align(64))]
struct Counts {
    /// Calls by rule, as far as they are not among the uses.
    rules: Box<[AtomicU64]>,
    /// For each rule, the place of its last use.
    last: Box<[AtomicU32]>,
    /// The uses, and one place that stays empty.
    uses: Box<[Entry]>,
    /// By alternative, as far as they are not among the uses.
    alternatives: Box<[AtomicU64]>,
    /// Held by who enters a use.
    entering: Mutex<()>,
}

/// A use. The two words are written once, `rest` last: it is 0 until then.
#[derive(Default)]
struct Entry {
    choice: AtomicU64,
    rest: AtomicU64,
    count: AtomicU64,
}

impl Entry {
    #[inline(always)]
    fn is(&self, usage: Usage) -> bool {
        self.rest.load(Ordering::Acquire) == usage.rest && self.choice.load(Ordering::Relaxed) == usage.choice
    }

    fn usage(&self) -> Option<Usage> {
        let rest = self.rest.load(Ordering::Acquire);
        (rest != 0).then(|| Usage { choice: self.choice.load(Ordering::Relaxed), rest })
    }

    #[inline(always)]
    fn count(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
    }
}

impl Counts {
    fn new(rules: usize, alternatives: usize) -> Self {
        fn many<T: Default>(count: usize) -> Box<[T]> {
            core::iter::repeat_with(T::default).take(count).collect()
        }
        let finely = alternatives != 0;
        let last = (0..if finely { rules } else { 0 }).map(|_| AtomicU32::new(NOWHERE));
        Self {
            rules: many(rules),
            last: last.collect(),
            uses: many(if finely { USES + 1 } else { 0 }),
            alternatives: many(alternatives),
            entering: Mutex::new(()),
        }
    }

    /// The place of a use, which is entered if it is not there.
    fn find(&self, usage: Usage) -> Option<(usize, &Entry)> {
        let mixed = (usage.choice ^ usage.rest.rotate_left(29)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let first = (mixed >> (u64::BITS - USES.trailing_zeros())) as usize;
        let places = (first..first + NEAR).map(|place| place & (USES - 1));
        let near = || places.clone().filter_map(|place| Some((place, self.uses.get(place)?)));
        if let Some(found) = near().find(|(_, entry)| entry.is(usage)) {
            return Some(found);
        }
        let _entering = self.entering.lock();
        let (place, entry) = near().find(|(_, entry)| entry.usage().is_none_or(|other| other == usage))?;
        entry.choice.store(usage.choice, Ordering::Relaxed);
        entry.rest.store(usage.rest, Ordering::Release);
        Some((place, entry))
    }
}

/// What all CPUs have counted.
pub(super) struct Counters {
    sets: Box<[Counts]>,
    /// The number of sets, a power of two, less one.
    mask: usize,
    /// Whether only rules are counted.
    coarse: bool,
    /// For each rule, whether [`Usage`] tells all; no rule where only rules are counted.
    told: Box<[bool]>,
}

impl Counters {
    /// For so many CPUs; `finely` counts alternatives, too.
    pub(super) fn new(tables: &Tables<'_>, finely: bool, cpus: usize) -> Self {
        let rules = tables.rule_count();
        let alternatives = if finely { tables.alternatives.len() } else { 0 };
        let sets = cpus.max(1).next_power_of_two();
        Self {
            sets: (0..sets).map(|_| Counts::new(rules, alternatives)).collect(),
            mask: sets - 1,
            coarse: !finely,
            told: (0..rules as u16).map(|rule| finely && tables.usage_tells_all(rule)).collect(),
        }
    }

    #[inline(always)]
    fn of_cpu(&self, cpu: impl FnOnce() -> usize) -> Option<&Counts> {
        // Which CPU it is, is asked only where there are several.
        self.sets.get(if self.mask == 0 { 0 } else { cpu() & self.mask })
    }

    /// Counts a call that the rule has admitted. Returns `false` where that was not all: what it makes use of has to be
    /// looked for, or the call is not governed and there is no rule.
    #[inline(always)]
    #[must_use]
    pub(super) fn count(
        &self,
        cpu: impl FnOnce() -> usize,
        rule: u16,
        usage: impl FnOnce() -> Usage,
    ) -> bool {
        let Some(counts) = self.of_cpu(cpu) else { return false };
        let index = usize::from(rule);
        if self.coarse {
            return match counts.rules.get(index) {
                Some(counter) => {
                    counter.fetch_add(1, Ordering::Relaxed);
                    true
                }
                None => false,
            };
        }
        let Some(last) = counts.last.get(index) else { return false };
        let usage = usage();
        match counts.uses.get(last.load(Ordering::Relaxed) as usize) {
            Some(entry) if entry.is(usage) => {
                entry.count();
                true
            }
            _ => self.count_other(counts, usage),
        }
    }

    #[inline(never)]
    fn count_other(&self, counts: &Counts, usage: Usage) -> bool {
        if self.is_told(usage.rule())
            && let Some((place, entry)) = counts.find(usage)
        {
            entry.count();
            if let Some(last) = counts.last.get(usize::from(usage.rule())) {
                last.store(place as u32, Ordering::Relaxed);
            }
            return true;
        }
        false
    }

    /// Whether a use tells all that a call makes use of which the rule admits.
    pub(super) fn is_told(&self, rule: u16) -> bool {
        self.told.get(usize::from(rule)).copied().unwrap_or_default()
    }

    /// Counts a control message. Returns `false` where there is no room for its use.
    #[must_use]
    pub(super) fn count_control(&self, cpu: usize, usage: Usage) -> bool {
        let entry = self.of_cpu(|| cpu).and_then(|counts| counts.find(usage));
        entry.inspect(|(_, entry)| entry.count()).is_some()
    }

    /// Counts a rule, and alternatives, one by one.
    pub(super) fn count_each(
        &self,
        cpu: usize,
        rule: Option<u16>,
        alternatives: impl Iterator<Item = usize>,
    ) {
        let Some(counts) = self.of_cpu(|| cpu) else { return };
        let rule = rule.and_then(|rule| counts.rules.get(usize::from(rule)));
        let alternatives = alternatives.filter_map(|index| counts.alternatives.get(index));
        rule.into_iter().chain(alternatives).for_each(|counter| {
            counter.fetch_add(1, Ordering::Relaxed);
        });
    }

    /// Whether alternatives are counted, too.
    pub(super) const fn counts_alternatives(&self) -> bool {
        !self.coarse
    }

    /// The counts of all rules and all alternatives.
    pub(super) fn read(&self, tables: &Tables<'_>) -> (Vec<u64>, Vec<u64>) {
        let mut rules = alloc::vec![0; tables.rule_count()];
        let mut alternatives = alloc::vec![0; tables.alternatives.len()];
        let add = |sum: &mut [u64], index: usize, count: u64| {
            if let Some(sum) = sum.get_mut(index) {
                *sum += count;
            }
        };
        for counts in &self.sets {
            for (sum, counters) in [(&mut rules, &counts.rules), (&mut alternatives, &counts.alternatives)] {
                for (index, counter) in counters.iter().enumerate() {
                    add(sum, index, counter.load(Ordering::Relaxed));
                }
            }
            for entry in &counts.uses {
                let Some(usage) = entry.usage() else { continue };
                let count = entry.count.load(Ordering::Relaxed);
                if !usage.is_control() {
                    add(&mut rules, usage.rule().into(), count);
                }
                tables.used(usage).for_each(|index| add(&mut alternatives, index, count));
            }
        }
        (rules, alternatives)
    }
}

#[cfg(test)]
mod tests {
    use scml::{Profile, Source, compile};

    use super::*;

    fn profile() -> Profile {
        let rules =
            "socket(family = AF_UNIX, type = SOCK_STREAM | SOCK_CLOEXEC, protocol = 0 | 1); listen(..);
                     accept(sockfd = { state = listening, .. }, ..);";
        compile(&[Source::new("rules", rules)]).expect("the rules are valid")
    }

    fn usage(rule: u16, choice: u64) -> Usage {
        let rest = Usage::of_control(rule, scml::ControlHeader { length: 0, level: 0, kind: 0 }).rest;
        // A stream that is not closed by exec, and nothing else.
        Usage { choice: 1 << 32 | choice, rest: rest & !(1 << 16) | 1 << 32 }
    }

    #[test]
    fn counts_of_all_cpus_are_added() {
        let profile = profile();
        let counters = Counters::new(&profile.tables(), true, 3);
        for (cpu, protocol) in [(0, 0), (1, 0), (2, 1), (3, 0), (7, 0), (0, 1), (0, 0), (0, 0)] {
            assert!(counters.count(|| cpu, 0, || usage(0, protocol)));
        }
        let (rules, alternatives) = counters.read(&profile.tables());
        assert_eq!(rules, [8, 0, 0]);
        assert_eq!(alternatives, [8, 8, 0, 6, 2, 0, 0, 0]);
    }

    #[test]
    fn what_a_usage_does_not_tell_is_counted_one_by_one() {
        let profile = profile();
        let counters = Counters::new(&profile.tables(), true, 1);
        assert!(!counters.count(|| 0, 2, || usage(2, 0)), "the state is not told");
        counters.count_each(0, Some(2), [6].into_iter());
        let (rules, alternatives) = counters.read(&profile.tables());
        assert_eq!((rules[2], alternatives[6]), (1, 1));
        assert!(!counters.count(|| 0, u16::MAX, || unreachable!("there is no rule")));
    }

    #[test]
    fn uses_beyond_the_table_are_not_lost() {
        let profile = profile();
        let tables = profile.tables();
        let counters = Counters::new(&tables, true, 1);
        let mut all = 0;
        for round in 0..3_u64 {
            for protocol in 0..2000 {
                let usage = usage(0, protocol);
                if !counters.count(|| 0, 0, || usage) {
                    counters.count_each(0, Some(0), tables.used(usage));
                }
                all += 1;
            }
            let (rules, alternatives) = counters.read(&tables);
            assert_eq!((rules[0], alternatives[0], alternatives[3]), (all, all, round + 1));
        }
    }

    #[test]
    fn rules_alone() {
        let profile = profile();
        let counters = Counters::new(&profile.tables(), false, 2);
        let no_usage = || unreachable!("it is not asked for");
        assert!(counters.count(|| 0, 1, no_usage) && counters.count(|| 5, 1, no_usage));
        assert!(!counters.count(|| 5, u16::MAX, no_usage), "there is no rule to count");
        assert_eq!(counters.read(&profile.tables()).0, [0, 2, 0]);
    }
}
