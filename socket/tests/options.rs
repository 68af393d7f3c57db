//! getsockopt and setsockopt.

mod common;

use common::System;
use linux_raw_sys::net::*;
use scml::Call;
use socket::error::Errno;

#[test]
fn what_a_socket_is() {
    let program = System::new().program();
    for protocol in [0, 1] {
        let socket = program.call(Call::Socket, [common::AF_UNIX, common::SOCK_STREAM, protocol]).unwrap();
        assert_eq!(program.option(socket, SO_TYPE), Ok(1));
        assert_eq!(program.option(socket, SO_DOMAIN), Ok(1));
        // Linux shows 0 whatever was asked for.
        assert_eq!(program.option(socket, SO_PROTOCOL), Ok(0));
        assert_eq!(program.option(socket, SO_ACCEPTCONN), Ok(0));
        assert_eq!(program.option(socket, SO_ERROR), Ok(0));
    }
    assert_eq!(program.option(program.listener("@server", 1), SO_ACCEPTCONN), Ok(1));
}

#[test]
fn buffers_are_doubled_and_bounded() {
    let program = System::new().program();
    let socket = program.stream();
    assert_eq!(
        (program.option(socket, SO_SNDBUF), program.option(socket, SO_RCVBUF)),
        (Ok(212_992), Ok(212_992))
    );
    for (wanted, send, receive) in [
        (0, 4608, 2304),
        (1, 4608, 2304),
        (-1, 8_388_608, 8_388_608),
        (2000, 4608, 4000),
        (2304, 4608, 4608),
        (5000, 10_000, 10_000),
        (300_000, 600_000, 600_000),
        (i32::MAX, 8_388_608, 8_388_608),
        (i32::MIN, 8_388_608, 8_388_608),
    ] {
        program.set_option(socket, SO_SNDBUF, wanted).unwrap();
        program.set_option(socket, SO_RCVBUF, wanted).unwrap();
        assert_eq!(program.option(socket, SO_SNDBUF), Ok(send), "{wanted}");
        assert_eq!(program.option(socket, SO_RCVBUF), Ok(receive), "{wanted}");
    }
}

#[test]
fn a_buffer_set_before_connecting_counts() {
    let program = System::new().program();
    let listener = program.listener("@server", 1);
    let client = program.stream();
    program.set_option(client, SO_SNDBUF, 1).unwrap();
    program.set_option(listener, SO_SNDBUF, 1).unwrap();
    program.connect(client, "@server").unwrap();
    let server = program.accept(listener);
    assert_eq!(program.send(client, &[0; 100_000]), Ok(4480));
    // The other side has the system's preset, not the listener's.
    assert_eq!(program.option(server, SO_SNDBUF), Ok(212_992));
    assert_eq!(program.send(server, &[0; 100_000]), Ok(100_000));
}

#[test]
fn lengths() {
    let program = System::new().program();
    let [one, _] = program.pair();
    for (room, stored) in [(0, 0), (1, 1), (3, 3), (4, 4), (100, 4)] {
        let value = program.bytes(&[0xee; 8]);
        let length = program.bytes(&i32::to_ne_bytes(room));
        program.call(Call::Getsockopt, [one, common::SOL_SOCKET, SO_TYPE as usize, value, length]).unwrap();
        assert_eq!(program.int(length), stored);
        let expected = [&1_i32.to_ne_bytes()[..stored as usize], &vec![0xee; 8 - stored as usize]].concat();
        assert_eq!(program.peek(value, 8), expected);
    }
    for (room, stored) in [(0, 0), (2, 2), (12, 12), (100, 12)] {
        let value = program.bytes(&[0xee; 16]);
        let length = program.bytes(&i32::to_ne_bytes(room));
        program
            .call(Call::Getsockopt, [one, common::SOL_SOCKET, SO_PEERCRED as usize, value, length])
            .unwrap();
        assert_eq!(program.int(length), stored);
        let credentials = [100_u32, 1000, 1001].map(u32::to_ne_bytes).concat();
        assert_eq!(program.peek(value, 16)[..stored as usize], credentials[..stored as usize]);
    }
}

#[test]
fn what_cannot_be_asked_or_set() {
    let program = System::new().program();
    let socket = program.stream();
    for name in [SO_TYPE, SO_DOMAIN, SO_PROTOCOL, SO_ERROR, SO_ACCEPTCONN, SO_PEERCRED, 9999] {
        assert_eq!(program.set_option(socket, name, 1), Err(Errno::ENOPROTOOPT), "{name}");
    }
    assert_eq!(program.option(socket, 9999), Err(Errno::ENOPROTOOPT));
    let value = program.zeroes(4);
    let length = program.bytes(&[4, 0, 0, 0]);
    for level in [0, 6, 41, usize::MAX] {
        assert_eq!(program.call(Call::Getsockopt, [socket, level, 1, value, length]), Err(Errno::EOPNOTSUPP));
        assert_eq!(program.call(Call::Setsockopt, [socket, level, 1, value, 4]), Err(Errno::EOPNOTSUPP));
    }
}
