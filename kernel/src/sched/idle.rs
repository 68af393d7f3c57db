//! What a CPU does when there is nothing to do.

use alloc::sync::Arc;

use ostd::{
    cpu::PinCurrentCpu,
    task::{Task, TaskOptions, disable_preempt, halt_cpu, scheduler::enable_preemption_on_cpu},
    timer::register_callback_on_cpu,
};

/// Lets this CPU take part in scheduling. To be called once on each CPU, before its first task.
pub(crate) fn start() {
    let cpu = disable_preempt().current_cpu();
    match TaskOptions::new(idle).build() {
        Ok(task) => super::set_idle(cpu, Arc::new(task)),
        // A machine that cannot hold one kernel stack per CPU cannot run anything.
        Err(error) => panic!("no memory for the idle task of CPU {}: {error:?}", u32::from(cpu)),
    }
    enable_preemption_on_cpu();
    register_callback_on_cpu(super::pass_on);
}

fn idle() {
    loop {
        // A task that was passed on from another CPU came with an interrupt, and without a request to turn to it.
        if super::something_waits() {
            Task::yield_now();
        } else {
            halt_cpu();
        }
    }
}
