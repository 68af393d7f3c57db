//! What epoll(7) tells, and when: level, edge, once.

use super::{EDGE, HUP, IN, ONCE, OUT, RDHUP, add, happened, modify, new_epoll, remove};
use crate::{
    errno::Result,
    harness::{Case, Outcome, Test, check, check_eq, check_err, tests},
    sys,
};
use std::os::fd::OwnedFd;

pub(crate) const TESTS: &[Test] = tests!("ready";
    level_tells_again_and_again,
    level_takes_turns,
    edge_tells_of_each_event_once,
    edge_tells_of_new_bytes_before_the_old_are_read,
    edge_is_told_again_after_a_change,
    edge_on_both_ends_of_a_pipe,
    once_tells_once_until_it_is_changed,
    once_keeps_quiet_about_a_hang_up,
    errors_are_told_unasked,
    nothing_is_told_of_what_was_not_asked_for,
    ready_when_added,
    change_adds_and_takes_away,
    removed_is_not_told_of,
    data_is_given_back,
    room_for_fewer_than_are_ready,
    room_for_more_than_there_are,
    timeouts,
    sockets_tell_of_shutdown,
    listener_tells_of_connections,
    connected_socket_is_writable,
);

fn counters(count: usize) -> Result<Vec<OwnedFd>> {
    (0..count).map(|_| sys::eventfd(1, libc::EFD_NONBLOCK)).collect()
}

fn pair() -> Result<(OwnedFd, OwnedFd)> {
    sys::socketpair(libc::AF_UNIX, libc::SOCK_STREAM | libc::SOCK_NONBLOCK, 0)
}

fn level_tells_again_and_again(_: &Case) -> Outcome {
    let epoll = new_epoll()?;
    let counter = sys::eventfd(0, libc::EFD_NONBLOCK)?;
    add(&epoll, &counter, IN, 7)?;
    check_eq!(happened(&epoll)?, []);
    sys::add(&counter, 1)?;
    for _ in 0..3 {
        check_eq!(happened(&epoll)?, [(IN, 7)]);
    }
    sys::take(&counter)?;
    check_eq!(happened(&epoll)?, []);
    sys::add(&counter, 1)?;
    check_eq!(happened(&epoll)?, [(IN, 7)]);
    Ok(())
}

fn level_takes_turns(_: &Case) -> Outcome {
    let epoll = new_epoll()?;
    let counters = counters(5)?;
    for (index, counter) in counters.iter().enumerate() {
        add(&epoll, counter, IN, index as u64)?;
    }
    for expected in [[0, 1], [2, 3], [4, 0], [1, 2]] {
        check_eq!(sys::epoll_wait(&epoll, 2, 0)?, expected.map(|index| (IN, index)));
    }
    Ok(())
}

fn edge_tells_of_each_event_once(_: &Case) -> Outcome {
    let epoll = new_epoll()?;
    let counters = counters(5)?;
    for (index, counter) in counters.iter().enumerate() {
        add(&epoll, counter, IN | EDGE, index as u64)?;
    }
    check_eq!(sys::epoll_wait(&epoll, 2, 0)?, [(IN, 0), (IN, 1)]);
    check_eq!(sys::epoll_wait(&epoll, 2, 0)?, [(IN, 2), (IN, 3)]);
    check_eq!(sys::epoll_wait(&epoll, 2, 0)?, [(IN, 4)]);
    check_eq!(happened(&epoll)?, []);
    sys::add(&counters[2], 1)?;
    check_eq!(happened(&epoll)?, [(IN, 2)], "another event counts although the first was not attended to");
    check_eq!(happened(&epoll)?, []);
    sys::take(&counters[2])?;
    check_eq!(happened(&epoll)?, []);
    sys::add(&counters[3], 1)?;
    sys::take(&counters[3])?;
    check_eq!(happened(&epoll)?, [], "it is over");
    Ok(())
}

fn edge_tells_of_new_bytes_before_the_old_are_read(_: &Case) -> Outcome {
    let epoll = new_epoll()?;
    let (left, right) = pair()?;
    add(&epoll, &left, IN | OUT | EDGE, 7)?;
    check_eq!(happened(&epoll)?, [(OUT, 7)]);
    check_eq!(happened(&epoll)?, []);
    for _ in 0..2 {
        sys::write(&right, b"x")?;
        check_eq!(happened(&epoll)?, [(IN | OUT, 7)]);
        check_eq!(happened(&epoll)?, []);
    }
    check_eq!(sys::read(&left, &mut [0; 8])?, 2);
    check_eq!(happened(&epoll)?, []);
    // Long messages as well, which go another way.
    let long = vec![1; 5000];
    for _ in 0..2 {
        sys::write(&right, &long)?;
        check_eq!(happened(&epoll)?, [(IN | OUT, 7)]);
        check_eq!(happened(&epoll)?, []);
    }
    Ok(())
}

fn edge_is_told_again_after_a_change(_: &Case) -> Outcome {
    let epoll = new_epoll()?;
    let counter = sys::eventfd(1, 0)?;
    add(&epoll, &counter, IN | EDGE, 1)?;
    check_eq!(happened(&epoll)?, [(IN, 1)]);
    check_eq!(happened(&epoll)?, []);
    modify(&epoll, &counter, IN | EDGE, 2)?;
    check_eq!(happened(&epoll)?, [(IN, 2)]);
    check_eq!(happened(&epoll)?, []);
    Ok(())
}

fn edge_on_both_ends_of_a_pipe(_: &Case) -> Outcome {
    let epoll = new_epoll()?;
    let (read, write) = sys::pipe2(libc::O_NONBLOCK)?;
    add(&epoll, &write, OUT | EDGE, 1)?;
    add(&epoll, &read, IN | EDGE, 2)?;
    check_eq!(happened(&epoll)?, [(OUT, 1)]);
    sys::write(&write, b"x")?;
    check_eq!(happened(&epoll)?, [(IN, 2)]);
    sys::read(&read, &mut [0; 4])?;
    check_eq!(happened(&epoll)?, [], "there was room before");
    while sys::write(&write, &[0; 4096]).is_ok() {}
    check_eq!(happened(&epoll)?, [(IN, 2)]);
    while sys::read(&read, &mut [0; 4096]).is_ok() {}
    check_eq!(happened(&epoll)?, [(OUT, 1)]);
    drop(write);
    check_eq!(happened(&epoll)?, [(HUP, 2)]);
    check_eq!(happened(&epoll)?, []);
    Ok(())
}

fn once_tells_once_until_it_is_changed(_: &Case) -> Outcome {
    let epoll = new_epoll()?;
    let counter = sys::eventfd(1, libc::EFD_NONBLOCK)?;
    add(&epoll, &counter, IN | ONCE, 1)?;
    check_eq!(happened(&epoll)?, [(IN, 1)]);
    check_eq!(happened(&epoll)?, []);
    sys::add(&counter, 1)?;
    check_eq!(happened(&epoll)?, []);
    check_err!(add(&epoll, &counter, IN, 2), EEXIST, "it is still watched");
    modify(&epoll, &counter, IN | ONCE, 3)?;
    check_eq!(happened(&epoll)?, [(IN, 3)]);
    sys::take(&counter)?;
    modify(&epoll, &counter, IN | ONCE, 4)?;
    check_eq!(happened(&epoll)?, []);
    sys::add(&counter, 1)?;
    check_eq!(happened(&epoll)?, [(IN, 4)]);
    check_eq!(happened(&epoll)?, []);
    Ok(())
}

fn once_keeps_quiet_about_a_hang_up(_: &Case) -> Outcome {
    let epoll = new_epoll()?;
    let (left, right) = pair()?;
    add(&epoll, &left, IN | ONCE, 7)?;
    sys::write(&right, b"x")?;
    check_eq!(happened(&epoll)?, [(IN, 7)]);
    drop(right);
    check_eq!(happened(&epoll)?, []);
    modify(&epoll, &left, IN | ONCE, 9)?;
    check_eq!(happened(&epoll)?, [(IN | HUP, 9)]);
    Ok(())
}

fn errors_are_told_unasked(_: &Case) -> Outcome {
    let epoll = new_epoll()?;
    let (left, right) = pair()?;
    add(&epoll, &left, 0, 7)?;
    sys::write(&right, b"x")?;
    check_eq!(happened(&epoll)?, []);
    drop(right);
    check_eq!(happened(&epoll)?, [(HUP, 7)]);
    let (read, write) = sys::pipe2(0)?;
    add(&epoll, &write, 0, 8)?;
    remove(&epoll, &left)?;
    drop(read);
    check_eq!(happened(&epoll)?, [(libc::EPOLLERR as u32, 8)]);
    Ok(())
}

fn nothing_is_told_of_what_was_not_asked_for(_: &Case) -> Outcome {
    let epoll = new_epoll()?;
    let (left, right) = pair()?;
    add(&epoll, &left, libc::EPOLLPRI as u32, 1)?;
    sys::write(&right, b"x")?;
    sys::shutdown(&right, libc::SHUT_WR)?;
    check_eq!(happened(&epoll)?, []);
    modify(&epoll, &left, RDHUP, 2)?;
    check_eq!(happened(&epoll)?, [(RDHUP, 2)]);
    modify(&epoll, &left, libc::EPOLLRDNORM as u32 | libc::EPOLLWRNORM as u32, 3)?;
    check_eq!(happened(&epoll)?, [(libc::EPOLLRDNORM as u32 | libc::EPOLLWRNORM as u32, 3)]);
    // Bits that mean nothing are no error.
    modify(&epoll, &left, 0x0fff_8000 | IN, 4)?;
    check_eq!(happened(&epoll)?, [(IN, 4)]);
    Ok(())
}

fn ready_when_added(_: &Case) -> Outcome {
    for mode in [0, EDGE, ONCE] {
        let epoll = new_epoll()?;
        let (left, right) = pair()?;
        sys::write(&right, b"x")?;
        add(&epoll, &left, IN | mode, 1)?;
        check_eq!(happened(&epoll)?, [(IN, 1)], "mode {mode:#x}");
    }
    Ok(())
}

fn change_adds_and_takes_away(_: &Case) -> Outcome {
    let epoll = new_epoll()?;
    let (left, right) = pair()?;
    add(&epoll, &left, IN, 1)?;
    modify(&epoll, &left, OUT, 2)?;
    check_eq!(happened(&epoll)?, [(OUT, 2)]);
    modify(&epoll, &left, IN, 3)?;
    check_eq!(happened(&epoll)?, []);
    sys::write(&right, b"x")?;
    check_eq!(happened(&epoll)?, [(IN, 3)]);
    modify(&epoll, &left, IN | OUT, 4)?;
    check_eq!(happened(&epoll)?, [(IN | OUT, 4)]);
    sys::read(&left, &mut [0; 4])?;
    check_eq!(happened(&epoll)?, [(OUT, 4)]);
    modify(&epoll, &left, 0, 5)?;
    check_eq!(happened(&epoll)?, []);
    Ok(())
}

fn removed_is_not_told_of(_: &Case) -> Outcome {
    let epoll = new_epoll()?;
    let counters = counters(4)?;
    for (index, counter) in counters.iter().enumerate() {
        add(&epoll, counter, IN, index as u64)?;
    }
    // From the middle, the start and the end of what is ready.
    remove(&epoll, &counters[1])?;
    check_err!(remove(&epoll, &counters[1]), ENOENT);
    check_err!(modify(&epoll, &counters[1], IN, 9), ENOENT);
    check_eq!(happened(&epoll)?, [(IN, 0), (IN, 2), (IN, 3)]);
    remove(&epoll, &counters[0])?;
    remove(&epoll, &counters[3])?;
    check_eq!(happened(&epoll)?, [(IN, 2)]);
    add(&epoll, &counters[1], IN, 11)?;
    check_eq!(happened(&epoll)?, [(IN, 2), (IN, 11)]);
    remove(&epoll, &counters[2])?;
    remove(&epoll, &counters[1])?;
    check_eq!(happened(&epoll)?, []);
    add(&epoll, &counters[0], IN, 12)?;
    check_eq!(happened(&epoll)?, [(IN, 12)]);
    Ok(())
}

fn data_is_given_back(_: &Case) -> Outcome {
    let epoll = new_epoll()?;
    let counter = sys::eventfd(1, 0)?;
    add(&epoll, &counter, IN, u64::MAX - 5)?;
    check_eq!(happened(&epoll)?, [(IN, u64::MAX - 5)]);
    modify(&epoll, &counter, IN, 1 << 63 | 1)?;
    check_eq!(happened(&epoll)?, [(IN, 1 << 63 | 1)]);
    Ok(())
}

fn room_for_fewer_than_are_ready(_: &Case) -> Outcome {
    let epoll = new_epoll()?;
    let counters = counters(100)?;
    for (index, counter) in counters.iter().enumerate() {
        add(&epoll, counter, IN | EDGE, index as u64)?;
    }
    let mut met = Vec::new();
    for room in [1, 15, 16, 17, 33, 100, 100] {
        let told = sys::epoll_wait(&epoll, room, 0)?;
        check!(told.len() == room.min(100 - met.len()));
        met.extend(told);
    }
    check_eq!(met, (0..100).map(|index| (IN, index)).collect::<Vec<_>>());
    Ok(())
}

fn room_for_more_than_there_are(_: &Case) -> Outcome {
    let epoll = new_epoll()?;
    let counters = counters(40)?;
    for (index, counter) in counters.iter().enumerate() {
        add(&epoll, counter, IN, index as u64)?;
    }
    // Each once, although all are ready again at once.
    for _ in 0..2 {
        let told = sys::epoll_wait(&epoll, 1000, -1)?;
        check_eq!(told, (0..40).map(|index| (IN, index)).collect::<Vec<_>>());
    }
    Ok(())
}

fn timeouts(_: &Case) -> Outcome {
    let epoll = new_epoll()?;
    let (left, _right) = pair()?;
    add(&epoll, &left, IN, 1)?;
    for milliseconds in [0, 1, 20] {
        let before = sys::clock_nanoseconds(libc::CLOCK_MONOTONIC)?;
        check_eq!(sys::epoll_wait(&epoll, 1, milliseconds)?, []);
        let passed = sys::clock_nanoseconds(libc::CLOCK_MONOTONIC)? - before;
        check!(passed >= milliseconds as u64 * 1_000_000, "{milliseconds} ms: {passed} ns");
    }
    // An empty one waits as well.
    check_eq!(sys::epoll_wait(&new_epoll()?, 1, 2)?, []);
    Ok(())
}

fn sockets_tell_of_shutdown(_: &Case) -> Outcome {
    let epoll = new_epoll()?;
    let (left, right) = pair()?;
    add(&epoll, &left, IN | OUT | RDHUP | EDGE, 1)?;
    check_eq!(happened(&epoll)?, [(OUT, 1)]);
    sys::shutdown(&right, libc::SHUT_WR)?;
    check_eq!(happened(&epoll)?, [(IN | OUT | RDHUP, 1)]);
    check_eq!(happened(&epoll)?, []);
    drop(right);
    check_eq!(happened(&epoll)?, [(IN | OUT | RDHUP | HUP, 1)]);
    check_eq!(happened(&epoll)?, []);
    Ok(())
}

fn listener_tells_of_connections(case: &Case) -> Outcome {
    let epoll = new_epoll()?;
    let address = case.abstract_address("listener");
    let listener = sys::socket(libc::AF_UNIX, libc::SOCK_STREAM | libc::SOCK_NONBLOCK, 0)?;
    sys::bind(&listener, address.bytes())?;
    add(&epoll, &listener, IN | EDGE, 1)?;
    check_eq!(happened(&epoll)?, [(HUP, 1)], "not connected");
    sys::listen(&listener, 8)?;
    check_eq!(happened(&epoll)?, []);
    let mut clients = Vec::new();
    for _ in 0..3 {
        let client = sys::socket(libc::AF_UNIX, libc::SOCK_STREAM, 0)?;
        sys::connect(&client, address.bytes())?;
        clients.push(client);
        check_eq!(happened(&epoll)?, [(IN, 1)]);
        check_eq!(happened(&epoll)?, []);
    }
    for _ in 0..3 {
        sys::accept(&listener)?;
    }
    check_eq!(happened(&epoll)?, []);
    Ok(())
}

fn connected_socket_is_writable(case: &Case) -> Outcome {
    let epoll = new_epoll()?;
    let address = case.abstract_address("listener");
    let listener = sys::socket(libc::AF_UNIX, libc::SOCK_STREAM, 0)?;
    sys::bind(&listener, address.bytes())?;
    sys::listen(&listener, 8)?;
    let client = sys::socket(libc::AF_UNIX, libc::SOCK_STREAM, 0)?;
    add(&epoll, &client, IN | OUT | RDHUP, 1)?;
    check_eq!(happened(&epoll)?, [(OUT | HUP, 1)]);
    sys::connect(&client, address.bytes())?;
    check_eq!(happened(&epoll)?, [(OUT, 1)]);
    let server = sys::accept(&listener)?;
    sys::write(&server, b"x")?;
    check_eq!(happened(&epoll)?, [(IN | OUT, 1)]);
    Ok(())
}
