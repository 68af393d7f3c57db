//! What goes out and comes in, from and to programs' memory, while nothing is locked.

use alloc::{vec, vec::Vec};

use linux_raw_sys::net::{AF_INET, AF_UNSPEC};
use net_stack::{
    address::Endpoint,
    datagram::{Ancillary, Draft, Version},
    tcp::TcpStream,
    time::Instant,
};

use super::{
    Internet, Transport,
    address::{self, Shown},
    said,
    told::Told,
    udp::Udp,
};
use crate::{
    abi::control::ControlMessages,
    bytes::{Sink, Source},
    error::{Errno, Error, Result},
    step::Attempt,
};

/// So much of a stream is copied at a time: a segment's worth.
const PIECE: usize = 64 << 10;

/// The longest payload that a UDP header can speak of.
const DATAGRAM_MAX: usize = 0xffff;

pub(super) const TOO_LONG: Error = Error::new(Errno::EMSGSIZE, "no datagram is so long");

/// What a call has copied out of its program's memory, and not written yet.
#[derive(Default)]
pub(crate) struct Pending {
    bytes: Vec<u8>,
    written: usize,
}

impl Pending {
    /// Whether anything is left.
    pub(crate) fn is_left(&self) -> bool {
        self.written < self.bytes.len()
    }
}

/// How a datagram is to be sent.
#[derive(Clone, Copy, Default)]
pub(crate) struct Manner<'a> {
    /// To an address, or else to the peer.
    pub(crate) to: Option<&'a [u8]>,
    /// With control messages.
    pub(crate) control: Option<&'a ControlMessages>,
    /// More of it is to come: MSG_MORE.
    pub(crate) more: bool,
}

/// A datagram that was received.
pub(crate) struct Datagram {
    /// How much of it there was room for.
    pub(crate) copied: usize,
    /// How long it is.
    pub(crate) length: usize,
    /// Who sent it.
    pub(crate) sender: Shown,
    /// What else is told about it.
    pub(crate) told: Vec<Told>,
}

impl Internet {
    /// Sends as much of a stream as there is room for; how much. What is left of it is in `pending`, before what is left in
    /// `source`. `more` says that more follows at once (MSG_MORE).
    ///
    /// # Errors
    /// EPIPE where there is no connection, or its sending direction is shut; what ended it, once; EFAULT. Waits for room.
    pub(crate) fn send_stream<S: Source>(
        &self,
        source: &mut S,
        pending: &mut Pending,
        more: bool,
        now: Instant,
    ) -> Attempt<usize> {
        let stream = self.connection().ok_or(Errno::EPIPE)?;
        let mut sent = 0;
        loop {
            if pending.written == pending.bytes.len() {
                let length = source.remaining().min(PIECE);
                pending.written = 0;
                pending.bytes.clear();
                if length == 0 {
                    return Ok(sent);
                }
                pending.bytes.resize(length, 0);
                if let Err(fault) = source.take(&mut pending.bytes) {
                    pending.bytes.clear();
                    return if sent > 0 { Ok(sent) } else { Err(fault.into()) };
                }
            }
            let rest = pending.bytes.get(pending.written..).unwrap_or_default();
            match self.write(&stream, rest, more, now) {
                Ok(length) => {
                    pending.written += length;
                    sent += length;
                }
                Err(_) if sent > 0 => return Ok(sent),
                Err(stop) => return Err(stop),
            }
        }
    }

    /// Receives what is there of a stream: 0 at its end. `discard` says that the bytes are not wanted (MSG_TRUNC).
    ///
    /// # Errors
    /// ENOTCONN where there never was a connection; what ended it, once; EFAULT, and nothing is lost. Waits for data.
    pub(crate) fn receive_stream<K: Sink>(&self, sink: &mut K, peek: bool, now: Instant) -> Attempt<usize> {
        let stream = self.connection().ok_or(Errno::ENOTCONN)?;
        let room = sink.room().min(PIECE);
        if peek {
            return self.peek_stream(&stream, sink, room, now);
        }
        let mut bytes = self.take_returned(room);
        if bytes.is_empty() {
            let read = |piece: &[u8]| {
                let wanted = piece.get(..piece.len().min(room - bytes.len())).unwrap_or_default();
                bytes.extend_from_slice(wanted);
                wanted.len()
            };
            self.read(&stream, now, read)?;
        }
        if let Err(fault) = sink.put(&bytes) {
            self.give_back(bytes);
            return Err(fault.into());
        }
        Ok(bytes.len())
    }

    fn peek_stream<K: Sink>(
        &self,
        stream: &TcpStream,
        sink: &mut K,
        room: usize,
        now: Instant,
    ) -> Attempt<usize> {
        let mut bytes = self.see_returned(room);
        let returned = bytes.len();
        bytes.resize((returned + stream.info().readable).min(room), 0);
        let there = stream.peek(0, bytes.get_mut(returned..).unwrap_or_default());
        bytes.truncate(returned + there);
        if bytes.is_empty() {
            // Why there is nothing, the connection says.
            return self.read(stream, now, |_| 0);
        }
        sink.put(&bytes)?;
        Ok(bytes.len())
    }

    /// Where a datagram is to go that is sent to `address`; nothing for the peer.
    ///
    /// # Errors
    /// EINVAL, EAFNOSUPPORT, ENETUNREACH: what Linux says to addresses that are none.
    pub(crate) fn datagram_destination(&self, address: &[u8]) -> Result<Option<Endpoint>> {
        let to = match (self.version(), address::family(address)) {
            (Version::V6, Some(AF_UNSPEC)) => return Ok(None),
            (Version::V6, Some(AF_INET)) => {
                if self.choices().v6_only {
                    return Err(Error::new(Errno::ENETUNREACH, "IPV6_V6ONLY is set"));
                }
                address::parse(Version::V4, address, true)?.endpoint
            }
            (Version::V6, Some(family)) if family != linux_raw_sys::net::AF_INET6 => {
                return Err(Error::new(Errno::EINVAL, "the address is of another family"));
            }
            _ => self.destination(address, true)?,
        };
        if to.port == 0 {
            return Err(Error::new(Errno::EINVAL, "nobody has port 0"));
        }
        Ok(Some(to))
    }

    /// Sends everything in `source` as one datagram, to an address or to the peer.
    ///
    /// # Errors
    /// In Linux's order: EMSGSIZE, what is wrong with the address, EDESTADDRREQ without one, EFAULT; the error that waits,
    /// EPIPE where the direction is shut, EACCES for a broadcast address without SO_BROADCAST, ENETUNREACH and others; what is
    /// wrong with the control messages comes after the address.
    pub(crate) fn send_datagram<S: Source>(
        &self,
        udp: &Udp,
        source: &mut S,
        Manner { to, control, more }: Manner<'_>,
        now: Instant,
    ) -> Result<usize> {
        let length = source.remaining();
        if length > DATAGRAM_MAX {
            return Err(TOO_LONG);
        }
        let cork = udp.cork();
        // Of what has been begun it is known where it goes.
        let to = to.filter(|_| !cork.holds());
        let to = to.map(|to| self.datagram_destination(to)).transpose()?.flatten();
        let peer = to.or_else(|| udp.socket().peer());
        let ancillary = match (peer, control) {
            (None, _) if cork.holds() => Ancillary::default(),
            (None, _) => return Err(Error::new(Errno::EDESTADDRREQ, "the socket is not connected")),
            (Some(peer), Some(control)) => {
                let over = if peer.address.is_ipv4() { Version::V4 } else { Version::V6 };
                said::read(self, udp, control, over)?
            }
            (Some(_), None) => Ancillary::default(),
        };
        let ancillary = &ancillary;
        if more || cork.is_on() || cork.holds() {
            let mut piece = vec![0; length];
            source.take(&mut piece)?;
            return self.send_piece(udp, &piece, to, ancillary, more || cork.is_on(), now);
        }
        let mut draft = Draft::new(length);
        source.take(draft.payload_mut())?;
        udp.socket().send(draft, to, ancillary, now).map_err(Udp::failed)
    }

    /// Receives a datagram; nothing where no more will come. One that cannot be stored is lost, as on Linux.
    ///
    /// # Errors
    /// The error that waits, EFAULT. Waits for a datagram.
    pub(crate) fn receive_datagram<K: Sink>(
        &self,
        udp: &Udp,
        sink: &mut K,
        peek: bool,
        nonblocking: bool,
    ) -> Attempt<Option<Datagram>> {
        let Some(received) = udp.receive(self.announcer(), peek, nonblocking)? else { return Ok(None) };
        let payload = received.payload();
        let copied = payload.len().min(sink.room());
        sink.put(payload.get(..copied).unwrap_or_default())?;
        let scope = Some(received.interface);
        let sender = Shown::new(self.version(), received.from, scope);
        let wanted = self.wishes().get();
        let told = if wanted.is_empty() { Vec::new() } else { self.tell(wanted, &received) };
        Ok(Some(Datagram { copied, length: payload.len(), sender, told }))
    }

    /// What the kernel's own code sends: see [`Socket::send`](crate::socket::Socket::send).
    pub(crate) fn send<S: Source>(&self, source: &mut S) -> Attempt<usize> {
        let now = self.last_now();
        match self.transport() {
            Transport::Tcp(_) => {
                let mut pending = Pending::default();
                self.send_stream(source, &mut pending, false, now)
            }
            Transport::Udp(udp) => Ok(self.send_datagram(udp, source, Manner::default(), now)?),
        }
    }

    /// What the kernel's own code receives; 0 at the end of a stream.
    pub(crate) fn receive<K: Sink>(&self, sink: &mut K, peek: bool) -> Attempt<usize> {
        match self.transport() {
            Transport::Tcp(_) => self.receive_stream(sink, peek, self.last_now()),
            Transport::Udp(udp) => {
                let datagram = self.receive_datagram(udp, sink, peek, false)?;
                Ok(datagram.map_or(0, |datagram| datagram.copied))
            }
        }
    }
}
