//! Reading from open files.

use alloc::sync::Arc;

use linux_raw_sys::general as uapi;
use socket::error::{Errno, Result};
use spin::Mutex;

use super::{
    Body, OpenFile,
    bounce::{Bounce, read_device},
};
use crate::{
    identity::Access,
    inode::{Node, Synthetic},
    memory::Buffers,
};

impl OpenFile {
    /// Reads at the offset and moves it (read(2)).
    ///
    /// # Errors
    /// EBADF where it is not open for reading, EISDIR, EFAULT; EAGAIN where nothing is there yet: wait for IN.
    pub fn read(&self, buffers: &mut Buffers<'_>) -> Result<usize> {
        self.check_access(Access::READ)?;
        match &self.body {
            Body::Pipe(end) => end.read(buffers),
            Body::Device(device) => read_device(&**device, buffers),
            Body::Special(special) => special.read(buffers),
            Body::Contents | Body::Generated(_) => self.read_moving(buffers),
            Body::Directory => Err(Errno::EISDIR.into()),
            Body::Path => Err(Errno::EBADF.into()),
        }
    }

    /// Reads at `offset` (pread(2)).
    ///
    /// # Errors
    /// As [`OpenFile::read`]; ESPIPE where there are no offsets.
    pub fn read_at(&self, offset: u64, buffers: &mut Buffers<'_>) -> Result<usize> {
        self.check_positioned()?;
        self.check_access(Access::READ)?;
        match &self.body {
            Body::Contents => self.read_contents(offset, buffers),
            Body::Generated(held) => self.read_generated(held, offset, buffers),
            Body::Device(device) => read_device(&**device, buffers),
            Body::Directory => Err(Errno::EISDIR.into()),
            Body::Pipe(_) | Body::Special(_) | Body::Path => Err(Errno::EBADF.into()),
        }
    }

    fn read_moving(&self, buffers: &mut Buffers<'_>) -> Result<usize> {
        // Two readers of one description get different bytes: each claims its part before it copies.
        let (start, claimed) = {
            let mut offset = self.offset.lock();
            let start = *offset;
            let left = match &self.body {
                Body::Generated(_) => buffers.remaining() as u64,
                _ => self.inode.length().saturating_sub(start),
            };
            let claimed = left.min(buffers.remaining() as u64);
            *offset = start + claimed;
            (start, claimed)
        };
        buffers.limit(usize::try_from(claimed).unwrap_or(usize::MAX));
        let result = match &self.body {
            Body::Generated(held) => self.read_generated(held, start, buffers),
            _ => self.read_contents(start, buffers),
        };
        self.give_back(claimed - result.unwrap_or(0) as u64);
        result
    }

    fn read_contents(&self, offset: u64, buffers: &mut Buffers<'_>) -> Result<usize> {
        let mut done = 0;
        let mut bounce = Bounce::new();
        while buffers.remaining() > 0 {
            let at = offset.saturating_add(done as u64);
            // Bytes of the boot image stay where they are and need no detour.
            let chunk = match self.inode.borrowed(at) {
                Some(bytes) => &bytes[..bytes.len().min(buffers.remaining())],
                None => {
                    let bounce = bounce.get(buffers.remaining());
                    let count = self.inode.read_at(at, bounce)?;
                    &bounce[..count]
                }
            };
            if chunk.is_empty() {
                break;
            }
            let copied = buffers.put(chunk);
            done += copied;
            if copied < chunk.len() {
                if done == 0 {
                    return Err(Errno::EFAULT.into());
                }
                break;
            }
        }
        if done > 0 && self.status() & uapi::O_NOATIME == 0 {
            self.inode.touch_accessed();
        }
        Ok(done)
    }

    fn read_generated(
        &self,
        held: &Mutex<Option<Arc<[u8]>>>,
        offset: u64,
        buffers: &mut Buffers<'_>,
    ) -> Result<usize> {
        let Node::Synthetic(Synthetic::File(file)) = &self.inode.node else {
            return Err(Errno::EBADF.into());
        };
        if offset > 0 && !file.continues() {
            return Ok(0);
        }
        let kept = if offset == 0 { None } else { held.lock().clone() };
        let bytes = match kept {
            Some(bytes) => bytes,
            None => {
                let fresh: Arc<[u8]> = Arc::from(file.read()?);
                let old = held.lock().replace(fresh.clone());
                drop(old);
                fresh
            }
        };
        let rest = usize::try_from(offset).ok().and_then(|start| bytes.get(start..)).unwrap_or_default();
        let wanted = rest.len().min(buffers.remaining());
        let copied = buffers.put(&rest[..wanted]);
        if copied == 0 && wanted > 0 { Err(Errno::EFAULT.into()) } else { Ok(copied) }
    }
}
