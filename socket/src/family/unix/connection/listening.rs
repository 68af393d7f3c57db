//! A socket that accepts connections.

use alloc::{collections::VecDeque, sync::Arc};

use super::REFUSED;
use crate::{
    family::unix::{address::Address, shutdown::Shutdown},
    identity::Identity,
    ready::{Events, Pollee},
    socket::Socket,
    step::{Attempt, Blocked, Stop},
};

pub(super) struct Listener {
    pub(super) name: Address,
    pub(super) shutdown: Shutdown,
    /// Of the one who called listen: what SO_PEERCRED shows to those who connect.
    pub(super) identity: Arc<Identity>,
    backlog: usize,
    /// Connections that wait to be accepted.
    queue: VecDeque<Arc<Socket>>,
}

/// What a listener has to say to one who wants to connect.
pub(super) struct Offer {
    pub(super) name: Address,
    pub(super) identity: Arc<Identity>,
}

impl Listener {
    pub(super) fn new(name: Address, shutdown: Shutdown, identity: Arc<Identity>) -> Self {
        Self { name, shutdown, identity, backlog: 0, queue: VecDeque::new() }
    }

    /// Returns who was shown before.
    #[must_use = "it is to be dropped where no lock is held"]
    pub(super) fn set_backlog(&mut self, backlog: u32, identity: Arc<Identity>) -> Arc<Identity> {
        self.backlog = backlog as usize;
        core::mem::replace(&mut self.identity, identity)
    }

    /// Whether a connection can be made now.
    ///
    /// # Errors
    /// ECONNREFUSED where the receiving direction is shut; waits while the queue is full. As in Linux, a backlog of n
    /// lets n + 1 connections wait.
    pub(super) fn admit(&self, pollee: &Arc<Pollee>) -> Attempt<()> {
        if self.shutdown.contains(Shutdown::RECEIVE) {
            return Err(REFUSED.into());
        }
        if self.queue.len() > self.backlog {
            // Nothing else is ever announced as writable at a listener: its events of that name mean room.
            return Err(Stop::Blocked(Blocked { pollee: pollee.clone(), events: Events::OUT }));
        }
        Ok(())
    }

    pub(super) fn offer(&self) -> Offer {
        Offer { name: self.name.clone(), identity: self.identity.clone() }
    }

    pub(super) fn push(&mut self, socket: Arc<Socket>) {
        self.queue.push_back(socket);
    }

    pub(super) fn pop(&mut self) -> Option<Arc<Socket>> {
        let socket = self.queue.pop_front();
        if self.queue.is_empty() {
            self.queue = VecDeque::new();
        }
        socket
    }

    /// How many connections wait, and how many may.
    pub(super) fn counts(&self) -> (u32, u32) {
        (self.queue.len() as u32, self.backlog as u32)
    }

    /// Those who wait.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &Arc<Socket>> {
        self.queue.iter()
    }

    /// Those who will never be accepted.
    pub(super) fn take_all(&mut self) -> VecDeque<Arc<Socket>> {
        core::mem::take(&mut self.queue)
    }

    pub(super) fn poll(&self) -> Events {
        let mut events = self.shutdown.events();
        events.set(Events::READABLE, events.contains(Events::IN) || !self.queue.is_empty());
        events
    }
}
