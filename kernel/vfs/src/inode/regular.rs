//! The contents of a regular file: pages of our own over bytes borrowed from the boot image.

use alloc::{boxed::Box, collections::BTreeMap, vec::Vec};

use socket::error::{Errno, Error, Result};

use crate::file_system::FileSystem;

/// The unit in which contents are copied, allocated and counted, in bytes.
pub(crate) const PAGE: usize = 4096;

/// What a file holds. A page exists from the first write to it on; before that, its bytes are those of `base`, and
/// zeros behind `base`.
#[derive(Default)]
pub(crate) struct Contents {
    length: u64,
    /// Never longer than `length`.
    base: &'static [u8],
    /// By number. Bytes behind `length` are zero.
    pages: BTreeMap<u64, Box<[u8]>>,
}

/// Pages that a file has lost, to be freed without its lock.
pub(crate) struct Released(BTreeMap<u64, Box<[u8]>>);

impl Released {
    pub(crate) fn bytes(&self) -> u64 {
        (self.0.len() * PAGE) as u64
    }
}

impl Contents {
    pub(crate) fn borrowed_from(base: &'static [u8]) -> Self {
        Self { length: base.len() as u64, base, pages: BTreeMap::new() }
    }

    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Bytes of memory, those of the boot image not counted.
    pub(crate) fn allocated(&self) -> u64 {
        (self.pages.len() * PAGE) as u64
    }

    /// Bytes that are not in holes, in whole pages.
    pub(crate) fn occupied(&self) -> u64 {
        let base = self.base.len().div_ceil(PAGE) as u64;
        let own = if base == 0 { self.pages.len() } else { self.pages.range(base..).count() };
        (base + own as u64) * PAGE as u64
    }

    pub(crate) fn read_at(&self, offset: u64, into: &mut [u8]) -> usize {
        let Some(left) = self.length.checked_sub(offset) else { return 0 };
        let total = into.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let mut done = 0;
        while done < total {
            let (number, start) = position(offset + done as u64);
            let length = (PAGE - start).min(total - done);
            let target = &mut into[done..done + length];
            match self.pages.get(&number) {
                Some(page) => target.copy_from_slice(&page[start..start + length]),
                None => read_base(self.base, offset + done as u64, target),
            }
            done += length;
        }
        total
    }

    /// The longest unwritten stretch of the boot image's bytes from `offset` on.
    pub(crate) fn borrowed(&self, offset: u64) -> Option<&'static [u8]> {
        let start = usize::try_from(offset).ok().filter(|start| *start < self.base.len())?;
        let (number, _) = position(offset);
        let end = match self.pages.range(number..).next() {
            Some((written, _)) => usize::try_from(*written).ok()?.saturating_mul(PAGE).min(self.base.len()),
            None => self.base.len(),
        };
        (start < end).then(|| &self.base[start..end])
    }

    pub(crate) fn write_at(&mut self, file_system: &FileSystem, offset: u64, from: &[u8]) -> Result<usize> {
        let room = (i64::MAX as u64).saturating_sub(offset);
        let from = &from[..from.len().min(usize::try_from(room).unwrap_or(usize::MAX))];
        if from.is_empty() {
            return if room == 0 { Err(Errno::EFBIG.into()) } else { Ok(0) };
        }
        let mut done = 0;
        while done < from.len() {
            let at = offset + done as u64;
            let (number, start) = position(at);
            let length = (PAGE - start).min(from.len() - done);
            let page = match self.page(file_system, number) {
                Ok(page) => page,
                Err(error) if done == 0 => return Err(error),
                Err(_) => break,
            };
            page[start..start + length].copy_from_slice(&from[done..done + length]);
            done += length;
            self.length = self.length.max(at + length as u64);
        }
        Ok(done)
    }

    /// Cuts or extends; the pages that are no longer needed come back.
    pub(crate) fn set_length(&mut self, length: u64) -> Released {
        self.length = length;
        if let Ok(length) = usize::try_from(length) {
            self.base = &self.base[..self.base.len().min(length)];
        }
        let (number, start) = position(length);
        let released = self.pages.split_off(&length.div_ceil(PAGE as u64));
        if start != 0
            && let Some(page) = self.pages.get_mut(&number)
        {
            page[start..].fill(0);
        }
        Released(released)
    }

    /// The page of that number, made if it does not exist yet.
    fn page(&mut self, file_system: &FileSystem, number: u64) -> Result<&mut [u8]> {
        // Two searches for a page that exists; the borrow checker does not accept one with an early return.
        if !self.pages.contains_key(&number) {
            file_system.take_bytes(PAGE as u64)?;
            let mut page = Vec::new();
            if page.try_reserve_exact(PAGE).is_err() {
                file_system.give_back_bytes(PAGE as u64);
                return Err(Error::new(Errno::ENOSPC, "out of memory"));
            }
            page.resize(PAGE, 0);
            read_base(self.base, number * PAGE as u64, &mut page);
            self.pages.insert(number, page.into_boxed_slice());
        }
        self.pages.get_mut(&number).map(|page| &mut **page).ok_or_else(|| Errno::EIO.into())
    }
}

/// Page number and offset within the page.
fn position(offset: u64) -> (u64, usize) {
    (offset / PAGE as u64, (offset % PAGE as u64) as usize)
}

/// Fills `into` with the bytes of `base` from `offset` on, and with zeros behind them.
fn read_base(base: &[u8], offset: u64, into: &mut [u8]) {
    let start = usize::try_from(offset).unwrap_or(usize::MAX).min(base.len());
    let length = into.len().min(base.len() - start);
    into[..length].copy_from_slice(&base[start..start + length]);
    into[length..].fill(0);
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::testing::small_file_system;

    static IMAGE: [u8; 10_000] = {
        let mut bytes = [0; 10_000];
        let mut index = 0;
        while index < bytes.len() {
            bytes[index] = (index % 251) as u8 + 1;
            index += 1;
        }
        bytes
    };

    fn all(contents: &Contents) -> Vec<u8> {
        let mut bytes = vec![0xff; contents.length() as usize + 10];
        let length = contents.read_at(0, &mut bytes);
        bytes.truncate(length);
        bytes
    }

    #[test]
    fn writing_copies_one_page_only() {
        let fs = small_file_system(2);
        let mut contents = Contents::borrowed_from(&IMAGE);
        assert_eq!(contents.borrowed(5).unwrap().as_ptr(), IMAGE[5..].as_ptr());
        assert_eq!(contents.write_at(&fs, 4100, b"xyz"), Ok(3));
        assert_eq!(contents.allocated(), PAGE as u64);
        let mut expected = IMAGE.to_vec();
        expected[4100..4103].copy_from_slice(b"xyz");
        assert_eq!(all(&contents), expected);
        assert_eq!(contents.borrowed(5).unwrap(), &IMAGE[5..4096]);
        assert_eq!(contents.borrowed(4096), None);
        assert_eq!(contents.borrowed(9000).unwrap(), &IMAGE[9000..]);
    }

    #[test]
    fn what_was_cut_off_does_not_come_back() {
        let fs = small_file_system(4);
        let mut contents = Contents::borrowed_from(&IMAGE);
        contents.write_at(&fs, 8000, b"abc").unwrap();
        assert_eq!(contents.set_length(8001).bytes(), 0);
        contents.set_length(9000);
        let bytes = all(&contents);
        assert_eq!(bytes.len(), 9000);
        assert_eq!(bytes[8000], b'a');
        assert!(bytes[8001..].iter().all(|byte| *byte == 0));
        assert_eq!(contents.set_length(100).bytes(), PAGE as u64);
        contents.write_at(&fs, 200, b"x").unwrap();
        let bytes = all(&contents);
        assert_eq!(bytes[..100], IMAGE[..100]);
        assert!(bytes[100..200].iter().all(|byte| *byte == 0));
        assert_eq!(bytes.len(), 201);
    }

    #[test]
    fn a_full_file_system_takes_what_fits() {
        let fs = small_file_system(2);
        let mut contents = Contents::default();
        assert_eq!(contents.write_at(&fs, 100, &[7; 3 * PAGE]), Ok(2 * PAGE - 100));
        assert_eq!(contents.length(), 2 * PAGE as u64);
        assert_eq!(contents.write_at(&fs, 1 << 40, b"x").unwrap_err().errno, Errno::ENOSPC);
        assert_eq!(contents.length(), 2 * PAGE as u64, "a failed write does not extend");
    }

    #[test]
    fn offsets_end_where_those_of_linux_end() {
        let fs = small_file_system(2);
        let mut contents = Contents::default();
        let last = i64::MAX as u64;
        assert_eq!(contents.write_at(&fs, last, b"x").unwrap_err().errno, Errno::EFBIG);
        assert_eq!(contents.write_at(&fs, last - 1, b"xy"), Ok(1));
        assert_eq!(contents.length(), last);
        let mut byte = [0; 4];
        assert_eq!(contents.read_at(last - 2, &mut byte), 2);
        assert_eq!(byte[..2], [0, b'x']);
        assert_eq!(contents.read_at(u64::MAX, &mut byte), 0);
    }
}
