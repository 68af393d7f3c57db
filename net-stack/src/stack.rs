//! One system's stack.

use alloc::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
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
    net::{InterfaceId, Network, Path},
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
    links: RwLock<BTreeMap<InterfaceId, Arc<dyn Link>>>,
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
        change(&mut self.network.write())
    }

    /// From now on the interface sends over `link`.
    pub fn attach(&self, interface: InterfaceId, link: Arc<dyn Link>) {
        let old = self.links.write().insert(interface, link);
        drop(old);
    }

    /// The interface has no link any more; what it sends is lost.
    pub fn detach(&self, interface: InterfaceId) {
        self.neighbours.forget(interface);
        let old = self.links.write().remove(&interface);
        drop(old);
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
        if let Some(link) = link {
            let (frame, start) = packet.into_parts();
            link.send(frame, start);
        }
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
            let Some((interface, packet)) = out.local.pop_front() else { break };
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
        let backlog = (!self.backlog.lock().is_empty()).then_some(now);
        backlog.or_else(|| self.timers.first().into_iter().chain(self.neighbours.next()).min())
    }

    /// Whether [`Stack::poll`] has something to do now. It takes no lock, and may be asked in an interrupt.
    #[must_use]
    pub fn is_due(&self, now: Instant) -> bool {
        self.has_backlog.load(Ordering::Acquire) || self.timers.is_due(now) || self.neighbours.is_due(now)
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
