//! `struct mmsghdr`: what sendmmsg(2) and recvmmsg(2) have an array of.

use crate::{caller::Caller, error::Result};

/// `sizeof(struct mmsghdr)`, and where `msg_len` is.
const SIZE: usize = 64;
const LENGTH: usize = 56;

/// Where an element of the array is.
#[derive(Clone, Copy)]
pub(super) struct Entry(usize);

impl Entry {
    /// The element of that index.
    pub(super) fn new(array: usize, index: usize) -> Self {
        Self(array.wrapping_add(index * SIZE))
    }

    /// Where its message header is.
    pub(super) fn header(self) -> usize {
        self.0
    }

    /// Stores how many bytes were sent or received.
    ///
    /// # Errors
    /// EFAULT.
    pub(super) fn store<C: Caller>(self, caller: &C, bytes: usize) -> Result<()> {
        Ok(caller.write_memory(self.0.wrapping_add(LENGTH), &(bytes as u32).to_ne_bytes())?)
    }
}
