//! Time, waiting, and the limits and the heap of the process.

use super::{Argument, Fill, Words, call};
use crate::errno::Result;

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

/// clock_settime(2), in nanoseconds
#[track_caller]
pub(crate) fn set_clock(clock: i32, nanoseconds: i64) -> Result<usize> {
    let (tv_sec, tv_nsec) = (nanoseconds / 1_000_000_000, nanoseconds % 1_000_000_000);
    let mut time = libc::timespec { tv_sec, tv_nsec };
    let mut words = Words::default();
    clock.place(&mut words);
    Fill(&mut time).place(&mut words);
    // SAFETY: the kernel reads one timespec, which is lent.
    unsafe { call("clock_settime", libc::SYS_clock_settime, &words) }
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

/// brk(2) without a wish: where the heap ends.
#[track_caller]
pub(crate) fn heap_end() -> Result<usize> {
    // SAFETY: brk(0) changes nothing.
    unsafe { call("brk", libc::SYS_brk, &Words::default()) }
}

/// fork(2): the child does `body` and ends with the status that it gives. By the C library's function, which leaves its heap
/// usable in the child. The child's number.
#[track_caller]
pub(crate) fn fork(body: impl FnOnce() -> i32) -> Result<i32> {
    // SAFETY: the child has this thread alone, uses nothing that others might have locked but the heap, and does not return.
    match unsafe { libc::fork() } {
        -1 => Err(crate::errno::Errno(std::io::Error::last_os_error().raw_os_error().unwrap_or_default())),
        0 => {
            let status = body();
            // SAFETY: it ends here.
            unsafe { libc::_exit(status) }
        }
        pid => Ok(pid),
    }
}

/// wait4(2) for a child: its status.
#[track_caller]
pub(crate) fn wait_for(pid: i32) -> Result<i32> {
    let mut status = 0i32;
    let mut words = Words::default();
    pid.place(&mut words);
    Fill(&mut status).place(&mut words);
    // SAFETY: the kernel fills one int, which is lent.
    unsafe { call("wait4", libc::SYS_wait4, &words) }?;
    Ok(status)
}

/// prlimit64(2): sets the soft limit of a resource.
#[track_caller]
pub(crate) fn limit(resource: u32, soft: u64) -> Result<()> {
    let mut limit = libc::rlimit64 { rlim_cur: 0, rlim_max: 0 };
    let words = |new: usize, old: usize| Words { words: [0, resource as usize, new, old, 0, 0], used: 4 };
    // SAFETY: the kernel fills one rlimit64, which is lent.
    unsafe { call("prlimit64", libc::SYS_prlimit64, &words(0, std::ptr::from_mut(&mut limit) as usize)) }?;
    limit.rlim_cur = soft;
    // SAFETY: the kernel reads one rlimit64, which is lent.
    unsafe { call("prlimit64", libc::SYS_prlimit64, &words(std::ptr::from_ref(&limit) as usize, 0)) }?;
    Ok(())
}
