//! How much memory a process has.

use alloc::{format, vec::Vec};
use core::ops::Range;

use socket::error::Result;

use super::Subject;
use crate::mm::{AddressSpace, layout::PAGE_SIZE};

/// Sizes in bytes.
#[derive(Clone, Default)]
pub(super) struct Sizes {
    /// What is mapped.
    pub(super) total: usize,
    /// Private and writable, without the stack.
    pub(super) data: usize,
    /// Stacks.
    pub(super) stack: usize,
    /// The program's own code.
    pub(super) code: usize,
    /// All other code.
    pub(super) libraries: usize,
    /// What is locked in memory.
    pub(super) locked: usize,
    /// Where the program's code is, its data, and its heap begins.
    pub(super) code_range: Range<usize>,
    pub(super) data_range: Range<usize>,
    pub(super) heap_start: usize,
}

/// Pages in memory, in bytes.
#[derive(Clone, Copy, Default)]
pub(super) struct Resident {
    pub(super) anonymous: usize,
    pub(super) file: usize,
    pub(super) shared: usize,
}

impl Resident {
    pub(super) fn total(self) -> usize {
        self.anonymous + self.file + self.shared
    }
}

/// Adds up what is mapped.
pub(super) fn sizes(subject: &Subject) -> Sizes {
    let process = &subject.process;
    let executable = process.executable();
    let mut sizes = Sizes::default();
    process.space().with_mappings(|mappings, heap| {
        sizes.heap_start = heap.start;
        for (start, mapping) in mappings.iter() {
            let length = mapping.end - start;
            let protection = mapping.protection;
            let file = mapping.backing.file().map(|(source, _)| source.inode());
            let own = file.is_some_and(|file| executable.as_ref().is_some_and(|own| own.id() == file.id()));
            sizes.total += length;
            if mapping.rules.locked {
                sizes.locked += length;
            }
            if mapping.rules.grows {
                sizes.stack += length;
            } else if protection.write && !mapping.backing.is_shared() {
                sizes.data += length;
            } else if protection.execute && own {
                sizes.code += length;
            } else if protection.execute {
                sizes.libraries += length;
            }
            let range = if protection.execute { &mut sizes.code_range } else { &mut sizes.data_range };
            if own && (protection.execute || protection.write) && range.start == range.end {
                *range = start..mapping.end;
            }
        }
    });
    sizes
}

/// Counts pages that are there.
pub(super) fn resident(space: &AddressSpace) -> Resident {
    let mut ranges: Vec<(Range<usize>, bool)> = Vec::new();
    space.with_mappings(|mappings, _| {
        ranges.extend(mappings.iter().map(|(start, mapping)| {
            let memory = mapping.backing.is_shared()
                && mapping.backing.file().is_some_and(|(source, _)| source.inode().attributes().nlink == 0);
            (start..mapping.end, memory)
        }));
    });
    let mut resident = Resident::default();
    for (range, memory) in ranges {
        let (private, of_file) = space.count_pages(&range);
        resident.anonymous += private * PAGE_SIZE;
        let shared = if memory { &mut resident.shared } else { &mut resident.file };
        *shared += of_file * PAGE_SIZE;
    }
    resident
}

/// `statm`: in pages.
pub(super) fn statm(subject: &Subject) -> Result<Vec<u8>> {
    let sizes = sizes(subject);
    let resident = resident(&subject.process.space());
    let pages = |bytes: usize| bytes / PAGE_SIZE;
    let text = format!(
        "{} {} {} {} 0 {} 0\n",
        pages(sizes.total),
        pages(resident.total()),
        pages(resident.file + resident.shared),
        pages(sizes.code),
        pages(sizes.data + sizes.stack),
    );
    Ok(text.into_bytes())
}
