//! accept(2)

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
pub struct Accept<S>(Acceptance<S>);

impl<S: DescriptorSlot> Decoded for Accept<S> {
    const CALL: Call = Call::Accept;

    fn socket(&self) -> Option<&Socket> {
        Some(&self.0.socket)
    }
}

/// Decodes `accept(sockfd, addr, addrlen)`.
///
/// # Errors
/// EBADF, EINVAL for unknown flags, EMFILE, ENFILE, ENOTSOCK; what the policy says.
pub fn start<C: Caller>(caller: &C, registers: &[usize; 6]) -> Result<Admitted<Accept<C::Slot>>> {
    let flags = CreationFlags::empty();
    let accept = Accept(Acceptance::decode(caller, registers, flags)?);
    caller.world().policy.admit(caller, registers, accept)
}

impl<C: Caller> Operation<C> for Admitted<Accept<C::Slot>> {
    fn step(&mut self, caller: &C) -> Step {
        self.call().0.step(caller)
    }
}
