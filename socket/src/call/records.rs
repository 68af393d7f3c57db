//! Records that are sent: what the calls that send have in common for sockets that are not streams.

use alloc::{boxed::Box, sync::Arc};

use crate::{
    abi::flags::MessageFlags,
    bytes::Source,
    caller::Caller,
    error::{Errno, Error, Result},
    family::unix::{
        address::Name,
        record::{Delivery, Endpoint, Kind, Unsent},
    },
    socket::{NOT_CONNECTED, Socket, Target},
    step::{Attempt, Stop},
};

/// A record that waits for room at its receiver: it has been copied, and counts against the sender's buffer.
pub(super) struct Parked {
    unsent: Unsent,
    length: usize,
    receiver: Arc<Endpoint>,
}

/// Sends what `source` has as one record, to somebody or to the peer; how long it was. `first` says that the call has not
/// waited yet; where it waits for room at the receiver, the record is left in `parked`.
///
/// # Errors
/// In Linux's order: what stands in the way of sending at all, EOPNOTSUPP for urgent data, EINVAL for an address that is none,
/// what [`Endpoint::prepare`] fails with, what looking up a name fails with, what [`Endpoint::deliver`] fails with.
pub(super) fn send<C: Caller, S: Source>(
    caller: &C,
    socket: &Socket,
    source: &mut S,
    flags: MessageFlags,
    to: Option<&[u8]>,
    first: bool,
    parked: &mut Option<Box<Parked>>,
) -> Attempt<usize> {
    let endpoint = socket.endpoint().ok_or(NOT_CONNECTED)?;
    let sequenced = endpoint.kind() == Kind::Sequenced;
    if first && sequenced {
        endpoint.take_error().map_or(Ok(()), Err)?;
    }
    if flags.contains(MessageFlags::OOB) {
        return Err(Error::new(Errno::EOPNOTSUPP, "records are not urgent").into());
    }
    // Over a connection there is one way to go: Linux does not look at the address.
    let name = to.filter(|_| !sequenced).map(Name::parse).transpose()?;
    let find = || match name {
        Some(name) => receiver(caller, socket, name),
        None => endpoint.peer().ok_or(NOT_CONNECTED),
    };
    let (mut unsent, length, mut receiver) = match parked.take() {
        Some(parked) => (parked.unsent, parked.length, parked.receiver),
        None => {
            let length = source.remaining();
            (endpoint.prepare(source)?, length, find()?)
        }
    };
    loop {
        match endpoint.deliver(&mut unsent, &receiver, name.is_some()) {
            Ok(Delivery::Done) => return Ok(length),
            Ok(Delivery::Gone) => receiver = find()?,
            Err(stop @ Stop::Error(_)) => return Err(stop),
            Err(stop) => {
                *parked = Some(Box::new(Parked { unsent, length, receiver }));
                return Err(stop);
            }
        }
    }
}

/// Who has a name.
fn receiver<C: Caller>(caller: &C, socket: &Socket, name: Name<'_>) -> Result<Arc<Endpoint>> {
    let target = match name {
        Name::Abstract(name) => Target::Abstract(name),
        Name::Path(path) => Target::Node(caller.find_node(path)?),
    };
    socket.receiver(caller.world(), target)
}
