//! What the calls that receive have in common.

use alloc::sync::Arc;

use crate::{
    abi::{
        buffers::{Buffers, UserBytes},
        flags::MessageFlags,
    },
    caller::Caller,
    error::{Errno, Error, Result},
    family::unix::{address::Address, stream::Received},
    socket::{NO_STREAM, Socket},
    step::{Step, Stop},
};

/// Payload that is to come in.
pub(super) struct Receiving {
    pub(super) socket: Arc<Socket>,
    buffers: Buffers,
    flags: MessageFlags,
    /// How many bytes have come.
    received: usize,
    /// Whether there was anything from the peer: then its name belongs to the result.
    heard: bool,
}

impl Receiving {
    #[inline]
    pub(super) fn new(socket: Arc<Socket>, buffers: Buffers, flags: MessageFlags) -> Self {
        Self { socket, buffers, flags, received: 0, heard: false }
    }

    /// Receives what is there: how many bytes, or what else the step comes to.
    #[inline]
    pub(super) fn step<C: Caller>(&mut self, caller: &C) -> core::result::Result<usize, Step> {
        let Some(link) = self.socket.link() else { return Err(Step::Done(Err(NO_STREAM))) };
        if self.flags.contains(MessageFlags::OOB) {
            return Err(Step::Done(Err(Error::new(Errno::EINVAL, "there is no urgent data"))));
        }
        let peek = self.flags.contains(MessageFlags::PEEK);
        loop {
            let mut sink = UserBytes { caller, buffers: &mut self.buffers };
            match link.receive(&mut sink, peek) {
                Ok(Received::Bytes(count)) => {
                    self.heard = true;
                    self.received += count;
                    // What was looked at is still there: Linux does not wait for more of it.
                    if !self.flags.contains(MessageFlags::WAITALL) || peek || self.buffers.remaining() == 0 {
                        return Ok(self.received);
                    }
                }
                Ok(Received::End) => return Ok(self.received),
                Err(stop) => return self.stopped(stop),
            }
        }
    }

    #[cold]
    fn stopped(&mut self, stop: Stop) -> core::result::Result<usize, Step> {
        let nonblocking = self.flags.contains(MessageFlags::DONTWAIT) || self.socket.nonblocking();
        match stop {
            Stop::Error(_) if self.received > 0 => Ok(self.received),
            Stop::Blocked(_) if self.received > 0 && nonblocking => Ok(self.received),
            stop => Err(stop.into_step(nonblocking)),
        }
    }

    /// A step of read(2) and readv(2). Linux asks nothing of the socket where there is no room.
    #[inline]
    pub(super) fn read<C: Caller>(&mut self, caller: &C) -> Step {
        if self.received == 0 && self.buffers.remaining() == 0 {
            return Step::Done(Ok(0));
        }
        self.step(caller).map_or_else(|step| step, |count| Step::Done(Ok(count)))
    }

    /// The name of the one from whom bytes came, if it has one.
    pub(super) fn sender(&self) -> &[u8] {
        let link = self.socket.link().filter(|_| self.heard);
        link.and_then(|link| link.peer_address()).map_or(&[], Address::bytes)
    }

    /// The result where a signal comes.
    pub(super) fn interrupt(&self) -> Result<usize> {
        if self.received > 0 { Ok(self.received) } else { Err(Errno::EINTR.into()) }
    }
}
