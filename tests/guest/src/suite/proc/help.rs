//! Reading files as `/proc` has them.

use std::ffi::CString;

use crate::{
    errno::Result,
    harness::{Failure, Outcome},
    sys,
};

/// A path for a call.
pub(super) fn path(path: &str) -> CString {
    CString::new(path).expect("no NUL in a test's path")
}

/// Everything that a file holds, read with a buffer that is large enough.
#[track_caller]
pub(super) fn read(name: &str) -> Result<Vec<u8>> {
    read_in_pieces(name, 1 << 16)
}

/// Everything that a file holds, read in pieces of so many bytes.
#[track_caller]
pub(super) fn read_in_pieces(name: &str, size: usize) -> Result<Vec<u8>> {
    let fd = sys::open(&path(name), libc::O_RDONLY, 0)?;
    let mut contents = Vec::new();
    let mut buffer = vec![0; size];
    loop {
        match sys::read(&fd, &mut buffer)? {
            0 => return Ok(contents),
            length => contents.extend_from_slice(&buffer[..length]),
        }
    }
}

/// A file's text.
#[track_caller]
pub(super) fn text(name: &str) -> Outcome<String> {
    let bytes = read(name)?;
    String::from_utf8(bytes).map_err(|error| Failure::here(format!("{name}: {error}")))
}

/// Opens a file and writes to it in one call.
#[track_caller]
pub(super) fn write(name: &str, bytes: &[u8]) -> Result<usize> {
    let fd = sys::open(&path(name), libc::O_WRONLY | libc::O_TRUNC, 0)?;
    sys::write(&fd, bytes)
}

/// The number that a word is.
#[track_caller]
pub(super) fn number<T: std::str::FromStr>(word: &str) -> Outcome<T> {
    match word.parse() {
        Ok(number) => Ok(number),
        Err(_) => Err(Failure::here(format!("{word:?} is not such a number"))),
    }
}
