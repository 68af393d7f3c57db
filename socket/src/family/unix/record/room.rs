//! Waiting until a receiver's queue has room.
//!
//! A receiver's queue takes so many records from those who are not its peer. Who sends, waits there for room; but who polls
//! watches its own socket only, and must be told there.

use alloc::sync::{Arc, Weak};

use super::endpoint::{Endpoint, State};
use crate::ready::{Events, Observer, Pollee, Registration};

/// That a socket is to be told of room at its peer.
pub(super) struct Waiting {
    room: Arc<Pollee>,
    registration: Registration,
}

impl Waiting {
    /// It is not to be told any more. Call it with no lock held.
    pub(super) fn end(self) {
        self.room.unregister(self.registration);
    }
}

/// Passes on, once, that there is room.
struct Relay(Weak<Endpoint>);

impl Observer for Relay {
    fn notify(&self, _events: Events) {
        let Some(endpoint) = self.0.upgrade() else { return };
        let waiting = endpoint.lock().waiting.take();
        if let Some(waiting) = waiting {
            waiting.end();
        }
        endpoint.pollee.notify(Events::WRITABLE);
    }
}

impl Endpoint {
    /// Where room in the queue is announced.
    pub(super) fn room(&self) -> &Arc<Pollee> {
        self.room.call_once(Arc::default)
    }

    /// Something was taken out of the queue, or the socket is gone. Call it with no lock held.
    #[inline]
    pub(super) fn announce_room(&self) {
        if let Some(room) = self.room.get() {
            room.notify(Events::WRITABLE);
        }
    }

    /// Whether the queue, which is `state`'s, has no room for `sender`.
    pub(super) fn is_full_for(self: &Arc<Self>, state: &State, sender: &Arc<Self>) -> bool {
        state.queue.len() > self.backlog as usize
            && !Arc::ptr_eq(self, sender)
            && !state.peer.as_ref().is_some_and(|peer| Arc::ptr_eq(peer, sender))
    }

    /// Whether sending to the peer, where there is one, would not wait for room there; if it would, the socket will be told.
    pub(super) fn peer_has_room(self: &Arc<Self>) -> bool {
        let Some(peer) = self.peer() else { return true };
        let full = || !peer.status.is_gone() && peer.is_full_for(&peer.lock(), self);
        if !full() {
            return true;
        }
        let mut state = self.lock();
        if !state.peer.as_ref().is_some_and(|now| Arc::ptr_eq(now, &peer)) {
            return true;
        }
        if state.waiting.is_none() {
            let room = peer.room().clone();
            let registration = room.register(Arc::new(Relay(Arc::downgrade(self))), Events::OUT);
            state.waiting = Some(Waiting { room, registration });
        }
        drop(state);
        // Room that was made before the registration was announced to nobody.
        !full()
    }
}
