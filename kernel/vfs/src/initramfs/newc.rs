//! Headers of the newc format, checked.
//!
//! The crate `cpio_reader` was considered: it ends at the first malformed header as if the archive ended there, so that a
//! damaged image would boot with half of its files; it accepts only names that are UTF-8; and it unpacks bad sizes by
//! slicing. What a boot image needs instead is one page of code.

use super::Problem;

const HEADER: usize = 110;
const MAGIC_LENGTH: usize = 6;
const FIELD: usize = 8;
/// The longest name, its NUL counted (`PATH_MAX`).
const MAX_NAME: u32 = 4096;

/// One entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Entry<'a> {
    pub(super) inode: u32,
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) nlink: u32,
    pub(super) modified: u32,
    /// Major and minor number of the device that the file was on.
    pub(super) device: (u32, u32),
    /// Major and minor number of a device node.
    pub(super) rdev: (u32, u32),
    pub(super) name: &'a [u8],
    pub(super) data: &'a [u8],
}

/// What stands at a place in the image.
pub(super) enum Item<'a> {
    Entry(Entry<'a>),
    Trailer,
}

/// A problem, and the name of the entry that has it.
pub(super) type Bad<'a> = (Option<&'a [u8]>, Problem);

/// Reads the item at `offset`, a multiple of four; returns it and where the next one starts.
pub(super) fn read(image: &[u8], offset: usize) -> Result<(Item<'_>, usize), Bad<'_>> {
    let rest = image.get(offset..).unwrap_or_default();
    let header = rest.get(..HEADER).ok_or((None, Problem::Truncated));
    let magic = &rest[..rest.len().min(MAGIC_LENGTH)];
    let sum_checked = match magic {
        b"070701" => false,
        b"070702" => true,
        _ => return Err((None, wrong_magic(rest))),
    };
    let mut fields = [0_u32; 13];
    for (field, digits) in fields.iter_mut().zip(header?[MAGIC_LENGTH..].chunks(FIELD)) {
        *field = number(digits).ok_or((None, Problem::BadNumber))?;
    }
    let [inode, mode, uid, gid, nlink, modified, size, major, minor, rmajor, rminor, name_size, sum] = fields;
    if name_size == 0 || name_size > MAX_NAME {
        return Err((None, Problem::BadNameSize(name_size)));
    }
    let name_end = HEADER + name_size as usize;
    let name = rest.get(HEADER..name_end).ok_or((None, Problem::Truncated))?;
    let name = match name.iter().position(|byte| *byte == 0) {
        Some(end) if end + 1 == name.len() => &name[..end],
        Some(end) => return Err((Some(&name[..end]), Problem::BadName)),
        None => return Err((Some(name), Problem::BadName)),
    };
    // Name and contents are padded so that what follows is at a multiple of four; the sums fit as sizes are 32-bit.
    let data_start = name_end.next_multiple_of(4);
    let data_end = data_start + size as usize;
    let Some(data) = rest.get(data_start..data_end) else {
        return Err((Some(name), Problem::DataBeyondEnd((data_end - rest.len()) as u64)));
    };
    let next = offset + data_end.next_multiple_of(4);
    if name == b"TRAILER!!!" {
        return Ok((Item::Trailer, next));
    }
    if sum_checked && data.iter().fold(0_u32, |sum, byte| sum.wrapping_add(u32::from(*byte))) != sum {
        return Err((Some(name), Problem::BadChecksum));
    }
    let entry = Entry {
        inode,
        mode,
        uid,
        gid,
        nlink,
        modified,
        device: (major, minor),
        rdev: (rmajor, rminor),
        name,
        data,
    };
    Ok((Item::Entry(entry), next))
}

fn wrong_magic(bytes: &[u8]) -> Problem {
    let compressed: [&[u8]; 5] = [b"\x1f\x8b", b"\xfd7zXZ", b"BZh", b"\x28\xb5\x2f\xfd", b"\x02\x21\x4c\x18"];
    if compressed.iter().any(|magic| bytes.starts_with(magic)) {
        Problem::Compressed
    } else if bytes.len() < MAGIC_LENGTH {
        Problem::Truncated
    } else {
        Problem::BadMagic
    }
}

fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |value, digit| Some(value << 4 | (*digit as char).to_digit(16)?))
}
