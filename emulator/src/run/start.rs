//! Starting the program under its filter.

use std::{
    ffi::OsString,
    io,
    os::{
        fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
        unix::process::CommandExt,
    },
    process::Command,
    thread,
    time::Duration,
};

use anyhow::{Context, Result};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::{fcntl_dupfd_cloexec, read, write},
    pipe::{PipeFlags, pipe_with},
    process::{Pid, PidfdFlags, PidfdGetfdFlags, Signal, getpid, getppid, pidfd_getfd, pidfd_open},
};

use super::{filter, listener::Listener, sys};

/// Where the child says who it is, and which number its listener will have.
pub(super) struct Announcement(OwnedFd);

/// The program's command, which installs the filter when it is spawned, and the place where that is announced.
///
/// Spawning does not return before a supervisor serves: that of another thread.
///
/// # Errors
/// No words, no descriptors.
#[expect(unsafe_code, reason = "CommandExt::pre_exec has no safe counterpart")]
pub(super) fn prepare(words: &[OsString]) -> Result<(Command, Announcement)> {
    let (program, arguments) = words.split_first().context("no program is named")?;
    let mut command = Command::new(program);
    command.args(arguments);
    let (announced, announce) = pipe_with(PipeFlags::CLOEXEC)?;
    let filter = filter::build();
    let parent = getpid();
    let prepare = move || install(&filter, announce.as_fd(), parent);
    // SAFETY: between fork and exec only async-signal-safe functions may run; `install` makes bare system calls with memory
    // that was allocated before, and neither allocates nor locks.
    unsafe { command.pre_exec(prepare) };
    Ok((command, Announcement(announced)))
}

/// In the child: announces the listener, installs the filter, and waits until the supervisor has it.
fn install(filter: &[libc::sock_filter], announce: BorrowedFd<'_>, parent: Pid) -> io::Result<()> {
    // The program is not to outlive the one who serves it.
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    if getppid() != Some(parent) {
        return Err(io::ErrorKind::NotFound.into());
    }
    // The listener takes the lowest number that is free, as this copy does for a moment.
    let number = fcntl_dupfd_cloexec(announce, 0)?.as_raw_fd();
    let mut message = [0; 8];
    message[..4].copy_from_slice(&getpid().as_raw_nonzero().get().to_ne_bytes());
    message[4..].copy_from_slice(&number.to_ne_bytes());
    write(announce, &message)?;
    if let Err(error) = sys::install_filter(filter) {
        if error.raw_os_error() != Some(libc::EACCES) {
            return Err(error);
        }
        // Without privileges, only who gives up to gain any may filter.
        rustix::thread::set_no_new_privs(true)?;
        sys::install_filter(filter)?;
    }
    // The first call that the supervisor is told of. It fails, once there is somebody to let it pass.
    let _ = read(announce, &mut [0; 1]);
    Ok(())
}

impl Announcement {
    /// Waits for the child, and takes its listener; `None` where it has ended before there was one: what spawning it fails with
    /// says why.
    ///
    /// # Errors
    /// Where the listener may not be had.
    pub(super) fn listener(self) -> Result<Option<Listener>> {
        let mut message = [0; 8];
        // So little is written in one piece. Nothing comes where the child could not be made, or has ended at once.
        if read(&self.0, &mut message)? < message.len() {
            return Ok(None);
        }
        let (child, number) = message.split_at(4);
        let int = |bytes: &[u8]| bytes.try_into().map_or(0, i32::from_ne_bytes);
        let Some(child) = Pid::from_raw(int(child)) else { return Ok(None) };
        // A child that has ended and is gone had nothing to take.
        let Ok(handle) = pidfd_open(child, PidfdFlags::empty()) else { return Ok(None) };
        loop {
            match pidfd_getfd(&handle, int(number), PidfdGetfdFlags::empty()) {
                Ok(fd) if sys::is_listener(fd.as_fd()) => return Ok(Some(Listener::new(fd))),
                Ok(_) | Err(rustix::io::Errno::BADF) => {}
                Err(rustix::io::Errno::SRCH) => return Ok(None),
                Err(error) => return Err(error).context("cannot take the filter's listener (pidfd_getfd)"),
            }
            // It is a matter of microseconds; nothing announces it, for the child's calls go through the filter then.
            let mut ended = [PollFd::new(&handle, PollFlags::IN)];
            if poll(&mut ended, Some(&Timespec::default()))? > 0 {
                return Ok(None);
            }
            thread::sleep(Duration::from_micros(50));
        }
    }
}
