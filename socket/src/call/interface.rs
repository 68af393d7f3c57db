//! Requests of ioctl(2) about interfaces (`netdevice(7)`): what they are, and what addresses they have.

use alloc::vec::Vec;

use linux_raw_sys::{
    if_arp::{ARPHRD_ETHER, ARPHRD_LOOPBACK, ARPHRD_NONE},
    ioctl,
    net::{self, net_device_flags as flag},
};
use net_stack::{
    address::Ipv4Addr,
    net::{Interface, InterfaceId, Kind},
};

use crate::{
    abi::{int, word},
    caller::Caller,
    error::{Errno, Error, Result},
    socket::Socket,
};

/// `sizeof(struct ifreq)`, where its name ends, and `sizeof(struct ifconf)`.
const REQUEST: usize = 40;
const NAME: usize = 16;
const LIST: usize = 16;

/// How many packets an interface's queue holds: all have Linux's default.
const QUEUE: i32 = 1000;

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
fn put(bytes: &mut [u8; REQUEST], request: u32, interface: &Interface) {
    let value = &mut bytes[NAME..];
    match request {
        ioctl::SIOCGIFFLAGS => value[..2].copy_from_slice(&flags(interface).to_ne_bytes()),
        ioctl::SIOCGIFHWADDR => {
            let (kind, address) = match interface.kind {
                Kind::Loopback => (ARPHRD_LOOPBACK, [0; 6]),
                Kind::Ethernet { address } => (ARPHRD_ETHER, address),
                Kind::Point => (ARPHRD_NONE, [0; 6]),
            };
            value[..16].fill(0);
            value[..2].copy_from_slice(&(kind as u16).to_ne_bytes());
            value[2..8].copy_from_slice(&address);
        }
        // `struct ifmap`: no interface here has memory or ports of its own.
        ioctl::SIOCGIFMAP => value.fill(0),
        _ => {
            let number = match request {
                ioctl::SIOCGIFINDEX => interface.id.get() as i32,
                ioctl::SIOCGIFMTU => interface.mtu as i32,
                ioctl::SIOCGIFTXQLEN => QUEUE,
                // SIOCGIFMETRIC, which Linux keeps for nobody.
                _ => 0,
            };
            value[..4].copy_from_slice(&number.to_ne_bytes());
        }
    }
}

/// `ifr_flags`, which shows the lower half of the flags.
fn flags(interface: &Interface) -> u16 {
    let kind = match interface.kind {
        Kind::Loopback => flag::IFF_LOOPBACK as u32,
        Kind::Ethernet { .. } => flag::IFF_BROADCAST as u32 | flag::IFF_MULTICAST as u32,
        Kind::Point => flag::IFF_POINTOPOINT as u32,
    };
    let up = if interface.up { flag::IFF_UP as u32 | flag::IFF_RUNNING as u32 } else { 0 };
    (kind | up) as u16
}

/// What the request asks of the interface's address: of the one that is named in it, if there is such a one, otherwise of the
/// first.
fn put_address(bytes: &mut [u8; REQUEST], request: u32, interface: &Interface) -> Result<()> {
    let named = (u32::from(u16::from_ne_bytes([bytes[NAME], bytes[NAME + 1]])) == net::AF_INET)
        .then(|| Ipv4Addr::new(bytes[NAME + 4], bytes[NAME + 5], bytes[NAME + 6], bytes[NAME + 7]));
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
