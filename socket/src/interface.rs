//! Interfaces, as programs see and change them: by ioctl(2) and over netlink alike.

use linux_raw_sys::{
    if_arp::{ARPHRD_ETHER, ARPHRD_LOOPBACK, ARPHRD_NONE},
    net::net_device_flags as flag,
};
use net_stack::net::{Interface, InterfaceId, Kind, Network, Virtual};

use crate::error::{Errno, Error, Result};

/// What MTU a device of Ethernet may have: `ETH_MIN_MTU` and `ETH_MAX_MTU`. That of others may be anything.
pub(crate) const MTU_MIN: u32 = 68;
pub(crate) const MTU_MAX: u32 = 65_535;

/// How many packets an interface's queue holds: all have Linux's default.
pub(crate) const QUEUE: u32 = 1000;

/// `IFF_LOWER_UP`, which `struct ifreq` has no room for.
const LOWER_UP: u32 = 1 << 16;

/// `ARPHRD_*`
pub(crate) fn hardware_type(interface: &Interface) -> u16 {
    (match interface.kind {
        Kind::Loopback => ARPHRD_LOOPBACK,
        Kind::Ethernet { .. } => ARPHRD_ETHER,
        Kind::Point => ARPHRD_NONE,
    }) as u16
}

/// The flags that netdevice(7) knows, and those beyond.
pub(crate) fn flags(interface: &Interface) -> u32 {
    let mut flags = match interface.kind {
        Kind::Loopback => flag::IFF_LOOPBACK as u32,
        Kind::Ethernet { .. } => flag::IFF_BROADCAST as u32 | flag::IFF_MULTICAST as u32,
        Kind::Point => flag::IFF_POINTOPOINT as u32 | flag::IFF_NOARP as u32,
    };
    if interface.made == Some(Virtual::Dummy) {
        flags |= flag::IFF_NOARP as u32;
        flags &= !(flag::IFF_MULTICAST as u32);
    }
    if interface.up {
        flags |= flag::IFF_UP as u32;
        if interface.carrier {
            flags |= flag::IFF_RUNNING as u32 | LOWER_UP;
        }
    }
    flags
}

/// What is to be changed of an interface.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) name: Option<&'a str>,
    /// In bytes.
    pub(crate) mtu: Option<u32>,
    /// On Ethernet.
    pub(crate) address: Option<[u8; 6]>,
    /// Whether it is to be in use.
    pub(crate) up: Option<bool>,
}

/// Whether an interface can be called so: 1 to 15 bytes (`dev_valid_name` of Linux).
pub(crate) fn is_name(name: &str) -> bool {
    let bad = |letter: char| letter == '/' || letter == ':' || letter.is_ascii_whitespace();
    (1..16).contains(&name.len()) && name != "." && name != ".." && !name.contains(bad)
}

/// Changes an interface: all that is asked for, or nothing.
///
/// # Errors
/// EINVAL for an MTU that the device cannot have; EADDRNOTAVAIL for an address that is no device's, EOPNOTSUPP for another
/// address of a device that has its own; EEXIST where another interface has the name. The reasons are those that Linux tells
/// people.
pub(crate) fn change(network: &mut Network, id: InterfaceId, asked: &Asked<'_>) -> Result<()> {
    let before = network.interface(id).ok_or(Errno::ENODEV)?;
    let (kind, mtu) = (before.kind, before.mtu);
    if let Some(mtu) = asked.mtu {
        check_mtu(before, mtu)?;
    }
    let address = match (asked.address, kind) {
        (None, _) => None,
        (Some(address), Kind::Ethernet { address: own }) if address == own => None,
        (Some(address), Kind::Ethernet { .. }) if before.made.is_some() => {
            if address[0] & 1 != 0 || address == [0; 6] {
                return Err(Errno::EADDRNOTAVAIL.into());
            }
            Some(address)
        }
        (Some(_), _) => return Err(Errno::EOPNOTSUPP.into()),
    };
    if let Some(name) = asked.name {
        network.rename(id, name).map_err(|_| Errno::EEXIST)?;
    }
    if let Some(address) = address {
        network.set_mac(id, address);
    }
    if let Some(mtu) = asked.mtu.filter(|asked| *asked != mtu) {
        network.set_mtu(id, mtu);
    }
    if let Some(up) = asked.up {
        network.set_up(id, up);
    }
    Ok(())
}

fn check_mtu(interface: &Interface, mtu: u32) -> Result<()> {
    let refused = |text| Err(Error::new(Errno::EINVAL, text));
    // What the device of the machine can take it was made with.
    let most = if interface.made.is_some() { MTU_MAX } else { interface.mtu.max(1500) };
    match interface.kind {
        _ if mtu > i32::MAX as u32 => refused("mtu less than device minimum"),
        Kind::Ethernet { .. } if mtu < MTU_MIN => refused("mtu less than device minimum"),
        Kind::Ethernet { .. } if mtu > most => refused("mtu greater than device maximum"),
        _ => Ok(()),
    }
}
