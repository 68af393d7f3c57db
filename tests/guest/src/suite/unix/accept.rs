//! accept(2) and accept4(2).

use std::sync::Arc;

use super::help::{accepted, client, exchange, listener, pair, set_nonblocking, socket};
use crate::{
    harness::{Case, Need, Outcome, Test, check, check_eq, check_err, tests},
    sys::{self, Descriptor},
};

pub(crate) const TESTS: &[Test] = tests!("unix";
    accept_needs_a_listener,
    accept4_flags_set_exactly_what_they_say,
    accept4_refuses_unknown_flags,
    accept_inherits_no_flags,
    accept_does_not_block_when_told_not_to,
    accept_blocks_until_a_connection_comes,
    accept_in_several_threads_shares_the_connections,
    accept_keeps_the_connection_when_descriptors_run_out needs [Need::DescriptorLimit],
    accept_refuses_other_descriptors,
    accepted_socket_outlives_the_listener,
);

fn accept_needs_a_listener(case: &Case) -> Outcome {
    let fd = socket()?;
    check_err!(sys::accept(&fd), EINVAL);
    sys::bind(&fd, case.abstract_address("a").bytes())?;
    check_err!(sys::accept(&fd), EINVAL);
    let (left, right) = pair()?;
    check_err!(sys::accept(&left), EINVAL);
    check_err!(sys::accept4(&right, libc::SOCK_NONBLOCK), EINVAL);
    exchange(&left, &right)
}

fn accept4_flags_set_exactly_what_they_say(case: &Case) -> Outcome {
    let address = case.abstract_address("a");
    let fd = listener(&address, 1)?;
    for (flags, status, descriptor) in [
        (0, 0, 0),
        (libc::SOCK_NONBLOCK, libc::O_NONBLOCK, 0),
        (libc::SOCK_CLOEXEC, 0, libc::FD_CLOEXEC),
        (libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC, libc::O_NONBLOCK, libc::FD_CLOEXEC),
    ] {
        let near = client(&address)?;
        let far = sys::accept4(&fd, flags)?;
        check_eq!(sys::fcntl(&far, libc::F_GETFL, 0)? as i32, libc::O_RDWR | status, "flags {flags:#x}");
        check_eq!(sys::fcntl(&far, libc::F_GETFD, 0)? as i32, descriptor, "flags {flags:#x}");
        if status != 0 {
            check_err!(sys::read(&far, &mut [0]), EAGAIN);
        }
        exchange(&near, &far)?;
    }
    Ok(())
}

fn accept4_refuses_unknown_flags(case: &Case) -> Outcome {
    let address = case.abstract_address("a");
    let fd = listener(&address, 1)?;
    let near = client(&address)?;
    for flags in [1, 2, 0x10, 0x400, 0x1000, 0x10_0000, i32::MIN, -1, libc::SOCK_NONBLOCK | 1] {
        check_err!(sys::accept4(&fd, flags), EINVAL, "flags {flags:#x}");
    }
    let far = sys::accept4(&fd, 0)?;
    exchange(&near, &far)
}

fn accept_inherits_no_flags(case: &Case) -> Outcome {
    let address = case.abstract_address("a");
    let fd = listener(&address, 1)?;
    set_nonblocking(&fd, true)?;
    sys::fcntl(&fd, libc::F_SETFD, libc::FD_CLOEXEC)?;
    let (_near, far) = accepted(&fd, &address)?;
    check_eq!(sys::fcntl(&far, libc::F_GETFL, 0)? as i32, libc::O_RDWR);
    check_eq!(sys::fcntl(&far, libc::F_GETFD, 0)?, 0);
    Ok(())
}

fn accept_does_not_block_when_told_not_to(case: &Case) -> Outcome {
    let address = case.abstract_address("a");
    let fd = listener(&address, 1)?;
    set_nonblocking(&fd, true)?;
    check_err!(sys::accept(&fd), EAGAIN);
    check_err!(sys::accept4(&fd, libc::SOCK_CLOEXEC), EAGAIN);
    let (near, far) = accepted(&fd, &address)?;
    exchange(&near, &far)?;
    check_err!(sys::accept(&fd), EAGAIN);
    Ok(())
}

fn accept_blocks_until_a_connection_comes(case: &Case) -> Outcome {
    let address = case.abstract_address("a");
    let fd = Arc::new(listener(&address, 1)?);
    let waiting = case.spawn({
        let fd = Arc::clone(&fd);
        move || Ok(sys::accept(&*fd)?)
    });
    let near = client(&address)?;
    let far = waiting.join()?;
    exchange(&near, &far)
}

fn accept_in_several_threads_shares_the_connections(case: &Case) -> Outcome {
    const THREADS: usize = 4;
    const EACH: usize = 10;
    let address = case.abstract_address("a");
    let fd = Arc::new(listener(&address, 2)?);
    let servers: Vec<_> = (0..THREADS)
        .map(|_| {
            let fd = Arc::clone(&fd);
            case.spawn(move || {
                for _ in 0..EACH {
                    let far = sys::accept(&*fd)?;
                    let mut data = [0];
                    check_eq!(sys::read(&far, &mut data)?, 1);
                    check_eq!(sys::write(&far, &[data[0] + 1])?, 1);
                }
                Ok(())
            })
        })
        .collect();
    for index in 0..(THREADS * EACH) as u8 {
        let near = client(&address)?;
        sys::write(&near, &[index])?;
        let mut data = [0];
        check_eq!(sys::read(&near, &mut data)?, 1);
        check_eq!(data[0], index + 1);
    }
    servers.into_iter().try_for_each(crate::harness::Worker::join)
}

fn accept_keeps_the_connection_when_descriptors_run_out(case: &Case) -> Outcome {
    let address = case.abstract_address("a");
    let fd = listener(&address, 1)?;
    let near = client(&address)?;
    sys::write(&near, b"kept")?;
    let spare = socket()?;
    let lowest = spare.number();
    drop(spare);
    let (soft, _) = sys::limit_descriptors(Some(lowest as u64))?;
    let met = sys::accept(&fd);
    sys::limit_descriptors(Some(soft))?;
    check_err!(met, EMFILE);
    let far = sys::accept(&fd)?;
    check_eq!(far.number(), lowest);
    let mut data = [0; 8];
    check_eq!(sys::read(&far, &mut data)?, 4);
    check_eq!(&data[..4], b"kept");
    Ok(())
}

fn accept_refuses_other_descriptors(case: &Case) -> Outcome {
    check_err!(sys::accept(&-1), EBADF);
    check_err!(sys::accept4(&-1, 0), EBADF);
    let (read, write) = sys::pipe2(0)?;
    check_err!(sys::accept(&read), ENOTSOCK);
    check_err!(sys::accept4(&write, 0), ENOTSOCK);
    let file = sys::open(&case.path("file"), libc::O_CREAT | libc::O_RDWR, 0o600)?;
    check_err!(sys::accept(&file), ENOTSOCK);
    Ok(())
}

fn accepted_socket_outlives_the_listener(case: &Case) -> Outcome {
    let address = case.path_address("node");
    let fd = listener(&address, 1)?;
    let (near, far) = accepted(&fd, &address)?;
    drop(fd);
    exchange(&near, &far)?;
    sys::unlink(&case.path("node"))?;
    exchange(&near, &far)?;
    drop(near);
    check_eq!(sys::read(&far, &mut [0])?, 0);
    check!(sys::write(&far, b"x").is_err());
    Ok(())
}
