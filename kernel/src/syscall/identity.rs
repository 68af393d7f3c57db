//! Who the caller is: numbers of processes, threads, users and groups.

use alloc::{sync::Arc, vec::Vec};

use linux_raw_sys::general::{
    __NR_getegid, __NR_geteuid, __NR_getgid, __NR_getgroups, __NR_getpid, __NR_getppid, __NR_getresgid,
    __NR_getresuid, __NR_gettid, __NR_getuid, __NR_setfsgid, __NR_setfsuid, __NR_setgid, __NR_setgroups,
    __NR_setregid, __NR_setresgid, __NR_setresuid, __NR_setreuid, __NR_setuid, CAP_SETGID, CAP_SETUID,
};
use socket::error::{Errno, Error, Result};

use super::{Arguments, Calls, Handler::Plain};
use crate::{
    context::Context,
    process::{Credentials, GROUPS_LIMIT, Triple},
};

pub(super) const CALLS: &Calls = &[
    (__NR_getpid, Plain(getpid)),
    (__NR_gettid, Plain(gettid)),
    (__NR_getppid, Plain(getppid)),
    (__NR_getuid, Plain(getuid)),
    (__NR_geteuid, Plain(geteuid)),
    (__NR_getgid, Plain(getgid)),
    (__NR_getegid, Plain(getegid)),
    (__NR_getresuid, Plain(getresuid)),
    (__NR_getresgid, Plain(getresgid)),
    (__NR_getgroups, Plain(getgroups)),
    (__NR_setuid, Plain(setuid)),
    (__NR_setgid, Plain(setgid)),
    (__NR_setreuid, Plain(setreuid)),
    (__NR_setregid, Plain(setregid)),
    (__NR_setresuid, Plain(setresuid)),
    (__NR_setresgid, Plain(setresgid)),
    (__NR_setgroups, Plain(setgroups)),
    (__NR_setfsuid, Plain(setfsuid)),
    (__NR_setfsgid, Plain(setfsgid)),
];

fn getpid(context: &Context, _: &Arguments) -> Result<usize> {
    Ok(context.process.pid as usize)
}

fn gettid(context: &Context, _: &Arguments) -> Result<usize> {
    Ok(context.thread.tid() as usize)
}

fn getppid(context: &Context, _: &Arguments) -> Result<usize> {
    Ok(context.process.parent() as usize)
}

fn getuid(context: &Context, _: &Arguments) -> Result<usize> {
    Ok(context.thread.credentials.lock().user.real as usize)
}

fn geteuid(context: &Context, _: &Arguments) -> Result<usize> {
    Ok(context.thread.credentials.lock().user.effective as usize)
}

fn getgid(context: &Context, _: &Arguments) -> Result<usize> {
    Ok(context.thread.credentials.lock().group.real as usize)
}

fn getegid(context: &Context, _: &Arguments) -> Result<usize> {
    Ok(context.thread.credentials.lock().group.effective as usize)
}

fn getresuid(context: &Context, arguments: &Arguments) -> Result<usize> {
    let triple = context.thread.credentials.lock().user;
    write_triple(context, triple, arguments)
}

fn getresgid(context: &Context, arguments: &Arguments) -> Result<usize> {
    let triple = context.thread.credentials.lock().group;
    write_triple(context, triple, arguments)
}

fn write_triple(context: &Context, triple: Triple, arguments: &Arguments) -> Result<usize> {
    for (at, id) in arguments.iter().zip([triple.real, triple.effective, triple.saved]) {
        context.space.write(*at, &id)?;
    }
    Ok(0)
}

/// Changes the credentials of the calling thread, or nothing. Whoever gets others is not told of its parent's death any more.
fn change(context: &Context, change: impl FnOnce(&mut Credentials) -> Result<()>) -> Result<usize> {
    let mut credentials = context.thread.credentials.lock();
    let before = (credentials.user.effective, credentials.group.effective);
    change(&mut credentials)?;
    if before != (credentials.user.effective, credentials.group.effective) {
        context.process.attributes.rights_changed();
    }
    Ok(0)
}

/// Changes the user numbers.
fn change_user(context: &Context, to: impl FnOnce(Triple, bool) -> Result<Triple>) -> Result<usize> {
    change(context, |credentials| {
        let user = to(credentials.user, credentials.can(CAP_SETUID))?;
        credentials.set_user(user);
        Ok(())
    })
}

/// Changes the group numbers.
fn change_group(context: &Context, to: impl FnOnce(Triple, bool) -> Result<Triple>) -> Result<usize> {
    change(context, |credentials| {
        let group = to(credentials.group, credentials.can(CAP_SETGID))?;
        credentials.set_group(group);
        Ok(())
    })
}

fn setuid(context: &Context, arguments: &Arguments) -> Result<usize> {
    change_user(context, |user, privileged| user.set(privileged, arguments[0] as u32))
}

fn setgid(context: &Context, arguments: &Arguments) -> Result<usize> {
    change_group(context, |group, privileged| group.set(privileged, arguments[0] as u32))
}

fn setreuid(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [real, effective, ..] = arguments.map(|argument| argument as u32);
    change_user(context, |user, privileged| user.set_two(privileged, real, effective))
}

fn setregid(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [real, effective, ..] = arguments.map(|argument| argument as u32);
    change_group(context, |group, privileged| group.set_two(privileged, real, effective))
}

fn setresuid(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [real, effective, saved, ..] = arguments.map(|argument| argument as u32);
    change_user(context, |user, privileged| user.set_three(privileged, [real, effective, saved]))
}

fn setresgid(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [real, effective, saved, ..] = arguments.map(|argument| argument as u32);
    change_group(context, |group, privileged| group.set_three(privileged, [real, effective, saved]))
}

fn setfsuid(context: &Context, arguments: &Arguments) -> Result<usize> {
    Ok(context.thread.credentials.lock().set_file_user(arguments[0] as u32) as usize)
}

fn setfsgid(context: &Context, arguments: &Arguments) -> Result<usize> {
    Ok(context.thread.credentials.lock().set_file_group(arguments[0] as u32) as usize)
}

fn getgroups(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [room, at, ..] = *arguments;
    let room = usize::try_from(room as i32).map_err(|_| Errno::EINVAL)?;
    let groups = context.thread.credentials.lock().groups.clone();
    if room == 0 {
        return Ok(groups.len());
    }
    if room < groups.len() {
        return Err(Errno::EINVAL.into());
    }
    let bytes: Vec<u8> = groups.iter().flat_map(|group| group.to_ne_bytes()).collect();
    context.space.write_bytes(at, &bytes).map_err(|_| Errno::EFAULT)?;
    Ok(groups.len())
}

fn setgroups(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [count, at, ..] = *arguments;
    if !context.thread.credentials.lock().can(CAP_SETGID) {
        return Err(Error::new(Errno::EPERM, "only the superuser changes groups"));
    }
    let count =
        usize::try_from(count as i32).ok().filter(|count| *count <= GROUPS_LIMIT).ok_or(Errno::EINVAL)?;
    let mut bytes = alloc::vec![0; count * 4];
    context.space.read_bytes(at, &mut bytes).map_err(|_| Errno::EFAULT)?;
    let (words, _) = bytes.as_chunks::<4>();
    let groups: Arc<[u32]> = words.iter().map(|word| u32::from_ne_bytes(*word)).collect();
    let old = core::mem::replace(&mut context.thread.credentials.lock().groups, groups);
    drop(old);
    Ok(0)
}
