//! New threads and processes (clone(2)).

use alloc::{boxed::Box, sync::Arc};
use core::sync::atomic::{AtomicBool, Ordering};

use linux_raw_sys::general::{
    CAP_SYS_ADMIN, CAP_SYS_RESOURCE, CLONE_CHILD_CLEARTID, CLONE_CHILD_SETTID, CLONE_DETACHED, CLONE_FILES,
    CLONE_FS, CLONE_IO, CLONE_PARENT, CLONE_PARENT_SETTID, CLONE_PIDFD, CLONE_PTRACE, CLONE_SETTLS,
    CLONE_SIGHAND, CLONE_SYSVSEM, CLONE_THREAD, CLONE_UNTRACED, CLONE_VFORK, CLONE_VM, RLIMIT_NPROC,
};
use ostd::arch::cpu::context::UserContext;
use socket::{
    caller::DescriptorSlot,
    error::{Errno, Error, Result},
};
use vfs::{Handle, OpenFile, Reserved};

use super::{
    Process,
    floating_point::Switched,
    free_id,
    limits::INFINITY,
    new_id,
    run::{self, Birth, Start},
    signal::SignalState,
    thread::Thread,
    threads, tree,
};
use crate::{
    context::Context,
    mm::{has_room_for_thread, layout::HIGHEST},
    special::pidfd::ProcessDescriptor,
};

/// What is true anyway: there are no System V semaphores, no I/O contexts, no tracing.
const WITHOUT_EFFECT: u32 = CLONE_SYSVSEM | CLONE_IO | CLONE_PTRACE | CLONE_UNTRACED | CLONE_DETACHED;
/// What can be asked for.
const KNOWN: u32 = CLONE_VM
    | CLONE_FS
    | CLONE_FILES
    | CLONE_SIGHAND
    | CLONE_THREAD
    | CLONE_VFORK
    | CLONE_PARENT
    | CLONE_SETTLS
    | CLONE_PARENT_SETTID
    | CLONE_PIDFD
    | CLONE_CHILD_SETTID
    | CLONE_CHILD_CLEARTID
    | WITHOUT_EFFECT;

/// What clone(2) and clone3(2) are asked for.
#[derive(Clone, Copy, Default)]
pub(crate) struct CloneArguments {
    /// `CLONE_*`, without the signal.
    pub(crate) flags: u32,
    /// What the parent gets when a new process ends; 0 for nothing.
    pub(crate) exit_signal: u32,
    /// The new thread's stack pointer; 0 for that of its maker.
    pub(crate) stack: usize,
    /// Where the maker finds a descriptor of the new process (CLONE_PIDFD).
    pub(crate) pidfd_at: usize,
    /// Whether signals that are caught do what they do by default (CLONE_CLEAR_SIGHAND).
    pub(crate) clear_actions: bool,
    /// Where the maker finds the number (CLONE_PARENT_SETTID).
    pub(crate) parent_tid: usize,
    /// Where the new one finds it (CLONE_CHILD_SETTID), and where zero is written in the end (CLONE_CHILD_CLEARTID).
    pub(crate) child_tid: usize,
    /// The FS base (CLONE_SETTLS).
    pub(crate) tls: usize,
}

/// A maker that sleeps until the process that it made lets go of its memory (vfork(2)).
pub(super) struct Lender {
    returned: AtomicBool,
    thread: Arc<Thread>,
}

impl Lender {
    /// The memory is no longer used by the borrower.
    pub(super) fn give_back(&self) {
        self.returned.store(true, Ordering::Release);
        self.thread.wake();
    }
}

impl CloneArguments {
    fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }

    /// Whether the flags go together.
    ///
    /// # Errors
    /// EINVAL; EPERM for a thread pointer that is no user address.
    fn check(&self, process: &Process) -> Result<()> {
        let thread_alone = self.has(CLONE_THREAD) && !self.has(CLONE_SIGHAND);
        if thread_alone || (self.has(CLONE_SIGHAND) && !self.has(CLONE_VM)) {
            return Err(Error::new(Errno::EINVAL, "what shares this shares more"));
        }
        if self.has(CLONE_PARENT) && process.pid == tree::FIRST {
            return Err(Error::new(Errno::EINVAL, "the first process has no parent"));
        }
        if self.flags & !KNOWN != 0 {
            return Err(Error::new(Errno::EINVAL, "there are no namespaces"));
        }
        if self.has(CLONE_PIDFD) && self.has(CLONE_THREAD | CLONE_DETACHED) {
            return Err(Error::new(Errno::EINVAL, "descriptors are those of processes"));
        }
        if self.has(CLONE_SETTLS) && self.tls >= HIGHEST {
            return Err(Errno::EPERM.into());
        }
        Ok(())
    }
}

/// Makes a thread, of the same process or of a new one, that returns from the same system call with zero. Gives its number.
///
/// # Errors
/// EINVAL for flags that do not go together, EPERM for a thread pointer that is no user address, EAGAIN where numbers or
/// kernel stacks are short, ENOMEM.
pub(crate) fn clone(context: &Context, registers: &UserContext, arguments: &CloneArguments) -> Result<i32> {
    arguments.check(&context.process)?;
    if !may_have_another(context) {
        return Err(Error::new(Errno::EAGAIN, "RLIMIT_NPROC"));
    }
    if !has_room_for_thread() {
        return Err(Errno::EAGAIN.into());
    }
    let tid = new_id()?;
    let made = if arguments.has(CLONE_THREAD) {
        Ok(context.process.clone())
    } else {
        new_process(context, tid, arguments)
    };
    let process = made.inspect_err(|_| free_id(tid))?;
    let descriptor = arguments
        .has(CLONE_PIDFD)
        .then(|| offer_descriptor(context, &process, arguments.pidfd_at))
        .transpose()
        .inspect_err(|_| free_id(tid))?;
    let maker = &context.thread;
    let thread = Thread::new(
        tid,
        process,
        *maker.name.lock(),
        signals(maker, arguments),
        maker.credentials.lock().clone(),
    );
    thread.schedule.inherit(&maker.schedule);
    // As on Linux, an address that cannot be written to is no error.
    if arguments.has(CLONE_PARENT_SETTID) {
        let _ = context.space.write(arguments.parent_tid, &tid);
    }
    if arguments.has(CLONE_CHILD_CLEARTID) {
        thread.clear_tid_at.store(arguments.child_tid, Ordering::Relaxed);
    }
    let lender = arguments.has(CLONE_VFORK).then(|| {
        let lender = Arc::new(Lender { returned: AtomicBool::new(false), thread: maker.clone() });
        thread.lender.lock().replace(lender.clone());
        lender
    });
    start(context, &thread, registers, arguments).inspect_err(|_| free_id(tid))?;
    if let Some((slot, handle)) = descriptor {
        slot.install(handle, true);
    }
    if let Some(lender) = lender {
        // Only death ends this wait: signals are delivered when the memory is the maker's own again.
        while !lender.returned.load(Ordering::Acquire) && !maker.is_killed() {
            context.waiter.wait();
        }
    }
    Ok(tid)
}

/// Whether RLIMIT_NPROC lets the caller's user have another thread. It does not bind user 0 nor who has CAP_SYS_RESOURCE or
/// CAP_SYS_ADMIN.
fn may_have_another(context: &Context) -> bool {
    let limit = context.process.limits.lock().get(RLIMIT_NPROC).map_or(INFINITY, |limit| limit.soft);
    let user = {
        let credentials = context.thread.credentials.lock();
        let free = credentials.can(CAP_SYS_RESOURCE) || credentials.can(CAP_SYS_ADMIN);
        if limit == INFINITY || free || credentials.user.real == 0 {
            return true;
        }
        credentials.user.real
    };
    let own = |thread: &&Arc<Thread>| thread.credentials.lock().user.real == user;
    (threads().iter().filter(own).count() as u64) < limit
}

/// Tells the caller of a descriptor that is about to refer to the process.
///
/// # Errors
/// EMFILE, EFAULT.
fn offer_descriptor(context: &Context, process: &Arc<Process>, at: usize) -> Result<(Reserved, Handle)> {
    let slot = context.files.reserve()?;
    context.space.write(at, &slot.number())?;
    let file = OpenFile::special(&context.system.anonymous, ProcessDescriptor::new(process.clone()), 0);
    Ok((slot, Handle::File(file)))
}

/// The signal mask is inherited. The alternate stack is too, unless it would be in use twice.
fn signals(maker: &Thread, arguments: &CloneArguments) -> SignalState {
    let own = maker.signals.lock();
    if arguments.has(CLONE_VM) && !arguments.has(CLONE_VFORK) {
        SignalState::for_thread(own.mask)
    } else {
        own.for_process()
    }
}

/// A process that shares with the caller's, or has a copy of, what the arguments say.
fn new_process(context: &Context, pid: i32, arguments: &CloneArguments) -> Result<Arc<Process>> {
    let space = if arguments.has(CLONE_VM) { context.space.clone() } else { context.space.fork()? };
    let files = if arguments.has(CLONE_FILES) { context.files.clone() } else { context.files.duplicate() };
    let fs = if arguments.has(CLONE_FS) { context.fs.clone() } else { context.fs.duplicate() };
    let process = context.process.child(pid, space, files, fs, arguments.has(CLONE_SIGHAND));
    if arguments.clear_actions {
        process.signals.reset_for_exec();
    }
    Ok(process)
}

/// Lets the new thread run.
fn start(
    context: &Context,
    thread: &Arc<Thread>,
    registers: &UserContext,
    arguments: &CloneArguments,
) -> Result<()> {
    let mut registers = Box::new(registers.clone());
    registers.set_rax(0);
    if arguments.stack != 0 {
        registers.set_rsp(arguments.stack);
    }
    let tls = arguments.has(CLONE_SETTLS).then_some(arguments.tls);
    let own = Arc::ptr_eq(&thread.process, &context.process);
    let space = if own { context.space.clone() } else { thread.process.space() };
    let switched = Switched::copy_of_current(space.vm().clone(), tls);
    let (files, fs) = if own {
        (
            if arguments.has(CLONE_FILES) { context.files.clone() } else { context.files.duplicate() },
            if arguments.has(CLONE_FS) { context.fs.clone() } else { context.fs.duplicate() },
        )
    } else {
        (thread.process.files(), thread.process.fs())
    };
    let tid_at = arguments.has(CLONE_CHILD_SETTID).then_some(arguments.child_tid);
    let birth = Birth { files, fs, start: Start::At { registers, tid_at } };
    let task = run::task(thread, switched, birth)?;
    if !thread.process.add_thread(thread) {
        // The process is about to end.
        return Err(Errno::EAGAIN.into());
    }
    if !own {
        let sibling = arguments.has(CLONE_PARENT);
        tree::lock().add_child(&context.process, &thread.process, sibling, arguments.exit_signal);
    }
    task.run();
    Ok(())
}
