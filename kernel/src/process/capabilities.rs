//! What a thread may do beyond what its user may (capabilities(7)).

use linux_raw_sys::general::CAP_LAST_CAP;
use socket::error::{Errno, Error, Result};

/// A set of capabilities, number N in bit N.
pub(crate) type CapabilitySet = u64;

/// All that there are.
pub(crate) const ALL: CapabilitySet = (1 << (CAP_LAST_CAP + 1)) - 1;

/// Those that the user for file accesses carries along: CAP_CHOWN to CAP_FSETID, CAP_LINUX_IMMUTABLE, CAP_MKNOD and
/// CAP_MAC_OVERRIDE.
pub(crate) const OF_FILES: CapabilitySet = 0x1f | 1 << 9 | 1 << 27 | 1 << 32;

/// Securebits (linux/securebits.h): each has a lock, one bit higher.
pub(crate) mod secure {
    /// User 0 is nobody special when programs are executed.
    pub(crate) const NO_ROOT: u32 = 1 << 0;
    /// Nor when users are changed.
    pub(crate) const NO_SETUID_FIXUP: u32 = 1 << 2;
    /// Permitted capabilities stay when the last user number becomes other than 0.
    pub(crate) const KEEP_CAPS: u32 = 1 << 4;
    /// Keeps the previous bit as it is.
    pub(crate) const KEEP_CAPS_LOCKED: u32 = 1 << 5;
    /// Ambient capabilities are not added to.
    pub(crate) const NO_AMBIENT_RAISE: u32 = 1 << 6;
    /// All bits and their locks.
    pub(crate) const ALL: u32 = 0xff;
    /// The locks.
    pub(crate) const LOCKS: u32 = 0xaa;
}

/// The sets of a thread.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Capabilities {
    /// What checks ask for.
    pub(crate) effective: CapabilitySet,
    /// What may become effective.
    pub(crate) permitted: CapabilitySet,
    /// What may be permitted to programs that the thread executes.
    pub(crate) inheritable: CapabilitySet,
    /// What no program gets beyond.
    pub(crate) bounding: CapabilitySet,
    /// What programs without privileges of their own get.
    pub(crate) ambient: CapabilitySet,
}

impl Capabilities {
    /// Those of the superuser.
    pub(super) const FULL: Self =
        Self { effective: ALL, permitted: ALL, inheritable: 0, bounding: ALL, ambient: 0 };

    /// capset(2). What is set beyond the known is left out.
    ///
    /// # Errors
    /// EPERM for more than is allowed; `may_inherit_more` says that the thread has CAP_SETPCAP.
    pub(crate) fn set(
        &mut self,
        effective: CapabilitySet,
        permitted: CapabilitySet,
        inheritable: CapabilitySet,
        may_inherit_more: bool,
    ) -> Result<()> {
        let [effective, permitted, inheritable] = [effective, permitted, inheritable].map(|set| set & ALL);
        let within = |set: CapabilitySet, bounds: CapabilitySet| set & !bounds == 0;
        let allowed = (may_inherit_more || within(inheritable, self.inheritable | self.permitted))
            && within(inheritable, self.inheritable | self.bounding)
            && within(permitted, self.permitted)
            && within(effective, permitted);
        if !allowed {
            return Err(Error::new(Errno::EPERM, "capabilities are given up, not gained"));
        }
        let ambient = self.ambient & permitted & inheritable;
        *self = Self { effective, permitted, inheritable, ambient, ..*self };
        Ok(())
    }

    /// As a change of user numbers leaves them: before and after it, real, effective and saved user.
    pub(super) fn user_changed(&mut self, before: [u32; 3], after: [u32; 3], securebits: u32) {
        if securebits & secure::NO_SETUID_FIXUP != 0 {
            return;
        }
        if before.contains(&0) && !after.contains(&0) {
            if securebits & secure::KEEP_CAPS == 0 {
                self.permitted = 0;
                self.effective = 0;
            }
            self.ambient = 0;
        }
        match (before[1], after[1]) {
            (0, new) if new != 0 => self.effective = 0,
            (old, 0) if old != 0 => self.effective = self.permitted,
            _ => {}
        }
    }

    /// As a change of the user for file accesses leaves them.
    pub(super) fn file_user_changed(&mut self, before: u32, after: u32, securebits: u32) {
        if securebits & secure::NO_SETUID_FIXUP != 0 {
            return;
        }
        match (before, after) {
            (0, new) if new != 0 => self.effective &= !OF_FILES,
            (old, 0) if old != 0 => self.effective |= self.permitted & OF_FILES,
            _ => {}
        }
    }

    /// As the execution of a program leaves them, whose file grants none: `real` and `effective` are the users that it runs
    /// as, `changed` says that its file made it somebody else.
    pub(super) fn program_executed(&mut self, real: u32, effective: u32, changed: bool, securebits: u32) {
        if changed {
            self.ambient = 0;
        }
        let root = securebits & secure::NO_ROOT == 0;
        self.permitted = if root && (real == 0 || effective == 0) {
            self.bounding | self.inheritable
        } else {
            self.ambient
        };
        self.effective = if root && effective == 0 { self.permitted } else { self.ambient };
    }
}
