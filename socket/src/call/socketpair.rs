//! socketpair(2)

use scml::Call;

use super::socket::{check_flags, split_type};
use crate::{
    abi::flags::CreationFlags,
    caller::{Caller, DescriptorSlot},
    error::Result,
    policy::{Admitted, Decoded},
    socket::Socket,
    step::{Operation, Step},
};

/// Two connected sockets that are asked for.
pub struct CreatePair {
    family: u32,
    socket_type: u32,
    protocol: u32,
    flags: CreationFlags,
    /// Where the two numbers go.
    numbers: usize,
}

impl Decoded for CreatePair {
    const CALL: Call = Call::Socketpair;
}

/// Decodes `socketpair(family, type, protocol, sv)`.
///
/// # Errors
/// What the policy says.
pub fn start<C: Caller>(caller: &C, registers: &[usize; 6]) -> Result<Admitted<CreatePair>> {
    let (socket_type, flags) = split_type(registers[1]);
    let pair = CreatePair {
        family: registers[0] as u32,
        socket_type,
        protocol: registers[2] as u32,
        flags,
        numbers: registers[3],
    };
    caller.world().policy.admit(caller, registers, pair)
}

impl<C: Caller> Operation<C> for Admitted<CreatePair> {
    fn step(&mut self, caller: &C) -> Step {
        Step::Done(self.call().perform(caller))
    }
}

impl CreatePair {
    /// As Linux does, the numbers are chosen and stored before there are sockets, so that nothing can fail afterwards.
    fn perform<C: Caller>(&self, caller: &C) -> Result<usize> {
        let Self { family, socket_type, protocol, flags, numbers } = *self;
        check_flags(flags)?;
        let slots = [caller.reserve_descriptor()?, caller.reserve_descriptor()?];
        let mut bytes = [0; 8];
        bytes[..4].copy_from_slice(&slots[0].number().to_ne_bytes());
        bytes[4..].copy_from_slice(&slots[1].number().to_ne_bytes());
        caller.write_memory(numbers, &bytes)?;
        let sockets = Socket::pair(caller.world(), family, socket_type, protocol, caller.identity())?;
        for (slot, socket) in slots.into_iter().zip(sockets) {
            socket.set_nonblocking(flags.contains(CreationFlags::NONBLOCK));
            caller.install(slot, socket.into(), flags.contains(CreationFlags::CLOEXEC));
        }
        Ok(0)
    }
}
