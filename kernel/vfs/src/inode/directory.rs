//! Directories: names for inodes, in a stable order for getdents64(2).

use alloc::{
    boxed::Box,
    collections::BTreeMap,
    sync::{Arc, Weak},
};
use core::sync::atomic::Ordering;

use linux_raw_sys::general as uapi;
use socket::error::{Errno, Error, Result};
use spin::{Mutex, MutexGuard};

use super::{FileType, Inode, Node, Owner, Populate};
use crate::identity::{Access, Identity};

/// A name in a directory.
pub(crate) type Name = Arc<[u8]>;

/// Bytes that a directory's `st_size` counts per entry, as tmpfs does.
const SIZE_PER_ENTRY: u64 = 20;

/// How many entries that code makes are asked for at a time.
const LISTED_AT_ONCE: usize = 1024;

/// The cookies of `.` and `..`; real entries follow.
const FIRST_COOKIE: u64 = 2;

/// A directory's own part.
pub(crate) struct Directory {
    pub(super) listing: Listing,
    pub(super) place: Mutex<Place>,
}

/// Where the entries come from.
pub(super) enum Listing {
    /// They are held here.
    Held(Mutex<Entries>),
    /// Code makes them.
    Made(Box<dyn Populate>),
}

/// Entries that are held, by name and by the order in which they came.
pub(super) struct Entries {
    by_name: BTreeMap<Name, Entry>,
    by_cookie: BTreeMap<u64, Name>,
    next_cookie: u64,
    /// Nothing may be added any more.
    pub(super) removed: bool,
}

struct Entry {
    inode: Arc<Inode>,
    cookie: u64,
}

/// Where a directory is.
pub(super) enum Place {
    /// At the top of its tree.
    Root,
    /// In a directory, which lives as long as this one has a name there.
    Linked(Weak<Inode>, Name),
    /// Removed; `..` still leads to where it was (and so keeps that one alive, which no longer refers to this one).
    Removed(Arc<Inode>),
}

/// A name by which an inode was found: what `/proc/self/fd` shows.
#[derive(Clone)]
pub(crate) struct Located {
    pub(crate) directory: Arc<Inode>,
    pub(crate) name: Name,
}

/// An entry as getdents64(2) shows it.
pub(crate) struct DirectoryEntry<'a> {
    /// The name.
    pub(crate) name: &'a [u8],
    /// `d_ino`.
    pub(crate) number: u64,
    /// `d_type`.
    pub(crate) file_type: FileType,
    /// `d_off`: where to go on after it.
    pub(crate) next: u64,
}

/// Names have at most 255 bytes.
///
/// # Errors
/// ENAMETOOLONG.
pub(crate) fn check_length(name: &[u8]) -> Result<()> {
    if name.len() > uapi::NAME_MAX as usize { Err(Errno::ENAMETOOLONG.into()) } else { Ok(()) }
}

impl Entries {
    fn new() -> Self {
        Self {
            by_name: BTreeMap::new(),
            by_cookie: BTreeMap::new(),
            next_cookie: FIRST_COOKIE,
            removed: false,
        }
    }

    pub(super) fn get(&self, name: &[u8]) -> Option<&Arc<Inode>> {
        self.by_name.get(name).map(|entry| &entry.inode)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// Puts an inode under a name; what stood there comes back.
    pub(super) fn put(&mut self, name: Name, inode: Arc<Inode>) -> Option<Arc<Inode>> {
        if let Some(entry) = self.by_name.get_mut(&name) {
            return Some(core::mem::replace(&mut entry.inode, inode));
        }
        let cookie = self.next_cookie;
        self.next_cookie += 1;
        self.by_cookie.insert(cookie, name.clone());
        self.by_name.insert(name, Entry { inode, cookie });
        None
    }

    pub(super) fn take(&mut self, name: &[u8]) -> Option<Arc<Inode>> {
        let entry = self.by_name.remove(name)?;
        self.by_cookie.remove(&entry.cookie);
        Some(entry.inode)
    }
}

impl Directory {
    pub(crate) fn new_root() -> Self {
        Self { listing: Listing::Held(Mutex::new(Entries::new())), place: Mutex::new(Place::Root) }
    }

    pub(super) fn made(populate: Box<dyn Populate>) -> Self {
        Self { listing: Listing::Made(populate), place: Mutex::new(Place::Root) }
    }

    pub(super) fn size(&self) -> u64 {
        match &self.listing {
            Listing::Held(entries) => {
                (entries.lock().by_name.len() as u64 + FIRST_COOKIE).saturating_mul(SIZE_PER_ENTRY)
            }
            Listing::Made(_) => 0,
        }
    }

    pub(super) fn is_made(&self) -> bool {
        matches!(self.listing, Listing::Made(_))
    }

    /// Whom it belongs to, where code says so.
    pub(super) fn owner(&self) -> Option<Owner> {
        match &self.listing {
            Listing::Held(_) => None,
            Listing::Made(populate) => populate.owner(),
        }
    }

    pub(super) fn permits(&self, who: &Identity, wanted: Access, by_mode: bool) -> bool {
        match &self.listing {
            Listing::Held(_) => by_mode,
            Listing::Made(populate) => populate.permits(who, wanted, by_mode),
        }
    }

    /// Whether nothing of the same file system is above.
    pub(super) fn is_root(&self, own: &Inode) -> bool {
        match &*self.place.lock() {
            Place::Root => true,
            Place::Linked(parent, _) => {
                parent.upgrade().is_none_or(|parent| !Arc::ptr_eq(parent.file_system(), own.file_system()))
            }
            Place::Removed(_) => false,
        }
    }

    /// The entries, to be changed.
    pub(super) fn entries(&self) -> Result<MutexGuard<'_, Entries>> {
        match &self.listing {
            Listing::Held(entries) => Ok(entries.lock()),
            Listing::Made(_) => Err(Error::new(Errno::ENOENT, "nothing can be made there")),
        }
    }

    /// Takes the reference to the former parent out, so that it can be dropped without recursion.
    pub(super) fn take_removed_parent(&mut self) -> Option<Arc<Inode>> {
        match core::mem::replace(self.place.get_mut(), Place::Root) {
            Place::Removed(parent) => Some(parent),
            _ => None,
        }
    }
}

impl Inode {
    pub(crate) fn directory(&self) -> Result<&Directory> {
        match &self.node {
            Node::Directory(directory) => Ok(directory),
            _ => Err(Errno::ENOTDIR.into()),
        }
    }

    /// The inode of that name; `None` where there is none. `.` and `..` are not names.
    pub(crate) fn child(self: &Arc<Self>, name: &[u8]) -> Result<Option<Arc<Self>>> {
        check_length(name)?;
        let directory = self.directory()?;
        match &directory.listing {
            Listing::Held(entries) => Ok(entries.lock().get(name).cloned()),
            Listing::Made(populate) => {
                let child = populate.child(name)?;
                if let Some(Node::Directory(child)) = child.as_ref().map(|child| &child.node) {
                    *child.place.lock() = Place::Linked(Arc::downgrade(self), name.into());
                }
                Ok(child)
            }
        }
    }

    /// The directory above; that of a root is the root.
    pub(crate) fn parent(self: &Arc<Self>) -> Result<Arc<Self>> {
        Ok(match &*self.directory()?.place.lock() {
            Place::Root => self.clone(),
            Place::Linked(parent, _) => parent.upgrade().ok_or(Errno::ENOENT)?,
            Place::Removed(parent) => parent.clone(),
        })
    }

    /// Where a directory is; `None` for the root of its tree and for one that is removed.
    pub(crate) fn place(&self) -> Result<Option<Located>> {
        let place = self.directory()?.place.lock();
        Ok(match &*place {
            Place::Linked(parent, name) => {
                parent.upgrade().map(|directory| Located { directory, name: name.clone() })
            }
            Place::Root | Place::Removed(_) => None,
        })
    }

    /// Whether it is a directory that was removed.
    pub(crate) fn is_removed(&self) -> bool {
        matches!(&self.node, Node::Directory(directory) if matches!(*directory.place.lock(), Place::Removed(_)))
    }

    pub(super) fn set_place(&self, directory: &Arc<Self>, name: &Name) {
        if let Node::Directory(own) = &self.node {
            let place = Place::Linked(Arc::downgrade(directory), name.clone());
            let old = core::mem::replace(&mut *own.place.lock(), place);
            drop(old);
        }
    }

    /// Gives a new inode, or one more time an old one (`link`), a name.
    ///
    /// # Errors
    /// EEXIST, ENOENT in a removed directory, ENOSPC, EMLINK.
    pub(crate) fn add(self: &Arc<Self>, name: &[u8], inode: &Arc<Self>, link: bool) -> Result<()> {
        let directory = self.directory()?;
        self.file_system().take_entry()?;
        let name = Name::from(name);
        let added = directory.entries().and_then(|mut entries| {
            if entries.removed {
                return Err(Error::new(Errno::ENOENT, "the directory was removed"));
            }
            if entries.get(&name).is_some() {
                return Err(Errno::EEXIST.into());
            }
            if link {
                inode.count_link()?;
            }
            entries.put(name.clone(), inode.clone());
            inode.set_place(self, &name);
            Ok(())
        });
        if added.is_err() {
            self.file_system().give_back_entry();
            return added;
        }
        if inode.is_directory() {
            self.update(|attributes| attributes.nlink += 1);
        }
        self.touch_entries();
        Ok(())
    }

    /// Puts an inode under a name whatever stood there before: for building trees before programs run.
    ///
    /// # Errors
    /// ENOTDIR, ENOSPC, ENAMETOOLONG; EINVAL for what is no name.
    pub fn install(self: &Arc<Self>, name: &[u8], inode: &Arc<Self>) -> Result<()> {
        if name.is_empty() || name == b"." || name == b".." || name.contains(&b'/') || name.contains(&0) {
            return Err(Error::new(Errno::EINVAL, "not a name"));
        }
        check_length(name)?;
        let directory = self.directory()?;
        let replaced = directory.entries()?.take(name);
        if let Some(replaced) = replaced {
            self.file_system().give_back_entry();
            if replaced.is_directory() {
                self.update(|attributes| attributes.nlink -= 1);
            }
            replaced.update(|attributes| attributes.nlink = attributes.nlink.saturating_sub(1));
        }
        self.add(name, inode, false)
    }

    /// One more name.
    fn count_link(&self) -> Result<()> {
        let mut result = Ok(());
        let linkable = self.linkable.swap(false, Ordering::Relaxed);
        self.update(|attributes| match attributes.nlink {
            0 if !linkable => result = Err(Error::new(Errno::ENOENT, "the file has lost its last name")),
            u32::MAX => result = Err(Errno::EMLINK.into()),
            nlink => attributes.nlink = nlink + 1,
        });
        result
    }

    /// Whether `who` may remove or rename `victim` in this directory, and it is of the expected kind.
    ///
    /// # Errors
    /// EACCES, EPERM (sticky directory), ENOTDIR, EISDIR, EBUSY (another file system is attached there).
    pub(super) fn may_delete(&self, who: &Identity, victim: &Self, as_directory: bool) -> Result<()> {
        self.check(who, Access::WRITE | Access::EXECUTE)?;
        let own = self.attributes();
        if own.mode & uapi::S_ISVTX != 0 && !who.owns(victim.attributes().uid) && !who.owns(own.uid) {
            return Err(Error::new(Errno::EPERM, "the directory is sticky and the file somebody else's"));
        }
        match (victim.is_directory(), as_directory) {
            (false, true) => Err(Errno::ENOTDIR.into()),
            (true, false) => Err(Errno::EISDIR.into()),
            _ if !Arc::ptr_eq(self.file_system(), victim.file_system()) => {
                Err(Error::new(Errno::EBUSY, "a file system is attached there"))
            }
            _ => Ok(()),
        }
    }

    /// Whether something can be removed here.
    ///
    /// # Errors
    /// In a directory that code makes: EPERM, or ENOENT where there is nothing of that name.
    fn check_removable(self: &Arc<Self>, name: &[u8]) -> Result<()> {
        if !self.directory()?.is_made() {
            return Ok(());
        }
        let there = self.child(name)?.is_some();
        Err(if there {
            Error::new(Errno::EPERM, "nothing can be removed there")
        } else {
            Errno::ENOENT.into()
        })
    }

    /// Takes the name away from what is not a directory (unlink(2)).
    pub(crate) fn remove_file(self: &Arc<Self>, who: &Identity, name: &[u8]) -> Result<()> {
        self.check_removable(name)?;
        let victim = {
            let mut entries = self.directory()?.entries()?;
            let victim = entries.get(name).ok_or(Errno::ENOENT)?;
            self.may_delete(who, victim, false)?;
            entries.take(name).ok_or(Errno::ENOENT)?
        };
        victim.update(|attributes| attributes.nlink = attributes.nlink.saturating_sub(1));
        self.forget_entry();
        Ok(())
    }

    /// Removes an empty directory (rmdir(2)).
    pub(crate) fn remove_directory(self: &Arc<Self>, who: &Identity, name: &[u8]) -> Result<()> {
        self.check_removable(name)?;
        let victim = {
            let _structure = self.file_system().structure.lock();
            let mut entries = self.directory()?.entries()?;
            let victim = entries.get(name).ok_or(Errno::ENOENT)?;
            self.may_delete(who, victim, true)?;
            victim.mark_removed(self)?;
            entries.take(name).ok_or(Errno::ENOENT)?
        };
        victim.update(|attributes| attributes.nlink = 0);
        self.update(|attributes| attributes.nlink -= 1);
        self.forget_entry();
        Ok(())
    }

    /// Makes an empty directory unusable. The structure of the file system is locked.
    pub(super) fn mark_removed(&self, parent: &Arc<Self>) -> Result<()> {
        let directory = self.directory()?;
        let mut entries = directory.entries()?;
        if !entries.is_empty() {
            return Err(Errno::ENOTEMPTY.into());
        }
        entries.removed = true;
        drop(entries);
        let old = core::mem::replace(&mut *directory.place.lock(), Place::Removed(parent.clone()));
        drop(old);
        Ok(())
    }

    /// An entry of this directory is gone.
    pub(super) fn forget_entry(&self) {
        self.file_system().give_back_entry();
        self.touch_entries();
    }

    /// Shows the entries from cookie `from` on until `visit` returns false. It is called with the directory locked.
    pub(crate) fn list(
        self: &Arc<Self>,
        from: u64,
        mut visit: impl FnMut(&DirectoryEntry<'_>) -> bool,
    ) -> Result<()> {
        let directory = self.directory()?;
        let above = if from <= 1 { self.parent().unwrap_or_else(|_| self.clone()) } else { self.clone() };
        for (cookie, name, inode) in [(0, b".".as_slice(), self), (1, b"..", &above)] {
            let file_type = FileType::Directory;
            let entry = DirectoryEntry { name, number: inode.number(), file_type, next: cookie + 1 };
            if from <= cookie && !visit(&entry) {
                return Ok(());
            }
        }
        let from = from.max(FIRST_COOKIE);
        match &directory.listing {
            Listing::Held(entries) => {
                let entries = entries.lock();
                for (cookie, name) in entries.by_cookie.range(from..) {
                    let Some(inode) = entries.get(name) else { continue };
                    let (number, file_type) = (inode.number(), inode.file_type());
                    if !visit(&DirectoryEntry { name, number, file_type, next: cookie + 1 }) {
                        break;
                    }
                }
            }
            Listing::Made(populate) => {
                for entry in populate.entries(from - FIRST_COOKIE, LISTED_AT_ONCE)? {
                    let next = entry.position.saturating_add(FIRST_COOKIE + 1);
                    let (name, file_type) = (&entry.name[..], entry.file_type);
                    // Not the number that a later look-up shows; nobody may rely on it there.
                    if !visit(&DirectoryEntry { name, number: next, file_type, next }) {
                        break;
                    }
                }
            }
        }
        Ok(())
    }
}
