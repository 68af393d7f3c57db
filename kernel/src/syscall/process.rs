//! Threads and the end of processes.

use core::sync::atomic::Ordering;

use linux_raw_sys::general::{
    __NR_arch_prctl, __NR_exit, __NR_exit_group, __NR_getrlimit, __NR_prlimit64, __NR_set_tid_address,
    __NR_setrlimit, RLIMIT_NOFILE,
};
use ostd::arch::cpu::context::{FsBase, GsBase};
use socket::error::{Errno, Result};

use super::{Arguments, Calls, Handler::Plain};
use crate::{
    context::Context,
    mm::layout::HIGHEST,
    process::{ExitStatus, exit, limits::Limit},
};

// asm/prctl.h
const ARCH_SET_GS: u32 = 0x1001;
const ARCH_SET_FS: u32 = 0x1002;
const ARCH_GET_FS: u32 = 0x1003;
const ARCH_GET_GS: u32 = 0x1004;

pub(super) const CALLS: &Calls = &[
    (__NR_exit, Plain(exit)),
    (__NR_exit_group, Plain(exit_group)),
    (__NR_set_tid_address, Plain(set_tid_address)),
    (__NR_arch_prctl, Plain(arch_prctl)),
    (__NR_prlimit64, Plain(prlimit64)),
    (__NR_getrlimit, Plain(getrlimit)),
    (__NR_setrlimit, Plain(setrlimit)),
];

fn exit(context: &Context, arguments: &Arguments) -> Result<usize> {
    exit::end_thread(context, arguments[0] as i32);
    Ok(0)
}

fn exit_group(context: &Context, arguments: &Arguments) -> Result<usize> {
    context.process.end(ExitStatus::Exited(arguments[0] as u8));
    Ok(0)
}

fn set_tid_address(context: &Context, arguments: &Arguments) -> Result<usize> {
    context.thread.clear_tid_at.store(arguments[0], Ordering::Relaxed);
    Ok(context.thread.tid() as usize)
}

/// The bases are in the processor while the thread runs: they are read and written there.
fn arch_prctl(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [code, address, ..] = *arguments;
    match code as u32 {
        ARCH_SET_FS | ARCH_SET_GS if address >= HIGHEST => Err(Errno::EPERM.into()),
        ARCH_SET_FS => {
            FsBase::new(address).load();
            Ok(0)
        }
        ARCH_SET_GS => {
            GsBase::new(address).load(&ostd::irq::disable_local());
            Ok(0)
        }
        ARCH_GET_FS => {
            let mut base = FsBase::default();
            base.save();
            context.space.write(address, &base.addr()).map(|()| 0)
        }
        ARCH_GET_GS => {
            let mut base = GsBase::default();
            base.save(&ostd::irq::disable_local());
            context.space.write(address, &base.addr()).map(|()| 0)
        }
        _ => Err(Errno::EINVAL.into()),
    }
}

fn prlimit64(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [pid, resource, new_at, old_at, ..] = *arguments;
    let resource = resource as u32;
    if pid as i32 != 0 && pid as i32 != context.process.pid {
        return Err(Errno::ESRCH.into());
    }
    let old = context.process.limits.lock().get(resource).ok_or(Errno::EINVAL)?;
    if new_at != 0 {
        let [soft, hard] = context.space.read::<[u64; 2]>(new_at)?;
        set_limit(context, resource, Limit { soft, hard })?;
    }
    if old_at != 0 {
        context.space.write(old_at, &[old.soft, old.hard])?;
    }
    Ok(0)
}

fn getrlimit(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [resource, at, ..] = *arguments;
    prlimit64(context, &[0, resource, 0, at, 0, 0])
}

fn setrlimit(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [resource, at, ..] = *arguments;
    let [soft, hard] = context.space.read::<[u64; 2]>(at)?;
    context.process.limits.lock().get(resource as u32).ok_or(Errno::EINVAL)?;
    set_limit(context, resource as u32, Limit { soft, hard }).map(|()| 0)
}

fn set_limit(context: &Context, resource: u32, limit: Limit) -> Result<()> {
    if limit.soft > limit.hard {
        return Err(Errno::EINVAL.into());
    }
    if resource == RLIMIT_NOFILE {
        if limit.hard > u64::from(vfs::MAX_LIMIT) {
            return Err(Errno::EPERM.into());
        }
        context.files.set_limit(limit.soft as u32);
    }
    context.process.limits.lock().set(resource, limit);
    context.space.set_limit(resource, limit.soft);
    Ok(())
}
