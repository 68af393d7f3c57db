//! One run, from the program's start to the end of the last of its processes.

use std::{
    ffi::OsString,
    hash::{BuildHasher, Hasher, RandomState},
    io,
    os::{fd::OwnedFd, unix::process::ExitStatusExt},
    process::{Child, ExitStatus},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use anyhow::{Context, Result, anyhow, bail};
use net_stack::{Stack, random::Secret};
use rustix::{
    event::{PollFd, PollFlags, poll},
    fs::{OFlags, open},
    pipe::{PipeFlags, pipe_with},
    process::{Pid, PidfdFlags, Resource, Rlimit, Signal, getrlimit, kill_process, pidfd_open, setrlimit},
};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM},
    iterator::Signals,
};
use socket::{
    policy::{Count, Mode, Policy, Profile},
    world::{Limits, World},
};

use super::{report::Report, start, start::Announcement, supervisor::Supervisor, sys, system::System};

/// What is to be run, and how.
pub struct Request {
    /// The program, found as the shell finds it, and its arguments.
    pub words: Vec<OsString>,
    /// What the system supports.
    pub profile: Profile,
    /// What comes of calls that the profile does not declare.
    pub mode: Mode,
    /// Where those are told of.
    pub report: Report,
}

/// How a run ended.
#[derive(Debug)]
pub enum Ending {
    /// With the program.
    Ended(ExitStatus),
    /// The program could not be started.
    NotStarted(io::Error),
}

impl Ending {
    /// The exit status for a shell.
    #[must_use]
    pub fn status(&self) -> u8 {
        let status = match self {
            Self::Ended(status) => status.code().or_else(|| status.signal().map(|signal| 128 + signal)),
            Self::NotStarted(error) if error.kind() == io::ErrorKind::NotFound => Some(127),
            Self::NotStarted(_) => Some(126),
        };
        status.and_then(|status| u8::try_from(status).ok()).unwrap_or(125)
    }
}

/// Runs a program, and returns when it and all its descendants have ended. Signals for this process are the program's.
///
/// # Errors
/// What keeps the emulator from working: the kernel is too old or has no seccomp, another supervisor serves already.
pub fn run(request: Request) -> Result<Ending> {
    check_kernel()?;
    let Request { words, profile, mode, report } = request;
    let (mut command, announcement) = start::prepare(&words)?;
    let (stop, stopper) = pipe_with(PipeFlags::CLOEXEC)?;
    // Its other end is closed when the supervisor ends in whatever way.
    let (served, serving) = pipe_with(PipeFlags::CLOEXEC)?;
    let supervisor = thread::Builder::new().name("supervisor".to_owned()).spawn(move || {
        let result = supervise(announcement, profile, mode, report, &stop);
        drop(serving);
        result
    })?;
    let ended = Arc::new(AtomicBool::new(false));
    // Before there is a program: one that was heard of can be sent a signal.
    let signals = Signals::new([SIGINT, SIGQUIT, SIGTERM, SIGHUP]).context("cannot take signals")?;
    let child = command.spawn();
    // Where there is no child, nobody will announce anything.
    drop(command);
    let ending = match child {
        Ok(child) => {
            pass_on_signals(signals, child.id(), Arc::clone(&ended), stopper);
            let status = wait(child, &served)?;
            ended.store(true, Ordering::SeqCst);
            Ok(status)
        }
        Err(error) => Err(error),
    };
    let supervised = supervisor.join().map_err(|_| anyhow!("the supervisor panicked"))??;
    match ending {
        Ok(status) => Ok(Ending::Ended(status)),
        Err(error) if supervised => Ok(Ending::NotStarted(error)),
        Err(error) => Err(not_filtered(error)),
    }
}

/// Serves a program that is being started; whether there was anything to serve.
fn supervise(
    announcement: Announcement,
    profile: Profile,
    mode: Mode,
    report: Report,
    stop: &OwnedFd,
) -> Result<bool> {
    let Some(listener) = announcement.listener()? else { return Ok(false) };
    // Each emulated socket takes a descriptor here. The program was given the limit as it was.
    let limit = getrlimit(Resource::Nofile);
    let most =
        Rlimit { current: Some(DESCRIPTORS), maximum: Some(DESCRIPTORS.max(limit.maximum.unwrap_or(0))) };
    if setrlimit(Resource::Nofile, most).is_err() {
        // Only with privileges it can be raised beyond what was allowed.
        setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })?;
    }
    if !listener.keep_together() {
        report.line("before Linux 6.6 calls take many times as long");
    }
    let policy = Policy::new(profile.tables(), mode, Count::Rule, 1);
    let network = Stack::new(secret());
    let system = System::new(World::new(policy, Limits::default(), network), report)?;
    let result = Supervisor::new(listener, system.clone()).serve(stop);
    system.report.summary(profile.name(), mode, system.world.policy.denials());
    result.context("the kernel's notifications have failed")?;
    Ok(true)
}

/// What the network's choices follow from: the seeds that every hash table of the standard library has.
fn secret() -> Secret {
    let word = || RandomState::new().build_hasher().finish();
    Secret::new([word(), word()])
}

/// Waits for the program; it does not outlive its supervisor.
fn wait(mut child: Child, served: &OwnedFd) -> Result<ExitStatus> {
    let pid = Pid::from_child(&child);
    let handle = pidfd_open(pid, PidfdFlags::empty())?;
    loop {
        // The program is not waited for before it has ended: a stop that the supervisor has caused must stay its own.
        let mut events = [PollFd::new(&handle, PollFlags::IN), PollFd::new(served, PollFlags::IN)];
        match poll(&mut events, None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        if !events[0].revents().is_empty() {
            return Ok(child.wait()?);
        }
        if !events[1].revents().is_empty() {
            child.kill()?;
            return Ok(child.wait()?);
        }
    }
}

/// Has the program get the signals that this process gets, but for those that the terminal sends to both. Once the program has
/// ended, they end what it has left behind.
fn pass_on_signals(mut signals: Signals, program: u32, ended: Arc<AtomicBool>, stopper: OwnedFd) {
    thread::spawn(move || {
        for number in signals.forever() {
            let from_terminal = matches!(number, SIGINT | SIGQUIT) && is_in_foreground();
            if ended.load(Ordering::SeqCst) {
                // The supervisor may have ended, too.
                let _ = rustix::io::write(&stopper, &[0]);
            } else if !from_terminal
                && let Some(signal) = Signal::from_named_raw(number)
                && let Some(program) = Pid::from_raw(program as i32)
            {
                // It may end this moment.
                let _ = kill_process(program, signal);
            }
        }
    });
}

/// Whether this process belongs to those that the terminal's keys send signals to.
fn is_in_foreground() -> bool {
    let terminal =
        open("/dev/tty", OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY, rustix::fs::Mode::empty());
    terminal.and_then(rustix::termios::tcgetpgrp).is_ok_and(|group| group == rustix::process::getpgrp())
}

/// How many descriptors the supervisor wants to have at most: what Linux allows a process, unless told otherwise
/// (`/proc/sys/fs/nr_open`).
const DESCRIPTORS: u64 = 1 << 20;

/// The oldest kernel that lets no result get lost to a signal (SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV).
const OLDEST: (u32, u32) = (5, 19);

fn check_kernel() -> Result<()> {
    let name = rustix::system::uname();
    let release = name.release().to_string_lossy();
    if parse_release(&release).is_some_and(|version| version < OLDEST) {
        bail!("Linux {}.{} or later is needed, and this is {release}", OLDEST.0, OLDEST.1);
    }
    sys::has_notifications().context("this kernel has no seccomp user notification")
}

fn parse_release(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// Why a child ended before it had a filter.
fn not_filtered(error: io::Error) -> anyhow::Error {
    let why = match error.raw_os_error() {
        Some(libc::EBUSY) => ": it has a supervisor already, and `postern run` cannot run in itself",
        Some(libc::EINVAL) => ": the kernel does not know the flags that are needed (Linux 5.19)",
        _ => "",
    };
    anyhow::Error::new(error).context(format!("the program cannot be started under a seccomp filter{why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_compared_as_numbers() {
        assert_eq!(parse_release("6.18.44-fc-v669"), Some((6, 18)));
        assert_eq!(parse_release("5.9-rc1"), Some((5, 9)));
        assert!(parse_release("5.9").unwrap() < OLDEST && parse_release("5.19.0").unwrap() >= OLDEST);
        assert_eq!(parse_release("unknown"), None);
    }
}
