//! fallocate(2): room for contents that are to come, and holes where some were.

use core::ops::Range;

use socket::error::{Errno, Result};

use super::Inode;
use crate::pages::PAGE;

/// How many pages are made while the contents are locked.
const STRIDE: u64 = 256;

impl Inode {
    /// Sets memory aside for the bytes of a range, which read as before. With `extend`, the file becomes as long as that.
    ///
    /// # Errors
    /// ENOSPC, where part of it may have been set aside; EFBIG beyond the largest offset; EINVAL where there are no contents.
    pub(crate) fn allocate(&self, bytes: Range<u64>, extend: bool) -> Result<()> {
        if bytes.end > i64::MAX as u64 {
            return Err(Errno::EFBIG.into());
        }
        let contents = self.regular()?;
        let pages = bytes.start / PAGE as u64..bytes.end.div_ceil(PAGE as u64);
        let (used, limit) = self.file_system().bytes();
        if pages.end - pages.start > limit.saturating_sub(used) / PAGE as u64 + self.occupied() / PAGE as u64
        {
            return Err(Errno::ENOSPC.into());
        }
        let mut at = pages.start;
        while at < pages.end {
            let end = pages.end.min(at + STRIDE);
            contents.lock().allocate(self.file_system(), at..end)?;
            at = end;
        }
        let mut contents = contents.lock();
        if extend && contents.length() < bytes.end {
            let released = contents.set_length(bytes.end);
            drop(contents);
            drop(released);
        }
        Ok(())
    }

    /// Makes bytes zero and gives back the memory that they took; the length stays.
    ///
    /// # Errors
    /// ENOSPC, EINVAL where there are no contents.
    pub(crate) fn punch(&self, bytes: Range<u64>) -> Result<()> {
        let mut contents = self.regular()?.lock();
        let length = contents.length().next_multiple_of(PAGE as u64);
        let bytes = bytes.start.min(length)..bytes.end.min(length);
        if bytes.is_empty() {
            return Ok(());
        }
        let released = contents.punch(self.file_system(), bytes)?;
        drop(contents);
        self.file_system().give_back_bytes(released.bytes());
        drop(released);
        Ok(())
    }
}
