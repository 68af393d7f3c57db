//! `postern fmt`, `postern check`, and files of the worst kinds.

mod common;

use std::{fs, path::Path, process::Command};

use common::{Run, folder};

fn postern(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_postern"));
    command.args(arguments);
    command
}

fn text(run: &Run) -> String {
    String::from_utf8(run.stdout.clone()).expect("the output is text")
}

#[test]
fn files_are_formatted_in_place() {
    let folder = folder();
    let (deep, other) = (folder.path().join("a/b"), folder.path().join("a/other.txt"));
    fs::create_dir_all(&deep).unwrap();
    let file = deep.join("rules.scml");
    fs::write(&file, "// What.\nlisten ( .. ) ;\n").unwrap();
    fs::write(&other, "not SCML").unwrap();

    let check = Run::of(postern(&["fmt", "--check"]).arg(folder.path()));
    assert_eq!((check.status, text(&check).contains("rules.scml:2: is not in canonical form")), (1, true));
    assert_eq!(fs::read_to_string(&file).unwrap(), "// What.\nlisten ( .. ) ;\n", "--check changes nothing");

    let run = Run::of(postern(&["fmt"]).arg(folder.path()));
    assert_eq!((run.status, text(&run).contains("rules.scml: formatted")), (0, true));
    assert_eq!(fs::read_to_string(&file).unwrap(), "// What.\nlisten(..);\n");
    let again = Run::of(postern(&["fmt", "--check"]).arg(&file));
    assert_eq!((again.status, text(&again).as_str()), (0, ""));
}

#[test]
fn standard_input_is_formatted_to_standard_output() {
    let run = Run::with_input(&mut postern(&["fmt", "-"]), b"a=B|C; // d");
    assert_eq!((run.status, text(&run).as_str()), (0, "a = B | C; // d\n"));
    let run = Run::with_input(&mut postern(&["fmt", "--check", "-"]), b"a=B;");
    assert_eq!((run.status, text(&run).as_str()), (1, "<stdin>:1: is not in canonical form\n"));
    let run = Run::with_input(&mut postern(&["fmt", "-"]), b"a=B\nc=D;");
    assert_eq!((run.status, text(&run).as_str()), (2, ""));
    assert!(run.stderr.contains("<stdin>:2:1") && run.stderr.contains("expected `;`"), "{}", run.stderr);
}

#[test]
fn lint_is_a_warning_unless_it_is_denied() {
    let folder = folder();
    let file = folder.path().join("rules.scml");
    fs::write(&file, "unused = AF_UNIX;\naccept(..);\naccept(..);\n").unwrap();
    let run = Run::of(postern(&["check"]).arg(&file));
    let said = text(&run);
    assert_eq!(run.status, 0, "{said}");
    assert!(said.contains("`unused` is defined and not used"), "{said}");
    assert!(said.contains("accept#2 has no effect: accept#1 admits all that it admits"), "{said}");
    assert!(said.contains("valid, 2 rules, 2 warnings"), "{said}");
    let run = Run::of(postern(&["check", "--deny-lint"]).arg(&file));
    assert_eq!(run.status, 1);
}

#[test]
fn the_profiles_are_without_findings() {
    let profiles = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scml/profiles");
    let run = Run::of(postern(&["check", "--deny-lint"]).arg(&profiles));
    assert_eq!((run.status, text(&run).matches(": valid, ").count()), (0, 2), "{}", text(&run));
    let run = Run::of(postern(&["fmt", "--check"]).arg(&profiles));
    assert_eq!((run.status, text(&run).as_str()), (0, ""));
}

/// What is said of a file, by both commands.
#[track_caller]
fn bad(name: &str, bytes: &[u8], what: &str) {
    let folder = folder();
    let file = folder.path().join(name);
    fs::write(&file, bytes).unwrap();
    let run = Run::of(postern(&["check"]).arg(&file));
    assert_eq!(run.status, 1, "{}", run.stderr);
    assert!(text(&run).contains(what), "{}", text(&run));
    let run = Run::of(postern(&["fmt"]).arg(&file));
    assert_eq!((run.status, run.stderr.contains(what)), (2, true), "{}", run.stderr);
    assert_eq!(fs::read(&file).unwrap(), bytes, "a file that is not understood is left alone");
}

#[test]
fn bytes_that_are_not_text() {
    bad("latin1.scml", b"listen(..);\n// caf\xe9\n", "the file is not UTF-8 from here on");
    bad("latin1.scml", b"listen(..);\n// caf\xe9\n", "latin1.scml:2:7");
}

#[test]
fn a_hundred_megabytes() {
    let folder = folder();
    let path = folder.path().join("large.scml");
    // A hole: it takes no room on the disk.
    fs::File::create(&path).unwrap().set_len(100 << 20).unwrap();
    for (command, status) in [("check", 1), ("fmt", 2)] {
        let run = Run::of(postern(&[command]).arg(&path));
        let said = text(&run) + &run.stderr;
        assert_eq!((run.status, said.contains("the file is too large")), (status, true), "{said}");
        assert!(said.len() < 2000);
    }
}

#[test]
fn ten_thousand_braces() {
    let text = format!("struct s = {}", "{a=".repeat(10_000));
    bad("deep.scml", text.as_bytes(), "structs and arrays are nested deeper than 32");
    bad("deep.scml", "listen(a=[".repeat(10_000).as_bytes(), "error: ");
}

#[test]
fn names_that_are_defined_by_themselves() {
    let folder = folder();
    let file = folder.path().join("cycle.scml");
    fs::write(&file, "a = <b>;\nb = AF_UNIX | <a>;\nsocket(family = <a>, ..);\n").unwrap();
    let run = Run::of(postern(&["check"]).arg(&file));
    let said = text(&run);
    assert_eq!(run.status, 1, "{said}");
    assert!(
        said.contains("`a` is defined by itself") && said.contains("the cycle is <a> -> <b> -> <a>"),
        "{said}"
    );
    assert!(said.contains("cycle.scml:1:1"), "{said}");
}

#[test]
fn what_is_not_there() {
    for command in ["check", "fmt"] {
        let run = Run::of(&mut postern(&[command, "/nonexistent.scml"]));
        assert_eq!(run.status, 2);
        assert!(run.stderr.contains("/nonexistent.scml: No such file"), "{}", run.stderr);
    }
    let folder = folder();
    let run = Run::of(postern(&["check"]).arg(folder.path()));
    assert_eq!(
        (run.status, run.stderr.contains("no .scml file in this directory")),
        (2, true),
        "{}",
        run.stderr
    );
}
