//! Descriptors that are none, and registers with more in them than an int.

use std::os::fd::AsRawFd;

use super::{
    super::unix::help::{accepted, exchange, listener, pair, socket},
    memory::Memory,
};
use crate::{
    harness::{Case, Outcome, Test, check_eq, check_err, tests},
    sys::{self, PAGE},
};

pub(crate) const TESTS: &[Test] = tests!("pointers";
    descriptors_that_are_not_open,
    descriptors_that_are_no_sockets,
    descriptors_that_were_closed,
    descriptor_registers_are_ints,
    number_registers_are_ints,
    unknown_calls_are_refused,
);

/// Every call that begins with a descriptor of a socket, with good other arguments; a short name, the number, registers
/// 1 to 5 as a function of good memory.
type Sample = (&'static str, i64, fn(&Memory) -> [usize; 5]);

const SOCKET_CALLS: [Sample; 13] = [
    ("bind", libc::SYS_bind, |memory| [memory.put(0, b"\x01\0\0name"), 7, 0, 0, 0]),
    ("connect", libc::SYS_connect, |memory| [memory.put(0, b"\x01\0\0name"), 7, 0, 0, 0]),
    ("listen", libc::SYS_listen, |_| [1, 0, 0, 0, 0]),
    ("accept", libc::SYS_accept, |_| [0; 5]),
    ("accept4", libc::SYS_accept4, |_| [0; 5]),
    ("getsockname", libc::SYS_getsockname, |memory| {
        [memory.put(0, &[0; 110]), memory.put(1, &[110, 0, 0, 0]), 0, 0, 0]
    }),
    ("getpeername", libc::SYS_getpeername, |memory| {
        [memory.put(0, &[0; 110]), memory.put(1, &[110, 0, 0, 0]), 0, 0, 0]
    }),
    ("sendto", libc::SYS_sendto, |memory| [memory.put(0, b"x"), 1, 0, 0, 0]),
    ("recvfrom", libc::SYS_recvfrom, |memory| [memory.put(0, b"x"), 1, 0, 0, 0]),
    ("sendmsg", libc::SYS_sendmsg, |memory| [memory.put(0, &[0; 56]), 0, 0, 0, 0]),
    ("recvmsg", libc::SYS_recvmsg, |memory| [memory.put(0, &[0; 56]), 0, 0, 0, 0]),
    ("shutdown", libc::SYS_shutdown, |_| [libc::SHUT_RD as usize, 0, 0, 0, 0]),
    ("getsockopt", libc::SYS_getsockopt, |memory| {
        let (value, length) = (memory.put(0, &[0; 4]), memory.put(1, &[4, 0, 0, 0]));
        [libc::SOL_SOCKET as usize, libc::SO_TYPE as usize, value, length, 0]
    }),
];

/// Calls that begin with any descriptor.
const OTHER_CALLS: [Sample; 9] = [
    ("read", libc::SYS_read, |memory| [memory.put(0, &[0; 8]), 8, 0, 0, 0]),
    ("write", libc::SYS_write, |memory| [memory.put(0, &[0; 8]), 8, 0, 0, 0]),
    ("readv", libc::SYS_readv, |memory| [memory.put(0, &[0; 16]), 1, 0, 0, 0]),
    ("writev", libc::SYS_writev, |memory| [memory.put(0, &[0; 16]), 1, 0, 0, 0]),
    ("fcntl", libc::SYS_fcntl, |_| [libc::F_GETFL as usize, 0, 0, 0, 0]),
    ("fstat", libc::SYS_fstat, |memory| [memory.put(0, &[0; 144]), 0, 0, 0, 0]),
    ("dup", libc::SYS_dup, |_| [0; 5]),
    ("close", libc::SYS_close, |_| [0; 5]),
    ("lseek", libc::SYS_lseek, |_| [0; 5]),
];

fn with_descriptor(descriptor: usize, rest: [usize; 5]) -> [usize; 6] {
    [descriptor, rest[0], rest[1], rest[2], rest[3], rest[4]]
}

fn descriptors_that_are_not_open(_: &Case) -> Outcome {
    let memory = Memory::new()?;
    for (call, code, rest) in SOCKET_CALLS.into_iter().chain(OTHER_CALLS) {
        for descriptor in [-1i32, i32::MIN, i32::MAX, 0x0fff_ffff, -100] {
            let words = with_descriptor(descriptor as isize as usize, rest(&memory));
            check_err!(memory.0.call(call, code, words), EBADF, "{call}, descriptor {descriptor}");
        }
    }
    Ok(())
}

fn descriptors_that_are_no_sockets(case: &Case) -> Outcome {
    let memory = Memory::new()?;
    let file = sys::open(&case.path("file"), libc::O_CREAT | libc::O_RDWR, 0o600)?;
    let directory = sys::open(&case.path(""), libc::O_RDONLY | libc::O_DIRECTORY, 0)?;
    let null = sys::open(c"/dev/null", libc::O_RDWR, 0)?;
    let (read, write) = sys::pipe2(0)?;
    for (call, code, rest) in SOCKET_CALLS {
        for fd in [&file, &directory, &null, &read, &write] {
            let words = with_descriptor(fd.as_raw_fd() as usize, rest(&memory));
            check_err!(memory.0.call(call, code, words), ENOTSOCK, "{call}");
        }
    }
    Ok(())
}

fn descriptors_that_were_closed(_: &Case) -> Outcome {
    let memory = Memory::new()?;
    let (left, right) = pair()?;
    let number = right.as_raw_fd() as usize;
    drop(right);
    for (call, code, rest) in SOCKET_CALLS.into_iter().chain(OTHER_CALLS) {
        let words = with_descriptor(number, rest(&memory));
        check_err!(memory.0.call(call, code, words), EBADF, "{call}");
    }
    check_eq!(sys::read(&left, &mut [0])?, 0);
    Ok(())
}

/// What the upper half of a register may hold where the call takes an int.
const UPPER: usize = 0xdead_beef_0000_0000;

fn descriptor_registers_are_ints(case: &Case) -> Outcome {
    let memory = Memory::new()?;
    let (left, right) = pair()?;
    let fd = left.as_raw_fd() as usize | UPPER;
    let data = memory.put(0, b"x");
    check_eq!(memory.0.call("write", libc::SYS_write, [fd, data, 1, 0, 0, 0]), Ok(1));
    check_eq!(memory.0.call("sendto", libc::SYS_sendto, [fd, data, 1, 0, 0, 0]), Ok(1));
    check_eq!(sys::read(&right, &mut [0; 8])?, 2);
    sys::write(&right, b"ab")?;
    check_eq!(memory.0.call("read", libc::SYS_read, [fd, data, 1, 0, 0, 0]), Ok(1));
    check_eq!(memory.0.call("recvfrom", libc::SYS_recvfrom, [fd, data, 1, 0, 0, 0]), Ok(1));
    check_eq!(memory.0.call("fcntl", libc::SYS_fcntl, [fd, libc::F_GETFD as usize, 0, 0, 0, 0]), Ok(0));
    let address = case.abstract_address("a");
    let listening = listener(&address, 1)?;
    let near = socket()?;
    let at = memory.put(1, address.bytes());
    let words = [near.as_raw_fd() as usize | UPPER, at, address.bytes().len() | UPPER, 0, 0, 0];
    check_eq!(memory.0.call("connect", libc::SYS_connect, words), Ok(0));
    let number = memory.0.call(
        "accept4",
        libc::SYS_accept4,
        [listening.as_raw_fd() as usize | UPPER, 0, 0, UPPER, 0, 0],
    );
    exchange(&near, &sys::adopt(number?))?;
    exchange(&left, &right)
}

fn number_registers_are_ints(case: &Case) -> Outcome {
    let memory = Memory::new()?;
    let words = [libc::AF_UNIX as usize | UPPER, libc::SOCK_STREAM as usize | UPPER, UPPER, 0, 0, 0];
    let fd = sys::adopt(memory.0.call("socket", libc::SYS_socket, words)?);
    let address = case.abstract_address("a");
    let at = memory.put(0, address.bytes());
    let number = fd.as_raw_fd() as usize;
    check_eq!(
        memory.0.call("bind", libc::SYS_bind, [number, at, address.bytes().len() | UPPER, 0, 0, 0]),
        Ok(0)
    );
    check_eq!(memory.0.call("listen", libc::SYS_listen, [number, 1 | UPPER, 0, 0, 0, 0]), Ok(0));
    let (near, far) = accepted(&fd, &address)?;
    let left = near.as_raw_fd() as usize;
    let data = memory.put(1, b"xy");
    let flags = libc::MSG_DONTWAIT as usize | UPPER;
    check_eq!(memory.0.call("sendto", libc::SYS_sendto, [left, data, 2, flags, 0, UPPER]), Ok(2));
    let right = far.as_raw_fd() as usize;
    let flags = libc::MSG_PEEK as usize | UPPER;
    check_eq!(memory.0.call("recvfrom", libc::SYS_recvfrom, [right, data, 2, flags, 0, 0]), Ok(2));
    check_eq!(sys::read(&far, &mut [0; 8])?, 2);
    let value = memory.put(2, &10_000i32.to_ne_bytes());
    let (level, option) = (libc::SOL_SOCKET as usize | UPPER, libc::SO_SNDBUF as usize | UPPER);
    let met = memory.0.call("setsockopt", libc::SYS_setsockopt, [left, level, option, value, 4 | UPPER, 0]);
    check_eq!(met, Ok(0));
    let length = memory.put(3, &4i32.to_ne_bytes());
    let met = memory.0.call("getsockopt", libc::SYS_getsockopt, [left, level, option, value, length, 0]);
    check_eq!(met, Ok(0));
    check_eq!(i32::from_ne_bytes(memory.get(2)), 20_000);
    exchange(&near, &far)?;
    let how = libc::SHUT_WR as usize | UPPER;
    check_eq!(memory.0.call("shutdown", libc::SYS_shutdown, [left, how, 0, 0, 0, 0]), Ok(0));
    check_eq!(sys::read(&far, &mut [0])?, 0);
    Ok(())
}

fn unknown_calls_are_refused(_: &Case) -> Outcome {
    let memory = Memory::new()?;
    for number in [1000, 5000, 0xffff, i64::from(i32::MAX), -2] {
        check_err!(memory.0.call("a call that no kernel has", number, [PAGE; 6]), ENOSYS, "number {number}");
    }
    Ok(())
}
