//! Opening files, and what is done with those that are open: open(2), ftruncate(2), fsync(2), getdents64(2).

use ::socket::{
    error::{Errno, Error, Result},
    ready::Events,
};
use linux_raw_sys::general::{
    __NR_creat, __NR_fchdir, __NR_fdatasync, __NR_fsync, __NR_ftruncate, __NR_getdents64, __NR_open,
    __NR_openat, __NR_sync, __NR_syncfs, AT_FDCWD, O_CREAT, O_TRUNC, O_WRONLY,
};
use vfs::{Access, FileType, Handle, UserMemory};

use super::{Arguments, Calls, Handler::Plain, at};
use crate::{
    context::Context,
    wait::{self, WaitError},
};

pub(super) const CALLS: &Calls = &[
    (__NR_open, Plain(open)),
    (__NR_openat, Plain(openat)),
    (__NR_creat, Plain(creat)),
    (__NR_ftruncate, Plain(ftruncate)),
    (__NR_fsync, Plain(fsync)),
    (__NR_fdatasync, Plain(fsync)),
    (__NR_syncfs, Plain(syncfs)),
    (__NR_sync, Plain(sync)),
    (__NR_getdents64, Plain(getdents64)),
    (__NR_fchdir, Plain(fchdir)),
];

fn open(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [path, flags, mode, ..] = *arguments;
    open_at(context, AT_FDCWD, path, flags as u32, mode as u32)
}

fn openat(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [directory, path, flags, mode, ..] = *arguments;
    open_at(context, directory as i32, path, flags as u32, mode as u32)
}

fn creat(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [path, mode, ..] = *arguments;
    open_at(context, AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode as u32)
}

fn open_at(context: &Context, directory: i32, path: usize, flags: u32, mode: u32) -> Result<usize> {
    vfs::check_open_flags(flags)?;
    let path = at::path(context, path)?;
    let slot = context.files.reserve()?;
    let umask = context.fs.umask();
    let opened = at::walk(context, directory, &path, |walker| walker.open(&path, flags, mode, umask))?;
    if let Some(partner) = &opened.partner {
        let arrived = || partner.arrived().then_some(());
        wait::block_on(context, &[(partner.pollee().clone(), Events::IN | Events::OUT)], None, arrived)
            .map_err(|error: WaitError| error.error(Errno::EINTR))?;
    }
    Ok(slot.install(Handle::File(opened.file), opened.close_on_exec) as usize)
}

fn ftruncate(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [descriptor, length, ..] = *arguments;
    let length = at::length(length)?;
    match context.files.get(descriptor as i32)? {
        Handle::File(file) => file.truncate(&context.identity(), length).map(|()| 0),
        Handle::Socket(_) => Err(Error::new(Errno::EINVAL, "not a regular file")),
    }
}

/// Everything is in memory: there is nothing to write back.
fn fsync(context: &Context, arguments: &Arguments) -> Result<usize> {
    let handle = context.files.get(arguments[0] as i32)?;
    handle.usable()?;
    match &handle {
        Handle::File(file) if matches!(file.inode().file_type(), FileType::Regular | FileType::Directory) => {
            Ok(0)
        }
        _ => Err(Error::new(Errno::EINVAL, "there is nothing that could be written back")),
    }
}

fn syncfs(context: &Context, arguments: &Arguments) -> Result<usize> {
    context.files.get(arguments[0] as i32)?.usable().map(|()| 0)
}

fn sync(_: &Context, _: &Arguments) -> Result<usize> {
    Ok(0)
}

fn getdents64(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [descriptor, address, room, ..] = *arguments;
    let Handle::File(file) = context.files.get(descriptor as i32)? else {
        return Err(Errno::ENOTDIR.into());
    };
    let entries = file.entries(room as u32 as usize)?;
    UserMemory::write(context, address, &entries.bytes).map_err(|_| Errno::EFAULT)?;
    file.entries_taken(&entries);
    Ok(entries.bytes.len())
}

fn fchdir(context: &Context, arguments: &Arguments) -> Result<usize> {
    let file = context.files.file(arguments[0] as i32)?.ok_or(Errno::ENOTDIR)?;
    let inode = file.inode();
    if !inode.is_directory() {
        return Err(Errno::ENOTDIR.into());
    }
    inode.check(&context.identity(), Access::EXECUTE)?;
    context.fs.set_working_directory(inode.clone());
    Ok(0)
}
