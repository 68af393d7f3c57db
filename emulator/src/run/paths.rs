//! UNIX sockets' path names, resolved as the target does: from its directory, in its root, as its user.

use std::{
    io,
    os::fd::{AsFd, AsRawFd, OwnedFd},
};

use rustix::fs::{
    Access, AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, accessat, fstat, mknodat, open, openat,
    openat2, readlinkat, statat, unlinkat,
};
use socket::{
    caller::NodeId,
    error::{Errno, Error, Result},
};

use super::{status::Status, sys};

/// Opened for what is looked up from there.
const PLACE: OFlags = OFlags::PATH.union(OFlags::CLOEXEC);

/// A name of a target's, and where it is looked up.
struct Located {
    directory: OwnedFd,
    path: Vec<u8>,
    /// Whether the directory is the target's root, and not the supervisor's.
    root: bool,
}

impl Located {
    fn new(thread: i32, path: &[u8]) -> io::Result<Self> {
        let of = |what: &str| format!("/proc/{thread}/{what}");
        let root = open(of("root"), PLACE, Mode::empty())?;
        let (own, theirs) = (statat(CWD, "/", AtFlags::empty())?, fstat(&root)?);
        let space = |of: &str| readlinkat(CWD, format!("/proc/{of}/ns/mnt"), []);
        let same = (own.st_dev, own.st_ino) == (theirs.st_dev, theirs.st_ino)
            && space("self")? == space(&thread.to_string())?;
        if same || path.starts_with(b"/") {
            let directory = open(of("cwd"), PLACE, Mode::empty())?;
            let directory = if same { directory } else { root };
            return Ok(Self { directory, path: path.to_vec(), root: !same });
        }
        // From where the directory is in that root. One outside of it has no name there, and is taken for the root.
        let directory = readlinkat(CWD, of("cwd"), [])?.into_bytes();
        let prefix = readlinkat(CWD, of("root"), [])?.into_bytes();
        let inside = directory.strip_prefix(&prefix[..]).unwrap_or_default();
        Ok(Self { directory: root, path: [inside, b"/", path].concat(), root: true })
    }

    fn open(&self, path: &[u8], flags: OFlags) -> rustix::io::Result<OwnedFd> {
        if self.root {
            openat2(&self.directory, path, PLACE | flags, Mode::empty(), ResolveFlags::IN_ROOT)
        } else {
            openat(&self.directory, path, PLACE | flags, Mode::empty())
        }
    }

    /// The directory that holds, or is to hold, what is named; and the last component.
    fn parent(&self) -> rustix::io::Result<(OwnedFd, &[u8])> {
        let end = self.path.iter().rposition(|byte| *byte != b'/').map_or(0, |last| last + 1);
        let start = self.path[..end].iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
        let (parent, name) = self.path.split_at(start);
        let parent = if parent.is_empty() { b"." } else { parent };
        Ok((self.open(parent, OFlags::DIRECTORY)?, name))
    }
}

/// Makes a socket inode, and opens it.
///
/// # Errors
/// As mknod(2), with EADDRINUSE in place of EEXIST.
pub(super) fn make(thread: i32, own: &Status, status: &Status, path: &[u8]) -> Result<(NodeId, OwnedFd)> {
    let located = Located::new(thread, path).map_err(|error| failed(&error))?;
    let _user = FileUser::become_that_of(own, status)?;
    let (parent, name) = located.parent().map_err(errno)?;
    let mask = rustix::process::umask(Mode::from_bits_truncate(status.umask));
    let made = mknodat(&parent, name, FileType::Socket, Mode::RWXU | Mode::RWXG | Mode::RWXO, 0);
    rustix::process::umask(mask);
    made.map_err(|error| match error {
        rustix::io::Errno::EXIST => Error::new(Errno::EADDRINUSE, "there is such a file"),
        error => errno(error),
    })?;
    let node = openat(&parent, name, PLACE | OFlags::NOFOLLOW, Mode::empty()).map_err(errno)?;
    Ok((identity(&node)?.0, node))
}

/// Removes what [`make`] has made, if it is still there.
pub(super) fn remove(thread: i32, path: &[u8], node: NodeId) {
    let Ok(located) = Located::new(thread, path) else { return };
    let Ok((parent, name)) = located.parent() else { return };
    let found = openat(&parent, name, PLACE | OFlags::NOFOLLOW, Mode::empty());
    if found.is_ok_and(|found| identity(&found).is_ok_and(|(it, _)| it == node)) {
        // Who else has removed it has done what was wanted.
        let _ = unlinkat(&parent, name, AtFlags::empty());
    }
}

/// Follows a name to a socket inode that may be written to.
///
/// # Errors
/// As path_resolution(7); EACCES; ECONNREFUSED where the inode is no socket.
pub(super) fn find(thread: i32, own: &Status, status: &Status, path: &[u8]) -> Result<NodeId> {
    let located = Located::new(thread, path).map_err(|error| failed(&error))?;
    let _user = FileUser::become_that_of(own, status)?;
    let node = located.open(&located.path, OFlags::empty()).map_err(errno)?;
    let again = format!("/proc/self/fd/{}", node.as_raw_fd());
    accessat(CWD, again, Access::WRITE_OK, AtFlags::EACCESS).map_err(errno)?;
    match identity(&node)? {
        (node, FileType::Socket) => Ok(node),
        _ => Err(Error::new(Errno::ECONNREFUSED, "the file is no socket")),
    }
}

fn identity(node: impl AsFd) -> Result<(NodeId, FileType)> {
    let stat = fstat(node).map_err(errno)?;
    let id = NodeId { device: stat.st_dev, inode: stat.st_ino };
    Ok((id, FileType::from_raw_mode(stat.st_mode)))
}

/// As long as it lives, files are judged by another user's right.
struct FileUser<'a>(Option<&'a Status>);

impl<'a> FileUser<'a> {
    fn become_that_of(own: &'a Status, status: &Status) -> Result<Self> {
        if own.file_user() == status.file_user() {
            return Ok(Self(None));
        }
        let (user, group, groups) = status.file_user();
        sys::become_file_user(user, group, groups).map_err(|error| failed(&error))?;
        Ok(Self(Some(own)))
    }
}

impl Drop for FileUser<'_> {
    fn drop(&mut self) {
        if let Some(own) = self.0 {
            let (user, group, groups) = own.file_user();
            // What was right when the program began is so now.
            let _ = sys::become_file_user(user, group, groups);
        }
    }
}

/// The host's error, for a target.
pub(super) fn errno(errno: rustix::io::Errno) -> Error {
    Errno::from_number(errno.raw_os_error() as u16).into()
}

/// See [`errno`].
pub(super) fn failed(error: &io::Error) -> Error {
    Errno::from_number(error.raw_os_error().map_or(libc::EIO, |number| number) as u16).into()
}
