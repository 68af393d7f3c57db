//! The network's task: it does what the time has come for, and what calls have left to others.
//!
//! Nothing of net-stack is locked in an interrupt: the tick only looks at a number, and wakes the task.

use alloc::sync::Arc;

use net_stack::{Stack, random::Secret, time::Instant};
use ostd::{
    sync::{Waiter, Waker},
    task::TaskOptions,
    timer::register_callback_on_cpu,
};
use spin::Once;

use crate::{random, time::clock};

/// Wakes the task.
static WAKER: Once<Arc<Waker>> = Once::new();
static STACK: Once<Arc<Stack>> = Once::new();

/// A network that has a loopback interface.
pub(crate) fn new() -> Arc<Stack> {
    let mut seed = [0; 16];
    random::fill(&mut seed);
    let (words, _) = seed.as_chunks::<8>();
    let word = |index: usize| words.get(index).copied().map_or(0, u64::from_ne_bytes);
    Stack::new(Secret::new([word(0), word(1)]))
}

/// Serves the network from this CPU's tick.
///
/// # Errors
/// No memory for the task.
pub(crate) fn start(stack: &Arc<Stack>) -> ostd::Result<()> {
    STACK.call_once(|| stack.clone());
    TaskOptions::new(serve).spawn()?;
    register_callback_on_cpu(tick);
    Ok(())
}

fn now() -> Instant {
    clock::now().into()
}

/// Called at each tick, in the interrupt.
fn tick() {
    if let Some(stack) = STACK.get()
        && stack.is_due(now())
        && let Some(waker) = WAKER.get()
    {
        waker.wake_up();
    }
}

/// The task.
fn serve() {
    let (waiter, waker) = Waiter::new_pair();
    WAKER.call_once(|| waker);
    loop {
        if let Some(stack) = STACK.get() {
            stack.poll(now());
        }
        waiter.wait();
    }
}
