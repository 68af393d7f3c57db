//! Looking into the memory of other processes.

use core::ops::Range;

use ostd::{
    mm::{VmWriter, io::util::HasVmReaderWriter, vm_space::VmQueriedItem},
    task::disable_preempt,
};

use super::{
    fault::OF_FILE,
    layout::{HIGHEST, PAGE_SIZE, page_down},
    space::AddressSpace,
};

/// How much of a mapping is looked at without a chance for others to run, in bytes.
const PORTION: usize = 512 * PAGE_SIZE;

impl AddressSpace {
    /// Copies from `address` on what is there, and says how much that is: up to the first page that has not been touched yet.
    /// The address space need not be the one that is active.
    pub(crate) fn peek(&self, address: usize, into: &mut [u8]) -> usize {
        drop(self.lock());
        let mut done = 0;
        while done < into.len() {
            let Some(at) = address.checked_add(done) else { break };
            let in_page = at % PAGE_SIZE;
            let length = (into.len() - done).min(PAGE_SIZE - in_page);
            if !self.peek_page(page_down(at), in_page, &mut into[done..done + length]) {
                break;
            }
            done += length;
        }
        done
    }

    fn peek_page(&self, page: usize, offset: usize, into: &mut [u8]) -> bool {
        let Some(end) = page.checked_add(PAGE_SIZE).filter(|end| *end <= HIGHEST) else { return false };
        let guard = disable_preempt();
        let Ok(mut cursor) = self.vm().cursor(&guard, &(page..end)) else { return false };
        let Ok((_, Some(VmQueriedItem::MappedRam { frame, .. }))) = cursor.query() else { return false };
        frame.reader().skip(offset).limit(into.len()).read(&mut VmWriter::from(into));
        true
    }

    /// How many pages are there in `range`: private ones, and those of files.
    pub(crate) fn count_pages(&self, range: &Range<usize>) -> (usize, usize) {
        drop(self.lock());
        let (mut private, mut of_file) = (0, 0);
        let mut start = range.start;
        while start < range.end {
            let end = range.end.min(start + PORTION);
            let guard = disable_preempt();
            let Ok(mut cursor) = self.vm().cursor(&guard, &(start..end)) else { break };
            while let Some(address) = cursor.find_next(end - cursor.virt_addr()) {
                if let Ok((_, Some(VmQueriedItem::MappedRam { prop, .. }))) = cursor.query() {
                    if prop.flags.contains(OF_FILE) {
                        of_file += 1;
                    } else {
                        private += 1;
                    }
                }
                if address + PAGE_SIZE >= end || cursor.jump(address + PAGE_SIZE).is_err() {
                    break;
                }
            }
            start = end;
        }
        (private, of_file)
    }
}
