//! What processes have locked: of ranges, each process for itself, and never in a circle.

use std::os::fd::OwnedFd;

use crate::{
    errno::{Errno, Result},
    harness::{Case, Outcome, Test, check_eq, check_err, tests},
    sys,
};

pub(crate) const TESTS: &[Test] = tests!("locks::processes";
    children_inherit_open_files_and_not_ranges, the_end_of_a_process_unlocks, waiting_in_a_circle_is_refused,
    a_fifo_connects_processes, a_fifo_misses_no_writer,
);

const SET: i32 = libc::F_SETLK;
const WAIT: i32 = libc::F_SETLKW;

fn open(case: &Case) -> Result<OwnedFd> {
    sys::open(&case.path("file"), libc::O_RDWR | libc::O_CREAT, 0o600)
}

fn lock(fd: &OwnedFd, command: i32, kind: i32, start: i64) -> Result<usize> {
    let mut lock = libc::flock { l_type: kind as i16, l_whence: 0, l_start: start, l_len: 10, l_pid: 0 };
    sys::fcntl_lock(fd, command, &mut lock)
}

fn children_inherit_open_files_and_not_ranges(case: &Case) -> Outcome {
    let fd = open(case)?;
    check_eq!(sys::flock(&fd, libc::LOCK_EX)?, 0);
    check_eq!(lock(&fd, SET, libc::F_WRLCK, 0)?, 0);
    let parent = sys::getpid()? as i32;
    case.in_child(|| {
        check_eq!(sys::flock(&fd, libc::LOCK_EX | libc::LOCK_NB)?, 0, "the same open file");
        check_err!(lock(&fd, SET, libc::F_RDLCK, 5), EAGAIN);
        let mut found =
            libc::flock { l_type: libc::F_WRLCK as i16, l_whence: 0, l_start: 0, l_len: 0, l_pid: 0 };
        sys::fcntl_lock(&fd, libc::F_GETLK, &mut found)?;
        check_eq!((found.l_pid, found.l_start, found.l_len), (parent, 0, 10));
        check_eq!(lock(&fd, SET, libc::F_WRLCK, 10)?, 0);
        Ok(())
    })?;
    check_eq!(lock(&fd, SET, libc::F_WRLCK, 10)?, 0, "the child's went with it");
    Ok(())
}

fn the_end_of_a_process_unlocks(case: &Case) -> Outcome {
    let fd = open(case)?;
    let (reader, writer) = sys::pipe2(0)?;
    let (hold, release) = sys::pipe2(0)?;
    let child = case.child(|| {
        check_eq!(lock(&fd, SET, libc::F_WRLCK, 0)?, 0);
        sys::write(&writer, b"x")?;
        sys::read(&hold, &mut [0])?;
        Ok(7)
    })?;
    sys::read(&reader, &mut [0])?;
    check_err!(lock(&fd, SET, libc::F_WRLCK, 0), EAGAIN);
    sys::write(&release, b"x")?;
    check_eq!(lock(&fd, WAIT, libc::F_WRLCK, 0)?, 0);
    check_eq!(child.status()?, 7 << 8);
    Ok(())
}

fn waiting_in_a_circle_is_refused(case: &Case) -> Outcome {
    let fd = open(case)?;
    let (reader, writer) = sys::pipe2(0)?;
    check_eq!(lock(&fd, SET, libc::F_WRLCK, 0)?, 0);
    let child = case.child(|| {
        check_eq!(lock(&fd, SET, libc::F_WRLCK, 100)?, 0);
        sys::write(&writer, b"x")?;
        let met = lock(&fd, WAIT, libc::F_WRLCK, 0);
        check_eq!(met.is_ok() || met == Err(Errno(libc::EDEADLK)), true, "{met:?}");
        Ok(i32::from(met.is_ok()))
    })?;
    sys::read(&reader, &mut [0])?;
    // Whoever comes second is told; the other one waits on until that one gives up what it has.
    let met = lock(&fd, WAIT, libc::F_WRLCK, 100);
    check_eq!(met.is_ok() || met == Err(Errno(libc::EDEADLK)), true, "{met:?}");
    check_eq!(lock(&fd, SET, libc::F_UNLCK, 0)?, 0);
    let childs = child.status()? >> 8;
    check_eq!(childs + i32::from(met.is_ok()), 1, "one of the two");
    Ok(())
}

fn a_fifo_connects_processes(case: &Case) -> Outcome {
    let path = case.path("fifo");
    sys::mknod(&path, libc::S_IFIFO | 0o600, 0)?;
    let child = case.child(|| {
        let writer = sys::open(&path, libc::O_WRONLY, 0)?;
        check_eq!(sys::write(&writer, b"through the fifo")?, 16);
        Ok(0)
    })?;
    let reader = sys::open(&path, libc::O_RDONLY, 0)?;
    let mut data = [0; 32];
    check_eq!(sys::read(&reader, &mut data)?, 16);
    check_eq!(&data[..16], b"through the fifo");
    check_eq!(sys::read(&reader, &mut data)?, 0);
    check_eq!(child.status()?, 0);
    drop(reader);
    check_err!(sys::open(&path, libc::O_WRONLY | libc::O_NONBLOCK, 0), ENXIO);
    Ok(())
}

/// Each waits for the other, and the writer may have come and gone before the reader looks.
fn a_fifo_misses_no_writer(case: &Case) -> Outcome {
    const ROUNDS: u32 = 200;
    let path = case.path("fifo");
    sys::mknod(&path, libc::S_IFIFO | 0o600, 0)?;
    let (ready, go) = sys::pipe2(0)?;
    let child = case.child(|| {
        for round in 0..ROUNDS {
            sys::read(&ready, &mut [0])?;
            let writer = sys::open(&path, libc::O_WRONLY, 0)?;
            check_eq!(sys::write(&writer, &round.to_ne_bytes())?, 4);
        }
        Ok(0)
    })?;
    for round in 0..ROUNDS {
        sys::write(&go, b"x")?;
        let reader = sys::open(&path, libc::O_RDONLY, 0)?;
        let mut data = [0; 8];
        check_eq!(sys::read(&reader, &mut data)?, 4);
        check_eq!(data[..4], round.to_ne_bytes());
        check_eq!(sys::read(&reader, &mut data)?, 0);
    }
    check_eq!(child.status()?, 0);
    Ok(())
}
