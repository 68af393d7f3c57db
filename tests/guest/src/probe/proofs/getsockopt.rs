//! getsockopt(2)

use crate::{
    errno::Result,
    harness::{Case, check, check_eq},
    probe::{Attempt, probed},
    suite::unix::help::{accepted, fill, listener, option, pair, set_option, socket},
    sys::{self, Descriptor},
};

/// The value is written and its length given back.
pub(crate) fn sockfd_af_unix_sock_stream(_: &Case) -> Attempt {
    let (mut value, mut length) = ([0xa5; 8], 8);
    probed(sys::getsockopt(&socket()?, libc::SOL_SOCKET, libc::SO_TYPE, &mut value, &mut length))?;
    check_eq!(length, 4);
    check_eq!(value, [1, 0, 0, 0, 0xa5, 0xa5, 0xa5, 0xa5]);
    Ok(())
}

/// The options of this level are those of the socket, not of a protocol.
pub(crate) fn level_sol_socket(_: &Case) -> Attempt {
    let (left, _right) = pair()?;
    check_eq!(probed(option(&left, libc::SO_TYPE))?, libc::SOCK_STREAM);
    check_eq!(probed(option(&left, libc::SO_DOMAIN))?, libc::AF_UNIX);
    Ok(())
}

/// The type, without the flags that came with it.
pub(crate) fn optname_so_type(_: &Case) -> Attempt {
    let fd = sys::socket(libc::AF_UNIX, libc::SOCK_STREAM | libc::SOCK_NONBLOCK, 0)?;
    check_eq!(probed(option(&fd, libc::SO_TYPE))?, libc::SOCK_STREAM);
    Ok(())
}

/// The family.
pub(crate) fn optname_so_domain(_: &Case) -> Attempt {
    check_eq!(probed(option(&socket()?, libc::SO_DOMAIN))?, libc::AF_UNIX);
    Ok(())
}

/// This family has one protocol, whose number is 0.
pub(crate) fn optname_so_protocol(_: &Case) -> Attempt {
    check_eq!(probed(option(&socket()?, libc::SO_PROTOCOL))?, 0);
    Ok(())
}

/// The pending error, which is then pending no more.
pub(crate) fn optname_so_error(_: &Case) -> Attempt {
    let (left, right) = pair()?;
    check_eq!(probed(option(&left, libc::SO_ERROR))?, 0);
    sys::write(&left, b"unread")?;
    drop(right);
    check_eq!(probed(option(&left, libc::SO_ERROR))?, libc::ECONNRESET);
    check_eq!(probed(option(&left, libc::SO_ERROR))?, 0);
    check_eq!(sys::read(&left, &mut [0])?, 0);
    Ok(())
}

/// 1 for a listener, 0 for everything else.
pub(crate) fn optname_so_acceptconn(case: &Case) -> Attempt {
    let address = case.abstract_address("a");
    let fd = socket()?;
    check_eq!(probed(option(&fd, libc::SO_ACCEPTCONN))?, 0);
    drop(fd);
    let fd = listener(&address, 1)?;
    check_eq!(probed(option(&fd, libc::SO_ACCEPTCONN))?, 1);
    let (near, far) = accepted(&fd, &address)?;
    check_eq!(probed(option(&near, libc::SO_ACCEPTCONN))?, 0);
    check_eq!(probed(option(&far, libc::SO_ACCEPTCONN))?, 0);
    Ok(())
}

/// What is queued stays within the size that is told (which counts what keeps the data, too).
pub(crate) fn optname_so_sndbuf(_: &Case) -> Attempt {
    let (left, _right) = pair()?;
    let size = probed(option(&left, libc::SO_SNDBUF))?;
    check!(size >= 4608, "the default is {size}");
    set_option(&left, libc::SO_SNDBUF, 8000)?;
    check_eq!(probed(option(&left, libc::SO_SNDBUF))?, 16_000);
    let filled = fill(&left)?;
    check!(filled <= 16_000 + 32_768, "{filled} bytes were taken");
    Ok(())
}

/// The size that was set, doubled.
pub(crate) fn optname_so_rcvbuf(_: &Case) -> Attempt {
    let (left, _right) = pair()?;
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
pub(crate) fn optname_so_peercred(_: &Case) -> Attempt {
    let (left, _right) = pair()?;
    let own = [sys::getpid()? as u32, sys::geteuid()? as u32, sys::getegid()? as u32];
    check_eq!(probed(credentials(&left))?, own);
    check_eq!(probed(credentials(&socket()?))?, [0, u32::MAX, u32::MAX]);
    Ok(())
}

/// Not set at first, and only on the socket that it is set for.
pub(crate) fn optname_so_reuseaddr(_: &Case) -> Attempt {
    let (left, right) = pair()?;
    check_eq!(probed(option(&left, libc::SO_REUSEADDR))?, 0);
    set_option(&left, libc::SO_REUSEADDR, 1)?;
    check_eq!(probed(option(&left, libc::SO_REUSEADDR))?, 1);
    check_eq!(probed(option(&right, libc::SO_REUSEADDR))?, 0);
    Ok(())
}
