//! Assertions that end the test which makes them, and no other.

use std::{fmt, io, panic::Location};

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

/// Joins the text of an assertion with the remark that follows it.
pub(crate) fn text(assertion: String, remark: Option<String>) -> String {
    match remark {
        Some(remark) => format!("{assertion} ({remark})"),
        None => assertion,
    }
}

/// `check!(condition)` or `check!(condition, "format", values)`.
macro_rules! check {
    ($condition:expr $(, $($remark:tt)+)?) => {{
        if !$condition {
            #[allow(unused_mut, unused_assignments, reason = "without a remark it stays empty")]
            let mut remark = None;
            $(remark = Some(format!($($remark)+));)?
            let assertion = format!("not so: {}", stringify!($condition));
            return Err($crate::harness::check::Failure::here($crate::harness::check::text(assertion, remark)).into());
        }
        $crate::harness::progress::checked();
    }};
}

/// `check_eq!(met, expected)`, with an optional remark.
macro_rules! check_eq {
    ($met:expr, $expected:expr $(, $($remark:tt)+)?) => {
        match (&$met, &$expected) {
            (met, expected) => {
                if *met != *expected {
                    #[allow(unused_mut, unused_assignments, reason = "without a remark it stays empty")]
                    let mut remark = None;
                    $(remark = Some(format!($($remark)+));)?
                    let assertion = format!("{} is {met:?}, expected {expected:?}", stringify!($met));
                    return Err($crate::harness::check::Failure::here($crate::harness::check::text(assertion, remark)).into());
                }
                $crate::harness::progress::checked();
            }
        }
    };
}

/// `check_err!(call, ERRNO)`: the call fails with exactly this error.
macro_rules! check_err {
    ($call:expr, $errno:ident $(, $($remark:tt)+)?) => {
        match $call {
            Err($crate::errno::Errno(libc::$errno)) => $crate::harness::progress::checked(),
            other => {
                #[allow(unused_mut, unused_assignments, reason = "without a remark it stays empty")]
                let mut remark = None;
                $(remark = Some(format!($($remark)+));)?
                let assertion = format!("{} gives {other:?}, expected {}", stringify!($call), stringify!($errno));
                return Err($crate::harness::check::Failure::here($crate::harness::check::text(assertion, remark)).into());
            }
        }
    };
}

pub(crate) use {check, check_eq, check_err};
