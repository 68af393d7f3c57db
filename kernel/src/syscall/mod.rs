//! From a system call's number to what serves it.
//!
//! Each file here has a list of the calls it serves; the table is made of them at build time. A number that is in none
//! of them is ENOSYS, and counted.

mod advise;
mod at;
mod attribute;
mod capability;
mod clock;
mod descriptor;
mod epoll;
mod eventfd;
mod exec;
mod extended;
mod file;
mod fork;
mod futex;
mod identity;
mod itimer;
mod limit;
mod lock;
mod memfd;
mod memory;
mod moving;
mod owner;
mod path;
mod pidfd;
mod poll;
mod prctl;
mod process;
mod resident;
mod sched;
mod select;
mod sendfile;
mod session;
mod signal;
mod signalfd;
mod socket;
mod space;
mod splice;
mod system;
mod time;
mod timerfd;
mod transfer;
mod unshare;
mod vectors;
mod wait;

use core::sync::atomic::{AtomicU32, Ordering};

pub(crate) use attribute::{SOCKET_DEVICE, socket_number};

use ::socket::error::{Errno, Result};
use ostd::user::UserMode;
use vfs::{FileType, Handle};

use crate::{context::Context, mm};

/// The six arguments, as the registers hold them.
pub(crate) type Arguments = [usize; 6];

/// What serves a call.
#[derive(Clone, Copy)]
pub(crate) enum Handler {
    /// Needs the arguments alone.
    Plain(fn(&Context, &Arguments) -> Result<usize>),
    /// Copies or changes the thread's registers too.
    Registers(fn(&mut Context, &mut UserMode, &Arguments) -> Result<usize>),
}

/// The calls that a file serves.
pub(crate) type Calls = [(u32, Handler)];

/// One more than the highest number in the table.
const SIZE: usize = 512;

static TABLE: [Option<Handler>; SIZE] = table(&[
    advise::CALLS,
    attribute::CALLS,
    capability::CALLS,
    clock::CALLS,
    descriptor::CALLS,
    epoll::CALLS,
    eventfd::CALLS,
    exec::CALLS,
    extended::CALLS,
    file::CALLS,
    fork::CALLS,
    futex::CALLS,
    identity::CALLS,
    itimer::CALLS,
    lock::CALLS,
    memfd::CALLS,
    limit::CALLS,
    memory::CALLS,
    path::CALLS,
    pidfd::CALLS,
    poll::CALLS,
    prctl::CALLS,
    process::CALLS,
    resident::CALLS,
    sched::CALLS,
    select::CALLS,
    session::CALLS,
    sendfile::CALLS,
    signal::CALLS,
    signalfd::CALLS,
    socket::CALLS,
    space::CALLS,
    splice::CALLS,
    system::CALLS,
    time::CALLS,
    timerfd::CALLS,
    transfer::CALLS,
    vectors::CALLS,
    unshare::CALLS,
    wait::CALLS,
]);

const fn table(files: &[&Calls]) -> [Option<Handler>; SIZE] {
    let mut table = [None; SIZE];
    let mut file = 0;
    while file < files.len() {
        let calls = files[file];
        let mut call = 0;
        while call < calls.len() {
            let (number, handler) = calls[call];
            assert!(table[number as usize].is_none(), "a call is in two lists");
            table[number as usize] = Some(handler);
            call += 1;
        }
        file += 1;
    }
    table
}

/// Serves the call that the thread has made.
pub(crate) fn dispatch(context: &mut Context, user: &mut UserMode) {
    let registers = user.context().general_regs();
    let number = registers.rax;
    let arguments = [registers.rdi, registers.rsi, registers.rdx, registers.r10, registers.r8, registers.r9];
    let result = match TABLE.get(number) {
        Some(_) if mm::under_pressure() && needs_memory(context, number, arguments[0]) => {
            Err(Errno::ENOMEM.into())
        }
        Some(Some(Handler::Plain(serve))) => serve(context, &arguments),
        Some(Some(Handler::Registers(serve))) => serve(context, user, &arguments),
        _ => missing(number),
    };
    let value = match result {
        Ok(value) => value,
        Err(error) => {
            if error.errno == Errno::EINTR && context.thread.must_attend() {
                context.interrupted.record(number);
            }
            usize::from(error.errno.number()).wrapping_neg()
        }
    };
    user.context_mut().set_rax(value);
}

/// Whether a call that a signal has interrupted is made again after a handler with SA_RESTART (signal(7)). Those that wait
/// for a limited time, or for a signal, are not.
pub(crate) fn restarts(number: usize, user: &UserMode) -> bool {
    use linux_raw_sys::general as nr;
    match number as u32 {
        nr::__NR_poll
        | nr::__NR_ppoll
        | nr::__NR_select
        | nr::__NR_pselect6
        | nr::__NR_epoll_wait
        | nr::__NR_epoll_pwait
        | nr::__NR_epoll_pwait2
        | nr::__NR_nanosleep
        | nr::__NR_clock_nanosleep
        | nr::__NR_pause
        | nr::__NR_rt_sigsuspend
        | nr::__NR_rt_sigtimedwait => false,
        // With a time limit it is not.
        nr::__NR_futex => user.context().general_regs().r10 == 0,
        _ => true,
    }
}

/// Whether a call may make the kernel allocate much: it fails when little is left. Writing to a device does not.
#[cold]
fn needs_memory(context: &Context, number: usize, descriptor: usize) -> bool {
    use linux_raw_sys::general as nr;
    match number as u32 {
        nr::__NR_write | nr::__NR_writev | nr::__NR_pwrite64 | nr::__NR_pwritev | nr::__NR_pwritev2 => {
            match context.files.get(descriptor as i32) {
                Ok(Handle::File(file)) => file.inode().file_type() != FileType::CharacterDevice,
                Ok(Handle::Socket(_)) => true,
                Err(_) => false,
            }
        }
        nr::__NR_open
        | nr::__NR_openat
        | nr::__NR_creat
        | nr::__NR_pipe
        | nr::__NR_pipe2
        | nr::__NR_mkdir
        | nr::__NR_mkdirat
        | nr::__NR_symlink
        | nr::__NR_symlinkat
        | nr::__NR_mmap
        | nr::__NR_epoll_ctl
        | nr::__NR_epoll_create
        | nr::__NR_epoll_create1
        | nr::__NR_eventfd
        | nr::__NR_eventfd2
        | nr::__NR_timerfd_create
        | nr::__NR_memfd_create
        | nr::__NR_mlock
        | nr::__NR_mlock2
        | nr::__NR_mlockall
        | nr::__NR_mremap
        | nr::__NR_clone
        | nr::__NR_clone3
        | nr::__NR_fork
        | nr::__NR_vfork
        | nr::__NR_execve
        | nr::__NR_execveat
        | nr::__NR_socket
        | nr::__NR_socketpair
        | nr::__NR_connect
        | nr::__NR_fallocate
        | nr::__NR_sendfile
        | nr::__NR_splice
        | nr::__NR_tee
        | nr::__NR_vmsplice
        | nr::__NR_copy_file_range
        | nr::__NR_sendto
        | nr::__NR_sendmsg => true,
        _ => false,
    }
}

/// How often calls that nothing serves were made, by number; those beyond the table together at the end.
static MISSING: [AtomicU32; SIZE + 1] = [const { AtomicU32::new(0) }; SIZE + 1];

#[cold]
fn missing(number: usize) -> Result<usize> {
    if MISSING[number.min(SIZE)].fetch_add(1, Ordering::Relaxed) == 0 {
        ostd::info!("system call {number} is not served");
    }
    Err(Errno::ENOSYS.into())
}
