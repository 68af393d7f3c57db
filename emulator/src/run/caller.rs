//! A target's thread in one of its calls, as the crate `socket` sees it.

use std::{
    cell::{Cell, OnceCell, RefCell},
    os::fd::OwnedFd,
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};
use socket::{
    ancillary::OpenFile,
    caller::{Caller, DescriptorSlot, Fault, NodeId},
    error::{Errno, Error, Result},
    identity::{Identity, Numbers, Process},
    policy::Denial,
    socket::Socket,
    world::World,
};

use super::{files::File, paths, status::Status, sys, system::System, threads::Thread};

/// The call that a thread waits in.
pub(super) struct Target {
    /// What all share.
    pub(super) system: Rc<System>,
    /// The thread.
    pub(super) thread: Rc<Thread>,
    /// The notification's id.
    pub(super) id: u64,
    /// The socket behind the call's first descriptor.
    pub(super) subject: Option<(i32, Rc<File>)>,
    /// The far end of its placeholder, while it is borrowed.
    pub(super) far: RefCell<Option<OwnedFd>>,
    /// Sockets that the thread is to get when the call is over, and whether their descriptors end at exec.
    pub(super) installed: RefCell<Vec<(Arc<Socket>, bool)>>,
    /// The inode that the call has made.
    pub(super) node: RefCell<Option<OwnedFd>>,
    /// Whether the target is to make the call itself, on the placeholder.
    pub(super) natively: Cell<bool>,
    /// How many descriptors have been reserved.
    reserved: Cell<u64>,
    status: OnceCell<Status>,
}

impl Target {
    /// A thread in a call about `subject`.
    pub(super) fn new(
        system: &Rc<System>,
        thread: Rc<Thread>,
        id: u64,
        subject: Option<(i32, Rc<File>)>,
        far: Option<OwnedFd>,
    ) -> Self {
        Self {
            system: system.clone(),
            thread,
            id,
            subject,
            far: RefCell::new(far),
            installed: RefCell::default(),
            node: RefCell::default(),
            natively: Cell::new(false),
            reserved: Cell::new(0),
            status: OnceCell::new(),
        }
    }

    /// What `/proc` says of the thread.
    fn status(&self) -> &Status {
        self.status.get_or_init(|| Status::of(self.thread.number).unwrap_or_default())
    }

    /// Whether one more descriptor would be too many, as far as that can be seen from outside.
    fn is_full(&self, reserved: u64) -> bool {
        let Ok(limit) = sys::descriptor_limit(self.thread.number) else { return false };
        let Some(last) = limit.checked_sub(1 + reserved) else { return true };
        // Usually the highest number is free, and so there is one.
        if i32::try_from(last).is_ok_and(|last| self.thread.file(last).is_err()) {
            return false;
        }
        let Ok(entries) = std::fs::read_dir(format!("/proc/{}/fd", self.thread.number)) else { return false };
        let number =
            |entry: std::io::Result<std::fs::DirEntry>| entry.ok()?.file_name().to_str()?.parse::<u64>().ok();
        entries.filter_map(number).filter(|number| *number < limit).count() as u64 + reserved >= limit
    }
}

impl Caller for Target {
    type Slot = Slot;

    fn read_memory(&self, address: usize, into: &mut [u8]) -> std::result::Result<(), Fault> {
        let copied = sys::read_memory(self.thread.number, address, into).unwrap_or(0);
        if copied == into.len() { Ok(()) } else { Err(Fault { copied }) }
    }

    fn write_memory(&self, address: usize, from: &[u8]) -> std::result::Result<(), Fault> {
        let copied = sys::write_memory(self.thread.number, address, from).unwrap_or(0);
        if copied == from.len() { Ok(()) } else { Err(Fault { copied }) }
    }

    fn socket(&self, descriptor: i32) -> Result<Arc<Socket>> {
        if let Some((subject, file)) = &self.subject
            && *subject == descriptor
        {
            return Ok(file.socket.clone());
        }
        let far = self.thread.file(descriptor).map_err(|_| Errno::EBADF)?;
        let file = self.system.file(&far).ok_or(Error::new(Errno::ENOTSOCK, "it is no emulated socket"))?;
        Ok(file.socket.clone())
    }

    fn reserve_descriptor(&self) -> Result<Slot> {
        let reserved = self.reserved.get();
        if self.is_full(reserved) {
            return Err(Errno::EMFILE.into());
        }
        self.reserved.set(reserved + 1);
        Ok(Slot)
    }

    fn open_file(&self, descriptor: i32) -> Result<OpenFile> {
        self.thread.file(descriptor).map_err(|_| Errno::EBADF)?;
        Err(Error::new(Errno::EINVAL, "descriptors are not passed between emulated programs yet"))
    }

    fn install(&self, _slot: Slot, file: OpenFile, close_on_exec: bool) {
        match file {
            OpenFile::Socket(socket) => self.installed.borrow_mut().push((socket, close_on_exec)),
            OpenFile::Other(_) => unreachable!("nothing else is ever opened here"),
        }
    }

    fn descriptor_limit(&self) -> usize {
        sys::descriptor_limit(self.thread.number).map_or(usize::MAX, |limit| limit as usize)
    }

    fn set_close_on_exec(&self, _descriptor: i32, _on: bool) -> Result<()> {
        self.natively.set(true);
        Ok(())
    }

    fn set_asynchronous(&self, _descriptor: i32, _on: bool) -> Result<()> {
        self.natively.set(true);
        Ok(())
    }

    fn identity(&self) -> Arc<Identity> {
        let status = self.status();
        let numbers = |[real, effective, saved, _]: [u32; 4]| Numbers { real, effective, saved };
        Arc::new(Identity {
            pid: status.process,
            process: self.system.process(status.process),
            users: numbers(status.users),
            groups: numbers(status.groups),
            supplementary: status.more_groups.iter().copied().collect(),
        })
    }

    fn is_capable(&self, capability: u32) -> bool {
        self.status().capabilities & 1 << capability != 0
    }

    fn find_process(&self, pid: i32) -> Option<Process> {
        // The numbers of threads that are no processes have a status, too.
        let is_process = Status::of(pid).is_ok_and(|status| status.process == pid);
        is_process.then(|| self.system.process(pid))
    }

    fn process_file(&self, _process: &Process) -> Result<OpenFile> {
        Err(Error::new(Errno::EINVAL, "descriptors of processes are not made here yet"))
    }

    fn make_node(&self, path: &[u8]) -> Result<NodeId> {
        let (node, file) = paths::make(self.thread.number, &self.system.own, self.status(), path)?;
        *self.node.borrow_mut() = Some(file);
        Ok(node)
    }

    fn remove_node(&self, path: &[u8], node: NodeId) {
        paths::remove(self.thread.number, path, node);
    }

    fn find_node(&self, path: &[u8]) -> Result<NodeId> {
        paths::find(self.thread.number, &self.system.own, self.status(), path)
    }

    fn now(&self) -> Duration {
        now()
    }

    fn broken_pipe(&self) {
        // A thread that has ended needs no signal.
        let _ = sys::signal_thread(self.thread.process, self.thread.number, libc::SIGPIPE);
    }

    fn world(&self) -> &World {
        &self.system.world
    }

    fn report_denial(&self, denial: &Denial) {
        self.system.report.denial(denial);
    }
}

/// The monotonic clock.
pub(super) fn now() -> Duration {
    clock_gettime(ClockId::Monotonic).try_into().unwrap_or_default()
}

/// A descriptor that a target is to get. The kernel there chooses the number when the call is over.
pub(super) struct Slot;

impl DescriptorSlot for Slot {
    /// No number yet: it is put in its place where the result is known.
    fn number(&self) -> i32 {
        0
    }
}
