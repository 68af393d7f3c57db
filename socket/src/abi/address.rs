//! Socket addresses as programs hand them over and get them back.

use crate::{
    abi::{read_int, write_int},
    caller::Caller,
    error::{Errno, Error, Result},
};

/// The largest address that any family has: `sizeof(struct sockaddr_storage)`.
pub const STORAGE: usize = 128;

/// A `struct sockaddr` that has been copied in; its meaning is the family's business.
#[derive(Clone)]
pub struct SocketAddress {
    bytes: [u8; STORAGE],
    length: u8,
}

impl SocketAddress {
    /// An address of the kernel's own.
    ///
    /// # Errors
    /// EINVAL above [`STORAGE`] bytes.
    pub fn new(address: &[u8]) -> Result<Self> {
        let mut bytes = [0; STORAGE];
        bytes.get_mut(..address.len()).ok_or(TOO_LONG)?.copy_from_slice(address);
        Ok(Self { bytes, length: address.len() as u8 })
    }

    /// Copies in `length` bytes, which may be none.
    ///
    /// # Errors
    /// EINVAL for a length outside 0..=128, then EFAULT (`move_addr_to_kernel`).
    pub fn read<C: Caller>(caller: &C, address: usize, length: i32) -> Result<Self> {
        let length = usize::try_from(length).ok().filter(|length| *length <= STORAGE).ok_or(TOO_LONG)?;
        let mut bytes = [0; STORAGE];
        if length > 0 {
            caller.read_memory(address, &mut bytes[..length])?;
        }
        Ok(Self { bytes, length: length as u8 })
    }

    /// The bytes, as many as the length said.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

const TOO_LONG: Error = Error::new(Errno::EINVAL, "no address has this length");

/// Where a program wants an address: a buffer and a value-result length.
#[derive(Clone, Copy, Debug)]
pub struct AddressOut {
    /// The buffer.
    pub buffer: usize,
    /// Where the buffer's size stands, and the address's length is to be stored.
    pub length: usize,
}

impl AddressOut {
    /// Stores an address: its full length, and as much of it as there is room for.
    ///
    /// # Errors
    /// EFAULT; EINVAL where the length that the program gave is negative. As in Linux since 6.14, the length is stored before
    /// the address, so that it has changed where the buffer turns out to be bad.
    pub fn write<C: Caller>(&self, caller: &C, address: &[u8]) -> Result<()> {
        let room = read_int(caller, self.length)?;
        let room = usize::try_from(room).map_err(|_| Error::new(Errno::EINVAL, "a negative length"))?;
        write_int(caller, self.length, address.len() as i32)?;
        write_truncated(caller, self.buffer, room, address)
    }
}

/// Stores as much of an address as there is room for.
pub(crate) fn write_truncated<C: Caller>(
    caller: &C,
    buffer: usize,
    room: usize,
    address: &[u8],
) -> Result<()> {
    let shown = &address[..room.min(address.len())];
    if !shown.is_empty() {
        caller.write_memory(buffer, shown)?;
    }
    Ok(())
}
