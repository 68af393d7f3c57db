//! bind(2), connect(2) and the names that follow from them.

use super::{DatagramSocket, Kind, Shared, State, Version};
use crate::{
    address::{Endpoint, IpAddr, Ipv4Addr, Ipv6Addr},
    cover::Cover,
    demux::{Key, Receivers},
    net::{PathError, Reach},
    port::{Binding, Claim, Ports},
};

use alloc::sync::Arc;

/// Why a socket was not bound.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BindError {
    /// It is bound already (EINVAL).
    Already,
    /// Somebody has the port and does not share it (EADDRINUSE).
    InUse,
    /// No port is free (EADDRINUSE).
    Exhausted,
    /// This host does not have the address (EADDRNOTAVAIL).
    NotLocal,
    /// The address is of the other version.
    Version,
}

/// Why a socket was not connected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ConnectError {
    /// There is no way to the peer.
    Path(PathError),
    /// The peer is a broadcast address, and SO_BROADCAST is not set (EACCES).
    Broadcast,
    /// The socket had no port, and none is free (EAGAIN).
    Exhausted,
    /// The address is of the other version.
    Version,
}

impl Shared {
    fn ports(&self) -> Option<&Arc<Ports>> {
        match self.kind {
            Kind::Udp => Some(&self.stack.udp_ports),
            Kind::Ping => Some(&self.stack.ping_ports),
            Kind::Raw { .. } => None,
        }
    }

    fn receivers(&self) -> Option<&Receivers<Self>> {
        match self.kind {
            Kind::Udp => Some(&self.stack.udp),
            Kind::Ping => Some(&self.stack.ping),
            Kind::Raw { .. } => None,
        }
    }

    /// Whether the socket can have to do with such an address.
    pub(super) fn speaks(&self, state: &State, address: IpAddr) -> bool {
        match self.version {
            Version::V4 => address.is_ipv4(),
            Version::V6 => address.is_ipv6() || !state.options.v6_only && self.kind == Kind::Udp,
        }
    }

    fn any(&self) -> IpAddr {
        match self.version {
            Version::V4 => Ipv4Addr::UNSPECIFIED.into(),
            Version::V6 => Ipv6Addr::UNSPECIFIED.into(),
        }
    }

    fn cover(&self, state: &State) -> Cover {
        Cover::new(state.local.unwrap_or_else(|| self.any()), state.options.v6_only)
    }

    fn claim(&self, state: &State) -> Claim {
        Claim {
            cover: self.cover(state),
            device: state.options.device,
            reuse_address: state.options.reuse_address,
            reuse_port: state.options.reuse_port,
            user: state.options.user,
        }
    }

    /// The socket is not found any more.
    pub(super) fn unkey(self: &Arc<Self>, state: &mut State) {
        if let (Some(receivers), Some(key)) = (self.receivers(), state.key.take()) {
            receivers.remove(key, self);
        }
    }

    /// The socket is found by what it is bound to now.
    pub(super) fn rekey(self: &Arc<Self>, state: &mut State) {
        self.unkey(state);
        let Some(port) = state.binding.as_ref().map(Binding::port) else { return };
        let key = Key { cover: self.cover(state), port, device: state.options.device, peer: state.peer };
        self.balances.store(state.options.reuse_port, core::sync::atomic::Ordering::Relaxed);
        if let Some(receivers) = self.receivers() {
            receivers.add(key, self);
            state.key = Some(key);
        }
    }

    /// Gives the socket a port if it has none; whether it has one then, or needs none.
    pub(super) fn need_port(self: &Arc<Self>, state: &mut State) -> bool {
        let Some(ports) = self.ports().filter(|_| state.binding.is_none()) else { return true };
        let Ok(binding) = ports.bind_any(self.claim(state)) else { return false };
        state.binding = Some(binding);
        state.port_chosen = true;
        self.rekey(state);
        true
    }

    /// getsockname(2).
    pub(super) fn local(&self, state: &State) -> Endpoint {
        let port = state.binding.as_ref().map_or(0, Binding::port);
        Endpoint { address: state.local.unwrap_or_else(|| self.any()), port }
    }
}

impl DatagramSocket {
    /// Binds the socket to an address, which may be the unspecified one, and a port, which may be 0 for any.
    ///
    /// # Errors
    /// [`BindError`].
    pub fn bind(&self, address: IpAddr, port: u16) -> Result<(), BindError> {
        let shared = &self.0;
        let mut state = shared.state.lock();
        // IPv4's wildcard in IPv6's clothes is IPv4's.
        let address = address.to_canonical();
        if !shared.speaks(&state, address) {
            return Err(BindError::Version);
        }
        let raw = matches!(shared.kind, Kind::Raw { .. });
        if !raw && state.binding.is_some() {
            return Err(BindError::Already);
        }
        let reach = shared.stack.network.read().reach(address);
        if !address.is_unspecified() && reach == Reach::Unicast && !state.options.free_bind {
            return Err(BindError::NotLocal);
        }
        let before = (state.bound, state.local);
        // The wildcard of the socket's own version says nothing; that of IPv4 does, for a socket of IPv6.
        let said = (address != shared.any()).then_some(address);
        (state.bound, state.local) = (said, said);
        let Some(ports) = shared.ports() else { return Ok(()) };
        let claim = shared.claim(&state);
        let binding = match port {
            0 => ports.bind_any(claim).map_err(|_| BindError::Exhausted),
            port => ports.bind(port, claim).map_err(|_| BindError::InUse),
        };
        match binding {
            Ok(binding) => {
                state.binding = Some(binding);
                state.port_chosen = port == 0;
                shared.rekey(&mut state);
                Ok(())
            }
            Err(error) => {
                (state.bound, state.local) = before;
                Err(error)
            }
        }
    }

    /// From now on packets go to `peer`, and only those from there are received.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub fn connect(&self, peer: Endpoint) -> Result<(), ConnectError> {
        let shared = &self.0;
        let mut state = shared.state.lock();
        if !shared.speaks(&state, peer.address) {
            return Err(ConnectError::Version);
        }
        let bound = state.bound.filter(|bound| !bound.is_unspecified());
        if bound.is_some_and(|bound| bound.is_ipv4() != peer.address.is_ipv4()) {
            return Err(ConnectError::Path(PathError::Unreachable));
        }
        // A group is bound to hear it, not to speak for it.
        let from = bound.filter(|bound| !bound.is_multicast());
        let path = shared.path(&state, peer.address, from, None).map_err(ConnectError::Path)?;
        if path.reach == Reach::Broadcast && !state.options.broadcast {
            return Err(ConnectError::Broadcast);
        }
        if !shared.need_port(&mut state) {
            return Err(ConnectError::Exhausted);
        }
        state.local = Some(bound.unwrap_or(path.source));
        state.peer = Some(Endpoint { address: path.destination, port: peer.port });
        let cover = shared.cover(&state);
        if let Some(binding) = &mut state.binding {
            binding.cover(cover);
        }
        shared.rekey(&mut state);
        Ok(())
    }

    /// Undoes connect(2): an address or port that it chose is given back.
    pub fn disconnect(&self) {
        let shared = &self.0;
        let mut state = shared.state.lock();
        state.peer = None;
        state.local = state.bound;
        let cover = shared.cover(&state);
        if let Some(binding) = &mut state.binding {
            binding.cover(cover);
        }
        if state.port_chosen {
            shared.unkey(&mut state);
            state.binding = None;
            state.port_chosen = false;
        }
        shared.rekey(&mut state);
    }

    /// getsockname(2): the unspecified address where it has none, the port 0 likewise.
    #[must_use]
    pub fn local(&self) -> Endpoint {
        self.0.local(&self.0.state.lock())
    }

    /// getpeername(2).
    #[must_use]
    pub fn peer(&self) -> Option<Endpoint> {
        self.0.state.lock().peer
    }
}
