//! recvmsg(2)

use alloc::sync::Arc;

use linux_raw_sys::net::SOL_SOCKET;
use scml::{Call, Message};

use super::{receiving::Receiving, sendmsg::refuse_compat};
use crate::{
    abi::{control::ControlOut, flags::MessageFlags, message::MessageHeader},
    ancillary::deliver,
    caller::Caller,
    error::Result,
    family::inet::Told,
    policy::{Admitted, Decoded},
    socket::Socket,
    step::{Operation, Step},
};

/// Room that a message is to be received in: by recvmsg(2), or as one of `MANY` by recvmmsg(2), whose rules it is then judged by.
pub struct ReceiveMessage<const MANY: bool> {
    receiving: Receiving,
    header: MessageHeader,
    flags: MessageFlags,
}

impl<const MANY: bool> Decoded for ReceiveMessage<MANY> {
    const CALL: Call = if MANY { Call::Recvmmsg } else { Call::Recvmsg };

    fn socket(&self) -> Option<&Socket> {
        Some(&self.receiving.socket)
    }

    fn message(&self) -> Option<Message<'_>> {
        let MessageHeader { parts, control, control_length, flags, .. } = self.header;
        let room = control != 0 && control_length != 0;
        Some(Message { name: None, parts, control: room.then_some(&[]), control_length, flags })
    }
}

/// Decodes `recvmsg(sockfd, msg, flags)`.
///
/// # Errors
/// In Linux's order: EINVAL for MSG_CMSG_COMPAT; EBADF, ENOTSOCK; for the header EFAULT, EINVAL for a negative length of the
/// name, EMSGSIZE, EINVAL and EFAULT for the buffers; what the policy says.
pub fn start<C: Caller>(caller: &C, registers: &[usize; 6]) -> Result<Admitted<ReceiveMessage<false>>> {
    let flags = MessageFlags::from_bits_retain(registers[2] as u32);
    refuse_compat(flags)?;
    let socket = super::socket(caller, registers)?;
    let message = ReceiveMessage::decode(caller, socket, registers[1], flags)?;
    caller.world().policy.admit(caller, registers, message)
}

impl<C: Caller> Operation<C> for Admitted<ReceiveMessage<false>> {
    fn step(&mut self, caller: &C) -> Step {
        self.call().step(caller)
    }

    fn interrupt(&mut self, caller: &C) -> Result<usize> {
        self.call().interrupt(caller)
    }
}

impl<const MANY: bool> ReceiveMessage<MANY> {
    /// Whether the policy lets the call be given a control message of that level and type; one that it does not is left out,
    /// and MSG_CTRUNC tells that something is missing.
    fn may_deliver<C: Caller>(&self, caller: &C, level: u32, kind: u32) -> bool {
        let (at, flags) = (self.header.at, self.flags.bits() as usize);
        let registers = if MANY { [0, at, 1, flags, 0, 0] } else { [0, at, flags, 0, 0, 0] };
        caller.world().policy.may_deliver(caller, &registers, self, level, kind)
    }

    /// Copies in the header at an address, and what it leads to.
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
        let buffers = header.buffers(caller)?;
        Ok(Self { receiving: Receiving::new(socket, buffers, flags), header, flags })
    }

    pub(super) fn step<C: Caller>(&mut self, caller: &C) -> Step {
        match self.receiving.step(caller) {
            Ok(count) => {
                let control = self.deliver(caller);
                Step::Done(self.finish(caller, count, &control))
            }
            Err(step) => step,
        }
    }

    pub(super) fn interrupt<C: Caller>(&mut self, caller: &C) -> Result<usize> {
        let count = self.receiving.interrupt()?;
        // As in Linux, nothing is told of who sent the bytes that have come.
        self.finish(caller, count, &ControlOut::new(&self.header))
    }

    fn deliver<C: Caller>(&mut self, caller: &C) -> ControlOut {
        let mut control = ControlOut::new(&self.header);
        if self.receiving.is_end_of_records() {
            return control;
        }
        for Told { level, kind, data } in self.receiving.take_told() {
            if control.is_wanted() && self.may_deliver(caller, level, kind) {
                control.put_of(caller, level, kind, &data);
            } else {
                control.truncated = true;
            }
        }
        let gathered = core::mem::take(self.receiving.gathered());
        let options = self.receiving.socket.options();
        let close_on_exec = self.flags.contains(MessageFlags::CMSG_CLOEXEC);
        let admitted = |kind| self.may_deliver(caller, SOL_SOCKET, kind);
        deliver(caller, options, gathered, &mut control, close_on_exec, admitted);
        control
    }

    fn finish<C: Caller>(&self, caller: &C, count: usize, control: &ControlOut) -> Result<usize> {
        let mut flags = self.receiving.result_flags();
        flags.set(MessageFlags::CTRUNC, control.truncated);
        self.header.write_results(caller, self.receiving.sender(), flags.bits(), control.used())?;
        Ok(count)
    }
}
