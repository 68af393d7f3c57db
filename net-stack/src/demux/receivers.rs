//! Sockets by what they are bound to: listeners, and everything of UDP.

use alloc::{sync::Arc, vec::Vec};

use spin::RwLock;

use super::group::{Group, Member};
use crate::{
    address::{Endpoint, IpAddr},
    cover::Cover,
    net::InterfaceId,
    random::{Purpose, Secret, Table, table},
};

/// What a socket is bound to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Key {
    /// Its local addresses.
    pub cover: Cover,
    /// Its port.
    pub port: u16,
    /// SO_BINDTODEVICE.
    pub device: Option<InterfaceId>,
    /// Its peer, if it is connected.
    pub peer: Option<Endpoint>,
}

/// Sockets by what they are bound to. A look-up takes as many steps as there are kinds of bindings, however many sockets
/// there are.
///
/// Lock order: after the locks of sockets and flows; nothing is locked under it.
pub struct Receivers<T> {
    secret: Secret,
    state: RwLock<State<T>>,
}

struct State<T> {
    groups: Table<Key, Group<T>>,
    /// All sockets of a port, for packets that more than one may get.
    ports: Table<u16, Vec<Arc<T>>>,
    /// How many there are with a device, and with a peer: what does not occur is not looked for.
    with_device: usize,
    with_peer: usize,
}

impl<T: Member> Receivers<T> {
    /// A table without sockets.
    #[must_use]
    pub fn new(secret: &Secret) -> Self {
        let state = State { groups: table(secret), ports: table(secret), with_device: 0, with_peer: 0 };
        Self { secret: *secret, state: RwLock::new(state) }
    }

    /// From now on `member` gets packets.
    pub fn add(&self, key: Key, member: &Arc<T>) {
        let mut state = self.state.write();
        state.with_device += usize::from(key.device.is_some());
        state.with_peer += usize::from(key.peer.is_some());
        state.groups.entry(key).or_insert_with(Group::new).add(member.clone());
        state.ports.entry(key.port).or_default().push(member.clone());
    }

    /// `member` gets no packets any more by that key; whether it did.
    pub fn remove(&self, key: Key, member: &Arc<T>) -> bool {
        let mut state = self.state.write();
        let Some(group) = state.groups.get_mut(&key) else { return false };
        if !group.remove(member) {
            return false;
        }
        if group.is_empty() {
            state.groups.remove(&key);
        }
        state.with_device -= usize::from(key.device.is_some());
        state.with_peer -= usize::from(key.peer.is_some());
        if let Some(members) = state.ports.get_mut(&key.port) {
            if let Some(place) = members.iter().position(|other| Arc::ptr_eq(other, member)) {
                members.remove(place);
            }
            if members.is_empty() {
                state.ports.remove(&key.port);
            }
        }
        true
    }

    /// Who gets a packet from `from` to `to` that came in over `device`. Linux's order: the address before the
    /// wildcard; then a peer, then a device, then IPv4 sockets before those of IPv6 that take IPv4 too.
    pub fn find(&self, to: Endpoint, from: Endpoint, device: InterfaceId) -> Option<Arc<T>> {
        let state = self.state.read();
        let hash = || self.secret.hash(Purpose::Balance, (to, from)) as u32;
        let exact = Cover::only(to.address);
        let own = if to.address.is_ipv4() { Cover::AnyV4 } else { Cover::AnyV6 };
        let get = |cover, device, peer| state.groups.get(&Key { cover, port: to.port, device, peer });
        let devices = [Some(device), None];
        let devices = if state.with_device > 0 { &devices[..] } else { &devices[1..] };
        let peers = [Some(from), None];
        let peers = if state.with_peer > 0 { &peers[..] } else { &peers[1..] };
        for covers in [&[exact][..], &[own, Cover::Any]] {
            for peer in peers {
                for device in devices {
                    let mut groups = covers.iter().filter_map(|cover| get(*cover, *device, *peer));
                    if let Some(member) = groups.find_map(|group| group.pick(hash)) {
                        return Some(member.clone());
                    }
                }
            }
        }
        None
    }

    /// All sockets of a port: who sends to a group or to all sends to each that wants it.
    pub fn all(&self, port: u16) -> Vec<Arc<T>> {
        self.state.read().ports.get(&port).cloned().unwrap_or_default()
    }

    /// Whether a socket is bound to such an address and port by any key: `to` may be the wildcard's.
    pub fn has(&self, address: IpAddr, port: u16) -> bool {
        let state = self.state.read();
        let own = if address.is_ipv4() { Cover::AnyV4 } else { Cover::AnyV6 };
        let mut covers = [Cover::only(address), own, Cover::Any].into_iter();
        covers.any(|cover| state.groups.contains_key(&Key { cover, port, device: None, peer: None }))
    }

    /// Every socket, in no order: for those who want to see them.
    pub fn every(&self) -> Vec<Arc<T>> {
        self.state.read().ports.values().flatten().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Socket {
        name: usize,
        balances: bool,
    }

    impl Member for Socket {
        fn balances(&self) -> bool {
            self.balances
        }
    }

    fn end(text: &str) -> Endpoint {
        let address: core::net::SocketAddr = text.parse().unwrap();
        Endpoint::new(address.ip(), address.port())
    }

    fn receivers() -> Receivers<Socket> {
        Receivers::new(&Secret::new([5, 6]))
    }

    #[test]
    fn the_more_a_socket_says_the_sooner_it_is_meant() {
        let receivers = receivers();
        let device = InterfaceId::new(2).unwrap();
        let other_device = InterfaceId::new(3).unwrap();
        let (to, from) = (end("10.0.0.1:53"), end("10.0.0.9:999"));
        let exact = Cover::only(to.address);
        // From the most to the least specific; each gets the packet once those before it are gone.
        let kinds = [
            (exact, Some(device), Some(from)),
            (exact, None, Some(from)),
            (exact, Some(device), None),
            (exact, None, None),
            (Cover::AnyV4, Some(device), None),
            (Cover::Any, Some(device), None),
            (Cover::AnyV4, None, None),
            (Cover::Any, None, None),
        ];
        let never = [
            (exact, Some(other_device), None),
            (exact, None, Some(end("10.0.0.9:998"))),
            (Cover::only("10.0.0.2".parse().unwrap()), None, None),
            (Cover::AnyV6, None, None),
        ];
        let mut sockets: Vec<_> = (0..)
            .zip(kinds.iter().chain(&never))
            .map(|(name, (cover, device, peer))| {
                let key = Key { cover: *cover, port: 53, device: *device, peer: *peer };
                (key, Arc::new(Socket { name, balances: false }))
            })
            .collect();
        for (key, socket) in sockets.iter().rev() {
            receivers.add(*key, socket);
        }
        assert_eq!(receivers.all(53).len(), 12);
        for expected in 0..kinds.len() {
            assert_eq!(receivers.find(to, from, device).map(|socket| socket.name), Some(expected));
            let (key, socket) = sockets.remove(0);
            assert!(receivers.remove(key, &socket));
            assert!(!receivers.remove(key, &socket));
        }
        assert!(receivers.find(to, from, device).is_none());
        for (key, socket) in sockets {
            assert!(receivers.remove(key, &socket));
        }
        let state = receivers.state.read();
        assert_eq!((state.groups.len(), state.ports.len(), state.with_device, state.with_peer), (0, 0, 0, 0));
    }

    #[test]
    fn a_group_shares_by_hash_and_a_peer_stays_with_its_member() {
        let receivers = receivers();
        let key = Key { cover: Cover::AnyV4, port: 80, device: None, peer: None };
        for name in 0..4 {
            receivers.add(key, &Arc::new(Socket { name, balances: true }));
        }
        let mut counts = [0; 4];
        for port in 1..=4000 {
            let from = Endpoint::new("10.0.0.9".parse::<IpAddr>().unwrap(), port);
            let find = || receivers.find(end("10.0.0.1:80"), from, InterfaceId::LOOPBACK).unwrap().name;
            assert_eq!(find(), find());
            counts[find()] += 1;
        }
        assert!(counts.iter().all(|count| (800..1200).contains(count)), "{counts:?}");
        // Without SO_REUSEPORT the last one has everything.
        let last = Arc::new(Socket { name: 9, balances: false });
        receivers.add(key, &last);
        assert_eq!(
            receivers.find(end("10.0.0.1:80"), end("1.1.1.1:1"), InterfaceId::LOOPBACK).unwrap().name,
            9
        );
    }
}
