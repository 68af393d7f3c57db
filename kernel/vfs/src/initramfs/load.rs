//! From archive to file tree.

use alloc::{collections::BTreeMap, sync::Arc, vec::Vec};

use linux_raw_sys::general as uapi;
use socket::error::{Errno, Error};

use super::{
    LoadError, Problem,
    newc::{self, Entry, Item},
};
use crate::{
    file_system::device_number,
    identity::Identity,
    inode::{Directory, FileType, Inode, Node, Timestamp},
    path::{Follow, Walker},
    pipe::Fifo,
};

/// What an image held.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Loaded {
    /// Entries, without trailers.
    pub entries: usize,
    /// Bytes of file contents; they are referred to, not copied.
    pub bytes: u64,
}

/// Files with several names: by device and inode number in the archive.
type Linked = BTreeMap<(u32, u32, u32), Arc<Inode>>;

/// Puts the files of `image` below `root`.
///
/// The image is one newc archive, or several in a row with zeros between. Later entries replace files of the same
/// name and merge into directories, as do directories into symbolic links that lead to one. Contents stay where they
/// are.
///
/// # Errors
/// The first entry that is not as it should be.
pub fn load_initramfs(root: &Arc<Inode>, image: &'static [u8]) -> Result<Loaded, LoadError> {
    let mut loaded = Loaded::default();
    let mut linked = Linked::new();
    let mut offset = 0;
    let mut between = true;
    loop {
        if between {
            let zeros = image.get(offset..).unwrap_or_default().iter().take_while(|byte| **byte == 0).count();
            offset += zeros;
        }
        if offset >= image.len() {
            let problem = match between {
                true if loaded.entries > 0 => return Ok(loaded),
                true => Problem::Empty,
                false => Problem::NoTrailer,
            };
            return Err(LoadError { offset: image.len(), entry: None, problem });
        }
        let fail = |(name, problem): newc::Bad<'_>| LoadError { offset, entry: name.map(Vec::from), problem };
        let (item, next) = newc::read(image, offset).map_err(fail)?;
        between = match item {
            Item::Trailer => {
                linked.clear();
                true
            }
            Item::Entry(entry) => {
                let add = add(root, &mut linked, &entry);
                add.map_err(|problem| fail((Some(entry.name), problem)))?;
                loaded.entries += 1;
                loaded.bytes += entry.data.len() as u64;
                false
            }
        };
        offset = next;
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::Refused(error.errno)
    }
}

impl From<Errno> for Problem {
    fn from(errno: Errno) -> Self {
        Self::Refused(errno)
    }
}

fn add(root: &Arc<Inode>, linked: &mut Linked, entry: &Entry<'static>) -> Result<(), Problem> {
    let mut components: Vec<&[u8]> = entry
        .name
        .split(|byte| *byte == b'/')
        .filter(|component| !component.is_empty() && *component != b".")
        .collect();
    if components.contains(&b"..".as_slice()) {
        return Err(Problem::DotDot);
    }
    let file_type = FileType::of_mode(entry.mode).ok_or(Problem::BadType(entry.mode))?;
    let Some(name) = components.pop() else {
        // The root itself: its attributes.
        return if file_type == FileType::Directory {
            restore(root, entry);
            Ok(())
        } else {
            Err(Problem::DirectoryInTheWay)
        };
    };
    let directory = parent(root, &components)?;
    if file_type == FileType::Directory {
        return add_directory(root, &directory, name, entry);
    }
    if let Some(old) = directory.child(name)? {
        let who = Identity::root();
        if old.is_directory() {
            let removed = directory.remove_directory(&who, name);
            removed.map_err(|_| Problem::DirectoryInTheWay)?;
        } else {
            directory.remove_file(&who, name)?;
        }
    }
    let key = (entry.device.0, entry.device.1, entry.inode);
    if entry.nlink > 1
        && let Some(inode) = linked.get(&key).filter(|inode| inode.file_type() == file_type)
    {
        // The contents may come with any of the names.
        if !entry.data.is_empty() && file_type == FileType::Regular {
            inode.set_borrowed(entry.data)?;
            restore(inode, entry);
        }
        // Its last name may just have been replaced; then there is nothing to link to any more.
        if inode.attributes().nlink > 0 {
            return Ok(directory.add(name, inode, true)?);
        }
    }
    let node = node(&directory, file_type, entry)?;
    let inode = Inode::new(directory.file_system(), node, entry.mode, entry.uid, entry.gid);
    restore(&inode, entry);
    directory.add(name, &inode, false)?;
    if entry.nlink > 1 {
        linked.insert(key, inode);
    }
    Ok(())
}

fn node(directory: &Inode, file_type: FileType, entry: &Entry<'static>) -> Result<Node, Problem> {
    Ok(match file_type {
        FileType::Regular => Node::borrowed_file(entry.data),
        FileType::Symlink => {
            let text = entry.data.strip_suffix(b"\0").unwrap_or(entry.data);
            if text.is_empty() || text.len() >= uapi::PATH_MAX as usize || text.contains(&0) {
                return Err(Problem::BadTarget);
            }
            Node::symlink(directory.file_system(), text)?
        }
        FileType::Fifo => Node::Fifo(Fifo::new()),
        FileType::Socket => Node::Socket,
        FileType::CharacterDevice | FileType::BlockDevice => Node::Device {
            block: file_type == FileType::BlockDevice,
            rdev: device_number(entry.rdev.0, entry.rdev.1),
        },
        FileType::Directory => Node::Directory(Directory::new_root()),
        // No mode says so.
        FileType::Anonymous => return Err(Problem::BadType(entry.mode)),
    })
}

/// The directory that an entry goes into. Symbolic links are followed, within the tree.
fn parent(root: &Arc<Inode>, components: &[&[u8]]) -> Result<Arc<Inode>, Problem> {
    if components.is_empty() {
        return Ok(root.clone());
    }
    let path = components.join(&b'/');
    let walker = Walker { root, start: root, who: &Identity::root() };
    let found = walker.find(&path, Follow::Yes).map_err(|error| match error.errno {
        Errno::ENOENT => Problem::NoParent,
        Errno::ENOTDIR => Problem::ParentNotDirectory,
        errno => Problem::Refused(errno),
    })?;
    if found.is_directory() { Ok(found) } else { Err(Problem::ParentNotDirectory) }
}

fn add_directory(
    root: &Arc<Inode>,
    directory: &Arc<Inode>,
    name: &[u8],
    entry: &Entry<'_>,
) -> Result<(), Problem> {
    if let Some(old) = directory.child(name)? {
        if old.is_directory() {
            restore(&old, entry);
            return Ok(());
        }
        if old.file_type() == FileType::Symlink {
            let who = Identity::root();
            let walker = Walker { root, start: directory, who: &who };
            if walker.find(name, Follow::Yes).is_ok_and(|target| target.is_directory()) {
                return Ok(());
            }
        }
        directory.remove_file(&Identity::root(), name)?;
    }
    let inode = Inode::new_directory(directory.file_system(), 0o755);
    restore(&inode, entry);
    Ok(directory.add(name, &inode, false)?)
}

fn restore(inode: &Inode, entry: &Entry<'_>) {
    let modified = Timestamp { seconds: i64::from(entry.modified), nanoseconds: 0 };
    inode.restore(entry.mode, entry.uid, entry.gid, modified);
}
