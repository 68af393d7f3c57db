//! Calls that make names: mkdir, mknod, symlink, link, and bind of a UNIX socket.

use alloc::sync::Arc;

use linux_raw_sys::general as uapi;
use socket::{
    caller::NodeId,
    error::{Errno, Error, Result},
};

use super::{
    Follow, PATH_MAX, Walker,
    walk::{Last, Walk},
};
use crate::{
    identity::{Access, Identity},
    inode::{Directory, FileType, Inode, Name, Node},
    pipe::Fifo,
};

/// Where a name is to be made; none is there.
pub(super) struct Place {
    pub(super) directory: Arc<Inode>,
    pub(super) name: Name,
}

impl Place {
    /// Makes an inode there, owned as the directory says.
    ///
    /// # Errors
    /// EACCES, ENOENT in a removed directory, EEXIST where somebody else was faster, ENOSPC.
    pub(super) fn make(&self, who: &Identity, node: Node, mode: u32) -> Result<Arc<Inode>> {
        self.may_create(who)?;
        let inode = new_inode(&self.directory, who, node, mode);
        self.directory.add(&self.name, &inode, false)?;
        Ok(inode)
    }

    fn may_create(&self, who: &Identity) -> Result<()> {
        if self.directory.is_removed() {
            return Err(Error::new(Errno::ENOENT, "the directory was removed"));
        }
        if self.directory.is_synthetic() {
            return Err(Error::new(Errno::ENOENT, "nothing can be made there"));
        }
        self.directory.check(who, Access::WRITE | Access::EXECUTE)
    }
}

/// An inode that is to be in `directory`, owned as that says.
pub(super) fn new_inode(directory: &Inode, who: &Identity, node: Node, mode: u32) -> Arc<Inode> {
    let above = directory.attributes();
    let inherits = above.mode & uapi::S_ISGID != 0;
    let gid = if inherits { above.gid } else { who.gid };
    let mut mode = mode;
    if inherits && matches!(node, Node::Directory(_)) {
        mode |= uapi::S_ISGID;
    } else if inherits && !who.can(uapi::CAP_FSETID) && !who.is_member(gid) && mode & uapi::S_IXGRP != 0 {
        mode &= !uapi::S_ISGID;
    }
    Inode::new(directory.file_system(), node, mode, who.uid, gid)
}

/// Whether `who` may give somebody's file a further name, as Linux has it with `fs.protected_hardlinks` (proc_sys_fs(5)):
/// only a file that is harmless and that they could read and write anyway.
fn may_link(who: &Identity, inode: &Inode) -> Result<()> {
    let attributes = inode.attributes();
    let set_group = uapi::S_ISGID | uapi::S_IXGRP;
    let harmless = inode.file_type() == FileType::Regular
        && attributes.mode & uapi::S_ISUID == 0
        && attributes.mode & set_group != set_group
        && inode.check(who, Access::READ | Access::WRITE).is_ok();
    if harmless || who.owns(attributes.uid) {
        Ok(())
    } else {
        Err(Error::new(Errno::EPERM, "somebody else's file"))
    }
}

impl Walker<'_> {
    /// Finds the place of a name that must not exist (Linux's `filename_create`).
    fn place(&self, path: &[u8], directory: bool) -> Result<Place> {
        let mut walk = Walk::new(self, path)?;
        let Last::Name(range) = walk.last_component()? else { return Err(Errno::EEXIST.into()) };
        let name = walk.name(&range);
        if walk.at.child(name)?.is_some() {
            return Err(Errno::EEXIST.into());
        }
        if walk.slash && !directory {
            return Err(Error::new(Errno::ENOENT, "a slash behind the name promises a directory"));
        }
        Ok(Place { name: name.into(), directory: walk.at })
    }

    /// mkdir(2). `mode` is used without the bits of `umask`.
    ///
    /// # Errors
    /// As mkdir(2).
    pub fn make_directory(&self, path: &[u8], mode: u32, umask: u32) -> Result<()> {
        let place = self.place(path, true)?;
        let mode = mode & !umask & (0o777 | uapi::S_ISVTX);
        place.make(self.who, Node::Directory(Directory::new_root()), mode)?;
        Ok(())
    }

    /// mknod(2): a regular file, fifo, socket or device, as the type in `mode` says.
    ///
    /// # Errors
    /// As mknod(2): EPERM for directories, and for devices without privilege; EINVAL for other types.
    pub fn make_node(&self, path: &[u8], mode: u32, rdev: u64, umask: u32) -> Result<()> {
        let file_type = match mode & uapi::S_IFMT {
            0 => FileType::Regular,
            _ => FileType::of_mode(mode).ok_or(Error::new(Errno::EINVAL, "no such type of file"))?,
        };
        let node = match file_type {
            FileType::Regular => Node::empty_file(),
            FileType::Fifo => Node::Fifo(Fifo::new()),
            FileType::Socket => Node::Socket,
            FileType::CharacterDevice => Node::Device { block: false, rdev },
            FileType::BlockDevice => Node::Device { block: true, rdev },
            FileType::Directory => return Err(Error::new(Errno::EPERM, "mkdir(2) makes directories")),
            FileType::Symlink => return Err(Error::new(Errno::EINVAL, "symlink(2) makes symbolic links")),
            FileType::Anonymous => return Err(Error::new(Errno::EINVAL, "no such type of file")),
        };
        let place = self.place(path, false)?;
        place.may_create(self.who)?;
        if matches!(node, Node::Device { .. }) && !self.who.can(uapi::CAP_MKNOD) {
            return Err(Error::new(Errno::EPERM, "only the superuser makes devices"));
        }
        place.make(self.who, node, mode & !umask & 0o7777)?;
        Ok(())
    }

    /// symlink(2).
    ///
    /// # Errors
    /// As symlink(2).
    pub fn make_symlink(&self, target: &[u8], path: &[u8]) -> Result<()> {
        if target.is_empty() {
            return Err(Error::new(Errno::ENOENT, "the target is empty"));
        }
        if target.len() >= PATH_MAX {
            return Err(Errno::ENAMETOOLONG.into());
        }
        let place = self.place(path, false)?;
        place.may_create(self.who)?;
        let node = Node::symlink(place.directory.file_system(), target)?;
        place.make(self.who, node, 0o777)?;
        Ok(())
    }

    /// link(2): gives what `old` leads to the further name `path`, which starts from `new`.
    ///
    /// # Errors
    /// As link(2).
    pub fn link(&self, old: &[u8], follow: Follow, new: &Walker<'_>, path: &[u8]) -> Result<()> {
        let inode = self.find(old, follow)?;
        new.link_inode(&inode, path)
    }

    /// As [`Walker::link`], for an inode that is known (linkat(2) with `AT_EMPTY_PATH`).
    ///
    /// # Errors
    /// As link(2).
    pub fn link_inode(&self, inode: &Arc<Inode>, path: &[u8]) -> Result<()> {
        let place = self.place(path, false)?;
        if !Arc::ptr_eq(inode.file_system(), place.directory.file_system()) {
            return Err(Errno::EXDEV.into());
        }
        may_link(self.who, inode)?;
        place.may_create(self.who)?;
        if inode.is_directory() {
            return Err(Error::new(Errno::EPERM, "directories have one name"));
        }
        place.directory.add(&place.name, inode, true)
    }

    /// Makes a socket inode for bind(2), with mode 0777 without the bits of `umask`.
    ///
    /// # Errors
    /// As mknod(2), with EADDRINUSE in place of EEXIST (unix(7)).
    pub fn bind_socket(&self, path: &[u8], umask: u32) -> Result<NodeId> {
        let made = self.place(path, false).and_then(|place| {
            let inode = place.make(self.who, Node::Socket, 0o777 & !umask)?;
            Ok(inode.id())
        });
        made.map_err(|error| match error.errno {
            Errno::EEXIST => Error::new(Errno::EADDRINUSE, "the path exists"),
            _ => error,
        })
    }

    /// Takes back a socket inode that [`Walker::bind_socket`] has just made at `path`, if it still is there.
    pub fn unbind_socket(&self, path: &[u8], node: NodeId) {
        let Ok(mut walk) = Walk::new(self, path) else { return };
        let Ok(Last::Name(range)) = walk.last_component() else { return };
        let name = walk.name(&range);
        if walk.at.child(name).is_ok_and(|child| child.is_some_and(|child| child.id() == node)) {
            // Somebody else may have been faster; nothing is left to do then.
            let _ = walk.at.remove_file(&Identity::root(), name);
        }
    }

    /// Follows a path to a socket inode for connect(2).
    ///
    /// # Errors
    /// As path_resolution(7); EACCES without permission to write; ECONNREFUSED where it is no socket.
    pub fn find_socket(&self, path: &[u8]) -> Result<NodeId> {
        let inode = self.find(path, Follow::Yes)?;
        inode.check(self.who, Access::WRITE)?;
        if inode.file_type() != FileType::Socket {
            return Err(Error::new(Errno::ECONNREFUSED, "the path leads to something that is no socket"));
        }
        Ok(inode.id())
    }
}
