//! Calls that look at or change what a path leads to.

use alloc::vec::Vec;

use socket::error::{Errno, Error, Result};

use super::{Follow, Walker};
use crate::{
    identity::Access,
    inode::{FileType, WritingDenied},
};

impl Walker<'_> {
    /// access(2): whether `who` has the wanted access; nothing wanted asks whether the path leads anywhere.
    ///
    /// # Errors
    /// As access(2).
    pub fn access(&self, path: &[u8], wanted: Access, follow: Follow) -> Result<()> {
        self.find(path, follow)?.check(self.who, wanted)
    }

    /// The file of a program that is to run (execve(2)): nobody may write to it from now on.
    ///
    /// # Errors
    /// As path_resolution(7); EACCES where it is no regular file or may not be executed; ELOOP for a symbolic link that is
    /// not to be followed; ETXTBSY where it is open for writing.
    pub fn find_program(&self, path: &[u8], follow: Follow) -> Result<WritingDenied> {
        let found = self.locate(path, follow)?;
        if found.inode.file_type() == FileType::Symlink {
            return Err(Error::new(Errno::ELOOP, "symbolic links are not followed"));
        }
        found.inode.check_program(self.who)?;
        Ok(found.inode.deny_writing()?.located(found.located))
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
        inode.touch_modified(Some(|| self.who.clone()));
        Ok(())
    }
}
