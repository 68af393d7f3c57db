//! Who does something to a file, and whether the file's mode lets them (path_resolution(7), "Permissions").

use alloc::sync::Arc;

use bitflags::bitflags;

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
}

impl Identity {
    /// The superuser.
    #[must_use]
    pub fn root() -> Self {
        Self { uid: 0, gid: 0, groups: Arc::from([]) }
    }

    /// Whether permission bits do not bind (`CAP_DAC_OVERRIDE`, `CAP_FOWNER`, `CAP_CHOWN`, `CAP_FSETID`, `CAP_MKNOD`).
    #[must_use]
    pub fn is_privileged(&self) -> bool {
        self.uid == 0
    }

    /// Whether `gid` is the group or one of the supplementary ones.
    #[must_use]
    pub fn is_member(&self, gid: u32) -> bool {
        self.gid == gid || self.groups.contains(&gid)
    }

    /// Whether owner or superuser.
    #[must_use]
    pub fn owns(&self, uid: u32) -> bool {
        self.uid == uid || self.is_privileged()
    }

    /// Whether a file of this owner, group and mode (with its type) grants `wanted`.
    ///
    /// The first class that fits decides, even if a later one would grant more. The superuser may do everything, but
    /// execute only what somebody may execute.
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
        let directory = mode & linux_raw_sys::general::S_IFMT == linux_raw_sys::general::S_IFDIR;
        self.is_privileged() && (directory || !wanted.contains(Access::EXECUTE) || mode & 0o111 != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(uid: u32, gid: u32, groups: &[u32]) -> Identity {
        Identity { uid, gid, groups: Arc::from(groups) }
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
}
