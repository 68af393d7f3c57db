//! A set of numbers that finds its lowest missing member fast.

use alloc::vec::Vec;

const BITS: usize = u64::BITS as usize;

/// The highest level has one word for 262,144 numbers; beyond, its words are searched one after the other.
const LEVELS: usize = 3;

/// A tree of 64-bit words: a bit of the lowest level is a number that is taken, a bit above stands for a full word below.
/// Words that do not exist are empty.
#[derive(Clone)]
pub(super) struct Numbers {
    levels: [Vec<u64>; LEVELS],
}

impl Numbers {
    pub(super) const fn new() -> Self {
        Self { levels: [const { Vec::new() }; LEVELS] }
    }

    fn word(&self, level: usize, index: usize) -> u64 {
        self.levels[level].get(index).copied().unwrap_or(0)
    }

    /// The lowest number from `from` on that is not in the set.
    pub(super) fn lowest_free(&self, from: usize) -> usize {
        self.lowest_clear(0, from)
    }

    /// The first bit of a level that is clear, from `from` on.
    fn lowest_clear(&self, level: usize, from: usize) -> usize {
        let index = from / BITS;
        let clear = !self.word(level, index) & (u64::MAX << (from % BITS));
        if clear != 0 {
            return index * BITS + clear.trailing_zeros() as usize;
        }
        let index = if level + 1 < LEVELS {
            self.lowest_clear(level + 1, index + 1)
        } else {
            (index + 1..).find(|index| self.word(level, *index) != u64::MAX).unwrap_or(usize::MAX / BITS)
        };
        index * BITS + self.word(level, index).trailing_ones() as usize
    }

    /// One more than the highest member; 0 of an empty set.
    pub(super) fn end(&self) -> usize {
        let words = &self.levels[0];
        let last = words.iter().rposition(|word| *word != 0);
        last.map_or(0, |index| (index + 1) * BITS - words[index].leading_zeros() as usize)
    }

    pub(super) fn insert(&mut self, number: usize) {
        let mut at = number;
        for words in &mut self.levels {
            let index = at / BITS;
            if words.len() <= index {
                words.resize(index + 1, 0);
            }
            words[index] |= 1 << (at % BITS);
            if words[index] != u64::MAX {
                return;
            }
            at = index;
        }
    }

    pub(super) fn remove(&mut self, number: usize) {
        let mut at = number;
        for words in &mut self.levels {
            if let Some(word) = words.get_mut(at / BITS) {
                *word &= !(1 << (at % BITS));
            }
            at /= BITS;
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn agrees_with_a_plain_search() {
        let mut numbers = Numbers::new();
        let mut plain = vec![false; 20_000];
        let mut seed = 1_u64;
        for round in 0..20_000_u64 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let random = (seed >> 33) as usize % 9000;
            if round < 9000 || seed >> 62 != 0 {
                let from = if round % 3 == 0 { random } else { 0 };
                let expected = (from..).find(|number| !plain[*number]).unwrap();
                assert_eq!(numbers.lowest_free(from), expected);
                numbers.insert(expected);
                plain[expected] = true;
            } else {
                numbers.remove(random);
                plain[random] = false;
            }
            if round % 100 == 0 {
                assert_eq!(numbers.end(), plain.iter().rposition(|taken| *taken).map_or(0, |last| last + 1));
            }
        }
    }

    #[test]
    fn fills_up_across_all_levels() {
        let mut numbers = Numbers::new();
        for number in 0..600_000 {
            assert_eq!(numbers.lowest_free(0), number);
            numbers.insert(number);
        }
        numbers.remove(12_345);
        assert_eq!(numbers.lowest_free(0), 12_345);
        assert_eq!(numbers.lowest_free(12_346), 600_000);
    }
}
