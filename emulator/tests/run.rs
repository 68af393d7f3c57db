//! `postern run`: what it does besides the calls themselves, for which there is the guest suite.

mod common;

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use common::{Run, folder};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_postern"))
}

/// The program that talks over sockets.
fn talk() -> PathBuf {
    program().parent().unwrap().join("examples/talk")
}

/// `postern run OPTIONS -- WORDS`
fn postern(options: &[&str], words: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.arg("run").args(options).arg("--").args(words);
    command
}

/// `postern run OPTIONS -- talk WORDS`
fn talking(options: &[&str], words: &[&str]) -> Command {
    let mut command = postern(options, &[talk().to_str().unwrap()]);
    command.args(words);
    command
}

#[test]
fn programs_talk_and_their_status_is_that_of_the_command() {
    let here = folder();
    let run = Run::of(talking(&[], &["pair", "serve"]).current_dir(&here));
    assert_eq!(String::from_utf8_lossy(&run.stdout), "pair: through\nserve: answer to question\n");
    assert_eq!((run.status, &run.stderr[..]), (0, ""));
    assert_eq!(fs::read_dir(&here).unwrap().count(), 0);
    for (script, status) in [("exit 3", 3), ("kill -TERM $$", 143), ("kill -KILL $$", 137)] {
        assert_eq!(Run::of(&mut postern(&[], &["sh", "-c", script])).status, status, "{script}");
    }
}

#[test]
fn streams_are_the_programs() {
    let run = Run::with_input(&mut postern(&[], &["sh", "-c", "cat; echo said >&2"]), b"text\0\xff");
    assert_eq!((run.status, &run.stdout[..], &run.stderr[..]), (0, &b"text\0\xff"[..], "said\n"));
}

#[test]
fn what_cannot_run_says_so() {
    let run = Run::of(&mut postern(&[], &["/no/such/program"]));
    assert_eq!(run.status, 127);
    assert!(run.stderr.starts_with("postern: cannot run /no/such/program: No such file"), "{}", run.stderr);
    let run = Run::of(&mut postern(&[], &["/"]));
    assert_eq!(run.status, 126);
    assert!(run.stderr.contains("Permission denied"), "{}", run.stderr);
    let run = Run::of(&mut postern(&[], &[]));
    assert_eq!(run.status, 125);
    let run = Run::of(&mut postern(&["--profile", "none"], &["true"]));
    assert_eq!(run.status, 125);
    let run = Run::of(&mut postern(&["--log", "/no/such/folder/file"], &["true"]));
    assert_eq!(run.status, 125);
    assert!(run.stderr.contains("cannot write /no/such/folder/file"), "{}", run.stderr);
}

#[test]
fn it_does_not_run_in_itself() {
    let run = Run::of(&mut postern(&[], &[program().to_str().unwrap(), "run", "--", "true"]));
    assert_eq!(run.status, 125);
    assert!(run.stderr.contains("cannot be started under a seccomp filter"), "{}", run.stderr);
}

#[test]
fn streams_over_tcp_are_served() {
    let run = Run::of(&mut talking(&[], &["tcp"]));
    assert_eq!((String::from_utf8_lossy(&run.stdout).as_ref(), run.status), ("tcp: answer to question\n", 0));
}

#[test]
fn denials_are_explained_and_summed_up() {
    let run = Run::of(&mut talking(&[], &["bluetooth", "bluetooth"]));
    let refused = "bluetooth: Address family not supported by protocol (os error 97)\n";
    assert_eq!(String::from_utf8_lossy(&run.stdout), refused.repeat(2));
    let [denial, summary] = run.stderr.lines().collect::<Vec<_>>()[..] else { panic!("{}", run.stderr) };
    assert!(denial.starts_with("postern: scml: denied socket(AF_BLUETOOTH, "), "{denial}");
    assert!(denial.contains("scml/profiles/postern/"), "{denial}");
    assert_eq!(summary, "postern: profile postern: 2 calls were denied (1 cause, above)");

    let here = folder();
    let log = here.path().join("log");
    let run = Run::of(&mut talking(&["--mode", "audit", "--log", log.to_str().unwrap()], &["bluetooth"]));
    assert_eq!((String::from_utf8_lossy(&run.stdout).as_ref(), &run.stderr[..]), (refused, ""));
    let log = fs::read_to_string(log).unwrap();
    assert!(log.starts_with("postern: scml: audit socket(AF_BLUETOOTH, "), "{log}");
    assert!(log.ends_with("1 call was not declared, and performed (1 cause, above)\n"), "{log}");

    let run = Run::of(&mut talking(&["--mode", "off"], &["bluetooth"]));
    assert_eq!((String::from_utf8_lossy(&run.stdout).as_ref(), &run.stderr[..]), (refused, ""));
}

/// A program that waits for what does not come, and its number.
struct Waiting {
    postern: Child,
    output: BufReader<ChildStdout>,
    number: Pid,
}

impl Waiting {
    fn start(words: &[&str]) -> Self {
        let mut command = talking(&[], words);
        // In a group of its own, so that no terminal sends it anything.
        let mut postern = {
            use std::os::unix::process::CommandExt;
            command.stdin(Stdio::null()).stdout(Stdio::piped()).process_group(0).spawn().unwrap()
        };
        let mut output = BufReader::new(postern.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let number = line.trim().strip_prefix("waits ").and_then(|number| number.parse().ok());
        Self { postern, output, number: number.and_then(Pid::from_raw).expect(&line) }
    }

    /// Reads on until everybody has closed the output: they have ended.
    fn rest(&mut self) -> String {
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).unwrap();
        rest
    }
}

/// Waits until it has ended; the kernel does that on its own time.
fn assert_ends(number: Pid) {
    let patience = Instant::now() + Duration::from_secs(10);
    let status = |number: Pid| fs::read_to_string(format!("/proc/{}/status", number.as_raw_nonzero()));
    while test_kill_process(number).is_ok() && !status(number).unwrap_or_default().contains("State:\tZ") {
        assert!(Instant::now() < patience, "the program outlives its supervisor");
        std::thread::yield_now();
    }
}

/// Only root can try what others may do; who is not has done so with all other tests.
#[test]
fn it_needs_no_privileges() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    const NOBODY: u32 = 65534;
    // Where these programs lie may not be everybody's to see.
    let here = folder();
    let open = |path: &Path| {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
    };
    open(here.path());
    let copy = |from: &Path, name: &str| {
        let to = here.path().join(name);
        fs::copy(from, &to).unwrap();
        open(&to);
        to
    };
    let (own, talk) = (copy(program(), "postern"), copy(&talk(), "talk"));
    let mut command = Command::new(own);
    command.args(["run", "--"]).arg(talk).args(["pair", "serve"]).current_dir(&here);
    let run = {
        use std::os::unix::process::CommandExt;
        Run::of(command.uid(NOBODY).gid(NOBODY))
    };
    assert_eq!(String::from_utf8_lossy(&run.stdout), "pair: through\nserve: answer to question\n");
    assert_eq!((run.status, &run.stderr[..]), (0, ""));
}

#[test]
fn signals_go_to_the_program() {
    for (signal, status) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        let mut waiting = Waiting::start(&["wait"]);
        kill_process(Pid::from_child(&waiting.postern), signal).unwrap();
        assert_eq!(waiting.postern.wait().unwrap().code(), Some(status));
        assert_eq!(waiting.rest(), "");
    }
}

#[test]
fn without_its_supervisor_the_program_ends() {
    let mut waiting = Waiting::start(&["wait"]);
    waiting.postern.kill().unwrap();
    waiting.postern.wait().unwrap();
    waiting.rest();
    assert_ends(waiting.number);
}

#[test]
fn without_its_supervisor_the_programs_children_have_no_calls() {
    let mut waiting = Waiting::start(&["orphan"]);
    waiting.postern.kill().unwrap();
    waiting.postern.wait().unwrap();
    // It cannot even say so: write(2) is one of the calls.
    waiting.rest();
    assert_ends(waiting.number);
}

#[test]
fn what_the_program_leaves_behind_is_served_until_a_signal_comes() {
    let mut waiting = Waiting::start(&["orphan"]);
    assert!(waiting.postern.try_wait().unwrap().is_none());
    let own = Pid::from_child(&waiting.postern);
    // The program may not have ended yet: then the signal is for it alone.
    let patience = Instant::now() + Duration::from_secs(10);
    while waiting.postern.try_wait().unwrap().is_none() {
        assert!(Instant::now() < patience, "postern does not end");
        let _ = kill_process(own, Signal::INT);
        std::thread::sleep(Duration::from_millis(20));
    }
    waiting.rest();
    assert_ends(waiting.number);
}
