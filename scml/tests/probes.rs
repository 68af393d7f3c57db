//! What the profiles ask to be probed.

use std::{collections::BTreeSet, path::Path};

use scml::{
    Profile, Source, Tables, compile, load,
    probe::{self, Neighbour},
    tables::AlternativeKind,
};

fn profile(name: &str) -> Profile {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles").join(name);
    compile(&load(directory).expect("the profile is there")).expect("the profile is valid")
}

fn rules(text: &str) -> Profile {
    compile(&[Source::new("rules.scml", text)]).expect("the rules are valid")
}

/// The neighbours of an argument by name.
fn names(tables: &Tables<'_>, rule: &str, argument: &str) -> Vec<String> {
    let of_this = |neighbour: &Neighbour| {
        neighbour.rule_id == rule && neighbour.argument == argument && !neighbour.across
    };
    probe::neighbours(tables).into_iter().filter(of_this).map(|neighbour| neighbour.name).collect()
}

#[test]
fn every_alternative_has_a_call_that_uses_it() {
    for name in ["postern", "asterinas"] {
        let profile = profile(name);
        let tables = profile.tables();
        let declared = probe::alternatives(&tables);
        let used: BTreeSet<_> = declared.iter().map(|declared| declared.index).collect();
        assert!(used.iter().copied().eq(0..tables.alternatives.len()), "{name}: {used:?}");
        let rules: BTreeSet<_> = declared.iter().map(|declared| declared.rule).collect();
        assert_eq!(rules.len(), tables.rule_count(), "every rule declares something");
        for declared in &declared {
            assert_eq!(declared.sample.admit(&tables), Ok(declared.rule), "{declared:?}");
            let register = declared.sample.registers[usize::from(declared.parameter)];
            // What is behind a pointer is proven, and not in the sample.
            if declared.kind == AlternativeKind::Flag && !declared.argument.contains('.') {
                assert_eq!(register & declared.value, declared.value, "{declared:?}");
            }
        }
    }
}

#[test]
fn neighbours_are_refused_and_have_names_of_their_own() {
    for name in ["postern", "asterinas"] {
        let profile = profile(name);
        let tables = profile.tables();
        let neighbours = probe::neighbours(&tables);
        assert!(neighbours.len() > 500, "{name} has {}", neighbours.len());
        let (mut seen, mut calls) = (BTreeSet::new(), BTreeSet::new());
        for neighbour in &neighbours {
            let refusal = neighbour.sample.admit(&tables).expect_err("a neighbour is refused");
            assert_eq!(refusal.errno, neighbour.errno);
            assert!(neighbour.sample.explain(&tables).is_some());
            let new = seen.insert((neighbour.rule, &neighbour.argument, &neighbour.name, neighbour.on));
            assert!(new, "{neighbour:?}");
            assert!(calls.insert(&neighbour.sample), "tried twice: {neighbour:?}");
        }
    }
}

#[test]
fn neighbours_of_an_enumeration() {
    let profile = rules("shutdown(sockfd, how = SHUT_RD | SHUT_WR);");
    assert_eq!(names(&profile.tables(), "shutdown#1", "how"), ["SHUT_RDWR", "3", "-1"]);
}

#[test]
fn neighbours_of_a_bit_set_are_all_other_bits() {
    let profile = rules("sendto(sockfd, buf, len, flags = MSG_NOSIGNAL | MSG_DONTWAIT, ..);");
    let names = names(&profile.tables(), "sendto#1", "flags");
    assert_eq!(names.len(), 30);
    for name in ["MSG_OOB", "MSG_PEEK", "MSG_CMSG_CLOEXEC", "0x80000000"] {
        assert!(names.iter().any(|known| known == name), "{name}");
    }
}

#[test]
fn neighbours_of_a_type_are_types_and_bits() {
    let profile = rules("socket(family = AF_UNIX, type = SOCK_STREAM | SOCK_CLOEXEC, protocol = 0);");
    let names = names(&profile.tables(), "socket#1", "type");
    assert_eq!(names.len(), 15 + 27);
    for name in ["0", "SOCK_DGRAM", "SOCK_SEQPACKET", "15", "SOCK_NONBLOCK", "0x10"] {
        assert!(names.iter().any(|known| known == name), "{name}");
    }
}

/// What another rule admits is no neighbour.
#[test]
fn neighbours_of_one_rule_are_not_admitted_by_another() {
    let profile = rules(
        "socket(family = AF_UNIX, type = SOCK_STREAM, protocol = 0); \
         socket(family = AF_INET, type = SOCK_STREAM, protocol = 0 | IPPROTO_TCP);",
    );
    let tables = profile.tables();
    for (rule, own, other) in [("socket#1", "AF_UNIX", "AF_INET"), ("socket#2", "AF_INET", "AF_UNIX")] {
        let families = names(&tables, rule, "family");
        assert!(!families.iter().any(|name| name == own || name == other));
        let first = rule == "socket#1";
        assert_eq!(families.iter().any(|name| name == "AF_INET6"), first, "no call is tried twice");
    }
    assert_eq!(names(&tables, "socket#1", "protocol"), ["PF_UNIX", "6", "2", "-1"], "6 is IPPROTO_TCP");
    assert!(names(&tables, "socket#2", "protocol").iter().any(|name| name == "IPPROTO_UDP"));
}

#[test]
fn neighbours_behind_pointers() {
    let profile = rules(
        "bind(sockfd, addr = { sa_family = AF_UNIX, .. }, addrlen); \
         sendmsg(sockfd, msg = { msg_control = NULL, .. }, flags = 0); \
         sendmmsg(sockfd, msgvec = [ { msg_hdr = { msg_control = [ { cmsg_level = SOL_SOCKET, \
         cmsg_type = SCM_RIGHTS, .. } ], .. }, .. } ], vlen, flags = 0);",
    );
    let tables = profile.tables();
    assert!(names(&tables, "bind#1", "addr.sa_family").iter().any(|name| name == "AF_INET"));
    let control = names(&tables, "sendmsg#1", "msg.msg_control");
    assert_eq!(control, ["{SOL_SOCKET, SCM_RIGHTS}", "{SOL_SOCKET, SCM_CREDENTIALS}"]);
    let kinds = names(&tables, "sendmmsg#1", "msgvec.msg_hdr.msg_control.cmsg_type");
    assert!(kinds.iter().any(|name| name == "SCM_CREDENTIALS"), "{kinds:?}");
    assert!(!kinds.iter().any(|name| name == "SCM_RIGHTS"), "{kinds:?}");
}

#[test]
fn neighbours_of_options_are_those_of_the_level() {
    let profile = profile("postern");
    let options = names(&profile.tables(), "setsockopt#1", "optname");
    assert!(options.iter().any(|name| name == "SO_BINDTODEVICE"));
    assert!(!options.iter().any(|name| name.starts_with("TCP_") || name == "SO_SNDBUF"));
    let levels = names(&profile.tables(), "setsockopt#1", "level");
    assert!(levels.iter().any(|name| name == "SOL_TCP") && !levels.iter().any(|name| name == "SOL_SOCKET"));
}

const KINDS: &str = "\
    struct stream = { family = AF_UNIX, type = SOCK_STREAM, .. }; \
    struct connected = { family = AF_UNIX, type = SOCK_STREAM | SOCK_SEQPACKET, .. }; \
    socket(family = AF_UNIX, type = SOCK_STREAM | SOCK_DGRAM | SOCK_SEQPACKET | SOCK_CLOEXEC, protocol = 0); \
    accept4(sockfd = <connected>, addr, addrlen, flags = SOCK_NONBLOCK); \
    sendto(sockfd = <stream>, buf, len, flags = MSG_OOB, dest_addr, addrlen); \
    sendto(sockfd, buf, len, flags = MSG_NOSIGNAL, dest_addr, addrlen);";

/// What is declared, for each kind of socket of its rule.
fn declared(tables: &Tables<'_>, rule: &str) -> Vec<String> {
    let of_this = probe::alternatives(tables).into_iter().filter(|one| one.rule_id == rule);
    of_this.map(|one| format!("{} = {} on {}", one.argument, one.name, one.on)).collect()
}

#[test]
fn alternatives_are_tried_on_every_kind_of_the_rule() {
    let profile = rules(KINDS);
    let tables = profile.tables();
    let kinds: Vec<_> = probe::kinds(&tables).iter().map(ToString::to_string).collect();
    assert_eq!(kinds, ["AF_UNIX SOCK_STREAM", "AF_UNIX SOCK_DGRAM", "AF_UNIX SOCK_SEQPACKET"]);
    assert_eq!(
        declared(&tables, "accept4#1"),
        [
            "sockfd = AF_UNIX SOCK_STREAM on AF_UNIX SOCK_STREAM",
            "sockfd = AF_UNIX SOCK_SEQPACKET on AF_UNIX SOCK_SEQPACKET",
            "flags = SOCK_NONBLOCK on AF_UNIX SOCK_STREAM",
            "flags = SOCK_NONBLOCK on AF_UNIX SOCK_SEQPACKET",
        ]
    );
    let made = declared(&tables, "socket#1");
    assert_eq!(made.iter().filter(|one| one.starts_with("type = SOCK_CLOEXEC on ")).count(), 3, "{made:?}");
    assert!(made.contains(&"type = SOCK_DGRAM on AF_UNIX SOCK_DGRAM".to_owned()), "{made:?}");
    assert!(!made.contains(&"type = SOCK_DGRAM on AF_UNIX SOCK_STREAM".to_owned()), "{made:?}");
    assert_eq!(declared(&tables, "sendto#2").len(), 3, "a rule that names no kind is about all of them");
}

#[test]
fn what_is_declared_for_one_kind_is_tried_on_the_others() {
    let profile = rules(KINDS);
    let tables = profile.tables();
    let across: Vec<_> = probe::neighbours(&tables)
        .into_iter()
        .filter(|one| one.across)
        .map(|one| format!("{} {} = {} on {}", one.rule_id, one.argument, one.name, one.on))
        .collect();
    assert_eq!(
        across,
        [
            "accept4#1 sockfd = AF_UNIX SOCK_DGRAM on AF_UNIX SOCK_DGRAM",
            "accept4#1 flags = SOCK_NONBLOCK on AF_UNIX SOCK_DGRAM",
            "sendto#1 flags = MSG_OOB on AF_UNIX SOCK_DGRAM",
            "sendto#1 flags = MSG_OOB on AF_UNIX SOCK_SEQPACKET",
        ]
    );
}

#[test]
fn states_belong_to_the_kind() {
    let profile = rules(
        "struct quiet = { family = AF_INET, type = SOCK_STREAM, state = listening | unbound, .. }; \
         shutdown(sockfd = <quiet>, how = SHUT_RD);",
    );
    let made = declared(&profile.tables(), "shutdown#1");
    assert!(made.contains(&"how = SHUT_RD on AF_INET SOCK_STREAM listening".to_owned()), "{made:?}");
    assert!(made.contains(&"sockfd.state = unbound on AF_INET SOCK_STREAM unbound".to_owned()), "{made:?}");
}

#[test]
fn fields_have_neighbours() {
    let profile = rules(
        "setsockopt(sockfd, level = SOL_SOCKET, optname = SO_REUSEADDR, optval = 0 | 1, optlen); \
         bind(sockfd, addr = { sin_family = AF_INET, sin_port = 80, .. }, addrlen); \
         sendmsg(sockfd, msg = { msg_control = [ { cmsg_level = SOL_SOCKET, cmsg_type = SCM_RIGHTS, .. } ], .. }, \
                 flags = 0);",
    );
    let tables = profile.tables();
    assert_eq!(names(&tables, "setsockopt#1", "optval"), ["-1", "2"]);
    assert_eq!(names(&tables, "bind#1", "addr.sin_port"), ["79", "81", "0", "65535"]);
    let bound = probe::alternatives(&tables).into_iter().find(|one| one.argument == "addr.sin_port");
    let mut bytes = Vec::new();
    bound.expect("it is declared").sample.fields[0].put(&mut bytes);
    assert_eq!(bytes, [0, 0, 0, 80], "the port is in network order");
    let kinds = names(&tables, "sendmsg#1", "msg.msg_control.cmsg_type");
    assert!(kinds.iter().any(|name| name == "SCM_CREDENTIALS"), "{kinds:?}");
    let levels = names(&tables, "sendmsg#1", "msg.msg_control.cmsg_level");
    assert!(levels.iter().any(|name| name == "SOL_IP"), "{levels:?}");
}
