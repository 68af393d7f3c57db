//! Requests about interfaces (`netdevice(7)`). The loopback interface is there everywhere, and is the first one.

use std::os::fd::OwnedFd;

use crate::{
    errno::Result,
    harness::{Case, NOBODY, Need, Outcome, Test, check, check_eq, check_err, tests},
    suite::netlink::help::Pair,
    suite::unix::help::{DGRAM, SEQPACKET, STREAM},
    sys::{self, Descriptor},
};

pub(crate) const TESTS: &[Test] = tests!("inet";
    interfaces_are_asked_over_any_socket,
    interfaces_have_names_and_numbers,
    interfaces_have_addresses,
    interfaces_show_addresses_to_their_family_alone,
    interfaces_that_are_not_there,
    interfaces_are_listed,
    interfaces_are_listed_as_far_as_there_is_room,
    interfaces_bad_memory,
    interfaces_are_changed_over_any_socket,
    interfaces_are_given_addresses,
    interfaces_are_not_changed_by_everybody needs [Need::OtherUsers],
);

/// `sizeof(struct ifreq)`, and where its name ends.
pub(crate) const REQUEST: usize = 40;
pub(crate) const NAME: usize = 16;

/// A request about the interface of that name: what is there afterwards.
#[track_caller]
pub(crate) fn ask(fd: &impl Descriptor, request: u64, name: &str) -> Result<[u8; 64]> {
    let mut room = [0; 64];
    room[..name.len()].copy_from_slice(name.as_bytes());
    sys::ioctl_bytes(fd, request, &mut room)?;
    Ok(room)
}

/// The number in an answer.
#[track_caller]
pub(crate) fn number(fd: &impl Descriptor, request: u64, name: &str) -> Result<i32> {
    Ok(i32::from_ne_bytes(*ask(fd, request, name)?[NAME..].first_chunk().expect("four bytes")))
}

/// The flags in an answer.
#[track_caller]
pub(crate) fn flags(fd: &impl Descriptor, name: &str) -> Result<i32> {
    let room = ask(fd, libc::SIOCGIFFLAGS, name)?;
    Ok(u16::from_ne_bytes([room[NAME], room[NAME + 1]]).into())
}

/// The family and the four bytes of the address in an answer.
#[track_caller]
pub(crate) fn address(fd: &impl Descriptor, request: u64, name: &str) -> Result<(i32, [u8; 4])> {
    let room = ask(fd, request, name)?;
    let bytes = room[NAME + 4..].first_chunk().expect("four bytes");
    Ok((u16::from_ne_bytes([room[NAME], room[NAME + 1]]).into(), *bytes))
}

/// The name in an answer to SIOCGIFNAME.
#[track_caller]
pub(crate) fn name_of(fd: &impl Descriptor, index: i32) -> Result<String> {
    let mut room = [0; 64];
    room[NAME..NAME + 4].copy_from_slice(&index.to_ne_bytes());
    sys::ioctl_bytes(fd, libc::SIOCGIFNAME, &mut room)?;
    let end = room.iter().position(|byte| *byte == 0).unwrap_or(NAME);
    Ok(String::from_utf8_lossy(&room[..end]).into_owned())
}

/// The entries of a list.
pub(crate) fn entries(list: &[u8]) -> Vec<(String, [u8; 4])> {
    let entry = |entry: &[u8]| {
        let end = entry.iter().position(|byte| *byte == 0).unwrap_or(NAME);
        let address = *entry[NAME + 4..].first_chunk().expect("four bytes");
        (String::from_utf8_lossy(&entry[..end]).into_owned(), address)
    };
    list.chunks_exact(REQUEST).map(entry).collect()
}

/// A socket of every kind.
fn kinds() -> Result<Vec<OwnedFd>> {
    let kinds = [
        (libc::AF_UNIX, STREAM),
        (libc::AF_UNIX, SEQPACKET),
        (libc::AF_UNIX, DGRAM),
        (libc::AF_INET, STREAM),
        (libc::AF_INET, DGRAM),
        (libc::AF_INET6, STREAM),
        (libc::AF_INET6, DGRAM),
        (libc::AF_NETLINK, libc::SOCK_RAW),
        (libc::AF_NETLINK, DGRAM),
        (libc::AF_VSOCK, STREAM),
        (libc::AF_VSOCK, libc::SOCK_SEQPACKET),
    ];
    kinds.into_iter().map(|(family, kind)| sys::socket(family, kind, 0)).collect()
}

fn udp() -> Result<OwnedFd> {
    sys::socket(libc::AF_INET, DGRAM, 0)
}

fn interfaces_are_asked_over_any_socket(_: &Case) -> Outcome {
    for fd in kinds()? {
        check_eq!(number(&fd, libc::SIOCGIFINDEX, "lo")?, 1);
        check_eq!(number(&fd, libc::SIOCGIFMTU, "lo")?, 65_536);
        check_eq!(number(&fd, libc::SIOCGIFMETRIC, "lo")?, 0);
        check_eq!(number(&fd, libc::SIOCGIFTXQLEN, "lo")?, 1000);
        check_eq!(flags(&fd, "lo")?, libc::IFF_UP | libc::IFF_LOOPBACK | libc::IFF_RUNNING);
        let map = ask(&fd, libc::SIOCGIFMAP, "lo")?;
        check_eq!(map[NAME..REQUEST], [0; REQUEST - NAME]);
        let hardware = ask(&fd, libc::SIOCGIFHWADDR, "lo")?;
        check_eq!(u16::from_ne_bytes([hardware[NAME], hardware[NAME + 1]]), libc::ARPHRD_LOOPBACK);
        check_eq!(hardware[NAME + 2..NAME + 8], [0; 6]);
        check_eq!(name_of(&fd, 1)?, "lo");
        check!(sys::ifconf(&fd, None, 0)? >= REQUEST as i32);
    }
    Ok(())
}

fn interfaces_have_names_and_numbers(_: &Case) -> Outcome {
    let fd = udp()?;
    let room = ask(&fd, libc::SIOCGIFINDEX, "lo")?;
    check_eq!(room[..3], *b"lo\0", "the name stays");
    check_eq!(number(&fd, libc::SIOCGIFINDEX, "lo:alias")?, 1, "what stands for an alias is passed over");
    Ok(())
}

fn interfaces_have_addresses(_: &Case) -> Outcome {
    for kind in [STREAM, DGRAM] {
        let fd = sys::socket(libc::AF_INET, kind, 0)?;
        for (request, shown) in [
            (libc::SIOCGIFADDR, [127, 0, 0, 1]),
            (libc::SIOCGIFNETMASK, [255, 0, 0, 0]),
            (libc::SIOCGIFDSTADDR, [127, 0, 0, 1]),
            (libc::SIOCGIFBRDADDR, [0; 4]),
        ] {
            check_eq!(address(&fd, request, "lo")?, (libc::AF_INET, shown), "request {request:#x}");
        }
    }
    Ok(())
}

fn interfaces_show_addresses_to_their_family_alone(_: &Case) -> Outcome {
    for family in [libc::AF_UNIX, libc::AF_INET6] {
        let fd = sys::socket(family, DGRAM, 0)?;
        check_err!(ask(&fd, libc::SIOCGIFADDR, "lo"), ENOTTY);
        check_err!(ask(&fd, libc::SIOCGIFNETMASK, "lo"), ENOTTY);
    }
    Ok(())
}

fn interfaces_that_are_not_there(_: &Case) -> Outcome {
    let fd = udp()?;
    for request in [
        libc::SIOCGIFINDEX,
        libc::SIOCGIFFLAGS,
        libc::SIOCGIFHWADDR,
        libc::SIOCGIFMTU,
        libc::SIOCGIFADDR,
        libc::SIOCGIFNETMASK,
    ] {
        for name in ["nosuch0", "", "LO"] {
            check_err!(ask(&fd, request, name), ENODEV, "{name:?}");
        }
    }
    for index in [0, -1, 9_999] {
        check_err!(name_of(&fd, index), ENODEV, "{index}");
    }
    Ok(())
}

fn interfaces_are_listed(_: &Case) -> Outcome {
    let fd = udp()?;
    let needed = sys::ifconf(&fd, None, 0)?;
    check_eq!(needed as usize % REQUEST, 0);
    let mut list = vec![0xa5; needed as usize + REQUEST];
    let said = list.len() as i32;
    check_eq!(sys::ifconf(&fd, Some(&mut list), said)?, needed);
    list.truncate(needed as usize);
    let found = entries(&list);
    check_eq!(found[0], (String::from("lo"), [127, 0, 0, 1]));
    check_eq!(i32::from(list[NAME]), libc::AF_INET);
    for (name, listed) in found {
        check_eq!(flags(&fd, &name)? & libc::IFF_UP, libc::IFF_UP);
        check_eq!(address(&fd, libc::SIOCGIFADDR, &name)?.1, listed);
    }
    Ok(())
}

fn interfaces_are_listed_as_far_as_there_is_room(_: &Case) -> Outcome {
    let fd = udp()?;
    let mut list = [0xa5; REQUEST];
    check_eq!(sys::ifconf(&fd, Some(&mut list), REQUEST as i32 - 1)?, 0);
    check_eq!(list, [0xa5; REQUEST]);
    check_eq!(sys::ifconf(&fd, Some(&mut list), REQUEST as i32)?, REQUEST as i32);
    check_eq!(entries(&list)[0].0, "lo");
    Ok(())
}

fn interfaces_bad_memory(_: &Case) -> Outcome {
    let fd = udp()?;
    let region = sys::Region::new(1, libc::PROT_NONE)?;
    for request in [libc::SIOCGIFINDEX, libc::SIOCGIFNAME, libc::SIOCGIFADDR, libc::SIOCGIFCONF] {
        let words = [fd.number() as usize, request as usize, region.at(0), 0, 0, 0];
        check_err!(region.call("ioctl", libc::SYS_ioctl, words), EFAULT, "request {request:#x}");
    }
    Ok(())
}

/// Changes a device over a socket, and shows that it is changed.
pub(crate) type Change = fn(&OwnedFd, &Pair) -> Outcome;

/// A request with a value behind the name.
#[track_caller]
fn put(fd: &impl Descriptor, request: u64, name: &str, value: &[u8]) -> Result<()> {
    let mut room = [0; 64];
    room[..name.len()].copy_from_slice(name.as_bytes());
    room[NAME..NAME + value.len()].copy_from_slice(value);
    sys::ioctl_bytes(fd, request, &mut room).map(drop)
}

/// A `struct sockaddr_in`.
fn internet(address: [u8; 4]) -> Vec<u8> {
    [&(libc::AF_INET as u16).to_ne_bytes()[..], &[0; 2], &address, &[0; 8]].concat()
}

/// What can be changed.
pub(crate) mod changes {
    use super::*;

    pub(crate) fn flags(fd: &OwnedFd, pair: &Pair) -> Outcome {
        for on in [0, libc::IFF_UP as u16, 0] {
            put(fd, libc::SIOCSIFFLAGS, &pair.name, &on.to_ne_bytes())?;
            check_eq!(super::flags(fd, &pair.name)? & libc::IFF_UP, i32::from(on));
        }
        check_err!(put(fd, libc::SIOCSIFFLAGS, "nosuch0", &[1, 0]), ENODEV);
        Ok(())
    }

    pub(crate) fn mtu(fd: &OwnedFd, pair: &Pair) -> Outcome {
        put(fd, libc::SIOCSIFMTU, &pair.name, &1300_i32.to_ne_bytes())?;
        check_eq!(number(fd, libc::SIOCGIFMTU, &pair.name)?, 1300);
        for bad in [0_i32, 67, 65_536, -1] {
            check_err!(put(fd, libc::SIOCSIFMTU, &pair.name, &bad.to_ne_bytes()), EINVAL, "{bad}");
        }
        Ok(())
    }

    pub(crate) fn hardware_address(fd: &OwnedFd, pair: &Pair) -> Outcome {
        let value = [1, 0, 2, 0x10, 0x20, 0x30, 0x40, 0x50];
        put(fd, libc::SIOCSIFHWADDR, &pair.name, &value)?;
        check_eq!(ask(fd, libc::SIOCGIFHWADDR, &pair.name)?[NAME..NAME + 8], value);
        let other = [2, 3, 2, 0x10, 0x20, 0x30, 0x40, 0x50];
        check_err!(put(fd, libc::SIOCSIFHWADDR, &pair.name, &other), EINVAL, "of another kind of link");
        Ok(())
    }

    pub(crate) fn name(fd: &OwnedFd, pair: &Pair) -> Outcome {
        put(fd, libc::SIOCSIFFLAGS, &pair.name, &[0, 0])?;
        let [fresh, _] = crate::suite::netlink::help::names();
        put(fd, libc::SIOCSIFNAME, &pair.name, fresh.as_bytes())?;
        check_eq!(name_of(fd, pair.index as i32)?, fresh);
        check_err!(number(fd, libc::SIOCGIFINDEX, &pair.name), ENODEV);
        check_err!(put(fd, libc::SIOCSIFNAME, &fresh, pair.peer.as_bytes()), EEXIST);
        check_err!(put(fd, libc::SIOCSIFNAME, &fresh, b"a/b"), EINVAL);
        put(fd, libc::SIOCSIFNAME, &fresh, pair.name.as_bytes())?;
        Ok(())
    }

    pub(crate) fn address(fd: &OwnedFd, pair: &Pair) -> Outcome {
        put(fd, libc::SIOCSIFADDR, &pair.name, &internet([198, 18, 9, 1]))?;
        check_eq!(super::address(fd, libc::SIOCGIFADDR, &pair.name)?.1, [198, 18, 9, 1]);
        check_eq!(
            super::address(fd, libc::SIOCGIFNETMASK, &pair.name)?.1,
            [255, 255, 255, 0],
            "of its class"
        );
        check_eq!(super::address(fd, libc::SIOCGIFBRDADDR, &pair.name)?.1, [198, 18, 9, 255]);
        put(fd, libc::SIOCSIFADDR, &pair.name, &internet([0; 4]))?;
        check_err!(super::address(fd, libc::SIOCGIFADDR, &pair.name), EADDRNOTAVAIL);
        let mut other = internet([198, 18, 9, 1]);
        other[0] = libc::AF_INET6 as u8;
        check_err!(put(fd, libc::SIOCSIFADDR, &pair.name, &other), EINVAL);
        Ok(())
    }

    pub(crate) fn netmask(fd: &OwnedFd, pair: &Pair) -> Outcome {
        let mask = |mask| put(fd, libc::SIOCSIFNETMASK, &pair.name, &internet(mask));
        check_err!(mask([255, 255, 0, 0]), EADDRNOTAVAIL, "there is no address yet");
        put(fd, libc::SIOCSIFADDR, &pair.name, &internet([198, 18, 9, 1]))?;
        mask([255, 255, 0, 0])?;
        check_eq!(super::address(fd, libc::SIOCGIFNETMASK, &pair.name)?.1, [255, 255, 0, 0]);
        check_eq!(super::address(fd, libc::SIOCGIFADDR, &pair.name)?.1, [198, 18, 9, 1]);
        check_err!(mask([255, 0, 255, 0]), EINVAL);
        Ok(())
    }

    pub(crate) fn broadcast(fd: &OwnedFd, pair: &Pair) -> Outcome {
        put(fd, libc::SIOCSIFADDR, &pair.name, &internet([198, 18, 9, 1]))?;
        put(fd, libc::SIOCSIFBRDADDR, &pair.name, &internet([198, 18, 9, 127]))?;
        check_eq!(super::address(fd, libc::SIOCGIFBRDADDR, &pair.name)?.1, [198, 18, 9, 127]);
        Ok(())
    }
}

fn interfaces_are_changed_over_any_socket(_: &Case) -> Outcome {
    for fd in kinds()? {
        for change in [changes::flags, changes::mtu, changes::hardware_address, changes::name] {
            change(&fd, &Pair::new()?)?;
        }
    }
    Ok(())
}

fn interfaces_are_given_addresses(_: &Case) -> Outcome {
    for kind in [STREAM, DGRAM] {
        let fd = sys::socket(libc::AF_INET, kind, 0)?;
        for change in [changes::address, changes::netmask, changes::broadcast] {
            change(&fd, &Pair::new()?)?;
        }
    }
    // Others have no such requests.
    for family in [libc::AF_UNIX, libc::AF_INET6, libc::AF_NETLINK] {
        let fd = sys::socket(family, DGRAM, 0)?;
        check_err!(put(&fd, libc::SIOCSIFNETMASK, "lo", &internet([255, 0, 0, 0])), ENOTTY);
    }
    Ok(())
}

fn interfaces_are_not_changed_by_everybody(case: &Case) -> Outcome {
    let worker = case.spawn(|| {
        sys::set_thread_uids(NOBODY, NOBODY, NOBODY)?;
        let fd = udp()?;
        check_err!(put(&fd, libc::SIOCSIFFLAGS, "lo", &[0, 0]), EPERM);
        check_err!(put(&fd, libc::SIOCSIFMTU, "lo", &1500_i32.to_ne_bytes()), EPERM);
        check_err!(put(&fd, libc::SIOCSIFADDR, "lo", &internet([127, 0, 0, 1])), EPERM);
        Ok(())
    });
    worker.join()
}
