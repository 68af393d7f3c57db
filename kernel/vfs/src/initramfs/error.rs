//! What can be wrong with a boot image.

use alloc::{string::String, vec::Vec};
use core::fmt;

use socket::error::Errno;

/// What is wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Problem {
    /// It is empty.
    Empty,
    /// The bytes are the start of a compressed file.
    Compressed,
    /// The header does not start with `070701` or `070702`.
    BadMagic,
    /// A field of the header is not a hexadecimal number.
    BadNumber,
    /// The image ends within the header or the name.
    Truncated,
    /// The contents would go on for that many bytes behind the end of the image.
    DataBeyondEnd(u64),
    /// A name of that length is not possible.
    BadNameSize(u32),
    /// The name does not end in NUL, or has one before its end.
    BadName,
    /// The name has a `..` in it.
    DotDot,
    /// The image ends without the entry `TRAILER!!!`.
    NoTrailer,
    /// The type in the mode is none.
    BadType(u32),
    /// The contents do not have the sum that the header says (`070702`).
    BadChecksum,
    /// The directory that the entry should be in does not exist.
    NoParent,
    /// What the entry should be in is no directory.
    ParentNotDirectory,
    /// A directory with entries stands where the entry should be.
    DirectoryInTheWay,
    /// A symbolic link without a target, or with one that is too long.
    BadTarget,
    /// The file system refused.
    Refused(Errno),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the image is empty"),
            Self::Compressed => f.write_str("the image is compressed; a plain newc archive is wanted"),
            Self::BadMagic => f.write_str("bad magic number, not 070701"),
            Self::BadNumber => f.write_str("a field of the header is not a hexadecimal number"),
            Self::Truncated => f.write_str("the image ends within a header"),
            Self::DataBeyondEnd(missing) => {
                write!(f, "the contents go on for {missing} bytes behind the end of the image")
            }
            Self::BadNameSize(size) => write!(f, "impossible length of a name: {size}"),
            Self::BadName => f.write_str("the name does not end in its first NUL"),
            Self::DotDot => f.write_str("`..` in the name"),
            Self::NoTrailer => f.write_str("the image ends without TRAILER!!!"),
            Self::BadType(mode) => write!(f, "no such type of file: mode {mode:o}"),
            Self::BadChecksum => f.write_str("the contents do not have the sum in the header"),
            Self::NoParent => f.write_str("the directory above does not exist"),
            Self::ParentNotDirectory => f.write_str("what is above is no directory"),
            Self::DirectoryInTheWay => f.write_str("a directory that is not empty is in the way"),
            Self::BadTarget => f.write_str("a symbolic link without a target that is possible"),
            Self::Refused(errno) => write!(f, "the file system refused: {errno:?}"),
        }
    }
}

/// What is wrong, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LoadError {
    /// Where the entry starts in the image, in bytes.
    pub offset: usize,
    /// The entry's name, as far as it is known.
    pub entry: Option<Vec<u8>>,
    /// What is wrong.
    pub problem: Problem,
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "initramfs, offset {:#x}", self.offset)?;
        if let Some(name) = &self.entry {
            write!(f, ", entry {:?}", String::from_utf8_lossy(name))?;
        }
        write!(f, ": {}", self.problem)
    }
}

impl core::error::Error for LoadError {}
