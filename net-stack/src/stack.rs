//! One system's stack.

use alloc::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Weak},
    vec::Vec,
};
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};

use spin::{Mutex, RwLock};

use crate::{
    datagram,
    demux::{Receivers, Tuples},
    icmp,
    ip::Reassembly,
    link::Link,
    membership::HostGroups,
    neighbour::Neighbours,
    net::{Change, InterfaceId, Network, Observer, Path, Statistics, Virtual},
    outbox::Outbox,
    packet::Packet,
    port::{Ports, Rules},
    random::Secret,
    tcp,
    time::Instant,
};

/// So many packets are passed on by one caller before the rest is left to the next: two flows that answer each other for
/// ever must not keep anybody for ever.
const BUDGET: usize = 4096;

/// So many packets wait for the next caller: `net.core.netdev_max_backlog`.
const BACKLOG_MAX: usize = 1000;

/// The network of one system: interfaces, sockets, connections.
///
/// Lock order, from first to last: the state of a socket, flow, request or listener; groups; the network; ports; the tables
/// of receivers and four-tuples; timers. Never are two sockets or flows locked at once, and no lock is held while a watcher is told or a link
/// sends.
pub struct Stack {
    pub(crate) secret: Secret,
    pub(crate) network: RwLock<Network>,
    links: RwLock<BTreeMap<InterfaceId, Attached>>,
    /// Who wants to know what changes about interfaces, routes and neighbours.
    observer: RwLock<Option<Weak<dyn Observer>>>,
    /// Frames that came in at a device which is one end of a line in memory.
    frames: Mutex<VecDeque<(InterfaceId, Packet)>>,
    /// Whether something is there.
    has_frames: AtomicBool,
    pub(crate) neighbours: Neighbours,
    pub(crate) groups: RwLock<HostGroups>,
    pub(crate) reassembly: Mutex<Reassembly>,
    pub(crate) icmp_rate: Mutex<icmp::Rate>,
    pub(crate) udp_ports: Arc<Ports>,
    pub(crate) udp: Receivers<datagram::Shared>,
    pub(crate) ping_ports: Arc<Ports>,
    pub(crate) ping: Receivers<datagram::Shared>,
    pub(crate) raw: RwLock<Vec<Arc<datagram::Shared>>>,
    /// How many raw sockets there are, so that nobody pays for them when there are none.
    pub(crate) raw_count: AtomicUsize,
    pub(crate) tcp_ports: Arc<Ports>,
    pub(crate) tcp: Tuples<tcp::Entry>,
    pub(crate) listeners: Receivers<tcp::Listening>,
    pub(crate) timers: tcp::Timers,
    pub(crate) engines: tcp::Pool,
    /// The latest time that somebody said: for what is dropped, which has no time of its own.
    clock: AtomicU64,
    pub(crate) packets: AtomicU32,
    backlog: Mutex<VecDeque<(InterfaceId, Packet)>>,
    /// Whether something is there.
    has_backlog: AtomicBool,
    /// What happened to packets.
    pub counters: Counters,
}

/// A link, and what goes out over it.
type Attached = (Arc<dyn Link>, Arc<Statistics>);

/// How many packets met which fate.
#[derive(Default, Debug)]
pub struct Counters {
    /// Packets that came in, those from this host included.
    pub received: AtomicU64,
    /// Packets that were dropped for their header, length or checksum.
    pub malformed: AtomicU64,
    /// Packets that were for somebody else.
    pub not_for_us: AtomicU64,
    /// Datagrams for which the receiver had no room.
    pub no_room: AtomicU64,
    /// Packets for which nobody waited.
    pub no_receiver: AtomicU64,
}

impl Stack {
    /// A stack that has a loopback interface. All that must not be guessed follows from the secret.
    #[must_use]
    pub fn new(secret: Secret) -> Arc<Self> {
        Arc::new(Self {
            network: RwLock::new(Network::new(&secret)),
            links: RwLock::new(BTreeMap::new()),
            observer: RwLock::new(None),
            frames: Mutex::new(VecDeque::new()),
            has_frames: AtomicBool::new(false),
            neighbours: Neighbours::new(&secret),
            groups: RwLock::new(HostGroups::default()),
            reassembly: Mutex::new(Reassembly::new(&secret)),
            icmp_rate: Mutex::new(icmp::Rate::default()),
            udp_ports: Ports::new(Rules::Udp, &secret),
            udp: Receivers::new(&secret),
            ping_ports: Ports::new(Rules::Udp, &secret),
            ping: Receivers::new(&secret),
            raw: RwLock::new(Vec::new()),
            raw_count: AtomicUsize::new(0),
            tcp_ports: Ports::new(Rules::Tcp, &secret),
            tcp: Tuples::new(&secret),
            listeners: Receivers::new(&secret),
            timers: tcp::Timers::default(),
            engines: tcp::Pool::default(),
            clock: AtomicU64::new(0),
            packets: AtomicU32::new(secret.hash(crate::random::Purpose::Identification, ()) as u32),
            backlog: Mutex::new(VecDeque::new()),
            has_backlog: AtomicBool::new(false),
            counters: Counters::default(),
            secret,
        })
    }

    /// Looks at the interfaces and routes.
    pub fn network<R>(&self, look: impl FnOnce(&Network) -> R) -> R {
        look(&self.network.read())
    }

    /// Changes the interfaces and routes.
    pub fn configure<R>(&self, change: impl FnOnce(&mut Network) -> R) -> R {
        let mut network = self.network.write();
        let result = change(&mut network);
        let changes = network.take_changes();
        drop(network);
        if !changes.is_empty() {
            self.follow(&changes);
            self.announce(&changes);
        }
        result
    }

    /// With an interface's use, its neighbours are forgotten.
    fn follow(&self, changes: &[Change]) {
        for change in changes {
            match change {
                Change::Link(interface) if !interface.up => self.neighbours.forget(interface.id),
                Change::LinkGone(interface) => self.neighbours.forget(interface.id),
                _ => {}
            }
        }
    }

    /// From now on, `observer` is told of what changes about interfaces, routes and neighbours.
    pub fn observe(&self, observer: Weak<dyn Observer>) {
        let old = self.observer.write().replace(observer);
        drop(old);
    }

    /// Tells of changes. No lock is held here.
    pub(crate) fn announce(&self, changes: &[Change]) {
        let observer = self.observer.read().as_ref().and_then(Weak::upgrade);
        if let Some(observer) = observer {
            observer.changed(changes);
        }
    }

    /// From now on the interface sends over `link`.
    pub fn attach(&self, interface: InterfaceId, link: Arc<dyn Link>) {
        let statistics = self.network(|network| {
            network.interface(interface).map(|interface| interface.statistics.clone()).unwrap_or_default()
        });
        let old = self.links.write().insert(interface, (link, statistics));
        drop(old);
    }

    /// The interface has no link any more; what it sends is lost.
    pub fn detach(&self, interface: InterfaceId) {
        self.neighbours.forget(interface);
        let old = self.links.write().remove(&interface);
        drop(old);
    }

    /// An address for a device that has none: one of those that anybody may give himself (IEEE 802, 8.4).
    #[must_use]
    pub fn random_mac(&self) -> [u8; 6] {
        let number = self.packets.fetch_add(1, Ordering::Relaxed);
        let [a, b, c, d, e, f, ..] =
            self.secret.hash(crate::random::Purpose::Identification, (number, "device")).to_ne_bytes();
        [a & 0xfc | 2, b, c, d, e, f]
    }

    /// The ports of UDP.
    #[must_use]
    pub fn udp_ports(&self) -> &Arc<Ports> {
        &self.udp_ports
    }

    /// The ports of TCP.
    #[must_use]
    pub fn tcp_ports(&self) -> &Arc<Ports> {
        &self.tcp_ports
    }

    /// How many connections there are: those that are half open or in TIME-WAIT included.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.tcp.len()
    }

    /// The latest time that somebody said.
    #[must_use]
    pub fn last_now(&self) -> Instant {
        Instant::from_micros(self.clock.load(Ordering::Relaxed))
    }

    /// Takes a packet that a link has received, an Ethernet frame where it is of that kind: the bytes of `frame` from `start` on.
    pub fn receive(&self, interface: InterfaceId, frame: Vec<u8>, start: usize, now: Instant) {
        let mut out = Outbox::default();
        let packet = Packet::received(frame, start);
        match self.mac(interface) {
            Some(own) => self.ethernet_input(interface, own, packet, now, &mut out),
            None => self.input(interface, packet, now, &mut out),
        }
        self.flush(out, now);
    }

    /// Puts a packet into the outbox for the link.
    pub(crate) fn transmit(&self, path: &Path, packet: Packet, out: &mut Outbox) {
        out.remote.push_back((path.interface, path.next_hop, packet));
    }

    /// Gives a packet or frame to the interface's link. No lock is held here.
    pub(crate) fn hand_over(&self, interface: InterfaceId, packet: Packet) {
        let link = self.links.read().get(&interface).cloned();
        if let Some((link, statistics)) = link {
            statistics.count_sent(packet.len());
            let (frame, start) = packet.into_parts();
            link.send(frame, start);
            return;
        }
        self.hand_to_virtual(interface, packet);
    }

    /// Gives a frame to a device that is made of memory: what comes in at the other end of its line waits for who flushes.
    fn hand_to_virtual(&self, interface: InterfaceId, mut packet: Packet) {
        let network = self.network.read();
        let Some(sender) = network.interface(interface).filter(|sender| sender.carrier) else { return };
        sender.statistics.count_sent(packet.len());
        let Some(Virtual::Pair(peer)) = sender.made else { return };
        drop(network);
        packet.trusted = true;
        let mut frames = self.frames.lock();
        if frames.len() < BACKLOG_MAX {
            frames.push_back((peer, packet));
            self.has_frames.store(true, Ordering::Release);
        }
    }

    /// The next frame that waits at a device made of memory.
    fn next_frame(&self) -> Option<(InterfaceId, Packet)> {
        if !self.has_frames.load(Ordering::Acquire) {
            return None;
        }
        let mut frames = self.frames.lock();
        let frame = frames.pop_front();
        if frame.is_none() {
            self.has_frames.store(false, Ordering::Release);
        }
        frame
    }

    /// Does what an operation has left to do. No lock is held here.
    pub(crate) fn flush(&self, mut out: Outbox, now: Instant) {
        self.clock.fetch_max(now.micros(), Ordering::Relaxed);
        let mut budget = BUDGET;
        loop {
            while let Some((interface, next_hop, packet)) = out.remote.pop_front() {
                match self.mac(interface) {
                    Some(own) => self.send_to_neighbour(interface, own, next_hop, packet, now, &mut out),
                    None => self.hand_over(interface, packet),
                }
            }
            let Some((interface, packet)) = out.local.pop_front() else {
                let Some(next) = (budget > 0).then(|| self.next_frame()).flatten() else { break };
                budget -= 1;
                let (interface, frame) = next;
                if let Some(own) = self.mac(interface) {
                    self.ethernet_input(interface, own, frame, now, &mut out);
                }
                continue;
            };
            if budget == 0 {
                let mut backlog = self.backlog.lock();
                let room = BACKLOG_MAX.saturating_sub(backlog.len());
                backlog.extend(core::iter::once((interface, packet)).chain(out.local.drain(..)).take(room));
                self.has_backlog.store(true, Ordering::Release);
                break;
            }
            budget -= 1;
            self.input(interface, packet, now, &mut out);
        }
        for (watcher, notice) in out.take_notices() {
            watcher.notice(notice);
        }
    }

    /// When [`Stack::poll`] has something to do; `None` if never, as things are.
    #[must_use]
    pub fn deadline(&self, now: Instant) -> Option<Instant> {
        let waits = !self.backlog.lock().is_empty() || self.has_frames.load(Ordering::Acquire);
        let backlog = waits.then_some(now);
        backlog.or_else(|| self.timers.first().into_iter().chain(self.neighbours.next()).min())
    }

    /// Whether [`Stack::poll`] has something to do now. It takes no lock, and may be asked in an interrupt.
    #[must_use]
    pub fn is_due(&self, now: Instant) -> bool {
        self.has_backlog.load(Ordering::Acquire)
            || self.has_frames.load(Ordering::Acquire)
            || self.timers.is_due(now)
            || self.neighbours.is_due(now)
    }

    /// Does what the time has come for, and what others have left. Call it when [`Stack::deadline`] is over.
    pub fn poll(&self, now: Instant) {
        let mut out = Outbox::default();
        self.has_backlog.store(false, Ordering::Release);
        out.local = core::mem::take(&mut *self.backlog.lock());
        self.reassembly.lock().expire(now);
        self.neighbours_tick(now, &mut out);
        self.tcp_tick(now, &mut out);
        self.flush(out, now);
    }

    /// Counts something.
    pub(crate) fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}
