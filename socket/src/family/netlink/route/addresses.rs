//! The addresses of interfaces (`inet_rtm_newaddr` and `inet6_rtm_newaddr` of Linux).

use net_stack::{
    address::{IpAddr, Ipv4Addr},
    net::{AddError, Address, AddressScope, InterfaceId},
};

use super::{
    super::{
        message::{Attributes, Builder},
        request::{Done, Outcome, Refusal, Request},
        uapi::*,
    },
    MULTI, answer, family_of, interface, is_wanted, unsupported,
};
use crate::error::Errno;

/// `struct ifaddrmsg`: its size.
const IFADDR: usize = 8;

/// `INFINITY_LIFE_TIME`
const FOR_EVER: u32 = u32::MAX;

/// IFAPROT_KERNEL_LO and IFAPROT_KERNEL_LL: whose address of IPv6 the kernel made.
const OF_LOOPBACK: u8 = 1;
const OF_LINK: u8 = 3;

/// Ends a message that was begun with what there is to know about an address.
pub(super) fn fill(builder: &mut Builder, id: InterfaceId, name: &str, address: &Address) {
    let mut flags = u32::from(IFA_F_PERMANENT);
    let v6 = address.address.is_ipv6();
    if v6 && address.no_detection {
        flags |= u32::from(IFA_F_NODAD);
    }
    if address.no_route {
        flags |= u32::from(IFA_F_NOPREFIXROUTE);
    }
    let [i0, i1, i2, i3] = id.get().to_ne_bytes();
    let family = family_of(address.address);
    builder.put(&[family, address.prefix_length, flags as u8, address.scope.0, i0, i1, i2, i3]);
    builder.address(IFA_ADDRESS, address.address);
    if !v6 {
        builder.address(IFA_LOCAL, address.address);
        if let Some(broadcast) = address.broadcast {
            builder.address(IFA_BROADCAST, broadcast.into());
        }
        builder.text(IFA_LABEL, name);
    }
    builder.number(IFA_FLAGS, flags);
    // struct ifa_cacheinfo: how long it is preferred and valid, and since when, which nobody notes.
    let mut lifetimes = [0; 16];
    lifetimes[..8].fill(0xff);
    builder.attribute(IFA_CACHEINFO, &lifetimes);
    if v6 && (address.scope == AddressScope::HOST || address.scope == AddressScope::LINK) {
        builder.byte(IFA_PROTO, if address.scope == AddressScope::HOST { OF_LOOPBACK } else { OF_LINK });
    }
    builder.end();
}

pub(super) fn dump(request: &Request<'_>, family: u8) -> Outcome<Done> {
    let strict = request.is_strict();
    let index = match request.message.parts::<IFADDR>() {
        Ok((header, attributes)) if strict => {
            let &[_, length, flags, scope, ref index @ ..] = header;
            if length != 0 || flags != 0 || scope != 0 {
                let text = "ipv4: Invalid values in header for address dump request";
                return Err(Refusal::new(Errno::EINVAL).because(text));
            }
            if let Some(attribute) = attributes.into_iter().next() {
                return Err(Refusal::new(Errno::EINVAL)
                    .because("Unsupported attribute in dump request")
                    .at(attribute.offset));
            }
            u32::from_ne_bytes(*index)
        }
        _ => 0,
    };
    let network = &request.context.world.network;
    if index != 0 && network.network(|network| interface(network, index).is_none()) {
        return Err(Refusal::new(Errno::ENODEV));
    }
    let flags = if index != 0 { NLM_F_DUMP_FILTERED } else { 0 };
    answer(request, flags, |builder| {
        network.network(|network| {
            // Linux shows one family after the other.
            for v6 in [false, true] {
                for interface in network.interfaces().filter(|it| index == 0 || it.id.get() == index) {
                    let here = interface.addresses.iter().filter(|own| own.address.is_ipv6() == v6);
                    for address in here.filter(|own| is_wanted(family, own.address)) {
                        builder.begin(request.header(RTM_NEWADDR, MULTI | flags));
                        fill(builder, interface.id, &interface.name, address);
                    }
                }
            }
        });
    })
}

/// What a message says of an address.
struct Wanted {
    index: u32,
    length: u8,
    scope: u8,
    flags: u32,
    /// IFA_LOCAL and IFA_ADDRESS
    local: Option<IpAddr>,
    address: Option<IpAddr>,
    broadcast: Option<Ipv4Addr>,
}

impl Wanted {
    fn read(request: &Request<'_>, v6: bool) -> Outcome<Self> {
        let (header, attributes) = request.message.parts::<IFADDR>()?;
        let &[_, length, flags, scope, ref index @ ..] = header;
        let index = u32::from_ne_bytes(*index);
        let (local, address, broadcast) = (None, None, None);
        let mut wanted = Self { index, length, scope, flags: flags.into(), local, address, broadcast };
        wanted.add(request, attributes, v6)?;
        Ok(wanted)
    }

    fn add(&mut self, request: &Request<'_>, attributes: Attributes<'_>, v6: bool) -> Outcome<()> {
        for attribute in attributes {
            match attribute.kind {
                IFA_LOCAL => self.local = Some(attribute.address(v6)?),
                IFA_ADDRESS => self.address = Some(attribute.address(v6)?),
                IFA_BROADCAST if !v6 => self.broadcast = Some(attribute.array::<4>()?.into()),
                IFA_FLAGS => self.flags = attribute.number()?,
                IFA_LABEL if !v6 => {
                    // The interface's own name is what it is called anyway.
                    let own = request.context.world.network.network(|network| {
                        interface(network, self.index)
                            .is_some_and(|it| attribute.name() == Ok(it.name.as_str()))
                    });
                    if !own {
                        return Err(unsupported(&attribute));
                    }
                }
                IFA_CACHEINFO => {
                    let [preferred, valid] = self.lifetimes(&attribute)?;
                    if preferred != FOR_EVER || valid != FOR_EVER {
                        return Err(unsupported(&attribute));
                    }
                }
                _ => return Err(unsupported(&attribute)),
            }
        }
        let known = IFA_F_PERMANENT | IFA_F_NODAD | IFA_F_NOPREFIXROUTE;
        if self.flags & !u32::from(known) != 0 {
            return Err(super::NOT_SUPPORTED.because("Address flag is not supported"));
        }
        Ok(())
    }

    fn lifetimes(&self, attribute: &super::Attribute<'_>) -> Outcome<[u32; 2]> {
        let [p0, p1, p2, p3, v0, v1, v2, v3] = attribute.array::<8>()?;
        Ok([[p0, p1, p2, p3], [v0, v1, v2, v3]].map(u32::from_ne_bytes))
    }
}

/// A reason for people, which Linux begins with the version.
fn text(v6: bool, [of_v4, of_v6]: [&'static str; 2]) -> &'static str {
    if v6 { of_v6 } else { of_v4 }
}

pub(super) fn add(request: &Request<'_>, v6: bool) -> Outcome<Done> {
    let wanted = Wanted::read(request, v6)?;
    let refused = |errno, texts| Err(Refusal::new(errno).because(text(v6, texts)));
    let width = if v6 { 128 } else { 32 };
    if wanted.length > width {
        return refused(Errno::EINVAL, ["ipv4: Invalid prefix length", "Invalid prefix length"]);
    }
    // Linux takes the one for the other with IPv6 only.
    let local = wanted.local.or(wanted.address.filter(|_| v6));
    let Some(local) = local else {
        return refused(Errno::EINVAL, ["ipv4: Local address is not supplied", "No address"]);
    };
    if wanted.address.is_some_and(|peer| peer != local) {
        return Err(super::NOT_SUPPORTED.because("An address of a peer is not supported"));
    }
    let usual = Address::new(local, wanted.length);
    let scope = if v6 { usual.scope } else { AddressScope(wanted.scope) };
    let address = Address {
        prefix_length: wanted.length,
        broadcast: wanted.broadcast,
        scope,
        no_route: wanted.flags & u32::from(IFA_F_NOPREFIXROUTE) != 0,
        no_detection: wanted.flags & u32::from(IFA_F_NODAD) != 0,
        ..usual
    };
    let replace = request.has(NLM_F_REPLACE) && !request.has(NLM_F_EXCL);
    request.context.world.network.configure(|network| {
        let Some(own) = interface(network, wanted.index) else {
            return refused(Errno::ENODEV, ["ipv4: Device not found", "ipv6: Unable to find the interface"]);
        };
        let (id, same) = (own.id, own.addresses.iter().find(|own| own.address == local).copied());
        if let Some(same) = same {
            let differs = !v6 && same.prefix_length != wanted.length;
            if !replace && !differs {
                return refused(
                    Errno::EEXIST,
                    ["ipv4: Address already assigned", "ipv6: address already assigned"],
                );
            }
            if differs {
                let text = "One address with two prefixes is not supported";
                return Err(super::NOT_SUPPORTED.because(text));
            }
            network.remove_address(id, local);
        }
        match network.add_address(id, address) {
            Ok(()) => Ok(Done::All),
            Err(AddError::NotUnicast) if v6 => {
                refused(Errno::EADDRNOTAVAIL, ["", "ipv6: Cannot assign multicast address"])
            }
            Err(_) => Err(Refusal::new(Errno::EINVAL)),
        }
    })
}

pub(super) fn remove(request: &Request<'_>, v6: bool) -> Outcome<Done> {
    let wanted = Wanted::read(request, v6)?;
    let refused = |errno, texts| Err(Refusal::new(errno).because(text(v6, texts)));
    request.context.world.network.configure(|network| {
        let Some(own) = interface(network, wanted.index) else {
            return refused(Errno::ENODEV, ["ipv4: Device not found", "Unable to find the interface"]);
        };
        let named = wanted.local.or(wanted.address);
        if v6 && named.is_none() {
            return refused(Errno::EINVAL, ["", "IPv6 address not specified"]);
        }
        let is_meant = |own: &&Address| {
            own.address.is_ipv6() == v6
                && named.is_none_or(|named| own.address == named)
                && wanted.address.is_none_or(|_| own.prefix_length == wanted.length)
        };
        let found = own.addresses.iter().find(is_meant).map(|own| own.address);
        let id = own.id;
        match found {
            Some(address) => {
                network.remove_address(id, address);
                Ok(Done::All)
            }
            None => refused(Errno::EADDRNOTAVAIL, ["ipv4: Address not found", "address not found"]),
        }
    })
}
