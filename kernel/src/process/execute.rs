//! A process that goes on as another program (execve(2)).

use alloc::sync::Arc;
use core::sync::atomic::Ordering;

use linux_raw_sys::general::{SIGCHLD, SIGSEGV};
use ostd::arch::cpu::context::UserContext;
use socket::error::{Errno, Error, Result};

use super::{
    ExitStatus, Process, Thread,
    floating_point::{change_page_table, reset_registers},
    id,
    robust::{self, RobustList},
    signal::Stack,
    thread::name_from_path,
    tree,
};
use crate::{
    context::Context,
    exec::{Loaded, Owner},
};

impl Process {
    /// Ends all threads but the calling one, and waits until they are gone.
    ///
    /// # Errors
    /// EAGAIN where another thread does the same, EINTR where the process ends: the calling thread ends too then.
    fn end_other_threads(&self, context: &Context) -> Result<()> {
        {
            let mut alone = self.left_alone.lock();
            if alone.is_some() {
                return Err(Error::new(Errno::EAGAIN, "another thread executes a program"));
            }
            alone.replace(context.thread.clone());
        }
        // Whoever comes now finds that said and does not join.
        let others: alloc::vec::Vec<_> = self.threads.lock().values().cloned().collect();
        for other in others.iter().filter(|other| !Arc::ptr_eq(other, &context.thread)) {
            other.kill();
        }
        drop(others);
        while self.thread_count() > 1 && !context.thread.is_killed() {
            context.waiter.wait();
        }
        let alone = self.left_alone.lock().take();
        drop(alone);
        if context.thread.is_killed() {
            return Err(Error::new(Errno::EINTR, "the process ends"));
        }
        Ok(())
    }

    /// Wakes the thread that waits to be the only one. Called by others when they have left.
    pub(super) fn tell_who_waits_alone(&self) {
        let alone = self.left_alone.lock().clone();
        if let Some(thread) = alone {
            thread.wake();
        }
    }

    /// Makes the only thread that there is the first one, with the process's number.
    fn make_first(&self, thread: &Arc<Thread>) {
        let old = thread.tid();
        if old == self.pid {
            return;
        }
        let before = self.leader.lock().replace(thread.clone());
        let moved = {
            let mut threads = self.threads.lock();
            let moved = threads.remove(&old);
            thread.take_number(self.pid);
            threads.insert(self.pid, thread.clone());
            moved
        };
        id::register(thread);
        id::free_id(old);
        drop((before, moved));
    }
}

/// Makes the calling thread's process run a program. The registers are those with which the program begins.
///
/// # Errors
/// EAGAIN, EINTR: the process is about to end anyway.
pub(crate) fn execute(context: &mut Context, program: &Loaded) -> Result<UserContext> {
    let (process, thread) = (context.process.clone(), context.thread.clone());
    process.end_other_threads(context)?;
    // From here on there is no way back.
    process.make_first(&thread);
    process.first_thread_code.store(0, Ordering::Relaxed);
    process.has_executed.store(true, Ordering::Relaxed);

    robust::release_all(context);
    thread.clear_tid_at.store(0, Ordering::Relaxed);
    *thread.robust_list.lock() = RobustList::default();
    let old_space = core::mem::replace(&mut context.space, program.space.clone());
    let old_of_process = core::mem::replace(&mut *process.space.lock(), program.space.clone());
    change_page_table(context.space.vm());
    drop((old_space, old_of_process));
    thread.return_memory();

    let attributes = program.file.inode().attributes();
    let owner = {
        let mut credentials = thread.credentials.lock();
        let secure = credentials.change_for_program(attributes.mode, attributes.uid, attributes.gid);
        let (user, group) = (credentials.user, credentials.group);
        Owner { uid: user.real, euid: user.effective, gid: group.real, egid: group.effective, secure }
    };
    process.attributes.program_executed(owner.secure);
    *thread.name.lock() = name_from_path(program.given.path());
    thread.signals.lock().stack = Stack::default();
    process.signals.reset_for_exec();
    if let Some(entry) = tree::lock().get_mut(process.pid) {
        entry.exit_signal = SIGCHLD;
    }
    // Descriptors that are shared with another process stay as they are there.
    let of_process = Arc::ptr_eq(&context.files, &process.files());
    if Arc::strong_count(&context.files) > if of_process { 2 } else { 1 } {
        context.files = context.files.duplicate();
    }
    process.show(&context.files, &context.fs);
    context.files.close_on_exec();
    process.set_executable(program.file.clone());
    reset_registers();
    program.enter(&owner).inspect_err(|_| process.end(ExitStatus::Killed(SIGSEGV as u8)))
}
