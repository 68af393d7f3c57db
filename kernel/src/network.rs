//! The network's task: it takes what devices have received, does what the time has come for, and what calls have left to
//! others.
//!
//! Nothing of net-stack is locked in an interrupt: the tick only looks at a number, a device's interrupt at nothing; both
//! wake the task.

mod port;

use alloc::{sync::Arc, vec::Vec};
use core::sync::atomic::{AtomicU64, Ordering};

use net_stack::{Stack, configure::StaticAddress, random::Secret, time::Instant};
use ostd::{
    sync::{WaitQueue, Waiter, Waker},
    task::{Task, TaskOptions},
    timer::register_callback_on_cpu,
};
use spin::Once;

use self::port::Port;
use crate::{device, random, time::clock};

/// So long the first program waits for addresses, in microseconds.
const PATIENCE: u64 = 10_000_000;

/// Wakes the task.
static WAKER: Once<Arc<Waker>> = Once::new();
static STACK: Once<Arc<Stack>> = Once::new();

/// When an interface has something to do that no packet says, in microseconds; the greatest number for never.
static NEXT: AtomicU64 = AtomicU64::new(u64::MAX);

/// How many interfaces still wait for their first address, and who waits for that.
static WAITING: AtomicU64 = AtomicU64::new(0);
static CONFIGURED: WaitQueue = WaitQueue::new();

/// A network that has a loopback interface.
pub(crate) fn new() -> Arc<Stack> {
    let mut seed = [0; 16];
    random::fill(&mut seed);
    let (words, _) = seed.as_chunks::<8>();
    let word = |index: usize| words.get(index).copied().map_or(0, u64::from_ne_bytes);
    Stack::new(Secret::new([word(0), word(1)]))
}

/// Takes network devices into use, as `eth0` and so on, and serves the network from this CPU's tick.
///
/// # Errors
/// No memory for the task.
pub(crate) fn start(stack: &Arc<Stack>, addresses: &[StaticAddress]) -> ostd::Result<()> {
    STACK.call_once(|| stack.clone());
    let mut ports: Vec<Port> = (0u32..)
        .zip(device::networks(wake))
        .filter_map(|(number, device)| Port::open(stack, device, number, addresses, now()))
        .collect();
    for address in addresses {
        match address.apply(stack) {
            Ok(_) => ostd::info!("{address}"),
            Err(error) => ostd::error!("ip={address}: {error:?}"),
        }
    }
    let waiting = ports.iter().filter(|port| port.is_waiting()).count();
    WAITING.store(waiting as u64, Ordering::Release);
    let stack = stack.clone();
    TaskOptions::new(move || serve(&stack, &mut ports)).spawn()?;
    register_callback_on_cpu(tick);
    Ok(())
}

/// Waits until servers have given all interfaces addresses that are to have some, but not for ever.
pub(crate) fn wait_for_addresses() {
    if WAITING.load(Ordering::Acquire) == 0 {
        return;
    }
    CONFIGURED.wait_until(|| (WAITING.load(Ordering::Acquire) == 0).then_some(()));
}

fn now() -> Instant {
    clock::now().into()
}

/// Called in interrupts of devices.
fn wake() {
    if let Some(waker) = WAKER.get() {
        waker.wake_up();
    }
}

/// Called at each tick, in the interrupt.
fn tick() {
    let now = now();
    let due = |stack: &Arc<Stack>| stack.is_due(now) || NEXT.load(Ordering::Relaxed) <= now.micros();
    if STACK.get().is_some_and(due) {
        wake();
    }
}

/// The task.
fn serve(stack: &Arc<Stack>, ports: &mut [Port]) {
    let (waiter, waker) = Waiter::new_pair();
    WAKER.call_once(|| waker);
    let give_up = Instant::from_micros(now().micros().saturating_add(PATIENCE));
    loop {
        let mut more = false;
        for port in ports.iter() {
            more |= port.receive(stack, now());
        }
        stack.poll(now());
        ports.iter_mut().for_each(|port| port.configure(now()));
        schedule(ports, give_up);
        if more {
            // Others run too, however much comes in.
            Task::yield_now();
        } else {
            waiter.wait();
        }
    }
}

/// Notes when the next thing is due, and whether addresses are still waited for.
fn schedule(ports: &[Port], give_up: Instant) {
    let waiting = ports.iter().filter(|port| port.is_waiting()).count() as u64;
    let patient = waiting > 0 && now() < give_up;
    let next = ports.iter().filter_map(Port::deadline).chain(patient.then_some(give_up)).min();
    NEXT.store(next.map_or(u64::MAX, Instant::micros), Ordering::Relaxed);
    let waiting = if patient { waiting } else { 0 };
    if WAITING.swap(waiting, Ordering::AcqRel) > 0 && waiting == 0 {
        CONFIGURED.wake_all();
    }
}
