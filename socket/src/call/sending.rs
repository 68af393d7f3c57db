//! What the calls that send have in common.

use alloc::{boxed::Box, sync::Arc};

use linux_raw_sys::netlink::NETLINK_ROUTE;

use super::{
    netlink::{self, Copied},
    records::{Manner, Parked},
};
use crate::{
    abi::{
        address::SocketAddress,
        buffers::{Buffers, UserBytes},
        control::ControlMessages,
        flags::MessageFlags,
    },
    ancillary::Parcel,
    bytes::Source,
    caller::Caller,
    error::{Errno, Error, Result},
    family::{inet::Pending, unix::stream::Link},
    socket::{Direction, Socket},
    step::{Attempt, Patience, Step, Stop},
};

/// Payload on its way out.
pub(super) struct Sending {
    pub(super) socket: Arc<Socket>,
    buffers: Buffers,
    flags: MessageFlags,
    /// What goes with it.
    parcel: Option<Box<Parcel>>,
    /// Whether the call has waited.
    waited: bool,
    /// How many bytes have gone.
    sent: usize,
    /// A record that waits for room at its receiver.
    parked: Option<Box<Parked>>,
    /// What of a stream over TCP waits for room.
    pending: Option<Box<Pending>>,
    /// What is to be sent over netlink: the policy has looked at it.
    copied: Option<Copied>,
    patience: Patience,
}

impl Sending {
    #[inline]
    pub(super) fn new(socket: Arc<Socket>, buffers: Buffers, flags: MessageFlags) -> Self {
        Self {
            socket,
            buffers,
            flags,
            waited: false,
            sent: 0,
            parked: None,
            pending: None,
            copied: None,
            parcel: None,
            patience: Patience::default(),
        }
    }

    /// Copies what is to be sent over netlink, for the policy to look at.
    #[inline]
    pub(super) fn copy<C: Caller>(&mut self, caller: &C) {
        if self.socket.netlink().is_some() && self.copied.is_none() {
            let source = UserBytes { caller, buffers: &mut self.buffers };
            self.copied = netlink::copy(&self.socket, source);
        }
    }

    /// What was copied. What cannot be read, or sent, has no messages in it. No rule looks into those that are not of
    /// NETLINK_ROUTE: they are texts, or ask for one thing only.
    pub(super) fn payload(&self) -> Option<&[u8]> {
        let is_route = u32::from(self.socket.descriptor().protocol()) == NETLINK_ROUTE;
        match self.copied.as_ref() {
            Some(Ok(bytes)) if is_route => Some(bytes),
            _ => self.socket.netlink().map(|_| &[][..]),
        }
    }

    /// Whether the call has still to look at everything but its payload.
    pub(super) fn is_new(&self) -> bool {
        !self.waited
    }

    /// Something is to go with the payload.
    pub(super) fn add(&mut self, parcel: Option<Box<Parcel>>) {
        self.parcel = parcel;
    }

    /// What Linux looks at before the payload of a stream: urgent data, which is not supported, and a destination, which a
    /// connected socket must not be given, and another cannot use.
    fn check(&self, destination: bool) -> Result<()> {
        if self.flags.contains(MessageFlags::OOB) {
            return Err(Error::new(Errno::EOPNOTSUPP, "urgent data is not supported"));
        }
        if destination {
            let connected = self.socket.link().is_some();
            return Err(if connected { Errno::EISCONN } else { Errno::EOPNOTSUPP }.into());
        }
        Ok(())
    }

    /// Sends to somebody, or to the peer.
    #[inline]
    pub(super) fn step_to<C: Caller>(&mut self, caller: &C, destination: Option<&SocketAddress>) -> Step {
        if self.socket.vsock().is_some() {
            return self.step_vsock(caller, destination.is_some());
        }
        if self.socket.sends_records() {
            return self.step_record(caller, destination);
        }
        if self.socket.internet().is_some() {
            return self.step_internet(caller, None, None);
        }
        if !self.waited
            && let Err(error) = self.check(destination.is_some())
        {
            return Step::Done(Err(error));
        }
        self.step(caller)
    }

    /// Sends what there is room for.
    #[inline]
    pub(super) fn step<C: Caller>(&mut self, caller: &C) -> Step {
        let Some(link) = self.socket.link() else { return self.step_record(caller, None) };
        let mut source = UserBytes { caller, buffers: &mut self.buffers };
        if source.buffers.remaining() == 0 {
            return self.send_nothing(caller);
        }
        loop {
            match send_piece(caller, link, &mut source, self.sent == 0 && !self.waited, &mut self.parcel) {
                Ok(sent) => self.sent += sent,
                Err(stop) => return self.stopped(caller, stop),
            }
            if source.buffers.remaining() == 0 {
                return Step::Done(Ok(self.sent));
            }
        }
    }

    /// Sends a record. No signal tells of its failure: in Linux, streams alone send SIGPIPE.
    #[inline(never)]
    fn step_record<C: Caller>(&mut self, caller: &C, destination: Option<&SocketAddress>) -> Step {
        if self.socket.internet().is_some() {
            return self.step_internet(caller, destination, None);
        }
        if self.socket.netlink().is_some() {
            return self.step_netlink(caller, destination);
        }
        if self.socket.vsock().is_some() {
            return self.step_vsock(caller, destination.is_some());
        }
        let Self { socket, buffers, flags, waited, parked, parcel, .. } = self;
        let first = !core::mem::replace(waited, true);
        let source = &mut UserBytes { caller, buffers };
        let manner = Manner { flags: *flags, to: destination.map(SocketAddress::bytes), first };
        let nonblocking = flags.contains(MessageFlags::DONTWAIT) || socket.nonblocking();
        match super::records::send(caller, socket, source, manner, parcel.as_deref_mut(), parked) {
            Ok(sent) => Step::Done(Ok(sent)),
            Err(stop) => self.wait(caller, stop, nonblocking),
        }
    }

    /// Sends messages over netlink.
    fn step_netlink<C: Caller>(&mut self, caller: &C, destination: Option<&SocketAddress>) -> Step {
        self.copy(caller);
        self.waited = true;
        let socket = self.socket.clone();
        let Some(netlink) = socket.netlink() else { return Step::Done(Err(Errno::EINVAL.into())) };
        let length = match self.copied.as_ref() {
            Some(Ok(bytes)) => bytes.len(),
            _ => self.buffers.remaining(),
        };
        let to = destination.map(SocketAddress::bytes);
        match netlink::send(caller, (&socket, netlink), self.copied.as_ref(), length, self.flags, to) {
            Ok(sent) => Step::Done(Ok(sent)),
            Err(stop) => {
                let nonblocking = self.flags.contains(MessageFlags::DONTWAIT) || socket.nonblocking();
                self.wait(caller, stop, nonblocking)
            }
        }
    }

    /// Sends over vsock.
    fn step_vsock<C: Caller>(&mut self, caller: &C, named: bool) -> Step {
        let socket = self.socket.clone();
        let Some(vsock) = socket.vsock() else { return Step::Done(Err(Errno::EINVAL.into())) };
        if self.flags.contains(MessageFlags::OOB) {
            return Step::Done(Err(Error::new(Errno::EOPNOTSUPP, "the family has no urgent data")));
        }
        let marked = self.flags.contains(MessageFlags::EOR);
        loop {
            let source = &mut UserBytes { caller, buffers: &mut self.buffers };
            match vsock.send(source, named, marked) {
                Ok(sent) => self.sent += sent,
                Err(stop) => return self.stopped(caller, stop),
            }
            if self.buffers.remaining() == 0 {
                return Step::Done(Ok(self.sent));
            }
        }
    }

    /// Sends over TCP or UDP.
    pub(super) fn step_internet<C: Caller>(
        &mut self,
        caller: &C,
        destination: Option<&SocketAddress>,
        control: Option<&ControlMessages>,
    ) -> Step {
        let socket = self.socket.clone();
        let Some(internet) = socket.internet() else { return Step::Done(Err(Errno::EINVAL.into())) };
        let to = destination.map(SocketAddress::bytes);
        let datagram = socket.sends_records();
        loop {
            let source = &mut UserBytes { caller, buffers: &mut self.buffers };
            match super::internet::send(
                caller,
                internet,
                source,
                self.flags,
                (to, control),
                &mut self.pending,
            ) {
                Ok(sent) => self.sent += sent,
                Err(Stop::Error(error)) if datagram => return Step::Done(Err(error)),
                Err(stop) => return self.stopped(caller, stop),
            }
            let left = self.pending.as_ref().is_some_and(|pending| pending.is_left());
            if datagram || !left && self.buffers.remaining() == 0 {
                return Step::Done(Ok(self.sent));
            }
        }
    }

    #[cold]
    fn send_nothing<C: Caller>(&mut self, caller: &C) -> Step {
        match self.socket.link().map(Link::check_sending) {
            Some(Err(stop)) => self.stopped(caller, stop),
            _ => Step::Done(Ok(0)),
        }
    }

    #[cold]
    fn stopped<C: Caller>(&mut self, caller: &C, stop: Stop) -> Step {
        let nonblocking = self.flags.contains(MessageFlags::DONTWAIT) || self.socket.nonblocking();
        self.waited = true;
        match stop {
            Stop::Error(_) if self.sent > 0 => Step::Done(Ok(self.sent)),
            Stop::Blocked(_) if self.sent > 0 && nonblocking => Step::Done(Ok(self.sent)),
            Stop::Error(error)
                if error.errno == Errno::EPIPE && !self.flags.contains(MessageFlags::NOSIGNAL) =>
            {
                caller.broken_pipe();
                Step::Done(Err(error))
            }
            stop => self.wait(caller, stop, nonblocking),
        }
    }

    /// What the call comes to that would wait: what it has sent so far, where its time is over.
    #[cold]
    fn wait<C: Caller>(&mut self, caller: &C, stop: Stop, nonblocking: bool) -> Step {
        let timeout = self.socket.timeout(Direction::Send);
        match self.patience.wait(caller, stop, nonblocking, timeout) {
            Step::Done(Err(error)) if error.errno == Errno::EAGAIN && self.sent > 0 => {
                Step::Done(Ok(self.sent))
            }
            step => step,
        }
    }

    /// Whether there is nothing to send, and never was.
    pub(super) fn is_empty(&self) -> bool {
        self.sent == 0 && self.buffers.remaining() == 0
    }

    /// Whether nothing of the payload is left.
    pub(super) fn is_sent(&self) -> bool {
        self.buffers.remaining() == 0 && self.pending.as_ref().is_none_or(|pending| !pending.is_left())
    }

    /// The result where a signal comes.
    pub(super) fn interrupt(&self) -> Result<usize> {
        if self.sent > 0 { Ok(self.sent) } else { Err(Errno::EINTR.into()) }
    }
}

/// Sends the next piece, with what goes with it.
#[inline]
pub(super) fn send_piece<C: Caller, S: Source>(
    caller: &C,
    link: &Link,
    source: &mut S,
    first: bool,
    parcel: &mut Option<Box<Parcel>>,
) -> Attempt<usize> {
    if parcel.is_none() && !link.names_sender() {
        return link.send(source, first);
    }
    let mut anonymous = Parcel::default();
    let parcel = parcel.as_deref_mut().unwrap_or(&mut anonymous);
    link.send_with(source, first, |holder| parcel.pack(caller, link.names_sender(), holder))
}
