//! Mappings and the heap.

use core::ops::Range;

use linux_raw_sys::general::{
    __NR_brk, __NR_mmap, __NR_mprotect, __NR_mremap, __NR_munmap, MAP_32BIT, MAP_ANONYMOUS, MAP_DENYWRITE,
    MAP_EXECUTABLE, MAP_FIXED, MAP_FIXED_NOREPLACE, MAP_GROWSDOWN, MAP_HUGE_MASK, MAP_HUGE_SHIFT,
    MAP_HUGETLB, MAP_LOCKED, MAP_NONBLOCK, MAP_NORESERVE, MAP_POPULATE, MAP_PRIVATE, MAP_SHARED,
    MAP_SHARED_VALIDATE, MAP_STACK, MAP_UNINITIALIZED, MREMAP_FIXED, MREMAP_MAYMOVE, O_ACCMODE, O_RDWR,
    O_WRONLY, PROT_EXEC, PROT_READ, PROT_WRITE,
};
use ostd::task::Task;
use socket::error::{Errno, Error, Result};
use vfs::FileType;

use super::{Arguments, Calls, Handler::Plain};
use crate::{
    context::Context,
    mm::{
        Backing, Place, Protection, Rules,
        layout::{HIGHEST, PAGE_SIZE, page_up},
        shared_file, shared_memory, total_bytes,
    },
};

pub(super) const CALLS: &Calls = &[
    (__NR_brk, Plain(brk)),
    (__NR_mmap, Plain(mmap)),
    (__NR_munmap, Plain(munmap)),
    (__NR_mprotect, Plain(mprotect)),
    (__NR_mremap, Plain(mremap)),
];

fn brk(context: &Context, arguments: &Arguments) -> Result<usize> {
    Ok(context.space.set_heap_end(arguments[0]))
}

/// The low bits of mmap's flags that say how it is shared.
const MAP_TYPE: u32 = 0x0F;
/// All flags that MAP_SHARED_VALIDATE does not refuse; the sizes of huge pages are above.
const KNOWN: u32 = MAP_TYPE
    | MAP_32BIT
    | MAP_ANONYMOUS
    | MAP_DENYWRITE
    | MAP_EXECUTABLE
    | MAP_FIXED
    | MAP_FIXED_NOREPLACE
    | MAP_GROWSDOWN
    | MAP_HUGETLB
    | MAP_LOCKED
    | MAP_NONBLOCK
    | MAP_NORESERVE
    | MAP_POPULATE
    | MAP_STACK
    | MAP_UNINITIALIZED
    | MAP_HUGE_MASK << MAP_HUGE_SHIFT;

/// As on Linux, flags that do not exist are ignored, unless MAP_SHARED_VALIDATE asks for them; so are bits of the protection
/// that do not exist. There are no huge pages to be had (ENOMEM).
fn mmap(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [address, length, protection, flags, descriptor, offset] = *arguments;
    let flags = flags as u32;
    let has = |flag: u32| flags & flag != 0;
    if !offset.is_multiple_of(PAGE_SIZE) {
        return Err(Errno::EINVAL.into());
    }
    let protection = Protection::from_bits(protection & PROTECTION_BITS)?;
    let kind = match flags & MAP_TYPE {
        // Of a file it says that flags are to be checked; without one it is nothing.
        MAP_SHARED_VALIDATE if !has(MAP_ANONYMOUS) && flags & !KNOWN != 0 => {
            return Err(Error::new(Errno::EOPNOTSUPP, "flags of mmap that are not supported"));
        }
        MAP_SHARED_VALIDATE if !has(MAP_ANONYMOUS) => MAP_SHARED,
        kind => kind,
    };
    let backing = if !has(MAP_ANONYMOUS) {
        file(context, descriptor as i32, kind, protection, offset as u64, length)?
    } else {
        match kind {
            MAP_PRIVATE => Backing::Anonymous,
            MAP_SHARED if !has(MAP_GROWSDOWN) => zeros(context, kind, length)?,
            _ => return Err(Error::new(Errno::EINVAL, "neither private nor shared")),
        }
    };
    if has(MAP_HUGETLB) {
        return Err(Error::new(Errno::ENOMEM, "there are no huge pages"));
    }
    let grows = has(MAP_GROWSDOWN);
    if grows && !matches!(backing, Backing::Anonymous) {
        return Err(Errno::EINVAL.into());
    }
    if protection.write && kind == MAP_PRIVATE && !has(MAP_NORESERVE) && length > total_bytes() {
        return Err(Error::new(Errno::ENOMEM, "more than the machine has"));
    }
    let place = if has(MAP_FIXED_NOREPLACE) {
        Place::FixedFree(address)
    } else if has(MAP_FIXED) {
        Place::Fixed(address)
    } else if has(MAP_32BIT) {
        Place::Low
    } else {
        Place::Hint(address)
    };
    let rules = Rules { grows, locked: has(MAP_LOCKED), ..Rules::default() };
    let start = context.space.map_with(place, length, protection, backing, rules)?;
    if (has(MAP_POPULATE) && !has(MAP_NONBLOCK)) || has(MAP_LOCKED) {
        populate(context, start..start + length);
    }
    Ok(start)
}

/// The bits of a protection that there are.
const PROTECTION_BITS: usize = (PROT_READ | PROT_WRITE | PROT_EXEC) as usize;

/// The file to be mapped.
fn file(
    context: &Context,
    descriptor: i32,
    kind: u32,
    protection: Protection,
    offset: u64,
    length: usize,
) -> Result<Backing> {
    let file =
        context.files.file(descriptor)?.ok_or(Error::new(Errno::ENODEV, "sockets cannot be mapped"))?;
    if file.is_path_only() {
        return Err(Errno::EBADF.into());
    }
    if length == 0 {
        return Err(Errno::EINVAL.into());
    }
    if offset.checked_add(length as u64).is_none_or(|end| end > i64::MAX as u64) {
        return Err(Errno::EOVERFLOW.into());
    }
    let access = file.status() & O_ACCMODE;
    if access == O_WRONLY || (kind != MAP_PRIVATE && protection.write && access != O_RDWR) {
        return Err(Errno::EACCES.into());
    }
    let inode = file.inode();
    match inode.file_type() {
        FileType::Regular if inode.has_pages() => {}
        FileType::CharacterDevice if inode.device_number() == ZERO => return zeros(context, kind, length),
        _ => return Err(Errno::ENODEV.into()),
    }
    Ok(match kind {
        MAP_PRIVATE => Backing::File { source: file, offset, length: usize::MAX },
        MAP_SHARED => shared_file(file, offset, access == O_RDWR, protection.write)?,
        _ => return Err(Error::new(Errno::EINVAL, "neither private nor shared")),
    })
}

/// The device number of `/dev/zero`, whose mappings are memory without a file.
const ZERO: u64 = vfs::device_number(1, 5);

/// Zeros, private or shared.
fn zeros(context: &Context, kind: u32, length: usize) -> Result<Backing> {
    if kind == MAP_PRIVATE {
        return Ok(Backing::Anonymous);
    }
    let length = page_up(length).filter(|length| *length <= HIGHEST).ok_or(Errno::ENOMEM)?;
    let source = shared_memory(context.system.memory.file_system(), &context.identity(), length)?;
    Ok(Backing::Shared { source, offset: 0, may_write: true })
}

/// Brings the pages in, as far as possible, and says whether all are there: what is missing comes when it is touched.
pub(super) fn populate(context: &Context, range: Range<usize>) -> bool {
    for (count, page) in range.step_by(PAGE_SIZE).enumerate() {
        if context.thread.must_attend() || context.space.bring_in(page).is_err() {
            return false;
        }
        // The kernel is not preempted: others get their chance here.
        if count % 64 == 63 {
            Task::yield_now();
        }
    }
    true
}

fn munmap(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [address, length, ..] = *arguments;
    context.space.unmap(address, length).map(|()| 0)
}

fn mprotect(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [address, length, protection, ..] = *arguments;
    context.space.protect(address, length, Protection::from_bits(protection)?).map(|()| 0)
}

fn mremap(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [old, old_length, new_length, flags, new, ..] = *arguments;
    let flags = u32::try_from(flags).map_err(|_| Errno::EINVAL)?;
    let may_move = flags & MREMAP_MAYMOVE != 0;
    let fixed = flags & MREMAP_FIXED != 0;
    if flags & !(MREMAP_MAYMOVE | MREMAP_FIXED) != 0 || (fixed && !may_move) {
        return Err(Errno::EINVAL.into());
    }
    context.space.remap(old, old_length, new_length, may_move, fixed.then_some(new))
}
