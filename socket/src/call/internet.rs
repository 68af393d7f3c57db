//! What the calls have in common for sockets of AF_INET and AF_INET6.

use alloc::boxed::Box;

use linux_raw_sys::general::CAP_NET_BIND_SERVICE;
use net_stack::time::Instant;

use crate::{
    abi::{control::ControlMessages, flags::MessageFlags},
    bytes::{Sink, Source},
    caller::Caller,
    error::{Errno, Error},
    family::inet::{Context, Datagram, Internet, Manner, Pending, Transport},
    step::{Attempt, Stop},
};

/// Who calls, and when.
pub(super) fn context<C: Caller>(caller: &C) -> Context {
    Context {
        now: caller.now().into(),
        user: caller.identity().users.effective,
        may_bind_all: caller.is_capable(CAP_NET_BIND_SERVICE),
    }
}

/// Sends what `source` has: of a stream as much as there is room for, otherwise all of it as one datagram. Returns how much.
/// What was copied and not sent is left in `pending`.
///
/// # Errors
/// EOPNOTSUPP for urgent data; what sending fails with. Waits for room.
pub(super) fn send<C: Caller, S: Source>(
    caller: &C,
    internet: &Internet,
    source: &mut S,
    flags: MessageFlags,
    (to, control): (Option<&[u8]>, Option<&ControlMessages>),
    pending: &mut Option<Box<Pending>>,
) -> Attempt<usize> {
    if flags.contains(MessageFlags::OOB) {
        return Err(Error::new(Errno::EOPNOTSUPP, "urgent data is not supported").into());
    }
    let now: Instant = caller.now().into();
    let more = flags.contains(MessageFlags::MORE);
    match internet.transport() {
        // As Linux has it, an address is passed over.
        Transport::Tcp(_) => {
            let mut fresh = Pending::default();
            let sent = internet.send_stream(source, pending.as_deref_mut().unwrap_or(&mut fresh), more, now);
            if pending.is_none() && fresh.is_left() {
                *pending = Some(Box::new(fresh));
            }
            sent
        }
        Transport::Udp(udp) => {
            let manner = Manner { to, control, more };
            Ok(internet.send_datagram(udp, source, manner, now)?)
        }
    }
}

/// What a call has received.
pub(super) enum Incoming {
    /// So many bytes of a stream.
    Bytes(usize),
    /// A datagram.
    Datagram(Box<Datagram>),
    /// Nothing more will come.
    End,
}

/// Receives what is there.
///
/// # Errors
/// EINVAL for urgent data of a stream, for there is none; what receiving fails with. Waits for something to be there.
pub(super) fn receive<C: Caller, K: Sink>(
    caller: &C,
    internet: &Internet,
    sink: &mut K,
    flags: MessageFlags,
    nonblocking: bool,
) -> Attempt<Incoming> {
    let peek = flags.contains(MessageFlags::PEEK);
    if flags.contains(MessageFlags::ERRQUEUE) {
        return Ok(Incoming::Datagram(Box::new(internet.receive_error(sink)?)));
    }
    match internet.transport() {
        Transport::Tcp(_) => {
            if flags.contains(MessageFlags::OOB) {
                return Err(Error::new(Errno::EINVAL, "there is no urgent data").into());
            }
            let count = internet.receive_stream(sink, peek, caller.now().into())?;
            Ok(if count == 0 { Incoming::End } else { Incoming::Bytes(count) })
        }
        Transport::Udp(udp) => {
            let datagram = internet.receive_datagram(udp, sink, peek, nonblocking)?;
            Ok(datagram.map_or(Incoming::End, |datagram| Incoming::Datagram(Box::new(datagram))))
        }
    }
}

/// What connect(2) comes to that has to wait for a connection, where it does not wait.
pub(super) fn in_progress(begun_here: bool) -> Stop {
    if begun_here { Errno::EINPROGRESS.into() } else { Errno::EALREADY.into() }
}
