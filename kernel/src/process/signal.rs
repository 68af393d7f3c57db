//! Signals, as far as programs need them to start: what was said about them is kept and given back.
//!
//! Nothing is delivered to a handler yet. A signal that is sent does what its default says, or nothing where it is
//! ignored; one that a handler waits for is refused to the sender (ENOSYS).

use linux_raw_sys::general::{
    SA_NOCLDWAIT, SIGCHLD, SIGCONT, SIGKILL, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG, SIGWINCH, SS_DISABLE,
};
use socket::error::{Errno, Error, Result};

use super::{ExitStatus, Process, Thread};

/// The default action.
const SIG_DFL: u64 = 0;
/// No action.
const SIG_IGN: u64 = 1;

/// One past the highest signal number.
pub(crate) const SIGNAL_END: u32 = 65;

/// struct sigaction as the kernel knows it: handler, flags, restorer, mask.
pub(crate) type Action = [u64; 4];

/// What each signal does.
#[derive(Clone)]
pub(crate) struct Actions([Action; SIGNAL_END as usize]);

impl Default for Actions {
    fn default() -> Self {
        Self([[0; 4]; SIGNAL_END as usize])
    }
}

impl Actions {
    /// Whether nobody waits for children (SIGCHLD is ignored, or SA_NOCLDWAIT set for it).
    pub(super) fn children_end_alone(&self) -> bool {
        let [handler, flags, ..] = self.0[SIGCHLD as usize];
        handler == SIG_IGN || flags & u64::from(SA_NOCLDWAIT) != 0
    }

    /// That of a signal.
    ///
    /// # Errors
    /// EINVAL for no signal's number.
    pub(crate) fn get(&self, signal: u32) -> Result<Action> {
        if signal == 0 {
            return Err(Errno::EINVAL.into());
        }
        self.0.get(signal as usize).copied().ok_or_else(|| Errno::EINVAL.into())
    }

    /// Changes that of a signal.
    ///
    /// # Errors
    /// EINVAL for no signal's number, or one of those that cannot be caught.
    pub(crate) fn set(&mut self, signal: u32, action: Action) -> Result<()> {
        if signal == 0 || signal == SIGKILL || signal == SIGSTOP {
            return Err(Errno::EINVAL.into());
        }
        *self.0.get_mut(signal as usize).ok_or(Errno::EINVAL)? = action;
        Ok(())
    }
}

/// The part of each thread.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct SignalState {
    /// Blocked signals, signal N in bit N - 1.
    pub(crate) mask: u64,
    /// struct stack_t: address, flags, size.
    pub(crate) stack: [u64; 3],
}

impl Default for SignalState {
    fn default() -> Self {
        Self { mask: 0, stack: [0, u64::from(SS_DISABLE), 0] }
    }
}

/// The bits of those that cannot be blocked.
pub(crate) const UNBLOCKABLE: u64 = 1 << (SIGKILL - 1) | 1 << (SIGSTOP - 1);

impl Process {
    /// Does what a signal sent to the process or to `thread` does.
    ///
    /// # Errors
    /// EINVAL for no signal's number; ENOSYS where a handler would have to run, or the process stop.
    pub(crate) fn signal(&self, thread: &Thread, signal: u32) -> Result<()> {
        if signal == 0 {
            return Ok(());
        }
        let [handler, ..] = self.actions.lock().get(signal)?;
        match handler {
            handler if handler == SIG_IGN => Ok(()),
            handler if handler != SIG_DFL => {
                Err(Error::new(Errno::ENOSYS, "handlers of signals do not run yet"))
            }
            _ => match signal {
                SIGCHLD | SIGCONT | SIGURG | SIGWINCH => Ok(()),
                SIGSTOP | SIGTSTP | SIGTTIN | SIGTTOU => {
                    Err(Error::new(Errno::ENOSYS, "processes cannot stop yet"))
                }
                _ if thread.signals.lock().mask & !UNBLOCKABLE & 1 << (signal - 1) != 0 => {
                    Err(Error::new(Errno::ENOSYS, "blocked signals are not kept yet"))
                }
                _ => {
                    self.end(ExitStatus::Killed(signal as u8));
                    Ok(())
                }
            },
        }
    }
}
