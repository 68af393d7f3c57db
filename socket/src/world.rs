//! What the sockets of one system share.

use alloc::sync::Arc;

use crate::{family::unix::names::Names, policy::Policy, pool::Pool};

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
        }
    }
}

/// A system: its policy and the name spaces of its families. There may be several side by side.
pub struct World {
    /// What programs may do.
    pub policy: Policy,
    /// The limits of every socket.
    pub limits: Limits,
    pub(crate) unix: Arc<Names>,
    pub(crate) pool: Arc<Pool>,
}

impl World {
    /// A system without sockets.
    #[must_use]
    pub fn new(policy: Policy, limits: Limits) -> Self {
        Self { policy, limits, unix: Arc::default(), pool: Arc::default() }
    }
}
