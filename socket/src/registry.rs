//! All sockets of a system, for those who want to see them: `/proc/net`.
//!
//! A socket is entered when it is made and taken out when it is dropped, each in constant time; calls in between cost
//! nothing.

use alloc::{
    sync::{Arc, Weak},
    vec::Vec,
};

use spin::Mutex;

use crate::socket::Socket;

/// For so many sockets memory is kept when all are gone.
const KEPT: usize = 256;

/// No free place.
const NONE: u32 = u32::MAX;

enum Slot {
    Used(Weak<Socket>),
    /// The number of the next free place.
    Free(u32),
}

struct Slots {
    slots: Vec<Slot>,
    /// The first free place.
    free: u32,
    /// How many are used.
    used: usize,
    /// How many of these wait to be accepted, so that no program has them.
    waiting: usize,
    /// The next socket's number.
    next: u64,
}

/// All sockets of a system.
pub struct Registry {
    slots: Mutex<Slots>,
}

impl Default for Registry {
    fn default() -> Self {
        Self { slots: Mutex::new(Slots { slots: Vec::new(), free: NONE, used: 0, waiting: 0, next: 1 }) }
    }
}

impl Slots {
    #[inline]
    fn enter(&mut self, socket: &Arc<Socket>) {
        let slot = Slot::Used(Arc::downgrade(socket));
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
}

impl Registry {
    /// Enters sockets that programs are about to have.
    #[inline]
    pub(crate) fn enter<const N: usize>(&self, sockets: [&Arc<Socket>; N]) {
        let mut slots = self.slots.lock();
        for socket in sockets {
            slots.enter(socket);
            socket.set_number(slots.number());
        }
    }

    /// Enters a socket that waits to be accepted. It has no number yet.
    pub(crate) fn enter_waiting(&self, socket: &Arc<Socket>) {
        let mut slots = self.slots.lock();
        slots.enter(socket);
        slots.waiting += 1;
    }

    /// A socket that was waiting has been accepted.
    pub(crate) fn accepted(&self, socket: &Socket) {
        let mut slots = self.slots.lock();
        slots.waiting -= 1;
        socket.set_number(slots.number());
    }

    /// Takes a socket out that is being dropped; `waiting` where it never was accepted.
    #[inline]
    pub(crate) fn leave(&self, place: u32, waiting: bool) {
        let mut slots = self.slots.lock();
        let next = slots.free;
        let Some(slot) = slots.slots.get_mut(place as usize) else { return };
        let left = core::mem::replace(slot, Slot::Free(next));
        slots.free = place;
        slots.used -= 1;
        slots.waiting -= usize::from(waiting);
        let mut memory = Vec::new();
        if slots.used == 0 && slots.slots.capacity() > KEPT {
            memory = core::mem::take(&mut slots.slots);
            slots.free = NONE;
        }
        drop(slots);
        drop((left, memory));
    }

    /// How many sockets programs have.
    #[must_use]
    pub fn used(&self) -> usize {
        let slots = self.slots.lock();
        slots.used - slots.waiting
    }

    /// Calls `look` with each socket, those that wait to be accepted included. No lock is held meanwhile; a socket that is
    /// made or dropped meanwhile may be missed.
    pub fn for_each(&self, mut look: impl FnMut(&Arc<Socket>)) {
        /// So many are taken at a time, so that the lock is not held for long.
        const PORTION: usize = 64;
        let mut from = 0;
        loop {
            let (portion, end): (Vec<_>, _) = {
                let slots = self.slots.lock();
                let end = slots.slots.len().min(from + PORTION);
                let portion =
                    slots.slots.get(from..end).unwrap_or_default().iter().filter_map(|slot| match slot {
                        Slot::Used(socket) => socket.upgrade(),
                        Slot::Free(_) => None,
                    });
                (portion.collect(), end)
            };
            portion.iter().for_each(&mut look);
            if end <= from {
                return;
            }
            from = end;
        }
    }
}
