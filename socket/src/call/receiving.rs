//! What the calls that receive have in common.

use alloc::{boxed::Box, sync::Arc, vec::Vec};

use super::internet::Incoming;
use crate::{
    abi::{
        buffers::{Buffers, Discarded, UserBytes},
        flags::MessageFlags,
    },
    ancillary::Gathered,
    caller::Caller,
    error::{Errno, Error, Result},
    family::{
        inet::{Datagram, Told},
        unix::{address::Address, record::Taken, stream::Received},
    },
    socket::{Direction, Socket},
    step::{Patience, Step, Stop},
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
    /// The record that was received.
    taken: Option<Taken>,
    /// The datagram that was received over UDP, or the message over netlink.
    datagram: Option<Box<Datagram>>,
    /// Whether a record over vsock was longer, and whether its end was marked.
    cut: bool,
    marked: bool,
    /// What came with them.
    gathered: Gathered,
    patience: Patience,
}

impl Receiving {
    #[inline]
    pub(super) fn new(socket: Arc<Socket>, buffers: Buffers, flags: MessageFlags) -> Self {
        let (gathered, patience) = (Gathered::default(), Patience::default());
        Self {
            socket,
            buffers,
            flags,
            received: 0,
            heard: false,
            taken: None,
            datagram: None,
            cut: false,
            marked: false,
            gathered,
            patience,
        }
    }

    /// Receives what is there: how many bytes, or what else the step comes to.
    #[inline]
    pub(super) fn step<C: Caller>(&mut self, caller: &C) -> core::result::Result<usize, Step> {
        let Some(link) = self.socket.link() else { return self.step_record(caller) };
        if self.flags.contains(MessageFlags::OOB) {
            return Err(Step::Done(Err(Error::new(Errno::EINVAL, "there is no urgent data"))));
        }
        let peek = self.flags.contains(MessageFlags::PEEK);
        loop {
            let mut sink = UserBytes { caller, buffers: &mut self.buffers };
            match link.receive(&mut sink, peek, &mut self.gathered) {
                Ok(Received::Record(count)) => {
                    self.heard = true;
                    self.received += count;
                    return Ok(self.received);
                }
                Ok(Received::Bytes(count)) => {
                    self.heard = true;
                    self.received += count;
                    // What was looked at is still there: Linux does not wait for more of it.
                    if !self.wants_more() {
                        return Ok(self.received);
                    }
                }
                Ok(Received::End) => return Ok(self.received),
                Err(stop) => return self.stopped(caller, stop),
            }
        }
    }

    /// Receives a record.
    #[inline(never)]
    fn step_record<C: Caller>(&mut self, caller: &C) -> core::result::Result<usize, Step> {
        if self.socket.internet().is_some() {
            return self.step_internet(caller);
        }
        if self.socket.netlink().is_some() {
            return self.step_netlink(caller);
        }
        if self.socket.vsock().is_some() {
            return self.step_vsock(caller);
        }
        let done = |error| Err(Step::Done(Err(error)));
        let Some(endpoint) = self.socket.endpoint() else { return done(self.socket.not_connected()) };
        if self.flags.contains(MessageFlags::OOB) {
            return done(Error::new(Errno::EOPNOTSUPP, "records are not urgent"));
        }
        let nonblocking = self.flags.contains(MessageFlags::DONTWAIT) || self.socket.nonblocking();
        let mut sink = UserBytes { caller, buffers: &mut self.buffers };
        let mut taken =
            match endpoint.receive(&mut sink, self.flags.contains(MessageFlags::PEEK), nonblocking) {
                Ok(taken) => taken,
                Err(stop) => return self.wait(caller, stop, nonblocking),
            };
        let count = if self.flags.contains(MessageFlags::TRUNC) { taken.length } else { taken.copied };
        if !taken.is_end() {
            self.gathered = taken.gather();
        }
        self.taken = Some(taken);
        Ok(count)
    }

    /// Keeps a datagram for what is told about it. How many bytes the call has received.
    fn take_datagram(&mut self, datagram: Box<Datagram>) -> usize {
        let whole = self.flags.contains(MessageFlags::TRUNC);
        let count = if whole { datagram.length } else { datagram.copied };
        self.datagram = Some(datagram);
        count
    }

    /// Receives over netlink.
    fn step_netlink<C: Caller>(&mut self, caller: &C) -> core::result::Result<usize, Step> {
        let socket = self.socket.clone();
        let Some(netlink) = socket.netlink() else { return Err(Step::Done(Err(Errno::EINVAL.into()))) };
        if self.flags.contains(MessageFlags::OOB) {
            return Err(Step::Done(Err(Error::new(Errno::EOPNOTSUPP, "messages are not urgent"))));
        }
        let sink = &mut UserBytes { caller, buffers: &mut self.buffers };
        match netlink.receive(sink, self.flags.contains(MessageFlags::PEEK)) {
            Ok((message, sender)) => {
                self.gathered.sender = sender.map(Some);
                Ok(self.take_datagram(Box::new(message)))
            }
            Err(stop) => {
                let nonblocking = self.flags.contains(MessageFlags::DONTWAIT) || socket.nonblocking();
                self.wait(caller, stop, nonblocking)
            }
        }
    }

    /// Receives over vsock.
    fn step_vsock<C: Caller>(&mut self, caller: &C) -> core::result::Result<usize, Step> {
        let socket = self.socket.clone();
        let Some(vsock) = socket.vsock() else { return Err(Step::Done(Err(Errno::EINVAL.into()))) };
        if self.flags.contains(MessageFlags::OOB) {
            return Err(Step::Done(Err(Error::new(Errno::EOPNOTSUPP, "the family has no urgent data"))));
        }
        let peek = self.flags.contains(MessageFlags::PEEK);
        if socket.sends_records() {
            let sink = &mut UserBytes { caller, buffers: &mut self.buffers };
            return match vsock.receive_record(sink, peek) {
                Ok(None) => Ok(0),
                Ok(Some(record)) => {
                    self.cut = record.copied < record.length;
                    self.marked = record.marked;
                    let whole = self.flags.contains(MessageFlags::TRUNC);
                    Ok(if whole { record.length } else { record.copied })
                }
                Err(stop) => self.stopped(caller, stop),
            };
        }
        loop {
            let low = socket.receive_low() as usize;
            let sink = &mut UserBytes { caller, buffers: &mut self.buffers };
            match vsock.receive(sink, peek, low) {
                Ok(0) => return Ok(self.received),
                Ok(count) => {
                    self.received += count;
                    if !self.wants_more() {
                        return Ok(self.received);
                    }
                }
                Err(stop) => return self.stopped(caller, stop),
            }
        }
    }

    /// Receives over TCP or UDP.
    fn step_internet<C: Caller>(&mut self, caller: &C) -> core::result::Result<usize, Step> {
        let socket = self.socket.clone();
        let Some(internet) = socket.internet() else { return Err(Step::Done(Err(Errno::EINVAL.into()))) };
        let nonblocking = self.flags.contains(MessageFlags::DONTWAIT) || socket.nonblocking();
        let discards = self.flags.contains(MessageFlags::TRUNC) && !socket.sends_records();
        loop {
            let received = if discards {
                let sink = &mut Discarded(&mut self.buffers);
                super::internet::receive(caller, internet, sink, self.flags, nonblocking)
            } else {
                let sink = &mut UserBytes { caller, buffers: &mut self.buffers };
                super::internet::receive(caller, internet, sink, self.flags, nonblocking)
            };
            match received {
                Ok(Incoming::Bytes(count)) => {
                    self.received += count;
                    if !self.wants_more() {
                        return Ok(self.received);
                    }
                }
                Ok(Incoming::Datagram(datagram)) => {
                    return Ok(self.take_datagram(datagram));
                }
                Ok(Incoming::End) => return Ok(self.received),
                Err(stop) => return self.stopped(caller, stop),
            }
        }
    }

    #[cold]
    fn stopped<C: Caller>(&mut self, caller: &C, stop: Stop) -> core::result::Result<usize, Step> {
        let nonblocking = self.flags.contains(MessageFlags::DONTWAIT) || self.socket.nonblocking();
        match stop {
            Stop::Error(_) if self.received > 0 => Ok(self.received),
            Stop::Blocked(_) if self.received > 0 && nonblocking => Ok(self.received),
            stop => self.wait(caller, stop, nonblocking),
        }
    }

    /// What the call comes to that would wait: what it has received so far, where its time is over.
    #[cold]
    fn wait<C: Caller>(
        &mut self,
        caller: &C,
        stop: Stop,
        nonblocking: bool,
    ) -> core::result::Result<usize, Step> {
        let timeout = self.socket.timeout(Direction::Receive);
        match self.patience.wait(caller, stop, nonblocking, timeout) {
            Step::Done(Err(error)) if error.errno == Errno::EAGAIN && self.received > 0 => Ok(self.received),
            step => Err(step),
        }
    }

    /// Whether more is to be waited for than has come: MSG_WAITALL and SO_RCVLOWAT say so, but not to those who only look.
    #[inline]
    fn wants_more(&self) -> bool {
        if self.flags.contains(MessageFlags::PEEK) || self.buffers.remaining() == 0 {
            return false;
        }
        self.flags.contains(MessageFlags::WAITALL) || self.received < self.socket.receive_low() as usize
    }

    /// A step of read(2) and readv(2). Linux asks nothing of the socket where there is no room.
    #[inline]
    pub(super) fn read<C: Caller>(&mut self, caller: &C) -> Step {
        if self.received == 0 && self.buffers.remaining() == 0 {
            return Step::Done(Ok(0));
        }
        self.step(caller).map_or_else(|step| step, |count| Step::Done(Ok(count)))
    }

    /// Whether it was the end of a connection of records: unlike that of a stream, it comes without control messages.
    pub(super) fn is_end_of_records(&self) -> bool {
        self.taken.as_ref().is_some_and(Taken::is_end)
    }

    /// What is told about a datagram over UDP, or a message over netlink.
    pub(super) fn take_told(&mut self) -> Vec<Told> {
        self.datagram.as_mut().map(|datagram| core::mem::take(&mut datagram.told)).unwrap_or_default()
    }

    /// What came with the bytes.
    pub(super) fn gathered(&mut self) -> &mut Gathered {
        &mut self.gathered
    }

    /// The name of the one from whom the data came, if it has one.
    pub(super) fn sender(&self) -> &[u8] {
        if let Some(datagram) = &self.datagram {
            return datagram.sender.bytes();
        }
        let sender = match &self.taken {
            Some(taken) => taken.sender(),
            None => self.socket.link().filter(|_| self.heard).and_then(|link| link.peer_address()),
        };
        sender.map_or(&[], Address::bytes)
    }

    /// What recvmsg(2) says in `msg_flags`.
    pub(super) fn result_flags(&self) -> MessageFlags {
        let mut flags = self.flags & MessageFlags::CMSG_CLOEXEC;
        let cut = match (&self.taken, &self.datagram) {
            (Some(taken), _) => taken.copied < taken.length,
            (None, Some(datagram)) => datagram.copied < datagram.length,
            (None, None) => self.cut,
        };
        flags.set(MessageFlags::TRUNC, cut);
        flags.set(MessageFlags::EOR, self.marked);
        if self.socket.internet().is_some() {
            flags |= self.flags & MessageFlags::ERRQUEUE;
        }
        flags
    }

    /// The result where a signal comes.
    pub(super) fn interrupt(&self) -> Result<usize> {
        if self.received > 0 { Ok(self.received) } else { Err(Errno::EINTR.into()) }
    }
}
