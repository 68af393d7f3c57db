//! Locks on files: flock(2), and those of fcntl(2).

use alloc::sync::Arc;

use ::socket::{
    error::{Errno, Error, Result},
    ready::Events,
};
use linux_raw_sys::general::{
    __NR_flock, F_GETLK, F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW, F_RDLCK, F_SETLK, F_SETLKW, F_UNLCK,
    F_WRLCK, LOCK_EX, LOCK_MAND, LOCK_NB, LOCK_SH, LOCK_UN, SEEK_CUR, SEEK_END, SEEK_SET,
};
use vfs::{Handle, LockKind, OpenFile, RangeOwner};

use super::{Arguments, Calls, Handler::Plain};
use crate::{
    context::Context,
    wait::{self, WaitError},
};

pub(super) const CALLS: &Calls = &[(__NR_flock, Plain(flock))];

fn flock(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [descriptor, operation, ..] = *arguments;
    let operation = operation as u32;
    // Mandatory locks are gone; Linux still takes the request, and does nothing.
    if operation & LOCK_MAND != 0 {
        return Ok(0);
    }
    let kind = match operation & !LOCK_NB {
        LOCK_SH => Some(LockKind::Shared),
        LOCK_EX => Some(LockKind::Exclusive),
        LOCK_UN => None,
        _ => return Err(Error::new(Errno::EINVAL, "no such operation")),
    };
    let handle = context.files.get(descriptor as i32)?;
    handle.usable()?;
    // A socket is one open file, and has no other to keep out.
    let Handle::File(file) = handle else { return Ok(0) };
    let first = file.lock_whole(kind);
    match first {
        Err(error) if error.errno == Errno::EAGAIN && operation & LOCK_NB == 0 => {
            wait_for(context, &file, || file.lock_whole(kind)).map(|()| 0)
        }
        result => result.map(|()| 0),
    }
}

/// Makes attempts until one comes to something else than EAGAIN.
fn wait_for(context: &Context, file: &OpenFile, attempt: impl Fn() -> Result<()>) -> Result<()> {
    wait::block_on(context, &[(file.unlocked().clone(), Events::OUT)], None, || match attempt() {
        Err(error) if error.errno == Errno::EAGAIN => None,
        result => Some(result),
    })
    .unwrap_or_else(|error: WaitError| Err(error.error(Errno::EINTR)))
}

/// The commands of fcntl(2) that are about locks.
pub(super) const fn is_lock_command(command: u32) -> bool {
    matches!(command, F_GETLK | F_SETLK | F_SETLKW | F_OFD_GETLK | F_OFD_SETLK | F_OFD_SETLKW)
}

/// `struct flock`, whose layout on x86-64 is that of `struct flock64`.
struct Flock {
    kind: i16,
    whence: i16,
    start: i64,
    length: i64,
    pid: i32,
}

impl Flock {
    /// The words of the structure: type and whence, start, length, pid, each with its padding.
    fn from_words(words: [u64; 4]) -> Self {
        Self {
            kind: words[0] as i16,
            whence: (words[0] >> 16) as i16,
            start: words[1] as i64,
            length: words[2] as i64,
            pid: words[3] as i32,
        }
    }

    fn to_words(&self) -> [u64; 4] {
        let kinds = u64::from(self.kind as u16) | u64::from(self.whence as u16) << 16;
        [kinds, self.start as u64, self.length as u64, u64::from(self.pid as u32)]
    }

    /// The first byte and the last (`flock64_to_posix_lock`).
    fn range(&self, file: &OpenFile) -> Result<(u64, u64)> {
        let base = match u32::try_from(self.whence) {
            Ok(SEEK_SET) => 0,
            Ok(SEEK_CUR) => file.offset() as i64,
            Ok(SEEK_END) => file.inode().length() as i64,
            _ => return Err(Error::new(Errno::EINVAL, "no such whence")),
        };
        let start = base.checked_add(self.start).ok_or(Errno::EOVERFLOW)?;
        if start < 0 {
            return Err(Error::new(Errno::EINVAL, "before the start"));
        }
        let (first, last) = match self.length {
            0 => (start, i64::MAX),
            1.. => (start, start.checked_add(self.length - 1).ok_or(Errno::EOVERFLOW)?),
            // The bytes before the start.
            _ => (start.wrapping_add(self.length), start - 1),
        };
        match (u64::try_from(first), u64::try_from(last)) {
            (Ok(first), Ok(last)) => Ok((first, last)),
            _ => Err(Error::new(Errno::EINVAL, "before the start")),
        }
    }

    fn kind(&self) -> Result<Option<LockKind>> {
        match u32::try_from(self.kind) {
            Ok(F_RDLCK) => Ok(Some(LockKind::Shared)),
            Ok(F_WRLCK) => Ok(Some(LockKind::Exclusive)),
            Ok(F_UNLCK) => Ok(None),
            _ => Err(Error::new(Errno::EINVAL, "no such kind of lock")),
        }
    }
}

/// fcntl(2) with one of the commands of [`is_lock_command`].
///
/// # Errors
/// EFAULT, EINVAL, EOVERFLOW; EBADF where the file is not open for what the lock is for; EAGAIN, EDEADLK, ENOLCK, EINTR.
pub(super) fn fcntl(context: &Context, handle: &Handle, arguments: &Arguments) -> Result<usize> {
    let [descriptor, command, address, ..] = *arguments;
    let command = command as u32;
    let mut flock = Flock::from_words(context.space.read::<[u64; 4]>(address)?);
    let of_file = matches!(command, F_OFD_GETLK | F_OFD_SETLK | F_OFD_SETLKW);
    let Handle::File(file) = handle else {
        return Err(Error::new(Errno::ENOLCK, "ranges of sockets cannot be locked"));
    };
    let process = &context.process;
    let owner = if of_file { RangeOwner::File } else { RangeOwner::Process(&context.files, process.pid) };
    if matches!(command, F_GETLK | F_OFD_GETLK) {
        if command == F_GETLK && !matches!(flock.kind(), Ok(Some(_))) {
            return Err(Error::new(Errno::EINVAL, "nothing is in the way of unlocking"));
        }
        let range = flock.range(file)?;
        let kind = flock.kind()?;
        check_pid(of_file, &flock)?;
        match file.find_lock(owner, kind, range) {
            None => flock.kind = F_UNLCK as i16,
            Some(lock) => {
                let to_the_end = lock.range.1 == i64::MAX as u64;
                let length = if to_the_end { 0 } else { lock.range.1 - lock.range.0 + 1 };
                flock = Flock {
                    kind: if lock.kind == LockKind::Shared { F_RDLCK } else { F_WRLCK } as i16,
                    whence: SEEK_SET as i16,
                    start: lock.range.0 as i64,
                    length: length as i64,
                    pid: lock.pid.unwrap_or(-1),
                };
            }
        }
        context.space.write(address, &flock.to_words())?;
        return Ok(0);
    }
    let range = flock.range(file)?;
    let kind = flock.kind()?;
    match kind {
        Some(LockKind::Shared) => file.check_readable()?,
        Some(LockKind::Exclusive) => file.check_writable()?,
        None => {}
    }
    check_pid(of_file, &flock)?;
    if matches!(command, F_SETLKW | F_OFD_SETLKW) {
        let waiting = file.wait_for_range(owner, kind, range);
        match waiting.attempt() {
            Err(error) if error.errno == Errno::EAGAIN => wait_for(context, file, || waiting.attempt())?,
            result => result?,
        }
    } else {
        file.lock_range(owner, kind, range)?;
    }
    // Another thread may have closed the descriptor meanwhile, and its locks with it, without having seen this one.
    let closed = || match context.files.get(descriptor as i32) {
        Ok(Handle::File(now)) => !Arc::ptr_eq(&now, file),
        _ => true,
    };
    if !of_file && kind.is_some() && closed() {
        file.lock_range(owner, None, range)?;
        return Err(Error::new(Errno::EBADF, "closed meanwhile"));
    }
    Ok(0)
}

/// Locks of open files have no process.
fn check_pid(of_file: bool, flock: &Flock) -> Result<()> {
    if of_file && flock.pid != 0 {
        return Err(Error::new(Errno::EINVAL, "`l_pid` must be 0"));
    }
    Ok(())
}
