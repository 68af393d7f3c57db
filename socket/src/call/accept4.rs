//! accept4(2)

use scml::Call;

use super::accepting::Acceptance;
use crate::{
    abi::flags::CreationFlags,
    caller::{Caller, DescriptorSlot},
    error::Result,
    policy::{Admitted, Decoded},
    socket::Socket,
    step::{Operation, Step},
};

/// A connection that is to be accepted.
pub struct Accept4<S>(Acceptance<S>);

impl<S: DescriptorSlot> Decoded for Accept4<S> {
    const CALL: Call = Call::Accept4;

    fn socket(&self) -> Option<&Socket> {
        Some(&self.0.socket)
    }
}

/// Decodes `accept4(sockfd, addr, addrlen, flags)`.
///
/// # Errors
/// EBADF, EINVAL for unknown flags, EMFILE, ENFILE, ENOTSOCK; what the policy says.
pub fn start<C: Caller>(caller: &C, registers: &[usize; 6]) -> Result<Admitted<Accept4<C::Slot>>> {
    let flags = CreationFlags::from_bits_retain(registers[3] as u32);
    let accept = Accept4(Acceptance::decode(caller, registers, flags)?);
    caller.world().policy.admit(caller, registers, accept)
}

impl<C: Caller> Operation<C> for Admitted<Accept4<C::Slot>> {
    fn step(&mut self, caller: &C) -> Step {
        self.call().0.step(caller)
    }
}
