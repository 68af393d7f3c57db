//! Stopping and going on (SIGSTOP and its kin, SIGCONT).
//!
//! A process that is to stop has all its threads attend; each then halts where it is, on its way to user mode or in a
//! wait. When the last one has halted, the process has stopped, and its parent is told.

use core::sync::atomic::{AtomicU32, Ordering};

use linux_raw_sys::general::SIGSTOP;
use ostd::sync::SpinLock;

use crate::{
    context::Context,
    process::{Process, is_orphaned},
};

/// The part of each process.
pub(crate) struct Halt {
    /// The signal by which the process is to stop or has stopped; 0 while it runs. Changed under the lock only.
    by: AtomicU32,
    state: SpinLock<State>,
}

#[derive(Default)]
struct State {
    /// How many threads have halted.
    halted: usize,
    /// All have: the parent was told.
    complete: bool,
    /// How often the process was told to go on. A stop signal that was taken before that has no effect any more.
    continued: u64,
}

impl Default for Halt {
    fn default() -> Self {
        Self { by: AtomicU32::new(0), state: SpinLock::new(State::default()) }
    }
}

impl Halt {
    /// Whether the threads are to halt.
    pub(super) fn is_ordered(&self) -> bool {
        self.by.load(Ordering::Acquire) != 0
    }

    /// How often the process was told to go on.
    pub(super) fn continuations(&self) -> u64 {
        self.state.lock().continued
    }
}

/// A thread has taken a signal that stops the process by default, after it was told to go on so many times. Terminals'
/// signals do not stop a process whose group nobody could let go on.
pub(super) fn order(context: &Context, signal: u32, continuations: u64) {
    let process = &context.process;
    if signal != SIGSTOP && is_orphaned(process.group()) {
        return;
    }
    {
        let halt = &process.signals.halt;
        let state = halt.state.lock();
        if state.continued != continuations || halt.is_ordered() {
            return;
        }
        halt.by.store(signal, Ordering::Release);
    }
    let threads: alloc::vec::Vec<_> = process.threads.lock().values().cloned().collect();
    for thread in threads {
        thread.attend_to_signals();
    }
}

/// Halts the calling thread until its process is to go on, or the thread to end.
pub(super) fn halt(context: &Context) {
    let process = &context.process;
    let halt = &process.signals.halt;
    {
        let mut state = halt.state.lock();
        if !halt.is_ordered() {
            return;
        }
        state.halted += 1;
    }
    check(process);
    while halt.is_ordered() && !context.thread.is_killed() {
        context.waiter.wait();
    }
    halt.state.lock().halted -= 1;
    // Wake-ups that were meant for the wait in which it halted have been used up here.
    context.thread.wake();
}

/// Tells the parent if all threads have halted: one has, or has ended instead.
pub(in crate::process) fn check(process: &Process) {
    let threads = process.thread_count();
    let stopped_by = {
        let halt = &process.signals.halt;
        let mut state = halt.state.lock();
        let complete = halt.is_ordered() && state.halted >= threads && threads > 0 && !state.complete;
        if complete {
            state.complete = true;
        }
        complete.then(|| halt.by.load(Ordering::Relaxed))
    };
    if let Some(signal) = stopped_by {
        process.stopped(signal);
    }
}

/// Lets a process go on that was stopped, or was about to be.
pub(super) fn resume(process: &Process) {
    {
        let halt = &process.signals.halt;
        let mut state = halt.state.lock();
        state.continued += 1;
        if halt.by.swap(0, Ordering::AcqRel) == 0 {
            return;
        }
        state.complete = false;
    }
    // Before any thread goes on: a process that ends at once would else be told of first, and the other signal be lost.
    process.continued();
    let threads: alloc::vec::Vec<_> = process.threads.lock().values().cloned().collect();
    for thread in threads {
        thread.wake();
    }
}

impl Process {
    /// Whether it has been stopped: all its threads have halted.
    pub(crate) fn is_stopped(&self) -> bool {
        self.signals.halt.state.lock().complete
    }
}
