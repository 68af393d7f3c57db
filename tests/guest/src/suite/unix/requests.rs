//! Requests of ioctl(2) on sockets.

use super::help::{listener, pair, read_full, socket};
use crate::{
    errno::Result,
    harness::{Case, Outcome, Test, check, check_eq, check_err, tests},
    sys::{self, Descriptor},
};

pub(crate) const TESTS: &[Test] = tests!("unix";
    fionread_counts_what_can_be_read,
    fionread_of_a_listener,
    siocoutq_counts_what_is_not_read_yet,
    fioclex_and_fionclex_are_the_flag_of_the_descriptor,
);

/// What a request that fills an int says.
#[track_caller]
fn asked(fd: &impl Descriptor, request: u64) -> Result<i32> {
    let mut value = -1;
    sys::ioctl(fd, request, &mut value)?;
    Ok(value)
}

fn fionread_counts_what_can_be_read(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    check_eq!(asked(&right, libc::FIONREAD)?, 0);
    sys::write(&left, b"one")?;
    sys::write(&left, b"more")?;
    check_eq!(asked(&right, libc::FIONREAD)?, 7);
    check_eq!(asked(&left, libc::FIONREAD)?, 0, "the other direction");
    check_eq!(sys::recv(&right, &mut [0; 2], libc::MSG_PEEK)?, 2);
    check_eq!(asked(&right, libc::FIONREAD)?, 7, "a look takes nothing");
    check_eq!(sys::read(&right, &mut [0; 5])?, 5);
    check_eq!(asked(&right, libc::FIONREAD)?, 2);
    drop(left);
    check_eq!(asked(&right, libc::FIONREAD)?, 2, "after the end, too");
    Ok(())
}

fn fionread_of_a_listener(case: &Case) -> Outcome {
    check_eq!(asked(&socket()?, libc::FIONREAD)?, 0);
    let fd = listener(&case.abstract_address("a"), 1)?;
    check_err!(asked(&fd, libc::FIONREAD), EINVAL);
    Ok(())
}

fn siocoutq_counts_what_is_not_read_yet(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    check_eq!(asked(&left, libc::TIOCOUTQ)?, 0);
    sys::write(&left, &[1; 1000])?;
    let first = asked(&left, libc::TIOCOUTQ)?;
    check!(first >= 1000, "with what keeps the data: {first}");
    sys::write(&left, &[2; 1000])?;
    let second = asked(&left, libc::TIOCOUTQ)?;
    check!(second >= first + 1000, "{second} after {first}");
    check_eq!(asked(&right, libc::TIOCOUTQ)?, 0, "the other direction");
    check_eq!(read_full(&right, &mut [0; 2000])?, 2000);
    check_eq!(asked(&left, libc::TIOCOUTQ)?, 0);
    Ok(())
}

fn fioclex_and_fionclex_are_the_flag_of_the_descriptor(_: &Case) -> Outcome {
    let fd = socket()?;
    let copy = sys::dup(&fd)?;
    for (request, flag) in [(libc::FIOCLEX, libc::FD_CLOEXEC), (libc::FIONCLEX, 0), (libc::FIOCLEX, 1)] {
        // The argument means nothing.
        sys::ioctl(&fd, request, &mut 0)?;
        check_eq!(sys::fcntl(&fd, libc::F_GETFD, 0)? as i32, flag);
        check_eq!(sys::fcntl(&copy, libc::F_GETFD, 0)?, 0, "of this descriptor alone");
    }
    Ok(())
}
