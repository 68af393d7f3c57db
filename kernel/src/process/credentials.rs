//! Who a thread is (credentials(7)).

use alloc::sync::Arc;

use linux_raw_sys::general::{S_ISGID, S_ISUID, S_IXGRP};
use socket::error::{Errno, Error, Result};
use vfs::Identity;

/// Real, effective and saved number of a user or group.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Triple {
    pub(crate) real: u32,
    pub(crate) effective: u32,
    pub(crate) saved: u32,
}

/// The numbers of a thread. On Linux these belong to the thread; that libraries change them for all threads is theirs.
///
/// Whoever is effectively user 0 has all capabilities, others none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Credentials {
    pub(crate) user: Triple,
    pub(crate) group: Triple,
    /// Supplementary groups.
    pub(crate) groups: Arc<[u32]>,
}

/// "Leave it as it is", where a number is expected.
const UNCHANGED: u32 = u32::MAX;

/// How many supplementary groups there may be (NGROUPS_MAX).
pub(crate) const GROUPS_LIMIT: usize = 65_536;

impl Credentials {
    /// Those of the superuser.
    pub(super) fn root() -> Self {
        Self { user: Triple::default(), group: Triple::default(), groups: Arc::from([]) }
    }

    /// Whether the thread has CAP_SETUID, CAP_SETGID and all other capabilities.
    pub(crate) fn is_privileged(&self) -> bool {
        self.user.effective == 0
    }

    /// Becomes whom a program's file says (execve(2)): its owner with the set-user-ID bit, its group with the set-group-ID
    /// bit where the group may execute it. Says whether the program runs with other rights than whoever starts it.
    pub(super) fn change_for_program(&mut self, mode: u32, uid: u32, gid: u32) -> bool {
        if mode & S_ISUID != 0 {
            self.user.effective = uid;
        }
        if mode & (S_ISGID | S_IXGRP) == S_ISGID | S_IXGRP {
            self.group.effective = gid;
        }
        self.user.saved = self.user.effective;
        self.group.saved = self.group.effective;
        self.user.effective != self.user.real || self.group.effective != self.group.real
    }

    /// As files see it.
    pub(crate) fn identity(&self) -> Identity {
        Identity { uid: self.user.effective, gid: self.group.effective, groups: self.groups.clone() }
    }

    /// As access(2) asks: with the real numbers.
    pub(crate) fn real_identity(&self) -> Identity {
        Identity { uid: self.user.real, gid: self.group.real, groups: self.groups.clone() }
    }
}

impl Triple {
    fn has(self, id: u32) -> bool {
        [self.real, self.effective, self.saved].contains(&id)
    }

    /// setuid(2), setgid(2).
    ///
    /// # Errors
    /// EINVAL for a number that is none, EPERM.
    pub(crate) fn set(self, privileged: bool, id: u32) -> Result<Self> {
        if id == UNCHANGED {
            return Err(Errno::EINVAL.into());
        }
        if privileged {
            return Ok(Self { real: id, effective: id, saved: id });
        }
        if id == self.real || id == self.saved {
            return Ok(Self { effective: id, ..self });
        }
        Err(denied())
    }

    /// setreuid(2), setregid(2).
    ///
    /// # Errors
    /// EPERM.
    pub(crate) fn set_two(self, privileged: bool, real: u32, effective: u32) -> Result<Self> {
        let mut new = self;
        if real != UNCHANGED {
            if !privileged && real != self.real && real != self.effective {
                return Err(denied());
            }
            new.real = real;
        }
        if effective != UNCHANGED {
            if !privileged && !self.has(effective) {
                return Err(denied());
            }
            new.effective = effective;
        }
        if real != UNCHANGED || (effective != UNCHANGED && effective != self.real) {
            new.saved = new.effective;
        }
        Ok(new)
    }

    /// setresuid(2), setresgid(2).
    ///
    /// # Errors
    /// EPERM.
    pub(crate) fn set_three(self, privileged: bool, [real, effective, saved]: [u32; 3]) -> Result<Self> {
        let choose = |wanted: u32, old: u32| match wanted {
            UNCHANGED => Ok(old),
            wanted if privileged || self.has(wanted) => Ok(wanted),
            _ => Err(denied()),
        };
        Ok(Self {
            real: choose(real, self.real)?,
            effective: choose(effective, self.effective)?,
            saved: choose(saved, self.saved)?,
        })
    }
}

const fn denied() -> Error {
    Error::new(Errno::EPERM, "only the superuser becomes somebody else")
}
