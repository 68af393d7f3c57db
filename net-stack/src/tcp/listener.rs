//! Who waits for connections: listen(2), accept(2).

use alloc::{
    collections::VecDeque,
    sync::{Arc, Weak},
};

use spin::Mutex;

use super::{
    flow::Flow,
    options::TcpOptions,
    request::{Offer, Request},
    segment::{ACK, FIN, RST, SYN, Segment},
    stream::TcpStream,
};
use crate::{
    address::IpAddr,
    demux::{FourTuple, Key, Member},
    net::InterfaceId,
    outbox::{Notice, Outbox, Watched, Watcher},
    packet::Packet,
    port::Binding,
    stack::Stack,
    time::Instant,
};

/// So many connections are half open at most, whatever the backlog: `net.ipv4.tcp_max_syn_backlog`.
const REQUESTS_MAX: usize = 4096;

/// Somebody listens there already who does not share (EADDRINUSE). The binding is as it was.
pub struct ListenError {
    /// The binding.
    pub binding: Binding,
}

/// A socket that waits for connections. Dropping it resets those that nobody has accepted.
pub struct TcpListener {
    stack: Arc<Stack>,
    shared: Arc<Listening>,
}

/// What the table of listeners refers to.
pub(crate) struct Listening {
    key: Key,
    balances: bool,
    watched: Watched,
    state: Mutex<State>,
}

struct State {
    /// The port; `None` once it is closed.
    binding: Option<Binding>,
    options: TcpOptions,
    /// What listen(2) was told.
    backlog: usize,
    /// How many are half open.
    requests: usize,
    /// How many places are kept for connections that are on their way into the queue.
    reserved: usize,
    ready: VecDeque<Arc<Flow>>,
}

impl State {
    /// Linux: one more than the backlog fits.
    fn is_full(&self) -> bool {
        self.ready.len() + self.reserved > self.backlog
    }
}

impl Member for Listening {
    fn balances(&self) -> bool {
        self.balances
    }
}

impl Listening {
    pub(super) fn is_closed(&self) -> bool {
        self.state.lock().binding.is_none()
    }

    pub(super) fn defers(&self) -> bool {
        self.state.lock().options.defer_accept
    }

    /// Keeps a place for a connection, if there is one; returns what it begins with.
    pub(super) fn reserve(&self) -> Option<TcpOptions> {
        let mut state = self.state.lock();
        if state.is_full() || state.binding.is_none() {
            return None;
        }
        state.reserved += 1;
        Some(state.options)
    }

    pub(super) fn unreserve(&self) {
        self.state.lock().reserved -= 1;
    }

    pub(super) fn request_over(&self) {
        let mut state = self.state.lock();
        state.requests = state.requests.saturating_sub(1);
    }

    pub(super) fn binding_for(&self, address: IpAddr) -> Option<Binding> {
        self.state.lock().binding.as_ref().map(|binding| binding.inherit(address))
    }

    /// Puts a connection into the place that was kept for it.
    pub(super) fn push(&self, flow: Arc<Flow>, out: &mut Outbox) {
        let mut state = self.state.lock();
        state.reserved -= 1;
        state.ready.push_back(flow);
        drop(state);
        out.tell(&self.watched, Notice::READABLE);
    }
}

impl Stack {
    /// Waits for connections on a port, `backlog` and one more of which may wait to be accepted. Those begin with
    /// `options`.
    ///
    /// # Errors
    /// [`ListenError`].
    pub fn tcp_listen(
        self: &Arc<Self>,
        mut binding: Binding,
        options: &TcpOptions,
        backlog: usize,
    ) -> Result<TcpListener, ListenError> {
        if binding.listen().is_err() {
            return Err(ListenError { binding });
        }
        let claim = binding.claim();
        let key = Key { cover: claim.cover, port: binding.port(), device: claim.device, peer: None };
        let state = State {
            options: *options,
            backlog,
            requests: 0,
            reserved: 0,
            ready: VecDeque::new(),
            binding: None,
        };
        let balances = claim.reuse_port;
        let shared =
            Arc::new(Listening { key, balances, watched: Watched::default(), state: Mutex::new(state) });
        shared.state.lock().binding = Some(binding);
        self.listeners.add(key, &shared);
        Ok(TcpListener { stack: self.clone(), shared })
    }

    /// A segment that belongs to no connection. `first`: a first sequence number that is better than another.
    #[expect(clippy::too_many_arguments, reason = "what a segment has")]
    pub(super) fn listener_input(
        &self,
        tuple: FourTuple,
        interface: InterfaceId,
        segment: &Segment,
        packet: Packet,
        first: Option<u32>,
        now: Instant,
        out: &mut Outbox,
    ) {
        let Some(listener) = self.listeners.find(tuple.local, tuple.remote, interface) else {
            return self.refuse_segment(&tuple, segment, out);
        };
        // RFC 9293, 3.10.7.2.
        if segment.has(RST) {
            return;
        }
        if segment.has(ACK) {
            return self.cookie_input(&listener, tuple, segment, packet, now, out);
        }
        if !segment.has(SYN) || segment.has(FIN) {
            return;
        }
        let (full, flooded, options) = {
            let state = listener.state.lock();
            let limit = REQUESTS_MAX.min(state.backlog.max(1));
            (state.is_full() || state.binding.is_none(), state.requests >= limit, state.options)
        };
        if full {
            return Self::count(&self.counters.no_room);
        }
        let Some(path) = self.path_back(&tuple, listener.key.device) else { return };
        let headers = if path.source.is_ipv4() { 40 } else { 60 };
        let mss = (path.mtu.clamp(576, 65535) - headers) as u16;
        let mut offer = Offer {
            tuple,
            path,
            ours: first.unwrap_or_else(|| self.first_sequence_number(&tuple, now)),
            theirs: segment.seq,
            clock_offset: self.clock_offset(&tuple),
            options: segment.options,
            window: options.receive_size().min(0xffff) as u16,
            mss: mss.min(options.max_segment.unwrap_or(u16::MAX)),
        };
        if flooded {
            // RFC 4987, 3.6: what must be remembered goes with the answer, and comes back.
            self.make_cookie(&mut offer, now);
            let recent = offer.options.timestamps.map_or(0, |(value, _)| value);
            return self.tcp_send(&offer.path, &offer.answer(now, recent), out);
        }
        listener.state.lock().requests += 1;
        if !Request::enter(self, &listener, offer, now, out) {
            listener.request_over();
        }
    }
}

impl TcpListener {
    /// Who is to be told that a connection waits.
    pub fn watch(&self, watcher: Option<Weak<dyn Watcher>>) {
        self.shared.watched.set(watcher);
    }

    /// The first connection that waits, if one does.
    #[must_use]
    pub fn accept(&self) -> Option<TcpStream> {
        let flow = self.shared.state.lock().ready.pop_front()?;
        Some(TcpStream::new(self.stack.clone(), flow))
    }

    /// listen(2) again: another backlog.
    pub fn set_backlog(&self, backlog: usize) {
        self.shared.state.lock().backlog = backlog;
    }

    /// How many connections wait to be accepted, and how many are half open.
    #[must_use]
    pub fn waiting(&self) -> (usize, usize) {
        let state = self.shared.state.lock();
        (state.ready.len(), state.requests)
    }

    /// How many may wait to be accepted, and one more.
    #[must_use]
    pub fn backlog(&self) -> usize {
        self.shared.state.lock().backlog
    }

    /// Changes the options that connections begin with.
    pub fn set_options(&self, change: impl FnOnce(&mut TcpOptions)) {
        change(&mut self.shared.state.lock().options);
    }

    /// The address and port.
    #[must_use]
    pub fn local(&self) -> (Option<IpAddr>, u16) {
        (self.shared.key.cover.address(), self.shared.key.port)
    }

    /// What poll(2) would say.
    #[must_use]
    pub fn readiness(&self) -> Notice {
        let ready = !self.shared.state.lock().ready.is_empty();
        if ready { Notice::READABLE } else { Notice::empty() }
    }

    /// Stops listening and gives the binding back: connections that nobody has accepted are reset.
    pub fn stop(self, now: Instant) -> Option<Binding> {
        let mut binding = self.close(now);
        if let Some(binding) = &mut binding {
            binding.stop_listening();
        }
        binding
    }

    fn close(&self, now: Instant) -> Option<Binding> {
        self.stack.listeners.remove(self.shared.key, &self.shared);
        let (binding, ready) = {
            let mut state = self.shared.state.lock();
            (state.binding.take(), core::mem::take(&mut state.ready))
        };
        for flow in ready {
            TcpStream::new(self.stack.clone(), flow).abort(now);
        }
        self.shared.watched.set(None);
        binding
    }
}

impl Drop for TcpListener {
    fn drop(&mut self) {
        let now = self.stack.last_now();
        drop(self.close(now));
    }
}
