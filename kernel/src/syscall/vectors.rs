//! Vectors with flags: preadv2(2), pwritev2(2).

use ::socket::{
    abi::flags::MessageFlags,
    call,
    error::{Errno, Error, Result},
};
use linux_raw_sys::general::{
    __NR_preadv2, __NR_pwritev2, RWF_APPEND, RWF_DSYNC, RWF_HIPRI, RWF_NOWAIT, RWF_SYNC,
};
use vfs::{Handle, RWF_NOAPPEND, RWF_NOSIGNAL};

use super::{
    Arguments, Calls,
    Handler::Plain,
    transfer::{self, Manner},
};
use crate::{caller::perform, context::Context};

pub(super) const CALLS: &Calls = &[(__NR_preadv2, Plain(preadv2)), (__NR_pwritev2, Plain(pwritev2))];

/// The flags that sockets know.
const SOCKET_FLAGS: u32 =
    RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND | RWF_NOAPPEND | RWF_NOSIGNAL;

/// The offset; `None` for that of the file, which -1 stands for. The second half of it is for machines of 32 bits.
fn offset(offset: usize) -> Result<Option<u64>> {
    match offset as i64 {
        -1 => Ok(None),
        offset => match u64::try_from(offset) {
            Ok(offset) => Ok(Some(offset)),
            Err(_) => Err(Error::new(Errno::EINVAL, "before the start")),
        },
    }
}

fn check_flags(flags: u32, known: u32) -> Result<()> {
    if flags & !known != 0 {
        return Err(Error::new(Errno::EOPNOTSUPP, "no such flag for this file"));
    }
    if flags & (RWF_APPEND | RWF_NOAPPEND) == RWF_APPEND | RWF_NOAPPEND {
        return Err(Error::new(Errno::EINVAL, "at the end and not at the end"));
    }
    Ok(())
}

fn message_flags(flags: u32) -> MessageFlags {
    let mut message = MessageFlags::empty();
    message.set(MessageFlags::DONTWAIT, flags & RWF_NOWAIT != 0);
    message.set(MessageFlags::NOSIGNAL, flags & RWF_NOSIGNAL != 0);
    message
}

fn preadv2(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [descriptor, address, count, at, _, flags] = *arguments;
    let (offset, flags) = (offset(at)?, flags as u32);
    match context.files.get(descriptor as i32)? {
        Handle::Socket(_) if offset.is_some() => Err(Errno::ESPIPE.into()),
        Handle::Socket(socket) => {
            check_flags(flags, SOCKET_FLAGS)?;
            perform(context, call::readv::start_with(context, socket, arguments, message_flags(flags))?)
        }
        Handle::File(file) => {
            if offset.is_some() {
                file.check_positioned()?;
            }
            file.check_readable()?;
            let segments = transfer::ranges(context, address, count)?;
            if segments.iter().all(|segment| segment.length == 0) {
                return Ok(0);
            }
            check_flags(flags, file.transfer_flags())?;
            let manner = {
                let manner = Manner::of(&file);
                Manner { nonblocking: manner.nonblocking || flags & RWF_NOWAIT != 0, ..manner }
            };
            transfer::read_file(context, &file, offset, &segments, manner)
        }
    }
}

fn pwritev2(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [descriptor, address, count, at, _, flags] = *arguments;
    let (offset, flags) = (offset(at)?, flags as u32);
    match context.files.get(descriptor as i32)? {
        Handle::Socket(_) if offset.is_some() => Err(Errno::ESPIPE.into()),
        Handle::Socket(socket) => {
            check_flags(flags, SOCKET_FLAGS)?;
            perform(context, call::writev::start_with(context, socket, arguments, message_flags(flags))?)
        }
        Handle::File(file) => {
            if offset.is_some() {
                file.check_positioned()?;
            }
            file.check_writable()?;
            let segments = transfer::ranges(context, address, count)?;
            if segments.iter().all(|segment| segment.length == 0) {
                return Ok(0);
            }
            check_flags(flags, file.transfer_flags())?;
            let manner = Manner::of(&file);
            let manner = Manner {
                nonblocking: manner.nonblocking || flags & RWF_NOWAIT != 0,
                append: flags & RWF_APPEND != 0 || manner.append && flags & RWF_NOAPPEND == 0,
                signal: flags & RWF_NOSIGNAL == 0,
            };
            transfer::write_file(context, &file, offset, &segments, manner)
        }
    }
}
