//! sendmmsg(2)

use alloc::{boxed::Box, sync::Arc};

use linux_raw_sys::general::UIO_MAXIOV;
use scml::{Call, Message};

use super::{
    messages::Entry,
    sendmsg::{SendMessage, refuse_compat},
};
use crate::{
    abi::flags::MessageFlags,
    caller::Caller,
    error::Result,
    policy::{Admitted, Decoded},
    socket::Socket,
    step::{Operation, Step},
};

/// One of the messages, as the policy judges it: each by itself, when its turn comes.
struct Judged(SendMessage);

impl Decoded for Judged {
    const CALL: Call = Call::Sendmmsg;

    fn socket(&self) -> Option<&Socket> {
        self.0.socket()
    }

    fn message(&self) -> Option<Message<'_>> {
        self.0.message()
    }

    fn payload(&self) -> Option<&[u8]> {
        self.0.payload()
    }
}

/// A call without messages.
struct Nothing(Arc<Socket>);

impl Decoded for Nothing {
    const CALL: Call = Call::Sendmmsg;

    fn socket(&self) -> Option<&Socket> {
        Some(&self.0)
    }
}

/// Messages that are to be sent, one after the other.
pub struct SendMany {
    socket: Arc<Socket>,
    registers: [usize; 6],
    /// How many there are.
    count: usize,
    /// How many have gone.
    sent: usize,
    /// The one whose turn it is, once it has been admitted.
    current: Option<Box<Admitted<Judged>>>,
}

/// Decodes `sendmmsg(sockfd, msgvec, vlen, flags)`: more than 1024 messages are not looked at.
///
/// # Errors
/// EINVAL for MSG_CMSG_COMPAT; EBADF, ENOTSOCK; of the first message, what sendmsg(2) finds; what the policy says.
pub fn start<C: Caller>(caller: &C, registers: &[usize; 6]) -> Result<SendMany> {
    let [_, _, count, flags, ..] = *registers;
    refuse_compat(MessageFlags::from_bits_retain(flags as u32))?;
    let socket = super::socket(caller, registers)?;
    let count = (count as u32).min(UIO_MAXIOV) as usize;
    let mut many = SendMany { socket, registers: *registers, count, sent: 0, current: None };
    if count == 0 {
        caller.world().policy.admit(caller, registers, Nothing(many.socket.clone()))?;
    } else {
        many.current = Some(many.next(caller)?);
    }
    Ok(many)
}

impl SendMany {
    fn entry(&self) -> Entry {
        Entry::new(self.registers[1], self.sent)
    }

    /// Decodes the message whose turn it is.
    fn next<C: Caller>(&self, caller: &C) -> Result<Box<Admitted<Judged>>> {
        let flags = MessageFlags::from_bits_retain(self.registers[3] as u32);
        let message = SendMessage::decode(caller, self.socket.clone(), self.entry().header(), flags)?;
        caller.world().policy.admit(caller, &self.registers, Judged(message)).map(Box::new)
    }

    /// A message has gone, or a part of it.
    ///
    /// # Errors
    /// EFAULT, and the message is not counted.
    fn count<C: Caller>(&mut self, caller: &C, bytes: usize) -> Result<()> {
        self.entry().store(caller, bytes)?;
        self.sent += 1;
        self.current = None;
        Ok(())
    }

    /// What the call comes to: an error only if nothing was sent.
    fn result(&self, ended: Result<()>) -> Result<usize> {
        if self.sent > 0 { Ok(self.sent) } else { ended.map(|()| 0) }
    }
}

impl<C: Caller> Operation<C> for SendMany {
    fn step(&mut self, caller: &C) -> Step {
        while self.sent < self.count {
            let mut current = match self.current.take().map_or_else(|| self.next(caller), Ok) {
                Ok(current) => current,
                Err(error) => return Step::Done(self.result(Err(error))),
            };
            let message = &mut current.call().0;
            let counted = match message.step(caller) {
                Step::Done(Ok(bytes)) => {
                    let whole = message.is_sent();
                    self.count(caller, bytes).map(|()| whole)
                }
                Step::Done(Err(error)) => Err(error),
                Step::Wait(wait) => {
                    self.current = Some(current);
                    return Step::Wait(wait);
                }
            };
            match counted {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => return Step::Done(self.result(Err(error))),
            }
        }
        Step::Done(self.result(Ok(())))
    }

    fn interrupt(&mut self, caller: &C) -> Result<usize> {
        let Some(mut current) = self.current.take() else { return self.result(Ok(())) };
        let ended = current.call().0.interrupt().and_then(|bytes| self.count(caller, bytes));
        self.result(ended)
    }
}
