//! shutdown(2)

pub(crate) use super::{internet::names::shutdown::*, vsock::shutdown::*};
use crate::{
    harness::{check_eq, check_err},
    probe::{Attempt, probed, situation::Situation},
    suite::unix::help::{pair_of, ready},
    sys,
};

/// Half of a connection ends, and the other half goes on.
pub(crate) fn sockfd_af_unix_sock_stream(at: &Situation<'_>) -> Attempt {
    let (left, right) = at.pair()?;
    sys::write(&left, b"before")?;
    probed(sys::shutdown(&left, libc::SHUT_WR))?;
    let mut data = [0; 8];
    check_eq!(sys::read(&right, &mut data)?, 6, "what was sent before still comes");
    check_eq!(sys::read(&right, &mut data)?, 0);
    check_eq!(sys::write(&right, b"back")?, 4);
    check_eq!(sys::read(&left, &mut data)?, 4);
    Ok(())
}

/// Reading gives the end, the peer's writing EPIPE.
pub(crate) fn how_shut_rd(at: &Situation<'_>) -> Attempt {
    let (left, right) = at.pair()?;
    probed(sys::shutdown(&left, libc::SHUT_RD))?;
    check_eq!(sys::read(&left, &mut [0])?, 0);
    // Over a network the other end does not hear of it.
    if !at.is_internet() {
        check_err!(sys::write(&right, b"x"), EPIPE);
    }
    check_eq!(sys::write(&left, b"on")?, 2);
    check_eq!(ready(&left)?, libc::POLLIN | libc::POLLOUT | libc::POLLRDHUP);
    Ok(())
}

/// Writing gives EPIPE, the peer's reading the end.
pub(crate) fn how_shut_wr(at: &Situation<'_>) -> Attempt {
    let (left, right) = at.pair()?;
    probed(sys::shutdown(&left, libc::SHUT_WR))?;
    check_err!(sys::write(&left, b"x"), EPIPE);
    // Datagram sockets do not hear of it.
    if at.has_connections() {
        check_eq!(sys::read(&right, &mut [0])?, 0);
        check_eq!(ready(&right)?, libc::POLLIN | libc::POLLOUT | libc::POLLRDHUP);
    } else {
        check_eq!(ready(&right)?, libc::POLLOUT);
    }
    check_eq!(sys::write(&right, b"on")?, 2);
    Ok(())
}

/// Both directions end, of a connection at both ends.
pub(crate) fn how_shut_rdwr(at: &Situation<'_>) -> Attempt {
    let (left, right) = at.pair()?;
    probed(sys::shutdown(&left, libc::SHUT_RDWR))?;
    if !at.has_connections() && !at.is_internet() {
        check_err!(sys::write(&right, b"x"), EPIPE);
    }
    if at.is_vsock() {
        // The peer has let go of what nobody can send or receive on: who has not shut it may still write, and is refused.
        let (gone, open) = (libc::POLLIN | libc::POLLRDHUP, libc::POLLOUT);
        check_eq!((ready(&left)?, ready(&right)?), (gone | libc::POLLHUP, gone | open));
        check_err!(sys::write(&right, b"x"), EPIPE);
        return Ok(());
    }
    let both = at.has_connections() && !at.is_internet();
    for fd in [&left, &right].into_iter().take(if both { 2 } else { 1 }) {
        check_eq!(sys::read(fd, &mut [0])?, 0);
        check_err!(sys::write(fd, b"x"), EPIPE);
        check_eq!(ready(fd)?, libc::POLLIN | libc::POLLOUT | libc::POLLRDHUP | libc::POLLHUP);
    }
    Ok(())
}

/// Half of a connection ends; what was sent before still comes.
pub(crate) fn sockfd_af_unix_sock_seqpacket(_: &Situation<'_>) -> Attempt {
    let (left, right) = pair_of(libc::SOCK_SEQPACKET)?;
    sys::write(&left, b"before")?;
    probed(sys::shutdown(&left, libc::SHUT_WR))?;
    check_err!(sys::write(&left, b"x"), EPIPE);
    check_eq!(sys::read(&right, &mut [0; 8])?, 6);
    check_eq!(sys::read(&right, &mut [0; 8])?, 0);
    check_eq!(sys::write(&right, b"back")?, 4);
    Ok(())
}

/// This side alone is shut: the peer finds out when it sends.
pub(crate) fn sockfd_af_unix_sock_dgram(_: &Situation<'_>) -> Attempt {
    let (left, right) = pair_of(libc::SOCK_DGRAM)?;
    probed(sys::shutdown(&left, libc::SHUT_RD))?;
    check_eq!(ready(&right)?, libc::POLLOUT);
    check_err!(sys::write(&right, b"x"), EPIPE);
    check_eq!(sys::write(&left, b"x")?, 1);
    check_eq!(sys::read(&left, &mut [0])?, 0);
    check_err!(sys::recv(&left, &mut [0], libc::MSG_DONTWAIT), EAGAIN);
    Ok(())
}
