//! What datagrams have and streams have not: groups, the error queue, what is said about a single one, and pieces.

use std::os::fd::OwnedFd;

use super::options::is_asked;
use crate::{
    errno::Result,
    harness::{check_eq, check_err},
    probe::{Attempt, probed, situation::Situation},
    suite::{
        inet::{
            errors::{asker, asking, refused, soon, take_many},
            groups::{self, Line, hearer, hears, joining, leaving, of_source},
            help::{V4, V6, any, at as address, loopback, wait_for},
            options::{get, set},
            said::{CORK, SAYINGS, data, device, freebind, narrow, saying, set_device},
        },
        unix::control::Messages,
    },
    sys::{self, Envelope, Outgoing},
};

const IP: i32 = libc::IPPROTO_IP;
const IPV6: i32 = libc::IPPROTO_IPV6;
const HERE: [u8; 4] = [127, 0, 0, 1];

/// A message is heeded by who is sent to: `send` sends a byte with control data to an address.
fn is_said(
    at: &Situation<'_>,
    level: i32,
    kind: i32,
    send: fn(&OwnedFd, &[u8], &[u8]) -> Result<usize>,
) -> Attempt {
    let (over, .., asks) = SAYINGS
        .into_iter()
        .find(|(_, its_level, its_kind, _)| (*its_level, *its_kind) == (level, kind))
        .expect("it is one of them");
    let fd = at.socket()?;
    let receiver = sys::socket(over, libc::SOCK_DGRAM, 0)?;
    sys::bind(&receiver, loopback(over, 0).bytes())?;
    set(&receiver, level, asks, 1)?;
    let port = crate::suite::inet::help::port_of(&receiver)?;
    let to = if over == V4 { address(at.family(), &format!("127.0.0.1:{port}")) } else { loopback(V6, port) };
    let (said, told) = data(over, kind);
    check_eq!(probed(send(&fd, &saying(level, kind, &said), to.bytes()))?, 1);
    check_eq!(crate::suite::inet::told::by_recvmsg(&receiver)?, [(level, kind, told)]);
    Ok(())
}

fn by_sendmsg(fd: &OwnedFd, control: &[u8], to: &[u8]) -> Result<usize> {
    crate::suite::inet::said::say(fd, control, Some(to))
}

fn by_sendmmsg(fd: &OwnedFd, control: &[u8], to: &[u8]) -> Result<usize> {
    let message = Outgoing { data: b"x", to: Some(to), control: Some(control) };
    let (count, lengths) = sys::sendmmsg(fd, &[message], 0)?;
    Ok(count * lengths[0] as usize)
}

macro_rules! said {
    ($call:ident, $send:path; $($name:ident $level:ident $kind:ident)*) => {
        pub(crate) mod $call {
            use super::*;

            $(
                pub(crate) fn $name(at: &Situation<'_>) -> Attempt {
                    is_said(at, $level, libc::$kind, $send)
                }
            )*
        }
    };
}

said! {
    sendmsg, by_sendmsg;
    msg_msg_control_cmsg_level_sol_ip IP IP_TTL
    msg_msg_control_cmsg_type_ip_pktinfo IP IP_PKTINFO
    msg_msg_control_cmsg_type_ip_ttl IP IP_TTL
    msg_msg_control_cmsg_type_ip_tos IP IP_TOS
    msg_msg_control_cmsg_level_sol_ipv6 IPV6 IPV6_HOPLIMIT
    msg_msg_control_cmsg_type_ipv6_pktinfo IPV6 IPV6_PKTINFO
    msg_msg_control_cmsg_type_ipv6_hoplimit IPV6 IPV6_HOPLIMIT
    msg_msg_control_cmsg_type_ipv6_tclass IPV6 IPV6_TCLASS
}

said! {
    sendmmsg, by_sendmmsg;
    msgvec_msg_hdr_msg_control_cmsg_level_sol_ip IP IP_TTL
    msgvec_msg_hdr_msg_control_cmsg_type_ip_pktinfo IP IP_PKTINFO
    msgvec_msg_hdr_msg_control_cmsg_type_ip_ttl IP IP_TTL
    msgvec_msg_hdr_msg_control_cmsg_type_ip_tos IP IP_TOS
    msgvec_msg_hdr_msg_control_cmsg_level_sol_ipv6 IPV6 IPV6_HOPLIMIT
    msgvec_msg_hdr_msg_control_cmsg_type_ipv6_pktinfo IPV6 IPV6_PKTINFO
    msgvec_msg_hdr_msg_control_cmsg_type_ipv6_hoplimit IPV6 IPV6_HOPLIMIT
    msgvec_msg_hdr_msg_control_cmsg_type_ipv6_tclass IPV6 IPV6_TCLASS
}

/// What a piece with MSG_MORE begins, the next piece completes: one datagram.
pub(in crate::probe::proofs) fn msg_more(
    at: &Situation<'_>,
    send: impl Fn(&OwnedFd, &[u8], i32) -> Result<usize>,
) -> Attempt {
    let (one, other) = at.pair()?;
    check_eq!(probed(send(&one, b"be", libc::MSG_MORE))?, 2);
    check_err!(sys::recv(&other, &mut [0; 8], libc::MSG_DONTWAIT), EAGAIN);
    check_eq!(probed(send(&one, b"gun", 0))?, 3);
    let mut data = [0; 8];
    wait_for(&other, libc::POLLIN)?;
    check_eq!(sys::recv(&other, &mut data, 0)?, 5);
    check_eq!(&data[..5], b"begun");
    Ok(())
}

/// How many bytes came back, and with which control messages, where the call can say so.
type Told = (usize, Option<Messages>);

/// What became of a datagram is told: by `receive`, which says how many bytes came back, and with which control messages.
fn is_told_errors(at: &Situation<'_>, receive: fn(&OwnedFd) -> Result<Told>) -> Attempt {
    let family = at.family();
    let (fd, to) = asker(family)?;
    let empty = receive(&fd);
    check_eq!(empty.map(|(count, _)| count).map_err(|errno| errno.0), Err(libc::EAGAIN));
    sys::sendto(&fd, b"lost", 0, to.bytes())?;
    let (count, messages) = probed(soon(|| receive(&fd)))?;
    check_eq!(count, 4);
    let (level, kind) = asking(family);
    if let Some(messages) = messages {
        check_eq!(messages, [(level, kind, refused(family))]);
    }
    Ok(())
}

pub(crate) mod recvfrom {
    use super::*;

    pub(crate) fn flags_msg_errqueue(at: &Situation<'_>) -> Attempt {
        is_told_errors(at, |fd| Ok((sys::recv(fd, &mut [0; 8], libc::MSG_ERRQUEUE)?, None)))
    }
}

/// The proofs of a call that is given control messages.
macro_rules! told {
    ($call:ident, $receive:expr; $($name:ident)*) => {
        pub(crate) mod $call {
            use super::*;

            $(
                pub(crate) fn $name(at: &Situation<'_>) -> Attempt {
                    is_told_errors(at, $receive)
                }
            )*
        }
    };
}

told! {
    recvmsg,
    |fd| {
        let record = crate::suite::inet::errors::take(fd)?;
        Ok((record.data.len(), Some(record.messages)))
    };
    flags_msg_errqueue
    msg_msg_control_cmsg_type_ip_recverr
    msg_msg_control_cmsg_type_ipv6_recverr
}

told! {
    recvmmsg,
    |fd| take_many(fd).map(|(count, messages)| (count, Some(messages)));
    flags_msg_errqueue
    msgvec_msg_hdr_msg_control_cmsg_type_ip_recverr
    msgvec_msg_hdr_msg_control_cmsg_type_ipv6_recverr
}

/// A proof that reads an option: what it is at first, and what was set.
macro_rules! asked {
    ($($name:ident $level:expr, $option:expr, $usual:expr, $other:expr;)*) => {
        $(
            pub(crate) fn $name(at: &Situation<'_>) -> Attempt {
                is_asked(at, $level, $option, $usual, $other)
            }
        )*
    };
}

pub(crate) mod getsockopt {
    use super::*;

    asked! {
        level_sol_udp libc::IPPROTO_UDP, CORK, 0, 1;
        optname_udp_cork libc::IPPROTO_UDP, CORK, 0, 1;
        optname_so_no_check libc::SOL_SOCKET, libc::SO_NO_CHECK, 0, 1;
        optname_ip_freebind IP, libc::IP_FREEBIND, 0, 1;
        optname_ipv6_freebind IPV6, freebind(V6).1, 0, 1;
        optname_ip_recverr IP, libc::IP_RECVERR, 0, 1;
        optname_ipv6_recverr IPV6, libc::IPV6_RECVERR, 0, 1;
        optname_ip_mtu_discover IP, libc::IP_MTU_DISCOVER, 1, 2;
        optname_ipv6_mtu_discover IPV6, libc::IPV6_MTU_DISCOVER, 1, 2;
        optname_ip_multicast_ttl IP, libc::IP_MULTICAST_TTL, 1, 9;
        optname_ip_multicast_loop IP, libc::IP_MULTICAST_LOOP, 1, 0;
        optname_ip_multicast_all IP, libc::IP_MULTICAST_ALL, 1, 0;
        optname_ip_multicast_if IP, libc::IP_MULTICAST_IF, 0, i32::from_ne_bytes(HERE);
        optname_ipv6_multicast_hops IPV6, libc::IPV6_MULTICAST_HOPS, 1, 9;
        optname_ipv6_multicast_loop IPV6, libc::IPV6_MULTICAST_LOOP, 1, 0;
        optname_ipv6_multicast_all IPV6, libc::IPV6_MULTICAST_ALL, 1, 0;
        optname_ipv6_multicast_if IPV6, libc::IPV6_MULTICAST_IF, 0, 1;
    }

    pub(crate) fn optname_so_bindtodevice(at: &Situation<'_>) -> Attempt {
        let fd = at.socket()?;
        check_eq!(probed(device(&fd))?, "");
        set_device(&fd, b"lo")?;
        check_eq!(probed(device(&fd))?, "lo\0");
        Ok(())
    }

    /// What the loopback interface takes.
    fn is_of_the_way(at: &Situation<'_>, level: i32, option: i32) -> Attempt {
        let (one, _other) = at.pair()?;
        let mtu = if at.family() == V4 { 65_535 } else { 65_536 };
        check_eq!(probed(get(&one, level, option))?, mtu);
        Ok(())
    }

    pub(crate) fn optname_ip_mtu(at: &Situation<'_>) -> Attempt {
        is_of_the_way(at, IP, libc::IP_MTU)
    }

    pub(crate) fn optname_ipv6_mtu(at: &Situation<'_>) -> Attempt {
        is_of_the_way(at, IPV6, libc::IPV6_MTU)
    }
}

pub(crate) mod setsockopt {
    use super::*;

    /// What is set is shown, and what is sent to it comes.
    fn is_kept(at: &Situation<'_>, level: i32, option: i32, value: i32) -> Attempt {
        let fd = at.socket()?;
        probed(set(&fd, level, option, value))?;
        check_eq!(get(&fd, level, option)?, value);
        at.works(&fd)?;
        Ok(())
    }

    macro_rules! kept {
        ($($name:ident $level:expr, $option:expr, $value:expr;)*) => {
            $(
                pub(crate) fn $name(at: &Situation<'_>) -> Attempt {
                    is_kept(at, $level, $option, $value)
                }
            )*
        };
    }

    kept! {
        optname_so_no_check libc::SOL_SOCKET, libc::SO_NO_CHECK, 1;
        optname_ip_multicast_loop IP, libc::IP_MULTICAST_LOOP, 0;
        optname_ipv6_multicast_loop IPV6, libc::IPV6_MULTICAST_LOOP, 0;
        optname_ipv6_multicast_hops IPV6, libc::IPV6_MULTICAST_HOPS, 9;
    }

    fn corks(at: &Situation<'_>) -> Attempt {
        let (one, other) = at.pair()?;
        probed(set(&one, libc::IPPROTO_UDP, CORK, 1))?;
        sys::write(&one, b"one")?;
        sys::write(&one, b" piece")?;
        check_err!(sys::recv(&other, &mut [0; 16], libc::MSG_DONTWAIT), EAGAIN);
        probed(set(&one, libc::IPPROTO_UDP, CORK, 0))?;
        check_eq!(sys::recv(&other, &mut [0; 16], 0)?, 9);
        Ok(())
    }

    pub(crate) fn level_sol_udp(at: &Situation<'_>) -> Attempt {
        corks(at)
    }

    pub(crate) fn optname_udp_cork(at: &Situation<'_>) -> Attempt {
        corks(at)
    }

    pub(crate) fn optname_so_bindtodevice(at: &Situation<'_>) -> Attempt {
        let fd = at.socket()?;
        probed(set_device(&fd, b"lo"))?;
        check_err!(set_device(&fd, b"no-such-device"), ENODEV);
        at.works(&fd)?;
        Ok(())
    }

    /// An address that this host does not have can be bound.
    fn lets_bind(at: &Situation<'_>, level: i32, option: i32) -> Attempt {
        let strange = if at.family() == V4 { "192.0.2.9:0" } else { "[2001:db8::9]:0" };
        let (fd, strange) = (at.socket()?, address(at.family(), strange));
        check_err!(sys::bind(&fd, strange.bytes()), EADDRNOTAVAIL);
        probed(set(&fd, level, option, 1))?;
        sys::bind(&fd, strange.bytes())?;
        Ok(())
    }

    pub(crate) fn optname_ip_freebind(at: &Situation<'_>) -> Attempt {
        lets_bind(at, IP, libc::IP_FREEBIND)
    }

    pub(crate) fn optname_ipv6_freebind(at: &Situation<'_>) -> Attempt {
        lets_bind(at, IPV6, freebind(V6).1)
    }

    /// While it is set, errors are kept; those that wait are lost when it is set no more.
    fn keeps_errors(at: &Situation<'_>) -> Attempt {
        let (level, option) = asking(at.family());
        let (fd, to) = asker(at.family())?;
        probed(set(&fd, level, option, 1))?;
        sys::sendto(&fd, b"lost", 0, to.bytes())?;
        check_eq!(soon(|| sys::recv(&fd, &mut [0; 8], libc::MSG_ERRQUEUE))?, 4);
        probed(set(&fd, level, option, 0))?;
        sys::sendto(&fd, b"lost", 0, to.bytes())?;
        check_err!(sys::recv(&fd, &mut [0; 8], libc::MSG_ERRQUEUE), EAGAIN);
        Ok(())
    }

    pub(crate) fn optname_ip_recverr(at: &Situation<'_>) -> Attempt {
        keeps_errors(at)
    }

    pub(crate) fn optname_ipv6_recverr(at: &Situation<'_>) -> Attempt {
        keeps_errors(at)
    }

    /// What must not be split is not sent where the way does not take it.
    fn forbids_splitting(at: &Situation<'_>, level: i32, option: i32) -> Attempt {
        let (fd, length, _pair) = narrow(at.family())?;
        let long = vec![1; length];
        probed(set(&fd, level, option, 2))?;
        check_err!(sys::write(&fd, &long), EMSGSIZE);
        probed(set(&fd, level, option, 0))?;
        check_eq!(sys::write(&fd, &long)?, length);
        Ok(())
    }

    pub(crate) fn optname_ip_mtu_discover(at: &Situation<'_>) -> Attempt {
        forbids_splitting(at, IP, libc::IP_MTU_DISCOVER)
    }

    pub(crate) fn optname_ipv6_mtu_discover(at: &Situation<'_>) -> Attempt {
        forbids_splitting(at, IPV6, libc::IPV6_MTU_DISCOVER)
    }

    /// Packets to groups have so many hops.
    pub(crate) fn optname_ip_multicast_ttl(_: &Situation<'_>) -> Attempt {
        let line = Line::new(V4)?;
        let (sender, member) = (line.sender()?, hearer(V4)?);
        line.join(&member)?;
        set(&member, IP, libc::IP_RECVTTL, 1)?;
        probed(set(&sender, IP, libc::IP_MULTICAST_TTL, 7))?;
        let port = crate::suite::inet::help::port_of(&member)?;
        sys::sendto(&sender, b"x", 0, groups::group(V4, port).bytes())?;
        let told = crate::suite::inet::told::by_recvmsg(&member)?;
        check_eq!(told, [(IP, libc::IP_TTL, 7_i32.to_ne_bytes().to_vec())]);
        Ok(())
    }

    /// Who is in no group hears it unless the option is off.
    fn lets_others_hear(at: &Situation<'_>, level: i32, option: i32) -> Attempt {
        let over = at.family();
        let line = Line::new(over)?;
        let (sender, member, other) = (line.sender()?, hearer(over)?, hearer(over)?);
        line.join(&member)?;
        for on in [1, 0] {
            probed(set(&other, level, option, on))?;
            check_eq!(hears(over, &sender, &other)?, on == 1);
        }
        Ok(())
    }

    pub(crate) fn optname_ip_multicast_all(at: &Situation<'_>) -> Attempt {
        lets_others_hear(at, IP, libc::IP_MULTICAST_ALL)
    }

    pub(crate) fn optname_ipv6_multicast_all(at: &Situation<'_>) -> Attempt {
        lets_others_hear(at, IPV6, libc::IPV6_MULTICAST_ALL)
    }

    /// Packets to groups go out over the interface.
    fn chooses_the_interface(at: &Situation<'_>, level: i32, option: i32) -> Attempt {
        let over = at.family();
        let line = Line::new(over)?;
        let (sender, member) = (at.socket()?, hearer(over)?);
        line.join(&member)?;
        let index = line.index.to_ne_bytes();
        let value = if over == V4 { &HERE } else { &index };
        probed(sys::setsockopt(&sender, level, option, value))?;
        check_eq!(hears(over, &sender, &member)?, true);
        Ok(())
    }

    pub(crate) fn optname_ip_multicast_if(at: &Situation<'_>) -> Attempt {
        chooses_the_interface(at, IP, libc::IP_MULTICAST_IF)
    }

    pub(crate) fn optname_ipv6_multicast_if(at: &Situation<'_>) -> Attempt {
        chooses_the_interface(at, IPV6, libc::IPV6_MULTICAST_IF)
    }

    /// Who is in a group hears it, and no more once it has left: `probe` says which of the two is tried.
    fn joins_and_leaves(at: &Situation<'_>, over: i32, tried: (i32, i32)) -> Attempt {
        let line = Line::new(over)?;
        let (sender, member) = (line.sender()?, at.socket()?);
        sys::bind(&member, any(at.family(), 0).bytes())?;
        for ((level, option), heard) in [(joining(over), true), (leaving(over), false)] {
            let done = sys::setsockopt(&member, level, option, &line.request());
            if (level, option) == tried {
                probed(done)?;
            } else {
                done?;
            }
            check_eq!(hears(over, &sender, &member)?, heard);
        }
        Ok(())
    }

    pub(crate) fn optname_ip_add_membership(at: &Situation<'_>) -> Attempt {
        joins_and_leaves(at, V4, joining(V4))
    }

    pub(crate) fn optname_ip_drop_membership(at: &Situation<'_>) -> Attempt {
        joins_and_leaves(at, V4, leaving(V4))
    }

    pub(crate) fn optname_ipv6_add_membership(at: &Situation<'_>) -> Attempt {
        joins_and_leaves(at, V6, joining(V6))
    }

    pub(crate) fn optname_ipv6_drop_membership(at: &Situation<'_>) -> Attempt {
        joins_and_leaves(at, V6, leaving(V6))
    }

    /// The source is heard after the first option, and not after the other, or the other way round.
    fn filters(at: &Situation<'_>, options: [(i32, bool); 2], tried: i32) -> Attempt {
        let line = Line::new(V4)?;
        let (sender, member) = (line.sender()?, at.socket()?);
        sys::bind(&member, any(at.family(), 0).bytes())?;
        if options[0].0 == groups::BLOCK {
            line.join(&member)?;
        }
        for (option, heard) in options {
            let done = sys::setsockopt(&member, IP, option, &of_source(HERE));
            if option == tried {
                probed(done)?;
            } else {
                done?;
            }
            check_eq!(hears(V4, &sender, &member)?, heard);
        }
        Ok(())
    }

    const CHOOSES: [(i32, bool); 2] = [(groups::ADD_SOURCE, true), (groups::DROP_SOURCE, false)];
    const BLOCKS: [(i32, bool); 2] = [(groups::BLOCK, false), (groups::UNBLOCK, true)];

    pub(crate) fn optname_ip_add_source_membership(at: &Situation<'_>) -> Attempt {
        filters(at, CHOOSES, groups::ADD_SOURCE)
    }

    pub(crate) fn optname_ip_drop_source_membership(at: &Situation<'_>) -> Attempt {
        filters(at, CHOOSES, groups::DROP_SOURCE)
    }

    pub(crate) fn optname_ip_block_source(at: &Situation<'_>) -> Attempt {
        filters(at, BLOCKS, groups::BLOCK)
    }

    pub(crate) fn optname_ip_unblock_source(at: &Situation<'_>) -> Attempt {
        filters(at, BLOCKS, groups::UNBLOCK)
    }
}

/// Sends by sendmsg(2) and sendmmsg(2), with flags.
pub(in crate::probe::proofs) fn in_message(fd: &OwnedFd, data: &[u8], flags: i32) -> Result<usize> {
    let parts = [std::io::IoSlice::new(data)];
    Ok(sys::sendmsg(fd, &parts, Envelope::default(), flags)?.bytes)
}

pub(in crate::probe::proofs) fn in_messages(fd: &OwnedFd, data: &[u8], flags: i32) -> Result<usize> {
    let (count, lengths) = sys::sendmmsg(fd, &[Outgoing { data, to: None, control: None }], flags)?;
    Ok(count * lengths[0] as usize)
}
