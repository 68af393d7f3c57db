//! The end of sockets.

use alloc::{sync::Arc, vec::Vec};

use super::{Body, Socket, dispatch};
use crate::{
    ancillary::{self, OpenFile},
    ready::Events,
    registry,
};

impl Socket {
    /// Takes the open files out of all messages that wait here: nobody will ever receive them.
    pub(crate) fn take_rights(&self, files: &mut Vec<OpenFile>) {
        dispatch!(self, machine => machine.take_rights(files), datagram => datagram.endpoint().take_rights(files), _ => {}, _ => {}, _ => {});
    }

    /// A descriptor of the socket is closed. Dropping does the same, but does not find out that the socket is now one of those
    /// which are only kept by messages that wait at each other, until something else happens.
    pub fn release(self: Arc<Self>) {
        let place = self.place();
        match Arc::into_inner(self) {
            Some(socket) => drop(socket),
            None => ancillary::garbage::look(place),
        }
    }

    /// Nobody has the socket any more: the first part of dropping it. What is closed with it is added to `files`.
    pub(crate) fn dismantle(&mut self, files: &mut Vec<OpenFile>) {
        match &mut self.body {
            Body::Stream(machine) => machine.close(&self.pollee, files),
            Body::Seqpacket(machine) => machine.close(&self.pollee, files),
            Body::Datagram(datagram) => datagram.close(files),
            // What net-stack, netlink and vsock have of it closes itself.
            Body::Internet(_) | Body::Netlink(_) | Body::Vsock(_) => {}
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let mut files = Vec::new();
        self.dismantle(&mut files);
        if !files.is_empty() {
            ancillary::dispose(files);
        }
        let place = *self.place.get_mut();
        registry::leave(place);
        // Who watches sockets, and not only waits at one, forgets this one.
        self.pollee.notify(Events::NVAL);
        ancillary::garbage::look(place);
    }
}
