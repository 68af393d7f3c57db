//! Open file descriptions (open(2)): what dup'ed descriptors share.

mod bounce;
mod kernel;
mod read;
mod special;
mod write;

use alloc::{sync::Arc, vec::Vec};
use core::sync::atomic::{AtomicU32, Ordering};

use linux_raw_sys::{general as uapi, ioctl};
use socket::{
    error::{Errno, Error, Result},
    ready::{Events, Pollee},
};
use spin::Mutex;

use self::bounce::CHUNK;
pub use self::special::Special;
use crate::{
    device::Device,
    file_system::FileSystem,
    identity::{Access, Identity},
    inode::{Inode, LinkTarget, Located, Node, Synthetic, WritingDenied},
    lock::Owner,
    memory::UserMemory,
    path::{Found, OpenFlags},
    pipe::{self, End, Fifo, Partner},
};

/// The flags that F_SETFL changes (fcntl(2)).
const CHANGEABLE: u32 = uapi::O_APPEND | uapi::O_NONBLOCK | uapi::O_DIRECT | uapi::O_NOATIME;

/// The flags of preadv2(2) that all files have whose reading and writing knows vectors.
const TRANSFER_FLAGS: u32 = uapi::RWF_DSYNC | uapi::RWF_SYNC | uapi::RWF_APPEND | RWF_NOAPPEND | RWF_NOSIGNAL;

/// `RWF_NOAPPEND`, which linux-raw-sys lacks: O_APPEND does not count (Linux 6.9).
pub const RWF_NOAPPEND: u32 = 0x20;
/// `RWF_NOSIGNAL`, which it lacks too: no SIGPIPE (Linux 6.18).
pub const RWF_NOSIGNAL: u32 = 0x100;

/// What the description reads from and writes to.
enum Body {
    /// A regular file's contents.
    Contents,
    /// A directory's entries.
    Directory,
    /// Contents that code made when the file was last read from its start, if it was.
    Generated(Mutex<Option<Arc<[u8]>>>),
    /// A pipe.
    Pipe(End),
    /// A device.
    Device(Arc<dyn Device>),
    /// What a call of its own has made.
    Special(Arc<dyn Special>),
    /// Nothing: O_PATH.
    Path,
}

/// From where lseek(2) counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Whence {
    /// The start.
    Set,
    /// The current offset.
    Current,
    /// The end.
    End,
    /// The next byte that is not in a hole, from the offset on.
    Data,
    /// The next hole, from the offset on.
    Hole,
}

impl Whence {
    /// The value of lseek(2)'s argument.
    #[must_use]
    pub const fn from_raw(value: u32) -> Option<Self> {
        Some(match value {
            uapi::SEEK_SET => Self::Set,
            uapi::SEEK_CUR => Self::Current,
            uapi::SEEK_END => Self::End,
            uapi::SEEK_DATA => Self::Data,
            uapi::SEEK_HOLE => Self::Hole,
            _ => return None,
        })
    }
}

/// An open file description.
pub struct OpenFile {
    inode: Arc<Inode>,
    located: Option<Located>,
    body: Body,
    access: Access,
    /// What F_GETFL shows.
    status: AtomicU32,
    offset: Mutex<u64>,
}

impl OpenFile {
    /// Opens what was found; permissions were checked.
    pub(crate) fn open(found: Found, flags: OpenFlags) -> Result<(Arc<Self>, Option<Partner>)> {
        let access = match flags.bits() & uapi::O_ACCMODE {
            uapi::O_RDONLY => Access::READ,
            uapi::O_WRONLY => Access::WRITE,
            uapi::O_RDWR => Access::READ | Access::WRITE,
            _ => Access::empty(),
        };
        let Found { inode, located } = found;
        let mut partner = None;
        let body = match &inode.node {
            Node::Regular(_) => {
                if access.contains(Access::WRITE) {
                    inode.begin_writing()?;
                }
                Body::Contents
            }
            Node::Directory(_) => Body::Directory,
            Node::Synthetic(Synthetic::File(file)) => {
                file.open()?;
                Body::Generated(Mutex::new(None))
            }
            Node::Fifo(fifo) => {
                let (end, waiting) = fifo.open(access, flags.contains(OpenFlags::NONBLOCK))?;
                partner = waiting;
                Body::Pipe(end)
            }
            Node::Device { block, rdev } => {
                let device = inode.file_system().environment().device(*rdev).filter(|_| !block);
                Body::Device(device.ok_or(Error::new(Errno::ENXIO, "no such device"))?)
            }
            Node::Socket => return Err(Error::new(Errno::ENXIO, "sockets are connected to, not opened")),
            Node::Anonymous => return Err(Error::new(Errno::ENXIO, "there is nothing behind the name")),
            Node::Symlink(_) | Node::Synthetic(Synthetic::Link(_)) => return Err(Errno::ELOOP.into()),
        };
        let transient = OpenFlags::CREAT | OpenFlags::EXCL | OpenFlags::NOCTTY | OpenFlags::TRUNC;
        let status = flags.difference(transient).bits();
        Ok((Self::assemble(inode, located, body, access, status), partner))
    }

    /// A description that only names the file (O_PATH).
    pub(crate) fn path_only(found: Found, flags: OpenFlags) -> Arc<Self> {
        Self::assemble(found.inode, found.located, Body::Path, Access::empty(), flags.bits())
    }

    fn assemble(
        inode: Arc<Inode>,
        located: Option<Located>,
        body: Body,
        access: Access,
        status: u32,
    ) -> Arc<Self> {
        inode.file_system().environment().count_open_file();
        let status = AtomicU32::new(status & !uapi::O_CLOEXEC);
        Arc::new(Self { inode, located, body, access, status, offset: Mutex::new(0) })
    }

    /// A new pipe, its ends opened with `flags` (O_NONBLOCK, O_CLOEXEC): to read from, to write to.
    #[must_use]
    pub fn pipe(pipes: &Arc<FileSystem>, who: &Identity, flags: u32) -> (Arc<Self>, Arc<Self>) {
        let (pipe, reader, writer) = pipe::ends();
        let inode = Inode::new(pipes, Node::Fifo(Fifo::of(&pipe)), 0o600, who.uid, who.gid);
        let end = |end, access, mode| {
            let status = mode | (flags & uapi::O_NONBLOCK);
            Self::assemble(inode.clone(), None, Body::Pipe(end), access, status)
        };
        (end(reader, Access::READ, uapi::O_RDONLY), end(writer, Access::WRITE, uapi::O_WRONLY))
    }

    /// Opens memory for reading and writing that is a file (memfd_create(2)); `/proc` shows it as `name` in `directory`, where
    /// nothing is found by that name.
    #[must_use]
    pub fn memory(directory: &Arc<Inode>, inode: &Arc<Inode>, name: &[u8]) -> Arc<Self> {
        let located = Located { directory: directory.clone(), name: name.into() };
        // It is new: no program runs from it.
        let _ = inode.begin_writing();
        let status = uapi::O_RDWR | uapi::O_LARGEFILE;
        Self::assemble(inode.clone(), Some(located), Body::Contents, Access::READ | Access::WRITE, status)
    }

    /// The file.
    #[must_use]
    pub fn inode(&self) -> &Arc<Inode> {
        &self.inode
    }

    /// The path under which it was opened, as `/proc/self/fd` shows it, seen from `root`.
    #[must_use]
    pub fn path(&self, root: &Arc<Inode>) -> Vec<u8> {
        if self.inode.is_directory()
            && let Ok(path) = crate::path::absolute_path(root, &self.inode)
        {
            return path;
        }
        match (&self.located, &self.body) {
            (Some(located), _) => located.path(root, &self.inode),
            (None, Body::Special(special)) => special.name().as_bytes().to_vec(),
            (None, _) => alloc::format!("pipe:[{}]", self.inode.number()).into_bytes(),
        }
    }

    /// Where a link to the file leads, such as that of `/proc/self/fd`.
    #[must_use]
    pub fn target(&self) -> LinkTarget {
        LinkTarget { inode: self.inode.clone(), located: self.located.clone() }
    }

    /// The file as a program that `who` is to run (execveat(2)): nobody may write to it from now on.
    ///
    /// # Errors
    /// EACCES where it is no regular file or may not be executed; ETXTBSY where it is open for writing.
    pub fn program(&self, who: &Identity) -> Result<WritingDenied> {
        self.inode.check_program(who)?;
        Ok(self.inode.deny_writing()?.located(self.located.clone()))
    }

    /// Whether it only names the file (O_PATH): most calls then fail with EBADF.
    #[must_use]
    pub fn is_path_only(&self) -> bool {
        matches!(self.body, Body::Path)
    }

    /// What F_GETFL shows: access mode and status flags.
    #[must_use]
    pub fn status(&self) -> u32 {
        self.status.load(Ordering::Relaxed)
    }

    /// Changes the status flags (F_SETFL); other bits are ignored, as Linux does.
    ///
    /// # Errors
    /// EPERM for O_NOATIME unless `who` owns the file, EINVAL for O_DIRECT on a pipe.
    pub fn set_status(&self, who: &Identity, flags: u32) -> Result<()> {
        let old = self.status();
        let added = flags & !old;
        if added & uapi::O_NOATIME != 0 && !who.owns(self.inode.attributes().uid) {
            return Err(Error::new(Errno::EPERM, "O_NOATIME is for the owner"));
        }
        if added & uapi::O_DIRECT != 0 && !matches!(self.body, Body::Contents) {
            return Err(Error::new(Errno::EINVAL, "no direct transfers there"));
        }
        self.status.store((old & !CHANGEABLE) | (flags & CHANGEABLE), Ordering::Relaxed);
        Ok(())
    }

    /// Whether calls fail with EAGAIN rather than wait.
    #[must_use]
    pub fn nonblocking(&self) -> bool {
        self.status() & uapi::O_NONBLOCK != 0
    }

    /// Sets or clears O_NONBLOCK (FIONBIO).
    pub fn set_nonblocking(&self, on: bool) {
        if on {
            self.status.fetch_or(uapi::O_NONBLOCK, Ordering::Relaxed);
        } else {
            self.status.fetch_and(!uapi::O_NONBLOCK, Ordering::Relaxed);
        }
    }

    /// The pipe, where it is an end of one.
    #[must_use]
    pub fn pipe_end(&self) -> Option<&End> {
        match &self.body {
            Body::Pipe(end) => Some(end),
            _ => None,
        }
    }

    /// What can be done now (poll(2)).
    #[must_use]
    pub fn poll(&self) -> Events {
        match &self.body {
            Body::Pipe(end) => end.poll(),
            Body::Device(device) => device.poll(),
            Body::Special(special) => special.poll(),
            Body::Path => Events::NVAL,
            Body::Contents | Body::Directory | Body::Generated(_) => {
                Events::IN | Events::RDNORM | Events::OUT | Events::WRNORM
            }
        }
    }

    /// Where changes of [`OpenFile::poll`] are announced; `None` where it never changes.
    #[must_use]
    pub fn pollee(&self) -> Option<&Arc<Pollee>> {
        match &self.body {
            Body::Pipe(end) => Some(end.pipe().pollee()),
            Body::Device(device) => device.pollee(),
            Body::Special(special) => special.pollee(),
            _ => None,
        }
    }

    /// Whether there is something to wait for at the file (epoll_ctl(2)).
    #[must_use]
    pub fn is_pollable(&self) -> bool {
        matches!(self.body, Body::Special(_)) || self.pollee().is_some()
    }

    fn check_access(&self, wanted: Access) -> Result<()> {
        if self.access.contains(wanted) {
            Ok(())
        } else {
            Err(Error::new(Errno::EBADF, "not opened for that"))
        }
    }

    /// Whether it is open for reading.
    ///
    /// # Errors
    /// EBADF.
    pub fn check_readable(&self) -> Result<()> {
        self.check_access(Access::READ)
    }

    /// Whether it is open for writing.
    ///
    /// # Errors
    /// EBADF.
    pub fn check_writable(&self) -> Result<()> {
        self.check_access(Access::WRITE)
    }

    /// Whether pread(2) and pwrite(2) make sense.
    ///
    /// # Errors
    /// ESPIPE where there are no offsets, EBADF for O_PATH.
    pub fn check_positioned(&self) -> Result<()> {
        match &self.body {
            Body::Pipe(_) | Body::Special(_) => Err(Errno::ESPIPE.into()),
            Body::Device(device) if !device.seekable() => Err(Errno::ESPIPE.into()),
            Body::Path => Err(Errno::EBADF.into()),
            _ => Ok(()),
        }
    }

    /// Which flags preadv2(2) and pwritev2(2) may have there.
    #[must_use]
    pub fn transfer_flags(&self) -> u32 {
        let hints = uapi::RWF_HIPRI;
        match self.body {
            Body::Generated(_) | Body::Directory | Body::Path => hints,
            Body::Contents => hints | TRANSFER_FLAGS,
            Body::Pipe(_) | Body::Device(_) | Body::Special(_) => hints | TRANSFER_FLAGS | uapi::RWF_NOWAIT,
        }
    }

    /// Whether everything is written at the end: O_APPEND.
    #[must_use]
    pub fn appends(&self) -> bool {
        self.status() & uapi::O_APPEND != 0
    }

    /// The offset.
    #[must_use]
    pub fn offset(&self) -> u64 {
        *self.offset.lock()
    }

    /// Moves the offset (lseek(2)); returns where it is.
    ///
    /// # Errors
    /// ESPIPE where there are no offsets, EINVAL for one below 0, ENXIO for data or holes behind the end, EOVERFLOW.
    pub fn seek(&self, distance: i64, whence: Whence) -> Result<u64> {
        let end = match &self.body {
            Body::Contents => self.inode.length(),
            Body::Generated(_) | Body::Directory => 0,
            Body::Device(device) if device.seekable() => {
                return Ok(0);
            }
            Body::Special(_) => return Ok(0),
            Body::Pipe(_) | Body::Device(_) => return Err(Errno::ESPIPE.into()),
            Body::Path => return Err(Errno::EBADF.into()),
        };
        let has_end = match &self.inode.node {
            Node::Synthetic(Synthetic::File(file)) => file.has_end(),
            node => matches!(node, Node::Regular(_)),
        };
        if !has_end && !matches!(whence, Whence::Set | Whence::Current) {
            return Err(Error::new(Errno::EINVAL, "the file has no end to count from"));
        }
        let mut offset = self.offset.lock();
        let base = match whence {
            Whence::Set => 0,
            Whence::Current => *offset as i64,
            Whence::End => end as i64,
            Whence::Data | Whence::Hole => {
                // Everything up to the end counts as data, as lseek(2) allows.
                if distance < 0 || distance as u64 >= end {
                    return Err(Error::new(Errno::ENXIO, "behind the end"));
                }
                let found = if whence == Whence::Data { distance as u64 } else { end };
                *offset = found;
                return Ok(found);
            }
        };
        let target = base.checked_add(distance).ok_or(Errno::EOVERFLOW)?;
        *offset = u64::try_from(target).map_err(|_| Error::new(Errno::EINVAL, "before the start"))?;
        Ok(*offset)
    }

    /// Entries of a directory as getdents64(2) returns them, as many as fit into `room` bytes from the offset on. The
    /// offset moves by [`OpenFile::entries_taken`] once the program has them.
    ///
    /// # Errors
    /// EBADF where it is not open for reading, ENOTDIR, ENOENT for a directory that was removed, EINVAL where not even
    /// one entry fits.
    pub fn entries(&self, room: usize) -> Result<Entries> {
        match &self.body {
            Body::Directory => crate::dirent::entries(&self.inode, *self.offset.lock(), room.min(CHUNK)),
            Body::Path => Err(Errno::EBADF.into()),
            _ => Err(Errno::ENOTDIR.into()),
        }
    }

    /// The program has the entries.
    pub fn entries_taken(&self, entries: &Entries) {
        *self.offset.lock() = entries.next;
        self.inode.touch_accessed();
    }

    /// Cuts or extends the file (ftruncate(2)).
    ///
    /// # Errors
    /// EINVAL where it is not a regular file open for writing, EBADF for O_PATH, EFBIG.
    pub fn truncate(&self, who: &Identity, length: u64) -> Result<()> {
        if self.is_path_only() {
            return Err(Errno::EBADF.into());
        }
        if !matches!(self.body, Body::Contents | Body::Generated(_)) || !self.access.contains(Access::WRITE) {
            return Err(Error::new(Errno::EINVAL, "not a regular file open for writing"));
        }
        self.inode.set_length(length)?;
        self.inode.touch_modified(Some(|| who.clone()));
        Ok(())
    }

    /// ioctl(2), apart from those requests that concern every descriptor (FIONBIO, FIOCLEX, ...).
    ///
    /// # Errors
    /// ENOTTY for a request that the file does not know, EFAULT, EBADF for O_PATH.
    pub fn ioctl(&self, request: u32, argument: usize, memory: &dyn UserMemory) -> Result<usize> {
        let available = match (&self.body, request) {
            (Body::Path, _) => return Err(Errno::EBADF.into()),
            (Body::Pipe(end), ioctl::FIONREAD) => end.pipe().available() as u64,
            (Body::Contents, ioctl::FIONREAD) => self.inode.length().saturating_sub(*self.offset.lock()),
            (Body::Device(device), _) => return device.ioctl(request, argument, memory),
            (Body::Special(special), _) => return special.ioctl(request, argument, memory),
            _ => return Err(Errno::ENOTTY.into()),
        };
        let available = i32::try_from(available).unwrap_or(i32::MAX);
        memory.write(argument, &available.to_ne_bytes()).map_err(|_| Errno::EFAULT)?;
        Ok(0)
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        self.inode.release_locks(Owner::file(self));
        if matches!(self.body, Body::Contents) && self.access.contains(Access::WRITE) {
            self.inode.end_writing();
        }
        self.inode.file_system().environment().uncount_open_file();
        if let Some(pollee) = self.pollee() {
            // Who watches files, and not only waits for one, forgets this one.
            pollee.notify(Events::NVAL);
        }
    }
}

/// Directory entries in the layout of getdents64(2).
pub struct Entries {
    /// For the program.
    pub bytes: Vec<u8>,
    /// The offset behind them.
    pub(crate) next: u64,
}
