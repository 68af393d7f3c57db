//! What calls with paths have in common: where a path starts, and what descriptors name.

use alloc::{sync::Arc, vec::Vec};

use ::socket::error::{Errno, Error, Result};
use linux_raw_sys::general::{AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW};
use vfs::{Follow, Handle, Inode, PATH_MAX, Walker};

use crate::context::Context;

/// Reads a path.
///
/// # Errors
/// EFAULT, ENAMETOOLONG.
pub(super) fn path(context: &Context, address: usize) -> Result<Vec<u8>> {
    context.space.read_string(address, PATH_MAX)
}

/// Resolves `path` from the directory behind a descriptor, which is not looked at where the path is absolute.
///
/// # Errors
/// EBADF, ENOTDIR; what `f` fails with.
pub(super) fn walk<T>(
    context: &Context,
    directory: i32,
    path: &[u8],
    f: impl FnOnce(&Walker<'_>) -> Result<T>,
) -> Result<T> {
    if directory == AT_FDCWD || path.is_empty() || path[0] == b'/' {
        return context.walk(f);
    }
    let start = start(context, directory)?;
    context.walk_from(&start, f)
}

/// The directory behind a descriptor.
fn start(context: &Context, descriptor: i32) -> Result<Arc<Inode>> {
    match context.files.get(descriptor)? {
        Handle::File(file) if file.inode().is_directory() => Ok(file.inode().clone()),
        _ => Err(Error::new(Errno::ENOTDIR, "a relative path starts there")),
    }
}

/// What a descriptor with a path names.
pub(super) enum Named {
    /// An inode.
    Inode(Arc<Inode>),
    /// What is behind the descriptor itself: the path is empty, with AT_EMPTY_PATH.
    Descriptor(Handle),
}

impl Named {
    /// The inode.
    ///
    /// # Errors
    /// EOPNOTSUPP for a socket, whose inode is in no file system.
    pub(super) fn inode(self) -> Result<Arc<Inode>> {
        match self {
            Self::Inode(inode) => Ok(inode),
            Self::Descriptor(handle) => inode_of(&handle),
        }
    }
}

/// The inode of an open file.
///
/// # Errors
/// EOPNOTSUPP for a socket, whose inode is in no file system.
pub(super) fn inode_of(handle: &Handle) -> Result<Arc<Inode>> {
    match handle {
        Handle::File(file) => Ok(file.inode().clone()),
        Handle::Socket(_) => Err(Error::new(Errno::EOPNOTSUPP, "sockets have no attributes to change")),
    }
}

/// What a descriptor, the path at `address` and flags with AT_EMPTY_PATH and AT_SYMLINK_NOFOLLOW name.
///
/// # Errors
/// As path_resolution(7), EBADF, EFAULT.
pub(super) fn named(context: &Context, directory: i32, address: usize, flags: u32) -> Result<Named> {
    let empty_allowed = flags & AT_EMPTY_PATH != 0;
    // Since Linux 6.11, NULL is as good as an empty path here.
    let path = if empty_allowed && address == 0 { Vec::new() } else { path(context, address)? };
    if path.is_empty() && empty_allowed {
        return if directory == AT_FDCWD {
            Ok(Named::Inode(context.fs.working_directory()))
        } else {
            context.files.get(directory).map(Named::Descriptor)
        };
    }
    walk(context, directory, &path, |walker| walker.find(&path, follow(flags))).map(Named::Inode)
}

/// What AT_SYMLINK_NOFOLLOW says.
pub(super) fn follow(flags: u32) -> Follow {
    if flags & AT_SYMLINK_NOFOLLOW != 0 { Follow::No } else { Follow::Yes }
}

/// Refuses flags other than `known`.
///
/// # Errors
/// EINVAL.
pub(super) fn check_flags(flags: u32, known: u32) -> Result<()> {
    if flags & !known == 0 { Ok(()) } else { Err(Error::new(Errno::EINVAL, "no such flag")) }
}

/// A length of a file.
///
/// # Errors
/// EINVAL where it is negative.
pub(super) fn length(length: usize) -> Result<u64> {
    u64::try_from(length as i64).map_err(|_| Error::new(Errno::EINVAL, "a negative length"))
}
