//! Interfaces that are made, changed and removed (`rtnl_newlink`, `do_setlink` and `rtnl_dellink` of Linux).

use alloc::{format, string::String};

use linux_raw_sys::net::net_device_flags::{self as flag, IFF_UP};
use net_stack::net::{InterfaceId, Network, Virtual};

use super::{
    super::{
        message::{Attribute, Attributes},
        request::{Done, Outcome, Refusal, Request},
        uapi::*,
    },
    NOT_SUPPORTED,
    link::{IFINFO, word},
    unsupported,
};
use crate::{
    error::Errno,
    interface::{self, Asked, MTU_MAX, MTU_MIN},
};

const UP: u32 = IFF_UP as u32;
/// What Linux changes besides (`__dev_change_flags`); all others it passes over.
const CHANGEABLE: u32 = (flag::IFF_DEBUG as u32)
    | (flag::IFF_NOTRAILERS as u32)
    | (flag::IFF_NOARP as u32)
    | (flag::IFF_DYNAMIC as u32)
    | (flag::IFF_MULTICAST as u32)
    | (flag::IFF_PORTSEL as u32)
    | (flag::IFF_AUTOMEDIA as u32)
    | (flag::IFF_PROMISC as u32)
    | (flag::IFF_ALLMULTI as u32);

/// What a message says of an interface.
#[derive(Default)]
struct Wanted<'a> {
    name: Option<&'a str>,
    mtu: Option<u32>,
    address: Option<[u8; 6]>,
    /// IFLA_LINKINFO
    kind: Option<&'a [u8]>,
    data: Option<Attribute<'a>>,
}

impl<'a> Wanted<'a> {
    fn read(attributes: Attributes<'a>) -> Outcome<Self> {
        let mut wanted = Self::default();
        for attribute in attributes {
            match attribute.kind {
                IFLA_IFNAME => wanted.name = Some(attribute.name()?).filter(|name| !name.is_empty()),
                IFLA_MTU => wanted.mtu = Some(attribute.number()?),
                IFLA_ADDRESS => wanted.address = Some(attribute.array()?),
                // It is about what is answered, which is nothing.
                IFLA_EXT_MASK => {}
                IFLA_LINKINFO => {
                    for inner in attribute.nested() {
                        match inner.kind {
                            IFLA_INFO_KIND => {
                                wanted.kind = inner.data.split(|byte| *byte == 0).next();
                            }
                            IFLA_INFO_DATA => wanted.data = Some(inner),
                            _ => return Err(unsupported(&inner)),
                        }
                    }
                }
                _ => return Err(unsupported(&attribute)),
            }
        }
        Ok(wanted)
    }
}

/// Changes an interface, or makes it where it is not there and the message says so.
pub(super) fn set(request: &Request<'_>) -> Outcome<Done> {
    let (header, attributes) = request.message.parts::<IFINFO>()?;
    let wanted = Wanted::read(attributes)?;
    let index = word(header, 4);
    let (flags, mut mask) = (word(header, 8), word(header, 12));
    if mask == 0 && flags != 0 {
        // As Linux has it, flags without a mask say how all of them are to be.
        mask = UP;
    }
    if mask & CHANGEABLE != 0 {
        return Err(NOT_SUPPORTED.because("Only IFF_UP can be changed"));
    }
    let found = request.context.world.network.network(|network| {
        let found = match (index, wanted.name) {
            (0, None) => None,
            (0, Some(name)) => network.find_interface(name),
            (index, _) => super::interface(network, index),
        };
        found.map(|interface| interface.id)
    });
    let creates = request.message.kind == RTM_NEWLINK && request.has(NLM_F_CREATE);
    match found {
        Some(_) if creates && request.has(NLM_F_EXCL) => Err(Refusal::new(Errno::EEXIST)),
        Some(id) => {
            let up = (mask & UP != 0).then_some(flags & UP != 0);
            change(request, id, &wanted, up, index != 0)
        }
        None if creates && index == 0 => create(request, &wanted, flags & mask),
        None if request.message.kind == RTM_SETLINK && index == 0 && wanted.name.is_none() => {
            Err(Refusal::new(Errno::EINVAL).because("No device name or index"))
        }
        None => Err(Refusal::new(Errno::ENODEV)),
    }
}

fn change(
    request: &Request<'_>,
    id: InterfaceId,
    wanted: &Wanted<'_>,
    up: Option<bool>,
    by_index: bool,
) -> Outcome<Done> {
    if wanted.kind.is_some() {
        return Err(NOT_SUPPORTED.because("What kind of device it is cannot be changed"));
    }
    let Wanted { mtu, address, .. } = *wanted;
    let asked = Asked { name: wanted.name.filter(|_| by_index), mtu, address, up };
    request.context.world.network.configure(|network| interface::change(network, id, &asked))?;
    Ok(Done::All)
}

/// A name that nobody has: that of the kind with a number.
fn free_name(network: &Network, kind: &str, but: &str) -> String {
    let mut names = (0_u32..).map(|number| format!("{kind}{number}"));
    names.find(|name| name != but && network.find_interface(name).is_none()).unwrap_or_default()
}

fn create(request: &Request<'_>, wanted: &Wanted<'_>, flags: u32) -> Outcome<Done> {
    let kind = wanted.kind.ok_or(NOT_SUPPORTED.because("Unknown device type"))?;
    let kind = match kind {
        b"dummy" => "dummy",
        b"veth" => "veth",
        _ => return Err(NOT_SUPPORTED.because("Unknown device type")),
    };
    let mut peer = Wanted::default();
    if let Some(data) = &wanted.data {
        for inner in data.nested() {
            match inner.kind {
                // Before its attributes it has a struct ifinfomsg.
                VETH_INFO_PEER if kind == "veth" && inner.data.len() >= IFINFO => {
                    peer = Wanted::read(inner.nested().skip_bytes(IFINFO))?;
                }
                _ => return Err(unsupported(&inner)),
            }
        }
    }
    for mtu in [wanted.mtu, peer.mtu].into_iter().flatten() {
        if !(MTU_MIN..=MTU_MAX).contains(&mtu) {
            return Err(Refusal::new(Errno::EINVAL).because("mtu out of range"));
        }
    }
    let stack = &request.context.world.network;
    let macs = [wanted, &peer].map(|it| it.address.unwrap_or_else(|| stack.random_mac()));
    stack.configure(|network| {
        let name = wanted.name.map_or_else(|| free_name(network, kind, ""), String::from);
        let exists = |_| Refusal::new(Errno::EEXIST);
        let id = if kind == "dummy" {
            network.add_dummy(&name, macs[0]).map_err(exists)?
        } else {
            let other = peer.name.map_or_else(|| free_name(network, kind, &name), String::from);
            network.add_pair([&name, &other], macs).map_err(exists)?
        };
        if let Some(mtu) = wanted.mtu {
            network.set_mtu(id, mtu);
        }
        if let (Some(mtu), Some(Virtual::Pair(other))) =
            (peer.mtu, network.interface(id).and_then(|interface| interface.made))
        {
            network.set_mtu(other, mtu);
        }
        network.set_up(id, flags & UP != 0);
        Ok(Done::All)
    })
}

pub(super) fn delete(request: &Request<'_>) -> Outcome<Done> {
    let (header, attributes) = request.message.parts::<IFINFO>()?;
    let wanted = Wanted::read(attributes)?;
    let index = word(header, 4);
    let stack = &request.context.world.network;
    stack.configure(|network| {
        let found = match (index, wanted.name) {
            (0, None) => return Err(Refusal::new(Errno::EINVAL)),
            (0, Some(name)) => network.find_interface(name),
            (index, _) => super::interface(network, index),
        };
        let found = found.ok_or(Refusal::new(Errno::ENODEV))?;
        if found.made.is_none() {
            return Err(NOT_SUPPORTED);
        }
        let id = found.id;
        network.remove_interface(id);
        Ok(Done::All)
    })
}
