//! Which task runs where: round robin on a queue per CPU.
//!
//! A task that becomes runnable goes to the CPU with the least to do. A user task that computes is interrupted when its
//! time slice is over and another one waits; the kernel itself is never preempted.

mod entity;
mod idle;
mod queue;

use alloc::{boxed::Box, sync::Arc, vec::Vec};
use core::sync::atomic::Ordering;

pub(crate) use entity::{Entity, kick};
pub(crate) use idle::start as start_on_cpu;
use ostd::{
    cpu::{CpuId, PinCurrentCpu, num_cpus},
    task::{
        Task, disable_preempt,
        scheduler::{EnqueueFlags, LocalRunQueue, Scheduler, inject_scheduler},
    },
    util::id_set::Id,
};
use queue::CpuQueue;
use spin::Once;

static SCHEDULER: Once<&'static RoundRobin> = Once::new();

struct RoundRobin {
    /// By CPU number.
    queues: Vec<CpuQueue>,
}

impl RoundRobin {
    /// The CPU for a task that becomes runnable: this one if nobody has less to do.
    fn select_cpu(&self, here: CpuId) -> CpuId {
        let load = |cpu: CpuId| self.queues[cpu.as_usize()].load.load(Ordering::Relaxed);
        let mut least = (load(here), here);
        if least.0 != 0 {
            for cpu in ostd::cpu::all_cpus() {
                let load = load(cpu);
                if load < least.0 {
                    least = (load, cpu);
                }
            }
        }
        least.1
    }
}

impl Scheduler for RoundRobin {
    fn enqueue(&self, task: Arc<Task>, _flags: EnqueueFlags) -> Option<CpuId> {
        let here = disable_preempt().current_cpu();
        let selected = if self.queues.len() == 1 { here } else { self.select_cpu(here) };
        // A task that is being woken while it is on its way to sleep still belongs to its CPU's queue. Under that
        // queue's lock it is clear whether it went: then it is ours to place, else it sees for itself that it was woken.
        let leaving = task.schedule_info().cpu.set_if_is_none(selected).err();
        let cpu = leaving.unwrap_or(selected);
        let mut queue = self.queues[cpu.as_usize()].lock();
        if leaving.is_some() && task.schedule_info().cpu.set_if_is_none(cpu).is_err() {
            return None;
        }
        queue.push(task);
        queue.is_idle().then_some(cpu)
    }

    fn local_rq_with(&self, f: &mut dyn FnMut(&dyn LocalRunQueue)) {
        let guard = disable_preempt();
        f(&self.queues[guard.current_cpu().as_usize()].lock());
    }

    fn mut_local_rq_with(&self, f: &mut dyn FnMut(&mut dyn LocalRunQueue)) {
        let guard = disable_preempt();
        f(&mut self.queues[guard.current_cpu().as_usize()].lock());
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
        scheduler.queues[cpu.as_usize()].lock().set_idle(task);
    }
}
