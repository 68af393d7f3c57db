//! recvmmsg(2)

use alloc::{boxed::Box, sync::Arc};
use core::time::Duration;

use scml::Call;

use super::{messages::Entry, recvmsg::ReceiveMessage, sendmsg::refuse_compat};
use crate::{
    abi::{flags::MessageFlags, word},
    caller::Caller,
    error::{Errno, Error, Result},
    policy::{Admitted, Decoded},
    socket::Socket,
    step::{Operation, Step},
};

/// `sizeof(struct timespec)`
const TIMESPEC: usize = 16;

/// One of the messages. The policy judges each by itself, when its turn comes.
type OneOfMany = ReceiveMessage<true>;

/// A call without messages.
struct Nothing(Arc<Socket>);

impl Decoded for Nothing {
    const CALL: Call = Call::Recvmmsg;

    fn socket(&self) -> Option<&Socket> {
        Some(&self.0)
    }
}

/// Messages that are to be received, one after the other.
pub struct ReceiveMany {
    socket: Arc<Socket>,
    registers: [usize; 6],
    flags: MessageFlags,
    /// How many there is room for.
    count: usize,
    /// How many have come.
    received: usize,
    /// After this, no further message is waited for: but one that is being waited for is, however long it takes, as in Linux.
    deadline: Option<Duration>,
    /// The one whose turn it is, once it has been admitted.
    current: Option<Box<Admitted<OneOfMany>>>,
}

/// Decodes `recvmmsg(sockfd, msgvec, vlen, flags, timeout)`.
///
/// # Errors
/// In Linux's order: EINVAL for MSG_CMSG_COMPAT; EFAULT and EINVAL for the timeout; EBADF, ENOTSOCK; the error that waits at
/// the socket; of the first message, what recvmsg(2) finds; what the policy says.
pub fn start<C: Caller>(caller: &C, registers: &[usize; 6]) -> Result<ReceiveMany> {
    let [_, _, count, flags, timeout, _] = *registers;
    let flags = MessageFlags::from_bits_retain(flags as u32);
    refuse_compat(flags)?;
    let deadline = deadline(caller, timeout)?;
    let socket = super::socket(caller, registers)?;
    let count = count as u32 as usize;
    let mut many =
        ReceiveMany { socket, registers: *registers, flags, count, received: 0, deadline, current: None };
    if count == 0 {
        caller.world().policy.admit(caller, registers, Nothing(many.socket.clone()))?;
    } else {
        many.current = Some(many.next(caller)?);
    }
    // Linux looks for this before it looks at the first message; nothing undeclared must find it, though.
    if flags.contains(MessageFlags::ERRQUEUE) {
        return Ok(many);
    }
    many.socket.take_error().map_or(Ok(many), Err)
}

/// Reads the timeout; no time at all ends the call after the first message.
fn deadline<C: Caller>(caller: &C, address: usize) -> Result<Option<Duration>> {
    if address == 0 {
        return Ok(None);
    }
    let mut bytes = [0; TIMESPEC];
    caller.read_memory(address, &mut bytes)?;
    let bad = Error::new(Errno::EINVAL, "no such time");
    let seconds = u64::try_from(word(&bytes, 0) as isize).map_err(|_| bad)?;
    let nanoseconds = u32::try_from(word(&bytes, 8)).ok().filter(|it| *it < 1_000_000_000).ok_or(bad)?;
    let timeout = Duration::new(seconds, nanoseconds);
    if timeout.is_zero() {
        return Ok(Some(timeout));
    }
    Ok(Some(caller.now().checked_add(timeout).unwrap_or(Duration::MAX)))
}

impl ReceiveMany {
    fn entry(&self) -> Entry {
        Entry::new(self.registers[1], self.received)
    }

    /// Decodes the message whose turn it is.
    fn next<C: Caller>(&self, caller: &C) -> Result<Box<Admitted<OneOfMany>>> {
        let message = OneOfMany::decode(caller, self.socket.clone(), self.entry().header(), self.flags)?;
        caller.world().policy.admit(caller, &self.registers, message).map(Box::new)
    }

    /// A message has come. Whether the next one is to be waited for.
    ///
    /// # Errors
    /// EFAULT, and the message is not counted.
    fn count<C: Caller>(&mut self, caller: &C, bytes: usize) -> Result<bool> {
        self.entry().store(caller, bytes)?;
        self.received += 1;
        self.current = None;
        if self.flags.contains(MessageFlags::WAITFORONE) {
            self.flags |= MessageFlags::DONTWAIT;
        }
        Ok(self.deadline.is_none_or(|deadline| deadline > caller.now()))
    }

    /// What the call comes to: an error only if nothing was received. Linux keeps it, then, for the next call.
    fn result<C: Caller>(&self, caller: &C, ended: Result<()>) -> Result<usize> {
        if self.received == 0 {
            return ended.map(|()| 0);
        }
        if let Err(error) = ended
            && !matches!(error.errno, Errno::EAGAIN | Errno::EINTR)
        {
            self.socket.set_error(error);
        }
        if let Some(deadline) = self.deadline {
            let left = deadline.saturating_sub(caller.now());
            let mut bytes = [0; TIMESPEC];
            bytes[..8].copy_from_slice(&left.as_secs().to_ne_bytes());
            bytes[8..].copy_from_slice(&u64::from(left.subsec_nanos()).to_ne_bytes());
            caller.write_memory(self.registers[4], &bytes)?;
        }
        Ok(self.received)
    }
}

impl<C: Caller> Operation<C> for ReceiveMany {
    fn step(&mut self, caller: &C) -> Step {
        while self.received < self.count {
            let mut current = match self.current.take().map_or_else(|| self.next(caller), Ok) {
                Ok(current) => current,
                Err(error) => return Step::Done(self.result(caller, Err(error))),
            };
            let counted = match current.call().step(caller) {
                Step::Done(Ok(bytes)) => self.count(caller, bytes),
                Step::Done(Err(error)) => Err(error),
                Step::Wait(wait) => {
                    self.current = Some(current);
                    return Step::Wait(wait);
                }
            };
            match counted {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => return Step::Done(self.result(caller, Err(error))),
            }
        }
        Step::Done(self.result(caller, Ok(())))
    }

    fn interrupt(&mut self, caller: &C) -> Result<usize> {
        let Some(mut current) = self.current.take() else { return self.result(caller, Ok(())) };
        let ended = current.call().interrupt(caller).and_then(|bytes| self.count(caller, bytes));
        self.result(caller, ended.map(|_| ()))
    }
}
