//! Files that code makes when they are looked at: what `/proc` is built from.

use alloc::{boxed::Box, sync::Arc, vec::Vec};

use socket::error::{Errno, Error, Result};

use super::{Directory, FileType, Inode, Node};
use crate::file_system::FileSystem;

/// Makes the contents of a file; called without any lock of this crate.
pub type Generate = Box<dyn Fn() -> Result<Vec<u8>> + Send + Sync>;

/// A symbolic link whose target code decides, such as `/proc/self/exe`.
pub trait MagicLink: Send + Sync {
    /// What readlink(2) shows.
    ///
    /// # Errors
    /// As readlink(2): ENOENT where there is nothing to point at.
    fn text(&self) -> Result<Vec<u8>>;

    /// Where following it leads, whatever the text says; `None` follows the text.
    ///
    /// # Errors
    /// As path_resolution(7).
    fn target(&self) -> Result<Option<Arc<Inode>>> {
        Ok(None)
    }
}

/// A directory whose entries code decides, such as `/proc` with its processes.
pub trait Populate: Send + Sync {
    /// The entry of that name.
    ///
    /// # Errors
    /// Whatever the look-up shall fail with; that there is none is not an error.
    fn child(&self, name: &[u8]) -> Result<Option<Arc<Inode>>>;

    /// All names, in an order that does not change as long as they stay.
    ///
    /// # Errors
    /// Whatever getdents64(2) shall fail with.
    fn names(&self) -> Result<Vec<(Vec<u8>, FileType)>>;
}

pub(crate) enum Synthetic {
    File(Generate),
    Link(Box<dyn MagicLink>),
}

impl Synthetic {
    pub(super) fn file_type(&self) -> FileType {
        match self {
            Self::File(_) => FileType::Regular,
            Self::Link(_) => FileType::Symlink,
        }
    }

    pub(crate) fn generate(&self) -> Result<Vec<u8>> {
        match self {
            Self::File(generate) => generate(),
            Self::Link(_) => Err(Error::new(Errno::EINVAL, "a link has no contents")),
        }
    }
}

/// Inodes for trees that the kernel builds. They belong to root.
impl Inode {
    /// An empty directory without a name.
    #[must_use]
    pub fn new_directory(file_system: &Arc<FileSystem>, mode: u32) -> Arc<Self> {
        Self::new_root(file_system, mode)
    }

    /// A character device node.
    #[must_use]
    pub fn new_device(file_system: &Arc<FileSystem>, mode: u32, rdev: u64) -> Arc<Self> {
        Self::new(file_system, Node::Device { block: false, rdev }, mode, 0, 0)
    }

    /// A symbolic link.
    ///
    /// # Errors
    /// ENOSPC.
    pub fn new_symlink(file_system: &Arc<FileSystem>, text: &[u8]) -> Result<Arc<Self>> {
        Ok(Self::new(file_system, Node::symlink(file_system, text)?, 0o777, 0, 0))
    }

    /// A file that cannot be written and whose contents code makes each time it is read from its start.
    #[must_use]
    pub fn new_generated(file_system: &Arc<FileSystem>, mode: u32, generate: Generate) -> Arc<Self> {
        Self::new(file_system, Node::Synthetic(Synthetic::File(generate)), mode, 0, 0)
    }

    /// A symbolic link whose target code decides.
    #[must_use]
    pub fn new_magic_link(file_system: &Arc<FileSystem>, link: Box<dyn MagicLink>) -> Arc<Self> {
        Self::new(file_system, Node::Synthetic(Synthetic::Link(link)), 0o777, 0, 0)
    }

    /// A directory whose entries code decides.
    #[must_use]
    pub fn new_populated(file_system: &Arc<FileSystem>, mode: u32, populate: Box<dyn Populate>) -> Arc<Self> {
        Self::new(file_system, Node::Directory(Directory::made(populate)), mode, 0, 0)
    }
}
