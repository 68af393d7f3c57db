//! What the flags of a receiving call do, whichever call it is.

use std::os::fd::OwnedFd;

use crate::{
    errno::{Errno, Result},
    harness::{check, check_eq, check_err},
    probe::{Attempt, probed, situation::Situation},
    suite::unix::help::exchange,
    sys,
};

/// The call that is tried: receives into a buffer, with flags.
pub(super) type Receive = fn(&OwnedFd, &mut [u8], i32) -> Result<usize>;

/// The data is still there afterwards.
pub(super) fn msg_peek(at: &Situation<'_>, receive: Receive) -> Attempt {
    let (left, right) = at.pair()?;
    sys::write(&left, b"still there")?;
    let mut data = [0; 16];
    for _ in 0..2 {
        check_eq!(probed(receive(&right, &mut data, libc::MSG_PEEK))?, 11);
        check_eq!(&data[..11], b"still there");
    }
    check_eq!(sys::read(&right, &mut data)?, 11);
    Ok(exchange(&left, &right)?)
}

/// Without data, the call returns EAGAIN instead of waiting; the socket itself stays a blocking one.
pub(super) fn msg_dontwait(at: &Situation<'_>, receive: Receive) -> Attempt {
    let (left, right) = at.pair()?;
    check_err!(receive(&right, &mut [0], libc::MSG_DONTWAIT), EAGAIN);
    check_eq!(sys::fcntl(&right, libc::F_GETFL, 0)? as i32, libc::O_RDWR);
    sys::write(&left, b"x")?;
    check_eq!(probed(receive(&right, &mut [0; 4], libc::MSG_DONTWAIT))?, 1);
    Ok(())
}

/// The call waits until all that was asked for has come, in however many pieces; records are not joined.
pub(super) fn msg_waitall(at: &Situation<'_>, receive: Receive) -> Attempt {
    if at.keeps_records() {
        let (left, right) = at.pair()?;
        sys::write(&left, b"one")?;
        sys::write(&left, b"more")?;
        for length in [3, 4] {
            check_eq!(probed(receive(&right, &mut [0; 12], libc::MSG_WAITALL))?, length);
        }
        return Ok(());
    }
    let (left, right) = at.pair()?;
    sys::write(&left, b"first ")?;
    let waiting = at.spawn(move || {
        let mut data = [0; 12];
        Ok((receive(&right, &mut data, libc::MSG_WAITALL), data, right))
    });
    for piece in [&b"se"[..], b"c", b"ond"] {
        sys::write(&left, piece)?;
    }
    let (met, data, right) = waiting.join()?;
    check_eq!(probed(met)?, 12);
    check_eq!(&data, b"first second");
    sys::write(&left, b"short")?;
    sys::shutdown(&left, libc::SHUT_WR)?;
    check_eq!(
        probed(receive(&right, &mut [0; 12], libc::MSG_WAITALL))?,
        5,
        "the end of the stream ends the wait"
    );
    Ok(())
}

/// The flag means nothing to a receiver: data comes as without it, and the end of the stream is no error.
pub(super) fn msg_nosignal(at: &Situation<'_>, receive: Receive) -> Attempt {
    let (left, right) = at.pair()?;
    sys::write(&left, b"abc")?;
    let mut data = [0; 4];
    check_eq!(probed(receive(&right, &mut data, libc::MSG_NOSIGNAL))?, 3);
    check_eq!(&data[..3], b"abc");
    drop(left);
    if at.has_connections() {
        check_eq!(probed(receive(&right, &mut data, libc::MSG_NOSIGNAL))?, 0);
    }
    Ok(())
}

/// Without descriptors in the message, data comes as without the flag, and no descriptor appears.
pub(super) fn msg_cmsg_cloexec(at: &Situation<'_>, receive: Receive) -> Attempt {
    let (left, right) = at.pair()?;
    let next = std::os::fd::AsRawFd::as_raw_fd(&sys::dup(&left)?);
    sys::write(&left, b"abc")?;
    let mut data = [0; 4];
    check_eq!(probed(receive(&right, &mut data, libc::MSG_CMSG_CLOEXEC))?, 3);
    check_eq!(&data[..3], b"abc");
    let now = std::os::fd::AsRawFd::as_raw_fd(&sys::dup(&left)?);
    check!(now == next, "the lowest free number went from {next} to {now}");
    Ok(exchange(&left, &right)?)
}

/// The length of a record is told, however much of it was received. A stream over TCP gives bytes up; to one of the UNIX family
/// the flag means nothing.
pub(super) fn msg_trunc(at: &Situation<'_>, receive: Receive) -> Attempt {
    let (left, right) = at.pair()?;
    if at.is_internet() && at.has_connections() {
        sys::write(&left, b"eight...")?;
        let mut data = *b"---";
        check_eq!(probed(receive(&right, &mut data, libc::MSG_TRUNC))?, 3);
        check_eq!(&data, b"---", "nothing is stored");
        check_eq!(sys::recv(&right, &mut [0; 8], 0)?, 5);
        return Ok(());
    }
    let told = if at.keeps_records() { 8 } else { 3 };
    sys::write(&left, b"eight...")?;
    let mut data = [0; 3];
    check_eq!(probed(receive(&right, &mut data, libc::MSG_TRUNC | libc::MSG_PEEK))?, told);
    check_eq!(probed(receive(&right, &mut data, libc::MSG_TRUNC))?, told);
    check_eq!(&data, b"eig");
    let rest = sys::recv(&right, &mut [0; 8], libc::MSG_DONTWAIT);
    check_eq!(rest, if at.keeps_records() { Err(Errno(libc::EAGAIN)) } else { Ok(5) });
    Ok(())
}
