//! Datagram sockets: peers, addresses, the bounds of what waits, and their end.

use std::{
    io::{IoSlice, IoSliceMut},
    sync::Arc,
};

use super::help::{
    DGRAM, SEQPACKET, STREAM, UNIX, bound, datagram, name, option, pair_of, peer_name, poll_for, ready,
    record, set_option,
};
use crate::{
    address::Address,
    errno::Result,
    harness::{Case, Outcome, Test, check, check_eq, check_err, tests},
    sys::{self, Descriptor, Envelope, Header},
};

pub(crate) const TESTS: &[Test] = tests!("unix";
    datagrams_keep_their_boundaries,
    datagrams_may_be_empty,
    datagrams_that_do_not_fit_are_cut,
    datagrams_tell_their_true_length,
    datagrams_can_be_looked_at,
    datagrams_of_every_size_arrive_whole,
    datagrams_have_a_largest_size,
    datagram_sockets_make_no_connections,
    datagram_without_destination_is_refused,
    datagram_to_bad_addresses_is_refused,
    datagram_names_and_types_must_match,
    datagram_tells_the_name_of_its_sender,
    datagram_sender_may_get_its_name_later,
    datagram_peer_may_be_changed_and_taken_away,
    datagram_peer_is_the_only_sender,
    datagram_address_overrides_the_peer,
    datagram_to_itself,
    datagram_peer_that_is_gone,
    datagram_pair_whose_end_is_closed,
    leaving_a_peer_loses_what_it_sent,
    datagram_queue_is_bounded_for_strangers,
    datagram_queue_is_not_bounded_for_the_peer,
    datagram_queue_is_not_bounded_for_oneself,
    max_dgram_qlen_bounds_new_sockets,
    full_receiver_blocks_the_sender,
    full_receiver_that_is_closed_refuses,
    full_receiver_that_is_shut_refuses,
    full_receiver_shows_in_poll,
    full_receiver_wakes_those_who_poll,
    full_buffer_blocks_the_sender,
    full_buffer_shows_in_poll,
    datagram_shutdown_is_local,
    datagram_shutdown_wakes_readers,
    datagram_poll_shows_each_state,
    datagram_bad_memory_loses_the_datagram,
    datagram_bad_memory_sends_nothing,
    datagram_flags_that_mean_nothing,
    datagrams_out_of_pipes_and_files,
    datagrams_into_pipes,
);

const IN: i16 = libc::POLLIN;
const OUT: i16 = libc::POLLOUT;

/// What of a queue bounds strangers: as many datagrams as `max_dgram_qlen` says, and one more.
fn queue_length() -> Outcome<usize> {
    let text = std::fs::read_to_string("/proc/sys/net/unix/max_dgram_qlen")?;
    let length: usize = text.trim().parse().map_err(|_| crate::harness::Failure::here("not a number"))?;
    Ok(length + 1)
}

/// Sends to `address` until its queue is full; how many went in.
fn fill_queue(fd: &impl Descriptor, address: &Address) -> Outcome<usize> {
    for count in 0.. {
        match sys::sendto(fd, &[count as u8], libc::MSG_DONTWAIT, address.bytes()) {
            Ok(1) => {}
            met => {
                check_err!(met, EAGAIN);
                return Ok(count);
            }
        }
    }
    Ok(0)
}

/// Sends to the peer until it would have to wait; how many went in.
fn fill_peer(fd: &impl Descriptor, size: usize) -> Outcome<usize> {
    let data = vec![b'd'; size];
    for count in 0.. {
        match sys::send(fd, &data, libc::MSG_DONTWAIT) {
            Ok(_) => {}
            met => {
                check_err!(met, EAGAIN);
                return Ok(count);
            }
        }
    }
    Ok(0)
}

fn datagrams_keep_their_boundaries(_: &Case) -> Outcome {
    let (left, right) = pair_of(DGRAM)?;
    for data in [&b"one"[..], b"two", b"three"] {
        check_eq!(sys::write(&left, data)?, data.len());
    }
    for data in [&b"one"[..], b"two", b"three"] {
        check_eq!(record(&right)?, data);
    }
    check_err!(record(&right), EAGAIN);
    Ok(())
}

fn datagrams_may_be_empty(_: &Case) -> Outcome {
    let (left, right) = pair_of(DGRAM)?;
    check_eq!(sys::send(&left, b"", 0)?, 0);
    check_eq!(sys::write(&left, b"")?, 0);
    check_eq!(sys::sendmsg(&left, &[], Envelope::default(), 0)?.bytes, 0);
    check_eq!(sys::writev(&left, &[])?, 0, "which sends nothing, not even an empty one");
    check_eq!(ready(&right)?, IN | OUT);
    let mut bytes = -1;
    sys::ioctl(&right, libc::FIONREAD, &mut bytes)?;
    check_eq!(bytes, 0);
    check_eq!(sys::read(&right, &mut [])?, 0, "which takes nothing");
    check_eq!(sys::recv(&right, &mut [], 0)?, 0, "which takes one");
    check_eq!(sys::read(&right, &mut [0; 4])?, 0);
    check_eq!(sys::recv(&right, &mut [0; 4], 0)?, 0);
    check_err!(sys::recv(&right, &mut [0; 4], libc::MSG_DONTWAIT), EAGAIN);
    Ok(())
}

fn datagrams_that_do_not_fit_are_cut(_: &Case) -> Outcome {
    let (left, right) = pair_of(DGRAM)?;
    let mut data = [0; 4];
    let mut receive = || {
        let mut into = [IoSliceMut::new(&mut data)];
        sys::recvmsg(&right, &mut into, Envelope::default(), libc::MSG_DONTWAIT)
    };
    for (text, bytes, flags) in [(&b"12345"[..], 4, libc::MSG_TRUNC), (b"1234", 4, 0), (b"123", 3, 0)] {
        sys::write(&left, text)?;
        check_eq!(receive()?, Header { bytes, name: 0, control: 0, flags });
    }
    check_err!(receive(), EAGAIN);
    check_eq!(&data[..3], b"123");
    Ok(())
}

fn datagrams_tell_their_true_length(_: &Case) -> Outcome {
    let (left, right) = pair_of(DGRAM)?;
    sys::write(&left, &[7; 1000])?;
    let mut data = [0; 10];
    check_eq!(sys::recv(&right, &mut data, libc::MSG_PEEK | libc::MSG_TRUNC)?, 1000);
    check_eq!(sys::recv(&right, &mut [], libc::MSG_PEEK | libc::MSG_TRUNC)?, 1000);
    let mut into = [IoSliceMut::new(&mut data)];
    let header = sys::recvmsg(&right, &mut into, Envelope::default(), libc::MSG_TRUNC)?;
    check_eq!(header, Header { bytes: 1000, name: 0, control: 0, flags: libc::MSG_TRUNC });
    check_eq!(data, [7; 10]);
    sys::write(&left, b"ab")?;
    check_eq!(sys::recv(&right, &mut data, libc::MSG_TRUNC)?, 2);
    Ok(())
}

fn datagrams_can_be_looked_at(_: &Case) -> Outcome {
    let (left, right) = pair_of(DGRAM)?;
    sys::write(&left, b"first")?;
    sys::write(&left, b"second")?;
    for _ in 0..2 {
        let mut data = [0; 16];
        check_eq!(sys::recv(&right, &mut data, libc::MSG_PEEK)?, 5);
        check_eq!(&data[..5], b"first");
    }
    check_eq!(record(&right)?, b"first");
    check_eq!(record(&right)?, b"second");
    Ok(())
}

fn datagrams_of_every_size_arrive_whole(_: &Case) -> Outcome {
    let (left, right) = pair_of(DGRAM)?;
    for size in [1, 47, 48, 49, 255, 256, 257, 4095, 4096, 16_384, 36_864, 36_865, 65_536, 100_000, 180_000] {
        let data = super::help::pattern(size as u64, size);
        check_eq!(sys::write(&left, &data)?, size);
        let mut into = vec![0; size + 1];
        check_eq!(sys::read(&right, &mut into)?, size);
        check!(into[..size] == data[..], "{size} bytes changed on their way");
    }
    Ok(())
}

fn datagrams_have_a_largest_size(_: &Case) -> Outcome {
    let (left, right) = pair_of(DGRAM)?;
    let buffer = option(&left, libc::SO_SNDBUF)? as usize;
    check_err!(sys::write(&left, &vec![0; buffer - 31]), EMSGSIZE);
    check_eq!(sys::write(&left, &vec![0; buffer - 32])?, buffer - 32);
    check_eq!(sys::read(&right, &mut vec![0; buffer])?, buffer - 32);
    set_option(&left, libc::SO_SNDBUF, 10_000)?;
    check_err!(sys::write(&left, &[0; 20_000 - 31]), EMSGSIZE);
    check_eq!(sys::write(&left, &[0; 20_000 - 32])?, 20_000 - 32);
    // The size is looked at before whether there is anybody to send to.
    check_err!(sys::write(&datagram()?, &vec![0; buffer - 31]), EMSGSIZE);
    Ok(())
}

fn datagram_sockets_make_no_connections(case: &Case) -> Outcome {
    let fd = bound(&case.abstract_address("a"))?;
    check_err!(sys::listen(&fd, 1), EOPNOTSUPP);
    check_err!(sys::listen(&datagram()?, 1), EOPNOTSUPP);
    check_err!(sys::accept(&fd), EOPNOTSUPP);
    check_eq!(option(&fd, libc::SO_ACCEPTCONN)?, 0);
    Ok(())
}

fn datagram_without_destination_is_refused(_: &Case) -> Outcome {
    let fd = datagram()?;
    check_err!(sys::write(&fd, b"x"), ENOTCONN);
    check_err!(sys::send(&fd, b"", 0), ENOTCONN);
    check_err!(sys::sendto(&fd, b"x", 0, &[]), ENOTCONN);
    check_err!(peer_name(&fd), ENOTCONN);
    Ok(())
}

fn datagram_to_bad_addresses_is_refused(case: &Case) -> Outcome {
    let fd = datagram()?;
    for bad in [&b"\x01\0"[..], b"\x02\0abc", b"\0\0abc", b"\x01", &[1; 111], &[0; 16]] {
        check_err!(sys::sendto(&fd, b"x", 0, bad), EINVAL);
    }
    check_err!(sys::sendto(&fd, b"x", 0, &[1; 129]), EINVAL);
    check_err!(sys::sendto(&fd, b"x", 0, case.path_address("absent").bytes()), ENOENT);
    check_err!(sys::sendto(&fd, b"x", 0, case.abstract_address("absent").bytes()), ECONNREFUSED);
    for bad in [&b"\x01\0"[..], b"\x02\0abc", b"\x01"] {
        check_err!(sys::connect(&fd, bad), EINVAL);
    }
    check_err!(sys::connect(&fd, case.path_address("absent").bytes()), ENOENT);
    check_err!(sys::connect(&fd, case.abstract_address("absent").bytes()), ECONNREFUSED);
    let path = case.path_address("file");
    drop(sys::open(&case.path("file"), libc::O_CREAT | libc::O_RDWR, 0o600)?);
    check_err!(sys::sendto(&fd, b"x", 0, path.bytes()), ECONNREFUSED);
    Ok(())
}

fn datagram_names_and_types_must_match(case: &Case) -> Outcome {
    let path = case.path_address("stream");
    let stream = sys::socket(UNIX, STREAM, 0)?;
    sys::bind(&stream, path.bytes())?;
    let fd = datagram()?;
    check_err!(sys::connect(&fd, path.bytes()), EPROTOTYPE);
    check_err!(sys::sendto(&fd, b"x", 0, path.bytes()), EPROTOTYPE);
    // Abstract names are kept apart by type.
    let address = case.abstract_address("both");
    let stream = sys::socket(UNIX, STREAM, 0)?;
    sys::bind(&stream, address.bytes())?;
    check_err!(sys::connect(&fd, address.bytes()), ECONNREFUSED);
    let receiver = bound(&address)?;
    sys::connect(&fd, address.bytes())?;
    check_eq!(sys::write(&fd, b"x")?, 1);
    check_eq!(record(&receiver)?, b"x");
    let receiver = bound(&case.path_address("datagram"))?;
    check_err!(sys::connect(&sys::socket(UNIX, STREAM, 0)?, name(&receiver)?.bytes()), EPROTOTYPE);
    Ok(())
}

/// A datagram, and the name it came with.
fn with_sender(fd: &impl Descriptor, room: usize) -> Result<(Vec<u8>, Vec<u8>, i32)> {
    let (mut data, mut buffer, mut length) = ([0; 32], vec![0xa5; room], room as i32);
    let count = sys::recvfrom(fd, &mut data, libc::MSG_DONTWAIT, &mut buffer, &mut length)?;
    Ok((data[..count].to_vec(), buffer, length))
}

fn datagram_tells_the_name_of_its_sender(case: &Case) -> Outcome {
    let address = case.abstract_address("receiver");
    let fd = bound(&address)?;
    let own = case.path_address("sender");
    let sender = bound(&own)?;
    sys::sendto(&sender, b"named", 0, address.bytes())?;
    sys::sendto(&datagram()?, b"unnamed", 0, address.bytes())?;
    sys::sendto(&sender, b"cut", 0, address.bytes())?;
    sys::sendto(&sender, b"message", 0, address.bytes())?;
    // Who is gone has still a name.
    drop(sender);
    let (data, buffer, length) = with_sender(&fd, 128)?;
    check_eq!(data, b"named");
    check_eq!(Address::from_filled(&buffer, length), own);
    let (data, buffer, length) = with_sender(&fd, 16)?;
    check_eq!((&data[..], length), (&b"unnamed"[..], 0));
    check_eq!(buffer, [0xa5; 16]);
    let (data, buffer, length) = with_sender(&fd, 5)?;
    check_eq!((&data[..], length as usize), (&b"cut"[..], own.bytes().len()));
    check_eq!(buffer, own.bytes()[..5]);
    let (mut data, mut buffer) = ([0; 16], [0; 128]);
    let envelope = Envelope { name: Some(&mut buffer), ..Envelope::default() };
    let header = sys::recvmsg(&fd, &mut [IoSliceMut::new(&mut data)], envelope, 0)?;
    check_eq!((header.bytes, header.name as usize), (7, own.bytes().len()));
    check_eq!(&buffer[..own.bytes().len()], own.bytes());
    Ok(())
}

fn datagram_sender_may_get_its_name_later(case: &Case) -> Outcome {
    let (left, right) = pair_of(DGRAM)?;
    sys::write(&left, b"x")?;
    let own = case.abstract_address("late");
    sys::bind(&left, own.bytes())?;
    let (_, buffer, length) = with_sender(&right, 128)?;
    check_eq!(Address::from_filled(&buffer, length), own);
    check_eq!(peer_name(&right)?, own);
    Ok(())
}

fn datagram_peer_may_be_changed_and_taken_away(case: &Case) -> Outcome {
    let names = ["one", "other"].map(|name| case.abstract_address(name));
    let receivers = [bound(&names[0])?, bound(&names[1])?];
    let fd = datagram()?;
    for (name, receiver) in names.iter().zip(&receivers) {
        check_eq!(sys::connect(&fd, name.bytes())?, 0);
        check_eq!(sys::connect(&fd, name.bytes())?, 0, "again");
        check_eq!(&peer_name(&fd)?, name);
        sys::write(&fd, b"to the peer")?;
        check_eq!(record(receiver)?, b"to the peer");
    }
    // A connect that fails changes nothing.
    check_err!(sys::connect(&fd, case.abstract_address("absent").bytes()), ECONNREFUSED);
    check_eq!(peer_name(&fd)?, names[1]);
    check_err!(sys::connect(&fd, &[0]), EINVAL);
    // The length of an address without a family that is good does not matter.
    for unspecific in [&[0, 0][..], &[0; 16], &[0; 110], &[0; 128]] {
        sys::connect(&fd, names[0].bytes())?;
        check_eq!(sys::connect(&fd, unspecific)?, 0);
        check_err!(peer_name(&fd), ENOTCONN);
        check_err!(sys::write(&fd, b"x"), ENOTCONN);
        check_eq!(sys::connect(&fd, unspecific)?, 0, "without a peer, too");
    }
    check_err!(sys::connect(&sys::socket(UNIX, STREAM, 0)?, &[0; 16]), EINVAL);
    Ok(())
}

fn datagram_peer_is_the_only_sender(case: &Case) -> Outcome {
    let names = ["one", "other", "third"].map(|name| case.abstract_address(name));
    let [one, other, third] = [bound(&names[0])?, bound(&names[1])?, bound(&names[2])?];
    sys::sendto(&third, b"before", 0, names[0].bytes())?;
    sys::connect(&one, names[1].bytes())?;
    check_err!(sys::sendto(&third, b"x", 0, names[0].bytes()), EPERM);
    check_err!(sys::connect(&third, names[0].bytes()), EPERM);
    check_eq!(sys::sendto(&other, b"from the peer", 0, names[0].bytes())?, 13);
    check_eq!(sys::connect(&other, names[0].bytes())?, 0);
    check_eq!(record(&one)?, b"before");
    check_eq!(record(&one)?, b"from the peer");
    // Without a peer it takes everything again.
    sys::connect(&one, &[0; 2])?;
    check_eq!(sys::sendto(&third, b"x", 0, names[0].bytes())?, 1);
    Ok(())
}

fn datagram_address_overrides_the_peer(case: &Case) -> Outcome {
    let names = ["one", "other"].map(|name| case.abstract_address(name));
    let receivers = [bound(&names[0])?, bound(&names[1])?];
    let fd = datagram()?;
    sys::connect(&fd, names[0].bytes())?;
    check_eq!(sys::sendto(&fd, b"addressed", 0, names[1].bytes())?, 9);
    check_eq!(record(&receivers[1])?, b"addressed");
    check_eq!(sys::send(&fd, b"not", 0)?, 3);
    check_eq!(record(&receivers[0])?, b"not");
    Ok(())
}

fn datagram_to_itself(case: &Case) -> Outcome {
    let address = case.abstract_address("a");
    let fd = bound(&address)?;
    check_eq!(sys::sendto(&fd, b"addressed", 0, address.bytes())?, 9);
    check_eq!(record(&fd)?, b"addressed");
    check_eq!(sys::connect(&fd, address.bytes())?, 0);
    check_eq!(peer_name(&fd)?, address);
    check_eq!(sys::write(&fd, b"connected")?, 9);
    check_eq!(record(&fd)?, b"connected");
    let (other, _) = pair_of(DGRAM)?;
    check_err!(sys::sendto(&other, b"x", 0, address.bytes()), EPERM);
    Ok(())
}

fn datagram_peer_that_is_gone(case: &Case) -> Outcome {
    let address = case.path_address("a");
    let receiver = bound(&address)?;
    let fd = datagram()?;
    sys::connect(&fd, address.bytes())?;
    sys::write(&fd, b"unread")?;
    drop(receiver);
    check_eq!(ready(&fd)?, OUT);
    check_eq!(option(&fd, libc::SO_ERROR)?, 0);
    check_eq!(peer_name(&fd)?, address, "as long as it has not been tried");
    check_err!(sys::write(&fd, b"x"), ECONNREFUSED);
    check_err!(peer_name(&fd), ENOTCONN);
    check_err!(sys::write(&fd, b"x"), ENOTCONN);
    check_err!(sys::sendto(&fd, b"x", 0, address.bytes()), ECONNREFUSED);
    sys::unlink(&case.path("a"))?;
    let receiver = bound(&address)?;
    check_eq!(sys::sendto(&fd, b"to its successor", 0, address.bytes())?, 16);
    check_eq!(record(&receiver)?, b"to its successor");
    Ok(())
}

fn datagram_pair_whose_end_is_closed(_: &Case) -> Outcome {
    let (left, right) = pair_of(DGRAM)?;
    sys::write(&left, b"unread")?;
    sys::write(&right, b"sent before")?;
    drop(right);
    check_eq!(ready(&left)?, IN | OUT, "no error, no end");
    check_eq!(record(&left)?, b"sent before");
    check_err!(record(&left), EAGAIN);
    check_err!(sys::write(&left, b"x"), ECONNREFUSED);
    check_err!(sys::write(&left, b"x"), ENOTCONN);
    Ok(())
}

fn leaving_a_peer_loses_what_it_sent(case: &Case) -> Outcome {
    // Of a pair, of which the other is told; but not where nothing is lost.
    for lost in [false, true] {
        let (left, right) = pair_of(DGRAM)?;
        if lost {
            sys::write(&right, b"lost")?;
        }
        sys::connect(&left, &[0; 2])?;
        check_err!(record(&left), EAGAIN);
        check_eq!(ready(&right)?, if lost { OUT | libc::POLLERR } else { OUT });
        if lost {
            check_err!(sys::write(&right, b"x"), ECONNRESET);
        }
        check_eq!(sys::write(&right, b"x")?, 1, "the error is told once");
    }
    // And where the sender has another peer it is not told.
    let address = case.abstract_address("a");
    let fd = bound(&address)?;
    let other = bound(&case.abstract_address("other"))?;
    let third = datagram()?;
    sys::connect(&fd, name(&other)?.bytes())?;
    sys::sendto(&other, b"lost", 0, address.bytes())?;
    sys::connect(&fd, &[0; 2])?;
    check_err!(record(&fd), EAGAIN);
    check_eq!(option(&other, libc::SO_ERROR)?, 0);
    check_eq!(sys::sendto(&third, b"x", 0, address.bytes())?, 1);
    // An error comes before what may be there.
    let (left, right) = pair_of(DGRAM)?;
    sys::write(&left, b"there")?;
    sys::write(&right, b"lost")?;
    sys::connect(&left, &[0; 2])?;
    check_err!(record(&right), ECONNRESET);
    check_eq!(record(&right)?, b"there");
    Ok(())
}

fn datagram_queue_is_bounded_for_strangers(case: &Case) -> Outcome {
    let address = case.abstract_address("a");
    let fd = bound(&address)?;
    let bound = queue_length()?;
    let (one, other) = (datagram()?, datagram()?);
    check_eq!(fill_queue(&one, &address)?, bound);
    check_err!(sys::sendto(&other, b"", libc::MSG_DONTWAIT, address.bytes()), EAGAIN);
    sys::connect(&other, address.bytes())?;
    check_err!(sys::send(&other, b"", libc::MSG_DONTWAIT), EAGAIN);
    check_eq!(sys::read(&fd, &mut [0])?, 1);
    check_eq!(sys::send(&other, b"", libc::MSG_DONTWAIT)?, 0);
    check_err!(sys::sendto(&one, b"", libc::MSG_DONTWAIT, address.bytes()), EAGAIN);
    Ok(())
}

fn datagram_queue_is_not_bounded_for_the_peer(case: &Case) -> Outcome {
    let (left, _right) = pair_of(DGRAM)?;
    let bound_for_strangers = queue_length()?;
    check!(fill_peer(&left, 1)? > 5 * bound_for_strangers);
    let names = ["one", "other"].map(|name| case.abstract_address(name));
    let [one, other] = [bound(&names[0])?, bound(&names[1])?];
    sys::connect(&one, names[1].bytes())?;
    sys::connect(&other, names[0].bytes())?;
    check!(fill_peer(&one, 1)? > 5 * bound_for_strangers);
    Ok(())
}

fn datagram_queue_is_not_bounded_for_oneself(case: &Case) -> Outcome {
    let address = case.abstract_address("a");
    check!(fill_queue(&bound(&address)?, &address)? > 5 * queue_length()?);
    Ok(())
}

fn max_dgram_qlen_bounds_new_sockets(case: &Case) -> Outcome {
    let path = "/proc/sys/net/unix/max_dgram_qlen";
    let before = std::fs::read_to_string(path)?;
    let (old, new) = (case.abstract_address("old"), case.abstract_address("new"));
    let _old = bound(&old)?;
    let old_bound = queue_length()?;
    std::fs::write(path, "2")?;
    let filled = (|| {
        let _new = bound(&new)?;
        Ok::<_, crate::harness::Failure>((fill_queue(&datagram()?, &old)?, fill_queue(&datagram()?, &new)?))
    })();
    std::fs::write(path, before)?;
    check_eq!(filled?, (old_bound, 3));
    Ok(())
}

fn full_receiver_blocks_the_sender(case: &Case) -> Outcome {
    let address = case.abstract_address("a");
    let fd = bound(&address)?;
    let count = fill_queue(&datagram()?, &address)?;
    let waiting: Vec<_> = (0..3)
        .map(|_| {
            let address = address.clone();
            case.spawn(move || Ok(sys::sendto(&datagram()?, b"waited", 0, address.bytes())?))
        })
        .collect();
    for _ in 0..count + 3 {
        let mut data = [0; 8];
        check!(matches!(sys::read(&fd, &mut data)?, 1 | 6));
    }
    for worker in waiting {
        check_eq!(worker.join()?, 6);
    }
    Ok(())
}

fn full_receiver_that_is_closed_refuses(case: &Case) -> Outcome {
    let address = case.abstract_address("a");
    let fd = bound(&address)?;
    fill_queue(&datagram()?, &address)?;
    let (connected, addressed) = (datagram()?, datagram()?);
    sys::connect(&connected, address.bytes())?;
    let first = case.spawn(move || {
        check_err!(sys::send(&connected, b"x", 0), ECONNREFUSED);
        Ok(())
    });
    let second = case.spawn(move || {
        check_err!(sys::sendto(&addressed, b"x", 0, address.bytes()), ECONNREFUSED);
        Ok(())
    });
    drop(fd);
    first.join()?;
    second.join()
}

fn full_receiver_that_is_shut_refuses(case: &Case) -> Outcome {
    let address = case.abstract_address("a");
    let fd = bound(&address)?;
    fill_queue(&datagram()?, &address)?;
    sys::shutdown(&fd, libc::SHUT_RD)?;
    check_err!(sys::sendto(&datagram()?, b"x", 0, address.bytes()), EPIPE);
    check_eq!(sys::read(&fd, &mut [0])?, 1, "what is there can still be received");
    Ok(())
}

fn full_receiver_shows_in_poll(case: &Case) -> Outcome {
    let address = case.abstract_address("a");
    let fd = bound(&address)?;
    let (connected, other) = (datagram()?, datagram()?);
    sys::connect(&connected, address.bytes())?;
    check_eq!(ready(&connected)?, OUT);
    fill_queue(&datagram()?, &address)?;
    check_eq!(ready(&connected)?, 0);
    check_eq!(ready(&other)?, OUT, "of those who are connected to it");
    check_eq!(sys::read(&fd, &mut [0])?, 1);
    check_eq!(ready(&connected)?, OUT);
    fill_queue(&other, &address)?;
    check_eq!(ready(&connected)?, 0);
    sys::connect(&connected, &[0; 2])?;
    check_eq!(ready(&connected)?, OUT, "no peer, no full peer");
    sys::connect(&connected, address.bytes())?;
    check_eq!(ready(&connected)?, 0);
    drop(fd);
    check_eq!(ready(&connected)?, OUT, "so that it is tried, and refused");
    Ok(())
}

fn full_receiver_wakes_those_who_poll(case: &Case) -> Outcome {
    let address = case.abstract_address("a");
    for closed in [false, true] {
        let fd = bound(&address)?;
        let connected = datagram()?;
        sys::connect(&connected, address.bytes())?;
        fill_queue(&datagram()?, &address)?;
        let waiting = case.spawn(move || Ok(poll_for(&connected, OUT, -1)?));
        if !closed {
            check_eq!(sys::read(&fd, &mut [0])?, 1);
            check_eq!(waiting.join()?, OUT);
        } else {
            drop(fd);
            check_eq!(waiting.join()?, OUT);
        }
    }
    Ok(())
}

fn full_buffer_blocks_the_sender(case: &Case) -> Outcome {
    let (left, right) = pair_of(DGRAM)?;
    let count = fill_peer(&left, 1000)?;
    let waiting = case.spawn(move || Ok(sys::write(&left, b"waited")?));
    for _ in 0..count {
        check_eq!(sys::read(&right, &mut [0; 1000])?, 1000);
    }
    let mut data = [0; 8];
    check_eq!(sys::read(&right, &mut data)?, 6);
    check_eq!(waiting.join()?, 6);
    Ok(())
}

fn full_buffer_shows_in_poll(case: &Case) -> Outcome {
    let (left, right) = pair_of(DGRAM)?;
    let count = fill_peer(&left, 1000)?;
    check_eq!(ready(&left)?, 0);
    // The buffer is the sender's, whomever it sends to.
    let address = case.abstract_address("a");
    let other = bound(&address)?;
    check_err!(sys::sendto(&left, b"x", libc::MSG_DONTWAIT, address.bytes()), EAGAIN);
    for _ in 0..count {
        check_eq!(sys::read(&right, &mut [0; 1000])?, 1000);
    }
    check_eq!(ready(&left)?, OUT);
    check_eq!(sys::sendto(&left, b"x", libc::MSG_DONTWAIT, address.bytes())?, 1);
    check_eq!(record(&other)?, b"x");
    // What its receiver takes with it makes room, too.
    fill_peer(&left, 1000)?;
    let left = Arc::new(left);
    let waiting = case.spawn({
        let left = Arc::clone(&left);
        move || Ok(poll_for(&*left, OUT, -1)?)
    });
    drop(right);
    check_eq!(waiting.join()?, OUT);
    check_err!(sys::write(&*left, b"x"), ECONNREFUSED);
    Ok(())
}

fn datagram_shutdown_is_local(_: &Case) -> Outcome {
    let (left, right) = pair_of(DGRAM)?;
    sys::write(&right, b"before")?;
    check_eq!(sys::shutdown(&left, libc::SHUT_RD)?, 0);
    check_eq!(ready(&left)?, IN | OUT | libc::POLLRDHUP);
    check_eq!(ready(&right)?, OUT);
    check_err!(sys::write(&right, b"x"), EPIPE);
    check_eq!(record(&left)?, b"before");
    // As Linux has it: nothing more will come, but who must not wait is told to come back.
    check_eq!(sys::read(&left, &mut [0])?, 0);
    check_err!(record(&left), EAGAIN);
    check_eq!(sys::write(&left, b"on")?, 2);
    check_eq!(sys::shutdown(&left, libc::SHUT_WR)?, 0);
    check_err!(sys::write(&left, b"x"), EPIPE);
    check_eq!(ready(&left)?, IN | OUT | libc::POLLRDHUP | libc::POLLHUP);
    check_eq!(ready(&right)?, IN | OUT);
    check_eq!(record(&right)?, b"on");
    // Unconnected ones, too.
    let fd = datagram()?;
    check_eq!(sys::shutdown(&fd, libc::SHUT_RDWR)?, 0);
    check_eq!(sys::read(&fd, &mut [0])?, 0);
    check_err!(sys::write(&fd, b"x"), EPIPE);
    check_err!(sys::shutdown(&fd, 3), EINVAL);
    Ok(())
}

fn datagram_shutdown_wakes_readers(case: &Case) -> Outcome {
    let fd = Arc::new(datagram()?);
    let waiting = case.spawn({
        let fd = Arc::clone(&fd);
        move || Ok(sys::read(&*fd, &mut [0])?)
    });
    sys::shutdown(&*fd, libc::SHUT_RD)?;
    check_eq!(waiting.join()?, 0);
    Ok(())
}

fn datagram_poll_shows_each_state(case: &Case) -> Outcome {
    let fd = datagram()?;
    check_eq!(ready(&fd)?, OUT);
    let address = case.abstract_address("a");
    sys::bind(&fd, address.bytes())?;
    check_eq!(ready(&fd)?, OUT);
    let other = datagram()?;
    sys::connect(&other, address.bytes())?;
    check_eq!(ready(&other)?, OUT);
    sys::write(&other, b"")?;
    check_eq!(ready(&fd)?, IN | OUT);
    check_eq!(record(&fd)?, b"");
    check_eq!(ready(&fd)?, OUT);
    let waiting = case.spawn(move || Ok((poll_for(&fd, IN, -1)?, fd)));
    sys::write(&other, b"x")?;
    check_eq!(waiting.join()?.0, IN);
    Ok(())
}

fn datagram_bad_memory_loses_the_datagram(_: &Case) -> Outcome {
    let (left, right) = pair_of(DGRAM)?;
    sys::write(&left, b"lost")?;
    sys::write(&left, b"next")?;
    let region = sys::Region::new(1, libc::PROT_NONE)?;
    for flags in [libc::MSG_PEEK, 0] {
        let words = [right.number() as usize, region.at(0), 8, flags as usize, 0, 0];
        check_err!(region.call("recvfrom", libc::SYS_recvfrom, words), EFAULT);
    }
    check_eq!(record(&right)?, b"next");
    Ok(())
}

fn datagram_bad_memory_sends_nothing(_: &Case) -> Outcome {
    let (left, right) = pair_of(DGRAM)?;
    let region = sys::Region::new(2, libc::PROT_READ | libc::PROT_WRITE)?;
    region.protect(sys::PAGE..2 * sys::PAGE, libc::PROT_NONE)?;
    let send = |fd: &std::os::fd::OwnedFd| {
        region.call("write", libc::SYS_write, [fd.number() as usize, region.at(sys::PAGE - 4), 8, 0, 0, 0])
    };
    check_err!(send(&left), EFAULT);
    check_err!(record(&right), EAGAIN);
    let mut bytes = -1;
    sys::ioctl(&left, libc::TIOCOUTQ, &mut bytes)?;
    check_eq!(bytes, 0);
    // Payload is looked at before whether there is anybody to send to.
    check_err!(send(&datagram()?), EFAULT);
    Ok(())
}

fn datagram_flags_that_mean_nothing(_: &Case) -> Outcome {
    let (left, right) = pair_of(DGRAM)?;
    for flags in [libc::MSG_EOR, libc::MSG_MORE, libc::MSG_NOSIGNAL, libc::MSG_CONFIRM] {
        let parts = [IoSlice::new(b"da"), IoSlice::new(b"ta")];
        check_eq!(sys::sendmsg(&left, &parts, Envelope::default(), flags)?.bytes, 4);
        let mut data = [0; 8];
        let mut into = [IoSliceMut::new(&mut data)];
        let header = sys::recvmsg(&right, &mut into, Envelope::default(), libc::MSG_WAITALL)?;
        check_eq!(header, Header { bytes: 4, name: 0, control: 0, flags: 0 });
    }
    check_err!(sys::send(&left, b"x", libc::MSG_OOB), EOPNOTSUPP);
    check_err!(sys::recv(&right, &mut [0], libc::MSG_OOB), EOPNOTSUPP);
    Ok(())
}

fn datagrams_out_of_pipes_and_files(case: &Case) -> Outcome {
    for kind in [DGRAM, SEQPACKET] {
        let (left, right) = pair_of(kind)?;
        let (reader, writer) = sys::pipe2(0)?;
        let page = super::help::pattern(1, 4096);
        for _ in 0..3 {
            sys::write(&writer, &page)?;
        }
        // What a call finds in the pipe becomes one record, up to 16 pages.
        check_eq!(sys::splice(&reader, None, &left, None, 10_000, 0)?, 10_000);
        let mut data = vec![0; 20_000];
        check_eq!(sys::recv(&right, &mut data, libc::MSG_DONTWAIT)?, 10_000);
        check!(data[..4096] == page[..] && data[8192..10_000] == page[..10_000 - 8192]);
        check_eq!(sys::splice(&reader, None, &left, None, 10_000, 0)?, 3 * 4096 - 10_000);
        check_eq!(sys::recv(&right, &mut data, libc::MSG_DONTWAIT)?, 3 * 4096 - 10_000);
        // What cannot be sent stays in the pipe.
        sys::write(&writer, b"stays")?;
        sys::shutdown(&left, libc::SHUT_WR)?;
        check_eq!(sys::splice(&reader, None, &left, None, 10, 0), Err(crate::errno::Errno(libc::EPIPE)));
        check_eq!(sys::read(&reader, &mut data)?, 5);

        let (left, right) = pair_of(kind)?;
        let file = sys::open(&case.path("file"), libc::O_RDWR | libc::O_CREAT | libc::O_TRUNC, 0o600)?;
        sys::write(&file, &vec![7; 100_000])?;
        check_eq!(sys::sendfile(&left, &file, Some(&mut 0), 10_000)?, 10_000);
        check_eq!(sys::recv(&right, &mut data, libc::MSG_DONTWAIT)?, 10_000);
        check_err!(sys::recv(&right, &mut data, libc::MSG_DONTWAIT), EAGAIN);
    }
    Ok(())
}

fn datagrams_into_pipes(_: &Case) -> Outcome {
    for kind in [DGRAM, SEQPACKET] {
        let (left, right) = pair_of(kind)?;
        let (reader, writer) = sys::pipe2(0)?;
        sys::write(&left, b"first")?;
        sys::write(&left, b"second")?;
        sys::write(&left, b"third")?;
        // A record at a time; what there is no room for is lost.
        check_eq!(sys::splice(&right, None, &writer, None, 100, 0)?, 5);
        check_eq!(sys::splice(&right, None, &writer, None, 3, 0)?, 3);
        check_eq!(sys::splice(&right, None, &writer, None, 100, libc::SPLICE_F_NONBLOCK)?, 5);
        let mut data = [0; 32];
        check_eq!(sys::read(&reader, &mut data)?, 13);
        check_eq!(&data[..13], b"firstsecthird");
    }
    Ok(())
}
