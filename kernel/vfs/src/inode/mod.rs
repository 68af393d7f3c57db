//! Inodes: what a file is, apart from its names.

mod attributes;
mod directory;
mod regular;
mod rename;
mod seals;
mod space;
mod synthetic;

use alloc::{boxed::Box, sync::Arc, vec::Vec};
use core::{
    ops::Range,
    sync::atomic::{AtomicBool, AtomicI32, Ordering},
};

use linux_raw_sys::general as uapi;
use socket::{
    caller::NodeId,
    error::{Errno, Error, Result},
};
use spin::{Mutex, Once};

use self::regular::Contents;
pub use self::{
    attributes::{Attributes, SetTime, Timestamp},
    rename::RenameFlags,
    seals::WritableMapping,
    synthetic::{Generate, Generated, LinkTarget, MagicLink, Owner, Populate, PopulateEntry},
};
pub(crate) use self::{
    directory::{Directory, DirectoryEntry, Located, Name, check_length},
    rename::{Side, rename},
    synthetic::Synthetic,
};
use crate::{
    file_system::FileSystem,
    identity::{Access, Identity},
    lock::Locks,
    pages::Page,
    pipe::Fifo,
};

/// The type of a file, with the values of `st_mode` (inode(7)).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum FileType {
    /// Named pipe, or a pipe without a name.
    Fifo = uapi::S_IFIFO,
    /// Character device.
    CharacterDevice = uapi::S_IFCHR,
    /// Directory.
    Directory = uapi::S_IFDIR,
    /// Block device.
    BlockDevice = uapi::S_IFBLK,
    /// Regular file.
    Regular = uapi::S_IFREG,
    /// Symbolic link.
    Symlink = uapi::S_IFLNK,
    /// Socket.
    Socket = uapi::S_IFSOCK,
    /// None: what calls like eventfd(2) make. stat(2) shows no type for it.
    Anonymous = 0,
}

impl FileType {
    /// The bits of `st_mode`.
    #[must_use]
    pub const fn mode(self) -> u32 {
        self as u32
    }

    /// The type in `mode`, if it holds one.
    #[must_use]
    pub const fn of_mode(mode: u32) -> Option<Self> {
        Some(match mode & uapi::S_IFMT {
            uapi::S_IFIFO => Self::Fifo,
            uapi::S_IFCHR => Self::CharacterDevice,
            uapi::S_IFDIR => Self::Directory,
            uapi::S_IFBLK => Self::BlockDevice,
            uapi::S_IFREG => Self::Regular,
            uapi::S_IFLNK => Self::Symlink,
            uapi::S_IFSOCK => Self::Socket,
            _ => return None,
        })
    }

    /// `d_type` of getdents64(2).
    #[must_use]
    pub const fn entry_type(self) -> u8 {
        (self.mode() >> 12) as u8
    }
}

/// What an inode holds, by type.
pub(crate) enum Node {
    Directory(Directory),
    Regular(Mutex<Contents>),
    Symlink(Target),
    Socket,
    Fifo(Fifo),
    /// A device, by number; `block` devices cannot be opened.
    Device {
        block: bool,
        rdev: u64,
    },
    /// Made by code when it is looked at: `/proc`.
    Synthetic(Synthetic),
    /// Nothing: the inode of all files that the kernel makes for calls like eventfd(2).
    Anonymous,
}

/// The text of a symbolic link, counted on its file system until dropped.
pub(crate) struct Target {
    file_system: Arc<FileSystem>,
    text: Box<[u8]>,
}

impl Drop for Target {
    fn drop(&mut self) {
        self.file_system.give_back_bytes(self.text.len() as u64);
    }
}

/// A file, apart from its names.
///
/// Lock order: [`FileSystem::structure`], then a parent's entries, then a child's entries, then attributes or contents.
pub struct Inode {
    file_system: Arc<FileSystem>,
    number: u64,
    attributes: Mutex<Attributes>,
    pub(crate) node: Node,
    /// Positive: so many writers. Negative: so many who forbid writing.
    write_access: AtomicI32,
    /// Whether it can be given a name even though it has none (O_TMPFILE).
    pub(crate) linkable: AtomicBool,
    /// Made when something of it is locked for the first time.
    locks: Once<Box<Locks>>,
}

impl Inode {
    /// An inode without a name. `mode` holds permission and set-id bits.
    pub(crate) fn new(file_system: &Arc<FileSystem>, node: Node, mode: u32, uid: u32, gid: u32) -> Arc<Self> {
        let now = Timestamp::from(file_system.environment().now());
        let nlink = if matches!(node.file_type(), FileType::Directory) { 2 } else { 1 };
        Arc::new(Self {
            number: file_system.next_inode(),
            file_system: file_system.clone(),
            attributes: Mutex::new(Attributes::new(mode & 0o7777, uid, gid, nlink, now)),
            node,
            write_access: AtomicI32::new(0),
            linkable: AtomicBool::new(false),
            locks: Once::new(),
        })
    }

    /// What is locked of it.
    pub(crate) fn locks(&self) -> &Locks {
        self.locks.call_once(|| Box::new(Locks::new()))
    }

    /// As [`Inode::locks`], where something was ever locked.
    pub(crate) fn locks_held(&self) -> Option<&Locks> {
        self.locks.get().map(|locks| &**locks)
    }

    /// Takes the name away that a new inode counts as having.
    pub(crate) fn make_nameless(&self, linkable: bool) {
        self.linkable.store(linkable, Ordering::Relaxed);
        self.update(|attributes| attributes.nlink = 0);
    }

    /// The root of a new tree: a directory that root owns.
    #[must_use]
    pub fn new_root(file_system: &Arc<FileSystem>, mode: u32) -> Arc<Self> {
        Self::new(file_system, Node::Directory(Directory::new_root()), mode, 0, 0)
    }

    /// The inode that all files share which calls like eventfd(2) make; root's, without a name.
    #[must_use]
    pub fn new_anonymous(file_system: &Arc<FileSystem>) -> Arc<Self> {
        Self::new(file_system, Node::Anonymous, 0o600, 0, 0)
    }

    /// A regular file without a name, for memory that is shared: empty, `who`'s.
    #[must_use]
    pub fn new_memory(file_system: &Arc<FileSystem>, mode: u32, who: &Identity) -> Arc<Self> {
        let inode = Self::new(file_system, Node::empty_file(), mode, who.uid, who.gid);
        inode.make_nameless(false);
        inode
    }

    /// The file system that it is on.
    #[must_use]
    pub fn file_system(&self) -> &Arc<FileSystem> {
        &self.file_system
    }

    /// Its number on that file system.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Its identity among all inodes: no two ever have the same, not even one after the other.
    #[must_use]
    pub fn id(&self) -> NodeId {
        NodeId { device: self.file_system.device(), inode: self.number }
    }

    /// Its type.
    #[must_use]
    pub fn file_type(&self) -> FileType {
        self.node.file_type()
    }

    /// Whether it is a directory.
    #[must_use]
    pub fn is_directory(&self) -> bool {
        self.file_type() == FileType::Directory
    }

    /// Whether it is the root of its file system.
    #[must_use]
    pub fn is_root(&self) -> bool {
        match &self.node {
            Node::Directory(directory) => directory.is_root(self),
            _ => false,
        }
    }

    /// The device number of a device node; 0 for everything else.
    #[must_use]
    pub fn device_number(&self) -> u64 {
        match self.node {
            Node::Device { rdev, .. } => rdev,
            _ => 0,
        }
    }

    /// Its length in bytes (`st_size`).
    #[must_use]
    pub fn length(&self) -> u64 {
        match &self.node {
            Node::Regular(contents) => contents.lock().length(),
            Node::Directory(directory) => directory.size(),
            Node::Symlink(target) => target.text.len() as u64,
            _ => 0,
        }
    }

    /// The bytes of its contents that are not in holes, in whole pages (`st_blocks`).
    #[must_use]
    pub fn occupied(&self) -> u64 {
        match &self.node {
            Node::Regular(contents) => contents.lock().occupied(),
            _ => 0,
        }
    }

    /// The bytes of memory that its contents take up, without those that are the boot image's.
    #[must_use]
    pub fn allocated(&self) -> u64 {
        match &self.node {
            Node::Regular(contents) => contents.lock().allocated(),
            _ => 0,
        }
    }

    /// Reads contents from `offset` on: a regular file, or one made by code (in one go from its start).
    ///
    /// Returns how many bytes there were, fewer than asked for at the end of the file only.
    ///
    /// # Errors
    /// EISDIR for a directory, EINVAL where there are no contents.
    pub fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<usize> {
        match &self.node {
            Node::Regular(contents) => Ok(contents.lock().read_at(offset, into)),
            Node::Synthetic(synthetic) => {
                let bytes = synthetic.generate()?;
                let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
                let length = into.len().min(bytes.len() - start);
                into[..length].copy_from_slice(&bytes[start..start + length]);
                Ok(length)
            }
            Node::Directory(_) => Err(Errno::EISDIR.into()),
            _ => Err(Error::new(Errno::EINVAL, "the file has no contents")),
        }
    }

    /// The contents from `offset` on that still are those of the boot image, without a copy; `None` where there are none.
    #[must_use]
    pub fn borrowed(&self, offset: u64) -> Option<&'static [u8]> {
        match &self.node {
            Node::Regular(contents) => contents.lock().borrowed(offset),
            _ => None,
        }
    }

    /// Writes contents at `offset`; returns how many bytes were written.
    ///
    /// # Errors
    /// ENOSPC where not even one byte fits, EFBIG past the largest offset, EINVAL where there are no contents.
    pub fn write_at(&self, offset: u64, from: &[u8]) -> Result<usize> {
        self.regular()?.lock().write_at(&self.file_system, offset, from)
    }

    /// Writes at the end; returns how many bytes were written, and the offset after them.
    ///
    /// # Errors
    /// As [`Inode::write_at`].
    pub fn append(&self, from: &[u8]) -> Result<(usize, u64)> {
        let mut contents = self.regular()?.lock();
        let end = contents.length();
        let written = contents.write_at(&self.file_system, end, from)?;
        Ok((written, end + written as u64))
    }

    /// Cuts or extends a regular file (ftruncate(2)).
    ///
    /// # Errors
    /// EINVAL where there are no contents, EFBIG past the largest offset, EPERM where it is sealed.
    pub fn set_length(&self, length: u64) -> Result<()> {
        if length > i64::MAX as u64 {
            return Err(Errno::EFBIG.into());
        }
        if self.is_generated() {
            // As on Linux: what code makes has no length to change.
            return Ok(());
        }
        let released = {
            let mut contents = self.regular()?.lock();
            contents.seals.check_length(contents.length(), length)?;
            contents.set_length(length)
        };
        if let Some(first) = released.mapped_from {
            self.file_system.environment().pages().cut(self.id(), first);
        }
        self.file_system.give_back_bytes(released.bytes());
        self.file_system.uncount_copied(released.copied());
        drop(released);
        Ok(())
    }

    /// Says that it is mapped: from now on [`crate::PageStore::cut`] is told of pages that it loses.
    pub fn set_mapped(&self) {
        if let Node::Regular(contents) = &self.node {
            contents.lock().mapped = true;
        }
    }

    /// Whether its contents are in pages, which can be mapped.
    #[must_use]
    pub fn has_pages(&self) -> bool {
        matches!(self.node, Node::Regular(_))
    }

    /// Whether the byte at `offset` is in no hole.
    #[must_use]
    pub fn is_occupied(&self, offset: u64) -> bool {
        matches!(&self.node, Node::Regular(contents) if contents.lock().is_occupied(offset))
    }

    /// The page of that number of a regular file, to be mapped; with `write` one that may be written to. `None` behind the
    /// end.
    ///
    /// # Errors
    /// ENOSPC; ENODEV where there are no pages.
    pub fn page(self: &Arc<Self>, number: u64, write: bool) -> Result<Option<Arc<dyn Page>>> {
        let Node::Regular(contents) = &self.node else { return Err(Errno::ENODEV.into()) };
        let mut contents = contents.lock();
        let first = contents.copied() == 0;
        let page = contents.page_to_map(&self.file_system, number, write)?;
        let first = first && contents.copied() != 0;
        drop(contents);
        if first {
            self.file_system.has_copies(self);
        }
        Ok(page)
    }

    /// The pages with the given numbers that exist and can be read as they are.
    pub fn pages_at_hand(&self, numbers: Range<u64>, mut take: impl FnMut(u64, Arc<dyn Page>)) {
        let Node::Regular(contents) = &self.node else { return };
        let contents = contents.lock();
        for number in numbers {
            if let Some(page) = contents.page_at_hand(number) {
                take(number, page);
            }
        }
    }

    /// Gives up copies that nobody maps: how many bytes, and whether others are left.
    pub(crate) fn give_up_copies(&self) -> (u64, bool) {
        let Node::Regular(contents) = &self.node else { return (0, false) };
        let (released, left) = {
            let mut contents = contents.lock();
            (contents.shrink(), contents.copied() != 0)
        };
        self.file_system.uncount_copied(released.copied());
        (released.copied(), left)
    }

    /// The text of a symbolic link.
    ///
    /// # Errors
    /// EINVAL where it is none.
    pub fn read_link(&self) -> Result<Vec<u8>> {
        match &self.node {
            Node::Symlink(target) => Ok(target.text.to_vec()),
            Node::Synthetic(Synthetic::Link(link)) => link.text(),
            _ => Err(Error::new(Errno::EINVAL, "not a symbolic link")),
        }
    }

    /// Where following a link that code makes leads, if it does not follow its text.
    pub(crate) fn magic_target(&self) -> Result<Option<LinkTarget>> {
        match &self.node {
            Node::Synthetic(Synthetic::Link(link)) => link.target(),
            _ => Ok(None),
        }
    }

    /// Replaces the contents of a regular file by ones that are borrowed.
    pub(crate) fn set_borrowed(&self, bytes: &'static [u8]) -> Result<()> {
        let mut contents = self.regular()?.lock();
        let old = core::mem::replace(&mut *contents, Contents::borrowed_from(bytes));
        drop(contents);
        self.file_system.give_back_bytes(old.allocated());
        self.file_system.uncount_copied(old.copied());
        Ok(())
    }

    /// Whether it has contents that can be cut.
    pub(crate) fn check_truncatable(&self) -> Result<()> {
        if self.is_generated() { Ok(()) } else { self.regular().map(drop) }
    }

    /// Whether code makes it.
    pub(crate) fn is_synthetic(&self) -> bool {
        match &self.node {
            Node::Synthetic(_) => true,
            Node::Directory(directory) => directory.is_made(),
            _ => false,
        }
    }

    fn is_generated(&self) -> bool {
        matches!(self.node, Node::Synthetic(Synthetic::File(_)))
    }

    fn regular(&self) -> Result<&Mutex<Contents>> {
        match &self.node {
            Node::Regular(contents) => Ok(contents),
            Node::Directory(_) => Err(Errno::EISDIR.into()),
            _ => Err(Error::new(Errno::EINVAL, "not a regular file")),
        }
    }

    /// Counts a writer.
    ///
    /// # Errors
    /// ETXTBSY while a program runs from the file.
    pub(crate) fn begin_writing(&self) -> Result<()> {
        self.write_access
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| (count >= 0).then(|| count + 1))
            .map(drop)
            .map_err(|_| Error::new(Errno::ETXTBSY, "a program runs from it"))
    }

    pub(crate) fn end_writing(&self) {
        self.write_access.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether `who` may run a program from it.
    ///
    /// # Errors
    /// EACCES where it is no regular file or may not be executed.
    pub(crate) fn check_program(&self, who: &Identity) -> Result<()> {
        if self.file_type() != FileType::Regular {
            return Err(Error::new(Errno::EACCES, "not a regular file"));
        }
        self.check(who, Access::EXECUTE)
    }

    /// Forbids opening the file for writing as long as the returned value lives: for a program that runs from it.
    ///
    /// # Errors
    /// ETXTBSY while it is open for writing (execve(2)).
    pub fn deny_writing(self: &Arc<Self>) -> Result<WritingDenied> {
        self.write_access
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| (count <= 0).then(|| count - 1))
            .map_err(|_| Error::new(Errno::ETXTBSY, "it is open for writing"))?;
        Ok(WritingDenied { inode: self.clone(), located: None, denied: true })
    }
}

impl Drop for Inode {
    fn drop(&mut self) {
        if let Node::Regular(contents) = &mut self.node {
            let contents = contents.get_mut();
            self.file_system.give_back_bytes(contents.allocated());
            self.file_system.uncount_copied(contents.copied());
        }
        self.file_system.inode_gone();
        // A removed directory keeps the one above alive, which may be removed too, and so on: dropped one by one, as a
        // program can make that chain longer than the stack is deep.
        let mut above = self.take_removed_parent();
        while let Some(inode) = above {
            above = Arc::into_inner(inode).and_then(|mut inode| inode.take_removed_parent());
        }
    }
}

impl Inode {
    fn take_removed_parent(&mut self) -> Option<Arc<Self>> {
        match &mut self.node {
            Node::Directory(directory) => directory.take_removed_parent(),
            _ => None,
        }
    }
}

impl Node {
    /// A regular file without contents.
    pub(crate) fn empty_file() -> Self {
        Self::Regular(Mutex::new(Contents::default()))
    }

    /// A regular file with the contents of the boot image.
    pub(crate) fn borrowed_file(bytes: &'static [u8]) -> Self {
        Self::Regular(Mutex::new(Contents::borrowed_from(bytes)))
    }

    /// A symbolic link; its text counts on `file_system`.
    pub(crate) fn symlink(file_system: &Arc<FileSystem>, text: &[u8]) -> Result<Self> {
        file_system.take_bytes(text.len() as u64)?;
        Ok(Self::Symlink(Target { file_system: file_system.clone(), text: text.into() }))
    }

    fn file_type(&self) -> FileType {
        match self {
            Self::Directory(_) => FileType::Directory,
            Self::Regular(_) => FileType::Regular,
            Self::Symlink(_) => FileType::Symlink,
            Self::Socket => FileType::Socket,
            Self::Fifo(_) => FileType::Fifo,
            Self::Device { block: true, .. } => FileType::BlockDevice,
            Self::Device { block: false, .. } => FileType::CharacterDevice,
            Self::Synthetic(synthetic) => synthetic.file_type(),
            Self::Anonymous => FileType::Anonymous,
        }
    }
}

/// A program runs from a file: nobody opens it for writing.
pub struct WritingDenied {
    inode: Arc<Inode>,
    located: Option<Located>,
    denied: bool,
}

impl WritingDenied {
    /// Lets the file be opened for writing again, while the program that runs from it still names it.
    #[must_use]
    pub fn allow_writing(mut self) -> Self {
        if core::mem::take(&mut self.denied) {
            self.inode.write_access.fetch_add(1, Ordering::Relaxed);
        }
        self
    }

    /// Says under which name the file was found.
    pub(crate) fn located(mut self, located: Option<Located>) -> Self {
        self.located = located;
        self
    }

    /// The path under which the file was found, as `/proc/self/exe` shows it, seen from `root`; ` (deleted)` follows where
    /// it is no longer there.
    #[must_use]
    pub fn path(&self, root: &Arc<Inode>) -> Vec<u8> {
        self.located
            .as_ref()
            .map_or_else(|| b" (deleted)".to_vec(), |located| located.path(root, &self.inode))
    }

    /// The file.
    #[must_use]
    pub fn inode(&self) -> &Arc<Inode> {
        &self.inode
    }

    /// Where a link to the program leads.
    #[must_use]
    pub fn target(&self) -> LinkTarget {
        LinkTarget { inode: self.inode.clone(), located: self.located.clone() }
    }
}

impl Drop for WritingDenied {
    fn drop(&mut self) {
        if self.denied {
            self.inode.write_access.fetch_add(1, Ordering::Relaxed);
        }
    }
}
