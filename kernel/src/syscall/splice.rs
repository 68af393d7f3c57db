//! Between pipes and other files: splice(2), tee(2), vmsplice(2).

use alloc::sync::Arc;

use ::socket::{
    call,
    error::{Errno, Error, Result},
    ready::Events,
};
use linux_raw_sys::general::{
    __NR_splice, __NR_tee, __NR_vmsplice, SPLICE_F_GIFT, SPLICE_F_MORE, SPLICE_F_MOVE, SPLICE_F_NONBLOCK,
};
use vfs::{Buffers, Handle, OpenFile, Pipe, PipePage};

use super::{
    Arguments, Calls,
    Handler::Plain,
    moving::{self, Position},
    transfer,
};
use crate::{caller::perform, context::Context};

pub(super) const CALLS: &Calls =
    &[(__NR_splice, Plain(splice)), (__NR_tee, Plain(tee)), (__NR_vmsplice, Plain(vmsplice))];

/// What Linux knows. SPLICE_F_MOVE, MORE and GIFT are hints, which nothing here needs.
const FLAGS: u32 = SPLICE_F_MOVE | SPLICE_F_NONBLOCK | SPLICE_F_MORE | SPLICE_F_GIFT;

fn check_flags(flags: usize) -> Result<bool> {
    if flags as u32 & !FLAGS != 0 {
        return Err(Error::new(Errno::EINVAL, "no such flag"));
    }
    Ok(flags as u32 & SPLICE_F_NONBLOCK != 0)
}

/// Pipes have no offsets.
fn check_no_offset(address: usize) -> Result<()> {
    if address == 0 { Ok(()) } else { Err(Error::new(Errno::ESPIPE, "a pipe has no offset")) }
}

fn splice(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [from, from_offset, to, to_offset, count, flags] = *arguments;
    if count == 0 {
        return Ok(0);
    }
    let nonblocking = check_flags(flags)?;
    let from = moving::open(context, from)?;
    let to = moving::open(context, to)?;
    let pipes = (moving::pipe(&from), moving::pipe(&to));
    if pipes.0.is_some() {
        check_no_offset(from_offset)?;
    }
    if pipes.1.is_some() {
        check_no_offset(to_offset)?;
    }
    let given = (Position::read(context, from_offset)?, Position::read(context, to_offset)?);
    moving::check_readable(&from)?;
    moving::check_writable(&to)?;
    match pipes {
        (Some((from, source)), Some((to, target))) => {
            let nonblocking = nonblocking || from.nonblocking() || to.nonblocking();
            between_pipes(context, source, target, count, nonblocking)
        }
        (Some((_, source)), None) => {
            let nonblocking = nonblocking || pipes.0.is_some_and(|(file, _)| file.nonblocking());
            match &to {
                Handle::Socket(socket) => {
                    check_length(given.1, count)?;
                    let mut admitted = call::splice::start(context, socket.clone(), arguments)?;
                    let send = |bytes: &[u8]| perform(context, admitted.send(bytes));
                    match socket.sends_records() {
                        true => moving::records_out_of_pipe(context, source, count, nonblocking, send),
                        false => moving::out_of_pipe(context, source, count, nonblocking, send),
                    }
                }
                Handle::File(file) => {
                    let position = positioned(file, to_offset, given.1, count)?;
                    out_to_file(context, source, file, position, count, nonblocking)
                }
            }
        }
        (None, Some((to, target))) => {
            let nonblocking = nonblocking || to.nonblocking();
            match &from {
                Handle::Socket(socket) => {
                    check_length(given.0, count)?;
                    let mut admitted = call::splice::start(context, socket.clone(), arguments)?;
                    let room = moving::room(context, target, nonblocking)?;
                    let mut received = 0;
                    let page = PipePage::fill_many(room, count, |bytes| {
                        received = perform(context, admitted.receive(bytes))?;
                        Ok(received)
                    })?;
                    target.put_pages(page);
                    Ok(received)
                }
                Handle::File(file) => {
                    let mut position = positioned(file, from_offset, given.0, count)?;
                    let moved = moving::into_pipe(context, file, &mut position, target, count, nonblocking)?;
                    if moved > 0 {
                        position.store(context, file)?;
                    }
                    Ok(moved)
                }
            }
        }
        (None, None) => Err(Error::new(Errno::EINVAL, "neither is a pipe")),
    }
}

/// The offset of a file that is no pipe.
fn positioned(file: &OpenFile, address: usize, given: Option<i64>, count: usize) -> Result<Position> {
    if given.is_some() && !file.is_positioned() {
        return Err(Error::new(Errno::EINVAL, "the file has no offset"));
    }
    Position::new(file, address, given, count)
}

/// Sockets have no offsets, and no more than so many bytes.
fn check_length(given: Option<i64>, count: usize) -> Result<()> {
    if given.is_some() || isize::try_from(count).is_err() {
        return Err(Error::new(Errno::EINVAL, "a socket has no offset"));
    }
    Ok(())
}

fn out_to_file(
    context: &Context,
    pipe: &Pipe,
    file: &OpenFile,
    mut position: Position,
    count: usize,
    nonblocking: bool,
) -> Result<usize> {
    file.check_splice_target()?;
    let moved = moving::out_of_pipe(context, pipe, count, nonblocking, |bytes| {
        let written = moving::waiting(context, file.pollee(), Events::OUT, file.nonblocking(), || {
            file.write_bytes(|| context.identity(), position.at, bytes)
        })?;
        position.at += written as u64;
        Ok(written)
    })?;
    if moved > 0 {
        position.store(context, file)?;
    }
    Ok(moved)
}

fn between_pipes(
    context: &Context,
    source: &Arc<Pipe>,
    target: &Arc<Pipe>,
    count: usize,
    nonblocking: bool,
) -> Result<usize> {
    if Arc::ptr_eq(source, target) {
        return Err(Error::new(Errno::EINVAL, "the same pipe"));
    }
    loop {
        let more = moving::something(context, source, nonblocking)?;
        let room = moving::room(context, target, nonblocking)?;
        match source.take_pages(count, room) {
            Ok(pages) => {
                let moved = pages.iter().map(|page| page.bytes().len()).sum();
                target.put_pages(pages);
                return Ok(moved);
            }
            // Another reader was faster.
            Err(_) if more => {}
            Err(error) => return Err(error),
        }
    }
}

fn tee(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [from, to, count, flags, ..] = *arguments;
    let nonblocking = check_flags(flags)?;
    if count == 0 {
        return Ok(0);
    }
    let from = moving::open(context, from)?;
    let to = moving::open(context, to)?;
    moving::check_readable(&from)?;
    moving::check_writable(&to)?;
    let (Some((from, source)), Some((to, target))) = (moving::pipe(&from), moving::pipe(&to)) else {
        return Err(Error::new(Errno::EINVAL, "not a pipe"));
    };
    if Arc::ptr_eq(source, target) {
        return Err(Error::new(Errno::EINVAL, "the same pipe"));
    }
    let nonblocking = nonblocking || from.nonblocking() || to.nonblocking();
    loop {
        let more = moving::something(context, source, nonblocking)?;
        let room = moving::room(context, target, nonblocking)?;
        let pages = source.copy_pages(count, room);
        let copied = pages.iter().map(|page| page.bytes().len()).sum();
        target.put_pages(pages);
        // Another reader may have been faster.
        if copied > 0 || !more {
            return Ok(copied);
        }
    }
}

/// What goes in is copied, and so is what comes out: pages of a program are not given away.
fn vmsplice(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [descriptor, address, count, flags, ..] = *arguments;
    let nonblocking = check_flags(flags)?;
    let handle = moving::open(context, descriptor)?;
    let Some((file, pipe)) = moving::pipe(&handle) else {
        return Err(Error::new(Errno::EBADF, "not a pipe"));
    };
    let end = file.pipe_end().ok_or(Errno::EBADF)?;
    let segments = transfer::ranges(context, address, count)?;
    let mut buffers = Buffers::new(context, &segments);
    if buffers.remaining() == 0 {
        return Ok(0);
    }
    if file.check_writable().is_ok() {
        moving::room(context, pipe, nonblocking)?;
        return end.write(&mut buffers);
    }
    moving::waiting(context, Some(pipe.pollee()), Events::IN, nonblocking, || end.read(&mut buffers))
}
