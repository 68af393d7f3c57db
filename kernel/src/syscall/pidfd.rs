//! Descriptors of processes: pidfd_open(2), pidfd_send_signal(2).

use alloc::sync::Arc;

use linux_raw_sys::general::{__NR_pidfd_open, __NR_pidfd_send_signal, O_CLOEXEC, O_NONBLOCK, SI_TKILL};
use socket::error::{Errno, Error, Result};
use vfs::Handle;

use super::{Arguments, Calls, Handler::Plain, signal::told_by};
use crate::{
    context::Context,
    process::{
        self, Process,
        signal::{self, Info},
    },
    special::{self, pidfd::ProcessDescriptor},
};

pub(super) const CALLS: &Calls =
    &[(__NR_pidfd_open, Plain(pidfd_open)), (__NR_pidfd_send_signal, Plain(pidfd_send_signal))];

fn pidfd_open(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [pid, flags, ..] = arguments.map(|argument| argument as u32);
    // PIDFD_NONBLOCK is O_NONBLOCK.
    if flags & !O_NONBLOCK != 0 || pid as i32 <= 0 {
        return Err(Errno::EINVAL.into());
    }
    let pid = pid as i32;
    let process = process::process_by_id(pid).ok_or_else(|| match process::thread_by_id(pid) {
        Some(_) => Error::new(Errno::ENOENT, "it is a thread's number"),
        None => Errno::ESRCH.into(),
    })?;
    special::open(context, ProcessDescriptor::new(process), flags | O_CLOEXEC)
}

/// The process behind a descriptor, and whether waiting for it shall not block.
///
/// # Errors
/// EBADF where it is no process's.
pub(super) fn process_behind(context: &Context, descriptor: i32) -> Result<(Arc<Process>, bool)> {
    let Handle::File(file) = context.files.get(descriptor)? else { return Err(Errno::EBADF.into()) };
    let behind = file.special_as::<ProcessDescriptor>().map(|behind| behind.process().clone());
    let process = behind.ok_or(Error::new(Errno::EBADF, "not a process's descriptor"))?;
    Ok((process, file.nonblocking()))
}

fn pidfd_send_signal(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [descriptor, signal, info_at, flags, ..] = *arguments;
    let signal = signal as u32;
    if flags as u32 != 0 {
        return Err(Error::new(Errno::EINVAL, "only whole processes get signals this way"));
    }
    let (process, _) = process_behind(context, descriptor as i32)?;
    let given = if info_at == 0 { None } else { Some(context.space.read::<[u64; 6]>(info_at)?) };
    let leader = process.leader().ok_or(Errno::ESRCH)?;
    let told = told_by(context, &leader, signal, |signal, pid, uid| match given {
        Some(words) => Info::from_words(signal, words),
        None => Info::user(signal, pid, uid),
    });
    if let Some(words) = given {
        let code = words[1] as u32 as i32;
        if words[0] as u32 != signal {
            return Err(Error::new(Errno::EINVAL, "what is told is of another signal"));
        }
        if process.pid != context.process.pid && (code >= 0 || code == SI_TKILL) {
            return Err(Error::new(Errno::EPERM, "only the kernel says so"));
        }
    }
    if let Some(info) = told? {
        signal::post(&process, None, info)?;
    }
    Ok(0)
}
