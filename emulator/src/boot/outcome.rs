//! How a run ended.

use std::{fmt, path::PathBuf, time::Duration};

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// How it ended.
    pub ending: Ending,
    /// The guest's time at its first user instruction, if it came so far.
    pub ready: Option<Duration>,
    /// The host's time from QEMU's start to its end.
    pub elapsed: Duration,
    /// The last lines of the kernel's log.
    pub log_tail: Vec<String>,
    /// All of the kernel's log.
    pub log: Option<PathBuf>,
    /// What QEMU itself said.
    pub qemu_said: String,
}

/// The ways in which a run ends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ending {
    /// The program ended; 128+N for signal N.
    Exited(u8),
    /// The time limit ran out, and the guest was killed.
    TimedOut(Duration),
    /// User mode was not reached in the time that a boot is given.
    BootTimedOut(Duration),
    /// The kernel panicked.
    Panicked(String),
    /// The kernel refused to boot: its command line, its image or the program is bad.
    BootFailed(String),
    /// QEMU ended before the guest said a status: it could not start, was killed, or the machine reset itself.
    Died(String),
    /// This program was told to stop, by this signal.
    Interrupted(u8),
    /// Nobody reads the program's output any more.
    OutputClosed(String),
}

impl Ending {
    /// The exit status that stands for it: the program's own, 124 for the time limit, 125 for a guest that failed,
    /// 128+N after signal N.
    pub fn status(&self) -> u8 {
        match self {
            Self::Exited(status) => *status,
            Self::TimedOut(_) => 124,
            Self::BootTimedOut(_) | Self::Panicked(_) | Self::BootFailed(_) | Self::Died(_) => 125,
            Self::Interrupted(signal) => 128 + signal,
            // As a program that SIGPIPE (13) ended.
            Self::OutputClosed(_) => 128 + 13,
        }
    }

    /// Whether the kernel's log and QEMU's words tell why.
    pub fn is_failure_of_the_guest(&self) -> bool {
        match self {
            Self::BootTimedOut(_) | Self::Panicked(_) | Self::BootFailed(_) | Self::Died(_) => true,
            Self::Exited(_) | Self::TimedOut(_) | Self::Interrupted(_) | Self::OutputClosed(_) => false,
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(status) => write!(f, "the program ended with status {status}"),
            Self::TimedOut(limit) => {
                write!(f, "the time limit of {} s ran out, and the guest was killed", limit.as_secs_f64())
            }
            Self::BootTimedOut(limit) => {
                write!(
                    f,
                    "the guest did not reach user mode within {} s, and was killed",
                    limit.as_secs_f64()
                )
            }
            Self::Panicked(message) => write!(f, "the kernel panicked: {message}"),
            Self::BootFailed(message) => write!(f, "the boot failed: {message}"),
            Self::Died(message) => f.write_str(message),
            Self::Interrupted(signal) => write!(f, "signal {signal} came, and the guest was killed"),
            Self::OutputClosed(message) => write!(f, "the program's output cannot be written: {message}"),
        }
    }
}

impl fmt::Display for Outcome {
    /// The ending and, where the guest is to blame, what its log and QEMU said last.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.ending)?;
        if !self.ending.is_failure_of_the_guest() {
            return Ok(());
        }
        for line in self.qemu_said.lines() {
            write!(f, "\n  qemu: {line}")?;
        }
        if !self.log_tail.is_empty() {
            write!(f, "\nThe kernel's log ends with:")?;
            for line in &self.log_tail {
                write!(f, "\n  {line}")?;
            }
        }
        if let Some(path) = &self.log {
            write!(f, "\nAll of it is in {}", path.display())?;
        }
        Ok(())
    }
}
