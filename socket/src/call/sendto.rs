//! sendto(2)

use scml::Call;

use super::sending::Sending;
use crate::{
    abi::{address::SocketAddress, buffers::Buffers, flags::MessageFlags},
    caller::Caller,
    error::Result,
    policy::{Admitted, Decoded},
    socket::Socket,
    step::{Operation, Step},
};

/// Payload that is to be sent, perhaps to somebody.
pub struct SendTo {
    sending: Sending,
    destination: Option<SocketAddress>,
}

impl Decoded for SendTo {
    const CALL: Call = Call::Sendto;

    fn socket(&self) -> Option<&Socket> {
        Some(&self.sending.socket)
    }

    fn address(&self) -> Option<&[u8]> {
        self.destination.as_ref().map(SocketAddress::bytes)
    }

    fn payload(&self) -> Option<&[u8]> {
        self.sending.payload()
    }
}

/// Decodes `sendto(sockfd, buf, len, flags, dest_addr, addrlen)`.
///
/// # Errors
/// In Linux's order: EFAULT for a buffer outside of the program's half of the address space; EBADF, ENOTSOCK; EINVAL for a
/// length that no address has, EFAULT; what the policy says.
pub fn start<C: Caller>(caller: &C, registers: &[usize; 6]) -> Result<Admitted<SendTo>> {
    let [_, buffer, length, flags, address, address_length] = *registers;
    let buffers = Buffers::one(buffer, length)?;
    let socket = super::socket(caller, registers)?;
    let destination = match address {
        0 => None,
        _ => Some(SocketAddress::read(caller, address, address_length as i32)?),
    };
    let destination = destination.filter(|address| !address.bytes().is_empty());
    let mut sending = Sending::new(socket, buffers, MessageFlags::from_bits_retain(flags as u32));
    sending.copy(caller);
    caller.world().policy.admit(caller, registers, SendTo { sending, destination })
}

impl<C: Caller> Operation<C> for Admitted<SendTo> {
    fn step(&mut self, caller: &C) -> Step {
        let SendTo { sending, destination } = self.call();
        sending.step_to(caller, destination.as_ref())
    }

    fn interrupt(&mut self, _caller: &C) -> Result<usize> {
        self.call().sending.interrupt()
    }
}
