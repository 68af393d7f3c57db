//! New processes and threads: fork(2), vfork(2), clone(2).

use linux_raw_sys::general::{
    __NR_clone, __NR_clone3, __NR_fork, __NR_vfork, CLONE_DETACHED, CLONE_PARENT, CLONE_PARENT_SETTID,
    CLONE_PIDFD, CLONE_SIGHAND, CLONE_THREAD, CLONE_VFORK, CLONE_VM, CSIGNAL, SIGCHLD,
};
use ostd::user::UserMode;
use socket::error::{Errno, Error, Result};

use super::{Arguments, Calls, Handler::Registers};
use crate::{
    context::Context,
    mm::layout::{HIGHEST, PAGE_SIZE},
    process::{self, CloneArguments, signal::SIGNAL_END},
};

/// linux/sched.h: clone3(2) alone has it.
const CLONE_CLEAR_SIGHAND: u64 = 1 << 32;

pub(super) const CALLS: &Calls = &[
    (__NR_clone, Registers(clone)),
    (__NR_clone3, Registers(clone3)),
    (__NR_fork, Registers(fork)),
    (__NR_vfork, Registers(vfork)),
];

fn make(context: &Context, user: &UserMode, arguments: &CloneArguments) -> Result<usize> {
    process::clone(context, user.context(), arguments).map(|tid| tid as usize)
}

/// The arguments are in x86-64's order; of the flags only the low 32 bits count. A descriptor goes where the number would.
fn clone(context: &mut Context, user: &mut UserMode, arguments: &Arguments) -> Result<usize> {
    let [flags, stack, parent_tid, child_tid, tls, _] = *arguments;
    let flags = flags as u32;
    if flags & (CLONE_PIDFD | CLONE_PARENT_SETTID) == CLONE_PIDFD | CLONE_PARENT_SETTID {
        return Err(Error::new(Errno::EINVAL, "there is one place for two things"));
    }
    let arguments = CloneArguments {
        flags: flags & !CSIGNAL,
        exit_signal: flags & CSIGNAL,
        stack,
        pidfd_at: parent_tid,
        parent_tid,
        child_tid,
        tls,
        clear_actions: false,
    };
    make(context, user, &arguments)
}

/// struct clone_args: flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup.
type Words = [u64; 11];

/// Sizes of the structure in Linux's history: the least, and with what came later.
const FIRST_SIZE: usize = 64;
const SIZE: usize = size_of::<Words>();

fn clone3(context: &mut Context, user: &mut UserMode, arguments: &Arguments) -> Result<usize> {
    let [at, size, ..] = *arguments;
    let [flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, _] =
        read_words(context, at, size)?;
    if set_tid != 0 || set_tid_size != 0 {
        return Err(Error::new(Errno::EINVAL, "numbers cannot be chosen"));
    }
    let clear_actions = flags & CLONE_CLEAR_SIGHAND != 0;
    // CLONE_INTO_CGROUP: there are none. CLONE_DETACHED and what are signals in clone(2) mean nothing here.
    let flags = u32::try_from(flags & !CLONE_CLEAR_SIGHAND).map_err(|_| Errno::EINVAL)?;
    if flags & (CLONE_DETACHED | CSIGNAL) != 0 || (clear_actions && flags & CLONE_SIGHAND != 0) {
        return Err(Error::new(Errno::EINVAL, "flags that mean nothing, or not together"));
    }
    if exit_signal >= u64::from(SIGNAL_END)
        || (exit_signal != 0 && flags & (CLONE_THREAD | CLONE_PARENT) != 0)
    {
        return Err(Error::new(Errno::EINVAL, "no such signal, or nobody to get it"));
    }
    if (stack == 0) != (stack_size == 0) {
        return Err(Error::new(Errno::EINVAL, "a stack has an address and a size"));
    }
    let top = stack.checked_add(stack_size).filter(|top| *top <= HIGHEST as u64);
    let top = top.ok_or(Error::new(Errno::EINVAL, "the stack is in no address range of programs"))?;
    let arguments = CloneArguments {
        flags,
        exit_signal: exit_signal as u32,
        stack: top as usize,
        pidfd_at: pidfd as usize,
        parent_tid: parent_tid as usize,
        child_tid: child_tid as usize,
        tls: tls as usize,
        clear_actions,
    };
    make(context, user, &arguments)
}

/// Reads the structure: what the program's is shorter by is zero, and so must be what it is longer by.
fn read_words(context: &Context, at: usize, size: usize) -> Result<Words> {
    if size > PAGE_SIZE {
        return Err(Errno::E2BIG.into());
    }
    if size < FIRST_SIZE {
        return Err(Error::new(Errno::EINVAL, "shorter than the structure ever was"));
    }
    let mut bytes = [0; PAGE_SIZE];
    let bytes = &mut bytes[..size.max(SIZE)];
    context.space.read_bytes(at, &mut bytes[..size]).map_err(|_| Errno::EFAULT)?;
    if bytes[SIZE..].iter().any(|byte| *byte != 0) {
        return Err(Error::new(Errno::E2BIG, "longer than the structure, with something in it"));
    }
    let mut words: Words = [0; 11];
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks::<8>().0) {
        *word = u64::from_ne_bytes(*bytes);
    }
    Ok(words)
}

fn fork(context: &mut Context, user: &mut UserMode, _: &Arguments) -> Result<usize> {
    make(context, user, &CloneArguments { exit_signal: SIGCHLD, ..CloneArguments::default() })
}

fn vfork(context: &mut Context, user: &mut UserMode, _: &Arguments) -> Result<usize> {
    let flags = CLONE_VFORK | CLONE_VM;
    make(context, user, &CloneArguments { flags, exit_signal: SIGCHLD, ..CloneArguments::default() })
}
