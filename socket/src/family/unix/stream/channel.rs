//! A stream as what is between two sockets.

use alloc::{sync::Arc, vec::Vec};

use super::Link;
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

impl Channel for Link {
    fn pair(sides: Sides<'_>) -> [Self; 2] {
        let Sides { pollees, peers, send_buffers, pool } = sides;
        let (one, other) = Self::pair(pollees, peers, send_buffers, pool);
        [one, other]
    }

    #[inline]
    fn machine(socket: &Socket) -> Option<&ConnectionMode<Self>> {
        match socket.body() {
            Body::Stream(machine) => Some(machine),
            _ => None,
        }
    }

    fn body(machine: ConnectionMode<Self>) -> Body {
        Body::Stream(machine)
    }

    fn local_address(&self) -> Option<&Address> {
        self.local_address()
    }

    fn set_local_address(&self, address: Address) {
        self.set_local_address(address);
    }

    fn peer_address(&self) -> Option<&Address> {
        self.peer_address()
    }

    fn peer(&self) -> Option<&Arc<Identity>> {
        Some(self.peer())
    }

    fn set_place(&self, place: u32) {
        self.set_place(place);
    }

    fn set_knows_senders(&self, wanted: bool) {
        self.set_knows_senders(wanted);
    }

    fn take_rights(&self, files: &mut Vec<OpenFile>) {
        self.take_rights(files);
    }

    fn set_send_buffer(&self, bytes: u32) {
        self.set_send_buffer(bytes);
    }

    fn shutdown(&self, directions: Shutdown) {
        self.shutdown(directions);
    }

    fn shut_local(&self, directions: Shutdown) {
        self.shut_local(directions);
    }

    fn is_over(&self) -> bool {
        self.is_over()
    }

    fn poll(&self) -> Events {
        self.poll()
    }

    fn reset(&self) {
        self.reset();
    }

    fn close(&self, files: &mut Vec<OpenFile>) {
        self.close(files);
    }
}
