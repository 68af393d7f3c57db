//! All sockets, for those who want to see them: `/proc/net`.
//!
//! A socket is entered when it is made and taken out when it is dropped, each in constant time; calls in between cost
//! nothing. All systems have one list in common, so that a socket only has to know its place in it.

use alloc::{
    sync::{Arc, Weak},
    vec::Vec,
};

use spin::Mutex;

use crate::{socket::Socket, world::World};

/// For so many sockets memory is kept when all are gone.
const KEPT: usize = 256;

/// No free place.
pub(crate) const NOWHERE: u32 = u32::MAX;

struct Entry {
    socket: Weak<Socket>,
    /// Tells it from all other sockets that there are or were; 0 while it waits to be accepted, so that no program has it.
    number: u64,
    /// The number of its system.
    world: u32,
    /// While it waits to be accepted: the place of the listener.
    listener: u32,
}

enum Slot {
    Used(Entry),
    /// The number of the next free place.
    Free(u32),
}

struct Slots {
    slots: Vec<Slot>,
    /// The first free place.
    free: u32,
    /// How many are used.
    used: usize,
    /// The next socket's number.
    next: u64,
}

static SLOTS: Mutex<Slots> = Mutex::new(Slots { slots: Vec::new(), free: NOWHERE, used: 0, next: 1 });

impl Slots {
    #[inline]
    fn enter(&mut self, socket: &Arc<Socket>, number: u64, world: u32, listener: u32) {
        let slot = Slot::Used(Entry { socket: Arc::downgrade(socket), number, world, listener });
        let mut place = self.free;
        match self.slots.get_mut(place as usize) {
            Some(free) => {
                if let Slot::Free(next) = core::mem::replace(free, slot) {
                    self.free = next;
                }
            }
            None => {
                place = self.slots.len() as u32;
                self.slots.push(slot);
            }
        }
        self.used += 1;
        socket.set_place(place);
    }

    #[inline]
    fn number(&mut self) -> u64 {
        let number = self.next;
        self.next += 1;
        number
    }

    fn get_mut(&mut self, place: u32) -> Option<&mut Entry> {
        match self.slots.get_mut(place as usize)? {
            Slot::Used(entry) => Some(entry),
            Slot::Free(_) => None,
        }
    }
}

/// Enters sockets of a system that programs are about to have.
#[inline]
pub(crate) fn enter<const N: usize>(world: u32, sockets: [&Arc<Socket>; N]) {
    let mut slots = SLOTS.lock();
    for socket in sockets {
        let number = slots.number();
        slots.enter(socket, number, world, NOWHERE);
    }
}

/// Enters a socket that waits to be accepted by one of the same system.
pub(crate) fn enter_waiting(listener: u32, socket: &Arc<Socket>) {
    let mut slots = SLOTS.lock();
    let world = slots.get_mut(listener).map_or(0, |entry| entry.world);
    slots.enter(socket, 0, world, listener);
}

/// The socket in that place was waiting, and has been accepted.
pub(crate) fn accepted(place: u32) {
    let mut slots = SLOTS.lock();
    let number = slots.number();
    if let Some(entry) = slots.get_mut(place) {
        entry.number = number;
        entry.listener = NOWHERE;
    }
}

/// The place of the socket which has the one in that place: the listener, where it waits to be accepted, otherwise itself.
pub(crate) fn owner(place: u32) -> u32 {
    match SLOTS.lock().get_mut(place) {
        Some(entry) if entry.listener != NOWHERE => entry.listener,
        _ => place,
    }
}

/// The number of the socket in that place.
pub(crate) fn number(place: u32) -> u64 {
    SLOTS.lock().get_mut(place).map_or(0, |entry| entry.number)
}

/// Takes a socket out that is being dropped.
#[inline]
pub(crate) fn leave(place: u32) {
    let mut slots = SLOTS.lock();
    let next = slots.free;
    let Some(slot) = slots.slots.get_mut(place as usize) else { return };
    let left = core::mem::replace(slot, Slot::Free(next));
    slots.free = place;
    slots.used -= 1;
    let mut memory = Vec::new();
    if slots.used == 0 && slots.slots.capacity() > KEPT {
        memory = core::mem::take(&mut slots.slots);
        slots.free = NOWHERE;
    }
    drop(slots);
    drop((left, memory));
}

impl World {
    /// How many sockets programs have. Takes time in proportion to how many there are.
    #[must_use]
    pub fn socket_count(&self) -> usize {
        let counts = |slot: &&Slot| match slot {
            Slot::Used(entry) => entry.world == self.id && entry.number != 0,
            Slot::Free(_) => false,
        };
        SLOTS.lock().slots.iter().filter(counts).count()
    }

    /// Calls `look` with each socket, those that wait to be accepted included. No lock is held meanwhile; a socket that is
    /// made or dropped meanwhile may be missed.
    pub fn for_each_socket(&self, mut look: impl FnMut(&Arc<Socket>)) {
        /// So many are taken at a time, so that the lock is not held for long.
        const PORTION: usize = 64;
        let own = |slot: &Slot| match slot {
            Slot::Used(entry) if entry.world == self.id => entry.socket.upgrade(),
            _ => None,
        };
        let mut from = 0;
        loop {
            let (portion, end): (Vec<_>, _) = {
                let slots = SLOTS.lock();
                let end = slots.slots.len().min(from + PORTION);
                let portion = slots.slots.get(from..end).unwrap_or_default();
                (portion.iter().filter_map(own).collect(), end)
            };
            portion.iter().for_each(&mut look);
            if end <= from {
                return;
            }
            from = end;
        }
    }
}
