//! Datagrams over UDP.

use std::io::{IoSlice, IoSliceMut};

use super::help::{
    DGRAM, FAMILIES, V4, V6, any, at, bound, datagrams, loopback, nobody, port, port_of, wait_for,
};
use crate::{
    address::Address,
    harness::{Case, Outcome, Test, check, check_eq, check_err, tests},
    suite::unix::help::{name, option, peer_name, poll_for, ready, set_nonblocking, set_option},
    sys::{self, Envelope},
};

pub(crate) const TESTS: &[Test] = tests!("inet";
    udp_carries_datagrams_both_ways,
    udp_says_who_sent,
    udp_keeps_datagrams_apart_and_in_order,
    udp_carries_datagrams_of_every_length,
    udp_cuts_what_has_no_room,
    udp_peeks,
    udp_without_a_peer_needs_an_address,
    udp_sending_gives_a_port,
    udp_connected_hears_its_peer_alone,
    udp_connect_again_and_to_nothing,
    udp_a_port_that_nobody_has,
    udp_errors_of_a_port_that_nobody_has_come_once,
    udp_waits_for_data,
    udp_does_not_wait_where_it_must_not,
    udp_shutdown,
    udp_poll,
    udp_does_not_listen,
    udp_full_buffers_drop,
    udp_refuses_bad_addresses,
    udp_ipv6_speaks_ipv4,
    udp_vectors_and_headers,
    udp_many_messages,
    udp_requests,
    udp_to_all_needs_leave,
    udp_prefers_the_connected_socket,
    udp_refuses_urgent_data,
);

fn udp_carries_datagrams_both_ways(_: &Case) -> Outcome {
    for family in FAMILIES {
        let (one, other) = datagrams(family)?;
        check_eq!(sys::write(&one, b"there")?, 5);
        let mut data = [0; 16];
        check_eq!(sys::read(&other, &mut data)?, 5);
        check_eq!(&data[..5], b"there");
        check_eq!(sys::send(&other, b"back", 0)?, 4);
        check_eq!(sys::recv(&one, &mut data, 0)?, 4);
        check_eq!(&data[..4], b"back");
    }
    Ok(())
}

fn udp_says_who_sent(_: &Case) -> Outcome {
    for family in FAMILIES {
        let (far, address) = bound(family, DGRAM)?;
        let (near, own) = bound(family, DGRAM)?;
        check_eq!(sys::sendto(&near, b"hello", 0, address.bytes())?, 5);
        let (mut data, mut from, mut length) = ([0; 16], [0xa5; 40], 40);
        check_eq!(sys::recvfrom(&far, &mut data, 0, &mut from, &mut length)?, 5);
        check_eq!(Address::from_filled(&from, length), own);
        sys::sendto(&far, b"answer", 0, &from[..length as usize])?;
        check_eq!(sys::read(&near, &mut data)?, 6);
    }
    Ok(())
}

fn udp_keeps_datagrams_apart_and_in_order(_: &Case) -> Outcome {
    let (one, other) = datagrams(V4)?;
    for length in 0..50_u8 {
        sys::write(&one, &vec![length; length.into()])?;
    }
    for length in 0..50_u8 {
        let mut data = [0; 64];
        check_eq!(sys::read(&other, &mut data)?, usize::from(length));
        check!(data[..length.into()].iter().all(|byte| *byte == length));
    }
    check_err!(sys::recv(&other, &mut [0; 4], libc::MSG_DONTWAIT), EAGAIN);
    Ok(())
}

fn udp_carries_datagrams_of_every_length(_: &Case) -> Outcome {
    for (family, most) in [(V4, 65_507), (V6, 65_527)] {
        let (one, other) = datagrams(family)?;
        for length in [0, 1, 1471, 1472, 1473, 9000, 65_000, most] {
            let sent = crate::suite::unix::help::pattern(length as u64, length);
            check_eq!(sys::write(&one, &sent)?, length);
            let mut data = vec![0; 66_000];
            check_eq!(sys::read(&other, &mut data)?, length);
            check!(data[..length] == sent, "{length} bytes");
        }
        check_err!(sys::write(&one, &vec![0; most + 1]), EMSGSIZE);
        check_err!(sys::write(&one, &vec![0; 100_000]), EMSGSIZE);
    }
    Ok(())
}

fn udp_cuts_what_has_no_room(_: &Case) -> Outcome {
    let (one, other) = datagrams(V4)?;
    for _ in 0..4 {
        sys::write(&one, b"0123456789")?;
    }
    let mut data = [0; 4];
    check_eq!(sys::read(&other, &mut data)?, 4);
    check_eq!(&data, b"0123");
    check_eq!(sys::recv(&other, &mut data, libc::MSG_TRUNC)?, 10);
    let header = sys::recvmsg(&other, &mut [IoSliceMut::new(&mut data)], Envelope::default(), 0)?;
    check_eq!((header.bytes, header.flags), (4, libc::MSG_TRUNC));
    let header = sys::recvmsg(&other, &mut [IoSliceMut::new(&mut [0; 16])], Envelope::default(), 0)?;
    check_eq!((header.bytes, header.flags), (10, 0));
    Ok(())
}

fn udp_peeks(_: &Case) -> Outcome {
    let (one, other) = datagrams(V4)?;
    sys::write(&one, b"first")?;
    sys::write(&one, b"second")?;
    let mut data = [0; 16];
    for _ in 0..3 {
        check_eq!(sys::recv(&other, &mut data, libc::MSG_PEEK)?, 5);
        check_eq!(sys::recv(&other, &mut data[..2], libc::MSG_PEEK | libc::MSG_TRUNC)?, 5);
    }
    check_eq!(sys::read(&other, &mut data)?, 5);
    check_eq!(sys::read(&other, &mut data)?, 6);
    Ok(())
}

fn udp_without_a_peer_needs_an_address(_: &Case) -> Outcome {
    for family in FAMILIES {
        let fd = sys::socket(family, DGRAM, 0)?;
        check_err!(sys::write(&fd, b"x"), EDESTADDRREQ);
        check_err!(sys::send(&fd, b"x", 0), EDESTADDRREQ);
        check_err!(sys::send(&fd, b"", 0), EDESTADDRREQ);
    }
    Ok(())
}

fn udp_sending_gives_a_port(_: &Case) -> Outcome {
    for family in FAMILIES {
        let (far, address) = bound(family, DGRAM)?;
        let near = sys::socket(family, DGRAM, 0)?;
        check_eq!(sys::sendto(&near, b"x", 0, address.bytes())?, 1);
        let own = name(&near)?;
        check!(port(&own) >= 32768);
        check_eq!(own, any(family, port(&own)), "the port alone");
        let (mut from, mut length) = ([0; 40], 40);
        sys::recvfrom(&far, &mut [0; 4], 0, &mut from, &mut length)?;
        check_eq!(Address::from_filled(&from, length), loopback(family, port(&own)));
    }
    Ok(())
}

fn udp_connected_hears_its_peer_alone(_: &Case) -> Outcome {
    for family in FAMILIES {
        let (fd, address) = bound(family, DGRAM)?;
        let (peer, peer_address) = bound(family, DGRAM)?;
        let (stranger, _) = bound(family, DGRAM)?;
        sys::sendto(&stranger, b"before", 0, address.bytes())?;
        sys::connect(&fd, peer_address.bytes())?;
        sys::sendto(&stranger, b"after", 0, address.bytes())?;
        sys::sendto(&peer, b"peer", 0, address.bytes())?;
        let mut data = [0; 16];
        check_eq!(sys::read(&fd, &mut data)?, 6, "what was there stays there");
        check_eq!(sys::read(&fd, &mut data)?, 4);
        check_err!(sys::recv(&fd, &mut data, libc::MSG_DONTWAIT), EAGAIN);
    }
    Ok(())
}

fn udp_connect_again_and_to_nothing(_: &Case) -> Outcome {
    for family in FAMILIES {
        let (one, first) = bound(family, DGRAM)?;
        let (other, second) = bound(family, DGRAM)?;
        let fd = sys::socket(family, DGRAM, 0)?;
        sys::connect(&fd, first.bytes())?;
        check_eq!(peer_name(&fd)?, first);
        sys::write(&fd, b"1")?;
        sys::connect(&fd, second.bytes())?;
        check_eq!(peer_name(&fd)?, second);
        sys::write(&fd, b"2")?;
        let mut data = [0; 4];
        check_eq!((sys::read(&one, &mut data)?, data[0]), (1, b'1'));
        check_eq!((sys::read(&other, &mut data)?, data[0]), (1, b'2'));
        sys::connect(&fd, Address::raw(libc::AF_UNSPEC as u16, &[0; 14]).bytes())?;
        check_err!(peer_name(&fd), ENOTCONN);
        check_eq!(name(&fd)?, any(family, 0), "what connect(2) has chosen is given back");
        check_err!(sys::write(&fd, b"x"), EDESTADDRREQ);
        // What bind(2) was told stays, a port that it has chosen does not.
        sys::connect(&one, second.bytes())?;
        sys::connect(&one, Address::raw(libc::AF_UNSPEC as u16, &[0; 14]).bytes())?;
        check_eq!(name(&one)?, loopback(family, 0));
        let (fd, own) = (sys::socket(family, DGRAM, 0)?, nobody(family, DGRAM)?);
        sys::bind(&fd, own.bytes())?;
        sys::connect(&fd, second.bytes())?;
        sys::connect(&fd, Address::raw(libc::AF_UNSPEC as u16, &[0; 14]).bytes())?;
        check_eq!(name(&fd)?, own);
    }
    Ok(())
}

fn udp_a_port_that_nobody_has(_: &Case) -> Outcome {
    for family in FAMILIES {
        let fd = sys::socket(family, DGRAM, 0)?;
        sys::connect(&fd, nobody(family, DGRAM)?.bytes())?;
        check_eq!(sys::write(&fd, b"x")?, 1);
        check_eq!(wait_for(&fd, 0)?, libc::POLLERR);
        check_err!(sys::recv(&fd, &mut [0; 4], libc::MSG_DONTWAIT), ECONNREFUSED);
        check_err!(sys::recv(&fd, &mut [0; 4], libc::MSG_DONTWAIT), EAGAIN, "it is told once");
        // Who is not connected is told nothing.
        let fd = sys::socket(family, DGRAM, 0)?;
        check_eq!(sys::sendto(&fd, b"x", 0, nobody(family, DGRAM)?.bytes())?, 1);
        check_err!(sys::recv(&fd, &mut [0; 4], libc::MSG_DONTWAIT), EAGAIN);
    }
    Ok(())
}

fn udp_errors_of_a_port_that_nobody_has_come_once(_: &Case) -> Outcome {
    for family in FAMILIES {
        let fd = sys::socket(family, DGRAM, 0)?;
        sys::connect(&fd, nobody(family, DGRAM)?.bytes())?;
        sys::write(&fd, b"x")?;
        wait_for(&fd, 0)?;
        check_err!(sys::write(&fd, b"x"), ECONNREFUSED, "the next send is told");
        check_eq!(sys::write(&fd, b"x")?, 1);
        wait_for(&fd, 0)?;
        check_eq!(option(&fd, libc::SO_ERROR)?, libc::ECONNREFUSED);
        check_eq!(option(&fd, libc::SO_ERROR)?, 0);
        check_eq!(ready(&fd)? & libc::POLLERR, 0);
    }
    Ok(())
}

fn udp_waits_for_data(case: &Case) -> Outcome {
    for family in FAMILIES {
        let (one, other) = datagrams(family)?;
        let reader = case.spawn(move || {
            let mut data = [0; 16];
            check_eq!(sys::read(&other, &mut data)?, 5);
            check_eq!(poll_for(&other, libc::POLLIN, 10_000)?, libc::POLLIN);
            check_eq!(sys::recv(&other, &mut data, libc::MSG_DONTWAIT)?, 6);
            Ok(())
        });
        sys::write(&one, b"first")?;
        sys::write(&one, b"second")?;
        reader.join()?;
    }
    Ok(())
}

fn udp_does_not_wait_where_it_must_not(_: &Case) -> Outcome {
    let (_one, other) = datagrams(V4)?;
    check_err!(sys::recv(&other, &mut [0; 4], libc::MSG_DONTWAIT), EAGAIN);
    set_nonblocking(&other, true)?;
    check_err!(sys::read(&other, &mut [0; 4]), EAGAIN);
    let fd = sys::socket(V4, DGRAM | libc::SOCK_NONBLOCK, 0)?;
    check_err!(sys::read(&fd, &mut [0; 4]), EAGAIN);
    Ok(())
}

fn udp_shutdown(case: &Case) -> Outcome {
    for family in FAMILIES {
        let fd = sys::socket(family, DGRAM, 0)?;
        check_err!(sys::shutdown(&fd, libc::SHUT_RDWR), ENOTCONN);
        let (one, other) = datagrams(family)?;
        sys::write(&one, b"left")?;
        sys::shutdown(&other, libc::SHUT_RD)?;
        check_eq!(sys::read(&other, &mut [0; 16])?, 4, "what is there stays there");
        check_eq!(sys::read(&other, &mut [0; 16])?, 0);
        sys::shutdown(&one, libc::SHUT_WR)?;
        check_err!(sys::write(&one, b"x"), EPIPE);
        sys::write(&other, b"on")?;
        check_eq!(sys::read(&one, &mut [0; 16])?, 2);
        // Who waits is woken.
        let (one, other) = datagrams(family)?;
        let twin = sys::dup(&other)?;
        let reader = case.spawn(move || {
            check_eq!(sys::read(&twin, &mut [0; 16])?, 0);
            Ok(())
        });
        sys::shutdown(&other, libc::SHUT_RD)?;
        reader.join()?;
        drop(one);
    }
    Ok(())
}

fn udp_poll(_: &Case) -> Outcome {
    let all = libc::POLLIN
        | libc::POLLOUT
        | libc::POLLRDHUP
        | libc::POLLRDNORM
        | libc::POLLWRNORM
        | libc::POLLWRBAND
        | libc::POLLPRI;
    let out = libc::POLLOUT | libc::POLLWRNORM | libc::POLLWRBAND;
    let into = libc::POLLIN | libc::POLLRDNORM;
    let shown = |fd: &_| poll_for(fd, all, 0);
    let fd = sys::socket(V4, DGRAM, 0)?;
    check_eq!(shown(&fd)?, out);
    let (one, other) = datagrams(V4)?;
    check_eq!(shown(&other)?, out);
    sys::write(&one, b"")?;
    check_eq!(shown(&other)?, out | into, "an empty datagram is one");
    check_eq!(sys::read(&other, &mut [0; 4])?, 0);
    check_eq!(shown(&other)?, out);
    sys::shutdown(&other, libc::SHUT_RD)?;
    check_eq!(shown(&other)?, out | into | libc::POLLRDHUP);
    sys::shutdown(&other, libc::SHUT_WR)?;
    check_eq!(shown(&other)?, out | into | libc::POLLRDHUP | libc::POLLHUP);
    Ok(())
}

fn udp_does_not_listen(_: &Case) -> Outcome {
    for family in FAMILIES {
        let (fd, _) = bound(family, DGRAM)?;
        check_err!(sys::listen(&fd, 1), EOPNOTSUPP);
        check_err!(sys::accept(&fd), EOPNOTSUPP);
    }
    Ok(())
}

fn udp_full_buffers_drop(_: &Case) -> Outcome {
    let (one, other) = datagrams(V4)?;
    set_option(&other, libc::SO_RCVBUF, 8192)?;
    for _ in 0..200 {
        check_eq!(sys::write(&one, &[7; 1000])?, 1000, "the sender is not told");
    }
    let mut count = 0;
    while sys::recv(&other, &mut [0; 1000], libc::MSG_DONTWAIT).is_ok() {
        count += 1;
    }
    check!((4..=16).contains(&count), "{count} datagrams in 16384 bytes");
    sys::write(&one, b"again")?;
    check_eq!(sys::read(&other, &mut [0; 16])?, 5);
    Ok(())
}

fn udp_refuses_bad_addresses(_: &Case) -> Outcome {
    let fd = sys::socket(V4, DGRAM, 0)?;
    let (_far, good) = bound(V4, DGRAM)?;
    for length in 1..16 {
        check_err!(sys::sendto(&fd, b"x", 0, &good.bytes()[..length]), EINVAL, "{length} bytes");
    }
    check_err!(sys::sendto(&fd, b"x", 0, loopback(V6, 1).bytes()), EAFNOSUPPORT);
    check_err!(sys::sendto(&fd, b"x", 0, loopback(V4, 0).bytes()), EINVAL, "port 0");
    check_err!(sys::connect(&fd, &good.bytes()[..15]), EINVAL);
    check_err!(sys::connect(&fd, loopback(V6, 1).bytes()), EAFNOSUPPORT);
    let six = sys::socket(V6, DGRAM, 0)?;
    check_err!(sys::sendto(&six, b"x", 0, &loopback(V6, 1).bytes()[..23]), EINVAL);
    check_err!(sys::sendto(&six, b"x", 0, loopback(V6, 0).bytes()), EINVAL, "port 0");
    check_eq!(sys::sendto(&six, b"x", 0, good.bytes())?, 1, "an address of IPv4 will do");
    Ok(())
}

fn udp_ipv6_speaks_ipv4(_: &Case) -> Outcome {
    let (four, address) = bound(V4, DGRAM)?;
    let six = sys::socket(V6, DGRAM, 0)?;
    sys::bind(&six, any(V6, 0).bytes())?;
    let mapped = at(V6, &format!("127.0.0.1:{}", port(&address)));
    sys::sendto(&six, b"ping", 0, mapped.bytes())?;
    let (mut from, mut length) = ([0; 40], 40);
    check_eq!(sys::recvfrom(&four, &mut [0; 16], 0, &mut from, &mut length)?, 4);
    check_eq!(Address::from_filled(&from, length), loopback(V4, port_of(&six)?));
    sys::sendto(&four, b"pong", 0, &from[..length as usize])?;
    let (mut from, mut length) = ([0; 40], 40);
    check_eq!(sys::recvfrom(&six, &mut [0; 16], 0, &mut from, &mut length)?, 4);
    check_eq!(Address::from_filled(&from, length), mapped);
    Ok(())
}

fn udp_vectors_and_headers(_: &Case) -> Outcome {
    for family in FAMILIES {
        let (far, address) = bound(family, DGRAM)?;
        let (near, own) = bound(family, DGRAM)?;
        let parts = [IoSlice::new(b"one "), IoSlice::new(b""), IoSlice::new(b"datagram")];
        let mut to = address.bytes().to_vec();
        let envelope = Envelope { name: Some(&mut to), ..Envelope::default() };
        check_eq!(sys::sendmsg(&near, &parts, envelope, 0)?.bytes, 12);
        let (mut head, mut tail, mut from) = ([0; 5], [0; 20], [0; 40]);
        let mut room = [IoSliceMut::new(&mut head), IoSliceMut::new(&mut tail)];
        let envelope = Envelope { name: Some(&mut from), ..Envelope::default() };
        let header = sys::recvmsg(&far, &mut room, envelope, 0)?;
        check_eq!((header.bytes, header.flags, header.control), (12, 0, 0));
        check_eq!(Address::from_filled(&from, header.name as i32), own);
        check_eq!((&head, &tail[..7]), (b"one d", &b"atagram"[..]));
        sys::connect(&near, address.bytes())?;
        check_eq!(sys::writev(&near, &parts)?, 12);
        check_eq!(sys::readv(&far, &mut [IoSliceMut::new(&mut head), IoSliceMut::new(&mut tail)])?, 12);
    }
    Ok(())
}

fn udp_many_messages(_: &Case) -> Outcome {
    let (one, other) = datagrams(V4)?;
    let message = |data| sys::Outgoing { data, to: None, control: None };
    let (count, lengths) = sys::sendmmsg(&one, &[message(b"a"), message(b"bb"), message(b"ccc")], 0)?;
    check_eq!((count, &lengths[..]), (3, &[1, 2, 3][..]));
    let mut buffers = [[0; 8]; 5];
    let mut rooms = buffers.iter_mut().map(|buffer| &mut buffer[..]).collect::<Vec<_>>();
    let (count, headers) = sys::recvmmsg(&other, &mut rooms, libc::MSG_DONTWAIT, None)?;
    check_eq!(count, 3);
    check_eq!(headers.iter().take(3).map(|header| header.bytes).collect::<Vec<_>>(), [1, 2, 3]);
    Ok(())
}

fn udp_requests(_: &Case) -> Outcome {
    let (one, other) = datagrams(V4)?;
    let unread = |fd: &_| {
        let mut count = -1;
        sys::ioctl(fd, libc::FIONREAD, &mut count)?;
        Ok::<_, crate::errno::Errno>(count)
    };
    check_eq!(unread(&other)?, 0);
    sys::write(&one, b"12345")?;
    sys::write(&one, b"123")?;
    check_eq!(unread(&other)?, 5, "the next one alone");
    sys::read(&other, &mut [0; 8])?;
    check_eq!(unread(&other)?, 3);
    Ok(())
}

fn udp_to_all_needs_leave(_: &Case) -> Outcome {
    let fd = sys::socket(V4, DGRAM, 0)?;
    check_eq!(option(&fd, libc::SO_BROADCAST)?, 0);
    let everybody = at(V4, "127.255.255.255:9");
    check_err!(sys::sendto(&fd, b"x", 0, everybody.bytes()), EACCES);
    check_err!(sys::connect(&fd, everybody.bytes()), EACCES);
    set_option(&fd, libc::SO_BROADCAST, 1)?;
    check_eq!(option(&fd, libc::SO_BROADCAST)?, 1);
    check_eq!(sys::sendto(&fd, b"x", 0, everybody.bytes())?, 1);
    Ok(())
}

fn udp_prefers_the_connected_socket(_: &Case) -> Outcome {
    let open = |address: &Address| {
        let fd = sys::socket(V4, DGRAM, 0)?;
        set_option(&fd, libc::SO_REUSEADDR, 1)?;
        sys::bind(&fd, address.bytes())?;
        Ok::<_, crate::errno::Errno>(fd)
    };
    let general = open(&any(V4, 0))?;
    let exact = open(&loopback(V4, port_of(&general)?))?;
    let connected = open(&name(&exact)?)?;
    let (peer, peer_address) = bound(V4, DGRAM)?;
    let (stranger, _) = bound(V4, DGRAM)?;
    sys::connect(&connected, peer_address.bytes())?;
    let to = name(&exact)?;
    sys::sendto(&peer, b"peer", 0, to.bytes())?;
    sys::sendto(&stranger, b"stranger", 0, to.bytes())?;
    let mut data = [0; 16];
    check_eq!(sys::recv(&connected, &mut data, libc::MSG_DONTWAIT)?, 4);
    check_eq!(sys::recv(&exact, &mut data, libc::MSG_DONTWAIT)?, 8);
    check_err!(sys::recv(&general, &mut data, libc::MSG_DONTWAIT), EAGAIN);
    Ok(())
}

fn udp_refuses_urgent_data(_: &Case) -> Outcome {
    // Linux looks for the flag on sockets of AF_INET alone.
    let (one, _other) = datagrams(V4)?;
    check_err!(sys::send(&one, b"x", libc::MSG_OOB), EOPNOTSUPP);
    Ok(())
}
