//! read(2) of a socket

use alloc::sync::Arc;

use scml::Call;

use super::receiving::Receiving;
use crate::{
    abi::{buffers::Buffers, check_range, flags::MessageFlags},
    caller::Caller,
    error::Result,
    policy::{Admitted, Decoded},
    socket::Socket,
    step::{Operation, Step},
};

/// Room that payload is to be received in.
pub struct Read(Receiving);

impl Decoded for Read {
    const CALL: Call = Call::Read;

    #[inline]
    fn socket(&self) -> Option<&Socket> {
        Some(&self.0.socket)
    }
}

/// Decodes `read(fd, buf, count)`, where the descriptor is that of `socket`.
///
/// # Errors
/// EFAULT for a buffer outside of the program's half of the address space; what the policy says.
#[inline]
pub fn start<C: Caller>(caller: &C, socket: Arc<Socket>, registers: &[usize; 6]) -> Result<Admitted<Read>> {
    check_range(registers[1], registers[2])?;
    let buffers = Buffers::one(registers[1], registers[2])?;
    let call = Read(Receiving::new(socket, buffers, MessageFlags::empty()));
    caller.world().policy.admit(caller, registers, call)
}

impl<C: Caller> Operation<C> for Admitted<Read> {
    #[inline]
    fn step(&mut self, caller: &C) -> Step {
        self.call().0.read(caller)
    }

    fn interrupt(&mut self, _caller: &C) -> Result<usize> {
        self.call().0.interrupt()
    }
}
