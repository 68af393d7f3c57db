//! Calls that take names away or change them: unlink, rmdir, rename.

use alloc::sync::Arc;

use socket::error::{Errno, Error, Result};

use super::{
    Walker,
    walk::{Last, Walk},
};
use crate::inode::{Inode, Name, RenameFlags, Side, check_length, rename};

impl Walker<'_> {
    /// unlink(2).
    ///
    /// # Errors
    /// As unlink(2).
    pub fn unlink(&self, path: &[u8]) -> Result<()> {
        let mut walk = Walk::new(self, path)?;
        let Last::Name(range) = walk.last_component()? else { return Err(Errno::EISDIR.into()) };
        let name = walk.name(&range);
        if walk.slash {
            let child = walk.at.child(name)?.ok_or(Errno::ENOENT)?;
            return Err(if child.is_directory() { Errno::EISDIR } else { Errno::ENOTDIR }.into());
        }
        check_length(name)?;
        walk.at.remove_file(self.who, name)
    }

    /// rmdir(2).
    ///
    /// # Errors
    /// As rmdir(2).
    pub fn remove_directory(&self, path: &[u8]) -> Result<()> {
        let mut walk = Walk::new(self, path)?;
        let range = match walk.last_component()? {
            Last::Name(range) => range,
            Last::Root => return Err(Error::new(Errno::EBUSY, "the root is in use")),
            Last::Dot => return Err(Error::new(Errno::EINVAL, "`.` has no name to take away")),
            Last::DotDot => return Err(Errno::ENOTEMPTY.into()),
        };
        let name = walk.name(&range);
        check_length(name)?;
        walk.at.remove_directory(self.who, name)
    }

    /// renameat2(2): `old` starts from here, `path` from `new`.
    ///
    /// # Errors
    /// As rename(2).
    pub fn rename(&self, old: &[u8], new: &Walker<'_>, path: &[u8], flags: RenameFlags) -> Result<()> {
        let (from, from_name, from_slash) = self.side(old)?;
        let (to, to_name, to_slash) = new.side(path)?;
        let taken = if flags.contains(RenameFlags::NOREPLACE) { Errno::EEXIST } else { Errno::EBUSY };
        let from_name = from_name.ok_or(Errno::EBUSY)?;
        let to_name = to_name.ok_or(taken)?;
        rename(
            self.who,
            &Side { directory: &from, name: &from_name, slash: from_slash },
            &Side { directory: &to, name: &to_name, slash: to_slash },
            flags,
        )
    }

    /// One side of a rename: the directory, the name if the path ends in one, and whether a slash follows it.
    fn side(&self, path: &[u8]) -> Result<(Arc<Inode>, Option<Name>, bool)> {
        let mut walk = Walk::new(self, path)?;
        let name = match walk.last_component()? {
            Last::Name(range) => Some(walk.name(&range).into()),
            Last::Root | Last::Dot | Last::DotDot => None,
        };
        Ok((walk.at, name, walk.slash))
    }
}
