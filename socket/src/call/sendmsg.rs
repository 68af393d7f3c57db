//! sendmsg(2)

use alloc::sync::Arc;

use scml::{Address, Call, Message};

use super::sending::Sending;
use crate::{
    abi::{address::SocketAddress, control::ControlMessages, flags::MessageFlags, message::MessageHeader},
    ancillary::Parcel,
    caller::Caller,
    error::{Errno, Error, Result},
    policy::{Admitted, Decoded},
    socket::Socket,
    step::{Operation, Step},
};

/// A message that is to be sent.
pub struct SendMessage {
    sending: Sending,
    header: MessageHeader,
    destination: Option<SocketAddress>,
    control: ControlMessages,
}

impl Decoded for SendMessage {
    const CALL: Call = Call::Sendmsg;

    fn socket(&self) -> Option<&Socket> {
        Some(&self.sending.socket)
    }

    fn message(&self) -> Option<Message<'_>> {
        let header = &self.header;
        Some(Message {
            name: self.destination.as_ref().map(|address| Address { bytes: address.bytes() }),
            parts: header.parts,
            control: (header.control_length != 0).then_some(&self.control.headers[..]),
            control_length: header.control_length,
            flags: header.flags,
        })
    }

    fn payload(&self) -> Option<&[u8]> {
        self.sending.payload()
    }
}

/// Decodes `sendmsg(sockfd, msg, flags)`.
///
/// # Errors
/// In Linux's order: EINVAL for MSG_CMSG_COMPAT; EBADF, ENOTSOCK; for the header EFAULT, EINVAL for a negative length of the
/// name, EFAULT for the name, EMSGSIZE, EINVAL and EFAULT for the buffers, ENOBUFS, EFAULT and EINVAL for the control
/// messages; what the policy says.
pub fn start<C: Caller>(caller: &C, registers: &[usize; 6]) -> Result<Admitted<SendMessage>> {
    let flags = MessageFlags::from_bits_retain(registers[2] as u32);
    refuse_compat(flags)?;
    let socket = super::socket(caller, registers)?;
    let message = SendMessage::decode(caller, socket, registers[1], flags)?;
    caller.world().policy.admit(caller, registers, message)
}

/// The flag by which the kernel marks calls of 32-bit programs.
pub(super) fn refuse_compat(flags: MessageFlags) -> Result<()> {
    if flags.contains(MessageFlags::CMSG_COMPAT) {
        return Err(Error::new(Errno::EINVAL, "MSG_CMSG_COMPAT is the kernel's"));
    }
    Ok(())
}

impl<C: Caller> Operation<C> for Admitted<SendMessage> {
    fn step(&mut self, caller: &C) -> Step {
        self.call().step(caller)
    }

    fn interrupt(&mut self, _caller: &C) -> Result<usize> {
        self.call().interrupt()
    }
}

impl SendMessage {
    /// Copies in the header at an address, and what it leads to, but for the payload.
    ///
    /// # Errors
    /// See [`start`].
    pub(super) fn decode<C: Caller>(
        caller: &C,
        socket: Arc<Socket>,
        at: usize,
        flags: MessageFlags,
    ) -> Result<Self> {
        let header = MessageHeader::read(caller, at)?;
        let destination = header.read_name(caller)?;
        let buffers = header.buffers(caller)?;
        let control = ControlMessages::read(caller, &header)?;
        let mut sending = Sending::new(socket, buffers, flags);
        sending.copy(caller);
        Ok(Self { sending, header, destination, control })
    }

    pub(super) fn step<C: Caller>(&mut self, caller: &C) -> Step {
        if self.sending.socket.internet().is_some() {
            let control = Some(&self.control).filter(|_| self.header.control_length != 0);
            return self.sending.step_internet(caller, self.destination.as_ref(), control);
        }
        // Linux looks at them before it looks at anything else.
        if self.sending.is_new() {
            match Parcel::read(caller, &self.control) {
                Ok(None) => {}
                Ok(parcel) => self.sending.add(parcel),
                Err(error) => return Step::Done(Err(error)),
            }
        }
        self.sending.step_to(caller, self.destination.as_ref())
    }

    pub(super) fn interrupt(&self) -> Result<usize> {
        self.sending.interrupt()
    }

    /// Whether nothing of it is left.
    pub(super) fn is_sent(&self) -> bool {
        self.sending.is_sent()
    }
}
