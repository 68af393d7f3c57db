//! The locked ranges of a file.

use alloc::vec::Vec;

use super::{LockKind, Owner};

/// A lock as F_GETLK shows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LockedRange {
    /// What it leaves to others.
    pub kind: LockKind,
    /// The first byte and the last.
    pub range: (u64, u64),
    /// The process that has it; `None` where an open file does.
    pub pid: Option<i32>,
}

/// All of them: those of an owner together and in order, neither touching nor overlapping where they are of one kind.
#[derive(Default)]
pub(super) struct Ranges(Vec<(Owner, LockedRange)>);

impl LockedRange {
    fn meets(&self, (first, last): (u64, u64)) -> bool {
        self.range.0 <= last && first <= self.range.1
    }
}

impl Ranges {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The first lock of somebody else that forbids one of this kind.
    pub(super) fn conflict(
        &self,
        owner: Owner,
        kind: LockKind,
        range: (u64, u64),
    ) -> Option<(Owner, LockedRange)> {
        let exclusive = |lock: &LockedRange| kind == LockKind::Exclusive || lock.kind == LockKind::Exclusive;
        self.0.iter().find(|(other, lock)| *other != owner && lock.meets(range) && exclusive(lock)).copied()
    }

    /// The owner's first lock in a range.
    pub(super) fn own(&self, owner: Owner, range: (u64, u64)) -> Option<LockedRange> {
        self.0.iter().find(|(other, lock)| *other == owner && lock.meets(range)).map(|(_, lock)| *lock)
    }

    /// Takes everything away from an owner; how many locks that were.
    pub(super) fn release(&mut self, owner: Owner) -> usize {
        let before = self.0.len();
        self.0.retain(|(other, _)| *other != owner);
        before - self.0.len()
    }

    /// Gives a range the kind, or with `None` unlocks it; whether a lock was taken away or changed by that.
    pub(super) fn set(
        &mut self,
        owner: Owner,
        pid: Option<i32>,
        kind: Option<LockKind>,
        (first, last): (u64, u64),
    ) -> bool {
        let start = self.0.iter().position(|(other, _)| *other == owner).unwrap_or(self.0.len());
        let length = self.0[start..].iter().take_while(|(other, _)| *other == owner).count();
        let mut changed = false;
        let mut locks: Vec<LockedRange> = Vec::with_capacity(length + 2);
        for (_, lock) in &self.0[start..start + length] {
            if !lock.meets((first, last)) {
                locks.push(*lock);
                continue;
            }
            changed |= Some(lock.kind) != kind;
            if lock.range.0 < first {
                locks.push(LockedRange { range: (lock.range.0, first - 1), ..*lock });
            }
            if lock.range.1 > last {
                locks.push(LockedRange { range: (last + 1, lock.range.1), ..*lock });
            }
        }
        if let Some(kind) = kind {
            let place = locks.partition_point(|lock| lock.range.0 < first);
            locks.insert(place, LockedRange { kind, range: (first, last), pid });
        }
        locks.dedup_by(|next, lock| {
            let merged = lock.kind == next.kind && lock.range.1 + 1 == next.range.0;
            if merged {
                lock.range.1 = next.range.1;
            }
            merged
        });
        self.0.splice(start..start + length, locks.into_iter().map(|lock| (owner, lock)));
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAST: u64 = i64::MAX as u64;

    fn of(ranges: &Ranges, owner: Owner) -> Vec<(u64, u64, bool)> {
        let own = ranges.0.iter().filter(|(other, _)| *other == owner);
        own.map(|(_, lock)| (lock.range.0, lock.range.1, lock.kind == LockKind::Exclusive)).collect()
    }

    #[test]
    fn ranges_are_split_and_joined() {
        let (mut ranges, me, other) = (Ranges::default(), Owner(1), Owner(2));
        let mut set = |owner, kind, range| ranges.set(owner, Some(1), kind, range);
        assert!(!set(other, Some(LockKind::Shared), (50, 60)));
        assert!(!set(me, Some(LockKind::Shared), (0, LAST)));
        assert!(set(me, Some(LockKind::Exclusive), (10, 19)));
        assert!(!set(me, Some(LockKind::Exclusive), (12, 13)));
        assert!(set(me, None, (15, 30)));
        assert!(!set(me, Some(LockKind::Exclusive), (15, 15)));
        assert_eq!(of(&ranges, me), [(0, 9, false), (10, 15, true), (31, LAST, false)]);
        assert!(ranges.set(me, Some(1), Some(LockKind::Shared), (10, 30)));
        assert_eq!(of(&ranges, me), [(0, LAST, false)]);
        assert!(ranges.set(me, Some(1), None, (LAST, LAST)));
        assert!(ranges.set(me, Some(1), None, (0, 0)));
        assert_eq!(of(&ranges, me), [(1, LAST - 1, false)]);
        assert_eq!(of(&ranges, other), [(50, 60, false)]);
        assert_eq!((ranges.release(me), ranges.len()), (1, 1));
    }

    #[test]
    fn agrees_with_a_table_of_bytes() {
        const BYTES: usize = 24;
        let (mut ranges, mut table) = (Ranges::default(), [[None; BYTES]; 3]);
        let mut seed = 7_u64;
        let mut random = |below: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as usize % below
        };
        for _ in 0..20_000 {
            let (who, first) = (random(3), random(BYTES));
            let last = first + random(BYTES - first);
            let kind = [None, Some(LockKind::Shared), Some(LockKind::Exclusive)][random(3)];
            let owner = Owner(who);
            if let Some(kind) = kind {
                let forbids = |other: &Option<LockKind>| {
                    other.is_some_and(|other| kind == LockKind::Exclusive || other == LockKind::Exclusive)
                };
                let expected =
                    (0..3).any(|other| other != who && table[other][first..=last].iter().any(forbids));
                let range = (first as u64, last as u64);
                assert_eq!(ranges.conflict(owner, kind, range).is_some(), expected);
                if expected {
                    continue;
                }
            }
            let own = &mut table[who][first..=last];
            let changed = own.iter().any(|byte| byte.is_some() && *byte != kind);
            own.fill(kind);
            assert_eq!(ranges.set(owner, None, kind, (first as u64, last as u64)), changed);
            let mut expected: Vec<(u64, u64, bool)> = Vec::new();
            for (at, kind) in table[who].iter().enumerate() {
                let Some(kind) = kind else { continue };
                let (at, exclusive) = (at as u64, *kind == LockKind::Exclusive);
                match expected.last_mut() {
                    Some(last) if last.1 + 1 == at && last.2 == exclusive => last.1 = at,
                    _ => expected.push((at, at, exclusive)),
                }
            }
            assert_eq!(of(&ranges, owner), expected);
        }
    }
}
