//! New processes and threads: fork(2), vfork(2), clone(2).

use linux_raw_sys::general::{__NR_clone, __NR_fork, __NR_vfork, CLONE_VFORK, CLONE_VM, CSIGNAL, SIGCHLD};
use ostd::user::UserMode;
use socket::error::Result;

use super::{Arguments, Calls, Handler::Registers};
use crate::{
    context::Context,
    process::{self, CloneArguments},
};

pub(super) const CALLS: &Calls =
    &[(__NR_clone, Registers(clone)), (__NR_fork, Registers(fork)), (__NR_vfork, Registers(vfork))];

fn make(context: &Context, user: &UserMode, arguments: &CloneArguments) -> Result<usize> {
    process::clone(context, user.context(), arguments).map(|tid| tid as usize)
}

/// The arguments are in x86-64's order; of the flags only the low 32 bits count.
fn clone(context: &mut Context, user: &mut UserMode, arguments: &Arguments) -> Result<usize> {
    let [flags, stack, parent_tid, child_tid, tls, _] = *arguments;
    let flags = flags as u32;
    let (flags, exit_signal) = (flags & !CSIGNAL, flags & CSIGNAL);
    make(context, user, &CloneArguments { flags, exit_signal, stack, parent_tid, child_tid, tls })
}

fn fork(context: &mut Context, user: &mut UserMode, _: &Arguments) -> Result<usize> {
    make(context, user, &CloneArguments { exit_signal: SIGCHLD, ..CloneArguments::default() })
}

fn vfork(context: &mut Context, user: &mut UserMode, _: &Arguments) -> Result<usize> {
    let flags = CLONE_VFORK | CLONE_VM;
    make(context, user, &CloneArguments { flags, exit_signal: SIGCHLD, ..CloneArguments::default() })
}
