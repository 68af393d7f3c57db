//! Which files epoll(7) watches, for how long, and epolls among them.

use std::os::fd::{AsRawFd, OwnedFd};

use super::{ALL, EDGE, HUP, IN, OUT, add, happened, modify, new_epoll, polled, remove};
use crate::{
    errno::Result,
    harness::{Case, Outcome, Test, check, check_eq, check_err, tests},
    sys,
};

pub(crate) const TESTS: &[Test] = tests!("ready";
    closed_file_is_forgotten,
    duplicate_keeps_a_file_watched,
    one_file_under_two_descriptors,
    number_that_is_used_again_is_another_file,
    pipe_is_forgotten_end_by_end,
    socket_in_flight_closed_and_watched,
    files_that_cannot_be_watched,
    devices_that_can_be_watched,
    epoll_can_be_polled,
    nested_tells_of_the_inner,
    nested_by_edge,
    nested_in_a_circle,
    nested_too_deep,
    nested_in_too_many_ways,
    nested_twice_under_two_descriptors,
    nested_is_closed,
    closed_epoll_leaves_nothing_behind,
    details_are_shown,
);

fn pair() -> Result<(OwnedFd, OwnedFd)> {
    sys::socketpair(libc::AF_UNIX, libc::SOCK_STREAM | libc::SOCK_NONBLOCK, 0)
}

fn dup(fd: &OwnedFd) -> Result<OwnedFd> {
    sys::dup_from(fd, libc::F_DUPFD, 0)
}

/// The lines that `/proc/self/fdinfo` has on watched files.
fn watched(epoll: &OwnedFd) -> Outcome<Vec<String>> {
    let text = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", epoll.as_raw_fd()))?;
    Ok(text.lines().filter(|line| line.starts_with("tfd:")).map(str::to_owned).collect())
}

fn closed_file_is_forgotten(_: &Case) -> Outcome {
    let epoll = new_epoll()?;
    let counter = sys::eventfd(1, 0)?;
    add(&epoll, &counter, IN, 1)?;
    check_eq!(happened(&epoll)?, [(IN, 1)]);
    drop(counter);
    check_eq!(happened(&epoll)?, []);
    let (left, right) = pair()?;
    add(&epoll, &left, OUT, 2)?;
    add(&epoll, &right, OUT, 3)?;
    drop(left);
    check_eq!(happened(&epoll)?, [(OUT | HUP, 3)]);
    drop(right);
    check_eq!(happened(&epoll)?, []);
    Ok(())
}

fn duplicate_keeps_a_file_watched(_: &Case) -> Outcome {
    let epoll = new_epoll()?;
    let counter = sys::eventfd(1, 0)?;
    let number = counter.as_raw_fd();
    let other = dup(&counter)?;
    add(&epoll, &counter, IN, 5)?;
    drop(counter);
    check_eq!(happened(&epoll)?, [(IN, 5)], "the file is still open");
    check_err!(remove(&epoll, &number), EBADF);
    check_err!(remove(&epoll, &other), ENOENT);
    drop(other);
    check_eq!(happened(&epoll)?, []);
    Ok(())
}

fn one_file_under_two_descriptors(_: &Case) -> Outcome {
    let epoll = new_epoll()?;
    let counter = sys::eventfd(0, libc::EFD_NONBLOCK)?;
    let other = dup(&counter)?;
    add(&epoll, &counter, IN, 1)?;
    add(&epoll, &other, IN | OUT | EDGE, 2)?;
    check_eq!(happened(&epoll)?, [(OUT, 2)]);
    sys::add(&counter, 1)?;
    let mut told = happened(&epoll)?;
    told.sort_unstable();
    check_eq!(told, [(IN, 1), (IN | OUT, 2)]);
    check_eq!(happened(&epoll)?, [(IN, 1)]);
    remove(&epoll, &counter)?;
    sys::add(&other, 1)?;
    check_eq!(happened(&epoll)?, [(IN | OUT, 2)]);
    Ok(())
}

fn number_that_is_used_again_is_another_file(_: &Case) -> Outcome {
    let epoll = new_epoll()?;
    let one = sys::eventfd(1, 0)?;
    let kept = dup(&one)?;
    add(&epoll, &one, IN, 1)?;
    let two = sys::eventfd(1, 0)?;
    // The number refers to another file from now on, and both are watched under it.
    sys::dup2(&two, &one)?;
    check_err!(remove(&epoll, &one), ENOENT);
    add(&epoll, &one, IN, 2)?;
    check_eq!(happened(&epoll)?, [(IN, 1), (IN, 2)]);
    remove(&epoll, &one)?;
    check_eq!(happened(&epoll)?, [(IN, 1)]);
    drop(kept);
    check_eq!(happened(&epoll)?, []);
    Ok(())
}

fn pipe_is_forgotten_end_by_end(_: &Case) -> Outcome {
    let epoll = new_epoll()?;
    let (read, write) = sys::pipe2(libc::O_NONBLOCK)?;
    add(&epoll, &read, IN, 1)?;
    add(&epoll, &write, OUT, 2)?;
    check_eq!(happened(&epoll)?, [(OUT, 2)]);
    drop(read);
    check_eq!(happened(&epoll)?, [(OUT | libc::EPOLLERR as u32, 2)]);
    let (read, write) = (sys::pipe2(libc::O_NONBLOCK)?, write);
    drop(write);
    check_eq!(happened(&epoll)?, []);
    add(&epoll, &read.0, IN, 3)?;
    add(&epoll, &read.1, OUT, 4)?;
    drop(read.1);
    check_eq!(happened(&epoll)?, [(HUP, 3)]);
    Ok(())
}

fn socket_in_flight_closed_and_watched(_: &Case) -> Outcome {
    // Watching does not keep a socket open: its peer hears of the close at once.
    let epoll = new_epoll()?;
    for mode in [0, EDGE] {
        let (left, right) = pair()?;
        add(&epoll, &left, IN | mode, 1)?;
        drop(left);
        check_eq!(sys::read(&right, &mut [0; 4])?, 0);
        check_err!(sys::send(&right, b"x", libc::MSG_NOSIGNAL), EPIPE);
    }
    check_eq!(happened(&epoll)?, []);
    Ok(())
}

fn files_that_cannot_be_watched(case: &Case) -> Outcome {
    let epoll = new_epoll()?;
    let file = sys::open(&case.path("file"), libc::O_CREAT | libc::O_RDWR, 0o600)?;
    for watched in [&file, &sys::open(c"/", libc::O_RDONLY, 0)?, &sys::open(c"/dev/null", libc::O_RDWR, 0)?] {
        check_err!(add(&epoll, watched, IN, 1), EPERM);
        check_err!(remove(&epoll, watched), EPERM);
        check_err!(modify(&epoll, watched, IN, 1), EPERM);
    }
    check_err!(add(&epoll, &sys::open(c"/", libc::O_PATH, 0)?, IN, 1), EBADF);
    check_err!(add(&epoll, &epoll, IN, 1), EINVAL);
    check_err!(add(&epoll, &-1, IN, 1), EBADF);
    check_err!(add(&-1, &epoll, IN, 1), EBADF);
    // What is watched is looked at before who watches.
    check_err!(add(&file, &file, IN, 1), EPERM);
    let counter = sys::eventfd(0, 0)?;
    check_err!(add(&file, &counter, IN, 1), EINVAL);
    check_err!(add(&counter, &counter, IN, 1), EINVAL);
    check_err!(add(&pair()?.0, &counter, IN, 1), EINVAL);
    Ok(())
}

fn devices_that_can_be_watched(_: &Case) -> Outcome {
    let epoll = new_epoll()?;
    let timer = sys::timerfd(libc::CLOCK_MONOTONIC, 0)?;
    add(&epoll, &timer, IN, 1)?;
    check_eq!(happened(&epoll)?, []);
    sys::timerfd_settime(&timer, 0, 1_000_000, 0)?;
    check_eq!(sys::epoll_wait(&epoll, 4, -1)?, [(IN, 1)]);
    sys::take(&timer)?;
    check_eq!(happened(&epoll)?, []);
    modify(&epoll, &timer, IN | EDGE, 2)?;
    sys::timerfd_settime(&timer, 0, 1_000_000, 1_000_000)?;
    check_eq!(sys::epoll_wait(&epoll, 4, -1)?, [(IN, 2)]);
    // A periodic timer expires again only once it was read.
    check_eq!(sys::epoll_wait(&epoll, 4, 5)?, []);
    sys::take(&timer)?;
    check_eq!(sys::epoll_wait(&epoll, 4, -1)?, [(IN, 2)]);
    Ok(())
}

fn epoll_can_be_polled(_: &Case) -> Outcome {
    let epoll = new_epoll()?;
    check_eq!(polled(&epoll, ALL)?, 0);
    let counter = sys::eventfd(1, libc::EFD_NONBLOCK)?;
    add(&epoll, &counter, IN, 1)?;
    check_eq!(polled(&epoll, ALL)?, libc::POLLIN | libc::POLLRDNORM);
    check_eq!(happened(&epoll)?, [(IN, 1)], "looking took nothing");
    sys::take(&counter)?;
    check_eq!(polled(&epoll, ALL)?, 0);
    check_err!(sys::read(&epoll, &mut [0; 8]), EINVAL);
    check_err!(sys::write(&epoll, &[0; 8]), EINVAL);
    check_err!(sys::pread(&epoll, &mut [0; 8], 0), ESPIPE);
    Ok(())
}

fn nested_tells_of_the_inner(_: &Case) -> Outcome {
    let epolls = [new_epoll()?, new_epoll()?, new_epoll()?];
    let counter = sys::eventfd(0, libc::EFD_NONBLOCK)?;
    add(&epolls[0], &epolls[1], IN, 10)?;
    add(&epolls[1], &epolls[2], IN, 11)?;
    add(&epolls[2], &counter, IN, 12)?;
    check_eq!(happened(&epolls[0])?, []);
    sys::add(&counter, 1)?;
    for _ in 0..2 {
        check_eq!(happened(&epolls[0])?, [(IN, 10)]);
        check_eq!(happened(&epolls[1])?, [(IN, 11)]);
        check_eq!(happened(&epolls[2])?, [(IN, 12)]);
    }
    sys::take(&counter)?;
    check_eq!(happened(&epolls[0])?, []);
    // Waiting for it works as well.
    sys::add(&counter, 1)?;
    check_eq!(sys::epoll_wait(&epolls[0], 1, -1)?, [(IN, 10)]);
    Ok(())
}

fn nested_by_edge(_: &Case) -> Outcome {
    let (outer, inner) = (new_epoll()?, new_epoll()?);
    let counter = sys::eventfd(0, libc::EFD_NONBLOCK)?;
    add(&outer, &inner, IN | EDGE, 1)?;
    add(&inner, &counter, IN, 2)?;
    check_eq!(happened(&outer)?, []);
    for _ in 0..2 {
        sys::add(&counter, 1)?;
        check_eq!(happened(&outer)?, [(IN, 1)]);
        check_eq!(happened(&outer)?, []);
    }
    check_eq!(happened(&inner)?, [(IN, 2)]);
    check_eq!(happened(&outer)?, []);
    Ok(())
}

fn nested_in_a_circle(_: &Case) -> Outcome {
    let epolls = [new_epoll()?, new_epoll()?, new_epoll()?];
    add(&epolls[0], &epolls[1], IN, 1)?;
    check_err!(add(&epolls[1], &epolls[0], IN, 1), ELOOP);
    add(&epolls[1], &epolls[2], IN, 1)?;
    check_err!(add(&epolls[2], &epolls[0], IN, 1), ELOOP);
    check_err!(add(&epolls[2], &epolls[1], IN, 1), ELOOP);
    add(&epolls[0], &epolls[2], IN, 1)?;
    check_err!(add(&epolls[0], &epolls[2], IN, 1), EEXIST);
    remove(&epolls[1], &epolls[2])?;
    remove(&epolls[0], &epolls[2])?;
    add(&epolls[2], &epolls[0], IN, 1)?;
    check_err!(add(&epolls[1], &epolls[2], IN, 1), ELOOP);
    Ok(())
}

fn nested_too_deep(_: &Case) -> Outcome {
    let make = || (0..8).map(|_| new_epoll()).collect::<Result<Vec<_>>>();
    for upwards in [false, true] {
        let chain = make()?;
        for index in 0..7 {
            let (outer, inner) = if upwards { (index + 1, index) } else { (index, index + 1) };
            let result = add(&chain[outer], &chain[inner], IN, 1);
            if index == 4 {
                check_err!(result, ELOOP);
            } else {
                check_eq!(result, Ok(0));
            }
        }
    }
    let (one, two) = (make()?, make()?);
    for chain in [&one, &two] {
        add(&chain[0], &chain[1], IN, 1)?;
        add(&chain[1], &chain[2], IN, 1)?;
    }
    check_err!(add(&one[2], &two[0], IN, 1), ELOOP);
    add(&one[2], &two[1], IN, 1)?;
    // Events travel all the way up.
    let counter = sys::eventfd(1, 0)?;
    add(&two[2], &counter, IN, 1)?;
    check_eq!(happened(&one[0])?, [(IN, 1)]);
    Ok(())
}

fn nested_in_too_many_ways(_: &Case) -> Outcome {
    // A file in an epoll below many others: so many ways up are allowed.
    let inner = new_epoll()?;
    let counter = sys::eventfd(0, 0)?;
    add(&inner, &counter, IN, 1)?;
    let mut outers = Vec::new();
    for _ in 0..500 {
        let outer = new_epoll()?;
        add(&outer, &inner, IN, 1)?;
        outers.push(outer);
    }
    let outer = new_epoll()?;
    check_err!(add(&outer, &inner, IN, 1), EINVAL);
    check_err!(remove(&outer, &inner), ENOENT, "nothing is left of it");
    drop(outers.pop());
    add(&outer, &inner, IN, 1)?;
    sys::add(&counter, 1)?;
    for outer in &outers {
        check_eq!(happened(outer)?, [(IN, 1)]);
    }
    Ok(())
}

fn nested_twice_under_two_descriptors(_: &Case) -> Outcome {
    let (outer, inner) = (new_epoll()?, new_epoll()?);
    let other = dup(&inner)?;
    add(&outer, &inner, IN, 1)?;
    add(&outer, &other, IN, 2)?;
    remove(&outer, &inner)?;
    check_err!(add(&inner, &outer, IN, 3), ELOOP, "the other one is still there");
    remove(&outer, &other)?;
    add(&inner, &outer, IN, 3)?;
    Ok(())
}

fn nested_is_closed(_: &Case) -> Outcome {
    let (outer, inner) = (new_epoll()?, new_epoll()?);
    let counter = sys::eventfd(1, 0)?;
    add(&inner, &counter, IN, 1)?;
    add(&outer, &inner, IN, 2)?;
    check_eq!(happened(&outer)?, [(IN, 2)]);
    drop(inner);
    check_eq!(happened(&outer)?, []);
    sys::add(&counter, 1)?;
    check_eq!(happened(&outer)?, []);
    check_eq!(sys::take(&counter)?, 2);
    Ok(())
}

fn closed_epoll_leaves_nothing_behind(_: &Case) -> Outcome {
    let counter = sys::eventfd(0, libc::EFD_NONBLOCK)?;
    for _ in 0..100 {
        let epolls = [new_epoll()?, new_epoll()?];
        add(&epolls[0], &counter, IN, 1)?;
        add(&epolls[1], &counter, IN, 1)?;
        add(&epolls[1], &epolls[0], IN, 2)?;
        sys::add(&counter, 1)?;
        check_eq!(happened(&epolls[1])?.len(), 2);
        sys::take(&counter)?;
    }
    sys::add(&counter, 1)?;
    check_eq!(polled(&counter, libc::POLLIN)?, libc::POLLIN);
    Ok(())
}

fn details_are_shown(_: &Case) -> Outcome {
    let epoll = new_epoll()?;
    check_eq!(watched(&epoll)?.len(), 0);
    let (read, write) = sys::pipe2(0)?;
    add(&epoll, &read, IN | EDGE, 0xabc)?;
    let lines = watched(&epoll)?;
    let expected = format!("tfd: {:8} events: 80000019 data:              abc  pos:0 ino:", read.as_raw_fd());
    check!(lines.len() == 1 && lines[0].starts_with(&expected), "{lines:?}");
    add(&epoll, &write, OUT, 1)?;
    check_eq!(watched(&epoll)?.len(), 2);
    drop(read);
    check_eq!(watched(&epoll)?.len(), 1);
    Ok(())
}
