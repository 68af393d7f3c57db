//! Two hosts on a line, and a clock that runs as fast as there is something to do.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::{
    collections::{BTreeMap, btree_map::OccupiedEntry},
    num::NonZeroU64,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use net_stack::{
    Stack,
    address::{Endpoint, IpAddr},
    link::Link,
    net::{Address, InterfaceId, Kind},
    random::Secret,
    time::Instant,
};
use spin::Mutex;

/// The address of a text.
pub(crate) fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// The endpoint of a text.
pub(crate) fn end(text: &str) -> Endpoint {
    let address: std::net::SocketAddr = text.parse().unwrap();
    Endpoint::new(address.ip(), address.port())
}

/// Numbers that a seed determines.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// True so often in a thousand.
    pub(crate) fn per_mille(&mut self, rate: u32) -> bool {
        self.below(1000) < u64::from(rate)
    }
}

/// What a line does to packets; rates in a thousandth.
#[derive(Clone, Copy, Default)]
pub(crate) struct Line {
    pub(crate) delay: Duration,
    /// Up to so much is added to the delay, so that packets overtake each other.
    pub(crate) jitter: Duration,
    pub(crate) loss: u32,
    pub(crate) duplication: u32,
    /// A bit is turned.
    pub(crate) corruption: u32,
    /// Bytes in a second; 0 for no limit.
    pub(crate) rate: u64,
}

/// Packets on their way, by the time of their arrival.
struct Air {
    flying: BTreeMap<(Instant, u64), (usize, Vec<u8>)>,
    dice: Dice,
    line: Line,
    now: Instant,
    sent: u64,
    /// Until when each direction is busy, where the rate is limited.
    busy: [Instant; 2],
    /// What was sent, for tests that look.
    seen: Option<Vec<Vec<u8>>>,
}

/// One end of the line.
struct Port {
    air: Arc<Mutex<Air>>,
    to: usize,
}

impl Link for Port {
    fn send(&self, frame: Vec<u8>, start: usize) -> bool {
        let mut air = self.air.lock();
        let air = &mut *air;
        air.sent += 1;
        let mut bytes = frame[start..].to_vec();
        if let Some(seen) = &mut air.seen {
            seen.push(bytes.clone());
        }
        let line = air.line;
        let mut depart = air.now;
        if let Some(rate) = NonZeroU64::new(line.rate) {
            depart = air.busy[self.to].max(air.now);
            // A queue of 100 ms, as a router has it.
            if depart.since(air.now) > Duration::from_millis(100) {
                return true;
            }
            depart = depart + Duration::from_micros(bytes.len() as u64 * 1_000_000 / rate);
            air.busy[self.to] = depart;
        }
        let copies = 1 + usize::from(air.dice.per_mille(line.duplication));
        for _ in 0..copies {
            if air.dice.per_mille(line.loss) {
                continue;
            }
            if air.dice.per_mille(line.corruption) {
                let bit = air.dice.below(bytes.len() as u64 * 8) as usize;
                bytes[bit / 8] ^= 1 << (bit % 8);
            }
            let jitter = line.jitter.as_micros() as u64;
            let jitter = if jitter > 0 { air.dice.below(jitter) } else { 0 };
            let arrival = depart + line.delay + Duration::from_micros(jitter);
            let number = air.dice.0;
            let unique = air.flying.len() as u64 + (air.sent << 8) + (number & 1);
            air.flying.insert((arrival, unique), (self.to, bytes.clone()));
        }
        true
    }
}

/// Two stacks, 10.0.0.1 and 10.0.0.2, fd00::1 and fd00::2, with a line between them.
pub(crate) struct Net {
    pub(crate) stacks: [Arc<Stack>; 2],
    pub(crate) line: InterfaceId,
    air: Arc<Mutex<Air>>,
    clock: AtomicU64,
}

impl Net {
    pub(crate) fn new(seed: u64, line: Line) -> Self {
        Self::with_mtu(seed, line, 1500)
    }

    pub(crate) fn with_mtu(seed: u64, line: Line, mtu: u32) -> Self {
        Self::of_kind(seed, line, mtu, |_| Kind::Point)
    }

    /// The same hosts on Ethernet.
    pub(crate) fn ethernet(seed: u64, line: Line) -> Self {
        Self::of_kind(seed, line, 1500, |own| Kind::Ethernet { address: [2, 0, 0, 0, 0, own as u8] })
    }

    fn of_kind(seed: u64, line: Line, mtu: u32, kind: impl Fn(usize) -> Kind) -> Self {
        let start = Instant::from_secs(1000);
        let air = Arc::new(Mutex::new(Air {
            flying: BTreeMap::new(),
            dice: Dice::new(seed),
            line,
            now: start,
            sent: 0,
            busy: [start; 2],
            seen: None,
        }));
        let make = |own: usize| {
            let stack = Stack::new(Secret::new([seed, own as u64]));
            let id = stack.configure(|network| {
                let id = network.add_interface("line0", kind(own), mtu).unwrap();
                let last = own + 1;
                network.add_address(id, Address::new(ip(&format!("10.0.0.{last}")), 24)).unwrap();
                network.add_address(id, Address::new(ip(&format!("fd00::{last}")), 64)).unwrap();
                id
            });
            stack.attach(id, Arc::new(Port { air: air.clone(), to: 1 - own }));
            (stack, id)
        };
        let ((one, line), (other, _)) = (make(0), make(1));
        Self { stacks: [one, other], line, air, clock: AtomicU64::new(start.micros()) }
    }

    pub(crate) fn now(&self) -> Instant {
        Instant::from_micros(self.clock.load(Ordering::Relaxed))
    }

    /// Changes what the line does.
    pub(crate) fn set_line(&self, line: Line) {
        self.air.lock().line = line;
    }

    /// From now on what is sent is kept.
    pub(crate) fn capture(&self) {
        self.air.lock().seen = Some(Vec::new());
    }

    /// What was sent since.
    pub(crate) fn captured(&self) -> Vec<Vec<u8>> {
        self.air.lock().seen.replace(Vec::new()).unwrap()
    }

    /// How many packets were sent.
    pub(crate) fn sent(&self) -> u64 {
        self.air.lock().sent
    }

    /// When the next thing happens, if one is to come.
    fn next(&self) -> Option<Instant> {
        let arrival = self.air.lock().flying.keys().next().map(|(at, _)| *at);
        let timers = self.stacks.iter().filter_map(|stack| stack.deadline(self.now()));
        arrival.into_iter().chain(timers).min()
    }

    fn set_clock(&self, at: Instant) {
        let at = at.max(self.now());
        self.clock.store(at.micros(), Ordering::Relaxed);
        self.air.lock().now = at;
    }

    /// Goes on to the next thing that happens; whether there was one before `limit`.
    pub(crate) fn step(&self, limit: Instant) -> bool {
        let Some(at) = self.next().filter(|at| *at <= limit) else { return false };
        self.set_clock(at);
        let now = self.now();
        loop {
            let due = {
                let mut air = self.air.lock();
                let first = air.flying.first_entry().filter(|first| first.key().0 <= now);
                first.map(OccupiedEntry::remove)
            };
            let Some((to, bytes)) = due else { break };
            self.stacks[to].receive(self.line, bytes, 0, now);
        }
        for stack in &self.stacks {
            if stack.deadline(now).is_some_and(|deadline| deadline <= now) {
                stack.poll(now);
            }
        }
        true
    }

    /// Lets so much time pass.
    pub(crate) fn run(&self, duration: Duration) {
        let limit = self.now() + duration;
        while self.step(limit) {}
        self.set_clock(limit);
    }

    /// Goes on until `done`, at most so long; whether it was.
    pub(crate) fn until(&self, limit: Duration, mut done: impl FnMut() -> bool) -> bool {
        let limit = self.now() + limit;
        loop {
            if done() {
                return true;
            }
            if !self.step(limit) {
                self.set_clock(limit);
                return done();
            }
        }
    }
}

/// Fills in the checksums of an IPv4 packet with TCP in it.
pub(crate) fn checksums(packet: &mut [u8]) {
    fn sum(bytes: &[u8]) -> u32 {
        bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0))).sum()
    }
    fn fold(mut sum: u32) -> u16 {
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        !(sum as u16)
    }
    packet[10..12].fill(0);
    packet[36..38].fill(0);
    let header = fold(sum(&packet[..20]));
    packet[10..12].copy_from_slice(&header.to_be_bytes());
    let length = packet.len() as u32 - 20;
    let tcp = fold(sum(&packet[12..20]) + 6 + length + sum(&packet[20..]));
    packet[36..38].copy_from_slice(&tcp.to_be_bytes());
}
