//! System calls as safe functions: the only unsafe code of this program.
//!
//! Calls are made with the instruction itself, not through the C library, whose wrappers check, retry, cancel and (for
//! `setresuid`) reach out to other threads. What a call returns is what the kernel said.
//!
//! A wrapper's arguments expand to registers by their type ([`Argument`]): a slice becomes its address and its length,
//! so that the kernel never hears of memory that the program did not lend. Deliberately bad addresses go through
//! [`Region::call`] alone.

use std::{
    ffi::CStr,
    io::{IoSlice, IoSliceMut},
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
    panic::Location,
};

pub(crate) mod fast;
mod region;

pub(crate) use region::{PAGE, Region};

use crate::{
    errno::{Errno, Result},
    harness::progress,
};

/// The bare instruction.
///
/// # Safety
/// Whatever the call reads or writes through its arguments must be the caller's to lend.
#[inline(always)]
unsafe fn syscall(number: i64, words: [usize; 6]) -> isize {
    let result;
    // SAFETY: the x86-64 convention of syscall(2): rcx and r11 are lost, memory as the caller of this function promises.
    unsafe {
        std::arch::asm!(
            "syscall",
            inlateout("rax") number as isize => result,
            in("rdi") words[0], in("rsi") words[1], in("rdx") words[2],
            in("r10") words[3], in("r8") words[4], in("r9") words[5],
            lateout("rcx") _, lateout("r11") _,
            options(nostack),
        );
    }
    result
}

/// Splits the kernel's return value.
fn outcome(value: isize) -> Result<usize> {
    if (-4095..0).contains(&value) { Err(Errno(-value as i32)) } else { Ok(value as usize) }
}

/// The registers of a call, filled from the left.
#[derive(Default)]
struct Words {
    words: [usize; 6],
    used: usize,
}

impl Words {
    fn push(&mut self, word: usize) {
        self.words[self.used] = word;
        self.used += 1;
    }
}

/// Something that can be an argument (or two: address and length) of a call. Private, so that the list below is all.
trait Argument {
    fn place(self, words: &mut Words);
}

macro_rules! number_arguments {
    ($($kind:ty),*) => {$(
        impl Argument for $kind {
            fn place(self, words: &mut Words) {
                words.push(self as isize as usize);
            }
        }
    )*};
}
number_arguments!(i32, u32, i64, u64, usize);

impl Argument for &[u8] {
    fn place(self, words: &mut Words) {
        words.push(self.as_ptr() as usize);
        words.push(self.len());
    }
}

impl Argument for &mut [u8] {
    fn place(self, words: &mut Words) {
        words.push(self.as_mut_ptr() as usize);
        words.push(self.len());
    }
}

impl Argument for &CStr {
    fn place(self, words: &mut Words) {
        words.push(self.as_ptr() as usize);
    }
}

impl Argument for &[IoSlice<'_>] {
    fn place(self, words: &mut Words) {
        // IoSlice has the layout of struct iovec on every Unix (its documentation).
        words.push(self.as_ptr() as usize);
        words.push(self.len());
    }
}

impl Argument for &mut [IoSliceMut<'_>] {
    fn place(self, words: &mut Words) {
        words.push(self.as_ptr() as usize);
        words.push(self.len());
    }
}

impl Argument for &mut [libc::pollfd] {
    fn place(self, words: &mut Words) {
        words.push(self.as_mut_ptr() as usize);
        words.push(self.len());
    }
}

/// One structure for the kernel to read or to fill: the address alone. Private like [`Argument`]; only plain C
/// structures, for which every bit pattern that the kernel may write is valid, are put in it.
struct Fill<'a, T>(&'a mut T);

impl<T> Argument for Fill<'_, T> {
    fn place(self, words: &mut Words) {
        words.push(std::ptr::from_mut(self.0) as usize);
    }
}

/// An address buffer and the length that the kernel takes and gives back (`socklen_t *`).
struct Sized<'a>(&'a mut [u8], &'a mut i32);

impl Argument for Sized<'_> {
    fn place(self, words: &mut Words) {
        assert!(
            i64::from(*self.1) <= self.0.len() as i64,
            "a length beyond the buffer would lend foreign memory"
        );
        words.push(self.0.as_mut_ptr() as usize);
        words.push(std::ptr::from_mut(self.1) as usize);
    }
}

/// Makes a call on record: a test that hangs is reported with the call it hangs in.
///
/// # Safety
/// As [`syscall`].
#[track_caller]
unsafe fn call(name: &'static str, number: i64, words: &Words) -> Result<usize> {
    progress::entered(name, Location::caller());
    // SAFETY: the caller's promise.
    let value = unsafe { syscall(number, words.words) };
    progress::left();
    outcome(value)
}

/// What may stand where a descriptor is wanted: an open one, or any number.
pub(crate) trait Descriptor {
    /// The number.
    fn number(&self) -> i32;
}

impl<T: AsRawFd> Descriptor for T {
    fn number(&self) -> i32 {
        self.as_raw_fd()
    }
}

/// A descriptor as an argument.
struct Number(i32);

impl Argument for Number {
    fn place(self, words: &mut Words) {
        words.push(self.0 as isize as usize);
    }
}

/// Declares wrappers: name, call number, parameters by position. `fd` first where the call begins with a descriptor.
macro_rules! calls {
    ($($(#[$meta:meta])* $name:ident = $number:ident (fd $(, $arg:ident : $kind:ty)*);)*) => {$(
        $(#[$meta])*
        #[track_caller]
        pub(crate) fn $name(fd: &impl Descriptor $(, $arg: $kind)*) -> Result<usize> {
            let mut words = Words::default();
            Number(fd.number()).place(&mut words);
            $($arg.place(&mut words);)*
            // SAFETY: every address comes from a reference that outlives the call, followed by its true length where
            // the call takes one; the call touches no other memory.
            unsafe { call(stringify!($name), libc::$number, &words) }
        }
    )*};
}

macro_rules! plain_calls {
    ($($(#[$meta:meta])* $name:ident = $number:ident ($($arg:ident : $kind:ty),*);)*) => {$(
        $(#[$meta])*
        #[track_caller]
        pub(crate) fn $name($($arg: $kind),*) -> Result<usize> {
            #[allow(unused_mut, reason = "a call without parameters")]
            let mut words = Words::default();
            $($arg.place(&mut words);)*
            // SAFETY: as in `calls`.
            unsafe { call(stringify!($name), libc::$number, &words) }
        }
    )*};
}

calls! {
    /// read(2)
    read = SYS_read(fd, into: &mut [u8]);
    /// write(2)
    write = SYS_write(fd, data: &[u8]);
    /// readv(2)
    readv = SYS_readv(fd, into: &mut [IoSliceMut<'_>]);
    /// writev(2)
    writev = SYS_writev(fd, data: &[IoSlice<'_>]);
    /// bind(2), the address as raw bytes
    bind = SYS_bind(fd, address: &[u8]);
    /// connect(2), the address as raw bytes
    connect = SYS_connect(fd, address: &[u8]);
    /// listen(2)
    listen = SYS_listen(fd, backlog: i32);
    /// shutdown(2)
    shutdown = SYS_shutdown(fd, how: i32);
    /// send(2), as sendto(2) without an address
    send = SYS_sendto(fd, data: &[u8], flags: i32);
    /// recv(2), as recvfrom(2) without an address
    recv = SYS_recvfrom(fd, into: &mut [u8], flags: i32);
    /// sendto(2)
    sendto = SYS_sendto(fd, data: &[u8], flags: i32, address: &[u8]);
    /// setsockopt(2), the value as raw bytes
    setsockopt = SYS_setsockopt(fd, level: i32, name: i32, value: &[u8]);
    /// fcntl(2) with a number as argument
    fcntl = SYS_fcntl(fd, command: i32, argument: i32);
    /// lseek(2)
    lseek = SYS_lseek(fd, offset: i64, whence: i32);
    /// ftruncate(2)
    ftruncate = SYS_ftruncate(fd, length: i64);
    /// fchmod(2)
    fchmod = SYS_fchmod(fd, mode: u32);
    /// getdents64(2)
    getdents = SYS_getdents64(fd, into: &mut [u8]);
    /// pread64(2), offset last as in the kernel
    pread = SYS_pread64(fd, into: &mut [u8], offset: i64);
    /// pwrite64(2)
    pwrite = SYS_pwrite64(fd, data: &[u8], offset: i64);
}

plain_calls! {
    /// getpid(2)
    getpid = SYS_getpid();
    /// getppid(2)
    getppid = SYS_getppid();
    /// gettid(2)
    gettid = SYS_gettid();
    /// getuid(2)
    getuid = SYS_getuid();
    /// geteuid(2)
    geteuid = SYS_geteuid();
    /// getgid(2)
    getgid = SYS_getgid();
    /// getegid(2)
    getegid = SYS_getegid();
    /// umask(2)
    umask = SYS_umask(mask: u32);
    /// mkdir(2)
    mkdir = SYS_mkdir(path: &CStr, mode: u32);
    /// rmdir(2)
    rmdir = SYS_rmdir(path: &CStr);
    /// unlink(2)
    unlink = SYS_unlink(path: &CStr);
    /// rename(2)
    rename = SYS_rename(from: &CStr, to: &CStr);
    /// symlink(2)
    symlink = SYS_symlink(target: &CStr, at: &CStr);
    /// readlink(2)
    readlink = SYS_readlink(path: &CStr, into: &mut [u8]);
    /// chmod(2)
    chmod = SYS_chmod(path: &CStr, mode: u32);
    /// chdir(2)
    chdir = SYS_chdir(path: &CStr);
    /// getcwd(2)
    getcwd = SYS_getcwd(into: &mut [u8]);
    /// access(2)
    access = SYS_access(path: &CStr, mode: i32);
    /// truncate(2)
    truncate = SYS_truncate(path: &CStr, length: i64);
    /// getrandom(2)
    getrandom = SYS_getrandom(into: &mut [u8], flags: u32);
    /// poll(2), the timeout in milliseconds
    poll = SYS_poll(entries: &mut [libc::pollfd], timeout: i32);
    /// sched_yield(2)
    sched_yield = SYS_sched_yield();
    /// setresuid(2) of the calling thread alone: the C library's would change all threads
    set_thread_uids = SYS_setresuid(real: u32, effective: u32, saved: u32);
    /// setresgid(2) of the calling thread alone
    set_thread_gids = SYS_setresgid(real: u32, effective: u32, saved: u32);
}

/// Takes ownership of the descriptor that a call returned.
fn owned(number: usize) -> OwnedFd {
    // SAFETY: the kernel has just returned this number as a new open descriptor, of which nobody else knows.
    unsafe { OwnedFd::from_raw_fd(number as i32) }
}

/// Takes ownership of the descriptor that [`Region::call`] returned.
pub(crate) fn adopt(number: usize) -> OwnedFd {
    owned(number)
}

/// Closes a descriptor by hand, to see what close(2) returns.
#[track_caller]
pub(crate) fn close(fd: OwnedFd) -> Result<usize> {
    let number = std::os::fd::IntoRawFd::into_raw_fd(fd);
    // SAFETY: the number was owned, and is given up here.
    unsafe { call("close", libc::SYS_close, &Words { words: [number as usize, 0, 0, 0, 0, 0], used: 1 }) }
}

/// close(2) of a number that is not open, for its error.
#[track_caller]
pub(crate) fn close_unopened(number: i32) -> Result<usize> {
    // SAFETY: callers give numbers beyond any that may be open (negative, or past the table's limit).
    assert!(!(0..=0x0fff_ffff).contains(&number), "may be open");
    // SAFETY: see above: no open descriptor is closed behind its owner's back.
    unsafe {
        call("close", libc::SYS_close, &Words { words: [number as isize as usize, 0, 0, 0, 0, 0], used: 1 })
    }
}

macro_rules! opening_calls {
    ($($(#[$meta:meta])* $name:ident = $number:ident ($($arg:ident : $kind:ty),*);)*) => {$(
        $(#[$meta])*
        #[track_caller]
        pub(crate) fn $name($($arg: $kind),*) -> Result<OwnedFd> {
            let mut words = Words::default();
            $($arg.place(&mut words);)*
            // SAFETY: as in `calls`.
            unsafe { call(stringify!($name), libc::$number, &words) }.map(owned)
        }
    )*};
}

opening_calls! {
    /// socket(2)
    socket = SYS_socket(family: i32, kind: i32, protocol: i32);
    /// open(2)
    open = SYS_open(path: &CStr, flags: i32, mode: u32);
    /// openat(2) with the directory's number
    openat = SYS_openat(directory: i32, path: &CStr, flags: i32, mode: u32);
}

/// dup(2)
#[track_caller]
pub(crate) fn dup(fd: &impl Descriptor) -> Result<OwnedFd> {
    let words = Words { words: [fd.number() as isize as usize, 0, 0, 0, 0, 0], used: 1 };
    // SAFETY: no memory is involved.
    unsafe { call("dup", libc::SYS_dup, &words) }.map(owned)
}

/// fcntl(2) with F_DUPFD or F_DUPFD_CLOEXEC
#[track_caller]
pub(crate) fn dup_from(fd: &impl Descriptor, command: i32, lowest: i32) -> Result<OwnedFd> {
    assert!(matches!(command, libc::F_DUPFD | libc::F_DUPFD_CLOEXEC));
    fcntl(fd, command, lowest).map(owned)
}

/// dup3(2) onto a descriptor that the caller owns, and whose old meaning is lost.
#[track_caller]
pub(crate) fn dup3(fd: &impl Descriptor, onto: &OwnedFd, flags: i32) -> Result<usize> {
    let words = Words {
        words: [fd.number() as isize as usize, onto.number() as usize, flags as usize, 0, 0, 0],
        used: 3,
    };
    // SAFETY: `onto` stays owned by its owner, open before and after.
    unsafe { call("dup3", libc::SYS_dup3, &words) }
}

/// dup2(2) onto a descriptor that the caller owns.
#[track_caller]
pub(crate) fn dup2(fd: &impl Descriptor, onto: &OwnedFd) -> Result<usize> {
    let words = Words { words: [fd.number() as isize as usize, onto.number() as usize, 0, 0, 0, 0], used: 2 };
    // SAFETY: as dup3.
    unsafe { call("dup2", libc::SYS_dup2, &words) }
}

/// accept(2) without an address
#[track_caller]
pub(crate) fn accept(fd: &impl Descriptor) -> Result<OwnedFd> {
    let words = Words { words: [fd.number() as isize as usize, 0, 0, 0, 0, 0], used: 3 };
    // SAFETY: no memory is involved.
    unsafe { call("accept", libc::SYS_accept, &words) }.map(owned)
}

/// accept4(2) without an address
#[track_caller]
pub(crate) fn accept4(fd: &impl Descriptor, flags: i32) -> Result<OwnedFd> {
    let words =
        Words { words: [fd.number() as isize as usize, 0, 0, flags as isize as usize, 0, 0], used: 4 };
    // SAFETY: no memory is involved.
    unsafe { call("accept4", libc::SYS_accept4, &words) }.map(owned)
}

/// accept(2) with an address buffer; `length` goes in and comes out.
#[track_caller]
pub(crate) fn accept_from(fd: &impl Descriptor, address: &mut [u8], length: &mut i32) -> Result<OwnedFd> {
    let mut words = Words::default();
    Number(fd.number()).place(&mut words);
    Sized(address, length).place(&mut words);
    // SAFETY: buffer and length are lent for the call, and the length is that of the buffer at most.
    unsafe { call("accept", libc::SYS_accept, &words) }.map(owned)
}

macro_rules! naming_calls {
    ($($(#[$meta:meta])* $name:ident = $number:ident;)*) => {$(
        $(#[$meta])*
        #[track_caller]
        pub(crate) fn $name(fd: &impl Descriptor, address: &mut [u8], length: &mut i32) -> Result<usize> {
            let mut words = Words::default();
            Number(fd.number()).place(&mut words);
            Sized(address, length).place(&mut words);
            // SAFETY: as in `accept_from`.
            unsafe { call(stringify!($name), libc::$number, &words) }
        }
    )*};
}

naming_calls! {
    /// getsockname(2)
    getsockname = SYS_getsockname;
    /// getpeername(2)
    getpeername = SYS_getpeername;
}

/// getsockopt(2), value and length as raw bytes and number.
#[track_caller]
pub(crate) fn getsockopt(
    fd: &impl Descriptor,
    level: i32,
    name: i32,
    value: &mut [u8],
    length: &mut i32,
) -> Result<usize> {
    let mut words = Words::default();
    Number(fd.number()).place(&mut words);
    level.place(&mut words);
    name.place(&mut words);
    Sized(value, length).place(&mut words);
    // SAFETY: as in `accept_from`.
    unsafe { call("getsockopt", libc::SYS_getsockopt, &words) }
}

/// recvfrom(2) with an address buffer.
#[track_caller]
pub(crate) fn recvfrom(
    fd: &impl Descriptor,
    into: &mut [u8],
    flags: i32,
    address: &mut [u8],
    length: &mut i32,
) -> Result<usize> {
    let mut words = Words::default();
    Number(fd.number()).place(&mut words);
    into.place(&mut words);
    flags.place(&mut words);
    Sized(address, length).place(&mut words);
    // SAFETY: as in `accept_from`.
    unsafe { call("recvfrom", libc::SYS_recvfrom, &words) }
}

/// socketpair(2)
#[track_caller]
pub(crate) fn socketpair(family: i32, kind: i32, protocol: i32) -> Result<(OwnedFd, OwnedFd)> {
    let mut numbers = [-1i32; 2];
    let mut words = Words::default();
    (family, kind, protocol).place(&mut words);
    Fill(&mut numbers).place(&mut words);
    // SAFETY: the kernel fills two ints, which are lent.
    unsafe { call("socketpair", libc::SYS_socketpair, &words) }?;
    Ok((owned(numbers[0] as usize), owned(numbers[1] as usize)))
}

impl Argument for (i32, i32, i32) {
    fn place(self, words: &mut Words) {
        self.0.place(words);
        self.1.place(words);
        self.2.place(words);
    }
}

/// pipe2(2): the reading and the writing end.
#[track_caller]
pub(crate) fn pipe2(flags: i32) -> Result<(OwnedFd, OwnedFd)> {
    let mut numbers = [-1i32; 2];
    let mut words = Words::default();
    Fill(&mut numbers).place(&mut words);
    flags.place(&mut words);
    // SAFETY: as in socketpair.
    unsafe { call("pipe2", libc::SYS_pipe2, &words) }?;
    Ok((owned(numbers[0] as usize), owned(numbers[1] as usize)))
}

/// What sendmsg(2) and recvmsg(2) say besides the payload.
#[derive(Debug, Default)]
pub(crate) struct Envelope<'a> {
    /// The buffer for, or the bytes of, the address; its length goes into `msg_namelen`.
    pub(crate) name: Option<&'a mut [u8]>,
    /// The same for control data.
    pub(crate) control: Option<&'a mut [u8]>,
    /// `msg_flags` as it goes in: the kernel must ignore it.
    pub(crate) flags: i32,
}

/// The header after the call.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// The value that the call returned: bytes of payload.
    pub(crate) bytes: usize,
    /// `msg_namelen`
    pub(crate) name: u32,
    /// `msg_controllen`
    pub(crate) control: usize,
    /// `msg_flags`
    pub(crate) flags: i32,
}

#[track_caller]
fn message(
    call_name: &'static str,
    number: i64,
    fd: &impl Descriptor,
    parts: (usize, usize),
    envelope: Envelope<'_>,
    flags: i32,
) -> Result<Header> {
    // SAFETY: a msghdr is integers and pointers, for which zero is a value.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    if let Some(name) = envelope.name {
        header.msg_name = name.as_mut_ptr().cast();
        header.msg_namelen = name.len() as u32;
    }
    if let Some(control) = envelope.control {
        header.msg_control = control.as_mut_ptr().cast();
        header.msg_controllen = control.len();
    }
    header.msg_iov = parts.0 as *mut libc::iovec;
    header.msg_iovlen = parts.1;
    header.msg_flags = envelope.flags;
    let mut words = Words::default();
    Number(fd.number()).place(&mut words);
    Fill(&mut header).place(&mut words);
    flags.place(&mut words);
    // SAFETY: the header's pointers and lengths are those of slices that are lent for the call; `parts` comes from the
    // two functions below, which borrow it likewise.
    let bytes = unsafe { call(call_name, number, &words) }?;
    Ok(Header { bytes, name: header.msg_namelen, control: header.msg_controllen, flags: header.msg_flags })
}

/// sendmsg(2)
#[track_caller]
pub(crate) fn sendmsg(
    fd: &impl Descriptor,
    parts: &[IoSlice<'_>],
    envelope: Envelope<'_>,
    flags: i32,
) -> Result<Header> {
    message("sendmsg", libc::SYS_sendmsg, fd, (parts.as_ptr() as usize, parts.len()), envelope, flags)
}

/// recvmsg(2)
#[track_caller]
pub(crate) fn recvmsg(
    fd: &impl Descriptor,
    parts: &mut [IoSliceMut<'_>],
    envelope: Envelope<'_>,
    flags: i32,
) -> Result<Header> {
    message("recvmsg", libc::SYS_recvmsg, fd, (parts.as_mut_ptr() as usize, parts.len()), envelope, flags)
}

macro_rules! stat_calls {
    ($($(#[$meta:meta])* $name:ident = $number:ident ($($arg:ident : $kind:ty),*);)*) => {$(
        $(#[$meta])*
        #[track_caller]
        pub(crate) fn $name($($arg: $kind),*) -> Result<libc::stat> {
            // SAFETY: a stat is integers, for which zero is a value.
            let mut stat: libc::stat = unsafe { std::mem::zeroed() };
            let mut words = Words::default();
            $($arg.place(&mut words);)*
            Fill(&mut stat).place(&mut words);
            // SAFETY: libc's stat is the kernel's on x86-64; it is lent for the call.
            unsafe { call(stringify!($name), libc::$number, &words) }?;
            Ok(stat)
        }
    )*};
}

stat_calls! {
    /// stat(2)
    stat = SYS_stat(path: &CStr);
    /// lstat(2)
    lstat = SYS_lstat(path: &CStr);
    /// fstat(2) by number
    fstat_number = SYS_fstat(fd: i32);
}

/// fstat(2)
#[track_caller]
pub(crate) fn fstat(fd: &impl Descriptor) -> Result<libc::stat> {
    fstat_number(fd.number())
}

/// clock_gettime(2) as a system call, in nanoseconds
#[track_caller]
pub(crate) fn clock_nanoseconds(clock: i32) -> Result<u64> {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    let mut words = Words::default();
    clock.place(&mut words);
    Fill(&mut time).place(&mut words);
    // SAFETY: the kernel fills one timespec, which is lent.
    unsafe { call("clock_gettime", libc::SYS_clock_gettime, &words) }?;
    Ok(time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64)
}

/// nanosleep(2)
#[track_caller]
pub(crate) fn nanosleep(seconds: i64, nanoseconds: i64) -> Result<usize> {
    let mut time = libc::timespec { tv_sec: seconds, tv_nsec: nanoseconds };
    let mut words = Words::default();
    Fill(&mut time).place(&mut words);
    // SAFETY: the kernel reads one timespec; the place for the rest is NULL.
    unsafe { call("nanosleep", libc::SYS_nanosleep, &words) }
}

/// futex(2) with FUTEX_WAIT | FUTEX_PRIVATE_FLAG and a limit in nanoseconds
#[track_caller]
pub(crate) fn futex_wait(
    word: &std::sync::atomic::AtomicU32,
    expected: u32,
    limit: Option<u64>,
) -> Result<usize> {
    let time = limit.map(|limit| libc::timespec {
        tv_sec: (limit / 1_000_000_000) as i64,
        tv_nsec: (limit % 1_000_000_000) as i64,
    });
    let words = Words {
        words: [
            word.as_ptr() as usize,
            (libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG) as usize,
            expected as usize,
            time.as_ref().map_or(0, |time| std::ptr::from_ref(time) as usize),
            0,
            0,
        ],
        used: 4,
    };
    // SAFETY: the word is atomic and outlives the call, so does the time.
    unsafe { call("futex", libc::SYS_futex, &words) }
}

/// futex(2) with FUTEX_WAKE | FUTEX_PRIVATE_FLAG: how many were woken
#[track_caller]
pub(crate) fn futex_wake(word: &std::sync::atomic::AtomicU32, how_many: u32) -> Result<usize> {
    let words = Words {
        words: [
            word.as_ptr() as usize,
            (libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG) as usize,
            how_many as usize,
            0,
            0,
            0,
        ],
        used: 3,
    };
    // SAFETY: as futex_wait.
    unsafe { call("futex", libc::SYS_futex, &words) }
}

/// prlimit64(2) for RLIMIT_NOFILE: sets the soft limit where one is given, and returns the old soft and hard limits.
#[track_caller]
pub(crate) fn limit_descriptors(soft: Option<u64>) -> Result<(u64, u64)> {
    let mut old = libc::rlimit64 { rlim_cur: 0, rlim_max: 0 };
    let words =
        |new: usize, old: usize| Words { words: [0, libc::RLIMIT_NOFILE as usize, new, old, 0, 0], used: 4 };
    // SAFETY: the kernel fills one rlimit64, which is lent.
    unsafe { call("prlimit64", libc::SYS_prlimit64, &words(0, std::ptr::from_mut(&mut old) as usize)) }?;
    if let Some(soft) = soft {
        let new = libc::rlimit64 { rlim_cur: soft, rlim_max: old.rlim_max };
        // SAFETY: the kernel reads one rlimit64, which is lent.
        unsafe { call("prlimit64", libc::SYS_prlimit64, &words(std::ptr::from_ref(&new) as usize, 0)) }?;
    }
    Ok((old.rlim_cur, old.rlim_max))
}

/// brk(2): the end of the heap, or where it came to be.
///
/// Growing only: the C library's allocator uses the same break, and what it has is never given back under it.
#[track_caller]
pub(crate) fn brk_query() -> Result<usize> {
    // SAFETY: brk(0) changes nothing.
    unsafe { call("brk", libc::SYS_brk, &Words::default()) }
}
