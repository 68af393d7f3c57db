//! What all targets of a run share: the layer, and the tables that lead to it.

use std::{io, os::fd::OwnedFd, rc::Rc, sync::Arc};

use rustix::net::sockopt;
use socket::world::World;

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
}

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
        }))
    }

    /// The emulated socket whose placeholder a file is.
    pub(super) fn file(&self, far: &OwnedFd) -> Option<Rc<File>> {
        self.files.get(sockopt::socket_cookie(far).ok()?)
    }
}
