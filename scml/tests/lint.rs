//! What is valid and probably not meant.

use std::path::Path;

use scml::{Source, compile, lint, load};

/// The findings, in a line each.
fn findings(text: &str) -> Vec<String> {
    let sources = [Source::new("rules.scml", text)];
    let profile = compile(&sources).unwrap_or_else(|errors| panic!("{text}\n{errors:?}"));
    let findings = lint(&sources, &profile);
    findings.iter().map(|finding| finding.to_string().trim_start_matches("rules.scml:").to_owned()).collect()
}

const STRUCTS: &str = "struct any_unix = { family = AF_UNIX, .. };
struct unix_stream = { family = AF_UNIX, type = SOCK_STREAM, .. };
struct one = { sa_family = AF_UNIX, .. };
struct two = { sa_family = AF_UNIX | AF_INET, .. };
bind(sockfd, addr = <one>, addrlen = 1);
bind(sockfd = <any_unix>, addr = <two>, addrlen = 2);
bind(sockfd = <unix_stream>, addr, addrlen = 3);
";

fn shadowed(rules: &str) -> Vec<String> {
    let findings = findings(&format!("{STRUCTS}{rules}"));
    findings.into_iter().filter(|finding| finding.contains("has no effect")).collect()
}

#[test]
fn rules_that_others_shadow() {
    assert_eq!(
        shadowed("listen(sockfd = <unix_stream>, backlog);\nlisten(sockfd = <any_unix>, backlog);"),
        ["8:1: warning: listen#1 has no effect: listen#2 admits all that it admits"]
    );
    // Of two that are alike, the second.
    assert_eq!(
        shadowed("accept(..);\naccept(sockfd, addr, addrlen);"),
        ["9:1: warning: accept#2 has no effect: accept#1 admits all that it admits"]
    );
    let wide = "getsockopt(sockfd, level, optname = 1 | 2 | 3, ..);\n";
    for narrow in [
        "getsockopt(sockfd, level = SOL_SOCKET, optname = 3, ..);",
        "getsockopt(sockfd, level = SOL_SOCKET | SOL_TCP, optname = 1, ..);",
        "getsockopt(sockfd, level, optname = 1 | 3, ..);",
        "getsockopt(sockfd = <any_unix>, level, optname = 1 | 2 | 3, ..);",
    ] {
        assert_eq!(shadowed(&format!("{wide}{narrow}")).len(), 1, "{narrow}");
    }
    for rules in [
        "connect(sockfd, addr = <two>, addrlen); connect(sockfd, addr = <one>, addrlen);",
        "socket(family = AF_UNIX, type = SOCK_STREAM | SOCK_CLOEXEC, ..); socket(family = AF_UNIX, type = SOCK_STREAM, protocol = 0);",
        "sendmsg(sockfd, msg = { msg_name = <two>, .. }, flags = MSG_DONTWAIT | MSG_PEEK);
         sendmsg(sockfd, msg = { msg_name = <one>, msg_control = NULL, .. }, flags = MSG_PEEK);",
        "poll(fds = [{ events = POLLIN | POLLOUT, .. }], ..); poll(fds = [{ events = POLLOUT, fd = 1, .. }], nfds = 1, timeout);",
        "listen(sockfd, backlog); listen(sockfd = { state = bound, .. }, backlog);",
    ] {
        assert_eq!(shadowed(rules).len(), 1, "{rules}");
    }
}

#[test]
fn rules_that_differ_are_not_shadowed() {
    for rules in [
        "listen(sockfd = <unix_stream>, backlog); listen(sockfd = { family = AF_INET, .. }, backlog);",
        "getsockopt(sockfd, level = 1, optname, ..); getsockopt(sockfd, level, optname = 1, ..);",
        "getsockopt(sockfd, level, optname = 1 | 2, ..); getsockopt(sockfd, level, optname = 2 | 3, ..);",
        "getsockopt(sockfd, level = 1, optname = 2, ..); getsockopt(sockfd, level = 6, optname = 2, ..);",
        "socket(family = AF_UNIX, type = SOCK_STREAM, ..); socket(family = AF_UNIX, type = SOCK_DGRAM, ..);",
        "recvfrom(sockfd, buf, len, flags = MSG_PEEK, ..); recvfrom(sockfd, buf, len, flags = MSG_TRUNC, ..);",
        "connect(sockfd, addr = <one>, addrlen); connect(sockfd = <any_unix>, addr = <two>, addrlen);",
        "sendmsg(sockfd, msg = { msg_name = NULL, .. }, ..); sendmsg(sockfd, msg = { msg_control = NULL, .. }, ..);",
        "listen(sockfd = { state = bound, .. }, backlog); listen(sockfd = { state = listening, .. }, backlog);",
    ] {
        assert_eq!(shadowed(rules), [""; 0], "{rules}");
    }
}

#[test]
fn names_that_nothing_uses() {
    assert_eq!(
        findings("a = AF_UNIX;\nb = <a>;\nlisten(..);"),
        ["1:1: warning: `a` is defined and not used", "2:1: warning: `b` is defined and not used"]
    );
}

#[test]
fn alternatives_that_no_probe_reaches() {
    // Whatever has MSG_PEEK alone is the first rule's: no call shows that the second one admits it.
    let text = "recvfrom(sockfd, buf, len, flags = MSG_PEEK, ..);
recvfrom(sockfd, buf, len, flags = MSG_PEEK | MSG_TRUNC, ..);";
    assert_eq!(
        findings(text),
        [
            "1:1: warning: recvfrom#1 has no effect: recvfrom#2 admits all that it admits",
            "2:1: warning: no probe reaches `flags = MSG_PEEK` of recvfrom#2"
        ]
    );
}

#[test]
fn the_profiles_have_nothing_to_find() {
    for profile in ["postern", "asterinas"] {
        let sources = load(Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles").join(profile)).unwrap();
        let findings = lint(&sources, &compile(&sources).unwrap());
        assert_eq!(findings.iter().map(ToString::to_string).collect::<Vec<_>>(), [""; 0], "{profile}");
    }
}
