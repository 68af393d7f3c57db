//! ELF files: what is accepted, and where it goes.
//!
//! Source: Tool Interface Standard, Executable and Linking Format 1.2; elf(5).

use alloc::{sync::Arc, vec, vec::Vec};
use core::ops::Range;

use elf::{
    abi::{EM_X86_64, ET_DYN, ET_EXEC, PF_R, PF_W, PF_X, PT_GNU_STACK, PT_INTERP, PT_LOAD},
    endian::LittleEndian,
    file::{Class, FileHeader, parse_ident},
    parse::ParsingTable,
    segment::ProgramHeader,
};
use socket::error::{Errno, Error, Result};
use vfs::{PATH_MAX, WritingDenied};

use crate::mm::{
    AddressSpace, Backing, Place, Protection, Source,
    layout::{LOWEST, MMAP_TOP, PAGE_SIZE, PIE_BASE, page_down, page_up},
};

/// Size of the file header of a 64-bit file.
const HEADER_SIZE: usize = 64;
/// Size of a program header of a 64-bit file.
const PROGRAM_HEADER_SIZE: usize = 56;
/// The most that a program header table may take, in bytes, as on Linux.
const TABLE_LIMIT: usize = 65_536;

/// The largest alignment that is heeded, in bytes: that of a huge page.
const MOST_ALIGNMENT: u64 = 2 << 20;

const fn bad(reason: &'static str) -> Error {
    Error::new(Errno::ENOEXEC, reason)
}

/// A checked file: every segment is within the file, in order, and in the user's address range.
pub(super) struct Image {
    segments: Vec<Segment>,
    /// Whether it runs anywhere, or only where it says.
    relocatable: bool,
    entry: usize,
    /// Of the program header table, in memory; before relocation.
    table_address: Option<usize>,
    table_count: usize,
    /// Whether it wants to execute code on its stack.
    executable_stack: bool,
    /// What a relocatable one's addresses have to be multiples of, in bytes.
    alignment: usize,
    /// The path of the program that loads it, if it wants one (PT_INTERP).
    pub(super) interpreter: Option<Vec<u8>>,
}

struct Segment {
    /// In memory; before relocation.
    memory: Range<usize>,
    file_offset: u64,
    file_size: usize,
    protection: Protection,
}

/// Where an image went.
pub(super) struct Placed {
    /// Its first instruction.
    pub(super) entry: usize,
    /// How much higher it is than it says.
    pub(super) shift: usize,
    /// Its program header table; 0 if that is not in memory.
    pub(super) table_address: usize,
    /// How many program headers there are.
    pub(super) table_count: usize,
    /// What may be done with its stack.
    pub(super) stack_protection: Protection,
}

impl Image {
    /// Reads and checks the headers of a file of `size` bytes.
    ///
    /// # Errors
    /// ENOEXEC, and why.
    pub(super) fn read(file: &dyn Source, size: u64) -> Result<Self> {
        let mut header = [0; HEADER_SIZE];
        read_exactly(file, 0, &mut header).map_err(|()| bad("the file is shorter than an ELF header"))?;
        let (ident, tail) = header.split_at(16);
        let ident = parse_ident::<LittleEndian>(ident).map_err(|_| bad("not a little-endian ELF file"))?;
        if ident.1 != Class::ELF64 {
            return Err(bad("not a 64-bit ELF file"));
        }
        let header = FileHeader::parse_tail(ident, tail).map_err(|_| bad("the ELF header is broken"))?;
        if header.e_machine != EM_X86_64 {
            return Err(bad("an ELF file for another machine"));
        }
        let relocatable = match header.e_type {
            ET_EXEC => false,
            ET_DYN => true,
            _ => return Err(bad("an ELF file that is no program")),
        };
        let table = read_table(file, size, &header)?;
        let headers = ParsingTable::<_, ProgramHeader>::new(LittleEndian, Class::ELF64, &table);
        let mut segments = Vec::new();
        let mut table_address = None;
        let mut executable_stack = false;
        let mut alignment = PAGE_SIZE;
        let mut interpreter = None;
        for header in headers.iter() {
            match header.p_type {
                PT_INTERP if interpreter.is_none() => interpreter = Some(read_path(file, &header)?),
                PT_GNU_STACK => executable_stack = header.p_flags & PF_X != 0,
                PT_LOAD if header.p_memsz != 0 => {
                    if header.p_align.is_power_of_two() && header.p_align <= MOST_ALIGNMENT {
                        alignment = alignment.max(header.p_align as usize);
                    }
                    segments.push(Segment::check(&header, size)?);
                }
                _ => {}
            }
        }
        if segments.is_empty() {
            return Err(bad("the ELF file has nothing to load"));
        }
        if segments.windows(2).any(|pair| pair[1].memory.start < pair[0].memory.end) {
            return Err(bad("segments overlap or are not in order"));
        }
        let entry = usize::try_from(header.e_entry).unwrap_or(usize::MAX);
        if !segments.iter().any(|segment| segment.protection.execute && segment.memory.contains(&entry)) {
            return Err(bad("the entry point is in no executable segment"));
        }
        let table_range = header.e_phoff..header.e_phoff + table.len() as u64;
        for segment in &segments {
            let end = segment.file_offset + segment.file_size as u64;
            if segment.file_offset <= table_range.start && table_range.end <= end {
                table_address =
                    Some(segment.memory.start + (table_range.start - segment.file_offset) as usize);
            }
        }
        let table_count = usize::from(header.e_phnum);
        Ok(Self {
            segments,
            relocatable,
            entry,
            table_address,
            table_count,
            executable_stack,
            alignment,
            interpreter,
        })
    }

    /// Maps the image into an address space in which nothing is mapped, and begins the heap behind it.
    ///
    /// # Errors
    /// ENOMEM where it has no room.
    pub(super) fn map(&self, space: &AddressSpace, file: &Arc<WritingDenied>) -> Result<Placed> {
        let base = PIE_BASE.next_multiple_of(self.alignment);
        let shift = if self.relocatable { base - page_down(self.segments[0].memory.start) } else { 0 };
        let end = self.map_segments(space, file, shift)?;
        space.set_heap(end);
        Ok(self.placed(shift))
    }

    /// Maps the image as the interpreter of another, wherever there is room.
    ///
    /// # Errors
    /// ENOMEM where there is none.
    pub(super) fn map_interpreter(&self, space: &AddressSpace, file: &Arc<WritingDenied>) -> Result<Placed> {
        let (Some(first), Some(last)) = (self.segments.first(), self.segments.last()) else {
            return Err(bad("the interpreter has nothing to load"));
        };
        let start = page_down(first.memory.start);
        let mut shift = 0;
        if self.relocatable {
            let slack = self.alignment - PAGE_SIZE;
            let length = last.memory.end - start + slack;
            // Finds the room; what is between the segments stays free.
            let found = space.map(Place::Hint(0), length, Protection::NONE, Backing::Anonymous)?;
            space.unmap(found, length)?;
            shift = found.next_multiple_of(self.alignment) - start;
        }
        self.map_segments(space, file, shift)?;
        Ok(self.placed(shift))
    }

    fn map_segments(&self, space: &AddressSpace, file: &Arc<WritingDenied>, shift: usize) -> Result<usize> {
        let mut end = 0;
        for segment in &self.segments {
            end = segment.map(space, file, shift)?;
        }
        Ok(end)
    }

    fn placed(&self, shift: usize) -> Placed {
        Placed {
            entry: self.entry + shift,
            shift,
            table_address: self.table_address.map_or(0, |address| address + shift),
            table_count: self.table_count,
            stack_protection: Protection { execute: self.executable_stack, ..Protection::READ_WRITE },
        }
    }
}

impl Segment {
    fn check(header: &ProgramHeader, size: u64) -> Result<Self> {
        let number = |value: u64| usize::try_from(value).map_err(|_| bad("a segment has an absurd size"));
        let (start, length) = (number(header.p_vaddr)?, number(header.p_memsz)?);
        let file_size = number(header.p_filesz)?;
        if header.p_filesz > header.p_memsz {
            return Err(bad("a segment is larger in the file than in memory"));
        }
        let file_end = header.p_offset.checked_add(header.p_filesz);
        if file_end.is_none_or(|end| end > size) {
            return Err(bad("a segment reaches beyond the end of the file"));
        }
        if header.p_offset % PAGE_SIZE as u64 != (start % PAGE_SIZE) as u64 {
            return Err(bad("a segment's address and its offset in the file do not fit together"));
        }
        let end = start.checked_add(length).filter(|end| *end <= MMAP_TOP);
        let Some(end) = end else { return Err(bad("a segment is outside the address range of programs")) };
        let protection = Protection {
            read: header.p_flags & PF_R != 0,
            write: header.p_flags & PF_W != 0,
            execute: header.p_flags & PF_X != 0,
        };
        Ok(Self { memory: start..end, file_offset: header.p_offset, file_size, protection })
    }

    /// Maps the segment `shift` bytes higher than it says; gives the end of its last page.
    fn map(&self, space: &AddressSpace, file: &Arc<WritingDenied>, shift: usize) -> Result<usize> {
        let no_room = Error::new(Errno::ENOMEM, "the program has no room in the address range");
        let start = self.memory.start.checked_add(shift).ok_or(no_room)?;
        let end = self
            .memory
            .end
            .checked_add(shift)
            .filter(|end| *end <= MMAP_TOP)
            .and_then(page_up)
            .ok_or(no_room)?;
        if start < LOWEST {
            return Err(bad("a segment is below the lowest address of programs"));
        }
        let first = page_down(start);
        let in_page = start - first;
        let mut at = first;
        if self.file_size != 0 {
            let length = in_page + self.file_size;
            // What a segment has more in memory than in the file is zero, in its last file page too.
            let backing =
                Backing::File { source: file.clone(), offset: self.file_offset - in_page as u64, length };
            space.map(Place::Fixed(first), length, self.protection, backing)?;
            at = page_up(first + length).ok_or(no_room)?;
        }
        if at < end {
            space.map(Place::Fixed(at), end - at, self.protection, Backing::Anonymous)?;
        }
        Ok(end)
    }
}

fn read_table(file: &dyn Source, size: u64, header: &FileHeader<LittleEndian>) -> Result<Vec<u8>> {
    if usize::from(header.e_phentsize) != PROGRAM_HEADER_SIZE {
        return Err(bad("program headers of an unknown size"));
    }
    let length = usize::from(header.e_phnum) * PROGRAM_HEADER_SIZE;
    if length == 0 || length > TABLE_LIMIT {
        return Err(bad("no program headers, or too many"));
    }
    if header.e_phoff.checked_add(length as u64).is_none_or(|end| end > size) {
        return Err(bad("the program headers reach beyond the end of the file"));
    }
    let mut table = vec![0; length];
    read_exactly(file, header.e_phoff, &mut table).map_err(|()| bad("the program headers cannot be read"))?;
    Ok(table)
}

/// The path in a PT_INTERP segment, without its NUL byte.
fn read_path(file: &dyn Source, header: &ProgramHeader) -> Result<Vec<u8>> {
    if header.p_filesz < 2 || header.p_filesz > PATH_MAX as u64 {
        return Err(bad("the interpreter's path is too short or too long"));
    }
    let mut path = vec![0; header.p_filesz as usize];
    read_exactly(file, header.p_offset, &mut path)
        .map_err(|()| bad("the interpreter's path cannot be read"))?;
    match path.iter().position(|byte| *byte == 0) {
        Some(end) if path.last() == Some(&0) => {
            path.truncate(end);
            Ok(path)
        }
        _ => Err(bad("the interpreter's path has no end")),
    }
}

fn read_exactly(file: &dyn Source, offset: u64, into: &mut [u8]) -> core::result::Result<(), ()> {
    let mut filled = 0;
    while filled < into.len() {
        match file.read_at(offset + filled as u64, &mut into[filled..]) {
            Ok(count) if count > 0 => filled += count,
            _ => return Err(()),
        }
    }
    Ok(())
}
