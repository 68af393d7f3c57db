//! Who has which port, and which connection.

use alloc::{
    collections::BTreeMap,
    sync::{Arc, Weak},
};

use spin::Mutex;

use super::{
    address::{ANY, Address, HOST, LOCAL},
    endpoint::Endpoint,
    packet::{Operation, Packet},
};
use crate::error::{Errno, Error, Result};

/// Ports up to here are for those who may have them (LAST_RESERVED_PORT).
const RESERVED: u32 = 1023;

/// The sockets of one system.
///
/// Lock order: the locks here come after those of sockets; nothing is locked under them.
#[derive(Default)]
pub(crate) struct Hub {
    /// By port and machine.
    bound: Mutex<Bound>,
    /// By the port here, and the peer.
    connections: Mutex<BTreeMap<(u32, Address), Arc<Endpoint>>>,
}

#[derive(Default)]
struct Bound {
    sockets: BTreeMap<(u32, u32), Weak<Endpoint>>,
    /// Where the search for a free port goes on.
    next: u32,
}

impl Bound {
    /// Whether somebody has the port, at that machine or at any.
    fn has(&self, address: Address) -> bool {
        let mut of_port = self.sockets.range((address.port, 0)..=(address.port, ANY));
        of_port.any(|((_, cid), _)| address.cid == ANY || *cid == ANY || *cid == address.cid)
    }
}

impl Hub {
    /// Gives a socket a name: port [`ANY`] is for one that nobody has.
    ///
    /// # Errors
    /// EADDRNOTAVAIL for a machine that this is not; EACCES for a port up to 1023 without `may_bind_all`
    /// (CAP_NET_BIND_SERVICE); EADDRINUSE.
    pub(super) fn bind(
        &self,
        endpoint: &Arc<Endpoint>,
        address: Address,
        may_bind_all: bool,
    ) -> Result<Address> {
        if ![ANY, LOCAL].contains(&address.cid) {
            return Err(Error::new(Errno::EADDRNOTAVAIL, "not this machine"));
        }
        let mut bound = self.bound.lock();
        let address = match address.port {
            ANY => {
                // There are always more ports than sockets.
                let mut port = bound.next;
                loop {
                    port = if port <= RESERVED || port == ANY { RESERVED + 1 } else { port };
                    if !bound.has(Address { port, ..address }) {
                        break;
                    }
                    port = port.wrapping_add(1);
                }
                bound.next = port.wrapping_add(1);
                Address { port, ..address }
            }
            port if port <= RESERVED && !may_bind_all => {
                return Err(Error::new(Errno::EACCES, "a port below 1024 without CAP_NET_BIND_SERVICE"));
            }
            _ if bound.has(address) => return Err(Error::new(Errno::EADDRINUSE, "somebody has the port")),
            _ => address,
        };
        bound.sockets.insert((address.port, address.cid), Arc::downgrade(endpoint));
        Ok(address)
    }

    /// The socket has its name no more.
    pub(super) fn release(&self, endpoint: &Endpoint, address: Address) {
        let mut bound = self.bound.lock();
        let key = (address.port, address.cid);
        // A connection that was accepted has the name of the socket that did.
        if bound.sockets.get(&key).is_some_and(|its| core::ptr::eq(its.as_ptr(), endpoint)) {
            bound.sockets.remove(&key);
        }
    }

    /// Who is to be found at an address.
    fn at(&self, address: Address) -> Option<Arc<Endpoint>> {
        let bound = self.bound.lock();
        let exact = bound.sockets.get(&(address.port, address.cid));
        exact.or_else(|| bound.sockets.get(&(address.port, ANY)))?.upgrade()
    }

    /// There is a connection from now on; packets from `remote` to that port are for it.
    pub(super) fn connected(&self, port: u32, remote: Address, endpoint: &Arc<Endpoint>) {
        self.connections.lock().insert((port, remote), endpoint.clone());
    }

    /// There is none any more.
    pub(super) fn disconnected(&self, port: u32, remote: Address, endpoint: &Endpoint) {
        let mut connections = self.connections.lock();
        let its = connections.get(&(port, remote)).is_some_and(|its| core::ptr::eq(&**its, endpoint));
        let gone = if its { connections.remove(&(port, remote)) } else { None };
        drop(connections);
        drop(gone);
    }

    /// Whether there is a way to a machine: none but this one can be reached.
    pub(super) fn reaches(cid: u32) -> bool {
        cid == LOCAL || cid == HOST
    }

    /// Sends a packet. Nothing may be locked.
    pub(super) fn send(&self, packet: Packet) {
        let known = self.connections.lock().get(&(packet.to.port, packet.from)).cloned();
        match known.or_else(|| self.at(packet.to)) {
            Some(endpoint) => endpoint.hear(packet),
            // There is nobody, and who asks is told so.
            None => self.refuse(&packet),
        }
    }

    /// Answers that there is no such connection. To a reset there is no answer: two ends could go on so for ever.
    pub(super) fn refuse(&self, packet: &Packet) {
        if packet.operation == Operation::Reset {
            return;
        }
        self.send(Packet {
            from: packet.to,
            to: packet.from,
            kind: packet.kind,
            operation: Operation::Reset,
            room: 0,
            forwarded: 0,
        });
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::family::vsock::{
        Kind, Vsock,
        packet::{Directions, PAYLOAD_MAX},
    };

    /// Numbers that look random and are the same each time (Knuth's MMIX).
    struct Dice(u64);

    impl Dice {
        fn below(&mut self, limit: u64) -> u64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) % limit
        }
    }

    #[test]
    fn packets_that_cannot_be_do_no_harm() {
        for seed in 0..40 {
            let mut dice = Dice(seed);
            let hub = Arc::new(Hub::default());
            let listener = Vsock::new(&hub, Kind::Stream);
            listener.bind(&Address { cid: ANY, port: 5000 }.bytes(), false).unwrap();
            listener.listen(4).unwrap();
            let near = Vsock::new(&hub, Kind::Stream);
            near.connect(&Address { cid: LOCAL, port: 5000 }.bytes(), false).unwrap();
            let far = listener.accept().map(Vsock::accepted).ok().unwrap();
            let own = Address::parse(&near.local_name()).unwrap().port;
            let ports = [5000, own, 0, 77, ANY];
            let cids = [LOCAL, HOST, 0, 3, ANY];
            for _ in 0..500 {
                let mut address =
                    || Address { cid: cids[dice.below(5) as usize], port: ports[dice.below(5) as usize] };
                let (from, to) = (address(), address());
                let length = [0, 1, 1000, PAYLOAD_MAX, 300_000][dice.below(5) as usize];
                let operation = match dice.below(8) {
                    0 => Operation::Request,
                    1 => Operation::Response,
                    2 => Operation::Reset,
                    3 => Operation::Shutdown(Directions::from_bits_truncate(dice.below(4) as u8)),
                    4 => Operation::CreditUpdate,
                    _ => Operation::Data { bytes: vec![0; length], ends: dice.below(2) == 0, marked: false },
                };
                let kind = if dice.below(4) == 0 { Kind::Seqpacket } else { Kind::Stream };
                let lie = |dice: &mut Dice| [0, 1, 262_144, u32::MAX][dice.below(4) as usize];
                let (room, forwarded) = (lie(&mut dice), lie(&mut dice));
                hub.send(Packet { from, to, kind, operation, room, forwarded });
                for socket in [&near, &far] {
                    // Nobody is made to keep more than was promised, and nothing waits for ever.
                    assert!(socket.unread().unwrap() <= 262_144, "seed {seed}");
                    let _ = socket.poll();
                    let _ = socket.receive(&mut &mut [0; 4096][..], dice.below(2) == 0, 1);
                    let _ = socket.send(&mut &[0; 100][..], false, false);
                }
            }
            drop((near, far, listener));
            assert_eq!(hub.connections.lock().keys().filter(|(port, _)| *port == own).count(), 0);
            assert_eq!(hub.bound.lock().sockets.len(), 0, "seed {seed}");
        }
    }
}
