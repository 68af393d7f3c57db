//! Names, listening, connecting and accepting.

mod common;

use std::sync::Arc;

use common::*;
use scml::Call;
use socket::{error::Errno, identity::Credentials};

#[test]
fn connections_through_path_and_abstract_names() {
    let program = System::new().program();
    for name in ["/tmp/server", "@server"] {
        let [_, client, server] = program.connection(name);
        program.assert_usable([client, server]);
        let wire = match name.strip_prefix('@') {
            Some(name) => [b"\x01\0\0", name.as_bytes()].concat(),
            None => [b"\x01\0", name.as_bytes(), b"\0"].concat(),
        };
        assert_eq!(program.name(Call::Getpeername, client).unwrap(), wire);
        assert_eq!(program.name(Call::Getsockname, server).unwrap(), wire);
        assert_eq!(program.name(Call::Getsockname, client).unwrap(), b"\x01\0");
        assert_eq!(program.name(Call::Getpeername, server).unwrap(), b"\x01\0");
    }
}

#[test]
fn the_names_of_both_sides_may_come_later_and_outlive_them() {
    let program = System::new().program();
    let [one, other] = program.pair();
    assert_eq!(program.name(Call::Getpeername, other).unwrap(), b"\x01\0");
    program.bind(one, "@late").unwrap();
    assert_eq!(program.name(Call::Getpeername, other).unwrap(), b"\x01\0\0late");
    assert_eq!(program.bind(one, "@again"), Err(Errno::EINVAL));
    program.close(one);
    assert_eq!(program.name(Call::Getpeername, other).unwrap(), b"\x01\0\0late");
    // The name itself is free again.
    program.bind(other, "@late").unwrap();
}

#[test]
fn a_name_belongs_to_the_listener_not_to_what_it_accepts() {
    let program = System::new().program();
    let [listener, client, server] = program.connection("@server");
    program.close(listener);
    assert_eq!(program.connect(program.stream(), "@server"), Err(Errno::ECONNREFUSED));
    program.listener("@server", 1);
    program.assert_usable([client, server]);
}

#[test]
fn binding_twice() {
    let system = System::new();
    let program = system.program();
    let (one, other) = (program.stream(), program.stream());
    program.bind(one, "@name").unwrap();
    assert_eq!(program.bind(other, "@name"), Err(Errno::EADDRINUSE));
    assert_eq!(program.bind(one, "@name"), Err(Errno::EINVAL));
    // A path is made before anything else is looked at, and taken back.
    assert_eq!(program.bind(one, "/tmp/a"), Err(Errno::EINVAL));
    assert!(!system.exists("/tmp/a"));
    program.bind(other, "/tmp/a").unwrap();
    assert_eq!(program.bind(other, "/tmp/a"), Err(Errno::EADDRINUSE));
    assert_eq!(program.bind(one, "/tmp/a"), Err(Errno::EADDRINUSE));
    // The file stays when the socket goes; nobody is behind it then.
    program.close(other);
    assert!(system.exists("/tmp/a"));
    assert_eq!(program.connect(program.stream(), "/tmp/a"), Err(Errno::ECONNREFUSED));
    system.unlink("/tmp/a");
    assert_eq!(program.connect(program.stream(), "/tmp/a"), Err(Errno::ENOENT));
    program.bind(program.stream(), "/tmp/a").unwrap();
}

#[test]
fn a_new_file_hides_an_old_socket() {
    let system = System::new();
    let program = system.program();
    let old = program.listener("/tmp/s", 1);
    system.unlink("/tmp/s");
    let new = program.listener("/tmp/s", 1);
    let client = program.stream();
    program.connect(client, "/tmp/s").unwrap();
    assert_eq!((program.poll(old), program.poll(new)), (0, 0x41));
    system.plain_file("/tmp/plain");
    assert_eq!(program.connect(program.stream(), "/tmp/plain"), Err(Errno::ECONNREFUSED));
}

#[test]
fn autobind_gives_distinct_names() {
    let program = System::new().program();
    let family = program.bytes(b"\x01\0");
    let mut names = std::collections::BTreeSet::new();
    for _ in 0..100 {
        let socket = program.stream();
        program.call(Call::Bind, [socket, family, 2]).unwrap();
        let name = program.name(Call::Getsockname, socket).unwrap();
        assert_eq!((&name[..3], name.len()), (&b"\x01\0\0"[..], 8));
        assert!(name[3..].iter().all(|digit| b"0123456789abcdef".contains(digit)));
        // Once more changes nothing.
        program.call(Call::Bind, [socket, family, 2]).unwrap();
        assert_eq!(program.name(Call::Getsockname, socket).unwrap(), name);
        assert!(names.insert(name));
    }
}

#[test]
fn names_of_unusual_lengths() {
    let program = System::new().program();
    // 108 bytes of path without a NUL: getsockname adds one.
    let socket = program.stream();
    let address = program.bytes(&[&b"\x01\0"[..], &[b'x'; 108]].concat());
    program.call(Call::Bind, [socket, address, 110]).unwrap();
    assert_eq!(program.name(Call::Getsockname, socket).unwrap().len(), 111);
    // The path ends at the first NUL, wherever the length says the address does.
    let socket = program.stream();
    let address = program.bytes(b"\x01\0/a\0garbage");
    program.call(Call::Bind, [socket, address, 12]).unwrap();
    assert_eq!(program.name(Call::Getsockname, socket).unwrap(), b"\x01\0/a\0");
    // An abstract name has the NULs that it has.
    let names: [&[u8]; 4] = [b"", b"\0", b"a\0", b"a"];
    for name in names {
        let socket = program.stream();
        let bytes = [b"\x01\0\0", name].concat();
        program.call(Call::Bind, [socket, program.bytes(&bytes), bytes.len()]).unwrap();
        assert_eq!(program.name(Call::Getsockname, socket).unwrap(), bytes);
    }
    let socket = program.stream();
    let address = program.zeroes(200);
    for length in [0, 1, 2, 111, 128, 129, usize::MAX, 1 << 31] {
        assert_eq!(program.call(Call::Bind, [socket, address, length]), Err(Errno::EINVAL), "{length}");
        assert_eq!(program.call(Call::Connect, [socket, address, length]), Err(Errno::EINVAL), "{length}");
    }
    let family_only = program.bytes(b"\x01\0");
    assert_eq!(program.call(Call::Connect, [socket, family_only, 2]), Err(Errno::EINVAL));
}

#[test]
fn lengths_are_values_and_results() {
    let program = System::new().program();
    let socket = program.stream();
    program.bind(socket, "@name").unwrap();
    for (room, shown) in [(0, 0), (3, 3), (7, 7), (100, 7)] {
        let buffer = program.bytes(&[0xee; 16]);
        let length = program.bytes(&i32::to_ne_bytes(room));
        program.call(Call::Getsockname, [socket, buffer, length]).unwrap();
        assert_eq!(program.int(length), 7);
        let bytes = program.peek(buffer, 16);
        assert_eq!(bytes[..shown], b"\x01\0\0name"[..shown]);
        assert!(bytes[shown..].iter().all(|byte| *byte == 0xee));
    }
    let length = program.bytes(&(-5_i32).to_ne_bytes());
    assert_eq!(program.call(Call::Getsockname, [socket, 0, length]), Err(Errno::EINVAL));
    assert_eq!(program.int(length), -5);
    // A missing peer is found before a bad pointer.
    assert_eq!(program.call(Call::Getpeername, [socket, 0, 0]), Err(Errno::ENOTCONN));
    // As in Linux since 6.14, the length is there even where the address could not be stored.
    let length = program.bytes(&4_i32.to_ne_bytes());
    assert_eq!(program.call(Call::Getsockname, [socket, 1, length]), Err(Errno::EFAULT));
    assert_eq!(program.int(length), 7);
}

#[test]
fn refusals_of_connect() {
    let program = System::new().program();
    let socket = program.stream();
    assert_eq!(program.connect(socket, "@nobody"), Err(Errno::ECONNREFUSED));
    assert_eq!(program.connect(socket, "/nobody"), Err(Errno::ENOENT));
    let bound = program.stream();
    program.bind(bound, "@bound").unwrap();
    assert_eq!(program.connect(socket, "@bound"), Err(Errno::ECONNREFUSED));
    assert_eq!(program.connect(bound, "@bound"), Err(Errno::ECONNREFUSED));
    program.call(Call::Listen, [bound, 1]).unwrap();
    // Who listens cannot connect, to itself or to others.
    assert_eq!(program.connect(bound, "@bound"), Err(Errno::EINVAL));
    program.connect(socket, "@bound").unwrap();
    assert_eq!(program.connect(socket, "@bound"), Err(Errno::EISCONN));
    // The name is looked at first, then the listener, then the socket itself.
    assert_eq!(program.connect(socket, "/nobody"), Err(Errno::ENOENT));
    assert_eq!(program.connect(socket, "@nobody"), Err(Errno::ECONNREFUSED));
    let [one, _] = program.pair();
    assert_eq!(program.connect(one, "@bound"), Err(Errno::EISCONN));
    assert_eq!(program.call(Call::Listen, [one, 1]), Err(Errno::EINVAL));
    program.bind(one, "@pair").unwrap();
    assert_eq!(program.call(Call::Listen, [one, 1]), Err(Errno::EINVAL));
}

#[test]
fn refusals_of_accept_and_listen() {
    let program = System::new().program();
    let socket = program.stream();
    assert_eq!(program.call(Call::Listen, [socket, 1]), Err(Errno::EINVAL));
    assert_eq!(program.call(Call::Accept, [socket, 0, 0]), Err(Errno::EINVAL));
    let other = program.open_other();
    // Linux: EBADF, then unknown flags, then a free descriptor, then ENOTSOCK.
    assert_eq!(program.call(Call::Accept4, [99, 0, 0, 0x1234]), Err(Errno::EBADF));
    assert_eq!(program.call(Call::Accept4, [other, 0, 0, 0x1234]), Err(Errno::EINVAL));
    assert_eq!(program.call(Call::Accept4, [other, 0, 0, 0]), Err(Errno::ENOTSOCK));
    program.limit.set(0);
    assert_eq!(program.call(Call::Accept, [other, 0, 0]), Err(Errno::EMFILE));
    assert_eq!(program.call(Call::Socket, [AF_UNIX, SOCK_STREAM, 0]), Err(Errno::EMFILE));
}

#[test]
fn a_backlog_of_n_lets_one_more_wait() {
    for backlog in [0, 1, 5] {
        let program = System::new().program();
        let listener = program.listener("@server", backlog);
        for _ in 0..=backlog {
            program.connect(program.nonblocking_stream(), "@server").unwrap();
        }
        let client = program.nonblocking_stream();
        assert_eq!(program.connect(client, "@server"), Err(Errno::EAGAIN));
        program.accept(listener);
        program.connect(client, "@server").unwrap();
        assert_eq!(program.connect(program.nonblocking_stream(), "@server"), Err(Errno::EAGAIN));
    }
}

#[test]
fn listening_again_changes_the_backlog() {
    let program = System::new().program();
    let listener = program.listener("@server", 0);
    program.connect(program.stream(), "@server").unwrap();
    let client = program.stream();
    let [address, length] = program.address("@server");
    let waiting = program.waits(Call::Connect, [client, address, length]);
    // A negative backlog is a very large one, cut at somaxconn.
    program.call(Call::Listen, [listener, usize::MAX]).unwrap();
    assert_eq!(waiting.finish(), Ok(0));
    for _ in 2..=4096 {
        let client = program.nonblocking_stream();
        program.connect(client, "@server").unwrap();
        program.limit.set(1 << 20);
    }
    assert_eq!(program.connect(program.nonblocking_stream(), "@server"), Err(Errno::EAGAIN));
}

#[test]
fn a_connect_waits_for_room_in_the_backlog() {
    let program = System::new().program();
    let listener = program.listener("@server", 0);
    let first = program.stream();
    program.connect(first, "@server").unwrap();
    let (second, third) = (program.stream(), program.stream());
    let [address, length] = program.address("@server");
    let second_connect = program.waits(Call::Connect, [second, address, length]);
    let mut third_connect = program.waits(Call::Connect, [third, address, length]);
    let server = program.accept(listener);
    assert_eq!(second_connect.finish(), Ok(0));
    third_connect.still_waits();
    program.assert_usable([first, server]);
    let server = program.accept(listener);
    program.assert_usable([second, server]);
    assert_eq!(third_connect.finish(), Ok(0));
}

#[test]
fn a_connect_that_waits_learns_of_the_end() {
    let program = System::new().program();
    let [address, length] = program.address("@server");
    for close in [true, false] {
        let listener = program.listener("@server", 0);
        program.connect(program.stream(), "@server").unwrap();
        let client = program.stream();
        let waiting = program.waits(Call::Connect, [client, address, length]);
        if close {
            program.close(listener);
        } else {
            program.call(Call::Shutdown, [listener, 0]).unwrap();
        }
        assert_eq!(waiting.finish(), Err(Errno::ECONNREFUSED));
    }
}

#[test]
fn an_accept_waits_for_a_connection() {
    let program = System::new().program();
    let listener = program.listener("@server", 0);
    let waiting = program.waits(Call::Accept, [listener, 0, 0]);
    // The number is chosen before the wait, as in Linux.
    let client = program.stream();
    program.connect(client, "@server").unwrap();
    let server = waiting.finish().unwrap();
    assert!(server < client);
    program.assert_usable([client, server]);
    // Two wait, one connection comes.
    let waiting = program.waits(Call::Accept, [listener, 0, 0]);
    let mut late = program.waits(Call::Accept, [listener, 0, 0]);
    program.connect(program.stream(), "@server").unwrap();
    waiting.finish().unwrap();
    late.still_waits();
    assert_eq!(late.interrupt(), Err(Errno::EINTR));
}

#[test]
fn accepting_where_the_listener_is_shut() {
    let program = System::new().program();
    let listener = program.listener("@server", 3);
    program.connect(program.stream(), "@server").unwrap();
    let waiting = {
        program.accept(listener);
        program.waits(Call::Accept, [listener, 0, 0])
    };
    program.call(Call::Shutdown, [listener, 0]).unwrap();
    assert_eq!(waiting.finish(), Err(Errno::EINVAL));
    assert_eq!(program.poll(listener), 0x2041);
    program.get(listener).set_nonblocking(true);
    assert_eq!(program.call(Call::Accept, [listener, 0, 0]), Err(Errno::EAGAIN));
    assert_eq!(program.connect(program.stream(), "@server"), Err(Errno::ECONNREFUSED));
}

#[test]
fn connections_that_nobody_accepts_are_reset() {
    let program = System::new().program();
    let listener = program.listener("@server", 3);
    let client = program.stream();
    program.connect(client, "@server").unwrap();
    program.send(client, b"into the void").unwrap();
    let buffer = program.zeroes(10);
    let reader = program.waits(Call::Read, [client, buffer, 10]);
    program.close(listener);
    assert_eq!(program.poll(client), 0x235d);
    assert_eq!(reader.finish(), Err(Errno::ECONNRESET));
    assert_eq!(program.receive(client, 10).unwrap(), b"");
    assert_eq!(program.send(client, b"x"), Err(Errno::EPIPE));
}

#[test]
fn a_client_may_be_gone_before_it_is_accepted() {
    let program = System::new().program();
    let listener = program.listener("@server", 3);
    let client = program.stream();
    program.bind(client, "@client").unwrap();
    program.connect(client, "@server").unwrap();
    program.send(client, b"was here").unwrap();
    program.close(client);
    let (name, length) = (program.zeroes(20), program.bytes(&20_i32.to_ne_bytes()));
    let server = program.call(Call::Accept, [listener, name, length]).unwrap();
    assert_eq!(program.peek(name, program.int(length) as usize), b"\x01\0\0client");
    assert_eq!(program.receive(server, 20).unwrap(), b"was here");
    assert_eq!(program.receive(server, 20).unwrap(), b"");
}

#[test]
fn flags_of_accept4_and_socket() {
    let program = System::new().program();
    let listener = program.listener("@server", 3);
    for flags in [0, SOCK_NONBLOCK, SOCK_CLOEXEC, SOCK_NONBLOCK | SOCK_CLOEXEC] {
        program.connect(program.stream(), "@server").unwrap();
        let accepted = program.call(Call::Accept4, [listener, 0, 0, flags]).unwrap();
        let made = program.call(Call::Socket, [AF_UNIX, SOCK_STREAM | flags, 0]).unwrap();
        for socket in [accepted, made] {
            assert_eq!(program.get(socket).nonblocking(), flags & SOCK_NONBLOCK != 0);
            assert_eq!(program.closes_on_exec(socket), flags & SOCK_CLOEXEC != 0);
        }
    }
    // Nothing is inherited from the listener.
    program.get(listener).set_nonblocking(true);
    program.connect(program.stream(), "@server").unwrap();
    assert!(!program.get(program.accept(listener)).nonblocking());
}

#[test]
fn both_sides_know_who_is_there() {
    let system = System::new();
    let (server, client) = (system.program(), system.program());
    let credentials = |pid| Credentials { pid, uid: pid as u32 * 10, gid: pid as u32 * 10 + 1 };
    let peer = |program: &Program, socket| program.get(socket).peer_credentials();
    server.credentials.set(credentials(1));
    client.credentials.set(credentials(2));
    let listener = server.listener("@server", 3);
    let socket = client.stream();
    assert_eq!(peer(&client, socket), Credentials::NOBODY);
    // What counts is who called listen, and who called connect.
    server.credentials.set(credentials(3));
    client.credentials.set(credentials(4));
    client.connect(socket, "@server").unwrap();
    client.credentials.set(credentials(5));
    let accepted = server.accept(listener);
    assert_eq!(peer(&client, socket), credentials(1));
    assert_eq!(peer(&server, accepted), credentials(4));
    assert_eq!(peer(&server, listener), credentials(1));
    let [one, other] = client.pair();
    assert_eq!((peer(&client, one), peer(&client, other)), (credentials(5), credentials(5)));
}

#[test]
fn shutting_before_connecting_holds() {
    let program = System::new().program();
    let listener = program.listener("@server", 3);
    let client = program.stream();
    program.call(Call::Shutdown, [client, 1]).unwrap();
    program.connect(client, "@server").unwrap();
    assert_eq!(program.send(client, b"x"), Err(Errno::EPIPE));
    let server = program.accept(listener);
    program.send(server, b"one way").unwrap();
    assert_eq!(program.receive(client, 10).unwrap(), b"one way");
    let lonely = program.stream();
    assert_eq!(program.poll(lonely), 0x314);
    program.call(Call::Shutdown, [lonely, 0]).unwrap();
    assert_eq!(program.poll(lonely), 0x2355);
}

#[test]
fn what_poll_shows_of_a_listener() {
    let program = System::new().program();
    let listener = program.listener("@server", 3);
    assert_eq!(program.poll(listener), 0);
    program.connect(program.stream(), "@server").unwrap();
    assert_eq!(program.poll(listener), 0x41);
    program.accept(listener);
    assert_eq!(program.poll(listener), 0);
    assert_eq!(program.receive(listener, 1), Err(Errno::EINVAL));
    assert_eq!(program.send(listener, b"x"), Err(Errno::ENOTCONN));
}

#[test]
fn two_worlds_know_nothing_of_each_other() {
    let (one, other) = (System::new().program(), System::new().program());
    one.listener("@name", 1);
    assert_eq!(other.connect(other.stream(), "@name"), Err(Errno::ECONNREFUSED));
    other.listener("@name", 1);
    one.listener("/path", 1);
    other.listener("/path", 1);
}

#[test]
fn nothing_is_left_when_everything_is_closed() {
    let program = System::new().program();
    let [listener, client, server] = program.connection("@server");
    let pending = program.stream();
    program.connect(pending, "@server").unwrap();
    let sockets = [listener, client, server, pending].map(|socket| Arc::downgrade(&program.get(socket)));
    for socket in [listener, client, server, pending] {
        program.close(socket);
    }
    assert!(sockets.iter().all(|socket| socket.strong_count() == 0));
    program.listener("@server", 1);
}

/// Many names: opening, finding and closing them does not become slower with their number.
#[test]
fn many_names() {
    let program = System::new().program();
    program.limit.set(1 << 20);
    let sockets: Vec<_> =
        (0..5000).map(|number| program.get(program.listener(&format!("@{number}"), 0))).collect();
    for number in (0..5000).step_by(997) {
        program.connect(program.stream(), &format!("@{number}")).unwrap();
        assert_eq!(sockets[number].poll().bits(), 0x41);
    }
}
