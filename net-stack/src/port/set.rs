//! A set of ports in which the next member after a place is found in constant time.

use alloc::{boxed::Box, vec};

const WORD: usize = 64;

/// A bit for each port, a bit for each word that has one, and a bit for each word of those: three looks find a member.
pub(super) struct PortSet {
    ports: Box<[u64; 65536 / WORD]>,
    words: [u64; 65536 / WORD / WORD],
    groups: u64,
    length: u32,
}

impl PortSet {
    pub(super) fn new() -> Self {
        let ports = vec![0; 65536 / WORD].into_boxed_slice();
        let ports = ports.try_into().unwrap_or_else(|_| Box::new([0; 65536 / WORD]));
        Self { ports, words: [0; 65536 / WORD / WORD], groups: 0, length: 0 }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> u32 {
        self.length
    }

    pub(super) fn contains(&self, port: u16) -> bool {
        let port = usize::from(port);
        self.ports[port / WORD] >> (port % WORD) & 1 != 0
    }

    pub(super) fn insert(&mut self, port: u16) {
        if !self.contains(port) {
            let (word, group) = (usize::from(port) / WORD, usize::from(port) / WORD / WORD);
            self.ports[word] |= 1 << (usize::from(port) % WORD);
            self.words[group] |= 1 << (word % WORD);
            self.groups |= 1 << group;
            self.length += 1;
        }
    }

    pub(super) fn remove(&mut self, port: u16) {
        if self.contains(port) {
            let (word, group) = (usize::from(port) / WORD, usize::from(port) / WORD / WORD);
            self.ports[word] &= !(1 << (usize::from(port) % WORD));
            if self.ports[word] == 0 {
                self.words[group] &= !(1 << (word % WORD));
            }
            if self.words[group] == 0 {
                self.groups &= !(1 << group);
            }
            self.length -= 1;
        }
    }

    /// The first member from `start` on, or the first of all if there is none.
    pub(super) fn next(&self, start: u16) -> Option<u16> {
        self.from(usize::from(start)).or_else(|| self.from(0))
    }

    fn from(&self, start: usize) -> Option<u16> {
        let (word, group) = (start / WORD, start / WORD / WORD);
        if let Some(bit) = first(self.ports[word], start % WORD) {
            return Some((word * WORD + bit) as u16);
        }
        let word = match first(self.words[group], word % WORD + 1) {
            Some(word) => group * WORD + word,
            None => {
                let group = first(self.groups, group + 1)?;
                group * WORD + first(self.words[group], 0)?
            }
        };
        Some((word * WORD + first(self.ports[word], 0)?) as u16)
    }
}

/// The lowest bit that is set, from bit `from` on.
fn first(word: u64, from: usize) -> Option<usize> {
    let rest = word & u64::MAX.checked_shl(from as u32).unwrap_or(0);
    (rest != 0).then(|| rest.trailing_zeros() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_member_is_found_wherever_it_is() {
        let mut set = PortSet::new();
        assert_eq!(set.next(0), None);
        for port in [0, 63, 64, 4095, 4096, 32768, 65535] {
            set.insert(port);
            set.insert(port);
        }
        assert_eq!(set.len(), 7);
        for (start, found) in
            [(0, 0), (1, 63), (64, 64), (65, 4095), (4096, 4096), (4097, 32768), (40000, 65535)]
        {
            assert_eq!(set.next(start), Some(found));
        }
        set.remove(65535);
        set.remove(65535);
        assert_eq!((set.next(40000), set.len()), (Some(0), 6));
        for port in [0, 63, 64, 4095, 4096, 32768] {
            set.remove(port);
        }
        assert_eq!((set.next(7), set.groups), (None, 0));
    }
}
