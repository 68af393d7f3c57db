//! On whose behalf the kernel runs: what a system call is given.

use alloc::sync::Arc;

use ostd::sync::Waiter;

use crate::{
    mm::AddressSpace,
    process::{Process, Thread},
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
    /// What there is one of.
    pub(crate) system: &'static System,
    /// How the thread sleeps: whoever has the [`Thread`] can wake it.
    pub(crate) waiter: Waiter,
}
