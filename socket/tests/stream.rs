//! Data over connections: order, boundaries, blocking, the ends.

mod common;

use common::*;
use scml::Call;
use socket::error::Errno;

const POLLIN: u32 = 0x41;
const POLLOUT: u32 = 0x304;
const POLLERR: u32 = 0x8;
const POLLHUP: u32 = 0x10;
const POLLRDHUP: u32 = 0x2000;

#[test]
fn bytes_arrive_in_order_and_without_boundaries() {
    let program = System::new().program();
    let [one, other] = program.pair();
    program.send(one, b"abc").unwrap();
    program.send(one, b"def").unwrap();
    assert_eq!(program.receive(other, 4).unwrap(), b"abcd");
    assert_eq!(program.receive(other, 100).unwrap(), b"ef");
    assert_eq!(program.receive(other, 100).unwrap_err(), Errno::EAGAIN);
    program.send(other, b"back").unwrap();
    assert_eq!(program.receive(one, 100).unwrap(), b"back");
}

#[test]
fn messages_of_all_sizes_come_through() {
    let program = System::new().program();
    let [one, other] = program.pair();
    let mut next = 0_u8;
    for size in [1, 2, 31, 32, 33, 127, 128, 129, 255, 256, 257, 1000, 4096, 36544, 36545, 100_000] {
        let message: Vec<u8> = (0..size)
            .map(|_| {
                next = next.wrapping_add(7);
                next
            })
            .collect();
        assert_eq!(program.send(one, &message).unwrap(), size);
        assert_eq!(program.receive(other, size + 1).unwrap(), message, "size {size}");
    }
}

/// A long sequence of writes and reads of many sizes: what comes out is what went in.
#[test]
fn any_mixture_of_sizes_keeps_the_order() {
    let program = System::new().program();
    let [one, other] = program.pair();
    let mut seed = 0x1234_5678_9abc_def0_u64;
    let mut random = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    let sizes = [1, 3, 20, 40, 100, 128, 130, 250, 300, 2000, 5000, 40_000];
    let (mut sent, mut received) = (0_u32, 0_u32);
    let byte = |index: u32| (index ^ index >> 8) as u8;
    for _ in 0..3000 {
        let size = sizes[random() as usize % sizes.len()];
        if random() % 2 == 0 {
            let message: Vec<u8> = (0..size).map(|offset| byte(sent + offset)).collect();
            if let Ok(count) = program.send(one, &message) {
                sent += count as u32;
            }
        } else if random() % 3 == 0 {
            if let Ok(seen) = program.receive_with(other, size as usize, MSG_DONTWAIT | MSG_PEEK) {
                assert_eq!(seen.len() as u32, size.min(sent - received));
                assert!((received..).zip(&seen).all(|(index, seen)| byte(index) == *seen));
            }
        } else if let Ok(bytes) = program.receive(other, size as usize) {
            assert_eq!(bytes.len() as u32, size.min(sent - received));
            assert!((received..).zip(&bytes).all(|(index, seen)| byte(index) == *seen));
            received += bytes.len() as u32;
        } else {
            assert_eq!(sent, received);
        }
    }
    assert!(sent > 1_000_000, "{sent}");
}

#[test]
fn a_reader_waits_for_a_writer() {
    let program = System::new().program();
    let [one, other] = program.pair();
    let buffer = program.zeroes(100);
    let reader = program.waits(Call::Read, [other, buffer, 100]);
    assert!(!reader.is_woken());
    program.send(one, b"hello").unwrap();
    assert_eq!(reader.finish(), Ok(5));
    assert_eq!(program.peek(buffer, 5), b"hello");
}

#[test]
fn a_writer_waits_for_a_reader() {
    let program = System::new().program();
    let [one, other] = program.pair();
    let message = program.bytes(&vec![7; 1 << 20]);
    let mut writer = program.waits(Call::Write, [one, message, 1 << 20]);
    // What Linux takes before it waits, six pieces of what it puts into one buffer.
    assert_eq!(program.receive(other, 1 << 20).unwrap().len(), 219_264);
    assert!(writer.is_woken());
    writer.still_waits();
    let mut total = 219_264;
    while total + 219_264 < 1 << 20 {
        total += program.receive(other, 1 << 20).unwrap().len();
        if total + 219_264 < 1 << 20 {
            writer.still_waits();
        }
    }
    assert_eq!(writer.finish(), Ok(1 << 20));
    total += program.receive(other, 1 << 20).unwrap().len();
    assert_eq!(total, 1 << 20);
}

#[test]
fn a_full_buffer_refuses_and_is_writable_again_at_a_quarter() {
    let program = System::new().program();
    let [one, other] = program.pair();
    assert_eq!(program.send(one, &vec![0; 1 << 20]), Ok(219_264));
    assert_eq!(program.send(one, b"x"), Err(Errno::EAGAIN));
    assert_eq!(program.poll(one), 0);
    assert_eq!(program.send(one, b""), Ok(0));
    let mut read = 0;
    while program.poll(one) == 0 {
        read += program.receive(other, 100).unwrap().len();
    }
    // As on Linux: one of the six pieces is left.
    assert_eq!(read, 182_800);
}

#[test]
fn a_small_buffer_holds_little() {
    let program = System::new().program();
    let [one, other] = program.pair();
    program.set_option(one, 7, 1).unwrap();
    assert_eq!(program.send(one, &vec![0; 1 << 20]), Ok(4480));
    assert_eq!(program.receive(other, 4479).unwrap().len(), 4479);
    assert_eq!(program.poll(one) & POLLOUT, 0);
    program.receive(other, 1).unwrap();
    assert_eq!(program.poll(one), POLLOUT);
    let mut count = 0;
    while program.send(one, b"y").is_ok() {
        count += 1;
    }
    assert!((100..10_000).contains(&count), "{count}");
}

#[test]
fn a_larger_buffer_wakes_the_writer() {
    let program = System::new().program();
    let [one, other] = program.pair();
    program.set_option(one, 7, 1).unwrap();
    program.send(one, &vec![0; 1 << 20]).unwrap();
    let message = program.bytes(b"more");
    let writer = program.waits(Call::Write, [one, message, 4]);
    program.set_option(one, 7, 100_000).unwrap();
    assert_eq!(writer.finish(), Ok(4));
    assert_eq!(program.receive(other, 1 << 20).unwrap().len(), 4484);
}

#[test]
fn waitall_waits_for_everything() {
    let program = System::new().program();
    let [one, other] = program.pair();
    let buffer = program.zeroes(10);
    program.send(one, b"abc").unwrap();
    let mut reader = program.waits(Call::Recvfrom, [other, buffer, 10, MSG_WAITALL]);
    program.send(one, b"defg").unwrap();
    assert!(reader.is_woken());
    reader.still_waits();
    program.send(one, b"hijkl").unwrap();
    assert_eq!(reader.finish(), Ok(10));
    assert_eq!(program.peek(buffer, 10), b"abcdefghij");
    assert_eq!(program.receive(other, 10).unwrap(), b"kl");
    // What must not wait takes what there is.
    program.send(one, b"mn").unwrap();
    assert_eq!(program.receive_with(other, 10, MSG_WAITALL | MSG_DONTWAIT).unwrap(), b"mn");
}

#[test]
fn waitall_ends_with_the_connection_and_with_a_signal() {
    let program = System::new().program();
    let [one, other] = program.pair();
    let buffer = program.zeroes(10);
    program.send(one, b"abc").unwrap();
    let reader = program.waits(Call::Recvfrom, [other, buffer, 10, MSG_WAITALL]);
    assert_eq!(reader.interrupt(), Ok(3));
    let reader = program.waits(Call::Recvfrom, [other, buffer, 10, MSG_WAITALL]);
    assert_eq!(reader.interrupt(), Err(Errno::EINTR));
    program.send(one, b"def").unwrap();
    let reader = program.waits(Call::Recvfrom, [other, buffer, 10, MSG_WAITALL]);
    program.close(one);
    assert_eq!(reader.finish(), Ok(3));
    assert_eq!(program.receive(other, 10).unwrap(), b"");
}

#[test]
fn peeking_leaves_everything_and_does_not_wait_for_more() {
    let program = System::new().program();
    let [one, other] = program.pair();
    program.send(one, b"abc").unwrap();
    program.send(one, &[b'd'; 300]).unwrap();
    let seen = program.receive_with(other, 1000, MSG_PEEK | MSG_WAITALL).unwrap();
    assert_eq!(seen.len(), 303);
    assert_eq!(program.receive_with(other, 2, MSG_PEEK).unwrap(), b"ab");
    assert_eq!(program.receive(other, 1000).unwrap(), seen);
    let buffer = program.zeroes(10);
    let reader = program.waits(Call::Recvfrom, [other, buffer, 10, MSG_PEEK | MSG_WAITALL]);
    program.send(one, b"e").unwrap();
    assert_eq!(reader.finish(), Ok(1));
    assert_eq!(program.receive(other, 10).unwrap(), b"e");
}

#[test]
fn no_room_takes_nothing() {
    let program = System::new().program();
    let [one, other] = program.pair();
    let buffer = program.zeroes(10);
    // read asks nothing of the socket, recv does.
    assert_eq!(program.call(Call::Read, [other, buffer, 0]), Ok(0));
    assert_eq!(program.call(Call::Recvfrom, [other, buffer, 0, MSG_DONTWAIT]), Err(Errno::EAGAIN));
    let reader = program.waits(Call::Recvfrom, [other, buffer, 0, 0]);
    program.send(one, b"abc").unwrap();
    assert_eq!(reader.finish(), Ok(0));
    assert_eq!(program.receive(other, 10).unwrap(), b"abc");
    // The same of write and send; but they do ask for a connection.
    assert_eq!(program.call(Call::Write, [one, buffer, 0]), Ok(0));
    let lonely = program.stream();
    assert_eq!(program.call(Call::Write, [lonely, buffer, 0]), Err(Errno::ENOTCONN));
    assert_eq!(program.call(Call::Writev, [lonely, buffer, 0]), Ok(0));
    assert_eq!(program.call(Call::Readv, [lonely, buffer, 0]), Ok(0));
    assert_eq!(program.call(Call::Read, [lonely, buffer, 0]), Ok(0));
}

#[test]
fn closing_is_the_end_for_the_reader_and_a_broken_pipe_for_the_writer() {
    let program = System::new().program();
    let [one, other] = program.pair();
    program.send(one, b"last").unwrap();
    program.close(one);
    assert_eq!(program.poll(other), POLLIN | POLLOUT | POLLHUP | POLLRDHUP);
    assert_eq!(program.send(other, b"x"), Err(Errno::EPIPE));
    assert_eq!(program.broken_pipes.get(), 0);
    let message = program.bytes(b"x");
    assert_eq!(program.call(Call::Write, [other, message, 1]), Err(Errno::EPIPE));
    assert_eq!(program.broken_pipes.get(), 1);
    assert_eq!(program.receive(other, 10).unwrap(), b"last");
    assert_eq!(program.receive(other, 10).unwrap(), b"");
    assert_eq!(program.option(other, 4), Ok(0));
}

#[test]
fn closing_with_unread_data_resets() {
    let program = System::new().program();
    let [one, other] = program.pair();
    program.send(other, b"answer").unwrap();
    program.send(one, b"unread").unwrap();
    program.close(other);
    assert_eq!(program.poll(one), POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDHUP);
    // What had come can be read; then the error, once.
    assert_eq!(program.send(one, b"x"), Err(Errno::EPIPE));
    assert_eq!(program.receive(one, 10).unwrap(), b"answer");
    assert_eq!(program.receive(one, 10), Err(Errno::ECONNRESET));
    assert_eq!(program.receive(one, 10).unwrap(), b"");

    let [one, other] = program.pair();
    program.send(one, b"unread").unwrap();
    program.close(other);
    assert_eq!(program.option(one, 4), Ok(104));
    assert_eq!(program.option(one, 4), Ok(0));
    assert_eq!(program.poll(one) & POLLERR, 0);
}

#[test]
fn those_who_wait_learn_of_the_end() {
    let program = System::new().program();
    let [one, other] = program.pair();
    let buffer = program.zeroes(10);
    let reader = program.waits(Call::Read, [one, buffer, 10]);
    program.close(other);
    assert_eq!(reader.finish(), Ok(0));

    let [one, other] = program.pair();
    program.send(one, &vec![0; 1 << 20]).unwrap();
    let writer = program.waits(Call::Write, [one, buffer, 10]);
    let reader = program.waits(Call::Read, [one, buffer, 10]);
    program.close(other);
    // The error is for the first who asks.
    assert_eq!(writer.finish(), Err(Errno::ECONNRESET));
    assert_eq!(reader.finish(), Ok(0));
}

#[test]
fn a_writer_that_had_success_reports_that() {
    let program = System::new().program();
    let [one, other] = program.pair();
    let message = program.bytes(&vec![7; 1 << 20]);
    let writer = program.waits(Call::Write, [one, message, 1 << 20]);
    program.close(other);
    assert_eq!(writer.finish(), Ok(219_264));
    let [one, _other] = program.pair();
    let writer = program.waits(Call::Write, [one, message, 1 << 20]);
    assert_eq!(writer.interrupt(), Ok(219_264));
    let writer = program.waits(Call::Write, [one, message, 1 << 20]);
    assert_eq!(writer.interrupt(), Err(Errno::EINTR));
}

#[test]
fn shutting_directions() {
    let program = System::new().program();
    let [one, other] = program.pair();
    program.send(one, b"before").unwrap();
    program.call(Call::Shutdown, [one, 1]).unwrap();
    assert_eq!(program.send(one, b"x"), Err(Errno::EPIPE));
    assert_eq!(program.poll(one), POLLOUT);
    assert_eq!(program.poll(other), POLLIN | POLLOUT | POLLRDHUP);
    assert_eq!(program.receive(other, 10).unwrap(), b"before");
    assert_eq!(program.receive(other, 10).unwrap(), b"");
    program.send(other, b"still").unwrap();
    assert_eq!(program.receive(one, 10).unwrap(), b"still");
    program.call(Call::Shutdown, [other, 1]).unwrap();
    assert_eq!(program.poll(one), POLLIN | POLLOUT | POLLHUP | POLLRDHUP);
    assert_eq!(program.receive(one, 10).unwrap(), b"");

    let [one, other] = program.pair();
    program.send(other, b"before").unwrap();
    program.call(Call::Shutdown, [one, 0]).unwrap();
    assert_eq!(program.send(other, b"x"), Err(Errno::EPIPE));
    assert_eq!(program.receive(one, 10).unwrap(), b"before");
    assert_eq!(program.receive(one, 10).unwrap(), b"");
    program.send(one, b"other way").unwrap();
    assert_eq!(program.receive(other, 10).unwrap(), b"other way");
    for how in [3, usize::MAX] {
        assert_eq!(program.call(Call::Shutdown, [one, how]), Err(Errno::EINVAL));
    }
}

#[test]
fn shutting_wakes_both_sides() {
    let program = System::new().program();
    let [one, other] = program.pair();
    let buffer = program.zeroes(10);
    let here = program.waits(Call::Read, [one, buffer, 10]);
    let there = program.waits(Call::Read, [other, buffer, 10]);
    program.call(Call::Shutdown, [one, 2]).unwrap();
    assert_eq!((here.finish(), there.finish()), (Ok(0), Ok(0)));
}

#[test]
fn vectors_are_gathered_and_scattered() {
    let program = System::new().program();
    let [one, other] = program.pair();
    let (a, b) = (program.bytes(b"abc"), program.bytes(b"defgh"));
    let vectors = program.vectors(&[(a, 3), (0, 0), (b, 5)]);
    assert_eq!(program.call(Call::Writev, [one, vectors, 3]), Ok(8));
    let (a, b) = (program.zeroes(5), program.zeroes(9));
    let vectors = program.vectors(&[(a, 5), (b, 9)]);
    assert_eq!(program.call(Call::Readv, [other, vectors, 2]), Ok(8));
    assert_eq!((program.peek(a, 5), program.peek(b, 3)), (b"abcde".to_vec(), b"fgh".to_vec()));
    // More than a piece, from many places.
    let long = program.bytes(&[9; 1000]);
    let vectors = program.vectors(&[(long, 1000); 100]);
    assert_eq!(program.call(Call::Writev, [one, vectors, 100]), Ok(100_000));
    let long = program.zeroes(70_000);
    let vectors = program.vectors(&[(long, 60_000), (long + 60_000, 10_000)]);
    assert_eq!(program.call(Call::Readv, [other, vectors, 2]), Ok(70_000));
    assert_eq!(program.peek(long, 70_000), [9; 70_000]);
}

#[test]
fn messages_with_headers() {
    let program = System::new().program();
    let [one, other] = program.pair();
    let text = program.bytes(b"message");
    let vectors = program.vectors(&[(text, 7)]);
    let message = program.message(Message { vectors, count: 1, ..Message::default() });
    assert_eq!(program.call(Call::Sendmsg, [one, message, 0]), Ok(7));
    let room = program.zeroes(20);
    let vectors = program.vectors(&[(room, 20)]);
    let (name, control) = (program.zeroes(128), program.zeroes(50));
    let header =
        Message { name, name_length: 128, vectors, count: 1, control, control_length: 50, flags: 0x7777 };
    let message = program.message(header);
    assert_eq!(program.call(Call::Recvmsg, [other, message, MSG_CMSG_CLOEXEC]), Ok(7));
    let after = program.peek(message, 56);
    assert_eq!(after[8..12], [0; 4], "the peer has no name");
    assert_eq!(after[40..48], [0; 8], "no control messages");
    assert_eq!(after[48..52], (MSG_CMSG_CLOEXEC as u32).to_ne_bytes());
    // Where no name is wanted, its length is left alone.
    program.send(one, b"x").unwrap();
    let message = program.message(Message { name: 0, name_length: 77, ..header });
    assert_eq!(program.call(Call::Recvmsg, [other, message, 0]), Ok(1));
    assert_eq!(program.int(message + 8), 77);
}

#[test]
fn the_sender_of_a_message_is_named() {
    let program = System::new().program();
    let [_listener, client, server] = program.connection("@server");
    program.send(server, b"hi").unwrap();
    let (buffer, name) = (program.zeroes(10), program.zeroes(20));
    let length = program.bytes(&20_i32.to_ne_bytes());
    assert_eq!(program.call(Call::Recvfrom, [client, buffer, 10, 0, name, length]), Ok(2));
    assert_eq!(program.peek(name, program.int(length) as usize), b"\x01\0\0server");
    // The client has no name, and at the end of the stream nobody has sent anything.
    program.send(client, b"hi").unwrap();
    let length = program.bytes(&20_i32.to_ne_bytes());
    assert_eq!(program.call(Call::Recvfrom, [server, buffer, 10, 0, name, length]), Ok(2));
    assert_eq!(program.int(length), 0);
    program.close(server);
    let length = program.bytes(&20_i32.to_ne_bytes());
    assert_eq!(program.call(Call::Recvfrom, [client, buffer, 10, 0, name, length]), Ok(0));
    assert_eq!(program.int(length), 0);
}

#[test]
fn destinations_are_refused() {
    let program = System::new().program();
    let [one, _other] = program.pair();
    let lonely = program.stream();
    let text = program.bytes(b"x");
    let [address, length] = program.address("@any");
    assert_eq!(program.call(Call::Sendto, [one, text, 1, 0, address, length]), Err(Errno::EISCONN));
    assert_eq!(program.call(Call::Sendto, [lonely, text, 1, 0, address, length]), Err(Errno::EOPNOTSUPP));
    assert_eq!(program.call(Call::Sendto, [one, text, 1, 0, address, 0]), Ok(1));
    assert_eq!(program.call(Call::Sendto, [lonely, text, 1, 0, address, 0]), Err(Errno::ENOTCONN));
    assert_eq!(program.call(Call::Recvfrom, [lonely, text, 1, 0]), Err(Errno::EINVAL));
    let vectors = program.vectors(&[(text, 1)]);
    let message = program.message(Message {
        name: address,
        name_length: length as i32,
        vectors,
        count: 1,
        ..Message::default()
    });
    assert_eq!(program.call(Call::Sendmsg, [one, message, 0]), Err(Errno::EISCONN));
}

#[test]
fn an_idle_pair_is_small() {
    let program = System::new().program();
    let [one, _] = program.pair();
    // Two sockets with their counters, two places to be told of events, one connection.
    let socket = size_of::<socket::socket::Socket>() + 16;
    let pollee = size_of::<socket::ready::Pollee>() + 16;
    assert!(pollee <= 64, "{pollee}");
    let connection = program.get(one).link().unwrap().footprint() + 16;
    assert!(connection <= 512, "{connection}");
    assert!(2 * (socket + pollee) + connection <= 1024, "{socket}");
}
