//! Sockets in flight: how many there may be, and those that only keep each other open (`unix(7)`).
//!
//! Whether something is closed shows at a pipe that is passed along: its reading end hangs up. Linux collects what nobody can
//! reach on the occasion of another UNIX socket's end, and later than that: so the tests close one, and wait for the hang-up.

use std::os::fd::OwnedFd;

use super::{
    control::{receive, rights, send, send_files},
    help::{accepted, client, exchange, listener, pair, poll_for, socket},
};
use crate::{
    harness::{Case, NOBODY, Need, Outcome, Test, check, check_eq, check_err, tests},
    sys::{self, Descriptor},
};

pub(crate) const TESTS: &[Test] = tests!("unix";
    flight_of_a_socket_to_itself,
    flight_of_two_sockets_to_each_other,
    flight_in_a_long_circle,
    flight_in_a_long_chain,
    flight_over_a_connection_that_nobody_accepts,
    flight_of_a_listener_to_itself,
    flight_ends_for_a_peer_that_is_open,
    flight_of_what_is_open_goes_on,
    flight_of_what_can_be_received_goes_on,
    flight_ends_with_the_process,
    flight_has_a_limit needs [Need::OtherUsers, Need::DescriptorLimit],
    flight_has_no_limit_for_the_privileged needs [Need::FirstUserNamespace, Need::DescriptorLimit],
    flight_of_a_socket_many_times,
);

/// A pipe that says when what has its writing end is gone.
struct Canary {
    reader: OwnedFd,
    writer: OwnedFd,
}

fn canary() -> Outcome<Canary> {
    let (reader, writer) = sys::pipe2(libc::O_NONBLOCK)?;
    Ok(Canary { reader, writer })
}

/// What makes Linux look for sockets that nobody can reach.
fn occasion() -> Outcome {
    drop(pair()?);
    drop(socket()?);
    Ok(())
}

/// Waits until everything that had the writing end is closed.
#[track_caller]
pub(crate) fn check_gone(reader: &OwnedFd) -> Outcome {
    occasion()?;
    check_eq!(poll_for(reader, 0, 10_000)?, libc::POLLHUP);
    Ok(())
}

#[track_caller]
fn check_there(reader: &OwnedFd) -> Outcome {
    occasion()?;
    check_eq!(poll_for(reader, 0, 0)?, 0);
    Ok(())
}

fn flight_of_a_socket_to_itself(_: &Case) -> Outcome {
    for close_first in [false, true] {
        let (left, right) = pair()?;
        let canary = canary()?;
        send_files(&left, b"x", &[&right, &canary.writer])?;
        drop(canary.writer);
        if close_first {
            drop(left);
            check_there(&canary.reader)?;
            drop(right);
        } else {
            drop(right);
            drop(left);
        }
        check_gone(&canary.reader)?;
    }
    Ok(())
}

fn flight_of_two_sockets_to_each_other(_: &Case) -> Outcome {
    let (one, two) = (pair()?, pair()?);
    let (first, second) = (canary()?, canary()?);
    send_files(&one.0, b"x", &[&two.1, &first.writer])?;
    send_files(&two.0, b"x", &[&one.1, &second.writer])?;
    drop((first.writer, second.writer));
    drop((one.0, two.0, one.1));
    check_there(&first.reader)?;
    check_there(&second.reader)?;
    drop(two.1);
    check_gone(&first.reader)?;
    check_gone(&second.reader)
}

/// Socket N waits at socket N + 1, the last one at the first.
fn flight_in_a_long_circle(_: &Case) -> Outcome {
    const LENGTH: usize = 300;
    let canary = canary()?;
    let pairs: Vec<_> = (0..LENGTH).map(|_| pair()).collect::<Result<_, _>>()?;
    for index in 0..LENGTH {
        let next = &pairs[(index + 1) % LENGTH].0;
        if index == LENGTH / 2 {
            send_files(next, b"x", &[&pairs[index].1, &canary.writer])?;
        } else {
            send_files(next, b"x", &[&pairs[index].1])?;
        }
    }
    drop(canary.writer);
    let (senders, mut receivers): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
    drop(senders);
    let last = receivers.swap_remove(LENGTH / 3);
    drop(receivers);
    check_there(&canary.reader)?;
    drop(last);
    check_gone(&canary.reader)
}

/// Each socket waits at the next one, and nobody has any but the last. Closing that closes all, however many they are.
fn flight_in_a_long_chain(_: &Case) -> Outcome {
    const LENGTH: usize = 5000;
    let canary = canary()?;
    let (mut sender, mut receiver) = pair()?;
    send_files(&sender, b"x", &[&canary.writer])?;
    drop(canary.writer);
    for _ in 0..LENGTH {
        let (next_sender, next_receiver) = pair()?;
        send_files(&next_sender, b"x", &[&receiver])?;
        (sender, receiver) = (next_sender, next_receiver);
    }
    drop(sender);
    check_there(&canary.reader)?;
    drop(receiver);
    check_gone(&canary.reader)
}

fn flight_over_a_connection_that_nobody_accepts(case: &Case) -> Outcome {
    let address = case.abstract_address("a");
    let listening = listener(&address, 4)?;
    let near = client(&address)?;
    let canary = canary()?;
    send_files(&near, b"x", &[&listening, &canary.writer])?;
    drop((canary.writer, near));
    check_there(&canary.reader)?;
    drop(listening);
    check_gone(&canary.reader)?;
    check_err!(sys::connect(&socket()?, address.bytes()), ECONNREFUSED);
    Ok(())
}

/// The listener waits at a connection of its own that has been accepted, which waits at itself.
fn flight_of_a_listener_to_itself(case: &Case) -> Outcome {
    let address = case.abstract_address("a");
    let listening = listener(&address, 4)?;
    let (near, far) = accepted(&listening, &address)?;
    let waiting = client(&address)?;
    let canary = canary()?;
    send_files(&near, b"x", &[&listening, &far])?;
    send_files(&waiting, b"x", &[&canary.writer, &far])?;
    drop((canary.writer, near, waiting, far));
    check_there(&canary.reader)?;
    drop(listening);
    check_gone(&canary.reader)
}

fn flight_ends_for_a_peer_that_is_open(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    send_files(&left, b"x", &[&right])?;
    drop(right);
    occasion()?;
    check_eq!(poll_for(&left, libc::POLLRDHUP, 10_000)? & libc::POLLHUP, libc::POLLHUP);
    check_err!(sys::send(&left, b"y", libc::MSG_NOSIGNAL), EPIPE);
    Ok(())
}

fn flight_of_what_is_open_goes_on(_: &Case) -> Outcome {
    let (one, two) = (pair()?, pair()?);
    send_files(&one.0, b"x", &[&two.1])?;
    send_files(&two.0, b"y", &[&one.1])?;
    drop((one.0, two.0, one.1));
    occasion()?;
    // The one that is left leads to the other, and to itself.
    let mut got = receive(&two.1, 8)?;
    check_eq!((&got.data[..], got.files.len()), (&b"y"[..], 1));
    let mut got = receive(&got.files.remove(0), 8)?;
    check_eq!((&got.data[..], got.files.len()), (&b"x"[..], 1));
    check_eq!(sys::fstat(&got.files.remove(0))?.st_ino, sys::fstat(&two.1)?.st_ino);
    Ok(())
}

/// The circle hangs at a socket that is open, although none of its own is.
fn flight_of_what_can_be_received_goes_on(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    let (open, keeper) = pair()?;
    let canary = canary()?;
    send_files(&left, b"x", &[&right, &canary.writer])?;
    send_files(&open, b"y", &[&right])?;
    drop((canary.writer, left, right));
    check_there(&canary.reader)?;
    let mut got = receive(&keeper, 8)?;
    let right = got.files.remove(0);
    check_there(&canary.reader)?;
    check_eq!(receive(&right, 8)?.files.len(), 2);
    drop(right);
    check_gone(&canary.reader)
}

fn flight_ends_with_the_process(case: &Case) -> Outcome {
    let canary = canary()?;
    let writer = canary.writer;
    case.in_child(|| {
        let (left, right) = pair()?;
        send_files(&left, b"x", &[&left, &right, &writer])?;
        send_files(&right, b"x", &[&left, &right, &writer])?;
        // Kept beyond the end of this function: what ends is the process.
        std::mem::forget((left, right));
        Ok(())
    })?;
    drop(writer);
    check_gone(&canary.reader)
}

/// How many messages with a descriptor in each can be sent.
fn sendable(left: &OwnedFd, tries: usize) -> usize {
    (0..tries).take_while(|_| send(left, b"x", &rights(&[left.number()]), libc::MSG_DONTWAIT).is_ok()).count()
}

fn flight_has_a_limit(case: &Case) -> Outcome {
    case.in_child(|| {
        let (left, right) = pair()?;
        sys::limit_descriptors(Some(50))?;
        sys::set_thread_uids(NOBODY, NOBODY, NOBODY)?;
        // One more than there are numbers.
        check_eq!(sendable(&left, 200), 51);
        check_err!(send(&left, b"x", &rights(&[left.number()]), 0), ETOOMANYREFS);
        let (other, _receiver) = pair()?;
        check_err!(send(&other, b"x", &rights(&[left.number()]), 0), ETOOMANYREFS, "all sockets together");
        check_eq!(receive(&right, 1)?.files.len(), 1);
        check_eq!(sendable(&left, 200), 1);
        check_eq!(sys::send(&left, b"x", 0)?, 1, "what has no descriptors goes on");
        // What is never received counts no more.
        drop(right);
        check_eq!(sendable(&other, 200), 51);
        Ok(())
    })
}

fn flight_has_no_limit_for_the_privileged(case: &Case) -> Outcome {
    case.in_child(|| {
        let (left, _right) = pair()?;
        sys::limit_descriptors(Some(50))?;
        check_eq!(sendable(&left, 100), 100);
        Ok(())
    })
}

fn flight_of_a_socket_many_times(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    let canary = canary()?;
    let numbers = [right.number(); 250];
    for _ in 0..20 {
        check_eq!(send(&left, b"x", &rights(&numbers), 0)?, 1);
    }
    send_files(&left, b"x", &[&canary.writer])?;
    drop(canary.writer);
    check_eq!(receive(&right, 1)?.files.len(), 250);
    check_there(&canary.reader)?;
    exchange_behind(&left, &right)?;
    drop((left, right));
    check_gone(&canary.reader)
}

/// The other direction is as it was.
fn exchange_behind(left: &OwnedFd, right: &OwnedFd) -> Outcome {
    check_eq!(sys::write(right, b"z")?, 1);
    check_eq!(sys::read(left, &mut [0; 4])?, 1);
    let (one, other) = pair()?;
    check!(one.number() != other.number());
    exchange(&one, &other)
}
