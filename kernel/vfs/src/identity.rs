//! Who does something to a file, and whether the file's mode lets them (path_resolution(7), "Permissions").

use alloc::sync::Arc;

use bitflags::bitflags;
use linux_raw_sys::general as uapi;

bitflags! {
    /// What is wanted of a file, with the values of access(2).
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct Access: u32 {
        /// Execute a file, search a directory.
        const EXECUTE = 1;
        /// Change the contents.
        const WRITE = 2;
        /// Look at the contents.
        const READ = 4;
    }
}

/// The file-system identity of a process (credentials(7)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// User.
    pub uid: u32,
    /// Group; that of new files.
    pub gid: u32,
    /// Supplementary groups.
    pub groups: Arc<[u32]>,
    /// What the process may beyond that: its effective capabilities, number N in bit N (capabilities(7)).
    pub capabilities: u64,
}

impl Identity {
    /// The superuser.
    #[must_use]
    pub fn root() -> Self {
        Self { uid: 0, gid: 0, groups: Arc::from([]), capabilities: u64::MAX }
    }

    /// Whether it has a capability (`CAP_`).
    #[must_use]
    pub fn can(&self, capability: u32) -> bool {
        self.capabilities & 1 << capability != 0
    }

    /// Whether `gid` is the group or one of the supplementary ones.
    #[must_use]
    pub fn is_member(&self, gid: u32) -> bool {
        self.gid == gid || self.groups.contains(&gid)
    }

    /// Whether the owner, or one who may act as such (`CAP_FOWNER`).
    #[must_use]
    pub fn owns(&self, uid: u32) -> bool {
        self.uid == uid || self.can(uapi::CAP_FOWNER)
    }

    /// Whether a file of this owner, group and mode (with its type) grants `wanted`.
    ///
    /// The first class that fits decides, even if a later one would grant more. `CAP_DAC_OVERRIDE` grants everything, but
    /// execution only of what somebody may execute; `CAP_DAC_READ_SEARCH` grants looking, and searching directories.
    #[must_use]
    pub fn may(&self, wanted: Access, uid: u32, gid: u32, mode: u32) -> bool {
        let class = if self.uid == uid {
            mode >> 6
        } else if self.is_member(gid) {
            mode >> 3
        } else {
            mode
        };
        if wanted.bits() & !class == 0 {
            return true;
        }
        let directory = mode & uapi::S_IFMT == uapi::S_IFDIR;
        let looking = if directory { Access::READ | Access::EXECUTE } else { Access::READ };
        (looking.contains(wanted) && self.can(uapi::CAP_DAC_READ_SEARCH))
            || (self.can(uapi::CAP_DAC_OVERRIDE)
                && (directory || !wanted.contains(Access::EXECUTE) || mode & 0o111 != 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(uid: u32, gid: u32, groups: &[u32]) -> Identity {
        Identity { uid, gid, groups: Arc::from(groups), capabilities: 0 }
    }

    #[test]
    fn the_first_fitting_class_decides() {
        let file = |who: &Identity, wanted| who.may(wanted, 1000, 100, 0o100_047);
        assert!(!file(&user(1000, 7, &[]), Access::READ), "the owner has less than others");
        assert!(file(&user(1, 100, &[]), Access::READ));
        assert!(!file(&user(1, 100, &[]), Access::WRITE));
        assert!(file(&user(1, 1, &[2, 100]), Access::READ), "supplementary groups count");
        assert!(!file(&user(1, 1, &[2, 100]), Access::READ | Access::WRITE));
        assert!(file(&user(1, 1, &[]), Access::all()));
    }

    #[test]
    fn root_executes_only_what_somebody_may_execute() {
        let root = Identity::root();
        assert!(root.may(Access::READ | Access::WRITE, 5, 5, 0o100_000));
        assert!(!root.may(Access::EXECUTE, 5, 5, 0o100_666));
        assert!(root.may(Access::EXECUTE, 5, 5, 0o100_001));
        assert!(root.may(Access::EXECUTE, 5, 5, 0o040_000), "directories are always searchable");
    }

    #[test]
    fn capabilities_grant_what_they_are_for() {
        let mut who = Identity { capabilities: 0, ..Identity::root() };
        assert!(!who.may(Access::READ, 5, 5, 0o100_000) && !who.owns(5), "user 0 alone is nobody special");
        who.capabilities = 1 << uapi::CAP_DAC_READ_SEARCH;
        assert!(who.may(Access::READ, 5, 5, 0o100_000));
        assert!(!who.may(Access::WRITE, 5, 5, 0o100_000));
        assert!(!who.may(Access::EXECUTE, 5, 5, 0o100_100));
        assert!(who.may(Access::READ | Access::EXECUTE, 5, 5, 0o040_000));
        assert!(!who.may(Access::WRITE, 5, 5, 0o040_000));
        who.capabilities = 1 << uapi::CAP_FOWNER;
        assert!(who.owns(5) && !who.may(Access::READ, 5, 5, 0o100_000));
    }
}
