//! A thread's life.

use alloc::{boxed::Box, sync::Arc};

use ostd::{
    arch::cpu::context::UserContext,
    sync::Waiter,
    task::{Task, TaskOptions},
    user::{ReturnReason, UserMode},
};
use socket::error::{Errno, Result};
use vfs::{FileTable, FsState};

use super::{
    Thread, exception, exit,
    floating_point::Switched,
    signal::{Attended, Interrupted, attend},
};
use crate::{context::Context, syscall};

/// What a thread does first, in the kernel.
type Prepare = dyn FnOnce(&mut Context) -> Option<UserContext> + Send;

/// Where a thread starts.
pub(crate) enum Start {
    /// In user mode, with these registers; with an address at which it finds its number.
    At { registers: Box<UserContext>, tid_at: Option<usize> },
    /// In the kernel, to find out: the thread ends if there is no answer.
    Prepare(Box<Prepare>),
}

/// What a thread begins with.
pub(super) struct Birth {
    pub(super) files: Arc<FileTable>,
    pub(super) fs: Arc<FsState>,
    pub(super) start: Start,
}

/// Makes the task of a thread.
///
/// # Errors
/// EAGAIN: no memory for a kernel stack.
pub(super) fn task(thread: &Arc<Thread>, switched: Switched, birth: Birth) -> Result<Arc<Task>> {
    let of_task = thread.clone();
    let task = TaskOptions::new(move || live(of_task, birth))
        .data(thread.clone())
        .local_data(switched)
        .build()
        .map_err(|_| Errno::EAGAIN)?;
    Ok(Arc::new(task))
}

/// Lets the first thread of the first process run.
///
/// # Errors
/// EAGAIN: no memory for a kernel stack.
pub(crate) fn spawn(thread: &Arc<Thread>, start: Start) -> Result<()> {
    let process = &thread.process;
    let switched = Switched::new(process.space().vm().clone());
    task(thread, switched, Birth { files: process.files(), fs: process.fs(), start })?.run();
    Ok(())
}

fn live(thread: Arc<Thread>, birth: Birth) {
    let (waiter, waker) = Waiter::new_pair();
    thread.set_waker(&waker);
    let process = thread.process.clone();
    let (space, system) = (process.space(), process.system);
    let Birth { files, fs, start } = birth;
    let interrupted = Interrupted::default();
    let mut context = Context { thread, process, space, files, fs, system, waiter, interrupted };
    let registers = match start {
        Start::At { registers, tid_at } => {
            if let Some(address) = tid_at {
                // As on Linux, an address that cannot be written to is no error.
                let _ = context.space.write(address, &context.thread.tid());
            }
            Some(*registers)
        }
        Start::Prepare(prepare) => prepare(&mut context),
    };
    if let Some(registers) = registers {
        run(&mut context, UserMode::new(registers));
    }
    exit::leave(&mut context);
}

/// In and out of user mode, until the thread is to end.
fn run(context: &mut Context, mut user: UserMode) {
    let thread = context.thread.clone();
    // What its process was told before there was this thread concerns it, too.
    thread.note_signals();
    loop {
        if thread.must_attend() && attend(context, &mut user) == Attended::End {
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
