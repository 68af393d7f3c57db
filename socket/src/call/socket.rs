//! socket(2)

use scml::Call;

use crate::{
    abi::flags::CreationFlags,
    caller::{Caller, DescriptorSlot},
    error::{Errno, Error, Result},
    policy::{Admitted, Decoded},
    socket::Socket,
    step::{Operation, Step},
};

/// A socket that is asked for.
pub struct Create {
    family: u32,
    socket_type: u32,
    protocol: u32,
    flags: CreationFlags,
}

impl Decoded for Create {
    const CALL: Call = Call::Socket;
}

/// Decodes `socket(family, type, protocol)`.
///
/// # Errors
/// What the policy says.
pub fn start<C: Caller>(caller: &C, registers: &[usize; 6]) -> Result<Admitted<Create>> {
    let (socket_type, flags) = split_type(registers[1]);
    let create = Create { family: registers[0] as u32, socket_type, protocol: registers[2] as u32, flags };
    caller.world().policy.admit(caller, registers, create)
}

impl<C: Caller> Operation<C> for Admitted<Create> {
    fn step(&mut self, caller: &C) -> Step {
        Step::Done(self.call().perform(caller))
    }
}

impl Create {
    fn perform<C: Caller>(&self, caller: &C) -> Result<usize> {
        let Self { family, socket_type, protocol, flags } = *self;
        check_flags(flags)?;
        let socket = Socket::create(caller.world(), family, socket_type, protocol)?;
        let slot = caller.reserve_descriptor()?;
        let number = slot.number();
        socket.set_nonblocking(flags.contains(CreationFlags::NONBLOCK));
        caller.install(slot, socket.into(), flags.contains(CreationFlags::CLOEXEC));
        Ok(number as usize)
    }
}

/// The type and the flags in a type argument.
pub(super) fn split_type(argument: usize) -> (u32, CreationFlags) {
    /// SOCK_TYPE_MASK
    const TYPE: u32 = 0xf;
    let argument = argument as u32;
    (argument & TYPE, CreationFlags::from_bits_retain(argument & !TYPE))
}

/// Linux looks at the flags before anything else.
pub(super) fn check_flags(flags: CreationFlags) -> Result<()> {
    if flags.has_unknown() {
        return Err(Error::new(Errno::EINVAL, "flags that do not exist"));
    }
    Ok(())
}
