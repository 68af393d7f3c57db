//! setsockopt(2)

pub(crate) use super::{
    internet::{datagrams::setsockopt::*, options::setsockopt::*, told::setsockopt::*},
    netlink::options::setsockopt::*,
    settings::setsockopt::*,
    vsock::setsockopt::*,
};
use crate::{
    harness::{check, check_eq, check_err},
    probe::{Attempt, probed, situation::Situation},
    suite::unix::{
        control,
        help::{drain, exchange, fill, name, option, pair_of, set_option},
    },
    sys,
};

/// What is set can be read again.
pub(crate) fn sockfd_af_unix_sock_stream(at: &Situation<'_>) -> Attempt {
    let fd = at.socket()?;
    probed(set_option(&fd, libc::SO_RCVBUF, 5000))?;
    check_eq!(option(&fd, libc::SO_RCVBUF)?, 10_000);
    Ok(())
}

/// The options of this level are those of the socket.
pub(crate) fn level_sol_socket(at: &Situation<'_>) -> Attempt {
    let (left, right) = at.pair()?;
    let before = option(&right, libc::SO_SNDBUF)?;
    probed(set_option(&left, libc::SO_SNDBUF, 9000))?;
    check_eq!(option(&left, libc::SO_SNDBUF)?, 18_000);
    check_eq!(option(&right, libc::SO_SNDBUF)?, before, "and of this socket alone");
    Ok(())
}

/// A larger buffer takes more, a smaller one less, and none too small to send at all.
pub(crate) fn optname_so_sndbuf(at: &Situation<'_>) -> Attempt {
    if at.is_netlink() {
        return super::netlink::options::bounds_messages(at);
    }
    let mut took = Vec::new();
    for size in [1, 20_000, 100_000] {
        let (left, right) = at.pair()?;
        probed(set_option(&left, libc::SO_SNDBUF, size))?;
        check_eq!(option(&left, libc::SO_SNDBUF)?, (size * 2).max(4608));
        if at.is_internet() || at.is_vsock() {
            exchange(&left, &right)?;
            continue;
        }
        let filled = fill(&left)?;
        check_eq!(drain(&right)?, filled);
        exchange(&left, &right)?;
        took.push(filled);
    }
    if at.is_internet() || at.is_vsock() {
        return Ok(());
    }
    check!(took[0] >= 1 && took[0] < took[1] && took[1] < took[2], "{took:?}");
    Ok(())
}

/// The size is doubled, within its limits.
pub(crate) fn optname_so_rcvbuf(at: &Situation<'_>) -> Attempt {
    let (left, right) = at.pair()?;
    for (size, kept) in [(1, 2304), (20_000, 40_000)] {
        probed(set_option(&left, libc::SO_RCVBUF, size))?;
        check_eq!(option(&left, libc::SO_RCVBUF)?, kept);
    }
    Ok(exchange(&left, &right)?)
}

/// It is kept, as 0 or 1, and lets no name of the UNIX family be taken twice.
pub(crate) fn optname_so_reuseaddr(at: &Situation<'_>) -> Attempt {
    let address = at.address("a");
    let (first, second) = (at.socket()?, at.socket()?);
    for fd in [&first, &second] {
        probed(set_option(fd, libc::SO_REUSEADDR, 7))?;
        check_eq!(option(fd, libc::SO_REUSEADDR)?, 1);
    }
    sys::bind(&first, address.bytes())?;
    if at.is_internet() {
        // A port is shared with those who share it.
        sys::bind(&second, name(&first)?.bytes())?;
        check_err!(sys::bind(&at.socket()?, name(&first)?.bytes()), EADDRINUSE);
    } else {
        check_err!(sys::bind(&second, name(&first)?.bytes()), EADDRINUSE);
    }
    probed(set_option(&first, libc::SO_REUSEADDR, 0))?;
    check_eq!(option(&first, libc::SO_REUSEADDR)?, 0);
    Ok(())
}

/// No record is larger than the buffer that is set.
fn bounds_records(kind: i32) -> Attempt {
    let (left, right) = pair_of(kind)?;
    probed(set_option(&left, libc::SO_SNDBUF, 4000))?;
    check_eq!(sys::send(&left, &[0; 8000 - 32], libc::MSG_DONTWAIT)?, 8000 - 32);
    check_err!(sys::send(&left, &[0; 8000 - 31], libc::MSG_DONTWAIT), EMSGSIZE);
    check_eq!(sys::recv(&right, &mut [0; 9000], 0)?, 8000 - 32);
    Ok(())
}

/// The buffer is that of what the socket sends.
pub(crate) fn sockfd_af_unix_sock_seqpacket(_: &Situation<'_>) -> Attempt {
    bounds_records(libc::SOCK_SEQPACKET)
}

/// The buffer is that of what the socket sends.
pub(crate) fn sockfd_af_unix_sock_dgram(_: &Situation<'_>) -> Attempt {
    bounds_records(libc::SOCK_DGRAM)
}

/// Messages come with their sender's credentials while it is set.
pub(crate) fn optname_so_passcred(at: &Situation<'_>) -> Attempt {
    let (left, right) = at.pair()?;
    for (value, shown) in [(1, true), (0, false)] {
        probed(set_option(&right, libc::SO_PASSCRED, value))?;
        sys::write(&left, b"x")?;
        check_eq!(control::receive(&right, 8)?.only(control::CREDENTIALS).is_some(), shown);
    }
    Ok(())
}

/// Messages come with a descriptor of their sender's process while it is set.
pub(crate) fn optname_so_passpidfd(at: &Situation<'_>) -> Attempt {
    let (left, right) = at.pair()?;
    for (value, files) in [(1, 1), (0, 0)] {
        probed(set_option(&right, control::PASSPIDFD, value))?;
        sys::write(&left, b"x")?;
        check_eq!(control::receive(&right, 8)?.files.len(), files);
    }
    Ok(())
}
