//! A socket that sends and receives records, as others know it.

use alloc::{sync::Arc, vec::Vec};
use core::sync::atomic::{AtomicU32, Ordering};

use spin::{Mutex, MutexGuard, Once};

use super::{queue::Records, room::Waiting};
use crate::{
    ancillary::{OpenFile, Rights},
    family::unix::{address::Address, shutdown::Shutdown, status::Status, stream::writable},
    identity::Identity,
    pool::Pool,
    ready::{Events, Pollee},
    registry,
};

/// How records come to have a receiver.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// SOCK_DGRAM: by connect(2), or by the address that is sent to.
    Datagram,
    /// SOCK_SEQPACKET: over a connection.
    Sequenced,
}

/// A socket as others know it: those that have it for their peer, and the records that it sent. It outlives the socket, so
/// that who holds it finds a name, and that nobody is there any more.
///
/// Lock order: nothing else is locked under `state`, and two of them are never locked together.
pub(crate) struct Endpoint {
    pub(super) kind: Kind,
    /// The socket's.
    pub(super) pollee: Arc<Pollee>,
    pub(super) pool: Arc<Pool>,
    /// The socket's name, once it has one.
    pub(super) name: Once<Address>,
    /// SO_SNDBUF.
    pub(super) send_buffer: AtomicU32,
    /// What was sent and is not received yet, whoever has it, as it counts against `send_buffer`.
    pub(super) charged: AtomicU32,
    /// How many have this one for their peer.
    pub(super) peer_of: AtomicU32,
    /// The place of the socket, in the registry.
    place: AtomicU32,
    /// With more records than this, the queue is full for those who are not the peer.
    pub(super) backlog: u32,
    /// The directions are shut under the lock of `state`.
    pub(crate) status: Status,
    /// Where it is announced that the queue has room, once somebody waits for that.
    pub(super) room: Once<Arc<Pollee>>,
    /// Who is at the other end of a connection or pair.
    pub(super) peer_identity: Option<Arc<Identity>>,
    state: Mutex<State>,
}

/// What changes under the lock.
#[derive(Default)]
pub(super) struct State {
    /// To whom records go, and from whom alone they are taken. A socket gives it up when it is closed, so that two that are
    /// each other's peers do not keep each other for ever.
    pub(super) peer: Option<Arc<Endpoint>>,
    /// What /proc/net/unix shows: a socket is taken for connected, too, if others connected to it (`sk_state`).
    pub(super) established: bool,
    pub(super) queue: Records,
    /// Set while the socket waits for room at its peer.
    pub(super) waiting: Option<Waiting>,
}

/// What a new endpoint starts with.
pub(crate) struct New<'a> {
    pub(crate) kind: Kind,
    pub(crate) pollee: Arc<Pollee>,
    pub(crate) pool: &'a Arc<Pool>,
    /// SO_SNDBUF.
    pub(crate) send_buffer: u32,
    /// `net.unix.max_dgram_qlen`
    pub(crate) backlog: u32,
    pub(crate) peer: Option<Arc<Identity>>,
}

impl Endpoint {
    pub(crate) fn new(new: New<'_>) -> Arc<Self> {
        let New { kind, pollee, pool, send_buffer, backlog, peer } = new;
        Arc::new(Self {
            kind,
            pollee,
            pool: pool.clone(),
            name: Once::new(),
            send_buffer: AtomicU32::new(send_buffer),
            charged: AtomicU32::new(0),
            peer_of: AtomicU32::new(0),
            place: AtomicU32::new(registry::NOWHERE),
            backlog,
            status: Status::default(),
            room: Once::new(),
            peer_identity: peer,
            state: Mutex::new(State::default()),
        })
    }

    /// How its records come to have a receiver.
    #[inline]
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    #[inline]
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Shuts directions of this end.
    pub(crate) fn shut(&self, directions: Shutdown) {
        let state = self.lock();
        self.status.shut(directions);
        drop(state);
    }

    /// The socket is closed: nothing is added to its queue any more.
    pub(super) fn set_gone(&self) -> MutexGuard<'_, State> {
        let state = self.lock();
        self.status.set_gone();
        state
    }

    /// The place of the socket, in the registry.
    pub(crate) fn place(&self) -> u32 {
        self.place.load(Ordering::Relaxed)
    }

    pub(crate) fn set_place(&self, place: u32) {
        self.place.store(place, Ordering::Relaxed);
    }

    /// Takes the open files out of what waits here.
    pub(crate) fn take_rights(&self, files: &mut Vec<OpenFile>) {
        let rights = self.lock().queue.take_rights();
        files.extend(rights.into_iter().flat_map(Rights::into_files));
    }

    /// The socket's name.
    pub(crate) fn name(&self) -> Option<&Address> {
        self.name.get()
    }

    pub(crate) fn set_name(&self, address: Address) {
        self.name.call_once(|| address);
    }

    pub(crate) fn peer_identity(&self) -> Option<&Arc<Identity>> {
        self.peer_identity.as_ref()
    }

    /// The one to whom records go.
    pub(crate) fn peer(&self) -> Option<Arc<Self>> {
        self.lock().peer.clone()
    }

    /// How many have this one for their peer.
    pub(crate) fn peer_of(&self) -> u32 {
        self.peer_of.load(Ordering::Relaxed)
    }

    /// Whether /proc/net/unix shows it as connected.
    pub(crate) fn is_established(&self) -> bool {
        self.lock().established
    }

    /// Whether a record of its own would find room in its buffer.
    #[inline]
    pub(super) fn has_buffer(&self) -> bool {
        self.charged.load(Ordering::SeqCst) < self.send_buffer.load(Ordering::Relaxed)
    }

    #[inline]
    pub(super) fn add_charge(&self, bytes: u32) {
        self.charged.fetch_add(bytes, Ordering::Relaxed);
    }

    /// A record is out of the way.
    #[inline]
    pub(super) fn uncharge(&self, bytes: u32) {
        let send_buffer = self.send_buffer.load(Ordering::Relaxed);
        let before = self.charged.fetch_sub(bytes, Ordering::SeqCst);
        if !writable(before, send_buffer) && writable(before - bytes, send_buffer) {
            self.pollee.notify(Events::WRITABLE);
        }
    }

    /// What is not received yet, as it counts against the buffer (SIOCOUTQ).
    pub(crate) fn unsent(&self) -> u32 {
        self.charged.load(Ordering::Relaxed)
    }

    /// What can be read: of datagrams the next one, of a connection everything (FIONREAD).
    pub(crate) fn unread(&self) -> u32 {
        let state = self.lock();
        let bytes = match self.kind {
            Kind::Datagram => state.queue.first().map_or(0, |record| record.payload.length()),
            Kind::Sequenced => state.queue.bytes(),
        };
        bytes as u32
    }

    pub(crate) fn set_send_buffer(&self, bytes: u32) {
        self.send_buffer.store(bytes, Ordering::Relaxed);
        self.pollee.notify(Events::WRITABLE);
    }

    /// What poll(2) shows.
    pub(crate) fn poll(self: &Arc<Self>) -> Events {
        let mut events = self.status.shutdown().events();
        events.set(Events::ERR, self.status.has_error());
        if !self.lock().queue.is_empty() {
            events |= Events::READABLE;
        }
        let charged = self.charged.load(Ordering::SeqCst);
        if writable(charged, self.send_buffer.load(Ordering::Relaxed)) && self.peer_has_room() {
            events |= Events::WRITABLE;
        }
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::socket::Socket;

    #[test]
    fn an_idle_pair_is_small() {
        /// What counts the references to each of the three.
        const COUNTS: usize = 3 * 16;
        let end = size_of::<Socket>() + size_of::<Pollee>() + size_of::<Endpoint>() + COUNTS;
        assert!(2 * end <= 1024, "{end} bytes each: {} of the endpoint", size_of::<Endpoint>());
    }
}
