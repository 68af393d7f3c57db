//! Reading and writing for the kernel itself, without a program's memory.

use core::cell::RefCell;

use linux_raw_sys::general as uapi;
use socket::{
    caller::Fault,
    error::{Errno, Error, Result},
};

use super::{Body, OpenFile};
use crate::{
    identity::{Access, Identity},
    memory::{Buffers, Segment, UserMemory},
};

/// Memory of the kernel in the place of a program's, from address 0 on.
enum Kernel<'a> {
    Room(RefCell<&'a mut [u8]>),
    Bytes(&'a [u8]),
}

impl UserMemory for Kernel<'_> {
    fn read(&self, address: usize, into: &mut [u8]) -> core::result::Result<(), Fault> {
        let Self::Bytes(bytes) = self else { return Err(Fault { copied: 0 }) };
        let from =
            bytes.get(address..).and_then(|bytes| bytes.get(..into.len())).ok_or(Fault { copied: 0 })?;
        into.copy_from_slice(from);
        Ok(())
    }

    fn write(&self, address: usize, from: &[u8]) -> core::result::Result<(), Fault> {
        let Self::Room(room) = self else { return Err(Fault { copied: 0 }) };
        let mut room = room.borrow_mut();
        let into = room.get_mut(address..).and_then(|room| room.get_mut(..from.len()));
        into.ok_or(Fault { copied: 0 })?.copy_from_slice(from);
        Ok(())
    }
}

impl OpenFile {
    /// Whether splice(2) and sendfile(2) may move bytes from it into a pipe or elsewhere.
    ///
    /// # Errors
    /// EINVAL.
    pub fn check_splice_source(&self) -> Result<()> {
        match &self.body {
            Body::Contents => Ok(()),
            Body::Device(device) if device.splices().contains(Access::READ) => Ok(()),
            _ => Err(Error::new(Errno::EINVAL, "nothing can be moved from there")),
        }
    }

    /// Whether they may move bytes to it.
    ///
    /// # Errors
    /// EINVAL, also where it is opened with O_APPEND.
    pub fn check_splice_target(&self) -> Result<()> {
        match &self.body {
            _ if self.status() & uapi::O_APPEND != 0 => {
                Err(Error::new(Errno::EINVAL, "what is appended has no offset"))
            }
            Body::Contents => Ok(()),
            Body::Device(device) if device.splices().contains(Access::WRITE) => Ok(()),
            _ => Err(Error::new(Errno::EINVAL, "nothing can be moved there")),
        }
    }

    /// Whether it has offsets.
    #[must_use]
    pub fn is_positioned(&self) -> bool {
        self.check_positioned().is_ok()
    }

    /// Sets the offset, of a file that has one.
    pub fn set_offset(&self, offset: u64) {
        if matches!(self.body, Body::Contents | Body::Generated(_)) {
            *self.offset.lock() = offset;
        }
    }

    /// Reads at an offset, where the file has offsets, into memory of the kernel.
    ///
    /// # Errors
    /// As [`OpenFile::read_at`].
    pub fn read_bytes(&self, offset: u64, into: &mut [u8]) -> Result<usize> {
        if matches!(self.body, Body::Contents) {
            self.check_access(Access::READ)?;
            let read = self.inode.read_at(offset, into)?;
            if read > 0 && self.status() & uapi::O_NOATIME == 0 {
                self.inode.touch_accessed();
            }
            return Ok(read);
        }
        let segments = [Segment { address: 0, length: into.len() }];
        let memory = Kernel::Room(RefCell::new(into));
        let mut buffers = Buffers::new(&memory, &segments);
        if self.is_positioned() { self.read_at(offset, &mut buffers) } else { self.read(&mut buffers) }
    }

    /// Writes at an offset, where the file has offsets, from memory of the kernel.
    ///
    /// # Errors
    /// As [`OpenFile::write_at`].
    pub fn write_bytes(&self, who: impl FnOnce() -> Identity, offset: u64, bytes: &[u8]) -> Result<usize> {
        if matches!(self.body, Body::Contents) {
            self.check_access(Access::WRITE)?;
            let written = self.inode.write_at(offset, bytes)?;
            if written > 0 {
                self.inode.touch_modified(Some(who));
            }
            return Ok(written);
        }
        let segments = [Segment { address: 0, length: bytes.len() }];
        let memory = Kernel::Bytes(bytes);
        let mut buffers = Buffers::new(&memory, &segments);
        if self.is_positioned() {
            self.write_at(who, offset, &mut buffers)
        } else {
            self.write(who, &mut buffers)
        }
    }
}
