//! `postern check` and `postern report`.

mod common;

use std::{fs, path::Path, process::Command};

use common::{Run, folder};

fn postern() -> Command {
    Command::new(env!("CARGO_BIN_EXE_postern"))
}

#[test]
fn the_profiles_are_valid() {
    let profiles = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scml/profiles");
    let run = Run::of(postern().arg("check").args(["postern", "asterinas"].map(|name| profiles.join(name))));
    let text = String::from_utf8(run.stdout).unwrap();
    assert_eq!((run.status, text.matches(": valid, ").count()), (0, 2), "{text}");
}

#[test]
fn an_error_is_shown_where_it_is() {
    let folder = folder();
    let file = folder.path().join("bad.scml");
    fs::write(&file, "listen(sockfd, backlog);\nsocket(family = AF_UNIX,, type);\n").unwrap();
    let run = Run::of(postern().arg("check").arg(&file));
    let text = String::from_utf8(run.stdout).unwrap();
    assert_eq!(run.status, 1, "{text}");
    assert!(text.contains("bad.scml:2:25") && text.contains("socket(family = AF_UNIX,, type);"), "{text}");

    let run = Run::of(postern().args(["check", "/nonexistent.scml"]));
    assert_eq!(run.status, 2);
    assert!(run.stderr.contains("/nonexistent.scml: No such file"), "{}", run.stderr);
    let run = Run::of(postern().arg("check").arg(folder.path()));
    assert_eq!(run.status, 1);
}

const REPORT: &str = r#"{
  "origin": { "profile": "postern", "host": "Linux 6.18", "guest": "Postern", "time": 0 },
  "summary": { "declared": 2, "probed": 1, "held": 1, "broken": 0, "leaking": 0, "unproven": 1,
               "neighbours": 0, "refused": 0, "ignored": 0 },
  "rules": [{
    "id": "getsockopt#10", "call": "getsockopt", "file": "options.scml", "line": 7, "text": "getsockopt(..);",
    "counts": { "declared": 2, "probed": 1, "held": 1, "broken": 0, "leaking": 0, "unproven": 1,
                "neighbours": 0, "refused": 0, "ignored": 0 },
    "probes": [
      { "argument": "optname", "value": "SO_TYPE", "kind": "declared", "verdict": "held", "expected": "0",
        "guest": { "errno": "0", "behaved": true }, "host": { "errno": "0", "behaved": true } },
      { "argument": "optname", "value": "SO_ERROR", "kind": "declared", "verdict": "unproven", "reason": "not tried",
        "expected": "", "guest": null, "host": null }
    ]
  }]
}"#;

#[test]
fn a_report_is_shown_as_a_table() {
    let folder = folder();
    let file = folder.path().join("report.json");
    fs::write(&file, REPORT).unwrap();
    let run = Run::of(postern().arg("report").arg(&file));
    let text = String::from_utf8(run.stdout).unwrap();
    assert_eq!(run.status, 1);
    assert!(
        text.lines().take_while(|line| !line.contains("unproven")).all(|line| line.chars().count() <= 80),
        "{text}"
    );
    assert!(text.contains(" getsockopt#10 "), "{text}");
    assert!(text.contains("options.scml:7: unproven getsockopt#10: optname = SO_ERROR: not tried"), "{text}");
    assert!(text.contains("2 declared: 1 probed, 1 held, 0 broken, 1 unproven"), "{text}");
    assert!(!text.contains('\x1b'), "colours are for terminals");

    let run = Run::of(postern().args(["report", "--json"]).arg(&file));
    assert!(String::from_utf8(run.stdout).unwrap().contains("\"verdict\": \"unproven\""));
    let run = Run::of(postern().args(["report", "/nonexistent.json"]));
    assert_eq!(run.status, 2);
    assert!(run.stderr.contains("`make run` writes one"), "{}", run.stderr);
}
