//! Processes and threads.

mod attributes;
pub(crate) mod capabilities;
mod clone;
mod cpu_time;
mod credentials;
mod exception;
mod execute;
pub(crate) mod exit;
mod floating_point;
mod id;
pub(crate) mod limits;
mod robust;
mod run;
mod show;
pub(crate) mod signal;
mod stop;
mod thread;
mod tree;
pub(crate) mod wait;

use alloc::{collections::BTreeMap, sync::Arc, vec::Vec};
use core::{
    sync::atomic::{AtomicBool, AtomicI32, AtomicU8, Ordering},
    time::Duration,
};

use attributes::Attributes;
pub(crate) use clone::{CloneArguments, clone};
pub(crate) use cpu_time::Usage;
use cpu_time::{Counts, Division};
pub(crate) use credentials::{Credentials, GROUPS_LIMIT, Triple};
pub(crate) use execute::execute;
pub(crate) use exit::ExitStatus;
pub(crate) use floating_point::init as init_switching;
pub(crate) use id::{free_id, last_id, made, new_id, thread_by_id, threads};
use limits::Limits;
use ostd::sync::SpinLock;
pub(crate) use run::{Start, spawn};
use signal::{Actions, ProcessSignals};
use socket::ready::Pollee;
pub(crate) use thread::{Thread, current_thread};
pub(crate) use tree::{
    FIRST, all, is_orphaned, is_subreaper, members, new_session, plant, process_by_id, process_of, set_group,
    set_subreaper,
};
use vfs::{FileTable, FsState, Inode, LinkTarget, WritingDenied};

use crate::{mm::AddressSpace, system::System, time::clock};

/// A process: what its threads share.
///
/// Lock order: the locks in here are taken one at a time and held briefly.
pub(crate) struct Process {
    /// The thread group's number.
    pub(crate) pid: i32,
    /// That of the process that waits for this one; 0 for the first. Like the next two it changes under the tree's lock.
    parent: AtomicI32,
    /// Of its process group.
    group: AtomicI32,
    /// Of its session.
    session: AtomicI32,
    /// Where it is announced that a child has ended or changed.
    child_events: Arc<Pollee>,
    /// What prctl(2) sets.
    pub(crate) attributes: Attributes,
    /// Where its own end is announced.
    pub(crate) end_events: Arc<Pollee>,
    /// Whether it has ended; it may still have to be waited for.
    ended: AtomicBool,
    /// The thread that executes a program, while it waits for the others to end.
    left_alone: SpinLock<Option<Arc<Thread>>>,
    /// Whether it has executed a program since it was made.
    has_executed: AtomicBool,
    /// Its first thread, until it has been waited for: who it was.
    leader: SpinLock<Option<Arc<Thread>>>,
    /// How readily it is ended when memory runs out (`/proc/PID/oom_score_adj`).
    pub(crate) oom_adjustment: AtomicI32,
    /// When it was made, on the monotonic clock.
    pub(crate) start_time: Duration,
    /// What children have used that were waited for, with theirs.
    children: SpinLock<Usage>,
    space: SpinLock<Arc<AddressSpace>>,
    /// By number. A thread is in here until it has exited.
    threads: SpinLock<BTreeMap<i32, Arc<Thread>>>,
    /// Set once the whole process is to end.
    status: SpinLock<Option<ExitStatus>>,
    /// What the first thread said to exit(2).
    first_thread_code: AtomicU8,
    /// What there is one of.
    pub(crate) system: &'static System,
    /// What threads have used that are gone.
    past_counts: SpinLock<Counts>,
    division: Division,
    /// Descriptors.
    files: SpinLock<Arc<FileTable>>,
    /// Root, working directory, umask.
    fs: SpinLock<Arc<FsState>>,
    /// The file of the program that it runs.
    executable: SpinLock<Option<Arc<WritingDenied>>>,
    /// Resource limits.
    pub(crate) limits: SpinLock<Limits>,
    /// What signals do, and those that wait for any thread.
    pub(crate) signals: ProcessSignals,
}

impl Process {
    /// The first process, without threads and open files, in the root directory.
    pub(crate) fn new(pid: i32, space: Arc<AddressSpace>, system: &'static System) -> Arc<Self> {
        let (files, fs) = (FileTable::new(), FsState::new(&system.root));
        Arc::new(Self::with(pid, space, files, fs, system))
    }

    /// A process that has not got its place among the others yet, with no threads and otherwise everything as new.
    fn with(
        pid: i32,
        space: Arc<AddressSpace>,
        files: Arc<FileTable>,
        fs: Arc<FsState>,
        system: &'static System,
    ) -> Self {
        Self {
            pid,
            parent: AtomicI32::new(0),
            group: AtomicI32::new(0),
            session: AtomicI32::new(0),
            child_events: Arc::new(Pollee::new()),
            attributes: Attributes::default(),
            end_events: Arc::default(),
            ended: AtomicBool::new(false),
            left_alone: SpinLock::new(None),
            has_executed: AtomicBool::new(false),
            leader: SpinLock::new(None),
            oom_adjustment: AtomicI32::new(0),
            start_time: clock::now(),
            children: SpinLock::new(Usage::default()),
            space: SpinLock::new(space),
            threads: SpinLock::new(BTreeMap::new()),
            status: SpinLock::new(None),
            first_thread_code: AtomicU8::new(0),
            system,
            past_counts: SpinLock::new(Counts::default()),
            division: Division::default(),
            files: SpinLock::new(files),
            fs: SpinLock::new(fs),
            executable: SpinLock::new(None),
            limits: SpinLock::new(Limits::default()),
            signals: ProcessSignals::new(Arc::new(SpinLock::new(Actions::default()))),
        }
    }

    /// A process that one of this one's threads makes: what is not given is as here.
    fn child(
        &self,
        pid: i32,
        space: Arc<AddressSpace>,
        files: Arc<FileTable>,
        fs: Arc<FsState>,
        share_actions: bool,
    ) -> Arc<Self> {
        let actions = if share_actions { self.signals.actions() } else { self.signals.copy_of_actions() };
        Arc::new(Self {
            executable: SpinLock::new(self.executable.lock().clone()),
            limits: SpinLock::new(self.limits.lock().clone()),
            oom_adjustment: AtomicI32::new(self.oom_adjustment.load(Ordering::Relaxed)),
            signals: ProcessSignals::new(actions),
            attributes: self.attributes.of_child(),
            ..Self::with(pid, space, files, fs, self.system)
        })
    }

    /// Makes the first thread, which is to begin as the program at `path`.
    pub(crate) fn first_thread(self: &Arc<Self>, path: &[u8]) -> Arc<Thread> {
        let name = thread::name_from_path(path);
        let thread =
            Thread::new(self.pid, self.clone(), name, signal::SignalState::default(), Credentials::root());
        self.add_thread(&thread);
        thread
    }

    /// Its memory.
    pub(crate) fn space(&self) -> Arc<AddressSpace> {
        self.space.lock().clone()
    }

    /// The number of the process that waits for it; 0 for the first process.
    pub(crate) fn parent(&self) -> i32 {
        self.parent.load(Ordering::Relaxed)
    }

    /// The number of its process group.
    pub(crate) fn group(&self) -> i32 {
        self.group.load(Ordering::Relaxed)
    }

    /// The number of its session.
    pub(crate) fn session(&self) -> i32 {
        self.session.load(Ordering::Relaxed)
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// Whether it has ended and nobody has to wait for it any more.
    pub(crate) fn is_gone(&self) -> bool {
        self.has_ended() && self.leader.lock().is_none()
    }

    /// Its descriptors, as others see them; its own threads have them in their context.
    pub(crate) fn files(&self) -> Arc<FileTable> {
        self.files.lock().clone()
    }

    /// Says what others see of descriptors and directories from now on.
    pub(crate) fn show(&self, files: &Arc<FileTable>, fs: &Arc<FsState>) {
        let old_files = core::mem::replace(&mut *self.files.lock(), files.clone());
        let old_fs = core::mem::replace(&mut *self.fs.lock(), fs.clone());
        drop((old_files, old_fs));
    }

    /// Its root, working directory and umask, as others see them; its own threads have them in their context.
    pub(crate) fn fs(&self) -> Arc<FsState> {
        self.fs.lock().clone()
    }

    /// Its first thread, which may have ended; `None` once the process has been waited for.
    pub(crate) fn leader(&self) -> Option<Arc<Thread>> {
        self.leader.lock().clone()
    }

    /// Whose it is: the real user of its first thread.
    pub(crate) fn real_user(&self) -> u32 {
        self.leader().map_or(0, |thread| thread.credentials.lock().user.real)
    }

    /// Says which file's program it runs.
    pub(crate) fn set_executable(&self, file: Arc<WritingDenied>) {
        let old = self.executable.lock().replace(file);
        drop(old);
    }

    /// The file of the program that it runs.
    pub(crate) fn executable(&self) -> Option<Arc<Inode>> {
        self.executable.lock().as_ref().map(|file| file.inode().clone())
    }

    /// Where `/proc/PID/exe` leads.
    pub(crate) fn executable_target(&self) -> Option<LinkTarget> {
        self.executable.lock().as_ref().map(|file| file.target())
    }

    /// The path of that file, as `/proc/PID/exe` shows it.
    pub(crate) fn executable_path(&self) -> Option<Vec<u8>> {
        let file = self.executable.lock().clone()?;
        Some(file.path(&self.fs().root()))
    }

    /// How long its threads have run, all together.
    pub(crate) fn cpu_time(&self) -> Duration {
        self.usage().time()
    }

    /// What children have used that were waited for, with theirs.
    pub(crate) fn children_usage(&self) -> Usage {
        *self.children.lock()
    }

    fn add_children_usage(&self, usage: Usage) {
        *self.children.lock() += usage;
    }

    /// How many threads there are.
    pub(crate) fn thread_count(&self) -> usize {
        self.threads.lock().len()
    }
}
