//! The errno of a refusal is Linux's: what Linux 6.18 says to the same calls, as a kernel without the family or the option.

use scml::{Call, ControlHeader, Descriptor, Profile, Source, compile, load, probe::Sample};

const UNIX: Descriptor = Descriptor::new(1, 1, 0);
const UNIX_DATAGRAM: Descriptor = Descriptor::new(1, 2, 0);
const TCP: Descriptor = Descriptor::new(2, 1, 6);
const TCP6: Descriptor = Descriptor::new(10, 1, 6);
const NETLINK: Descriptor = Descriptor::new(16, 3, 0);

fn postern() -> Profile {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/profiles/postern");
    compile(&load(directory).expect("the profile is there")).expect("the profile is valid")
}

fn rules(text: &str) -> Profile {
    compile(&[Source::new("rules.scml", text)]).expect("the rules are valid")
}

#[track_caller]
fn refused(profile: &Profile, sample: &Sample) -> i32 {
    let refusal = sample.admit(&profile.tables()).expect_err("the call is refused");
    refusal.errno.into()
}

fn on(descriptor: Descriptor, call: Call, registers: [u64; 6]) -> Sample {
    Sample { descriptor: Some(descriptor), ..Sample::new(call, registers) }
}

#[test]
fn creation() {
    let profile = postern();
    let table = [
        // Families that are not there.
        ([0, 1, 0], libc::EAFNOSUPPORT),
        ([5, 1, 0], libc::EAFNOSUPPORT),
        ([3, 1, 0], libc::EAFNOSUPPORT),
        ([41, 1, 0], libc::EAFNOSUPPORT),
        // Netlink has two types, which are alike, and its protocols are its subsystems.
        ([16, 1, 0], libc::ESOCKTNOSUPPORT),
        ([16, 3, 31], libc::EPROTONOSUPPORT),
        ([46, 1, 0], libc::EAFNOSUPPORT),
        ([-1_i64 as u64, 1, 0], libc::EAFNOSUPPORT),
        // Types: what is no type comes before the family, but after its range.
        ([1, 0, 0], libc::ESOCKTNOSUPPORT),
        ([1, 4, 0], libc::ESOCKTNOSUPPORT),
        ([1, 6, 0], libc::ESOCKTNOSUPPORT),
        ([1, 10, 0], libc::ESOCKTNOSUPPORT),
        ([1, 11, 0], libc::EINVAL),
        ([1, 15, 0], libc::EINVAL),
        ([1, 0x11, 0], libc::EINVAL),
        ([1, 0x10_0001, 0], libc::EINVAL),
        ([45, 11, 0], libc::EINVAL),
        ([99, 11, 0], libc::EAFNOSUPPORT),
        ([99, 0x11, 0], libc::EINVAL),
        // Protocols: before the type.
        ([1, 1, 2], libc::EPROTONOSUPPORT),
        ([1, 1, 300], libc::EPROTONOSUPPORT),
        ([1, 1, 0xffff_ffff], libc::EPROTONOSUPPORT),
        ([1, 4, 5], libc::EPROTONOSUPPORT),
    ];
    for ([family, kind, protocol], errno) in table {
        let sample = Sample::new(Call::Socket, [family, kind, protocol, 0, 0, 0]);
        assert_eq!(refused(&profile, &sample), errno, "socket({family}, {kind:#x}, {protocol})");
    }
    // Raw sockets have no protocol 0, and those of ping are for certain groups.
    for ([family, kind, protocol], errno) in [
        ([2, 3, 0], libc::EPROTONOSUPPORT),
        ([10, 3, 0], libc::EPROTONOSUPPORT),
        ([2, 2, 1], libc::EACCES),
        ([10, 2, 58], libc::EACCES),
        ([2, 2, 58], libc::EPROTONOSUPPORT),
        ([2, 4, 0], libc::ESOCKTNOSUPPORT),
    ] {
        let sample = Sample::new(Call::Socket, [family, kind, protocol, 0, 0, 0]);
        assert_eq!(refused(&profile, &sample), errno, "socket({family}, {kind}, {protocol})");
    }
    let inet = rules("socket(family = AF_INET, type = SOCK_STREAM, protocol = IPPROTO_TCP);");
    for (protocol, errno) in [(17, libc::EPROTONOSUPPORT), (263, libc::EINVAL), (0xffff_ffff, libc::EINVAL)] {
        let sample = Sample::new(Call::Socket, [2, 1, protocol, 0, 0, 0]);
        assert_eq!(refused(&inet, &sample), errno, "socket(2, 1, {protocol})");
    }
}

#[test]
fn addresses() {
    for (descriptor, errno) in [(UNIX, libc::EINVAL), (NETLINK, libc::EINVAL), (TCP, libc::EAFNOSUPPORT)] {
        let rules = rules(
            "bind(sockfd, addr = { sa_family = AF_VSOCK, .. }, addrlen); \
             sendmsg(sockfd, msg = { msg_name = { sa_family = AF_VSOCK, .. }, msg_control = NULL, .. }, flags);",
        );
        for call in [Call::Bind, Call::Sendmsg] {
            let sample = Sample { family: Some(3), ..on(descriptor, call, [3, 1, 0, 0, 0, 0]) };
            assert_eq!(refused(&rules, &sample), errno, "{sample:?}");
        }
        let control = Some(vec![ControlHeader { length: 20, level: 1, kind: 1 }]);
        let sample = Sample { control, ..on(descriptor, Call::Sendmsg, [3, 1, 0, 0, 0, 0]) };
        assert_eq!(refused(&rules, &sample), libc::EINVAL, "{sample:?}");
    }
}

#[test]
fn message_flags() {
    let rules = rules("sendto(sockfd, buf, len, flags = 0, ..); recvfrom(sockfd, buf, len, flags = 0, ..);");
    let table = [
        (UNIX, Call::Sendto, libc::MSG_OOB, libc::EOPNOTSUPP),
        (UNIX, Call::Recvfrom, libc::MSG_OOB, libc::EINVAL),
        (UNIX_DATAGRAM, Call::Sendto, libc::MSG_OOB, libc::EOPNOTSUPP),
        (UNIX_DATAGRAM, Call::Recvfrom, libc::MSG_OOB, libc::EOPNOTSUPP),
        (TCP, Call::Recvfrom, libc::MSG_OOB, libc::EINVAL),
        (UNIX, Call::Sendto, libc::MSG_MORE, libc::EINVAL),
        (UNIX, Call::Recvfrom, libc::MSG_TRUNC, libc::EINVAL),
    ];
    for (descriptor, call, flags, errno) in table {
        let sample = on(descriptor, call, [3, 0, 0, flags as u64, 0, 0]);
        assert_eq!(refused(&rules, &sample), errno, "{sample:?}");
    }
}

#[test]
fn options() {
    let rules = rules(
        "getsockopt(sockfd, level = SOL_SOCKET, optname = SO_TYPE, ..); \
         setsockopt(sockfd, level = SOL_SOCKET, optname = SO_SNDBUF, ..);",
    );
    let (get, set) = (Call::Getsockopt, Call::Setsockopt);
    let table = [
        (UNIX, get, 6, 1, libc::EOPNOTSUPP),
        (UNIX, set, 6, 1, libc::EOPNOTSUPP),
        (TCP, get, 17, 1, libc::EOPNOTSUPP),
        (TCP, set, 17, 1, libc::ENOPROTOOPT),
        (TCP6, get, 17, 1, libc::ENOPROTOOPT),
        (NETLINK, get, 6, 1, libc::ENOPROTOOPT),
        (UNIX, get, 1, 0, libc::ENOPROTOOPT),
        (UNIX, get, 1, 999, libc::ENOPROTOOPT),
        (UNIX, set, 1, libc::SO_TYPE, libc::ENOPROTOOPT),
        (TCP, set, 1, libc::SO_TYPE, libc::ENOPROTOOPT),
    ];
    for (descriptor, call, level, option, errno) in table {
        let sample = on(descriptor, call, [3, level, option as u64, 0, 0, 0]);
        assert_eq!(refused(&rules, &sample), errno, "{sample:?}");
    }
}

#[test]
fn the_rest() {
    let rules = rules(
        "accept4(sockfd, addr, addrlen, flags = 0); shutdown(sockfd, how = SHUT_RD); \
         ioctl(fd, request = FIONREAD, argp); fcntl(fd, cmd = F_GETFL, arg);",
    );
    let table = [
        (Call::Accept4, [3, 0, 0, 0x800, 0, 0], libc::EINVAL),
        (Call::Shutdown, [3, 1, 0, 0, 0, 0], libc::EINVAL),
        (Call::Shutdown, [3, 3, 0, 0, 0, 0], libc::EINVAL),
        (Call::Ioctl, [3, 0x8901, 0, 0, 0, 0], libc::ENOTTY),
        (Call::Fcntl, [3, 4, 0, 0, 0, 0], libc::EINVAL),
        (Call::Listen, [3, 1, 0, 0, 0, 0], libc::ENOSYS),
    ];
    for (call, registers, errno) in table {
        assert_eq!(refused(&rules, &on(UNIX, call, registers)), errno, "{}", call.name());
    }
    let read = self::rules("read(fd = { family = AF_UNIX, .. }, buf, count);");
    assert_eq!(refused(&read, &on(TCP, Call::Read, [3, 0, 0, 0, 0, 0])), libc::EOPNOTSUPP);
}
