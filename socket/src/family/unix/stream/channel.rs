//! A stream as what is between two sockets.

use super::Link;
use crate::{
    caller::Credentials,
    family::unix::{
        address::Address,
        connection::{Channel, ConnectionMode, Sides},
        shutdown::Shutdown,
    },
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

    fn peer_credentials(&self) -> Credentials {
        self.peer_credentials()
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

    fn close(&self) {
        self.close();
    }
}
