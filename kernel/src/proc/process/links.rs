//! Links to what a process has: its program, its working directory, its root.

use alloc::{boxed::Box, sync::Arc, vec::Vec};

use socket::error::{Errno, Error, Result};
use vfs::{FileSystem, Inode, LinkTarget, MagicLink, Owner};

use super::{Subject, Who, access};

/// What a link leads to.
#[derive(Clone, Copy)]
enum Place {
    Executable,
    Here,
    Root,
}

struct Link {
    who: Who,
    place: Place,
}

fn link(files: &Arc<FileSystem>, who: &Who, place: Place) -> Arc<Inode> {
    Inode::new_magic_link(files, Box::new(Link { who: who.clone(), place }))
}

/// `exe`
pub(super) fn executable(files: &Arc<FileSystem>, who: &Who) -> Arc<Inode> {
    link(files, who, Place::Executable)
}

/// `cwd`
pub(super) fn directory(files: &Arc<FileSystem>, who: &Who) -> Arc<Inode> {
    link(files, who, Place::Here)
}

/// `root`
pub(super) fn root(files: &Arc<FileSystem>, who: &Who) -> Arc<Inode> {
    link(files, who, Place::Root)
}

impl Who {
    /// As [`Who::get`], for who may look into the process.
    ///
    /// # Errors
    /// ENOENT where it is gone or has ended, EACCES.
    pub(super) fn look(&self) -> Result<Subject> {
        let subject = self.get().map_err(|_| Errno::ENOENT)?;
        if access::may_look(&subject) {
            Ok(subject)
        } else {
            Err(Error::new(Errno::EACCES, "somebody else's process"))
        }
    }
}

impl Link {
    fn inode(&self) -> Result<(Subject, Arc<Inode>)> {
        let subject = self.who.look()?;
        let process = &subject.process;
        if process.thread_count() == 0 {
            return Err(Error::new(Errno::ENOENT, "the process has ended"));
        }
        let inode = match self.place {
            Place::Executable => process.executable().ok_or(Errno::ENOENT)?,
            Place::Here => process.fs().working_directory(),
            Place::Root => process.fs().root(),
        };
        Ok((subject, inode))
    }
}

impl MagicLink for Link {
    fn text(&self) -> Result<Vec<u8>> {
        let (subject, inode) = self.inode()?;
        match self.place {
            Place::Executable => subject.process.executable_path().ok_or_else(|| Errno::ENOENT.into()),
            Place::Here | Place::Root => {
                // Seen from who asks, as far as that is below the same root.
                vfs::absolute_path(&subject.process.system.root, &inode)
            }
        }
    }

    fn target(&self) -> Result<Option<LinkTarget>> {
        let (subject, inode) = self.inode()?;
        Ok(match self.place {
            Place::Executable => subject.process.executable_target(),
            Place::Here | Place::Root => Some(inode.into()),
        })
    }

    fn owner(&self) -> Option<Owner> {
        self.who.owner()
    }
}
