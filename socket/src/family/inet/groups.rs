//! Multicast: the options by which a datagram socket joins groups and sends to them (`ip(7)`, `ipv6(7)`, RFC 3678).

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use linux_raw_sys::net::{
    IP_ADD_MEMBERSHIP, IP_ADD_SOURCE_MEMBERSHIP, IP_BLOCK_SOURCE, IP_DROP_MEMBERSHIP,
    IP_DROP_SOURCE_MEMBERSHIP, IP_MULTICAST_ALL, IP_MULTICAST_IF, IP_MULTICAST_LOOP, IP_MULTICAST_TTL,
    IP_UNBLOCK_SOURCE, IPV6_ADD_MEMBERSHIP, IPV6_DROP_MEMBERSHIP, IPV6_MULTICAST_ALL, IPV6_MULTICAST_HOPS,
    IPV6_MULTICAST_IF, IPV6_MULTICAST_LOOP, SOL_IP, SOL_IPV6,
};
use net_stack::{
    Stack,
    datagram::{DatagramSocket, MembershipError, Options, Version},
    net::{Interface, InterfaceId},
};

use super::{Internet, udp::Udp};
use crate::{
    abi::options::{OptionIn, OptionValue},
    error::{Errno, Error, Result},
};

/// `struct ip_mreq`, `ip_mreqn`, `ip_mreq_source` and `ipv6_mreq`: their sizes.
const REQUEST: usize = 8;
const REQUEST_WITH_INDEX: usize = 12;
const REQUEST_OF_SOURCE: usize = 12;
const REQUEST_V6: usize = 20;

/// IP_DEFAULT_MULTICAST_TTL, IPV6_DEFAULT_MCASTHOPS
const HOPS: u8 = 1;

/// The interface that a request names: by its index, or by an address that it has.
#[derive(Clone, Copy)]
struct Named {
    index: u32,
    address: Ipv4Addr,
}

impl Named {
    /// The interface, where one is named and there is such a one.
    fn find(self, stack: &Stack) -> Option<InterfaceId> {
        stack.network(|network| {
            let has = |interface: &&Interface| interface.has(self.address.into());
            let found = match InterfaceId::new(self.index) {
                Some(index) => network.interface(index),
                None => network.interfaces().find(has),
            };
            found.map(|interface| interface.id)
        })
    }

    /// The interface over which a group is joined or left: without a name, that over which packets to it go out.
    ///
    /// # Errors
    /// ENODEV
    fn choose(self, stack: &Stack, group: IpAddr) -> Result<InterfaceId> {
        if self.index != 0 || !self.address.is_unspecified() {
            return self.find(stack).ok_or(NO_DEVICE);
        }
        let path = stack.network(|network| network.path(group, None, None));
        path.map(|path| path.interface).map_err(|_| NO_DEVICE)
    }
}

fn word(bytes: &[u8], at: usize) -> Option<[u8; 4]> {
    bytes.get(at..)?.first_chunk().copied()
}

fn number(bytes: &[u8], at: usize) -> u32 {
    word(bytes, at).map_or(0, u32::from_ne_bytes)
}

fn address(bytes: &[u8], at: usize) -> Ipv4Addr {
    word(bytes, at).map_or(Ipv4Addr::UNSPECIFIED, Ipv4Addr::from)
}

impl Internet {
    /// Reads such an option, where it is one that the socket has.
    pub(super) fn group_option(&self, udp: &Udp, level: u32, name: u32) -> Option<OptionValue> {
        let options = udp.socket().options();
        let own = |id: Option<InterfaceId>| id.map_or(0, |id| id.get() as i32);
        Some(match (level, name, self.version()) {
            (SOL_IP, IP_MULTICAST_TTL, Version::V4) => OptionValue::Byte(options.multicast_hop_limit),
            (SOL_IP, IP_MULTICAST_LOOP, Version::V4) => OptionValue::Byte(options.multicast_loop.into()),
            (SOL_IP, IP_MULTICAST_ALL, Version::V4) => OptionValue::Byte(options.multicast_all.into()),
            (SOL_IP, IP_MULTICAST_IF, Version::V4) => {
                let source = match options.multicast_source {
                    Some(IpAddr::V4(source)) => source,
                    _ => Ipv4Addr::UNSPECIFIED,
                };
                OptionValue::Int(i32::from_ne_bytes(source.octets()))
            }
            (SOL_IPV6, IPV6_MULTICAST_HOPS, Version::V6) => {
                OptionValue::Int(options.multicast_hop_limit.into())
            }
            (SOL_IPV6, IPV6_MULTICAST_LOOP, Version::V6) => OptionValue::Int(options.multicast_loop.into()),
            (SOL_IPV6, IPV6_MULTICAST_ALL, Version::V6) => OptionValue::Int(options.multicast_all.into()),
            (SOL_IPV6, IPV6_MULTICAST_IF, Version::V6) => OptionValue::Int(own(options.multicast_interface)),
            _ => return None,
        })
    }

    /// Sets such an option; nothing where it is not one that the socket has.
    ///
    /// # Errors
    /// EINVAL for a value that is too short, out of range, or no group; ENODEV, EADDRNOTAVAIL, EADDRINUSE, ENOBUFS; EFAULT.
    pub(super) fn set_group_option(
        &self,
        udp: &Udp,
        level: u32,
        name: u32,
        value: &OptionIn,
    ) -> Option<Result<()>> {
        let socket = udp.socket();
        Some(match (level, name, self.version()) {
            (SOL_IP, IP_ADD_MEMBERSHIP | IP_DROP_MEMBERSHIP, _) => {
                self.member(socket, name == IP_ADD_MEMBERSHIP, value)
            }
            (
                SOL_IP,
                IP_ADD_SOURCE_MEMBERSHIP | IP_DROP_SOURCE_MEMBERSHIP | IP_BLOCK_SOURCE | IP_UNBLOCK_SOURCE,
                _,
            ) => self.source(socket, name, value),
            (SOL_IPV6, IPV6_ADD_MEMBERSHIP | IPV6_DROP_MEMBERSHIP, Version::V6) => {
                self.member_v6(socket, name == IPV6_ADD_MEMBERSHIP, value)
            }
            (SOL_IP, IP_MULTICAST_TTL, Version::V4) => {
                set(socket, value.int_or_byte().and_then(hops), |options, hops| {
                    options.multicast_hop_limit = hops;
                })
            }
            (SOL_IPV6, IPV6_MULTICAST_HOPS, Version::V6) => {
                set(socket, value.int().and_then(hops), |options, hops| options.multicast_hop_limit = hops)
            }
            (SOL_IP, IP_MULTICAST_LOOP, Version::V4) => {
                set(socket, value.int_or_byte().map(|on| on != 0), |options, on| options.multicast_loop = on)
            }
            (SOL_IPV6, IPV6_MULTICAST_LOOP, Version::V6) => {
                set(socket, value.int().and_then(switch), |options, on| options.multicast_loop = on)
            }
            (SOL_IP, IP_MULTICAST_ALL, Version::V4) => {
                set(socket, value.int_or_byte().and_then(switch), |options, on| options.multicast_all = on)
            }
            (SOL_IPV6, IPV6_MULTICAST_ALL, Version::V6) => {
                set(socket, value.int().map(|on| on != 0), |options, on| options.multicast_all = on)
            }
            (SOL_IP, IP_MULTICAST_IF, Version::V4) => self.send_over(socket, value),
            (SOL_IPV6, IPV6_MULTICAST_IF, Version::V6) => self.send_over_v6(socket, value),
            _ => return None,
        })
    }

    /// IP_ADD_MEMBERSHIP, IP_DROP_MEMBERSHIP
    fn member(&self, socket: &DatagramSocket, joins: bool, value: &OptionIn) -> Result<()> {
        let bytes = value.at_least(REQUEST)?;
        let group = IpAddr::from(address(bytes, 0));
        let index = if bytes.len() >= REQUEST_WITH_INDEX { number(bytes, 8) } else { 0 };
        let named = Named { index, address: address(bytes, 4) };
        if joins && !group.is_multicast() {
            return Err(NO_GROUP);
        }
        let interface = named.choose(self.stack(), group)?;
        let done = if joins { socket.join(interface, group) } else { socket.leave(interface, group) };
        done.map_err(|error| failed(error, Errno::EADDRNOTAVAIL))
    }

    /// IPV6_ADD_MEMBERSHIP, IPV6_DROP_MEMBERSHIP
    fn member_v6(&self, socket: &DatagramSocket, joins: bool, value: &OptionIn) -> Result<()> {
        let bytes = value.at_least(REQUEST_V6)?;
        let octets: [u8; 16] = bytes.first_chunk().copied().unwrap_or_default();
        let group = IpAddr::from(Ipv6Addr::from(octets));
        if !group.is_multicast() {
            return Err(NO_GROUP);
        }
        let named = Named { index: number(bytes, 16), address: Ipv4Addr::UNSPECIFIED };
        let interface = named.choose(self.stack(), group)?;
        let done = if joins { socket.join(interface, group) } else { socket.leave(interface, group) };
        done.map_err(|error| failed(error, Errno::EADDRNOTAVAIL))
    }

    /// IP_ADD_SOURCE_MEMBERSHIP and the others that are about one source of a group.
    fn source(&self, socket: &DatagramSocket, name: u32, value: &OptionIn) -> Result<()> {
        let bytes = value.exactly(REQUEST_OF_SOURCE)?;
        let [group, own, source] = [0, 4, 8].map(|at| address(bytes, at));
        if !group.is_multicast() {
            return Err(NO_GROUP);
        }
        let (group, source) = (IpAddr::from(group), IpAddr::from(source));
        let interface = Named { index: 0, address: own }.choose(self.stack(), group)?;
        match name {
            IP_ADD_SOURCE_MEMBERSHIP => socket.add_source(interface, group, source),
            IP_DROP_SOURCE_MEMBERSHIP => socket.drop_source(interface, group, source),
            _ => socket.block_source(interface, group, source, name == IP_BLOCK_SOURCE),
        }
        .map_err(|error| failed(error, Errno::EINVAL))
    }

    /// IP_MULTICAST_IF: a `struct in_addr`, `ip_mreq` or `ip_mreqn`.
    fn send_over(&self, socket: &DatagramSocket, value: &OptionIn) -> Result<()> {
        let bytes = value.at_least(4)?;
        let named = match bytes.len() {
            REQUEST_WITH_INDEX.. => Named { index: number(bytes, 8), address: address(bytes, 4) },
            REQUEST.. => Named { index: 0, address: address(bytes, 4) },
            _ => Named { index: 0, address: address(bytes, 0) },
        };
        let nothing = named.index == 0 && named.address.is_unspecified();
        let interface = named.find(self.stack()).filter(|_| !nothing);
        if interface.is_none() && !nothing {
            return Err(Error::new(Errno::EADDRNOTAVAIL, "no interface has the address or number"));
        }
        may_leave_by(&socket.options(), interface)?;
        socket.set_options(|options| {
            options.multicast_interface = interface;
            let source = Some(named.address).filter(|address| !address.is_unspecified());
            options.multicast_source = source.map(IpAddr::V4);
        });
        Ok(())
    }

    /// IPV6_MULTICAST_IF: an index.
    fn send_over_v6(&self, socket: &DatagramSocket, value: &OptionIn) -> Result<()> {
        let index = value.int()? as u32;
        let interface = Named { index, address: Ipv4Addr::UNSPECIFIED }.find(self.stack());
        let interface = interface.filter(|_| index != 0);
        if index != 0 && interface.is_none() {
            return Err(NO_DEVICE);
        }
        may_leave_by(&socket.options(), interface)?;
        socket.set_options(|options| options.multicast_interface = interface);
        Ok(())
    }
}

/// Whether packets may leave by an interface: not by another than that of SO_BINDTODEVICE.
fn may_leave_by(options: &Options, interface: Option<InterfaceId>) -> Result<()> {
    if interface.is_some() && options.device.is_some() && options.device != interface {
        return Err(Error::new(Errno::EINVAL, "the socket is bound to another device"));
    }
    Ok(())
}

fn set<T>(socket: &DatagramSocket, value: Result<T>, put: impl FnOnce(&mut Options, T)) -> Result<()> {
    let value = value?;
    socket.set_options(|options| put(options, value));
    Ok(())
}

/// A hop limit; -1 is for the usual one.
fn hops(value: i32) -> Result<u8> {
    if value == -1 { Ok(HOPS) } else { u8::try_from(value).map_err(|_| OUT_OF_RANGE) }
}

/// 0 or 1 and nothing else.
pub(super) fn switch(value: i32) -> Result<bool> {
    match value {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(OUT_OF_RANGE),
    }
}

/// What Linux says; `stranger` is what it says to who is not in the group.
fn failed(error: MembershipError, stranger: Errno) -> Error {
    match error {
        MembershipError::Invalid => Error::new(Errno::EINVAL, "the filter is of the other kind"),
        MembershipError::Already => Error::new(Errno::EADDRINUSE, "the socket is in the group already"),
        MembershipError::NotMember => Error::new(stranger, "the socket is not in the group"),
        MembershipError::Source => Error::new(Errno::EADDRNOTAVAIL, "the filter has the source, or has not"),
        MembershipError::TooMany => Error::new(Errno::ENOBUFS, "too many groups or sources"),
        MembershipError::NoDevice => NO_DEVICE,
    }
}

const NO_GROUP: Error = Error::new(Errno::EINVAL, "that is no group");
const NO_DEVICE: Error = Error::new(Errno::ENODEV, "no such interface");
const OUT_OF_RANGE: Error = Error::new(Errno::EINVAL, "the value is out of range");
