//! A socket as others know it: its number, its groups, and what waits for it.

use alloc::{collections::VecDeque, sync::Arc, vec::Vec};
use core::sync::atomic::{AtomicBool, AtomicU16, AtomicU32, AtomicU64, AtomicUsize, Ordering};

use bitflags::bitflags;
use spin::Mutex;

use super::{address::Address, dump::Dump};
use crate::{
    error::{Errno, Error},
    identity::Sender,
    ready::{Events, Pollee},
    step::{Attempt, Blocked, Stop},
};

/// What each message costs besides its bytes, as it counts against SO_RCVBUF: `sizeof(struct sk_buff)` and what ends its memory.
const OVERHEAD: usize = 576;
/// A part of a dump is at most as long as the longest buffer that was received into, between these two (`netlink_dump` of
/// Linux).
const PART: usize = 3776;
const PART_MAX: usize = 32_448;

/// For [`Endpoint::hears`]: no number is so great.
const EVERYBODY: u64 = u64::MAX;

bitflags! {
    /// Options of the level SOL_NETLINK that are on or off (`netlink(7)`).
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub(crate) struct Switches: u32 {
        /// NETLINK_PKTINFO: messages come with the group to which they were sent.
        const PACKET_INFO = 1 << 0;
        /// NETLINK_BROADCAST_ERROR: kept. On Linux, a part of the kernel that announces something is told that this socket had no
        /// room; none here wants to know.
        const BROADCAST_ERROR = 1 << 1;
        /// NETLINK_NO_ENOBUFS: that messages were lost is not told.
        const NO_ENOBUFS = 1 << 2;
        /// NETLINK_LISTEN_ALL_NSID: there is one network name space, so that it changes nothing.
        const ALL_NAME_SPACES = 1 << 3;
        /// NETLINK_CAP_ACK: acknowledgements of failures do not repeat the message.
        const CAP_ACK = 1 << 4;
        /// NETLINK_EXT_ACK: acknowledgements say why.
        const EXTENDED_ACK = 1 << 5;
        /// NETLINK_GET_STRICT_CHK: what is asked for is checked, and filtered.
        const STRICT = 1 << 6;
    }
}

/// What waits to be received.
#[derive(Clone)]
pub(crate) struct Datagram {
    pub(crate) bytes: Arc<Vec<u8>>,
    /// The number of the socket that sent it; 0 is the kernel's.
    pub(crate) port: u32,
    /// The group to which it was sent, or 0.
    pub(crate) group: u32,
    /// The program that sent it, if one did.
    pub(crate) sender: Option<Sender>,
}

impl Datagram {
    fn charge(&self) -> usize {
        self.bytes.len() + OVERHEAD
    }
}

/// A socket as others know it.
///
/// Lock order: `dump`, then `queue`; nothing else is locked under them.
pub(crate) struct Endpoint {
    /// The socket's.
    pub(super) pollee: Arc<Pollee>,
    /// `NETLINK_*`
    pub(super) protocol: u32,
    /// Tells it from all others.
    pub(super) place: u64,
    /// Its number; 0 while it has none.
    port: AtomicU32,
    /// The groups that it listens to: the first one is bit 0.
    groups: AtomicU64,
    /// SO_RCVBUF
    receive_buffer: AtomicUsize,
    switches: AtomicU32,
    /// The number of the only one that is heard besides the kernel; [`EVERYBODY`] for all.
    heard: AtomicU64,
    /// Messages were lost, and the queue was not empty since.
    congested: AtomicBool,
    /// How many were.
    drops: AtomicU32,
    /// The pending error.
    error: AtomicU16,
    /// What is still to come of an answer of many messages.
    dump: Mutex<Option<Dump>>,
    /// Whether something is.
    dumps: AtomicBool,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    datagrams: VecDeque<Datagram>,
    /// As they count against SO_RCVBUF.
    charged: usize,
    /// The longest buffer that was received into.
    longest: usize,
}

impl Endpoint {
    pub(super) fn new(protocol: u32, place: u64, pollee: Arc<Pollee>, receive_buffer: u32) -> Arc<Self> {
        Arc::new(Self {
            pollee,
            protocol,
            place,
            port: AtomicU32::new(0),
            groups: AtomicU64::new(0),
            receive_buffer: AtomicUsize::new(receive_buffer as usize),
            switches: AtomicU32::new(0),
            heard: AtomicU64::new(EVERYBODY),
            congested: AtomicBool::new(false),
            drops: AtomicU32::new(0),
            error: AtomicU16::new(0),
            dump: Mutex::new(None),
            dumps: AtomicBool::new(false),
            queue: Mutex::default(),
        })
    }

    pub(super) fn port(&self) -> u32 {
        self.port.load(Ordering::Acquire)
    }

    pub(super) fn set_port(&self, port: u32) {
        self.port.store(port, Ordering::Release);
    }

    /// Whether it takes what a program sends whose socket has that number.
    pub(super) fn hears(&self, port: u32) -> bool {
        let heard = self.heard.load(Ordering::Relaxed);
        heard == EVERYBODY || heard == u64::from(port)
    }

    /// From now on, one alone is heard, or everybody.
    pub(super) fn hear(&self, port: Option<u32>) {
        self.heard.store(port.map_or(EVERYBODY, u64::from), Ordering::Relaxed);
    }

    pub(super) fn groups(&self) -> u64 {
        self.groups.load(Ordering::Relaxed)
    }

    pub(super) fn set_groups(&self, groups: u64) {
        self.groups.store(groups, Ordering::Relaxed);
    }

    /// What it is called.
    pub(super) fn address(&self) -> Address {
        Address { port: self.port(), groups: self.groups() as u32 }
    }

    pub(super) fn switches(&self) -> Switches {
        Switches::from_bits_truncate(self.switches.load(Ordering::Relaxed))
    }

    pub(super) fn set_switch(&self, switch: Switches, on: bool) {
        if on {
            self.switches.fetch_or(switch.bits(), Ordering::Relaxed);
        } else {
            self.switches.fetch_and(!switch.bits(), Ordering::Relaxed);
        }
    }

    pub(super) fn set_receive_buffer(&self, bytes: u32) {
        self.receive_buffer.store(bytes as usize, Ordering::Relaxed);
    }

    pub(super) fn take_error(&self) -> Option<Error> {
        match self.error.swap(0, Ordering::AcqRel) {
            0 => None,
            number => Some(Errno::from_number(number).into()),
        }
    }

    pub(super) fn set_error(&self, errno: Errno) {
        self.error.store(errno.number(), Ordering::Release);
        self.pollee.notify(Events::ERR);
    }

    /// How many messages were lost.
    pub(crate) fn drops(&self) -> u32 {
        self.drops.load(Ordering::Relaxed)
    }

    /// What waits, as it counts against SO_RCVBUF.
    pub(crate) fn charged(&self) -> usize {
        self.queue.lock().charged
    }

    /// What poll(2) shows.
    pub(super) fn poll(&self) -> Events {
        let mut events = Events::WRITABLE;
        events.set(Events::ERR, self.error.load(Ordering::Acquire) != 0);
        events.set(Events::READABLE, !self.queue.lock().datagrams.is_empty());
        events
    }

    fn room(&self) -> usize {
        self.receive_buffer.load(Ordering::Relaxed)
    }

    /// Whether one more fits. Alone, any does.
    fn has_room(&self, queue: &Queue, datagram: &Datagram) -> bool {
        queue.datagrams.is_empty() || queue.charged + datagram.charge() <= self.room()
    }

    /// Adds what the kernel answers, or announces to a group. Where there is no room it is lost, and the socket is told.
    pub(super) fn deliver(&self, datagram: Datagram) {
        if self.congested.load(Ordering::Relaxed) {
            return self.lose();
        }
        let mut queue = self.queue.lock();
        let room = self.has_room(&queue, &datagram);
        if room {
            queue.charged += datagram.charge();
            queue.datagrams.push_back(datagram);
        }
        drop(queue);
        if room {
            self.pollee.notify(Events::READABLE);
        } else {
            self.lose();
        }
    }

    /// Adds what another program sends.
    ///
    /// # Errors
    /// Waits for room.
    pub(super) fn offer(&self, datagram: Datagram) -> Attempt<()> {
        let mut queue = self.queue.lock();
        let full = !self.has_room(&queue, &datagram) || self.congested.load(Ordering::Relaxed);
        if full {
            drop(queue);
            return Err(Stop::Blocked(Blocked { pollee: self.pollee.clone(), events: Events::OUT }));
        }
        queue.charged += datagram.charge();
        queue.datagrams.push_back(datagram);
        drop(queue);
        self.pollee.notify(Events::READABLE);
        Ok(())
    }

    #[cold]
    fn lose(&self) {
        self.drops.fetch_add(1, Ordering::Relaxed);
        if !self.switches().contains(Switches::NO_ENOBUFS) && !self.congested.swap(true, Ordering::Relaxed) {
            self.set_error(Errno::ENOBUFS);
        }
    }

    /// What is lost is not told any more, and what is to be told of it is forgotten.
    pub(super) fn relieve(&self) {
        self.congested.store(false, Ordering::Relaxed);
        self.pollee.notify(Events::WRITABLE);
    }

    /// Takes the next message out, or looks at it. `room`: how long the buffer is that it is for.
    ///
    /// # Errors
    /// The pending error; waits for a message.
    pub(super) fn take(&self, peek: bool, room: usize) -> Attempt<Datagram> {
        if let Some(error) = self.take_error() {
            return Err(error.into());
        }
        let mut queue = self.queue.lock();
        let datagram = if peek { queue.datagrams.front().cloned() } else { queue.datagrams.pop_front() };
        let Some(datagram) = datagram else {
            drop(queue);
            return Err(Stop::Blocked(Blocked { pollee: self.pollee.clone(), events: Events::IN }));
        };
        queue.longest = queue.longest.max(room.min(PART_MAX));
        if !peek {
            queue.charged -= datagram.charge();
        }
        let (empty, low) = (queue.datagrams.is_empty(), queue.charged <= self.room() / 2);
        drop(queue);
        if empty {
            self.congested.store(false, Ordering::Relaxed);
        }
        if !peek && low {
            if self.dumps() {
                self.go_on();
            }
            // Who sends to this socket waits for that.
            self.pollee.notify(Events::WRITABLE);
        }
        Ok(datagram)
    }

    /// Whether something is still to come of an answer of many messages.
    pub(super) fn dumps(&self) -> bool {
        self.dumps.load(Ordering::Acquire)
    }

    /// Begins an answer of many messages, unless one is under way. Whether it does.
    pub(super) fn begin(&self, dump: Dump) -> bool {
        let mut running = self.dump.lock();
        if running.is_some() {
            return false;
        }
        *running = Some(dump);
        self.dumps.store(true, Ordering::Release);
        drop(running);
        self.go_on();
        true
    }

    /// How long a part of a dump may be.
    pub(super) fn part_limit(&self) -> usize {
        self.queue.lock().longest.max(PART)
    }

    /// Puts the next part of a dump into the queue.
    fn go_on(&self) {
        let mut dump = self.dump.lock();
        let Some(running) = &mut *dump else { return };
        let limit = self.part_limit();
        let bytes = Arc::new(running.part(limit));
        let done = running.is_done();
        if done {
            *dump = None;
            self.dumps.store(false, Ordering::Release);
        }
        let datagram = Datagram { bytes, port: 0, group: 0, sender: None };
        let mut queue = self.queue.lock();
        queue.charged += datagram.charge();
        queue.datagrams.push_back(datagram);
        drop(queue);
        drop(dump);
        self.pollee.notify(Events::READABLE);
    }
}
