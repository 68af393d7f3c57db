//! Readiness: what may happen to a socket, and who wants to know.
//!
//! One mechanism serves blocking calls, poll and epoll, in the kernel and in the emulator.

use alloc::{sync::Arc, vec::Vec};
use core::sync::atomic::{AtomicU32, Ordering};

use bitflags::bitflags;
use linux_raw_sys::general as uapi;
use spin::Mutex;

bitflags! {
    /// Events with the values of poll(2).
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub struct Events: u32 {
        /// Data can be read, or a connection accepted.
        const IN = uapi::POLLIN;
        /// Urgent data.
        const PRI = uapi::POLLPRI;
        /// Data can be written.
        const OUT = uapi::POLLOUT;
        /// An error is pending.
        const ERR = uapi::POLLERR;
        /// Both directions are shut.
        const HUP = uapi::POLLHUP;
        /// The descriptor is not open: in poll's results. Announced, it says that a file may have been closed for good.
        const NVAL = uapi::POLLNVAL;
        /// As IN.
        const RDNORM = uapi::POLLRDNORM;
        /// As OUT.
        const WRNORM = uapi::POLLWRNORM;
        /// As OUT, for data of another priority; UNIX sockets announce it with OUT.
        const WRBAND = uapi::POLLWRBAND;
        /// The peer has shut its writing direction.
        const RDHUP = uapi::POLLRDHUP;
    }
}

impl Events {
    /// What readable sockets announce.
    pub const READABLE: Self = Self::IN.union(Self::RDNORM);
    /// What writable sockets announce.
    pub const WRITABLE: Self = Self::OUT.union(Self::WRNORM).union(Self::WRBAND);
}

/// Somebody to be told of events. `notify` is called without any lock of this crate held, never from interrupt context.
pub trait Observer: Send + Sync {
    /// Some of `events` may have happened: look again.
    fn notify(&self, events: Events);

    /// As [`Observer::notify`], where one of several observers is enough ([`Pollee::register_exclusive`]). Whether it was: if
    /// not, the next one is told.
    fn notify_exclusive(&self, events: Events) -> bool {
        self.notify(events);
        true
    }
}

/// A registration, to be given back to [`Pollee::unregister`].
#[derive(Debug, PartialEq, Eq)]
pub struct Registration(usize);

struct Entry {
    interest: Events,
    exclusive: bool,
    observer: Arc<dyn Observer>,
}

/// A place for an entry, or for the number of the next place that is free.
enum Slot {
    Used(Entry),
    Free(usize),
}

struct Table {
    slots: Vec<Slot>,
    /// The first free place; the length of `slots` where there is none.
    free: usize,
}

/// The place where events are announced.
pub struct Pollee {
    /// How many observers there are, so that announcing to nobody costs one load.
    observed: AtomicU32,
    /// The union of all interests that are registered now or were since the table was last empty.
    interest: AtomicU32,
    table: Mutex<Table>,
}

impl Default for Pollee {
    fn default() -> Self {
        Self::new()
    }
}

impl Pollee {
    /// A place that nobody observes yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            observed: AtomicU32::new(0),
            interest: AtomicU32::new(0),
            table: Mutex::new(Table { slots: Vec::new(), free: 0 }),
        }
    }

    /// From now on, `observer` is told of `interest` (and always of ERR and HUP).
    pub fn register(&self, observer: Arc<dyn Observer>, interest: Events) -> Registration {
        self.enter(observer, interest, false)
    }

    /// As [`Pollee::register`]; but among those who registered so, announcements are made until one says that it is enough.
    /// Hang-ups and closing are announced to all.
    pub fn register_exclusive(&self, observer: Arc<dyn Observer>, interest: Events) -> Registration {
        self.enter(observer, interest, true)
    }

    /// Changes what a registered observer is told of.
    pub fn change(&self, registration: &Registration, interest: Events) {
        let wanted = interest | Events::ERR | Events::HUP;
        let mut table = self.table.lock();
        self.interest.fetch_or(wanted.bits(), Ordering::SeqCst);
        if let Some(Slot::Used(entry)) = table.slots.get_mut(registration.0) {
            entry.interest = wanted;
        }
    }

    fn enter(&self, observer: Arc<dyn Observer>, interest: Events, exclusive: bool) -> Registration {
        let interest = interest | Events::ERR | Events::HUP;
        let entry = Slot::Used(Entry { interest, exclusive, observer });
        let mut table = self.table.lock();
        self.interest.fetch_or(interest.bits(), Ordering::Relaxed);
        self.observed.fetch_add(1, Ordering::SeqCst);
        let place = table.free;
        match table.slots.get_mut(place) {
            Some(slot) => {
                if let Slot::Free(next) = core::mem::replace(slot, entry) {
                    table.free = next;
                }
            }
            None => {
                if table.slots.capacity() == 0 {
                    // One is usual, and its place is kept.
                    table.slots.reserve_exact(1);
                }
                table.slots.push(entry);
                table.free = table.slots.len();
            }
        }
        Registration(place)
    }

    /// Ends a registration. The observer may still be told once of an announcement that is under way.
    #[expect(clippy::needless_pass_by_value, reason = "a registration ends once")]
    pub fn unregister(&self, registration: Registration) {
        let mut table = self.table.lock();
        let next = table.free;
        let removed = match table.slots.get_mut(registration.0) {
            Some(slot @ Slot::Used(_)) => core::mem::replace(slot, Slot::Free(next)),
            _ => return,
        };
        table.free = registration.0;
        let mut slots = Vec::new();
        if self.observed.fetch_sub(1, Ordering::SeqCst) == 1 {
            // Who is not observed needs no memory for it, but room for one, which is often the next.
            if table.slots.capacity() > 1 {
                slots = core::mem::take(&mut table.slots);
            } else {
                table.slots.clear();
            }
            table.free = 0;
            self.interest.store(0, Ordering::Relaxed);
        }
        drop(table);
        drop((removed, slots));
    }

    /// Announces `events`. Call it after the change, with no lock held.
    #[inline]
    pub fn notify(&self, events: Events) {
        if self.observed.load(Ordering::SeqCst) != 0
            && self.interest.load(Ordering::Relaxed) & events.bits() != 0
        {
            self.notify_observers(events);
        }
    }

    #[cold]
    fn notify_observers(&self, events: Events) {
        /// So many are told without allocating.
        const FEW: usize = 4;
        let mut few = [const { None }; FEW];
        let mut many = Vec::new();
        let mut exclusive = Vec::new();
        let table = self.table.lock();
        let mut index = 0;
        for slot in &table.slots {
            let Slot::Used(entry) = slot else { continue };
            if !entry.interest.intersects(events) {
                continue;
            }
            let observer = entry.observer.clone();
            if entry.exclusive {
                exclusive.push(observer);
                continue;
            }
            match few.get_mut(index) {
                Some(place) => *place = Some(observer),
                None => many.push(observer),
            }
            index += 1;
        }
        drop(table);
        for observer in few.into_iter().flatten().chain(many) {
            observer.notify(events);
        }
        let all = events.intersects(Events::HUP | Events::NVAL);
        for observer in exclusive {
            if observer.notify_exclusive(events) && !all {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::sync::Arc;
    use core::sync::atomic::AtomicUsize;

    use super::*;

    #[derive(Default)]
    struct Counter(AtomicUsize);

    impl Observer for Counter {
        fn notify(&self, _events: Events) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Is content with what it is told, or not.
    struct Picky(AtomicUsize, bool);

    impl Observer for Picky {
        fn notify(&self, _events: Events) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }

        fn notify_exclusive(&self, events: Events) -> bool {
            self.notify(events);
            self.1
        }
    }

    #[test]
    fn of_exclusive_observers_one_is_enough() {
        let pollee = Pollee::new();
        let common = Arc::<Counter>::default();
        let picky = [false, true, true].map(|content| Arc::new(Picky(AtomicUsize::new(0), content)));
        let exclusive = picky.each_ref().map(|picky| pollee.register_exclusive(picky.clone(), Events::IN));
        let registration = pollee.register(common.clone(), Events::IN);
        let told = || {
            let picky = picky.each_ref().map(|picky| picky.0.swap(0, Ordering::Relaxed));
            (common.0.swap(0, Ordering::Relaxed), picky)
        };
        pollee.notify(Events::READABLE);
        assert_eq!(told(), (1, [1, 1, 0]));
        pollee.notify(Events::IN | Events::HUP);
        assert_eq!(told(), (1, [1, 1, 1]));
        pollee.change(&exclusive[1], Events::OUT);
        pollee.change(&registration, Events::OUT);
        pollee.notify(Events::IN);
        assert_eq!(told(), (0, [1, 0, 1]));
        pollee.notify(Events::OUT);
        assert_eq!(told(), (1, [0, 1, 0]));
    }

    #[test]
    fn observers_are_told_of_what_they_asked_for() {
        let pollee = Pollee::new();
        let counters: Vec<_> = (0..10).map(|_| Arc::<Counter>::default()).collect();
        let told = || counters.iter().map(|counter| counter.0.swap(0, Ordering::Relaxed)).collect::<Vec<_>>();
        let register = |index: usize, events| pollee.register(counters[index].clone(), events);
        let mut registrations: Vec<_> =
            (0..10).map(|index| register(index, if index < 7 { Events::IN } else { Events::OUT })).collect();
        pollee.notify(Events::READABLE);
        assert_eq!(told(), [1, 1, 1, 1, 1, 1, 1, 0, 0, 0]);
        pollee.notify(Events::HUP);
        assert_eq!(told(), [1; 10]);
        pollee.unregister(registrations.remove(3));
        pollee.unregister(registrations.remove(0));
        pollee.notify(Events::READABLE);
        assert_eq!(told(), [0, 1, 1, 0, 1, 1, 1, 0, 0, 0]);
        // Their places are taken again.
        registrations.extend([register(0, Events::IN), register(3, Events::IN)]);
        pollee.notify(Events::IN);
        assert_eq!(told(), [1, 1, 1, 1, 1, 1, 1, 0, 0, 0]);
        assert_eq!(pollee.table.lock().slots.len(), 10);
        for registration in registrations {
            pollee.unregister(registration);
        }
        pollee.notify(Events::all());
        assert_eq!(told(), [0; 10]);
        assert_eq!(pollee.table.lock().slots.capacity(), 0);
        register(2, Events::IN);
        pollee.notify(Events::OUT);
        pollee.notify(Events::IN);
        assert_eq!(told(), [0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    }
}
