//! A socket that has, or had, a peer.

use alloc::{sync::Arc, vec::Vec};
use core::sync::atomic::Ordering;

use super::{
    end::{Connection, End, Inbox, writable},
    queue::{Freed, Piece},
    segments::Segment,
};
use crate::{
    ancillary::{Gathered, OpenFile, Rights, flight},
    bytes::{Sink, Source},
    error::{Errno, Error},
    family::unix::{address::Address, shutdown::Shutdown},
    identity::Identity,
    pool::{self, Pool},
    ready::{Events, Pollee},
    step::{Attempt, Blocked, Stop},
};

/// The most that is sent in one piece: what Linux puts into one `struct sk_buff` of a stream, a page less its own data
/// and 32 KiB of further pages. A fault loses the piece, not what went before it.
pub(super) const PIECE_MAX: usize = 3776 + 32768;
const _: () = assert!(PIECE_MAX <= pool::PIECE);

/// Up to here a message is copied by way of the stack, and put where there is room for it.
pub(super) const SHORT: usize = 256;

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
    /// So many bytes, and what follows is not for the same call: open files came with these, or somebody else has sent the
    /// next ones.
    Record(usize),
    /// The end: nothing more will come.
    End,
}

impl Link {
    /// A connection, from both sides.
    pub(crate) fn pair(
        pollees: [Arc<Pollee>; 2],
        peers: [Arc<Identity>; 2],
        send_buffers: [u32; 2],
        pool: &Arc<Pool>,
    ) -> (Self, Self) {
        let [pollee, other_pollee] = pollees;
        let [peer, other_peer] = peers;
        let ends =
            [End::new(pollee, peer, send_buffers[0]), End::new(other_pollee, other_peer, send_buffers[1])];
        let connection = Arc::new(Connection { ends, pool: pool.clone() });
        (Self { connection: connection.clone(), side: 0 }, Self { connection, side: 1 })
    }

    #[inline]
    pub(super) fn here(&self) -> &End {
        &self.connection.ends[self.side & 1]
    }

    #[inline]
    pub(super) fn there(&self) -> &End {
        &self.connection.ends[!self.side & 1]
    }

    /// Whether sending can be tried at all, which Linux asks before it looks at the payload.
    ///
    /// # Errors
    /// EPIPE where it is shut, by whichever side.
    pub fn check_sending(&self) -> Attempt<()> {
        if self.here().status.shutdown().contains(Shutdown::SEND) { Err(broken_pipe()) } else { Ok(()) }
    }

    /// Sends the next piece of what `source` has, and says how large it was. Several may be needed; `first` says that this
    /// is the first piece of a call that has not waited yet.
    ///
    /// # Errors
    /// EPIPE where the connection is shut, ECONNRESET, once (before it if not `first`, as in Linux); EFAULT, with nothing of this piece sent. Waits for room,
    /// which there is while less than the send buffer is taken: the last piece may so exceed it.
    #[inline]
    pub fn send<S: Source>(&self, source: &mut S, first: bool) -> Attempt<usize> {
        let send_buffer = self.check_state(first)?;
        let length = source.remaining();
        if length <= TINY {
            let mut message = [0; TINY];
            let message = &mut message[..length];
            source.take(message)?;
            drop(self.queue_short(message)?);
        } else if length <= SHORT {
            drop(self.queue_stacked(source, length)?);
        } else {
            return self.send_long(source, send_buffer);
        }
        self.there().pollee.notify(Events::READABLE);
        Ok(length)
    }

    /// Whether something can be sent now, and how large the buffer for it is.
    #[inline]
    pub(super) fn check_state(&self, first: bool) -> Attempt<u32> {
        let here = self.here();
        if !here.status.may_send() {
            self.why_not(first)?;
        }
        let send_buffer = here.send_buffer.load(Ordering::Relaxed);
        if self.there().charged_hint() >= send_buffer {
            self.check_room(send_buffer)?;
        }
        Ok(send_buffer)
    }

    #[cold]
    fn why_not(&self, first: bool) -> Attempt<()> {
        if first {
            self.check_sending()?;
        }
        if let Some(error) = self.here().status.take_error() {
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

    /// Queues a message of at most [`SHORT`] bytes. The queue is still locked.
    #[inline(never)]
    pub(super) fn queue_stacked<S: Source>(&self, source: &mut S, length: usize) -> Attempt<Inbox<'_>> {
        let mut message = [0; SHORT];
        let message = &mut message[..length];
        source.take(message)?;
        self.queue_short(message)
    }

    #[inline]
    fn queue_short(&self, message: &[u8]) -> Attempt<Inbox<'_>> {
        let mut inbox = self.inbox()?;
        if inbox.append(message) {
            return Ok(inbox);
        }
        drop(inbox);
        self.queue_gathered(message)
    }

    /// A short message that needs memory, in which others will find room.
    #[cold]
    fn queue_gathered(&self, message: &[u8]) -> Attempt<Inbox<'_>> {
        let mut segment = Segment::with_capacity(GATHERED, &self.connection.pool);
        segment.fill(message.len()).copy_from_slice(message);
        let mut inbox = self.inbox()?;
        inbox.push(segment);
        Ok(inbox)
    }

    #[inline(never)]
    fn send_long<S: Source>(&self, source: &mut S, send_buffer: u32) -> Attempt<usize> {
        let (inbox, length) = self.queue_long(source, send_buffer)?;
        drop(inbox);
        self.there().pollee.notify(Events::READABLE);
        Ok(length)
    }

    /// Queues a piece of any length. The queue is still locked.
    #[inline]
    pub(super) fn queue_long<S: Source>(
        &self,
        source: &mut S,
        send_buffer: u32,
    ) -> Attempt<(Inbox<'_>, usize)> {
        // Linux: "keep two messages in the pipe so it schedules better".
        let length = source.remaining().min(PIECE_MAX).min(send_buffer as usize / 2 - 64);
        let pool = &self.connection.pool;
        let mut segment = Segment::with_capacity(length, pool);
        let inbox = match source.take(segment.fill(length)) {
            Ok(()) => self.inbox(),
            Err(fault) => Err(fault.into()),
        };
        match inbox {
            Ok(mut inbox) => {
                inbox.push(segment);
                Ok((inbox, length))
            }
            Err(stop) => {
                segment.free(pool);
                Err(stop)
            }
        }
    }

    /// The queue of the other end, to add to.
    #[inline]
    fn inbox(&self) -> Attempt<Inbox<'_>> {
        let there = self.there();
        let inbox = there.lock();
        if there.status.shutdown().contains(Shutdown::RECEIVE) {
            drop(inbox);
            return Err(broken_pipe());
        }
        Ok(inbox)
    }

    /// Receives what is there, at most as much as `sink` has room for. With `peek`, it stays there. What came with it is added
    /// to `gathered`.
    ///
    /// # Errors
    /// Where nothing is there: ECONNRESET, once; waits. EFAULT where the first piece could not be stored; it is then still
    /// there.
    #[inline]
    pub fn receive<S: Sink>(&self, sink: &mut S, peek: bool, gathered: &mut Gathered) -> Attempt<Received> {
        let here = self.here();
        let Some(reader) = here.reader() else {
            return Err(Stop::Contended(self.until_readable()));
        };
        let inbox = here.lock();
        let length = inbox.available().min(sink.room());
        if length.wrapping_sub(1) < TINY && !peek && inbox.is_plain() && !here.status.knows_senders() {
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
            let received = self.receive_pieces(sink, peek, gathered);
            drop(reader);
            return received;
        }
        drop(reader);
        Ok(Received::Bytes(length))
    }

    #[cold]
    fn nothing_to_receive(&self, inbox: Inbox<'_>) -> Attempt<Received> {
        let here = self.here();
        if let Some(error) = here.status.take_error() {
            return Err(error.into());
        }
        let end = here.status.shutdown().contains(Shutdown::RECEIVE);
        drop(inbox);
        if end { Ok(Received::End) } else { Err(Stop::Blocked(self.until_readable())) }
    }

    #[cold]
    fn until_readable(&self) -> Blocked {
        Blocked { pollee: self.here().pollee.clone(), events: Events::IN | Events::RDHUP }
    }

    /// The caller is the reader.
    #[inline(never)]
    fn receive_pieces<S: Sink>(
        &self,
        sink: &mut S,
        peek: bool,
        gathered: &mut Gathered,
    ) -> Attempt<Received> {
        let here = self.here();
        let mut buffer = [0; SHORT];
        let mut received = 0;
        // At least once: open files come also to those who have no room for bytes.
        loop {
            let skip = if peek { received } else { 0 };
            let mut inbox = here.lock();
            let Some(run) = inbox.run(skip) else { break };
            if here.status.knows_senders() && !gathered.is_of(run.sender()) {
                return Ok(Received::Record(received));
            }
            let (room, has_rights) = (sink.room().min(run.length as usize), run.rights().is_some());
            let piece = inbox.next(skip, room, &mut buffer);
            drop(inbox);
            let (length, stored) = match piece {
                None => (0, Ok(())),
                Some(Piece::Copied(length)) => (length, sink.put(&buffer[..length])),
                Some(Piece::Lent(lent)) => {
                    let (length, stored) = (lent.bytes().len(), sink.put(lent.bytes()));
                    here.lock().give_back(lent);
                    (length, stored)
                }
            };
            match stored {
                Ok(()) => {}
                Err(fault) if received == 0 => return Err(fault.into()),
                Err(_) => break,
            }
            if has_rights {
                gathered.rights = self.rights(skip, peek);
            }
            if !peek {
                self.consume(length);
            }
            received += length;
            if has_rights {
                return Ok(Received::Record(received));
            }
            if sink.room() == 0 {
                break;
            }
        }
        Ok(Received::Bytes(received))
    }

    /// The open files that came with the bytes from `skip` on.
    #[cold]
    fn rights(&self, skip: usize, peek: bool) -> Option<Rights> {
        if peek {
            return flight::undisturbed(|| self.here().lock().run(skip)?.rights().map(Rights::copied));
        }
        self.here().lock().take_rights()
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
        let mut freed = Freed::default();
        let room = inbox.consume(length, send_buffer, &mut freed);
        drop(inbox);
        freed.segments.free(&self.connection.pool);
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

    /// The socket at this end is gone. The open files that nobody has received are added to `files`.
    pub(super) fn close(&self, files: &mut Vec<OpenFile>) {
        let (freed, unread) = self.here().lock().close();
        freed.segments.free(&self.connection.pool);
        if let Some(marks) = freed.marks {
            files.extend(marks.into_rights().flat_map(Rights::into_files));
        }
        if unread {
            self.reset();
        }
        let there = self.there();
        there.shut(Shutdown::all());
        there.pollee.notify(Events::all());
    }

    /// Takes the open files out of what waits here.
    pub(super) fn take_rights(&self, files: &mut Vec<OpenFile>) {
        let rights = self.here().lock().take_all_rights();
        files.extend(rights.into_iter().flat_map(Rights::into_files));
    }

    /// The peer is told of an abrupt end: with bytes that nobody will read, or before anybody accepted the connection.
    pub(super) fn reset(&self) {
        self.there().status.set_reset();
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
        self.here().status.shutdown() == Shutdown::all()
    }

    /// The pending error: SO_ERROR, which thereby forgets it.
    pub fn take_error(&self) -> Option<Error> {
        self.here().status.take_error()
    }

    pub(crate) fn set_error(&self, errno: Errno) {
        self.here().status.set_error(errno);
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
    pub fn peer(&self) -> &Arc<Identity> {
        &self.here().peer
    }

    /// Where in the registry the peer is.
    pub(crate) fn peer_place(&self) -> u32 {
        self.there().place.load(Ordering::Relaxed)
    }

    /// Where in the registry the socket is.
    pub(super) fn set_place(&self, place: u32) {
        self.here().place.store(place, Ordering::Relaxed);
    }

    /// Whether the socket wants to know who sends.
    pub(super) fn set_knows_senders(&self, wanted: bool) {
        self.here().status.set_knows_senders(wanted);
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
