//! Signals: what they do, which are blocked, and sending them.

use alloc::sync::Arc;

use linux_raw_sys::general::{
    __NR_kill, __NR_pause, __NR_rt_sigaction, __NR_rt_sigpending, __NR_rt_sigprocmask, __NR_rt_sigqueueinfo,
    __NR_rt_sigreturn, __NR_rt_sigsuspend, __NR_rt_sigtimedwait, __NR_rt_tgsigqueueinfo, __NR_sigaltstack,
    __NR_tgkill, __NR_tkill, SI_ASYNCNL, SI_DETHREAD, SI_TKILL, SIG_BLOCK, SIG_SETMASK, SIG_UNBLOCK, SIGCONT,
};
use ostd::user::UserMode;
use socket::error::{Errno, Error, Result};

use super::{
    Arguments, Calls,
    Handler::{Plain, Registers},
    time::read_timespec,
};
use crate::{
    context::Context,
    process::{
        self, Process, Thread,
        signal::{self, Action, Disposition, Info, SIGNAL_END, bit},
    },
    time::clock,
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
    (__NR_rt_sigqueueinfo, Plain(rt_sigqueueinfo)),
    (__NR_rt_tgsigqueueinfo, Plain(rt_tgsigqueueinfo)),
    (__NR_rt_sigtimedwait, Plain(rt_sigtimedwait)),
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

fn kill(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [pid, signal, ..] = *arguments;
    let (pid, signal) = (pid as i32, signal as u32);
    let group = match pid {
        i32::MIN => return Err(Errno::ESRCH.into()),
        -1 => return kill_all(context, signal),
        0 => context.process.group(),
        pid if pid < 0 => -pid,
        pid => {
            let process = find(pid)?;
            return send_to_process(context, &process, signal, Info::user).map(|()| 0);
        }
    };
    // As long as one member gets it, that others do not is no error.
    let mut result = Err(Errno::ESRCH.into());
    for member in process::members(group) {
        let one = send_to_process(context, &member, signal, Info::user);
        if result.is_err() {
            result = one;
        }
    }
    result.map(|()| 0)
}

/// Sends to all processes but the first and the caller's. As on Linux, those that may not be sent to are passed over, even
/// if they are all there are.
fn kill_all(context: &Context, signal: u32) -> Result<usize> {
    let others = |process: &Arc<Process>| process.pid != process::FIRST && process.pid != context.process.pid;
    let mut result = Err(Errno::ESRCH.into());
    for process in process::all().into_iter().filter(others) {
        let one = send_to_process(context, &process, signal, Info::user);
        let denied = one.is_err_and(|error| error.errno == Errno::EPERM);
        result = if denied { result.or(Ok(())) } else { one };
    }
    result.map(|()| 0)
}

/// The process with a number, which may be that of any of its threads.
///
/// # Errors
/// ESRCH.
fn find(pid: i32) -> Result<Arc<Process>> {
    process::process_of(pid).ok_or_else(|| Errno::ESRCH.into())
}

fn send_to_process(
    context: &Context,
    process: &Arc<Process>,
    signal: u32,
    make: impl FnOnce(u32, i32, u32) -> Info,
) -> Result<()> {
    let target = process.leader().ok_or(Errno::ESRCH)?;
    match told_by(context, &target, signal, make)? {
        Some(info) => signal::post(process, None, info),
        None => Ok(()),
    }
}

fn tkill(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [tid, signal, ..] = *arguments;
    if tid as i32 <= 0 {
        return Err(Errno::EINVAL.into());
    }
    send(context, None, tid as i32, signal, Info::thread)
}

fn tgkill(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [pid, tid, signal, ..] = *arguments;
    if pid as i32 <= 0 || tid as i32 <= 0 {
        return Err(Errno::EINVAL.into());
    }
    send(context, Some(pid as i32), tid as i32, signal, Info::thread)
}

/// Sends to a thread, which is to be of process `pid` if that is given.
fn send(
    context: &Context,
    pid: Option<i32>,
    tid: i32,
    signal: usize,
    make: impl FnOnce(u32, i32, u32) -> Info,
) -> Result<usize> {
    let thread = process::thread_by_id(tid).ok_or(Errno::ESRCH)?;
    if pid.is_some_and(|pid| pid != thread.process.pid) {
        return Err(Errno::ESRCH.into());
    }
    if let Some(info) = told_by(context, &thread, signal as u32, make)? {
        signal::post(&thread.process, Some(&thread), info)?;
    }
    Ok(0)
}

/// What is told of a signal that the caller sends, if it may; nothing of signal 0, which only asks.
///
/// # Errors
/// EINVAL for no signal's number; EPERM.
pub(super) fn told_by(
    context: &Context,
    target: &Thread,
    signal: u32,
    make: impl FnOnce(u32, i32, u32) -> Info,
) -> Result<Option<Info>> {
    if signal >= SIGNAL_END {
        return Err(Error::new(Errno::EINVAL, "no such signal"));
    }
    let sender = context.thread.credentials.lock().clone();
    let own = target.process.pid == context.process.pid;
    let same_session = signal == SIGCONT && target.process.session() == context.process.session();
    if !own && !same_session && !signal::may_signal(&sender, &target.credentials.lock().clone()) {
        return Err(Error::new(Errno::EPERM, "another user's process"));
    }
    Ok((signal != 0).then(|| make(signal, context.process.pid, sender.user.real)))
}

fn rt_sigqueueinfo(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [pid, signal, info_at, ..] = *arguments;
    let (pid, signal) = (pid as i32, signal as u32);
    let words = read_info(context, info_at)?;
    check_claim(context, words, pid)?;
    if pid <= 0 {
        return Err(Errno::ESRCH.into());
    }
    let process = find(pid)?;
    send_to_process(context, &process, signal, |signal, _, _| Info::from_words(signal, words)).map(|()| 0)
}

fn rt_tgsigqueueinfo(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [pid, tid, signal, info_at, ..] = *arguments;
    let (pid, tid) = (pid as i32, tid as i32);
    let words = read_info(context, info_at)?;
    if pid <= 0 || tid <= 0 {
        return Err(Errno::EINVAL.into());
    }
    check_claim(context, words, tid)?;
    send(context, Some(pid), tid, signal, |signal, _, _| Info::from_words(signal, words))
}

/// Reads the part of a siginfo_t that is kept.
///
/// # Errors
/// EFAULT; E2BIG where the code is one that is not known and there is something in the part that is not.
fn read_info(context: &Context, at: usize) -> Result<[u64; Info::WORDS]> {
    let words = context.space.read::<[u64; Info::SIZE / 8]>(at)?;
    let (kept, rest) = words.split_first_chunk().ok_or(Errno::EFAULT)?;
    let known = matches!(kept[1] as u32 as i32, SI_DETHREAD.. | SI_ASYNCNL);
    if !known && rest.iter().any(|word| *word != 0) {
        return Err(Error::new(Errno::E2BIG, "more than is told of signals with this code"));
    }
    Ok(*kept)
}

/// Nobody but the thread itself may say that a signal came from the kernel, kill(2) or tgkill(2).
///
/// # Errors
/// EPERM.
fn check_claim(context: &Context, words: [u64; Info::WORDS], target: i32) -> Result<()> {
    let code = words[1] as u32 as i32;
    if (code >= 0 || code == SI_TKILL) && target != context.thread.tid() {
        return Err(Error::new(Errno::EPERM, "the sender is another"));
    }
    Ok(())
}

fn rt_sigtimedwait(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [set_at, info_at, timeout_at, set_size, ..] = *arguments;
    if set_size != MASK_SIZE {
        return Err(Errno::EINVAL.into());
    }
    let wanted = context.space.read::<u64>(set_at)?;
    let deadline = match timeout_at {
        0 => None,
        address => Some(clock::now().saturating_add(read_timespec(context, address)?)),
    };
    let info = signal::wait_for(context, wanted, deadline)?;
    if info_at != 0 {
        context.space.write(info_at, &info.to_words())?;
    }
    Ok(info.signal() as usize)
}
