//! Each pointer argument of each networking call.

use std::{
    cell::Cell,
    os::fd::{AsRawFd, OwnedFd},
};

use super::{
    super::unix::help::{client, exchange, listener, name, pair, socket},
    memory::{Access, After, Memory, Place, Row, Situation, try_places},
};
use crate::{
    address::{ADDRESS_SIZE, Address},
    harness::{Case, Outcome, Test, check_eq, check_err, tests},
    sys,
};

pub(crate) const TESTS: &[Test] = tests!("pointers";
    bind_address,
    connect_address,
    accept_address,
    accept_length,
    accept4_address,
    accept4_length,
    getsockname_address,
    getsockname_length,
    getpeername_address,
    getpeername_length,
    sendto_buffer,
    sendto_address,
    recvfrom_buffer,
    recvfrom_address,
    recvfrom_length,
    socketpair_numbers,
    getsockopt_value,
    getsockopt_length,
    getsockopt_credentials,
    setsockopt_value,
    read_buffer_of_a_socket,
    write_buffer_of_a_socket,
);

/// What waits to be received in the situations below.
const WAITING: &[u8] = b"payload that waits";
/// Every pointer but NULL is bad where NULL means "not wanted".
const OPTIONAL: &[Place] = &[Place::Null];

thread_local! {
    /// Distinguishes the names that one test binds one after the other.
    static COUNT: Cell<u32> = const { Cell::new(0) };
}

fn fresh_address(case: &Case) -> Address {
    let count = COUNT.get();
    COUNT.set(count + 1);
    case.abstract_address(&format!("{count:0>24}"))
}

fn fd_word(fd: &OwnedFd) -> usize {
    fd.as_raw_fd() as usize
}

/// A row whose object is `size` zero bytes, which the kernel writes.
fn written(
    call: &'static str,
    number: i64,
    register: usize,
    size: usize,
    situation: fn(&Case, &Memory) -> Outcome<Situation>,
) -> Row {
    Row { call, number, register, access: Access::Write, contents: vec![0; size], exempt: &[], situation }
}

/// A row whose object is a length that goes in and comes out.
fn length(
    call: &'static str,
    number: i64,
    register: usize,
    situation: fn(&Case, &Memory) -> Outcome<Situation>,
) -> Row {
    let contents = (ADDRESS_SIZE as i32).to_ne_bytes().to_vec();
    Row { call, number, register, access: Access::Write, contents, exempt: &[], situation }
}

fn bind_address(case: &Case) -> Outcome {
    let address = case.abstract_address("bound");
    let row = Row {
        call: "bind",
        number: libc::SYS_bind,
        register: 1,
        access: Access::Read,
        contents: address.bytes().to_vec(),
        exempt: &[],
        situation: |case, memory| {
            let address = case.abstract_address("bound");
            let fd = socket()?;
            let words = [fd_word(&fd), memory.put(0, address.bytes()), address.bytes().len(), 0, 0, 0];
            let usable = move |after: After| {
                if after != After::Good(0) {
                    check_eq!(name(&fd)?, Address::unnamed());
                    sys::bind(&fd, address.bytes())?;
                }
                check_eq!(name(&fd)?, address);
                check_eq!(sys::listen(&fd, 1)?, 0);
                Ok(())
            };
            Ok(Situation { words, usable: Box::new(usable) })
        },
    };
    try_places(case, &row)
}

fn connect_address(case: &Case) -> Outcome {
    let address = case.abstract_address("server");
    let row = Row {
        call: "connect",
        number: libc::SYS_connect,
        register: 1,
        access: Access::Read,
        contents: address.bytes().to_vec(),
        exempt: &[],
        situation: |case, memory| {
            let address = case.abstract_address("server");
            let fd = listener(&address, 1)?;
            let near = socket()?;
            let words = [fd_word(&near), memory.put(0, address.bytes()), address.bytes().len(), 0, 0, 0];
            let usable = move |after: After| {
                if after != After::Good(0) {
                    sys::connect(&near, address.bytes())?;
                }
                let far = sys::accept(&fd)?;
                exchange(&near, &far)
            };
            Ok(Situation { words, usable: Box::new(usable) })
        },
    };
    try_places(case, &row)
}

/// A listener at which a client with a name waits.
fn waiting_client(case: &Case, memory: &Memory) -> Outcome<Situation> {
    let address = fresh_address(case);
    let fd = listener(&address, 1)?;
    let own = fresh_address(case);
    let near = socket()?;
    sys::bind(&near, own.bytes())?;
    sys::connect(&near, address.bytes())?;
    let buffer = memory.put(0, &[0; ADDRESS_SIZE]);
    let length = memory.put(1, &(NAME_SIZE as i32).to_ne_bytes());
    let words = [fd_word(&fd), buffer, length, 0, 0, 0];
    // The lowest free number: what a failed accept must give back.
    let lowest = socket()?.as_raw_fd();
    let usable = move |after: After| {
        match after {
            After::Good(number) => exchange(&near, &sys::adopt(number))?,
            After::Bad(_) => {
                // The connection is taken from the queue before the address is written, and then closed.
                check_eq!(sys::read(&near, &mut [0])?, 0);
                check_eq!(socket()?.as_raw_fd(), lowest, "the descriptor was given back");
            }
        }
        let near = client(&address)?;
        let far = sys::accept(&fd)?;
        exchange(&near, &far)
    };
    Ok(Situation { words, usable: Box::new(usable) })
}

/// How many bytes of an address the situations ask for: the names of `fresh_address` are longer.
const NAME_SIZE: usize = 20;

fn accept_address(case: &Case) -> Outcome {
    try_places(
        case,
        &Row { exempt: OPTIONAL, ..written("accept", libc::SYS_accept, 1, NAME_SIZE, waiting_client) },
    )
}

fn accept_length(case: &Case) -> Outcome {
    try_places(case, &length("accept", libc::SYS_accept, 2, waiting_client))
}

fn accept4_address(case: &Case) -> Outcome {
    try_places(
        case,
        &Row { exempt: OPTIONAL, ..written("accept4", libc::SYS_accept4, 1, NAME_SIZE, waiting_client) },
    )
}

fn accept4_length(case: &Case) -> Outcome {
    try_places(case, &length("accept4", libc::SYS_accept4, 2, waiting_client))
}

/// A client of a named listener, about to ask for names: the registers of getsockname and getpeername.
fn named_pair(case: &Case, memory: &Memory) -> Outcome<Situation> {
    let address = fresh_address(case);
    let fd = listener(&address, 1)?;
    let near = socket()?;
    sys::bind(&near, fresh_address(case).bytes())?;
    sys::connect(&near, address.bytes())?;
    let far = sys::accept(&fd)?;
    let buffer = memory.put(0, &[0; ADDRESS_SIZE]);
    let length = memory.put(1, &(NAME_SIZE as i32).to_ne_bytes());
    let words = [fd_word(&near), buffer, length, 0, 0, 0];
    Ok(Situation { words, usable: Box::new(move |_| exchange(&near, &far)) })
}

fn getsockname_address(case: &Case) -> Outcome {
    try_places(case, &written("getsockname", libc::SYS_getsockname, 1, NAME_SIZE, named_pair))
}

fn getsockname_length(case: &Case) -> Outcome {
    try_places(case, &length("getsockname", libc::SYS_getsockname, 2, named_pair))
}

fn getpeername_address(case: &Case) -> Outcome {
    try_places(case, &written("getpeername", libc::SYS_getpeername, 1, NAME_SIZE, named_pair))
}

fn getpeername_length(case: &Case) -> Outcome {
    try_places(case, &length("getpeername", libc::SYS_getpeername, 2, named_pair))
}

/// A pair about to send [`WAITING`]. Whatever fails must send nothing.
fn sending(_: &Case, memory: &Memory) -> Outcome<Situation> {
    let (left, right) = pair()?;
    let words = [fd_word(&left), memory.put(0, WAITING), WAITING.len(), 0, 0, 0];
    let usable = move |after: After| {
        let mut data = [0; 64];
        match after {
            After::Good(count) => {
                check_eq!(count, WAITING.len());
                check_eq!(sys::recv(&right, &mut data, libc::MSG_DONTWAIT)?, count);
                check_eq!(&data[..count], WAITING);
            }
            After::Bad(_) => check_err!(sys::recv(&right, &mut data, libc::MSG_DONTWAIT), EAGAIN),
        }
        exchange(&left, &right)
    };
    Ok(Situation { words, usable: Box::new(usable) })
}

fn sendto_buffer(case: &Case) -> Outcome {
    let row = Row {
        call: "sendto",
        number: libc::SYS_sendto,
        register: 1,
        access: Access::Read,
        contents: WAITING.to_vec(),
        exempt: &[],
        situation: sending,
    };
    try_places(case, &row)
}

fn sendto_address(case: &Case) -> Outcome {
    // With a good address, sendto on a connected stream says EISCONN: the address is looked at before that.
    let memory = Memory::new()?;
    let address = case.abstract_address("a");
    for place in [
        Place::PageZero,
        Place::Unmapped,
        Place::Forbidden,
        Place::Crossing,
        Place::UserEnd,
        Place::NonCanonical,
        Place::Kernel,
        Place::KernelText,
        Place::Top,
    ] {
        let situation = sending(case, &memory)?;
        let mut words = situation.words;
        words[4] = memory.bad(place, address.bytes())?;
        words[5] = address.bytes().len();
        check_err!(memory.0.call("sendto", libc::SYS_sendto, words), EFAULT, "{place:?}");
        words[5] = 0;
        let count = memory.0.call("sendto", libc::SYS_sendto, words);
        check_eq!(count, Ok(WAITING.len()), "{place:?}: an address of length 0 is not looked at");
        (situation.usable)(After::Good(WAITING.len()))?;
    }
    Ok(())
}

/// The near end of a connection whose far end has a name and has sent [`WAITING`]. `kept`: what fails leaves the data
/// in the queue.
fn receiving(case: &Case, memory: &Memory, kept: bool) -> Outcome<Situation> {
    let address = fresh_address(case);
    let fd = listener(&address, 1)?;
    let near = client(&address)?;
    let far = sys::accept(&fd)?;
    sys::write(&far, WAITING)?;
    let buffer = memory.put(0, &[0; 64]);
    let name = memory.put(1, &[0; ADDRESS_SIZE]);
    let length = memory.put(2, &(NAME_SIZE as i32).to_ne_bytes());
    let words = [fd_word(&near), buffer, WAITING.len(), 0, name, length];
    let usable = move |after: After| {
        let mut data = [0; 64];
        let met = sys::recv(&near, &mut data, libc::MSG_DONTWAIT);
        match after {
            After::Good(count) => {
                check_eq!(count, WAITING.len());
                check_err!(met, EAGAIN);
            }
            After::Bad(_) if kept => {
                check_eq!(met, Ok(WAITING.len()), "the data stays");
                check_eq!(&data[..WAITING.len()], WAITING);
            }
            // The data was delivered before the address was written.
            After::Bad(_) => check_err!(met, EAGAIN),
        }
        exchange(&near, &far)
    };
    Ok(Situation { words, usable: Box::new(usable) })
}

fn recvfrom_buffer(case: &Case) -> Outcome {
    let situation = |case: &Case, memory: &Memory| receiving(case, memory, true);
    try_places(case, &written("recvfrom", libc::SYS_recvfrom, 1, WAITING.len(), situation))
}

fn recvfrom_address(case: &Case) -> Outcome {
    let situation = |case: &Case, memory: &Memory| receiving(case, memory, false);
    let row = written("recvfrom", libc::SYS_recvfrom, 4, NAME_SIZE, situation);
    try_places(case, &Row { exempt: OPTIONAL, ..row })
}

fn recvfrom_length(case: &Case) -> Outcome {
    let situation = |case: &Case, memory: &Memory| receiving(case, memory, false);
    try_places(case, &length("recvfrom", libc::SYS_recvfrom, 5, situation))
}

fn socketpair_numbers(case: &Case) -> Outcome {
    let situation = |_: &Case, memory: &Memory| {
        // Open at once: what other tests have open may be between the two.
        let (first, second) = (socket()?, socket()?);
        let (lowest, next) = (first.as_raw_fd(), second.as_raw_fd());
        drop((first, second));
        let words = [libc::AF_UNIX as usize, libc::SOCK_STREAM as usize, 0, memory.put(0, &[0; 8]), 0, 0];
        let usable = move |after: After| {
            if after == After::Good(0) {
                // The numbers went into memory that this closure does not see; they are the two lowest.
                let (left, right) = (sys::adopt(lowest as usize), sys::adopt(next as usize));
                return exchange(&left, &right);
            }
            check_eq!(socket()?.as_raw_fd(), lowest, "no descriptor is left behind");
            Ok(())
        };
        Ok(Situation { words, usable: Box::new(usable) })
    };
    try_places(case, &written("socketpair", libc::SYS_socketpair, 3, 8, situation))
}

/// A pair about to be asked for an option of level SOL_SOCKET.
fn asking(memory: &Memory, option: i32, size: usize) -> Outcome<Situation> {
    let (left, right) = pair()?;
    let value = memory.put(0, &vec![0; size]);
    let length = memory.put(1, &(size as i32).to_ne_bytes());
    let words = [fd_word(&left), libc::SOL_SOCKET as usize, option as usize, value, length, 0];
    Ok(Situation { words, usable: Box::new(move |_| exchange(&left, &right)) })
}

fn getsockopt_value(case: &Case) -> Outcome {
    let situations: [fn(&Case, &Memory) -> Outcome<Situation>; 7] = [
        |_, memory| asking(memory, libc::SO_TYPE, 4),
        |_, memory| asking(memory, libc::SO_DOMAIN, 4),
        |_, memory| asking(memory, libc::SO_PROTOCOL, 4),
        |_, memory| asking(memory, libc::SO_ERROR, 4),
        |_, memory| asking(memory, libc::SO_ACCEPTCONN, 4),
        |_, memory| asking(memory, libc::SO_SNDBUF, 4),
        |_, memory| asking(memory, libc::SO_RCVBUF, 4),
    ];
    situations.into_iter().try_for_each(|situation| {
        try_places(case, &written("getsockopt", libc::SYS_getsockopt, 3, 4, situation))
    })
}

fn getsockopt_length(case: &Case) -> Outcome {
    let situation = |_: &Case, memory: &Memory| asking(memory, libc::SO_TYPE, 4);
    let row = Row {
        contents: 4i32.to_ne_bytes().to_vec(),
        ..length("getsockopt", libc::SYS_getsockopt, 4, situation)
    };
    try_places(case, &row)?;
    let situation = |_: &Case, memory: &Memory| asking(memory, libc::SO_PEERCRED, 12);
    let row = Row {
        contents: 12i32.to_ne_bytes().to_vec(),
        ..length("getsockopt", libc::SYS_getsockopt, 4, situation)
    };
    try_places(case, &row)
}

fn getsockopt_credentials(case: &Case) -> Outcome {
    let situation = |_: &Case, memory: &Memory| asking(memory, libc::SO_PEERCRED, 12);
    try_places(case, &written("getsockopt", libc::SYS_getsockopt, 3, 12, situation))
}

fn setsockopt_value(case: &Case) -> Outcome {
    let situations: [fn(&Case, &Memory) -> Outcome<Situation>; 2] =
        [|_, memory| setting(memory, libc::SO_SNDBUF), |_, memory| setting(memory, libc::SO_RCVBUF)];
    situations.into_iter().try_for_each(|situation| {
        let row = Row {
            call: "setsockopt",
            number: libc::SYS_setsockopt,
            register: 3,
            access: Access::Read,
            contents: SIZE.to_ne_bytes().to_vec(),
            exempt: &[],
            situation,
        };
        try_places(case, &row)
    })
}

/// The buffer size that [`setting`] sets.
const SIZE: i32 = 12_345;

/// A pair about to be given a buffer size.
fn setting(memory: &Memory, option: i32) -> Outcome<Situation> {
    let (left, right) = pair()?;
    let before = super::super::unix::help::option(&left, option)?;
    let value = memory.put(0, &SIZE.to_ne_bytes());
    let words = [fd_word(&left), libc::SOL_SOCKET as usize, option as usize, value, 4, 0];
    let usable = move |after: After| {
        let expected = if after == After::Good(0) { SIZE * 2 } else { before };
        check_eq!(super::super::unix::help::option(&left, option)?, expected);
        exchange(&left, &right)
    };
    Ok(Situation { words, usable: Box::new(usable) })
}

fn read_buffer_of_a_socket(case: &Case) -> Outcome {
    let situation = |case: &Case, memory: &Memory| receiving(case, memory, true);
    try_places(case, &written("read", libc::SYS_read, 1, WAITING.len(), situation))
}

fn write_buffer_of_a_socket(case: &Case) -> Outcome {
    let row = Row {
        call: "write",
        number: libc::SYS_write,
        register: 1,
        access: Access::Read,
        contents: WAITING.to_vec(),
        exempt: &[],
        situation: sending,
    };
    try_places(case, &row)
}
