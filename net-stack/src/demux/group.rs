//! Sockets that wait for the same packets.

use alloc::{sync::Arc, vec::Vec};

/// Whoever can get packets.
pub trait Member {
    /// SO_REUSEPORT: packets are spread over all members of the group that have it.
    fn balances(&self) -> bool;
}

/// The sockets with the same key. With SO_REUSEPORT a hash decides among them, so that all packets of one peer go to the
/// same; otherwise the one that was bound last has everything, as on Linux.
pub(super) struct Group<T> {
    members: Vec<Arc<T>>,
}

impl<T: Member> Group<T> {
    pub(super) fn new() -> Self {
        Self { members: Vec::new() }
    }

    pub(super) fn add(&mut self, member: Arc<T>) {
        self.members.push(member);
    }

    pub(super) fn remove(&mut self, member: &Arc<T>) -> bool {
        match self.members.iter().rposition(|other| Arc::ptr_eq(other, member)) {
            Some(place) => {
                self.members.remove(place);
                true
            }
            None => false,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The member for a packet with that hash. Scaled, not divided: `reciprocal_scale` of Linux.
    pub(super) fn pick(&self, hash: impl FnOnce() -> u32) -> Option<&Arc<T>> {
        let last = self.members.last()?;
        if self.members.len() == 1 || !last.balances() {
            return Some(last);
        }
        let place = (u64::from(hash()) * self.members.len() as u64) >> 32;
        self.members.get(place as usize).filter(|member| member.balances()).or(Some(last))
    }
}
