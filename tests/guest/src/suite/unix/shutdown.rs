//! shutdown(2), and what poll(2) shows of every state of a socket.

use std::sync::Arc;

use super::help::{accepted, exchange, fill, pair, poll_for, read_full, ready, socket};
use crate::{
    harness::{Case, Outcome, Test, check, check_eq, check_err, tests},
    sys,
};

pub(crate) const TESTS: &[Test] = tests!("unix";
    shutdown_of_writing_ends_the_peers_stream,
    shutdown_of_reading_refuses_the_peers_data,
    shutdown_of_both_ends_everything,
    shutdown_leaves_queued_data_readable,
    shutdown_may_be_repeated_and_combined,
    shutdown_refuses_bad_modes,
    shutdown_of_an_unconnected_socket,
    shutdown_wakes_a_blocked_reader,
    shutdown_wakes_the_peers_blocked_reader,
    shutdown_wakes_a_blocked_writer,
    shutdown_refuses_other_descriptors,
    poll_shows_each_state,
    poll_shows_shutdown,
    poll_shows_a_closed_peer,
    poll_reports_only_what_was_asked_for,
    poll_wakes_for_data,
    poll_wakes_for_the_end,
    poll_wakes_for_room,
    poll_watches_many,
    poll_ignores_negative_and_reports_unopened,
    poll_times_out,
);

const IN: i16 = libc::POLLIN;
const OUT: i16 = libc::POLLOUT;
const HUP: i16 = libc::POLLHUP;
const RDHUP: i16 = libc::POLLRDHUP;

fn shutdown_of_writing_ends_the_peers_stream(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    check_eq!(sys::shutdown(&left, libc::SHUT_WR)?, 0);
    check_err!(sys::write(&left, b"x"), EPIPE);
    check_err!(sys::send(&left, b"x", libc::MSG_NOSIGNAL), EPIPE);
    check_eq!(sys::read(&right, &mut [0])?, 0);
    check_eq!(sys::write(&right, b"back")?, 4, "the other direction stays open");
    let mut data = [0; 8];
    check_eq!(sys::read(&left, &mut data)?, 4);
    Ok(())
}

fn shutdown_of_reading_refuses_the_peers_data(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    check_eq!(sys::shutdown(&left, libc::SHUT_RD)?, 0);
    check_eq!(sys::read(&left, &mut [0])?, 0);
    check_err!(sys::write(&right, b"x"), EPIPE);
    check_eq!(sys::write(&left, b"on")?, 2);
    check_eq!(sys::read(&right, &mut [0; 4])?, 2);
    Ok(())
}

fn shutdown_of_both_ends_everything(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    check_eq!(sys::shutdown(&left, libc::SHUT_RDWR)?, 0);
    for fd in [&left, &right] {
        check_eq!(sys::read(fd, &mut [0])?, 0);
        check_err!(sys::write(fd, b"x"), EPIPE);
    }
    Ok(())
}

fn shutdown_leaves_queued_data_readable(_: &Case) -> Outcome {
    for how in [libc::SHUT_RD, libc::SHUT_WR, libc::SHUT_RDWR] {
        let (left, right) = pair()?;
        sys::write(&left, b"to right")?;
        sys::write(&right, b"to left")?;
        sys::shutdown(&left, how)?;
        let mut data = [0; 16];
        check_eq!(sys::read(&left, &mut data)?, 7, "how {how}");
        check_eq!(&data[..7], b"to left");
        check_eq!(sys::read(&right, &mut data)?, 8, "how {how}");
        check_eq!(&data[..8], b"to right");
        if how != libc::SHUT_RD {
            check_eq!(sys::read(&right, &mut data)?, 0, "how {how}");
        }
        if how != libc::SHUT_WR {
            check_eq!(sys::read(&left, &mut data)?, 0, "how {how}");
        }
    }
    Ok(())
}

fn shutdown_may_be_repeated_and_combined(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    for how in [libc::SHUT_RD, libc::SHUT_RD, libc::SHUT_WR, libc::SHUT_WR, libc::SHUT_RDWR] {
        check_eq!(sys::shutdown(&left, how)?, 0, "how {how}");
    }
    check_eq!(ready(&left)?, IN | OUT | HUP | RDHUP);
    check_eq!(ready(&right)?, IN | OUT | HUP | RDHUP);
    drop(left);
    check_eq!(sys::shutdown(&right, libc::SHUT_RDWR)?, 0, "the peer is gone");
    Ok(())
}

fn shutdown_refuses_bad_modes(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    for how in [3, 4, -1, 0x100, i32::MAX, i32::MIN] {
        check_err!(sys::shutdown(&left, how), EINVAL, "how {how}");
    }
    exchange(&left, &right)
}

fn shutdown_of_an_unconnected_socket(case: &Case) -> Outcome {
    for how in [libc::SHUT_RD, libc::SHUT_WR, libc::SHUT_RDWR] {
        let fd = socket()?;
        check_eq!(sys::shutdown(&fd, how)?, 0, "this family asks for no connection, how {how}");
        if how != libc::SHUT_RD {
            check_err!(sys::write(&fd, b"x"), ENOTCONN, "how {how}");
        }
    }
    let fd = socket()?;
    sys::bind(&fd, case.abstract_address("a").bytes())?;
    check_eq!(sys::shutdown(&fd, libc::SHUT_WR)?, 0);
    Ok(())
}

fn shutdown_wakes_a_blocked_reader(case: &Case) -> Outcome {
    for how in [libc::SHUT_RD, libc::SHUT_RDWR] {
        let (left, _right) = pair()?;
        let left = Arc::new(left);
        let waiting = case.spawn({
            let left = Arc::clone(&left);
            move || Ok(sys::read(&*left, &mut [0])?)
        });
        sys::shutdown(&*left, how)?;
        check_eq!(waiting.join()?, 0, "how {how}");
    }
    Ok(())
}

fn shutdown_wakes_the_peers_blocked_reader(case: &Case) -> Outcome {
    for how in [libc::SHUT_WR, libc::SHUT_RDWR] {
        let (left, right) = pair()?;
        let waiting = case.spawn(move || Ok(sys::read(&right, &mut [0])?));
        sys::shutdown(&left, how)?;
        check_eq!(waiting.join()?, 0, "how {how}");
    }
    Ok(())
}

fn shutdown_wakes_a_blocked_writer(case: &Case) -> Outcome {
    // By the writer's own side, and by the reader's.
    for own in [true, false] {
        let (left, right) = pair()?;
        let (left, right) = (Arc::new(left), Arc::new(right));
        fill(&*left)?;
        let waiting = case.spawn({
            let left = Arc::clone(&left);
            move || {
                check_err!(sys::write(&*left, b"x"), EPIPE);
                Ok(())
            }
        });
        if own {
            sys::shutdown(&*left, libc::SHUT_WR)?;
            // On Linux a writer that waits for room does not look at its own shutdown: room, or the peer's end, wakes it.
            super::help::drain(&*right)?;
        } else {
            sys::shutdown(&*right, libc::SHUT_RD)?;
            super::help::drain(&*right)?;
        }
        waiting.join()?;
    }
    Ok(())
}

fn shutdown_refuses_other_descriptors(case: &Case) -> Outcome {
    check_err!(sys::shutdown(&-1, libc::SHUT_RD), EBADF);
    let (read, _write) = sys::pipe2(0)?;
    check_err!(sys::shutdown(&read, libc::SHUT_RD), ENOTSOCK);
    let file = sys::open(&case.path("file"), libc::O_CREAT | libc::O_RDWR, 0o600)?;
    check_err!(sys::shutdown(&file, libc::SHUT_RDWR), ENOTSOCK);
    Ok(())
}

fn poll_shows_each_state(case: &Case) -> Outcome {
    let fd = socket()?;
    check_eq!(ready(&fd)?, OUT | HUP, "fresh");
    let address = case.abstract_address("a");
    sys::bind(&fd, address.bytes())?;
    check_eq!(ready(&fd)?, OUT | HUP, "bound");
    sys::listen(&fd, 2)?;
    check_eq!(ready(&fd)?, 0, "listening");
    let (near, far) = accepted(&fd, &address)?;
    check_eq!(ready(&near)?, OUT, "connected");
    check_eq!(ready(&far)?, OUT, "accepted");
    sys::write(&near, b"x")?;
    check_eq!(ready(&far)?, IN | OUT, "with data");
    sys::read(&far, &mut [0])?;
    check_eq!(ready(&far)?, OUT, "without data again");
    fill(&near)?;
    check_eq!(ready(&near)?, 0, "full");
    Ok(())
}

fn poll_shows_shutdown(_: &Case) -> Outcome {
    for (how, own, other) in [
        (libc::SHUT_RD, IN | OUT | RDHUP, OUT),
        (libc::SHUT_WR, OUT, IN | OUT | RDHUP),
        (libc::SHUT_RDWR, IN | OUT | HUP | RDHUP, IN | OUT | HUP | RDHUP),
    ] {
        let (left, right) = pair()?;
        sys::shutdown(&left, how)?;
        check_eq!(ready(&left)?, own, "how {how}, own side");
        check_eq!(ready(&right)?, other, "how {how}, other side");
    }
    Ok(())
}

fn poll_shows_a_closed_peer(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    sys::write(&right, b"x")?;
    drop(right);
    check_eq!(ready(&left)?, IN | OUT | HUP | RDHUP);
    sys::read(&left, &mut [0])?;
    check_eq!(ready(&left)?, IN | OUT | HUP | RDHUP, "the end is readable too");
    let (left, right) = pair()?;
    sys::write(&left, b"unread")?;
    drop(right);
    check_eq!(ready(&left)?, IN | OUT | HUP | RDHUP | libc::POLLERR);
    Ok(())
}

fn poll_reports_only_what_was_asked_for(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    sys::write(&right, b"x")?;
    check_eq!(poll_for(&left, IN, 0)?, IN);
    check_eq!(poll_for(&left, OUT, 0)?, OUT);
    check_eq!(poll_for(&left, 0, 0)?, 0);
    check_eq!(poll_for(&left, libc::POLLRDNORM | libc::POLLWRNORM, 0)?, libc::POLLRDNORM | libc::POLLWRNORM);
    drop(right);
    check_eq!(poll_for(&left, 0, 0)?, HUP, "asked for or not");
    Ok(())
}

fn poll_wakes_for_data(case: &Case) -> Outcome {
    let (left, right) = pair()?;
    let waiting = case.spawn(move || {
        check_eq!(poll_for(&right, IN, -1)?, IN);
        check_eq!(sys::recv(&right, &mut [0; 4], libc::MSG_DONTWAIT)?, 1);
        Ok(())
    });
    sys::write(&left, b"x")?;
    waiting.join()
}

fn poll_wakes_for_the_end(case: &Case) -> Outcome {
    let (left, right) = pair()?;
    let waiting = case.spawn(move || Ok(poll_for(&right, IN, -1)?));
    drop(left);
    check!(waiting.join()? & IN != 0);
    let (left, right) = pair()?;
    let waiting = case.spawn(move || Ok(poll_for(&right, 0, -1)?));
    drop(left);
    check_eq!(waiting.join()?, HUP);
    Ok(())
}

fn poll_wakes_for_room(case: &Case) -> Outcome {
    let (left, right) = pair()?;
    let filled = fill(&left)?;
    let waiting = case.spawn(move || {
        check_eq!(poll_for(&left, OUT, -1)?, OUT);
        check_eq!(sys::send(&left, b"x", libc::MSG_DONTWAIT)?, 1);
        Ok(())
    });
    let mut data = vec![0; filled + 1];
    check_eq!(read_full(&right, &mut data)?, filled + 1);
    waiting.join()
}

fn poll_watches_many(case: &Case) -> Outcome {
    let pairs = (0..50).map(|_| pair()).collect::<Result<Vec<_>, _>>()?;
    let entry = |fd: &std::os::fd::OwnedFd| libc::pollfd {
        fd: std::os::fd::AsRawFd::as_raw_fd(fd),
        events: IN,
        revents: -1,
    };
    let mut entries: Vec<_> = pairs.iter().map(|(left, _)| entry(left)).collect();
    check_eq!(sys::poll(&mut entries, 0)?, 0);
    check!(entries.iter().all(|entry| entry.revents == 0), "revents is written always");
    for index in [7, 31, 49] {
        sys::write(&pairs[index].1, b"x")?;
    }
    check_eq!(sys::poll(&mut entries, -1)?, 3);
    for (index, entry) in entries.iter().enumerate() {
        check_eq!(entry.revents, if [7, 31, 49].contains(&index) { IN } else { 0 }, "entry {index}");
    }
    // The same descriptor may stand there more than once.
    let mut twice = [entry(&pairs[7].0), entry(&pairs[7].0)];
    check_eq!(sys::poll(&mut twice, -1)?, 2);
    let last = sys::dup(&pairs[20].1)?;
    let waker = case.spawn(move || Ok(sys::write(&last, b"x")?));
    let mut quiet: Vec<_> = pairs[10..30].iter().map(|(left, _)| entry(left)).collect();
    check_eq!(sys::poll(&mut quiet, -1)?, 1);
    check_eq!(quiet[10].revents, IN);
    waker.join()?;
    Ok(())
}

fn poll_ignores_negative_and_reports_unopened(_: &Case) -> Outcome {
    let (left, _right) = pair()?;
    let fd = std::os::fd::AsRawFd::as_raw_fd(&left);
    let mut entries = [
        libc::pollfd { fd: -1, events: IN, revents: -1 },
        libc::pollfd { fd: 0x0fff_ffff, events: 0, revents: -1 },
        libc::pollfd { fd, events: OUT, revents: -1 },
        libc::pollfd { fd: -fd, events: OUT, revents: -1 },
    ];
    check_eq!(sys::poll(&mut entries, -1)?, 2);
    check_eq!(entries.map(|entry| entry.revents), [0, libc::POLLNVAL, OUT, 0]);
    Ok(())
}

fn poll_times_out(_: &Case) -> Outcome {
    let (left, _right) = pair()?;
    let before = sys::clock_nanoseconds(libc::CLOCK_MONOTONIC)?;
    check_eq!(poll_for(&left, IN, 30)?, 0);
    let passed = sys::clock_nanoseconds(libc::CLOCK_MONOTONIC)? - before;
    check!(passed >= 30_000_000, "woke after {passed} ns");
    check_eq!(sys::poll(&mut [], 5)?, 0, "a mere wait");
    Ok(())
}
