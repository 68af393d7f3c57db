//! What signals do (sigaction(2)).

use linux_raw_sys::general::{
    SA_EXPOSE_TAGBITS, SA_NOCLDSTOP, SA_NOCLDWAIT, SA_NODEFER, SA_ONSTACK, SA_RESETHAND, SA_RESTART,
    SA_RESTORER, SA_SIGINFO, SIGCHLD, SIGCONT, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG, SIGWINCH,
};
use socket::error::{Errno, Result};

use super::{SIGNAL_END, Set, UNBLOCKABLE, bit};

/// The default action.
const SIG_DFL: u64 = 0;
/// No action.
const SIG_IGN: u64 = 1;

/// Flags that mean something; Linux forgets others, so that programs can find out.
const FLAGS: u32 = SA_NOCLDSTOP
    | SA_NOCLDWAIT
    | SA_SIGINFO
    | SA_ONSTACK
    | SA_RESTART
    | SA_NODEFER
    | SA_RESETHAND
    | SA_EXPOSE_TAGBITS
    | SA_RESTORER;

/// Stop the process by default.
pub(super) const STOPPING: Set = bit(SIGSTOP) | bit(SIGTSTP) | bit(SIGTTIN) | bit(SIGTTOU);
/// Do nothing by default.
const IGNORED: Set = bit(SIGCHLD) | bit(SIGCONT) | bit(SIGURG) | bit(SIGWINCH);

/// What a signal does (struct sigaction as the kernel knows it).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Action {
    /// An address, or a constant.
    pub(crate) handler: u64,
    /// `SA_`
    pub(crate) flags: u32,
    /// Where the handler returns to.
    pub(crate) restorer: u64,
    /// Blocked while the handler runs.
    pub(crate) mask: Set,
}

/// What an action comes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Disposition {
    /// Nothing happens.
    Ignore,
    /// The process ends.
    End,
    /// The process stops.
    Stop,
    /// A handler runs.
    Handle,
}

impl Action {
    /// As a program passes it.
    pub(crate) const fn from_words([handler, flags, restorer, mask]: [u64; 4]) -> Self {
        Self { handler, flags: flags as u32 & FLAGS, restorer, mask: mask & !UNBLOCKABLE }
    }

    /// As a program sees it.
    pub(crate) fn to_words(self) -> [u64; 4] {
        [self.handler, u64::from(self.flags), self.restorer, self.mask]
    }

    /// Whether a flag is set.
    pub(crate) const fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }

    /// What it makes of `signal`.
    pub(crate) const fn disposition(&self, signal: u32) -> Disposition {
        match self.handler {
            SIG_IGN => Disposition::Ignore,
            SIG_DFL if IGNORED & bit(signal) != 0 => Disposition::Ignore,
            SIG_DFL if STOPPING & bit(signal) != 0 => Disposition::Stop,
            SIG_DFL => Disposition::End,
            _ => Disposition::Handle,
        }
    }

    /// Whether it was said that the signal is to be ignored, as opposed to that being its default.
    pub(crate) const fn is_ignored_explicitly(&self) -> bool {
        self.handler == SIG_IGN
    }
}

/// What each signal does, by number.
#[derive(Clone)]
pub(crate) struct Actions([Action; SIGNAL_END as usize]);

impl Default for Actions {
    fn default() -> Self {
        Self([Action::default(); SIGNAL_END as usize])
    }
}

impl Actions {
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
        if signal == 0 || UNBLOCKABLE & bit(signal) != 0 {
            return Err(Errno::EINVAL.into());
        }
        *self.0.get_mut(signal as usize).ok_or(Errno::EINVAL)? = action;
        Ok(())
    }

    /// Puts that of a signal back to its default; nothing for no signal's number.
    pub(super) fn reset(&mut self, signal: u32) {
        if let Some(action) = self.0.get_mut(signal as usize) {
            *action = Action::default();
        }
    }

    /// As execve(2) leaves them: what was to be ignored still is, all else is the default.
    pub(crate) fn reset_for_exec(&mut self) {
        for action in &mut self.0 {
            let handler = if action.is_ignored_explicitly() { SIG_IGN } else { SIG_DFL };
            *action = Action { handler, ..Action::default() };
        }
    }

    /// Whether nobody waits for children (SIGCHLD is ignored, or SA_NOCLDWAIT set for it).
    pub(crate) fn children_end_alone(&self) -> bool {
        self.get(SIGCHLD).is_ok_and(|action| action.is_ignored_explicitly() || action.has(SA_NOCLDWAIT))
    }

    /// Whether children that stop and go on are told of with SIGCHLD.
    pub(crate) fn tells_of_stops(&self) -> bool {
        self.get(SIGCHLD).is_ok_and(|action| !action.is_ignored_explicitly() && !action.has(SA_NOCLDSTOP))
    }

    /// Those with a handler, and those that are explicitly ignored, as `/proc/PID/status` shows them.
    pub(crate) fn caught_and_ignored(&self) -> (Set, Set) {
        let (mut caught, mut ignored) = (0, 0);
        for (signal, action) in self.0.iter().enumerate() {
            match action.handler {
                SIG_DFL => {}
                SIG_IGN => ignored |= bit(signal as u32),
                _ => caught |= bit(signal as u32),
            }
        }
        (caught, ignored)
    }
}
