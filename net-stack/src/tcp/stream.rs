//! A connection as a program has it.

use alloc::sync::{Arc, Weak};

use super::{
    disposition::{Disposition, State},
    engine::Engine,
    flow::{Flow, Phase},
    options::TcpOptions,
    sequence::distance,
    tally::Tally,
};
use crate::{
    address::Endpoint,
    outbox::{Notice, Outbox, Watcher},
    stack::Stack,
    time::Instant,
};

/// A connection, established or about to be. Dropping it closes it: what was written is still sent.
pub struct TcpStream {
    stack: Arc<Stack>,
    flow: Arc<Flow>,
}

/// Why nothing was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WriteError {
    /// There is no room now, or no connection yet (EAGAIN).
    WouldBlock,
    /// This direction is closed, or the connection is gone (EPIPE).
    Closed,
    /// The connection has ended; it is told once.
    Failed(Disposition),
}

/// Why nothing was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReadError {
    /// There is nothing now, or no connection yet (EAGAIN).
    WouldBlock,
    /// The connection has ended; it is told once.
    Failed(Disposition),
}

/// How a connection stands: what TCP_INFO is filled from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Info {
    /// The state.
    pub state: State,
    /// Bytes that wait to be read: SIOCINQ.
    pub readable: usize,
    /// Bytes that wait to be sent or acknowledged: SIOCOUTQ.
    pub unsent: usize,
    /// Whether there is an engine: memory for data.
    pub has_engine: bool,
    /// The longest segment that the peer takes.
    pub peer_mss: u16,
    /// How much room the peer has said that it has.
    pub peer_window: u32,
    /// The smoothed round-trip time and its deviation, in milliseconds; 0 if nothing was measured.
    pub round_trip: (u32, u32),
    /// Whether timestamps and selective acknowledgements were agreed on, and by how many bits windows are shifted.
    pub timestamps: bool,
    /// SACK.
    pub sack: bool,
    /// The peer's shift and ours.
    pub scales: (u8, u8),
    /// Of the bytes that wait: how many were sent, and are not acknowledged.
    pub in_flight: u32,
    /// How many bytes the peer has been told that there is room for.
    pub own_window: u32,
    /// The longest segment, and the longest packet, that the way takes.
    pub path: (u16, u32),
    /// How long the next acknowledgement is waited for until data is sent again, in milliseconds, and how often that has
    /// been doubled.
    pub timeout: (u32, u8),
    /// How often a silent peer was asked whether it is still there.
    pub probes: u8,
    /// Whether acknowledgements are sent at once: TCP_QUICKACK.
    pub quick: bool,
    /// What has passed.
    pub tally: Tally,
}

impl TcpStream {
    pub(super) fn new(stack: Arc<Stack>, flow: Arc<Flow>) -> Self {
        Self { stack, flow }
    }

    /// Who is to be told what happens to the connection.
    pub fn watch(&self, watcher: Option<Weak<dyn Watcher>>) {
        self.flow.watched.set(watcher);
    }

    /// The end that is here.
    #[must_use]
    pub fn local(&self) -> Endpoint {
        self.flow.tuple.local
    }

    /// The other end.
    #[must_use]
    pub fn remote(&self) -> Endpoint {
        self.flow.tuple.remote
    }

    /// The state.
    #[must_use]
    pub fn state(&self) -> State {
        self.flow.core.lock().state()
    }

    /// The options.
    #[must_use]
    pub fn options(&self) -> TcpOptions {
        self.flow.core.lock().options
    }

    /// Changes the options. Sizes of buffers count for the next engine.
    pub fn set_options(&self, now: Instant, change: impl FnOnce(&mut TcpOptions)) {
        self.act(now, |core, step| {
            change(&mut core.options);
            core.ring = core.options.receive_size() as u32;
            if !core.options.cork || core.options.no_delay {
                core.uncork(step);
            }
            let no_delay = core.options.no_delay || core.is_local();
            if let Some(engine) = core.engine_mut() {
                engine.set_no_delay(no_delay);
                core.run_engine(step);
            }
        });
    }

    fn act<R>(
        &self,
        now: Instant,
        action: impl FnOnce(&mut super::flow::Core, &mut super::flow::Step<'_>) -> R,
    ) -> R {
        let mut out = Outbox::default();
        let result = self.flow.step(&self.stack, now, &mut out, action);
        self.stack.flush(out, now);
        result
    }

    /// Writes as much as there is room for. Returns how much, never 0 unless `bytes` is empty.
    ///
    /// # Errors
    /// [`WriteError`].
    pub fn write(&self, bytes: &[u8], now: Instant) -> Result<usize, WriteError> {
        self.write_more(bytes, false, now)
    }

    /// As [`TcpStream::write`]. `more` says that more follows at once: short segments wait for it (MSG_MORE).
    ///
    /// # Errors
    /// [`WriteError`].
    pub fn write_more(&self, bytes: &[u8], more: bool, now: Instant) -> Result<usize, WriteError> {
        let mut rest = bytes;
        let result = self.write_with(now, more, |room| {
            let length = rest.len().min(room.len());
            room[..length].copy_from_slice(&rest[..length]);
            rest = &rest[length..];
            length
        });
        if bytes.is_empty() && result == Err(WriteError::WouldBlock) { Ok(0) } else { result }
    }

    /// Has `fill` write into the send buffer's free space, piece by piece, while the connection is locked; it returns how
    /// many bytes it wrote. It must neither wait nor fault: user memory is made present beforehand. `more` says that more
    /// follows.
    ///
    /// # Errors
    /// [`WriteError`].
    pub fn write_with(
        &self,
        now: Instant,
        more: bool,
        fill: impl FnMut(&mut [u8]) -> usize,
    ) -> Result<usize, WriteError> {
        self.act(now, |core, step| {
            if let Some(disposition) = core.disposition.take() {
                return Err(WriteError::Failed(disposition));
            }
            if core.teardown.write_shut || matches!(core.phase, Phase::Gone(_)) {
                return Err(WriteError::Closed);
            }
            if !matches!(core.phase, Phase::Open(_)) {
                return Err(WriteError::WouldBlock);
            }
            core.start_engine(step);
            let holds = more || core.options.cork;
            let length = if holds || core.held.is_some() {
                core.write_held(step, holds, fill)
            } else {
                let Some(engine) = core.engine_mut() else { return Err(WriteError::WouldBlock) };
                engine.write(fill)
            };
            core.run_engine(step);
            if length == 0 { Err(WriteError::WouldBlock) } else { Ok(length) }
        })
    }

    /// Reads as much as there is. Returns 0 at the end.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn read(&self, into: &mut [u8], now: Instant) -> Result<usize, ReadError> {
        let mut filled = 0;
        self.read_with(now, |bytes| {
            let room = &mut into[filled..];
            let length = room.len().min(bytes.len());
            room[..length].copy_from_slice(&bytes[..length]);
            filled += length;
            length
        })
    }

    /// Has `take` read from the receive buffer, piece by piece, while the connection is locked; it returns how many bytes
    /// it took. It must neither wait nor fault. Returns the sum, 0 at the end.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn read_with(&self, now: Instant, take: impl FnMut(&[u8]) -> usize) -> Result<usize, ReadError> {
        self.act(now, |core, step| {
            let readable = core.engine().map_or(0, Engine::readable);
            if readable == 0 {
                if let Some(disposition) = core.disposition.take() {
                    return Err(ReadError::Failed(disposition));
                }
                let end = core.teardown.fin_received || core.teardown.read_shut;
                let over = end || matches!(core.phase, Phase::Gone(_));
                return if over { Ok(0) } else { Err(ReadError::WouldBlock) };
            }
            let length = core.engine_mut().map_or(0, |engine| engine.read(take));
            core.after_read(step);
            core.acknowledge_read(step);
            core.drop_read_engine(step);
            Ok(length)
        })
    }

    /// TCP_QUICKACK: acknowledgements are sent at once, that which is owed too; or may wait for data to go with. Only until
    /// the connection knows better.
    pub fn set_quick(&self, quick: bool, now: Instant) {
        self.act(now, |core, step| {
            core.ping_pong = !quick;
            if quick {
                core.acknowledge_read(step);
            }
        });
    }

    /// Copies what can be read, from byte `skip` on; it stays. Returns how much.
    pub fn peek(&self, skip: usize, into: &mut [u8]) -> usize {
        self.flow.core.lock().engine_mut().map_or(0, |engine| engine.peek(skip, into))
    }

    /// SO_ERROR: why the connection ended, once.
    pub fn take_error(&self) -> Option<Disposition> {
        self.flow.core.lock().disposition.take()
    }

    /// Closes directions: nothing more is read, or written.
    pub fn shut_down(&self, read: bool, write: bool, now: Instant) {
        self.act(now, |core, step| {
            core.teardown.read_shut |= read;
            if write {
                core.shut_write(step);
            }
        });
    }

    /// Ends the connection at once; the peer is told so by a reset.
    pub fn abort(self, now: Instant) {
        self.reset(now);
    }

    /// As [`TcpStream::abort`], for one whom others have, too: connect(2) to no address.
    pub fn reset(&self, now: Instant) {
        self.act(now, |core, step| {
            core.teardown.orphan = true;
            let reset = !matches!(core.phase, Phase::SynSent);
            core.die(step, None, reset);
        });
    }

    /// Lets go of the connection at `now`, as dropping it does at the time of the last call.
    pub fn close(self, now: Instant) {
        self.act(now, super::flow::Core::close);
    }

    /// How the connection stands.
    #[must_use]
    pub fn info(&self) -> Info {
        let core = self.flow.core.lock();
        Info {
            state: core.state(),
            readable: core.engine().map_or(0, Engine::readable),
            unsent: core.engine().map_or(0, Engine::unsent) + core.held(),
            has_engine: core.engine().is_some(),
            peer_mss: core.peer_mss,
            peer_window: core.send_window,
            round_trip: core.recovery.round_trip(),
            timestamps: core.timestamps,
            sack: core.sack,
            scales: (core.peer_scale, core.own_scale),
            in_flight: distance(core.send_una, core.send_next),
            own_window: core.window(),
            path: (core.path_mss(), core.mtu()),
            timeout: core.recovery.waits(),
            probes: core.probes,
            quick: !core.ping_pong,
            tally: core.tally,
        }
    }

    /// What poll(2) would say.
    #[must_use]
    pub fn readiness(&self) -> Notice {
        let core = self.flow.core.lock();
        let gone = matches!(core.phase, Phase::Gone(_));
        let open = matches!(core.phase, Phase::Open(_));
        let readable = core.engine().is_some_and(|engine| engine.readable() > 0);
        let end = core.teardown.fin_received || core.teardown.read_shut || gone;
        // Linux: a third of the buffer must be free.
        let free = |engine: &Engine| engine.room().saturating_sub(core.held()) * 3;
        let room = core.engine().is_none_or(|engine| free(engine) > core.options.send_size());
        let mut notice = Notice::empty();
        notice.set(Notice::READABLE, readable || end);
        notice.set(Notice::WRITABLE, gone || open && (room || core.teardown.write_shut));
        notice.set(Notice::READ_CLOSED, end);
        notice.set(Notice::CLOSED, gone || core.teardown.write_shut && end);
        notice.set(Notice::ERROR, core.disposition.is_some());
        notice
    }
}

impl Drop for TcpStream {
    fn drop(&mut self) {
        let now = self.stack.last_now();
        self.act(now, super::flow::Core::close);
        self.flow.watched.set(None);
    }
}
