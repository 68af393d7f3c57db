//! The values of getsockopt and setsockopt.

use crate::{
    abi::{read_int, write_int},
    caller::{Caller, Credentials},
    error::{Errno, Error, Result},
};

/// What an option is read as.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OptionValue {
    /// An `int`.
    Int(i32),
    /// A `struct ucred`.
    Credentials(Credentials),
}

/// Where a program wants an option's value: a buffer and a value-result length.
#[derive(Clone, Copy, Debug)]
pub struct OptionOut {
    buffer: usize,
    length_at: usize,
    room: usize,
}

impl OptionOut {
    /// Reads the length.
    ///
    /// # Errors
    /// EFAULT; EINVAL where it is negative.
    pub fn read<C: Caller>(caller: &C, buffer: usize, length_at: usize) -> Result<Self> {
        let room = read_int(caller, length_at)?;
        let room = usize::try_from(room).map_err(|_| Error::new(Errno::EINVAL, "a negative length"))?;
        Ok(Self { buffer, length_at, room })
    }

    /// Stores as much of the value as there is room for, and how much that is.
    ///
    /// # Errors
    /// EFAULT.
    pub fn write<C: Caller>(&self, caller: &C, value: OptionValue) -> Result<()> {
        let mut bytes = [0; 12];
        let size = match value {
            OptionValue::Int(value) => {
                bytes[..4].copy_from_slice(&value.to_ne_bytes());
                4
            }
            OptionValue::Credentials(Credentials { pid, uid, gid }) => {
                bytes[..4].copy_from_slice(&pid.to_ne_bytes());
                bytes[4..8].copy_from_slice(&uid.to_ne_bytes());
                bytes[8..].copy_from_slice(&gid.to_ne_bytes());
                12
            }
        };
        let shown = size.min(self.room);
        if shown > 0 {
            caller.write_memory(self.buffer, &bytes[..shown])?;
        }
        write_int(caller, self.length_at, shown as i32)
    }
}
