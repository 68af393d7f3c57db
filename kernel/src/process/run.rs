//! A thread's life.

use alloc::{boxed::Box, sync::Arc};

use ostd::{
    arch::cpu::context::UserContext,
    sync::Waiter,
    task::TaskOptions,
    user::{ReturnReason, UserMode},
};
use socket::error::{Errno, Result};

use super::{Thread, exception, exit, floating_point::Switched};
use crate::{context::Context, syscall};

/// What a thread does first, in the kernel.
type Prepare = dyn FnOnce(&Context) -> Option<UserContext> + Send;

/// Where a thread starts.
pub(crate) enum Start {
    /// In user mode, with these registers.
    At(Box<UserContext>),
    /// In the kernel, to find out: the thread ends if there is no answer.
    Prepare(Box<Prepare>),
}

/// Lets `thread` run. It must be in its process's list.
///
/// # Errors
/// EAGAIN: no memory for a kernel stack.
pub(super) fn spawn_with(thread: &Arc<Thread>, switched: Switched, start: Start) -> Result<()> {
    let of_task = thread.clone();
    let task = TaskOptions::new(move || live(of_task, start))
        .data(thread.clone())
        .local_data(switched)
        .build()
        .map_err(|_| Errno::EAGAIN)?;
    Arc::new(task).run();
    Ok(())
}

/// Lets the first thread of a process run.
///
/// # Errors
/// EAGAIN: no memory for a kernel stack.
pub(crate) fn spawn(thread: &Arc<Thread>, start: Start) -> Result<()> {
    let vm = thread.process.space().vm().clone();
    spawn_with(thread, Switched::new(vm), start)
}

fn live(thread: Arc<Thread>, start: Start) {
    let (waiter, waker) = Waiter::new_pair();
    thread.set_waker(waker);
    let process = thread.process.clone();
    let space = process.space();
    let (files, fs, system) = (process.files(), process.fs(), process.system);
    let mut context = Context { thread, process, space, files, fs, system, waiter };
    let registers = match start {
        Start::At(registers) => Some(*registers),
        Start::Prepare(prepare) => prepare(&context),
    };
    if let Some(registers) = registers {
        run(&mut context, UserMode::new(registers));
    }
    exit::leave(&context);
}

/// In and out of user mode, until the thread is to end.
fn run(context: &mut Context, mut user: UserMode) {
    let thread = context.thread.clone();
    loop {
        if thread.must_attend() && thread.is_killed() {
            return;
        }
        match user.execute(|| thread.must_attend()) {
            ReturnReason::UserSyscall => syscall::dispatch(context, &mut user),
            ReturnReason::UserException => exception::handle(context, &mut user),
            // Only an interrupt looks for one; it is seen to at the head of the loop.
            ReturnReason::KernelEvent => {}
        }
    }
}
