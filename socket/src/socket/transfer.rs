//! What sockets send and receive.

use alloc::sync::Arc;

use linux_raw_sys::net::SOCK_STREAM;

use super::{Body, NO_STREAM, NOT_CONNECTED, Socket};
use crate::{
    ancillary::Gathered,
    bytes::{Sink, Source},
    error::{Errno, Error, Result},
    family::unix::{
        record::{Endpoint, Sequenced},
        stream::{Link, Received},
    },
    step::Attempt,
};

impl Socket {
    /// The stream, to send and receive on, where the socket has one.
    #[inline]
    #[must_use]
    pub fn link(&self) -> Option<&Link> {
        match &self.body {
            Body::Stream(machine) => machine.link(),
            _ => None,
        }
    }

    /// What sends and receives records, where the socket has it; nothing for streams, and for what is not connected but would
    /// have to be.
    #[inline]
    pub(crate) fn endpoint(&self) -> Option<&Arc<Endpoint>> {
        match &self.body {
            Body::Datagram(datagram) => Some(datagram.endpoint()),
            Body::Seqpacket(machine) => machine.link().map(Sequenced::endpoint),
            Body::Stream(_) | Body::Internet(_) | Body::Netlink(_) | Body::Vsock(_) => None,
        }
    }

    /// Whether what is sent are records, not a stream of bytes.
    #[inline]
    #[must_use]
    pub fn sends_records(&self) -> bool {
        match &self.body {
            Body::Stream(_) => false,
            Body::Seqpacket(_) | Body::Datagram(_) | Body::Netlink(_) => true,
            Body::Internet(_) | Body::Vsock(_) => u32::from(self.socket_type()) != SOCK_STREAM,
        }
    }

    /// Sends as much as there is room for; a record is sent whole, to the socket's peer. See [`Link::send`] for the pieces of a
    /// stream.
    ///
    /// # Errors
    /// ENOTCONN, ECONNRESET, EPIPE, EFAULT; of records also EMSGSIZE, ECONNREFUSED and EPERM. Waits for room.
    pub fn send<S: Source>(&self, source: &mut S) -> Attempt<usize> {
        if let Some(internet) = self.internet() {
            return internet.send(source);
        }
        if let Some(vsock) = self.vsock() {
            return vsock.send(source, false, false);
        }
        if let Some(endpoint) = self.endpoint() {
            let length = source.remaining();
            let peer = endpoint.peer().ok_or(NOT_CONNECTED)?;
            // Before `source` is used up: who waits comes again with the same bytes.
            endpoint.find_room(&peer)?;
            let mut unsent = endpoint.prepare(source)?.room_was_found();
            return endpoint.deliver(&mut unsent, &peer, false).map(|_| length);
        }
        let link = self.link().ok_or(NOT_CONNECTED)?;
        link.check_sending()?;
        let mut sent = 0;
        while source.remaining() > 0 {
            match link.send(source, sent == 0) {
                Ok(length) => sent += length,
                Err(_) if sent > 0 => break,
                Err(stop) => return Err(stop),
            }
        }
        Ok(sent)
    }

    /// Receives what is there; of a record, what there is room for. Open files that came with it are closed.
    ///
    /// # Errors
    /// Where there is no connection EINVAL, or of records ENOTCONN, as Linux has it; ECONNRESET, EFAULT. Waits for something to
    /// be there.
    pub fn receive<S: Sink>(&self, sink: &mut S, peek: bool) -> Attempt<Received> {
        if let Some(internet) = self.internet() {
            let count = internet.receive(sink, peek)?;
            return Ok(if count == 0 && !self.sends_records() {
                Received::End
            } else {
                Received::Bytes(count)
            });
        }
        if let Some(vsock) = self.vsock() {
            if self.sends_records() {
                let record = vsock.receive_record(sink, peek)?;
                return Ok(record.map_or(Received::End, |record| Received::Bytes(record.copied)));
            }
            let count = vsock.receive(sink, peek, 1)?;
            return Ok(if count == 0 { Received::End } else { Received::Bytes(count) });
        }
        if let Some(endpoint) = self.endpoint() {
            let taken = endpoint.receive(sink, peek, false)?;
            return Ok(if taken.is_end() { Received::End } else { Received::Bytes(taken.copied) });
        }
        self.link().ok_or_else(|| self.not_connected())?.receive(sink, peek, &mut Gathered::default())
    }

    /// What receiving fails with that needs a connection.
    #[cold]
    pub(crate) fn not_connected(&self) -> Error {
        match &self.body {
            Body::Stream(_) => NO_STREAM,
            _ => NOT_CONNECTED,
        }
    }

    /// How many bytes can be received (FIONREAD).
    ///
    /// # Errors
    /// EINVAL for a listening socket.
    pub fn unread(&self) -> Result<u32> {
        if let Some(internet) = self.internet() {
            return Ok(internet.unread()? as u32);
        }
        if let Some(vsock) = self.vsock() {
            return vsock.unread();
        }
        if self.is_listening() {
            return Err(Error::new(Errno::EINVAL, "a listening socket receives nothing"));
        }
        Ok(match self.endpoint() {
            Some(endpoint) => endpoint.unread(),
            None => self.link().map_or(0, Link::unread),
        })
    }

    /// What the receivers have not received yet, in bytes as they count against the send buffer (SIOCOUTQ).
    ///
    /// # Errors
    /// EINVAL for a listening socket over TCP.
    pub fn unsent(&self) -> Result<u32> {
        if let Some(internet) = self.internet() {
            return Ok(internet.unsent()? as u32);
        }
        if let Some(vsock) = self.vsock() {
            // What is sent over the loopback transport has arrived.
            return vsock.unread().map(|_| 0);
        }
        Ok(match self.endpoint() {
            Some(endpoint) => endpoint.unsent(),
            None => self.link().map_or(0, Link::unsent),
        })
    }
}
