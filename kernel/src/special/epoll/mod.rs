//! Watching many files: epoll(7).
//!
//! A watch is an observer at the file's [`Pollee`]: what happens puts it in a list, and waiting looks at what is in the
//! list, never at the rest. A watch does not keep its file open, and is told when the file is closed for good.

mod harvest;
mod list;
mod nesting;

use alloc::{
    collections::BTreeMap,
    format,
    string::String,
    sync::{Arc, Weak},
    vec::Vec,
};
use core::sync::atomic::{AtomicUsize, Ordering};

use linux_raw_sys::general::{EPOLLERR, EPOLLEXCLUSIVE, EPOLLHUP};
use socket::{
    error::{Errno, Error, Result},
    ready::{Events, Observer, Pollee, Registration},
};
use spin::Mutex;
use vfs::{Handle, Special};

pub(crate) use self::harvest::{EVENT, Room};
use self::list::{Generation, Key, List};
use crate::mm;

/// Where an epoll's watches are announced: nobody reads them, so nobody tells kinds of data apart.
const READABLE: Events = Events::IN.union(Events::RDNORM);

/// How many watches there are, of all programs.
static WATCHES: AtomicUsize = AtomicUsize::new(0);

/// How many there may be, as Linux has it: what a 25th of the memory can hold
/// (`/proc/sys/fs/epoll/max_user_watches`, where they are counted per user).
pub(crate) fn watches_limit() -> usize {
    /// What Linux takes one to cost, in bytes.
    const COST: usize = 192;
    mm::total_bytes() / 25 / COST
}

/// A watch, as it is counted.
struct Counted(());

impl Counted {
    fn new() -> Result<Self> {
        let limit = watches_limit();
        let more = |count| (count < limit).then_some(count + 1);
        match WATCHES.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more) {
            Ok(_) => Ok(Self(())),
            Err(_) => Err(Error::new(Errno::ENOSPC, "max_user_watches")),
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        WATCHES.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What is known of a watch besides what waiting needs.
struct Entry {
    place: u32,
    first_generation: Generation,
    registration: Option<(Arc<Pollee>, Registration)>,
    /// Where it is another epoll that is watched.
    nested: Option<Weak<Epoll>>,
    _counted: Counted,
}

/// An epoll.
///
/// Lock order: entries, then the list, or a [`Pollee`]'s own. None is held while a file is looked at or dropped.
pub(crate) struct Epoll {
    this: Weak<Self>,
    entries: Mutex<BTreeMap<Key, Entry>>,
    list: Mutex<List>,
    pollee: Arc<Pollee>,
    /// Those that watch this one.
    above: Mutex<Vec<Weak<Self>>>,
}

/// What a program asks for with epoll_ctl(2).
#[derive(Clone, Copy)]
pub(crate) struct Interest {
    /// Events and modes, as the program has them.
    pub(crate) events: u32,
    /// Told with them.
    pub(crate) data: u64,
}

impl Interest {
    /// What the file's observer is to be told of: also that it was closed.
    fn to_observe(events: u32) -> Events {
        Events::from_bits_truncate(events) | Events::NVAL
    }
}

impl Epoll {
    /// An epoll that watches nothing.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            this: this.clone(),
            entries: Mutex::default(),
            list: Mutex::new(List::new()),
            pollee: Arc::default(),
            above: Mutex::default(),
        })
    }

    /// The epoll that a file is.
    fn of(handle: &Handle) -> Option<Arc<Self>> {
        match handle {
            Handle::File(file) => file.special_as::<Self>()?.this.upgrade(),
            Handle::Socket(_) => None,
        }
    }

    /// Watches `file` as `descriptor` (EPOLL_CTL_ADD).
    ///
    /// # Errors
    /// EEXIST, ENOSPC; ELOOP and EINVAL where epolls would watch each other in a circle or in too many ways.
    pub(crate) fn add(&self, file: &Handle, descriptor: i32, interest: Interest) -> Result<()> {
        match Self::of(file) {
            Some(inner) => self.add_epoll(file, descriptor, interest, &inner)?,
            None => {
                if !self.above.lock().is_empty() {
                    self.check_paths()?;
                }
                self.enter(file, descriptor, interest, None)?;
            }
        }
        self.look(file, (file.address(), descriptor));
        Ok(())
    }

    fn enter(
        &self,
        file: &Handle,
        descriptor: i32,
        interest: Interest,
        nested: Option<Weak<Self>>,
    ) -> Result<()> {
        let key = (file.address(), descriptor);
        let events = interest.events | EPOLLERR | EPOLLHUP;
        let exclusive = events & EPOLLEXCLUSIVE != 0;
        let mut entries = self.entries.lock();
        if entries.contains_key(&key) {
            return Err(Error::new(Errno::EEXIST, "it is watched already"));
        }
        let counted = Counted::new()?;
        let (place, first_generation) = self.list.lock().insert(key, file.downgrade(), events, interest.data);
        let registration = file.pollee().map(|pollee| {
            let observer: Arc<dyn Observer> =
                Arc::new(Item { epoll: self.this.clone(), key, place, first_generation });
            let observe = Interest::to_observe(events);
            let registration = if exclusive {
                pollee.register_exclusive(observer, observe)
            } else {
                pollee.register(observer, observe)
            };
            (pollee.clone(), registration)
        });
        let entry = Entry { place, first_generation, registration, nested, _counted: counted };
        entries.insert(key, entry);
        Ok(())
    }

    /// Changes what is asked for (EPOLL_CTL_MOD).
    ///
    /// # Errors
    /// ENOENT; EINVAL where it is watched with EPOLLEXCLUSIVE.
    pub(crate) fn modify(&self, file: &Handle, descriptor: i32, interest: Interest) -> Result<()> {
        let key = (file.address(), descriptor);
        {
            let entries = self.entries.lock();
            let entry = entries.get(&key).ok_or(Error::new(Errno::ENOENT, "it is not watched"))?;
            let events = interest.events | EPOLLERR | EPOLLHUP;
            let mut list = self.list.lock();
            if list.get(entry.place).is_some_and(|watch| watch.events & EPOLLEXCLUSIVE != 0) {
                return Err(Error::new(Errno::EINVAL, "an exclusive watch cannot be changed"));
            }
            list.change(entry.place, events, interest.data);
            drop(list);
            if let Some((pollee, registration)) = &entry.registration {
                pollee.change(registration, Interest::to_observe(events));
            }
        }
        self.look(file, key);
        Ok(())
    }

    /// Ends a watch (EPOLL_CTL_DEL).
    ///
    /// # Errors
    /// ENOENT.
    pub(crate) fn remove(&self, file: &Handle, descriptor: i32) -> Result<()> {
        let entry = self.entries.lock().remove(&(file.address(), descriptor));
        let entry = entry.ok_or(Error::new(Errno::ENOENT, "it is not watched"))?;
        self.end(entry);
        Ok(())
    }

    /// Lets go of what is no longer among the entries.
    fn end(&self, entry: Entry) {
        let watch = self.list.lock().remove(entry.place);
        if let Some((pollee, registration)) = entry.registration {
            pollee.unregister(registration);
        }
        if let Some(inner) = entry.nested.and_then(|inner| inner.upgrade()) {
            // Once for each watch: there may be others, of other descriptors.
            let mut above = inner.above.lock();
            if let Some(place) = above.iter().position(|above| Weak::ptr_eq(above, &self.this)) {
                above.swap_remove(place);
            }
        }
        drop(watch);
    }

    /// Ends a watch whose file has been closed; whether it was that watch.
    fn forget(&self, key: Key, first_generation: Generation) -> bool {
        let entry = {
            let mut entries = self.entries.lock();
            match entries.get(&key) {
                Some(entry) if entry.first_generation == first_generation => entries.remove(&key),
                _ => None,
            }
        };
        let found = entry.is_some();
        if let Some(entry) = entry {
            self.end(entry);
        }
        found
    }

    /// Looks at a file that has just been put under watch, or is watched for something else from now on.
    fn look(&self, file: &Handle, key: Key) {
        let happened = file.poll();
        let place = {
            let entries = self.entries.lock();
            entries.get(&key).map(|entry| (entry.place, entry.first_generation))
        };
        if let Some((place, first_generation)) = place
            && !happened.is_empty()
        {
            self.announce(place, first_generation, happened);
        }
    }

    /// Notes that `events` may have happened, and wakes one who waits; whether it is one who asked for that.
    fn announce(&self, place: u32, first_generation: Generation, events: Events) -> bool {
        let (asked, sleeper) = {
            let mut list = self.list.lock();
            let Some(asked) = list.announce(place, first_generation, events) else { return false };
            (asked, list.sleepers.pop())
        };
        let woken = sleeper.is_some();
        if let Some(sleeper) = sleeper {
            sleeper.wake();
        }
        self.pollee.notify(READABLE);
        let directions = events & (Events::IN | Events::OUT);
        let wanted = match directions {
            Events::IN | Events::OUT => asked & directions.bits() != 0,
            // As on Linux: who might have wanted the other direction is woken too.
            _ => directions.is_empty(),
        };
        woken && wanted
    }
}

/// A watch, as the file sees it.
struct Item {
    epoll: Weak<Epoll>,
    key: Key,
    place: u32,
    first_generation: Generation,
}

impl Observer for Item {
    fn notify(&self, events: Events) {
        self.notify_exclusive(events);
    }

    fn notify_exclusive(&self, events: Events) -> bool {
        let Some(epoll) = self.epoll.upgrade() else { return false };
        if events.contains(Events::NVAL) && epoll.is_closed(self.place, self.first_generation) {
            epoll.forget(self.key, self.first_generation);
            return false;
        }
        epoll.announce(self.place, self.first_generation, events.difference(Events::NVAL))
    }
}

impl Epoll {
    fn is_closed(&self, place: u32, first_generation: Generation) -> bool {
        let mut list = self.list.lock();
        list.get(place)
            .is_some_and(|watch| watch.first_generation == first_generation && watch.file.is_closed())
    }
}

impl Special for Epoll {
    fn name(&self) -> &'static str {
        "anon_inode:[eventpoll]"
    }

    fn details(&self) -> String {
        let places: Vec<_> = self.entries.lock().iter().map(|(key, entry)| (key.1, entry.place)).collect();
        let mut text = String::new();
        for (descriptor, place) in places {
            let watch = {
                let mut list = self.list.lock();
                list.get(place).map(|watch| (watch.file.clone(), watch.events, watch.data))
            };
            let Some((file, events, data)) = watch else { continue };
            let (inode, device) = match file.upgrade() {
                Some(Handle::File(file)) => {
                    (file.inode().number(), vfs::device_parts(file.inode().file_system().device()).1)
                }
                Some(Handle::Socket(socket)) => {
                    (crate::syscall::socket_number(&socket), crate::syscall::SOCKET_DEVICE)
                }
                None => continue,
            };
            text += &format!(
                "tfd: {descriptor:8} events: {events:8x} data: {data:16x}  pos:0 ino:{inode:x} sdev:{device:x}\n"
            );
        }
        text
    }

    fn poll(&self) -> Events {
        if self.has_any() { READABLE } else { Events::empty() }
    }

    fn pollee(&self) -> Option<&Arc<Pollee>> {
        Some(&self.pollee)
    }

    /// There are none, which Linux says so.
    fn ioctl(&self, _: u32, _: usize, _: &dyn vfs::UserMemory) -> Result<usize> {
        Err(Errno::EINVAL.into())
    }
}

impl Drop for Epoll {
    fn drop(&mut self) {
        let entries = core::mem::take(&mut *self.entries.lock());
        for entry in entries.into_values() {
            self.end(entry);
        }
    }
}
