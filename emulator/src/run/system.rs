//! What all targets of a run share: the layer, and the tables that lead to it.

use std::{cell::RefCell, collections::BTreeMap, io, os::fd::OwnedFd, rc::Rc, sync::Arc};

use rustix::net::sockopt;
use socket::{identity::Process, world::World};

use super::{
    files::{File, Files, Queue},
    report::Report,
    status::Status,
    threads::Threads,
    watch::Watch,
};

/// An emulated system.
pub(super) struct System {
    /// The layer's.
    pub(super) world: World,
    /// Its open sockets.
    pub(super) files: Files,
    /// What they have announced.
    pub(super) queue: Arc<Queue>,
    /// What their ends are seen at.
    pub(super) watch: Watch,
    /// Who uses them.
    pub(super) threads: Threads,
    /// Where denials are told.
    pub(super) report: Report,
    /// Who the supervisor is.
    pub(super) own: Status,
    /// What stands for processes that sockets have heard of, by number.
    processes: RefCell<BTreeMap<i32, Process>>,
}

/// Beyond so many, those are forgotten that no socket speaks of any more.
const PROCESSES_KEPT: usize = 64;

impl System {
    /// One without sockets.
    ///
    /// # Errors
    /// Where the process has no room, or no /proc.
    pub(super) fn new(world: World, report: Report) -> io::Result<Rc<Self>> {
        Ok(Rc::new(Self {
            world,
            files: Files::default(),
            queue: Arc::default(),
            watch: Watch::new()?,
            threads: Threads::default(),
            report,
            own: Status::of(std::process::id() as i32)?,
            processes: RefCell::default(),
        }))
    }

    /// What stands for the process of that number.
    pub(super) fn process(&self, pid: i32) -> Process {
        let mut processes = self.processes.borrow_mut();
        if processes.len() > PROCESSES_KEPT {
            processes.retain(|_, process| Arc::strong_count(&process.0) > 1);
        }
        processes.entry(pid).or_insert_with(|| Process(Arc::new(pid))).clone()
    }

    /// The emulated socket whose placeholder a file is.
    pub(super) fn file(&self, far: &OwnedFd) -> Option<Rc<File>> {
        self.files.get(sockopt::socket_cookie(far).ok()?)
    }
}
