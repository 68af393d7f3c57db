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

fn all_neighbours(tables: &Tables<'_>) -> Vec<Neighbour> {
    (0..tables.rule_count()).flat_map(|rule| probe::neighbours(tables, rule as u16)).collect()
}

/// The neighbours of an argument by name.
fn names(tables: &Tables<'_>, rule: &str, argument: &str) -> Vec<String> {
    let neighbours = all_neighbours(tables).into_iter();
    let of_this = neighbours.filter(|neighbour| neighbour.rule_id == rule && neighbour.argument == argument);
    of_this.map(|neighbour| neighbour.name).collect()
}

#[test]
fn every_alternative_has_a_call_that_uses_it() {
    for name in ["postern", "asterinas"] {
        let profile = profile(name);
        let tables = profile.tables();
        let declared = probe::alternatives(&tables);
        assert_eq!(declared.len(), tables.alternatives.len());
        let rules: BTreeSet<_> = declared.iter().map(|declared| declared.rule).collect();
        assert_eq!(rules.len(), tables.rule_count(), "every rule declares something");
        for declared in &declared {
            assert_eq!(declared.sample.admit(&tables), Ok(declared.rule), "{declared:?}");
            let register = declared.sample.registers[usize::from(declared.parameter)];
            if declared.kind == AlternativeKind::Flag {
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
        let neighbours = all_neighbours(&tables);
        assert!(neighbours.len() > 500, "{name} has {}", neighbours.len());
        let mut seen = BTreeSet::new();
        for neighbour in &neighbours {
            let refusal = neighbour.sample.admit(&tables).expect_err("a neighbour is refused");
            assert_eq!(refusal.errno, neighbour.errno);
            assert!(neighbour.sample.explain(&tables).is_some());
            let new = seen.insert((neighbour.rule, &neighbour.argument, &neighbour.name));
            assert!(new, "{neighbour:?}");
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
        assert!(families.iter().any(|name| name == "AF_INET6"));
    }
    assert_eq!(names(&tables, "socket#1", "protocol"), ["PF_UNIX", "2", "-1"]);
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
    assert!(options.iter().any(|name| name == "SO_KEEPALIVE"));
    assert!(!options.iter().any(|name| name.starts_with("TCP_") || name == "SO_SNDBUF"));
    let levels = names(&profile.tables(), "setsockopt#1", "level");
    assert!(levels.iter().any(|name| name == "SOL_TCP") && !levels.iter().any(|name| name == "SOL_SOCKET"));
}
