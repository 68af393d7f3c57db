//! splice(2) between a socket and a pipe

use alloc::sync::Arc;

use linux_raw_sys::general::SPLICE_F_NONBLOCK;
use scml::Call;

use super::moving::{Incoming, Outgoing};
use crate::{
    caller::Caller,
    error::Result,
    policy::{Admitted, Decoded},
    socket::Socket,
};

/// Bytes that are to be moved.
pub struct Splice {
    socket: Arc<Socket>,
    nonblocking: bool,
}

impl Decoded for Splice {
    const CALL: Call = Call::Splice;

    fn socket(&self) -> Option<&Socket> {
        Some(&self.socket)
    }
}

/// Decodes `splice(fd_in, off_in, fd_out, off_out, len, flags)`, where one of the descriptors is that of `socket`. What is at
/// the other one the caller has looked at.
///
/// # Errors
/// What the policy says.
pub fn start<C: Caller>(caller: &C, socket: Arc<Socket>, registers: &[usize; 6]) -> Result<Admitted<Splice>> {
    let nonblocking = registers[5] as u32 & SPLICE_F_NONBLOCK != 0;
    caller.world().policy.admit(caller, registers, Splice { socket, nonblocking })
}

impl Admitted<Splice> {
    /// Sends the next bytes. As in Linux, SPLICE_F_NONBLOCK is about the pipe: the socket waits unless it is O_NONBLOCK.
    pub fn send<'a>(&mut self, bytes: &'a [u8]) -> Outgoing<'a> {
        Outgoing::new(self.call().socket.clone(), bytes, false)
    }

    /// Receives what is there.
    pub fn receive<'a>(&mut self, room: &'a mut [u8]) -> Incoming<'a> {
        let Splice { socket, nonblocking } = self.call();
        Incoming::new(socket.clone(), room, *nonblocking)
    }
}
