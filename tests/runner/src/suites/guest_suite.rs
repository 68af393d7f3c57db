//! The guest suite: one program, on the host's Linux and in the guest.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    io::{BufRead, Read},
    path::Path,
    process::{Child, Command},
    sync::{Arc, Mutex, PoisonError, mpsc::channel},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use emulator::boot::Ending;

use super::Run;
use crate::{
    case::{Case, Outcome},
    guest::{self, Setup},
    lines::Cases,
    namespaces, process,
};

/// On the host, where all tests must pass.
pub(super) fn host(run: &Run<'_>, suite: &'static str) -> Result<()> {
    let tests = arguments(run, false);
    let run_it = || namespaces::spawn(&run.context.guest, &tests);
    on_host(run, suite, &run.context.guest, &tests, run_it, |case| case)
}

/// On the host, the socket calls served by the layer.
pub(super) fn emulated(run: &Run<'_>, suite: &'static str) -> Result<()> {
    let (postern, guest) = (run.context.postern.as_os_str(), run.context.guest.as_os_str());
    let tests = arguments(run, false);
    let script_words = [postern, guest].into_iter().chain(tests.iter().map(OsStr::new));
    let guest = guest.to_string_lossy();
    let words: Vec<_> =
        ["run", "--log", "/dev/null", "--", &guest].into_iter().chain(tests.clone()).collect();
    let run_it = || namespaces::spawn_script(EMULATED, script_words);
    on_host(run, suite, &run.context.postern, &words, run_it, excuse)
}

/// As [`namespaces::spawn`] starts a program. The shell stays, for the first process inherits those of others.
const EMULATED: &str = r#"postern=$1; guest=$2; shift 2
exec 8<"$postern" 9<"$guest" || exit 126
mount -t tmpfs -o mode=1777,nosuid,nodev postern-tmp /tmp || exit 126
cat <&8 >/tmp/.postern && cat <&9 >/tmp/.guest && chmod 755 /tmp/.postern /tmp/.guest || exit 126
exec 8<&- 9<&-
ip link set lo up 2>/dev/null
cd /tmp && /tmp/.postern run --log /dev/null -- /tmp/.guest "$@" </dev/null; exit $?"#;

/// What cannot pass under the emulator by its nature, and why.
/// What stands for a socket in its program is one of the host, whose errors come with its end.
const NO_ERROR_ALONE: &str = "no error is shown to poll(2) without the end of the connection";

const NOT_EMULATED: &[(&str, &str)] = &[
    ("ready::listener_tells_of_connections", UNCONNECTED),
    ("ready::connected_socket_is_writable", UNCONNECTED),
    ("proc::unix_shows_all_sockets", HOST_TABLE),
    ("proc::unix_shows_names", HOST_TABLE),
    ("proc::unix_shows_records", HOST_TABLE),
    ("unix::max_dgram_qlen_bounds_new_sockets", HOST_SETTING),
    ("inet::udp_a_port_that_nobody_has", NO_ERROR_ALONE),
    ("inet::udp_errors_of_a_port_that_nobody_has_come_once", NO_ERROR_ALONE),
    ("inet::errors_are_shown_and_told", NO_ERROR_ALONE),
    ("inet::errors_are_one_after_the_other", NO_ERROR_ALONE),
    ("vsock::connections_show_their_state", HUNG_UP_IS_WRITABLE),
    ("netlink::diag_shows_numbers_of_inodes", HOST_NUMBERS),
    ("inet::linger_waits_for_what_was_sent", HOST_CLOSES),
    ("netlink::groups_that_are_too_loud_show_an_error", NO_ERROR_ALONE),
];
const HUNG_UP_IS_WRITABLE: &str = "no placeholder shows POLLHUP without POLLOUT";
const HOST_NUMBERS: &str = "/proc shows the placeholders' inodes";
const HOST_CLOSES: &str =
    "close(2) is the host's: it closes the placeholder, and does not wait for what is emulated";
const UNCONNECTED: &str = "epoll does not show that a socket was never connected: no placeholder does";
const HOST_SETTING: &str = "/proc/sys is the host's: it does not change what is emulated";
const HOST_TABLE: &str = "/proc/net is the host's: it shows the placeholders";

/// What does not pass there yet: the layer passes open files from program to program, the supervisor does not.
const NOT_PASSED_YET: &[&str] = &[
    "unix::rights_",
    "unix::flight_",
    "unix::pidfd_",
    "unix::credentials_",
    "unix::control_",
    "unix::records_",
];

/// A test that fails for a known reason is skipped; one that passes nevertheless has no excuse to be listed.
fn excuse(mut case: Case) -> Case {
    if matches!(case.outcome, Outcome::Failed { .. })
        && NOT_PASSED_YET.iter().any(|name| case.name.starts_with(name))
    {
        let reason = "open files are not passed between emulated programs yet".to_owned();
        case.outcome = Outcome::Skipped { reason };
    }
    if let Some((_, reason)) = NOT_EMULATED.iter().find(|(name, _)| *name == case.name) {
        case.outcome = match case.outcome {
            Outcome::Passed => Outcome::Failed {
                message: format!("it passes: it is no longer true that {reason}"),
                location: String::new(),
            },
            _ => Outcome::Skipped { reason: (*reason).to_owned() },
        };
    }
    case
}

/// What a program in namespaces is started as.
type Spawned = (Child, Box<dyn BufRead + Send>);

fn on_host(
    run: &Run<'_>,
    suite: &'static str,
    program: &Path,
    arguments: &[&str],
    in_namespaces: impl FnOnce() -> Result<Spawned>,
    judge: impl Fn(Case) -> Case,
) -> Result<()> {
    const LIMIT: Duration = Duration::from_secs(300);
    let mut missing = expected(run)?;
    run.sink.expect(missing.len());
    let (mut child, stdout) = match in_namespaces() {
        Ok(spawned) => spawned,
        Err(error) => {
            run.sink.say(&format!("{suite}: {error:#}; the tests run without namespaces"));
            let mut child = Command::new(program)
                .args(arguments)
                .stdin(std::process::Stdio::null())
                .stdout(std::process::Stdio::piped())
                .stderr(std::process::Stdio::piped())
                .spawn()
                .context("cannot run the guest program")?;
            let stdout: Box<dyn BufRead + Send> =
                Box::new(std::io::BufReader::new(child.stdout.take().expect("it is piped")));
            (child, stdout)
        }
    };
    let stderr = tail_of(child.stderr.take());
    let (sender, lines) = channel();
    thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));

    let deadline = Instant::now() + LIMIT;
    let mut cases = Cases::new(suite);
    while let Ok(line) = lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        if let Some(case) = cases.line(&line) {
            missing.remove(&case.name);
            run.sink.add(judge(case));
        }
    }
    let late = Instant::now() >= deadline;
    if late {
        child.kill()?;
    }
    let status = child.wait()?;
    let said = stderr.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let ending = if late { format!("killed after {} s", LIMIT.as_secs()) } else { status.to_string() };
    conclude(
        run,
        suite,
        &missing,
        status.success() || status.code() == Some(1),
        &format!("{ending}: {said}"),
    );
    Ok(())
}

/// In the guest, one instruction being one nanosecond.
pub(super) fn counted(run: &Run<'_>, suite: &'static str) -> Result<()> {
    in_guest(run, suite, &Setup::counted("guest-counted"))
}

/// In the guest, on two CPUs.
pub(super) fn smp(run: &Run<'_>, suite: &'static str) -> Result<()> {
    on_cpus(run, suite, 2)
}

/// In the guest, on four CPUs.
pub(super) fn smp_4(run: &Run<'_>, suite: &'static str) -> Result<()> {
    on_cpus(run, suite, 4)
}

fn on_cpus(run: &Run<'_>, suite: &'static str, cpus: u32) -> Result<()> {
    let version = run.context.qemu.version();
    if !version.has_x2apic() {
        run.sink.add(Case::skipped(
            suite,
            "all",
            format!("{cpus} CPUs need QEMU 9 or later, and this is {version}"),
        ));
        return Ok(());
    }
    in_guest(run, suite, &Setup::plain(cpus, suite))
}

fn in_guest(run: &Run<'_>, suite: &'static str, setup: &Setup) -> Result<()> {
    let mut missing = expected(run)?;
    run.sink.expect(missing.len());
    // The output is read on a thread that may outlast this call, and so cannot borrow the sink.
    let (sender, cases) = channel();
    let parser = Arc::new(Mutex::new(Cases::new(suite)));
    let by_line = Arc::clone(&parser);
    let (streams, captured) = guest::streams_by_line(move |line| {
        if let Some(case) = by_line.lock().unwrap_or_else(PoisonError::into_inner).line(line) {
            // The receiver is gone when the run has been given up.
            let _ = sender.send(case);
        }
    });
    let outcome = thread::scope(|scope| {
        let arguments = arguments(run, true);
        let guest = scope.spawn(move || guest::run(run.context, setup, &arguments, streams));
        for case in cases {
            missing.remove(&case.name);
            run.sink.add(case);
        }
        guest.join().expect("the run does not panic")
    })?;
    let foreign = parser.lock().unwrap_or_else(PoisonError::into_inner).foreign.clone();
    for line in foreign {
        run.sink.add(Case::failed(suite, "output", format!("a line that is no result: {line}")));
    }
    let finished = matches!(outcome.ending, Ending::Exited(0 | 1));
    let said = String::from_utf8_lossy(&captured.stderr()).trim().to_owned();
    conclude(run, suite, &missing, finished, &format!("{outcome}\n{said}"));
    Ok(())
}

fn arguments<'r>(run: &Run<'r>, in_guest: bool) -> Vec<&'r str> {
    let mut arguments = vec!["test"];
    if in_guest {
        // What a host may lack, the guest has.
        arguments.push("--never-skip");
    }
    arguments.extend(run.filter);
    arguments
}

/// The names of the tests that should run.
fn expected(run: &Run<'_>) -> Result<BTreeSet<String>> {
    let mut command = Command::new(&run.context.guest);
    command.args(["test", "--list"]).args(run.filter);
    let finished = process::run(&mut command, b"", Duration::from_secs(30))?;
    let names: BTreeSet<_> =
        String::from_utf8_lossy(&finished.stdout).lines().map(ToOwned::to_owned).collect();
    if names.is_empty() {
        bail!("the guest program names no tests ({})", finished.ending());
    }
    Ok(names)
}

/// Tests without a result are one failure, and so is a program that broke off.
fn conclude(run: &Run<'_>, suite: &str, missing: &BTreeSet<String>, finished: bool, ending: &str) {
    if let Some(first) = missing.first() {
        let message = format!("{} tests have no result, the first is {first}: {ending}", missing.len());
        run.sink.add(Case::new(suite, "run", Outcome::Failed { message, location: String::new() }));
    } else if !finished {
        run.sink.add(Case::failed(suite, "run", ending));
    }
}

/// The last of what a program says on standard error.
fn tail_of(stderr: Option<std::process::ChildStderr>) -> Arc<Mutex<String>> {
    let tail = Arc::new(Mutex::new(String::new()));
    if let Some(mut stderr) = stderr {
        let kept = Arc::clone(&tail);
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = stderr.read(&mut buffer) {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.push_str(&String::from_utf8_lossy(&buffer[..count]));
                let surplus = kept.floor_char_boundary(kept.len().saturating_sub(2000));
                kept.drain(..surplus);
            }
        });
    }
    tail
}
