//! Datagrams over UDP (`udp(7)`).

use alloc::sync::Arc;

use net_stack::{
    Stack,
    address::Endpoint,
    datagram::{self, DatagramSocket, Kind, Received, Version},
};
use scml::SocketState;
use spin::Mutex;

use super::{
    Context,
    address::InternetAddress,
    announcer::{Announcer, events},
    binding::{self, Choices},
    cork::Cork,
    failure,
    tcp::blocked,
};
use crate::{
    error::{Errno, Error, Result},
    ready::Events,
    socket::How,
    step::Attempt,
};

/// A datagram socket.
pub(crate) struct Udp {
    socket: DatagramSocket,
    /// An error that a call has left for the next.
    error: Mutex<Option<Errno>>,
    /// The datagram that is not complete yet.
    cork: Cork,
}

impl Udp {
    pub(super) fn new(stack: &Arc<Stack>, version: Version, announcer: &Arc<Announcer>) -> Self {
        let socket = stack.datagram(Kind::Udp, version);
        let announcer: Arc<dyn net_stack::Watcher> = announcer.clone();
        socket.watch(Some(Arc::downgrade(&announcer)));
        Self { socket, error: Mutex::new(None), cork: Cork::default() }
    }

    /// net-stack's side of it.
    pub(crate) fn socket(&self) -> &DatagramSocket {
        &self.socket
    }

    pub(super) fn cork(&self) -> &Cork {
        &self.cork
    }

    /// What it has chosen about names.
    pub(super) fn choices(&self) -> Choices {
        let options = self.socket.options();
        Choices {
            reuse_address: options.reuse_address,
            reuse_port: options.reuse_port,
            v6_only: options.v6_only,
            free_bind: options.free_bind,
            device: options.device,
        }
    }

    /// Chooses something about names.
    pub(super) fn choose(&self, change: impl FnOnce(&mut Choices)) {
        let before = self.choices();
        let mut choices = before;
        change(&mut choices);
        self.socket.set_options(|options| {
            options.reuse_address = choices.reuse_address;
            options.reuse_port = choices.reuse_port;
            options.v6_only = choices.v6_only;
            options.free_bind = choices.free_bind;
        });
        if choices.device != before.device {
            self.socket.set_device(choices.device);
        }
    }

    /// bind(2)
    ///
    /// # Errors
    /// What [`binding::check`] says; EINVAL where it has a name already; EADDRINUSE.
    pub(super) fn bind(
        &self,
        stack: &Stack,
        version: Version,
        address: &InternetAddress,
        context: &Context,
    ) -> Result<()> {
        binding::check(stack, version, false, self.choices(), address, context)?;
        self.socket.set_options(|options| options.user = context.user);
        self.socket.bind(address.endpoint.address, address.endpoint.port).map_err(failure::of_bind)
    }

    /// connect(2)
    ///
    /// # Errors
    /// EACCES for a broadcast address without SO_BROADCAST, ENETUNREACH and others where there is no way, EAGAIN where no port
    /// is free.
    pub(super) fn connect(&self, to: Endpoint) -> Result<()> {
        self.socket.connect(to).map_err(failure::of_datagram_connect)
    }

    /// shutdown(2)
    ///
    /// # Errors
    /// ENOTCONN where it has no peer; the directions are shut for all that.
    pub(super) fn shutdown(&self, how: How, now: net_stack::time::Instant) -> Result<()> {
        let connected = self.socket.peer().is_some();
        self.socket.shut_down(how != How::Send, how != How::Receive, now);
        if connected { Ok(()) } else { Err(Errno::ENOTCONN.into()) }
    }

    /// The next datagram; nothing where the receiving direction is shut and none is left.
    ///
    /// # Errors
    /// The error that waits. Waits for a datagram.
    pub(super) fn receive(
        &self,
        announcer: &Announcer,
        peek: bool,
        nonblocking: bool,
    ) -> Attempt<Option<Arc<Received>>> {
        if let Some(error) = self.take_error() {
            return Err(error.into());
        }
        match self.socket.receive(peek) {
            Some(received) => Ok(Some(received)),
            // As Linux has it, who does not wait is told that nothing is there.
            None if self.socket.is_read_shut() && !nonblocking => Ok(None),
            None => Err(blocked(announcer, Events::IN | Events::ERR | Events::HUP)),
        }
    }

    /// SO_ERROR
    pub(super) fn take_error(&self) -> Option<Error> {
        let left = self.error.lock().take();
        left.or_else(|| self.socket.take_error().map(failure::of_trouble)).map(Error::from)
    }

    /// An error waits from now on.
    pub(super) fn set_error(&self, errno: Errno) {
        *self.error.lock() = Some(errno);
    }

    /// What poll(2) shows.
    pub(super) fn poll(&self) -> Events {
        let mut shown = events(self.socket.readiness());
        if shown.contains(Events::OUT) {
            shown |= Events::WRITABLE;
        }
        shown.set(Events::ERR, shown.contains(Events::ERR) || self.error.lock().is_some());
        shown
    }

    /// As a rule of the policy may name it.
    pub(super) fn phase(&self) -> SocketState {
        match (self.socket.peer(), self.socket.local().port) {
            (Some(_), _) => SocketState::Connected,
            (None, 0) => SocketState::Unbound,
            (None, _) => SocketState::Bound,
        }
    }

    /// What the errors of sending are.
    pub(super) fn failed(error: datagram::SendError) -> Error {
        failure::of_send(error)
    }
}
