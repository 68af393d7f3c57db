//! Who a thread is (credentials(7)).

use alloc::sync::Arc;

use linux_raw_sys::general::{CAP_SETGID, CAP_SETUID, S_ISGID, S_ISUID, S_IXGRP};
use socket::{
    error::{Errno, Error, Result},
    identity::{self, Numbers},
};
use vfs::Identity;

use super::{
    Process,
    capabilities::{Capabilities, secure},
};

/// Real, effective and saved number of a user or group.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Triple {
    pub(crate) real: u32,
    pub(crate) effective: u32,
    pub(crate) saved: u32,
}

/// Who a thread is, and what it may. On Linux this belongs to the thread; that libraries change it for all threads is
/// theirs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Credentials {
    pub(crate) user: Triple,
    pub(crate) group: Triple,
    /// The user and the group for file accesses: the effective ones unless the thread says otherwise (setfsuid(2)).
    pub(crate) file_user: u32,
    pub(crate) file_group: u32,
    /// Supplementary groups.
    pub(crate) groups: Arc<[u32]>,
    pub(crate) capabilities: Capabilities,
    /// How far user 0 is special ([`secure`]).
    pub(crate) securebits: u32,
    /// Executing a program gives no privileges (PR_SET_NO_NEW_PRIVS).
    pub(crate) no_new_privileges: bool,
}

/// "Leave it as it is", where a number is expected.
const UNCHANGED: u32 = u32::MAX;

/// How many supplementary groups there may be (NGROUPS_MAX).
pub(crate) const GROUPS_LIMIT: usize = 65_536;

impl Credentials {
    /// Those of the superuser.
    pub(super) fn root() -> Self {
        Self {
            user: Triple::default(),
            group: Triple::default(),
            file_user: 0,
            file_group: 0,
            groups: Arc::from([]),
            capabilities: Capabilities::FULL,
            securebits: 0,
            no_new_privileges: false,
        }
    }

    /// Whether the thread has a capability (`CAP_`).
    pub(crate) fn can(&self, capability: u32) -> bool {
        self.capabilities.effective & 1 << capability != 0
    }

    /// Changes the user numbers, and the capabilities with them.
    pub(crate) fn set_user(&mut self, user: Triple) {
        let before = core::mem::replace(&mut self.user, user);
        self.file_user = user.effective;
        let numbers = |user: Triple| [user.real, user.effective, user.saved];
        self.capabilities.user_changed(numbers(before), numbers(user), self.securebits);
    }

    /// Changes the group numbers.
    pub(crate) fn set_group(&mut self, group: Triple) {
        self.group = group;
        self.file_group = group.effective;
    }

    /// setfsuid(2): changes the user for file accesses if the thread may; gives the old one.
    pub(crate) fn set_file_user(&mut self, user: u32) -> u32 {
        let old = self.file_user;
        if user != UNCHANGED && (self.user.has(user) || user == old || self.can(CAP_SETUID)) {
            self.file_user = user;
            self.capabilities.file_user_changed(old, user, self.securebits);
        }
        old
    }

    /// setfsgid(2): changes the group for file accesses if the thread may; gives the old one.
    pub(crate) fn set_file_group(&mut self, group: u32) -> u32 {
        let old = self.file_group;
        if group != UNCHANGED && (self.group.has(group) || group == old || self.can(CAP_SETGID)) {
            self.file_group = group;
        }
        old
    }

    /// Becomes whom a program's file says (execve(2)): its owner with the set-user-ID bit, its group with the set-group-ID
    /// bit where the group may execute it. Says whether the program runs with other rights than whoever starts it.
    pub(super) fn change_for_program(&mut self, mode: u32, uid: u32, gid: u32) -> bool {
        let before = (self.user.effective, self.group.effective);
        if mode & S_ISUID != 0 && !self.no_new_privileges {
            self.user.effective = uid;
        }
        if mode & (S_ISGID | S_IXGRP) == S_ISGID | S_IXGRP && !self.no_new_privileges {
            self.group.effective = gid;
        }
        self.user.saved = self.user.effective;
        self.group.saved = self.group.effective;
        self.file_user = self.user.effective;
        self.file_group = self.group.effective;
        let changed = before != (self.user.effective, self.group.effective);
        self.capabilities.program_executed(self.user.real, self.user.effective, changed, self.securebits);
        self.securebits &= !secure::KEEP_CAPS;
        let other = self.user.effective != self.user.real || self.group.effective != self.group.real;
        other || (self.user.real != 0 && self.capabilities.permitted & !self.capabilities.ambient != 0)
    }

    /// As files see it.
    pub(crate) fn identity(&self) -> Identity {
        Identity {
            uid: self.file_user,
            gid: self.file_group,
            groups: self.groups.clone(),
            capabilities: self.capabilities.effective,
        }
    }

    /// As sockets show it.
    pub(super) fn show(&self, process: &Arc<Process>) -> identity::Identity {
        identity::Identity {
            pid: process.pid,
            process: identity::Process(process.clone()),
            users: self.user.shown(),
            groups: self.group.shown(),
            supplementary: self.groups.clone(),
        }
    }

    /// Whether that is what sockets show already.
    pub(super) fn are_shown(&self, shown: &identity::Identity) -> bool {
        shown.users == self.user.shown()
            && shown.groups == self.group.shown()
            && Arc::ptr_eq(&shown.supplementary, &self.groups)
    }

    /// As access(2) asks: with the real numbers, and with the capabilities that go with the real user.
    pub(crate) fn real_identity(&self) -> Identity {
        let capabilities = if self.securebits & secure::NO_SETUID_FIXUP != 0 {
            self.capabilities.effective
        } else if self.user.real == 0 {
            self.capabilities.permitted
        } else {
            0
        };
        Identity { uid: self.user.real, gid: self.group.real, groups: self.groups.clone(), capabilities }
    }
}

impl Triple {
    fn shown(self) -> Numbers {
        let Self { real, effective, saved } = self;
        Numbers { real, effective, saved }
    }

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
