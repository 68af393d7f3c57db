//! One end of a connection: what comes in there, and what the two sides have to know of it.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicU8, AtomicU32, Ordering};

use spin::{Mutex, MutexGuard, Once};

use super::{
    queue::{Freed, Queue},
    segments::Segment,
};
use crate::{
    ancillary::Ancillary,
    family::unix::{address::Address, shutdown::Shutdown, status::Status},
    identity::Identity,
    pool::Pool,
    ready::{Events, Pollee},
    registry,
};

/// Two ends. The sockets at them hold this, and not each other: what one of them leaves behind (its name, its last
/// bytes) is there for the other.
pub(super) struct Connection {
    pub(super) ends: [End; 2],
    pub(super) pool: Arc<Pool>,
}

/// One end. The socket at it receives, the other one sends.
pub(super) struct End {
    /// Of the socket at this end.
    pub(super) pollee: Arc<Pollee>,
    /// Its name, once it has one.
    pub(super) name: Once<Address>,
    /// Who is at the other end.
    pub(super) peer: Arc<Identity>,
    /// The place of the socket at this end, in the registry.
    pub(super) place: AtomicU32,
    /// How much what this end sends may take up on its way, in bytes: SO_SNDBUF.
    pub(super) send_buffer: AtomicU32,
    /// The directions are shut under the lock of `queue`.
    pub(super) status: Status,
    reader: AtomicU8,
    /// What is in `queue`, as it counts against the sender's buffer. Changed under the lock of `queue`.
    charged: AtomicU32,
    queue: Mutex<Queue>,
}

/// Who reads: only one at a time, so that bytes stay in order while they are copied with no lock held.
const FREE: u8 = 0;
const READING: u8 = 1;
/// Somebody else waits to read.
const WANTED: u8 = 2;

impl End {
    pub(super) fn new(pollee: Arc<Pollee>, peer: Arc<Identity>, send_buffer: u32) -> Self {
        Self {
            pollee,
            name: Once::new(),
            peer,
            place: AtomicU32::new(registry::NOWHERE),
            send_buffer: AtomicU32::new(send_buffer),
            status: Status::default(),
            reader: AtomicU8::new(FREE),
            charged: AtomicU32::new(0),
            queue: Mutex::new(Queue::new()),
        }
    }

    /// Shuts directions of this end.
    pub(super) fn shut(&self, directions: Shutdown) {
        let queue = self.queue.lock();
        self.status.shut(directions);
        drop(queue);
    }

    #[inline]
    pub(super) fn lock(&self) -> Inbox<'_> {
        Inbox { end: self, queue: self.queue.lock() }
    }

    /// A hint, without the lock, of what counts against the buffer of the one who sends here.
    #[inline]
    pub(super) fn charged_hint(&self) -> u32 {
        self.charged.load(Ordering::Relaxed)
    }

    /// Makes the caller the only reader; `None` where there is one, who will then announce when it is done.
    #[inline]
    pub(super) fn reader(&self) -> Option<Reader<'_>> {
        if self.reader.compare_exchange(FREE, READING, Ordering::Acquire, Ordering::Relaxed).is_ok() {
            return Some(Reader { end: self });
        }
        self.wait_for_reader()
    }

    #[cold]
    fn wait_for_reader(&self) -> Option<Reader<'_>> {
        // Whoever finds that the reader had just gone has thereby taken its place; with WANTED in it, which costs a
        // needless announcement.
        // (`then_some` would make the value, and so drop it, in either case.)
        (self.reader.swap(WANTED, Ordering::AcqRel) == FREE).then(|| Reader { end: self })
    }

    /// What poll shows of this end, were it not for the room at the other.
    pub(super) fn poll(&self) -> Events {
        let inbox = self.lock();
        let mut events = self.status.shutdown().events();
        if inbox.queue.available() > 0 {
            events |= Events::READABLE;
        }
        events.set(Events::ERR, self.status.has_error());
        events
    }
}

/// The right to read.
pub(super) struct Reader<'a> {
    end: &'a End,
}

impl Drop for Reader<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.end.reader.swap(FREE, Ordering::AcqRel) == WANTED {
            self.end.pollee.notify(Events::READABLE);
        }
    }
}

/// An end's queue, locked.
pub(super) struct Inbox<'a> {
    end: &'a End,
    queue: MutexGuard<'a, Queue>,
}

impl core::ops::Deref for Inbox<'_> {
    type Target = Queue;

    fn deref(&self) -> &Queue {
        &self.queue
    }
}

impl core::ops::DerefMut for Inbox<'_> {
    fn deref_mut(&mut self) -> &mut Queue {
        &mut self.queue
    }
}

impl Inbox<'_> {
    /// What the queue counts against the sender's buffer.
    #[inline]
    pub(super) fn charged(&self) -> u32 {
        self.end.charged.load(Ordering::Relaxed)
    }

    /// Adds a short message; `false` where it needs memory of its own.
    #[inline]
    pub(super) fn append(&mut self, bytes: &[u8]) -> bool {
        let added = self.queue.append(bytes);
        if added {
            self.end.charged.store(self.charged() + bytes.len() as u32, Ordering::Relaxed);
        }
        added
    }

    /// Adds a message in its own memory.
    pub(super) fn push(&mut self, segment: Segment) {
        let charge = self.queue.push(segment);
        self.end.charged.store(self.charged() + charge, Ordering::Relaxed);
    }

    /// The last `length` bytes came with this.
    pub(super) fn mark(&mut self, length: usize, ancillary: Ancillary) {
        let charge = self.queue.mark(length, ancillary);
        self.end.charged.store(self.charged() + charge, Ordering::Relaxed);
    }

    /// Removes bytes that lie in the queue itself, all of them or none. Returns whether thereby a sender with so large a
    /// buffer finds room again.
    #[inline]
    pub(super) fn consume_inline(&mut self, length: usize, send_buffer: u32) -> Option<bool> {
        let charge = self.queue.consume_inline(length)?;
        Some(self.uncharge(charge, send_buffer))
    }

    /// Removes bytes from the front, and returns the same. What is used up is given to `freed`: free it where no lock is
    /// held.
    pub(super) fn consume(&mut self, length: usize, send_buffer: u32, freed: &mut Freed) -> bool {
        let charge = self.queue.consume(length, freed);
        self.uncharge(charge, send_buffer)
    }

    #[inline]
    fn uncharge(&mut self, charge: u32, send_buffer: u32) -> bool {
        let before = self.charged();
        let after = before - charge;
        self.end.charged.store(after, Ordering::Relaxed);
        !writable(before, send_buffer) && writable(after, send_buffer)
    }

    /// Removes everything, and nothing is added any more. Returns what there was, and whether there were bytes.
    pub(super) fn close(mut self) -> (Freed, bool) {
        self.end.status.shut(Shutdown::all());
        self.end.charged.store(0, Ordering::Relaxed);
        let unread = self.queue.available() > 0;
        (self.queue.clear(), unread)
    }
}

/// Whether a sender counts as writable (Linux's `unix_writable`): long before the buffer is empty, but not as soon as a
/// byte fits, so that the two sides do not wake each other for every message.
#[inline]
pub(in crate::family::unix) fn writable(charged: u32, send_buffer: u32) -> bool {
    u64::from(charged) * 4 <= u64::from(send_buffer)
}
