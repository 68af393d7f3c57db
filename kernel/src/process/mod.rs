//! Processes and threads.

mod clone;
mod cpu_time;
mod credentials;
mod exception;
pub(crate) mod exit;
mod floating_point;
mod id;
pub(crate) mod limits;
mod robust;
mod run;
pub(crate) mod signal;
mod thread;

use alloc::{collections::BTreeMap, sync::Arc, vec::Vec};
use core::{
    sync::atomic::{AtomicI32, AtomicU8, AtomicU64, Ordering},
    time::Duration,
};

pub(crate) use clone::{CloneArguments, clone_thread};
pub(crate) use credentials::{Credentials, GROUPS_LIMIT, Triple};
pub(crate) use exit::ExitStatus;
pub(crate) use floating_point::init as init_switching;
pub(crate) use id::{free_id, new_id, thread_by_id, threads};
use limits::Limits;
use ostd::sync::SpinLock;
pub(crate) use run::{Start, spawn};
use signal::Actions;
pub(crate) use thread::{Thread, current_thread};
use vfs::{FileTable, FsState, Identity, Inode, WritingDenied};

use crate::{mm::AddressSpace, system::System};

/// A process: what its threads share.
///
/// Lock order: the locks in here are taken one at a time and held briefly.
pub(crate) struct Process {
    /// The thread group's number.
    pub(crate) pid: i32,
    /// That of the process that waits for this one; 0 for the first.
    parent: AtomicI32,
    space: SpinLock<Arc<AddressSpace>>,
    /// By number. A thread is in here until it has exited.
    threads: SpinLock<BTreeMap<i32, Arc<Thread>>>,
    /// Set once the whole process is to end.
    status: SpinLock<Option<ExitStatus>>,
    /// What the first thread said to exit(2).
    first_thread_code: AtomicU8,
    /// What there is one of.
    pub(crate) system: &'static System,
    /// How long threads have run that are gone, in nanoseconds.
    past_cpu_time: AtomicU64,
    /// Descriptors.
    files: SpinLock<Arc<FileTable>>,
    /// Root, working directory, umask.
    fs: SpinLock<Arc<FsState>>,
    /// The file of the program that it runs.
    executable: SpinLock<Option<Arc<WritingDenied>>>,
    /// Resource limits.
    pub(crate) limits: SpinLock<Limits>,
    /// What signals do.
    pub(crate) actions: Arc<SpinLock<Actions>>,
}

impl Process {
    /// A process without threads and open files, in the root directory.
    pub(crate) fn new(pid: i32, parent: i32, space: Arc<AddressSpace>, system: &'static System) -> Arc<Self> {
        Arc::new(Self {
            pid,
            parent: AtomicI32::new(parent),
            space: SpinLock::new(space),
            threads: SpinLock::new(BTreeMap::new()),
            status: SpinLock::new(None),
            first_thread_code: AtomicU8::new(0),
            system,
            past_cpu_time: AtomicU64::new(0),
            files: SpinLock::new(FileTable::new()),
            fs: SpinLock::new(FsState::new(&system.root)),
            executable: SpinLock::new(None),
            limits: SpinLock::new(Limits::default()),
            actions: Arc::new(SpinLock::new(Actions::default())),
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

    /// Its descriptors, as others see them; its own threads have them in their context.
    pub(crate) fn files(&self) -> Arc<FileTable> {
        self.files.lock().clone()
    }

    /// Its root, working directory and umask, as others see them; its own threads have them in their context.
    pub(crate) fn fs(&self) -> Arc<FsState> {
        self.fs.lock().clone()
    }

    /// Who it is: its first thread, while that exists.
    pub(crate) fn identity(&self) -> Identity {
        let first = self.threads.lock().values().next().cloned();
        first.map_or_else(Identity::root, |thread| thread.credentials.lock().identity())
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

    /// The path of that file, as `/proc/PID/exe` shows it.
    pub(crate) fn executable_path(&self) -> Option<Vec<u8>> {
        let file = self.executable.lock().clone()?;
        Some(file.path(self.fs().root()))
    }

    /// How long its threads have run, all together.
    pub(crate) fn cpu_time(&self) -> Duration {
        let present: u64 = self.threads.lock().values().map(|thread| thread.cpu_time.nanoseconds()).sum();
        Duration::from_nanos(present + self.past_cpu_time.load(Ordering::Relaxed))
    }

    /// How many threads there are.
    pub(crate) fn thread_count(&self) -> usize {
        self.threads.lock().len()
    }
}
