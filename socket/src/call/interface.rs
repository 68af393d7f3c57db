//! Requests of ioctl(2) about interfaces (`netdevice(7)`): what they are, and what addresses they have.

use alloc::vec::Vec;

use linux_raw_sys::{
    general::CAP_NET_ADMIN,
    if_arp::ARPHRD_ETHER,
    ioctl,
    net::{self, net_device_flags as flag},
};
use net_stack::{
    address::{Ipv4Addr, class_length},
    net::{Address, Interface, InterfaceId, Kind, Network},
};

use crate::{
    abi::{int, word},
    caller::Caller,
    error::{Errno, Error, Result},
    interface::{self, Asked, QUEUE},
    socket::Socket,
};

/// `sizeof(struct ifreq)`, where its name ends, and `sizeof(struct ifconf)`.
const REQUEST: usize = 40;
const NAME: usize = 16;
const LIST: usize = 16;

pub(super) const NO_REQUEST: Error = Error::new(Errno::ENOTTY, "no such request");
const NO_DEVICE: Error = Error::new(Errno::ENODEV, "no such interface");

/// Answers a request about interfaces, the argument of which is at `at`.
///
/// # Errors
/// ENOTTY for anything else, and on other sockets than those of AF_INET for what is about addresses of IPv4; EFAULT; ENODEV;
/// EADDRNOTAVAIL where the interface has no such address.
pub(super) fn answer<C: Caller>(caller: &C, socket: &Socket, request: u32, at: usize) -> Result<()> {
    if request == ioctl::SIOCGIFCONF {
        return list(caller, at);
    }
    let of_addresses = matches!(
        request,
        ioctl::SIOCGIFADDR | ioctl::SIOCGIFNETMASK | ioctl::SIOCGIFBRDADDR | ioctl::SIOCGIFDSTADDR
    );
    let of_interfaces = matches!(
        request,
        ioctl::SIOCGIFNAME
            | ioctl::SIOCGIFINDEX
            | ioctl::SIOCGIFFLAGS
            | ioctl::SIOCGIFHWADDR
            | ioctl::SIOCGIFMTU
            | ioctl::SIOCGIFMETRIC
            | ioctl::SIOCGIFTXQLEN
            | ioctl::SIOCGIFMAP
    );
    let has_addresses = u32::from(socket.descriptor().family()) == net::AF_INET;
    let changes = matches!(
        request,
        ioctl::SIOCSIFFLAGS | ioctl::SIOCSIFMTU | ioctl::SIOCSIFHWADDR | ioctl::SIOCSIFNAME
    );
    let changes_addresses =
        matches!(request, ioctl::SIOCSIFADDR | ioctl::SIOCSIFNETMASK | ioctl::SIOCSIFBRDADDR);
    if changes || changes_addresses && has_addresses {
        return change(caller, request, at, changes_addresses);
    }
    let is_known = of_interfaces || of_addresses && has_addresses;
    if !is_known {
        return Err(NO_REQUEST);
    }
    let mut bytes = [0; REQUEST];
    caller.read_memory(at, &mut bytes)?;
    let written = caller.world().network.network(|network| {
        if request == ioctl::SIOCGIFNAME {
            let id = InterfaceId::new(int(&bytes, NAME) as u32).ok_or(NO_DEVICE)?;
            let interface = network.interface(id).ok_or(NO_DEVICE)?;
            put_name(&mut bytes, &interface.name);
            return Ok(());
        }
        let interface = network.find_interface(name(&bytes)).ok_or(NO_DEVICE)?;
        if of_addresses {
            return put_address(&mut bytes, request, interface);
        }
        put(&mut bytes, request, interface);
        Ok(())
    });
    written?;
    Ok(caller.write_memory(at, &bytes)?)
}

/// Changes an interface, or its address, as the request at `at` says (`netdevice(7)`).
///
/// # Errors
/// EFAULT; EPERM without CAP_NET_ADMIN; ENODEV; what changing it fails with.
#[cold]
fn change<C: Caller>(caller: &C, request: u32, at: usize, of_addresses: bool) -> Result<()> {
    let mut bytes = [0; REQUEST];
    caller.read_memory(at, &mut bytes)?;
    if !caller.is_capable(CAP_NET_ADMIN) {
        return Err(Error::new(Errno::EPERM, "without CAP_NET_ADMIN"));
    }
    let world = caller.world();
    world.network.configure(|network| {
        let found = network.find_interface(name(&bytes)).ok_or(NO_DEVICE)?.clone();
        if of_addresses {
            return set_address(network, &bytes, request, &found);
        }
        interface::change(network, found.id, &asked(&bytes, request)?)
    })
}

/// What a request wants changed of an interface itself.
fn asked(bytes: &[u8; REQUEST], request: u32) -> Result<Asked<'_>> {
    let value = &bytes[NAME..];
    Ok(match request {
        ioctl::SIOCSIFFLAGS => {
            let up = u16::from_ne_bytes([value[0], value[1]]) & flag::IFF_UP as u16 != 0;
            Asked { up: Some(up), ..Asked::default() }
        }
        ioctl::SIOCSIFMTU => Asked { mtu: Some(int(bytes, NAME) as u32), ..Asked::default() },
        ioctl::SIOCSIFHWADDR => {
            if u32::from(u16::from_ne_bytes([value[0], value[1]])) != ARPHRD_ETHER {
                return Err(Error::new(Errno::EINVAL, "no address of Ethernet"));
            }
            let address = [value[2], value[3], value[4], value[5], value[6], value[7]];
            Asked { address: Some(address), ..Asked::default() }
        }
        // SIOCSIFNAME
        _ => {
            let text = value[..NAME].split(|byte| *byte == 0).next().unwrap_or_default();
            let name = core::str::from_utf8(text).ok().filter(|name| interface::is_name(name));
            Asked {
                name: Some(name.ok_or(Error::new(Errno::EINVAL, "no name of an interface"))?),
                ..Asked::default()
            }
        }
    })
}

/// Gives an interface the address in a request in place of the one that it has, or that one another netmask or broadcast address
/// (`devinet_ioctl` of Linux).
///
/// # Errors
/// EINVAL for what is no such address; EADDRNOTAVAIL for a netmask without an address.
fn set_address(
    network: &mut Network,
    bytes: &[u8; REQUEST],
    request: u32,
    interface: &Interface,
) -> Result<()> {
    let given = socket_address(bytes).ok_or(Error::new(Errno::EINVAL, "no address of AF_INET"))?;
    let before = interface.ipv4().next().map(|(_, own)| *own);
    let none = Error::new(Errno::EADDRNOTAVAIL, "the interface has no address of IPv4");
    let id = interface.id;
    let fresh = match request {
        ioctl::SIOCSIFADDR if given.is_unspecified() => None,
        ioctl::SIOCSIFADDR => {
            let class = class_length(given).ok_or(Error::new(Errno::EINVAL, "no address of a host"))?;
            let usual = Address::new(given, class);
            let broadcast = usual.broadcast.filter(|_| interface.kind != Kind::Loopback);
            Some(Address { broadcast, ..usual })
        }
        ioctl::SIOCSIFNETMASK => {
            let (ones, before) = (given.to_bits().leading_ones(), before.ok_or(none)?);
            if given.to_bits().checked_shl(ones).unwrap_or(0) != 0 {
                return Err(Error::new(Errno::EINVAL, "no netmask"));
            }
            let usual = Address::new(before.address, ones as u8);
            // A broadcast address that is the usual one follows the netmask.
            let follows = before.broadcast.is_some() && before.broadcast == before.network().broadcast();
            let broadcast = if follows { usual.broadcast } else { before.broadcast };
            Some(Address { prefix_length: ones as u8, broadcast, ..before })
        }
        _ => Some(Address { broadcast: Some(given), ..before.ok_or(none)? }),
    };
    if let Some(before) = before {
        network.remove_address(id, before.address);
    }
    if let Some(fresh) = fresh {
        network.add_address(id, fresh).map_err(|_| Error::new(Errno::EINVAL, "no address of a host"))?;
        // As on Linux, who gives an interface an address means to use it.
        if request == ioctl::SIOCSIFADDR {
            network.set_up(id, true);
        }
    }
    Ok(())
}

/// The interface's name in a request, without what stands for an alias.
fn name(bytes: &[u8; REQUEST]) -> &str {
    let name = bytes[..NAME - 1].split(|byte| matches!(byte, 0 | b':')).next().unwrap_or_default();
    core::str::from_utf8(name).unwrap_or_default()
}

fn put_name(bytes: &mut [u8], name: &str) {
    let length = name.len().min(NAME - 1);
    bytes[..NAME].fill(0);
    bytes[..length].copy_from_slice(&name.as_bytes()[..length]);
}

/// What the request asks of the interface itself. What is behind the answer stays as it was.
fn put(bytes: &mut [u8; REQUEST], request: u32, shown: &Interface) {
    let value = &mut bytes[NAME..];
    match request {
        // `ifr_flags` shows the lower half.
        ioctl::SIOCGIFFLAGS => {
            value[..2].copy_from_slice(&(interface::flags(shown) as u16).to_ne_bytes());
        }
        ioctl::SIOCGIFHWADDR => {
            value[..16].fill(0);
            value[..2].copy_from_slice(&interface::hardware_type(shown).to_ne_bytes());
            value[2..8].copy_from_slice(&shown.mac().unwrap_or_default());
        }
        // `struct ifmap`: no interface here has memory or ports of its own.
        ioctl::SIOCGIFMAP => value.fill(0),
        _ => {
            let number = match request {
                ioctl::SIOCGIFINDEX => shown.id.get() as i32,
                ioctl::SIOCGIFMTU => shown.mtu as i32,
                ioctl::SIOCGIFTXQLEN => QUEUE as i32,
                // SIOCGIFMETRIC, which Linux keeps for nobody.
                _ => 0,
            };
            value[..4].copy_from_slice(&number.to_ne_bytes());
        }
    }
}

/// What the request asks of the interface's address: of the one that is named in it, if there is such a one, otherwise of the
/// first.
fn put_address(bytes: &mut [u8; REQUEST], request: u32, interface: &Interface) -> Result<()> {
    let named = socket_address(bytes);
    let chosen = interface.ipv4().find(|(address, _)| Some(*address) == named);
    let none = Error::new(Errno::EADDRNOTAVAIL, "the interface has no address of IPv4");
    let (address, own) = chosen.or_else(|| interface.ipv4().next()).ok_or(none)?;
    let shown = match request {
        ioctl::SIOCGIFNETMASK => own.network().netmask().unwrap_or(Ipv4Addr::UNSPECIFIED),
        ioctl::SIOCGIFBRDADDR => own.broadcast.unwrap_or(Ipv4Addr::UNSPECIFIED),
        // SIOCGIFADDR; SIOCGIFDSTADDR says the same of what is no line with one other end.
        _ => address,
    };
    put_socket_address(&mut bytes[NAME..NAME + 16], shown);
    Ok(())
}

/// The address in a request, where it is one of AF_INET.
fn socket_address(bytes: &[u8; REQUEST]) -> Option<Ipv4Addr> {
    let &[f0, f1, _, _, a, b, c, d, ..] = &bytes[NAME..] else { return None };
    (u32::from(u16::from_ne_bytes([f0, f1])) == net::AF_INET).then(|| Ipv4Addr::new(a, b, c, d))
}

/// A `struct sockaddr_in` without a port.
fn put_socket_address(bytes: &mut [u8], address: Ipv4Addr) {
    bytes.fill(0);
    bytes[..2].copy_from_slice(&(net::AF_INET as u16).to_ne_bytes());
    bytes[4..8].copy_from_slice(&address.octets());
}

/// SIOCGIFCONF: all addresses of IPv4 with the names of their interfaces, as many as there is room for; without a buffer, how
/// much room they would need.
fn list<C: Caller>(caller: &C, at: usize) -> Result<()> {
    let mut header = [0; LIST];
    caller.read_memory(at, &mut header)?;
    let (length, buffer) = (int(&header, 0), word(&header, 8));
    let all = caller.world().network.network(|network| {
        let mut all = Vec::new();
        for interface in network.interfaces() {
            for (address, _) in interface.ipv4() {
                let mut entry = [0; REQUEST];
                put_name(&mut entry, &interface.name);
                put_socket_address(&mut entry[NAME..NAME + 16], address);
                all.extend_from_slice(&entry);
            }
        }
        all
    });
    let used = if buffer == 0 {
        all.len()
    } else {
        let room = usize::try_from(length).unwrap_or_default();
        let used = all.len().min(room / REQUEST * REQUEST);
        caller.write_memory(buffer, &all[..used])?;
        used
    };
    Ok(caller.write_memory(at, &(used as i32).to_ne_bytes())?)
}
