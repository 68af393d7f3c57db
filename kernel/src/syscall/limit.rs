//! Resource limits: prlimit64(2), getrlimit(2), setrlimit(2).

use alloc::sync::Arc;

use linux_raw_sys::general::{
    __NR_getrlimit, __NR_prlimit64, __NR_setrlimit, CAP_SYS_RESOURCE, RLIMIT_NOFILE,
};
use socket::error::{Errno, Error, Result};

use super::{Arguments, Calls, Handler::Plain};
use crate::{
    context::Context,
    process::{self, Process, limits::Limit},
};

pub(super) const CALLS: &Calls = &[
    (__NR_prlimit64, Plain(prlimit64)),
    (__NR_getrlimit, Plain(getrlimit)),
    (__NR_setrlimit, Plain(setrlimit)),
];

fn read(context: &Context, at: usize) -> Result<Limit> {
    let [soft, hard] = context.space.read::<[u64; 2]>(at)?;
    Ok(Limit { soft, hard })
}

fn prlimit64(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [pid, resource, new_at, old_at, ..] = *arguments;
    let new = if new_at == 0 { None } else { Some(read(context, new_at)?) };
    let process = subject(context, pid as i32)?;
    let old = change(context, &process, resource as u32, new)?;
    if old_at != 0 {
        context.space.write(old_at, &[old.soft, old.hard])?;
    }
    Ok(0)
}

fn getrlimit(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [resource, at, ..] = *arguments;
    let limit = change(context, &context.process, resource as u32, None)?;
    context.space.write(at, &[limit.soft, limit.hard]).map(|()| 0)
}

fn setrlimit(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [resource, at, ..] = *arguments;
    let new = read(context, at)?;
    change(context, &context.process, resource as u32, Some(new)).map(|_| 0)
}

/// The process of that number, 0 for the caller's own, if the caller may see and change its limits.
///
/// # Errors
/// ESRCH; EPERM where it is another user's.
fn subject(context: &Context, pid: i32) -> Result<Arc<Process>> {
    let process = match pid {
        0 => return Ok(context.process.clone()),
        pid => process::process_of(pid).ok_or(Errno::ESRCH)?,
    };
    if process.pid == context.process.pid {
        return Ok(process);
    }
    let own = context.thread.credentials.lock().clone();
    let leader = process.leader().ok_or(Errno::ESRCH)?;
    let other = leader.credentials.lock().clone();
    let wholly = |triple: process::Triple, id| [triple.real, triple.effective, triple.saved] == [id; 3];
    let same = wholly(other.user, own.user.real) && wholly(other.group, own.group.real);
    if same || own.can(CAP_SYS_RESOURCE) {
        Ok(process)
    } else {
        Err(Error::new(Errno::EPERM, "another user's process"))
    }
}

/// Gives a limit as it was, and sets it where there is a new one.
///
/// # Errors
/// EINVAL for no resource, or a soft limit beyond the hard one; EPERM for a hard limit that is raised.
fn change(context: &Context, process: &Process, resource: u32, new: Option<Limit>) -> Result<Limit> {
    let mut limits = process.limits.lock();
    let old = limits.get(resource).ok_or(Errno::EINVAL)?;
    let Some(new) = new else { return Ok(old) };
    if new.soft > new.hard {
        return Err(Error::new(Errno::EINVAL, "the soft limit is beyond the hard one"));
    }
    if resource == RLIMIT_NOFILE && new.hard > u64::from(vfs::MAX_LIMIT) {
        return Err(Error::new(Errno::EPERM, "more descriptors than there can be"));
    }
    if new.hard > old.hard && !context.thread.credentials.lock().can(CAP_SYS_RESOURCE) {
        return Err(Error::new(Errno::EPERM, "hard limits are only lowered"));
    }
    limits.set(resource, new);
    drop(limits);
    if resource == RLIMIT_NOFILE {
        let most = u32::try_from(new.soft).unwrap_or(u32::MAX);
        process.files().set_limit(most);
        if process.pid == context.process.pid {
            context.files.set_limit(most);
        }
    }
    process.space().set_limit(resource, new.soft);
    Ok(old)
}
