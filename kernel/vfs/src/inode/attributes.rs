//! What an inode knows about itself: owner, mode, times, number of names.

use core::time::Duration;

use linux_raw_sys::general as uapi;
use socket::error::{Errno, Error, Result};

use super::{FileType, Inode, Node};
use crate::identity::{Access, Identity};

/// A point in time, from the epoch on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Timestamp {
    /// Seconds, negative before the epoch.
    pub seconds: i64,
    /// And nanoseconds, below 1,000,000,000.
    pub nanoseconds: u32,
}

impl From<Duration> for Timestamp {
    fn from(since_epoch: Duration) -> Self {
        Self {
            seconds: i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX),
            nanoseconds: since_epoch.subsec_nanos(),
        }
    }
}

/// What to do with a timestamp (utimensat(2)).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SetTime {
    /// Leave it (`UTIME_OMIT`).
    Omit,
    /// The current time (`UTIME_NOW`).
    Now,
    /// This time.
    At(Timestamp),
}

/// Owner, mode, times, number of names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Attributes {
    /// Permission, set-id and sticky bits, without the type.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// How many names.
    pub nlink: u32,
    /// Last read.
    pub accessed: Timestamp,
    /// Last change of the contents.
    pub modified: Timestamp,
    /// Last change of contents or attributes.
    pub changed: Timestamp,
    /// Made.
    pub born: Timestamp,
}

impl Attributes {
    pub(super) fn new(mode: u32, uid: u32, gid: u32, nlink: u32, now: Timestamp) -> Self {
        Self { mode, uid, gid, nlink, accessed: now, modified: now, changed: now, born: now }
    }

    /// The bits that must not outlive a change of contents or owner by `who`: set-user-id, and set-group-id where the
    /// group may execute or `who` is not in it (chown(2), write(2)).
    fn set_id_to_drop(&self, who: &Identity) -> u32 {
        let group = self.mode & uapi::S_IXGRP != 0 || !(who.can(uapi::CAP_FSETID) || who.is_member(self.gid));
        self.mode & if group { uapi::S_ISUID | uapi::S_ISGID } else { uapi::S_ISUID }
    }
}

const DAY: i64 = 24 * 60 * 60;

impl Inode {
    /// A copy of the attributes.
    #[must_use]
    pub fn attributes(&self) -> Attributes {
        let mut attributes = *self.attributes.lock();
        let owner = match &self.node {
            Node::Synthetic(synthetic) => synthetic.owner(),
            Node::Directory(directory) => directory.owner(),
            _ => None,
        };
        if let Some((uid, gid)) = owner {
            (attributes.uid, attributes.gid) = (uid, gid);
        }
        attributes
    }

    /// `st_mode`: type and permissions.
    #[must_use]
    pub fn mode(&self) -> u32 {
        self.file_type().mode() | self.attributes.lock().mode
    }

    /// Checks that the mode grants `who` what is `wanted`.
    ///
    /// # Errors
    /// EACCES.
    pub fn check(&self, who: &Identity, wanted: Access) -> Result<()> {
        let attributes = self.attributes();
        let by_mode =
            who.may(wanted, attributes.uid, attributes.gid, attributes.mode | self.file_type().mode());
        let permitted = match &self.node {
            Node::Synthetic(synthetic) => synthetic.permits(who, wanted, by_mode),
            Node::Directory(directory) => directory.permits(who, wanted, by_mode),
            _ => by_mode,
        };
        if permitted { Ok(()) } else { Err(Errno::EACCES.into()) }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.file_system().environment().now().into()
    }

    /// Changes attributes, and with them the time of the last change.
    pub(crate) fn update(&self, change: impl FnOnce(&mut Attributes)) {
        let now = self.now();
        let mut attributes = self.attributes.lock();
        change(&mut attributes);
        attributes.changed = now;
    }

    /// Sets attributes as they are in an image: the times too.
    pub(crate) fn restore(&self, mode: u32, uid: u32, gid: u32, modified: Timestamp) {
        let mut attributes = self.attributes.lock();
        attributes.mode = mode & 0o7777;
        attributes.uid = uid;
        attributes.gid = gid;
        attributes.modified = modified;
        attributes.accessed = modified;
    }

    /// A directory's entries were changed.
    pub(crate) fn touch_entries(&self) {
        self.touch_modified(None::<fn() -> Identity>);
    }

    /// The contents were changed by `who`, who is asked for only where the file has set-id bits to lose.
    pub(crate) fn touch_modified(&self, who: Option<impl FnOnce() -> Identity>) {
        let now = self.now();
        let mut attributes = self.attributes.lock();
        attributes.modified = now;
        attributes.changed = now;
        if attributes.mode & (uapi::S_ISUID | uapi::S_ISGID) != 0 {
            drop(attributes);
            let Some(who) = who.map(|who| who()).filter(|who| !who.can(uapi::CAP_FSETID)) else { return };
            let mut attributes = self.attributes.lock();
            attributes.mode &= !attributes.set_id_to_drop(&who);
        }
    }

    /// The contents were read: notes the time as `relatime` does (mount(8)), only where it tells something.
    pub(crate) fn touch_accessed(&self) {
        let now = self.now();
        let mut attributes = self.attributes.lock();
        let stale = attributes.accessed <= attributes.modified
            || attributes.accessed <= attributes.changed
            || now.seconds.saturating_sub(attributes.accessed.seconds) >= DAY;
        if stale {
            attributes.accessed = now;
        }
    }

    /// The inode that files without a place of their own share stays as it is.
    fn check_changeable(&self) -> Result<()> {
        match self.file_type() {
            FileType::Anonymous => Err(Error::new(Errno::EOPNOTSUPP, "the inode is shared")),
            _ => Ok(()),
        }
    }

    /// chmod(2).
    ///
    /// # Errors
    /// EPERM unless `who` owns the file; EOPNOTSUPP for a symbolic link.
    pub fn change_mode(&self, who: &Identity, mode: u32) -> Result<()> {
        if self.file_type() == FileType::Symlink {
            return Err(Error::new(Errno::EOPNOTSUPP, "a symbolic link has no mode"));
        }
        self.check_changeable()?;
        let attributes = self.attributes();
        if !who.owns(attributes.uid) || self.is_synthetic() {
            return Err(Error::new(Errno::EPERM, "only the owner changes the mode"));
        }
        let mut mode = mode & 0o7777;
        if (mode ^ attributes.mode) & 0o111 != 0
            && self.seals().is_ok_and(|seals| seals & uapi::F_SEAL_EXEC != 0)
        {
            return Err(Error::new(Errno::EPERM, "sealed"));
        }
        if !who.can(uapi::CAP_FSETID) && !who.is_member(attributes.gid) {
            mode &= !uapi::S_ISGID;
        }
        self.update(|attributes| attributes.mode = mode);
        Ok(())
    }

    /// chown(2); `None` leaves the owner or the group.
    ///
    /// # Errors
    /// EPERM where `who` is not privileged, except for giving an own file to an own group.
    pub fn change_owner(&self, who: &Identity, uid: Option<u32>, gid: Option<u32>) -> Result<()> {
        self.check_changeable()?;
        let old = self.attributes();
        let owner = who.uid == old.uid;
        let uid_allowed = uid.is_none_or(|uid| owner && uid == old.uid);
        let gid_allowed = gid.is_none_or(|gid| owner && (who.is_member(gid) || gid == old.gid));
        if !(who.can(uapi::CAP_CHOWN) || uid_allowed && gid_allowed) {
            return Err(Error::new(Errno::EPERM, "only the superuser gives files away"));
        }
        if self.is_synthetic() {
            return Err(Error::new(Errno::EPERM, "code says whom it belongs to"));
        }
        let dropped = if self.is_directory() { 0 } else { old.set_id_to_drop(who) };
        if dropped != 0 && !who.owns(old.uid) {
            return Err(Error::new(Errno::EPERM, "that would change the mode, which is the owner's matter"));
        }
        self.update(|attributes| {
            attributes.uid = uid.unwrap_or(attributes.uid);
            attributes.gid = gid.unwrap_or(attributes.gid);
            attributes.mode &= !dropped;
        });
        Ok(())
    }

    /// utimensat(2).
    ///
    /// # Errors
    /// EACCES where both are "now" and `who` neither owns the file nor may write to it; EPERM for other times unless
    /// `who` owns it.
    pub fn change_times(&self, who: &Identity, accessed: SetTime, modified: SetTime) -> Result<()> {
        if (accessed, modified) == (SetTime::Omit, SetTime::Omit) {
            return Ok(());
        }
        self.check_changeable()?;
        if !who.owns(self.attributes().uid) {
            if (accessed, modified) != (SetTime::Now, SetTime::Now) {
                return Err(Error::new(Errno::EPERM, "only the owner sets times"));
            }
            self.check(who, Access::WRITE)?;
        }
        let now = self.now();
        let resolve = |set, old| match set {
            SetTime::Omit => old,
            SetTime::Now => now,
            SetTime::At(time) => time,
        };
        self.update(|attributes| {
            attributes.accessed = resolve(accessed, attributes.accessed);
            attributes.modified = resolve(modified, attributes.modified);
        });
        Ok(())
    }
}
