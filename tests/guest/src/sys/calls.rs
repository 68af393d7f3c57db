//! One wrapper for each call, its parameters by position.

use std::{
    ffi::CStr,
    io::{IoSlice, IoSliceMut},
    os::fd::OwnedFd,
};

use super::{Argument, Descriptor, Fill, Number, Sized, Words, call, owned};
use crate::errno::Result;

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
    /// fallocate(2)
    fallocate = SYS_fallocate(fd, mode: i32, offset: i64, length: i64);
    /// posix_fadvise(2) as the kernel has it
    fadvise = SYS_fadvise64(fd, offset: i64, length: i64, advice: i32);
    /// sync_file_range(2)
    sync_file_range = SYS_sync_file_range(fd, offset: i64, length: i64, flags: u32);
    /// fgetxattr(2)
    fgetxattr = SYS_fgetxattr(fd, name: &CStr, into: &mut [u8]);
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
    /// getxattr(2)
    getxattr = SYS_getxattr(path: &CStr, name: &CStr, into: &mut [u8]);
    /// listxattr(2)
    listxattr = SYS_listxattr(path: &CStr, into: &mut [u8]);
    /// close_range(2)
    close_range = SYS_close_range(first: u32, last: u32, flags: u32);
    /// mknod(2)
    mknod = SYS_mknod(path: &CStr, mode: u32, device: u32);
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
    /// chown(2)
    chown = SYS_chown(path: &CStr, user: u32, group: u32);
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
    /// sethostname(2)
    sethostname = SYS_sethostname(name: &[u8]);
    /// setdomainname(2)
    setdomainname = SYS_setdomainname(name: &[u8]);
    /// sched_yield(2)
    sched_yield = SYS_sched_yield();
    /// setresuid(2) of the calling thread alone: the C library's would change all threads
    set_thread_uids = SYS_setresuid(real: u32, effective: u32, saved: u32);
    /// setresgid(2) of the calling thread alone
    set_thread_gids = SYS_setresgid(real: u32, effective: u32, saved: u32);
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
    /// memfd_create(2)
    memfd_create = SYS_memfd_create(name: &CStr, flags: u32);
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

/// uname(2): sysname, nodename, release, version, machine, domainname
#[track_caller]
pub(crate) fn uname() -> Result<[String; 6]> {
    // SAFETY: characters, for which zero is a value.
    let mut names: libc::utsname = unsafe { std::mem::zeroed() };
    let mut words = Words::default();
    Fill(&mut names).place(&mut words);
    // SAFETY: libc's utsname is the kernel's; it is lent for the call.
    unsafe { call("uname", libc::SYS_uname, &words) }?;
    let text = |name: &[libc::c_char]| {
        let bytes: Vec<u8> = name.iter().map(|byte| *byte as u8).take_while(|byte| *byte != 0).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let libc::utsname { sysname, nodename, release, version, machine, domainname } = &names;
    Ok([text(sysname), text(nodename), text(release), text(version), text(machine), text(domainname)])
}
