//! New threads.

use alloc::{boxed::Box, sync::Arc};
use core::sync::atomic::Ordering;

use linux_raw_sys::general::{
    CLONE_CHILD_CLEARTID, CLONE_CHILD_SETTID, CLONE_DETACHED, CLONE_FILES, CLONE_FS, CLONE_IO,
    CLONE_PARENT_SETTID, CLONE_PTRACE, CLONE_SETTLS, CLONE_SIGHAND, CLONE_SYSVSEM, CLONE_THREAD,
    CLONE_UNTRACED, CLONE_VM, CSIGNAL,
};
use ostd::arch::cpu::context::UserContext;
use socket::error::{Errno, Error, Result};

use super::{
    floating_point::Switched,
    free_id, new_id,
    run::{Start, spawn_with},
    signal::SignalState,
    thread::Thread,
};
use crate::{
    context::Context,
    mm::{has_room_for_thread, layout::HIGHEST},
};

/// What a thread shares with the one that makes it.
const SHARED: u32 = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD;
/// What is true anyway: there are no System V semaphores, no I/O contexts, no tracing; and nobody waits for a thread, so
/// that the signal that would tell of its end is none.
const WITHOUT_EFFECT: u32 =
    CLONE_SYSVSEM | CLONE_IO | CLONE_PTRACE | CLONE_UNTRACED | CLONE_DETACHED | CSIGNAL;
/// What can be asked for.
const OPTIONS: u32 =
    CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | WITHOUT_EFFECT;

/// The arguments of clone(2), as x86-64 orders them.
pub(crate) struct CloneArguments {
    pub(crate) flags: u32,
    /// The new thread's stack pointer; 0 for that of its maker.
    pub(crate) stack: usize,
    pub(crate) parent_tid: usize,
    pub(crate) child_tid: usize,
    pub(crate) tls: usize,
}

/// Makes a thread that returns from the same system call with zero.
///
/// # Errors
/// EINVAL for flags that do not go together, ENOSYS for a new process, EPERM for a thread pointer that is no user address,
/// EAGAIN where memory or numbers are short.
pub(crate) fn clone_thread(
    context: &Context,
    registers: &UserContext,
    arguments: &CloneArguments,
) -> Result<i32> {
    let flags = arguments.flags;
    let has = |flag: u32| flags & flag != 0;
    if (has(CLONE_THREAD) && !has(CLONE_SIGHAND)) || (has(CLONE_SIGHAND) && !has(CLONE_VM)) {
        return Err(Errno::EINVAL.into());
    }
    if flags & SHARED != SHARED {
        return Err(Error::new(Errno::ENOSYS, "new processes cannot be made yet"));
    }
    if flags & !(SHARED | OPTIONS) != 0 {
        return Err(Errno::EINVAL.into());
    }
    if has(CLONE_SETTLS) && arguments.tls >= HIGHEST {
        return Err(Errno::EPERM.into());
    }
    if !has_room_for_thread() {
        return Err(Errno::EAGAIN.into());
    }
    let tid = new_id()?;
    let parent = &context.thread;
    let name = *parent.name.lock();
    let credentials = parent.credentials.lock().clone();
    let signals = SignalState { mask: parent.signals.lock().mask, ..SignalState::default() };
    let thread = Thread::new(tid, context.process.clone(), name, signals, credentials);
    // As on Linux, an address that cannot be written to is no error.
    if has(CLONE_PARENT_SETTID) {
        let _ = context.space.write(arguments.parent_tid, &tid);
    }
    if has(CLONE_CHILD_SETTID) {
        let _ = context.space.write(arguments.child_tid, &tid);
    }
    if has(CLONE_CHILD_CLEARTID) {
        thread.clear_tid_at.store(arguments.child_tid, Ordering::Relaxed);
    }
    let mut registers = Box::new(registers.clone());
    registers.set_rax(0);
    if arguments.stack != 0 {
        registers.set_rsp(arguments.stack);
    }
    let tls = has(CLONE_SETTLS).then_some(arguments.tls);
    let switched = Switched::copy_of_current(context.space.vm().clone(), tls);
    start(context, &thread, switched, registers).inspect_err(|_| free_id(tid))?;
    Ok(tid)
}

fn start(
    context: &Context,
    thread: &Arc<Thread>,
    switched: Switched,
    registers: Box<UserContext>,
) -> Result<()> {
    if !context.process.add_thread(thread) {
        // The maker is about to end itself.
        return Err(Errno::EAGAIN.into());
    }
    spawn_with(thread, switched, Start::At(registers)).inspect_err(|_| context.process.forget_thread(thread))
}
