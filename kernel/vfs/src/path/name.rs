//! From inodes back to paths (getcwd(3)).

use alloc::{sync::Arc, vec::Vec};

use socket::error::{Errno, Error, Result};

use super::PATH_MAX;
use crate::inode::{Inode, Located};

/// The absolute path of a directory, seen from `root`; one that is not below it starts with `(unreachable)`.
///
/// # Errors
/// ENOENT for a directory that was removed, ENAMETOOLONG for one that is too deep for a path.
pub fn absolute_path(root: &Arc<Inode>, directory: &Arc<Inode>) -> Result<Vec<u8>> {
    let mut names = Vec::new();
    let mut length = 1;
    let mut at = directory.clone();
    let reachable = loop {
        if Arc::ptr_eq(&at, root) {
            break true;
        }
        if at.is_removed() {
            return Err(Error::new(Errno::ENOENT, "the directory was removed"));
        }
        match at.place()? {
            Some(located) => {
                length += located.name.len() + 1;
                if length > PATH_MAX {
                    return Err(Errno::ENAMETOOLONG.into());
                }
                names.push(located.name);
                at = located.directory;
            }
            None => break false,
        }
    };
    let mut path = Vec::from(if reachable { b"".as_slice() } else { b"(unreachable)" });
    if names.is_empty() {
        path.push(b'/');
    }
    for name in names.iter().rev() {
        path.push(b'/');
        path.extend_from_slice(name);
    }
    Ok(path)
}

impl Located {
    /// The path of `inode`, which was found under this name; ` (deleted)` follows where that is no longer so.
    pub(crate) fn path(&self, root: &Arc<Inode>, inode: &Arc<Inode>) -> Vec<u8> {
        let (mut path, mut there) = match absolute_path(root, &self.directory) {
            Ok(path) => (path, true),
            Err(_) => (Vec::from(b"/".as_slice()), false),
        };
        // What never had a name, as shared memory, is shown as if it were in the root directory.
        if self.directory.is_root() && path.starts_with(b"(unreachable)") {
            path.clear();
            there = false;
        }
        if path.last() != Some(&b'/') {
            path.push(b'/');
        }
        path.extend_from_slice(&self.name);
        there &= self
            .directory
            .child(&self.name)
            .is_ok_and(|child| child.is_some_and(|child| Arc::ptr_eq(&child, inode)));
        if !there {
            path.extend_from_slice(b" (deleted)");
        }
        path
    }
}
