//! Calls that look at or change what a path leads to.

use alloc::vec::Vec;

use socket::error::Result;

use super::{Follow, Walker};
use crate::identity::Access;

impl Walker<'_> {
    /// access(2): whether `who` has the wanted access; nothing wanted asks whether the path leads anywhere.
    ///
    /// # Errors
    /// As access(2).
    pub fn access(&self, path: &[u8], wanted: Access, follow: Follow) -> Result<()> {
        self.find(path, follow)?.check(self.who, wanted)
    }

    /// readlink(2): the text of a symbolic link.
    ///
    /// # Errors
    /// As readlink(2).
    pub fn read_link(&self, path: &[u8]) -> Result<Vec<u8>> {
        let inode = self.find(path, Follow::No)?;
        let text = inode.read_link()?;
        inode.touch_accessed();
        Ok(text)
    }

    /// truncate(2).
    ///
    /// # Errors
    /// As truncate(2).
    pub fn truncate(&self, path: &[u8], length: u64) -> Result<()> {
        let inode = self.find(path, Follow::Yes)?;
        inode.check_truncatable()?;
        inode.check(self.who, Access::WRITE)?;
        inode.begin_writing()?;
        let result = inode.set_length(length);
        inode.end_writing();
        result?;
        inode.touch_modified(Some(self.who));
        Ok(())
    }
}
