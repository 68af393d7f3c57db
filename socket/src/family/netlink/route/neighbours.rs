//! Who is where on a link (`neigh_add`, `neigh_delete` and `neigh_dump_info` of Linux).

use net_stack::{
    address::IpAddr,
    neighbour::{Certainty, Known},
    net::InterfaceId,
};

use super::{
    super::{
        message::Builder,
        request::{Done, Outcome, Refusal, Request},
        uapi::*,
    },
    MULTI, NOT_SUPPORTED, V4, V6, answer, family_of, interface, is_wanted, unsupported,
};
use crate::error::Errno;

/// `struct ndmsg`: its size.
const ND: usize = 12;

/// `NTF_USE`, `NTF_EXT_LEARNED` and the like stand in this byte of it.
const FLAGS: usize = 10;

/// `RTN_UNICAST`, as `ndm_type` shows it.
const UNICAST: u8 = RTN_UNICAST;

/// Ends a message that was begun with what there is to know about a neighbour.
pub(super) fn fill(builder: &mut Builder, known: &Known) {
    let state = match known.certainty {
        Certainty::Incomplete => NUD_INCOMPLETE,
        Certainty::Reachable => NUD_REACHABLE,
        Certainty::Stale => NUD_STALE,
        Certainty::Probe => NUD_PROBE,
        Certainty::Permanent => NUD_PERMANENT,
    };
    let [i0, i1, i2, i3] = known.interface.get().to_ne_bytes();
    builder.put(&[family_of(known.address), 0, 0, 0, i0, i1, i2, i3, state, 0, 0, UNICAST]);
    builder.address(NDA_DST, known.address);
    if let Some(mac) = known.mac {
        builder.attribute(NDA_LLADDR, &mac);
    }
    builder.number(NDA_PROBES, 0);
    // struct nda_cacheinfo
    builder.attribute(NDA_CACHEINFO, &[0; 16]);
    builder.end();
}

/// What a message says of a neighbour.
struct Wanted {
    index: u32,
    state: u16,
    flags: u8,
    to: Option<IpAddr>,
    mac: Option<[u8; 6]>,
}

impl Wanted {
    fn read(request: &Request<'_>) -> Outcome<Self> {
        let (header, attributes) = request.message.parts::<ND>()?;
        let index = u32::from_ne_bytes([header[4], header[5], header[6], header[7]]);
        let state = u16::from_ne_bytes([header[8], header[9]]);
        let (family, flags) = (header[0], header[FLAGS]);
        if family != V4 && family != V6 {
            return Err(Refusal::new(Errno::EAFNOSUPPORT));
        }
        let mut wanted = Self { index, state, flags, to: None, mac: None };
        for attribute in attributes {
            match attribute.kind {
                NDA_DST => wanted.to = Some(attribute.address(family == V6)?),
                NDA_LLADDR => wanted.mac = Some(attribute.array()?),
                // Who has put it in: Linux keeps it to show it.
                NDA_PROTOCOL if attribute.byte()? == 0 => {}
                _ => return Err(unsupported(&attribute)),
            }
        }
        Ok(wanted)
    }

    /// Whom the message is about.
    fn who(&self, request: &Request<'_>) -> Outcome<(InterfaceId, IpAddr)> {
        let to = self.to.ok_or(Refusal::new(Errno::EINVAL).because("Network address not specified"))?;
        let found =
            request.context.world.network.network(|network| interface(network, self.index).map(|it| it.id));
        match (found, self.index) {
            (Some(id), _) => Ok((id, to)),
            (None, 0) => Err(Refusal::new(Errno::EINVAL).because("No device specified")),
            (None, _) => Err(Refusal::new(Errno::ENODEV)),
        }
    }
}

pub(super) fn dump(request: &Request<'_>, family: u8) -> Outcome<Done> {
    let mut index = 0;
    if let Ok((_, attributes)) = request.message.parts::<ND>() {
        for attribute in attributes {
            match attribute.kind {
                NDA_IFINDEX => index = attribute.number()?,
                _ => return Err(unsupported(&attribute)),
            }
        }
    }
    let stack = &request.context.world.network;
    let mut known = stack.known_neighbours(request.context.now);
    known.retain(|one| is_wanted(family, one.address) && (index == 0 || one.interface.get() == index));
    known.sort_by_key(|one| (one.address.is_ipv6(), one.interface, one.address));
    let flags = if index != 0 { NLM_F_DUMP_FILTERED } else { 0 };
    answer(request, flags, |builder| {
        for one in &known {
            builder.begin(request.header(RTM_NEWNEIGH, MULTI | flags));
            fill(builder, one);
        }
    })
}

pub(super) fn get(request: &Request<'_>) -> Outcome<Done> {
    let wanted = Wanted::read(request)?;
    let (id, to) = wanted.who(request)?;
    let known = request.context.world.network.neighbour(id, to, request.context.now);
    let known = known.ok_or(Refusal::new(Errno::ENOENT).because("Neighbour entry not found"))?;
    let mut builder = Builder::with_capacity(128);
    builder.begin(request.header(RTM_NEWNEIGH, 0));
    fill(&mut builder, &known);
    request.answer(builder);
    Ok(Done::All)
}

pub(super) fn add(request: &Request<'_>) -> Outcome<Done> {
    let wanted = Wanted::read(request)?;
    let (interface, address) = wanted.who(request)?;
    if wanted.flags != 0 {
        return Err(NOT_SUPPORTED.because("Flag of neighbour is not supported"));
    }
    let certainty = match u8::try_from(wanted.state) {
        Ok(NUD_PERMANENT) => Certainty::Permanent,
        Ok(NUD_REACHABLE) => Certainty::Reachable,
        Ok(NUD_STALE) => Certainty::Stale,
        _ => return Err(NOT_SUPPORTED.because("State of neighbour is not supported")),
    };
    let stack = &request.context.world.network;
    let before = stack.neighbour(interface, address, request.context.now);
    match before {
        Some(_) if request.has(NLM_F_EXCL) => return Err(Refusal::new(Errno::EEXIST)),
        None if !request.has(NLM_F_CREATE) => return Err(Refusal::new(Errno::ENOENT)),
        _ => {}
    }
    let mac = wanted.mac.or(before.and_then(|before| before.mac));
    if mac.is_none() {
        return Err(Refusal::new(Errno::EINVAL).because("No link layer address given"));
    }
    stack.set_neighbour(Known { interface, address, mac, certainty }, request.context.now);
    Ok(Done::All)
}

pub(super) fn remove(request: &Request<'_>) -> Outcome<Done> {
    let wanted = Wanted::read(request)?;
    let (interface, address) = wanted.who(request)?;
    let stack = &request.context.world.network;
    let known = stack.neighbour(interface, address, request.context.now);
    let removed = known.is_some_and(|known| stack.remove_neighbour(known));
    if removed { Ok(Done::All) } else { Err(Refusal::new(Errno::ENOENT)) }
}
