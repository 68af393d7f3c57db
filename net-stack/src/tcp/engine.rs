//! smoltcp's part of a connection: an interface and a socket, which transfer data while there is some.
//!
//! smoltcp chooses its own initial sequence number and opens connections by itself. Here a connection is open already when
//! an engine comes to it: the engine is led through a handshake that never leaves its [device](super::device), and from
//! then on its sequence numbers are shifted by a constant.

use alloc::{boxed::Box, vec, vec::Vec};

use smoltcp::{
    iface::{Config, Interface, SocketHandle, SocketSet, SocketStorage},
    socket::tcp::{CongestionControl, Socket, SocketBuffer, State},
    time::Duration,
    wire::{HardwareAddress, IpEndpoint},
};
use spin::Mutex;

use super::{
    device::Line,
    segment::{ACK, FIN, Options, SYN, Segment},
};
use crate::{
    address::Endpoint,
    demux::FourTuple,
    ip::{Header, protocol},
    packet::Packet,
    time::Instant,
};

/// Of engines that nobody uses, so many bytes of buffers are kept.
const KEPT_MAX: usize = 1 << 20;

/// How long an acknowledgement may wait for data to go with: RFC 9293, 3.8.6.3 allows half a second, Linux takes 40 ms.
const ACK_DELAY: Duration = Duration::from_millis(40);

pub(super) struct Engine {
    interface: Interface,
    sockets: SocketSet<'static>,
    handle: SocketHandle,
    line: Line,
    /// What is added to a sequence number of smoltcp's to get the one on the wire.
    shift: u32,
    /// smoltcp's windows are shifted by so many bits.
    scale: u8,
    send_size: usize,
    receive_size: usize,
    /// Sequence number of the first byte that the engine can receive.
    base: u32,
    /// How many bytes were read from it.
    read: u32,
    /// How many of the packets that were sent answer the one that was received.
    replies: usize,
    /// By how much smoltcp's clock is ahead.
    ahead: core::time::Duration,
    /// What was said last: the acknowledgement in smoltcp's numbers, the window as in the header.
    heard: (u32, u16),
}

/// What an engine has to know of the connection.
#[derive(Clone, Copy)]
pub(super) struct Start {
    pub(super) tuple: FourTuple,
    /// The next sequence number to be sent, that of a FIN that was sent included.
    pub(super) send_next: u32,
    /// The next to be received, without a FIN that was.
    pub(super) receive_next: u32,
    /// How many bytes the peer has room for.
    pub(super) window: u32,
    /// By how many bits its windows are shifted.
    pub(super) peer_scale: u8,
    /// The longest segment that it takes.
    pub(super) peer_mss: u16,
    pub(super) sack: bool,
    pub(super) timestamps: bool,
    pub(super) mtu: u32,
    /// Nothing is lost on the way, and nobody else uses it.
    pub(super) local: bool,
    pub(super) no_delay: bool,
    pub(super) send_size: usize,
    pub(super) receive_size: usize,
    /// The peer's FIN was received.
    pub(super) fin_received: bool,
    /// A FIN was sent, and perhaps acknowledged.
    pub(super) fin_sent: bool,
    pub(super) fin_acked: bool,
}

/// Engines that nobody uses: their memory is used again as it is, for zeroing it would cost more than all the rest.
#[derive(Default)]
#[expect(clippy::vec_box, reason = "they stay where they are when they come and go")]
pub(crate) struct Pool(Mutex<Vec<Box<Engine>>>);

impl Pool {
    fn take(&self, send_size: usize, receive_size: usize) -> Option<Box<Engine>> {
        let mut kept = self.0.lock();
        let fits = |engine: &Engine| engine.send_size == send_size && engine.receive_size == receive_size;
        let place = kept.iter().rposition(|engine| fits(engine))?;
        Some(kept.swap_remove(place))
    }

    pub(super) fn give(&self, engine: Box<Engine>) {
        let mut kept = self.0.lock();
        let size = |engine: &Engine| engine.send_size + engine.receive_size;
        let bytes: usize = kept.iter().map(|engine| size(engine)).sum();
        if bytes + size(&engine) <= KEPT_MAX {
            kept.push(engine);
        } else {
            drop(kept);
        }
    }
}

/// Every timestamp is written over by the flow, which has a clock.
fn no_clock() -> u32 {
    0
}

fn interface(line: &mut Line, now: Instant) -> Interface {
    let mut interface = Interface::new(Config::new(HardwareAddress::Ip), line, now.into());
    interface.set_any_ip(true);
    interface
}

impl Engine {
    /// An engine for a connection that is open.
    pub(super) fn start(pool: &Pool, start: &Start, now: Instant) -> Box<Self> {
        let mut engine = match pool.take(start.send_size, start.receive_size) {
            Some(mut engine) => {
                engine.line.mtu = start.mtu as usize;
                engine.line.outgoing.clear();
                engine.interface = interface(&mut engine.line, now);
                engine
            }
            None => Self::new(start, now),
        };
        engine.open(start, now);
        engine
    }

    fn new(start: &Start, now: Instant) -> Box<Self> {
        let ring = |size| SocketBuffer::new(vec![0; size]);
        let socket = Socket::new(ring(start.receive_size), ring(start.send_size));
        let mut sockets = SocketSet::new(Vec::from([SocketStorage::EMPTY]));
        let handle = sockets.add(socket);
        let mut line = Line { incoming: None, outgoing: Vec::new(), mtu: start.mtu as usize };
        Box::new(Self {
            interface: interface(&mut line, now),
            sockets,
            handle,
            line,
            shift: 0,
            // As smoltcp computes it.
            scale: (usize::BITS - start.receive_size.leading_zeros()).saturating_sub(16) as u8,
            send_size: start.send_size,
            receive_size: start.receive_size,
            base: 0,
            read: 0,
            replies: 0,
            ahead: core::time::Duration::ZERO,
            heard: (0, 0),
        })
    }

    /// Leads smoltcp through a handshake with nobody.
    fn open(&mut self, start: &Start, now: Instant) {
        let endpoint = |end: Endpoint| IpEndpoint::new(end.address.into(), end.port);
        let socket = self.sockets.get_mut::<Socket<'_>>(self.handle);
        socket.abort();
        // What stays on this host has nothing to wait for: nobody is spared a packet.
        socket.set_nagle_enabled(!start.no_delay && !start.local);
        socket.set_ack_delay(Some(ACK_DELAY));
        socket.set_tsval_generator(start.timestamps.then_some(no_clock));
        let congestion = if start.local { CongestionControl::None } else { CongestionControl::Reno };
        socket.set_congestion_control(congestion);
        let (remote, local) = (endpoint(start.tuple.remote), endpoint(start.tuple.local));
        // It is closed and both ends are sound, so it cannot fail.
        let connected = socket.connect(self.interface.context(), remote, local);
        debug_assert!(connected.is_ok());
        self.egress(now);
        let ip = Header::length(start.tuple.local.address);
        let syn = self.line.outgoing.pop().and_then(|packet| Segment::parse(&packet.bytes()[ip..]));
        let first = syn.map_or(0, |syn| syn.seq.wrapping_add(1));
        self.line.outgoing.clear();
        self.shift = start.send_next.wrapping_sub(u32::from(start.fin_sent)).wrapping_sub(first);
        (self.base, self.read) = (start.receive_next, 0);
        let mut segment = Segment {
            from: start.tuple.remote.port,
            to: start.tuple.local.port,
            seq: start.receive_next.wrapping_sub(1),
            ack: first,
            flags: SYN | ACK,
            window: start.window.min(0xffff) as u16,
            options: Options {
                mss: Some(start.peer_mss),
                scale: Some(start.peer_scale),
                sack_permitted: start.sack,
                timestamps: start.timestamps.then_some((0, 0)),
            },
            header: 0,
            length: 0,
        };
        self.feed(&start.tuple, segment.build(), now);
        segment.seq = start.receive_next;
        segment.options = Options { timestamps: segment.options.timestamps, ..Options::default() };
        segment.window = (start.window >> start.peer_scale).min(0xffff) as u16;
        segment.flags = if start.fin_received { FIN | ACK } else { ACK };
        if start.window > 0xffff || start.fin_received {
            self.feed(&start.tuple, segment.build(), now);
        }
        if start.fin_sent {
            self.socket_mut().close();
        }
        self.egress(now);
        if start.fin_acked {
            segment.seq = start.receive_next.wrapping_add(u32::from(start.fin_received));
            segment.flags = ACK;
            segment.ack = first.wrapping_add(1);
            self.feed(&start.tuple, segment.build(), now);
        }
        self.heard = (segment.ack, (start.window >> start.peer_scale).min(0xffff) as u16);
        // All this has been said before.
        self.line.outgoing.clear();
    }

    fn socket_mut(&mut self) -> &mut Socket<'static> {
        self.sockets.get_mut(self.handle)
    }

    pub(super) fn socket(&self) -> &Socket<'static> {
        self.sockets.get(self.handle)
    }

    /// Gives smoltcp a TCP segment whose numbers are its own.
    fn feed(&mut self, tuple: &FourTuple, mut packet: Packet, now: Instant) {
        let start = Header::length(tuple.local.address);
        let header = Header {
            source: tuple.remote.address,
            destination: tuple.local.address,
            protocol: protocol::TCP,
            hop_limit: 64,
            traffic_class: 0,
            payload: start..start + packet.len(),
            fragment: None,
            dont_fragment: true,
        };
        header.put(&mut packet);
        self.line.incoming = Some(packet);
        let now = now + self.ahead;
        self.interface.poll_ingress_single(now.into(), &mut self.line, &mut self.sockets);
    }

    /// Gives smoltcp a segment from the wire.
    pub(super) fn receive(
        &mut self,
        tuple: &FourTuple,
        mut packet: Packet,
        ack: u32,
        window: u16,
        now: Instant,
    ) {
        let ack = ack.wrapping_sub(self.shift);
        let bytes = packet.bytes_mut();
        bytes[8..12].copy_from_slice(&ack.to_be_bytes());
        bytes[14..16].copy_from_slice(&window.to_be_bytes());
        self.heard = (ack, window);
        self.feed(tuple, packet, now);
        self.replies = self.line.outgoing.len();
    }

    /// Has smoltcp send what it wants to send by now.
    pub(super) fn egress(&mut self, now: Instant) {
        use smoltcp::iface::PollResult;
        let now = now + self.ahead;
        while self.interface.poll_egress(now.into(), &mut self.line, &mut self.sockets) != PollResult::None {}
    }

    /// What was sent since, as TCP segments with the numbers of the wire; the window is in bytes, not yet in the header.
    /// With each, whether it answers a segment that was received, rather than that smoltcp thought of it by itself.
    pub(super) fn take_sent(
        &mut self,
        v6: bool,
    ) -> impl Iterator<Item = (Packet, Segment, u32, bool)> + use<> {
        let start = if v6 { 40 } else { 20 };
        let (shift, scale) = (self.shift, self.scale);
        let replies = core::mem::take(&mut self.replies);
        core::mem::take(&mut self.line.outgoing).into_iter().enumerate().filter_map(
            move |(place, mut packet)| {
                packet.pull_front(start);
                let mut segment = Segment::parse(packet.bytes())?;
                segment.seq = segment.seq.wrapping_add(shift);
                packet.bytes_mut()[4..8].copy_from_slice(&segment.seq.to_be_bytes());
                let window = u32::from(segment.window) << scale;
                Some((packet, segment, window, place < replies))
            },
        )
    }

    /// The next time at which it has something to do.
    pub(super) fn deadline(&mut self, now: Instant) -> Option<Instant> {
        let at = self.interface.poll_at((now + self.ahead).into(), &self.sockets)?;
        let at = at.total_micros() - self.ahead.as_micros() as i64;
        Some(Instant::from_micros(u64::try_from(at).unwrap_or(0)).max(now))
    }

    /// Puts smoltcp's clock forward to the time that it waits for, and has it do what it does then.
    pub(super) fn time_out(&mut self, now: Instant) {
        if let Some(at) = self.deadline(now) {
            self.ahead += at.since(now);
        }
        self.egress(now);
    }

    /// Tells smoltcp that what is to be acknowledged next was lost: by three acknowledgements of the same, after two that
    /// differ in the window, so that it counts from the beginning.
    pub(super) fn report_loss(&mut self, tuple: &FourTuple, now: Instant) {
        let (ack, window) = self.heard;
        if self.unsent() == 0 || window == 0 {
            return;
        }
        let other = if window == u16::MAX { window - 1 } else { window + 1 };
        for window in [other, window, window, window, window] {
            self.repeat_heard(tuple, ack, window, now);
        }
    }

    /// Has smoltcp look again at what it can send, after it has forgotten to set a timer: it does so where a window closes
    /// while something is on the way.
    pub(super) fn nudge(&mut self, tuple: &FourTuple, now: Instant) {
        let (ack, window) = self.heard;
        self.repeat_heard(tuple, ack, window, now);
        self.egress(now);
    }

    /// Lets smoltcp hear a bare acknowledgement.
    fn repeat_heard(&mut self, tuple: &FourTuple, ack: u32, window: u16, now: Instant) {
        let timestamps = self.socket().timestamp_enabled().then_some((0, 0));
        let segment = Segment {
            from: tuple.remote.port,
            to: tuple.local.port,
            seq: self.receive_next().wrapping_add(u32::from(self.fin_received())),
            ack,
            flags: ACK,
            window,
            options: Options { timestamps, ..Options::default() },
            header: 0,
            length: 0,
        };
        self.feed(tuple, segment.build(), now);
    }

    pub(super) fn set_no_delay(&mut self, no_delay: bool) {
        self.socket_mut().set_nagle_enabled(!no_delay);
    }

    /// The next sequence number to be received, without a FIN.
    pub(super) fn receive_next(&self) -> u32 {
        self.base.wrapping_add(self.read).wrapping_add(self.socket().recv_queue() as u32)
    }

    /// Whether the peer's FIN was received.
    pub(super) fn fin_received(&self) -> bool {
        matches!(self.socket().state(), State::CloseWait | State::LastAck | State::Closing | State::TimeWait)
    }

    /// How many bytes can be read.
    pub(super) fn readable(&self) -> usize {
        self.socket().recv_queue()
    }

    /// How many bytes wait to be sent or acknowledged.
    pub(super) fn unsent(&self) -> usize {
        self.socket().send_queue()
    }

    /// How much room there is for what comes next.
    pub(super) fn window(&self) -> u32 {
        (self.receive_size - self.readable()) as u32
    }

    /// How many bytes can be written.
    pub(super) fn room(&self) -> usize {
        self.send_size - self.unsent()
    }

    /// Has `write` fill the free space, piece by piece; it returns how much it wrote. Returns the sum.
    pub(super) fn write(&mut self, mut write: impl FnMut(&mut [u8]) -> usize) -> usize {
        let mut sum = 0;
        // The space is a ring: at most two pieces.
        for _ in 0..2 {
            let piece = |room: &mut [u8]| {
                let (length, room_length) = (write(room), room.len());
                (length, (length, room_length))
            };
            let (length, room) = self.socket_mut().send(piece).unwrap_or((0, 0));
            sum += length;
            if length == 0 || length < room {
                break;
            }
        }
        sum
    }

    /// Has `read` take bytes, piece by piece; it returns how much it took. Returns the sum.
    pub(super) fn read(&mut self, mut read: impl FnMut(&[u8]) -> usize) -> usize {
        let mut sum = 0;
        for _ in 0..2 {
            let piece = |bytes: &mut [u8]| {
                let (length, all) = (if bytes.is_empty() { 0 } else { read(bytes) }, bytes.len());
                (length, (length, all))
            };
            let (length, all) = self.socket_mut().recv(piece).unwrap_or((0, 0));
            sum += length;
            if length == 0 || length < all {
                break;
            }
        }
        self.read = self.read.wrapping_add(sum as u32);
        sum
    }

    /// Copies bytes that can be read, from `skip` on; they stay. Returns how many.
    pub(super) fn peek(&mut self, skip: usize, into: &mut [u8]) -> usize {
        if skip == 0 {
            return self.socket_mut().peek_slice(into).unwrap_or(0);
        }
        let mut whole = vec![0; (skip + into.len()).min(self.readable())];
        let there = self.socket_mut().peek_slice(&mut whole).unwrap_or(0);
        let Some(bytes) = whole.get(skip..there) else { return 0 };
        into[..bytes.len()].copy_from_slice(bytes);
        bytes.len()
    }

    /// Nothing more will be written.
    pub(super) fn close(&mut self) {
        self.socket_mut().close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smoltcp_is_as_small_as_a_connection_may_be() {
        // Features of other crates in the workspace must not make every connection pay.
        assert!(size_of::<Interface>() <= 256, "{}", size_of::<Interface>());
        assert!(size_of::<Socket<'_>>() <= 512, "{}", size_of::<Socket<'_>>());
    }
}
