//! What `/proc` shows of processes and threads.

use alloc::{sync::Arc, vec::Vec};
use core::sync::atomic::Ordering;

use super::{Credentials, Process, Thread, tree};

/// What a thread may do, as `/proc/PID/status` shows it.
pub(crate) struct ShownCapabilities {
    /// Inheritable, permitted, effective, bounding, ambient.
    pub(crate) sets: [u64; 5],
    /// Whether programs give it no new ones (PR_SET_NO_NEW_PRIVS).
    pub(crate) no_new: bool,
}

impl Credentials {
    /// What the thread may do.
    pub(crate) fn shown_capabilities(&self) -> ShownCapabilities {
        let sets = &self.capabilities;
        ShownCapabilities {
            sets: [sets.inheritable, sets.permitted, sets.effective, sets.bounding, sets.ambient],
            no_new: self.no_new_privileges,
        }
    }
}

impl Process {
    /// Its threads by number; once all have ended, the first, which stands for the process until it has been waited for.
    pub(crate) fn listed_threads(&self) -> Vec<Arc<Thread>> {
        let mut threads: Vec<_> = self.threads.lock().values().cloned().collect();
        if let Some(leader) = self.leader()
            && !threads.iter().any(|thread| Arc::ptr_eq(thread, &leader))
        {
            threads.insert(0, leader);
        }
        threads
    }

    /// Whether it runs another program than the process that made it.
    pub(crate) fn has_executed(&self) -> bool {
        self.has_executed.load(Ordering::Relaxed)
    }

    /// How it ended, as wait(2) tells it; 0 as long as it has not.
    pub(crate) fn wait_status(&self) -> i32 {
        tree::lock()
            .get(self.pid)
            .and_then(|entry| entry.ending)
            .map_or(0, |ending| ending.status.wait_status())
    }
}

impl Thread {
    /// Whether it has not ended yet.
    pub(crate) fn is_there(&self) -> bool {
        self.process.threads.lock().contains_key(&self.tid())
    }
}
