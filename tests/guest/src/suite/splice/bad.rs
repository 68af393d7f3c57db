//! What makes no sense.

use std::os::fd::{AsRawFd, OwnedFd};

use super::file;
use crate::{
    errno::Errno,
    harness::{Case, Outcome, Test, check_eq, check_err, tests},
    suite::unix::help::{listener, pair, socket},
    sys::{self, Region},
};

pub(crate) const TESTS: &[Test] = tests!("splice::bad";
    sendfile_refuses, splice_refuses, tee_refuses, vmsplice_refuses, copy_file_range_refuses, offsets_at_bad_addresses,
    sockets_without_a_peer,
);

/// Files of the kinds that the calls do not want.
struct Files {
    file: OwnedFd,
    read: OwnedFd,
    write: OwnedFd,
    append: OwnedFd,
    named: OwnedFd,
    directory: OwnedFd,
    null: OwnedFd,
    full: OwnedFd,
    pipe: (OwnedFd, OwnedFd),
    other: (OwnedFd, OwnedFd),
    sockets: (OwnedFd, OwnedFd),
}

fn files(case: &Case) -> Outcome<Files> {
    let file = file(case, "file", b"0123456789")?;
    let open = |flags| sys::open(&case.path("file"), flags, 0);
    let pipe = sys::pipe2(0)?;
    sys::write(&pipe.1, b"abc")?;
    Ok(Files {
        file,
        read: open(libc::O_RDONLY)?,
        write: open(libc::O_WRONLY)?,
        append: open(libc::O_WRONLY | libc::O_APPEND)?,
        named: open(libc::O_PATH)?,
        directory: sys::open(&case.path("."), libc::O_RDONLY, 0)?,
        null: sys::open(c"/dev/null", libc::O_RDWR, 0)?,
        full: sys::open(c"/dev/full", libc::O_RDWR, 0)?,
        pipe,
        other: sys::pipe2(0)?,
        sockets: pair()?,
    })
}

const BAD: Result<usize, Errno> = Err(Errno(libc::EBADF));
const INVALID: Result<usize, Errno> = Err(Errno(libc::EINVAL));
const SEEK: Result<usize, Errno> = Err(Errno(libc::ESPIPE));

fn sendfile_refuses(case: &Case) -> Outcome {
    let at = files(case)?;
    for (to, from, expected) in [
        (&at.null, &at.write, BAD),
        (&at.null, &at.named, BAD),
        (&at.null, &at.other.1, BAD),
        (&at.read, &at.file, BAD),
        (&at.named, &at.file, BAD),
        (&at.directory, &at.file, BAD),
        (&at.pipe.0, &at.file, BAD),
        (&at.null, &at.directory, INVALID),
        (&at.null, &at.null, INVALID),
        (&at.null, &at.pipe.0, INVALID),
        (&at.null, &at.sockets.0, INVALID),
        (&at.sockets.0, &at.sockets.1, INVALID),
        (&at.other.1, &at.pipe.0, INVALID),
        (&at.append, &at.file, INVALID),
        (&at.full, &at.file, INVALID),
    ] {
        check_eq!(sys::sendfile(to, from, None, 5), expected);
    }
    check_eq!(sys::sendfile(&-1, &at.file, None, 5), BAD);
    check_eq!(sys::sendfile(&at.null, &-1, None, 5), BAD);
    check_eq!(sys::sendfile(&-1, &at.file, None, 0), BAD);
    for offset in [-1, i64::MIN, i64::MAX, i64::MAX - 3] {
        check_eq!(sys::sendfile(&at.null, &at.file, Some(&mut { offset }), 5), INVALID);
    }
    check_eq!(sys::sendfile(&at.null, &at.file, None, usize::MAX), INVALID);
    check_eq!(sys::sendfile(&at.null, &at.pipe.0, Some(&mut 0), 5), SEEK);
    check_eq!(sys::sendfile(&at.null, &at.sockets.0, Some(&mut 0), 5), SEEK);
    Ok(())
}

fn splice_refuses(case: &Case) -> Outcome {
    let at = files(case)?;
    let splice = |from: &OwnedFd, to: &OwnedFd| sys::splice(from, None, to, None, 5, libc::SPLICE_F_NONBLOCK);
    for (from, to, expected) in [
        (&at.write, &at.pipe.1, BAD),
        (&at.named, &at.pipe.1, BAD),
        (&at.pipe.1, &at.other.1, BAD),
        (&at.pipe.1, &at.null, BAD),
        (&at.file, &at.pipe.0, BAD),
        (&at.pipe.0, &at.read, BAD),
        (&at.pipe.0, &at.named, BAD),
        (&at.pipe.0, &at.directory, BAD),
        (&at.file, &at.null, INVALID),
        (&at.sockets.0, &at.sockets.1, INVALID),
        (&at.pipe.0, &at.pipe.1, INVALID),
        (&at.directory, &at.pipe.1, INVALID),
        (&at.null, &at.pipe.1, INVALID),
        (&at.pipe.0, &at.append, INVALID),
        (&at.pipe.0, &at.full, INVALID),
    ] {
        check_eq!(splice(from, to), expected);
    }
    let mut byte = [0; 9];
    check_eq!(sys::read(&at.pipe.0, &mut byte)?, 3, "nothing was lost");
    check_eq!(sys::splice(&-1, None, &-1, None, 0, 0)?, 0, "nothing is nothing");
    check_eq!(sys::splice(&-1, None, &-1, None, 0, 999)?, 0);
    check_eq!(sys::splice(&-1, None, &-1, None, 5, 16), INVALID);
    check_eq!(sys::splice(&at.file, None, &-1, None, 5, 0), BAD);
    check_eq!(sys::splice(&at.pipe.0, Some(&mut 0), &at.null, None, 5, 0), SEEK);
    check_eq!(sys::splice(&at.pipe.0, Some(&mut 0), &at.other.1, None, 5, 0), SEEK);
    check_eq!(sys::splice(&at.file, None, &at.pipe.1, Some(&mut 0), 5, 0), SEEK);
    check_eq!(sys::splice(&at.sockets.0, Some(&mut 0), &at.pipe.1, None, 5, 0), INVALID);
    check_eq!(sys::splice(&at.pipe.0, None, &at.sockets.0, Some(&mut 0), 5, 0), INVALID);
    for offset in [-1, i64::MIN, i64::MAX] {
        check_eq!(sys::splice(&at.file, Some(&mut { offset }), &at.pipe.1, None, 5, 0), INVALID);
        check_eq!(sys::splice(&at.pipe.0, None, &at.file, Some(&mut { offset }), 5, 0), INVALID);
    }
    check_eq!(sys::splice(&at.file, None, &at.pipe.1, None, usize::MAX, 0), INVALID);
    Ok(())
}

fn tee_refuses(case: &Case) -> Outcome {
    let at = files(case)?;
    for (from, to, expected) in [
        (&at.pipe.1, &at.other.1, BAD),
        (&at.pipe.0, &at.other.0, BAD),
        (&at.pipe.0, &at.named, BAD),
        (&at.pipe.0, &at.pipe.1, INVALID),
        (&at.file, &at.other.1, INVALID),
        (&at.pipe.0, &at.null, INVALID),
        (&at.sockets.0, &at.other.1, INVALID),
    ] {
        check_eq!(sys::tee(from, to, 5, 0), expected);
    }
    check_eq!(sys::tee(&-1, &-1, 0, 0)?, 0);
    check_eq!(sys::tee(&-1, &-1, 0, 16), INVALID);
    check_eq!(sys::tee(&-1, &at.other.1, 5, 0), BAD);
    Ok(())
}

fn vmsplice_refuses(case: &Case) -> Outcome {
    let at = files(case)?;
    let data = [std::io::IoSlice::new(b"data")];
    for fd in [&at.file, &at.null, &at.sockets.0, &at.named] {
        check_eq!(sys::vmsplice(fd, &data, 0), BAD);
    }
    check_eq!(sys::vmsplice(&at.pipe.1, &data, 16), INVALID);
    check_eq!(sys::vmsplice(&at.pipe.1, &vec![std::io::IoSlice::new(b""); 1025], 0), INVALID);
    Ok(())
}

fn copy_file_range_refuses(case: &Case) -> Outcome {
    let at = files(case)?;
    let to = sys::open(&case.path("to"), libc::O_RDWR | libc::O_CREAT, 0o600)?;
    for (from, to, expected) in [
        (&at.write, &to, BAD),
        (&at.append, &to, BAD),
        (&at.file, &at.read, BAD),
        (&at.file, &at.append, BAD),
        (&at.file, &at.named, BAD),
        (&at.directory, &to, Err(Errno(libc::EISDIR))),
        (&at.file, &at.directory, Err(Errno(libc::EISDIR))),
        (&at.null, &to, INVALID),
        (&at.file, &at.null, INVALID),
        (&at.pipe.0, &to, INVALID),
        (&at.file, &at.pipe.1, INVALID),
        (&at.sockets.0, &to, INVALID),
        (&at.file, &at.sockets.0, INVALID),
    ] {
        check_eq!(sys::copy_file_range(from, None, to, None, 5, 0), expected);
    }
    check_eq!(sys::copy_file_range(&at.file, None, &to, None, 5, 1), INVALID);
    check_eq!(sys::copy_file_range(&-1, None, &to, None, 5, 1), BAD);
    check_eq!(sys::copy_file_range(&at.file, None, &-1, None, 0, 0), BAD);
    let range = |from, to_at, count| {
        sys::copy_file_range(&at.file, Some(&mut { from }), &to, Some(&mut { to_at }), count, 0)
    };
    check_err!(range(-1, 0, 5), EOVERFLOW);
    check_err!(range(0, -1, 5), EOVERFLOW);
    check_err!(range(-9, 0, 5), EINVAL);
    check_err!(range(0, -9, 5), EINVAL);
    check_eq!(range(i64::MAX, 0, 5)?, 0);
    check_eq!(range(20, 0, 5)?, 0);
    check_err!(range(0, i64::MAX, 5), EFBIG);
    check_eq!(range(0, 0, 0)?, 0);
    Ok(())
}

fn offsets_at_bad_addresses(case: &Case) -> Outcome {
    let at = files(case)?;
    let number = |fd: &OwnedFd| fd.as_raw_fd() as usize;
    let (file, null, pipe) = (number(&at.file), number(&at.null), number(&at.other.1));
    let region = Region::new(1, libc::PROT_NONE)?;
    for bad in [region.at(0), 8, 0x7fff_ffff_f000, 1 << 63, usize::MAX - 7] {
        for (name, call, words) in [
            ("sendfile", libc::SYS_sendfile, [null, file, bad, 5, 0, 0]),
            ("splice", libc::SYS_splice, [file, bad, pipe, 0, 5, 0]),
            ("copy_file_range", libc::SYS_copy_file_range, [file, bad, null, 0, 5, 0]),
            ("copy_file_range", libc::SYS_copy_file_range, [file, 0, null, bad, 5, 0]),
            ("vmsplice", libc::SYS_vmsplice, [pipe, bad, 1, 0, 0, 0]),
        ] {
            check_err!(region.call(name, call, words), EFAULT, "{name} {bad:#x}");
        }
    }
    Ok(())
}

fn sockets_without_a_peer(case: &Case) -> Outcome {
    let at = files(case)?;
    for fd in [socket()?, listener(&case.abstract_address("a"), 1)?] {
        check_err!(sys::sendfile(&fd, &at.file, Some(&mut 0), 5), ENOTCONN);
        check_err!(sys::splice(&at.pipe.0, None, &fd, None, 5, 0), ENOTCONN);
        check_err!(sys::splice(&fd, None, &at.other.1, None, 5, 0), EINVAL);
    }
    let mut data = [0; 9];
    check_eq!(sys::read(&at.pipe.0, &mut data)?, 3, "nothing was lost");
    Ok(())
}
