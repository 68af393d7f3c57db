//! System calls that have no safe wrapper, each behind a safe function.
//!
//! Threads of targets are named by their number; that one may have ended, and even that another has its number, is what
//! the notification's id tells ([`super::listener::Listener::is_valid`]).

use std::{
    ffi::c_void,
    io,
    os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd},
};

/// A call that a target made, and waits in.
pub(super) type Notification = libc::seccomp_notif;

/// What a bare system call or ioctl gave.
fn checked(result: libc::c_long) -> io::Result<libc::c_long> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// Installs a filter for the calling thread; its listener is given as the lowest free descriptor. Safe to call between fork
/// and exec: it makes one system call.
pub(super) fn install_filter(filter: &[libc::sock_filter]) -> io::Result<RawFd> {
    let program = libc::sock_fprog {
        len: u16::try_from(filter.len()).map_err(|_| io::ErrorKind::InvalidInput)?,
        filter: filter.as_ptr().cast_mut(),
    };
    let flags = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER | libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
    // SAFETY: `program` describes `filter`, which outlives the call; the kernel copies it and writes nothing.
    let result = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::c_ulong::from(libc::SECCOMP_SET_MODE_FILTER),
            flags,
            &raw const program,
        )
    };
    Ok(checked(result)? as RawFd)
}

/// Whether the kernel can notify a supervisor of calls at all.
pub(super) fn has_notifications() -> io::Result<()> {
    let action: u32 = libc::SECCOMP_RET_USER_NOTIF;
    // SAFETY: the kernel reads four bytes behind the pointer, which `action` has.
    let result = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::c_ulong::from(libc::SECCOMP_GET_ACTION_AVAIL),
            0 as libc::c_ulong,
            &raw const action,
        )
    };
    checked(result).map(drop)
}

/// An ioctl whose argument is a structure that the kernel reads and may write.
fn ioctl<T>(fd: BorrowedFd<'_>, request: libc::Ioctl, argument: &mut T) -> io::Result<i32> {
    // SAFETY: those who call this (all in this file) pair each request with the type that it is defined for, so the kernel
    // stays within `argument`; all of those types are plain integers, for which every value is good.
    let result = unsafe { libc::ioctl(fd.as_raw_fd(), request, &raw mut *argument) };
    checked(result.into()).map(|value| value as i32)
}

/// The next call of a target; waits for one.
pub(super) fn receive(listener: BorrowedFd<'_>) -> io::Result<Notification> {
    let data = libc::seccomp_data { nr: 0, arch: 0, instruction_pointer: 0, args: [0; 6] };
    let mut notification = Notification { id: 0, pid: 0, flags: 0, data };
    ioctl(listener, libc::SECCOMP_IOCTL_NOTIF_RECV, &mut notification)?;
    Ok(notification)
}

/// Answers a call. With [`libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE`], the target makes it itself.
pub(super) fn answer(
    listener: BorrowedFd<'_>,
    id: u64,
    value: i64,
    error: i32,
    flags: u32,
) -> io::Result<()> {
    let mut response = libc::seccomp_notif_resp { id, val: value, error, flags };
    ioctl(listener, libc::SECCOMP_IOCTL_NOTIF_SEND, &mut response).map(drop)
}

/// Whether the target still waits in the call.
pub(super) fn is_valid(listener: BorrowedFd<'_>, mut id: u64) -> bool {
    ioctl(listener, libc::SECCOMP_IOCTL_NOTIF_ID_VALID, &mut id).is_ok()
}

/// Whether a descriptor is a listener: others know nothing of the request.
pub(super) fn is_listener(fd: BorrowedFd<'_>) -> bool {
    let mut id = 0_u64;
    let error = ioctl(fd, libc::SECCOMP_IOCTL_NOTIF_ID_VALID, &mut id).err();
    error.and_then(|error| error.raw_os_error()) == Some(libc::ENOENT)
}

/// Gives the target a descriptor for the open file of `source`; its number, the lowest that is free there.
pub(super) fn add_descriptor(
    listener: BorrowedFd<'_>,
    id: u64,
    source: BorrowedFd<'_>,
    close_on_exec: bool,
) -> io::Result<i32> {
    let mut addition = libc::seccomp_notif_addfd {
        id,
        flags: 0,
        srcfd: source.as_raw_fd() as u32,
        newfd: 0,
        newfd_flags: if close_on_exec { libc::O_CLOEXEC as u32 } else { 0 },
    };
    ioctl(listener, libc::SECCOMP_IOCTL_NOTIF_ADDFD, &mut addition)
}

/// Has the kernel run supervisor and target in turns on one CPU.
///
/// # Errors
/// EINVAL before Linux 6.6.
pub(super) fn wake_on_same_cpu(listener: BorrowedFd<'_>) -> io::Result<()> {
    /// SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP
    const SYNC_WAKE_UP: libc::c_ulong = 1;
    // SAFETY: this request takes its argument by value, no memory is concerned.
    let result =
        unsafe { libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SET_FLAGS, SYNC_WAKE_UP) };
    checked(result.into()).map(drop)
}

/// Copies from a target's memory, as far as it can be read; how many bytes, from the start.
pub(super) fn read_memory(thread: i32, address: usize, into: &mut [u8]) -> io::Result<usize> {
    let local = libc::iovec { iov_base: into.as_mut_ptr().cast(), iov_len: into.len() };
    let remote = libc::iovec { iov_base: address as *mut c_void, iov_len: into.len() };
    // SAFETY: the kernel writes to `into` and nowhere else here; `address` is looked up in the other process.
    let result = unsafe { libc::process_vm_readv(thread, &raw const local, 1, &raw const remote, 1, 0) };
    checked(result as libc::c_long).map(|count| count as usize)
}

/// Copies to a target's memory, as far as it can be written.
pub(super) fn write_memory(thread: i32, address: usize, from: &[u8]) -> io::Result<usize> {
    let local = libc::iovec { iov_base: from.as_ptr().cast_mut().cast(), iov_len: from.len() };
    let remote = libc::iovec { iov_base: address as *mut c_void, iov_len: from.len() };
    // SAFETY: the kernel only reads from `from`; what it writes to is the other process's.
    let result = unsafe { libc::process_vm_writev(thread, &raw const local, 1, &raw const remote, 1, 0) };
    checked(result as libc::c_long).map(|count| count as usize)
}

/// Sends a signal to one thread.
pub(super) fn signal_thread(process: i32, thread: i32, signal: i32) -> io::Result<()> {
    // SAFETY: the call takes numbers.
    checked(unsafe { libc::syscall(libc::SYS_tgkill, process, thread, signal) }).map(drop)
}

/// The soft limit of open descriptors of another process.
pub(super) fn descriptor_limit(thread: i32) -> io::Result<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the kernel writes one `rlimit` to where `limit` is, and sets nothing.
    let result = unsafe { libc::prlimit(thread, libc::RLIMIT_NOFILE, std::ptr::null(), &raw mut limit) };
    checked(result.into())?;
    Ok(limit.rlim_cur)
}

/// Who the calling thread, and no other one, is to files.
pub(super) fn become_file_user(user: u32, group: u32, groups: &[u32]) -> io::Result<()> {
    // SAFETY: the kernel reads `groups.len()` numbers behind the pointer. The bare calls, unlike those of the C library,
    // change the calling thread only, which is what is wanted.
    unsafe {
        checked(libc::syscall(libc::SYS_setgroups, groups.len(), groups.as_ptr()))?;
        libc::syscall(libc::SYS_setfsgid, group);
        libc::syscall(libc::SYS_setfsuid, user);
    }
    Ok(())
}

/// Stops another thread as soon as it returns from its call: the first step of [`super::restart`].
pub(super) fn seize(thread: i32) -> io::Result<()> {
    let nothing = std::ptr::null_mut::<c_void>();
    // SAFETY: neither request has the kernel touch memory of this process.
    unsafe {
        checked(libc::ptrace(libc::PTRACE_SEIZE, thread, nothing, nothing))?;
        checked(libc::ptrace(libc::PTRACE_INTERRUPT, thread, nothing, nothing)).map(drop)
    }
}

/// Lets a stopped thread go on, with this signal or 0.
pub(super) fn let_go(thread: i32, signal: i32) -> io::Result<()> {
    let nothing = std::ptr::null_mut::<c_void>();
    // SAFETY: the kernel touches no memory of this process; the last argument is a number.
    checked(unsafe { libc::ptrace(libc::PTRACE_DETACH, thread, nothing, signal as usize as *mut c_void) })
        .map(drop)
}

/// Whether a thread that was seized has stopped, and on account of which signal (the low byte).
pub(super) fn stopped(thread: i32) -> io::Result<Option<i32>> {
    // SAFETY: the structure consists of integers, for which zero is a good value.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    // Without WEXITED: the thread's end is for its parent to learn of.
    let options = libc::WSTOPPED | libc::WNOHANG | libc::__WALL;
    // SAFETY: the kernel writes one `siginfo_t` to where `info` is.
    checked(unsafe { libc::waitid(libc::P_PID, thread as u32, &raw mut info, options) }.into())?;
    // SAFETY: where waitid(2) reports anything, it has filled in these fields; otherwise they are zero.
    let (process, status) = unsafe { (info.si_pid(), info.si_status()) };
    Ok((process != 0).then_some(status))
}

/// Opens a handle on one thread, or where the kernel (before 6.9) has none such, on its process.
pub(super) fn open_thread(thread: i32, process: i32) -> io::Result<OwnedFd> {
    const PIDFD_THREAD: libc::c_int = libc::O_EXCL;
    let open = |number: i32, flags: libc::c_int| {
        // SAFETY: the call takes numbers.
        let fd = checked(unsafe { libc::syscall(libc::SYS_pidfd_open, number, flags) })?;
        // SAFETY: the kernel has just made this descriptor, and nobody else knows of it.
        Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
    };
    open(thread, PIDFD_THREAD).or_else(|error: io::Error| {
        if error.raw_os_error() == Some(libc::EINVAL) { open(process, 0) } else { Err(error) }
    })
}
