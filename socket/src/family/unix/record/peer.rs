//! Having a peer, having it no more, and the socket's end.

use alloc::{sync::Arc, vec::Vec};
use core::sync::atomic::Ordering;

use super::{
    endpoint::{Endpoint, Kind},
    queue::Records,
};
use crate::{
    ancillary::{OpenFile, Rights},
    error::{Errno, Error, Result},
    family::unix::shutdown::Shutdown,
    ready::Events,
};

impl Endpoint {
    /// Makes two new endpoints each other's peers.
    pub(crate) fn join(one: &Arc<Self>, other: &Arc<Self>) {
        for (here, there) in [(one, other), (other, one)] {
            let mut state = here.lock();
            state.peer = Some(there.clone());
            state.established = true;
            there.peer_of.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// connect(2) of a datagram socket: records go to `peer` from now on, and come only from there. False where `peer` was
    /// closed since it was found.
    ///
    /// # Errors
    /// EPERM where `peer` takes records from another only.
    pub(crate) fn connect(self: &Arc<Self>, peer: &Arc<Self>) -> Result<bool> {
        let mut state = peer.lock();
        if peer.status.is_gone() {
            return Ok(false);
        }
        if state.peer.as_ref().is_some_and(|its| !Arc::ptr_eq(its, self)) {
            return Err(Error::new(Errno::EPERM, "the socket there has another peer"));
        }
        state.established = true;
        drop(state);
        self.set_peer(Some(peer));
        Ok(true)
    }

    /// connect(2) with AF_UNSPEC.
    pub(crate) fn disconnect(self: &Arc<Self>) {
        self.set_peer(None);
    }

    fn set_peer(self: &Arc<Self>, peer: Option<&Arc<Self>>) {
        if let Some(peer) = peer {
            peer.peer_of.fetch_add(1, Ordering::Relaxed);
        }
        let mut state = self.lock();
        let waiting = state.waiting.take();
        let old = core::mem::replace(&mut state.peer, peer.cloned());
        match peer {
            Some(_) => state.established = true,
            None if old.is_some() => state.established = false,
            None => {}
        }
        drop(state);
        if let Some(waiting) = waiting {
            waiting.end();
            // Who polls for room at the old peer looks at the new one.
            self.pollee.notify(Events::WRITABLE);
        }
        let Some(old) = old else { return };
        old.peer_of.fetch_sub(1, Ordering::Relaxed);
        if !peer.is_some_and(|peer| Arc::ptr_eq(peer, &old)) {
            self.left(&old);
            let mut state = old.lock();
            if state.peer.is_none() {
                state.established = false;
            }
        }
    }

    /// `peer` is the peer no more, if it was; whether it was.
    pub(super) fn disconnect_from(self: &Arc<Self>, peer: &Arc<Self>) -> bool {
        let mut state = self.lock();
        if !state.peer.as_ref().is_some_and(|now| Arc::ptr_eq(now, peer)) {
            return false;
        }
        let old = state.peer.take();
        state.established = false;
        let waiting = state.waiting.take();
        drop(state);
        drop(old);
        peer.peer_of.fetch_sub(1, Ordering::Relaxed);
        if let Some(waiting) = waiting {
            waiting.end();
            self.pollee.notify(Events::WRITABLE);
        }
        self.left(peer);
        true
    }

    /// After the peer was given up: what it had sent is lost, of which it is told if its peer is still this one.
    fn left(self: &Arc<Self>, old: &Arc<Self>) {
        let lost = {
            let mut state = self.lock();
            core::mem::take(&mut state.queue)
        };
        if lost.is_empty() {
            return;
        }
        drop(lost);
        self.announce_room();
        let state = old.lock();
        let told = !old.status.is_gone() && state.peer.as_ref().is_some_and(|peer| Arc::ptr_eq(peer, self));
        drop(state);
        if told {
            old.status.set_reset();
            old.pollee.notify(Events::ERR);
        }
    }

    /// shutdown(2). Datagrams are shut on this side only.
    pub(crate) fn shutdown_directions(&self, directions: Shutdown) {
        self.shut(directions);
        self.pollee.notify(Events::all());
        if self.kind == Kind::Sequenced
            && let Some(peer) = self.peer()
        {
            peer.shut(directions.mirrored());
            peer.pollee.notify(Events::all());
        }
    }

    /// The peer of a connection is told of an abrupt end.
    pub(super) fn reset_peer(&self) {
        if let Some(peer) = self.peer() {
            peer.status.set_reset();
        }
    }

    /// The socket is closed. The open files that nobody has received are added to `files`.
    pub(crate) fn close(&self, files: &mut Vec<OpenFile>) {
        let mut state = self.set_gone();
        let mut queue: Records = core::mem::take(&mut state.queue);
        let (peer, waiting) = (state.peer.take(), state.waiting.take());
        drop(state);
        if let Some(waiting) = waiting {
            waiting.end();
        }
        if self.kind == Kind::Sequenced
            && let Some(peer) = &peer
        {
            // Linux counts bytes (`unix_inq_len`): records without any are no loss.
            if queue.bytes() > 0 {
                peer.status.set_reset();
            }
            peer.shut(Shutdown::all());
            peer.pollee.notify(Events::all());
        }
        files.extend(queue.take_rights().into_iter().flat_map(Rights::into_files));
        drop(queue);
        if let Some(peer) = peer {
            peer.peer_of.fetch_sub(1, Ordering::Relaxed);
        }
        self.announce_room();
    }
}
