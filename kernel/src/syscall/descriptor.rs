//! Descriptors: close(2), dup(2), fcntl(2), ioctl(2), pipe(2).

use ::socket::{
    call,
    caller::DescriptorSlot,
    error::{Errno, Error, Result},
    socket::Socket,
};
use linux_raw_sys::{
    general::{
        __NR_close, __NR_close_range, __NR_dup, __NR_dup2, __NR_dup3, __NR_fcntl, __NR_ioctl, __NR_pipe,
        __NR_pipe2, F_ADD_SEALS, F_DUPFD, F_DUPFD_CLOEXEC, F_GET_SEALS, F_GETFD, F_GETFL, F_GETPIPE_SZ,
        F_SETFD, F_SETFL, F_SETPIPE_SZ, FASYNC, FD_CLOEXEC, O_CLOEXEC, O_DIRECT, O_NONBLOCK, O_RDWR,
    },
    ioctl::{FIOCLEX, FIONBIO, FIONCLEX},
};
use vfs::{Handle, OpenFile};

use super::{Arguments, Calls, Handler::Plain, lock, owner};
use crate::{caller::perform, context::Context, process::signal};

// linux/close_range.h, which linux-raw-sys lacks.
const CLOSE_RANGE_UNSHARE: u32 = 1 << 1;
const CLOSE_RANGE_CLOEXEC: u32 = 1 << 2;

pub(super) const CALLS: &Calls = &[
    (__NR_close, Plain(close)),
    (__NR_close_range, Plain(close_range)),
    (__NR_dup, Plain(dup)),
    (__NR_dup2, Plain(dup2)),
    (__NR_dup3, Plain(dup3)),
    (__NR_fcntl, Plain(fcntl)),
    (__NR_ioctl, Plain(ioctl)),
    (__NR_pipe, Plain(pipe)),
    (__NR_pipe2, Plain(pipe2)),
];

fn close(context: &Context, arguments: &Arguments) -> Result<usize> {
    let closed = context.files.close(arguments[0] as i32)?;
    if let Handle::Socket(socket) = &closed
        && let Some(lingering) = call::linger::lingering(socket)
    {
        // Its result is that of close(2), which is 0 by now.
        let _ = perform(context, lingering);
    }
    closed.release();
    Ok(0)
}

fn close_range(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [first, last, flags, ..] = arguments.map(|argument| argument as u32);
    if flags & !(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC) != 0 || first > last {
        return Err(Errno::EINVAL.into());
    }
    // The table is shared with the process's own threads only, which CLOSE_RANGE_UNSHARE would part from it.
    if flags & CLOSE_RANGE_UNSHARE != 0 && context.process.thread_count() > 1 {
        return Err(Error::new(Errno::EINVAL, "threads cannot have tables of their own"));
    }
    context.files.close_range(first, last, flags & CLOSE_RANGE_CLOEXEC != 0);
    Ok(0)
}

fn dup(context: &Context, arguments: &Arguments) -> Result<usize> {
    let number = context.files.duplicate_descriptor(arguments[0] as i32, 0, false)?;
    Ok(number as usize)
}

fn dup2(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [from, to, ..] = arguments.map(|argument| argument as i32);
    if from == to {
        context.files.get(from)?;
    } else {
        context.files.replace(from, to, false)?;
    }
    Ok(to as usize)
}

fn dup3(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [from, to, flags, ..] = arguments.map(|argument| argument as i32);
    if flags as u32 & !O_CLOEXEC != 0 {
        return Err(Error::new(Errno::EINVAL, "no such flag"));
    }
    if from == to {
        return Err(Error::new(Errno::EINVAL, "the numbers are the same"));
    }
    context.files.replace(from, to, flags != 0)?;
    Ok(to as usize)
}

fn fcntl(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [descriptor, command, argument, ..] = *arguments;
    let (descriptor, command) = (descriptor as i32, command as u32);
    let files = &context.files;
    let handle = files.get(descriptor)?;
    match command {
        F_DUPFD | F_DUPFD_CLOEXEC => {
            let close_on_exec = command == F_DUPFD_CLOEXEC;
            let number = files.duplicate_descriptor(descriptor, argument as i32, close_on_exec)?;
            return Ok(number as usize);
        }
        F_GETFD => return Ok(vfs::descriptor_flags(files.closes_on_exec(descriptor)?)),
        F_SETFD => {
            files.set_close_on_exec(descriptor, argument as u32 & FD_CLOEXEC != 0)?;
            return Ok(0);
        }
        F_GETFL => {
            let status = match &handle {
                Handle::Socket(socket) => socket_status(socket),
                Handle::File(file) => file.status(),
            };
            let asynchronous = if signal::is_asynchronous(&handle) { FASYNC } else { 0 };
            return Ok((status | asynchronous) as usize);
        }
        _ => {}
    }
    handle.usable()?;
    if lock::is_lock_command(command) {
        return lock::fcntl(context, &handle, arguments);
    }
    if owner::is_command(command) {
        return owner::fcntl(context, &handle, command, argument);
    }
    match (command, &handle) {
        (F_SETFL, Handle::Socket(socket)) => {
            if argument as u32 & O_DIRECT != 0 {
                return Err(Error::new(Errno::EINVAL, "sockets have no direct transfers"));
            }
            signal::set_asynchronous(&handle, descriptor, argument as u32 & FASYNC != 0);
            socket.set_nonblocking(argument as u32 & O_NONBLOCK != 0);
            Ok(0)
        }
        (F_SETFL, Handle::File(file)) => {
            file.set_status(&context.identity(), argument as u32)?;
            signal::set_asynchronous(&handle, descriptor, argument as u32 & FASYNC != 0);
            Ok(0)
        }
        (F_GETPIPE_SZ | F_SETPIPE_SZ, Handle::File(file)) => {
            let end = file.pipe_end().ok_or(Error::new(Errno::EBADF, "not a pipe"))?;
            let pipe = end.pipe();
            // The argument is an unsigned int.
            if command == F_GETPIPE_SZ {
                Ok(pipe.capacity())
            } else {
                pipe.set_capacity(argument as u32 as usize)
            }
        }
        (F_ADD_SEALS | F_GET_SEALS, Handle::File(file)) => super::memfd::seals(file, command, argument),
        (F_GETPIPE_SZ | F_SETPIPE_SZ, Handle::Socket(_)) => Err(Error::new(Errno::EBADF, "not a pipe")),
        _ => Err(Error::new(Errno::EINVAL, "no such command")),
    }
}

/// What F_GETFL shows of a socket.
fn socket_status(socket: &Socket) -> u32 {
    if socket.nonblocking() { O_RDWR | O_NONBLOCK } else { O_RDWR }
}

fn ioctl(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [descriptor, request, argument, ..] = *arguments;
    let (descriptor, request) = (descriptor as i32, request as u32);
    let handle = context.files.get(descriptor)?;
    handle.usable()?;
    let file = match handle {
        Handle::Socket(socket) => return perform(context, call::ioctl::start(context, socket, arguments)?),
        Handle::File(file) => file,
    };
    match request {
        FIOCLEX | FIONCLEX => {
            context.files.set_close_on_exec(descriptor, request == FIOCLEX)?;
            Ok(0)
        }
        FIONBIO => {
            file.set_nonblocking(context.space.read::<i32>(argument)? != 0);
            Ok(0)
        }
        _ => file.ioctl(request, argument, context),
    }
}

fn pipe(context: &Context, arguments: &Arguments) -> Result<usize> {
    make_pipe(context, arguments[0], 0)
}

fn pipe2(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [at, flags, ..] = *arguments;
    let flags = flags as u32;
    if flags & !(O_CLOEXEC | O_NONBLOCK) != 0 {
        return Err(Error::new(Errno::EINVAL, "no such flag, or O_DIRECT, which is not supported"));
    }
    make_pipe(context, at, flags)
}

fn make_pipe(context: &Context, at: usize, flags: u32) -> Result<usize> {
    let files = &context.files;
    let (reader, writer) = OpenFile::pipe(&context.system.pipes, &context.identity(), flags);
    let read_slot = files.reserve()?;
    let write_slot = files.reserve()?;
    // The numbers reach the program before the files do: nothing has to be taken back on a fault.
    context.space.write(at, &[read_slot.number(), write_slot.number()])?;
    let close_on_exec = flags & O_CLOEXEC != 0;
    read_slot.install(Handle::File(reader), close_on_exec);
    write_slot.install(Handle::File(writer), close_on_exec);
    Ok(0)
}
