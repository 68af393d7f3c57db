//! The policy in front of the calls: what it refuses, what it says, what it counts.

mod common;

use common::*;
use linux_raw_sys::net::{
    AF_APPLETALK, AF_VSOCK, SO_BINDTODEVICE, SO_RCVBUFFORCE, SO_REUSEADDR, SO_SNDBUF, SOCK_DGRAM, SOCK_RAW,
    SOCK_RDM, SOCK_SEQPACKET,
};
use scml::{Call, Source, Tables};
use socket::{
    error::Errno,
    policy::{Count, Mode, Profile},
};

fn tables(text: &str) -> &'static Tables<'static> {
    let source = Source { name: "test.scml".into(), bytes: text.as_bytes().into() };
    let profile = Box::leak(Box::new(scml::compile(&[source]).expect("the rules are valid")));
    Box::leak(Box::new(profile.tables()))
}

fn rule(tables: &Tables<'_>, id: &str) -> usize {
    (0..tables.rule_count()).find(|rule| tables.rule_id(*rule as u16) == id).expect("there is such a rule")
}

#[test]
fn what_is_not_declared_is_refused_with_the_errno_of_linux() {
    let program = System::new().program();
    for (arguments, errno) in [
        ([AF_APPLETALK as usize, SOCK_STREAM, 0], Errno::EAFNOSUPPORT),
        ([0, SOCK_STREAM, 0], Errno::EAFNOSUPPORT),
        ([usize::MAX, SOCK_STREAM, 0], Errno::EAFNOSUPPORT),
        ([AF_UNIX, SOCK_RAW as usize, 0], Errno::ESOCKTNOSUPPORT),
        ([AF_UNIX, 0, 0], Errno::ESOCKTNOSUPPORT),
        ([AF_UNIX, 11, 0], Errno::EINVAL),
        ([AF_UNIX, SOCK_STREAM | 0x100, 0], Errno::EINVAL),
        ([AF_UNIX, SOCK_STREAM, 2], Errno::EPROTONOSUPPORT),
        ([AF_UNIX, 9, 7], Errno::EPROTONOSUPPORT),
    ] {
        assert_eq!(program.call(Call::Socket, arguments), Err(errno), "{arguments:?}");
    }
    let [one, _] = program.pair();
    let text = program.bytes(b"x");
    assert_eq!(program.call(Call::Sendto, [one, text, 1, MSG_OOB]), Err(Errno::EOPNOTSUPP));
    assert_eq!(program.call(Call::Recvfrom, [one, text, 1, MSG_OOB]), Err(Errno::EINVAL));
    assert_eq!(program.call(Call::Sendto, [one, text, 1, 0x80_0000]), Err(Errno::EINVAL));
    assert_eq!(program.set_option(one, SO_BINDTODEVICE, 1), Err(Errno::ENOPROTOOPT));
    let inet = program.bytes(b"\x02\0abcdefghijklmn");
    assert_eq!(program.call(Call::Bind, [one, inet, 16]), Err(Errno::EINVAL));
    // Where not even the family is there, the family of the socket has the last word.
    assert_eq!(program.call(Call::Bind, [one, inet, 1]), Err(Errno::EINVAL));
    let denials = program.system.denials.borrow();
    assert!(denials.iter().all(|line| line.starts_with("scml: denied ")), "{denials:?}");
}

#[test]
fn the_reason_names_the_rule() {
    let system = System::with(Profile::Asterinas.tables(), Mode::Enforce, Count::Rule);
    let program = system.program();
    let refused = program.call(Call::Socket, [AF_UNIX, SOCK_DGRAM as usize, 0]);
    assert_eq!(refused, Err(Errno::ESOCKTNOSUPPORT));
    let denials = system.denials.borrow();
    let [line] = &denials[..] else { panic!("{denials:?}") };
    for part in
        ["scml: denied socket(AF_UNIX, SOCK_DGRAM, 0)", "socket#1", "scml/profiles/asterinas/socket.scml:"]
    {
        assert!(line.contains(part), "{part} in {line}");
    }
}

#[test]
fn the_neighbours_declarations_are_not_ours() {
    let system = System::with(Profile::Asterinas.tables(), Mode::Enforce, Count::Rule);
    let program = system.program();
    // Declared there, and not to be had here: Linux's errno for what it does not have.
    let [one, other] = program.pair();
    let value = program.bytes(&[0; 8]);
    let words = [one, SOL_SOCKET, SO_RCVBUFFORCE as usize, value, 4];
    assert_eq!(program.call(Call::Setsockopt, words), Err(Errno::ENOPROTOOPT));
    assert_eq!(system.denials.borrow().len(), 0);
    // To be had here, and not declared there.
    assert_eq!(
        program.call(Call::Socket, [AF_VSOCK as usize, SOCK_SEQPACKET as usize, 0]),
        Err(Errno::ESOCKTNOSUPPORT)
    );
    assert_eq!(system.denials.borrow().len(), 1);
    let text = program.bytes(b"x");
    assert_eq!(program.call(Call::Sendto, [one, text, 1, MSG_NOSIGNAL]), Err(Errno::EINVAL));
    assert_eq!(program.call(Call::Sendto, [one, text, 1, 0]), Ok(1));
    // It has no rules for read and write: they are not governed.
    assert_eq!(program.call(Call::Write, [one, text, 1]), Ok(1));
    assert_eq!(program.call(Call::Read, [other, text, 1]), Ok(1));
}

#[test]
fn audit_records_and_performs() {
    let system = System::with(Profile::Asterinas.tables(), Mode::Audit, Count::Rule);
    let program = system.program();
    // A datagram socket is to be had, though not declared.
    let datagram = program.call(Call::Socket, [AF_UNIX, SOCK_DGRAM as usize, 0]).unwrap();
    assert_eq!(u32::from(program.get(datagram).socket_type()), SOCK_DGRAM);
    let [one, other] = program.pair();
    program.send(one, b"hello").unwrap();
    assert_eq!(program.receive(other, 9).unwrap(), b"hello");
    let denials = system.denials.borrow();
    assert_eq!(denials.len(), 3, "{denials:?}");
    assert!(denials[0].starts_with("scml: audit socket(AF_UNIX, SOCK_DGRAM, 0)"), "{}", denials[0]);
    assert_eq!(system.world.policy.denials(), 3);
}

/// What reaches the family in audit mode and it does not have.
#[test]
fn the_family_refuses_what_it_does_not_have() {
    let system = System::with(tables("read(fd, buf, count);"), Mode::Audit, Count::Rule);
    let program = system.program();
    for (arguments, errno) in [
        ([AF_APPLETALK as usize, SOCK_STREAM, 0], Errno::EAFNOSUPPORT),
        ([99, SOCK_STREAM, 0], Errno::EAFNOSUPPORT),
        ([99, 11, 0], Errno::EAFNOSUPPORT),
        ([45, 11, 0], Errno::EINVAL),
        ([99, 0x1_0001, 0], Errno::EINVAL),
        ([AF_UNIX, SOCK_RAW as usize, 0], Errno::ESOCKTNOSUPPORT),
        ([AF_UNIX, SOCK_RAW as usize, 7], Errno::EPROTONOSUPPORT),
    ] {
        assert_eq!(program.call(Call::Socket, arguments), Err(errno), "{arguments:?}");
    }
    let pair @ [one, other] = program.pair();
    let text = program.bytes(b"x");
    assert_eq!(program.call(Call::Sendto, [one, text, 1, MSG_OOB]), Err(Errno::EOPNOTSUPP));
    // Nobody can have sent any.
    assert_eq!(program.call(Call::Recvfrom, [one, text, 1, MSG_OOB | MSG_DONTWAIT]), Err(Errno::EINVAL));
    // Flags that Linux does not know it ignores.
    assert_eq!(program.call(Call::Sendto, [one, text, 1, 0x80_0000]), Ok(1));
    assert_eq!(program.receive(other, 9).unwrap(), b"x");
    assert_eq!(program.set_option(one, SO_BINDTODEVICE, 1), Err(Errno::ENOPROTOOPT));
    assert_eq!(program.call(Call::Accept4, [one, 0, 0, 0x1234]), Err(Errno::EINVAL));
    assert_eq!(program.call(Call::Shutdown, [one, 7]), Err(Errno::EINVAL));
    // Control messages: unknown ones of SOL_SOCKET are refused, other levels are passed over.
    let vectors = program.vectors(&[(text, 1)]);
    for (level, result) in [(1_i32, Err(Errno::EINVAL)), (2, Ok(1))] {
        let control = [&16_usize.to_ne_bytes()[..], &level.to_ne_bytes(), &77_i32.to_ne_bytes()].concat();
        let control = program.bytes(&control);
        let message = Message { vectors, count: 1, control, control_length: 16, ..Message::default() };
        let message = program.message(message);
        assert_eq!(program.call(Call::Sendmsg, [one, message, 0]), result);
    }
    assert_eq!(program.receive(other, 9).unwrap(), b"x");
    program.assert_usable(pair);
}

#[test]
fn off_judges_nothing() {
    let system = System::with(tables("read(fd, buf, count);"), Mode::Off, Count::Full);
    let program = system.program();
    let pair = program.pair();
    program.assert_usable(pair);
    let policy = &system.world.policy;
    assert_eq!((policy.denials(), policy.hits(0), system.denials.borrow().len()), (0, 0, 0));
    assert!(!policy.governs(Call::Socket));
}

#[test]
fn a_cause_is_told_of_once() {
    let system = System::new();
    let program = system.program();
    for _ in 0..10 {
        program.call(Call::Socket, [AF_UNIX, SOCK_RDM as usize, 0]).unwrap_err();
    }
    assert_eq!((system.denials.borrow().len(), system.world.policy.denials()), (1, 10));
    program.call(Call::Socket, [AF_UNIX, SOCK_RAW as usize, 0]).unwrap_err();
    assert_eq!(system.denials.borrow().len(), 2);
    // The same from another program, with other pointers, is the same cause.
    let inet = b"\x02\0abcdefghijklmn";
    for program in [&program, &system.program()] {
        let socket = program.stream();
        program.call(Call::Bind, [socket, program.bytes(inet), 16]).unwrap_err();
    }
    assert_eq!(system.denials.borrow().len(), 3);
    // A program that makes up values does not fill the log or the memory.
    for family in 100..10_000 {
        program.call(Call::Socket, [family, SOCK_STREAM, 0]).unwrap_err();
    }
    assert_eq!(system.denials.borrow().len(), 256);
    assert_eq!(system.world.policy.denials(), 10 + 1 + 2 + 9900);
}

#[test]
fn hits_are_counted_by_rule_on_every_cpu() {
    let system = System::new();
    let program = system.program();
    let policy = &system.world.policy;
    let socket = rule(policy.tables(), "socket#2");
    for cpu in 0..5 {
        program.cpu.set(cpu);
        program.stream();
    }
    assert_eq!(policy.hits(socket), 5);
    program.call(Call::Socket, [AF_UNIX, SOCK_RDM as usize, 0]).unwrap_err();
    assert_eq!(policy.hits(socket), 5);
    let [one, other] = program.pair();
    let text = program.bytes(b"x");
    program.call(Call::Write, [one, text, 1]).unwrap();
    program.call(Call::Read, [other, text, 1]).unwrap();
    for id in ["socketpair#1", "write#1", "read#1"] {
        assert_eq!(policy.hits(rule(policy.tables(), id)), 1, "{id}");
    }
    assert_eq!(policy.alternative_hits(0), 0, "only counted when asked for");
}

#[test]
fn hits_are_counted_by_alternative() {
    let system = System::with(Profile::Postern.tables(), Mode::Enforce, Count::Full);
    let program = system.program();
    let policy = &system.world.policy;
    program.stream();
    program.nonblocking_stream();
    program.call(Call::Socket, [AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 1]).unwrap();
    let tables = policy.tables();
    let hits = |name: &str| {
        let found = tables.alternatives.iter().position(|alternative| {
            tables.rule_id(alternative.rule) == "socket#2" && tables.text(alternative.name) == name
        });
        policy.alternative_hits(found.expect("it is declared"))
    };
    assert_eq!(
        ["AF_UNIX", "SOCK_STREAM", "SOCK_NONBLOCK", "SOCK_CLOEXEC", "0", "PF_UNIX"].map(hits),
        [3, 3, 2, 1, 2, 1]
    );
}

#[test]
fn a_rule_may_ask_for_the_state() {
    let system = System::with(
        tables(
            "struct lonely = { state = unbound, .. };
             struct listener = { state = listening, .. };
             socket(family, type, protocol); bind(sockfd = <lonely>, addr, addrlen); listen(sockfd, backlog);
             accept(sockfd = <listener>, addr, addrlen); connect(sockfd, addr, addrlen);",
        ),
        Mode::Enforce,
        Count::Rule,
    );
    let program = system.program();
    let socket = program.stream();
    assert_eq!(program.call(Call::Accept, [socket, 0, 0]), Err(Errno::EOPNOTSUPP));
    program.bind(socket, "@name").unwrap();
    assert_eq!(program.bind(socket, "@name"), Err(Errno::EOPNOTSUPP));
    program.call(Call::Listen, [socket, 1]).unwrap();
    program.connect(program.stream(), "@name").unwrap();
    program.accept(socket);
}

#[test]
fn a_call_without_a_rule_is_missing() {
    let system = System::with(tables("socket(family, type, protocol);"), Mode::Enforce, Count::Rule);
    let program = system.program();
    let socket = program.stream();
    assert_eq!(program.bind(socket, "@name"), Err(Errno::ENOSYS));
    assert!(system.denials.borrow()[0].contains("no rule"));
}

/// sendmsg with these control messages: level and type of each.
fn send_control(program: &Program, socket: usize, headers: &[(u32, u32)]) -> Result<usize, Errno> {
    let mut control = Vec::new();
    for (level, kind) in headers {
        control.extend(20_usize.to_ne_bytes());
        control.extend(level.to_ne_bytes());
        control.extend(kind.to_ne_bytes());
        control.extend([0; 8]);
    }
    let vectors = program.vectors(&[(program.bytes(b"x"), 1)]);
    let message = Message {
        vectors,
        count: 1,
        control: program.bytes(&control),
        control_length: control.len(),
        ..Message::default()
    };
    let message = program.message(message);
    program.call(Call::Sendmsg, [socket, message, 0])
}

/// Of control messages the rules say the level and the type. (IPPROTO_IP is passed over by the family.)
#[test]
fn control_messages_are_judged_one_by_one() {
    let system = System::with(
        tables(
            "struct ip_ttl = { cmsg_level = SOL_IP, cmsg_type = IP_TTL, .. };
             struct ip_tos = { cmsg_level = SOL_IP, cmsg_type = IP_TOS, .. };
             socketpair(family, type, protocol, sv);
             sendmsg(sockfd = { family = AF_UNIX, .. }, msg = { msg_control = [ <ip_ttl>, <ip_tos> ], .. }, flags = 0);",
        ),
        Mode::Enforce,
        Count::Full,
    );
    let program = system.program();
    let [one, other] = program.pair();
    let policy = &system.world.policy;
    assert_eq!(send_control(&program, one, &[]), Ok(1));
    assert_eq!(send_control(&program, one, &[(0, 2)]), Ok(1));
    assert_eq!(send_control(&program, one, &[(0, 2), (0, 1), (0, 2)]), Ok(1));
    for refused in [&[(0, 3)][..], &[(1, 2)], &[(0, 2), (1, 1)], &[(0, 1), (0, 1), (0, 1), (0, 0)]] {
        assert_eq!(send_control(&program, one, refused), Err(Errno::EINVAL), "{refused:?}");
    }
    let hits = |name: &str| {
        let found = policy.tables().alternatives.iter().position(|it| policy.tables().text(it.name) == name);
        policy.alternative_hits(found.expect("it is declared"))
    };
    assert_eq!(["SOL_IP", "IP_TTL", "IP_TOS"].map(hits), [4, 3, 1], "each message counts");
    assert_eq!(program.call(Call::Read, [other, program.bytes(b"...."), 4]), Ok(3));
    let denials = system.denials.borrow();
    assert!(denials[0].contains("msg.msg_control.cmsg_type = 3 is not admitted"), "{denials:?}");
}

/// Of an option, only some values may be declared.
#[test]
fn values_of_options_are_judged() {
    let system = System::with(
        tables(
            "socketpair(family, type, protocol, sv);
             setsockopt(sockfd, level = SOL_SOCKET, optname = SO_REUSEADDR, optval = 0 | 1, optlen = 4);
             setsockopt(sockfd, level = SOL_SOCKET, optname = SO_SNDBUF, optval, optlen);",
        ),
        Mode::Enforce,
        Count::Full,
    );
    let program = system.program();
    let [one, _] = program.pair();
    let set = |option: u32, value: &[u8], length: usize| {
        let at = program.bytes(value);
        program.call(Call::Setsockopt, [one, SOL_SOCKET, option as usize, at, length])
    };
    for value in [0_i32, 1] {
        assert_eq!(set(SO_REUSEADDR, &value.to_ne_bytes(), 4), Ok(0));
    }
    for value in [2_i32, -1, i32::MIN] {
        assert_eq!(set(SO_REUSEADDR, &value.to_ne_bytes(), 4), Err(Errno::EINVAL), "{value}");
    }
    assert_eq!(
        set(SO_REUSEADDR, &[1, 0, 0, 0, 0, 0, 0, 0], 8),
        Err(Errno::EINVAL),
        "the length is declared, too"
    );
    assert_eq!(set(SO_SNDBUF, &9999_i32.to_ne_bytes(), 4), Ok(0));
    // A value that is not there is none; the call itself says so.
    let wild = [one, SOL_SOCKET, SO_REUSEADDR as usize, 8, 4];
    assert_eq!(program.call(Call::Setsockopt, wild), Err(Errno::EFAULT));
    let short = [one, SOL_SOCKET, SO_SNDBUF as usize, program.bytes(&[0; 4]), 3];
    assert_eq!(program.call(Call::Setsockopt, short), Err(Errno::EINVAL));
    let policy = &system.world.policy;
    let hits = |name: &str| {
        let found = policy.tables().alternatives.iter().position(|alternative| {
            policy.tables().text(alternative.name) == name
                && policy.tables().argument(alternative) == "optval"
        });
        policy.alternative_hits(found.expect("it is declared"))
    };
    assert_eq!(["0", "1"].map(hits), [1, 1]);
    let denials = system.denials.borrow();
    assert!(denials[0].contains("optval = 2 is not admitted by setsockopt#1"), "{denials:?}");
}
