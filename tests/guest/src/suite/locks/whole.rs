//! flock(2)

use std::os::fd::OwnedFd;

use crate::{
    errno::Result,
    harness::{Case, Outcome, Test, check, check_eq, check_err, tests},
    suite::unix::help::pair,
    sys,
};

pub(crate) const TESTS: &[Test] = tests!("locks::whole";
    shared_locks_share_and_exclusive_ones_do_not, duplicates_are_one_open_file, conversions_let_go_first,
    waiters_get_it_when_it_is_given_up, the_last_close_gives_up, operations_that_make_no_sense, any_file_can_be_locked,
);

const SHARED: i32 = libc::LOCK_SH | libc::LOCK_NB;
const EXCLUSIVE: i32 = libc::LOCK_EX | libc::LOCK_NB;

/// Opens the test's file, which is made for the first.
fn open(case: &Case) -> Result<OwnedFd> {
    sys::open(&case.path("file"), libc::O_RDWR | libc::O_CREAT, 0o600)
}

fn shared_locks_share_and_exclusive_ones_do_not(case: &Case) -> Outcome {
    let (a, b, c) = (open(case)?, open(case)?, open(case)?);
    check_eq!(sys::flock(&a, SHARED)?, 0);
    check_eq!(sys::flock(&b, SHARED)?, 0);
    check_err!(sys::flock(&c, EXCLUSIVE), EAGAIN);
    check_eq!(sys::flock(&a, libc::LOCK_UN)?, 0);
    check_err!(sys::flock(&c, EXCLUSIVE), EAGAIN);
    check_eq!(sys::flock(&b, libc::LOCK_UN)?, 0);
    check_eq!(sys::flock(&b, libc::LOCK_UN)?, 0, "what is not locked can be unlocked");
    check_eq!(sys::flock(&c, EXCLUSIVE)?, 0);
    check_eq!(sys::flock(&c, libc::LOCK_EX)?, 0, "it has it already");
    check_err!(sys::flock(&a, SHARED), EAGAIN);
    check_err!(sys::flock(&a, EXCLUSIVE), EAGAIN);
    Ok(())
}

fn duplicates_are_one_open_file(case: &Case) -> Outcome {
    let (a, b) = (open(case)?, open(case)?);
    let a2 = sys::dup(&a)?;
    check_eq!(sys::flock(&a, EXCLUSIVE)?, 0);
    check_eq!(sys::flock(&a2, SHARED)?, 0);
    check_eq!(sys::flock(&b, SHARED)?, 0);
    drop(a);
    check_err!(sys::flock(&b, EXCLUSIVE), EAGAIN);
    check_eq!(sys::flock(&b, SHARED)?, 0);
    check_eq!(sys::flock(&a2, libc::LOCK_UN)?, 0);
    check_eq!(sys::flock(&b, EXCLUSIVE)?, 0);
    Ok(())
}

/// Even one that fails loses what it had.
fn conversions_let_go_first(case: &Case) -> Outcome {
    let (a, b) = (open(case)?, open(case)?);
    check_eq!(sys::flock(&a, SHARED)?, 0);
    check_eq!(sys::flock(&b, SHARED)?, 0);
    check_err!(sys::flock(&a, EXCLUSIVE), EAGAIN);
    check_eq!(sys::flock(&b, EXCLUSIVE)?, 0);
    Ok(())
}

fn waiters_get_it_when_it_is_given_up(case: &Case) -> Outcome {
    let holder = open(case)?;
    check_eq!(sys::flock(&holder, EXCLUSIVE)?, 0);
    let (reader, writer) = sys::pipe2(0)?;
    let writer = std::sync::Arc::new(writer);
    let mut workers = Vec::new();
    for operation in [libc::LOCK_SH, libc::LOCK_EX, libc::LOCK_SH] {
        let (own, writer) = (open(case)?, writer.clone());
        workers.push(case.spawn(move || {
            check_eq!(sys::flock(&own, operation)?, 0);
            sys::write(&*writer, b"x")?;
            check_eq!(sys::flock(&own, libc::LOCK_UN)?, 0);
            Ok(())
        }));
    }
    let mut entry =
        [libc::pollfd { fd: std::os::fd::AsRawFd::as_raw_fd(&reader), events: libc::POLLIN, revents: 0 }];
    check_eq!(sys::poll(&mut entry, 0)?, 0, "nobody has it");
    check!(workers.iter().all(|worker| !worker.is_finished()));
    check_eq!(sys::flock(&holder, libc::LOCK_UN)?, 0);
    for worker in workers {
        worker.join()?;
    }
    check_eq!(sys::read(&reader, &mut [0; 8])?, 3);
    Ok(())
}

fn the_last_close_gives_up(case: &Case) -> Outcome {
    let (a, b) = (open(case)?, open(case)?);
    check_eq!(sys::flock(&a, EXCLUSIVE)?, 0);
    let waiter = case.spawn(move || {
        check_eq!(sys::flock(&b, libc::LOCK_EX)?, 0);
        Ok(())
    });
    sys::close(a)?;
    waiter.join()?;
    Ok(())
}

fn operations_that_make_no_sense(case: &Case) -> Outcome {
    let fd = open(case)?;
    for operation in [0, 3, 4, 9, 16, 64, 1 << 30] {
        check_err!(sys::flock(&fd, operation), EINVAL, "{operation}");
        check_err!(sys::flock(&-1, operation), EINVAL, "{operation}");
    }
    check_err!(sys::flock(&-1, libc::LOCK_SH), EBADF);
    // Linux once had LOCK_MAND, and takes it still.
    check_eq!(sys::flock(&-1, 32)?, 0);
    let named = sys::open(&case.path("file"), libc::O_PATH, 0)?;
    check_err!(sys::flock(&named, SHARED), EBADF);
    Ok(())
}

fn any_file_can_be_locked(case: &Case) -> Outcome {
    let read_only = sys::open(&case.path("."), libc::O_RDONLY | libc::O_DIRECTORY, 0)?;
    check_eq!(sys::flock(&read_only, EXCLUSIVE)?, 0);
    let (reader, writer) = sys::pipe2(0)?;
    check_eq!(sys::flock(&reader, EXCLUSIVE)?, 0);
    check_err!(sys::flock(&writer, EXCLUSIVE), EAGAIN, "the ends are two open files of one pipe");
    let (left, right) = pair()?;
    check_eq!(sys::flock(&left, EXCLUSIVE)?, 0);
    check_eq!(sys::flock(&right, EXCLUSIVE)?, 0);
    Ok(())
}
