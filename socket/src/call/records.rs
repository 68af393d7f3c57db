//! Records that are sent: what the calls that send have in common for sockets that are not streams.

use alloc::{boxed::Box, sync::Arc};

use crate::{
    abi::flags::MessageFlags,
    ancillary::Parcel,
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

/// How a record is to be sent.
pub(super) struct Manner<'a> {
    pub(super) flags: MessageFlags,
    /// To whom, if not to the peer.
    pub(super) to: Option<&'a [u8]>,
    /// Whether the call has not waited yet.
    pub(super) first: bool,
}

/// Sends what `source` has as one record, and what is in the parcel with it; how long it was. Where it waits for room at the
/// receiver, the record is left in `parked`.
///
/// # Errors
/// In Linux's order: what stands in the way of sending at all, EOPNOTSUPP for urgent data, EINVAL for an address that is none,
/// what [`Endpoint::prepare`] fails with, what looking up a name fails with, what [`Endpoint::deliver`] fails with.
pub(super) fn send<C: Caller, S: Source>(
    caller: &C,
    socket: &Arc<Socket>,
    source: &mut S,
    Manner { flags, to, first }: Manner<'_>,
    parcel: Option<&mut Parcel>,
    parked: &mut Option<Box<Parked>>,
) -> Attempt<usize> {
    let endpoint = socket.endpoint().ok_or(NOT_CONNECTED)?;
    let sequenced = endpoint.kind() == Kind::Sequenced;
    if first && sequenced {
        endpoint.status.take_error().map_or(Ok(()), Err)?;
    }
    if flags.contains(MessageFlags::OOB) {
        return Err(Error::new(Errno::EOPNOTSUPP, "records are not urgent").into());
    }
    // Over a connection there is one way to go: Linux does not look at the address.
    let name = to.filter(|_| !sequenced).map(Name::parse).transpose()?;
    if endpoint.status.knows_senders() {
        socket.bind_any(caller.world())?;
    }
    let find = |unsent: &mut Unsent| {
        let receiver = match name {
            Some(name) => receiver(caller, socket, name),
            None => endpoint.peer().ok_or(NOT_CONNECTED),
        }?;
        if endpoint.status.knows_senders() || receiver.status.knows_senders() {
            unsent.name_sender(|| caller.identity().as_sender());
        }
        Ok::<_, Error>(receiver)
    };
    let (mut unsent, length, mut receiver) = match parked.take() {
        Some(parked) => (parked.unsent, parked.length, parked.receiver),
        None => {
            let length = source.remaining();
            let mut unsent = endpoint.prepare(source)?;
            if let Some(parcel) = parcel {
                unsent.add(parcel.take(caller)?);
            }
            let receiver = find(&mut unsent)?;
            (unsent, length, receiver)
        }
    };
    loop {
        if let Some(ancillary) = unsent.ancillary() {
            ancillary.depart(caller, receiver.place());
        }
        match endpoint.deliver(&mut unsent, &receiver, name.is_some()) {
            Ok(Delivery::Done) => return Ok(length),
            Ok(Delivery::Gone) => {
                stay(&mut unsent);
                receiver = find(&mut unsent)?;
            }
            Err(stop @ Stop::Error(_)) => return Err(stop),
            Err(stop) => {
                stay(&mut unsent);
                *parked = Some(Box::new(Parked { unsent, length, receiver }));
                return Err(stop);
            }
        }
    }
}

/// The record is not on its way after all.
fn stay(unsent: &mut Unsent) {
    if let Some(ancillary) = unsent.ancillary() {
        ancillary.stay();
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
