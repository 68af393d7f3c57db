//! The table of examples that must come out so, row by row, and the reasons that are given.

use scml::{Call, ControlHeader, Descriptor, Profile, Source, compile, probe::Sample};

const AF_UNSPEC: u64 = libc::AF_UNSPEC as u64;
const AF_UNIX: u64 = libc::AF_UNIX as u64;
const AF_INET: u64 = libc::AF_INET as u64;
const SOCK_CLOEXEC: u64 = libc::SOCK_CLOEXEC as u64;
const SOCK_RAW: u64 = libc::SOCK_RAW as u64;
const UNIX_STREAM: Descriptor = Descriptor::new(libc::AF_UNIX as u16, libc::SOCK_STREAM as u8, 0);
const TCP: Descriptor =
    Descriptor::new(libc::AF_INET as u16, libc::SOCK_STREAM as u8, libc::IPPROTO_TCP as u16);

fn rules(text: &str) -> Profile {
    compile(&[Source::new("rules.scml", text)]).unwrap_or_else(|errors| {
        let rendered: Vec<_> = errors.iter().map(|error| error.render(false)).collect();
        panic!("{}", rendered.join("\n"))
    })
}

/// The reason of the refusal, and its errno.
#[track_caller]
fn refused(profile: &Profile, sample: &Sample) -> (String, i32) {
    let explanation = sample.explain(&profile.tables()).expect("the call is refused");
    (explanation.to_string(), explanation.errno.into())
}

#[track_caller]
fn admitted(profile: &Profile, sample: &Sample) {
    if let Some(explanation) = sample.explain(&profile.tables()) {
        panic!("refused: {explanation}");
    }
}

const INET: &str = "socket(family = AF_INET, type = SOCK_STREAM | SOCK_DGRAM | SOCK_CLOEXEC, ..);";

#[test]
fn a_type_is_not_a_set_of_bits() {
    let profile = rules(INET);
    let raw = Sample::new(Call::Socket, [AF_INET, SOCK_RAW, 0, 0, 0, 0]);
    assert_eq!(
        refused(&profile, &raw),
        (
            "socket(AF_INET, SOCK_RAW, IPPROTO_IP): type = SOCK_RAW is not admitted by socket#1 (rules.scml:1), \
             which admits SOCK_STREAM | SOCK_DGRAM | SOCK_CLOEXEC"
                .to_owned(),
            libc::EPROTONOSUPPORT
        )
    );
}

#[test]
fn a_type_has_to_be_there() {
    let profile = rules(INET);
    let (reason, errno) = refused(&profile, &Sample::new(Call::Socket, [AF_INET, SOCK_CLOEXEC, 0, 0, 0, 0]));
    assert!(reason.contains("type = no type is not admitted"), "{reason}");
    assert_eq!(errno, libc::ESOCKTNOSUPPORT);
    for kind in [libc::SOCK_STREAM, libc::SOCK_DGRAM, libc::SOCK_STREAM | libc::SOCK_CLOEXEC] {
        admitted(&profile, &Sample::new(Call::Socket, [AF_INET, kind as u64, 0, 0, 0, 0]));
    }
    let nonblocking =
        Sample::new(Call::Socket, [AF_INET, (libc::SOCK_STREAM | libc::SOCK_NONBLOCK) as u64, 0, 0, 0, 0]);
    let (reason, _) = refused(&profile, &nonblocking);
    assert!(reason.contains("type = SOCK_NONBLOCK is not admitted"), "{reason}");
}

#[test]
fn shutdown_modes_are_not_a_set_of_bits() {
    let profile = rules("shutdown(sockfd, how = SHUT_RD | SHUT_WR);");
    let (reason, errno) =
        refused(&profile, &Sample::new(Call::Shutdown, [3, libc::SHUT_RDWR as u64, 0, 0, 0, 0]));
    assert!(reason.contains("how = SHUT_RDWR is not admitted by shutdown#1"), "{reason}");
    assert_eq!(errno, libc::EINVAL);
    admitted(&profile, &Sample::new(Call::Shutdown, [3, libc::SHUT_RD as u64, 0, 0, 0, 0]));
    admitted(&profile, &Sample::new(Call::Shutdown, [3, libc::SHUT_WR as u64, 0, 0, 0, 0]));
}

#[test]
fn message_flags_are_a_set_of_bits() {
    let profile = rules("recvfrom(sockfd, buf, len, flags = MSG_PEEK | MSG_TRUNC, ..);");
    let with = |flags: u64| Sample::new(Call::Recvfrom, [3, 0, 0, flags, 0, 0]);
    admitted(&profile, &with(0));
    admitted(&profile, &with((libc::MSG_PEEK | libc::MSG_TRUNC) as u64));
    let (reason, errno) = refused(&profile, &with(libc::MSG_PEEK as u64 | 0x80_0000));
    assert!(reason.contains("flags = unknown bits 0x800000 is not admitted"), "{reason}");
    assert_eq!(errno, libc::EINVAL);
    assert_eq!(refused(&profile, &with(libc::MSG_OOB as u64)).1, libc::EOPNOTSUPP);
}

#[test]
fn no_control_data_is_null() {
    let profile = rules("sendmsg(sockfd, msg = { msg_control = NULL, .. }, flags = 0);");
    let plain = Sample::new(Call::Sendmsg, [3, 0x1000, 0, 0, 0, 0]);
    admitted(&profile, &plain);
    let rights = ControlHeader { length: 20, level: libc::SOL_SOCKET, kind: libc::SCM_RIGHTS };
    let (reason, errno) = refused(&profile, &Sample { control: Some(vec![rights]), ..plain });
    assert!(
        reason.contains("msg.msg_control = [{SOL_SOCKET, SCM_RIGHTS}] is not admitted by sendmsg#1"),
        "{reason}"
    );
    assert!(reason.ends_with("which admits NULL"), "{reason}");
    assert_eq!(errno, libc::EINVAL);
}

/// A msghdr whose `msg_control` points somewhere, but whose `msg_controllen` is 0, reaches the matcher without control
/// data: what a subject says of it is `None`.
#[test]
fn a_family_that_is_not_listed_is_refused_even_if_it_is_zero() {
    let profile = rules("socket(family = AF_UNIX, type, protocol = 0);");
    let (reason, errno) = refused(&profile, &Sample::new(Call::Socket, [AF_UNSPEC, 1, 0, 0, 0, 0]));
    assert!(reason.contains("family = AF_UNSPEC is not admitted by socket#1"), "{reason}");
    assert_eq!(errno, libc::EAFNOSUPPORT);
    for kind in [0, 1, 2, 3, 5, 0xffff] {
        admitted(&profile, &Sample::new(Call::Socket, [AF_UNIX, kind, 0, 0, 0, 0]));
    }
}

#[test]
fn an_absent_address_matches_any_struct() {
    let profile = rules(
        "struct sockaddr = { sa_family = AF_INET, .. }; \
         sendto(sockfd, buf, len, flags = 0, dest_addr = <sockaddr>, addrlen);",
    );
    let absent = Sample::new(Call::Sendto, [3, 0, 0, 0, 0, 0]);
    admitted(&profile, &absent);
    admitted(&profile, &Sample { family: Some(libc::AF_INET as u16), ..absent.clone() });
    let unix = Sample { family: Some(libc::AF_UNIX as u16), descriptor: Some(TCP), ..absent };
    let (reason, errno) = refused(&profile, &unix);
    assert!(reason.contains("dest_addr.sa_family = AF_UNIX is not admitted by sendto#1"), "{reason}");
    assert!(reason.ends_with("which admits AF_INET"), "{reason}");
    assert_eq!(errno, libc::EAFNOSUPPORT);
}

#[test]
fn a_descriptor_is_matched_by_what_it_is() {
    let profile = rules(
        "struct tcp = { family = AF_INET | AF_INET6, type = SOCK_STREAM, .. }; \
         setsockopt(sockfd = <tcp>, level = SOL_TCP, optname = TCP_NODELAY, optval, optlen);",
    );
    let registers = [3, libc::SOL_TCP as u64, libc::TCP_NODELAY as u64, 0, 4, 0];
    let on = |descriptor| Sample { descriptor, ..Sample::new(Call::Setsockopt, registers) };
    admitted(&profile, &on(Some(TCP)));
    let (reason, errno) = refused(&profile, &on(Some(UNIX_STREAM)));
    assert!(reason.contains("sockfd = AF_UNIX SOCK_STREAM is not admitted by setsockopt#1"), "{reason}");
    assert!(reason.ends_with("which admits AF_INET SOCK_STREAM | AF_INET6 SOCK_STREAM"), "{reason}");
    assert_eq!(errno, libc::EOPNOTSUPP);
    assert_eq!(refused(&profile, &on(None)).1, libc::EOPNOTSUPP);
}

#[test]
fn a_networking_call_without_a_rule_is_refused_and_others_are_not_governed() {
    let profile = rules(INET);
    let tables = profile.tables();
    let (reason, errno) = refused(&profile, &Sample::new(Call::Listen, [3, 1, 0, 0, 0, 0]));
    assert_eq!((reason.as_str(), errno), ("listen(3, 1): no rule", libc::ENOSYS));
    assert!(tables.governs(Call::Listen) && !tables.governs(Call::Read));
    admitted(&profile, &Sample::new(Call::Read, [3, 0, 0, 0, 0, 0]));
}
