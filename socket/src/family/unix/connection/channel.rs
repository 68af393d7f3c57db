//! What is between two sockets that are connected.

use alloc::{sync::Arc, vec::Vec};

use super::ConnectionMode;
use crate::{
    ancillary::OpenFile,
    family::unix::{address::Address, shutdown::Shutdown},
    identity::Identity,
    pool::Pool,
    ready::{Events, Pollee},
    socket::{Body, Socket},
};

/// What the two sides of a new connection start with, each pair in the order of the sides.
pub(crate) struct Sides<'a> {
    /// The sockets' own.
    pub(crate) pollees: [Arc<Pollee>; 2],
    /// Who is at the other side.
    pub(crate) peers: [Arc<Identity>; 2],
    /// SO_SNDBUF.
    pub(crate) send_buffers: [u32; 2],
    /// Where the payload finds memory.
    pub(crate) pool: &'a Arc<Pool>,
}

/// A connection as one of its two sockets sees it: what is sent over it, bytes or records, tells the types apart.
pub(crate) trait Channel: Sized {
    /// A connection, from both sides.
    fn pair(sides: Sides<'_>) -> [Self; 2];

    /// The socket's state machine, where it is one for this.
    fn machine(socket: &Socket) -> Option<&ConnectionMode<Self>>;

    /// What makes a socket of a state machine.
    fn body(machine: ConnectionMode<Self>) -> Body;

    /// The socket's own name.
    fn local_address(&self) -> Option<&Address>;

    /// The socket has got its name.
    fn set_local_address(&self, address: Address);

    /// The peer's name, which outlives it.
    fn peer_address(&self) -> Option<&Address>;

    /// Who is, or was, at the other side.
    fn peer(&self) -> Option<&Arc<Identity>>;

    /// The socket has that place in the registry.
    fn set_place(&self, place: u32);

    /// Whether the socket wants to know who sends what it receives.
    fn set_knows_senders(&self, wanted: bool);

    /// Takes the open files out of what waits here.
    fn take_rights(&self, files: &mut Vec<OpenFile>);

    /// SO_SNDBUF has changed.
    fn set_send_buffer(&self, bytes: u32);

    /// shutdown(2).
    fn shutdown(&self, directions: Shutdown);

    /// What was shut before there was a connection is shut on this side only.
    fn shut_local(&self, directions: Shutdown);

    /// Whether both directions are shut.
    fn is_over(&self) -> bool;

    /// What poll(2) shows.
    fn poll(&self) -> Events;

    /// The peer is told of an abrupt end: with data that nobody will read, or before anybody accepted the connection.
    fn reset(&self);

    /// The socket is gone. The open files that nobody has received are added to `files`.
    fn close(&self, files: &mut Vec<OpenFile>);
}
