//! Assertions that end the test which makes them, and no other.

use std::{fmt, io, panic::Location};

use super::progress;
use crate::errno::Errno;

/// Why a test failed, and where.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The values that were met and expected.
    pub(crate) message: String,
    /// `file:line`.
    pub(crate) location: String,
}

/// What a test comes to.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    /// A failure at the caller's line.
    #[track_caller]
    pub(crate) fn here(message: impl Into<String>) -> Self {
        let location = Location::caller();
        Self { message: message.into(), location: format!("{}:{}", location.file(), location.line()) }
    }
}

impl From<Errno> for Failure {
    #[track_caller]
    fn from(errno: Errno) -> Self {
        Self::here(format!("the call failed with {errno}"))
    }
}

impl From<io::Error> for Failure {
    #[track_caller]
    fn from(error: io::Error) -> Self {
        Self::here(format!("std reported: {error}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.location, self.message)
    }
}

/// A remark on an assertion: formatted only when it fails.
pub(crate) type Remark<'a> = Option<fmt::Arguments<'a>>;

/// Joins the text of an assertion with the remark on it.
#[cold]
#[track_caller]
fn failed(assertion: String, remark: Remark<'_>) -> Outcome {
    Err(Failure::here(match remark {
        Some(remark) => format!("{assertion} ({remark})"),
        None => assertion,
    }))
}

/// What `check!` becomes.
#[track_caller]
pub(crate) fn holds(condition: bool, text: &str, remark: Remark<'_>) -> Outcome {
    if !condition {
        return failed(format!("not so: {text}"), remark);
    }
    progress::checked();
    Ok(())
}

/// What `check_eq!` becomes.
#[track_caller]
pub(crate) fn equal<A, B>(met: &A, expected: &B, text: &str, remark: Remark<'_>) -> Outcome
where
    A: PartialEq<B> + fmt::Debug + ?Sized,
    B: fmt::Debug + ?Sized,
{
    if met != expected {
        return failed(format!("{text} is {met:?}, expected {expected:?}"), remark);
    }
    progress::checked();
    Ok(())
}

/// What `check_err!` becomes.
#[track_caller]
pub(crate) fn fails<T: fmt::Debug>(
    met: Result<T, Errno>,
    expected: Errno,
    text: &str,
    remark: Remark<'_>,
) -> Outcome {
    match met {
        Err(errno) if errno == expected => {
            progress::checked();
            Ok(())
        }
        other => failed(format!("{text} gives {other:?}, expected {expected}"), remark),
    }
}

/// `check!(condition)` or `check!(condition, "format", values)`.
macro_rules! check {
    ($condition:expr) => {
        $crate::harness::check::holds($condition, stringify!($condition), None)?
    };
    ($condition:expr, $($remark:tt)+) => {
        $crate::harness::check::holds($condition, stringify!($condition), Some(format_args!($($remark)+)))?
    };
}

/// `check_eq!(met, expected)`, with an optional remark.
macro_rules! check_eq {
    ($met:expr, $expected:expr) => {
        $crate::harness::check::equal(&$met, &$expected, stringify!($met), None)?
    };
    ($met:expr, $expected:expr, $($remark:tt)+) => {
        $crate::harness::check::equal(&$met, &$expected, stringify!($met), Some(format_args!($($remark)+)))?
    };
}

/// `check_err!(call, ERRNO)`: the call fails with exactly this error. With an optional remark.
macro_rules! check_err {
    ($call:expr, $errno:ident) => {
        $crate::harness::check::fails($call, $crate::errno::Errno(libc::$errno), stringify!($call), None)?
    };
    ($call:expr, $errno:ident, $($remark:tt)+) => {
        $crate::harness::check::fails(
            $call,
            $crate::errno::Errno(libc::$errno),
            stringify!($call),
            Some(format_args!($($remark)+)),
        )?
    };
}

pub(crate) use {check, check_eq, check_err};
