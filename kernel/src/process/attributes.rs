//! What a process has said about itself (prctl(2)).

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// Attributes of a process that prctl(2) sets and gives back.
pub(crate) struct Attributes {
    /// The signal that it gets when its parent dies (PR_SET_PDEATHSIG); 0 for none.
    pub(crate) death_signal: AtomicU32,
    /// Whether others of its user may look into it (PR_SET_DUMPABLE).
    pub(crate) dumpable: AtomicBool,
    /// That it wants no huge pages (PR_SET_THP_DISABLE). There are none.
    pub(crate) no_huge_pages: AtomicBool,
}

impl Default for Attributes {
    fn default() -> Self {
        Self {
            death_signal: AtomicU32::new(0),
            dumpable: AtomicBool::new(true),
            no_huge_pages: AtomicBool::new(false),
        }
    }
}

impl Attributes {
    /// Those of a new process that this one's makes.
    pub(super) fn of_child(&self) -> Self {
        Self {
            death_signal: AtomicU32::new(0),
            dumpable: AtomicBool::new(self.dumpable.load(Ordering::Relaxed)),
            no_huge_pages: AtomicBool::new(self.no_huge_pages.load(Ordering::Relaxed)),
        }
    }

    /// The process runs with other rights than before.
    pub(crate) fn rights_changed(&self) {
        self.death_signal.store(0, Ordering::Relaxed);
        self.dumpable.store(false, Ordering::Relaxed);
    }

    /// The process has executed a program; `secure` says that it runs with other rights than whoever started it.
    pub(super) fn program_executed(&self, secure: bool) {
        self.dumpable.store(!secure, Ordering::Relaxed);
        if secure {
            self.death_signal.store(0, Ordering::Relaxed);
        }
    }
}
