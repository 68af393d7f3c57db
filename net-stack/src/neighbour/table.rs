//! Which neighbour has which address, and what waits until it is known.

use alloc::{collections::VecDeque, vec::Vec};
use core::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use spin::Mutex;

use super::Mac;
use crate::{
    address::IpAddr,
    net::InterfaceId,
    packet::Packet,
    random::{Secret, Table, table},
    time::Instant,
};

/// How long an answer is good: RFC 4861, 10 (REACHABLE_TIME).
const GOOD: Duration = Duration::from_secs(30);

/// The pause between two questions, and how many are asked: RFC 4861, 10 (RETRANS_TIMER, MAX_MULTICAST_SOLICIT).
const PAUSE: Duration = Duration::from_secs(1);
const QUESTIONS: u8 = 3;

/// So many packets wait for an answer: Linux's `unres_qlen`.
const WAITING_MAX: usize = 101;

/// So many neighbours are known: `net.ipv4.neigh.default.gc_thresh3`.
const NEIGHBOURS_MAX: usize = 1024;

type Key = (InterfaceId, IpAddr);

/// How certain it is that a neighbour is where it said (`ndm_state` of rtnetlink(7), RFC 4861, 7.3.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Certainty {
    /// It has not answered yet.
    Incomplete,
    /// It has lately.
    Reachable,
    /// It has, some time ago.
    Stale,
    /// It is being asked whether it is still there.
    Probe,
    /// Somebody has said so, and nobody else is asked.
    Permanent,
}

/// A neighbour, as others are told of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Known {
    /// On whose link it is.
    pub interface: InterfaceId,
    /// Its address.
    pub address: IpAddr,
    /// Its address on the link, if it has ever said so.
    pub mac: Option<Mac>,
    /// How certain that is.
    pub certainty: Certainty,
}

struct Neighbour {
    /// Whether it was said by somebody who administers the system.
    permanent: bool,
    /// Its address, if it has ever said so.
    address: Option<Mac>,
    /// Until when that is certain.
    good_until: Instant,
    /// How many questions were asked since, and when the next is due.
    asked: u8,
    ask_at: Instant,
    /// Packets that wait for the first answer.
    waiting: VecDeque<Packet>,
}

/// All neighbours.
///
/// Lock order: nothing is locked under it.
pub(crate) struct Neighbours {
    state: Mutex<State>,
    /// When the next question is due, in microseconds, for those who must not wait for the lock; the greatest number for never.
    next: AtomicU64,
}

struct State {
    known: Table<Key, Neighbour>,
    /// When the next question is due, if one is.
    next: Option<Instant>,
}

/// What is to be done with a packet.
pub(super) enum Step {
    /// It goes to that neighbour. `ask`: the neighbour is asked whether it is still there.
    Send { to: Mac, packet: Packet, ask: bool },
    /// It waits. `ask`: somebody has to be asked, for the first time.
    Wait { ask: bool },
}

/// What is due.
#[derive(Default)]
pub(super) struct Due {
    /// Who is to be asked again.
    pub(super) ask: Vec<Key>,
    /// What waited in vain.
    pub(super) undelivered: Vec<(InterfaceId, Packet)>,
}

impl Neighbours {
    pub(crate) fn new(secret: &Secret) -> Self {
        Self { state: Mutex::new(State { known: table(secret), next: None }), next: AtomicU64::new(u64::MAX) }
    }

    /// When the next question is due.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.state.lock().next
    }

    fn publish(&self, state: &State) {
        self.next.store(state.next.map_or(u64::MAX, Instant::micros), Ordering::Relaxed);
    }

    /// Whether a question is due. Takes no lock.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.next.load(Ordering::Relaxed) <= now.micros()
    }

    /// A packet for a neighbour.
    pub(super) fn send(&self, key: Key, packet: Packet, now: Instant) -> Step {
        let mut state = self.state.lock();
        if !state.known.contains_key(&key) {
            state.make_room(now);
        }
        let ask_at = now + PAUSE;
        let neighbour = state.known.entry(key).or_insert_with(|| Neighbour { ask_at, ..Neighbour::new(now) });
        if let Some(to) = neighbour.address {
            // In doubt it is asked, and believed until it has not answered often enough.
            let ask = !neighbour.permanent
                && neighbour.good_until <= now
                && (neighbour.asked == 0 || neighbour.ask_at <= now);
            if ask {
                neighbour.asked += 1;
                neighbour.ask_at = ask_at;
                if neighbour.asked > QUESTIONS {
                    state.known.remove(&key);
                }
            }
            return Step::Send { to, packet, ask };
        }
        if neighbour.waiting.len() == WAITING_MAX {
            neighbour.waiting.pop_front();
        }
        neighbour.waiting.push_back(packet);
        let ask = neighbour.asked == 0;
        if ask {
            (neighbour.asked, neighbour.ask_at) = (1, ask_at);
            state.next = Some(state.next.map_or(ask_at, |next| next.min(ask_at)));
            self.publish(&state);
        }
        Step::Wait { ask }
    }

    /// A neighbour has said who it is. `new`: it is noted even if nobody has asked. Returns what has waited for it, and whether
    /// it is news.
    pub(super) fn heard(&self, key: Key, address: Mac, new: bool, now: Instant) -> (VecDeque<Packet>, bool) {
        let mut state = self.state.lock();
        if new && !state.known.contains_key(&key) {
            state.make_room(now);
            state.known.insert(key, Neighbour::new(now));
        }
        let Some(neighbour) = state.known.get_mut(&key).filter(|neighbour| !neighbour.permanent) else {
            return (VecDeque::new(), false);
        };
        let news = neighbour.address.replace(address) != Some(address);
        (neighbour.good_until, neighbour.asked) = (now + GOOD, 0);
        (core::mem::take(&mut neighbour.waiting), news)
    }

    /// Notes a neighbour on somebody's word. Returns what has waited for it.
    pub(super) fn set(&self, known: &Known, now: Instant) -> VecDeque<Packet> {
        let mut state = self.state.lock();
        let key = (known.interface, known.address);
        if !state.known.contains_key(&key) {
            state.make_room(now);
        }
        let waiting = state.known.remove(&key).map(|before| before.waiting).unwrap_or_default();
        let permanent = known.certainty == Certainty::Permanent;
        let good_until = if known.certainty == Certainty::Reachable { now + GOOD } else { now };
        let neighbour = Neighbour { permanent, address: known.mac, good_until, ..Neighbour::new(now) };
        state.known.insert(key, neighbour);
        waiting
    }

    /// All that are known, in no order.
    pub(super) fn list(&self, now: Instant) -> Vec<Known> {
        let state = self.state.lock();
        state.known.iter().map(|(key, neighbour)| neighbour.known(*key, now)).collect()
    }

    /// One of them.
    pub(super) fn get(&self, key: Key, now: Instant) -> Option<Known> {
        self.state.lock().known.get(&key).map(|neighbour| neighbour.known(key, now))
    }

    /// Forgets a neighbour; what is lost with it is dropped.
    pub(super) fn remove(&self, key: Key) -> bool {
        // Dropped once nothing is locked.
        let removed = self.state.lock().known.remove(&key);
        removed.is_some()
    }

    /// Looks who has to be asked again, and who does not answer.
    pub(super) fn due(&self, now: Instant) -> Due {
        let mut state = self.state.lock();
        let mut due = Due::default();
        if state.next.is_none_or(|next| next > now) {
            return due;
        }
        let mut next: Option<Instant> = None;
        state.known.retain(|key, neighbour| {
            if neighbour.address.is_some() || neighbour.permanent {
                return true;
            }
            if neighbour.ask_at <= now {
                if neighbour.asked >= QUESTIONS {
                    due.undelivered.extend(neighbour.waiting.drain(..).map(|packet| (key.0, packet)));
                    return false;
                }
                neighbour.asked += 1;
                neighbour.ask_at = now + PAUSE;
                due.ask.push(*key);
            }
            next = Some(next.map_or(neighbour.ask_at, |next| next.min(neighbour.ask_at)));
            true
        });
        state.next = next;
        self.publish(&state);
        due
    }

    /// Forgets everything about an interface.
    pub(crate) fn forget(&self, interface: InterfaceId) {
        self.state.lock().known.retain(|key, _| key.0 != interface);
    }
}

impl Neighbour {
    /// One of whom nothing is known.
    fn new(now: Instant) -> Self {
        let waiting = VecDeque::new();
        Self { permanent: false, address: None, good_until: now, asked: 0, ask_at: now, waiting }
    }

    fn known(&self, (interface, address): Key, now: Instant) -> Known {
        let certainty = match self.address {
            _ if self.permanent => Certainty::Permanent,
            None => Certainty::Incomplete,
            Some(_) if self.good_until > now => Certainty::Reachable,
            Some(_) if self.asked > 0 => Certainty::Probe,
            Some(_) => Certainty::Stale,
        };
        Known { interface, address, mac: self.address, certainty }
    }
}

impl State {
    /// Keeps the table small: who is not certain goes, and if all are, all do; they are soon found again.
    fn make_room(&mut self, now: Instant) {
        if self.known.len() >= NEIGHBOURS_MAX {
            self.known.retain(|_, neighbour| neighbour.permanent || neighbour.good_until > now);
        }
        if self.known.len() >= NEIGHBOURS_MAX {
            self.known.retain(|_, neighbour| neighbour.permanent);
        }
    }
}
