//! The end of threads and processes.

use core::{sync::atomic::Ordering, time::Duration};

use alloc::{sync::Arc, vec::Vec};
use linux_raw_sys::general::{CLD_EXITED, CLD_KILLED, SIGCHLD};
use socket::ready::Events;
use spin::Once;
use vfs::{FileTable, FsState};

use super::{
    Process, Thread, Usage,
    floating_point::change_page_table,
    free_id, robust,
    signal::{self, Info, SIGNAL_END},
    tree::{self, Entry, Tree},
};
use crate::{console::control, context::Context, exec::CLOCK_TICKS, mm::AddressSpace, system::System};

/// How a process ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ExitStatus {
    /// By exit(2), with the low eight bits of its argument.
    Exited(u8),
    /// By a signal.
    Killed(u8),
}

/// What whoever waits for a process gets to know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Ending {
    pub(super) status: ExitStatus,
    /// What it has used.
    pub(super) usage: Usage,
}

impl Ending {
    /// What the parent is told with the signal.
    fn info(&self, process: &Process) -> Info {
        let (code, status) = match self.status {
            ExitStatus::Exited(code) => (CLD_EXITED, code),
            ExitStatus::Killed(signal) => (CLD_KILLED, signal),
        };
        let ticks = |time: Duration| time.as_millis() as u64 * CLOCK_TICKS / 1000;
        let (user, system) = (ticks(self.usage.user), ticks(self.usage.system));
        Info::child(code, process.pid, process.real_user(), i32::from(status), user, system)
    }
}

impl ExitStatus {
    /// As wait(2) tells it.
    pub(super) fn wait_status(self) -> i32 {
        match self {
            Self::Exited(code) => i32::from(code) << 8,
            Self::Killed(signal) => i32::from(signal),
        }
    }

    /// As a shell shows it.
    fn number(self) -> u8 {
        match self {
            Self::Exited(code) => code,
            Self::Killed(signal) => 128 + signal,
        }
    }
}

impl Process {
    /// Ends all threads. What was said first about how it ends counts.
    pub(crate) fn end(&self, status: ExitStatus) {
        self.status.lock().get_or_insert(status);
        // The list is not held while threads are woken: a wake-up takes the scheduler's locks.
        let threads: Vec<_> = self.threads.lock().values().cloned().collect();
        for thread in threads {
            thread.kill();
        }
    }

    /// Whether it is ending, or has ended.
    pub(crate) fn is_ending(&self) -> bool {
        self.status.lock().is_some()
    }

    /// Puts a thread into the list, unless the process is ending.
    pub(super) fn add_thread(&self, thread: &Arc<Thread>) -> bool {
        let mut threads = self.threads.lock();
        threads.insert(thread.tid(), thread.clone());
        // Whoever ends the process, or all threads but one, says so before it looks at the list.
        let ending = self.status.lock().is_some() || self.left_alone.lock().is_some();
        if ending {
            threads.remove(&thread.tid());
        } else if thread.tid() == self.pid {
            self.leader.lock().replace(thread.clone());
        }
        !ending
    }
}

/// exit(2): ends the calling thread alone, once it leaves the kernel.
pub(crate) fn end_thread(context: &Context, code: i32) {
    // Where no thread ends the process as a whole, it ends as its first thread did.
    if context.thread.tid() == context.process.pid {
        context.process.first_thread_code.store(code as u8, Ordering::Relaxed);
    }
    context.thread.kill();
}

/// The last a thread does.
pub(super) fn leave(context: &mut Context) {
    let (thread, process) = (context.thread.clone(), context.process.clone());
    robust::release_all(context);
    let_go(context);
    let (removed, last) = {
        let mut threads = process.threads.lock();
        *process.past_counts.lock() += thread.counts();
        (threads.remove(&thread.tid()), threads.is_empty())
    };
    drop(removed);
    if thread.tid() != process.pid {
        free_id(thread.tid());
    }
    if last {
        process.give_up();
        thread.return_memory();
        end_of_process(&process);
    } else {
        thread.return_memory();
        // It may have been told of a signal that it did not take.
        signal::pass_on_all(&process);
        process.tell_who_waits_alone();
        signal::check_halt(&process);
    }
}

/// Takes memory, descriptors and directories from a thread that ends.
fn let_go(context: &mut Context) {
    let none = AddressSpace::none();
    change_page_table(none.vm());
    context.space = none;
    context.files = nothing_open();
    context.fs = nowhere(context.system);
}

/// The table of those that have ended.
fn nothing_open() -> Arc<FileTable> {
    static NOTHING: Once<Arc<FileTable>> = Once::new();
    NOTHING.call_once(FileTable::new).clone()
}

/// The place of those that have ended.
fn nowhere(system: &System) -> Arc<FsState> {
    static NOWHERE: Once<Arc<FsState>> = Once::new();
    NOWHERE.call_once(|| FsState::new(&system.root)).clone()
}

impl Process {
    /// Drops what only runs: what remains is for whoever waits for it.
    fn give_up(&self) {
        let space = core::mem::replace(&mut *self.space.lock(), AddressSpace::none());
        let files = core::mem::replace(&mut *self.files.lock(), nothing_open());
        let fs = core::mem::replace(&mut *self.fs.lock(), nowhere(self.system));
        let executable = self.executable.lock().take();
        drop((space, files, fs, executable));
    }
}

/// What is left to do when the last thread is gone.
fn end_of_process(process: &Process) {
    let first_thread = ExitStatus::Exited(process.first_thread_code.load(Ordering::Relaxed));
    let status = process.status.lock().unwrap_or(first_thread);
    if process.pid == tree::FIRST {
        ostd::info!("process {} is over: {status:?}", process.pid);
        control::exit(status.number());
    }
    let ending = Ending { status, usage: process.usage() };
    let told = {
        let mut tree = tree::lock();
        let (reaper, orphans) = tree.orphan(process);
        let mut told = Told::default();
        for orphan in orphans {
            if let Some(entry) = tree.get(orphan) {
                tell_of_death(process, &entry.process);
            }
            if tree.get(orphan).is_some_and(|entry| entry.ending.is_some()) {
                told.tell(&mut tree, orphan, reaper);
            }
        }
        if let Some(entry) = tree.get_mut(process.pid) {
            entry.ending = Some(ending);
            entry.change = None;
            process.ended.store(true, Ordering::Release);
        }
        told.tell(&mut tree, process.pid, process.parent());
        told
    };
    told.announce();
    process.end_events.notify(Events::READABLE);
}

/// Sends a child the signal that it wants when its parent dies (PR_SET_PDEATHSIG), if the parent may send it.
fn tell_of_death(parent: &Process, child: &Arc<Process>) {
    let wanted = child.attributes.death_signal.load(Ordering::Relaxed);
    if wanted == 0 {
        return;
    }
    let credentials = |process: &Process| process.leader().map(|leader| leader.credentials.lock().clone());
    let (Some(sender), Some(target)) = (credentials(parent), credentials(child)) else { return };
    if signal::may_signal(&sender, &target) {
        signal::send_to_process(child, Info::user(wanted, parent.pid, sender.user.real));
    }
}

/// Who has to hear of ends, and what nobody wants to hear of.
#[derive(Default)]
struct Told {
    parents: Vec<Arc<Process>>,
    released: Vec<Entry>,
}

impl Told {
    /// Tells `parent` that its child has ended. A parent that ignores that does not have to wait for it.
    ///
    /// The signal is there before whoever waits can find the child, which is not before the lock is let go of.
    fn tell(&mut self, tree: &mut Tree, child: i32, parent: i32) {
        let Some(parent) = tree.get(parent).map(|entry| entry.process.clone()) else { return };
        let Some(Entry { process, exit_signal, ending: Some(ending), .. }) = tree.get(child) else { return };
        let (signal, info) = (*exit_signal, ending.info(process));
        let alone = signal == SIGCHLD && parent.signals.actions().lock().children_end_alone();
        if signal != 0 && signal < SIGNAL_END {
            // One that is ignored is not sent.
            signal::send_to_process(&parent, info.with_signal(signal));
        }
        if alone {
            self.released.extend(tree.release(child));
        }
        self.parents.push(parent);
    }

    /// Wakes who waits.
    fn announce(self) {
        for entry in self.released {
            entry.process.bury();
        }
        for parent in self.parents {
            parent.child_events.notify(Events::IN);
        }
    }
}

impl Process {
    /// Nobody asks for it any more.
    pub(super) fn bury(&self) {
        let leader = self.leader.lock().take();
        drop(leader);
        self.end_events.notify(Events::READABLE | Events::HUP);
    }
}
