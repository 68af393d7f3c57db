//! From file to file: sendfile(2), copy_file_range(2).

use alloc::{sync::Arc, vec};

use ::socket::{
    call,
    error::{Errno, Error, Result},
    ready::Events,
};
use linux_raw_sys::general::{__NR_copy_file_range, __NR_sendfile};
use vfs::{FileType, Handle, MAX_TRANSFER, OpenFile, PipePage};

use super::{
    Arguments, Calls,
    Handler::Plain,
    moving::{self, CHUNK, Position},
};
use crate::{caller::perform, context::Context};

pub(super) const CALLS: &Calls =
    &[(__NR_sendfile, Plain(sendfile)), (__NR_copy_file_range, Plain(copy_file_range))];

fn sendfile(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [to, from, offset, count, ..] = *arguments;
    let given = Position::read(context, offset)?;
    let from = moving::open(context, from)?;
    moving::check_readable(&from)?;
    let file = match &from {
        Handle::Socket(_) if given.is_some() => return Err(Errno::ESPIPE.into()),
        Handle::Socket(_) => return from_socket(context, &from, to, count),
        Handle::File(file) => file,
    };
    if given.is_some() {
        file.check_positioned()?;
    }
    let mut position = Position::new(file, offset, given, count)?;
    let to = moving::open(context, to)?;
    moving::check_writable(&to)?;
    let count = count.min(MAX_TRANSFER);
    let sent = if let Some((target, pipe)) = moving::pipe(&to) {
        let nonblocking = file.nonblocking() || target.nonblocking();
        moving::into_pipe(context, file, &mut position, pipe, count, nonblocking)?
    } else {
        if !file.is_positioned() {
            return Err(Error::new(Errno::EINVAL, "what is sent must have offsets"));
        }
        file.check_splice_source()?;
        match &to {
            Handle::Socket(socket) => {
                let mut admitted = call::sendfile::start(context, socket.clone(), arguments)?;
                copy(context, file, &mut position, count, |bytes| perform(context, admitted.send(bytes)))?
            }
            Handle::File(target) => to_file(context, file, &mut position, target, count)?,
        }
    };
    // Those who hold the offset themselves are told in any case.
    if sent > 0 || given.is_some() {
        position.store(context, file)?;
    }
    Ok(sent)
}

/// What a socket receives can go into a pipe alone: elsewhere, bytes that have no place any more would be lost.
fn from_socket(context: &Context, from: &Handle, to: usize, count: usize) -> Result<usize> {
    if isize::try_from(count).is_err() {
        return Err(Error::new(Errno::EINVAL, "no such length"));
    }
    let to = moving::open(context, to)?;
    moving::check_writable(&to)?;
    let (Handle::Socket(socket), Some((target, pipe))) = (from, moving::pipe(&to)) else {
        return Err(Error::new(Errno::EINVAL, "what is sent must have offsets"));
    };
    // Judged as what it is: a splice without flags.
    let mut admitted = call::splice::start(context, socket.clone(), &[0, 0, 0, 0, count, 0])?;
    let room = moving::room(context, pipe, target.nonblocking())?;
    if count == 0 {
        return Ok(0);
    }
    let mut received = 0;
    let pages = PipePage::fill_many(room, count, |bytes| {
        received = perform(context, admitted.receive(bytes))?;
        Ok(received)
    })?;
    pipe.put_pages(pages);
    Ok(received)
}

fn to_file(
    context: &Context,
    file: &OpenFile,
    position: &mut Position,
    target: &OpenFile,
    count: usize,
) -> Result<usize> {
    target.check_splice_target()?;
    let mut at = target.offset();
    let sent = copy(context, file, position, count, |bytes| write(context, target, &mut at, bytes))?;
    target.set_offset(at);
    Ok(sent)
}

fn write(context: &Context, target: &OpenFile, at: &mut u64, bytes: &[u8]) -> Result<usize> {
    let written = moving::waiting(context, target.pollee(), Events::OUT, target.nonblocking(), || {
        target.write_bytes(|| context.identity(), *at, bytes)
    })?;
    *at += written as u64;
    Ok(written)
}

/// Reads from a file and gives it to `put`, which says how much has arrived, until `count` bytes have, or one of the two
/// has no more.
fn copy(
    context: &Context,
    file: &OpenFile,
    position: &mut Position,
    count: usize,
    mut put: impl FnMut(&[u8]) -> Result<usize>,
) -> Result<usize> {
    let mut sent = 0;
    let mut chunk = vec![0; count.min(CHUNK)];
    while sent < count {
        let wanted = (count - sent).min(CHUNK);
        let result = file.read_bytes(position.at, &mut chunk[..wanted]).and_then(|length| match length {
            0 => Ok((0, 0)),
            _ => put(&chunk[..length]).map(|arrived| (arrived, length)),
        });
        let (arrived, length) = match result {
            Ok(result) => result,
            Err(error) if sent == 0 => return Err(error),
            Err(_) => break,
        };
        sent += arrived;
        position.at += arrived as u64;
        if arrived < length || length == 0 || !moving::go_on(context, sent) {
            break;
        }
    }
    Ok(sent)
}

fn copy_file_range(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [from, from_offset, to, to_offset, count, flags] = *arguments;
    let from = moving::open(context, from)?;
    let to = moving::open(context, to)?;
    let given = (Position::read(context, from_offset)?, Position::read(context, to_offset)?);
    if flags as u32 != 0 {
        return Err(Error::new(Errno::EINVAL, "there are no flags"));
    }
    let (source, target) = regular(&from, &to)?;
    if !Arc::ptr_eq(source.inode().file_system(), target.inode().file_system()) {
        return Err(Errno::EXDEV.into());
    }
    let offsets = (
        given.0.unwrap_or_else(|| source.offset() as i64),
        given.1.unwrap_or_else(|| target.offset() as i64),
    );
    let overflows = |offset: i64| (offset as u64).checked_add(count as u64).is_none();
    if overflows(offsets.0) || overflows(offsets.1) {
        return Err(Errno::EOVERFLOW.into());
    }
    let length = i64::try_from(source.inode().length()).unwrap_or(i64::MAX);
    let left = length.saturating_sub(offsets.0).max(0) as u64;
    let count = if offsets.0 >= length { 0 } else { (count as u64).min(left) };
    if count > 0 && offsets.1 == i64::MAX {
        return Err(Error::new(Errno::EFBIG, "beyond the largest offset"));
    }
    let count = count.min((i64::MAX - offsets.1.max(0)) as u64);
    if Arc::ptr_eq(source.inode(), target.inode()) {
        let (first, second) = (offsets.0.max(0) as u64, offsets.1.max(0) as u64);
        if second + count > first && second < first + count {
            return Err(Error::new(Errno::EINVAL, "the ranges overlap"));
        }
    }
    let count = usize::try_from(count).unwrap_or(usize::MAX).min(MAX_TRANSFER);
    let mut position = Position::new(source, from_offset, given.0, count)?;
    let mut end = Position::new(target, to_offset, given.1, count)?;
    if count == 0 {
        return Ok(0);
    }
    let copied =
        copy(context, source, &mut position, count, |bytes| write(context, target, &mut end.at, bytes))?;
    if copied > 0 {
        position.store(context, source)?;
        end.store(context, target)?;
    }
    Ok(copied)
}

/// Both are regular files, one to be read and one to be written (`generic_file_rw_checks`).
fn regular<'a>(from: &'a Handle, to: &'a Handle) -> Result<(&'a OpenFile, &'a OpenFile)> {
    let kind = |handle: &Handle| match handle {
        Handle::File(file) => file.inode().file_type(),
        Handle::Socket(_) => FileType::Socket,
    };
    let kinds = [kind(from), kind(to)];
    if kinds.contains(&FileType::Directory) {
        return Err(Errno::EISDIR.into());
    }
    match (from, to) {
        (Handle::File(from), Handle::File(to)) if kinds == [FileType::Regular; 2] => {
            from.check_readable()?;
            to.check_writable()?;
            if to.appends() {
                return Err(Error::new(Errno::EBADF, "what is appended has no offset"));
            }
            Ok((from, to))
        }
        _ => Err(Error::new(Errno::EINVAL, "not a regular file")),
    }
}
