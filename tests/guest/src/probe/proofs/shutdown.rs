//! shutdown(2)

use crate::{
    harness::{check_eq, check_err},
    probe::{Attempt, probed, situation::Situation},
    suite::unix::help::ready,
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
    check_err!(sys::write(&right, b"x"), EPIPE);
    check_eq!(sys::write(&left, b"on")?, 2);
    check_eq!(ready(&left)?, libc::POLLIN | libc::POLLOUT | libc::POLLRDHUP);
    Ok(())
}

/// Writing gives EPIPE, the peer's reading the end.
pub(crate) fn how_shut_wr(at: &Situation<'_>) -> Attempt {
    let (left, right) = at.pair()?;
    probed(sys::shutdown(&left, libc::SHUT_WR))?;
    check_err!(sys::write(&left, b"x"), EPIPE);
    check_eq!(sys::read(&right, &mut [0])?, 0);
    check_eq!(sys::write(&right, b"on")?, 2);
    check_eq!(ready(&right)?, libc::POLLIN | libc::POLLOUT | libc::POLLRDHUP);
    Ok(())
}

/// Both directions end at both ends.
pub(crate) fn how_shut_rdwr(at: &Situation<'_>) -> Attempt {
    let (left, right) = at.pair()?;
    probed(sys::shutdown(&left, libc::SHUT_RDWR))?;
    for fd in [&left, &right] {
        check_eq!(sys::read(fd, &mut [0])?, 0);
        check_err!(sys::write(fd, b"x"), EPIPE);
        check_eq!(ready(fd)?, libc::POLLIN | libc::POLLOUT | libc::POLLRDHUP | libc::POLLHUP);
    }
    Ok(())
}
