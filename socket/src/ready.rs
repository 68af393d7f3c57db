//! Readiness: what may happen to a socket, and who wants to know.
//!
//! One mechanism serves blocking calls, poll and (later) epoll, in the kernel and in the emulator.

use alloc::{sync::Arc, vec::Vec};
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

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
        /// The descriptor is not open (poll's results only).
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
}

/// A registration, to be given back to [`Pollee::unregister`].
#[derive(Debug, PartialEq, Eq)]
pub struct Registration(usize);

struct Entry {
    interest: Events,
    observer: Arc<dyn Observer>,
}

/// The place where events are announced.
#[derive(Default)]
pub struct Pollee {
    /// How many observers there are, so that announcing to nobody costs one load.
    observed: AtomicUsize,
    /// The union of all interests that are registered now or were since the table was last empty.
    interest: AtomicU32,
    entries: Mutex<Vec<Option<Entry>>>,
}

impl Pollee {
    /// A place that nobody observes yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { observed: AtomicUsize::new(0), interest: AtomicU32::new(0), entries: Mutex::new(Vec::new()) }
    }

    /// From now on, `observer` is told of `interest` (and always of ERR and HUP).
    pub fn register(&self, observer: Arc<dyn Observer>, interest: Events) -> Registration {
        let interest = interest | Events::ERR | Events::HUP;
        let mut entries = self.entries.lock();
        self.interest.fetch_or(interest.bits(), Ordering::Relaxed);
        self.observed.fetch_add(1, Ordering::SeqCst);
        let entry = Some(Entry { interest, observer });
        match entries.iter().position(Option::is_none) {
            Some(free) => {
                entries[free] = entry;
                Registration(free)
            }
            None => {
                entries.push(entry);
                Registration(entries.len() - 1)
            }
        }
    }

    /// Ends a registration. The observer may still be told once of an announcement that is under way.
    #[expect(clippy::needless_pass_by_value, reason = "a registration ends once")]
    pub fn unregister(&self, registration: Registration) {
        let mut entries = self.entries.lock();
        let removed = entries.get_mut(registration.0).and_then(Option::take);
        if removed.is_some() && self.observed.fetch_sub(1, Ordering::SeqCst) == 1 {
            entries.clear();
            self.interest.store(0, Ordering::Relaxed);
        }
        drop(entries);
        drop(removed);
    }

    /// Announces `events`. Call it after the change, with no lock held.
    pub fn notify(&self, events: Events) {
        if self.observed.load(Ordering::SeqCst) != 0
            && self.interest.load(Ordering::Relaxed) & events.bits() != 0
        {
            self.notify_observers(events);
        }
    }

    #[cold]
    fn notify_observers(&self, events: Events) {
        let interested: Vec<_> = self
            .entries
            .lock()
            .iter()
            .flatten()
            .filter(|entry| entry.interest.intersects(events))
            .map(|entry| entry.observer.clone())
            .collect();
        for observer in interested {
            observer.notify(events);
        }
    }
}
