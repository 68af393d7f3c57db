//! Streams over TCP: data.

use std::{
    io::{IoSlice, IoSliceMut},
    os::fd::{AsRawFd, OwnedFd},
    sync::Arc,
};

use super::help::{FAMILIES, STREAM, V4, V6, at, client, connection, listener, reset, wait_for};
use crate::{
    harness::{Case, Outcome, Test, check, check_eq, check_err, tests},
    suite::unix::help::{exchange, fill, option, pattern, poll_for, read_full, set_nonblocking, write_all},
    sys::{self, Envelope, Region},
};

pub(crate) const TESTS: &[Test] = tests!("inet";
    tcp_carries_bytes_both_ways,
    tcp_joins_what_was_written,
    tcp_carries_much_both_ways_at_once,
    tcp_waits_for_room,
    tcp_waits_for_data,
    tcp_does_not_wait_where_it_must_not,
    tcp_peeks,
    tcp_waits_for_all,
    tcp_ends_in_order,
    tcp_half_closed_goes_on,
    tcp_a_closed_peer_resets,
    tcp_unread_data_resets,
    tcp_without_a_connection,
    tcp_vectors_and_headers,
    tcp_passes_over_addresses,
    tcp_requests,
    tcp_many_connections,
    tcp_many_threads,
    tcp_data_before_accept,
    tcp_a_process_inherits_a_connection,
    tcp_sends_files,
    tcp_loses_nothing_where_memory_is_bad,
    tcp_messages_in_arrays,
);

fn tcp_carries_bytes_both_ways(_: &Case) -> Outcome {
    for family in FAMILIES {
        let (near, far) = connection(family)?;
        exchange(&near, &far)?;
        exchange(&far, &near)?;
        check_eq!(sys::write(&near, b"")?, 0);
    }
    Ok(())
}

fn tcp_joins_what_was_written(_: &Case) -> Outcome {
    let (near, far) = connection(V4)?;
    for part in [&b"one "[..], b"two ", b"three"] {
        write_all(&near, part)?;
    }
    let mut data = [0; 13];
    check_eq!(read_full(&far, &mut data)?, 13);
    check_eq!(&data, b"one two three");
    Ok(())
}

fn tcp_carries_much_both_ways_at_once(case: &Case) -> Outcome {
    const LENGTH: usize = 3_000_000;
    for family in FAMILIES {
        let (near, far) = connection(family)?;
        let (near, far) = (Arc::new(near), Arc::new(far));
        let mut workers = Vec::new();
        for (from, to, seed) in [(near.clone(), far.clone(), 1), (far, near, 2)] {
            let writer = from.clone();
            workers.push(case.spawn(move || Ok(write_all(&*writer, &pattern(seed, LENGTH))?)));
            workers.push(case.spawn(move || {
                let mut data = vec![0; LENGTH];
                check_eq!(read_full(&*to, &mut data)?, LENGTH);
                check!(data == pattern(seed, LENGTH), "the bytes are others");
                drop(from);
                Ok(())
            }));
        }
        for worker in workers {
            worker.join()?;
        }
    }
    Ok(())
}

fn tcp_waits_for_room(case: &Case) -> Outcome {
    let (near, far) = connection(V4)?;
    let held = fill(&near)?;
    check!(held > 10_000, "{held} bytes");
    check_eq!(poll_for(&near, libc::POLLOUT, 0)?, 0);
    set_nonblocking(&near, false)?;
    let writer = case.spawn(move || {
        write_all(&near, &[1; 100_000])?;
        Ok(near)
    });
    let mut data = vec![0; held + 100_000];
    check_eq!(read_full(&far, &mut data)?, held + 100_000);
    let near = writer.join()?;
    check_eq!(wait_for(&near, libc::POLLOUT)?, libc::POLLOUT);
    Ok(())
}

fn tcp_waits_for_data(case: &Case) -> Outcome {
    let (near, far) = connection(V4)?;
    let reader = case.spawn(move || {
        let mut data = [0; 16];
        check_eq!(sys::read(&far, &mut data)?, 5);
        check_eq!(sys::read(&far, &mut data)?, 0);
        Ok(())
    });
    sys::write(&near, b"hello")?;
    drop(near);
    reader.join()
}

fn tcp_does_not_wait_where_it_must_not(_: &Case) -> Outcome {
    let (near, _far) = connection(V4)?;
    check_err!(sys::recv(&near, &mut [0; 4], libc::MSG_DONTWAIT), EAGAIN);
    set_nonblocking(&near, true)?;
    check_err!(sys::read(&near, &mut [0; 4]), EAGAIN);
    let (fd, address) = listener(V4, 1)?;
    set_nonblocking(&fd, true)?;
    check_err!(sys::accept(&fd), EAGAIN);
    let _near = client(V4, &address)?;
    wait_for(&fd, libc::POLLIN)?;
    let far = sys::accept4(&fd, libc::SOCK_NONBLOCK)?;
    check_err!(sys::read(&far, &mut [0; 4]), EAGAIN);
    Ok(())
}

fn tcp_peeks(_: &Case) -> Outcome {
    let (near, far) = connection(V4)?;
    sys::write(&near, b"hello")?;
    wait_for(&far, libc::POLLIN)?;
    let mut data = [0; 16];
    for _ in 0..3 {
        check_eq!(sys::recv(&far, &mut data, libc::MSG_PEEK)?, 5);
        check_eq!(sys::recv(&far, &mut data[..2], libc::MSG_PEEK)?, 2);
    }
    check_eq!(sys::read(&far, &mut data)?, 5);
    check_eq!(&data[..5], b"hello");
    check_err!(sys::recv(&far, &mut data, libc::MSG_PEEK | libc::MSG_DONTWAIT), EAGAIN);
    drop(near);
    check_eq!(sys::recv(&far, &mut data, libc::MSG_PEEK)?, 0);
    Ok(())
}

fn tcp_waits_for_all(case: &Case) -> Outcome {
    let (near, far) = connection(V4)?;
    let reader = case.spawn(move || {
        let mut data = [0; 10];
        check_eq!(sys::recv(&far, &mut data, libc::MSG_WAITALL)?, 10);
        check_eq!(&data, b"helloworld");
        check_eq!(sys::recv(&far, &mut data, libc::MSG_WAITALL)?, 3, "the end comes before");
        Ok(())
    });
    for part in [&b"hello"[..], b"world", b"end"] {
        sys::write(&near, part)?;
    }
    drop(near);
    reader.join()
}

fn tcp_ends_in_order(_: &Case) -> Outcome {
    for family in FAMILIES {
        let (near, far) = connection(family)?;
        sys::write(&near, b"last")?;
        drop(near);
        let mut data = [0; 16];
        check_eq!(read_full(&far, &mut data)?, 4);
        check_eq!(sys::read(&far, &mut data)?, 0);
        check_eq!(sys::read(&far, &mut data)?, 0, "again");
    }
    Ok(())
}

fn tcp_half_closed_goes_on(_: &Case) -> Outcome {
    for family in FAMILIES {
        let (near, far) = connection(family)?;
        sys::write(&near, b"question")?;
        sys::shutdown(&near, libc::SHUT_WR)?;
        check_err!(sys::send(&near, b"x", libc::MSG_NOSIGNAL), EPIPE);
        let mut data = [0; 16];
        check_eq!(read_full(&far, &mut data)?, 8);
        sys::write(&far, b"answer")?;
        check_eq!(sys::read(&near, &mut data)?, 6);
        sys::shutdown(&far, libc::SHUT_WR)?;
        check_eq!(sys::read(&near, &mut data)?, 0);
    }
    Ok(())
}

fn tcp_a_closed_peer_resets(_: &Case) -> Outcome {
    for family in FAMILIES {
        let (near, far) = connection(family)?;
        drop(near);
        wait_for(&far, libc::POLLIN)?;
        check_eq!(sys::write(&far, b"into the void")?, 13);
        wait_for(&far, libc::POLLHUP)?;
        check_err!(sys::send(&far, b"x", libc::MSG_NOSIGNAL), EPIPE);
        check_eq!(sys::read(&far, &mut [0; 4])?, 0);
    }
    Ok(())
}

fn tcp_unread_data_resets(_: &Case) -> Outcome {
    for family in FAMILIES {
        let (near, far) = connection(family)?;
        reset(near, &far)?;
        wait_for(&far, libc::POLLERR)?;
        check_err!(sys::read(&far, &mut [0; 4]), ECONNRESET);
        check_eq!(sys::read(&far, &mut [0; 4])?, 0, "it is told once");
        check_err!(sys::send(&far, b"x", libc::MSG_NOSIGNAL), EPIPE);
        let (near, far) = connection(family)?;
        reset(near, &far)?;
        wait_for(&far, libc::POLLERR)?;
        check_eq!(option(&far, libc::SO_ERROR)?, libc::ECONNRESET);
        check_eq!(option(&far, libc::SO_ERROR)?, 0);
        check_eq!(sys::read(&far, &mut [0; 4])?, 0);
    }
    Ok(())
}

fn tcp_without_a_connection(_: &Case) -> Outcome {
    for family in FAMILIES {
        let fd = sys::socket(family, STREAM, 0)?;
        check_err!(sys::send(&fd, b"x", libc::MSG_NOSIGNAL), EPIPE);
        check_err!(sys::write(&fd, b"x"), EPIPE);
        check_err!(sys::read(&fd, &mut [0; 4]), ENOTCONN);
        let (fd, _) = listener(family, 1)?;
        check_err!(sys::send(&fd, b"x", libc::MSG_NOSIGNAL), EPIPE);
        check_err!(sys::read(&fd, &mut [0; 4]), ENOTCONN);
    }
    Ok(())
}

fn tcp_vectors_and_headers(_: &Case) -> Outcome {
    let (near, far) = connection(V4)?;
    let parts = [IoSlice::new(b"a "), IoSlice::new(b""), IoSlice::new(b"message")];
    check_eq!(sys::writev(&near, &parts)?, 9);
    let (mut head, mut tail, mut from) = ([0; 3], [0; 20], [0; 40]);
    wait_for(&far, libc::POLLIN)?;
    check_eq!(sys::readv(&far, &mut [IoSliceMut::new(&mut head), IoSliceMut::new(&mut tail)])?, 9);
    check_eq!((&head, &tail[..6]), (b"a m", &b"essage"[..]));
    check_eq!(sys::sendmsg(&near, &parts, Envelope::default(), 0)?.bytes, 9);
    wait_for(&far, libc::POLLIN)?;
    let envelope = Envelope { name: Some(&mut from), ..Envelope::default() };
    let header = sys::recvmsg(&far, &mut [IoSliceMut::new(&mut tail)], envelope, 0)?;
    check_eq!((header.bytes, header.flags, header.control, header.name), (9, 0, 0, 0));
    Ok(())
}

fn tcp_passes_over_addresses(_: &Case) -> Outcome {
    let (near, far) = connection(V4)?;
    check_eq!(sys::sendto(&near, b"hello", 0, at(V4, "192.0.2.1:9").bytes())?, 5);
    let (mut data, mut from, mut length) = ([0; 16], [0xa5; 40], 40);
    check_eq!(sys::recvfrom(&far, &mut data, 0, &mut from, &mut length)?, 5);
    check_eq!((length, from), (0, [0xa5; 40]), "streams do not say who sent");
    Ok(())
}

fn tcp_requests(_: &Case) -> Outcome {
    let (near, far) = connection(V4)?;
    let ask = |fd: &_, request| {
        let mut count = -1;
        sys::ioctl(fd, request, &mut count)?;
        Ok::<_, crate::errno::Errno>(count)
    };
    check_eq!(ask(&far, libc::FIONREAD)?, 0);
    sys::write(&near, b"hello")?;
    wait_for(&far, libc::POLLIN)?;
    check_eq!(ask(&far, libc::FIONREAD)?, 5);
    sys::read(&far, &mut [0; 2])?;
    check_eq!(ask(&far, libc::FIONREAD)?, 3);
    let (fd, _) = listener(V4, 1)?;
    check_err!(ask(&fd, libc::FIONREAD), EINVAL);
    check_err!(ask(&fd, libc::TIOCOUTQ), EINVAL);
    check_eq!(ask(&sys::socket(V4, STREAM, 0)?, libc::FIONREAD)?, 0);
    Ok(())
}

fn tcp_many_connections(_: &Case) -> Outcome {
    let (fd, address) = listener(V4, 100)?;
    let mut open = Vec::new();
    for _ in 0..100 {
        let near = client(V4, &address)?;
        open.push((near, sys::accept(&fd)?));
    }
    for (near, far) in &open {
        exchange(near, far)?;
    }
    Ok(())
}

fn tcp_many_threads(case: &Case) -> Outcome {
    let (fd, address) = listener(V6, 64)?;
    let clients: Vec<_> = (0..8_u8)
        .map(|thread| {
            let address = address.clone();
            case.spawn(move || {
                for round in 0..20_u8 {
                    let near = client(V6, &address)?;
                    sys::write(&near, &[thread, round])?;
                    let mut sum = [0];
                    check_eq!(sys::read(&near, &mut sum)?, 1);
                    check_eq!(sum[0], thread.wrapping_mul(31).wrapping_add(round));
                }
                Ok(())
            })
        })
        .collect();
    for _ in 0..160 {
        let far = sys::accept(&fd)?;
        let mut asked = [0; 2];
        check_eq!(read_full(&far, &mut asked)?, 2);
        sys::write(&far, &[asked[0].wrapping_mul(31).wrapping_add(asked[1])])?;
    }
    for client in clients {
        client.join()?;
    }
    Ok(())
}

fn tcp_data_before_accept(_: &Case) -> Outcome {
    let (fd, address) = listener(V4, 1)?;
    let near = client(V4, &address)?;
    sys::write(&near, b"early")?;
    drop(near);
    let far = sys::accept(&fd)?;
    let mut data = [0; 16];
    check_eq!(read_full(&far, &mut data)?, 5);
    check_eq!(&data[..5], b"early");
    Ok(())
}

fn tcp_a_process_inherits_a_connection(case: &Case) -> Outcome {
    let (near, far) = connection(V4)?;
    case.in_child(|| {
        check_eq!(sys::write(&near, b"from the child")?, 14);
        Ok(())
    })?;
    let mut data = [0; 32];
    check_eq!(sys::read(&far, &mut data)?, 14);
    exchange(&near, &far)?;
    drop(near);
    check_eq!(sys::read(&far, &mut data)?, 0);
    Ok(())
}

fn tcp_sends_files(case: &Case) -> Outcome {
    let (near, far) = connection(V4)?;
    let file = sys::open(&case.path("file"), libc::O_RDWR | libc::O_CREAT, 0o600)?;
    let content = pattern(3, 50_000);
    write_all(&file, &content)?;
    let reader = case.spawn(move || {
        let mut data = vec![0; 50_000];
        check_eq!(read_full(&far, &mut data)?, 50_000);
        Ok(data)
    });
    let mut offset = 0;
    while offset < 50_000 {
        check!(sys::sendfile(&near, &file, Some(&mut offset), 50_000)? > 0);
    }
    check!(reader.join()? == content);
    Ok(())
}

fn tcp_loses_nothing_where_memory_is_bad(_: &Case) -> Outcome {
    let (near, far) = connection(V4)?;
    sys::write(&near, b"precious")?;
    wait_for(&far, libc::POLLIN)?;
    let region = Region::new(1, libc::PROT_NONE)?;
    let words = |fd: &OwnedFd| [fd.as_raw_fd() as usize, region.at(0), 8, 0, 0, 0];
    check_err!(region.call("read", libc::SYS_read, words(&far)), EFAULT);
    check_eq!(wait_for(&far, libc::POLLIN)?, libc::POLLIN);
    let mut data = [0; 16];
    check_eq!(sys::recv(&far, &mut data, libc::MSG_PEEK)?, 8);
    check_eq!(sys::read(&far, &mut data[..3])?, 3);
    check_eq!(sys::read(&far, &mut data[3..])?, 5);
    check_eq!(&data[..8], b"precious");
    check_err!(region.call("write", libc::SYS_write, words(&near)), EFAULT);
    exchange(&near, &far)
}

fn tcp_messages_in_arrays(_: &Case) -> Outcome {
    let (near, far) = connection(V4)?;
    let message = |data| sys::Outgoing { data, to: None, control: None };
    let (count, lengths) = sys::sendmmsg(&near, &[message(b"ab"), message(b"cde")], 0)?;
    check_eq!((count, &lengths[..]), (2, &[2, 3][..]));
    let mut data = [0; 5];
    check_eq!(read_full(&far, &mut data)?, 5);
    check_eq!(&data, b"abcde");
    Ok(())
}
