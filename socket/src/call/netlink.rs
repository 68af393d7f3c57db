//! What the calls have in common for sockets of AF_NETLINK.

use alloc::{sync::Arc, vec, vec::Vec};

use linux_raw_sys::general::{CAP_NET_ADMIN, CAP_NET_BROADCAST};

use crate::{
    abi::{buffers::UserBytes, flags::MessageFlags},
    bytes::Source,
    caller::Caller,
    error::{Errno, Error, Result},
    family::netlink::{Context, Netlink},
    socket::Socket,
    step::Attempt,
};

/// Who calls, and when.
pub(super) fn context<C: Caller>(caller: &C) -> Context<'_> {
    let identity = caller.identity();
    Context {
        world: caller.world(),
        pid: identity.pid as u32,
        user: identity.users.effective,
        sender: Some(identity.as_sender()),
        may_administer: caller.is_capable(CAP_NET_ADMIN),
        may_listen_everywhere: caller.is_capable(CAP_NET_BROADCAST),
        now: caller.now().into(),
    }
}

/// What is to be sent: copied once, so that what is judged is what is performed.
pub(super) type Copied = core::result::Result<Arc<Vec<u8>>, Error>;

/// Copies what is to be sent over such a socket, as far as the send buffer lets it; nothing for other sockets.
pub(super) fn copy<C: Caller>(socket: &Socket, mut source: UserBytes<'_, C>) -> Option<Copied> {
    socket.netlink()?;
    let length = source.remaining();
    if length > socket.send_buffer() as usize {
        // It will be found too long.
        return None;
    }
    let mut bytes = vec![0; length];
    Some(source.take(&mut bytes).map(|()| Arc::new(bytes)).map_err(Error::from))
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
    let context = context(caller);
    let to = netlink.prepare(to, length, socket.send_buffer(), &context)?;
    let bytes: Result<&Arc<Vec<u8>>> = match copied {
        Some(Ok(bytes)) => Ok(bytes),
        Some(Err(error)) => Err(*error),
        None => Err(Errno::EMSGSIZE.into()),
    };
    let bytes = bytes?;
    netlink.send(bytes, to, &context)?;
    Ok(bytes.len())
}
