//! What an epoll watches, and which of it is to be looked at: places in a table, linked to a list of those where something
//! may have happened. Everything here takes the same time however many places there are.

use alloc::{sync::Arc, vec::Vec};

use linux_raw_sys::general::{EPOLLET, EPOLLEXCLUSIVE, EPOLLONESHOT, EPOLLWAKEUP};
use socket::ready::Events;
use vfs::{Handle, WeakHandle};

use crate::process::Thread;

/// What says how to watch, and not what for.
pub(super) const MODES: u32 = EPOLLET | EPOLLONESHOT | EPOLLWAKEUP | EPOLLEXCLUSIVE;

/// The number of no place.
const NONE: u32 = u32::MAX;

/// How often something was put under watch or changed: no two watches ever have the same number.
pub(super) type Generation = u64;

/// What tells watches of an epoll apart: the open file description, by where it is, and the descriptor.
pub(super) type Key = (usize, i32);

/// A file that is watched.
pub(super) struct Watch {
    pub(super) key: Key,
    pub(super) file: WeakHandle,
    /// What the program asked for, with [`MODES`].
    pub(super) events: u32,
    /// What that was before it was told (EPOLLONESHOT).
    before: u32,
    /// What the program wants to be told.
    pub(super) data: u64,
    /// Changes with each change by epoll_ctl(2).
    pub(super) generation: Generation,
    /// What it was when the watch began.
    pub(super) first_generation: Generation,
    previous: u32,
    next: u32,
    /// It is in the list.
    linked: bool,
    /// Somebody looks at it.
    busy: bool,
    /// Something happened while somebody looked.
    again: bool,
}

impl Watch {
    /// Whether it was reported and waits for epoll_ctl(2) (EPOLLONESHOT).
    fn is_disabled(&self) -> bool {
        self.events & !MODES == 0
    }
}

enum Place {
    Used(Watch),
    /// The number of the next free one.
    Free(u32),
}

/// What a look at a watched file needs.
pub(super) struct Look {
    pub(super) place: u32,
    pub(super) key: Key,
    pub(super) first_generation: Generation,
    generation: Generation,
    pub(super) events: u32,
    /// `None` where it has been closed.
    pub(super) file: Option<Handle>,
}

/// What is to be told.
pub(super) struct Report {
    pub(super) of: Reported,
    pub(super) events: Events,
    pub(super) data: u64,
}

/// Which watch a report is of.
#[derive(Clone, Copy, Default)]
pub(super) struct Reported {
    place: u32,
    generation: Generation,
}

/// The table, the list, and who waits for it.
pub(super) struct List {
    places: Vec<Place>,
    free: u32,
    used: usize,
    head: u32,
    tail: u32,
    linked: usize,
    generation: Generation,
    /// Threads that sleep until something is in the list. The last one is woken first.
    pub(super) sleepers: Vec<Arc<Thread>>,
}

impl List {
    pub(super) const fn new() -> Self {
        Self {
            places: Vec::new(),
            free: NONE,
            used: 0,
            head: NONE,
            tail: NONE,
            linked: 0,
            generation: 0,
            sleepers: Vec::new(),
        }
    }

    /// How many are in the list.
    pub(super) fn linked(&self) -> usize {
        self.linked
    }

    /// Puts a file under watch, outside of the list.
    pub(super) fn insert(&mut self, key: Key, file: WeakHandle, events: u32, data: u64) -> (u32, Generation) {
        self.generation += 1;
        let watch = Place::Used(Watch {
            key,
            file,
            events,
            before: events,
            data,
            generation: self.generation,
            first_generation: self.generation,
            previous: NONE,
            next: NONE,
            linked: false,
            busy: false,
            again: false,
        });
        let place = match self.places.get_mut(self.free as usize) {
            Some(slot) => {
                let place = self.free;
                if let Place::Free(next) = core::mem::replace(slot, watch) {
                    self.free = next;
                }
                place
            }
            None => {
                self.places.push(watch);
                self.places.len() as u32 - 1
            }
        };
        self.used += 1;
        (place, self.generation)
    }

    /// Ends a watch.
    pub(super) fn remove(&mut self, place: u32) -> Option<Watch> {
        self.unlink(place);
        let free = self.free;
        let slot = self.places.get_mut(place as usize).filter(|slot| matches!(slot, Place::Used(_)))?;
        let Place::Used(watch) = core::mem::replace(slot, Place::Free(free)) else { return None };
        self.free = place;
        self.used -= 1;
        if self.used == 0 {
            // What watches nothing needs no memory for it.
            self.places = Vec::new();
            self.free = NONE;
        }
        Some(watch)
    }

    pub(super) fn get(&mut self, place: u32) -> Option<&mut Watch> {
        match self.places.get_mut(place as usize) {
            Some(Place::Used(watch)) => Some(watch),
            _ => None,
        }
    }

    /// Changes what is asked for at a place.
    pub(super) fn change(&mut self, place: u32, events: u32, data: u64) {
        self.generation += 1;
        let generation = self.generation;
        if let Some(watch) = self.get(place) {
            watch.events = events;
            watch.before = events;
            watch.data = data;
            watch.generation = generation;
        }
    }

    /// Notes that `events` may have happened at a place; whether the program has asked for them.
    pub(super) fn announce(
        &mut self,
        place: u32,
        first_generation: Generation,
        events: Events,
    ) -> Option<u32> {
        let watch = self.get(place)?;
        if watch.first_generation != first_generation
            || watch.is_disabled()
            || watch.events & events.bits() == 0
        {
            return None;
        }
        let asked = watch.events;
        self.link(place);
        Some(asked)
    }

    /// Puts a place at the end of the list, unless it is there. Where somebody looks at it, it will be put there then.
    pub(super) fn link(&mut self, place: u32) {
        let tail = self.tail;
        let Some(watch) = self.get(place) else { return };
        if watch.busy {
            watch.again = true;
            return;
        }
        if watch.linked {
            return;
        }
        watch.linked = true;
        watch.previous = tail;
        watch.next = NONE;
        match self.get(tail) {
            Some(last) => last.next = place,
            None => self.head = place,
        }
        self.tail = place;
        self.linked += 1;
    }

    /// Puts a place at the start of the list, wherever it is.
    fn link_first(&mut self, place: u32) {
        self.unlink(place);
        let head = self.head;
        let Some(watch) = self.get(place) else { return };
        watch.linked = true;
        watch.previous = NONE;
        watch.next = head;
        match self.get(head) {
            Some(first) => first.previous = place,
            None => self.tail = place,
        }
        self.head = place;
        self.linked += 1;
    }

    fn unlink(&mut self, place: u32) {
        let Some(watch) = self.get(place).filter(|watch| watch.linked) else { return };
        watch.linked = false;
        let (previous, next) = (watch.previous, watch.next);
        match self.get(previous) {
            Some(before) => before.next = next,
            None => self.head = next,
        }
        match self.get(next) {
            Some(after) => after.previous = previous,
            None => self.tail = previous,
        }
        self.linked -= 1;
    }

    /// Takes the first of the list, to look at it. [`List::looked`] is to follow.
    #[inline]
    pub(super) fn take(&mut self) -> Option<Look> {
        let place = self.head;
        let watch = self.get(place)?;
        let look = Look {
            place,
            key: watch.key,
            first_generation: watch.first_generation,
            generation: watch.generation,
            events: watch.events,
            file: watch.file.upgrade(),
        };
        watch.linked = false;
        watch.busy = true;
        watch.again = false;
        let next = watch.next;
        match self.get(next) {
            Some(after) => after.previous = NONE,
            None => self.tail = NONE,
        }
        self.head = next;
        self.linked -= 1;
        Some(look)
    }

    /// Notes what has happened where somebody has looked; what is to be told of it. Where `keep` is set, nothing is told
    /// yet, and what has happened stays at the start of the list.
    #[inline]
    pub(super) fn looked(&mut self, look: &Look, happened: Events, keep: bool) -> Option<Report> {
        let place = look.place;
        let watch = self.get(place).filter(|watch| watch.first_generation == look.first_generation)?;
        if watch.generation != look.generation {
            // It was changed meanwhile. Who changed it has looked for himself.
            watch.busy = false;
            if watch.again {
                self.link(place);
            }
            return None;
        }
        watch.busy = false;
        let again = watch.again;
        let asked = watch.events;
        let of = Reported { place, generation: look.generation };
        let report = Report { of, events: happened, data: watch.data };
        if happened.is_empty() {
            if again {
                self.link(place);
            }
            return None;
        }
        if keep {
            self.link_first(place);
        } else if asked & EPOLLONESHOT != 0 {
            watch.events &= MODES;
        } else if asked & EPOLLET == 0 || again {
            self.link(place);
        }
        Some(report)
    }

    /// Takes reports back that could not be handed over: as if nobody had looked.
    #[cold]
    pub(super) fn take_back(&mut self, reports: &[Reported]) {
        for report in reports.iter().rev() {
            let Some(watch) = self.get(report.place).filter(|watch| watch.generation == report.generation)
            else {
                continue;
            };
            watch.events = watch.before;
            if watch.busy {
                watch.again = true;
            } else {
                self.link_first(report.place);
            }
        }
    }
}
