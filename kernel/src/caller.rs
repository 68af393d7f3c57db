//! The calling thread as the crates `socket` and `vfs` see it.

use alloc::sync::Arc;
use core::time::Duration;

use linux_raw_sys::general::SIGPIPE;
use ostd::cpu::CpuId;
use socket::{
    ancillary,
    caller::{Caller, DescriptorSlot, Fault, NodeId},
    error::{Errno, Result},
    identity,
    policy::Denial,
    socket::Socket,
    step::{Operation, Step, Wait},
    world::World,
};
use vfs::{Handle, Identity, Inode, OpenFile, Reserved, UserMemory, Walker};

use crate::{
    context::Context,
    process::{
        self, Process,
        signal::{self, Info},
    },
    special::pidfd::ProcessDescriptor,
    time::{clock, timer::Alarm},
    wait::Observed,
};

impl Caller for Context {
    type Slot = Slot;

    #[inline]
    fn read_memory(&self, address: usize, into: &mut [u8]) -> core::result::Result<(), Fault> {
        self.space.read_bytes(address, into)
    }

    #[inline]
    fn write_memory(&self, address: usize, from: &[u8]) -> core::result::Result<(), Fault> {
        self.space.write_bytes(address, from)
    }

    #[inline]
    fn socket(&self, descriptor: i32) -> Result<Arc<Socket>> {
        self.files.socket(descriptor)
    }

    fn reserve_descriptor(&self) -> Result<Slot> {
        self.files.reserve().map(Slot)
    }

    fn open_file(&self, descriptor: i32) -> Result<ancillary::OpenFile> {
        Ok(match self.files.get(descriptor)? {
            Handle::Socket(socket) => ancillary::OpenFile::Socket(socket),
            Handle::File(file) => ancillary::OpenFile::Other(file),
        })
    }

    fn install(&self, slot: Slot, file: ancillary::OpenFile, close_on_exec: bool) {
        let handle = match file {
            ancillary::OpenFile::Socket(socket) => Handle::Socket(socket),
            ancillary::OpenFile::Other(file) => match file.downcast::<OpenFile>() {
                Ok(file) => Handle::File(file),
                Err(_) => unreachable!("this kernel passes no other files"),
            },
        };
        slot.0.install(handle, close_on_exec);
    }

    fn descriptor_limit(&self) -> usize {
        self.files.limit() as usize
    }

    fn set_close_on_exec(&self, descriptor: i32, on: bool) -> Result<()> {
        self.files.set_close_on_exec(descriptor, on)
    }

    fn set_asynchronous(&self, descriptor: i32, on: bool) -> Result<()> {
        signal::set_asynchronous(&self.files.get(descriptor)?, descriptor, on);
        Ok(())
    }

    fn identity(&self) -> Arc<identity::Identity> {
        self.thread.shown_identity()
    }

    fn is_capable(&self, capability: u32) -> bool {
        self.thread.credentials.lock().can(capability)
    }

    fn find_process(&self, pid: i32) -> Option<identity::Process> {
        Some(identity::Process(process::process_by_id(pid)?))
    }

    fn process_file(&self, process: &identity::Process) -> Result<ancillary::OpenFile> {
        let process = process.0.clone().downcast::<Process>().map_err(|_| Errno::ESRCH)?;
        let special = ProcessDescriptor::new(process);
        Ok(ancillary::OpenFile::Other(OpenFile::special(&self.system.anonymous, special, 0)))
    }

    fn make_node(&self, path: &[u8]) -> Result<NodeId> {
        let umask = self.fs.umask();
        self.walk(|walker| walker.bind_socket(path, umask))
    }

    fn remove_node(&self, path: &[u8], node: NodeId) {
        self.walk(|walker| walker.unbind_socket(path, node));
    }

    fn find_node(&self, path: &[u8]) -> Result<NodeId> {
        self.walk(|walker| walker.find_socket(path))
    }

    fn now(&self) -> Duration {
        clock::now()
    }

    #[inline]
    fn cpu(&self) -> usize {
        // It may have moved on since: its counts are then another CPU's, which costs a cache line, not a count.
        u32::from(CpuId::current_racy()) as usize
    }

    /// As Linux says it: as if the thread had sent it itself with kill(2).
    #[cold]
    fn broken_pipe(&self) {
        let uid = self.thread.credentials.lock().user.real;
        signal::send_to_thread(&self.thread, Info::user(SIGPIPE, self.process.pid, uid));
    }

    #[inline]
    fn world(&self) -> &World {
        &self.system.world
    }

    fn report_denial(&self, denial: &Denial) {
        ostd::warn!("{denial}");
    }
}

/// A reserved number in the process's descriptor table.
pub(crate) struct Slot(Reserved);

impl DescriptorSlot for Slot {
    fn number(&self) -> i32 {
        self.0.number()
    }
}

impl UserMemory for Context {
    fn read(&self, address: usize, into: &mut [u8]) -> core::result::Result<(), Fault> {
        self.space.read_bytes(address, into)
    }

    fn write(&self, address: usize, from: &[u8]) -> core::result::Result<(), Fault> {
        self.space.write_bytes(address, from)
    }
}

impl Context {
    /// Who the thread is to files.
    pub(crate) fn identity(&self) -> Identity {
        self.thread.credentials.lock().identity()
    }

    /// Who it is where access(2) asks.
    pub(crate) fn real_identity(&self) -> Identity {
        self.thread.credentials.lock().real_identity()
    }

    /// Resolves paths as the process does, relative ones from its working directory.
    pub(crate) fn walk<T>(&self, f: impl FnOnce(&Walker<'_>) -> T) -> T {
        self.walk_from(&self.fs.working_directory(), f)
    }

    /// Resolves paths as the process does, relative ones from `start`.
    pub(crate) fn walk_from<T>(&self, start: &Arc<Inode>, f: impl FnOnce(&Walker<'_>) -> T) -> T {
        let who = self.identity();
        f(&Walker { root: &self.fs.root(), start, who: &who })
    }
}

/// Steps a call until it is done, sleeping where it waits.
///
/// # Errors
/// The call's own; EINTR, or what was done so far, where a signal's handler is to run or the thread to end.
#[inline]
pub(crate) fn perform(context: &Context, mut operation: impl Operation<Context>) -> Result<usize> {
    match operation.step(context) {
        Step::Done(result) => result,
        Step::Wait(wait) => finish(context, &mut operation, wait),
    }
}

#[cold]
fn finish(context: &Context, operation: &mut dyn Operation<Context>, mut wait: Wait) -> Result<usize> {
    loop {
        let _registration = Observed::new(context, wait.pollee.clone(), wait.events);
        let mut alarm = None;
        // Until it is done or waits for something else.
        wait = loop {
            let next = match operation.step(context) {
                Step::Done(result) => return result,
                Step::Wait(next) => next,
            };
            if !Arc::ptr_eq(&next.pollee, &wait.pollee)
                || next.events != wait.events
                || next.deadline != wait.deadline
            {
                break next;
            }
            if signal::pending(context) {
                if wait.deadline.is_some() {
                    context.interrupted.finally();
                }
                return operation.interrupt(context);
            }
            if let (Some(deadline), None) = (wait.deadline, &alarm) {
                alarm = Some(Alarm::set(deadline, context.waiter.waker()));
            }
            context.waiter.wait();
        };
    }
}
