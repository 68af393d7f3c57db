//! The end of threads and processes.

use core::sync::atomic::Ordering;

use super::{Process, Thread, free_id, robust};
use crate::{console::control, context::Context, futex};

/// How a process ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ExitStatus {
    /// By exit(2), with the low eight bits of its argument.
    Exited(u8),
    /// By a signal.
    Killed(u8),
}

impl ExitStatus {
    /// As a shell shows it.
    fn number(self) -> u8 {
        match self {
            Self::Exited(code) => code,
            Self::Killed(signal) => 128 + signal,
        }
    }
}

impl Process {
    /// Ends all threads. What was said first about how it ends counts.
    pub(crate) fn end(&self, status: ExitStatus) {
        self.status.lock().get_or_insert(status);
        // The list is not held while threads are woken: a wake-up takes the scheduler's locks.
        let threads: alloc::vec::Vec<_> = self.threads.lock().values().cloned().collect();
        for thread in threads {
            thread.kill();
        }
    }

    /// Puts a thread into the list, unless the process is ending.
    pub(super) fn add_thread(&self, thread: &alloc::sync::Arc<Thread>) -> bool {
        let mut threads = self.threads.lock();
        threads.insert(thread.tid(), thread.clone());
        // Whoever ends the process sets the status before it looks at the list.
        let ending = self.status.lock().is_some();
        if ending {
            threads.remove(&thread.tid());
        }
        !ending
    }

    /// Takes a thread that never ran out of the list.
    pub(super) fn forget_thread(&self, thread: &Thread) {
        let removed = self.threads.lock().remove(&thread.tid());
        drop(removed);
    }
}

/// Ends the calling thread's process with a signal.
pub(crate) fn end_process_by_signal(context: &Context, signal: u32) {
    context.process.end(ExitStatus::Killed(signal as u8));
}

/// exit(2): ends the calling thread alone, once it leaves the kernel.
pub(crate) fn end_thread(context: &Context, code: i32) {
    // Where no thread ends the process as a whole, it ends as its first thread did.
    if context.thread.tid() == context.process.pid {
        context.process.first_thread_code.store(code as u8, Ordering::Relaxed);
    }
    context.thread.kill();
}

/// The last a thread does.
pub(super) fn leave(context: &Context) {
    let thread = &context.thread;
    robust::release(context);
    let clear_at = thread.clear_tid_at.load(Ordering::Relaxed);
    if clear_at != 0 && context.process.thread_count() > 1 {
        // A thread that gave a bad address has nobody to tell it to.
        let _ = context.space.write(clear_at, &0u32);
        futex::wake_address(context, clear_at, 1);
    }
    let (removed, last) = {
        let mut threads = context.process.threads.lock();
        context.process.past_cpu_time.fetch_add(thread.cpu_time.nanoseconds(), Ordering::Relaxed);
        (threads.remove(&thread.tid()), threads.is_empty())
    };
    drop(removed);
    if thread.tid() != context.process.pid {
        free_id(thread.tid());
    }
    if last {
        end_of_process(&context.process);
    }
}

/// What is left to do when the last thread is gone.
fn end_of_process(process: &Process) {
    process.files().close_all();
    let first_thread = ExitStatus::Exited(process.first_thread_code.load(Ordering::Relaxed));
    let status = process.status.lock().unwrap_or(first_thread);
    if process.parent() == 0 {
        ostd::info!("process {} is over: {status:?}", process.pid);
        control::exit(status.number());
    }
    free_id(process.pid);
}
