//! sendfile(2) to a socket

use alloc::sync::Arc;

use scml::Call;

use super::moving::Outgoing;
use crate::{
    caller::Caller,
    error::Result,
    policy::{Admitted, Decoded},
    socket::Socket,
};

/// A file's contents that are to be sent.
pub struct SendFile {
    socket: Arc<Socket>,
}

impl Decoded for SendFile {
    const CALL: Call = Call::Sendfile;

    fn socket(&self) -> Option<&Socket> {
        Some(&self.socket)
    }
}

/// Decodes `sendfile(out_fd, in_fd, offset, count)`, where `out_fd` is that of `socket`. What is at the other descriptor the
/// caller has looked at.
///
/// # Errors
/// What the policy says.
pub fn start<C: Caller>(
    caller: &C,
    socket: Arc<Socket>,
    registers: &[usize; 6],
) -> Result<Admitted<SendFile>> {
    caller.world().policy.admit(caller, registers, SendFile { socket })
}

impl Admitted<SendFile> {
    /// Sends the next bytes.
    pub fn send<'a>(&mut self, bytes: &'a [u8]) -> Outgoing<'a> {
        Outgoing::new(self.call().socket.clone(), bytes, false)
    }
}
