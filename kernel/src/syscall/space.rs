//! What is said about contents rather than done with them: fallocate(2), posix_fadvise(2), readahead(2),
//! sync_file_range(2).

use ::socket::error::{Errno, Error, Result};
use linux_raw_sys::general::{
    __NR_fadvise64, __NR_fallocate, __NR_readahead, __NR_sync_file_range, FALLOC_FL_COLLAPSE_RANGE,
    FALLOC_FL_INSERT_RANGE, FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE, FALLOC_FL_UNSHARE_RANGE,
    FALLOC_FL_ZERO_RANGE, POSIX_FADV_NOREUSE, SYNC_FILE_RANGE_WAIT_AFTER, SYNC_FILE_RANGE_WAIT_BEFORE,
    SYNC_FILE_RANGE_WRITE,
};
use vfs::{FileType, Handle};

use super::{Arguments, Calls, Handler::Plain};
use crate::context::Context;

pub(super) const CALLS: &Calls = &[
    (__NR_fallocate, Plain(fallocate)),
    (__NR_fadvise64, Plain(fadvise)),
    (__NR_readahead, Plain(readahead)),
    (__NR_sync_file_range, Plain(sync_file_range)),
];

/// `FALLOC_FL_WRITE_ZEROES`, which linux-raw-sys lacks.
const WRITE_ZEROES: u32 = 0x80;

/// Allocating and punching holes is what tmpfs can do.
fn fallocate(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [descriptor, mode, offset, length, ..] = *arguments;
    let (mode, offset, length) = (mode as u32, offset as i64, length as i64);
    let handle = context.files.get(descriptor as i32)?;
    handle.usable()?;
    let (Ok(start @ 0..), 1..) = (u64::try_from(offset), length) else {
        return Err(Error::new(Errno::EINVAL, "no such range"));
    };
    let keep = mode & FALLOC_FL_KEEP_SIZE != 0;
    let known = match mode & !FALLOC_FL_KEEP_SIZE {
        0 | FALLOC_FL_UNSHARE_RANGE | FALLOC_FL_ZERO_RANGE => true,
        FALLOC_FL_PUNCH_HOLE => keep,
        FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE | WRITE_ZEROES => !keep,
        _ => false,
    };
    if !known {
        return Err(Error::new(Errno::EOPNOTSUPP, "no such mode"));
    }
    let Handle::File(file) = handle else { return Err(Errno::ENODEV.into()) };
    file.check_allocatable()?;
    let end = offset.checked_add(length).ok_or(Error::new(Errno::EFBIG, "beyond the largest offset"))? as u64;
    let who = || context.identity();
    match mode & !FALLOC_FL_KEEP_SIZE {
        0 => file.allocate(who, start..end, !keep)?,
        FALLOC_FL_PUNCH_HOLE => file.punch(who, start..end)?,
        _ => return Err(Error::new(Errno::EOPNOTSUPP, "not on this file system")),
    }
    Ok(0)
}

/// Everything is in memory: advice changes nothing.
fn fadvise(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [descriptor, _, length, advice, ..] = *arguments;
    let handle = context.files.get(descriptor as i32)?;
    handle.usable()?;
    if let Handle::File(file) = handle
        && file.inode().file_type() == FileType::Fifo
    {
        return Err(Errno::ESPIPE.into());
    }
    if (length as i64) < 0 || advice as u32 > POSIX_FADV_NOREUSE {
        return Err(Error::new(Errno::EINVAL, "no such advice"));
    }
    Ok(0)
}

fn readahead(context: &Context, arguments: &Arguments) -> Result<usize> {
    let handle = context.files.get(arguments[0] as i32)?;
    handle.usable()?;
    match handle {
        Handle::File(file) => {
            file.check_readable()?;
            match file.inode().file_type() {
                FileType::Regular => Ok(0),
                _ => Err(Error::new(Errno::EINVAL, "not a regular file")),
            }
        }
        Handle::Socket(_) => Err(Error::new(Errno::EINVAL, "not a regular file")),
    }
}

fn sync_file_range(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [descriptor, offset, length, flags, ..] = *arguments;
    let handle = context.files.get(descriptor as i32)?;
    handle.usable()?;
    let known = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
    let (offset, length) = (offset as i64, length as i64);
    let end = offset.checked_add(length).filter(|end| *end >= offset);
    if flags as u32 & !known != 0 || offset < 0 || end.is_none() {
        return Err(Error::new(Errno::EINVAL, "no such range, or no such flag"));
    }
    match handle {
        Handle::File(file) if matches!(file.inode().file_type(), FileType::Regular | FileType::Directory) => {
            Ok(0)
        }
        _ => Err(Error::new(Errno::ESPIPE, "there is nothing that could be written back")),
    }
}
