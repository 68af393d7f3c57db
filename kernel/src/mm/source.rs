//! What is behind mappings.

use alloc::{sync::Arc, vec::Vec};

use socket::error::{Errno, Result};
use vfs::{FileSystem, Identity, Inode, OpenFile, WritableMapping, WritingDenied};

/// A file that is mapped, and what keeps it as it is meanwhile.
pub(crate) trait Source: Send + Sync {
    /// The file.
    fn inode(&self) -> &Arc<Inode>;

    /// Its path, as `/proc/PID/maps` shows it, seen from `root`.
    fn path(&self, root: &Arc<Inode>) -> Vec<u8>;

    /// Whether it can be cut meanwhile.
    fn can_be_cut(&self) -> bool {
        true
    }

    /// Fills `into` from `offset` on, as far as the file goes, and says how far.
    ///
    /// # Errors
    /// The file cannot be read.
    fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<usize> {
        self.inode().read_at(offset, into)
    }
}

impl Source for OpenFile {
    fn inode(&self) -> &Arc<Inode> {
        self.inode()
    }

    fn path(&self, root: &Arc<Inode>) -> Vec<u8> {
        self.path(root)
    }
}

impl Source for WritingDenied {
    fn inode(&self) -> &Arc<Inode> {
        self.inode()
    }

    fn path(&self, root: &Arc<Inode>) -> Vec<u8> {
        self.path(root)
    }

    fn can_be_cut(&self) -> bool {
        false
    }
}

/// A file that is open for writing and shared: what is written reaches it.
struct Writable {
    file: Arc<OpenFile>,
    _counted: WritableMapping,
}

impl Source for Writable {
    fn inode(&self) -> &Arc<Inode> {
        self.file.inode()
    }

    fn path(&self, root: &Arc<Inode>) -> Vec<u8> {
        self.file.path(root)
    }
}

/// A file to be mapped shared. With `writable`, it is open for writing; `write` says whether it is to be written to at once.
///
/// # Errors
/// EPERM where it is sealed and to be written to.
pub(crate) fn shared_file(file: Arc<OpenFile>, offset: u64, writable: bool, write: bool) -> Result<Backing> {
    if !writable {
        return Ok(Backing::Shared { source: file, offset, may_write: false });
    }
    match WritableMapping::new(file.inode()) {
        Ok(counted) => {
            let source = Arc::new(Writable { file, _counted: counted });
            Ok(Backing::Shared { source, offset, may_write: true })
        }
        Err(error) if write => Err(error),
        Err(_) => Ok(Backing::Shared { source: file, offset, may_write: false }),
    }
}

/// Memory that processes share: a file without a name.
struct SharedMemory(Arc<Inode>);

impl Source for SharedMemory {
    fn inode(&self) -> &Arc<Inode> {
        &self.0
    }

    fn path(&self, _root: &Arc<Inode>) -> Vec<u8> {
        b"/dev/zero (deleted)".to_vec()
    }

    fn can_be_cut(&self) -> bool {
        false
    }
}

/// Zeros that those who map them share (MAP_SHARED with MAP_ANONYMOUS, or of `/dev/zero`).
///
/// # Errors
/// ENOMEM.
pub(crate) fn shared_memory(
    files: &Arc<FileSystem>,
    who: &Identity,
    length: usize,
) -> Result<Arc<dyn Source>> {
    let inode = Inode::new_memory(files, 0o777, who);
    inode.set_length(length as u64).map_err(|_| Errno::ENOMEM)?;
    Ok(Arc::new(SharedMemory(inode)))
}

/// What is behind a mapping.
#[derive(Clone)]
pub(crate) enum Backing {
    /// Zeros.
    Anonymous,
    /// A file's contents, of whose pages a private copy is made by the first write.
    File {
        source: Arc<dyn Source>,
        /// Of the mapping's first byte, in the file; a multiple of the page size.
        offset: u64,
        /// Bytes from the mapping's start from which on there are zeros, whatever the file has there.
        length: usize,
    },
    /// A file's contents themselves.
    Shared {
        source: Arc<dyn Source>,
        /// As above.
        offset: u64,
        /// Whether they may be written to: the file is open for that.
        may_write: bool,
    },
}

impl Backing {
    /// What is behind the part that begins `by` bytes later.
    pub(super) fn advanced(&self, by: usize) -> Self {
        match self {
            Self::Anonymous => Self::Anonymous,
            Self::File { source, offset, length } => Self::File {
                source: source.clone(),
                offset: offset + by as u64,
                length: length.saturating_sub(by),
            },
            Self::Shared { source, offset, may_write } => {
                Self::Shared { source: source.clone(), offset: offset + by as u64, may_write: *may_write }
            }
        }
    }

    /// Whether `next`, which begins `by` bytes later, is more of the same.
    pub(super) fn continues_in(&self, next: &Self, by: usize) -> bool {
        match (self, next) {
            (Self::Anonymous, Self::Anonymous) => true,
            (
                Self::File { source, offset, length },
                Self::File { source: next, offset: next_offset, length: next_length },
            ) => {
                Arc::ptr_eq(source, next)
                    && offset + by as u64 == *next_offset
                    && length.saturating_sub(by) == *next_length
            }
            (
                Self::Shared { source, offset, may_write },
                Self::Shared { source: next, offset: next_offset, may_write: next_may_write },
            ) => {
                Arc::ptr_eq(source, next) && offset + by as u64 == *next_offset && may_write == next_may_write
            }
            _ => false,
        }
    }

    /// The file, if there is one, and where in it the mapping begins.
    pub(crate) fn file(&self) -> Option<(&Arc<dyn Source>, u64)> {
        match self {
            Self::Anonymous => None,
            Self::File { source, offset, .. } | Self::Shared { source, offset, .. } => {
                Some((source, *offset))
            }
        }
    }

    /// Whether what is written is seen by all who map the same.
    pub(crate) fn is_shared(&self) -> bool {
        matches!(self, Self::Shared { .. })
    }

    /// Whether there is a file whose pages can go while it is mapped.
    pub(super) fn can_be_cut(&self) -> Option<&Arc<Inode>> {
        self.file()
            .map(|(source, _)| source)
            .filter(|source| source.can_be_cut())
            .map(|source| source.inode())
    }
}
