//! ioctl(2), requests about interfaces: asked of the loopback interface, over a socket of each kind.

use crate::{
    errno::Errno,
    harness::{check, check_eq},
    probe::{Attempt, probed, situation::Situation},
    suite::inet::interfaces::{NAME, REQUEST, address, ask, changes, entries, flags, name_of, number},
    sys,
};

fn says_number(at: &Situation<'_>, request: u64, shown: i32) -> Attempt {
    check_eq!(probed(number(&at.socket()?, request, "lo"))?, shown);
    check_eq!(number(&at.socket()?, request, "nosuch0"), Err(Errno(libc::ENODEV)));
    Ok(())
}

pub(crate) fn request_siocgifindex(at: &Situation<'_>) -> Attempt {
    says_number(at, libc::SIOCGIFINDEX, 1)
}

pub(crate) fn request_siocgifmtu(at: &Situation<'_>) -> Attempt {
    says_number(at, libc::SIOCGIFMTU, 65_536)
}

pub(crate) fn request_siocgifmetric(at: &Situation<'_>) -> Attempt {
    says_number(at, libc::SIOCGIFMETRIC, 0)
}

pub(crate) fn request_siocgiftxqlen(at: &Situation<'_>) -> Attempt {
    says_number(at, libc::SIOCGIFTXQLEN, 1000)
}

/// The name that belongs to a number.
pub(crate) fn request_siocgifname(at: &Situation<'_>) -> Attempt {
    check_eq!(probed(name_of(&at.socket()?, 1))?, "lo");
    check_eq!(name_of(&at.socket()?, 0), Err(Errno(libc::ENODEV)));
    Ok(())
}

pub(crate) fn request_siocgifflags(at: &Situation<'_>) -> Attempt {
    let shown = probed(flags(&at.socket()?, "lo"))?;
    check_eq!(shown, libc::IFF_UP | libc::IFF_LOOPBACK | libc::IFF_RUNNING);
    Ok(())
}

/// The kind of link, and no address of it.
pub(crate) fn request_siocgifhwaddr(at: &Situation<'_>) -> Attempt {
    let room = probed(ask(&at.socket()?, libc::SIOCGIFHWADDR, "lo"))?;
    check_eq!(u16::from_ne_bytes([room[NAME], room[NAME + 1]]), libc::ARPHRD_LOOPBACK);
    check_eq!(room[NAME + 2..NAME + 8], [0; 6]);
    Ok(())
}

/// No memory and no ports.
pub(crate) fn request_siocgifmap(at: &Situation<'_>) -> Attempt {
    let room = probed(ask(&at.socket()?, libc::SIOCGIFMAP, "lo"))?;
    check_eq!(room[NAME..REQUEST], [0; REQUEST - NAME]);
    Ok(())
}

/// The loopback interface comes first.
pub(crate) fn request_siocgifconf(at: &Situation<'_>) -> Attempt {
    let fd = at.socket()?;
    check!(probed(sys::ifconf(&fd, None, 0))? >= REQUEST as i32);
    let mut list = [0; REQUEST];
    check_eq!(probed(sys::ifconf(&fd, Some(&mut list), REQUEST as i32))?, REQUEST as i32);
    check_eq!(entries(&list), [(String::from("lo"), [127, 0, 0, 1])]);
    Ok(())
}

fn says_address(at: &Situation<'_>, request: u64, shown: [u8; 4]) -> Attempt {
    check_eq!(probed(address(&at.socket()?, request, "lo"))?, (libc::AF_INET, shown));
    Ok(())
}

pub(crate) fn request_siocgifaddr(at: &Situation<'_>) -> Attempt {
    says_address(at, libc::SIOCGIFADDR, [127, 0, 0, 1])
}

pub(crate) fn request_siocgifnetmask(at: &Situation<'_>) -> Attempt {
    says_address(at, libc::SIOCGIFNETMASK, [255, 0, 0, 0])
}

/// It has none.
pub(crate) fn request_siocgifbrdaddr(at: &Situation<'_>) -> Attempt {
    says_address(at, libc::SIOCGIFBRDADDR, [0; 4])
}

/// Without another end, it is its own.
pub(crate) fn request_siocgifdstaddr(at: &Situation<'_>) -> Attempt {
    says_address(at, libc::SIOCGIFDSTADDR, [127, 0, 0, 1])
}

/// A device of its own for each, which is changed over a socket of the kind.
fn is_changed(at: &Situation<'_>, change: crate::suite::inet::interfaces::Change) -> Attempt {
    let (fd, pair) = (at.socket()?, crate::suite::netlink::help::Pair::new()?);
    match change(&fd, &pair) {
        Ok(()) => Ok(()),
        Err(failure) => Err(failure.into()),
    }
}

pub(crate) fn request_siocsifflags(at: &Situation<'_>) -> Attempt {
    is_changed(at, changes::flags)
}

pub(crate) fn request_siocsifmtu(at: &Situation<'_>) -> Attempt {
    is_changed(at, changes::mtu)
}

pub(crate) fn request_siocsifhwaddr(at: &Situation<'_>) -> Attempt {
    is_changed(at, changes::hardware_address)
}

pub(crate) fn request_siocsifname(at: &Situation<'_>) -> Attempt {
    is_changed(at, changes::name)
}

pub(crate) fn request_siocsifaddr(at: &Situation<'_>) -> Attempt {
    is_changed(at, changes::address)
}

pub(crate) fn request_siocsifnetmask(at: &Situation<'_>) -> Attempt {
    is_changed(at, changes::netmask)
}

pub(crate) fn request_siocsifbrdaddr(at: &Situation<'_>) -> Attempt {
    is_changed(at, changes::broadcast)
}
