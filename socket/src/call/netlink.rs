//! What the calls have in common for sockets of AF_NETLINK.

use alloc::{sync::Arc, vec, vec::Vec};

use crate::{
    abi::{buffers::UserBytes, flags::MessageFlags},
    bytes::Source,
    caller::Caller,
    error::{Errno, Error, Result},
    family::netlink::{Context, Netlink, Program},
    identity::Identity,
    socket::Socket,
    step::Attempt,
};

/// A caller as the one who asks for something.
pub(super) struct Of<'a, C>(pub(super) &'a C);

impl<C: Caller> Program for Of<'_, C> {
    fn identity(&self) -> Arc<Identity> {
        self.0.identity()
    }

    fn is_capable(&self, capability: u32) -> bool {
        self.0.is_capable(capability)
    }
}

/// Who calls, and when.
pub(super) fn context<'a, C: Caller>(caller: &'a C, program: &'a Of<'a, C>) -> Context<'a> {
    Context { world: caller.world(), program, now: caller.now().into() }
}

/// What is to be sent: copied once, so that what is judged is what is performed.
pub(super) type Copied = Result<Vec<u8>>;

/// Copies what is to be sent over such a socket, as far as the send buffer lets it; nothing for other sockets.
pub(super) fn copy<C: Caller>(socket: &Socket, mut source: UserBytes<'_, C>) -> Option<Copied> {
    socket.netlink()?;
    let length = source.remaining();
    if length > socket.send_buffer() as usize {
        // It will be found too long.
        return None;
    }
    let mut bytes = vec![0; length];
    Some(source.take(&mut bytes).map(|()| bytes).map_err(Error::from))
}

/// Sends what was copied. How much it was.
///
/// # Errors
/// EOPNOTSUPP for urgent data; what [`Netlink::prepare`] fails with; EFAULT; what [`Netlink::send`] fails with. Waits for room at
/// the receiver.
pub(super) fn send<C: Caller>(
    caller: &C,
    (socket, netlink): (&Socket, &Netlink),
    copied: Option<&Copied>,
    length: usize,
    flags: MessageFlags,
    to: Option<&[u8]>,
) -> Attempt<usize> {
    if flags.contains(MessageFlags::OOB) {
        return Err(Error::new(Errno::EOPNOTSUPP, "messages are not urgent").into());
    }
    let program = Of(caller);
    let context = context(caller, &program);
    let to = netlink.prepare(to, length, socket.send_buffer(), &context)?;
    let bytes = match copied {
        Some(Ok(bytes)) => bytes,
        Some(Err(error)) => return Err((*error).into()),
        None => return Err(Errno::EMSGSIZE.into()),
    };
    netlink.send(bytes, to, &context)?;
    Ok(bytes.len())
}
