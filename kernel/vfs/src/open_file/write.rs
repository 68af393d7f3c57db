//! Writing to open files.

use core::ops::Range;

use socket::error::{Errno, Error, Result};

use super::{
    Body, OpenFile,
    bounce::{Bounce, write_device},
};
use crate::{
    identity::{Access, Identity},
    inode::{Node, Synthetic},
    memory::Buffers,
};

impl OpenFile {
    /// Writes at the offset, or with O_APPEND at the end, and moves it (write(2)). `who` writes is only asked where it
    /// matters: what somebody else than root changes loses its set-id bits.
    ///
    /// # Errors
    /// EBADF where it is not open for writing, EFAULT, ENOSPC, EFBIG, EPIPE; EAGAIN where there is no room: wait for OUT.
    pub fn write(&self, who: impl FnOnce() -> Identity, buffers: &mut Buffers<'_>) -> Result<usize> {
        self.write_flagged(who, None, self.appends(), buffers)
    }

    /// Writes at `offset` (pwrite(2)); with O_APPEND at the end all the same, as Linux does.
    ///
    /// # Errors
    /// As [`OpenFile::write`]; ESPIPE where there are no offsets.
    pub fn write_at(
        &self,
        who: impl FnOnce() -> Identity,
        offset: u64,
        buffers: &mut Buffers<'_>,
    ) -> Result<usize> {
        self.write_flagged(who, Some(offset), self.appends(), buffers)
    }

    /// Writes at `offset`, or without one at that of the file, which moves; `append` writes at the end in any case, whatever
    /// the file was opened with (pwritev2(2)).
    ///
    /// # Errors
    /// As [`OpenFile::write_at`].
    pub fn write_flagged(
        &self,
        who: impl FnOnce() -> Identity,
        offset: Option<u64>,
        append: bool,
        buffers: &mut Buffers<'_>,
    ) -> Result<usize> {
        if offset.is_some() {
            self.check_positioned()?;
        }
        self.check_access(Access::WRITE)?;
        match (&self.body, offset) {
            (Body::Pipe(end), _) => end.write(buffers),
            (Body::Device(device), _) => write_device(&**device, buffers),
            (Body::Special(special), None) => special.write(buffers),
            (Body::Contents, None) if append => self.append(who, buffers),
            (Body::Contents, Some(_)) if append => {
                let held = *self.offset.lock();
                let result = self.append(who, buffers);
                *self.offset.lock() = held;
                result
            }
            (Body::Contents, Some(offset)) => self.write_contents(who, offset, buffers),
            (Body::Generated(_), Some(offset)) => self.write_generated(offset, buffers),
            (Body::Contents | Body::Generated(_), None) => {
                let (start, claimed) = self.claim(buffers.remaining() as u64);
                let result = match &self.body {
                    Body::Contents => self.write_contents(who, start, buffers),
                    _ => self.write_generated(start, buffers),
                };
                self.give_back(claimed.saturating_sub(result.unwrap_or(0) as u64));
                result
            }
            (Body::Directory | Body::Path | Body::Special(_), _) => Err(Errno::EBADF.into()),
        }
    }

    /// fallocate(2): sets memory aside for `bytes`, beyond the end too, and with `extend` makes the file as long as that.
    ///
    /// # Errors
    /// ENOSPC, EFBIG; those of [`OpenFile::check_allocatable`].
    pub fn allocate(&self, who: impl FnOnce() -> Identity, bytes: Range<u64>, extend: bool) -> Result<()> {
        self.check_allocatable()?;
        self.inode.allocate(bytes, extend)?;
        self.inode.touch_modified(Some(who));
        Ok(())
    }

    /// fallocate(2) with FALLOC_FL_PUNCH_HOLE: makes `bytes` zero and gives their memory back.
    ///
    /// # Errors
    /// As [`OpenFile::allocate`].
    pub fn punch(&self, who: impl FnOnce() -> Identity, bytes: Range<u64>) -> Result<()> {
        self.check_allocatable()?;
        self.inode.punch(bytes)?;
        self.inode.touch_modified(Some(who));
        Ok(())
    }

    /// Whether fallocate(2) can be used on it.
    ///
    /// # Errors
    /// EBADF where it is not open for writing, ESPIPE for a pipe, EOPNOTSUPP where code makes the contents, ENODEV for
    /// everything else that has none.
    pub fn check_allocatable(&self) -> Result<()> {
        self.check_access(Access::WRITE)?;
        match self.body {
            Body::Contents => Ok(()),
            Body::Pipe(_) => Err(Errno::ESPIPE.into()),
            Body::Generated(_) => Err(Error::new(Errno::EOPNOTSUPP, "the contents are made by code")),
            _ => Err(Error::new(Errno::ENODEV, "not a regular file")),
        }
    }

    /// Gives a file that code makes what is written, in one piece.
    fn write_generated(&self, offset: u64, buffers: &mut Buffers<'_>) -> Result<usize> {
        let Node::Synthetic(Synthetic::File(file)) = &self.inode.node else {
            return Err(Errno::EBADF.into());
        };
        let mut bounce = Bounce::new();
        let bounce = bounce.get(buffers.remaining());
        let wanted = bounce.len();
        if buffers.take(bounce) < wanted {
            return Err(Errno::EFAULT.into());
        }
        file.write(offset, bounce).map(|taken| taken.min(wanted))
    }

    fn write_contents(
        &self,
        who: impl FnOnce() -> Identity,
        offset: u64,
        buffers: &mut Buffers<'_>,
    ) -> Result<usize> {
        self.write_chunks(who, buffers, |done, bytes| {
            self.inode.write_at(offset.saturating_add(done as u64), bytes)
        })
    }

    fn append(&self, who: impl FnOnce() -> Identity, buffers: &mut Buffers<'_>) -> Result<usize> {
        self.write_chunks(who, buffers, |_, bytes| {
            let (written, end) = self.inode.append(bytes)?;
            *self.offset.lock() = end;
            Ok(written)
        })
    }

    /// Copies from the program in chunks; `write` is given how much is written already, and the next bytes.
    fn write_chunks(
        &self,
        who: impl FnOnce() -> Identity,
        buffers: &mut Buffers<'_>,
        mut write: impl FnMut(usize, &[u8]) -> Result<usize>,
    ) -> Result<usize> {
        let mut done = 0;
        let mut bounce = Bounce::new();
        let outcome = loop {
            if buffers.remaining() == 0 {
                break Ok(());
            }
            let bounce = bounce.get(buffers.remaining());
            let wanted = bounce.len();
            let taken = buffers.take(bounce);
            if taken > 0 {
                match write(done, &bounce[..taken]) {
                    Ok(written) => {
                        done += written;
                        if written < taken {
                            break Ok(());
                        }
                    }
                    Err(error) => break Err(error),
                }
            }
            if taken < wanted {
                break Err(Errno::EFAULT.into());
            }
        };
        if done > 0 {
            self.inode.touch_modified(Some(who));
            return Ok(done);
        }
        outcome.map(|()| 0)
    }

    /// Moves the offset past the next `length` bytes, which are the caller's from now on; returns where they start, and
    /// how many there are below the largest offset.
    pub(super) fn claim(&self, length: u64) -> (u64, u64) {
        let mut offset = self.offset.lock();
        let start = *offset;
        let claimed = length.min((i64::MAX as u64).saturating_sub(start));
        *offset = start + claimed;
        (start, claimed)
    }

    pub(super) fn give_back(&self, length: u64) {
        if length > 0 {
            let mut offset = self.offset.lock();
            *offset = offset.saturating_sub(length);
        }
    }
}
