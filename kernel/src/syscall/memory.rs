//! Mappings and the heap.

use linux_raw_sys::general::{
    __NR_brk, __NR_madvise, __NR_mmap, __NR_mprotect, __NR_mremap, __NR_munmap, MADV_DODUMP, MADV_DOFORK,
    MADV_DONTDUMP, MADV_DONTFORK, MADV_DONTNEED, MADV_FREE, MADV_HUGEPAGE, MADV_KEEPONFORK, MADV_NOHUGEPAGE,
    MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED, MADV_WIPEONFORK, MAP_ANONYMOUS, MAP_DENYWRITE,
    MAP_EXECUTABLE, MAP_FIXED, MAP_FIXED_NOREPLACE, MAP_NORESERVE, MAP_POPULATE, MAP_PRIVATE, MAP_SHARED,
    MAP_STACK, MREMAP_FIXED, MREMAP_MAYMOVE, O_ACCMODE, O_RDWR, O_WRONLY,
};
use ostd::task::Task;
use socket::error::{Errno, Error, Result};
use vfs::FileType;

use super::{Arguments, Calls, Handler::Plain};
use crate::{
    context::Context,
    mm::{
        Access, Backing, OnFork, Place, Protection,
        layout::{HIGHEST, PAGE_SIZE, page_up},
        shared_memory,
    },
};

pub(super) const CALLS: &Calls = &[
    (__NR_brk, Plain(brk)),
    (__NR_mmap, Plain(mmap)),
    (__NR_munmap, Plain(munmap)),
    (__NR_mprotect, Plain(mprotect)),
    (__NR_mremap, Plain(mremap)),
    (__NR_madvise, Plain(madvise)),
];

fn brk(context: &Context, arguments: &Arguments) -> Result<usize> {
    Ok(context.space.set_heap_end(arguments[0]))
}

/// The low bits of mmap's flags that say how it is shared.
const MAP_TYPE: u32 = 0x0F;
/// Flags that are true of every mapping here or, as on Linux, have no meaning.
const HARMLESS: u32 = MAP_DENYWRITE | MAP_EXECUTABLE | MAP_NORESERVE | MAP_STACK;

/// Shared anonymous memory is private memory as long as there is no fork; shared mappings of files are not served
/// (ENODEV), nor are locked, growing and huge ones (EINVAL).
fn mmap(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [address, length, protection, flags, descriptor, offset] = *arguments;
    let flags = u32::try_from(flags).map_err(|_| Errno::EINVAL)?;
    let known = MAP_TYPE | HARMLESS | MAP_ANONYMOUS | MAP_FIXED | MAP_FIXED_NOREPLACE | MAP_POPULATE;
    let kind = flags & MAP_TYPE;
    if flags & !known != 0 || !matches!(kind, MAP_PRIVATE | MAP_SHARED) {
        return Err(Error::new(Errno::EINVAL, "flags of mmap that are not supported"));
    }
    if !offset.is_multiple_of(PAGE_SIZE) {
        return Err(Errno::EINVAL.into());
    }
    let protection = Protection::from_bits(protection)?;
    let place = if flags & MAP_FIXED_NOREPLACE != 0 {
        Place::FixedFree(address)
    } else if flags & MAP_FIXED != 0 {
        Place::Fixed(address)
    } else {
        Place::Hint(address)
    };
    let backing = match (flags & MAP_ANONYMOUS != 0, kind) {
        (true, MAP_PRIVATE) => Backing::Anonymous,
        (true, _) => zeros(context, kind, length)?,
        (false, _) => file(context, descriptor as i32, kind, protection, offset as u64, length)?,
    };
    let start = context.space.map(place, length, protection, backing)?;
    if flags & MAP_POPULATE != 0 {
        populate(context, start, length, protection);
    }
    Ok(start)
}

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
        _ => Backing::Shared { source: file, offset, may_write: access == O_RDWR },
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

/// Brings the pages in, as far as possible: what is missing comes when it is touched.
fn populate(context: &Context, start: usize, length: usize, protection: Protection) {
    let access = if protection.write { Access::Write } else { Access::Read };
    for (count, page) in (start..start + length).step_by(PAGE_SIZE).enumerate() {
        if context.thread.must_attend() || context.space.fault(page, access).is_err() {
            return;
        }
        // The kernel is not preempted: others get their chance here.
        if count % 64 == 63 {
            Task::yield_now();
        }
    }
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

/// Advice that only asks for speed, or concerns dumps, of which there are none, is taken by doing nothing.
fn madvise(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [address, length, advice, ..] = *arguments;
    match advice as u32 {
        MADV_DONTNEED => context.space.discard(address, length, false)?,
        // Freeing at once is one of the moments at which Linux may free.
        MADV_FREE => context.space.discard(address, length, true)?,
        MADV_DONTFORK => context.space.set_on_fork(address, length, OnFork::Omit)?,
        MADV_DOFORK | MADV_KEEPONFORK => context.space.set_on_fork(address, length, OnFork::Copy)?,
        MADV_WIPEONFORK => context.space.set_on_fork(address, length, OnFork::Wipe)?,
        MADV_NORMAL | MADV_RANDOM | MADV_SEQUENTIAL | MADV_WILLNEED | MADV_HUGEPAGE | MADV_NOHUGEPAGE
        | MADV_DONTDUMP | MADV_DODUMP => {
            context.space.check_mapped(address, length)?;
        }
        _ => return Err(Errno::EINVAL.into()),
    }
    Ok(0)
}
