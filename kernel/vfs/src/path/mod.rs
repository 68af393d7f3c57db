//! Paths: what path_resolution(7) says, and the calls that take names.

mod attributes;
mod create;
mod name;
mod open;
mod remove;
mod walk;

use alloc::sync::Arc;

pub use self::{
    name::absolute_path,
    open::{Opened, check_open_flags},
    walk::Follow,
};
pub(crate) use self::{open::OpenFlags, walk::Found};
use crate::{identity::Identity, inode::Inode};

/// The longest path, in bytes, its final NUL counted (`PATH_MAX`).
pub const PATH_MAX: usize = linux_raw_sys::general::PATH_MAX as usize;

/// How many symbolic links one resolution follows at most (path_resolution(7)).
pub(crate) const MAX_LINKS: u32 = 40;

/// From where and on whose behalf paths are resolved.
#[derive(Clone, Copy)]
pub struct Walker<'a> {
    /// Where absolute paths start, and above which `..` does not lead.
    pub root: &'a Arc<Inode>,
    /// Where relative paths start: the working directory, or that of a descriptor.
    pub start: &'a Arc<Inode>,
    /// Whose permissions count.
    pub who: &'a Identity,
}
