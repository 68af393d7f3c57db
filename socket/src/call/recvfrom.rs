//! recvfrom(2)

use scml::Call;

use super::receiving::Receiving;
use crate::{
    abi::{address::AddressOut, buffers::Buffers, flags::MessageFlags},
    caller::Caller,
    error::Result,
    policy::{Admitted, Decoded},
    socket::Socket,
    step::{Operation, Step},
};

/// Room that payload is to be received in.
pub struct ReceiveFrom {
    receiving: Receiving,
    /// Where the sender's name is wanted.
    sender: Option<AddressOut>,
}

impl Decoded for ReceiveFrom {
    const CALL: Call = Call::Recvfrom;

    fn socket(&self) -> Option<&Socket> {
        Some(&self.receiving.socket)
    }
}

/// Decodes `recvfrom(sockfd, buf, len, flags, src_addr, addrlen)`.
///
/// # Errors
/// In Linux's order: EFAULT for a buffer outside of the program's half of the address space; EBADF, ENOTSOCK; what the
/// policy says.
pub fn start<C: Caller>(caller: &C, registers: &[usize; 6]) -> Result<Admitted<ReceiveFrom>> {
    let [_, buffer, length, flags, address, address_length] = *registers;
    let buffers = Buffers::one(buffer, length)?;
    let socket = super::socket(caller, registers)?;
    let receiving = Receiving::new(socket, buffers, MessageFlags::from_bits_retain(flags as u32));
    let sender = (address != 0).then_some(AddressOut { buffer: address, length: address_length });
    caller.world().policy.admit(caller, registers, ReceiveFrom { receiving, sender })
}

impl<C: Caller> Operation<C> for Admitted<ReceiveFrom> {
    fn step(&mut self, caller: &C) -> Step {
        let call = self.call();
        match call.receiving.step(caller) {
            Ok(count) => Step::Done(call.finish(caller, count)),
            Err(step) => step,
        }
    }

    fn interrupt(&mut self, caller: &C) -> Result<usize> {
        let call = self.call();
        let count = call.receiving.interrupt()?;
        call.finish(caller, count)
    }
}

impl ReceiveFrom {
    fn finish<C: Caller>(&self, caller: &C, count: usize) -> Result<usize> {
        if let Some(out) = &self.sender {
            out.write(caller, self.receiving.sender())?;
        }
        Ok(count)
    }
}
