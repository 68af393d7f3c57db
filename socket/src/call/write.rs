//! write(2) of a socket

use alloc::sync::Arc;

use scml::Call;

use super::sending::Sending;
use crate::{
    abi::{buffers::Buffers, check_range, flags::MessageFlags},
    caller::Caller,
    error::Result,
    policy::{Admitted, Decoded},
    socket::Socket,
    step::{Operation, Step},
};

/// Payload that is to be sent.
pub struct Write(Sending);

impl Decoded for Write {
    const CALL: Call = Call::Write;

    #[inline]
    fn socket(&self) -> Option<&Socket> {
        Some(&self.0.socket)
    }
}

/// Decodes `write(fd, buf, count)`, where the descriptor is that of `socket`.
///
/// # Errors
/// EFAULT for a buffer outside of the program's half of the address space; what the policy says.
#[inline]
pub fn start<C: Caller>(caller: &C, socket: Arc<Socket>, registers: &[usize; 6]) -> Result<Admitted<Write>> {
    check_range(registers[1], registers[2])?;
    let buffers = Buffers::one(registers[1], registers[2])?;
    let call = Write(Sending::new(socket, buffers, MessageFlags::empty()));
    caller.world().policy.admit(caller, registers, call)
}

impl<C: Caller> Operation<C> for Admitted<Write> {
    #[inline]
    fn step(&mut self, caller: &C) -> Step {
        self.call().0.step(caller)
    }

    fn interrupt(&mut self, _caller: &C) -> Result<usize> {
        self.call().0.interrupt()
    }
}
