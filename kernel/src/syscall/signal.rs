//! Signals: what they do, which are blocked, and sending them.

use alloc::{sync::Arc, vec::Vec};

use linux_raw_sys::general::{
    __NR_kill, __NR_pause, __NR_rt_sigaction, __NR_rt_sigpending, __NR_rt_sigprocmask, __NR_rt_sigreturn,
    __NR_rt_sigsuspend, __NR_sigaltstack, __NR_tgkill, __NR_tkill, SIG_BLOCK, SIG_SETMASK, SIG_UNBLOCK,
};
use ostd::user::UserMode;
use socket::error::{Errno, Error, Result};

use super::{
    Arguments, Calls,
    Handler::{Plain, Registers},
};
use crate::{
    context::Context,
    process::{
        self, Process, Thread,
        signal::{self, Action, Disposition, Info, SIGNAL_END, bit},
    },
    wait,
};

pub(super) const CALLS: &Calls = &[
    (__NR_rt_sigaction, Plain(rt_sigaction)),
    (__NR_rt_sigprocmask, Plain(rt_sigprocmask)),
    (__NR_rt_sigpending, Plain(rt_sigpending)),
    (__NR_rt_sigsuspend, Plain(rt_sigsuspend)),
    (__NR_pause, Plain(pause)),
    (__NR_rt_sigreturn, Registers(rt_sigreturn)),
    (__NR_sigaltstack, Registers(sigaltstack)),
    (__NR_kill, Plain(kill)),
    (__NR_tkill, Plain(tkill)),
    (__NR_tgkill, Plain(tgkill)),
];

/// Size of the kernel's sigset_t.
const MASK_SIZE: usize = 8;

fn rt_sigaction(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [signal, new_at, old_at, mask_size, ..] = *arguments;
    if mask_size != MASK_SIZE {
        return Err(Errno::EINVAL.into());
    }
    let signal = signal as u32;
    let new =
        if new_at == 0 { None } else { Some(Action::from_words(context.space.read::<[u64; 4]>(new_at)?)) };
    let old = {
        let actions = context.process.signals.actions();
        let mut actions = actions.lock();
        let old = actions.get(signal)?;
        if let Some(action) = new {
            actions.set(signal, action)?;
        }
        old
    };
    if new.is_some_and(|action| action.disposition(signal) == Disposition::Ignore) {
        // What waits is ignored, too, even where it is blocked.
        signal::discard(&context.process, bit(signal));
    }
    if old_at != 0 {
        context.space.write(old_at, &old.to_words())?;
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
        signal::set_mask(context, new);
    }
    if old_at != 0 {
        context.space.write(old_at, &old)?;
    }
    Ok(0)
}

/// Blocked signals that wait for the thread or its process.
fn rt_sigpending(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [set_at, set_size, ..] = *arguments;
    if set_size > MASK_SIZE {
        return Err(Errno::EINVAL.into());
    }
    let (own, shared) = context.process.pending_signals(&context.thread.signals);
    let pending = (own | shared) & context.thread.signals.lock().mask;
    // Linux writes as much as there is room for.
    let bytes = pending.to_ne_bytes();
    context.space.write_bytes(set_at, &bytes[..set_size]).map_err(|_| Errno::EFAULT)?;
    Ok(0)
}

fn rt_sigsuspend(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [mask_at, mask_size, ..] = *arguments;
    if mask_size != MASK_SIZE {
        return Err(Errno::EINVAL.into());
    }
    let mask = context.space.read::<u64>(mask_at)?;
    signal::with_mask(context, Some(mask), || pause(context, arguments))
}

/// Waits for a handler to run.
fn pause(context: &Context, _: &Arguments) -> Result<usize> {
    match wait::until(context, None, || None::<()>) {
        Ok(()) | Err(_) => Err(Errno::EINTR.into()),
    }
}

fn rt_sigreturn(context: &mut Context, user: &mut UserMode, _: &Arguments) -> Result<usize> {
    Ok(signal::sigreturn(context, user))
}

/// struct stack_t is address, flags (32 bits and padding), size.
fn sigaltstack(context: &mut Context, user: &mut UserMode, arguments: &Arguments) -> Result<usize> {
    let [new_at, old_at, ..] = *arguments;
    let pointer = user.context().rsp();
    let new = if new_at == 0 { None } else { Some(context.space.read::<[u64; 3]>(new_at)?) };
    let old = {
        let mut state = context.thread.signals.lock();
        let old = state.stack.seen_from(pointer);
        if let Some(new) = new {
            state.stack.set(new, pointer)?;
        }
        old
    };
    if old_at != 0 {
        context.space.write(old_at, &old)?;
    }
    Ok(0)
}

/// # Errors
/// EINVAL for a number beyond the last signal's; 0 is none, and only asks.
fn check_signal(signal: usize) -> Result<u32> {
    let signal = signal as u32;
    if signal < SIGNAL_END { Ok(signal) } else { Err(Errno::EINVAL.into()) }
}

fn kill(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [pid, signal, ..] = *arguments;
    let (pid, signal) = (pid as i32, signal as u32);
    let targets: Vec<Arc<Process>> = match pid {
        pid if pid > 0 => {
            process::thread_by_id(pid).map(|thread| thread.process.clone()).into_iter().collect()
        }
        _ => {
            let mut all: Vec<_> =
                process::threads().into_iter().map(|thread| thread.process.clone()).collect();
            all.dedup_by_key(|process| process.pid);
            all
        }
    };
    if targets.is_empty() {
        return Err(Errno::ESRCH.into());
    }
    for process in targets {
        let thread = process.leader().ok_or(Errno::ESRCH)?;
        let info = told_by(context, &thread, signal, Info::user)?;
        if let Some(info) = info {
            signal::post(&process, None, info)?;
        }
    }
    Ok(0)
}

fn tkill(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [tid, signal, ..] = *arguments;
    send(context, None, tid as i32, signal)
}

fn tgkill(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [pid, tid, signal, ..] = *arguments;
    if pid as i32 <= 0 {
        return Err(Errno::EINVAL.into());
    }
    send(context, Some(pid as i32), tid as i32, signal)
}

fn send(context: &Context, pid: Option<i32>, tid: i32, signal: usize) -> Result<usize> {
    if tid <= 0 {
        return Err(Errno::EINVAL.into());
    }
    let thread = process::thread_by_id(tid).ok_or(Errno::ESRCH)?;
    if pid.is_some_and(|pid| pid != thread.process.pid) {
        return Err(Errno::ESRCH.into());
    }
    if let Some(info) = told_by(context, &thread, signal as u32, Info::thread)? {
        signal::post(&thread.process, Some(&thread), info)?;
    }
    Ok(0)
}

/// What is told of a signal that the caller sends, if it may; nothing of signal 0.
fn told_by(
    context: &Context,
    target: &Thread,
    signal: u32,
    make: impl FnOnce(u32, i32, u32) -> Info,
) -> Result<Option<Info>> {
    check_signal(signal as usize)?;
    let sender = context.thread.credentials.lock().clone();
    let own = target.process.pid == context.process.pid;
    if !own && !signal::may_signal(&sender, &target.credentials.lock().clone()) {
        return Err(Error::new(Errno::EPERM, "another user's process"));
    }
    Ok((signal != 0).then(|| make(signal, context.process.pid, sender.user.real)))
}
