//! What is to be done once no lock is held: packets to deliver, watchers to tell.

use alloc::{
    collections::VecDeque,
    sync::{Arc, Weak},
    vec::Vec,
};

use bitflags::bitflags;
use spin::Mutex;

use crate::{address::IpAddr, net::InterfaceId, packet::Packet};

bitflags! {
    /// What may have changed about a socket.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub struct Notice: u8 {
        /// There is something to receive, or to accept.
        const READABLE = 1;
        /// There is room to send, or a connection is established.
        const WRITABLE = 2;
        /// An error is pending.
        const ERROR = 4;
        /// The peer sends no more.
        const READ_CLOSED = 8;
        /// Nothing can be sent or received any more.
        const CLOSED = 16;
        /// There is urgent data.
        const URGENT = 32;
    }
}

/// Who wants to know what happens to a socket.
pub trait Watcher: Send + Sync {
    /// Something may have changed: look again. Called without any lock of this crate, never from interrupt context.
    fn notice(&self, notice: Notice);
}

/// Where a socket's watcher is kept.
#[derive(Default)]
pub(crate) struct Watched(Mutex<Option<Weak<dyn Watcher>>>);

impl Watched {
    pub(crate) fn set(&self, watcher: Option<Weak<dyn Watcher>>) {
        let old = core::mem::replace(&mut *self.0.lock(), watcher);
        drop(old);
    }

    pub(crate) fn get(&self) -> Option<Arc<dyn Watcher>> {
        self.0.lock().as_ref().and_then(Weak::upgrade)
    }
}

/// Work that waits until the caller holds no lock. Every operation fills one; `Stack::flush` empties it:
/// that is how a packet passes from flow to flow while never two of them are locked.
#[derive(Default)]
pub(crate) struct Outbox {
    /// Packets for this host.
    pub(crate) local: VecDeque<(InterfaceId, Packet)>,
    /// Packets for links, with the neighbour that takes them.
    pub(crate) remote: VecDeque<(InterfaceId, IpAddr, Packet)>,
    notices: Vec<(Arc<dyn Watcher>, Notice)>,
}

impl Outbox {
    /// Has the watcher told.
    pub(crate) fn tell(&mut self, watched: &Watched, notice: Notice) {
        if notice.is_empty() {
            return;
        }
        if let Some(watcher) = watched.get() {
            let same = |other: &&mut (Arc<dyn Watcher>, Notice)| Arc::ptr_eq(&other.0, &watcher);
            // Usually the last one is told again.
            match self.notices.last_mut().filter(same) {
                Some((_, notices)) => *notices |= notice,
                None => self.notices.push((watcher, notice)),
            }
        }
    }

    pub(crate) fn take_notices(&mut self) -> Vec<(Arc<dyn Watcher>, Notice)> {
        core::mem::take(&mut self.notices)
    }
}
