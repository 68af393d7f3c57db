//! What the sockets of one system share.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicU32, Ordering};

use net_stack::{Stack, net::Observer};

use crate::{
    family::{netlink::Ports, unix::names::Names, vsock::Hub},
    policy::Policy,
    pool::Pool,
};

/// The limits of a system, as `/proc/sys/net/core` has them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// `somaxconn`: the largest backlog.
    pub backlog: u32,
    /// `wmem_default`: SO_SNDBUF of a new socket, in bytes as it is accounted.
    pub send_buffer: u32,
    /// `wmem_max`: the most that can be asked for, in bytes; what is set is twice that.
    pub send_buffer_max: u32,
    /// `rmem_default`
    pub receive_buffer: u32,
    /// `rmem_max`
    pub receive_buffer_max: u32,
    /// `unix/max_dgram_qlen`: how many datagrams wait for a UNIX socket.
    pub datagrams: u32,
}

impl Default for Limits {
    /// Those of Linux 6.18.
    fn default() -> Self {
        Self {
            backlog: 4096,
            send_buffer: 212_992,
            send_buffer_max: 4 << 20,
            receive_buffer: 212_992,
            receive_buffer_max: 4 << 20,
            datagrams: 10,
        }
    }
}

/// The limits that are in force: who administers the system changes them while it runs.
#[derive(Debug)]
pub struct Settings {
    /// [`Limits::backlog`]
    pub backlog: AtomicU32,
    /// [`Limits::send_buffer`]
    pub send_buffer: AtomicU32,
    /// [`Limits::send_buffer_max`]
    pub send_buffer_max: AtomicU32,
    /// [`Limits::receive_buffer`]
    pub receive_buffer: AtomicU32,
    /// [`Limits::receive_buffer_max`]
    pub receive_buffer_max: AtomicU32,
    /// [`Limits::datagrams`]
    pub datagrams: AtomicU32,
}

impl From<Limits> for Settings {
    fn from(limits: Limits) -> Self {
        let Limits { backlog, send_buffer, send_buffer_max, receive_buffer, receive_buffer_max, datagrams } =
            limits;
        Self {
            backlog: backlog.into(),
            send_buffer: send_buffer.into(),
            send_buffer_max: send_buffer_max.into(),
            receive_buffer: receive_buffer.into(),
            receive_buffer_max: receive_buffer_max.into(),
            datagrams: datagrams.into(),
        }
    }
}

impl Settings {
    /// [`Limits::send_buffer`], at this moment.
    #[inline]
    #[must_use]
    pub fn send_buffer(&self) -> u32 {
        self.send_buffer.load(Ordering::Relaxed)
    }

    /// [`Limits::receive_buffer`], at this moment.
    #[inline]
    #[must_use]
    pub fn receive_buffer(&self) -> u32 {
        self.receive_buffer.load(Ordering::Relaxed)
    }

    /// The limits at this moment.
    #[inline]
    #[must_use]
    pub fn get(&self) -> Limits {
        let get = |limit: &AtomicU32| limit.load(Ordering::Relaxed);
        Limits {
            backlog: get(&self.backlog),
            send_buffer: get(&self.send_buffer),
            send_buffer_max: get(&self.send_buffer_max),
            receive_buffer: get(&self.receive_buffer),
            receive_buffer_max: get(&self.receive_buffer_max),
            datagrams: get(&self.datagrams),
        }
    }
}

/// A system: its policy and the name spaces of its families. There may be several side by side.
pub struct World {
    /// What programs may do.
    pub policy: Policy,
    /// The limits of every socket.
    pub settings: Settings,
    /// Tells its sockets from those of others.
    pub(crate) id: u32,
    /// The network of AF_INET and AF_INET6. Who has the system calls [`Stack::poll`] in time.
    pub network: Arc<Stack>,
    pub(crate) unix: Arc<Names>,
    /// The sockets of AF_NETLINK.
    pub(crate) netlink: Arc<Ports>,
    /// The sockets of AF_VSOCK.
    pub(crate) vsock: Arc<Hub>,
    pub(crate) pool: Arc<Pool>,
}

impl World {
    /// A system without sockets, on that network.
    #[must_use]
    pub fn new(policy: Policy, limits: Limits, network: Arc<Stack>) -> Self {
        static NEXT_ID: AtomicU32 = AtomicU32::new(0);
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        let netlink = Ports::new(&network);
        let observer: Arc<dyn Observer> = netlink.clone();
        network.observe(Arc::downgrade(&observer));
        let (unix, vsock, pool) = Default::default();
        Self { policy, settings: limits.into(), id, network, unix, netlink, vsock, pool }
    }
}
