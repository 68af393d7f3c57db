//! Taking signals without a handler (sigwaitinfo(2), signalfd(2)).

use core::time::Duration;

use socket::error::{Errno, Result};

use super::{Info, Set, UNBLOCKABLE};
use crate::{
    context::Context,
    process::{Process, Thread},
    wait::{self, WaitError},
};

/// Takes the next signal of `wanted` that waits for `thread` or its process, blocked or not.
pub(crate) fn dequeue(process: &Process, thread: &Thread, wanted: Set) -> Option<Info> {
    let own = thread.signals.lock().queue.take(wanted);
    own.or_else(|| process.signals.queue.lock().take(wanted))
}

/// Waits until there is a signal of `wanted` and takes it, until `deadline` (monotonic clock).
///
/// # Errors
/// EAGAIN at the deadline, EINTR where the handler of another signal is to run.
pub(crate) fn wait_for(context: &Context, wanted: Set, deadline: Option<Duration>) -> Result<Info> {
    let wanted = wanted & !UNBLOCKABLE;
    let thread = &context.thread;
    // From before the first look on, so that this thread is told of all that come.
    thread.signals.lock().awaited = wanted;
    let outcome = wait::until(context, deadline, || dequeue(&context.process, thread, wanted));
    thread.signals.lock().awaited = 0;
    outcome.map_err(|error: WaitError| error.error(Errno::EAGAIN))
}
