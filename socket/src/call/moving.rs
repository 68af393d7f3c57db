//! What the calls that move bytes between sockets and other files have in common: the kernel has found them admitted, and
//! lends memory of its own, piece by piece.

use alloc::{boxed::Box, sync::Arc};

use super::{
    records::{self, Parked},
    sending::send_piece,
};
use crate::{
    abi::flags::MessageFlags,
    ancillary::Gathered,
    caller::Caller,
    error::{Errno, Result},
    family::unix::stream::Received,
    socket::{NOT_CONNECTED, Socket},
    step::{Operation, Step, Stop, all_at_once},
};

/// A piece of payload that is to be sent.
pub struct Outgoing<'a> {
    socket: Arc<Socket>,
    bytes: &'a [u8],
    /// How many bytes have gone.
    sent: usize,
    /// Whether the call has waited.
    waited: bool,
    nonblocking: bool,
    /// A record that waits for room at its receiver.
    parked: Option<Box<Parked>>,
}

impl<'a> Outgoing<'a> {
    /// `nonblocking` is what the call says; a socket may be so itself.
    pub(super) fn new(socket: Arc<Socket>, bytes: &'a [u8], nonblocking: bool) -> Self {
        Self { socket, bytes, sent: 0, waited: false, nonblocking, parked: None }
    }

    fn stopped<C: Caller>(&mut self, caller: &C, stop: Stop) -> Step {
        let nonblocking = self.nonblocking || self.socket.nonblocking();
        self.waited = true;
        match stop {
            Stop::Error(_) if self.sent > 0 => Step::Done(Ok(self.sent)),
            Stop::Blocked(_) if self.sent > 0 && nonblocking => Step::Done(Ok(self.sent)),
            Stop::Error(error) if error.errno == Errno::EPIPE => {
                caller.broken_pipe();
                Step::Done(Err(error))
            }
            stop => stop.into_step(nonblocking),
        }
    }
}

impl<C: Caller> Operation<C> for Outgoing<'_> {
    fn step(&mut self, caller: &C) -> Step {
        let socket = self.socket.clone();
        if socket.sends_records() {
            let first = !core::mem::replace(&mut self.waited, true);
            let flags = MessageFlags::empty();
            let sent = records::send(caller, &socket, &mut self.bytes, flags, None, first, &mut self.parked);
            return all_at_once(sent, self.nonblocking || socket.nonblocking());
        }
        let Some(link) = socket.link() else { return Step::Done(Err(NOT_CONNECTED)) };
        while !self.bytes.is_empty() {
            match send_piece(caller, link, &mut self.bytes, self.sent == 0 && !self.waited, &mut None) {
                Ok(sent) => self.sent += sent,
                Err(stop) => return self.stopped(caller, stop),
            }
        }
        Step::Done(Ok(self.sent))
    }

    fn interrupt(&mut self, _caller: &C) -> Result<usize> {
        if self.sent > 0 { Ok(self.sent) } else { Err(Errno::EINTR.into()) }
    }
}

/// Room for payload that is to be received, as much as is there.
pub struct Incoming<'a> {
    socket: Arc<Socket>,
    room: &'a mut [u8],
    nonblocking: bool,
}

impl<'a> Incoming<'a> {
    /// See [`Outgoing::new`].
    pub(super) fn new(socket: Arc<Socket>, room: &'a mut [u8], nonblocking: bool) -> Self {
        Self { socket, room, nonblocking }
    }
}

impl<C: Caller> Operation<C> for Incoming<'_> {
    fn step(&mut self, _caller: &C) -> Step {
        // SPLICE_F_NONBLOCK is heeded by streams alone.
        let records = self.socket.sends_records();
        let nonblocking = self.nonblocking && !records || self.socket.nonblocking();
        let received = if let Some(endpoint) = self.socket.endpoint() {
            endpoint.receive(&mut &mut *self.room, false, nonblocking).map(|taken| taken.copied)
        } else if let Some(link) = self.socket.link() {
            // Open files that come with the bytes are lost: nobody could be given them.
            link.receive(&mut &mut *self.room, false, &mut Gathered::default()).map(|received| match received
            {
                Received::Bytes(count) | Received::Record(count) => count,
                Received::End => 0,
            })
        } else {
            Err(self.socket.not_connected().into())
        };
        all_at_once(received, nonblocking)
    }
}
