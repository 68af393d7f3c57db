//! No longer sharing: unshare(2).

use alloc::sync::Arc;

use linux_raw_sys::general::{
    __NR_unshare, CLONE_FILES, CLONE_FS, CLONE_SIGHAND, CLONE_SYSVSEM, CLONE_THREAD, CLONE_VM,
};
use ostd::user::UserMode;
use socket::error::{Errno, Error, Result};

use super::{Arguments, Calls, Handler::Registers};
use crate::{context::Context, process};

pub(super) const CALLS: &Calls = &[(__NR_unshare, Registers(unshare))];

/// What needs that nobody else is there to share it with.
const ONLY_ALONE: u32 = CLONE_THREAD | CLONE_SIGHAND | CLONE_VM;

fn unshare(context: &mut Context, _: &mut UserMode, arguments: &Arguments) -> Result<usize> {
    let flags = arguments[0] as u32;
    if arguments[0] >> 32 != 0 || flags & !(CLONE_FILES | CLONE_FS | CLONE_SYSVSEM | ONLY_ALONE) != 0 {
        return Err(Error::new(Errno::EINVAL, "there are no namespaces"));
    }
    if flags & ONLY_ALONE != 0 && (context.process.thread_count() > 1 || has_memory_in_common(context)) {
        return Err(Error::new(Errno::EINVAL, "others share it"));
    }
    if flags & CLONE_FILES != 0 {
        context.files = context.files.duplicate();
    }
    if flags & CLONE_FS != 0 {
        context.fs = context.fs.duplicate();
    }
    // The process shows what its first thread has.
    if context.thread.tid() == context.process.pid {
        context.process.show(&context.files, &context.fs);
    }
    Ok(0)
}

/// Whether another process has the same memory.
fn has_memory_in_common(context: &Context) -> bool {
    // The process and this thread hold it once each. Whoever looks at it at this moment does, too, without sharing it.
    Arc::strong_count(&context.space) > 2
        && process::all()
            .iter()
            .any(|other| other.pid != context.process.pid && Arc::ptr_eq(&other.space(), &context.space))
}
