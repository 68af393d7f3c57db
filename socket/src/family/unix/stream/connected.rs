//! A socket that has, or had, a peer.

use alloc::sync::Arc;
use core::sync::atomic::Ordering;

use super::{
    end::{Connection, End, Inbox, writable},
    queue::Piece,
    segments::{Segment, Segments},
};
use crate::{
    bytes::{Sink, Source},
    caller::Credentials,
    error::{Errno, Error},
    family::unix::{address::Address, shutdown::Shutdown},
    pool::{self, Pool},
    ready::{Events, Pollee},
    step::{Attempt, Blocked, Stop},
};

/// The most that is sent in one piece: what Linux puts into one `struct sk_buff` of a stream, a page less its own data
/// and 32 KiB of further pages. A fault loses the piece, not what went before it.
const PIECE_MAX: usize = 3776 + 32768;
const _: () = assert!(PIECE_MAX <= pool::PIECE);

/// Up to here a message is copied by way of the stack, and put where there is room for it.
const SHORT: usize = 256;

/// Up to here, the way is made for it.
const TINY: usize = 32;

/// What short messages are gathered in when they wait.
const GATHERED: usize = 2048 - 64;

/// A connection as one of its two sockets sees it.
pub struct Link {
    connection: Arc<Connection>,
    /// At which end the socket is.
    side: usize,
}

/// What receiving comes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Received {
    /// So many bytes. None only where there was room for none.
    Bytes(usize),
    /// The end: nothing more will come.
    End,
}

impl Link {
    /// A connection, from both sides.
    pub(crate) fn pair(
        pollees: [Arc<Pollee>; 2],
        peers: [Credentials; 2],
        send_buffers: [u32; 2],
        pool: &Arc<Pool>,
    ) -> (Self, Self) {
        let [pollee, other_pollee] = pollees;
        let ends =
            [End::new(pollee, peers[0], send_buffers[0]), End::new(other_pollee, peers[1], send_buffers[1])];
        let connection = Arc::new(Connection { ends, pool: pool.clone() });
        (Self { connection: connection.clone(), side: 0 }, Self { connection, side: 1 })
    }

    #[inline]
    fn here(&self) -> &End {
        &self.connection.ends[self.side & 1]
    }

    #[inline]
    fn there(&self) -> &End {
        &self.connection.ends[!self.side & 1]
    }

    /// Whether sending can be tried at all, which Linux asks before it looks at the payload.
    ///
    /// # Errors
    /// EPIPE where it is shut, by whichever side.
    pub fn check_sending(&self) -> Attempt<()> {
        if self.here().shutdown().contains(Shutdown::SEND) { Err(broken_pipe()) } else { Ok(()) }
    }

    /// Sends the next piece of what `source` has, and says how large it was. Several may be needed; `first` says that this
    /// is the first piece of a call that has not waited yet.
    ///
    /// # Errors
    /// EPIPE where the connection is shut, ECONNRESET, once (before it if not `first`, as in Linux); EFAULT, with nothing of this piece sent. Waits for room,
    /// which there is while less than the send buffer is taken: the last piece may so exceed it.
    #[inline]
    pub fn send<S: Source>(&self, source: &mut S, first: bool) -> Attempt<usize> {
        let (here, there) = (self.here(), self.there());
        if !here.may_send() {
            self.why_not(first)?;
        }
        let send_buffer = here.send_buffer.load(Ordering::Relaxed);
        if there.charged_hint() >= send_buffer {
            self.check_room(send_buffer)?;
        }
        let length = source.remaining();
        if length <= TINY {
            let mut message = [0; TINY];
            let message = &mut message[..length];
            source.take(message)?;
            self.send_short(message)?;
        } else if length <= SHORT {
            self.send_stacked(source, length)?;
        } else {
            return self.send_long(source, send_buffer);
        }
        there.pollee.notify(Events::READABLE);
        Ok(length)
    }

    #[cold]
    fn why_not(&self, first: bool) -> Attempt<()> {
        if first {
            self.check_sending()?;
        }
        if let Some(error) = self.here().take_error() {
            return Err(error.into());
        }
        self.check_sending()
    }

    /// Looks again, with the lock: without it, the reader may just have made room and have found nobody to tell.
    #[cold]
    fn check_room(&self, send_buffer: u32) -> Attempt<()> {
        if self.there().lock().charged() < send_buffer {
            return Ok(());
        }
        Err(Stop::Blocked(Blocked { pollee: self.here().pollee.clone(), events: Events::OUT }))
    }

    #[inline(never)]
    fn send_stacked<S: Source>(&self, source: &mut S, length: usize) -> Attempt<()> {
        let mut message = [0; SHORT];
        let message = &mut message[..length];
        source.take(message)?;
        self.send_short(message)
    }

    #[inline]
    fn send_short(&self, message: &[u8]) -> Attempt<()> {
        let mut inbox = self.inbox()?;
        if inbox.append(message) {
            return Ok(());
        }
        drop(inbox);
        self.send_gathered(message)
    }

    /// A short message that needs memory, in which others will find room.
    #[cold]
    fn send_gathered(&self, message: &[u8]) -> Attempt<()> {
        let mut segment = Segment::with_capacity(GATHERED, &self.connection.pool);
        segment.fill(message.len()).copy_from_slice(message);
        self.inbox()?.push(segment);
        Ok(())
    }

    #[inline(never)]
    fn send_long<S: Source>(&self, source: &mut S, send_buffer: u32) -> Attempt<usize> {
        // Linux: "keep two messages in the pipe so it schedules better".
        let length = source.remaining().min(PIECE_MAX).min(send_buffer as usize / 2 - 64);
        let pool = &self.connection.pool;
        let mut segment = Segment::with_capacity(length, pool);
        let inbox = match source.take(segment.fill(length)) {
            Ok(()) => self.inbox(),
            Err(fault) => Err(fault.into()),
        };
        match inbox {
            Ok(mut inbox) => inbox.push(segment),
            Err(stop) => {
                segment.free(pool);
                return Err(stop);
            }
        }
        self.there().pollee.notify(Events::READABLE);
        Ok(length)
    }

    /// The queue of the other end, to add to.
    #[inline]
    fn inbox(&self) -> Attempt<Inbox<'_>> {
        let there = self.there();
        let inbox = there.lock();
        if there.shutdown().contains(Shutdown::RECEIVE) {
            drop(inbox);
            return Err(broken_pipe());
        }
        Ok(inbox)
    }

    /// Receives what is there, at most as much as `sink` has room for. With `peek`, it stays there.
    ///
    /// # Errors
    /// Where nothing is there: ECONNRESET, once; waits. EFAULT where the first piece could not be stored; it is then still
    /// there.
    #[inline]
    pub fn receive<S: Sink>(&self, sink: &mut S, peek: bool) -> Attempt<Received> {
        let here = self.here();
        let Some(reader) = here.reader() else {
            return Err(Stop::Contended(self.until_readable()));
        };
        let inbox = here.lock();
        let length = inbox.available().min(sink.room());
        if length.wrapping_sub(1) < TINY && !peek {
            let mut message = [0; TINY];
            let message = &mut message[..length];
            inbox.peek(message);
            drop(inbox);
            sink.put(message)?;
            self.consume(length);
        } else {
            if inbox.available() == 0 {
                return self.nothing_to_receive(inbox);
            }
            drop(inbox);
            let received = self.receive_pieces(sink, peek);
            drop(reader);
            return received;
        }
        drop(reader);
        Ok(Received::Bytes(length))
    }

    #[cold]
    fn nothing_to_receive(&self, inbox: Inbox<'_>) -> Attempt<Received> {
        let here = self.here();
        if let Some(error) = here.take_error() {
            return Err(error.into());
        }
        let end = here.shutdown().contains(Shutdown::RECEIVE);
        drop(inbox);
        if end { Ok(Received::End) } else { Err(Stop::Blocked(self.until_readable())) }
    }

    #[cold]
    fn until_readable(&self) -> Blocked {
        Blocked { pollee: self.here().pollee.clone(), events: Events::IN | Events::RDHUP }
    }

    /// The caller is the reader.
    #[inline(never)]
    fn receive_pieces<S: Sink>(&self, sink: &mut S, peek: bool) -> Attempt<Received> {
        let here = self.here();
        let mut buffer = [0; SHORT];
        let mut received = 0;
        while sink.room() > 0 {
            let skip = if peek { received } else { 0 };
            let Some(piece) = here.lock().next(skip, sink.room(), &mut buffer) else { break };
            let (length, stored) = match piece {
                Piece::Copied(length) => (length, sink.put(&buffer[..length])),
                Piece::Lent(lent) => {
                    let (length, stored) = (lent.bytes().len(), sink.put(lent.bytes()));
                    here.lock().give_back(lent);
                    (length, stored)
                }
            };
            match stored {
                Ok(()) if peek => {}
                Ok(()) => self.consume(length),
                Err(fault) if received == 0 => return Err(fault.into()),
                Err(_) => break,
            }
            received += length;
        }
        Ok(Received::Bytes(received))
    }

    /// Bytes have been read.
    #[inline]
    fn consume(&self, length: usize) {
        let (here, there) = (self.here(), self.there());
        let send_buffer = there.send_buffer.load(Ordering::Relaxed);
        let mut inbox = here.lock();
        let Some(room) = inbox.consume_inline(length, send_buffer) else {
            return self.consume_segments(inbox, length, send_buffer);
        };
        drop(inbox);
        if room {
            there.pollee.notify(Events::WRITABLE);
        }
    }

    #[inline(never)]
    fn consume_segments(&self, mut inbox: Inbox<'_>, length: usize, send_buffer: u32) {
        let mut freed = Segments::new();
        let room = inbox.consume(length, send_buffer, &mut freed);
        drop(inbox);
        freed.free(&self.connection.pool);
        if room {
            self.there().pollee.notify(Events::WRITABLE);
        }
    }

    /// shutdown(2).
    pub(super) fn shutdown(&self, directions: Shutdown) {
        let (here, there) = (self.here(), self.there());
        here.shut(directions);
        here.pollee.notify(Events::all());
        there.shut(directions.mirrored());
        there.pollee.notify(Events::all());
    }

    /// What was shut before there was a connection is shut on this side only.
    pub(super) fn shut_local(&self, directions: Shutdown) {
        self.here().shut(directions);
    }

    /// The socket at this end is gone.
    pub(super) fn close(&self) {
        let (segments, unread) = self.here().lock().close();
        segments.free(&self.connection.pool);
        if unread {
            self.reset();
        }
        let there = self.there();
        there.shut(Shutdown::all());
        there.pollee.notify(Events::all());
    }

    /// The peer is told of an abrupt end: with bytes that nobody will read, or before anybody accepted the connection.
    pub(super) fn reset(&self) {
        self.there().set_reset();
    }

    /// What poll(2) shows.
    pub fn poll(&self) -> Events {
        let mut events = self.here().poll();
        let charged = self.there().lock().charged();
        if writable(charged, self.here().send_buffer.load(Ordering::Relaxed)) {
            events |= Events::WRITABLE;
        }
        events
    }

    /// How many bytes wait here.
    #[must_use]
    pub fn unread(&self) -> u32 {
        self.here().lock().available() as u32
    }

    /// What waits at the other end, as it counts against the send buffer.
    #[must_use]
    pub fn unsent(&self) -> u32 {
        self.there().lock().charged()
    }

    /// How much memory the connection takes up while nothing is on its way, both ends together, in bytes.
    #[must_use]
    pub fn footprint(&self) -> usize {
        size_of_val(&*self.connection)
    }

    /// Whether both directions are shut.
    pub(super) fn is_over(&self) -> bool {
        self.here().shutdown() == Shutdown::all()
    }

    /// The pending error: SO_ERROR, which thereby forgets it.
    pub fn take_error(&self) -> Option<Error> {
        self.here().take_error()
    }

    pub(crate) fn set_error(&self, errno: Errno) {
        self.here().set_error(errno);
    }

    /// The socket's own name.
    pub fn local_address(&self) -> Option<&Address> {
        self.here().name.get()
    }

    /// The peer's name, which outlives it.
    pub fn peer_address(&self) -> Option<&Address> {
        self.there().name.get()
    }

    /// Who is, or was, at the other end.
    #[must_use]
    pub fn peer_credentials(&self) -> Credentials {
        self.here().peer_credentials
    }

    pub(super) fn set_local_address(&self, address: Address) {
        self.here().name.call_once(|| address);
    }

    pub(super) fn set_send_buffer(&self, bytes: u32) {
        let here = self.here();
        here.send_buffer.store(bytes, Ordering::Relaxed);
        here.pollee.notify(Events::WRITABLE);
    }
}

#[cold]
fn broken_pipe() -> Stop {
    Error::new(Errno::EPIPE, "the connection is shut").into()
}
