//! Other programs: execve(2), execveat(2).

use alloc::{format, vec::Vec};

use linux_raw_sys::general::{
    __NR_execve, __NR_execveat, AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW, RLIMIT_STACK,
};
use ostd::user::UserMode;
use socket::error::{Errno, Error, Result};
use vfs::{Follow, Handle, WritingDenied};

use super::{Arguments, Calls, Handler::Registers, at};
use crate::{
    context::Context,
    exec::{Given, Loaded, Room, Strings},
    process,
};

pub(super) const CALLS: &Calls = &[(__NR_execve, Registers(execve)), (__NR_execveat, Registers(execveat))];

fn execve(context: &mut Context, user: &mut UserMode, arguments: &Arguments) -> Result<usize> {
    let [path_at, argv, envp, ..] = *arguments;
    let path = at::path(context, path_at)?;
    let file = context.walk(|walker| walker.find_program(&path, Follow::Yes))?;
    execute(context, user, Found { file, path, reachable: true }, argv, envp)
}

fn execveat(context: &mut Context, user: &mut UserMode, arguments: &Arguments) -> Result<usize> {
    let [directory, path_at, argv, envp, flags, _] = *arguments;
    let (directory, flags) = (directory as i32, flags as u32);
    let path = at::path(context, path_at)?;
    if path.is_empty() && flags & AT_EMPTY_PATH == 0 {
        return Err(Error::new(Errno::ENOENT, "the path is empty"));
    }
    at::check_flags(flags, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW)?;
    let found = if path.is_empty() && flags & AT_EMPTY_PATH != 0 && directory != AT_FDCWD {
        by_descriptor(context, directory)?
    } else {
        let follow = at::follow(flags);
        let file = at::walk(context, directory, &path, |walker| walker.find_program(&path, follow))?;
        if directory == AT_FDCWD || path.first() == Some(&b'/') {
            Found { file, path, reachable: true }
        } else {
            let reachable = !context.files.closes_on_exec(directory)?;
            let path = [format!("/dev/fd/{directory}/").as_bytes(), &path].concat();
            Found { file, path, reachable }
        }
    };
    execute(context, user, found, argv, envp)
}

/// A program's file, and what the program is told of where it was found.
struct Found {
    file: WritingDenied,
    path: Vec<u8>,
    /// Whether the path leads there once descriptors are closed.
    reachable: bool,
}

/// The file behind a descriptor itself.
fn by_descriptor(context: &Context, descriptor: i32) -> Result<Found> {
    let Handle::File(file) = context.files.get(descriptor)? else {
        return Err(Error::new(Errno::EACCES, "a socket is no program"));
    };
    let reachable = !context.files.closes_on_exec(descriptor)?;
    let file = file.program(&context.identity())?;
    Ok(Found { file, path: format!("/dev/fd/{descriptor}").into_bytes(), reachable })
}

fn execute(
    context: &mut Context,
    user: &mut UserMode,
    found: Found,
    argv: usize,
    envp: usize,
) -> Result<usize> {
    let limit = context.process.limits.lock().get(RLIMIT_STACK).map_or(0, |limit| limit.soft);
    let mut room = Room::of_stack(limit);
    let arguments = Strings::read(context, argv, &mut room)?;
    let environment = Strings::read(context, envp, &mut room)?;
    let given = Given::new(&found.path, arguments, environment, &mut room)?;
    let program = Loaded::prepare(context, found.file, given, found.reachable)?;
    let registers = process::execute(context, &program)?;
    *user.context_mut() = registers;
    Ok(0)
}
