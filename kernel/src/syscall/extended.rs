//! Extended attributes (xattr(7)), which no file has: the answers are those of a file system without them.

use ::socket::error::{Errno, Error, Result};
use alloc::vec::Vec;
use linux_raw_sys::general::{
    __NR_fgetxattr, __NR_flistxattr, __NR_fremovexattr, __NR_fsetxattr, __NR_getxattr, __NR_lgetxattr,
    __NR_listxattr, __NR_llistxattr, __NR_lremovexattr, __NR_lsetxattr, __NR_removexattr, __NR_setxattr,
    XATTR_CREATE, XATTR_NAME_MAX, XATTR_REPLACE, XATTR_SIZE_MAX,
};
use vfs::{Follow, UserMemory};

use super::{Arguments, Calls, Handler::Plain, at};
use crate::context::Context;

pub(super) const CALLS: &Calls = &[
    (__NR_getxattr, Plain(|context, arguments| refuse(context, arguments, Subject::Path(Follow::Yes), None))),
    (__NR_lgetxattr, Plain(|context, arguments| refuse(context, arguments, Subject::Path(Follow::No), None))),
    (__NR_fgetxattr, Plain(|context, arguments| refuse(context, arguments, Subject::Open, None))),
    (
        __NR_removexattr,
        Plain(|context, arguments| refuse(context, arguments, Subject::Path(Follow::Yes), None)),
    ),
    (
        __NR_lremovexattr,
        Plain(|context, arguments| refuse(context, arguments, Subject::Path(Follow::No), None)),
    ),
    (__NR_fremovexattr, Plain(|context, arguments| refuse(context, arguments, Subject::Open, None))),
    (__NR_setxattr, Plain(|context, arguments| set(context, arguments, Subject::Path(Follow::Yes)))),
    (__NR_lsetxattr, Plain(|context, arguments| set(context, arguments, Subject::Path(Follow::No)))),
    (__NR_fsetxattr, Plain(|context, arguments| set(context, arguments, Subject::Open))),
    (__NR_listxattr, Plain(|context, arguments| find(context, arguments, Subject::Path(Follow::Yes)))),
    (__NR_llistxattr, Plain(|context, arguments| find(context, arguments, Subject::Path(Follow::No)))),
    (__NR_flistxattr, Plain(|context, arguments| find(context, arguments, Subject::Open))),
];

/// What the first argument is.
#[derive(Clone, Copy)]
enum Subject {
    Path(Follow),
    Open,
}

/// Looks the file up. There is nothing to list of it: 0.
fn find(context: &Context, arguments: &Arguments, subject: Subject) -> Result<usize> {
    match subject {
        Subject::Open => context.files.get(arguments[0] as i32)?.usable()?,
        Subject::Path(follow) => {
            let path = at::path(context, arguments[0])?;
            context.walk(|walker| walker.find(&path, follow))?;
        }
    }
    Ok(0)
}

/// Reads the attribute's name, looks the file up, and says that it has no such thing.
fn refuse(
    context: &Context,
    arguments: &Arguments,
    subject: Subject,
    value: Option<(usize, usize)>,
) -> Result<usize> {
    // One byte more than a name may have, with the NUL.
    let name = context.space.read_string(arguments[1], XATTR_NAME_MAX as usize + 2);
    match name {
        Ok(name) if (1..=XATTR_NAME_MAX as usize).contains(&name.len()) => {}
        Err(error) if error.errno == Errno::EFAULT => return Err(error),
        _ => return Err(Error::new(Errno::ERANGE, "no such name")),
    }
    if let Some((address, length)) = value {
        if length > XATTR_SIZE_MAX as usize {
            return Err(Errno::E2BIG.into());
        }
        let mut bytes: Vec<u8> = alloc::vec![0; length];
        UserMemory::read(context, address, &mut bytes).map_err(|_| Errno::EFAULT)?;
    }
    find(context, arguments, subject)?;
    Err(Error::new(Errno::EOPNOTSUPP, "the file system has no extended attributes"))
}

fn set(context: &Context, arguments: &Arguments, subject: Subject) -> Result<usize> {
    let [_, _, address, length, flags, _] = *arguments;
    if flags as u32 & !(XATTR_CREATE | XATTR_REPLACE) != 0 {
        return Err(Error::new(Errno::EINVAL, "no such flag"));
    }
    refuse(context, arguments, subject, Some((address, length)))
}
