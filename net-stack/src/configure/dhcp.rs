//! A DHCP client: RFC 2131, 4.4.

use alloc::sync::Arc;
use core::time::Duration;

use super::{
    default_route,
    message::{Kind, Reply, Request},
    set_default_route,
};
use crate::{
    address::{Ipv4Addr, class_length},
    datagram::{self, DatagramSocket, Version},
    ip::{Outgoing, protocol},
    neighbour::Mac,
    net::{Address, InterfaceId, Origin, Path, Reach},
    outbox::Outbox,
    packet::Packet,
    random::Purpose,
    stack::Stack,
    time::Instant,
};

const CLIENT_PORT: u16 = 68;
const SERVER_PORT: u16 = 67;

/// The pause after the first question; each is twice as long as the one before: RFC 2131, 4.1.
const PAUSE: Duration = Duration::from_secs(4);
const PAUSE_MAX: Duration = Duration::from_secs(64);

/// So often an offer is asked for before all begins anew: RFC 2131, 3.1, step 5.
const REQUESTS: u32 = 4;

/// A lease is asked for again not more often than this: RFC 2131, 4.4.5.
const RENEWAL_LEAST: Duration = Duration::from_secs(60);

/// The length of a lease that says none, and of one that says for ever, in seconds.
const LEASE: u32 = 3600;
const LEASE_MAX: u32 = 365 * 24 * 3600;

/// Where the client is: RFC 2131, figure 5.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Selecting,
    Requesting { address: Ipv4Addr, server: Option<Ipv4Addr> },
    Bound(Lease),
    Renewing(Lease),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Lease {
    own: Ipv4Addr,
    address: Address,
    router: Option<Ipv4Addr>,
    until: Instant,
}

/// A client for one interface. It has the port 68 only while it waits for an answer.
pub struct Dhcp {
    stack: Arc<Stack>,
    interface: InterfaceId,
    mac: Mac,
    state: State,
    socket: Option<DatagramSocket>,
    transaction: u32,
    /// How often the same was asked, and when it is asked again.
    asked: u32,
    next: Instant,
}

impl Dhcp {
    /// A client that begins at once. `None` for an interface that is not Ethernet.
    #[must_use]
    pub fn new(stack: &Arc<Stack>, interface: InterfaceId, now: Instant) -> Option<Self> {
        let mac = stack.mac(interface)?;
        let transaction = stack.secret.hash(Purpose::Identification, (mac, now.micros())) as u32;
        let (stack, state) = (stack.clone(), State::Selecting);
        Some(Self { stack, interface, mac, state, socket: None, transaction, asked: 0, next: now })
    }

    /// Whether the interface has an address of a server's.
    #[must_use]
    pub fn is_bound(&self) -> bool {
        matches!(self.state, State::Bound(_) | State::Renewing(_))
    }

    /// When [`Dhcp::poll`] has something to do even if nothing is received.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.next
    }

    /// Reads what has come, and does what the time has come for.
    pub fn poll(&mut self, now: Instant) {
        while let Some(received) = self.socket.as_ref().and_then(|socket| socket.receive(false)) {
            if let Some(reply) = Reply::parse(received.payload(), self.transaction, self.mac) {
                self.heard(&reply, now);
            }
        }
        if self.next <= now {
            self.due(now);
        }
    }

    fn heard(&mut self, reply: &Reply, now: Instant) {
        match (self.state, reply.kind) {
            (State::Selecting, Kind::Offer) if is_host(reply.address) => {
                self.enter(State::Requesting { address: reply.address, server: reply.server }, now);
            }
            (State::Requesting { address, .. }, Kind::Ack) if reply.address == address => {
                self.bind(reply, None, now);
            }
            (State::Renewing(lease), Kind::Ack) if lease.own == reply.address => {
                self.bind(reply, Some(lease), now);
            }
            (State::Requesting { .. }, Kind::Nak) => self.enter(State::Selecting, now),
            (State::Renewing(lease), Kind::Nak) => self.lose(&lease, now),
            _ => {}
        }
    }

    fn enter(&mut self, state: State, now: Instant) {
        (self.state, self.asked, self.next) = (state, 0, now);
        if state == State::Selecting {
            self.transaction = self.transaction.wrapping_add(1);
        }
    }

    /// Gives the interface what was leased.
    fn bind(&mut self, reply: &Reply, before: Option<Lease>, now: Instant) {
        // Without a mask the class says it.
        let length = reply.prefix_length.or_else(|| class_length(reply.address)).unwrap_or(24);
        let address = Address::new(reply.address, length);
        let length = Duration::from_secs(u64::from(reply.lease.unwrap_or(LEASE).min(LEASE_MAX)));
        let router = reply.router.filter(|router| is_host(*router));
        let lease = Lease { own: reply.address, address, router, until: now + length };
        self.stack.configure(|network| {
            if let Some(before) = before.filter(|before| before.router != router)
                && let Some(router) = before.router
            {
                network.remove_route(&default_route(self.interface, router.into(), 0, Origin::DHCP));
            }
            if before.is_none_or(|before| before.address != address) {
                network.remove_address(self.interface, address.address);
                let _ = network.add_address(self.interface, address);
            }
            if let Some(router) = router {
                set_default_route(network, default_route(self.interface, router.into(), 0, Origin::DHCP));
            }
        });
        self.state = State::Bound(lease);
        self.socket = None;
        self.next = now + (length / 2).max(RENEWAL_LEAST).min(length);
    }

    /// The lease is over.
    fn lose(&mut self, lease: &Lease, now: Instant) {
        self.stack.configure(|network| {
            network.remove_address(self.interface, lease.address.address);
            if let Some(router) = lease.router {
                network.remove_route(&default_route(self.interface, router.into(), 0, Origin::DHCP));
            }
        });
        self.enter(State::Selecting, now);
    }

    fn due(&mut self, now: Instant) {
        match self.state {
            State::Bound(lease) | State::Renewing(lease) if lease.until <= now => self.lose(&lease, now),
            State::Bound(lease) => self.enter(State::Renewing(lease), now),
            State::Requesting { .. } if self.asked == REQUESTS => self.enter(State::Selecting, now),
            _ => {}
        }
        self.ask(now);
        let pause = (PAUSE * (1 << self.asked.min(4))).min(PAUSE_MAX);
        self.asked = self.asked.saturating_add(1);
        self.next = match self.state {
            State::Renewing(lease) => (now + RENEWAL_LEAST).min(lease.until),
            _ => now + pause,
        };
    }

    fn ask(&mut self, now: Instant) {
        if self.socket.is_none() {
            let socket = self.stack.datagram(datagram::Kind::Udp, Version::V4);
            socket.set_device(Some(self.interface));
            // If somebody else has the port, the next question finds it free.
            if socket.bind(Ipv4Addr::UNSPECIFIED.into(), CLIENT_PORT).is_err() {
                return;
            }
            self.socket = Some(socket);
        }
        let (kind, own, requested, server) = match self.state {
            State::Selecting => (Kind::Discover, None, None, None),
            State::Requesting { address, server } => (Kind::Request, None, Some(address), server),
            State::Bound(lease) | State::Renewing(lease) => (Kind::Request, Some(lease.own), None, None),
        };
        let request = Request { kind, transaction: self.transaction, mac: self.mac, own, requested, server };
        self.broadcast(&request.build(), own.unwrap_or(Ipv4Addr::UNSPECIFIED), now);
    }

    /// Sends to all servers (a lease is renewed as RFC 2131 has it for REBINDING, not first by its own server), from an address that may be none.
    fn broadcast(&self, message: &[u8], from: Ipv4Addr, now: Instant) {
        let destination = Ipv4Addr::BROADCAST.into();
        let path = Path {
            interface: self.interface,
            source: from.into(),
            destination,
            next_hop: destination,
            mtu: 576,
            reach: Reach::Broadcast,
        };
        let mut packet = Packet::copy(message);
        let ports = (CLIENT_PORT, SERVER_PORT);
        if datagram::put_udp(&path, &mut packet, ports.0, ports.1, false).is_err() {
            return;
        }
        let outgoing = Outgoing {
            protocol: protocol::UDP,
            hop_limit: 64,
            traffic_class: 0,
            dont_fragment: false,
            loop_back: false,
        };
        let mut out = Outbox::default();
        self.stack.send(&path, &outgoing, packet, &mut out);
        self.stack.flush(out, now);
    }
}

fn is_host(address: Ipv4Addr) -> bool {
    !address.is_unspecified() && !address.is_multicast() && !address.is_broadcast() && !address.is_loopback()
}
