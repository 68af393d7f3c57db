//! Copies through kernel memory, between programs and what cannot reach their memory itself.

use alloc::vec::Vec;

use socket::error::{Errno, Result};

use crate::{device::Device, memory::Buffers};

/// How much is copied at a time, in bytes.
pub(super) const CHUNK: usize = 64 << 10;

/// Kernel memory through which bytes are copied: on the stack for few, on the heap for more.
pub(super) struct Bounce {
    few: [u8; 128],
    more: Vec<u8>,
}

impl Bounce {
    pub(super) fn new() -> Self {
        Self { few: [0; 128], more: Vec::new() }
    }

    /// Room for `length` bytes, or for a chunk of them.
    pub(super) fn get(&mut self, length: usize) -> &mut [u8] {
        if length <= self.few.len() {
            return &mut self.few[..length];
        }
        let length = length.min(CHUNK);
        if self.more.len() < length {
            self.more.resize(length, 0);
        }
        &mut self.more[..length]
    }
}

/// Reads from a device, from whose end or pause on there is no more.
pub(super) fn read_device(device: &dyn Device, buffers: &mut Buffers<'_>) -> Result<usize> {
    let mut done = 0;
    let mut bounce = Bounce::new();
    while buffers.remaining() > 0 {
        let bounce = bounce.get(buffers.remaining());
        let wanted = bounce.len();
        let count = match device.read(bounce) {
            Ok(count) => count,
            Err(error) if done == 0 => return Err(error),
            Err(_) => break,
        };
        let copied = buffers.put(&bounce[..count]);
        done += copied;
        if copied < count && done == 0 {
            return Err(Errno::EFAULT.into());
        }
        // A device that gave less has no more for now.
        if copied < wanted {
            break;
        }
    }
    Ok(done)
}

/// Writes to a device what it takes.
pub(super) fn write_device(device: &dyn Device, buffers: &mut Buffers<'_>) -> Result<usize> {
    if let Some(result) = device.write_unseen(buffers.remaining()) {
        return result;
    }
    let mut done = 0;
    let mut bounce = Bounce::new();
    while buffers.remaining() > 0 {
        let bounce = bounce.get(buffers.remaining());
        let wanted = bounce.len();
        let taken = buffers.take(bounce);
        let result = if taken == 0 { Err(Errno::EFAULT.into()) } else { device.write(&bounce[..taken]) };
        match result {
            Ok(count) => {
                done += count;
                if count < wanted {
                    break;
                }
            }
            Err(error) if done == 0 => return Err(error),
            Err(_) => break,
        }
    }
    Ok(done)
}
