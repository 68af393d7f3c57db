//! Directory entries in the layout of getdents64(2).

use alloc::{sync::Arc, vec::Vec};
use core::mem::offset_of;

use linux_raw_sys::general::linux_dirent64;
use socket::error::{Errno, Error, Result};

use crate::{
    inode::{DirectoryEntry, Inode},
    open_file::Entries,
};

/// Where the name starts.
const NAME: usize = offset_of!(linux_dirent64, d_name);

/// The entries from cookie `from` on that fit into `room` bytes.
pub(crate) fn entries(directory: &Arc<Inode>, from: u64, room: usize) -> Result<Entries> {
    if directory.is_removed() {
        return Err(Error::new(Errno::ENOENT, "the directory was removed"));
    }
    let mut bytes = Vec::with_capacity(room);
    let mut next = from;
    let mut full = false;
    directory.list(from, |entry| {
        full = !encode(entry, room, &mut bytes);
        if !full {
            next = entry.next;
        }
        !full
    })?;
    if full && bytes.is_empty() {
        return Err(Error::new(Errno::EINVAL, "not even one entry fits"));
    }
    Ok(Entries { bytes, next })
}

/// Adds one entry; false where it does not fit.
fn encode(entry: &DirectoryEntry<'_>, room: usize, bytes: &mut Vec<u8>) -> bool {
    let length = (NAME + entry.name.len() + 1).next_multiple_of(align_of::<linux_dirent64>());
    if bytes.len() + length > room {
        return false;
    }
    let start = bytes.len();
    bytes.resize(start + length, 0);
    let record = &mut bytes[start..];
    let mut put = |offset: usize, value: &[u8]| record[offset..offset + value.len()].copy_from_slice(value);
    put(offset_of!(linux_dirent64, d_ino), &entry.number.to_ne_bytes());
    put(offset_of!(linux_dirent64, d_off), &entry.next.to_ne_bytes());
    put(offset_of!(linux_dirent64, d_reclen), &(length as u16).to_ne_bytes());
    put(offset_of!(linux_dirent64, d_type), &[entry.file_type.entry_type()]);
    put(NAME, entry.name);
    true
}
