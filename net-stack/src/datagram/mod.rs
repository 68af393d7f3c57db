//! Sockets that send and receive datagrams: UDP, ping, raw.

mod errors;
mod input;
mod membership;
mod naming;
mod options;
mod queue;
mod send;

use alloc::{
    sync::{Arc, Weak},
    vec::Vec,
};
use core::sync::atomic::{AtomicBool, Ordering};

use spin::Mutex;

pub use errors::{ErrorRecord, Origin};
pub use membership::{Filter, MembershipError};
pub use naming::{BindError, ConnectError};
pub use options::{Discovery, Options};
pub use queue::Received;
pub(crate) use send::put_udp;
pub use send::{Ancillary, Draft, SendError};

use crate::{
    address::{Endpoint, IpAddr},
    demux::{Key, Member},
    icmp::Trouble,
    membership::Memberships,
    net::InterfaceId,
    outbox::{Notice, Outbox, Watched, Watcher},
    port::Binding,
    stack::Stack,
    time::Instant,
};

/// What a socket sends and receives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// UDP.
    Udp,
    /// Echo requests and their answers: SOCK_DGRAM with IPPROTO_ICMP or IPPROTO_ICMPV6. The port is the identifier.
    Ping,
    /// Packets of one protocol of IP as they are.
    Raw {
        /// The protocol.
        protocol: u8,
    },
}

/// For which version a socket was made. One of IPv6 also speaks to IPv4-mapped addresses, unless told not to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Version {
    /// AF_INET.
    V4,
    /// AF_INET6.
    V6,
}

/// A socket for datagrams. Dropping it closes it.
pub struct DatagramSocket(Arc<Shared>);

/// What the tables of receivers refer to.
pub(crate) struct Shared {
    stack: Arc<Stack>,
    pub(crate) kind: Kind,
    pub(crate) version: Version,
    /// SO_REUSEPORT, once bound.
    balances: AtomicBool,
    watched: Watched,
    state: Mutex<State>,
}

struct State {
    options: Options,
    /// The port, if the socket has one. Raw sockets have none.
    binding: Option<Binding>,
    /// By what the socket is found.
    key: Option<Key>,
    /// The address that bind(2) was called with.
    bound: Option<IpAddr>,
    /// Whether nobody asked for this port: disconnecting gives it back.
    port_chosen: bool,
    /// The address that packets are sent from: that of bind(2), or that which connect(2) found.
    local: Option<IpAddr>,
    peer: Option<Endpoint>,
    memberships: Memberships,
    queue: queue::Queue,
    errors: errors::Errors,
    /// shutdown(2): nothing is received, or sent.
    read_shut: bool,
    write_shut: bool,
}

impl Member for Shared {
    fn balances(&self) -> bool {
        self.balances.load(Ordering::Relaxed)
    }
}

impl Stack {
    /// A new socket.
    pub fn datagram(self: &Arc<Self>, kind: Kind, version: Version) -> DatagramSocket {
        let state = State {
            options: Options::default(),
            binding: None,
            key: None,
            bound: None,
            port_chosen: false,
            local: None,
            peer: None,
            memberships: Memberships::default(),
            queue: queue::Queue::default(),
            errors: errors::Errors::default(),
            read_shut: false,
            write_shut: false,
        };
        let shared = Arc::new(Shared {
            stack: self.clone(),
            kind,
            version,
            balances: AtomicBool::new(false),
            watched: Watched::default(),
            state: Mutex::new(state),
        });
        if let Kind::Raw { .. } = kind {
            self.raw.write().push(shared.clone());
            self.raw_count.fetch_add(1, Ordering::Relaxed);
        }
        DatagramSocket(shared)
    }
}

impl DatagramSocket {
    /// Who is to be told what happens to the socket.
    pub fn watch(&self, watcher: Option<Weak<dyn Watcher>>) {
        self.0.watched.set(watcher);
    }

    /// What the socket sends and receives.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// Looks at the options.
    #[must_use]
    pub fn options(&self) -> Options {
        self.0.state.lock().options.clone()
    }

    /// Changes the options. SO_REUSEADDR, SO_REUSEPORT and IPV6_V6ONLY count when it is bound.
    pub fn set_options(&self, change: impl FnOnce(&mut Options)) {
        let mut state = self.0.state.lock();
        change(&mut state.options);
        let (reuse_address, reuse_port) = (state.options.reuse_address, state.options.reuse_port);
        if let Some(binding) = &mut state.binding {
            binding.share(reuse_address, reuse_port);
        }
    }

    /// The next datagram; `peek` leaves it there. `None` if there is none.
    #[must_use]
    pub fn receive(&self, peek: bool) -> Option<Arc<Received>> {
        let mut state = self.0.state.lock();
        if peek { state.queue.first() } else { state.queue.pop() }
    }

    /// How many datagrams wait, and how many bytes the next one has.
    #[must_use]
    pub fn waiting(&self) -> (usize, usize) {
        let state = self.0.state.lock();
        (state.queue.len(), state.queue.first().map_or(0, |first| first.payload().len()))
    }

    /// How much the datagrams that wait count against the receive buffer.
    #[must_use]
    pub fn charge(&self) -> usize {
        self.0.state.lock().queue.charge()
    }

    /// How many datagrams were dropped since the socket exists, because there was no room.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.0.state.lock().queue.dropped()
    }

    /// SO_ERROR: the trouble that is pending, which is then no more.
    pub fn take_error(&self) -> Option<Trouble> {
        self.0.state.lock().errors.take_pending()
    }

    /// The trouble that is pending; it stays.
    #[must_use]
    pub fn error(&self) -> Option<Trouble> {
        self.0.state.lock().errors.pending()
    }

    /// The next record of the error queue: IP_RECVERR.
    pub fn take_error_record(&self) -> Option<ErrorRecord> {
        self.0.state.lock().errors.pop()
    }

    /// What poll(2) would say.
    #[must_use]
    pub fn readiness(&self) -> Notice {
        let state = self.0.state.lock();
        let mut notice = Notice::WRITABLE;
        notice.set(Notice::READABLE, !state.queue.is_empty() || state.read_shut);
        notice.set(Notice::READ_CLOSED, state.read_shut);
        notice.set(Notice::CLOSED, state.read_shut && state.write_shut);
        notice.set(Notice::ERROR, state.errors.any());
        notice
    }

    /// Closes directions, for good.
    pub fn shut_down(&self, read: bool, write: bool, now: Instant) {
        let mut out = Outbox::default();
        let mut state = self.0.state.lock();
        state.read_shut |= read;
        state.write_shut |= write;
        drop(state);
        out.tell(&self.0.watched, Notice::READABLE | Notice::WRITABLE | Notice::READ_CLOSED);
        self.0.stack.flush(out, now);
    }

    /// Whether nothing can be received any more.
    #[must_use]
    pub fn is_read_shut(&self) -> bool {
        self.0.state.lock().read_shut
    }

    /// SO_BINDTODEVICE: only packets of that interface are received, and sent.
    pub fn set_device(&self, device: Option<InterfaceId>) {
        let mut state = self.0.state.lock();
        state.options.device = device;
        self.0.rekey(&mut state);
    }
}

impl Drop for DatagramSocket {
    fn drop(&mut self) {
        let shared = &self.0;
        if let Kind::Raw { .. } = shared.kind {
            let mut raw = shared.stack.raw.write();
            raw.retain(|other| !Arc::ptr_eq(other, shared));
            shared.stack.raw_count.fetch_sub(1, Ordering::Relaxed);
        }
        let mut state = shared.state.lock();
        shared.unkey(&mut state);
        state.memberships.leave_all(&shared.stack);
        let freed = (state.binding.take(), core::mem::take(&mut state.queue));
        state.read_shut = true;
        drop(state);
        drop(freed);
        shared.watched.set(None);
    }
}

impl Stack {
    /// The ends of all UDP sockets that are bound.
    #[must_use]
    pub fn udp_sockets(&self) -> Vec<(Endpoint, Option<Endpoint>)> {
        let name = |socket: Arc<Shared>| {
            let state = socket.state.lock();
            (socket.local(&state), state.peer)
        };
        self.udp.every().into_iter().map(name).collect()
    }
}
