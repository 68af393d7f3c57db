//! `postern boot` against a fake QEMU: everything on this side of the serial ports.

mod common;

use std::{
    fs,
    io::{Read, Write},
    os::unix::{
        ffi::OsStrExt,
        fs::{PermissionsExt, symlink},
    },
    path::Path,
    process::Stdio,
};

use common::{Run, folder, postern};

#[test]
fn the_status_is_the_programs() {
    for status in ["0", "1", "77", "124", "255"] {
        let run = Run::of(postern(&[]).args(["--", "exit", status]));
        assert_eq!((run.status.to_string(), run.stderr.as_str()), (status.to_owned(), ""));
    }
}

#[test]
fn input_and_output_are_byte_exact() {
    let bytes: Vec<u8> = (0..1_000_000u32).map(|n| (n ^ (n >> 8)) as u8).collect();
    let run = Run::with_input(postern(&["--timeout", "60"]).args(["--", "cat"]), &bytes);
    assert_eq!(run.status, 0);
    assert!(run.stdout == bytes, "{} bytes came back of {}", run.stdout.len(), bytes.len());
    assert_eq!(run.stderr, "");
}

#[test]
fn empty_input_ends() {
    let run = Run::with_input(postern(&["--timeout", "60"]).args(["--", "cat"]), b"");
    assert_eq!((run.status, run.stdout.len()), (0, 0));
}

#[test]
fn outputs_come_apart_and_large() {
    let mut command = postern(&["--timeout", "60"]);
    let output = command.args(["--", "spam", "3000000"]).stdin(Stdio::null()).output().unwrap();
    let expected: Vec<u8> = (0..3_000_000u32).map(|n| n as u8).collect();
    assert!(output.stdout == expected && output.stderr == expected);
}

#[test]
fn arguments_arrive_as_they_are() {
    let arguments: [&[u8]; 7] = [b"", b"--", b"a b", b"x=%41", b"\xff\xfe", b"-- --", b"'\"$\\\n"];
    let mut command = postern(&[]);
    command.args(["--", "/bin/args"]).args(arguments.map(std::ffi::OsStr::from_bytes));
    let run = Run::of(&mut command);
    let expected: Vec<u8> = [b"/bin/args".as_slice()]
        .iter()
        .chain(&arguments)
        .flat_map(|word| [word, b"\0".as_slice()].concat())
        .collect();
    assert_eq!(String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&expected));
}

#[test]
fn options_reach_the_kernel_and_qemu() {
    let options = ["--profile", "asterinas", "--mode", "audit", "--smp", "2", "--memory", "1G", "--append"];
    let run = Run::of(postern(&options).args(["loglevel=debug env=HOME%3D/x", "--", "words"]));
    let text = String::from_utf8(run.stdout).unwrap();
    let (words, qemu) = text.split_once('\n').unwrap();
    assert!(
        words.starts_with(
            "scml.profile=asterinas scml.mode=audit loglevel=debug env=HOME%3D/x env=PATH%3D/usr/"
        )
    );
    assert_eq!(words.matches("env=HOME").count(), 1);
    assert!(
        qemu.contains("-machine q35,sata=off,max-ram-below-4g=960M")
            && qemu.contains("-m 1024M")
            && qemu.contains("-smp 2")
    );
    assert!(!words.contains("tsc_hz") && !qemu.contains("-icount"));

    let run = Run::of(postern(&["--icount"]).args(["--", "words"]));
    let text = String::from_utf8(run.stdout).unwrap();
    assert!(text.contains("tsc_hz=1000000000") && text.contains("-icount shift=0,sleep=off"), "{text}");
}

#[test]
fn a_hang_ends_with_124() {
    let run = Run::of(postern(&["--timeout", "0.3"]).args(["--", "hang"]));
    assert_eq!(run.status, 124);
    assert_eq!(run.stderr, "postern: the time limit of 0.3 s ran out, and the guest was killed\n");
    let run = Run::of(postern(&["--timeout", "0.3"]).args(["--", "never-ready"]));
    assert_eq!(run.status, 124);
}

#[test]
fn failures_end_with_125_and_say_why() {
    for (program, reason) in [
        (
            "panic",
            "postern: the kernel panicked: assertion failed at mm.rs:12\nThe kernel's log ends with:\n  kernel: started",
        ),
        ("fail", "postern: the boot failed: no such option: oops=1\n"),
        ("late-panic", "postern: the kernel panicked: too late\n"),
        ("mute", "the kernel stopped the machine without saying a status, while the program ran"),
        ("reset", "the machine reset itself, as after a triple fault, while the program ran"),
        ("abort", "QEMU was ended by signal 6, while the program ran"),
        ("nonsense", "before that the guest said \"hello there\" on the control channel"),
    ] {
        let run = Run::of(postern(&["--timeout", "60"]).args(["--", program]));
        assert_eq!(run.status, 125, "{program}: {}", run.stderr);
        assert!(run.stderr.contains(reason), "{program}: {}", run.stderr);
    }
}

#[test]
fn a_guest_that_lingers_after_its_last_word_is_ended() {
    let run = Run::of(postern(&["--timeout", "60"]).args(["--", "linger"]));
    assert_eq!(run.status, 7);
}

#[test]
fn the_log_is_shown_when_asked() {
    let run = Run::of(postern(&["--verbose"]).args(["--", "exit", "0"]));
    assert!(run.stderr.starts_with("kernel: started with scml.profile=postern"), "{}", run.stderr);
    assert!(run.stderr.contains("reached user mode after 0.210 s"), "{}", run.stderr);
}

#[test]
fn a_qemu_that_refuses_is_quoted() {
    let run =
        Run::of(postern(&[]).env("FAKE_QEMU_REFUSES", "qemu: no such machine").args(["--", "exit", "0"]));
    assert_eq!(run.status, 125);
    assert!(
        run.stderr.contains("ended before the guest started") && run.stderr.contains("qemu: no such machine")
    );
}

#[test]
fn what_cannot_be_is_said_before_booting() {
    let cases: [(&[&str], &str); 12] = [
        (&["--", "absent"], "the image has no such program in /usr/local/sbin:"),
        (&["--", "/bin/absent"], "there is no /usr/bin/absent in the image"),
        (&["--", "/etc/passwd"], "/etc/passwd may not be executed"),
        (&["--", "/tmp"], "/tmp is a directory"),
        (&["--root", "/nonexistent", "--", "cat"], "cannot use /nonexistent as a root: No such file"),
        (&["--kernel", "/nonexistent", "--", "cat"], "there is no kernel at /nonexistent"),
        (&["--profile", "linux", "--", "cat"], "[possible values: postern, asterinas]"),
        (&["--mode", "lax", "--", "cat"], "[possible values: enforce, audit, off]"),
        (&["--memory", "12", "--", "cat"], "it needs a unit, as in 512M or 4G"),
        (&["--smp", "0", "--", "cat"], "it must be a number from 1"),
        (&["--icount", "--smp", "2", "--", "cat"], "counted mode has one CPU"),
        (&["--append", "a=b -- c", "--", "cat"], "`--` begins the program's"),
    ];
    for (arguments, reason) in cases {
        let run = Run::of(&mut postern(arguments));
        assert_eq!(run.status, 125, "{arguments:?}: {}", run.stderr);
        assert!(run.stderr.contains(reason), "{arguments:?}: {}", run.stderr);
    }
    let run = Run::of(postern(&["--smp", "2"]).env("FAKE_QEMU_VERSION", "7.2.22").args(["--", "cat"]));
    assert!(run.stderr.contains("2 CPUs need QEMU 9 or later") && run.status == 125, "{}", run.stderr);
    let run = Run::of(postern(&[]).env("POSTERN_QEMU", "/nonexistent/qemu").args(["--", "cat"]));
    assert!(run.stderr.contains("$POSTERN_QEMU names no usable QEMU") && run.status == 125, "{}", run.stderr);
}

fn put(root: &Path, path: &str, text: &str, mode: u32) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn roots_are_merged() {
    let (first, second) = (folder(), folder());
    put(first.path(), "bin/one", "1", 0o4755);
    put(first.path(), "etc/passwd", "mine", 0o600);
    put(first.path(), "opt/a/both", "first", 0o644);
    put(first.path(), "opt/a/kept", "kept", 0o644);
    put(first.path(), "opt/ä ö/ü", "", 0o644);
    fs::hard_link(first.path().join("bin/one"), first.path().join("opt/linked")).unwrap();
    symlink("a", first.path().join("opt/link")).unwrap();
    symlink("/nonexistent", first.path().join("opt/dangling")).unwrap();
    fs::set_permissions(first.path().join("opt/a"), fs::Permissions::from_mode(0o2750)).unwrap();
    put(second.path(), "opt/link/both", "second", 0o644);
    put(second.path(), "opt/dangling/file", "x", 0o644);
    put(second.path(), "lib64/ld.so", "ld", 0o755);
    let _socket = std::os::unix::net::UnixListener::bind(second.path().join("socket")).unwrap();

    let mut command = postern(&[]);
    command.arg("--root").arg(first.path()).arg("--root").arg(second.path()).args(["--", "list"]);
    let run = Run::of(&mut command);
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert!(
        run.stderr.contains("socket is left out: a socket is nothing without its listener"),
        "{}",
        run.stderr
    );
    let listing = String::from_utf8(run.stdout).unwrap();
    for line in [
        "100755 0:0 1 2 /usr/lib64/ld.so ld",
        "104755 0:0 2 0 /opt/linked ",
        "104755 0:0 2 1 /usr/bin/one 1",
        "100600 0:0 1 4 /etc/passwd mine",
        "100644 0:0 1 6 /opt/a/both second",
        "100644 0:0 1 4 /opt/a/kept kept",
        "100644 0:0 1 0 /opt/ä ö/ü ",
        "042750 0:0 2 0 /opt/a ",
        "120777 0:0 1 1 /opt/link a",
        "040755 0:0 2 0 /opt/dangling ",
        "100644 0:0 1 1 /opt/dangling/file x",
        "120777 0:0 1 7 /bin usr/bin",
        "041777 0:0 2 0 /tmp ",
    ] {
        assert!(listing.lines().any(|got| got == line), "no {line:?} in\n{listing}");
    }
}

#[test]
fn roots_that_cannot_be_are_refused() {
    let (first, second) = (folder(), folder());
    put(first.path(), "opt/a/file", "", 0o644);
    put(second.path(), "opt/a", "", 0o644);
    let mut command = postern(&[]);
    command.arg("--root").arg(first.path()).arg("--root").arg(second.path()).args(["--", "list"]);
    let run = Run::of(&mut command);
    assert!(
        run.status == 125 && run.stderr.contains("a is a directory with files in it already"),
        "{}",
        run.stderr
    );

    let sparse = folder();
    fs::File::create(sparse.path().join("huge")).unwrap().set_len(5 << 30).unwrap();
    let run = Run::of(postern(&[]).arg("--root").arg(sparse.path()).args(["--", "list"]));
    assert!(run.status == 125 && run.stderr.contains("the archive's format ends at 4 GiB"), "{}", run.stderr);

    let large = folder();
    fs::File::create(large.path().join("large")).unwrap().set_len(1 << 30).unwrap();
    let run = Run::of(postern(&["--memory", "1G"]).arg("--root").arg(large.path()).args(["--", "list"]));
    assert!(
        run.status == 125 && run.stderr.contains("with 1G of memory the machine loads at most"),
        "{}",
        run.stderr
    );
}

#[test]
fn bytes_pass_as_they_come() {
    let mut command = postern(&["--timeout", "60"]);
    let mut child = command
        .args(["--", "cat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    for line in ["one\n", "two\n"] {
        stdin.write_all(line.as_bytes()).unwrap();
        let mut echo = [0; 4];
        stdout.read_exact(&mut echo).unwrap();
        assert_eq!(echo, line.as_bytes());
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_reader_that_leaves_ends_the_run() {
    let mut child = postern(&["--timeout", "60"])
        .args(["--", "spam", "3000000"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(141));
}
