//! Two endpoints as what is between two sockets of type SOCK_SEQPACKET.

use alloc::{sync::Arc, vec::Vec};

use super::endpoint::{Endpoint, Kind, New};
use crate::{
    ancillary::OpenFile,
    family::unix::{
        address::Address,
        connection::{Channel, ConnectionMode, Sides},
        shutdown::Shutdown,
    },
    identity::Identity,
    ready::Events,
    socket::{Body, Socket},
};

/// A connection of records as one of its two sockets sees it.
pub(crate) struct Sequenced {
    here: Arc<Endpoint>,
    /// The one at the other side, which stays so when it is gone.
    there: Arc<Endpoint>,
}

impl Sequenced {
    /// The socket's side, to send and receive on.
    #[inline]
    pub(crate) fn endpoint(&self) -> &Arc<Endpoint> {
        &self.here
    }
}

impl Channel for Sequenced {
    fn pair(sides: Sides<'_>) -> [Self; 2] {
        let Sides { pollees: [one, other], peers, send_buffers, pool } = sides;
        let end = |pollee, side: usize| {
            Endpoint::new(New {
                kind: Kind::Sequenced,
                pollee,
                pool,
                send_buffer: send_buffers[side],
                // The peers of a connection wait for each other's buffers only.
                backlog: u32::MAX,
                peer: Some(peers[side].clone()),
            })
        };
        let (one, other) = (end(one, 0), end(other, 1));
        Endpoint::join(&one, &other);
        [Self { here: one.clone(), there: other.clone() }, Self { here: other, there: one }]
    }

    #[inline]
    fn machine(socket: &Socket) -> Option<&ConnectionMode<Self>> {
        match socket.body() {
            Body::Seqpacket(machine) => Some(machine),
            _ => None,
        }
    }

    fn body(machine: ConnectionMode<Self>) -> Body {
        Body::Seqpacket(machine)
    }

    fn local_address(&self) -> Option<&Address> {
        self.here.name()
    }

    fn set_local_address(&self, address: Address) {
        self.here.set_name(address);
    }

    fn peer_address(&self) -> Option<&Address> {
        self.there.name()
    }

    fn peer(&self) -> Option<&Arc<Identity>> {
        self.here.peer_identity()
    }

    fn set_place(&self, place: u32) {
        self.here.set_place(place);
    }

    fn set_knows_senders(&self, wanted: bool) {
        self.here.status.set_knows_senders(wanted);
    }

    fn take_rights(&self, files: &mut Vec<OpenFile>) {
        self.here.take_rights(files);
    }

    fn set_send_buffer(&self, bytes: u32) {
        self.here.set_send_buffer(bytes);
    }

    fn shutdown(&self, directions: Shutdown) {
        self.here.shutdown_directions(directions);
    }

    fn shut_local(&self, directions: Shutdown) {
        self.here.shut(directions);
    }

    fn is_over(&self) -> bool {
        self.here.status.shutdown() == Shutdown::all()
    }

    fn poll(&self) -> Events {
        self.here.poll()
    }

    fn reset(&self) {
        self.here.reset_peer();
    }

    fn close(&self, files: &mut Vec<OpenFile>) {
        self.here.close(files);
    }
}
