//! Signals, as far as programs need them to start (see [`crate::process::signal`]).

use linux_raw_sys::general::{
    __NR_kill, __NR_rt_sigaction, __NR_rt_sigprocmask, __NR_sigaltstack, __NR_tgkill, __NR_tkill, SIG_BLOCK,
    SIG_SETMASK, SIG_UNBLOCK, SS_DISABLE, SS_ONSTACK,
};
use socket::error::{Errno, Result};

use super::{Arguments, Calls, Handler::Plain};
use crate::{
    context::Context,
    process::{
        self,
        signal::{Action, UNBLOCKABLE},
    },
};

pub(super) const CALLS: &Calls = &[
    (__NR_rt_sigaction, Plain(rt_sigaction)),
    (__NR_rt_sigprocmask, Plain(rt_sigprocmask)),
    (__NR_sigaltstack, Plain(sigaltstack)),
    (__NR_kill, Plain(kill)),
    (__NR_tkill, Plain(tkill)),
    (__NR_tgkill, Plain(tgkill)),
];

/// Size of the kernel's sigset_t.
const MASK_SIZE: usize = 8;
/// The smallest alternate stack (MINSIGSTKSZ).
const MINIMAL_STACK: u64 = 2048;

fn rt_sigaction(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [signal, new_at, old_at, mask_size, ..] = *arguments;
    if mask_size != MASK_SIZE {
        return Err(Errno::EINVAL.into());
    }
    let signal = signal as u32;
    let new = if new_at == 0 { None } else { Some(context.space.read::<Action>(new_at)?) };
    let old = {
        let mut actions = context.process.actions.lock();
        let old = actions.get(signal)?;
        if let Some([handler, flags, restorer, mask]) = new {
            actions.set(signal, [handler, flags, restorer, mask & !UNBLOCKABLE])?;
        }
        old
    };
    if old_at != 0 {
        context.space.write(old_at, &old)?;
    }
    Ok(0)
}

fn rt_sigprocmask(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [how, new_at, old_at, mask_size, ..] = *arguments;
    if mask_size != MASK_SIZE {
        return Err(Errno::EINVAL.into());
    }
    let old = context.thread.signals.lock().mask;
    if new_at != 0 {
        let given = context.space.read::<u64>(new_at)?;
        let new = match how as u32 {
            SIG_BLOCK => old | given,
            SIG_UNBLOCK => old & !given,
            SIG_SETMASK => given,
            _ => return Err(Errno::EINVAL.into()),
        };
        context.thread.signals.lock().mask = new & !UNBLOCKABLE;
    }
    if old_at != 0 {
        context.space.write(old_at, &old)?;
    }
    Ok(0)
}

/// struct stack_t is address, flags (32 bits and padding), size.
fn sigaltstack(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [new_at, old_at, ..] = *arguments;
    let old = context.thread.signals.lock().stack;
    if new_at != 0 {
        let [address, flags, size] = context.space.read::<[u64; 3]>(new_at)?;
        let stack = match flags as u32 {
            SS_DISABLE => [0, u64::from(SS_DISABLE), 0],
            0 | SS_ONSTACK if size < MINIMAL_STACK => return Err(Errno::ENOMEM.into()),
            0 | SS_ONSTACK => [address, 0, size],
            _ => return Err(Errno::EINVAL.into()),
        };
        context.thread.signals.lock().stack = stack;
    }
    if old_at != 0 {
        context.space.write(old_at, &old)?;
    }
    Ok(0)
}

fn kill(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [pid, signal, ..] = *arguments;
    // There is one process, in its own group.
    if !matches!(pid as i32, 0) && (pid as i32).unsigned_abs() as i32 != context.process.pid {
        return Err(Errno::ESRCH.into());
    }
    context.process.signal(&context.thread, signal as u32).map(|()| 0)
}

fn tkill(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [tid, signal, ..] = *arguments;
    send(context, None, tid as i32, signal as u32)
}

fn tgkill(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [pid, tid, signal, ..] = *arguments;
    if pid as i32 <= 0 {
        return Err(Errno::EINVAL.into());
    }
    send(context, Some(pid as i32), tid as i32, signal as u32)
}

fn send(context: &Context, pid: Option<i32>, tid: i32, signal: u32) -> Result<usize> {
    if tid <= 0 {
        return Err(Errno::EINVAL.into());
    }
    let thread = process::thread_by_id(tid).ok_or(Errno::ESRCH)?;
    if pid.is_some_and(|pid| pid != thread.process.pid) {
        return Err(Errno::ESRCH.into());
    }
    context.process.signal(&thread, signal).map(|()| 0)
}
