//! Calls on a descriptor of which nothing is known: some socket has to be admitted.

use crate::{
    call::Call,
    domain::{Kind, signature, structs},
    matcher::{Hit, Refusal},
    subject::{Descriptor, FAMILIES, FAMILY_BITS, SocketState, TYPES},
    tables::{Row, Tables},
};

use super::observed::{Observed, descriptor};

const STATES: [SocketState; 6] = [
    SocketState::Unbound,
    SocketState::Bound,
    SocketState::Connecting,
    SocketState::Connected,
    SocketState::Listening,
    SocketState::Closed,
];

/// Whether there is a socket for which the call conforms; the refusal that comes last in the order of the arguments if not.
pub(super) fn admit(tables: &Tables<'_>, call: Call, observed: &mut Observed) -> Result<Hit, Refusal> {
    let known_state = observed.state;
    let states = known_state.as_ref().map_or(&STATES[..], core::slice::from_ref);
    let sockets = match observed.descriptor {
        Some(descriptor) => vec![descriptor],
        None if takes_descriptor(call) => sockets(tables, call),
        None => return tables.admit(call, &observed.subject()),
    };
    let mut nearest: Option<(Refusal, Descriptor, SocketState)> = None;
    for descriptor in sockets {
        for state in states {
            (observed.descriptor, observed.state) = (Some(descriptor), Some(*state));
            match tables.admit(call, &observed.subject()) {
                Ok(hit) => return Ok(hit),
                Err(refusal) if nearest.is_none_or(|(other, ..)| refusal.parameter > other.parameter) => {
                    nearest = Some((refusal, descriptor, *state));
                }
                Err(_) => {}
            }
        }
    }
    let (refusal, descriptor, state) = match nearest {
        Some(nearest) => nearest,
        None => return tables.admit(call, &observed.subject()),
    };
    (observed.descriptor, observed.state) = (Some(descriptor), Some(state));
    Err(refusal)
}

/// Whether one of the parameters is a descriptor that rules may speak of.
pub(super) fn takes_descriptor(call: Call) -> bool {
    signature(call).parameters.iter().any(|parameter| matches!(parameter.kind, Kind::Descriptor))
}

/// Every kind of socket that a rule of the call names; a UNIX stream where none is named.
fn sockets(tables: &Tables<'_>, call: Call) -> Vec<Descriptor> {
    let mut all: Vec<Descriptor> = Vec::new();
    let rows = tables.rows[call.index()];
    for row in rows {
        for (family, kind) in of_row(row) {
            let protocols = structs::PROTOCOLS.iter().find(|variant| variant.selector == u32::from(family));
            // Only further tests can speak of the protocol.
            let more = protocols.filter(|_| row.tests != 0).map_or(&[][..], |variant| variant.domain.members);
            let numbers = [0].into_iter().chain(more.iter().map(|member| member.value as u16));
            for socket in numbers.map(|protocol| descriptor(family, kind, protocol)) {
                if !all.contains(&socket) {
                    all.push(socket);
                }
            }
        }
    }
    all
}

fn of_row(row: &Row) -> impl Iterator<Item = (u16, u8)> {
    let free = |shift: u32, count: u32, any: u32| -> Vec<u32> {
        let mask = ((1_u64 << count) - 1) << shift;
        match row.forbidden & mask {
            0 => vec![any],
            _ => (0..count).filter(|bit| row.forbidden >> (shift + bit) & 1 == 0).collect(),
        }
    };
    debug_assert!(FAMILY_BITS.count_ones() == FAMILIES, "families stand first");
    let (families, types) = (free(0, FAMILIES, 1), free(FAMILIES, TYPES, 1));
    families
        .into_iter()
        .flat_map(move |family| types.clone().into_iter().map(move |kind| (family as u16, kind as u8)))
}
