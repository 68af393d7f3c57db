//! `postern trace`, `postern explain`, `postern diff`: what they print and how they end.

mod common;

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use common::{Run, folder};
use serde_json::Value;

fn postern(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_postern"));
    command.args(arguments);
    command
}

fn text(run: &Run) -> String {
    String::from_utf8(run.stdout.clone()).expect("the output is text")
}

const RULES: &str = "struct stream = { family = AF_UNIX, type = SOCK_STREAM, .. };
socket(family = AF_UNIX, type = SOCK_STREAM | SOCK_CLOEXEC, protocol = 0);
listen(sockfd = <stream>, backlog);
recvfrom(sockfd, buf, len, flags = MSG_PEEK, src_addr, addrlen);
";

const LOG: &str = "execve(\"/bin/server\", [\"server\"], 0x7f /* 3 vars */) = 0
socket(AF_UNIX, SOCK_STREAM, 0) = 3
listen(3, 5) = 0
recvfrom(3, 0x7f, 1, MSG_PEEK|MSG_OOB, NULL, NULL) = -1 EINVAL (Invalid argument)
recvfrom(3, \"a\", 1, MSG_OOB, NULL, NULL) = 1
recvfrom(3, \"a\", 1, MSG_OOB, NULL, NULL) = 1
socket(AF_INET, SOCK_STREAM, IPPROTO_TCP) = 4
server: what it says itself
exit_group(0) = ?
+++ exited with 0 +++
";

#[test]
fn a_trace_is_told_by_program_and_cause() {
    let folder = folder();
    let (rules, log) = (folder.path().join("rules.scml"), folder.path().join("log"));
    fs::write(&rules, RULES).unwrap();
    fs::write(&log, LOG).unwrap();
    let run = Run::of(postern(&["trace", "--profile"]).args([&rules, &log]));
    let said = text(&run);
    assert_eq!(run.status, 1, "{said}{}", run.stderr);
    let expected = [
        "/bin/server (1 process): 6 calls about sockets, 2 conform to ",
        "      3  recvfrom: flags = MSG_OOB; admitted: MSG_PEEK (recvfrom#1, ",
        "rules.scml:4)",
        "log:4, recvfrom(3, 0x7f, 1, MSG_PEEK|MSG_OOB, NULL, NULL)",
        "would fail with EINVAL; on Linux 2 times succeeded, 1 times the same",
        "      1  socket: family = AF_INET; admitted: AF_UNIX (socket#1, ",
        "would fail with EAFNOSUPPORT; on Linux succeeded",
        "1 line of 10 could not be read (the first is ",
        "log:8)",
    ];
    let mut rest = said.as_str();
    for piece in expected {
        let at = rest.find(piece).unwrap_or_else(|| panic!("no `{piece}` in\n{said}"));
        rest = &rest[at..];
    }
    assert!(!said.contains('\x1b'), "colours are for terminals");

    fs::write(&log, "socket(AF_UNIX, SOCK_STREAM, 0) = 3\n").unwrap();
    let run = Run::of(postern(&["trace", "--profile"]).args([&rules, &log]));
    assert_eq!(
        (run.status, text(&run).contains("1 call about sockets, all conform")),
        (0, true),
        "{}",
        text(&run)
    );
}

fn json(run: &Run) -> Value {
    serde_json::from_slice(&run.stdout).unwrap_or_else(|error| panic!("{error}: {}", text(run)))
}

#[test]
fn json_is_all_that_is_printed() {
    let folder = folder();
    let rules = folder.path().join("rules.scml");
    fs::write(&rules, RULES).unwrap();
    let mut log = LOG.as_bytes().to_vec();
    log.extend(b"\x00\xff garbage\nsocket(AF_UNIX");
    let run = Run::with_input(postern(&["trace", "--json", "--profile"]).arg(&rules).arg("-"), &log);
    let document = json(&run);
    assert_eq!(run.status, 1);
    assert_eq!(document["lines"], 12);
    assert_eq!(document["unreadable"], 3);
    assert_eq!(document["first_unreadable"], "-:8");
    assert_eq!((&document["calls"], &document["conforming"]), (&Value::from(6), &Value::from(2)));
    let cause = &document["programs"][0]["causes"][0];
    assert_eq!(cause["count"], 3);
    assert_eq!(cause["offending"], serde_json::json!(["MSG_OOB"]));
    assert_eq!(cause["linux"], serde_json::json!({ "0": 2, "EINVAL": 1 }));
    assert_eq!(cause["rule"]["id"], "recvfrom#1");

    // Nothing but garbage.
    let run = Run::with_input(&mut postern(&["trace", "--json", "-"]), &[0xff; 5000]);
    assert_eq!((run.status, &json(&run)["unreadable"]), (2, &Value::from(1)));
    let run = Run::with_input(&mut postern(&["trace", "--json", "-"]), b"");
    assert_eq!((run.status, text(&run).as_str()), (2, ""));
    assert!(run.stderr.contains("there is nothing in -"), "{}", run.stderr);
}

/// A strace that writes a log of one call, and runs the program.
fn fake_strace(folder: &Path) {
    let path = folder.join("strace");
    let script = r#"#!/bin/sh
while [ "$1" != -- ]; do
    if [ "$1" = -o ]; then log=$2; fi
    shift
done
shift
echo "1 execve(\"/bin/$1\", [\"$1\"], 0x7f) = 0" >"$log"
echo '1 socket(AF_INET, SOCK_STREAM, IPPROTO_TCP) = 3' >>"$log"
exec "$@"
"#;
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_program_is_run_under_strace() {
    let folder = folder();
    fake_strace(folder.path());
    let path = format!("{}:/usr/bin:/bin", folder.path().display());
    let rules = folder.path().join("rules.scml");
    fs::write(&rules, RULES).unwrap();
    let trace = |options: &[&str]| {
        let mut command = postern(&["trace", "--profile"]);
        command.arg(&rules).args(options).args(["--", "echo", "hello"]).env("PATH", &path);
        Run::of(&mut command)
    };
    let run = trace(&[]);
    assert_eq!(run.status, 1, "{}", run.stderr);
    assert!(
        text(&run).starts_with("hello\n/bin/echo (1 process): 1 call about sockets, 0 conform"),
        "{}",
        text(&run)
    );
    let run = trace(&["--json"]);
    assert_eq!((run.status, &json(&run)["refused"]), (1, &Value::from(1)));
    assert!(run.stderr.contains("hello"), "the program's output is elsewhere: {}", run.stderr);
    let kept = folder.path().join("kept");
    let run = trace(&["--log", kept.to_str().unwrap()]);
    assert!(text(&run).contains("kept:2, socket(AF_INET"), "{}", text(&run));
    assert!(fs::read_to_string(kept).unwrap().contains("socket(AF_INET"));
}

#[test]
fn without_strace_it_is_said_what_to_do() {
    let folder = folder();
    let run = Run::of(postern(&["trace", "--", "true"]).env("PATH", folder.path()));
    assert_eq!((run.status, text(&run).as_str()), (2, ""));
    assert!(
        run.stderr.contains("strace is not installed") && run.stderr.contains("apt-get install strace"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_call_is_explained() {
    let explain = |call: &str| {
        let run = Run::of(&mut postern(&["explain", "--profile", "asterinas", call]));
        (run.status, text(&run), run.stderr)
    };
    let (status, said, _) = explain("socket(AF_INET6, SOCK_STREAM, 0)");
    assert_eq!(status, 1);
    assert_eq!(
        said,
        "refused with EAFNOSUPPORT: family = AF_INET6
    not admitted  AF_INET6
    admitted      AF_UNIX | AF_INET | AF_NETLINK | AF_VSOCK
    nearest rule  socket#1 (scml/profiles/asterinas/socket.scml:7)
                  socket(family = AF_UNIX, type = SOCK_STREAM | SOCK_SEQPACKET | <opt_type_flags>, protocol = 0);
"
    );
    let (status, said, _) = explain("sendto(3, \"a\", 1, MSG_NOSIGNAL|0x800000, NULL, 0)");
    assert_eq!(status, 1);
    assert!(said.contains("not admitted  MSG_NOSIGNAL | unknown bits 0x800000"), "{said}");
    let (status, said, _) = explain("socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) = 3");
    assert_eq!(status, 0);
    assert!(
        said.starts_with(
            "admitted by socket#1 (scml/profiles/asterinas/socket.scml:7)\n    socket(family = AF_UNIX"
        ),
        "{said}"
    );
    let (status, said, _) = explain("epoll_wait(3, [], 1, 0)");
    assert_eq!((status, said.contains("has no rule for this call, and needs none")), (0, true), "{said}");
    for (call, what) in [
        ("socket(AF_INET6, SOCK_STREM, 0)", "type: unknown name `SOCK_STREM`: did you mean `SOCK_STREAM`?"),
        ("sockt(1, 2, 3)", "unknown system call `sockt`: did you mean `socket`?"),
        ("socket(AF_UNIX", "the bracket of `socket(` is not closed"),
        ("socket(AF_UNIX, 1, 0, 4)", "4 arguments where the call has 3"),
        ("socket(AF_UNIX)", "`type` is missing: the call is `socket(family, type, protocol)`"),
        ("connect(3, 0x7ffe, 16)", "rules look at `addr`"),
        ("listen(3</etc/passwd>, 1)", "`</etc/passwd>` is no socket"),
        ("", "is not a call"),
        ("\u{1}(§", "unknown system call"),
    ] {
        let (status, said, error) = explain(call);
        assert_eq!((status, said.as_str()), (2, ""), "{call}");
        assert!(error.contains(what), "{call}: {error}");
    }
}

#[test]
fn a_bare_descriptor_is_any_socket() {
    let folder = folder();
    let rules = folder.path().join("rules.scml");
    fs::write(&rules, RULES).unwrap();
    let explain = |call: &str| {
        let run = Run::of(postern(&["explain"]).arg(&rules).arg(call));
        (run.status, text(&run))
    };
    assert_eq!(explain("listen(3, 1)").0, 0);
    assert_eq!(explain("listen(3<AF_UNIX SOCK_STREAM>, 1)").0, 0);
    assert_eq!(explain("listen(3<UNIX-STREAM:[1]>, 1)").0, 0);
    let (status, said) = explain("listen(3<TCP:[127.0.0.1:80]>, 1)");
    assert_eq!(status, 1);
    assert!(said.contains("refused with EOPNOTSUPP: sockfd = AF_INET SOCK_STREAM"), "{said}");
    let (status, said) = explain("shutdown(3, SHUT_WR)");
    assert_eq!((status, said.contains("has no rule for shutdown")), (1, true), "{said}");
}

#[test]
fn profiles_are_compared() {
    let folder = folder();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let one = file("one.scml", RULES);
    let same = file("same.scml", &RULES.replace("<stream>", "{ type = SOCK_STREAM, family = AF_UNIX, .. }"));
    let run = Run::of(postern(&["diff"]).args([&one, &same]));
    assert_eq!((run.status, text(&run).contains("support the same")), (0, true), "{}", text(&run));

    let other =
        RULES.replace("AF_UNIX, type = SOCK_STREAM | SOCK_CLOEXEC", "AF_UNIX | AF_INET, type = SOCK_STREAM");
    let other = file("other.scml", &other.replace("flags = MSG_PEEK", "flags = MSG_PEEK | MSG_OOB"));
    let run = Run::of(postern(&["diff"]).args([&one, &other]));
    let said = text(&run).replace(&format!("{}/", folder.path().display()), "");
    assert_eq!(run.status, 1);
    assert_eq!(
        said,
        "only one.scml:
  AF_UNIX SOCK_STREAM
    socket       type = SOCK_CLOEXEC

only other.scml:
  AF_UNIX SOCK_STREAM
    recvfrom     flags = MSG_OOB
  AF_INET SOCK_STREAM (one.scml has no such sockets)
    socket       protocol = IPPROTO_IP
    recvfrom     flags = MSG_PEEK | MSG_OOB

"
    );
    let run = Run::of(postern(&["diff", "--json"]).args([&one, &other]));
    let document = json(&run);
    assert_eq!(
        document[1]["supports"][0],
        serde_json::json!({
            "socket": "AF_UNIX SOCK_STREAM", "call": "recvfrom", "argument": "flags", "values": ["MSG_OOB"]
        })
    );
    let run = Run::of(&mut postern(&["diff", "postern", "/nonexistent"]));
    assert_eq!(
        (run.status, run.stderr.contains("there is no profile `/nonexistent`")),
        (2, true),
        "{}",
        run.stderr
    );
}
