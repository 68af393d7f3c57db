//! readv(2) of a socket

use alloc::sync::Arc;

use scml::Call;

use super::receiving::Receiving;
use crate::{
    abi::{buffers::Buffers, flags::MessageFlags},
    caller::Caller,
    error::Result,
    policy::{Admitted, Decoded},
    socket::Socket,
    step::{Operation, Step},
};

/// Room that payload is to be received in.
pub struct Readv(Receiving);

impl Decoded for Readv {
    const CALL: Call = Call::Readv;

    #[inline]
    fn socket(&self) -> Option<&Socket> {
        Some(&self.0.socket)
    }
}

/// Decodes `readv(fd, iov, iovcnt)`, where the descriptor is that of `socket`.
///
/// # Errors
/// EINVAL for more than 1024 ranges or a negative length, EFAULT; what the policy says.
#[inline]
pub fn start<C: Caller>(caller: &C, socket: Arc<Socket>, registers: &[usize; 6]) -> Result<Admitted<Readv>> {
    start_with(caller, socket, registers, MessageFlags::empty())
}

/// As [`start`], for preadv2(2): judged as the call without flags, of which it does nothing else.
///
/// # Errors
/// As [`start`].
#[inline]
pub fn start_with<C: Caller>(
    caller: &C,
    socket: Arc<Socket>,
    registers: &[usize; 6],
    flags: MessageFlags,
) -> Result<Admitted<Readv>> {
    let buffers = Buffers::iovec(caller, registers[1], registers[2])?;
    let call = Readv(Receiving::new(socket, buffers, flags));
    caller.world().policy.admit(caller, registers, call)
}

impl<C: Caller> Operation<C> for Admitted<Readv> {
    #[inline]
    fn step(&mut self, caller: &C) -> Step {
        self.call().0.read(caller)
    }

    fn interrupt(&mut self, _caller: &C) -> Result<usize> {
        self.call().0.interrupt()
    }
}
