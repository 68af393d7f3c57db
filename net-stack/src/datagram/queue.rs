//! Datagrams that wait to be received.

use alloc::{collections::VecDeque, sync::Arc};

use crate::{
    address::{Endpoint, IpAddr},
    net::InterfaceId,
    packet::Packet,
    time::Instant,
};

/// A datagram that was received, with what its headers said.
pub struct Received {
    pub(super) packet: Packet,
    /// Who sent it; the port is 0 where the protocol has none.
    pub from: Endpoint,
    /// Where it was sent to: IP_PKTINFO.
    pub to: IpAddr,
    /// Over which interface it came.
    pub interface: InterfaceId,
    /// IP_RECVTTL, IPV6_RECVHOPLIMIT.
    pub hop_limit: u8,
    /// IP_RECVTOS, IPV6_RECVTCLASS.
    pub traffic_class: u8,
    /// When it came: SO_TIMESTAMP.
    pub at: Instant,
}

impl Received {
    /// What was sent. To raw sockets of IPv4 the IP header is shown too.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        self.packet.bytes()
    }
}

/// What Linux counts for its description of a packet: `sizeof(struct sk_buff)` in its slab.
const DESCRIPTION: usize = 256;

/// What it counts for the end of a packet's memory: `sizeof(struct skb_shared_info)`.
const SHARED_INFO: usize = 320;

/// How much a datagram counts against a receive buffer: Linux's `truesize` of one that came over the loopback interface.
/// The memory is of the next power of two, headers included.
fn charge(payload: usize) -> usize {
    let headers = 16 + 20 + 8;
    let data = (payload + headers).next_multiple_of(64) + SHARED_INFO;
    let memory = if data <= 8192 { data.next_power_of_two() } else { data.next_multiple_of(4096) };
    memory + DESCRIPTION
}

/// The datagrams of one socket, as many as its receive buffer has room for.
#[derive(Default)]
pub(super) struct Queue {
    waiting: VecDeque<Arc<Received>>,
    charge: usize,
    dropped: u64,
}

impl Queue {
    /// Adds a datagram, unless there are too many; whether it was added. Linux's rule: one may go beyond the limit.
    pub(super) fn push(&mut self, received: Received, limit: usize) -> bool {
        if self.charge > limit {
            self.dropped += 1;
            return false;
        }
        self.charge += charge(received.payload().len());
        self.waiting.push_back(Arc::new(received));
        true
    }

    pub(super) fn pop(&mut self) -> Option<Arc<Received>> {
        let first = self.waiting.pop_front()?;
        self.charge -= charge(first.payload().len());
        Some(first)
    }

    pub(super) fn first(&self) -> Option<Arc<Received>> {
        self.waiting.front().cloned()
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn charge(&self) -> usize {
        self.charge
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }
}
