//! On whose behalf the kernel runs: what a system call is given.

use alloc::sync::Arc;

use ostd::sync::Waiter;
use vfs::{FileTable, FsState};

use crate::{
    mm::AddressSpace,
    process::{Process, Thread, signal::Interrupted},
    system::System,
};

/// The calling thread, as its own calls see it.
pub(crate) struct Context {
    /// The thread.
    pub(crate) thread: Arc<Thread>,
    /// Its process.
    pub(crate) process: Arc<Process>,
    /// Its memory, the same as the process's, without a lock on the way. Active for as long as the thread runs.
    pub(crate) space: Arc<AddressSpace>,
    /// Its descriptors, without a lock on the way; the same as the process's until it stops sharing them (unshare(2)).
    pub(crate) files: Arc<FileTable>,
    /// Its root, working directory and umask, without a lock on the way.
    pub(crate) fs: Arc<FsState>,
    /// What there is one of.
    pub(crate) system: &'static System,
    /// How the thread sleeps: whoever has the [`Thread`] can wake it.
    pub(crate) waiter: Waiter,
    /// The call that a signal has just interrupted.
    pub(crate) interrupted: Interrupted,
}
