//! The ports of one protocol.

use alloc::{sync::Arc, vec::Vec};
use core::ops::RangeInclusive;

use spin::Mutex;

use super::{
    binding::Binding,
    claim::{Claim, Holder, Mode, Rules, Stage},
    set::PortSet,
};
use crate::{
    address::{Endpoint, IpAddr},
    random::{Purpose, Secret, Sequence, Table, table},
};

/// Ports that are chosen for who does not ask for one: `net.ipv4.ip_local_port_range` as Linux has it at first.
pub(crate) const EPHEMERAL: RangeInclusive<u16> = 32768..=60999;

/// So many times a port that others hold too is tried at random before all are looked at.
const GUESSES: usize = 16;

/// For so many destinations (or covers) it is remembered which ports might be free.
const MEMORIES: usize = 8;

/// The port is held by somebody who does not share it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InUse;

/// No port of the range is free.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Exhausted;

/// Who holds which port, of one protocol. All operations take constant time, except that the first search after the
/// range is full looks at all of it once.
///
/// Lock order: the lock in here comes after all others; under it nothing is locked but what `taken` looks at, the table
/// of four-tuples.
pub struct Ports {
    rules: Rules,
    state: Mutex<State>,
}

struct State {
    range: RangeInclusive<u16>,
    /// Kinds of holders with how many there are of each. Most ports have one or two kinds.
    held: Table<u16, Vec<(Holder, u32)>>,
    /// Ports of the range that nobody holds.
    free: PortSet,
    /// Used where `free` is empty: which ports may still do, by what they are to do for. A port that is not in there
    /// will not do: whenever somebody lets go of a port, it comes into all of them.
    memories: Vec<(Want, PortSet)>,
    random: Sequence,
}

/// What a port is wanted for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Want {
    Claim(Claim),
    Connection { local: IpAddr, remote: Endpoint },
}

impl Ports {
    /// A table in which nobody holds anything.
    #[must_use]
    pub fn new(rules: Rules, secret: &Secret) -> Arc<Self> {
        let state = State {
            range: EPHEMERAL,
            held: table(secret),
            free: PortSet::new(),
            memories: Vec::new(),
            random: secret.sequence(Purpose::Ports),
        };
        let ports = Self { rules, state: Mutex::new(state) };
        ports.set_range(EPHEMERAL);
        Arc::new(ports)
    }

    /// From which ports one is chosen: `net.ipv4.ip_local_port_range`. An empty range exhausts at once.
    pub fn set_range(&self, range: RangeInclusive<u16>) {
        let mut state = self.state.lock();
        let mut free = PortSet::new();
        for port in range.clone().filter(|port| *port != 0 && !state.held.contains_key(port)) {
            free.insert(port);
        }
        state.free = free;
        state.range = range;
        state.memories.clear();
    }

    /// From which ports one is chosen.
    pub fn range(&self) -> RangeInclusive<u16> {
        self.state.lock().range.clone()
    }

    /// How many ports are held.
    pub fn held(&self) -> usize {
        self.state.lock().held.len()
    }

    /// Holds `port`.
    ///
    /// # Errors
    /// [`InUse`].
    pub fn bind(self: &Arc<Self>, port: u16, claim: Claim) -> Result<Binding, InUse> {
        let holder = Holder { claim, stage: Stage::Bound };
        let mut state = self.state.lock();
        if state.conflicts(port, &holder, self.rules, Mode::Asked) {
            return Err(InUse);
        }
        state.enter(port, holder);
        drop(state);
        Ok(Binding::new(self.clone(), port, holder))
    }

    /// Holds a port of the range that nobody else wants packets on: bind(2) to port 0.
    ///
    /// # Errors
    /// [`Exhausted`].
    pub fn bind_any(self: &Arc<Self>, claim: Claim) -> Result<Binding, Exhausted> {
        let holder = Holder { claim, stage: Stage::Bound };
        let mut state = self.state.lock();
        let will_do = |state: &State, port| !state.conflicts(port, &holder, self.rules, Mode::Chosen);
        let port = state.choose(Want::Claim(claim), will_do).ok_or(Exhausted)?;
        state.enter(port, holder);
        drop(state);
        Ok(Binding::new(self.clone(), port, holder))
    }

    /// Holds a port for a connection to `remote`: one that nobody holds, or one that only connections like this hold,
    /// where `taken` says that none of them has the same four-tuple.
    ///
    /// # Errors
    /// [`Exhausted`].
    pub fn connect(
        self: &Arc<Self>,
        claim: Claim,
        local: IpAddr,
        remote: Endpoint,
        taken: impl Fn(u16) -> bool,
    ) -> Result<Binding, Exhausted> {
        let holder = Holder { claim, stage: Stage::Connected };
        let mut state = self.state.lock();
        let shared = |stage| matches!(stage, Stage::Connected | Stage::TimeWait);
        let will_do = |state: &State, port| {
            let mut holders = state.held.get(&port).into_iter().flatten();
            holders.all(|(holder, _)| shared(holder.stage)) && !taken(port)
        };
        let port = state.choose(Want::Connection { local, remote }, will_do).ok_or(Exhausted)?;
        state.enter(port, holder);
        drop(state);
        Ok(Binding::new(self.clone(), port, holder))
    }

    /// Counts one more holder, who shares with one that is there.
    pub(super) fn enter(&self, port: u16, holder: Holder) {
        self.state.lock().enter(port, holder);
    }

    pub(super) fn leave(&self, port: u16, holder: Holder) {
        self.state.lock().leave(port, holder);
    }

    pub(super) fn change(&self, port: u16, from: Holder, to: Holder) {
        let mut state = self.state.lock();
        state.enter(port, to);
        state.leave(port, from);
    }

    pub(super) fn change_checked(&self, port: u16, holder: &mut Holder, stage: Stage) -> Result<(), InUse> {
        let to = Holder { stage, ..*holder };
        let mut state = self.state.lock();
        // It is not in its own way.
        state.leave(port, *holder);
        let conflict = state.conflicts(port, &to, self.rules, Mode::Asked);
        *holder = if conflict { *holder } else { to };
        state.enter(port, *holder);
        if conflict { Err(InUse) } else { Ok(()) }
    }
}

impl State {
    fn conflicts(&self, port: u16, holder: &Holder, rules: Rules, mode: Mode) -> bool {
        let mut held = self.held.get(&port).into_iter().flatten();
        held.any(|(other, _)| holder.conflicts(other, rules, mode))
    }

    fn enter(&mut self, port: u16, holder: Holder) {
        let holders = self.held.entry(port).or_default();
        match holders.iter_mut().find(|(other, _)| *other == holder) {
            Some((_, count)) => *count += 1,
            None => holders.push((holder, 1)),
        }
        self.free.remove(port);
    }

    fn leave(&mut self, port: u16, holder: Holder) {
        if let Some(holders) = self.held.get_mut(&port)
            && let Some(place) = holders.iter().position(|(other, _)| *other == holder)
        {
            holders[place].1 -= 1;
            if holders[place].1 == 0 {
                holders.swap_remove(place);
            }
            if holders.is_empty() {
                self.held.remove(&port);
                if self.range.contains(&port) && port != 0 {
                    self.free.insert(port);
                }
            }
        }
        if self.range.contains(&port) {
            self.memories.iter_mut().for_each(|(_, ports)| ports.insert(port));
        }
    }

    /// A port of the range that will do.
    fn choose(&mut self, want: Want, will_do: impl Fn(&Self, u16) -> bool) -> Option<u16> {
        let (low, high) = (*self.range.start(), *self.range.end());
        let size = u64::from(high.checked_sub(low)?) + 1;
        let mut guess = || low + (self.random.next() % size) as u16;
        let start = guess();
        let guesses: [u16; GUESSES] = core::array::from_fn(|_| guess());
        if let Some(port) = self.free.next(start) {
            return Some(port);
        }
        let known = self.memories.iter().position(|(other, _)| *other == want);
        if known.is_none()
            && let Some(port) = guesses.into_iter().find(|port| *port != 0 && will_do(self, *port))
        {
            return Some(port);
        }
        let place = known.unwrap_or_else(|| self.remember(want));
        // What turns out not to do is forgotten: each release of a port is paid for by one look at it.
        while let Some(port) = self.memories[place].1.next(start) {
            self.memories[place].1.remove(port);
            if will_do(self, port) {
                return Some(port);
            }
        }
        None
    }

    /// All ports might do, until looked at.
    fn remember(&mut self, want: Want) -> usize {
        if self.memories.len() == MEMORIES {
            self.memories.remove(0);
        }
        let mut ports = PortSet::new();
        self.range.clone().filter(|port| *port != 0).for_each(|port| ports.insert(port));
        self.memories.push((want, ports));
        self.memories.len() - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{address::Ipv4Addr, cover::Cover};
    use std::collections::HashSet;

    fn ports(rules: Rules) -> Arc<Ports> {
        Ports::new(rules, &Secret::new([1, 2]))
    }

    fn local(last: u8) -> Claim {
        Claim::new(Cover::V4(Ipv4Addr::new(127, 0, 0, last)))
    }

    #[test]
    fn a_binding_is_given_back_when_dropped() {
        let ports = ports(Rules::Tcp);
        let binding = ports.bind(80, local(1)).unwrap();
        assert_eq!(ports.bind(80, local(1)).err(), Some(InUse));
        let other = ports.bind(80, local(2)).unwrap();
        drop(binding);
        assert_eq!((ports.bind(80, local(1)).unwrap().port(), ports.held()), (80, 1));
        drop(other);
        assert_eq!(ports.held(), 0);
    }

    #[test]
    fn one_of_two_that_share_listens() {
        let ports = ports(Rules::Tcp);
        let claim = Claim { reuse_address: true, ..local(1) };
        let (mut one, mut other) = (ports.bind(80, claim).unwrap(), ports.bind(80, claim).unwrap());
        one.listen().unwrap();
        assert_eq!(other.listen(), Err(InUse));
        assert!(ports.bind(80, claim).is_err(), "nobody binds where somebody listens");
        one.stop_listening();
        other.listen().unwrap();
        // A connection that was accepted does not keep the next server from coming up.
        let connection = other.inherit(Ipv4Addr::LOCALHOST.into());
        drop(other);
        ports.bind(80, claim).unwrap().listen().unwrap();
        ports.bind(80, local(1)).err().unwrap();
        let waiting = connection.into_time_wait();
        ports.bind(80, claim).unwrap().listen().unwrap();
        one.share(false, false);
        ports.bind(80, claim).err().unwrap();
        drop((one, waiting));
        assert_eq!(ports.held(), 0);
    }

    #[test]
    fn a_socket_that_connects_lets_go_of_other_addresses() {
        let ports = ports(Rules::Udp);
        let mut binding = ports.bind(53, Claim::new(Cover::AnyV4)).unwrap();
        ports.bind(53, local(2)).err().unwrap();
        binding.narrow(Ipv4Addr::LOCALHOST.into());
        drop(ports.bind(53, local(2)).unwrap());
        binding.cover(Cover::AnyV4);
        ports.bind(53, local(2)).err().unwrap();
    }

    #[test]
    fn every_port_of_the_range_is_found_and_no_other() {
        let ports = ports(Rules::Tcp);
        ports.set_range(40000..=40999);
        let kept = ports.bind(40500, local(1)).unwrap();
        let mut bindings: Vec<_> = (0..999).map(|_| ports.bind_any(local(1)).unwrap()).collect();
        let numbers: HashSet<_> = bindings.iter().map(Binding::port).collect();
        assert_eq!(numbers.len(), 999);
        assert!(numbers.iter().all(|port| (40000..=40999).contains(port)));
        assert_eq!(ports.bind_any(local(1)).err(), Some(Exhausted));
        // Another address has all of them, and one that is given back is found.
        let others: Vec<_> = (0..1000).map(|_| ports.bind_any(local(2)).unwrap()).collect();
        assert_eq!(ports.bind_any(local(2)).err(), Some(Exhausted));
        let port = bindings.swap_remove(77).port();
        assert_eq!(ports.bind_any(local(1)).unwrap().port(), port);
        drop((kept, bindings, others));
        assert_eq!((ports.held(), ports.state.lock().free.len()), (0, 1000));
    }

    #[test]
    fn connections_to_different_peers_share_ports() {
        let ports = ports(Rules::Tcp);
        ports.set_range(50000..=50099);
        let from = IpAddr::from(Ipv4Addr::LOCALHOST);
        let mut tuples = HashSet::new();
        let mut bindings = Vec::new();
        for peer in 1..=20 {
            let remote = Endpoint::new(Ipv4Addr::new(127, 0, 0, 9), peer);
            for _ in 0..100 {
                let taken = |port| tuples.contains(&(port, peer));
                let binding = ports.connect(local(1), from, remote, taken).unwrap();
                assert!(tuples.insert((binding.port(), peer)));
                bindings.push((peer, binding));
            }
            let taken = |port| tuples.contains(&(port, peer));
            assert_eq!(ports.connect(local(1), from, remote, taken).err(), Some(Exhausted));
        }
        // A bound port is not for connections of others, and the other way round.
        assert_eq!(ports.bind(50000, local(1)).err(), Some(InUse));
        assert_eq!(ports.bind_any(local(1)).err(), Some(Exhausted));
        let (peer, binding) = bindings.swap_remove(555);
        tuples.remove(&(binding.port(), peer));
        let port = binding.port();
        drop(binding);
        let remote = Endpoint::new(Ipv4Addr::new(127, 0, 0, 9), peer);
        let found = ports.connect(local(1), from, remote, |port| tuples.contains(&(port, peer))).unwrap();
        assert_eq!(found.port(), port);
    }

    #[test]
    fn exhaustion_costs_no_search() {
        let ports = ports(Rules::Tcp);
        let bindings: Vec<_> = EPHEMERAL.map(|_| ports.bind_any(local(1)).unwrap()).collect();
        ports.bind_any(local(1)).err().unwrap();
        // The range was looked at once; from here on there is nothing to look at.
        assert_eq!(ports.state.lock().memories[0].1.len(), 0);
        for _ in 0..100_000 {
            ports.bind_any(local(1)).err().unwrap();
        }
        drop(bindings);
    }
}
