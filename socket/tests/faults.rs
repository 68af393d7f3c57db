//! Wild, unmapped and read-only pointers, absurd lengths, in every place of every call: an errno, and nothing is broken.

mod common;

use common::*;
use scml::Call;
use socket::error::Errno;

/// Kernel addresses begin long before; this is the first byte that no program has.
const USER_END: usize = (1 << 47) - 4096;

/// Addresses at which nothing can be read.
const WILD: [usize; 5] = [0, 1, 0x7000_0000, USER_END, usize::MAX];

/// The first byte of a page that can only be read.
fn read_only(program: &Program) -> usize {
    let mut memory = program.memory.borrow_mut();
    let address = memory.map(2 * PAGE, true);
    memory.protect(address, 2 * PAGE);
    address
}

/// So many bytes before a hole.
fn before_a_hole(program: &Program, bytes: usize) -> usize {
    program.bytes(&vec![b'x'; bytes])
}

#[test]
fn addresses() {
    let program = System::new().program();
    let socket = program.stream();
    let listener = program.listener("@server", 9);
    for call in [Call::Bind, Call::Connect] {
        for address in WILD.into_iter().chain([before_a_hole(&program, 10)]) {
            assert_eq!(
                program.call(call, [socket, address, 16]),
                Err(Errno::EFAULT),
                "{call:?} {address:#x}"
            );
        }
        for length in [129, 1 << 31, 0xffff_ffff, usize::MAX] {
            assert_eq!(program.call(call, [socket, 0, length]), Err(Errno::EINVAL));
        }
    }
    program.connect(socket, "@server").unwrap();
    program.assert_usable([socket, program.accept(listener)]);
}

#[test]
fn names_that_are_asked_for() {
    let program = System::new().program();
    let [listener, client, server] = program.connection("@server");
    let buffer = program.zeroes(20);
    for call in [Call::Getsockname, Call::Getpeername] {
        for length in WILD.into_iter().chain([read_only(&program), before_a_hole(&program, 3)]) {
            assert_eq!(program.call(call, [client, buffer, length]), Err(Errno::EFAULT), "{call:?}");
        }
        for address in WILD.into_iter().chain([read_only(&program), before_a_hole(&program, 1)]) {
            let length = program.bytes(&20_i32.to_ne_bytes());
            assert_eq!(program.call(call, [client, address, length]), Err(Errno::EFAULT), "{call:?}");
        }
    }
    program.assert_usable([client, server]);
    // A connection whose name could not be told is accepted, and lost: as Linux does.
    for (address, length) in
        [(1, 0), (buffer, 1), (buffer, read_only(&program)), (1, program.bytes(&[20, 0, 0, 0]))]
    {
        let client = program.stream();
        program.connect(client, "@server").unwrap();
        assert_eq!(program.call(Call::Accept, [listener, address, length]), Err(Errno::EFAULT));
        assert_eq!(program.receive(client, 1), Ok(Vec::new()));
    }
    // The descriptor that it would have had is free.
    let free = program.stream();
    program.close(free);
    let client = program.stream();
    assert_eq!(client, free);
    program.connect(client, "@server").unwrap();
    program.assert_usable([client, program.accept(listener)]);
}

#[test]
fn socketpair_numbers() {
    let program = System::new().program();
    let before = program.stream();
    for numbers in WILD.into_iter().chain([read_only(&program), before_a_hole(&program, 7)]) {
        assert_eq!(program.call(Call::Socketpair, [AF_UNIX, SOCK_STREAM, 0, numbers]), Err(Errno::EFAULT));
    }
    assert_eq!(program.stream(), before + 1);
    program.limit.set(before + 3);
    assert_eq!(program.call(Call::Socketpair, [AF_UNIX, SOCK_STREAM, 0, 1]), Err(Errno::EMFILE));
    assert_eq!(program.stream(), before + 2);
}

#[test]
fn payload_that_cannot_be_read() {
    let program = System::new().program();
    let pair @ [one, other] = program.pair();
    for length in [1, 20, 100, 1000, 30_000] {
        for address in [1, before_a_hole(&program, length / 2)] {
            assert_eq!(program.call(Call::Write, [one, address, length]), Err(Errno::EFAULT));
            assert_eq!(program.call(Call::Sendto, [one, address, length, MSG_DONTWAIT]), Err(Errno::EFAULT));
            let vectors = program.vectors(&[(program.zeroes(5), 5), (address, length)]);
            assert_eq!(program.call(Call::Writev, [one, vectors, 2]), Err(Errno::EFAULT));
            let message = program.message(Message { vectors, count: 2, ..Message::default() });
            assert_eq!(program.call(Call::Sendmsg, [one, message, 0]), Err(Errno::EFAULT));
        }
        assert_eq!(program.receive(other, 1), Err(Errno::EAGAIN), "nothing of it was sent");
    }
    // What went before the piece with the fault is sent: Linux's pieces have 36,544 bytes.
    let address = before_a_hole(&program, 40_000);
    assert_eq!(program.call(Call::Write, [one, address, 50_000]), Ok(36_544));
    assert_eq!(program.receive(other, 50_000).unwrap().len(), 36_544);
    program.assert_usable(pair);
}

#[test]
fn room_that_cannot_be_written() {
    let program = System::new().program();
    let pair @ [one, other] = program.pair();
    for length in [1, 20, 100, 1000, 30_000] {
        let message: Vec<u8> = (0..length).map(|index| index as u8).collect();
        program.send(one, &message).unwrap();
        for address in [1, read_only(&program), before_a_hole(&program, length / 3)] {
            assert_eq!(program.call(Call::Read, [other, address, length]), Err(Errno::EFAULT), "{length}");
            for flags in [MSG_DONTWAIT, MSG_PEEK, MSG_WAITALL] {
                assert_eq!(program.call(Call::Recvfrom, [other, address, length, flags]), Err(Errno::EFAULT));
            }
            let vectors = program.vectors(&[(program.zeroes(length / 2), length / 2), (address, length)]);
            assert_eq!(program.call(Call::Readv, [other, vectors, 2]), Err(Errno::EFAULT));
            let message = program.message(Message { vectors, count: 2, ..Message::default() });
            assert_eq!(program.call(Call::Recvmsg, [other, message, 0]), Err(Errno::EFAULT));
        }
        assert_eq!(program.receive(other, length + 1).unwrap(), message, "all of it is still there");
    }
    // What was stored before the piece with the fault is read.
    program.send(one, &[1; 36_544]).unwrap();
    program.send(one, &[2; 1000]).unwrap();
    let address = before_a_hole(&program, 37_000);
    assert_eq!(program.call(Call::Read, [other, address, 40_000]), Ok(36_544));
    assert_eq!(program.receive(other, 2000).unwrap(), [2; 1000]);
    program.assert_usable(pair);
}

#[test]
fn where_results_cannot_be_stored_the_data_is_gone() {
    let program = System::new().program();
    let [_, client, server] = program.connection("@server");
    let buffer = program.zeroes(100);
    let vectors = program.vectors(&[(buffer, 100)]);
    let length = || program.bytes(&100_i32.to_ne_bytes());
    for (name, length) in [(1, length()), (buffer, 1), (buffer, read_only(&program))] {
        program.send(server, b"lost").unwrap();
        assert_eq!(program.call(Call::Recvfrom, [client, buffer, 9, 0, name, length]), Err(Errno::EFAULT));
        assert_eq!(program.receive(client, 9), Err(Errno::EAGAIN));
    }
    let negative = program.bytes(&(-1_i32).to_ne_bytes());
    program.send(server, b"lost").unwrap();
    assert_eq!(program.call(Call::Recvfrom, [client, buffer, 9, 0, buffer, negative]), Err(Errno::EINVAL));
    let message =
        program.message(Message { name: 1, name_length: 9, vectors, count: 1, ..Message::default() });
    program.send(server, b"lost").unwrap();
    assert_eq!(program.call(Call::Recvmsg, [client, message, 0]), Err(Errno::EFAULT));
    let message = program.message(Message { vectors, count: 1, ..Message::default() });
    program.memory.borrow_mut().protect(message, 56);
    program.send(server, b"lost").unwrap();
    assert_eq!(program.call(Call::Recvmsg, [client, message, 0]), Err(Errno::EFAULT));
    program.assert_usable([client, server]);
}

#[test]
fn vectors() {
    let program = System::new().program();
    let pair @ [one, other] = program.pair();
    let byte = program.bytes(b"x");
    let valid = program.vectors(&[(byte, 1); 1025]);
    for (call, socket) in [(Call::Writev, one), (Call::Readv, other)] {
        for address in WILD.into_iter().chain([before_a_hole(&program, 31)]) {
            assert_eq!(program.call(call, [socket, address, 2]), Err(Errno::EFAULT));
            assert_eq!(program.call(call, [socket, address, 0]), Ok(0));
        }
        for count in [1025, 1 << 40, usize::MAX] {
            assert_eq!(program.call(call, [socket, valid, count]), Err(Errno::EINVAL));
        }
        for (range, errno) in [
            ((byte, usize::MAX), Errno::EINVAL),
            ((byte, 1 << 63), Errno::EINVAL),
            ((USER_END, 1), Errno::EFAULT),
            ((usize::MAX, 0), Errno::EFAULT),
        ] {
            let vectors = program.vectors(&[(byte, 1), range]);
            assert_eq!(program.call(call, [socket, vectors, 2]), Err(errno));
        }
    }
    assert_eq!(program.call(Call::Writev, [one, valid, 1024]), Ok(1024));
    assert_eq!(program.call(Call::Readv, [other, valid, 1024]), Ok(1024));
    program.assert_usable(pair);
}

#[test]
fn headers() {
    let program = System::new().program();
    let pair @ [one, other] = program.pair();
    let byte = program.bytes(b"x");
    let vectors = program.vectors(&[(byte, 1)]);
    let good = Message { vectors, count: 1, ..Message::default() };
    for (call, socket) in [(Call::Sendmsg, one), (Call::Recvmsg, other)] {
        for header in WILD.into_iter().chain([before_a_hole(&program, 55)]) {
            assert_eq!(program.call(call, [socket, header, 0]), Err(Errno::EFAULT));
            assert_eq!(program.call(call, [99, header, 0]), Err(Errno::EBADF));
            // MSG_CMSG_COMPAT is looked at even before the descriptor.
            assert_eq!(program.call(call, [99, header, 0x8000_0000]), Err(Errno::EINVAL));
        }
        for (message, errno) in [
            (Message { count: 1025, ..good }, Errno::EMSGSIZE),
            (Message { count: usize::MAX, vectors: 1, ..good }, Errno::EMSGSIZE),
            (Message { vectors: 1, ..good }, Errno::EFAULT),
            (Message { name: byte, name_length: -1, count: 9999, ..good }, Errno::EINVAL),
        ] {
            let header = program.message(message);
            assert_eq!(program.call(call, [socket, header, MSG_DONTWAIT]), Err(errno), "{call:?}");
        }
    }
    // A name that cannot be read comes before too many buffers; one of no length is none.
    let header = program.message(Message { name: 1, name_length: 9, count: 9999, ..good });
    assert_eq!(program.call(Call::Sendmsg, [one, header, 0]), Err(Errno::EFAULT));
    let header = program.message(Message { name: 1, name_length: 0, ..good });
    assert_eq!(program.call(Call::Sendmsg, [one, header, 0]), Ok(1));
    // Control data.
    for (control, control_length, errno) in [
        (1, 16, Errno::EFAULT),
        (byte, 128 << 10, Errno::ENOBUFS),
        (byte, usize::MAX, Errno::ENOBUFS),
        (program.zeroes(16), 16, Errno::EINVAL),
        (before_a_hole(&program, 20), 21, Errno::EFAULT),
    ] {
        let header = program.message(Message { control, control_length, ..good });
        assert_eq!(program.call(Call::Sendmsg, [one, header, 0]), Err(errno));
    }
    assert_eq!(program.receive(other, 9).unwrap(), b"x");
    program.assert_usable(pair);
}

#[test]
fn options() {
    let program = System::new().program();
    let pair @ [one, _] = program.pair();
    let value = program.zeroes(4);
    let length = |length: i32| program.bytes(&length.to_ne_bytes());
    for at in WILD.into_iter().chain([read_only(&program)]) {
        assert_eq!(program.call(Call::Getsockopt, [one, SOL_SOCKET, 3, value, at]), Err(Errno::EFAULT));
        assert_eq!(program.call(Call::Getsockopt, [one, SOL_SOCKET, 3, at, length(4)]), Err(Errno::EFAULT));
    }
    for at in WILD.into_iter().chain([before_a_hole(&program, 3)]) {
        assert_eq!(program.call(Call::Setsockopt, [one, SOL_SOCKET, 7, at, 4]), Err(Errno::EFAULT));
    }
    for bad in [-1, i32::MIN] {
        assert_eq!(
            program.call(Call::Getsockopt, [one, SOL_SOCKET, 3, value, length(bad)]),
            Err(Errno::EINVAL)
        );
        assert_eq!(
            program.call(Call::Setsockopt, [one, SOL_SOCKET, 7, value, bad as usize]),
            Err(Errno::EINVAL)
        );
    }
    for short in 0..4 {
        assert_eq!(program.call(Call::Setsockopt, [one, SOL_SOCKET, 7, 0, short]), Err(Errno::EINVAL));
    }
    // A pointer that nothing is stored behind need not be good.
    assert_eq!(program.call(Call::Getsockopt, [one, SOL_SOCKET, 3, 1, length(0)]), Ok(0));
    program.assert_usable(pair);
}

#[test]
fn ranges_are_looked_at_before_descriptors() {
    let program = System::new().program();
    let other = program.open_other();
    for call in [Call::Sendto, Call::Recvfrom] {
        assert_eq!(program.call(call, [99, 1 << 63, 10]), Err(Errno::EFAULT));
        assert_eq!(program.call(call, [99, 1, 10]), Err(Errno::EBADF));
        assert_eq!(program.call(call, [other, 1, 10]), Err(Errno::ENOTSOCK));
    }
    let [one, _] = program.pair();
    for call in [Call::Read, Call::Write] {
        assert_eq!(program.call(call, [one, 4096, usize::MAX]), Err(Errno::EFAULT));
        assert_eq!(program.call(call, [one, 1 << 63, 0]), Err(Errno::EFAULT));
    }
    // Not so far: the length of sendto is cut, and the memory then not found.
    assert_eq!(program.call(Call::Sendto, [one, 4096, usize::MAX, 0]), Err(Errno::EFAULT));
    // Where there is nothing to read, nobody looks where it should go.
    assert_eq!(program.call(Call::Recvfrom, [one, 1, 10, MSG_DONTWAIT]), Err(Errno::EAGAIN));
}

#[test]
fn descriptors() {
    let program = System::new().program();
    let other = program.open_other();
    for call in [
        Call::Bind,
        Call::Listen,
        Call::Accept,
        Call::Connect,
        Call::Getsockname,
        Call::Getpeername,
        Call::Sendmsg,
        Call::Recvmsg,
        Call::Shutdown,
        Call::Getsockopt,
        Call::Setsockopt,
    ] {
        for bad in [99, usize::MAX, 1 << 31] {
            assert_eq!(program.call(call, [bad, 1, 1, 0, 0, 0]), Err(Errno::EBADF), "{call:?}");
        }
        assert_eq!(program.call(call, [other, 1, 1, 0, 0, 0]), Err(Errno::ENOTSOCK), "{call:?}");
    }
}
