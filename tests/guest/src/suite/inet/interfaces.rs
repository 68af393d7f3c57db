//! Requests about interfaces (`netdevice(7)`). The loopback interface is there everywhere, and is the first one.

use std::os::fd::OwnedFd;

use crate::{
    errno::Result,
    harness::{Case, Outcome, Test, check, check_eq, check_err, tests},
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
