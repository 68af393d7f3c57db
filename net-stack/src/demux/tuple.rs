//! Connections by their four-tuple.

use alloc::{sync::Arc, vec::Vec};

use spin::RwLock;

use crate::{
    address::Endpoint,
    random::{Secret, Table, table},
};

/// The two ends of a connection, seen from this host.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct FourTuple {
    /// The end that is here.
    pub local: Endpoint,
    /// The other end.
    pub remote: Endpoint,
}

impl FourTuple {
    /// The same connection as the other end sees it.
    #[must_use]
    pub fn reversed(self) -> Self {
        Self { local: self.remote, remote: self.local }
    }
}

/// What a four-tuple leads to: something that can be told from others of its kind.
pub trait Same: Clone {
    /// Whether they are one and the same.
    fn same(&self, other: &Self) -> bool;
}

impl<T> Same for Arc<T> {
    fn same(&self, other: &Self) -> bool {
        Self::ptr_eq(self, other)
    }
}

/// So many tables share the work, so that connections seldom wait for each other.
const SHARDS: usize = 16;

/// For so many connections a shard keeps memory when all are gone.
const KEPT: usize = 64;

/// Connections by their four-tuple, in constant time.
///
/// Lock order: after the locks of flows; nothing is locked under it.
pub struct Tuples<T> {
    shards: [RwLock<Table<FourTuple, T>>; SHARDS],
}

impl<T: Same> Tuples<T> {
    /// A table without connections.
    #[must_use]
    pub fn new(secret: &Secret) -> Self {
        Self { shards: core::array::from_fn(|_| RwLock::new(table(secret))) }
    }

    fn shard(&self, tuple: &FourTuple) -> &RwLock<Table<FourTuple, T>> {
        // The low bits of the two ports tell connections apart well enough to spread locks.
        let mixed = tuple.local.port ^ tuple.remote.port.rotate_left(5);
        &self.shards[usize::from(mixed) % SHARDS]
    }

    /// The connection with that four-tuple.
    pub fn find(&self, tuple: &FourTuple) -> Option<T> {
        self.shard(tuple).read().get(tuple).cloned()
    }

    /// Whether there is one.
    pub fn contains(&self, tuple: &FourTuple) -> bool {
        self.shard(tuple).read().contains_key(tuple)
    }

    /// Enters a connection, unless its four-tuple is taken; whether it was entered.
    pub fn insert(&self, tuple: FourTuple, connection: &T) -> bool {
        let mut shard = self.shard(&tuple).write();
        match shard.entry(tuple) {
            hashbrown::hash_map::Entry::Occupied(_) => false,
            hashbrown::hash_map::Entry::Vacant(vacant) => {
                vacant.insert(connection.clone());
                true
            }
        }
    }

    /// Takes a connection out, if it is the one that is there; whether it was.
    pub fn remove(&self, tuple: &FourTuple, connection: &T) -> bool {
        let mut shard = self.shard(tuple).write();
        let same = shard.get(tuple).is_some_and(|other| other.same(connection));
        let removed = if same { shard.remove(tuple) } else { None };
        if shard.is_empty() && shard.capacity() > KEPT {
            // A storm of connections does not keep memory for ever.
            shard.shrink_to_fit();
        }
        drop(shard);
        removed.is_some()
    }

    /// How many connections there are.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().len()).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every connection, in no order: for those who want to see them.
    pub fn every(&self) -> Vec<T> {
        self.shards.iter().flat_map(|shard| shard.read().values().cloned().collect::<Vec<_>>()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Ipv4Addr;

    #[test]
    fn a_connection_is_found_by_its_four_tuple_only() {
        let tuples = Tuples::new(&Secret::new([7, 8]));
        let tuple = |port| FourTuple {
            local: Endpoint::new(Ipv4Addr::LOCALHOST, 80),
            remote: Endpoint::new(Ipv4Addr::LOCALHOST, port),
        };
        let connections: Vec<_> = (1..1000).map(Arc::new).collect();
        for connection in &connections {
            assert!(tuples.insert(tuple(**connection), connection));
            assert!(!tuples.insert(tuple(**connection), &Arc::new(0)));
        }
        assert_eq!((tuples.len(), tuples.find(&tuple(500)).as_deref()), (999, Some(&500)));
        assert!(tuples.find(&tuple(500).reversed()).is_none());
        assert!(!tuples.remove(&tuple(500), &Arc::new(500)), "only who is there leaves");
        for connection in &connections {
            assert!(tuples.remove(&tuple(**connection), connection));
        }
        assert!(tuples.is_empty() && tuples.every().is_empty());
    }
}
