//! What passes between two sockets: `struct virtio_vsock_hdr`, and payload.

use alloc::vec::Vec;

use bitflags::bitflags;

use super::{Kind, address::Address};

/// The longest payload of a packet (VIRTIO_VSOCK_MAX_PKT_BUF_SIZE of Linux).
pub(super) const PAYLOAD_MAX: usize = 64 << 10;

/// What a packet is for (`VIRTIO_VSOCK_OP_*`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Operation {
    /// A connection is asked for.
    Request,
    /// It is made.
    Response,
    /// There is none, or no more.
    Reset,
    /// Nothing more will be received, or sent.
    Shutdown(Directions),
    /// Payload; of records, whether it ends one, and whether it was marked (MSG_EOR).
    Data { bytes: Vec<u8>, ends: bool, marked: bool },
    /// How much room there is, unasked.
    CreditUpdate,
}

bitflags! {
    /// `VIRTIO_VSOCK_SHUTDOWN_*`
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub(super) struct Directions: u8 {
        const RECEIVE = 1;
        const SEND = 2;
    }
}

/// A packet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Packet {
    pub(super) from: Address,
    pub(super) to: Address,
    pub(super) kind: Kind,
    pub(super) operation: Operation,
    /// How many bytes the sender takes, and how many it has taken out of its buffer so far.
    pub(super) room: u32,
    pub(super) forwarded: u32,
}
