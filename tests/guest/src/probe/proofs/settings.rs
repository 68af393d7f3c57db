//! Proofs of options of the level SOL_SOCKET that every kind of socket has.

use std::os::fd::OwnedFd;

use crate::{
    errno::Result,
    harness::{check, check_eq, check_err},
    probe::{Attempt, probed, situation::Situation},
    suite::unix::help::{option, set_option},
    sys,
};

/// SO_RCVTIMEO_NEW, SO_SNDTIMEO_NEW
const RECEIVE_NEW: i32 = 66;
const SEND_NEW: i32 = 67;

fn bytes(fd: &OwnedFd, name: i32, length: usize) -> Result<Vec<u8>> {
    let (mut value, mut room) = (vec![0; length], length as i32);
    sys::getsockopt(fd, libc::SOL_SOCKET, name, &mut value, &mut room)?;
    Ok(value)
}

fn set_bytes(fd: &OwnedFd, name: i32, words: &[i64]) -> Result<usize> {
    let value: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    sys::setsockopt(fd, libc::SOL_SOCKET, name, &value)
}

/// A timeout is none at first, and then what was set.
fn timeout_is_asked(at: &Situation<'_>, name: i32) -> Attempt {
    let fd = at.socket()?;
    check_eq!(probed(bytes(&fd, name, 16))?, vec![0; 16]);
    set_bytes(&fd, name, &[3, 500_000])?;
    let shown = probed(bytes(&fd, name, 16))?;
    check_eq!(shown, [3_i64, 500_000].map(i64::to_ne_bytes).concat());
    Ok(())
}

/// Reading ends when the time is over.
fn receiving_ends(at: &Situation<'_>, name: i32) -> Attempt {
    let (one, other) = at.pair()?;
    probed(set_bytes(&one, name, &[0, 20_000]))?;
    check_err!(sys::read(&one, &mut [0; 4]), EAGAIN);
    sys::write(&other, b"x")?;
    check_eq!(sys::read(&one, &mut [0; 4])?, 1);
    Ok(())
}

/// The time is kept, and sending goes on where there is room.
fn sending_goes_on(at: &Situation<'_>, name: i32) -> Attempt {
    let (one, other) = at.pair()?;
    probed(set_bytes(&one, name, &[0, 20_000]))?;
    check_eq!(bytes(&one, name, 16)?, [0_i64, 20_000].map(i64::to_ne_bytes).concat());
    sys::write(&one, b"x")?;
    check_eq!(sys::read(&other, &mut [0; 4])?, 1);
    Ok(())
}

/// A number is `usual` at first, and then what was set.
fn number_is_asked(at: &Situation<'_>, name: i32, usual: i32, other: i32) -> Attempt {
    let fd = at.socket()?;
    check_eq!(probed(option(&fd, name))?, usual);
    set_option(&fd, name, other)?;
    check_eq!(probed(option(&fd, name))?, other);
    Ok(())
}

/// A number is kept, and data passes as before.
fn number_is_set(at: &Situation<'_>, name: i32, other: i32) -> Attempt {
    let (one, far) = at.pair()?;
    probed(set_option(&one, name, other))?;
    check_eq!(option(&one, name)?, other);
    check_eq!(option(&far, name)?, 0);
    Ok(at.carries(&one, &far)?)
}

pub(crate) mod getsockopt {
    use super::{
        Attempt, RECEIVE_NEW, SEND_NEW, Situation, bytes, check, check_eq, number_is_asked, option, probed,
        sys, timeout_is_asked,
    };

    pub(crate) fn optname_so_rcvtimeo(at: &Situation<'_>) -> Attempt {
        timeout_is_asked(at, libc::SO_RCVTIMEO)
    }

    pub(crate) fn optname_so_rcvtimeo_new(at: &Situation<'_>) -> Attempt {
        timeout_is_asked(at, RECEIVE_NEW)
    }

    pub(crate) fn optname_so_sndtimeo(at: &Situation<'_>) -> Attempt {
        timeout_is_asked(at, libc::SO_SNDTIMEO)
    }

    pub(crate) fn optname_so_sndtimeo_new(at: &Situation<'_>) -> Attempt {
        timeout_is_asked(at, SEND_NEW)
    }

    pub(crate) fn optname_so_rcvlowat(at: &Situation<'_>) -> Attempt {
        number_is_asked(at, libc::SO_RCVLOWAT, 1, 9)
    }

    pub(crate) fn optname_so_priority(at: &Situation<'_>) -> Attempt {
        number_is_asked(at, libc::SO_PRIORITY, 0, 5)
    }

    pub(crate) fn optname_so_mark(at: &Situation<'_>) -> Attempt {
        number_is_asked(at, libc::SO_MARK, 0, 5)
    }

    pub(crate) fn optname_so_dontroute(at: &Situation<'_>) -> Attempt {
        number_is_asked(at, libc::SO_DONTROUTE, 0, 1)
    }

    /// It is always 1.
    pub(crate) fn optname_so_sndlowat(at: &Situation<'_>) -> Attempt {
        check_eq!(probed(option(&at.socket()?, libc::SO_SNDLOWAT))?, 1);
        Ok(())
    }

    /// Off at first, and then as it was set.
    pub(crate) fn optname_so_linger(at: &Situation<'_>) -> Attempt {
        let fd = at.socket()?;
        check_eq!(probed(bytes(&fd, libc::SO_LINGER, 8))?, vec![0; 8]);
        sys::setsockopt(&fd, libc::SOL_SOCKET, libc::SO_LINGER, &[1, 0, 0, 0, 0, 0, 0, 0])?;
        check_eq!(probed(bytes(&fd, libc::SO_LINGER, 8))?, vec![1, 0, 0, 0, 0, 0, 0, 0]);
        Ok(())
    }

    /// A number that no other socket has.
    pub(crate) fn optname_so_cookie(at: &Situation<'_>) -> Attempt {
        let (one, other) = (at.socket()?, at.socket()?);
        let cookies = [&one, &other].map(|fd| bytes(fd, libc::SO_COOKIE, 8));
        let [first, second] = cookies;
        let (first, second) = (probed(first)?, probed(second)?);
        check!(first != second && first != vec![0; 8]);
        Ok(())
    }
}

pub(crate) mod setsockopt {
    use super::{
        Attempt, RECEIVE_NEW, SEND_NEW, Situation, check_eq, check_err, number_is_set, probed,
        receiving_ends, sending_goes_on, set_option, sys,
    };

    pub(crate) fn optname_so_rcvtimeo(at: &Situation<'_>) -> Attempt {
        receiving_ends(at, libc::SO_RCVTIMEO)
    }

    pub(crate) fn optname_so_rcvtimeo_new(at: &Situation<'_>) -> Attempt {
        receiving_ends(at, RECEIVE_NEW)
    }

    pub(crate) fn optname_so_sndtimeo(at: &Situation<'_>) -> Attempt {
        sending_goes_on(at, libc::SO_SNDTIMEO)
    }

    pub(crate) fn optname_so_sndtimeo_new(at: &Situation<'_>) -> Attempt {
        sending_goes_on(at, SEND_NEW)
    }

    pub(crate) fn optname_so_priority(at: &Situation<'_>) -> Attempt {
        number_is_set(at, libc::SO_PRIORITY, 4)
    }

    pub(crate) fn optname_so_mark(at: &Situation<'_>) -> Attempt {
        number_is_set(at, libc::SO_MARK, 4)
    }

    pub(crate) fn optname_so_dontroute(at: &Situation<'_>) -> Attempt {
        number_is_set(at, libc::SO_DONTROUTE, 1)
    }

    /// Of a stream, reading waits for so much; a record is one however short it is.
    pub(crate) fn optname_so_rcvlowat(at: &Situation<'_>) -> Attempt {
        let (one, other) = at.pair()?;
        probed(set_option(&one, libc::SO_RCVLOWAT, 6))?;
        sys::write(&other, b"abc")?;
        sys::write(&other, b"def")?;
        let whole = if at.keeps_records() { 3 } else { 6 };
        check_eq!(sys::read(&one, &mut [0; 16])?, whole);
        Ok(())
    }

    /// Closing a connection resets it, where there is a network; otherwise it means nothing.
    pub(crate) fn optname_so_linger(at: &Situation<'_>) -> Attempt {
        let (one, other) = at.pair()?;
        probed(sys::setsockopt(&one, libc::SOL_SOCKET, libc::SO_LINGER, &[1, 0, 0, 0, 0, 0, 0, 0]))?;
        sys::write(&one, b"data")?;
        drop(one);
        if at.is_internet() && at.has_connections() {
            crate::suite::inet::help::wait_for(&other, libc::POLLHUP)?;
            // What has come before can still be read.
            check_eq!(sys::read(&other, &mut [0; 16])?, 4);
            check_err!(sys::read(&other, &mut [0; 16]), ECONNRESET);
        } else {
            check_eq!(sys::read(&other, &mut [0; 16])?, 4);
        }
        Ok(())
    }
}
