//! Reading and writing: read(2), readv(2), pread(2) and their kin.

use alloc::{sync::Arc, vec::Vec};

use ::socket::{
    call,
    caller::Caller,
    error::{Errno, Error, Result},
    ready::Events,
};
use linux_raw_sys::general::{
    __NR_lseek, __NR_pread64, __NR_preadv, __NR_pwrite64, __NR_pwritev, __NR_read, __NR_readv, __NR_write,
    __NR_writev, UIO_MAXIOV,
};
use ostd::task::Task;
use vfs::{Buffers, Handle, OpenFile, Segment, UserMemory, Whence};

use super::{Arguments, Calls, Handler::Plain};
use crate::{
    caller::perform,
    context::Context,
    mm::layout::HIGHEST,
    wait::{self, WaitError},
};

pub(super) const CALLS: &Calls = &[
    (__NR_read, Plain(read)),
    (__NR_write, Plain(write)),
    (__NR_readv, Plain(readv)),
    (__NR_writev, Plain(writev)),
    (__NR_pread64, Plain(pread64)),
    (__NR_pwrite64, Plain(pwrite64)),
    (__NR_preadv, Plain(preadv)),
    (__NR_pwritev, Plain(pwritev)),
    (__NR_lseek, Plain(lseek)),
];

/// `sizeof(struct iovec)`.
const IOVEC: usize = 16;

fn read(context: &Context, arguments: &Arguments) -> Result<usize> {
    match context.files.get(arguments[0] as i32)? {
        Handle::Socket(socket) => perform(context, call::read::start(context, socket, arguments)?),
        Handle::File(file) => {
            file.check_readable()?;
            read_file(context, &file, None, &[range(arguments[1], arguments[2])?], Manner::of(&file))
        }
    }
}

fn write(context: &Context, arguments: &Arguments) -> Result<usize> {
    match context.files.get(arguments[0] as i32)? {
        Handle::Socket(socket) => perform(context, call::write::start(context, socket, arguments)?),
        Handle::File(file) => {
            file.check_writable()?;
            write_file(context, &file, None, &[range(arguments[1], arguments[2])?], Manner::of(&file))
        }
    }
}

fn readv(context: &Context, arguments: &Arguments) -> Result<usize> {
    match context.files.get(arguments[0] as i32)? {
        Handle::Socket(socket) => perform(context, call::readv::start(context, socket, arguments)?),
        Handle::File(file) => {
            file.check_readable()?;
            read_file(context, &file, None, &ranges(context, arguments[1], arguments[2])?, Manner::of(&file))
        }
    }
}

fn writev(context: &Context, arguments: &Arguments) -> Result<usize> {
    match context.files.get(arguments[0] as i32)? {
        Handle::Socket(socket) => perform(context, call::writev::start(context, socket, arguments)?),
        Handle::File(file) => {
            file.check_writable()?;
            write_file(context, &file, None, &ranges(context, arguments[1], arguments[2])?, Manner::of(&file))
        }
    }
}

fn pread64(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [descriptor, address, length, offset, ..] = *arguments;
    let (file, offset) = positioned(context, descriptor, offset)?;
    file.check_readable()?;
    read_file(context, &file, Some(offset), &[range(address, length)?], Manner::of(&file))
}

fn pwrite64(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [descriptor, address, length, offset, ..] = *arguments;
    let (file, offset) = positioned(context, descriptor, offset)?;
    file.check_writable()?;
    write_file(context, &file, Some(offset), &[range(address, length)?], Manner::of(&file))
}

/// The offset is in one register; the other half that the prototype has is for machines of 32 bits.
fn preadv(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [descriptor, address, count, offset, ..] = *arguments;
    let (file, offset) = positioned(context, descriptor, offset)?;
    file.check_readable()?;
    read_file(context, &file, Some(offset), &ranges(context, address, count)?, Manner::of(&file))
}

fn pwritev(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [descriptor, address, count, offset, ..] = *arguments;
    let (file, offset) = positioned(context, descriptor, offset)?;
    file.check_writable()?;
    write_file(context, &file, Some(offset), &ranges(context, address, count)?, Manner::of(&file))
}

fn lseek(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [descriptor, distance, whence, ..] = *arguments;
    let Handle::File(file) = context.files.get(descriptor as i32)? else {
        return Err(Errno::ESPIPE.into());
    };
    if file.is_path_only() {
        return Err(Errno::EBADF.into());
    }
    let whence = Whence::from_raw(whence as u32).ok_or(Error::new(Errno::EINVAL, "no such whence"))?;
    file.seek(distance as i64, whence).map(|offset| offset as usize)
}

/// The file behind a descriptor, for a transfer at an offset.
fn positioned(context: &Context, descriptor: usize, offset: usize) -> Result<(Arc<OpenFile>, u64)> {
    let offset = u64::try_from(offset as i64).map_err(|_| Error::new(Errno::EINVAL, "before the start"))?;
    match context.files.get(descriptor as i32)? {
        Handle::File(file) => {
            file.check_positioned()?;
            Ok((file, offset))
        }
        Handle::Socket(_) => Err(Errno::ESPIPE.into()),
    }
}

/// A range of the program's memory.
fn range(address: usize, length: usize) -> Result<Segment> {
    match address.checked_add(length) {
        Some(end) if end <= HIGHEST => Ok(Segment { address, length }),
        _ => Err(Error::new(Errno::EFAULT, "the range is not the program's")),
    }
}

/// Reads an array of struct iovec.
pub(super) fn ranges(context: &Context, address: usize, count: usize) -> Result<Vec<Segment>> {
    if count > UIO_MAXIOV as usize {
        return Err(Error::new(Errno::EINVAL, "more than 1024 ranges"));
    }
    let mut bytes = alloc::vec![0; count * IOVEC];
    UserMemory::read(context, address, &mut bytes).map_err(|_| Errno::EFAULT)?;
    let word = |bytes: &[u8]| bytes.try_into().map(usize::from_ne_bytes).unwrap_or_default();
    let segment = |bytes: &[u8]| {
        let (address, length) = (word(&bytes[..8]), word(&bytes[8..]));
        if (length as isize) < 0 {
            return Err(Error::new(Errno::EINVAL, "a negative length"));
        }
        range(address, length)
    };
    bytes.chunks_exact(IOVEC).map(segment).collect()
}

/// How a transfer is made.
#[derive(Clone, Copy)]
pub(super) struct Manner {
    /// It fails rather than waits.
    pub(super) nonblocking: bool,
    /// What is written goes to the end.
    pub(super) append: bool,
    /// A broken pipe is told of by a signal, too.
    pub(super) signal: bool,
}

impl Manner {
    /// As the file's flags say.
    pub(super) fn of(file: &OpenFile) -> Self {
        Self { nonblocking: file.nonblocking(), append: file.appends(), signal: true }
    }
}

/// After how many bytes others are given a chance: the kernel is not preempted.
const STRIDE: usize = 256 << 10;

/// Reads into `segments`, and waits until there is something.
pub(super) fn read_file(
    context: &Context,
    file: &OpenFile,
    offset: Option<u64>,
    segments: &[Segment],
    manner: Manner,
) -> Result<usize> {
    let total = Buffers::new(context, segments).remaining();
    // What is read from where one can wait is there already, and little.
    let stride = if file.pollee().is_some() { total } else { STRIDE.min(total) };
    strides(context, total, stride, |done, length| {
        waiting(context, file, Events::IN, manner.nonblocking, || {
            let mut buffers = Buffers::new(context, segments);
            buffers.skip(done);
            buffers.limit(length);
            match offset {
                Some(offset) => file.read_at(offset.saturating_add(done as u64), &mut buffers),
                None => file.read(&mut buffers),
            }
        })
    })
}

/// Writes all of `segments` as far as there is room, and waits for more where room may come.
pub(super) fn write_file(
    context: &Context,
    file: &OpenFile,
    offset: Option<u64>,
    segments: &[Segment],
    manner: Manner,
) -> Result<usize> {
    let total = Buffers::new(context, segments).remaining();
    let waits = file.pollee().is_some();
    let stride = if waits { total } else { STRIDE.min(total) };
    strides(context, total, stride, |done, length| {
        let mut written = 0;
        loop {
            let result = waiting(context, file, Events::OUT, manner.nonblocking, || {
                let who = || context.identity();
                let mut buffers = Buffers::new(context, segments);
                buffers.skip(done + written);
                buffers.limit(length - written);
                let offset = offset.map(|offset| offset.saturating_add((done + written) as u64));
                file.write_flagged(who, offset, manner.append, &mut buffers)
            });
            match result {
                Ok(count) => written += count,
                Err(error) => {
                    if error.errno == Errno::EPIPE && manner.signal {
                        context.broken_pipe();
                    }
                    return if written > 0 { Ok(written) } else { Err(error) };
                }
            }
            // Only where room may come is it worth another try: a file that took less is full.
            if written >= length || !waits || manner.nonblocking {
                return Ok(written);
            }
        }
    })
}

/// Makes a transfer, a long one in strides of which each is told what is done and how much is to follow.
#[inline]
fn strides(
    context: &Context,
    total: usize,
    stride: usize,
    mut transfer: impl FnMut(usize, usize) -> Result<usize>,
) -> Result<usize> {
    let mut done = transfer(0, stride)?;
    // A stride that is not full is the last: the file's end, or the file system's.
    while stride != 0 && done < total && done.is_multiple_of(stride) && done != 0 {
        if context.thread.must_attend() {
            break;
        }
        Task::yield_now();
        match transfer(done, stride.min(total - done)) {
            Ok(0) | Err(_) => break,
            Ok(count) => done += count,
        }
    }
    Ok(done)
}

/// Makes a transfer, waiting where it says EAGAIN and the file may wait.
fn waiting(
    context: &Context,
    file: &OpenFile,
    events: Events,
    nonblocking: bool,
    mut attempt: impl FnMut() -> Result<usize>,
) -> Result<usize> {
    let first = attempt();
    match (&first, file.pollee()) {
        (Err(error), Some(pollee)) if error.errno == Errno::EAGAIN && !nonblocking => {
            let result = wait::block_on(context, &[(pollee.clone(), events)], None, || match attempt() {
                Err(error) if error.errno == Errno::EAGAIN => None,
                result => Some(result),
            });
            result.unwrap_or_else(|error: WaitError| Err(error.error(Errno::EAGAIN)))
        }
        _ => first,
    }
}
