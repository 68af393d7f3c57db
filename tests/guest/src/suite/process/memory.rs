//! Memory for calls that are made with bare registers.

use std::{cell::Cell, os::fd::AsRawFd};

use crate::{
    errno::Result,
    sys::{PAGE, Region},
};

/// Pages that are filled from the start, and calls that use them.
pub(super) struct Block {
    region: Region,
    used: Cell<usize>,
}

impl Block {
    pub(super) fn new(pages: usize) -> Result<Self> {
        let region = Region::new(pages, libc::PROT_READ | libc::PROT_WRITE)?;
        Ok(Self { region, used: Cell::new(0) })
    }

    /// Puts bytes at the next address that is a multiple of 8, and gives that.
    pub(super) fn put(&self, bytes: &[u8]) -> usize {
        let at = self.used.get().next_multiple_of(8);
        self.region.write(at, bytes);
        self.used.set(at + bytes.len());
        self.region.at(at)
    }

    /// Puts a string with its NUL byte.
    pub(super) fn string(&self, text: &[u8]) -> usize {
        self.put(&[text, b"\0"].concat())
    }

    /// Puts a list of strings, as execve(2) takes it.
    pub(super) fn list(&self, strings: &[&[u8]]) -> usize {
        let addresses: Vec<_> = strings.iter().map(|string| self.string(string)).chain([0]).collect();
        let bytes: Vec<u8> = addresses.iter().flat_map(|address| address.to_ne_bytes()).collect();
        self.put(&bytes)
    }

    /// Puts bytes right before the end of the block's pages, and gives their address.
    pub(super) fn put_last(&self, bytes: &[u8]) -> usize {
        let at = self.region.length() - bytes.len();
        self.region.write(at, bytes);
        self.region.at(at)
    }

    /// What is at an address of the block now.
    pub(super) fn bytes<const N: usize>(&self, address: usize) -> [u8; N] {
        let mut bytes = [0; N];
        self.region.read(address - self.region.at(0), &mut bytes);
        bytes
    }

    /// The number at an address of the block.
    pub(super) fn number(&self, address: usize) -> i32 {
        i32::from_ne_bytes(self.bytes(address))
    }

    /// Makes a call.
    #[track_caller]
    pub(super) fn call<const N: usize>(
        &self,
        name: &'static str,
        number: i64,
        words: [usize; N],
    ) -> Result<usize> {
        let mut all = [0; 6];
        all[..N].copy_from_slice(&words);
        self.region.call(name, number, all)
    }
}

/// An address where never anything is.
pub(super) const NOWHERE: usize = PAGE / 2;

/// Closes a range of descriptors, in a child that goes without them.
pub(super) fn close_range(first: usize, last: usize) -> Result<usize> {
    Block::new(1)?.call("close_range", libc::SYS_close_range, [first, last, 0])
}

/// Makes a number refer to what a descriptor refers to, in a child.
pub(super) fn duplicate_onto(fd: &impl AsRawFd, number: usize) -> Result<usize> {
    Block::new(1)?.call("dup2", libc::SYS_dup2, [fd.as_raw_fd() as usize, number])
}
