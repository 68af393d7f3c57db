//! Linux's structures, between their bytes in a program's memory and typed values.
//!
//! x86-64 and AArch64 lay all of them out alike (LP64, little-endian), as linux-raw-sys has them; nothing here is a
//! cast: every field is taken from, or put at, its offset.

pub mod address;
pub mod buffers;
pub mod control;
pub mod flags;
pub mod message;
pub mod options;

use crate::{
    caller::{Caller, Fault},
    error::{Errno, Error, Result},
};

/// The end of the addresses that a program can have: TASK_SIZE_MAX with four-level page tables.
const USER_END: usize = (1 << 47) - 4096;

/// Linux's `access_ok`: a range of which a part lies outside of the program's half is refused before anything is done.
///
/// # Errors
/// EFAULT.
#[inline]
pub(crate) fn check_range(address: usize, length: usize) -> Result<()> {
    match address.checked_add(length) {
        Some(end) if end <= USER_END => Ok(()),
        _ => Err(wild()),
    }
}

#[cold]
fn wild() -> Error {
    Error::new(Errno::EFAULT, "the range is not the program's")
}

impl From<Fault> for Error {
    #[cold]
    fn from(_: Fault) -> Self {
        Self::new(Errno::EFAULT, "memory is not mapped, or not for this access")
    }
}

impl From<Fault> for crate::step::Stop {
    #[cold]
    fn from(fault: Fault) -> Self {
        Self::Error(fault.into())
    }
}

/// Reads an `int`.
pub(crate) fn read_int<C: Caller>(caller: &C, address: usize) -> Result<i32> {
    let mut bytes = [0; 4];
    caller.read_memory(address, &mut bytes)?;
    Ok(i32::from_ne_bytes(bytes))
}

/// Writes an `int`.
pub(crate) fn write_int<C: Caller>(caller: &C, address: usize, value: i32) -> Result<()> {
    Ok(caller.write_memory(address, &value.to_ne_bytes())?)
}

/// A word of a structure that has been copied in.
pub(crate) fn word(bytes: &[u8], offset: usize) -> usize {
    let mut word = [0; size_of::<usize>()];
    word.copy_from_slice(&bytes[offset..offset + size_of::<usize>()]);
    usize::from_ne_bytes(word)
}

/// An `int` of a structure that has been copied in.
pub(crate) fn int(bytes: &[u8], offset: usize) -> i32 {
    let mut int = [0; 4];
    int.copy_from_slice(&bytes[offset..offset + 4]);
    i32::from_ne_bytes(int)
}
