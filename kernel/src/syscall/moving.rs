//! What sendfile(2), splice(2), tee(2) and copy_file_range(2) have in common: bytes go from one open file to another by way
//! of the kernel's memory.

use alloc::{sync::Arc, vec::Vec};

use ::socket::{
    caller::Caller,
    error::{Errno, Error, Result},
    ready::{Events, Pollee},
};
use ostd::task::Task;
use vfs::{FileType, Handle, OpenFile, Pipe, PipePage};

use crate::{
    context::Context,
    process::signal,
    wait::{self, WaitError},
};

/// How much is moved at a time, in bytes.
pub(super) const CHUNK: usize = 64 << 10;

/// An offset that the program holds, or that of the open file.
#[derive(Clone, Copy)]
pub(super) struct Position {
    /// Where the program's is; `None` for that of the file.
    address: Option<usize>,
    /// Where the transfer goes on.
    pub(super) at: u64,
}

impl Position {
    /// Reads the offset at `address`; 0 stands for that of the file.
    ///
    /// # Errors
    /// EFAULT.
    pub(super) fn read(context: &Context, address: usize) -> Result<Option<i64>> {
        match address {
            0 => Ok(None),
            _ => context.space.read::<i64>(address).map(Some),
        }
    }

    /// The offset for a transfer of `count` bytes.
    ///
    /// # Errors
    /// EINVAL where it is negative or the end of the transfer beyond the largest offset (`rw_verify_area`).
    pub(super) fn new(file: &OpenFile, address: usize, given: Option<i64>, count: usize) -> Result<Self> {
        let at = given.unwrap_or_else(|| file.offset() as i64);
        let end = isize::try_from(count).ok().and_then(|count| at.checked_add(count as i64));
        match (u64::try_from(at), end) {
            (Ok(at), Some(_)) => Ok(Self { address: given.map(|_| address), at }),
            _ => Err(Error::new(Errno::EINVAL, "no such offset")),
        }
    }

    /// Says to the program, or the file, how far the transfer came.
    ///
    /// # Errors
    /// EFAULT.
    pub(super) fn store(&self, context: &Context, file: &OpenFile) -> Result<()> {
        match self.address {
            Some(address) => context.space.write(address, &self.at),
            None => {
                file.set_offset(self.at);
                Ok(())
            }
        }
    }
}

/// What is open at a descriptor, and not only named.
///
/// # Errors
/// EBADF.
pub(super) fn open(context: &Context, descriptor: usize) -> Result<Handle> {
    let handle = context.files.get(descriptor as i32)?;
    handle.usable()?;
    Ok(handle)
}

/// Whether what is at a descriptor can be read.
///
/// # Errors
/// EBADF.
pub(super) fn check_readable(handle: &Handle) -> Result<()> {
    match handle {
        Handle::File(file) => file.check_readable(),
        Handle::Socket(_) => Ok(()),
    }
}

/// Whether what is at a descriptor can be written.
///
/// # Errors
/// EBADF.
pub(super) fn check_writable(handle: &Handle) -> Result<()> {
    match handle {
        Handle::File(file) => file.check_writable(),
        Handle::Socket(_) => Ok(()),
    }
}

/// The pipe that a descriptor is an end of.
pub(super) fn pipe(handle: &Handle) -> Option<(&OpenFile, &Arc<Pipe>)> {
    match handle {
        Handle::File(file) => file.pipe_end().map(|end| (&**file, end.pipe())),
        Handle::Socket(_) => None,
    }
}

/// Makes attempts, waiting for `events` where they say EAGAIN and the call may wait.
///
/// # Errors
/// What an attempt fails with; EINTR.
pub(super) fn waiting<T>(
    context: &Context,
    pollee: Option<&Arc<Pollee>>,
    events: Events,
    nonblocking: bool,
    mut attempt: impl FnMut() -> Result<T>,
) -> Result<T> {
    let first = attempt();
    match (&first, pollee) {
        (Err(error), Some(pollee)) if error.errno == Errno::EAGAIN && !nonblocking => {
            wait::block_on(context, &[(pollee.clone(), events)], None, || match attempt() {
                Err(error) if error.errno == Errno::EAGAIN => None,
                result => Some(result),
            })
            .unwrap_or_else(|error: WaitError| Err(error.error(Errno::EINTR)))
        }
        _ => first,
    }
}

/// Waits until a pipe has room; how many pages.
///
/// # Errors
/// EPIPE, with its signal, where nobody reads; EAGAIN, EINTR.
pub(super) fn room(context: &Context, pipe: &Pipe, nonblocking: bool) -> Result<usize> {
    let room = waiting(context, Some(pipe.pollee()), Events::OUT, nonblocking, || pipe.room());
    if room.as_ref().is_err_and(|error| error.errno == Errno::EPIPE) {
        context.broken_pipe();
    }
    room
}

/// Waits until a pipe has something; false at its end.
///
/// # Errors
/// EAGAIN, EINTR.
pub(super) fn something(context: &Context, pipe: &Pipe, nonblocking: bool) -> Result<bool> {
    waiting(context, Some(pipe.pollee()), Events::IN, nonblocking, || pipe.has_pages())
}

/// Moves what a file has at `position` into a pipe: at most `count` bytes, and what there is room for.
///
/// # Errors
/// EINVAL for files that nothing can be moved from; those of [`room`] and of reading.
pub(super) fn into_pipe(
    context: &Context,
    file: &OpenFile,
    position: &mut Position,
    pipe: &Pipe,
    count: usize,
    nonblocking: bool,
) -> Result<usize> {
    let room = room(context, pipe, nonblocking)?;
    file.check_splice_source()?;
    let mut pages = Vec::new();
    let mut moved = 0;
    while pages.len() < room && moved < count {
        // Contents have pages of their own, which are not put together.
        let regular = file.inode().file_type() == FileType::Regular;
        let whole = vfs::PIPE_BUF - if regular { position.at as usize % vfs::PIPE_BUF } else { 0 };
        let wanted = whole.min(count - moved);
        let fill = || {
            waiting(context, file.pollee(), Events::IN, nonblocking || moved > 0, || {
                PipePage::fill(|bytes| file.read_bytes(position.at, &mut bytes[..wanted]))
            })
        };
        let page = match fill() {
            Ok(Some(page)) => page,
            Err(error) if moved == 0 => return Err(error),
            Ok(None) | Err(_) => break,
        };
        let length = page.bytes().len();
        moved += length;
        position.at += length as u64;
        pages.push(page);
        if length < wanted {
            break;
        }
    }
    pipe.put_pages(pages);
    Ok(moved)
}

/// Takes pages out of a pipe, at most `count` bytes together, and gives them to `put`, which says how many bytes of each
/// have arrived. It waits for the first page only. What did not arrive goes back into the pipe.
///
/// # Errors
/// EAGAIN, EINTR, and what `put` fails with, where nothing has arrived before.
pub(super) fn out_of_pipe(
    context: &Context,
    pipe: &Pipe,
    count: usize,
    nonblocking: bool,
    mut put: impl FnMut(&[u8]) -> Result<usize>,
) -> Result<usize> {
    let mut moved = 0;
    while moved < count {
        let page = waiting(context, Some(pipe.pollee()), Events::IN, nonblocking || moved > 0, || {
            pipe.take_page(count - moved)
        });
        let mut page = match page {
            Ok(Some(page)) => page,
            Ok(None) => break,
            Err(error) => return if moved > 0 { Ok(moved) } else { Err(error) },
        };
        let length = page.bytes().len();
        let result = put(page.bytes());
        let arrived = *result.as_ref().unwrap_or(&0);
        moved += arrived;
        if arrived < length {
            page.advance(arrived);
            pipe.put_page_back(page);
            return if moved > 0 { Ok(moved) } else { result };
        }
        if !go_on(context, moved) {
            break;
        }
    }
    Ok(moved)
}

/// As [`out_of_pipe`], for what makes a record of all that it is given at a time: so many pages are gathered for one, as in
/// Linux.
///
/// # Errors
/// As [`out_of_pipe`].
pub(super) fn records_out_of_pipe(
    context: &Context,
    pipe: &Pipe,
    count: usize,
    nonblocking: bool,
    mut put: impl FnMut(&[u8]) -> Result<usize>,
) -> Result<usize> {
    /// `splice_to_socket`
    const GATHERED: usize = 16;
    let mut moved = 0;
    while moved < count {
        let pages = waiting(context, Some(pipe.pollee()), Events::IN, nonblocking || moved > 0, || {
            pipe.take_pages(count - moved, GATHERED)
        });
        let pages = match pages {
            Ok(pages) if pages.is_empty() => break,
            Ok(pages) => pages,
            Err(error) => return if moved > 0 { Ok(moved) } else { Err(error) },
        };
        let bytes: Vec<u8> = pages.iter().flat_map(PipePage::bytes).copied().collect();
        if let Err(error) = put(&bytes) {
            pages.into_iter().rev().for_each(|page| pipe.put_page_back(page));
            return if moved > 0 { Ok(moved) } else { Err(error) };
        }
        moved += bytes.len();
        if !go_on(context, moved) {
            break;
        }
    }
    Ok(moved)
}

/// Lets others run once in a while; false where the thread is to do something else first.
pub(super) fn go_on(context: &Context, moved: usize) -> bool {
    if moved.is_multiple_of(4 * CHUNK) {
        Task::yield_now();
    }
    !signal::pending(context)
}
