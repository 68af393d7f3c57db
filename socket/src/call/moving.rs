//! What the calls that move bytes between sockets and other files have in common: the kernel has found them admitted, and
//! lends memory of its own, piece by piece.

use alloc::{boxed::Box, sync::Arc};

use super::{
    internet,
    records::{self, Manner, Parked},
    sending::send_piece,
};
use crate::{
    abi::flags::MessageFlags,
    ancillary::Gathered,
    caller::Caller,
    error::{Errno, Result},
    family::{
        inet::{Internet, Pending},
        unix::stream::Received,
    },
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
    /// What of a stream over TCP waits for room.
    pending: Option<Box<Pending>>,
}

impl<'a> Outgoing<'a> {
    /// `nonblocking` is what the call says; a socket may be so itself.
    pub(super) fn new(socket: Arc<Socket>, bytes: &'a [u8], nonblocking: bool) -> Self {
        Self { socket, bytes, sent: 0, waited: false, nonblocking, parked: None, pending: None }
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

impl Outgoing<'_> {
    fn step_internet<C: Caller>(&mut self, caller: &C, of: &Internet) -> Step {
        let flags = MessageFlags::empty();
        loop {
            match internet::send(caller, of, &mut self.bytes, flags, (None, None), &mut self.pending) {
                Ok(sent) => self.sent += sent,
                Err(stop) => return self.stopped(caller, stop),
            }
            let left = self.pending.as_ref().is_some_and(|pending| pending.is_left());
            if !left && self.bytes.is_empty() {
                return Step::Done(Ok(self.sent));
            }
        }
    }
}

impl<C: Caller> Operation<C> for Outgoing<'_> {
    fn step(&mut self, caller: &C) -> Step {
        let socket = self.socket.clone();
        if let Some(internet) = socket.internet() {
            return self.step_internet(caller, internet);
        }
        if let Some(vsock) = socket.vsock() {
            while !self.bytes.is_empty() {
                match vsock.send(&mut self.bytes, false, false) {
                    Ok(sent) => self.sent += sent,
                    Err(stop) => return self.stopped(caller, stop),
                }
            }
            return Step::Done(Ok(self.sent));
        }
        if socket.sends_records() {
            let first = !core::mem::replace(&mut self.waited, true);
            let manner = Manner { flags: MessageFlags::empty(), to: None, first };
            let sent = records::send(caller, &socket, &mut self.bytes, manner, None, &mut self.parked);
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
    fn step(&mut self, caller: &C) -> Step {
        // SPLICE_F_NONBLOCK is heeded by streams alone.
        let records = self.socket.sends_records();
        let nonblocking = self.nonblocking && !records || self.socket.nonblocking();
        let received = if let Some(of) = self.socket.internet() {
            let flags = MessageFlags::empty();
            internet::receive(caller, of, &mut &mut *self.room, flags, nonblocking).map(|received| {
                match received {
                    internet::Incoming::Bytes(count) => count,
                    internet::Incoming::Datagram(datagram) => datagram.copied,
                    internet::Incoming::End => 0,
                }
            })
        } else if self.socket.vsock().is_some() {
            self.socket.receive(&mut &mut *self.room, false).map(|received| match received {
                Received::Bytes(count) | Received::Record(count) => count,
                Received::End => 0,
            })
        } else if let Some(endpoint) = self.socket.endpoint() {
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
