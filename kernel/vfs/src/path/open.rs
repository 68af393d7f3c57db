//! open(2).

use alloc::sync::Arc;

use bitflags::bitflags;
use linux_raw_sys::general as uapi;
use socket::error::{Errno, Error, Result};

use super::{
    Follow, Walker,
    create::{Place, new_inode},
    walk::{Found, Last, Walk},
};
use crate::{
    identity::Access,
    inode::{FileType, Inode, Located, Node},
    open_file::OpenFile,
    pipe::Partner,
};

bitflags! {
    /// Flags of open(2), those that Linux knows; the access mode is in the low two bits.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub(crate) struct OpenFlags: u32 {
        const WRONLY = uapi::O_WRONLY;
        const RDWR = uapi::O_RDWR;
        const CREAT = uapi::O_CREAT;
        const EXCL = uapi::O_EXCL;
        const NOCTTY = uapi::O_NOCTTY;
        const TRUNC = uapi::O_TRUNC;
        const APPEND = uapi::O_APPEND;
        const NONBLOCK = uapi::O_NONBLOCK;
        const SYNC = uapi::O_SYNC;
        const ASYNC = uapi::FASYNC;
        const DIRECT = uapi::O_DIRECT;
        const LARGEFILE = uapi::O_LARGEFILE;
        const DIRECTORY = uapi::O_DIRECTORY;
        const NOFOLLOW = uapi::O_NOFOLLOW;
        const NOATIME = uapi::O_NOATIME;
        const CLOEXEC = uapi::O_CLOEXEC;
        const PATH = uapi::O_PATH;
        const TMPFILE = uapi::O_TMPFILE;
    }
}

impl OpenFlags {
    /// What of the file is asked for: the access mode 3 asks for both (and then gives neither, open(2)).
    fn access(self) -> Access {
        let mut access = match self.bits() & uapi::O_ACCMODE {
            uapi::O_RDONLY => Access::READ,
            uapi::O_WRONLY => Access::WRITE,
            _ => Access::READ | Access::WRITE,
        };
        if self.contains(Self::TRUNC) {
            access |= Access::WRITE;
        }
        access
    }

    /// Checks and cleans the flags as Linux's `build_open_flags` does.
    fn checked(bits: u32) -> Result<Self> {
        let mut flags = Self::from_bits_truncate(bits) | Self::LARGEFILE;
        if flags.contains(Self::PATH) {
            return Ok(flags & (Self::PATH | Self::DIRECTORY | Self::NOFOLLOW | Self::CLOEXEC));
        }
        // The bit of O_TMPFILE that is its own.
        let tmpfile = Self::from_bits_retain(uapi::O_TMPFILE & !uapi::O_DIRECTORY);
        if flags.intersects(tmpfile) {
            if !flags.contains(Self::DIRECTORY) || flags.contains(Self::CREAT) {
                return Err(Error::new(
                    Errno::EINVAL,
                    "O_TMPFILE comes with O_DIRECTORY and without O_CREAT",
                ));
            }
            if !flags.access().contains(Access::WRITE) {
                return Err(Error::new(Errno::EINVAL, "O_TMPFILE without write access"));
            }
        } else if flags.contains(Self::CREAT | Self::DIRECTORY) {
            return Err(Error::new(Errno::EINVAL, "O_CREAT makes no directories"));
        }
        if !flags.contains(Self::CREAT) && !flags.intersects(tmpfile) {
            flags.remove(Self::EXCL);
        }
        Ok(flags)
    }

    fn wants_tmpfile(self) -> bool {
        self.contains(Self::TMPFILE)
    }
}

/// Checks the flags of open(2), which comes before anything else.
///
/// # Errors
/// EINVAL for flags that contradict each other. Bits that are unknown are ignored.
pub fn check_open_flags(flags: u32) -> Result<()> {
    OpenFlags::checked(flags).map(drop)
}

/// A file that was opened.
pub struct Opened {
    /// It.
    pub file: Arc<OpenFile>,
    /// Whether the descriptor closes on exec.
    pub close_on_exec: bool,
    /// A fifo whose other end nobody holds open: the call waits for it (fifo(7)).
    pub partner: Option<Partner>,
}

/// What the walk of an open came to.
enum Outcome {
    Existing(Found),
    Created(Found),
}

impl Walker<'_> {
    /// open(2). `flags` as the program gives them: Linux ignores the bits that it does not know.
    ///
    /// # Errors
    /// As open(2).
    pub fn open(&self, path: &[u8], flags: u32, mode: u32, umask: u32) -> Result<Opened> {
        let flags = OpenFlags::checked(flags)?;
        if flags.wants_tmpfile() {
            return self.open_nameless(path, flags, mode & !umask & 0o7777);
        }
        let outcome = if flags.contains(OpenFlags::CREAT) {
            self.find_or_create(path, flags, mode & !umask & 0o7777)?
        } else {
            let follow = if flags.contains(OpenFlags::NOFOLLOW) { Follow::No } else { Follow::Yes };
            Outcome::Existing(self.locate(path, follow)?)
        };
        match outcome {
            Outcome::Existing(found) => self.open_found(found, flags, false),
            Outcome::Created(found) => self.open_found(found, flags, true),
        }
    }

    /// Opens an inode that is known (`/proc/self/fd`, exec).
    ///
    /// # Errors
    /// As open(2).
    pub fn open_inode(&self, inode: &Arc<Inode>, flags: u32) -> Result<Opened> {
        let found = Found { inode: inode.clone(), located: None };
        self.open_found(found, OpenFlags::checked(flags)?, false)
    }

    /// Makes a file without a name (O_TMPFILE); without O_EXCL, it can be given one.
    fn open_nameless(&self, path: &[u8], flags: OpenFlags, mode: u32) -> Result<Opened> {
        let directory = self.find(path, Follow::Yes)?;
        if !directory.is_directory() {
            return Err(Errno::ENOTDIR.into());
        }
        directory.check(self.who, Access::WRITE | Access::EXECUTE)?;
        let inode = new_inode(&directory, self.who, Node::empty_file(), mode);
        inode.make_nameless(!flags.contains(OpenFlags::EXCL));
        let found = Found { inode, located: None };
        let (file, partner) = OpenFile::open(found, flags)?;
        Ok(Opened { file, close_on_exec: flags.contains(OpenFlags::CLOEXEC), partner })
    }

    fn find_or_create(&self, path: &[u8], flags: OpenFlags, mode: u32) -> Result<Outcome> {
        let mut walk = Walk::new(self, path)?;
        loop {
            let Last::Name(range) = walk.last_component()? else {
                let exclusive = flags.contains(OpenFlags::EXCL);
                return Err(if exclusive { Errno::EEXIST } else { Errno::EISDIR }.into());
            };
            if walk.slash {
                return Err(Error::new(Errno::EISDIR, "a slash behind the name promises a directory"));
            }
            let name = walk.name(&range);
            let located = Located { directory: walk.at.clone(), name: name.into() };
            let Some(inode) = walk.at.child(name)? else {
                let place = Place { directory: walk.at.clone(), name: located.name.clone() };
                match place.make(self.who, Node::empty_file(), mode) {
                    Ok(inode) => return Ok(Outcome::Created(Found { inode, located: Some(located) })),
                    // Somebody else made it in between: look again.
                    Err(error) if error.errno == Errno::EEXIST => {
                        walk = Walk::new(self, path)?;
                        continue;
                    }
                    Err(error) => return Err(error),
                }
            };
            if flags.contains(OpenFlags::EXCL) {
                return Err(Errno::EEXIST.into());
            }
            if inode.file_type() == FileType::Symlink && !flags.contains(OpenFlags::NOFOLLOW) {
                if let Some(target) = inode.magic_target()? {
                    return Ok(Outcome::Existing(Found { inode: target.inode, located: target.located }));
                }
                walk.follow(&inode)?;
                continue;
            }
            return Ok(Outcome::Existing(Found { inode, located: Some(located) }));
        }
    }

    /// Checks, in the order of Linux's `do_open`, and opens.
    fn open_found(&self, found: Found, mut flags: OpenFlags, created: bool) -> Result<Opened> {
        let inode = &found.inode;
        let file_type = inode.file_type();
        if flags.contains(OpenFlags::CREAT) && !created && file_type == FileType::Directory {
            return Err(Errno::EISDIR.into());
        }
        if flags.contains(OpenFlags::CREAT)
            && let Some(located) = &found.located
        {
            self.may_create_in_sticky(&located.directory, inode)?;
        }
        if flags.contains(OpenFlags::DIRECTORY) && file_type != FileType::Directory {
            return Err(Errno::ENOTDIR.into());
        }
        let close_on_exec = flags.contains(OpenFlags::CLOEXEC);
        if flags.contains(OpenFlags::PATH) {
            let file = OpenFile::path_only(found, flags);
            return Ok(Opened { file, close_on_exec, partner: None });
        }
        if created {
            flags.remove(OpenFlags::TRUNC);
        } else {
            self.may_open(inode, file_type, &mut flags)?;
        }
        let truncate = flags.contains(OpenFlags::TRUNC);
        let (file, partner) = OpenFile::open(found, flags)?;
        if truncate {
            file.inode().set_length(0)?;
            file.inode().touch_modified(Some(|| self.who.clone()));
        }
        Ok(Opened { file, close_on_exec, partner })
    }

    /// In a sticky directory that everybody may write to, O_CREAT does not open what a third party put there. Regular
    /// files and fifos are exempt, as with `fs.protected_regular` and `fs.protected_fifos` at 0 (proc_sys_fs(5)).
    fn may_create_in_sticky(&self, directory: &Inode, inode: &Inode) -> Result<()> {
        let above = directory.attributes();
        let uid = inode.attributes().uid;
        let exempt = matches!(inode.file_type(), FileType::Regular | FileType::Fifo);
        let open_to_all = uapi::S_ISVTX | uapi::S_IWOTH;
        if exempt || above.mode & open_to_all != open_to_all || uid == above.uid || uid == self.who.uid {
            Ok(())
        } else {
            Err(Error::new(Errno::EACCES, "somebody else put it into a sticky directory"))
        }
    }

    fn may_open(&self, inode: &Inode, file_type: FileType, flags: &mut OpenFlags) -> Result<()> {
        let access = flags.access();
        match file_type {
            FileType::Symlink => return Err(Error::new(Errno::ELOOP, "a symbolic link, and O_NOFOLLOW")),
            FileType::Directory if access.contains(Access::WRITE) => return Err(Errno::EISDIR.into()),
            FileType::Directory | FileType::Regular => {}
            FileType::CharacterDevice
            | FileType::BlockDevice
            | FileType::Fifo
            | FileType::Socket
            | FileType::Anonymous => {
                flags.remove(OpenFlags::TRUNC);
            }
        }
        inode.check(self.who, access)?;
        if flags.contains(OpenFlags::NOATIME) && !self.who.owns(inode.attributes().uid) {
            return Err(Error::new(Errno::EPERM, "O_NOATIME is for the owner"));
        }
        Ok(())
    }
}
