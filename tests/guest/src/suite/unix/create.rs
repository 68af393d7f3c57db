//! socket(2) and socketpair(2).

use super::help::{STREAM, UNIX, exchange, name, option, pair, peer_name, socket};
use crate::{
    address::Address,
    harness::{Case, Need, Outcome, Test, check, check_eq, check_err, tests},
    sys::{self, Descriptor},
};

pub(crate) const TESTS: &[Test] = tests!("unix";
    socket_takes_lowest_free_number,
    socket_flags_set_exactly_what_they_say,
    socket_refuses_bad_protocols,
    socket_refuses_bad_types,
    socket_refuses_bad_families,
    socket_checks_flag_bits_before_the_family,
    socket_fails_with_emfile_at_the_limit needs [Need::DescriptorLimit],
    socketpair_connects_both_ends,
    socketpair_flags_apply_to_both_ends,
    socketpair_refuses_what_socket_refuses,
    socketpair_takes_lowest_free_numbers,
    socketpair_leaks_nothing_at_the_limit needs [Need::DescriptorLimit],
    close_releases_the_number,
    duplicates_keep_a_socket_open,
    duplicates_share_status_flags_but_not_descriptor_flags,
    socket_is_a_socket_to_fstat,
    socket_cannot_seek,
);

const NONBLOCK: i32 = libc::SOCK_NONBLOCK;
const CLOEXEC: i32 = libc::SOCK_CLOEXEC;

fn socket_takes_lowest_free_number(_: &Case) -> Outcome {
    let first = socket()?;
    let second = socket()?;
    let number = first.number();
    check!(second.number() > number, "{} after {number}", second.number());
    drop(first);
    let third = socket()?;
    check_eq!(third.number(), number);
    Ok(())
}

fn socket_flags_set_exactly_what_they_say(_: &Case) -> Outcome {
    for (flags, status, descriptor) in [
        (0, 0, 0),
        (NONBLOCK, libc::O_NONBLOCK, 0),
        (CLOEXEC, 0, libc::FD_CLOEXEC),
        (NONBLOCK | CLOEXEC, libc::O_NONBLOCK, libc::FD_CLOEXEC),
    ] {
        for protocol in [0, libc::PF_UNIX] {
            let fd = sys::socket(UNIX, STREAM | flags, protocol)?;
            let met = sys::fcntl(&fd, libc::F_GETFL, 0)? as i32;
            check_eq!(met, libc::O_RDWR | status, "flags {flags:#x}");
            check_eq!(sys::fcntl(&fd, libc::F_GETFD, 0)? as i32, descriptor, "flags {flags:#x}");
        }
    }
    Ok(())
}

fn socket_refuses_bad_protocols(_: &Case) -> Outcome {
    for protocol in [2, 3, 6, 17, 255, 256, i32::MAX, -1, i32::MIN] {
        check_err!(sys::socket(UNIX, STREAM, protocol), EPROTONOSUPPORT, "protocol {protocol}");
        check_err!(sys::socketpair(UNIX, STREAM, protocol), EPROTONOSUPPORT, "protocol {protocol}");
    }
    Ok(())
}

fn socket_refuses_bad_types(_: &Case) -> Outcome {
    for kind in [0, libc::SOCK_RDM, 6, 7, 8, 9, 10] {
        check_err!(sys::socket(UNIX, kind, 0), ESOCKTNOSUPPORT, "type {kind}");
    }
    for kind in [11, 12, 15] {
        check_err!(sys::socket(UNIX, kind, 0), EINVAL, "type {kind}");
    }
    for bit in [0x10, 0x20, 0x100, 0x400, 0x1000, 0x10_0000, 0x4000_0000, i32::MIN] {
        check_err!(sys::socket(UNIX, STREAM | bit, 0), EINVAL, "bit {bit:#x}");
        check_err!(sys::socket(UNIX, STREAM | NONBLOCK | bit, 0), EINVAL, "bit {bit:#x}");
    }
    Ok(())
}

fn socket_refuses_bad_families(_: &Case) -> Outcome {
    for family in [libc::AF_UNSPEC, 64, 255, 256, 0x1_0001, i32::MAX, -1, i32::MIN] {
        check_err!(sys::socket(family, STREAM, 0), EAFNOSUPPORT, "family {family}");
        check_err!(sys::socketpair(family, STREAM, 0), EAFNOSUPPORT, "family {family}");
    }
    Ok(())
}

fn socket_checks_flag_bits_before_the_family(_: &Case) -> Outcome {
    check_err!(sys::socket(-1, STREAM | 0x100, 0), EINVAL);
    check_err!(sys::socketpair(-1, STREAM | 0x100, 0), EINVAL);
    check_err!(sys::socket(-1, 15, 0), EAFNOSUPPORT);
    Ok(())
}

/// Lowers the limit so that exactly `free` more descriptors fit while `body` runs.
fn with_free_descriptors(free: u64, body: impl FnOnce() -> Outcome) -> Outcome {
    // The lowest free number, and with no holes below it all that are free.
    let mut below = Vec::new();
    let lowest = loop {
        let fd = socket()?;
        let number = fd.number();
        let next = socket()?;
        if next.number() == number + 1 {
            break number;
        }
        below.push(fd);
    };
    let (soft, _) = sys::limit_descriptors(Some(lowest as u64 + free))?;
    let result = body();
    sys::limit_descriptors(Some(soft))?;
    result
}

fn socket_fails_with_emfile_at_the_limit(_: &Case) -> Outcome {
    with_free_descriptors(2, || {
        let first = socket()?;
        let second = socket()?;
        check_err!(socket(), EMFILE);
        check_err!(sys::dup(&first), EMFILE);
        check_err!(sys::pipe2(0), EMFILE);
        drop(second);
        let third = socket();
        check!(third.is_ok(), "{third:?}");
        Ok(())
    })
}

fn socketpair_connects_both_ends(_: &Case) -> Outcome {
    for protocol in [0, libc::PF_UNIX] {
        let (left, right) = sys::socketpair(UNIX, STREAM, protocol)?;
        exchange(&left, &right)?;
        for fd in [&left, &right] {
            check_eq!(name(fd)?, Address::unnamed());
            check_eq!(peer_name(fd)?, Address::unnamed());
            check_eq!(option(fd, libc::SO_TYPE)?, STREAM);
            check_eq!(option(fd, libc::SO_DOMAIN)?, UNIX);
            check_eq!(option(fd, libc::SO_ACCEPTCONN)?, 0);
        }
    }
    Ok(())
}

fn socketpair_flags_apply_to_both_ends(_: &Case) -> Outcome {
    for (flags, status, descriptor) in [
        (0, 0, 0),
        (NONBLOCK, libc::O_NONBLOCK, 0),
        (CLOEXEC, 0, libc::FD_CLOEXEC),
        (NONBLOCK | CLOEXEC, libc::O_NONBLOCK, libc::FD_CLOEXEC),
    ] {
        let (left, right) = sys::socketpair(UNIX, STREAM | flags, 0)?;
        for fd in [&left, &right] {
            check_eq!(sys::fcntl(fd, libc::F_GETFL, 0)? as i32, libc::O_RDWR | status, "flags {flags:#x}");
            check_eq!(sys::fcntl(fd, libc::F_GETFD, 0)? as i32, descriptor, "flags {flags:#x}");
            if status != 0 {
                check_err!(sys::read(fd, &mut [0]), EAGAIN);
            }
        }
    }
    Ok(())
}

fn socketpair_refuses_what_socket_refuses(_: &Case) -> Outcome {
    check_err!(sys::socketpair(UNIX, 0, 0), ESOCKTNOSUPPORT);
    check_err!(sys::socketpair(UNIX, libc::SOCK_RDM, 0), ESOCKTNOSUPPORT);
    check_err!(sys::socketpair(UNIX, 11, 0), EINVAL);
    check_err!(sys::socketpair(UNIX, STREAM | 0x100, 0), EINVAL);
    Ok(())
}

fn socketpair_takes_lowest_free_numbers(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    let numbers = (left.number(), right.number());
    check!(numbers.0 < numbers.1);
    drop((left, right));
    let (left, right) = pair()?;
    check_eq!((left.number(), right.number()), numbers);
    Ok(())
}

fn socketpair_leaks_nothing_at_the_limit(_: &Case) -> Outcome {
    with_free_descriptors(1, || {
        check_err!(pair(), EMFILE);
        check_err!(sys::pipe2(0), EMFILE);
        // Had one of the two stayed reserved, this would fail too.
        let one = socket();
        check!(one.is_ok(), "{one:?}");
        Ok(())
    })
}

fn close_releases_the_number(_: &Case) -> Outcome {
    let fd = socket()?;
    let number = fd.number();
    check_eq!(sys::close(fd)?, 0);
    check_err!(sys::listen(&number, 1), EBADF);
    check_err!(sys::close_unopened(-1), EBADF);
    check_err!(sys::close_unopened(i32::MAX), EBADF);
    Ok(())
}

fn duplicates_keep_a_socket_open(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    let copy = sys::dup(&left)?;
    check!(copy.number() != left.number());
    exchange(&copy, &right)?;
    drop(left);
    exchange(&copy, &right)?;
    drop(copy);
    check_eq!(sys::read(&right, &mut [0])?, 0, "the end of the stream after the last copy is closed");
    Ok(())
}

fn duplicates_share_status_flags_but_not_descriptor_flags(_: &Case) -> Outcome {
    let (left, _right) = pair()?;
    let copy = sys::dup(&left)?;
    let flags = sys::fcntl(&copy, libc::F_GETFL, 0)? as i32;
    sys::fcntl(&copy, libc::F_SETFL, flags | libc::O_NONBLOCK)?;
    check_err!(sys::read(&left, &mut [0]), EAGAIN);
    sys::fcntl(&copy, libc::F_SETFD, libc::FD_CLOEXEC)?;
    check_eq!(sys::fcntl(&left, libc::F_GETFD, 0)?, 0);
    let third = sys::dup(&copy)?;
    check_eq!(sys::fcntl(&third, libc::F_GETFD, 0)?, 0, "dup does not copy FD_CLOEXEC");
    let fourth = sys::dup_from(&copy, libc::F_DUPFD_CLOEXEC, 0)?;
    check_eq!(sys::fcntl(&fourth, libc::F_GETFD, 0)? as i32, libc::FD_CLOEXEC);
    Ok(())
}

fn socket_is_a_socket_to_fstat(_: &Case) -> Outcome {
    let fd = socket()?;
    let stat = sys::fstat(&fd)?;
    check_eq!(stat.st_mode & libc::S_IFMT, libc::S_IFSOCK);
    check_eq!(stat.st_size, 0);
    Ok(())
}

fn socket_cannot_seek(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    check_err!(sys::lseek(&left, 0, libc::SEEK_CUR), ESPIPE);
    check_err!(sys::pread(&left, &mut [0], 0), ESPIPE);
    check_err!(sys::pwrite(&left, &[0], 0), ESPIPE);
    check_err!(sys::ftruncate(&left, 0), EINVAL);
    exchange(&left, &right)
}
