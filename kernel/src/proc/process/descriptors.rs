//! `fd` and `fdinfo`: what a process has open.

use alloc::{boxed::Box, format, sync::Arc, vec::Vec};

use linux_raw_sys::general::{O_ACCMODE, O_CLOEXEC, O_NONBLOCK, O_PATH, O_RDONLY, O_RDWR, O_WRONLY};
use socket::error::{Errno, Error, Result};
use vfs::{
    Access, FileSystem, FileType, Generated, Handle, Identity, Inode, LinkTarget, MagicLink, Owner, Populate,
    PopulateEntry,
};

use super::{Who, access};
use crate::{
    proc::processes::{number, numbered},
    process::current_thread,
    syscall::socket_number,
};

/// The directory `fd`.
pub(super) fn links(files: &Arc<FileSystem>, who: &Who) -> Arc<Inode> {
    let directory = Descriptors { files: files.clone(), who: who.clone(), details: false };
    Inode::new_populated(files, 0o500, Box::new(directory))
}

/// The directory `fdinfo`.
pub(super) fn details(files: &Arc<FileSystem>, who: &Who) -> Arc<Inode> {
    let directory = Descriptors { files: files.clone(), who: who.clone(), details: true };
    Inode::new_populated(files, 0o555, Box::new(directory))
}

struct Descriptors {
    files: Arc<FileSystem>,
    who: Who,
    /// Whether it is `fdinfo`.
    details: bool,
}

impl Populate for Descriptors {
    fn child(&self, name: &[u8]) -> Result<Option<Arc<Inode>>> {
        let Ok(subject) = self.who.get() else { return Ok(None) };
        let Some(number) = number(name) else { return Ok(None) };
        let Ok(handle) = subject.process.files().get(number) else { return Ok(None) };
        let descriptor = Descriptor { who: self.who.clone(), number };
        Ok(Some(if self.details {
            Inode::new_synthetic(&self.files, 0o444, Box::new(descriptor))
        } else {
            let link = Opened { descriptor, mode: link_mode(&handle) };
            Inode::new_magic_link(&self.files, Box::new(link))
        }))
    }

    fn entries(&self, from: u64, most: usize) -> Result<Vec<PopulateEntry>> {
        let subject = self.who.get().map_err(|_| Errno::ENOENT)?;
        let file_type = if self.details { FileType::Regular } else { FileType::Symlink };
        let numbers = subject.process.files().numbers();
        let entries = numbers.iter().map(|number| numbered(0, *number, file_type));
        Ok(entries.filter(|entry| entry.position >= from).take(most).collect())
    }

    fn permits(&self, _who: &Identity, _wanted: Access, by_mode: bool) -> bool {
        let Ok(subject) = self.who.get() else { return by_mode };
        if self.details {
            return by_mode && access::may_look(&subject);
        }
        // A process that has become somebody else still sees what it has open.
        by_mode || current_thread().is_some_and(|caller| Arc::ptr_eq(&caller.process, &subject.process))
    }

    fn owner(&self) -> Option<Owner> {
        self.who.owner()
    }
}

/// What the file may be used for, as the permissions of its link.
fn link_mode(handle: &Handle) -> u32 {
    let status = match handle {
        Handle::Socket(_) => O_RDWR,
        Handle::File(file) => file.status(),
    };
    match status & O_ACCMODE {
        _ if status & O_PATH != 0 => 0,
        O_RDONLY => 0o500,
        O_WRONLY => 0o300,
        O_RDWR => 0o700,
        _ => 0,
    }
}

struct Descriptor {
    who: Who,
    number: i32,
}

/// A link in `fd`.
struct Opened {
    descriptor: Descriptor,
    mode: u32,
}

impl MagicLink for Opened {
    fn text(&self) -> Result<Vec<u8>> {
        let subject = self.descriptor.who.look()?;
        Ok(match subject.process.files().get(self.descriptor.number).map_err(|_| Errno::ENOENT)? {
            Handle::File(file) => file.path(&subject.process.system.root),
            Handle::Socket(socket) => format!("socket:[{}]", socket_number(&socket)).into_bytes(),
        })
    }

    fn target(&self) -> Result<Option<LinkTarget>> {
        let subject = self.descriptor.who.look()?;
        match subject.process.files().get(self.descriptor.number).map_err(|_| Errno::ENOENT)? {
            Handle::File(file) => Ok(Some(file.target())),
            Handle::Socket(_) => Err(Error::new(Errno::ENXIO, "sockets are not opened by name")),
        }
    }

    fn owner(&self) -> Option<Owner> {
        self.descriptor.who.owner()
    }

    fn mode(&self) -> u32 {
        self.mode
    }
}

/// A file in `fdinfo`.
impl Generated for Descriptor {
    fn read(&self) -> Result<Vec<u8>> {
        let subject = self.who.get().map_err(|_| Errno::ENOENT)?;
        let files = subject.process.files();
        let handle = files.get(self.number).map_err(|_| Errno::ENOENT)?;
        let close_on_exec = files.closes_on_exec(self.number).unwrap_or(false);
        let cloexec = if close_on_exec { O_CLOEXEC } else { 0 };
        let text = match &handle {
            Handle::File(file) => {
                let details = file.special_body().map(|special| special.details()).unwrap_or_default();
                let (offset, status) = (file.offset(), file.status() | cloexec);
                let inode = file.inode().number();
                format!("pos:\t{offset}\nflags:\t0{status:o}\nmnt_id:\t{MOUNT}\nino:\t{inode}\n{details}")
            }
            Handle::Socket(socket) => {
                let nonblocking = if socket.nonblocking() { O_NONBLOCK } else { 0 };
                let (status, inode) = (O_RDWR | nonblocking | cloexec, socket_number(socket));
                format!("pos:\t0\nflags:\t0{status:o}\nmnt_id:\t{MOUNT}\nino:\t{inode}\n")
            }
        };
        Ok(text.into_bytes())
    }

    fn open(&self) -> Result<()> {
        self.who.look().map(drop)
    }

    fn owner(&self) -> Option<Owner> {
        self.who.owner()
    }
}

/// The number of the mount that files are on, of which there is one.
const MOUNT: u32 = super::mounts::ROOT;
