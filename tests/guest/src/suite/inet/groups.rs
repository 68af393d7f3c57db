//! Multicast (`ip(7)`, `ipv6(7)`).

use std::os::fd::OwnedFd;

use super::help::{DGRAM, FAMILIES, V4, V6, any, at, loopback, port_of, wait_for};
use super::options::{get, set};
use crate::{
    address::Address,
    errno::Result,
    harness::{Case, Outcome, Test, check_eq, check_err, tests},
    suite::{
        netlink::help::{NEW, Pair, Request},
        unix::help::set_option,
    },
    sys::{self, Descriptor},
};

pub(crate) const TESTS: &[Test] = tests!("inet";
    group_members_hear_what_is_sent_to_it,
    group_of_others_is_heard_unless_it_must_not_be,
    group_can_be_left,
    group_sources_are_blocked,
    group_sources_are_chosen,
    group_requests_are_checked,
    group_requests_have_lengths,
    group_packets_have_hops_and_an_interface,
    group_loop_reaches_this_host,
    group_memberships_have_a_limit,
);

const IP: i32 = libc::IPPROTO_IP;
const IPV6: i32 = libc::IPPROTO_IPV6;
/// The loopback interface: where groups of IPv4 are joined. Linux has no way to groups of IPv6 over it.
const LO: u32 = 1;
const HERE: [u8; 4] = [127, 0, 0, 1];
const GROUP: [u8; 4] = [239, 1, 2, 3];

pub(crate) const ADD_SOURCE: i32 = libc::IP_ADD_SOURCE_MEMBERSHIP;
pub(crate) const DROP_SOURCE: i32 = libc::IP_DROP_SOURCE_MEMBERSHIP;
pub(crate) const BLOCK: i32 = libc::IP_BLOCK_SOURCE;
pub(crate) const UNBLOCK: i32 = libc::IP_UNBLOCK_SOURCE;

/// The option that joins a group of that version.
pub(crate) fn joining(over: i32) -> (i32, i32) {
    if over == V4 { (IP, libc::IP_ADD_MEMBERSHIP) } else { (IPV6, libc::IPV6_ADD_MEMBERSHIP) }
}

/// The one that leaves it.
pub(crate) fn leaving(over: i32) -> (i32, i32) {
    if over == V4 { (IP, libc::IP_DROP_MEMBERSHIP) } else { (IPV6, libc::IPV6_DROP_MEMBERSHIP) }
}

/// Where groups of a version are.
pub(crate) struct Line {
    over: i32,
    pub(crate) index: u32,
    /// It is there as long as this is.
    _pair: Option<Pair>,
}

impl Line {
    #[track_caller]
    pub(crate) fn new(over: i32) -> Result<Self> {
        if over == V4 {
            return Ok(Self { over, index: LO, _pair: None });
        }
        let pair = Pair::new()?;
        let address = [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7];
        let request = Request::address(libc::RTM_NEWADDR, NEW, V6, 64, pair.index)
            .with(libc::IFA_LOCAL, &address)
            .with(libc::IFA_ADDRESS, &address)
            .with(libc::IFA_FLAGS, &libc::IFA_F_NODAD.to_ne_bytes());
        pair.talk.make(&request)?;
        Ok(Self { over, index: pair.index, _pair: Some(pair) })
    }

    /// A request about the group there: `struct ip_mreq`, `struct ipv6_mreq`.
    pub(crate) fn request(&self) -> Vec<u8> {
        match self.over {
            V4 => [GROUP, HERE].concat(),
            _ => [&group_v6()[..], &self.index.to_ne_bytes()].concat(),
        }
    }

    /// A socket that sends to groups there.
    #[track_caller]
    pub(crate) fn sender(&self) -> Result<OwnedFd> {
        let fd = sys::socket(self.over, DGRAM, 0)?;
        if self.over == V4 {
            sys::setsockopt(&fd, IP, libc::IP_MULTICAST_IF, &HERE)?;
        } else {
            set(&fd, IPV6, libc::IPV6_MULTICAST_IF, self.index as i32)?;
        }
        Ok(fd)
    }

    #[track_caller]
    pub(crate) fn join(&self, fd: &impl Descriptor) -> Result<usize> {
        let (level, name) = joining(self.over);
        sys::setsockopt(fd, level, name, &self.request())
    }

    #[track_caller]
    pub(crate) fn leave(&self, fd: &impl Descriptor) -> Result<usize> {
        let (level, name) = leaving(self.over);
        sys::setsockopt(fd, level, name, &self.request())
    }
}

fn group_v6() -> [u8; 16] {
    [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x12, 0x34]
}

/// A request about one source of the group: `struct ip_mreq_source`.
pub(crate) fn of_source(source: [u8; 4]) -> Vec<u8> {
    [GROUP, HERE, source].concat()
}

/// The group, with a port.
pub(crate) fn group(over: i32, port: u16) -> Address {
    if over == V4 { at(V4, &format!("239.1.2.3:{port}")) } else { at(V6, &format!("[ff02::1234]:{port}")) }
}

/// A socket that hears what is sent to its port, and is in no group.
#[track_caller]
pub(crate) fn hearer(family: i32) -> Result<OwnedFd> {
    let fd = sys::socket(family, DGRAM, 0)?;
    sys::bind(&fd, any(family, 0).bytes())?;
    Ok(fd)
}

/// Whether what `sender` sends to the group reaches the socket: what is sent to it alone comes behind.
#[track_caller]
pub(crate) fn hears(over: i32, sender: &OwnedFd, fd: &impl Descriptor) -> Result<bool> {
    let port = port_of(fd)?;
    sys::sendto(sender, b"to all", 0, group(over, port).bytes())?;
    let alone = sys::socket(over, DGRAM, 0)?;
    sys::sendto(&alone, b"to you", 0, loopback(over, port).bytes())?;
    let (mut count, mut data) = (0, [0; 8]);
    loop {
        wait_for(fd, libc::POLLIN)?;
        let length = sys::recv(fd, &mut data, 0)?;
        if &data[..length] == b"to you" {
            return Ok(count == 1);
        }
        count += 1;
    }
}

fn group_members_hear_what_is_sent_to_it(_: &Case) -> Outcome {
    for family in FAMILIES {
        let line = Line::new(family)?;
        let (sender, member) = (line.sender()?, hearer(family)?);
        check_eq!(hears(family, &sender, &member)?, false);
        line.join(&member)?;
        check_eq!(hears(family, &sender, &member)?, true);
        check_err!(line.join(&member), EADDRINUSE);
        // One that is bound to the group hears nothing else.
        let bound = sys::socket(family, DGRAM, 0)?;
        for fd in [&bound, &member] {
            set_option(fd, libc::SO_REUSEADDR, 1)?;
        }
        let port = port_of(&member)?;
        let mut name = group(family, port).bytes().to_vec();
        if family == V6 {
            name[24..28].copy_from_slice(&line.index.to_ne_bytes());
        }
        sys::bind(&bound, &name)?;
        sys::sendto(&sender, b"x", 0, group(family, port).bytes())?;
        for fd in [&bound, &member] {
            wait_for(fd, libc::POLLIN)?;
            check_eq!(sys::recv(fd, &mut [0; 4], 0)?, 1);
        }
    }
    // A socket of AF_INET6 may be in groups of IPv4, too.
    let line = Line::new(V4)?;
    let (sender, member) = (line.sender()?, hearer(V6)?);
    line.join(&member)?;
    check_eq!(hears(V4, &sender, &member)?, true);
    Ok(())
}

fn group_of_others_is_heard_unless_it_must_not_be(_: &Case) -> Outcome {
    for (family, level, name) in [(V4, IP, libc::IP_MULTICAST_ALL), (V6, IPV6, libc::IPV6_MULTICAST_ALL)] {
        let line = Line::new(family)?;
        let (sender, member, other) = (line.sender()?, hearer(family)?, hearer(family)?);
        line.join(&member)?;
        check_eq!(get(&other, level, name)?, 1);
        check_eq!(hears(family, &sender, &other)?, true);
        set(&other, level, name, 0)?;
        check_eq!(get(&other, level, name)?, 0);
        check_eq!(hears(family, &sender, &other)?, false);
        if family == V4 {
            check_err!(set(&other, level, name, 2), EINVAL);
        } else {
            set(&other, level, name, 2)?;
            check_eq!(get(&other, level, name)?, 1);
        }
    }
    Ok(())
}

fn group_can_be_left(_: &Case) -> Outcome {
    for family in FAMILIES {
        let line = Line::new(family)?;
        let (sender, member) = (line.sender()?, hearer(family)?);
        check_err!(line.leave(&member), EADDRNOTAVAIL);
        line.join(&member)?;
        line.leave(&member)?;
        check_eq!(hears(family, &sender, &member)?, false);
        check_err!(line.leave(&member), EADDRNOTAVAIL);
        // A socket that is closed leaves all groups.
        let other = hearer(family)?;
        line.join(&member)?;
        check_eq!(hears(family, &sender, &other)?, true);
        drop(member);
        check_eq!(hears(family, &sender, &other)?, false);
    }
    Ok(())
}

fn group_sources_are_blocked(_: &Case) -> Outcome {
    let line = Line::new(V4)?;
    let (sender, member) = (line.sender()?, hearer(V4)?);
    check_err!(sys::setsockopt(&member, IP, BLOCK, &of_source(HERE)), EINVAL);
    line.join(&member)?;
    sys::setsockopt(&member, IP, BLOCK, &of_source([127, 0, 0, 9]))?;
    check_eq!(hears(V4, &sender, &member)?, true);
    sys::setsockopt(&member, IP, BLOCK, &of_source(HERE))?;
    check_eq!(hears(V4, &sender, &member)?, false);
    check_err!(sys::setsockopt(&member, IP, BLOCK, &of_source(HERE)), EADDRNOTAVAIL);
    // Who hears all but some cannot choose.
    check_err!(sys::setsockopt(&member, IP, ADD_SOURCE, &of_source(HERE)), EINVAL);
    sys::setsockopt(&member, IP, UNBLOCK, &of_source(HERE))?;
    check_eq!(hears(V4, &sender, &member)?, true);
    check_err!(sys::setsockopt(&member, IP, UNBLOCK, &of_source(HERE)), EADDRNOTAVAIL);
    Ok(())
}

fn group_sources_are_chosen(_: &Case) -> Outcome {
    let line = Line::new(V4)?;
    let (sender, member) = (line.sender()?, hearer(V4)?);
    sys::setsockopt(&member, IP, ADD_SOURCE, &of_source([127, 0, 0, 9]))?;
    check_eq!(hears(V4, &sender, &member)?, false);
    sys::setsockopt(&member, IP, ADD_SOURCE, &of_source(HERE))?;
    check_eq!(hears(V4, &sender, &member)?, true);
    check_err!(sys::setsockopt(&member, IP, ADD_SOURCE, &of_source(HERE)), EADDRNOTAVAIL);
    check_err!(sys::setsockopt(&member, IP, BLOCK, &of_source(HERE)), EINVAL);
    sys::setsockopt(&member, IP, DROP_SOURCE, &of_source(HERE))?;
    check_eq!(hears(V4, &sender, &member)?, false);
    check_err!(sys::setsockopt(&member, IP, DROP_SOURCE, &of_source(HERE)), EADDRNOTAVAIL);
    // With the last source the group is left.
    sys::setsockopt(&member, IP, DROP_SOURCE, &of_source([127, 0, 0, 9]))?;
    check_err!(line.leave(&member), EADDRNOTAVAIL);
    Ok(())
}

fn group_requests_are_checked(_: &Case) -> Outcome {
    let fd = hearer(V4)?;
    for name in [libc::IP_ADD_MEMBERSHIP, libc::IP_DROP_MEMBERSHIP] {
        let no_group = [[10, 0, 0, 1], HERE].concat();
        let found = if name == libc::IP_ADD_MEMBERSHIP { libc::EINVAL } else { libc::EADDRNOTAVAIL };
        check_eq!(sys::setsockopt(&fd, IP, name, &no_group).map_err(|errno| errno.0), Err(found));
    }
    let nowhere = [GROUP, [203, 0, 113, 7]].concat();
    check_err!(sys::setsockopt(&fd, IP, libc::IP_ADD_MEMBERSHIP, &nowhere), ENODEV);
    let no_index = [GROUP, [0; 4], 9999_u32.to_ne_bytes()].concat();
    check_err!(sys::setsockopt(&fd, IP, libc::IP_ADD_MEMBERSHIP, &no_index), ENODEV);
    // By its index.
    let index = [GROUP, [0; 4], LO.to_ne_bytes()].concat();
    sys::setsockopt(&fd, IP, libc::IP_ADD_MEMBERSHIP, &index)?;
    check_err!(Line::new(V4)?.join(&fd), EADDRINUSE);
    for name in [ADD_SOURCE, DROP_SOURCE, BLOCK, UNBLOCK] {
        check_err!(sys::setsockopt(&fd, IP, name, &[[10, 0, 0, 1], HERE, HERE].concat()), EINVAL);
        check_err!(sys::setsockopt(&fd, IP, name, &[GROUP, [203, 0, 113, 7], HERE].concat()), ENODEV);
    }
    let fd = hearer(V6)?;
    let no_group = [&[0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], &LO.to_ne_bytes()[..]].concat();
    let no_index = [&group_v6()[..], &9999_u32.to_ne_bytes()].concat();
    for name in [libc::IPV6_ADD_MEMBERSHIP, libc::IPV6_DROP_MEMBERSHIP] {
        check_err!(sys::setsockopt(&fd, IPV6, name, &no_group), EINVAL);
    }
    check_err!(sys::setsockopt(&fd, IPV6, libc::IPV6_ADD_MEMBERSHIP, &no_index), ENODEV);
    // They cannot be read.
    check_err!(get(&fd, IPV6, libc::IPV6_ADD_MEMBERSHIP), ENOPROTOOPT);
    check_err!(get(&hearer(V4)?, IP, libc::IP_ADD_MEMBERSHIP), ENOPROTOOPT);
    Ok(())
}

fn group_requests_have_lengths(_: &Case) -> Outcome {
    let fd = hearer(V4)?;
    for length in [0, 4, 7] {
        check_err!(
            sys::setsockopt(&fd, IP, libc::IP_ADD_MEMBERSHIP, &[GROUP, HERE].concat()[..length]),
            EINVAL
        );
    }
    for (name, length) in [(ADD_SOURCE, 8), (BLOCK, 11), (UNBLOCK, 13), (DROP_SOURCE, 16)] {
        let mut value = of_source(HERE);
        value.resize(length, 0);
        check_err!(sys::setsockopt(&fd, IP, name, &value), EINVAL);
    }
    for length in [0, 3] {
        check_err!(sys::setsockopt(&fd, IP, libc::IP_MULTICAST_IF, &HERE[..length]), EINVAL);
    }
    let fd = hearer(V6)?;
    for length in [0, 16, 19] {
        check_err!(
            sys::setsockopt(
                &fd,
                IPV6,
                libc::IPV6_ADD_MEMBERSHIP,
                &[&group_v6()[..], &[0; 4]].concat()[..length]
            ),
            EINVAL
        );
    }
    Ok(())
}

fn group_packets_have_hops_and_an_interface(_: &Case) -> Outcome {
    let fd = hearer(V4)?;
    check_eq!(get(&fd, IP, libc::IP_MULTICAST_TTL)?, 1);
    for (value, shown) in [(0, 0), (255, 255), (-1, 1)] {
        set(&fd, IP, libc::IP_MULTICAST_TTL, value)?;
        check_eq!(get(&fd, IP, libc::IP_MULTICAST_TTL)?, shown);
    }
    sys::setsockopt(&fd, IP, libc::IP_MULTICAST_TTL, &[9])?;
    check_eq!(get(&fd, IP, libc::IP_MULTICAST_TTL)?, 9);
    for bad in [256, -2] {
        check_err!(set(&fd, IP, libc::IP_MULTICAST_TTL, bad), EINVAL);
    }
    let index = [[0; 4], [0; 4], LO.to_ne_bytes()].concat();
    let whole = [[0; 4], HERE].concat();
    for (value, shown) in [(&HERE[..], HERE), (&[0; 4], [0; 4]), (&whole, HERE), (&index, [0; 4])] {
        sys::setsockopt(&fd, IP, libc::IP_MULTICAST_IF, value)?;
        check_eq!(get(&fd, IP, libc::IP_MULTICAST_IF)?.to_ne_bytes(), shown);
    }
    check_err!(sys::setsockopt(&fd, IP, libc::IP_MULTICAST_IF, &[203, 0, 113, 7]), EADDRNOTAVAIL);
    let fd = hearer(V6)?;
    check_eq!(get(&fd, IPV6, libc::IPV6_MULTICAST_HOPS)?, 1);
    for (value, shown) in [(0, 0), (255, 255), (-1, 1)] {
        set(&fd, IPV6, libc::IPV6_MULTICAST_HOPS, value)?;
        check_eq!(get(&fd, IPV6, libc::IPV6_MULTICAST_HOPS)?, shown);
    }
    check_err!(set(&fd, IPV6, libc::IPV6_MULTICAST_HOPS, 256), EINVAL);
    check_eq!(get(&fd, IPV6, libc::IPV6_MULTICAST_IF)?, 0);
    set(&fd, IPV6, libc::IPV6_MULTICAST_IF, LO as i32)?;
    check_eq!(get(&fd, IPV6, libc::IPV6_MULTICAST_IF)?, LO as i32);
    check_err!(set(&fd, IPV6, libc::IPV6_MULTICAST_IF, 9999), ENODEV);
    set(&fd, IPV6, libc::IPV6_MULTICAST_IF, 0)?;
    // The hops of packets to groups are their own.
    let line = Line::new(V4)?;
    let (sender, member) = (line.sender()?, hearer(V4)?);
    line.join(&member)?;
    set(&member, IP, libc::IP_RECVTTL, 1)?;
    set(&sender, IP, libc::IP_MULTICAST_TTL, 7)?;
    sys::sendto(&sender, b"x", 0, group(V4, port_of(&member)?).bytes())?;
    let told = super::told::by_recvmsg(&member)?;
    check_eq!(told, [(IP, libc::IP_TTL, 7_i32.to_ne_bytes().to_vec())]);
    Ok(())
}

fn group_loop_reaches_this_host(_: &Case) -> Outcome {
    for (family, level, name) in [(V4, IP, libc::IP_MULTICAST_LOOP), (V6, IPV6, libc::IPV6_MULTICAST_LOOP)] {
        let fd = hearer(family)?;
        check_eq!(get(&fd, level, name)?, 1);
        set(&fd, level, name, 0)?;
        check_eq!(get(&fd, level, name)?, 0);
        if family == V4 {
            set(&fd, level, name, 7)?;
            check_eq!(get(&fd, level, name)?, 1);
            sys::setsockopt(&fd, level, name, &[0])?;
            check_eq!(get(&fd, level, name)?, 0);
        } else {
            check_err!(set(&fd, level, name, 7), EINVAL);
        }
    }
    Ok(())
}

fn group_memberships_have_a_limit(_: &Case) -> Outcome {
    // net.ipv4.igmp_max_memberships and net.ipv4.igmp_max_msf.
    let fd = hearer(V4)?;
    let request = |last| [[239, 1, 2, last], HERE].concat();
    for last in 0..20 {
        sys::setsockopt(&fd, IP, libc::IP_ADD_MEMBERSHIP, &request(last))?;
    }
    check_err!(sys::setsockopt(&fd, IP, libc::IP_ADD_MEMBERSHIP, &request(20)), ENOBUFS);
    for last in 0..10 {
        sys::setsockopt(&fd, IP, BLOCK, &of_source([10, 0, 0, last]))?;
    }
    check_err!(sys::setsockopt(&fd, IP, BLOCK, &of_source([10, 0, 0, 10])), ENOBUFS);
    Ok(())
}
