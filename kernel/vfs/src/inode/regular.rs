//! The contents of a regular file: pages of our own over bytes borrowed from the boot image.

use alloc::{collections::BTreeMap, sync::Arc, vec::Vec};
use core::ops::Range;

use socket::error::{Errno, Error, Result};

use super::seals::Seals;
use crate::{
    file_system::FileSystem,
    pages::{PAGE, Page},
};

type Pages = BTreeMap<u64, Arc<dyn Page>>;

/// What a file holds. A page of its own exists from the first write to it on; before that, its bytes are those of `base`,
/// and zeros behind `base`.
#[derive(Default)]
pub(crate) struct Contents {
    length: u64,
    /// Never longer than `length`.
    base: &'static [u8],
    /// By number. Bytes behind `length` are zero.
    pages: Pages,
    /// Copies of what `base` has, for those who map it; no page is in both.
    copies: Pages,
    /// Whether someone may have pages mapped.
    pub(super) mapped: bool,
    /// What can no longer be done.
    pub(super) seals: Seals,
}

/// Pages that a file has lost, to be freed without its lock.
pub(crate) struct Released {
    pages: Pages,
    copies: Pages,
    /// Whether someone may have them mapped, and the number of the first.
    pub(crate) mapped_from: Option<u64>,
}

impl Released {
    /// Bytes that counted.
    pub(crate) fn bytes(&self) -> u64 {
        (self.pages.len() * PAGE) as u64
    }

    /// Bytes that did not.
    pub(crate) fn copied(&self) -> u64 {
        (self.copies.len() * PAGE) as u64
    }
}

impl Contents {
    pub(crate) fn borrowed_from(base: &'static [u8]) -> Self {
        Self { length: base.len() as u64, base, ..Self::default() }
    }

    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Bytes of memory, those of the boot image and copies of them not counted.
    pub(crate) fn allocated(&self) -> u64 {
        (self.pages.len() * PAGE) as u64
    }

    /// Bytes of memory that could be had back.
    pub(crate) fn copied(&self) -> u64 {
        (self.copies.len() * PAGE) as u64
    }

    /// Bytes that are not in holes, in whole pages.
    pub(crate) fn occupied(&self) -> u64 {
        let base = self.base.len().div_ceil(PAGE) as u64;
        let own = if base == 0 { self.pages.len() } else { self.pages.range(base..).count() };
        (base + own as u64) * PAGE as u64
    }

    /// Whether the byte at `offset` is in no hole.
    pub(crate) fn is_occupied(&self, offset: u64) -> bool {
        offset < self.base.len() as u64 || self.pages.contains_key(&position(offset).0)
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
                Some(page) => page.read(start, target),
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
        self.seals.check_write(offset.saturating_add(from.len() as u64) > self.length)?;
        let mut done = 0;
        while done < from.len() {
            let at = offset + done as u64;
            let (number, start) = position(at);
            let length = (PAGE - start).min(from.len() - done);
            match self.page(file_system, number) {
                Ok(page) => page.write(start, &from[done..done + length]),
                Err(error) if done == 0 => return Err(error),
                Err(_) => break,
            }
            done += length;
            self.length = self.length.max(at + length as u64);
        }
        Ok(done)
    }

    /// Cuts or extends; the pages that are no longer needed come back.
    pub(crate) fn set_length(&mut self, length: u64) -> Released {
        let shorter = length < self.length;
        self.length = length;
        if let Ok(length) = usize::try_from(length) {
            self.base = &self.base[..self.base.len().min(length)];
        }
        let (number, start) = position(length);
        let first_lost = length.div_ceil(PAGE as u64);
        let released = Released {
            pages: self.pages.split_off(&first_lost),
            copies: self.copies.split_off(&first_lost),
            mapped_from: (self.mapped && shorter).then_some(first_lost),
        };
        if start != 0
            && let Some(page) = self.pages.get(&number).or_else(|| self.copies.get(&number))
        {
            page.clear(start..PAGE);
        }
        released
    }

    /// Makes the pages that are missing in a range of page numbers.
    ///
    /// # Errors
    /// ENOSPC; nothing has changed then.
    pub(crate) fn allocate(&mut self, file_system: &FileSystem, pages: Range<u64>) -> Result<()> {
        let first = pages.start.max(self.base.len().div_ceil(PAGE) as u64);
        if first >= pages.end {
            return Ok(());
        }
        let missing = (pages.end - first) - self.pages.range(first..pages.end).count() as u64;
        let (used, limit) = file_system.bytes();
        if missing > limit.saturating_sub(used) / PAGE as u64 {
            return Err(Error::new(Errno::ENOSPC, "the file system has not so much left"));
        }
        let mut made = Vec::new();
        for number in first..pages.end {
            if self.pages.contains_key(&number) {
                continue;
            }
            if let Err(error) = self.page(file_system, number).map(drop) {
                for number in &made {
                    self.pages.remove(number);
                }
                file_system.give_back_bytes((made.len() * PAGE) as u64);
                return Err(error);
            }
            made.push(number);
        }
        Ok(())
    }

    /// Makes bytes zero, and gives up the pages that hold nothing else. A page of the boot image, and one that somebody
    /// may have mapped, is cleared in its place.
    ///
    /// # Errors
    /// ENOSPC where that takes a page that is not there.
    pub(crate) fn punch(&mut self, file_system: &FileSystem, bytes: Range<u64>) -> Result<Released> {
        let base = self.base.len().div_ceil(PAGE) as u64;
        let mut released = Released { pages: Pages::new(), copies: Pages::new(), mapped_from: None };
        // Only pages that exist have something to lose: those of the boot image, and the file's own.
        let last = bytes.end.div_ceil(PAGE as u64);
        let first = bytes.start / PAGE as u64;
        let own = self.pages.range(first.max(base)..last.max(base)).map(|(number, _)| *number);
        let numbers: Vec<u64> = (first..last.min(base)).chain(own).collect();
        for number in numbers {
            let page_start = number * PAGE as u64;
            let start = bytes.start.saturating_sub(page_start) as usize;
            let end = (bytes.end - page_start).min(PAGE as u64) as usize;
            if number >= base && !self.mapped && (start, end) == (0, PAGE) {
                released.pages.extend(self.pages.remove(&number).map(|page| (number, page)));
            } else {
                self.page(file_system, number)?.clear(start..end);
            }
        }
        Ok(released)
    }

    /// The page of that number, for a mapping: one to `write` to is the file's own. `None` behind the end.
    ///
    /// # Errors
    /// ENOSPC.
    pub(crate) fn page_to_map(
        &mut self,
        file_system: &FileSystem,
        number: u64,
        write: bool,
    ) -> Result<Option<Arc<dyn Page>>> {
        if number >= self.length.div_ceil(PAGE as u64) {
            return Ok(None);
        }
        self.mapped = true;
        if let Some(page) = self.pages.get(&number) {
            return Ok(Some(page.clone()));
        }
        if write || number >= self.base.len().div_ceil(PAGE) as u64 {
            return self.page(file_system, number).cloned().map(Some);
        }
        if let Some(page) = self.copies.get(&number) {
            return Ok(Some(page.clone()));
        }
        let page = file_system.environment().pages().allocate(false).ok_or(OUT_OF_MEMORY)?;
        write_base(self.base, number, &*page);
        file_system.count_copied(PAGE as u64);
        self.copies.insert(number, page.clone());
        Ok(Some(page))
    }

    /// The page of that number, if it exists already and nothing has to be made for it to be mapped and read.
    pub(crate) fn page_at_hand(&self, number: u64) -> Option<Arc<dyn Page>> {
        self.pages.get(&number).or_else(|| self.copies.get(&number)).cloned()
    }

    /// Gives up copies that nobody maps.
    pub(crate) fn shrink(&mut self) -> Released {
        let mut lost = Pages::new();
        self.copies.retain(|number, page| {
            let needed = Arc::strong_count(page) > 1 || page.is_mapped();
            if !needed {
                lost.insert(*number, page.clone());
            }
            needed
        });
        Released { pages: Pages::new(), copies: lost, mapped_from: None }
    }

    /// The page of that number, made if it does not exist yet.
    fn page(&mut self, file_system: &FileSystem, number: u64) -> Result<&Arc<dyn Page>> {
        // Two searches for a page that exists; the borrow checker does not accept one with an early return.
        if !self.pages.contains_key(&number) {
            file_system.take_bytes(PAGE as u64)?;
            let page = match self.copies.remove(&number) {
                Some(page) => {
                    file_system.uncount_copied(PAGE as u64);
                    page
                }
                None => {
                    let pages = file_system.environment().pages();
                    let Some(page) = pages.allocate(file_system.is_limited()) else {
                        file_system.give_back_bytes(PAGE as u64);
                        return Err(OUT_OF_MEMORY);
                    };
                    write_base(self.base, number, &*page);
                    page
                }
            };
            self.pages.insert(number, page);
        }
        self.pages.get(&number).ok_or_else(|| Errno::EIO.into())
    }
}

const OUT_OF_MEMORY: Error = Error::new(Errno::ENOSPC, "out of memory");

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

/// Fills a page of zeros with the bytes of `base` that belong there.
fn write_base(base: &[u8], number: u64, page: &dyn Page) {
    let start = usize::try_from(number).unwrap_or(usize::MAX).saturating_mul(PAGE).min(base.len());
    page.write(0, &base[start..base.len().min(start + PAGE)]);
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
    fn pages_to_map_are_copies_until_they_are_written_to() {
        let fs = small_file_system(2);
        let mut contents = Contents::borrowed_from(&IMAGE);
        let copy = contents.page_to_map(&fs, 1, false).unwrap().unwrap();
        assert_eq!((contents.allocated(), contents.copied()), (0, PAGE as u64));
        let mut bytes = [0; 8];
        copy.read(4, &mut bytes);
        assert_eq!(bytes, IMAGE[4100..4108]);
        assert_eq!(contents.borrowed(4100).unwrap(), &IMAGE[4100..]);
        contents.write_at(&fs, 4100, b"abcdefgh").unwrap();
        copy.read(4, &mut bytes);
        assert_eq!(&bytes, b"abcdefgh", "who has mapped it sees what is written");
        assert_eq!((contents.allocated(), contents.copied()), (PAGE as u64, 0));
        let own = contents.page_to_map(&fs, 2, true).unwrap().unwrap();
        own.write(0, b"mapped");
        assert_eq!(all(&contents)[8192..8198], *b"mapped");
        assert_eq!(contents.page_to_map(&fs, 0, true).err().unwrap().errno, Errno::ENOSPC);
        assert!(contents.page_to_map(&fs, 3, true).unwrap().is_none(), "behind the end");
        assert_eq!(contents.set_length(4096).mapped_from, Some(1));
        assert_eq!(contents.set_length(8192).mapped_from, None);
    }

    #[test]
    fn copies_that_nobody_maps_can_be_given_up() {
        let fs = small_file_system(0);
        let mut contents = Contents::borrowed_from(&IMAGE);
        let held = contents.page_to_map(&fs, 0, false).unwrap();
        drop(contents.page_to_map(&fs, 1, false).unwrap());
        assert_eq!(contents.shrink().copied(), PAGE as u64);
        assert!(contents.page_at_hand(0).is_some() && contents.page_at_hand(1).is_none());
        drop(held);
        assert_eq!(contents.shrink().copied(), PAGE as u64);
        assert_eq!(contents.copied(), 0);
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
