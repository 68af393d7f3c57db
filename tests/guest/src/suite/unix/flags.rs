//! The MSG_ flags of the send and receive calls.

use std::{
    io::{IoSlice, IoSliceMut},
    os::fd::OwnedFd,
    sync::Arc,
};

use super::help::{drain, exchange, fill, pair, set_nonblocking};
use crate::{
    errno::Result,
    harness::{Case, Outcome, Test, Worker, check_eq, check_err, tests},
    sys::{self, Envelope},
};

pub(crate) const TESTS: &[Test] = tests!("unix";
    peek_takes_nothing,
    peek_sees_across_writes,
    peek_of_nothing,
    peek_waits_for_data,
    peek_sees_the_end,
    dontwait_receives_without_blocking,
    dontwait_sends_without_blocking,
    dontwait_leaves_the_socket_blocking,
    waitall_waits_for_everything,
    waitall_ends_with_the_stream,
    waitall_ends_with_shutdown,
    waitall_and_dontwait_take_what_is_there,
    waitall_on_a_nonblocking_socket_takes_what_is_there,
    waitall_and_peek_do_not_wait,
    waitall_fills_every_part_of_a_message,
    nosignal_gives_epipe,
    nosignal_means_nothing_to_receivers,
    cmsg_cloexec_changes_nothing_without_descriptors,
    confirm_changes_nothing,
    flags_combine,
);

fn peek_takes_nothing(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    sys::write(&left, b"peekaboo")?;
    for size in [1, 4, 8, 16] {
        let mut data = [0; 16];
        let expected = size.min(8);
        check_eq!(sys::recv(&right, &mut data[..size], libc::MSG_PEEK)?, expected);
        check_eq!(data[..expected], b"peekaboo"[..expected]);
    }
    let mut data = [0; 16];
    check_eq!(sys::read(&right, &mut data)?, 8);
    check_err!(sys::recv(&right, &mut data, libc::MSG_DONTWAIT), EAGAIN);
    Ok(())
}

fn peek_sees_across_writes(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    for part in [&b"ab"[..], b"cd", b"ef"] {
        sys::write(&left, part)?;
    }
    let mut data = [0; 16];
    check_eq!(sys::recv(&right, &mut data[..3], libc::MSG_PEEK)?, 3);
    check_eq!(sys::recv(&right, &mut data, libc::MSG_PEEK)?, 6);
    check_eq!(&data[..6], b"abcdef");
    check_eq!(sys::read(&right, &mut data[..3])?, 3);
    check_eq!(sys::recv(&right, &mut data, libc::MSG_PEEK)?, 3, "what is left of a write, and the next");
    check_eq!(&data[..3], b"def");
    let mut one = [0; 2];
    let header = sys::recvmsg(&right, &mut [IoSliceMut::new(&mut one)], Envelope::default(), libc::MSG_PEEK)?;
    check_eq!((header.bytes, &one), (2, b"de"));
    check_eq!(sys::read(&right, &mut data)?, 3);
    Ok(())
}

fn peek_of_nothing(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    check_err!(sys::recv(&right, &mut [0], libc::MSG_PEEK | libc::MSG_DONTWAIT), EAGAIN);
    exchange(&left, &right)
}

fn peek_waits_for_data(case: &Case) -> Outcome {
    let (left, right) = pair()?;
    let waiting = case.spawn(move || {
        let mut data = [0; 8];
        check_eq!(sys::recv(&right, &mut data, libc::MSG_PEEK)?, 3);
        check_eq!(sys::read(&right, &mut data)?, 3);
        Ok(())
    });
    sys::write(&left, b"abc")?;
    waiting.join()
}

fn peek_sees_the_end(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    sys::write(&left, b"a")?;
    drop(left);
    let mut data = [0; 2];
    check_eq!(sys::recv(&right, &mut data, libc::MSG_PEEK)?, 1);
    check_eq!(sys::read(&right, &mut data)?, 1);
    check_eq!(sys::recv(&right, &mut data, libc::MSG_PEEK)?, 0);
    check_eq!(sys::read(&right, &mut data)?, 0);
    Ok(())
}

fn dontwait_receives_without_blocking(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    let mut data = [0; 8];
    check_err!(sys::recv(&right, &mut data, libc::MSG_DONTWAIT), EAGAIN);
    let mut into = [IoSliceMut::new(&mut data)];
    check_err!(sys::recvmsg(&right, &mut into, Envelope::default(), libc::MSG_DONTWAIT), EAGAIN);
    sys::write(&left, b"abc")?;
    check_eq!(sys::recv(&right, &mut data, libc::MSG_DONTWAIT)?, 3);
    drop(left);
    check_eq!(sys::recv(&right, &mut data, libc::MSG_DONTWAIT)?, 0);
    Ok(())
}

fn dontwait_sends_without_blocking(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    let filled = fill(&left)?;
    check_err!(sys::send(&left, b"x", libc::MSG_DONTWAIT), EAGAIN);
    let parts = [IoSlice::new(b"x")];
    check_err!(sys::sendmsg(&left, &parts, Envelope::default(), libc::MSG_DONTWAIT), EAGAIN);
    check_eq!(drain(&right)?, filled, "nothing of the refused bytes came");
    check_eq!(sys::send(&left, b"x", libc::MSG_DONTWAIT)?, 1);
    Ok(())
}

fn dontwait_leaves_the_socket_blocking(case: &Case) -> Outcome {
    let (left, right) = pair()?;
    check_err!(sys::recv(&right, &mut [0], libc::MSG_DONTWAIT), EAGAIN);
    check_eq!(sys::fcntl(&right, libc::F_GETFL, 0)? as i32 & libc::O_NONBLOCK, 0);
    let waiting = case.spawn(move || Ok(sys::read(&right, &mut [0])?));
    sys::write(&left, b"x")?;
    check_eq!(waiting.join()?, 1);
    Ok(())
}

/// Receives with MSG_WAITALL in a thread.
fn wait_for_all(case: &Case, fd: &Arc<OwnedFd>, length: usize) -> Worker<(Result<usize>, Vec<u8>)> {
    let fd = Arc::clone(fd);
    case.spawn(move || {
        let mut data = vec![0; length];
        let met = sys::recv(&*fd, &mut data, libc::MSG_WAITALL);
        Ok((met, data))
    })
}

fn waitall_waits_for_everything(case: &Case) -> Outcome {
    let (left, right) = pair()?;
    let right = Arc::new(right);
    let waiting = wait_for_all(case, &right, 9);
    for part in [&b"abc"[..], b"d", b"efgh", b"i", b"later"] {
        sys::write(&left, part)?;
    }
    let (met, data) = waiting.join()?;
    check_eq!(met?, 9);
    check_eq!(&data, b"abcdefghi");
    check_eq!(sys::read(&*right, &mut [0; 9])?, 5, "what was not asked for waits");
    Ok(())
}

fn waitall_ends_with_the_stream(case: &Case) -> Outcome {
    let (left, right) = pair()?;
    let waiting = wait_for_all(case, &Arc::new(right), 9);
    sys::write(&left, b"abc")?;
    sys::write(&left, b"d")?;
    drop(left);
    let (met, data) = waiting.join()?;
    check_eq!(met?, 4, "what came before the end");
    check_eq!(&data[..4], b"abcd");
    Ok(())
}

fn waitall_ends_with_shutdown(case: &Case) -> Outcome {
    let (left, right) = pair()?;
    let waiting = wait_for_all(case, &Arc::new(right), 9);
    sys::write(&left, b"abc")?;
    sys::shutdown(&left, libc::SHUT_WR)?;
    check_eq!(waiting.join()?.0?, 3);
    Ok(())
}

fn waitall_and_dontwait_take_what_is_there(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    let flags = libc::MSG_WAITALL | libc::MSG_DONTWAIT;
    check_err!(sys::recv(&right, &mut [0; 8], flags), EAGAIN);
    sys::write(&left, b"abc")?;
    sys::write(&left, b"def")?;
    check_eq!(sys::recv(&right, &mut [0; 16], flags)?, 6);
    Ok(())
}

fn waitall_on_a_nonblocking_socket_takes_what_is_there(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    set_nonblocking(&right, true)?;
    check_err!(sys::recv(&right, &mut [0; 8], libc::MSG_WAITALL), EAGAIN);
    sys::write(&left, b"abc")?;
    check_eq!(sys::recv(&right, &mut [0; 8], libc::MSG_WAITALL)?, 3);
    Ok(())
}

fn waitall_and_peek_do_not_wait(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    sys::write(&left, b"abc")?;
    sys::write(&left, b"de")?;
    check_eq!(sys::recv(&right, &mut [0; 8], libc::MSG_WAITALL | libc::MSG_PEEK)?, 5);
    check_eq!(sys::read(&right, &mut [0; 8])?, 5);
    Ok(())
}

fn waitall_fills_every_part_of_a_message(case: &Case) -> Outcome {
    let (left, right) = pair()?;
    let waiting = case.spawn(move || {
        let (mut one, mut two) = ([0; 4], [0; 5]);
        let mut parts = [IoSliceMut::new(&mut one), IoSliceMut::new(&mut two)];
        let met = sys::recvmsg(&right, &mut parts, Envelope::default(), libc::MSG_WAITALL);
        Ok((met.map(|header| header.bytes), one, two, right))
    });
    for piece in [&b"ab"[..], b"cdefg", b"hi", b"later"] {
        sys::write(&left, piece)?;
    }
    let (met, one, two, right) = waiting.join()?;
    check_eq!(met?, 9);
    check_eq!((&one, &two), (b"abcd", b"efghi"));
    check_eq!(sys::read(&right, &mut [0; 9])?, 5, "what was not asked for waits");
    Ok(())
}

fn nosignal_gives_epipe(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    check_eq!(sys::send(&left, b"x", libc::MSG_NOSIGNAL)?, 1);
    check_eq!(
        sys::recv(&right, &mut [0; 2], libc::MSG_NOSIGNAL)?,
        1,
        "accepted, and without effect, here too"
    );
    drop(right);
    check_err!(sys::send(&left, b"x", libc::MSG_NOSIGNAL), EPIPE);
    let parts = [IoSlice::new(b"x")];
    check_err!(sys::sendmsg(&left, &parts, Envelope::default(), libc::MSG_NOSIGNAL), EPIPE);
    Ok(())
}

fn nosignal_means_nothing_to_receivers(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    sys::write(&left, b"abc")?;
    let mut data = [0; 8];
    let mut parts = [IoSliceMut::new(&mut data)];
    let header = sys::recvmsg(&right, &mut parts, Envelope::default(), libc::MSG_NOSIGNAL)?;
    check_eq!((header.bytes, header.flags), (3, 0));
    drop(left);
    check_eq!(sys::recvmsg(&right, &mut parts, Envelope::default(), libc::MSG_NOSIGNAL)?.bytes, 0);
    check_eq!(sys::recv(&right, &mut [0; 2], libc::MSG_NOSIGNAL)?, 0, "the end, not an error");
    Ok(())
}

fn cmsg_cloexec_changes_nothing_without_descriptors(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    sys::write(&left, b"abc")?;
    let mut data = [0; 8];
    let mut control = [0xa5; 64];
    let envelope = Envelope { control: Some(&mut control), ..Envelope::default() };
    let header = sys::recvmsg(&right, &mut [IoSliceMut::new(&mut data)], envelope, libc::MSG_CMSG_CLOEXEC)?;
    check_eq!((header.bytes, header.control), (3, 0));
    // The flag is shown in the result: the one that goes in and comes out (net/core/scm.c).
    check_eq!(header.flags & !libc::MSG_CMSG_CLOEXEC, 0);
    sys::write(&left, b"abc")?;
    check_eq!(sys::recv(&right, &mut data, libc::MSG_CMSG_CLOEXEC)?, 3);
    Ok(())
}

fn confirm_changes_nothing(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    check_eq!(sys::send(&left, b"ab", libc::MSG_CONFIRM)?, 2);
    let parts = [IoSlice::new(b"c")];
    check_eq!(sys::sendmsg(&left, &parts, Envelope::default(), libc::MSG_CONFIRM)?.bytes, 1);
    let mut data = [0; 8];
    check_eq!(sys::read(&right, &mut data)?, 3);
    check_eq!(&data[..3], b"abc");
    Ok(())
}

fn flags_combine(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    let send = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT | libc::MSG_CONFIRM;
    check_eq!(sys::send(&left, b"abc", send)?, 3);
    let receive =
        libc::MSG_PEEK | libc::MSG_DONTWAIT | libc::MSG_WAITALL | libc::MSG_NOSIGNAL | libc::MSG_CMSG_CLOEXEC;
    let mut data = [0; 8];
    check_eq!(sys::recv(&right, &mut data, receive)?, 3);
    check_eq!(sys::recv(&right, &mut data, receive & !libc::MSG_PEEK)?, 3);
    check_err!(sys::recv(&right, &mut data, receive), EAGAIN);
    drop(right);
    check_err!(sys::send(&left, b"abc", send), EPIPE);
    Ok(())
}
