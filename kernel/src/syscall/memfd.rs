//! memfd_create(2), and the seals of fcntl(2).

use linux_raw_sys::general::{
    __NR_memfd_create, F_ADD_SEALS, F_SEAL_EXEC, F_SEAL_SEAL, MFD_ALLOW_SEALING, MFD_CLOEXEC, MFD_EXEC,
    MFD_NOEXEC_SEAL, O_ACCMODE, O_RDONLY,
};
use socket::error::{Errno, Error, Result};
use vfs::{Handle, Inode, OpenFile};

use super::{Arguments, Calls, Handler::Plain};
use crate::context::Context;

pub(super) const CALLS: &Calls = &[(__NR_memfd_create, Plain(memfd_create))];

/// What `/proc` shows before the name.
const PREFIX: &[u8] = b"memfd:";
/// The most that prefix and name may have, with the NUL byte.
const NAME_LIMIT: usize = 256;

fn memfd_create(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [name_at, flags, ..] = *arguments;
    let flags = flags as u32;
    if flags & !(MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC | MFD_NOEXEC_SEAL) != 0
        || flags & (MFD_EXEC | MFD_NOEXEC_SEAL) == MFD_EXEC | MFD_NOEXEC_SEAL
    {
        return Err(Error::new(Errno::EINVAL, "flags of memfd_create that are not supported"));
    }
    let name = context
        .space
        .read_string(name_at, NAME_LIMIT - PREFIX.len())
        .map_err(|error| if error.errno == Errno::ENAMETOOLONG { Errno::EINVAL.into() } else { error })?;
    let directory = &context.system.memory;
    let executable = flags & MFD_NOEXEC_SEAL == 0;
    let mode = if executable { 0o777 } else { 0o666 };
    let inode = Inode::new_memory(directory.file_system(), mode, &context.identity());
    if flags & (MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL) != 0 {
        inode.make_sealable(if executable { 0 } else { F_SEAL_EXEC });
    }
    let file = OpenFile::memory(directory, &inode, &[PREFIX, &name].concat());
    context.files.add(Handle::File(file), flags & MFD_CLOEXEC != 0).map(|descriptor| descriptor as usize)
}

/// F_ADD_SEALS and F_GET_SEALS.
///
/// # Errors
/// EINVAL for what has no seals; EPERM where the file is not open for writing or there may be no more; EBUSY for
/// F_SEAL_WRITE while the file is mapped to be written to.
pub(super) fn seals(file: &OpenFile, command: u32, argument: usize) -> Result<usize> {
    if command != F_ADD_SEALS {
        return file.inode().seals().map(|seals| seals as usize);
    }
    if file.status() & O_ACCMODE == O_RDONLY {
        return Err(Errno::EPERM.into());
    }
    file.inode().add_seals(argument as u32).map(|()| 0)
}

const _: () = assert!(F_SEAL_SEAL == 1, "what a file has that cannot be sealed");
