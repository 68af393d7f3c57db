//! Lengths and counts that make no sense.

use std::os::fd::AsRawFd;

use super::{
    super::unix::help::{client, exchange, listener, pair, socket},
    memory::Memory,
};
use crate::{
    harness::{Case, Outcome, Test, check, check_eq, check_err, tests},
    sys,
};

pub(crate) const TESTS: &[Test] = tests!("pointers";
    bind_length,
    connect_length,
    accept_length_value,
    getsockname_length_value,
    recvfrom_length_value,
    getsockopt_length_value,
    setsockopt_length_value,
    sendto_address_length,
    read_buffer_length,
    write_buffer_length,
    sendto_buffer_length,
    recvfrom_buffer_length,
    vector_counts,
    vector_part_lengths,
    message_name_length,
    message_vector_count,
    message_control_length,
    poll_count,
    long_write_over_a_bad_page,
    long_read_over_a_bad_page,
);

fn number(fd: &impl AsRawFd) -> usize {
    fd.as_raw_fd() as usize
}

/// An `int` as a register holds it.
fn int(value: i32) -> usize {
    value as u32 as usize
}

fn bind_length(case: &Case) -> Outcome {
    let memory = Memory::new()?;
    let address = case.abstract_address("a");
    let fd = socket()?;
    for at in [memory.put(0, address.bytes()), 0, 8, usize::MAX] {
        for length in [0, 1, -1, i32::MIN, i32::MAX, 129] {
            let words = [number(&fd), at, int(length), 0, 0, 0];
            let met = memory.0.call("bind", libc::SYS_bind, words);
            if length == 1 && at != memory.put(0, address.bytes()) {
                check_err!(met, EFAULT, "address {at:#x}, length {length}");
            } else {
                check_err!(met, EINVAL, "address {at:#x}, length {length}");
            }
        }
    }
    sys::bind(&fd, address.bytes())?;
    Ok(())
}

fn connect_length(case: &Case) -> Outcome {
    let memory = Memory::new()?;
    let address = case.abstract_address("a");
    let fd = listener(&address, 1)?;
    let near = socket()?;
    for at in [memory.put(0, address.bytes()), 0, 8, usize::MAX] {
        for length in [0, -1, i32::MIN, i32::MAX, 129] {
            let words = [number(&near), at, int(length), 0, 0, 0];
            let met = memory.0.call("connect", libc::SYS_connect, words);
            check_err!(met, EINVAL, "address {at:#x}, length {length}");
        }
    }
    sys::connect(&near, address.bytes())?;
    exchange(&near, &sys::accept(&fd)?)
}

fn accept_length_value(case: &Case) -> Outcome {
    let memory = Memory::new()?;
    let address = case.abstract_address("a");
    let fd = listener(&address, 1)?;
    for given in [-1, i32::MIN] {
        let near = client(&address)?;
        let words = [number(&fd), memory.put(0, &[0; 128]), memory.put(1, &given.to_ne_bytes()), 0, 0, 0];
        check_err!(memory.0.call("accept", libc::SYS_accept, words), EINVAL, "length {given}");
        check_eq!(i32::from_ne_bytes(memory.get(1)), given);
        check_eq!(sys::read(&near, &mut [0])?, 0);
    }
    for given in [i32::MAX, 0x1000_0000] {
        let near = client(&address)?;
        let words = [number(&fd), memory.put(0, &[0; 128]), memory.put(1, &given.to_ne_bytes()), 0, 0, 0];
        let far = sys::adopt(memory.0.call("accept", libc::SYS_accept, words)?);
        check_eq!(i32::from_ne_bytes(memory.get(1)), 2, "more room than an address needs");
        exchange(&near, &far)?;
    }
    // Without an address, the length is not looked at.
    let near = client(&address)?;
    let far = sys::adopt(memory.0.call("accept", libc::SYS_accept, [number(&fd), 0, 8, 0, 0, 0])?);
    exchange(&near, &far)
}

fn getsockname_length_value(_: &Case) -> Outcome {
    let memory = Memory::new()?;
    let (left, right) = pair()?;
    for (call, code) in [("getsockname", libc::SYS_getsockname), ("getpeername", libc::SYS_getpeername)] {
        for given in [-1, i32::MIN] {
            let words =
                [number(&left), memory.put(0, &[0; 128]), memory.put(1, &given.to_ne_bytes()), 0, 0, 0];
            check_err!(memory.0.call(call, code, words), EINVAL, "{call}, length {given}");
        }
        let words =
            [number(&left), memory.put(0, &[0; 128]), memory.put(1, &i32::MAX.to_ne_bytes()), 0, 0, 0];
        check_eq!(memory.0.call(call, code, words), Ok(0));
        check_eq!(i32::from_ne_bytes(memory.get(1)), 2);
        // No byte wanted: the address is not touched.
        let words = [number(&left), 8, memory.put(1, &0i32.to_ne_bytes()), 0, 0, 0];
        check_eq!(memory.0.call(call, code, words), Ok(0), "{call}");
        check_eq!(i32::from_ne_bytes(memory.get(1)), 2);
    }
    exchange(&left, &right)
}

fn recvfrom_length_value(_: &Case) -> Outcome {
    let memory = Memory::new()?;
    let (left, right) = pair()?;
    sys::write(&right, b"ab")?;
    let words = |length: i32| {
        [
            number(&left),
            memory.put(0, &[0; 8]),
            1,
            0,
            memory.put(1, &[0; 128]),
            memory.put(2, &length.to_ne_bytes()),
        ]
    };
    check_err!(memory.0.call("recvfrom", libc::SYS_recvfrom, words(-1)), EINVAL);
    check_eq!(memory.0.call("recvfrom", libc::SYS_recvfrom, words(i32::MAX)), Ok(1));
    check_eq!(memory.get::<1>(0), *b"b", "the first byte went with the error");
    check_eq!(i32::from_ne_bytes(memory.get(2)), 0);
    // Without an address, the length is not looked at.
    sys::write(&right, b"c")?;
    let words = [number(&left), memory.put(0, &[0; 8]), 1, 0, 0, 8];
    check_eq!(memory.0.call("recvfrom", libc::SYS_recvfrom, words), Ok(1));
    exchange(&left, &right)
}

fn getsockopt_length_value(_: &Case) -> Outcome {
    let memory = Memory::new()?;
    let (left, right) = pair()?;
    let words = |at: usize, length: i32| {
        let length = memory.put(1, &length.to_ne_bytes());
        [number(&left), libc::SOL_SOCKET as usize, libc::SO_TYPE as usize, at, length, 0]
    };
    let value = memory.put(0, &[0xa5; 8]);
    for given in [-1, i32::MIN] {
        check_err!(memory.0.call("getsockopt", libc::SYS_getsockopt, words(value, given)), EINVAL);
    }
    check_eq!(memory.0.call("getsockopt", libc::SYS_getsockopt, words(value, i32::MAX)), Ok(0));
    check_eq!(i32::from_ne_bytes(memory.get(1)), 4);
    check_eq!(memory.get::<8>(0), [1, 0, 0, 0, 0xa5, 0xa5, 0xa5, 0xa5]);
    check_eq!(memory.0.call("getsockopt", libc::SYS_getsockopt, words(8, 0)), Ok(0), "no byte wanted");
    exchange(&left, &right)
}

fn setsockopt_length_value(_: &Case) -> Outcome {
    let memory = Memory::new()?;
    let (left, right) = pair()?;
    let words = |at: usize, length: i32| {
        [number(&left), libc::SOL_SOCKET as usize, libc::SO_SNDBUF as usize, at, int(length), 0]
    };
    let value = memory.put(0, &20_000i32.to_ne_bytes());
    for given in [-1, i32::MIN, 0, 3] {
        check_err!(memory.0.call("setsockopt", libc::SYS_setsockopt, words(value, given)), EINVAL, "{given}");
        check_err!(memory.0.call("setsockopt", libc::SYS_setsockopt, words(8, given)), EINVAL, "{given}");
    }
    check_eq!(memory.0.call("setsockopt", libc::SYS_setsockopt, words(value, i32::MAX)), Ok(0));
    check_eq!(super::super::unix::help::option(&left, libc::SO_SNDBUF)?, 40_000);
    exchange(&left, &right)
}

fn sendto_address_length(case: &Case) -> Outcome {
    let memory = Memory::new()?;
    let (left, right) = pair()?;
    let address = case.abstract_address("a");
    let data = memory.put(0, b"x");
    let at = memory.put(1, address.bytes());
    for length in [-1, i32::MIN, i32::MAX, 129] {
        let words = [number(&left), data, 1, 0, at, int(length)];
        check_err!(memory.0.call("sendto", libc::SYS_sendto, words), EINVAL, "length {length}");
    }
    check_err!(sys::recv(&right, &mut [0], libc::MSG_DONTWAIT), EAGAIN);
    // NULL with a length is no address.
    check_eq!(memory.0.call("sendto", libc::SYS_sendto, [number(&left), data, 1, 0, 0, 110]), Ok(1));
    check_eq!(sys::read(&right, &mut [0; 4])?, 1);
    exchange(&left, &right)
}

/// Lengths whose end lies beyond the user's half.
const ABSURD: [usize; 4] = [usize::MAX, isize::MAX as usize, 1 << 63, 1 << 62];

fn read_buffer_length(_: &Case) -> Outcome {
    let memory = Memory::new()?;
    let (left, right) = pair()?;
    sys::write(&right, b"abc")?;
    for length in ABSURD {
        let words = [number(&left), memory.put(0, &[0; 8]), length, 0, 0, 0];
        let met = memory.0.call("read", libc::SYS_read, words);
        check_err!(met, EFAULT, "length {length:#x}: the range does not lie in the user's half");
    }
    let words = [number(&left), memory.put(0, &[0; 8]), 1 << 30, 0, 0, 0];
    check_eq!(memory.0.call("read", libc::SYS_read, words), Ok(3), "what is not needed is not touched");
    check_eq!(memory.get::<3>(0), *b"abc");
    exchange(&left, &right)
}

fn write_buffer_length(_: &Case) -> Outcome {
    let memory = Memory::new()?;
    let (left, right) = pair()?;
    for length in ABSURD {
        let words = [number(&left), memory.put(0, b"abc"), length, 0, 0, 0];
        check_err!(memory.0.call("write", libc::SYS_write, words), EFAULT, "length {length:#x}");
    }
    check_err!(sys::recv(&right, &mut [0], libc::MSG_DONTWAIT), EAGAIN);
    exchange(&left, &right)
}

fn sendto_buffer_length(_: &Case) -> Outcome {
    let memory = Memory::new()?;
    let (left, right) = pair()?;
    for length in ABSURD {
        let words = [number(&left), memory.put(0, b"abc"), length, 0, 0, 0];
        check_err!(memory.0.call("sendto", libc::SYS_sendto, words), EFAULT, "length {length:#x}");
    }
    check_err!(sys::recv(&right, &mut [0], libc::MSG_DONTWAIT), EAGAIN);
    check_eq!(memory.0.call("sendto", libc::SYS_sendto, [number(&left), 8, 0, 0, 0, 0]), Ok(0));
    exchange(&left, &right)
}

fn recvfrom_buffer_length(_: &Case) -> Outcome {
    let memory = Memory::new()?;
    let (left, right) = pair()?;
    for length in ABSURD {
        sys::write(&right, b"abc")?;
        let words = [number(&left), memory.put(0, &[0; 8]), length, 0, 0, 0];
        // Unlike read: the length is cut to what one call transfers at most before the range is looked at, which lies in
        // the user's half.
        check_eq!(memory.0.call("recvfrom", libc::SYS_recvfrom, words), Ok(3), "length {length:#x}");
        check_eq!(memory.get::<3>(0), *b"abc");
    }
    exchange(&left, &right)
}

fn vector_counts(_: &Case) -> Outcome {
    let memory = Memory::new()?;
    let (left, right) = pair()?;
    let part = memory.put(0, &[0; 8]);
    let parts = memory.put(1, &[part.to_ne_bytes(), 8usize.to_ne_bytes()].concat());
    for count in [1025, usize::MAX, 1 << 31] {
        for (call, code) in [("readv", libc::SYS_readv), ("writev", libc::SYS_writev)] {
            let words = [number(&left), parts, count, 0, 0, 0];
            check_err!(memory.0.call(call, code, words), EINVAL, "{call}, count {count:#x}");
        }
    }
    check_eq!(memory.0.call("writev", libc::SYS_writev, [number(&left), 8, 0, 0, 0, 0]), Ok(0));
    exchange(&left, &right)
}

fn vector_part_lengths(_: &Case) -> Outcome {
    let memory = Memory::new()?;
    let (left, right) = pair()?;
    let part = memory.put(0, b"abcdefgh");
    for length in [1usize << 63, usize::MAX, usize::MAX - 7] {
        for (call, code) in [("readv", libc::SYS_readv), ("writev", libc::SYS_writev)] {
            let two =
                [part.to_ne_bytes(), 4usize.to_ne_bytes(), part.to_ne_bytes(), length.to_ne_bytes()].concat();
            let words = [number(&left), memory.put(1, &two), 2, 0, 0, 0];
            check_err!(memory.0.call(call, code, words), EINVAL, "{call}, length {length:#x} is negative");
            let one = [part.to_ne_bytes(), length.to_ne_bytes()].concat();
            let words = [number(&left), memory.put(1, &one), 1, 0, 0, 0];
            check!(memory.0.call(call, code, words).is_err(), "{call}, length {length:#x}");
        }
    }
    check_err!(sys::recv(&right, &mut [0], libc::MSG_DONTWAIT), EAGAIN);
    exchange(&left, &right)
}

/// A `struct msghdr` whose vector is one part of eight good bytes.
fn header(memory: &Memory, name: (usize, i32), count: Option<usize>, control: (usize, usize)) -> usize {
    let part = memory.put(0, b"abcdefgh");
    let parts = memory.put(1, &[part.to_ne_bytes(), 8usize.to_ne_bytes()].concat());
    let fields = [
        name.0.to_ne_bytes(),
        u64::from(name.1 as u32).to_ne_bytes(),
        parts.to_ne_bytes(),
        count.unwrap_or(1).to_ne_bytes(),
        control.0.to_ne_bytes(),
        control.1.to_ne_bytes(),
        [0; 8],
    ];
    memory.put(2, &fields.concat())
}

fn message_name_length(case: &Case) -> Outcome {
    let memory = Memory::new()?;
    let (left, right) = pair()?;
    let name = memory.put(3, case.abstract_address("a").bytes());
    for length in [-1, i32::MIN] {
        for (call, code) in [("sendmsg", libc::SYS_sendmsg), ("recvmsg", libc::SYS_recvmsg)] {
            let whole = header(&memory, (name, length), None, (0, 0));
            let words = [number(&left), whole, libc::MSG_DONTWAIT as usize, 0, 0, 0];
            check_err!(memory.0.call(call, code, words), EINVAL, "{call}, length {length}");
            // Without a name, the length is not looked at.
            let whole = header(&memory, (0, length), None, (0, 0));
            let words = [number(&left), whole, libc::MSG_DONTWAIT as usize, 0, 0, 0];
            let met = memory.0.call(call, code, words);
            check!(met == Ok(8) || call == "recvmsg", "{call}: {met:?}");
            sys::write(&right, b"for recvmsg")?;
        }
    }
    Ok(())
}

fn message_vector_count(_: &Case) -> Outcome {
    let memory = Memory::new()?;
    let (left, right) = pair()?;
    for count in [1025, usize::MAX, 1 << 31, 1 << 32] {
        for (call, code) in [("sendmsg", libc::SYS_sendmsg), ("recvmsg", libc::SYS_recvmsg)] {
            let whole = header(&memory, (0, 0), Some(count), (0, 0));
            let words = [number(&left), whole, libc::MSG_DONTWAIT as usize, 0, 0, 0];
            check_err!(memory.0.call(call, code, words), EMSGSIZE, "{call}, count {count:#x}");
        }
    }
    exchange(&left, &right)
}

fn message_control_length(_: &Case) -> Outcome {
    let memory = Memory::new()?;
    let (left, right) = pair()?;
    for length in [usize::MAX, 1 << 31, 1 << 63] {
        let whole = header(&memory, (0, 0), None, (8, length));
        let words = [number(&left), whole, 0, 0, 0, 0];
        check_err!(memory.0.call("sendmsg", libc::SYS_sendmsg, words), ENOBUFS, "length {length:#x}");
    }
    let whole = header(&memory, (0, 0), None, (8, 0));
    let words = [number(&left), whole, 0, 0, 0, 0];
    check_eq!(memory.0.call("sendmsg", libc::SYS_sendmsg, words), Ok(8), "a length of 0 is no control data");
    check_eq!(sys::read(&right, &mut [0; 16])?, 8);
    exchange(&left, &right)
}

fn poll_count(_: &Case) -> Outcome {
    let memory = Memory::new()?;
    let entry = memory.put(0, &[0xff; 8]);
    for count in [u32::MAX as usize, i32::MAX as usize] {
        check_err!(memory.0.call("poll", libc::SYS_poll, [entry, count, 0, 0, 0, 0]), EINVAL, "{count:#x}");
    }
    check_eq!(memory.0.call("poll", libc::SYS_poll, [8, 0, 0, 0, 0, 0]), Ok(0));
    Ok(())
}

fn long_write_over_a_bad_page(_: &Case) -> Outcome {
    let memory = Memory::new()?;
    let (left, right) = pair()?;
    // 5000 good bytes, then a page without permission: whatever is taken must be a prefix, and must arrive.
    let good: Vec<u8> = (0..5000u32).map(|index| index as u8).collect();
    let at = memory.edge(good.len());
    memory.0.write(at - memory.0.at(0), &good);
    let met = memory.0.call("write", libc::SYS_write, [number(&left), at, 9000, 0, 0, 0]);
    let taken = match met {
        Ok(count) => count,
        Err(errno) => {
            check_eq!(errno.0, libc::EFAULT);
            0
        }
    };
    check!(taken <= good.len());
    let mut got = vec![0; 9000];
    let count = sys::recv(&right, &mut got, libc::MSG_DONTWAIT).unwrap_or(0);
    check_eq!(count, taken);
    check!(got[..count] == good[..count]);
    exchange(&left, &right)
}

fn long_read_over_a_bad_page(_: &Case) -> Outcome {
    let memory = Memory::new()?;
    let (left, right) = pair()?;
    let sent: Vec<u8> = (0..9000u32).map(|index| (index * 7) as u8).collect();
    sys::write(&right, &sent)?;
    let at = memory.edge(5000);
    let met = memory.0.call("read", libc::SYS_read, [number(&left), at, 9000, 0, 0, 0]);
    let taken = match met {
        Ok(count) => count,
        Err(errno) => {
            check_eq!(errno.0, libc::EFAULT);
            0
        }
    };
    check!(taken <= 5000);
    let mut rest = vec![0; 9000];
    let count = sys::recv(&left, &mut rest, libc::MSG_DONTWAIT)?;
    check_eq!(taken + count, sent.len(), "nothing is lost");
    check!(rest[..count] == sent[taken..]);
    exchange(&left, &right)
}
