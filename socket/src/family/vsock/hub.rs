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
            None if packet.operation == Operation::Reset => {}
            None => self.refuse(&packet),
        }
    }

    /// Answers that there is no such connection.
    pub(super) fn refuse(&self, packet: &Packet) {
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
