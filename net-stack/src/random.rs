//! Numbers that strangers cannot guess, and that a test can repeat.

use core::hash::{Hash, Hasher};

use siphasher::sip::SipHasher24;

/// The secret of one stack. All that must not be guessed follows from it: initial sequence numbers (RFC 6528), the
/// choice of ports (RFC 6056), SYN cookies (RFC 4987), the seeds of hash tables.
#[derive(Clone, Copy)]
pub struct Secret([u64; 2]);

/// What a hash is for: the same input gives unrelated numbers for different purposes.
#[derive(Clone, Copy, Hash, PartialEq, Eq)]
pub(crate) enum Purpose {
    Table,
    Balance,
    Ports,
    Identification,
    SequenceNumber,
    TimestampOffset,
    Cookie,
}

impl Secret {
    /// A secret from 16 bytes that should come from a good source; a test says which.
    #[must_use]
    pub const fn new(seed: [u64; 2]) -> Self {
        Self(seed)
    }

    /// A number that follows from the secret, the purpose and `input`.
    pub(crate) fn hash(&self, purpose: Purpose, input: impl Hash) -> u64 {
        let mut hasher = SipHasher24::new_with_keys(self.0[0], self.0[1]);
        purpose.hash(&mut hasher);
        input.hash(&mut hasher);
        hasher.finish()
    }

    /// A sequence of numbers of its own for that purpose.
    pub(crate) fn sequence(&self, purpose: Purpose) -> Sequence {
        Sequence(self.hash(purpose, ()))
    }
}

/// Numbers that follow each other without a visible order: Vigna's splitmix64. For choices where a good guess gives
/// nobody power over others' connections.
pub(crate) struct Sequence(u64);

impl Sequence {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// A hash table whose order of buckets strangers do not know.
pub(crate) type Table<K, V> = hashbrown::HashMap<K, V, foldhash::quality::FixedState>;

/// An empty table.
pub(crate) fn table<K, V>(secret: &Secret) -> Table<K, V> {
    Table::with_hasher(foldhash::quality::FixedState::with_seed(secret.hash(Purpose::Table, ())))
}
