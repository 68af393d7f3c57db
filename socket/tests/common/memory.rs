//! Pages that can be read, or read and written, with nothing between them.

use std::collections::BTreeMap;

use socket::caller::Fault;

pub(crate) const PAGE: usize = 4096;

struct Page {
    bytes: Box<[u8; PAGE]>,
    writable: bool,
}

pub(crate) struct Memory {
    pages: BTreeMap<usize, Page>,
    /// Where the next allocation goes.
    next: usize,
}

impl Memory {
    pub(crate) fn new() -> Self {
        Self { pages: BTreeMap::new(), next: 0x10_0000 }
    }

    /// Maps pages for `length` bytes, with a hole behind them, and returns where they begin.
    pub(crate) fn map(&mut self, length: usize, writable: bool) -> usize {
        let address = self.next.next_multiple_of(PAGE);
        for page in 0..length.div_ceil(PAGE) {
            self.pages.insert(address / PAGE + page, Page { bytes: Box::new([0; PAGE]), writable });
        }
        self.next = address + length.next_multiple_of(PAGE) + PAGE;
        address
    }

    /// Places bytes in new pages, so that they end where the pages end.
    pub(crate) fn place(&mut self, bytes: &[u8]) -> usize {
        let address = self.map(bytes.len().max(1), true);
        let address = address + bytes.len().max(1).next_multiple_of(PAGE) - bytes.len();
        self.write(address, bytes).expect("it was just mapped");
        address
    }

    /// Takes away the right to write, of all pages with one of these bytes.
    pub(crate) fn protect(&mut self, address: usize, length: usize) {
        for page in address / PAGE..(address + length).div_ceil(PAGE) {
            self.pages.get_mut(&page).expect("the page is mapped").writable = false;
        }
    }

    fn each(
        address: usize,
        length: usize,
        mut visit: impl FnMut(usize, usize, std::ops::Range<usize>) -> bool,
    ) -> Result<(), Fault> {
        let mut copied = 0;
        while copied < length {
            let at = address.checked_add(copied).ok_or(Fault { copied })?;
            let part = (PAGE - at % PAGE).min(length - copied);
            if !visit(at / PAGE, at % PAGE, copied..copied + part) {
                return Err(Fault { copied });
            }
            copied += part;
        }
        Ok(())
    }

    pub(crate) fn read(&self, address: usize, into: &mut [u8]) -> Result<(), Fault> {
        Self::each(address, into.len(), |page, offset, part| {
            let Some(page) = self.pages.get(&page) else { return false };
            into[part.clone()].copy_from_slice(&page.bytes[offset..offset + part.len()]);
            true
        })
    }

    pub(crate) fn write(&mut self, address: usize, from: &[u8]) -> Result<(), Fault> {
        Self::each(address, from.len(), |page, offset, part| {
            let Some(page) = self.pages.get_mut(&page).filter(|page| page.writable) else { return false };
            page.bytes[offset..offset + part.len()].copy_from_slice(&from[part]);
            true
        })
    }
}
