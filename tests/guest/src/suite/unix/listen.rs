//! listen(2): the backlog, who waits for it, and what becomes of those who wait.

use std::{os::fd::OwnedFd, sync::Arc};

use super::help::{
    accepted, client, exchange, listener, name, option, pair, poll_for, ready, set_nonblocking, socket,
};
use crate::{
    address::Address,
    errno::Result,
    harness::{Case, Outcome, Test, check, check_eq, check_err, tests},
    sys,
};

pub(crate) const TESTS: &[Test] = tests!("unix";
    listen_needs_a_name,
    listen_refuses_connected_sockets,
    listen_may_be_repeated,
    listen_sets_acceptconn,
    listen_backlog_admits_one_more_than_it_says,
    listen_negative_backlog_is_the_largest,
    listen_huge_backlog_is_accepted,
    listen_again_changes_the_backlog,
    full_backlog_blocks_connect_until_accept,
    full_backlog_releases_connect_when_it_grows,
    full_backlog_refuses_waiting_connects_when_closed,
    full_backlog_frees_room_for_each_accept,
    closed_listener_resets_connections_not_yet_accepted,
    shut_down_listener_refuses_connections,
    shut_down_listener_ends_a_blocked_accept,
    listener_transfers_no_data,
    listener_is_readable_while_connections_wait,
    listener_does_not_connect,
);

fn listen_needs_a_name(case: &Case) -> Outcome {
    let fd = socket()?;
    check_err!(sys::listen(&fd, 1), EINVAL);
    sys::bind(&fd, case.abstract_address("a").bytes())?;
    check_eq!(sys::listen(&fd, 1)?, 0);
    Ok(())
}

fn listen_refuses_connected_sockets(case: &Case) -> Outcome {
    let (left, right) = pair()?;
    check_err!(sys::listen(&left, 1), EINVAL);
    sys::bind(&left, case.abstract_address("left").bytes())?;
    check_err!(sys::listen(&left, 1), EINVAL, "named, but connected");
    exchange(&left, &right)?;
    let address = case.abstract_address("server");
    let fd = listener(&address, 1)?;
    let (_near, far) = accepted(&fd, &address)?;
    check_err!(sys::listen(&far, 1), EINVAL);
    Ok(())
}

fn listen_may_be_repeated(case: &Case) -> Outcome {
    let address = case.abstract_address("a");
    let fd = listener(&address, 1)?;
    let near = client(&address)?;
    check_eq!(sys::listen(&fd, 5)?, 0);
    let far = sys::accept(&fd)?;
    exchange(&near, &far)
}

fn listen_sets_acceptconn(case: &Case) -> Outcome {
    let fd = socket()?;
    sys::bind(&fd, case.abstract_address("a").bytes())?;
    check_eq!(option(&fd, libc::SO_ACCEPTCONN)?, 0);
    sys::listen(&fd, 1)?;
    check_eq!(option(&fd, libc::SO_ACCEPTCONN)?, 1);
    Ok(())
}

/// A client that does not wait for room.
fn impatient(address: &Address) -> Result<OwnedFd> {
    let fd = sys::socket(libc::AF_UNIX, libc::SOCK_STREAM | libc::SOCK_NONBLOCK, 0)?;
    sys::connect(&fd, address.bytes())?;
    Ok(fd)
}

/// Connects until the backlog is full.
fn fill_backlog(address: &Address, most: usize) -> Outcome<Vec<OwnedFd>> {
    let mut clients = Vec::new();
    while clients.len() < most {
        match impatient(address) {
            Ok(fd) => clients.push(fd),
            Err(errno) => {
                check_eq!(errno.0, libc::EAGAIN);
                break;
            }
        }
    }
    Ok(clients)
}

fn listen_backlog_admits_one_more_than_it_says(case: &Case) -> Outcome {
    for backlog in [0, 1, 2, 7] {
        let address = case.abstract_address(&format!("{backlog}"));
        let fd = listener(&address, backlog)?;
        let clients = fill_backlog(&address, 50)?;
        check_eq!(clients.len(), backlog as usize + 1, "backlog {backlog}");
        check_err!(impatient(&address), EAGAIN, "backlog {backlog}");
        drop(sys::accept(&fd)?);
        let next = impatient(&address);
        check!(next.is_ok(), "{next:?} after an accept made room, backlog {backlog}");
        check_err!(impatient(&address), EAGAIN, "backlog {backlog}");
    }
    Ok(())
}

fn listen_negative_backlog_is_the_largest(case: &Case) -> Outcome {
    let address = case.abstract_address("a");
    let _fd = listener(&address, -1)?;
    check_eq!(fill_backlog(&address, 60)?.len(), 60);
    Ok(())
}

fn listen_huge_backlog_is_accepted(case: &Case) -> Outcome {
    let address = case.abstract_address("a");
    let fd = listener(&address, i32::MAX)?;
    check_eq!(fill_backlog(&address, 60)?.len(), 60);
    check_eq!(sys::listen(&fd, i32::MIN)?, 0);
    check!(impatient(&address).is_ok());
    Ok(())
}

fn listen_again_changes_the_backlog(case: &Case) -> Outcome {
    let address = case.abstract_address("a");
    let fd = listener(&address, 0)?;
    let _first = impatient(&address)?;
    check_err!(impatient(&address), EAGAIN);
    sys::listen(&fd, 2)?;
    let _second = impatient(&address)?;
    let _third = impatient(&address)?;
    check_err!(impatient(&address), EAGAIN);
    sys::listen(&fd, 0)?;
    drop(sys::accept(&fd)?);
    check_err!(impatient(&address), EAGAIN, "two still wait, and one may");
    Ok(())
}

fn full_backlog_blocks_connect_until_accept(case: &Case) -> Outcome {
    let address = case.abstract_address("a");
    let fd = listener(&address, 0)?;
    let first = client(&address)?;
    let waiting = case.spawn({
        let address = address.clone();
        move || Ok(client(&address)?)
    });
    let first_far = sys::accept(&fd)?;
    let second_far = sys::accept(&fd)?;
    let second = waiting.join()?;
    exchange(&first, &first_far)?;
    exchange(&second, &second_far)
}

fn full_backlog_releases_connect_when_it_grows(case: &Case) -> Outcome {
    let address = case.abstract_address("a");
    let fd = listener(&address, 0)?;
    let _first = client(&address)?;
    let waiting: Vec<_> = (0..3)
        .map(|_| {
            let address = address.clone();
            case.spawn(move || Ok(client(&address)?))
        })
        .collect();
    sys::listen(&fd, 3)?;
    // Nothing was accepted: only the larger backlog lets them through.
    let clients = waiting.into_iter().map(crate::harness::Worker::join).collect::<Outcome<Vec<_>>>()?;
    check_eq!(clients.len(), 3);
    check_err!(impatient(&address), EAGAIN);
    Ok(())
}

fn full_backlog_refuses_waiting_connects_when_closed(case: &Case) -> Outcome {
    let address = case.abstract_address("a");
    let fd = listener(&address, 0)?;
    let _first = client(&address)?;
    let waiting: Vec<_> = (0..3)
        .map(|_| {
            let address = address.clone();
            case.spawn(move || {
                check_err!(client(&address), ECONNREFUSED);
                Ok(())
            })
        })
        .collect();
    drop(fd);
    waiting.into_iter().try_for_each(crate::harness::Worker::join)
}

fn full_backlog_frees_room_for_each_accept(case: &Case) -> Outcome {
    const CLIENTS: usize = 12;
    let address = case.abstract_address("a");
    let fd = listener(&address, 1)?;
    let waiting: Vec<_> = (0..CLIENTS)
        .map(|index| {
            let address = address.clone();
            case.spawn(move || {
                let near = client(&address)?;
                check_eq!(sys::write(&near, &[index as u8])?, 1);
                let mut answer = [0];
                check_eq!(sys::read(&near, &mut answer)?, 1);
                check_eq!(answer[0], index as u8 ^ 0xff);
                Ok(())
            })
        })
        .collect();
    let mut seen = [false; CLIENTS];
    for _ in 0..CLIENTS {
        let far = sys::accept(&fd)?;
        let mut who = [0];
        check_eq!(sys::read(&far, &mut who)?, 1);
        check!(!std::mem::replace(&mut seen[who[0] as usize], true), "client {} came twice", who[0]);
        sys::write(&far, &[who[0] ^ 0xff])?;
    }
    waiting.into_iter().try_for_each(crate::harness::Worker::join)
}

fn closed_listener_resets_connections_not_yet_accepted(case: &Case) -> Outcome {
    let address = case.abstract_address("a");
    let fd = listener(&address, 4)?;
    let silent = client(&address)?;
    let talking = client(&address)?;
    sys::write(&talking, b"unheard")?;
    drop(fd);
    for near in [&silent, &talking] {
        check_err!(sys::read(near, &mut [0]), ECONNRESET);
        check_eq!(sys::read(near, &mut [0])?, 0, "the error is reported once");
        check_err!(sys::write(near, b"x"), EPIPE);
        check!(poll_for(near, libc::POLLIN, 0)? & libc::POLLHUP != 0);
    }
    Ok(())
}

fn shut_down_listener_refuses_connections(case: &Case) -> Outcome {
    for how in [libc::SHUT_RD, libc::SHUT_RDWR] {
        let address = case.abstract_address(&format!("{how}"));
        let fd = listener(&address, 4)?;
        check_eq!(sys::shutdown(&fd, how)?, 0);
        check_err!(client(&address), ECONNREFUSED, "how {how}");
        check_err!(sys::accept(&fd), EINVAL, "how {how}");
        check_err!(sys::bind(&socket()?, address.bytes()), EADDRINUSE, "the name is still taken");
        check_eq!(name(&fd)?, address);
    }
    let address = case.abstract_address("write");
    let fd = listener(&address, 4)?;
    check_eq!(sys::shutdown(&fd, libc::SHUT_WR)?, 0);
    let (near, far) = accepted(&fd, &address)?;
    exchange(&near, &far)
}

fn shut_down_listener_ends_a_blocked_accept(case: &Case) -> Outcome {
    let fd = Arc::new(listener(&case.abstract_address("a"), 4)?);
    let waiting: Vec<_> = (0..2)
        .map(|_| {
            let fd = Arc::clone(&fd);
            case.spawn(move || {
                check_err!(sys::accept(&*fd), EINVAL);
                Ok(())
            })
        })
        .collect();
    sys::shutdown(&*fd, libc::SHUT_RDWR)?;
    waiting.into_iter().try_for_each(crate::harness::Worker::join)
}

fn listener_transfers_no_data(case: &Case) -> Outcome {
    let address = case.abstract_address("a");
    let fd = listener(&address, 4)?;
    check_err!(sys::read(&fd, &mut [0]), EINVAL);
    check_err!(sys::recv(&fd, &mut [0], 0), EINVAL);
    check_err!(sys::write(&fd, b"x"), ENOTCONN);
    check_err!(sys::send(&fd, b"x", 0), ENOTCONN);
    let (near, far) = accepted(&fd, &address)?;
    exchange(&near, &far)
}

fn listener_is_readable_while_connections_wait(case: &Case) -> Outcome {
    let address = case.abstract_address("a");
    let fd = listener(&address, 4)?;
    check_eq!(ready(&fd)?, 0);
    let _first = client(&address)?;
    check_eq!(ready(&fd)?, libc::POLLIN);
    check_eq!(poll_for(&fd, libc::POLLRDNORM, 0)?, libc::POLLRDNORM);
    let _second = client(&address)?;
    drop(sys::accept(&fd)?);
    check_eq!(ready(&fd)?, libc::POLLIN);
    drop(sys::accept(&fd)?);
    check_eq!(ready(&fd)?, 0);
    set_nonblocking(&fd, true)?;
    check_err!(sys::accept(&fd), EAGAIN);
    let waker = case.spawn({
        let address = address.clone();
        move || Ok(client(&address)?)
    });
    check_eq!(poll_for(&fd, libc::POLLIN, -1)?, libc::POLLIN);
    waker.join()?;
    Ok(())
}

fn listener_does_not_connect(case: &Case) -> Outcome {
    let address = case.abstract_address("a");
    let fd = listener(&address, 4)?;
    let other = case.abstract_address("b");
    let _other = listener(&other, 4)?;
    check_err!(sys::connect(&fd, other.bytes()), EINVAL);
    check_err!(sys::connect(&fd, address.bytes()), EINVAL);
    let (near, far) = accepted(&fd, &address)?;
    exchange(&near, &far)
}
