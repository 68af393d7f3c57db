//! Stopping `postern boot` from outside: QEMU never outlives it, and nothing stays in the temporary folder.

mod common;

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use common::{folder, postern};
use rustix::process::{Pid, Signal, kill_process};

/// A run that hangs, once the guest has begun.
fn hanging(temporary: &Path) -> Child {
    let mut command: Command = postern(&["--timeout", "60", "--verbose"]);
    command.env("TMPDIR", temporary).args(["--", "hang"]);
    let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stderr.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("kernel: started"), "{line}");
    child
}

/// The fake QEMU of a run, known by the folder that it runs in.
fn qemu_of(temporary: &Path) -> Pid {
    let run = fs::read_dir(temporary).unwrap().next().unwrap().unwrap().path();
    fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter(|process| fs::read_link(process.path().join("cwd")).is_ok_and(|folder| folder == run))
        .find_map(|process| Pid::from_raw(process.file_name().to_str()?.parse().ok()?))
        .expect("QEMU runs")
}

fn is_gone(pid: Pid) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero())).unwrap_or_default();
    status.is_empty() || status.contains("State:\tZ")
}

/// Waits until `pid` has ended; the kernel does that on its own time.
fn assert_ends(pid: Pid) {
    let patience = Instant::now() + Duration::from_secs(10);
    while !is_gone(pid) {
        assert!(Instant::now() < patience, "QEMU outlives postern");
        std::thread::yield_now();
    }
}

#[test]
fn signals_end_the_guest_and_clean_up() {
    for (signal, status) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        let temporary = folder();
        let mut child = hanging(temporary.path());
        let qemu = qemu_of(temporary.path());
        kill_process(Pid::from_child(&child), signal).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(status));
        assert!(is_gone(qemu), "QEMU outlives postern");
        assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 0, "files stay behind");
    }
}

#[test]
fn qemu_dies_with_a_postern_that_is_killed() {
    let temporary = folder();
    let mut child = hanging(temporary.path());
    let qemu = qemu_of(temporary.path());
    child.kill().unwrap();
    child.wait().unwrap();
    assert_ends(qemu);
}
