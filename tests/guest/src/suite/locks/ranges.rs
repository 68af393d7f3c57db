//! fcntl(2): F_SETLK, F_OFD_SETLK and their kin. What two processes do to each other is shown by a process and an open
//! file, whose locks are of one kind otherwise.

use std::os::fd::OwnedFd;

use crate::{
    errno::Result,
    harness::{Case, Outcome, Test, check_eq, check_err, tests},
    sys::{self, Descriptor},
};

pub(crate) const TESTS: &[Test] = tests!("locks::ranges";
    locks_of_files_keep_each_other_out, ranges_are_split_and_joined, a_process_does_not_keep_itself_out,
    any_close_gives_up_the_locks_of_the_process, the_last_close_gives_up_the_locks_of_the_file,
    ranges_count_from_where_they_say, waiters_get_it_when_it_is_given_up, the_access_mode_counts,
    ranges_that_make_no_sense, commands_that_make_no_sense,
);

const READ: i16 = libc::F_RDLCK as i16;
const WRITE: i16 = libc::F_WRLCK as i16;
const NONE: i16 = libc::F_UNLCK as i16;
const LAST: i64 = i64::MAX;

fn open(case: &Case) -> Result<OwnedFd> {
    sys::open(&case.path("file"), libc::O_RDWR | libc::O_CREAT, 0o600)
}

fn flock(kind: i16, whence: i32, start: i64, length: i64) -> libc::flock {
    libc::flock { l_type: kind, l_whence: whence as i16, l_start: start, l_len: length, l_pid: 0 }
}

/// Locks so many bytes from `start` on.
#[track_caller]
fn set(fd: &impl Descriptor, command: i32, kind: i16, start: i64, length: i64) -> Result<usize> {
    sys::fcntl_lock(fd, command, &mut flock(kind, libc::SEEK_SET, start, length))
}

/// What is in the way of a lock: kind, start, length, process.
#[track_caller]
fn get(
    fd: &impl Descriptor,
    command: i32,
    kind: i16,
    start: i64,
    length: i64,
) -> Result<Option<(i16, i64, i64, i32)>> {
    let mut lock = flock(kind, libc::SEEK_SET, start, length);
    sys::fcntl_lock(fd, command, &mut lock)?;
    Ok((lock.l_type != NONE).then_some((lock.l_type, lock.l_start, lock.l_len, lock.l_pid)))
}

const OFD: i32 = libc::F_OFD_SETLK;
const POSIX: i32 = libc::F_SETLK;

fn locks_of_files_keep_each_other_out(case: &Case) -> Outcome {
    let (a, b) = (open(case)?, open(case)?);
    check_eq!(set(&a, OFD, READ, 0, 10)?, 0);
    check_eq!(set(&b, OFD, READ, 5, 10)?, 0);
    check_err!(set(&b, OFD, WRITE, 9, 1), EAGAIN);
    check_eq!(set(&b, OFD, WRITE, 10, 1)?, 0);
    check_err!(set(&a, OFD, READ, 10, 1), EAGAIN);
    check_eq!(get(&a, libc::F_OFD_GETLK, WRITE, 0, 0)?, Some((READ, 5, 5, -1)));
    check_eq!(get(&a, libc::F_OFD_GETLK, READ, 0, 0)?, Some((WRITE, 10, 1, -1)));
    check_eq!(get(&a, libc::F_OFD_GETLK, READ, 0, 10)?, None);
    check_err!(set(&a, POSIX, WRITE, 0, 1), EAGAIN, "the process is not the file");
    check_eq!(set(&a, POSIX, WRITE, 20, 5)?, 0);
    check_eq!(get(&b, libc::F_OFD_GETLK, READ, 18, 9)?, Some((WRITE, 20, 5, sys::getpid()? as i32)));
    check_eq!(get(&b, libc::F_OFD_GETLK, NONE, 0, 0)?, Some((READ, 5, 5, -1)), "its own");
    Ok(())
}

fn ranges_are_split_and_joined(case: &Case) -> Outcome {
    let (a, b) = (open(case)?, open(case)?);
    check_eq!(set(&a, OFD, WRITE, 0, 0)?, 0);
    check_eq!(set(&a, OFD, NONE, 10, 10)?, 0);
    check_eq!(set(&a, OFD, READ, 30, 10)?, 0);
    let at = |start| get(&b, libc::F_OFD_GETLK, WRITE, start, 1);
    check_eq!(at(0)?, Some((WRITE, 0, 10, -1)));
    check_eq!(at(10)?, None);
    check_eq!(at(20)?, Some((WRITE, 20, 10, -1)));
    check_eq!(at(39)?, Some((READ, 30, 10, -1)));
    check_eq!(at(LAST)?, Some((WRITE, 40, 0, -1)));
    check_eq!(set(&a, OFD, WRITE, 15, 20)?, 0);
    check_eq!(at(20)?, Some((WRITE, 15, 20, -1)));
    check_eq!(set(&a, OFD, WRITE, 35, 5)?, 0);
    check_eq!(at(20)?, Some((WRITE, 15, 0, -1)));
    check_eq!(set(&a, OFD, WRITE, 20, 0)?, 0);
    check_eq!(set(&a, OFD, WRITE, 10, 5)?, 0);
    check_eq!(at(5)?, Some((WRITE, 0, 0, -1)));
    Ok(())
}

fn a_process_does_not_keep_itself_out(case: &Case) -> Outcome {
    let (a, b) = (open(case)?, open(case)?);
    check_eq!(set(&a, POSIX, WRITE, 0, 0)?, 0);
    check_eq!(get(&b, libc::F_GETLK, WRITE, 0, 0)?, None);
    check_eq!(set(&b, POSIX, READ, 5, 5)?, 0);
    let pid = sys::getpid()? as i32;
    check_eq!(get(&b, libc::F_OFD_GETLK, WRITE, 0, 0)?, Some((WRITE, 0, 5, pid)));
    check_eq!(get(&b, libc::F_OFD_GETLK, WRITE, 5, 0)?, Some((READ, 5, 5, pid)));
    Ok(())
}

fn any_close_gives_up_the_locks_of_the_process(case: &Case) -> Outcome {
    let (a, b) = (open(case)?, open(case)?);
    for close in 0..3 {
        check_eq!(set(&a, POSIX, WRITE, 0, 0)?, 0);
        check_err!(set(&b, OFD, READ, 7, 1), EAGAIN);
        match close {
            0 => drop(sys::open(&case.path("file"), libc::O_RDONLY, 0)?),
            1 => drop(sys::dup(&a)?),
            _ => {
                let other = sys::open(&case.path("file"), libc::O_RDONLY, 0)?;
                sys::dup2(&sys::pipe2(0)?.0, &other)?;
            }
        }
        check_eq!(set(&b, OFD, READ, 7, 1)?, 0, "way {close}");
        check_eq!(set(&b, OFD, NONE, 7, 1)?, 0);
    }
    Ok(())
}

fn the_last_close_gives_up_the_locks_of_the_file(case: &Case) -> Outcome {
    let (a, b) = (open(case)?, open(case)?);
    let a2 = sys::dup(&a)?;
    check_eq!(set(&a, OFD, WRITE, 0, 0)?, 0);
    drop(sys::open(&case.path("file"), libc::O_RDONLY, 0)?);
    drop(a);
    check_err!(set(&b, OFD, READ, 7, 1), EAGAIN);
    drop(a2);
    check_eq!(set(&b, OFD, READ, 7, 1)?, 0);
    Ok(())
}

fn ranges_count_from_where_they_say(case: &Case) -> Outcome {
    let (a, b) = (open(case)?, open(case)?);
    sys::ftruncate(&a, 100)?;
    sys::lseek(&a, 40, libc::SEEK_SET)?;
    let range = |whence, start, length| -> Result<Option<(i16, i64, i64, i32)>> {
        sys::fcntl_lock(&a, OFD, &mut flock(WRITE, whence, start, length))?;
        let found = get(&b, libc::F_OFD_GETLK, WRITE, 0, 0)?;
        set(&a, OFD, NONE, 0, 0)?;
        Ok(found)
    };
    check_eq!(range(libc::SEEK_CUR, -10, 5)?, Some((WRITE, 30, 5, -1)));
    check_eq!(range(libc::SEEK_END, -10, 0)?, Some((WRITE, 90, 0, -1)));
    check_eq!(range(libc::SEEK_END, 10, -20)?, Some((WRITE, 90, 20, -1)));
    check_eq!(range(libc::SEEK_SET, LAST, 1)?, Some((WRITE, LAST, 0, -1)), "to the end is without a length");
    check_eq!(range(libc::SEEK_SET, 10, -10)?, Some((WRITE, 0, 10, -1)));
    Ok(())
}

fn waiters_get_it_when_it_is_given_up(case: &Case) -> Outcome {
    let a = open(case)?;
    check_eq!(set(&a, OFD, WRITE, 0, 0)?, 0);
    let mut workers = Vec::new();
    for (kind, start) in [(READ, 0), (WRITE, 50), (READ, 90), (WRITE, 0)] {
        let own = open(case)?;
        workers.push(case.spawn(move || {
            check_eq!(set(&own, libc::F_OFD_SETLKW, kind, start, 10)?, 0);
            Ok(())
        }));
    }
    let own = sys::dup(&open(case)?)?;
    workers.push(case.spawn(move || {
        check_eq!(set(&own, libc::F_SETLKW, WRITE, 200, 10)?, 0);
        Ok(())
    }));
    check_eq!(set(&a, OFD, NONE, 0, 0)?, 0);
    for worker in workers {
        worker.join()?;
    }
    Ok(())
}

fn the_access_mode_counts(case: &Case) -> Outcome {
    drop(open(case)?);
    let reader = sys::open(&case.path("file"), libc::O_RDONLY, 0)?;
    let writer = sys::open(&case.path("file"), libc::O_WRONLY, 0)?;
    let named = sys::open(&case.path("file"), libc::O_PATH, 0)?;
    for command in [POSIX, OFD, libc::F_SETLKW, libc::F_OFD_SETLKW] {
        check_err!(set(&reader, command, WRITE, 0, 0), EBADF);
        check_err!(set(&writer, command, READ, 0, 0), EBADF);
        check_err!(set(&named, command, READ, 0, 0), EBADF);
        check_err!(set(&-1, command, READ, 0, 0), EBADF);
        check_eq!(set(&reader, command, NONE, 0, 0)?, 0);
        check_eq!(set(&writer, command, NONE, 0, 0)?, 0);
    }
    check_eq!(get(&reader, libc::F_GETLK, WRITE, 0, 0)?, None);
    Ok(())
}

fn ranges_that_make_no_sense(case: &Case) -> Outcome {
    let fd = open(case)?;
    for (errno, whence, start, length) in [
        (libc::EINVAL, libc::SEEK_SET, -1, 0),
        (libc::EINVAL, libc::SEEK_SET, i64::MIN, 0),
        (libc::EINVAL, libc::SEEK_SET, 0, i64::MIN),
        (libc::EINVAL, libc::SEEK_CUR, -1, 0),
        (libc::EINVAL, libc::SEEK_END, -1, 0),
        (libc::EINVAL, libc::SEEK_SET, 10, -11),
        (libc::EINVAL, 3, 0, 0),
        (libc::EINVAL, -1, 0, 0),
        (libc::EOVERFLOW, libc::SEEK_SET, LAST, 2),
        (libc::EOVERFLOW, libc::SEEK_SET, 2, LAST),
    ] {
        for command in [POSIX, OFD, libc::F_SETLKW, libc::F_OFD_SETLKW, libc::F_GETLK, libc::F_OFD_GETLK] {
            let met = sys::fcntl_lock(&fd, command, &mut flock(READ, whence, start, length));
            check_eq!(met, Err(crate::errno::Errno(errno)), "{command} {whence} {start} {length}");
        }
    }
    check_eq!(set(&fd, POSIX, READ, LAST, 1)?, 0);
    check_eq!(set(&fd, POSIX, READ, 1, LAST)?, 0);
    sys::lseek(&fd, 10, libc::SEEK_SET)?;
    check_err!(sys::fcntl_lock(&fd, POSIX, &mut flock(READ, libc::SEEK_CUR, LAST, 0)), EOVERFLOW);
    Ok(())
}

fn commands_that_make_no_sense(case: &Case) -> Outcome {
    let fd = open(case)?;
    for kind in [3, 4, -1, 5, 32, i16::MAX] {
        for command in [POSIX, OFD, libc::F_GETLK, libc::F_OFD_GETLK] {
            check_err!(set(&fd, command, kind, 0, 0), EINVAL, "{command} {kind}");
        }
    }
    check_err!(set(&fd, libc::F_GETLK, NONE, 0, 0), EINVAL);
    for command in [OFD, libc::F_OFD_SETLKW, libc::F_OFD_GETLK] {
        let mut lock = flock(READ, libc::SEEK_SET, 0, 0);
        lock.l_pid = 1;
        check_err!(sys::fcntl_lock(&fd, command, &mut lock), EINVAL);
    }
    for command in [POSIX, OFD, libc::F_GETLK, libc::F_OFD_GETLK] {
        check_err!(sys::fcntl(&fd, command, 1), EFAULT);
        check_err!(sys::fcntl(&-1, command, 1), EBADF);
    }
    Ok(())
}
