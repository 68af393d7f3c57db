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

mod calls;
pub(crate) mod fast;
mod files;
mod messages;
mod process;
mod ready;
mod region;
pub(crate) mod signals;

pub(crate) use calls::*;
pub(crate) use files::*;
pub(crate) use messages::{Envelope, Header, Outgoing, recvmmsg, recvmmsg_with, recvmsg, sendmmsg, sendmsg};
pub(crate) use process::*;
pub(crate) use ready::*;
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
