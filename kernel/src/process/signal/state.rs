//! What threads and processes have of signals.

use alloc::sync::Arc;
use core::cell::Cell;

use ostd::sync::SpinLock;
use socket::{
    error::{Errno, Result},
    ready::Pollee,
};

use super::{Action, Actions, Set, Stack, UNBLOCKABLE, halt::Halt, queue::Queue, send, timers::Timers};
use crate::{context::Context, process::Process};

/// The part of each thread.
#[derive(Default)]
pub(crate) struct SignalState {
    /// Blocked signals.
    pub(crate) mask: Set,
    /// The mask to go back to once a handler has been entered under the present one, or none is to be.
    pub(super) saved: Option<Set>,
    /// Waited for by sigtimedwait(2): taken even if blocked.
    pub(super) awaited: Set,
    /// The alternate stack.
    pub(crate) stack: Stack,
    /// Signals that this thread alone may take.
    pub(crate) queue: Queue,
    /// The fault that last became a signal.
    pub(super) fault: LastFault,
}

/// What the processor said of a fault, for the frames of handlers.
#[derive(Clone, Copy, Default)]
pub(crate) struct LastFault {
    pub(crate) vector: usize,
    pub(crate) error_code: usize,
    /// The address, if it was a page's (CR2); the one before is kept otherwise.
    pub(crate) address: Option<usize>,
}

impl SignalState {
    /// That of a new thread in the process of one with this mask: it has no alternate stack.
    pub(crate) fn for_thread(mask: Set) -> Self {
        Self { mask, ..Self::default() }
    }

    /// That of the first thread of a new process, made by one with this state.
    pub(crate) fn for_process(&self) -> Self {
        Self { mask: self.mask, stack: self.stack, ..Self::default() }
    }

    /// Remembers what the processor said of a fault.
    pub(crate) fn set_fault(&mut self, fault: LastFault) {
        let address = fault.address.or(self.fault.address);
        self.fault = LastFault { address, ..fault };
    }

    /// Whether the thread does not take a signal now.
    pub(super) fn blocks(&self, signal: Set) -> bool {
        self.mask & !self.awaited & signal != 0
    }

    /// Whether a signal is kept for later even though it is ignored now.
    pub(super) fn keeps(&self, signal: Set) -> bool {
        self.mask & signal != 0
    }
}

/// What the threads of a process share.
pub(crate) struct ProcessSignals {
    /// What signals do; shared with other processes by CLONE_SIGHAND.
    actions: SpinLock<Arc<SpinLock<Actions>>>,
    /// Signals that any thread may take.
    pub(crate) queue: SpinLock<Queue>,
    /// Where it is announced that a signal has come.
    pub(crate) arrived: Arc<Pollee>,
    /// Whether the process is stopped.
    pub(super) halt: Halt,
    /// Interval timers.
    pub(super) timers: SpinLock<Timers>,
}

impl ProcessSignals {
    /// Those of a new process with these actions.
    pub(crate) fn new(actions: Arc<SpinLock<Actions>>) -> Self {
        Self {
            actions: SpinLock::new(actions),
            queue: SpinLock::new(Queue::default()),
            arrived: Arc::new(Pollee::new()),
            halt: Halt::default(),
            timers: SpinLock::new(Timers::default()),
        }
    }

    /// What signals do.
    pub(crate) fn actions(&self) -> Arc<SpinLock<Actions>> {
        self.actions.lock().clone()
    }

    /// A copy of what signals do, for a process that does not share it.
    pub(crate) fn copy_of_actions(&self) -> Arc<SpinLock<Actions>> {
        let copy = self.actions().lock().clone();
        Arc::new(SpinLock::new(copy))
    }

    /// As execve(2) leaves the actions; other processes no longer share them.
    pub(crate) fn reset_for_exec(&self) {
        let actions = self.copy_of_actions();
        actions.lock().reset_for_exec();
        let old = core::mem::replace(&mut *self.actions.lock(), actions);
        drop(old);
    }

    /// What a signal does; the default for no signal's number.
    pub(super) fn action(&self, signal: u32) -> Action {
        self.actions.lock().lock().get(signal).unwrap_or_default()
    }
}

/// A call that a signal has interrupted, until the signal is attended to. Part of the calling thread's [`Context`].
#[derive(Default)]
pub(crate) struct Interrupted {
    number: Cell<Option<usize>>,
    finally: Cell<bool>,
}

impl Interrupted {
    /// The call with this number was interrupted.
    pub(crate) fn record(&self, number: usize) {
        self.number.set(Some(number));
    }

    /// The call that is being interrupted must not be made again, whatever the handler's flags: it had a time limit.
    pub(crate) fn finally(&self) {
        self.finally.set(true);
    }

    /// The number of the call, and whether it may be made again after a handler has run, as far as this was said.
    pub(super) fn take(&self) -> Option<(usize, bool)> {
        let may_restart = !self.finally.take();
        self.number.take().map(|number| (number, may_restart))
    }
}

/// Blocks the signals of `mask`, and no others, for the calling thread.
pub(crate) fn set_mask(context: &Context, mask: Set) {
    let mask = mask & !UNBLOCKABLE;
    let thread = &context.thread;
    let (old, own) = {
        let mut state = thread.signals.lock();
        (core::mem::replace(&mut state.mask, mask), state.queue.set())
    };
    if mask == old {
        return;
    }
    let shared = context.process.signals.queue.lock().set();
    if (own | shared) & !mask != 0 {
        thread.note_signals();
    }
    // What this thread was told of and takes no more is another's to take.
    send::pass_on(&context.process, shared & mask & !old);
}

/// Makes a call under another mask, if one is given. Where a signal interrupts the call, the mask stays until the signal's
/// handler has been entered, whose frame has the mask from before.
///
/// # Errors
/// The call's.
pub(crate) fn with_mask<T>(
    context: &Context,
    mask: Option<Set>,
    call: impl FnOnce() -> Result<T>,
) -> Result<T> {
    let Some(mask) = mask else { return call() };
    let own = {
        let mut state = context.thread.signals.lock();
        let own = state.mask;
        state.saved = Some(own);
        own
    };
    set_mask(context, mask);
    let result = call();
    if context.thread.must_attend() && result.as_ref().is_err_and(|error| error.errno == Errno::EINTR) {
        return result;
    }
    context.thread.signals.lock().saved = None;
    set_mask(context, own);
    result
}

impl Process {
    /// Signals that wait for the process or for its thread with `state` alone.
    pub(crate) fn pending_signals(&self, state: &SpinLock<SignalState>) -> (Set, Set) {
        (state.lock().queue.set(), self.signals.queue.lock().set())
    }
}
