//! The tasks of one CPU.

use alloc::{collections::VecDeque, sync::Arc};
use core::sync::atomic::{AtomicUsize, Ordering};

use ostd::{
    sync::{LocalIrqDisabled, SpinLock, SpinLockGuard},
    task::{
        Task,
        scheduler::{LocalRunQueue, UpdateFlags},
    },
};

/// How many timer ticks a task may run while others wait.
const SLICE_TICKS: u32 = 4;

/// The queue of a CPU, and how much is in it.
pub(super) struct CpuQueue {
    tasks: SpinLock<Tasks, LocalIrqDisabled>,
    /// Runnable tasks, the running one included, idle not: for a glance from other CPUs.
    pub(super) load: AtomicUsize,
}

impl CpuQueue {
    pub(super) const fn new() -> Self {
        let tasks = Tasks { current: None, waiting: VecDeque::new(), idle: None, ticks: 0, exiting: false };
        Self { tasks: SpinLock::new(tasks), load: AtomicUsize::new(0) }
    }

    pub(super) fn lock(&self) -> Locked<'_> {
        Locked { tasks: self.tasks.lock(), load: &self.load }
    }
}

struct Tasks {
    current: Option<Arc<Task>>,
    waiting: VecDeque<Arc<Task>>,
    /// Runs when nothing else does; never in `waiting`.
    idle: Option<Arc<Task>>,
    /// How many ticks the current task has had.
    ticks: u32,
    /// The current task is about to leave for good.
    exiting: bool,
}

/// A queue that is held.
pub(super) struct Locked<'a> {
    tasks: SpinLockGuard<'a, Tasks, LocalIrqDisabled>,
    load: &'a AtomicUsize,
}

impl Locked<'_> {
    pub(super) fn push(&mut self, task: Arc<Task>) {
        self.tasks.waiting.push_back(task);
        self.publish_load();
    }

    pub(super) fn set_idle(&mut self, task: Arc<Task>) {
        self.tasks.idle = Some(task);
    }

    /// Whether the idle task runs. Before its first task a CPU is still booting, which is not to be interrupted.
    pub(super) fn is_idle(&self) -> bool {
        match (&self.tasks.current, &self.tasks.idle) {
            (Some(current), Some(idle)) => Arc::ptr_eq(current, idle),
            _ => false,
        }
    }

    fn publish_load(&self) {
        let running = usize::from(self.tasks.current.is_some() && !self.is_idle());
        self.load.store(self.tasks.waiting.len() + running, Ordering::Relaxed);
    }
}

impl LocalRunQueue for Locked<'_> {
    fn current(&self) -> Option<&Arc<Task>> {
        self.tasks.current.as_ref()
    }

    /// Must be false where [`Self::try_pick_next`] would give the current task again: ostd would wait for ever for it to
    /// leave the CPU. And true where there is no current task: something has to run, if only idle.
    fn update_current(&mut self, flags: UpdateFlags) -> bool {
        let others_wait = !self.tasks.waiting.is_empty();
        match flags {
            UpdateFlags::Tick => {
                self.tasks.ticks += 1;
                let over = self.tasks.ticks >= SLICE_TICKS || self.is_idle();
                others_wait && over && self.tasks.current.is_some()
            }
            UpdateFlags::Yield => others_wait || self.tasks.current.is_none(),
            UpdateFlags::Wait => true,
            UpdateFlags::Exit => {
                self.tasks.exiting = true;
                true
            }
        }
    }

    fn try_pick_next(&mut self) -> Option<&Arc<Task>> {
        let next = match self.tasks.waiting.pop_front() {
            Some(next) => next,
            None if self.tasks.current.is_none() => self.tasks.idle.clone()?,
            None => return None,
        };
        self.tasks.ticks = 0;
        let was_idle = self.is_idle();
        if let Some(previous) = self.tasks.current.replace(next)
            && !was_idle
        {
            self.tasks.waiting.push_back(previous);
        }
        self.publish_load();
        self.tasks.current.as_ref()
    }

    /// A task that has ended keeps its CPU: somebody may have decided to wake it while it still ran, and must not find it
    /// to be asleep now and let it run again.
    fn dequeue_current(&mut self) -> Option<Arc<Task>> {
        let current = self.tasks.current.take();
        let exiting = core::mem::take(&mut self.tasks.exiting);
        if let Some(task) = &current
            && !exiting
        {
            task.schedule_info().cpu.set_to_none();
        }
        self.publish_load();
        current
    }
}
