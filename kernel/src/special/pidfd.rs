//! Descriptors of processes: pidfd_open(2).

use alloc::{format, string::String, sync::Arc};

use socket::ready::{Events, Pollee};
use vfs::Special;

use crate::process::Process;

/// Refers to a process, whatever becomes of its number.
pub(crate) struct ProcessDescriptor {
    process: Arc<Process>,
}

impl ProcessDescriptor {
    /// A descriptor of a process.
    pub(crate) fn new(process: Arc<Process>) -> Arc<Self> {
        Arc::new(Self { process })
    }

    /// The process, which may have ended.
    pub(crate) fn process(&self) -> &Arc<Process> {
        &self.process
    }
}

impl Special for ProcessDescriptor {
    fn name(&self) -> &'static str {
        "anon_inode:[pidfd]"
    }

    fn details(&self) -> String {
        let pid = if self.process.is_gone() { -1 } else { self.process.pid };
        format!("Pid:\t{pid}\nNSpid:\t{pid}\n")
    }

    /// Readable once the process has ended, and hung up once it was waited for.
    fn poll(&self) -> Events {
        if self.process.is_gone() {
            Events::IN | Events::RDNORM | Events::HUP
        } else if self.process.has_ended() {
            Events::IN | Events::RDNORM
        } else {
            Events::empty()
        }
    }

    fn pollee(&self) -> Option<&Arc<Pollee>> {
        Some(&self.process.end_events)
    }
}
