//! The tasks of one CPU.

use alloc::{collections::VecDeque, sync::Arc, vec::Vec};
use core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};

use ostd::{
    cpu::{CpuId, PrivilegeLevel},
    irq::InterruptLevel,
    sync::{LocalIrqDisabled, SpinLock, SpinLockGuard},
    task::{
        Task,
        scheduler::{LocalRunQueue, UpdateFlags},
    },
};

use super::{RoundRobin, entity, statistics::Ticks};

/// After how many ticks a CPU that has something to do looks whether another has more.
const BALANCE_TICKS: u32 = 16;
/// How many waiting tasks are looked at in search of one that may be taken.
const SEARCH_LIMIT: usize = 16;

/// The queue of a CPU, and what others see of it at a glance.
pub(super) struct CpuQueue {
    tasks: SpinLock<Tasks, LocalIrqDisabled>,
    /// Runnable tasks, the running one included, idle not.
    pub(super) load: AtomicUsize,
    /// How many times it went from one task to another. Counted once the former has left.
    pub(super) switches: AtomicU64,
    /// What it did at its ticks.
    pub(super) ticks: Ticks,
    /// Tasks have left that may not run here.
    pub(super) has_outgoing: AtomicBool,
}

impl CpuQueue {
    pub(super) const fn new() -> Self {
        let tasks = Tasks {
            current: None,
            urgent: VecDeque::new(),
            waiting: VecDeque::new(),
            outgoing: Vec::new(),
            idle: None,
            ticks: 0,
            give_way: false,
            picked: None,
            exiting: false,
        };
        Self {
            tasks: SpinLock::new(tasks),
            load: AtomicUsize::new(0),
            switches: AtomicU64::new(1),
            ticks: Ticks::new(),
            has_outgoing: AtomicBool::new(false),
        }
    }
}

pub(super) struct Tasks {
    current: Option<Arc<Task>>,
    /// Run before the others.
    urgent: VecDeque<Arc<Task>>,
    waiting: VecDeque<Arc<Task>>,
    /// They may not run here, and are to be passed on when they have left.
    outgoing: Vec<Arc<Task>>,
    /// Runs when nothing else does; never in `waiting`.
    idle: Option<Arc<Task>>,
    /// How many ticks there have been.
    ticks: u32,
    /// The current task's time slice is over, or it has said that others may go first.
    give_way: bool,
    /// What runs next, as was found out when the current task said that it gives way.
    picked: Option<Arc<Task>>,
    /// The current task is about to leave for good.
    exiting: bool,
}

/// A queue that is held.
pub(super) struct Locked<'a> {
    tasks: SpinLockGuard<'a, Tasks, LocalIrqDisabled>,
    queue: &'a CpuQueue,
    cpu: CpuId,
    scheduler: &'a RoundRobin,
}

impl<'a> Locked<'a> {
    pub(super) fn new(scheduler: &'a RoundRobin, cpu: CpuId) -> Self {
        let queue = scheduler.queue(cpu);
        Self { tasks: queue.tasks.lock(), queue, cpu, scheduler }
    }

    /// Adds a runnable task. True where this CPU should turn to it at once.
    pub(super) fn push(&mut self, task: Arc<Task>) -> bool {
        // The kernel's own tasks wait for devices and times, and are short.
        let urgent = entity::of(&task).is_none_or(entity::Entity::is_urgent);
        let at_once = self.is_idle() || urgent && !self.runs_urgent();
        if urgent {
            self.tasks.urgent.push_back(task);
        } else {
            self.tasks.waiting.push_back(task);
        }
        self.publish_load();
        at_once
    }

    pub(super) fn set_idle(&mut self, task: Arc<Task>) {
        self.tasks.idle = Some(task);
    }

    /// Takes the tasks that are to be passed on.
    pub(super) fn take_outgoing(&mut self) -> Vec<Arc<Task>> {
        self.queue.has_outgoing.store(false, Ordering::Relaxed);
        core::mem::take(&mut self.tasks.outgoing)
    }

    /// Whether the idle task runs. Before its first task a CPU is still booting, which is not to be interrupted.
    fn is_idle(&self) -> bool {
        match (&self.tasks.current, &self.tasks.idle) {
            (Some(current), Some(idle)) => Arc::ptr_eq(current, idle),
            _ => false,
        }
    }

    fn runs_urgent(&self) -> bool {
        let urgent = |task: &Arc<Task>| entity::of(task).is_none_or(entity::Entity::is_urgent);
        self.tasks.current.as_ref().is_none_or(urgent)
    }

    fn others_wait(&self) -> bool {
        !(self.tasks.waiting.is_empty() && self.tasks.urgent.is_empty())
    }

    fn publish_load(&self) {
        let running = usize::from(self.tasks.current.is_some() && !self.is_idle());
        let load = self.tasks.waiting.len() + self.tasks.urgent.len() + running;
        self.queue.load.store(load, Ordering::Relaxed);
    }

    /// Whether the task that runs here may do so.
    fn may_stay(&self) -> bool {
        self.tasks.current.as_ref().is_none_or(|current| self.suits(current))
    }

    /// Whether a task may run here.
    fn suits(&self, task: &Task) -> bool {
        !self.scheduler.has_several() || entity::of(task).is_none_or(|entity| entity.may_run_on(self.cpu))
    }

    /// The next task in the queue that may run here; others are laid aside.
    fn pop(&mut self) -> Option<Arc<Task>> {
        loop {
            let task = match self.tasks.urgent.pop_front() {
                Some(task) => task,
                None => self.tasks.waiting.pop_front()?,
            };
            if self.suits(&task) {
                return Some(task);
            }
            self.lay_aside(task);
        }
    }

    #[cold]
    fn lay_aside(&mut self, task: Arc<Task>) {
        self.tasks.outgoing.push(task);
        self.queue.has_outgoing.store(true, Ordering::Relaxed);
    }

    /// Takes a waiting task from another CPU that has at least `least` to do.
    fn steal(&self, least: usize) -> Option<Arc<Task>> {
        let (load, busiest) = self.scheduler.busiest_but(self.cpu)?;
        if load < least {
            return None;
        }
        let queue = self.scheduler.queue(busiest);
        // This CPU's queue is held: whoever holds the other may be after this one.
        let mut tasks = queue.tasks.try_lock()?;
        let switches = queue.switches.load(Ordering::Acquire);
        let may_be_taken = |task: &Arc<Task>| {
            entity::of(task).is_some_and(|entity| entity.may_run_on(self.cpu) && entity.has_left(switches))
        };
        let at = tasks.waiting.iter().take(SEARCH_LIMIT).position(may_be_taken)?;
        let task = tasks.waiting.remove(at)?;
        if let Some(entity) = entity::of(&task) {
            entity.belongs_to(self.cpu);
        }
        task.schedule_info().cpu.set_anyway(self.cpu);
        queue.load.fetch_sub(1, Ordering::Relaxed);
        Some(task)
    }

    /// Whether the current task has to give way. Counts its time, and takes work from a CPU that has more.
    fn tick(&mut self) -> bool {
        if self.is_idle() {
            self.queue.ticks.count_idle();
            return self.others_wait() || self.scheduler.someone_waits_elsewhere(self.cpu);
        }
        self.tasks.ticks = self.tasks.ticks.wrapping_add(1);
        let Some(current) = self.tasks.current.clone() else { return false };
        let Some(thread) = entity::thread_of(&current) else {
            self.queue.ticks.count_system();
            return false;
        };
        let in_user_mode = InterruptLevel::current() == InterruptLevel::L1(PrivilegeLevel::User);
        thread.cpu_time.sample(in_user_mode);
        if in_user_mode {
            self.queue.ticks.count_user(thread.schedule.nice());
        } else {
            self.queue.ticks.count_system();
        }
        if self.scheduler.has_several() {
            let load = self.queue.load.load(Ordering::Relaxed);
            if self.tasks.ticks.is_multiple_of(BALANCE_TICKS)
                && let Some(task) = self.steal(load + 2)
            {
                self.tasks.waiting.push_back(task);
                self.publish_load();
            }
            if !thread.schedule.may_run_on(self.cpu) {
                return true;
            }
        }
        let entity = &thread.schedule;
        let used = entity.ticks.load(Ordering::Relaxed) + 1;
        entity.ticks.store(used, Ordering::Relaxed);
        if used >= entity.slice.load(Ordering::Relaxed) && self.others_wait() {
            self.tasks.give_way = true;
        }
        self.tasks.give_way || !self.tasks.urgent.is_empty() && !self.runs_urgent()
    }

    /// Puts the task that has run until now to where it belongs; it is still runnable.
    fn put_back(&mut self, previous: Arc<Task>) {
        let Some(entity) = entity::of(&previous) else {
            return self.tasks.urgent.push_back(previous);
        };
        entity.put_away(self.queue.switches.load(Ordering::Relaxed));
        entity.preemptions.store(entity.preemptions.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        if !self.suits(&previous) {
            self.lay_aside(previous);
        } else if self.tasks.give_way {
            entity.ticks.store(0, Ordering::Relaxed);
            self.tasks.waiting.push_back(previous);
        } else {
            // Others were more urgent: it goes on with what is left of its time.
            self.tasks.waiting.push_front(previous);
        }
    }
}

impl LocalRunQueue for Locked<'_> {
    fn current(&self) -> Option<&Arc<Task>> {
        self.tasks.current.as_ref()
    }

    /// Must be false where [`Self::try_pick_next`] would give the current task again: ostd would wait for ever for it to
    /// leave the CPU. And true where there is no current task: something has to run, if only idle.
    fn update_current(&mut self, flags: UpdateFlags) -> bool {
        match flags {
            UpdateFlags::Tick => self.tick(),
            UpdateFlags::Yield => {
                // Those that wait may all have to be passed on: only what can be had counts.
                self.tasks.picked = self.pop();
                let gives_way =
                    self.tasks.picked.is_some() || self.tasks.current.is_none() || !self.may_stay();
                self.tasks.give_way |= gives_way;
                gives_way
            }
            UpdateFlags::Wait => true,
            UpdateFlags::Exit => {
                self.tasks.exiting = true;
                true
            }
        }
    }

    fn try_pick_next(&mut self) -> Option<&Arc<Task>> {
        let was_idle = self.is_idle();
        // A task that may not stay gives way even to idle.
        let must = self.tasks.current.is_none() || !self.may_stay();
        let may = must || was_idle || self.tasks.give_way || !self.tasks.urgent.is_empty();
        let mut next = self.tasks.picked.take();
        if next.is_none() && may {
            next = self.pop();
        }
        if next.is_none() && (must || was_idle) {
            next = self.steal(2);
        }
        if next.is_none() && must {
            next = self.tasks.idle.clone();
        }
        let next = next?;
        if let Some(previous) = self.tasks.current.replace(next)
            && !was_idle
        {
            self.put_back(previous);
        }
        self.tasks.give_way = false;
        self.publish_load();
        self.tasks.current.as_ref()
    }

    /// A task that has ended keeps its CPU: somebody may have decided to wake it while it still ran, and must not find it
    /// to be asleep now and let it run again.
    fn dequeue_current(&mut self) -> Option<Arc<Task>> {
        let current = self.tasks.current.take()?;
        if core::mem::take(&mut self.tasks.exiting) {
            return Some(current);
        }
        if let Some(entity) = entity::of(&current) {
            entity.put_away(self.queue.switches.load(Ordering::Relaxed));
            entity.asleep.store(true, Ordering::Relaxed);
            entity.waits.store(entity.waits.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
            entity.ticks.store(0, Ordering::Relaxed);
        }
        // Whoever finds it without a CPU sees all this.
        fence(Ordering::Release);
        current.schedule_info().cpu.set_to_none();
        Some(current)
    }
}
