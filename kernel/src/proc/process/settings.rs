//! Files of a process that are written too: `comm`, `oom_score_adj`.

use alloc::{format, sync::Arc, vec::Vec};
use core::sync::atomic::Ordering;

use socket::error::{Errno, Error, Result};

use super::Subject;
use crate::process::current_thread;

/// `comm`
pub(super) fn comm(subject: &Subject) -> Result<Vec<u8>> {
    let mut name = subject.name();
    name.push(b'\n');
    Ok(name)
}

/// A thread's name, which all threads of its process may change. A longer one is cut.
pub(super) fn set_comm(subject: &Subject, bytes: &[u8]) -> Result<usize> {
    if !current_thread().is_some_and(|caller| Arc::ptr_eq(&caller.process, &subject.process)) {
        return Err(Error::new(Errno::EINVAL, "somebody else's name"));
    }
    let mut name = [0; 16];
    for (place, byte) in name.iter_mut().take(15).zip(bytes.iter().take_while(|byte| **byte != 0)) {
        *place = *byte;
    }
    *subject.thread.name.lock() = name;
    Ok(bytes.len())
}

/// `oom_score_adj`
pub(super) fn oom_adjustment(subject: &Subject) -> Result<Vec<u8>> {
    Ok(format!("{}\n", subject.process.oom_adjustment.load(Ordering::Relaxed)).into_bytes())
}

/// How many bytes of a number are looked at (PROC_NUMBUF less one).
const NUMBER_LENGTH: usize = 12;
/// What it may be at most, in either direction (OOM_SCORE_ADJ_MAX).
const ADJUSTMENT_MAX: i32 = 1000;

/// Sets how readily the process is ended when memory runs out. Less than it was needs a privilege.
pub(super) fn adjust_oom(subject: &Subject, bytes: &[u8]) -> Result<usize> {
    let text = core::str::from_utf8(&bytes[..bytes.len().min(NUMBER_LENGTH)]).map_err(|_| Errno::EINVAL)?;
    let number = parse(text.trim_matches(|letter: char| letter.is_ascii_whitespace() || letter == '\0'))?;
    if !(-ADJUSTMENT_MAX..=ADJUSTMENT_MAX).contains(&number) {
        return Err(Error::new(Errno::EINVAL, "from -1000 to 1000"));
    }
    let adjustment = &subject.process.oom_adjustment;
    let privileged = current_thread()
        .is_none_or(|caller| caller.credentials.lock().can(linux_raw_sys::general::CAP_SYS_RESOURCE));
    if number < adjustment.load(Ordering::Relaxed) && !privileged {
        return Err(Error::new(Errno::EACCES, "needs CAP_SYS_RESOURCE"));
    }
    adjustment.store(number, Ordering::Relaxed);
    Ok(bytes.len())
}

/// A number in C's notation.
fn parse(text: &str) -> Result<i32> {
    let (negative, digits) = match text.as_bytes() {
        [b'-', ..] => (true, &text[1..]),
        [b'+', ..] => (false, &text[1..]),
        _ => (false, text),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    if digits.is_empty() || !digits.bytes().all(|digit| char::from(digit).is_digit(radix)) {
        return Err(Error::new(Errno::EINVAL, "not a number"));
    }
    let number = i64::from_str_radix(digits, radix).map_err(|_| Errno::ERANGE)?;
    i32::try_from(if negative { -number } else { number }).map_err(|_| Errno::ERANGE.into())
}

/// `uid_map`, `gid_map`: there is one user name space, the first.
pub(super) fn identity_map() -> Vec<u8> {
    format!("{:>10} {:>10} {:>10}\n", 0, 0, u32::MAX).into_bytes()
}
