//! What the scheduler knows of a thread.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicU32, Ordering};

use ostd::{
    cpu::{CpuId, CpuSet, PinCurrentCpu},
    irq,
    smp::inter_processor_call,
};

use crate::process::Thread;

/// [`Entity::running_on`]: on no CPU.
const NOWHERE: u32 = u32::MAX;

/// A thread, as the scheduler sees it.
pub(crate) struct Entity {
    /// The CPU that it is on.
    running_on: AtomicU32,
}

impl Default for Entity {
    fn default() -> Self {
        Self { running_on: AtomicU32::new(NOWHERE) }
    }
}

impl Entity {
    /// The thread is on `cpu` from now on. Called by that CPU.
    pub(crate) fn arrive(&self, cpu: CpuId) {
        // Ordered before the look at what there is to attend to that the thread takes on its way to user mode.
        self.running_on.store(u32::from(cpu), Ordering::SeqCst);
    }

    /// The thread leaves its CPU.
    pub(crate) fn leave(&self) {
        self.running_on.store(NOWHERE, Ordering::Relaxed);
    }

    /// The CPU that the thread is on; `None` while it sleeps or waits for one.
    pub(crate) fn running_on(&self) -> Option<CpuId> {
        CpuId::try_from(self.running_on.load(Ordering::SeqCst) as usize).ok()
    }
}

/// Makes a thread that runs in user mode on another CPU enter the kernel at once, where it sees what there is to attend
/// to. To be called after that has been said; it does no harm to a thread that is in the kernel or asleep.
pub(crate) fn kick(thread: &Arc<Thread>) {
    let Some(cpu) = thread.schedule.running_on() else {
        return;
    };
    let guard = irq::disable_local();
    if cpu != guard.current_cpu() {
        // The interrupt is all that is needed. A thread that is just on its way to user mode and sees it too early notices
        // at its CPU's next tick.
        inter_processor_call(&CpuSet::from(cpu), || {});
    }
}
