//! writev(2) of a socket

use alloc::sync::Arc;

use scml::Call;

use super::sending::Sending;
use crate::{
    abi::{buffers::Buffers, flags::MessageFlags},
    caller::Caller,
    error::Result,
    policy::{Admitted, Decoded},
    socket::Socket,
    step::{Operation, Step},
};

/// Payload that is to be sent.
pub struct Writev(Sending);

impl Decoded for Writev {
    const CALL: Call = Call::Writev;

    #[inline]
    fn socket(&self) -> Option<&Socket> {
        Some(&self.0.socket)
    }
}

/// Decodes `writev(fd, iov, iovcnt)`, where the descriptor is that of `socket`.
///
/// # Errors
/// EINVAL for more than 1024 ranges or a negative length, EFAULT; what the policy says.
#[inline]
pub fn start<C: Caller>(caller: &C, socket: Arc<Socket>, registers: &[usize; 6]) -> Result<Admitted<Writev>> {
    start_with(caller, socket, registers, MessageFlags::empty())
}

/// As [`start`], for pwritev2(2): judged as the call without flags, of which it does nothing else.
///
/// # Errors
/// As [`start`].
#[inline]
pub fn start_with<C: Caller>(
    caller: &C,
    socket: Arc<Socket>,
    registers: &[usize; 6],
    flags: MessageFlags,
) -> Result<Admitted<Writev>> {
    let buffers = Buffers::iovec(caller, registers[1], registers[2])?;
    let call = Writev(Sending::new(socket, buffers, flags));
    caller.world().policy.admit(caller, registers, call)
}

impl<C: Caller> Operation<C> for Admitted<Writev> {
    #[inline]
    fn step(&mut self, caller: &C) -> Step {
        // Linux asks nothing of the socket where there is nothing to write.
        let Writev(sending) = self.call();
        if sending.is_empty() { Step::Done(Ok(0)) } else { sending.step(caller) }
    }

    fn interrupt(&mut self, _caller: &C) -> Result<usize> {
        self.call().0.interrupt()
    }
}
