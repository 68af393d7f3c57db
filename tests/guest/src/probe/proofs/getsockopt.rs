//! getsockopt(2)

pub(crate) use super::{
    internet::{datagrams::getsockopt::*, options::getsockopt::*, told::getsockopt::*},
    netlink::options::getsockopt::*,
    settings::getsockopt::*,
    vsock::getsockopt::*,
};
use crate::{
    errno::Result,
    harness::{check, check_eq, check_err},
    probe::{Attempt, probed, situation::Situation},
    suite::unix::{
        control,
        help::{fill, option, pair_of, set_option},
    },
    sys::{self, Descriptor},
};

/// The value is written and its length given back.
pub(crate) fn sockfd_af_unix_sock_stream(at: &Situation<'_>) -> Attempt {
    let (mut value, mut length) = ([0xa5; 8], 8);
    probed(sys::getsockopt(&at.socket()?, libc::SOL_SOCKET, libc::SO_TYPE, &mut value, &mut length))?;
    check_eq!(length, 4);
    check_eq!(value, [1, 0, 0, 0, 0xa5, 0xa5, 0xa5, 0xa5]);
    Ok(())
}

/// The options of this level are those of the socket, not of a protocol.
pub(crate) fn level_sol_socket(at: &Situation<'_>) -> Attempt {
    let (left, _right) = at.pair()?;
    check_eq!(probed(option(&left, libc::SO_TYPE))?, at.kind());
    check_eq!(probed(option(&left, libc::SO_DOMAIN))?, at.family());
    Ok(())
}

/// The type, without the flags that came with it.
pub(crate) fn optname_so_type(at: &Situation<'_>) -> Attempt {
    let fd = at.socket_with(libc::SOCK_NONBLOCK)?;
    check_eq!(probed(option(&fd, libc::SO_TYPE))?, at.kind());
    Ok(())
}

/// The family.
pub(crate) fn optname_so_domain(at: &Situation<'_>) -> Attempt {
    check_eq!(probed(option(&at.socket()?, libc::SO_DOMAIN))?, at.family());
    Ok(())
}

/// The UNIX family has one protocol, whose number is 0.
pub(crate) fn optname_so_protocol(at: &Situation<'_>) -> Attempt {
    let expected = match at.kind() {
        _ if !at.is_internet() => 0,
        libc::SOCK_STREAM => libc::IPPROTO_TCP,
        _ => libc::IPPROTO_UDP,
    };
    check_eq!(probed(option(&at.socket()?, libc::SO_PROTOCOL))?, expected);
    Ok(())
}

/// The pending error, which is then pending no more.
pub(crate) fn optname_so_error(at: &Situation<'_>) -> Attempt {
    if at.is_netlink() {
        return super::netlink::options::error(at);
    }
    let (left, right) = at.pair()?;
    check_eq!(probed(option(&left, libc::SO_ERROR))?, 0);
    if at.is_vsock() {
        // What is lost with the peer is no error here; a connection that was not made is.
        let fd = at.socket_with(libc::SOCK_NONBLOCK)?;
        let (listening, address) = at.listener(&at.address("gone"), 1)?;
        drop(listening);
        check_err!(sys::connect(&fd, address.bytes()), EINPROGRESS);
        check_eq!(probed(option(&fd, libc::SO_ERROR))?, libc::ECONNRESET);
        check_eq!(probed(option(&fd, libc::SO_ERROR))?, 0);
        return Ok(());
    }
    sys::write(&left, b"unread")?;
    let mut expected = libc::ECONNRESET;
    if at.is_internet() {
        at.arrived(&right)?;
        drop(right);
        // That nobody has the port any more the next datagram finds out.
        if !at.has_connections() {
            sys::write(&left, b"to nobody")?;
            expected = libc::ECONNREFUSED;
        }
        at.arrived(&left)?;
    } else {
        // Datagram sockets hear of what is lost where the receiver takes another peer, or none.
        if !at.has_connections() {
            sys::connect(&right, &[0; 2])?;
        }
        drop(right);
    }
    check_eq!(probed(option(&left, libc::SO_ERROR))?, expected);
    check_eq!(probed(option(&left, libc::SO_ERROR))?, 0);
    Ok(())
}

/// 1 for a listener, 0 for everything else.
pub(crate) fn optname_so_acceptconn(at: &Situation<'_>) -> Attempt {
    let address = at.address("a");
    let fd = at.socket()?;
    check_eq!(probed(option(&fd, libc::SO_ACCEPTCONN))?, 0);
    drop(fd);
    if !at.has_connections() {
        check_eq!(probed(option(&at.bound(&address)?.0, libc::SO_ACCEPTCONN))?, 0);
        return Ok(());
    }
    let (fd, address) = at.listener(&address, 1)?;
    check_eq!(probed(option(&fd, libc::SO_ACCEPTCONN))?, 1);
    let (near, far) = at.accepted(&fd, &address)?;
    check_eq!(probed(option(&near, libc::SO_ACCEPTCONN))?, 0);
    check_eq!(probed(option(&far, libc::SO_ACCEPTCONN))?, 0);
    Ok(())
}

/// What is queued stays within the size that is told (which counts what keeps the data, too).
pub(crate) fn optname_so_sndbuf(at: &Situation<'_>) -> Attempt {
    let (left, _right) = at.pair()?;
    let size = probed(option(&left, libc::SO_SNDBUF))?;
    check!(size >= 4608, "the default is {size}");
    set_option(&left, libc::SO_SNDBUF, 8000)?;
    check_eq!(probed(option(&left, libc::SO_SNDBUF))?, 16_000);
    // What goes over a network is not there to be counted, messages are bounded one by one, and vsock has credit for it.
    if at.is_internet() || at.is_netlink() || at.is_vsock() {
        return Ok(());
    }
    let filled = fill(&left)?;
    check!(filled <= 16_000 + 32_768, "{filled} bytes were taken");
    Ok(())
}

/// The size that was set, doubled.
pub(crate) fn optname_so_rcvbuf(at: &Situation<'_>) -> Attempt {
    let (left, _right) = at.pair()?;
    let size = probed(option(&left, libc::SO_RCVBUF))?;
    check!(size >= 2304, "the default is {size}");
    set_option(&left, libc::SO_RCVBUF, 8000)?;
    check_eq!(probed(option(&left, libc::SO_RCVBUF))?, 16_000);
    Ok(())
}

/// SO_PEERCRED: process, user, group.
fn credentials(fd: &impl Descriptor) -> Result<[u32; 3]> {
    let (mut value, mut length) = ([0; 12], 12);
    sys::getsockopt(fd, libc::SOL_SOCKET, libc::SO_PEERCRED, &mut value, &mut length)?;
    let field = |at: usize| u32::from_ne_bytes([value[at], value[at + 1], value[at + 2], value[at + 3]]);
    Ok([field(0), field(4), field(8)])
}

/// Who is at the other end: this process; and nobody, where there is no other end.
pub(crate) fn optname_so_peercred(at: &Situation<'_>) -> Attempt {
    let (left, _right) = at.pair()?;
    let nobody = [0, u32::MAX, u32::MAX];
    let own = match at.is_internet() || at.is_netlink() || at.is_vsock() {
        true => nobody,
        false => [sys::getpid()? as u32, sys::geteuid()? as u32, sys::getegid()? as u32],
    };
    check_eq!(probed(credentials(&left))?, own);
    check_eq!(probed(credentials(&at.socket()?))?, nobody);
    Ok(())
}

/// Not set at first, and only on the socket that it is set for.
pub(crate) fn optname_so_reuseaddr(at: &Situation<'_>) -> Attempt {
    let (left, right) = at.pair()?;
    check_eq!(probed(option(&left, libc::SO_REUSEADDR))?, 0);
    set_option(&left, libc::SO_REUSEADDR, 1)?;
    check_eq!(probed(option(&left, libc::SO_REUSEADDR))?, 1);
    check_eq!(probed(option(&right, libc::SO_REUSEADDR))?, 0);
    Ok(())
}

/// The type is that of the socket.
pub(crate) fn sockfd_af_unix_sock_seqpacket(_: &Situation<'_>) -> Attempt {
    let (left, _right) = pair_of(libc::SOCK_SEQPACKET)?;
    check_eq!(probed(option(&left, libc::SO_TYPE))?, libc::SOCK_SEQPACKET);
    Ok(())
}

/// The type is that of the socket.
pub(crate) fn sockfd_af_unix_sock_dgram(_: &Situation<'_>) -> Attempt {
    let (left, _right) = pair_of(libc::SOCK_DGRAM)?;
    check_eq!(probed(option(&left, libc::SO_TYPE))?, libc::SOCK_DGRAM);
    Ok(())
}

/// Not set at first, and only on the socket that it is set for.
fn is_off_until_set(at: &Situation<'_>, name: i32) -> Attempt {
    let (left, right) = at.pair()?;
    check_eq!(probed(option(&left, name))?, 0);
    set_option(&left, name, 3)?;
    check_eq!(probed(option(&left, name))?, 1);
    check_eq!(probed(option(&right, name))?, 0);
    Ok(())
}

pub(crate) fn optname_so_passcred(at: &Situation<'_>) -> Attempt {
    is_off_until_set(at, libc::SO_PASSCRED)
}

pub(crate) fn optname_so_passpidfd(at: &Situation<'_>) -> Attempt {
    is_off_until_set(at, control::PASSPIDFD)
}

/// The groups of the peer are this process's own; and where there is no peer, there is an error.
pub(crate) fn optname_so_peergroups(at: &Situation<'_>) -> Attempt {
    let (left, _right) = at.pair()?;
    let own = crate::suite::unix::options::own_groups();
    let (mut value, mut length) = (vec![0; own.len() + 4], own.len() as i32 + 4);
    probed(sys::getsockopt(&left, libc::SOL_SOCKET, libc::SO_PEERGROUPS, &mut value, &mut length))?;
    check_eq!((length as usize, &value[..own.len()]), (own.len(), &own[..]));
    let met = sys::getsockopt(&at.socket()?, libc::SOL_SOCKET, libc::SO_PEERGROUPS, &mut value, &mut length);
    check_eq!(met, Err(crate::errno::Errno(libc::ENODATA)));
    Ok(())
}

/// A new descriptor, which does not survive an exec.
pub(crate) fn optname_so_peerpidfd(at: &Situation<'_>) -> Attempt {
    let (left, _right) = at.pair()?;
    let process = sys::adopt(probed(option(&left, control::PEERPIDFD))? as usize);
    check_eq!(sys::fcntl(&process, libc::F_GETFD, 0)? as i32, libc::FD_CLOEXEC);
    check_eq!(option(&at.socket()?, control::PEERPIDFD), Err(crate::errno::Errno(libc::ENODATA)));
    Ok(())
}
