//! Which task runs where: round robin on a queue per CPU.
//!
//! A thread that is woken goes to the CPU where it ran last if that is idle, else to an idle one, else to the less busy one
//! of that and its waker's. A CPU without work takes waiting threads from the busiest. A user task that computes is
//! interrupted when its time slice is over and another one waits; the kernel itself is never preempted.
//!
//! A task's `schedule_info().cpu` says in whose queue it is, running or waiting, and is empty while it sleeps. It changes
//! under that queue's lock, or by whom alone it is claimed from empty. A thread whose state is not saved yet, because its
//! CPU has only just decided to turn to another, is found in that CPU's queue and nowhere else: ostd would have another CPU
//! spin until it is saved, and two such CPUs might wait for each other.
//!
//! Lock order: a queue's lock is taken last, and another's only tried while one is held.

mod entity;
mod idle;
mod policy;
mod queue;
pub(crate) mod statistics;

use alloc::{boxed::Box, sync::Arc, vec::Vec};
use core::sync::atomic::{Ordering, fence};

pub(crate) use entity::{Entity, kick};
pub(crate) use idle::start as start_on_cpu;
use ostd::{
    cpu::{CpuId, CpuSet, PinCurrentCpu, all_cpus, num_cpus},
    irq,
    smp::inter_processor_call,
    task::{
        Task, disable_preempt,
        scheduler::{EnqueueFlags, LocalRunQueue, Scheduler, inject_scheduler},
    },
    util::id_set::Id,
};
pub(crate) use policy::Policy;
use queue::{CpuQueue, Locked};
use spin::Once;

static SCHEDULER: Once<&'static RoundRobin> = Once::new();

struct RoundRobin {
    /// By CPU number.
    queues: Vec<CpuQueue>,
}

impl RoundRobin {
    fn queue(&self, cpu: CpuId) -> &CpuQueue {
        &self.queues[cpu.as_usize()]
    }

    fn has_several(&self) -> bool {
        self.queues.len() > 1
    }

    fn load(&self, cpu: CpuId) -> usize {
        self.queue(cpu).load.load(Ordering::Relaxed)
    }

    /// The other CPU that has most to do, and how much.
    fn busiest_but(&self, here: CpuId) -> Option<(usize, CpuId)> {
        let loads = all_cpus().filter(|cpu| *cpu != here).map(|cpu| (self.load(cpu), cpu));
        loads.max_by_key(|(load, _)| *load)
    }

    /// Whether there may be something to steal.
    fn someone_waits_elsewhere(&self, here: CpuId) -> bool {
        self.has_several() && self.busiest_but(here).is_some_and(|(load, _)| load > 1)
    }

    /// The CPU for a thread that belongs to nobody's queue and becomes runnable.
    fn place(&self, entity: &Entity, here: CpuId) -> CpuId {
        if !self.has_several() {
            return here;
        }
        let last = entity.last();
        if let Some(last) = last {
            if !entity.has_left(self.queue(last).switches.load(Ordering::Acquire)) {
                return last;
            }
            if self.load(last) == 0 && entity.may_run_on(last) {
                return last;
            }
        }
        // The first of equals is taken: the last CPU, then this one.
        let near = [last.unwrap_or(here), here].into_iter();
        let allowed = near.chain(all_cpus()).filter(|cpu| entity.may_run_on(*cpu));
        allowed.min_by_key(|cpu| self.load(*cpu)).unwrap_or(here)
    }

    /// Passes on what may not run on this CPU, now that it has left it.
    #[cold]
    fn pass_on(&self, here: CpuId) {
        let outgoing = Locked::new(self, here).take_outgoing();
        for task in outgoing {
            let target = match entity::of(&task) {
                Some(entity) if !entity.has_left(self.queue(here).switches.load(Ordering::Acquire)) => here,
                Some(entity) => self.place(entity, here),
                None => here,
            };
            if let Some(entity) = entity::of(&task) {
                entity.belongs_to(target);
            }
            task.schedule_info().cpu.set_anyway(target);
            let at_once = Locked::new(self, target).push(task);
            if at_once && target != here {
                inter_processor_call(&CpuSet::from(target), || {});
            }
        }
    }
}

impl Scheduler for RoundRobin {
    fn enqueue(&self, task: Arc<Task>, _flags: EnqueueFlags) -> Option<CpuId> {
        let guard = disable_preempt();
        let here = guard.current_cpu();
        let place = &task.schedule_info().cpu;
        let entity = entity::of(&task);
        // The kernel's own tasks stay on the first CPU.
        let first = entity.map_or(CpuId::bsp(), |entity| entity.last().unwrap_or(here));
        while let Err(cpu) = place.set_if_is_none(first) {
            // A task that is being woken while it is on its way to sleep still belongs to its CPU's queue. Under that
            // queue's lock it is clear whether it went: then it is ours to place, else it sees for itself that it was
            // woken.
            let _queue = Locked::new(self, cpu);
            if place.get() == Some(cpu) {
                return None;
            }
        }
        fence(Ordering::Acquire);
        let cpu = entity.map_or(first, |entity| {
            let cpu = self.place(entity, here);
            entity.asleep.store(false, Ordering::Relaxed);
            entity.belongs_to(cpu);
            place.set_anyway(cpu);
            cpu
        });
        Locked::new(self, cpu).push(task).then_some(cpu)
    }

    fn local_rq_with(&self, f: &mut dyn FnMut(&dyn LocalRunQueue)) {
        let guard = disable_preempt();
        f(&Locked::new(self, guard.current_cpu()));
    }

    fn mut_local_rq_with(&self, f: &mut dyn FnMut(&mut dyn LocalRunQueue)) {
        let guard = disable_preempt();
        f(&mut Locked::new(self, guard.current_cpu()));
    }
}

/// Makes this the scheduler. To be called once, before there is any task.
pub(crate) fn init() {
    let queues = (0..num_cpus()).map(|_| CpuQueue::new()).collect();
    let scheduler: &'static RoundRobin = Box::leak(Box::new(RoundRobin { queues }));
    inject_scheduler(scheduler);
    SCHEDULER.call_once(|| scheduler);
}

/// Makes `task` the one that runs on `cpu` when no other does.
fn set_idle(cpu: CpuId, task: Arc<Task>) {
    if let Some(scheduler) = SCHEDULER.get() {
        task.schedule_info().cpu.set_anyway(cpu);
        Locked::new(scheduler, cpu).set_idle(task);
    }
}

/// This CPU has turned to another task: the former has left it. Called with interrupts disabled.
pub(crate) fn switched() {
    if let Some(scheduler) = SCHEDULER.get() {
        let here = CpuId::current_racy();
        let queue = scheduler.queue(here);
        // No other CPU writes it.
        queue.switches.store(queue.switches.load(Ordering::Relaxed) + 1, Ordering::Release);
        if queue.has_outgoing.load(Ordering::Relaxed) {
            scheduler.pass_on(here);
        }
    }
}

/// Passes on what may not run on this CPU. Called from its tick.
fn pass_on() {
    if let Some(scheduler) = SCHEDULER.get() {
        let guard = irq::disable_local();
        let here = guard.current_cpu();
        if scheduler.queue(here).has_outgoing.load(Ordering::Relaxed) {
            scheduler.pass_on(here);
        }
    }
}

/// Whether a task waits for this CPU.
fn something_waits() -> bool {
    let guard = disable_preempt();
    SCHEDULER.get().is_some_and(|scheduler| scheduler.load(guard.current_cpu()) > 0)
}
