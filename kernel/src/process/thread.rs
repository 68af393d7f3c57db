//! Threads.

use alloc::sync::{Arc, Weak};
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicU64, AtomicUsize, Ordering};

use ostd::{
    sync::{SpinLock, Waker},
    task::Task,
};
use socket::{
    identity::Identity,
    ready::{Events, Observer},
};
use spin::Once;

use super::{
    Credentials, Process, clone::Lender, cpu_time::CpuTime, robust::RobustList, signal::SignalState,
};
use crate::sched::{self, Entity};

/// The slack of timers that is not said otherwise, in nanoseconds.
const USUAL_TIMER_SLACK: u64 = 50_000;

/// [`Thread::pending`]: the thread is to end.
const KILLED: u32 = 1 << 0;
/// [`Thread::pending`]: there may be a signal for it, or a mask to go back to.
const SIGNALS: u32 = 1 << 1;

/// A thread, as others see it.
pub(crate) struct Thread {
    /// Its number; that of a process's first thread is the process's.
    tid: AtomicI32,
    /// What it shares with others.
    pub(crate) process: Arc<Process>,
    /// What it has to attend to before it goes on in user mode. Zero almost always: one load per system call.
    pending: AtomicU32,
    /// Ends its sleep; there once it has begun to run, and for as long as it does: the waker holds the task, which holds
    /// this.
    waker: Once<Weak<Waker>>,
    /// A copy is being made that must not wait for a page.
    faults_disabled: AtomicBool,
    /// Where to write zero, and wake a futex, when it exits (set_tid_address(2)); 0 for nowhere.
    pub(crate) clear_tid_at: AtomicUsize,
    /// How much later than asked its timers may end, in nanoseconds (PR_SET_TIMERSLACK); 0 for what is usual. They end with
    /// the next tick.
    pub(crate) timer_slack: AtomicU64,
    /// Who waits for the process to let go of borrowed memory.
    pub(super) lender: SpinLock<Option<Arc<Lender>>>,
    /// Locks that pass to others when it exits (set_robust_list(2)).
    pub(crate) robust_list: SpinLock<RobustList>,
    /// Where it runs.
    pub(crate) schedule: Entity,
    /// How long it has run.
    pub(crate) cpu_time: CpuTime,
    /// Who it is.
    pub(crate) credentials: SpinLock<Credentials>,
    /// Who it was when a socket last asked: made again only where that has changed.
    shown: SpinLock<Option<Arc<Identity>>>,
    /// Its signals, their mask and the alternate stack.
    pub(crate) signals: SpinLock<SignalState>,
    /// Its name (PR_SET_NAME), with its NUL byte.
    pub(crate) name: SpinLock<[u8; 16]>,
}

impl Thread {
    /// A thread that does not run yet.
    pub(super) fn new(
        tid: i32,
        process: Arc<Process>,
        name: [u8; 16],
        signals: SignalState,
        credentials: Credentials,
    ) -> Arc<Self> {
        let thread = Arc::new(Self {
            tid: AtomicI32::new(tid),
            process,
            pending: AtomicU32::new(0),
            waker: Once::new(),
            faults_disabled: AtomicBool::new(false),
            clear_tid_at: AtomicUsize::new(0),
            timer_slack: AtomicU64::new(0),
            lender: SpinLock::new(None),
            robust_list: SpinLock::new(RobustList::default()),
            schedule: Entity::default(),
            cpu_time: CpuTime::default(),
            credentials: SpinLock::new(credentials),
            shown: SpinLock::new(None),
            signals: SpinLock::new(signals),
            name: SpinLock::new(name),
        });
        super::id::register(&thread);
        thread
    }

    /// Its number. A thread that executes a program takes on that of its process.
    #[inline]
    pub(crate) fn tid(&self) -> i32 {
        self.tid.load(Ordering::Relaxed)
    }

    /// How much later than asked its timers may end, in nanoseconds.
    pub(crate) fn timer_slack(&self) -> u64 {
        match self.timer_slack.load(Ordering::Relaxed) {
            0 => USUAL_TIMER_SLACK,
            slack => slack,
        }
    }

    /// Who it is, as sockets show it to others.
    pub(crate) fn shown_identity(&self) -> Arc<Identity> {
        let mut shown = self.shown.lock();
        let credentials = self.credentials.lock();
        if let Some(shown) = shown.as_ref().filter(|shown| credentials.are_shown(shown)) {
            return shown.clone();
        }
        let now = Arc::new(credentials.show(&self.process));
        drop(credentials);
        let before = shown.replace(now.clone());
        drop(shown);
        drop(before);
        now
    }

    /// Gives it another number.
    pub(super) fn take_number(&self, tid: i32) {
        self.tid.store(tid, Ordering::Relaxed);
    }

    /// Whoever has lent it its memory has that for itself again.
    pub(super) fn return_memory(&self) {
        let lender = self.lender.lock().take();
        if let Some(lender) = lender {
            lender.give_back();
        }
    }

    /// Says how to end its sleep. Called by itself, first thing.
    pub(super) fn set_waker(&self, waker: &Arc<Waker>) {
        self.waker.call_once(|| Arc::downgrade(waker));
    }

    /// Ends its sleep, or keeps the next one from beginning.
    pub(crate) fn wake(&self) {
        if let Some(waker) = self.waker.get().and_then(Weak::upgrade) {
            waker.wake_up();
        }
    }

    /// Whether there is something to attend to before it goes on.
    #[inline]
    pub(crate) fn must_attend(&self) -> bool {
        self.pending.load(Ordering::Relaxed) != 0
    }

    /// Whether it is to end.
    pub(crate) fn is_killed(&self) -> bool {
        self.pending.load(Ordering::Acquire) & KILLED != 0
    }

    /// It is to end, wherever it is: asleep it is woken; in user mode on another CPU it enters the kernel.
    pub(super) fn kill(self: &Arc<Self>) {
        self.pending.fetch_or(KILLED, Ordering::SeqCst);
        self.wake();
        sched::kick(self);
    }

    /// It is to look for signals before it goes on in user mode. Called by itself, or before it is woken.
    pub(super) fn note_signals(&self) {
        self.pending.fetch_or(SIGNALS, Ordering::SeqCst);
    }

    /// It is looking for signals now: those that come from now on are new.
    pub(super) fn forget_signals(&self) {
        self.pending.fetch_and(!SIGNALS, Ordering::AcqRel);
    }

    /// It is to look for signals, wherever it is: asleep it is woken; in user mode on another CPU it enters the kernel.
    pub(super) fn attend_to_signals(self: &Arc<Self>) {
        self.note_signals();
        self.wake();
        sched::kick(self);
    }

    /// Whether a copy is being made that must not wait for a page.
    pub(crate) fn faults_disabled(&self) -> bool {
        self.faults_disabled.load(Ordering::Relaxed)
    }

    /// Copies from and to user memory by this thread, during `copy`, fail where a page would have to be brought in.
    pub(crate) fn without_faults<T>(&self, copy: impl FnOnce() -> T) -> T {
        self.faults_disabled.store(true, Ordering::Relaxed);
        let result = copy();
        self.faults_disabled.store(false, Ordering::Relaxed);
        result
    }
}

impl Observer for Thread {
    fn notify(&self, _events: Events) {
        self.wake();
    }
}

/// The thread whose task this is; `None` in the kernel's own tasks.
pub(crate) fn current_thread() -> Option<Arc<Thread>> {
    Task::current()?.data().downcast_ref::<Arc<Thread>>().cloned()
}

/// The name that a thread has from its program's path: the last component, cut to 15 bytes.
pub(super) fn name_from_path(path: &[u8]) -> [u8; 16] {
    let last = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let mut name = [0; 16];
    let length = last.len().min(15);
    name[..length].copy_from_slice(&last[..length]);
    name
}
