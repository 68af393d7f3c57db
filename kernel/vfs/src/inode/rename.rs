//! rename(2): the one operation that changes two directories at once.

use alloc::sync::Arc;

use bitflags::bitflags;
use linux_raw_sys::general as uapi;
use socket::error::{Errno, Error, Result};
use spin::MutexGuard;

use super::{
    Inode,
    directory::{Entries, Name, check_length},
};
use crate::identity::{Access, Identity};

bitflags! {
    /// Flags of renameat2(2).
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct RenameFlags: u32 {
        /// Fail where the new name exists.
        const NOREPLACE = uapi::RENAME_NOREPLACE;
        /// Swap the two.
        const EXCHANGE = uapi::RENAME_EXCHANGE;
    }
}

/// One side of a rename: a directory, a name in it, and whether a slash followed the name.
pub(crate) struct Side<'a> {
    pub(crate) directory: &'a Arc<Inode>,
    pub(crate) name: &'a [u8],
    pub(crate) slash: bool,
}

/// The entries of the two directories, which may be one.
struct Both<'a> {
    old: MutexGuard<'a, Entries>,
    new: Option<MutexGuard<'a, Entries>>,
}

impl<'a> Both<'a> {
    /// Locks both. The order does not matter as the structure of the file system is locked.
    fn lock(old: &'a Arc<Inode>, new: &'a Arc<Inode>) -> Result<Self> {
        let first = old.directory()?.entries()?;
        let second = if Arc::ptr_eq(old, new) { None } else { Some(new.directory()?.entries()?) };
        Ok(Self { old: first, new: second })
    }

    fn target_entries(&mut self) -> &mut Entries {
        self.new.as_mut().unwrap_or(&mut self.old)
    }
}

/// Renames, in the order of checks of Linux's `vfs_rename`.
pub(crate) fn rename(who: &Identity, old: &Side<'_>, new: &Side<'_>, flags: RenameFlags) -> Result<()> {
    let file_system = old.directory.file_system();
    if !Arc::ptr_eq(file_system, new.directory.file_system()) {
        return Err(Errno::EXDEV.into());
    }
    let new_name = Name::from(new.name);
    let old_name = Name::from(old.name);
    let exchange = flags.contains(RenameFlags::EXCHANGE);

    let structure = file_system.structure.lock();
    let mut both = Both::lock(old.directory, new.directory)?;
    check_length(old.name)?;
    let source = both.old.get(old.name).cloned().ok_or(Errno::ENOENT)?;
    check_length(new.name)?;
    let target = both.target_entries().get(new.name).cloned();
    if flags.contains(RenameFlags::NOREPLACE) && target.is_some() {
        return Err(Errno::EEXIST.into());
    }
    if exchange && target.is_none() {
        return Err(Errno::ENOENT.into());
    }
    check_slashes(&source, target.as_ref(), old.slash, new.slash, exchange)?;
    if is_above(&source, new.directory) {
        return Err(Error::new(Errno::EINVAL, "a directory cannot be moved below itself"));
    }
    if let Some(target) = &target
        && is_above(target, old.directory)
    {
        return Err(if exchange { Errno::EINVAL } else { Errno::ENOTEMPTY }.into());
    }
    if target.as_ref().is_some_and(|target| Arc::ptr_eq(target, &source)) {
        return Ok(());
    }
    let is_directory = source.is_directory();
    let across = !Arc::ptr_eq(old.directory, new.directory);
    old.directory.may_delete(who, &source, is_directory)?;
    match &target {
        Some(target) if exchange => new.directory.may_delete(who, target, target.is_directory())?,
        Some(target) => new.directory.may_delete(who, target, is_directory)?,
        None => {
            if both.target_entries().removed {
                return Err(Error::new(Errno::ENOENT, "the directory was removed"));
            }
            new.directory.check(who, Access::WRITE | Access::EXECUTE)?;
        }
    }
    // `..` of a directory that moves changes: that is a write to it.
    if across && is_directory {
        source.check(who, Access::WRITE)?;
    }
    if across
        && exchange
        && let Some(target) = target.as_ref().filter(|target| target.is_directory())
    {
        target.check(who, Access::WRITE)?;
    }
    if let Some(target) = &target
        && !exchange
        && is_directory
    {
        target.mark_removed(new.directory)?;
    }

    // Nothing fails from here on.
    let replaced = both.target_entries().put(new_name.clone(), source.clone());
    match &target {
        Some(target) if exchange => {
            both.old.put(old_name.clone(), target.clone());
            target.set_place(old.directory, &old_name);
        }
        _ => drop(both.old.take(old.name)),
    }
    source.set_place(new.directory, &new_name);
    drop(both);
    account(&Moved { old, new, source: &source, target: target.as_ref(), exchange });
    drop(structure);
    drop(replaced);
    Ok(())
}

/// A trailing slash promises a directory.
fn check_slashes(
    source: &Inode,
    target: Option<&Arc<Inode>>,
    old_slash: bool,
    new_slash: bool,
    exchange: bool,
) -> Result<()> {
    if exchange && new_slash && target.is_some_and(|target| !target.is_directory()) {
        return Err(Errno::ENOTDIR.into());
    }
    if !source.is_directory() && (old_slash || (new_slash && !exchange)) {
        return Err(Errno::ENOTDIR.into());
    }
    Ok(())
}

/// Whether `above` is `directory` or one of those above it.
fn is_above(above: &Arc<Inode>, directory: &Arc<Inode>) -> bool {
    let mut at = directory.clone();
    loop {
        if Arc::ptr_eq(above, &at) {
            return true;
        }
        match at.parent() {
            Ok(parent) if !Arc::ptr_eq(&parent, &at) => at = parent,
            _ => return false,
        }
    }
}

struct Moved<'a> {
    old: &'a Side<'a>,
    new: &'a Side<'a>,
    source: &'a Arc<Inode>,
    target: Option<&'a Arc<Inode>>,
    exchange: bool,
}

/// Numbers of names, times and entries after the move.
fn account(moved: &Moved<'_>) {
    let Moved { old, new, source, target, exchange } = moved;
    let directories = |inode: &Arc<Inode>| u32::from(inode.is_directory());
    let leaving = directories(source);
    let arriving = target.map_or(0, directories);
    source.update(|_| ());
    match target {
        Some(target) if *exchange => {
            target.update(|_| ());
            old.directory.update(|attributes| attributes.nlink = attributes.nlink + arriving - leaving);
            new.directory.update(|attributes| attributes.nlink = attributes.nlink + leaving - arriving);
        }
        _ => {
            if let Some(target) = target {
                target.update(|attributes| {
                    let names = if arriving == 1 { 0 } else { attributes.nlink.saturating_sub(1) };
                    attributes.nlink = names;
                });
                new.directory.file_system().give_back_entry();
            }
            old.directory.update(|attributes| attributes.nlink -= leaving);
            new.directory.update(|attributes| attributes.nlink = attributes.nlink + leaving - arriving);
        }
    }
    old.directory.touch_entries();
    new.directory.touch_entries();
}
