//! getsockopt(2) and setsockopt(2) at level SOL_SOCKET (`socket(7)`, `unix(7)`).

use super::help::{
    DGRAM, SEQPACKET, STREAM, UNIX, accepted, client, exchange, fill, listener, option, pair, pair_of,
    set_option, socket,
};
use crate::{
    errno::Result,
    harness::{Case, Outcome, Test, check, check_eq, check_err, tests},
    sys::{self, Descriptor},
};

pub(crate) const TESTS: &[Test] = tests!("unix";
    option_type_domain_and_protocol,
    option_error_is_zero_without_one,
    option_acceptconn_tells_listeners,
    option_values_are_cut_to_the_length,
    option_refuses_negative_lengths,
    option_unknown_names_are_refused,
    option_other_levels_are_refused,
    option_read_only_ones_cannot_be_set,
    option_buffer_sizes_are_doubled,
    option_buffer_sizes_have_limits,
    option_buffer_sizes_need_a_whole_int,
    option_buffer_sizes_are_each_sockets_own,
    option_send_buffer_bounds_what_is_queued,
    option_peercred_of_a_pair,
    option_peercred_of_a_connection,
    option_peercred_without_a_peer,
    option_peercred_is_cut_to_the_length,
    option_peercred_outlives_the_peer,
    option_peergroups_are_those_of_the_peer,
    option_peergroups_need_room,
    option_reuse_address_is_a_truth_value,
    option_reuse_address_is_not_inherited,
    option_refuses_other_descriptors,
);

const SOCKET: i32 = libc::SOL_SOCKET;

fn option_type_domain_and_protocol(case: &Case) -> Outcome {
    let address = case.abstract_address("a");
    let fd = listener(&address, 1)?;
    let (near, far) = accepted(&fd, &address)?;
    let (left, _right) = pair()?;
    for fd in [&socket()?, &fd, &near, &far, &left] {
        check_eq!(option(fd, libc::SO_TYPE)?, STREAM);
        check_eq!(option(fd, libc::SO_DOMAIN)?, UNIX);
        check_eq!(option(fd, libc::SO_PROTOCOL)?, 0);
    }
    let nonblocking = sys::socket(UNIX, STREAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC, 0)?;
    check_eq!(option(&nonblocking, libc::SO_TYPE)?, STREAM, "the type without the flags");
    Ok(())
}

fn option_error_is_zero_without_one(case: &Case) -> Outcome {
    let (left, right) = pair()?;
    check_eq!(option(&left, libc::SO_ERROR)?, 0);
    drop(right);
    check_err!(sys::write(&left, b"x"), EPIPE);
    check_eq!(option(&left, libc::SO_ERROR)?, 0, "EPIPE is no pending error");
    let fd = socket()?;
    check_err!(sys::connect(&fd, case.abstract_address("absent").bytes()), ECONNREFUSED);
    check_eq!(option(&fd, libc::SO_ERROR)?, 0, "what connect reported is not pending");
    Ok(())
}

fn option_acceptconn_tells_listeners(case: &Case) -> Outcome {
    let address = case.abstract_address("a");
    let fd = socket()?;
    check_eq!(option(&fd, libc::SO_ACCEPTCONN)?, 0);
    sys::bind(&fd, address.bytes())?;
    check_eq!(option(&fd, libc::SO_ACCEPTCONN)?, 0);
    sys::listen(&fd, 1)?;
    check_eq!(option(&fd, libc::SO_ACCEPTCONN)?, 1);
    let (near, far) = accepted(&fd, &address)?;
    check_eq!(option(&near, libc::SO_ACCEPTCONN)?, 0);
    check_eq!(option(&far, libc::SO_ACCEPTCONN)?, 0);
    Ok(())
}

const INTS: [i32; 7] = [
    libc::SO_TYPE,
    libc::SO_DOMAIN,
    libc::SO_PROTOCOL,
    libc::SO_ERROR,
    libc::SO_ACCEPTCONN,
    libc::SO_SNDBUF,
    libc::SO_RCVBUF,
];

fn option_values_are_cut_to_the_length(_: &Case) -> Outcome {
    let (left, _right) = pair()?;
    for name in INTS {
        let full = option(&left, name)?.to_ne_bytes();
        for room in [0usize, 1, 2, 3, 4, 5, 8, 64] {
            let mut value = [0xa5; 64];
            let mut length = room as i32;
            check_eq!(sys::getsockopt(&left, SOCKET, name, &mut value, &mut length)?, 0);
            let kept = room.min(4);
            check_eq!(length as usize, kept, "option {name} with room {room}");
            check_eq!(value[..kept], full[..kept], "option {name} with room {room}");
            check_eq!(value[kept..], [0xa5; 64][kept..], "option {name} with room {room}");
        }
    }
    Ok(())
}

fn option_refuses_negative_lengths(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    for name in INTS.into_iter().chain([libc::SO_PEERCRED]) {
        for given in [-1, i32::MIN] {
            let mut length = given;
            check_err!(sys::getsockopt(&left, SOCKET, name, &mut [], &mut length), EINVAL, "option {name}");
            check_eq!(length, given);
        }
    }
    exchange(&left, &right)
}

/// getsockopt(2) of an int at any level.
fn get(fd: &impl Descriptor, level: i32, name: i32) -> Result<i32> {
    let mut value = [0; 4];
    let mut length = 4;
    sys::getsockopt(fd, level, name, &mut value, &mut length)?;
    Ok(i32::from_ne_bytes(value))
}

fn option_unknown_names_are_refused(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    for name in [0, 1000, 9999, -1, i32::MAX, i32::MIN] {
        check_err!(get(&left, SOCKET, name), ENOPROTOOPT, "option {name}");
        check_err!(sys::setsockopt(&left, SOCKET, name, &[0; 4]), ENOPROTOOPT, "option {name}");
    }
    exchange(&left, &right)
}

fn option_other_levels_are_refused(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    for level in [libc::IPPROTO_IP, libc::IPPROTO_TCP, libc::IPPROTO_IPV6, 2, 1000, -1, i32::MAX, i32::MIN] {
        for name in [0, 1, 2, 7] {
            check_err!(get(&left, level, name), EOPNOTSUPP, "level {level}, option {name}");
            check_err!(
                sys::setsockopt(&left, level, name, &[0; 4]),
                EOPNOTSUPP,
                "level {level}, option {name}"
            );
        }
    }
    exchange(&left, &right)
}

fn option_read_only_ones_cannot_be_set(_: &Case) -> Outcome {
    let (left, _right) = pair()?;
    for name in [
        libc::SO_TYPE,
        libc::SO_DOMAIN,
        libc::SO_PROTOCOL,
        libc::SO_ERROR,
        libc::SO_ACCEPTCONN,
        libc::SO_PEERCRED,
    ] {
        check_err!(sys::setsockopt(&left, SOCKET, name, &[1, 0, 0, 0]), ENOPROTOOPT, "option {name}");
    }
    check_eq!(option(&left, libc::SO_TYPE)?, STREAM);
    Ok(())
}

fn option_buffer_sizes_are_doubled(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    for name in [libc::SO_SNDBUF, libc::SO_RCVBUF] {
        check!(option(&left, name)? >= 4608, "the default is {}", option(&left, name)?);
        for size in [4096, 5000, 8192, 65_536, 100_001] {
            check_eq!(set_option(&left, name, size)?, 0);
            check_eq!(option(&left, name)?, size * 2);
        }
    }
    exchange(&left, &right)
}

fn option_buffer_sizes_have_limits(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    // SOCK_MIN_SNDBUF and SOCK_MIN_RCVBUF (include/net/sock.h).
    for (name, least) in [(libc::SO_SNDBUF, 4608), (libc::SO_RCVBUF, 2304)] {
        for size in [0, 1, 1000] {
            check_eq!(set_option(&left, name, size)?, 0);
            check_eq!(option(&left, name)?, least, "option {name} set to {size}");
        }
        set_option(&left, name, i32::MAX)?;
        let most = option(&left, name)?;
        check!(most > 100_000 && most % 2 == 0, "the largest size is {most}");
        for size in [-1, i32::MIN] {
            set_option(&left, name, 4096)?;
            check_eq!(set_option(&left, name, size)?, 0);
            check_eq!(option(&left, name)?, most, "option {name}: {size} counts as unsigned");
        }
    }
    exchange(&left, &right)
}

fn option_buffer_sizes_need_a_whole_int(_: &Case) -> Outcome {
    let (left, _right) = pair()?;
    for name in [libc::SO_SNDBUF, libc::SO_RCVBUF] {
        set_option(&left, name, 8192)?;
        for length in [0, 1, 2, 3] {
            check_err!(sys::setsockopt(&left, SOCKET, name, &[0xff; 4][..length]), EINVAL, "length {length}");
        }
        check_eq!(option(&left, name)?, 16_384, "unchanged");
        // What follows the int is not looked at.
        let mut long = [0xff; 64];
        long[..4].copy_from_slice(&10_000i32.to_ne_bytes());
        check_eq!(sys::setsockopt(&left, SOCKET, name, &long)?, 0);
        check_eq!(option(&left, name)?, 20_000);
    }
    Ok(())
}

fn option_buffer_sizes_are_each_sockets_own(case: &Case) -> Outcome {
    let (left, right) = pair()?;
    let default = option(&right, libc::SO_SNDBUF)?;
    set_option(&left, libc::SO_SNDBUF, 9999)?;
    check_eq!(option(&right, libc::SO_SNDBUF)?, default);
    let address = case.abstract_address("a");
    let fd = listener(&address, 1)?;
    set_option(&fd, libc::SO_SNDBUF, 9999)?;
    let (near, far) = accepted(&fd, &address)?;
    check_eq!(option(&near, libc::SO_SNDBUF)?, default);
    check_eq!(
        option(&far, libc::SO_SNDBUF)?,
        default,
        "an accepted socket has the default, not the listener's"
    );
    Ok(())
}

fn option_send_buffer_bounds_what_is_queued(_: &Case) -> Outcome {
    let queued = |size| -> Outcome<usize> {
        let (left, right) = pair()?;
        set_option(&left, libc::SO_SNDBUF, size)?;
        let filled = fill(&left)?;
        check_eq!(super::help::drain(&right)?, filled);
        Ok(filled)
    };
    let (small, large) = (queued(4608)?, queued(100_000)?);
    check!(small >= 1, "something fits");
    check!(small <= 2 * 4608 + 32_768, "a buffer of 9216 bytes took {small}");
    check!(large > small, "{large} against {small}");
    check!(large <= 2 * 100_000 + 32_768, "a buffer of 200000 bytes took {large}");
    Ok(())
}

/// SO_PEERCRED: process, user, group.
fn credentials(fd: &impl Descriptor) -> Result<[u32; 3]> {
    let mut value = [0xa5; 12];
    let mut length = 12;
    sys::getsockopt(fd, SOCKET, libc::SO_PEERCRED, &mut value, &mut length)?;
    let field = |index: usize| u32::from_ne_bytes([0, 1, 2, 3].map(|byte| value[index * 4 + byte]));
    Ok([field(0), field(1), field(2)])
}

/// What SO_PEERCRED says of this process.
fn own_credentials() -> Result<[u32; 3]> {
    Ok([sys::getpid()? as u32, sys::geteuid()? as u32, sys::getegid()? as u32])
}

fn option_peercred_of_a_pair(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    for fd in [&left, &right] {
        check_eq!(credentials(fd)?, own_credentials()?);
    }
    Ok(())
}

fn option_peercred_of_a_connection(case: &Case) -> Outcome {
    let address = case.abstract_address("a");
    let fd = listener(&address, 2)?;
    let near = client(&address)?;
    check_eq!(credentials(&near)?, own_credentials()?, "the listener's, before the accept");
    let far = sys::accept(&fd)?;
    check_eq!(credentials(&far)?, own_credentials()?);
    check_eq!(credentials(&fd)?, own_credentials()?, "a listener shows who listens");
    Ok(())
}

fn option_peercred_without_a_peer(case: &Case) -> Outcome {
    let fd = socket()?;
    check_eq!(credentials(&fd)?, [0, u32::MAX, u32::MAX]);
    sys::bind(&fd, case.abstract_address("a").bytes())?;
    check_eq!(credentials(&fd)?, [0, u32::MAX, u32::MAX]);
    Ok(())
}

fn option_peercred_is_cut_to_the_length(_: &Case) -> Outcome {
    let (left, _right) = pair()?;
    let full: Vec<u8> = own_credentials()?.iter().flat_map(|field| field.to_ne_bytes()).collect();
    for room in [0usize, 1, 4, 11, 12, 13, 64] {
        let mut value = [0xa5; 64];
        let mut length = room as i32;
        sys::getsockopt(&left, SOCKET, libc::SO_PEERCRED, &mut value, &mut length)?;
        let kept = room.min(12);
        check_eq!(length as usize, kept, "room {room}");
        check_eq!(value[..kept], full[..kept], "room {room}");
        check_eq!(value[kept..], [0xa5; 64][kept..], "room {room}");
    }
    Ok(())
}

fn option_peercred_outlives_the_peer(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    drop(right);
    check_eq!(credentials(&left)?, own_credentials()?);
    Ok(())
}

/// SO_PEERGROUPS, with room for so many bytes: the groups, or how much room is needed.
fn peer_groups(fd: &impl Descriptor, room: usize) -> (Result<usize>, i32, Vec<u8>) {
    let (mut value, mut length) = (vec![0xa5; room], room as i32);
    let met = sys::getsockopt(fd, SOCKET, libc::SO_PEERGROUPS, &mut value, &mut length);
    (met, length, value)
}

/// This process's groups, as `/proc/self/status` shows them.
pub(crate) fn own_groups() -> Vec<u8> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("Groups:")).unwrap_or_default();
    line.split_whitespace().filter_map(|group| group.parse::<u32>().ok()).flat_map(u32::to_ne_bytes).collect()
}

fn option_peergroups_are_those_of_the_peer(_: &Case) -> Outcome {
    let own = own_groups();
    for kind in [STREAM, SEQPACKET, DGRAM] {
        let (left, _right) = pair_of(kind)?;
        let (met, length, value) = peer_groups(&left, own.len() + 8);
        check_eq!((met, length as usize), (Ok(0), own.len()));
        check_eq!(value[..own.len()], own[..]);
        check_eq!(value[own.len()..], [0xa5; 8], "the rest is left alone");
        check_eq!(peer_groups(&sys::socket(UNIX, kind, 0)?, 64).0, Err(crate::errno::Errno(libc::ENODATA)));
    }
    Ok(())
}

fn option_peergroups_need_room(_: &Case) -> Outcome {
    let own = own_groups();
    let (left, _right) = pair()?;
    check_eq!(peer_groups(&left, own.len()).0, Ok(0));
    if !own.is_empty() {
        let (met, length, _) = peer_groups(&left, own.len() - 1);
        check_eq!((met, length as usize), (Err(crate::errno::Errno(libc::ERANGE)), own.len()));
    }
    Ok(())
}

fn option_reuse_address_is_a_truth_value(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    check_eq!(option(&left, libc::SO_REUSEADDR)?, 0);
    for (value, kept) in [(1, 1), (0, 0), (7, 1), (0, 0), (-1, 1), (256, 1)] {
        check_eq!(set_option(&left, libc::SO_REUSEADDR, value)?, 0);
        check_eq!(option(&left, libc::SO_REUSEADDR)?, kept, "set to {value}");
    }
    for length in 0..4 {
        check_err!(sys::setsockopt(&left, SOCKET, libc::SO_REUSEADDR, &[0; 4][..length]), EINVAL);
    }
    check_eq!(option(&left, libc::SO_REUSEADDR)?, 1, "unchanged");
    exchange(&left, &right)
}

fn option_reuse_address_is_not_inherited(case: &Case) -> Outcome {
    let address = case.abstract_address("a");
    let fd = listener(&address, 1)?;
    set_option(&fd, libc::SO_REUSEADDR, 1)?;
    let (near, far) = accepted(&fd, &address)?;
    check_eq!(option(&near, libc::SO_REUSEADDR)?, 0);
    check_eq!(option(&far, libc::SO_REUSEADDR)?, 0);
    let other = socket()?;
    set_option(&other, libc::SO_REUSEADDR, 1)?;
    check_err!(sys::bind(&other, address.bytes()), EADDRINUSE, "names are not shared");
    Ok(())
}

fn option_refuses_other_descriptors(case: &Case) -> Outcome {
    check_err!(get(&-1, SOCKET, libc::SO_TYPE), EBADF);
    check_err!(sys::setsockopt(&-1, SOCKET, libc::SO_SNDBUF, &[0; 4]), EBADF);
    let file = sys::open(&case.path("file"), libc::O_CREAT | libc::O_RDWR, 0o600)?;
    check_err!(get(&file, SOCKET, libc::SO_TYPE), ENOTSOCK);
    check_err!(sys::setsockopt(&file, SOCKET, libc::SO_SNDBUF, &[0; 4]), ENOTSOCK);
    let (read, _write) = sys::pipe2(0)?;
    check_err!(get(&read, SOCKET, libc::SO_TYPE), ENOTSOCK);
    Ok(())
}
