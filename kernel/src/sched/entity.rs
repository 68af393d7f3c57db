//! What the scheduler knows of a thread.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicU64, Ordering};

use ostd::{
    cpu::{AtomicCpuSet, CpuId, CpuSet, PinCurrentCpu},
    irq,
    smp::inter_processor_call,
    task::Task,
};

use super::policy::{self, Policy};
use crate::process::Thread;

/// [`Entity::running_on`], [`Entity::last`]: no CPU.
const NOWHERE: u32 = u32::MAX;

/// A thread, as the scheduler sees it.
pub(crate) struct Entity {
    /// The CPU that it is on, while it is on one.
    running_on: AtomicU32,
    /// The CPU whose queue it was in last.
    last: AtomicU32,
    /// How many switches that CPU had made when it was decided that the thread leaves it. One more, and it has left.
    put_away_at: AtomicU64,
    /// Where it may run.
    allowed: AtomicCpuSet,
    /// How many ticks of its time slice are used up.
    pub(super) ticks: AtomicU32,
    /// How many ticks its time slice has.
    pub(super) slice: AtomicU32,
    /// It runs before others as soon as it becomes runnable.
    urgent: AtomicU32,
    /// Its nice value, -20 to 19.
    nice: AtomicI32,
    /// What was asked for by sched_setscheduler(2), packed.
    policy: AtomicU32,
    /// It waits for something other than a CPU.
    pub(super) asleep: AtomicBool,
    /// How often it gave up its CPU to wait.
    pub(super) waits: AtomicU64,
    /// How often its CPU was taken from it.
    pub(super) preemptions: AtomicU64,
}

impl Default for Entity {
    fn default() -> Self {
        Self {
            running_on: AtomicU32::new(NOWHERE),
            last: AtomicU32::new(NOWHERE),
            put_away_at: AtomicU64::new(0),
            allowed: AtomicCpuSet::new(CpuSet::new_full()),
            ticks: AtomicU32::new(0),
            slice: AtomicU32::new(policy::slice(0)),
            urgent: AtomicU32::new(0),
            nice: AtomicI32::new(0),
            policy: AtomicU32::new(Policy::default().pack()),
            asleep: AtomicBool::new(false),
            waits: AtomicU64::new(0),
            preemptions: AtomicU64::new(0),
        }
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

    /// The CPU that it was on last; the first before it has run.
    pub(crate) fn last_cpu(&self) -> u32 {
        match self.last.load(Ordering::Relaxed) {
            NOWHERE => 0,
            cpu => cpu,
        }
    }

    pub(super) fn last(&self) -> Option<CpuId> {
        match self.last.load(Ordering::Relaxed) {
            NOWHERE => None,
            cpu => CpuId::try_from(cpu as usize).ok(),
        }
    }

    /// It is in this CPU's queue. Called with that locked, or by whom alone it belongs to.
    pub(super) fn belongs_to(&self, cpu: CpuId) {
        self.last.store(u32::from(cpu), Ordering::Relaxed);
    }

    /// It is to leave its CPU, which has made so many switches.
    pub(super) fn put_away(&self, switches: u64) {
        self.put_away_at.store(switches, Ordering::Release);
    }

    /// Whether it has left its CPU, which has made so many switches.
    pub(super) fn has_left(&self, switches: u64) -> bool {
        switches > self.put_away_at.load(Ordering::Acquire)
    }

    pub(super) fn may_run_on(&self, cpu: CpuId) -> bool {
        self.allowed.contains(cpu, Ordering::Relaxed)
    }

    pub(super) fn is_urgent(&self) -> bool {
        self.urgent.load(Ordering::Relaxed) != 0
    }

    /// Where it may run.
    pub(crate) fn affinity(&self) -> CpuSet {
        self.allowed.load(Ordering::Relaxed)
    }

    /// Says where it may run, which is one CPU at least. It moves when it next becomes runnable, gives up its CPU, or at
    /// the next tick.
    pub(crate) fn set_affinity(&self, cpus: &CpuSet) {
        self.allowed.store(cpus, Ordering::Relaxed);
    }

    /// Its nice value.
    pub(crate) fn nice(&self) -> i32 {
        self.nice.load(Ordering::Relaxed)
    }

    /// Sets it, -20 to 19: how long its time slices are.
    pub(crate) fn set_nice(&self, nice: i32) {
        self.nice.store(nice, Ordering::Relaxed);
        self.weigh();
    }

    /// What it was given by sched_setscheduler(2).
    pub(crate) fn policy(&self) -> Policy {
        Policy::unpack(self.policy.load(Ordering::Relaxed))
    }

    /// Sets it.
    pub(crate) fn set_policy(&self, policy: Policy) {
        self.policy.store(policy.pack(), Ordering::Relaxed);
        self.weigh();
    }

    fn weigh(&self) {
        let policy = self.policy();
        self.slice.store(policy.slice(self.nice()), Ordering::Relaxed);
        self.urgent.store(u32::from(policy.is_real_time()), Ordering::Relaxed);
    }

    /// A new thread runs where and how its maker does.
    pub(crate) fn inherit(&self, maker: &Self) {
        self.allowed.store(&maker.affinity(), Ordering::Relaxed);
        let (policy, nice) = maker.policy().of_child(maker.nice());
        self.policy.store(policy.pack(), Ordering::Relaxed);
        self.nice.store(nice, Ordering::Relaxed);
        self.weigh();
    }

    /// Whether it waits for something other than a CPU.
    pub(crate) fn is_asleep(&self) -> bool {
        self.asleep.load(Ordering::Relaxed)
    }

    /// How often it gave up its CPU to wait, and how often that was taken from it.
    pub(crate) fn switches(&self) -> (u64, u64) {
        (self.waits.load(Ordering::Relaxed), self.preemptions.load(Ordering::Relaxed))
    }
}

/// What is known of a task; `None` for the kernel's own.
pub(super) fn of(task: &Task) -> Option<&Entity> {
    thread_of(task).map(|thread| &thread.schedule)
}

/// The thread whose task this is.
pub(super) fn thread_of(task: &Task) -> Option<&Arc<Thread>> {
    task.data().downcast_ref::<Arc<Thread>>()
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
