//! Files that code makes when they are looked at: what `/proc` is built from.

use alloc::{boxed::Box, sync::Arc, vec::Vec};

use socket::error::{Errno, Error, Result};

use super::{Directory, FileType, Inode, Located, Node};
use crate::{
    file_system::FileSystem,
    identity::{Access, Identity},
};

/// Makes the contents of a file; called without any lock of this crate.
pub type Generate = Box<dyn Fn() -> Result<Vec<u8>> + Send + Sync>;

/// User and group that something belongs to.
pub type Owner = (u32, u32);

/// A file whose contents code makes, and perhaps takes: `/proc/sys`. Called without any lock of this crate.
pub trait Generated: Send + Sync {
    /// The contents, made anew each time the file is read from its start.
    ///
    /// # Errors
    /// Whatever read(2) shall fail with.
    fn read(&self) -> Result<Vec<u8>>;

    /// Whether reading goes on where it stopped. Otherwise what the first call had no room for is lost, as Linux has it for
    /// the numbers in `/proc/sys`.
    fn continues(&self) -> bool {
        true
    }

    /// Whether lseek(2) counts from the end, which is at 0, rather than fail.
    fn has_end(&self) -> bool {
        false
    }

    /// Takes what is written at `offset`, at most 64 KiB of it, and says how much of it.
    ///
    /// # Errors
    /// Whatever write(2) shall fail with: EINVAL where nothing can be written.
    fn write(&self, offset: u64, bytes: &[u8]) -> Result<usize> {
        let _ = (offset, bytes);
        Err(Error::new(Errno::EINVAL, "the file takes nothing"))
    }

    /// Whether `who` may do what is `wanted`, where owner and mode say `by_mode`.
    fn permits(&self, who: &Identity, wanted: Access, by_mode: bool) -> bool {
        let _ = (who, wanted);
        by_mode
    }

    /// The file is being opened by one whom [`Generated::permits`].
    ///
    /// # Errors
    /// Whatever open(2) shall fail with.
    fn open(&self) -> Result<()> {
        Ok(())
    }

    /// Whom it belongs to, where that is not the one it was made for.
    fn owner(&self) -> Option<Owner> {
        None
    }
}

/// A file that can only be read.
struct ReadOnly(Generate);

impl Generated for ReadOnly {
    fn read(&self) -> Result<Vec<u8>> {
        (self.0)()
    }
}

/// Where a link leads: an inode, and the name under which it was found.
pub struct LinkTarget {
    pub(crate) inode: Arc<Inode>,
    pub(crate) located: Option<Located>,
}

impl From<Arc<Inode>> for LinkTarget {
    fn from(inode: Arc<Inode>) -> Self {
        Self { inode, located: None }
    }
}

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
    fn target(&self) -> Result<Option<LinkTarget>> {
        Ok(None)
    }

    /// Whom it belongs to, where that is not the one it was made for.
    fn owner(&self) -> Option<Owner> {
        None
    }

    /// Permissions of the link itself, which lstat(2) shows and nothing checks.
    fn mode(&self) -> u32 {
        0o777
    }
}

/// A directory whose entries code decides, such as `/proc` with its processes.
pub trait Populate: Send + Sync {
    /// The entry of that name.
    ///
    /// # Errors
    /// Whatever the look-up shall fail with; that there is none is not an error.
    fn child(&self, name: &[u8]) -> Result<Option<Arc<Inode>>>;

    /// Entries from position `from` on, by position: all, or at least `most` of them.
    ///
    /// # Errors
    /// Whatever getdents64(2) shall fail with.
    fn entries(&self, from: u64, most: usize) -> Result<Vec<PopulateEntry>>;

    /// Whether `who` may do what is `wanted`, where owner and mode say `by_mode`.
    fn permits(&self, who: &Identity, wanted: Access, by_mode: bool) -> bool {
        let _ = (who, wanted);
        by_mode
    }

    /// Whom it belongs to, where that is not the one it was made for.
    fn owner(&self) -> Option<Owner> {
        None
    }
}

/// An entry of a directory that code makes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PopulateEntry {
    /// Where in the directory it is: the same as long as it is there, so that who reads on after others have gone misses
    /// nothing.
    pub position: u64,
    /// Its name.
    pub name: Vec<u8>,
    /// Its type.
    pub file_type: FileType,
}

pub(crate) enum Synthetic {
    File(Box<dyn Generated>),
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
            Self::File(file) => file.read(),
            Self::Link(_) => Err(Error::new(Errno::EINVAL, "a link has no contents")),
        }
    }

    pub(super) fn owner(&self) -> Option<Owner> {
        match self {
            Self::File(file) => file.owner(),
            Self::Link(link) => link.owner(),
        }
    }

    pub(super) fn permits(&self, who: &Identity, wanted: Access, by_mode: bool) -> bool {
        match self {
            Self::File(file) => file.permits(who, wanted, by_mode),
            Self::Link(_) => by_mode,
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
        Self::new_synthetic(file_system, mode, Box::new(ReadOnly(generate)))
    }

    /// A file whose contents code makes each time it is read from its start, and which code may let be written.
    #[must_use]
    pub fn new_synthetic(file_system: &Arc<FileSystem>, mode: u32, file: Box<dyn Generated>) -> Arc<Self> {
        Self::new(file_system, Node::Synthetic(Synthetic::File(file)), mode, 0, 0)
    }

    /// A symbolic link whose target code decides.
    #[must_use]
    pub fn new_magic_link(file_system: &Arc<FileSystem>, link: Box<dyn MagicLink>) -> Arc<Self> {
        let mode = link.mode();
        Self::new(file_system, Node::Synthetic(Synthetic::Link(link)), mode, 0, 0)
    }

    /// A directory whose entries code decides.
    #[must_use]
    pub fn new_populated(file_system: &Arc<FileSystem>, mode: u32, populate: Box<dyn Populate>) -> Arc<Self> {
        Self::new(file_system, Node::Directory(Directory::made(populate)), mode, 0, 0)
    }
}
