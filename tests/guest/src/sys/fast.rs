//! Calls for the benchmark: inlined, and not on record.

use super::{outcome, syscall};
use crate::errno::Result;

macro_rules! fast_calls {
    ($($(#[$meta:meta])* $name:ident = $number:ident ($($arg:ident : $kind:ty),*) [$($word:expr),*];)*) => {$(
        $(#[$meta])*
        #[inline(always)]
        pub(crate) fn $name($($arg: $kind),*) -> isize {
            let mut words = [0usize; 6];
            for (word, value) in words.iter_mut().zip([$($word),*] as [usize; _]) {
                *word = value;
            }
            // SAFETY: addresses and lengths are those of slices that are lent for the call.
            unsafe { syscall(libc::$number, words) }
        }
    )*};
}

fast_calls! {
    /// getppid(2)
    getppid = SYS_getppid() [];
    /// read(2)
    read = SYS_read(fd: i32, into: &mut [u8]) [fd as usize, into.as_mut_ptr() as usize, into.len()];
    /// write(2)
    write = SYS_write(fd: i32, data: &[u8]) [fd as usize, data.as_ptr() as usize, data.len()];
    /// sendto(2) without an address
    send = SYS_sendto(fd: i32, data: &[u8], flags: i32)
        [fd as usize, data.as_ptr() as usize, data.len(), flags as usize];
    /// recvfrom(2) without an address
    recv = SYS_recvfrom(fd: i32, into: &mut [u8], flags: i32)
        [fd as usize, into.as_mut_ptr() as usize, into.len(), flags as usize];
    /// epoll_wait(2)
    epoll_wait = SYS_epoll_wait(fd: i32, events: &mut [libc::epoll_event], timeout: i32)
        [fd as usize, events.as_mut_ptr() as usize, events.len(), timeout as usize];
}

/// The same value as a result.
pub(crate) fn checked(value: isize) -> Result<usize> {
    outcome(value)
}
