//! sendto(2)

use crate::{
    harness::{check_eq, check_err},
    probe::{Attempt, probed, situation::Situation},
    suite::unix::help::{drain, exchange, fill, read_full},
    sys,
};

/// What is sent is received, in order and whole.
pub(crate) fn sockfd_af_unix_sock_stream(at: &Situation<'_>) -> Attempt {
    let (left, right) = at.pair()?;
    check_eq!(probed(sys::send(&left, b"sent ", 0))?, 5);
    check_eq!(probed(sys::send(&left, b"whole", 0))?, 5);
    let mut data = [0; 10];
    check_eq!(read_full(&right, &mut data)?, 10);
    check_eq!(&data, b"sent whole");
    Ok(())
}

/// Data is sent as without the flag, and a broken connection gives EPIPE.
pub(crate) fn flags_msg_nosignal(at: &Situation<'_>) -> Attempt {
    let (left, right) = at.pair()?;
    check_eq!(probed(sys::send(&left, b"x", libc::MSG_NOSIGNAL))?, 1);
    check_eq!(sys::read(&right, &mut [0; 4])?, 1);
    drop(right);
    check_err!(sys::send(&left, b"x", libc::MSG_NOSIGNAL), EPIPE);
    Ok(())
}

/// With the buffer full, the call returns EAGAIN instead of waiting, and sends nothing.
pub(crate) fn flags_msg_dontwait(at: &Situation<'_>) -> Attempt {
    let (left, right) = at.pair()?;
    check_eq!(probed(sys::send(&left, b"x", libc::MSG_DONTWAIT))?, 1);
    let filled = fill(&left)?;
    check_err!(sys::send(&left, b"y", libc::MSG_DONTWAIT), EAGAIN);
    check_eq!(drain(&right)?, filled + 1);
    Ok(exchange(&left, &right)?)
}

/// The flag means nothing to this family: data is sent as without it.
pub(crate) fn flags_msg_confirm(at: &Situation<'_>) -> Attempt {
    let (left, right) = at.pair()?;
    check_eq!(probed(sys::send(&left, b"abc", libc::MSG_CONFIRM))?, 3);
    let mut data = [0; 4];
    check_eq!(sys::read(&right, &mut data)?, 3);
    check_eq!(&data[..3], b"abc");
    Ok(exchange(&left, &right)?)
}
