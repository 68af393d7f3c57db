//! Options of the level AF_VSOCK (`vsock(7)`). Those of a socket without a connection need no transport.

use super::help::{TYPES, VSOCK};
use crate::{
    errno::Result,
    harness::{Case, Outcome, Test, check_eq, check_err, tests},
    sys::{self, Descriptor},
};

pub(crate) const TESTS: &[Test] = tests!("vsock";
    options_of_buffers,
    options_of_time,
    options_that_there_are_not,
);

/// `SO_VM_SOCKETS_*`
pub(crate) const BUFFER_SIZE: i32 = 0;
pub(crate) const BUFFER_MIN: i32 = 1;
pub(crate) const BUFFER_MAX: i32 = 2;
pub(crate) const TIMEOUT_OLD: i32 = 6;
pub(crate) const TIMEOUT_NEW: i32 = 8;

/// A number of 64 bits.
#[track_caller]
pub(crate) fn get(fd: &impl Descriptor, option: i32) -> Result<u64> {
    let (mut value, mut length) = ([0; 8], 8);
    sys::getsockopt(fd, VSOCK, option, &mut value, &mut length)?;
    Ok(u64::from_ne_bytes(value))
}

#[track_caller]
pub(crate) fn set(fd: &impl Descriptor, option: i32, value: u64) -> Result<usize> {
    sys::setsockopt(fd, VSOCK, option, &value.to_ne_bytes())
}

fn options_of_buffers(_: &Case) -> Outcome {
    for kind in TYPES {
        let fd = sys::socket(VSOCK, kind, 0)?;
        check_eq!(
            [get(&fd, BUFFER_SIZE)?, get(&fd, BUFFER_MIN)?, get(&fd, BUFFER_MAX)?],
            [262_144, 128, 262_144]
        );
        for (asked, kept) in [(1, 128), (1000, 1000), (1 << 40, 262_144)] {
            set(&fd, BUFFER_SIZE, asked)?;
            check_eq!(get(&fd, BUFFER_SIZE)?, kept);
        }
        set(&fd, BUFFER_MAX, 1 << 20)?;
        set(&fd, BUFFER_SIZE, 1 << 20)?;
        check_eq!(get(&fd, BUFFER_SIZE)?, 1 << 20);
        // New limits count for what was set before.
        set(&fd, BUFFER_MAX, 5000)?;
        check_eq!(get(&fd, BUFFER_SIZE)?, 5000);
        set(&fd, BUFFER_MIN, 6000)?;
        check_eq!(get(&fd, BUFFER_SIZE)?, 5000, "the upper one counts");
        check_err!(sys::setsockopt(&fd, VSOCK, BUFFER_SIZE, &[0; 7]), EINVAL);
        let short = sys::getsockopt(&fd, VSOCK, BUFFER_SIZE, &mut [0; 8], &mut 7);
        check_err!(short, EINVAL);
    }
    Ok(())
}

fn options_of_time(_: &Case) -> Outcome {
    for kind in TYPES {
        let fd = sys::socket(VSOCK, kind, 0)?;
        for option in [TIMEOUT_OLD, TIMEOUT_NEW] {
            let time = |seconds: i64, micros: i64| [seconds.to_ne_bytes(), micros.to_ne_bytes()].concat();
            for (set, shown) in [((5, 0), (5, 0)), ((3, 500_000), (3, 500_000)), ((0, 0), (2, 0))] {
                sys::setsockopt(&fd, VSOCK, option, &time(set.0, set.1))?;
                let (mut value, mut length) = ([0; 16], 16);
                sys::getsockopt(&fd, VSOCK, option, &mut value, &mut length)?;
                check_eq!(value[..], time(shown.0, shown.1));
            }
            for bad in [(-1, 0), (0, 1_000_000)] {
                check_err!(sys::setsockopt(&fd, VSOCK, option, &time(bad.0, bad.1)), ERANGE, "{bad:?}");
            }
            check_err!(sys::setsockopt(&fd, VSOCK, option, &[0; 8]), EINVAL);
        }
    }
    Ok(())
}

fn options_that_there_are_not(_: &Case) -> Outcome {
    for kind in TYPES {
        let fd = sys::socket(VSOCK, kind, 0)?;
        for (level, option) in [(VSOCK, 99), (libc::IPPROTO_TCP, 1), (libc::IPPROTO_IP, libc::IP_TTL)] {
            check_err!(sys::setsockopt(&fd, level, option, &[0; 16]), ENOPROTOOPT, "{level} {option}");
            let got = sys::getsockopt(&fd, level, option, &mut [0; 16], &mut 16);
            check_err!(got, ENOPROTOOPT, "{level} {option}");
        }
    }
    Ok(())
}
