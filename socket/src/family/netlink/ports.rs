//! Who has which number, and who listens to which group.

use alloc::{
    collections::BTreeMap,
    sync::{Arc, Weak},
    vec::Vec,
};
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use linux_raw_sys::netlink::NETLINK_ROUTE;
use net_stack::Stack;
use spin::Mutex;

use super::{
    endpoint::{Datagram, Endpoint},
    uevent::Uevents,
};
use crate::error::{Errno, Error, Result};

/// Numbers that are chosen for those who ask for none begin here, and go down (`netlink_autobind` of Linux: -4096).
const CHOSEN: u32 = 0xffff_f000;

/// The sockets of one system.
pub(crate) struct Ports {
    /// By protocol and number. Lock order: `endpoint`'s locks are never taken under it.
    bound: Mutex<BTreeMap<(u32, u32), Arc<Endpoint>>>,
    /// Those that listen to some group, by protocol and place.
    listeners: Mutex<BTreeMap<(u32, u64), Arc<Endpoint>>>,
    /// How many sockets there were.
    places: AtomicU64,
    /// The next number to be chosen.
    next: AtomicU32,
    /// The groups of NETLINK_ROUTE that somebody listens to, or did once: nothing is built for the others.
    listened: AtomicU64,
    pub(super) stack: Weak<Stack>,
    pub(super) uevents: Uevents,
}

impl Ports {
    pub(crate) fn new(stack: &Arc<Stack>) -> Arc<Self> {
        Arc::new(Self {
            bound: Mutex::default(),
            listeners: Mutex::default(),
            places: AtomicU64::new(0),
            next: AtomicU32::new(CHOSEN),
            listened: AtomicU64::new(0),
            stack: Arc::downgrade(stack),
            uevents: stack.network(|network| {
                Uevents::of(network.interfaces().map(|interface| (interface.id, interface.name.clone())))
            }),
        })
    }

    /// What tells a new socket from all others.
    pub(super) fn place(&self) -> u64 {
        self.places.fetch_add(1, Ordering::Relaxed)
    }

    /// Gives a socket a number.
    ///
    /// # Errors
    /// EADDRINUSE where another has it.
    pub(super) fn bind(&self, endpoint: &Arc<Endpoint>, port: u32) -> Result<()> {
        let mut bound = self.bound.lock();
        let key = (endpoint.protocol, port);
        if bound.contains_key(&key) {
            return Err(Error::new(Errno::EADDRINUSE, "another socket has the number"));
        }
        bound.insert(key, endpoint.clone());
        endpoint.set_port(port);
        Ok(())
    }

    /// Gives a socket a number that nobody has: `wanted`, which is the process's, if that is free.
    pub(super) fn bind_any(&self, endpoint: &Arc<Endpoint>, wanted: u32) {
        let mut port = wanted;
        while self.bind(endpoint, port).is_err() {
            port = self.next.fetch_sub(1, Ordering::Relaxed);
            if port <= 1 << 31 {
                self.next.store(CHOSEN, Ordering::Relaxed);
            }
        }
    }

    /// A socket is closed.
    pub(super) fn release(&self, endpoint: &Arc<Endpoint>) {
        if endpoint.groups() != 0 {
            let removed = self.listeners.lock().remove(&(endpoint.protocol, endpoint.place));
            drop(removed);
        }
        if endpoint.port() != 0 {
            let removed = self.bound.lock().remove(&(endpoint.protocol, endpoint.port()));
            drop(removed);
        }
    }

    /// Who has a number.
    pub(super) fn find(&self, protocol: u32, port: u32) -> Option<Arc<Endpoint>> {
        self.bound.lock().get(&(protocol, port)).cloned()
    }

    /// Somebody listens to these groups of a protocol from now on.
    pub(super) fn listen(&self, endpoint: &Arc<Endpoint>, groups: u64) {
        let key = (endpoint.protocol, endpoint.place);
        let mut listeners = self.listeners.lock();
        endpoint.set_groups(groups);
        let before = match groups {
            0 => listeners.remove(&key),
            _ => listeners.insert(key, endpoint.clone()),
        };
        drop(listeners);
        drop(before);
        if endpoint.protocol == NETLINK_ROUTE {
            self.listened.fetch_or(groups, Ordering::Relaxed);
        }
    }

    /// Whether somebody may listen to a group of NETLINK_ROUTE.
    pub(super) fn is_heard(&self, group: u32) -> bool {
        self.listened.load(Ordering::Relaxed) >> (group - 1) & 1 != 0
    }

    /// Sends to all who listen to a group, but for the sender, and for those with the number `except`, to whom it goes anyway: as
    /// on Linux, who has no number hears nothing but what is for somebody else.
    pub(super) fn announce(
        &self,
        protocol: u32,
        except: u32,
        sender: Option<&Endpoint>,
        datagram: &Datagram,
    ) {
        let bit = 1_u64 << (datagram.group - 1);
        let listeners: Vec<_> = {
            let all = self.listeners.lock();
            let range = all.range((protocol, 0)..=(protocol, u64::MAX));
            let listens = |endpoint: &&Arc<Endpoint>| {
                endpoint.groups() & bit != 0
                    && endpoint.port() != except
                    && sender.is_none_or(|sender| sender.place != endpoint.place)
            };
            range.map(|(_, endpoint)| endpoint).filter(listens).cloned().collect()
        };
        listeners.iter().for_each(|endpoint| endpoint.deliver(datagram.clone()));
    }
}
