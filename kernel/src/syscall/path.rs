//! Names: mkdir(2), unlink(2), rename(2), link(2), symlink(2), mknod(2), readlink(2), chdir(2), getcwd(2).

use ::socket::error::{Errno, Error, Result};
use linux_raw_sys::general::{
    __NR_chdir, __NR_chroot, __NR_getcwd, __NR_link, __NR_linkat, __NR_mkdir, __NR_mkdirat, __NR_mknod,
    __NR_mknodat, __NR_readlink, __NR_readlinkat, __NR_rename, __NR_renameat, __NR_renameat2, __NR_rmdir,
    __NR_symlink, __NR_symlinkat, __NR_umask, __NR_unlink, __NR_unlinkat, AT_EMPTY_PATH, AT_FDCWD,
    AT_REMOVEDIR, AT_SYMLINK_FOLLOW, CAP_DAC_READ_SEARCH, CAP_SYS_CHROOT,
};
use vfs::{Follow, Handle, RenameFlags, UserMemory};

use super::{Arguments, Calls, Handler::Plain, at};
use crate::context::Context;

/// AT_FDCWD as it is in a register.
const HERE: usize = AT_FDCWD as isize as usize;

pub(super) const CALLS: &Calls = &[
    (__NR_mkdir, Plain(|context, &[path, mode, ..]| mkdirat(context, &[HERE, path, mode, 0, 0, 0]))),
    (__NR_mkdirat, Plain(mkdirat)),
    (
        __NR_mknod,
        Plain(|context, &[path, mode, device, ..]| mknodat(context, &[HERE, path, mode, device, 0, 0])),
    ),
    (__NR_mknodat, Plain(mknodat)),
    (__NR_unlink, Plain(|context, &[path, ..]| unlinkat(context, &[HERE, path, 0, 0, 0, 0]))),
    (
        __NR_rmdir,
        Plain(|context, &[path, ..]| unlinkat(context, &[HERE, path, AT_REMOVEDIR as usize, 0, 0, 0])),
    ),
    (__NR_unlinkat, Plain(unlinkat)),
    (__NR_rename, Plain(|context, &[old, new, ..]| renameat2(context, &[HERE, old, HERE, new, 0, 0]))),
    (__NR_renameat, Plain(|context, &[a, old, b, new, ..]| renameat2(context, &[a, old, b, new, 0, 0]))),
    (__NR_renameat2, Plain(renameat2)),
    (__NR_link, Plain(|context, &[old, new, ..]| linkat(context, &[HERE, old, HERE, new, 0, 0]))),
    (__NR_linkat, Plain(linkat)),
    (__NR_symlink, Plain(|context, &[target, path, ..]| symlinkat(context, &[target, HERE, path, 0, 0, 0]))),
    (__NR_symlinkat, Plain(symlinkat)),
    (
        __NR_readlink,
        Plain(|context, &[path, to, room, ..]| readlinkat(context, &[HERE, path, to, room, 0, 0])),
    ),
    (__NR_readlinkat, Plain(readlinkat)),
    (__NR_chdir, Plain(chdir)),
    (__NR_chroot, Plain(chroot)),
    (__NR_getcwd, Plain(getcwd)),
    (__NR_umask, Plain(umask)),
];

fn mkdirat(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [directory, path, mode, ..] = *arguments;
    let path = at::path(context, path)?;
    let umask = context.fs.umask();
    at::walk(context, directory as i32, &path, |walker| walker.make_directory(&path, mode as u32, umask))?;
    Ok(0)
}

fn mknodat(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [directory, path, mode, device, ..] = *arguments;
    let path = at::path(context, path)?;
    let umask = context.fs.umask();
    // The kernel's device numbers have 32 bits.
    let device = u64::from(device as u32);
    at::walk(context, directory as i32, &path, |walker| walker.make_node(&path, mode as u32, device, umask))?;
    Ok(0)
}

fn unlinkat(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [directory, path, flags, ..] = *arguments;
    at::check_flags(flags as u32, AT_REMOVEDIR)?;
    let path = at::path(context, path)?;
    at::walk(context, directory as i32, &path, |walker| {
        if flags as u32 == AT_REMOVEDIR { walker.remove_directory(&path) } else { walker.unlink(&path) }
    })?;
    Ok(0)
}

fn renameat2(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [old_directory, old, new_directory, new, flags, ..] = *arguments;
    let flags = RenameFlags::from_bits(flags as u32).ok_or(Error::new(Errno::EINVAL, "no such flag"))?;
    if flags.contains(RenameFlags::NOREPLACE | RenameFlags::EXCHANGE) {
        return Err(Error::new(Errno::EINVAL, "what is to be exchanged has to be there"));
    }
    let old = at::path(context, old)?;
    let new = at::path(context, new)?;
    at::walk(context, old_directory as i32, &old, |from| {
        at::walk(context, new_directory as i32, &new, |to| from.rename(&old, to, &new, flags))
    })?;
    Ok(0)
}

fn linkat(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [old_directory, old, new_directory, new, flags, ..] = *arguments;
    let flags = flags as u32;
    at::check_flags(flags, AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)?;
    let old = at::path(context, old)?;
    let new = at::path(context, new)?;
    if old.is_empty() && flags & AT_EMPTY_PATH != 0 {
        let who = context.identity();
        let inode = match context.files.get(old_directory as i32)? {
            Handle::File(file) if who.can(CAP_DAC_READ_SEARCH) => file.inode().clone(),
            Handle::File(_) => return Err(Errno::ENOENT.into()),
            Handle::Socket(_) => return Err(Errno::EXDEV.into()),
        };
        at::walk(context, new_directory as i32, &new, |to| to.link_inode(&inode, &new))?;
        return Ok(0);
    }
    let follow = if flags & AT_SYMLINK_FOLLOW != 0 { Follow::Yes } else { Follow::No };
    at::walk(context, old_directory as i32, &old, |from| {
        at::walk(context, new_directory as i32, &new, |to| from.link(&old, follow, to, &new))
    })?;
    Ok(0)
}

fn symlinkat(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [target, directory, path, ..] = *arguments;
    let target = at::path(context, target)?;
    let path = at::path(context, path)?;
    at::walk(context, directory as i32, &path, |walker| walker.make_symlink(&target, &path))?;
    Ok(0)
}

fn readlinkat(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [directory, path, to, room, ..] = *arguments;
    let room = room as i32;
    if room <= 0 {
        return Err(Error::new(Errno::EINVAL, "no room"));
    }
    let path = at::path(context, path)?;
    let text = if path.is_empty() && directory as i32 != AT_FDCWD {
        // The descriptor is that of the link, opened with O_PATH and O_NOFOLLOW.
        let file = context.files.file(directory as i32)?.ok_or(Errno::ENOENT)?;
        file.inode().read_link().map_err(|_| Error::new(Errno::ENOENT, "not a symbolic link"))?
    } else {
        at::walk(context, directory as i32, &path, |walker| walker.read_link(&path))?
    };
    let length = text.len().min(room as usize);
    UserMemory::write(context, to, &text[..length]).map_err(|_| Errno::EFAULT)?;
    Ok(length)
}

fn chdir(context: &Context, arguments: &Arguments) -> Result<usize> {
    let path = at::path(context, arguments[0])?;
    let directory = context.walk(|walker| walker.find_directory(&path))?;
    context.fs.set_working_directory(directory);
    Ok(0)
}

fn chroot(context: &Context, arguments: &Arguments) -> Result<usize> {
    let path = at::path(context, arguments[0])?;
    let directory = context.walk(|walker| walker.find_directory(&path))?;
    if !context.thread.credentials.lock().can(CAP_SYS_CHROOT) {
        return Err(Error::new(Errno::EPERM, "only the superuser changes the root"));
    }
    context.fs.set_root(directory);
    Ok(0)
}

fn getcwd(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [to, room, ..] = *arguments;
    let fs = &context.fs;
    let mut path = vfs::absolute_path(&fs.root(), &fs.working_directory())?;
    path.push(0);
    if path.len() > room {
        return Err(Errno::ERANGE.into());
    }
    UserMemory::write(context, to, &path).map_err(|_| Errno::EFAULT)?;
    Ok(path.len())
}

fn umask(context: &Context, arguments: &Arguments) -> Result<usize> {
    Ok(context.fs.set_umask(arguments[0] as u32) as usize)
}
