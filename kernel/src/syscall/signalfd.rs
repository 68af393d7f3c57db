//! signalfd(2).

use linux_raw_sys::general::{__NR_signalfd, __NR_signalfd4, O_CLOEXEC, O_NONBLOCK};
use socket::error::{Errno, Error, Result};
use vfs::Handle;

use super::{Arguments, Calls, Handler::Plain};
use crate::{
    context::Context,
    special::{self, signalfd::SignalFile},
};

pub(super) const CALLS: &Calls = &[
    (__NR_signalfd, Plain(|context, &[descriptor, at, size, ..]| make(context, descriptor, at, size, 0))),
    (__NR_signalfd4, Plain(signalfd4)),
];

fn signalfd4(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [descriptor, at, size, flags, ..] = *arguments;
    make(context, descriptor, at, size, flags as u32)
}

/// SFD_CLOEXEC and SFD_NONBLOCK are the flags of open(2).
fn make(context: &Context, descriptor: usize, at: usize, size: usize, flags: u32) -> Result<usize> {
    if size != size_of::<u64>() {
        return Err(Error::new(Errno::EINVAL, "not the size of a signal set"));
    }
    let set = context.space.read::<u64>(at)?;
    if flags & !(O_CLOEXEC | O_NONBLOCK) != 0 {
        return Err(Error::new(Errno::EINVAL, "no such flag"));
    }
    if descriptor as i32 == -1 {
        return special::open(context, SignalFile::new(&context.process, set), flags);
    }
    let not_one = Error::new(Errno::EINVAL, "not a signalfd");
    match context.files.get(descriptor as i32)? {
        Handle::File(file) if file.is_path_only() => Err(Errno::EBADF.into()),
        Handle::File(file) => {
            file.special_as::<SignalFile>().ok_or(not_one)?.set(set);
            Ok(descriptor)
        }
        Handle::Socket(_) => Err(not_one),
    }
}
