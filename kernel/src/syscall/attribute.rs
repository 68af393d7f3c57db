//! Attributes of files: stat(2), access(2), chmod(2), chown(2), truncate(2), utimensat(2), statfs(2).

use alloc::sync::Arc;

use ::socket::{
    error::{Errno, Error, Result},
    socket::Socket,
};
use linux_raw_sys::general::{
    __NR_access, __NR_chmod, __NR_chown, __NR_faccessat, __NR_faccessat2, __NR_fchmod, __NR_fchmodat,
    __NR_fchmodat2, __NR_fchown, __NR_fchownat, __NR_fstat, __NR_fstatfs, __NR_futimesat, __NR_lchown,
    __NR_lstat, __NR_newfstatat, __NR_stat, __NR_statfs, __NR_statx, __NR_truncate, __NR_utime,
    __NR_utimensat, __NR_utimes, AT_EACCESS, AT_EMPTY_PATH, AT_FDCWD, AT_NO_AUTOMOUNT, AT_STATX_SYNC_TYPE,
    AT_SYMLINK_NOFOLLOW, S_IFSOCK, SOCKFS_MAGIC, STATX__RESERVED, UTIME_NOW, UTIME_OMIT,
};
use vfs::{Access, Follow, Handle, Inode, SetTime, Stat, Timestamp, UserMemory};

use super::{
    Arguments, Calls,
    Handler::Plain,
    at::{self, Named},
};
use crate::context::Context;

/// AT_FDCWD as it is in a register.
const HERE: usize = AT_FDCWD as isize as usize;
/// AT_SYMLINK_NOFOLLOW as it is in a register.
const NOFOLLOW: usize = AT_SYMLINK_NOFOLLOW as usize;

pub(super) const CALLS: &Calls = &[
    (__NR_stat, Plain(|context, &[path, to, ..]| newfstatat(context, &[HERE, path, to, 0, 0, 0]))),
    (__NR_lstat, Plain(|context, &[path, to, ..]| newfstatat(context, &[HERE, path, to, NOFOLLOW, 0, 0]))),
    (__NR_fstat, Plain(fstat)),
    (__NR_newfstatat, Plain(newfstatat)),
    (__NR_statx, Plain(statx)),
    (__NR_access, Plain(|context, &[path, mode, ..]| faccessat2(context, &[HERE, path, mode, 0, 0, 0]))),
    (__NR_faccessat, Plain(|context, &[at, path, mode, ..]| faccessat2(context, &[at, path, mode, 0, 0, 0]))),
    (__NR_faccessat2, Plain(faccessat2)),
    (__NR_chmod, Plain(|context, &[path, mode, ..]| fchmodat2(context, &[HERE, path, mode, 0, 0, 0]))),
    (__NR_fchmodat, Plain(|context, &[at, path, mode, ..]| fchmodat2(context, &[at, path, mode, 0, 0, 0]))),
    (__NR_fchmodat2, Plain(fchmodat2)),
    (__NR_fchmod, Plain(fchmod)),
    (__NR_chown, Plain(|context, &[path, uid, gid, ..]| fchownat(context, &[HERE, path, uid, gid, 0, 0]))),
    (
        __NR_lchown,
        Plain(|context, &[path, uid, gid, ..]| fchownat(context, &[HERE, path, uid, gid, NOFOLLOW, 0])),
    ),
    (__NR_fchownat, Plain(fchownat)),
    (__NR_fchown, Plain(fchown)),
    (__NR_truncate, Plain(truncate)),
    (__NR_utimensat, Plain(utimensat)),
    (__NR_utimes, Plain(|context, &[path, times, ..]| futimesat(context, &[HERE, path, times, 0, 0, 0]))),
    (__NR_futimesat, Plain(futimesat)),
    (__NR_utime, Plain(utime)),
    (__NR_statfs, Plain(statfs)),
    (__NR_fstatfs, Plain(fstatfs)),
];

fn put(context: &Context, address: usize, bytes: &[u8]) -> Result<usize> {
    UserMemory::write(context, address, bytes).map_err(|_| Errno::EFAULT)?;
    Ok(0)
}

fn stat_of(named: &Named) -> Stat {
    match named {
        Named::Inode(inode) => inode.stat(),
        Named::Descriptor(handle) => stat_of_handle(handle),
    }
}

fn stat_of_handle(handle: &Handle) -> Stat {
    match handle {
        Handle::File(file) => file.inode().stat(),
        Handle::Socket(socket) => stat_of_socket(socket),
    }
}

/// A socket is in no file system of ours: what Linux's sockfs would say.
fn stat_of_socket(socket: &Arc<Socket>) -> Stat {
    let inode = socket_number(socket);
    Stat {
        device: vfs::device_number(0, SOCKET_DEVICE),
        inode,
        mode: S_IFSOCK | 0o777,
        nlink: 1,
        block_size: 4096,
        ..Stat::default()
    }
}

/// The number of a socket in the place of an inode's.
pub(crate) fn socket_number(socket: &Arc<Socket>) -> u64 {
    socket.number()
}

/// The minor number of the device that sockets are on.
pub(crate) const SOCKET_DEVICE: u32 = 8;

fn fstat(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [descriptor, to, ..] = *arguments;
    let handle = context.files.get(descriptor as i32)?;
    put(context, to, &stat_of_handle(&handle).to_stat())
}

fn newfstatat(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [directory, path, to, flags, ..] = *arguments;
    at::check_flags(flags as u32, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT)?;
    let named = at::named(context, directory as i32, path, flags as u32)?;
    put(context, to, &stat_of(&named).to_stat())
}

fn statx(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [directory, path, flags, mask, to, _] = *arguments;
    let flags = flags as u32;
    if mask as u32 & STATX__RESERVED != 0 || flags & AT_STATX_SYNC_TYPE == AT_STATX_SYNC_TYPE {
        return Err(Errno::EINVAL.into());
    }
    at::check_flags(flags, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_SYNC_TYPE)?;
    let named = at::named(context, directory as i32, path, flags)?;
    put(context, to, &stat_of(&named).to_statx())
}

fn faccessat2(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [directory, path, mode, flags, ..] = *arguments;
    let wanted = Access::from_bits(mode as u32).ok_or(Error::new(Errno::EINVAL, "no such access"))?;
    at::check_flags(flags as u32, AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)?;
    match at::named(context, directory as i32, path, flags as u32)? {
        Named::Descriptor(Handle::Socket(_)) => Ok(0),
        named => {
            let effective = flags as u32 & AT_EACCESS != 0;
            let who = if effective { context.identity() } else { context.real_identity() };
            named.inode()?.check(&who, wanted).map(|()| 0)
        }
    }
}

fn fchmodat2(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [directory, path, mode, flags, ..] = *arguments;
    at::check_flags(flags as u32, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)?;
    let inode = at::named(context, directory as i32, path, flags as u32)?.inode()?;
    inode.change_mode(&context.identity(), mode as u32).map(|()| 0)
}

fn fchmod(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [descriptor, mode, ..] = *arguments;
    open_inode(context, descriptor)?.change_mode(&context.identity(), mode as u32).map(|()| 0)
}

/// The inode of an open file that is not only named.
fn open_inode(context: &Context, descriptor: usize) -> Result<Arc<Inode>> {
    let handle = context.files.get(descriptor as i32)?;
    handle.usable()?;
    at::inode_of(&handle)
}

/// An owner or a group; all ones leaves it.
fn id(id: usize) -> Option<u32> {
    Some(id as u32).filter(|id| *id != u32::MAX)
}

fn fchownat(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [directory, path, uid, gid, flags, _] = *arguments;
    at::check_flags(flags as u32, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)?;
    let inode = at::named(context, directory as i32, path, flags as u32)?.inode()?;
    inode.change_owner(&context.identity(), id(uid), id(gid)).map(|()| 0)
}

fn fchown(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [descriptor, uid, gid, ..] = *arguments;
    open_inode(context, descriptor)?.change_owner(&context.identity(), id(uid), id(gid)).map(|()| 0)
}

fn truncate(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [path, length, ..] = *arguments;
    let length = at::length(length)?;
    let path = at::path(context, path)?;
    context.walk(|walker| walker.truncate(&path, length)).map(|()| 0)
}

fn utimensat(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [directory, path, times, flags, ..] = *arguments;
    let times = match times {
        0 => None,
        _ => Some(context.space.read::<[i64; 4]>(times)?),
    };
    if let Some([_, accessed, _, modified]) = times
        && [accessed, modified] == [i64::from(UTIME_OMIT); 2]
    {
        // Linux looks at nothing else then.
        return Ok(0);
    }
    change_times(context, directory as i32, path, flags as u32, times)
}

/// utimes(2) and futimesat(2): seconds and microseconds, which must be of a time.
fn futimesat(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [directory, path, times, ..] = *arguments;
    let times = match times {
        0 => None,
        _ => {
            let [seconds, microseconds, more_seconds, more_microseconds] =
                context.space.read::<[i64; 4]>(times)?;
            if [microseconds, more_microseconds].iter().any(|part| !(0..1_000_000).contains(part)) {
                return Err(Error::new(Errno::EINVAL, "a second or more in microseconds"));
            }
            Some([seconds, microseconds * 1000, more_seconds, more_microseconds * 1000])
        }
    };
    change_times(context, directory as i32, path, 0, times)
}

/// utime(2): seconds.
fn utime(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [path, times, ..] = *arguments;
    let times = match times {
        0 => None,
        _ => {
            let [accessed, modified] = context.space.read::<[i64; 2]>(times)?;
            Some([accessed, 0, modified, 0])
        }
    };
    change_times(context, AT_FDCWD, path, 0, times)
}

/// Sets the times of a file to the current one, or to seconds and nanoseconds of the last access and of the last
/// modification.
fn change_times(
    context: &Context,
    directory: i32,
    path: usize,
    flags: u32,
    times: Option<[i64; 4]>,
) -> Result<usize> {
    let inode = if path == 0 && directory != AT_FDCWD {
        // futimens(3).
        at::check_flags(flags, 0)?;
        open_inode(context, directory as usize)?
    } else {
        at::check_flags(flags, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)?;
        if path == 0 {
            return Err(Errno::EFAULT.into());
        }
        at::named(context, directory, path, flags)?.inode()?
    };
    let (accessed, modified) = match times {
        None => (SetTime::Now, SetTime::Now),
        Some([seconds, nanoseconds, more_seconds, more_nanoseconds]) => {
            (set_time(seconds, nanoseconds)?, set_time(more_seconds, more_nanoseconds)?)
        }
    };
    inode.change_times(&context.identity(), accessed, modified).map(|()| 0)
}

fn set_time(seconds: i64, nanoseconds: i64) -> Result<SetTime> {
    match nanoseconds {
        now if now == i64::from(UTIME_NOW) => Ok(SetTime::Now),
        omit if omit == i64::from(UTIME_OMIT) => Ok(SetTime::Omit),
        0..1_000_000_000 => {
            // At the ends of time there are no fractions.
            let nanoseconds = if matches!(seconds, i64::MIN | i64::MAX) { 0 } else { nanoseconds as u32 };
            Ok(SetTime::At(Timestamp { seconds, nanoseconds }))
        }
        _ => Err(Error::new(Errno::EINVAL, "a second or more in nanoseconds")),
    }
}

fn statfs(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [path, to, ..] = *arguments;
    let path = at::path(context, path)?;
    let inode = context.walk(|walker| walker.find(&path, Follow::Yes))?;
    put(context, to, &inode.file_system().to_statfs())
}

fn fstatfs(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [descriptor, to, ..] = *arguments;
    match context.files.get(descriptor as i32)? {
        Handle::File(file) => put(context, to, &file.inode().file_system().to_statfs()),
        Handle::Socket(_) => put(context, to, &vfs::nodeless_statfs(SOCKFS_MAGIC)),
    }
}
