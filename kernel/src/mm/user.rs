//! The kernel's copies from and to user memory.
//!
//! They go through the page table of the calling thread, which is active whenever one of its calls is being served.

use alloc::vec::Vec;

use ostd::mm::{FallibleVmRead, FallibleVmWrite, VmReader, VmWriter};
use ostd_pod::Pod;
use socket::{
    caller::Fault,
    error::{Errno, Result},
};

use super::{layout::PAGE_SIZE, space::AddressSpace};

impl AddressSpace {
    /// Fills `into` from user memory at `address`.
    ///
    /// # Errors
    /// How much was copied before a byte that cannot be read.
    #[inline]
    pub(crate) fn read_bytes(&self, address: usize, into: &mut [u8]) -> core::result::Result<(), Fault> {
        let mut reader = self.vm().reader(address, into.len()).map_err(|_| Fault { copied: 0 })?;
        match reader.read_fallible(&mut VmWriter::from(into)) {
            Ok(_) => Ok(()),
            Err((_, copied)) => Err(Fault { copied }),
        }
    }

    /// Copies `from` to user memory at `address`.
    ///
    /// # Errors
    /// How much was copied before a byte that cannot be written.
    #[inline]
    pub(crate) fn write_bytes(&self, address: usize, from: &[u8]) -> core::result::Result<(), Fault> {
        let mut writer = self.vm().writer(address, from.len()).map_err(|_| Fault { copied: 0 })?;
        match writer.write_fallible(&mut VmReader::from(from)) {
            Ok(_) => Ok(()),
            Err((_, copied)) => Err(Fault { copied }),
        }
    }

    /// Reads a value.
    ///
    /// # Errors
    /// EFAULT.
    pub(crate) fn read<T: Pod>(&self, address: usize) -> Result<T> {
        let mut reader = self.vm().reader(address, size_of::<T>()).map_err(|_| Errno::EFAULT)?;
        reader.read_val().map_err(|_| Errno::EFAULT.into())
    }

    /// Writes a value.
    ///
    /// # Errors
    /// EFAULT.
    pub(crate) fn write<T: Pod>(&self, address: usize, value: &T) -> Result<()> {
        let mut writer = self.vm().writer(address, size_of::<T>()).map_err(|_| Errno::EFAULT)?;
        writer.write_val(value).map_err(|_| Errno::EFAULT.into())
    }

    /// Reads the string at `address` up to its NUL byte, which is not part of it; the string and the NUL have room in
    /// `limit` bytes.
    ///
    /// # Errors
    /// EFAULT; ENAMETOOLONG where there is no NUL byte.
    pub(crate) fn read_string(&self, address: usize, limit: usize) -> Result<Vec<u8>> {
        let mut string = Vec::new();
        let mut chunk = [0; 256];
        while string.len() < limit {
            let at = address.checked_add(string.len()).ok_or(Errno::EFAULT)?;
            // Not beyond the page: the next may be missing, and the string end here.
            let length = chunk.len().min(limit - string.len()).min(PAGE_SIZE - at % PAGE_SIZE);
            let chunk = &mut chunk[..length];
            self.read_bytes(at, chunk).map_err(|_| Errno::EFAULT)?;
            if let Some(end) = chunk.iter().position(|byte| *byte == 0) {
                string.extend_from_slice(&chunk[..end]);
                return Ok(string);
            }
            string.extend_from_slice(chunk);
        }
        Err(Errno::ENAMETOOLONG.into())
    }
}
