//! What the calls that send have in common.

use alloc::sync::Arc;

use crate::{
    abi::{
        buffers::{Buffers, UserBytes},
        flags::MessageFlags,
    },
    caller::Caller,
    error::{Errno, Error, Result},
    family::unix::stream::Link,
    socket::{NOT_CONNECTED, Socket},
    step::{Step, Stop},
};

/// Payload on its way out.
pub(super) struct Sending {
    pub(super) socket: Arc<Socket>,
    buffers: Buffers,
    flags: MessageFlags,
    /// Whether the call has waited.
    waited: bool,
    /// How many bytes have gone.
    sent: usize,
}

impl Sending {
    #[inline]
    pub(super) fn new(socket: Arc<Socket>, buffers: Buffers, flags: MessageFlags) -> Self {
        Self { socket, buffers, flags, waited: false, sent: 0 }
    }

    /// Whether the call has still to look at everything but its payload.
    #[inline]
    pub(super) fn is_new(&self) -> bool {
        !self.waited
    }

    /// What Linux looks at before the payload: urgent data, which is not supported, and a destination, which a connected
    /// socket must not be given, and another cannot use.
    pub(super) fn check(&self, destination: bool) -> Result<()> {
        if self.flags.contains(MessageFlags::OOB) {
            return Err(Error::new(Errno::EOPNOTSUPP, "urgent data is not supported"));
        }
        if destination {
            let connected = self.socket.link().is_some();
            return Err(if connected { Errno::EISCONN } else { Errno::EOPNOTSUPP }.into());
        }
        Ok(())
    }

    /// Sends what there is room for.
    #[inline]
    pub(super) fn step<C: Caller>(&mut self, caller: &C) -> Step {
        let Some(link) = self.socket.link() else { return Step::Done(Err(NOT_CONNECTED)) };
        let mut source = UserBytes { caller, buffers: &mut self.buffers };
        if source.buffers.remaining() == 0 {
            return self.send_nothing(caller);
        }
        loop {
            match link.send(&mut source, self.sent == 0 && !self.waited) {
                Ok(sent) => self.sent += sent,
                Err(stop) => return self.stopped(caller, stop),
            }
            if source.buffers.remaining() == 0 {
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
            stop => stop.into_step(nonblocking),
        }
    }

    /// Whether there is nothing to send, and never was.
    pub(super) fn is_empty(&self) -> bool {
        self.sent == 0 && self.buffers.remaining() == 0
    }

    /// The result where a signal comes.
    pub(super) fn interrupt(&self) -> Result<usize> {
        if self.sent > 0 { Ok(self.sent) } else { Err(Errno::EINTR.into()) }
    }
}
