//! Options of the levels of TCP and IP, and those of SOL_SOCKET that the two families have.

use super::help::{DGRAM, FAMILIES, STREAM, V4, V6, client, listener};
use crate::{
    errno::Result,
    harness::{Case, Outcome, Test, check, check_eq, check_err, tests},
    suite::unix::help::{option, set_option},
    sys::{self, Descriptor},
};

pub(crate) const TESTS: &[Test] = tests!("inet";
    options_that_are_on_or_off,
    options_of_buffers,
    options_of_tcp,
    options_of_tcp_have_ranges,
    options_of_segments,
    options_of_congestion_control,
    options_of_ip,
    options_of_ip_may_be_bytes,
    options_of_ipv6,
    options_of_ipv6_addresses,
    options_that_there_are_not,
    options_lengths_are_checked,
);

const TCP: i32 = libc::IPPROTO_TCP;
const IP: i32 = libc::IPPROTO_IP;
const IPV6: i32 = libc::IPPROTO_IPV6;

#[track_caller]
pub(crate) fn get(fd: &impl Descriptor, level: i32, name: i32) -> Result<i32> {
    let (mut value, mut length) = ([0xa5; 4], 4);
    sys::getsockopt(fd, level, name, &mut value, &mut length)?;
    Ok(i32::from_ne_bytes(value))
}

#[track_caller]
pub(crate) fn set(fd: &impl Descriptor, level: i32, name: i32, value: i32) -> Result<usize> {
    sys::setsockopt(fd, level, name, &value.to_ne_bytes())
}

fn options_that_are_on_or_off(_: &Case) -> Outcome {
    for family in FAMILIES {
        for kind in [STREAM, DGRAM] {
            let fd = sys::socket(family, kind, 0)?;
            for name in [libc::SO_REUSEADDR, libc::SO_REUSEPORT, libc::SO_KEEPALIVE, libc::SO_BROADCAST] {
                check_eq!(option(&fd, name)?, 0);
                set_option(&fd, name, 7)?;
                check_eq!(option(&fd, name)?, 1);
                set_option(&fd, name, 0)?;
                check_eq!(option(&fd, name)?, 0);
            }
        }
    }
    Ok(())
}

fn options_of_buffers(_: &Case) -> Outcome {
    for family in FAMILIES {
        let fd = sys::socket(family, STREAM, 0)?;
        check_eq!(option(&fd, libc::SO_SNDBUF)?, 16_384);
        check_eq!(option(&fd, libc::SO_RCVBUF)?, 131_072);
        for kind in [STREAM, DGRAM] {
            let fd = sys::socket(family, kind, 0)?;
            for (name, least) in [(libc::SO_SNDBUF, 4608), (libc::SO_RCVBUF, 2304)] {
                set_option(&fd, name, 30_000)?;
                check_eq!(option(&fd, name)?, 60_000);
                set_option(&fd, name, 1)?;
                check_eq!(option(&fd, name)?, least);
            }
        }
    }
    Ok(())
}

fn options_of_tcp(_: &Case) -> Outcome {
    for family in FAMILIES {
        let fd = sys::socket(family, STREAM, 0)?;
        for (name, usual, other, shown) in [
            (libc::TCP_NODELAY, 0, 5, 1),
            (libc::TCP_KEEPIDLE, 7200, 60, 60),
            (libc::TCP_KEEPINTVL, 75, 5, 5),
            (libc::TCP_KEEPCNT, 9, 4, 4),
            (libc::TCP_SYNCNT, 6, 2, 2),
            (libc::TCP_LINGER2, 60, 10, 10),
            (libc::TCP_LINGER2, 10, 1000, 120),
            (libc::TCP_LINGER2, 120, -5, -1),
            (libc::TCP_DEFER_ACCEPT, 0, 10, 15),
            (libc::TCP_USER_TIMEOUT, 0, 12_345, 12_345),
        ] {
            check_eq!(get(&fd, TCP, name)?, usual, "option {name}");
            set(&fd, TCP, name, other)?;
            check_eq!(get(&fd, TCP, name)?, shown, "option {name}");
        }
        set(&fd, TCP, libc::TCP_LINGER2, 0)?;
        check_eq!(get(&fd, TCP, libc::TCP_LINGER2)?, 60);
    }
    Ok(())
}

fn options_of_tcp_have_ranges(_: &Case) -> Outcome {
    let fd = sys::socket(V4, STREAM, 0)?;
    for (name, bad) in [
        (libc::TCP_KEEPIDLE, &[0, -1, 32_768][..]),
        (libc::TCP_KEEPINTVL, &[0, -1, 32_768]),
        (libc::TCP_KEEPCNT, &[0, -1, 128]),
        (libc::TCP_SYNCNT, &[0, -1, 128]),
        (libc::TCP_MAXSEG, &[-1, 87, 32_768]),
        (libc::TCP_USER_TIMEOUT, &[-1]),
    ] {
        let before = get(&fd, TCP, name)?;
        for value in bad {
            check_err!(set(&fd, TCP, name, *value), EINVAL, "option {name}, {value}");
        }
        check_eq!(get(&fd, TCP, name)?, before);
    }
    Ok(())
}

fn options_of_segments(_: &Case) -> Outcome {
    let (fd, address) = listener(V4, 1)?;
    check_eq!(get(&fd, TCP, libc::TCP_MAXSEG)?, 536);
    set(&fd, TCP, libc::TCP_MAXSEG, 1000)?;
    check_eq!(get(&fd, TCP, libc::TCP_MAXSEG)?, 1000);
    let near = client(V4, &address)?;
    let far = sys::accept(&fd)?;
    for fd in [&near, &far] {
        let segment = get(fd, TCP, libc::TCP_MAXSEG)?;
        check!((900..=1000).contains(&segment), "{segment}");
    }
    Ok(())
}

fn options_of_congestion_control(_: &Case) -> Outcome {
    for family in FAMILIES {
        let fd = sys::socket(family, STREAM, 0)?;
        sys::setsockopt(&fd, TCP, libc::TCP_CONGESTION, b"reno")?;
        let (mut name, mut length) = ([0xa5; 20], 20);
        sys::getsockopt(&fd, TCP, libc::TCP_CONGESTION, &mut name, &mut length)?;
        check_eq!((length, &name[..17]), (16, &b"reno\0\0\0\0\0\0\0\0\0\0\0\0\xa5"[..]));
        sys::setsockopt(&fd, TCP, libc::TCP_CONGESTION, b"reno\0and more")?;
        check_err!(sys::setsockopt(&fd, TCP, libc::TCP_CONGESTION, b"nonsense"), ENOENT);
        check_err!(sys::setsockopt(&fd, TCP, libc::TCP_CONGESTION, b""), EINVAL);
    }
    Ok(())
}

fn options_of_ip(_: &Case) -> Outcome {
    // Sockets of AF_INET6 have them too, for what they send to IPv4.
    for (family, kind) in [(V4, STREAM), (V4, DGRAM), (V6, STREAM), (V6, DGRAM)] {
        let fd = sys::socket(family, kind, 0)?;
        check_eq!(get(&fd, IP, libc::IP_TTL)?, 64);
        set(&fd, IP, libc::IP_TTL, 9)?;
        check_eq!(get(&fd, IP, libc::IP_TTL)?, 9);
        set(&fd, IP, libc::IP_TTL, -1)?;
        check_eq!(get(&fd, IP, libc::IP_TTL)?, 64);
        for bad in [0, 256, -2] {
            check_err!(set(&fd, IP, libc::IP_TTL, bad), EINVAL);
        }
        check_eq!(get(&fd, IP, libc::IP_TOS)?, 0);
        set(&fd, IP, libc::IP_TOS, 0x10)?;
        check_eq!(get(&fd, IP, libc::IP_TOS)?, 0x10);
        set(&fd, IP, libc::IP_TOS, 0x17)?;
        let shown = if kind == STREAM { 0x14 } else { 0x17 };
        check_eq!(get(&fd, IP, libc::IP_TOS)?, shown, "two bits are TCP's own");
    }
    Ok(())
}

fn options_of_ip_may_be_bytes(_: &Case) -> Outcome {
    let fd = sys::socket(V4, DGRAM, 0)?;
    for length in 1..4 {
        sys::setsockopt(&fd, IP, libc::IP_TTL, &vec![40 + length as u8; length])?;
        let (mut value, mut room) = ([0xa5; 4], length as i32);
        sys::getsockopt(&fd, IP, libc::IP_TTL, &mut value, &mut room)?;
        check_eq!((room, value), (1, [40 + length as u8, 0xa5, 0xa5, 0xa5]));
    }
    check_err!(sys::setsockopt(&fd, IP, libc::IP_TTL, &[]), EINVAL);
    Ok(())
}

fn options_of_ipv6_addresses(_: &Case) -> Outcome {
    use super::help::{any, loopback};
    for kind in [STREAM, DGRAM] {
        // Who has an address of IPv6 speaks nothing else, and that is shown.
        for (address, shown) in
            [(any(V6, 0), 0), (loopback(V6, 0), 1), (super::help::at(V6, "127.0.0.1:0"), 0)]
        {
            let fd = sys::socket(V6, kind, 0)?;
            sys::bind(&fd, address.bytes())?;
            check_eq!(get(&fd, IPV6, libc::IPV6_V6ONLY)?, shown);
        }
    }
    Ok(())
}

fn options_of_ipv6(_: &Case) -> Outcome {
    for kind in [STREAM, DGRAM] {
        let fd = sys::socket(V6, kind, 0)?;
        check_eq!(get(&fd, IPV6, libc::IPV6_V6ONLY)?, 0);
        set(&fd, IPV6, libc::IPV6_V6ONLY, 3)?;
        check_eq!(get(&fd, IPV6, libc::IPV6_V6ONLY)?, 1);
        check_eq!(get(&fd, IPV6, libc::IPV6_UNICAST_HOPS)?, 64);
        set(&fd, IPV6, libc::IPV6_UNICAST_HOPS, 3)?;
        check_eq!(get(&fd, IPV6, libc::IPV6_UNICAST_HOPS)?, 3);
        set(&fd, IPV6, libc::IPV6_UNICAST_HOPS, -1)?;
        check_eq!(get(&fd, IPV6, libc::IPV6_UNICAST_HOPS)?, 64);
        check_err!(set(&fd, IPV6, libc::IPV6_UNICAST_HOPS, 256), EINVAL);
        check_eq!(get(&fd, IPV6, libc::IPV6_TCLASS)?, 0);
        set(&fd, IPV6, libc::IPV6_TCLASS, 0xb8)?;
        check_eq!(get(&fd, IPV6, libc::IPV6_TCLASS)?, 0xb8);
        check_err!(set(&fd, IPV6, libc::IPV6_TCLASS, 256), EINVAL);
        sys::bind(&fd, super::help::loopback(V6, 0).bytes())?;
        check_err!(set(&fd, IPV6, libc::IPV6_V6ONLY, 0), EINVAL, "it is bound");
    }
    Ok(())
}

fn options_that_there_are_not(_: &Case) -> Outcome {
    for family in FAMILIES {
        for kind in [STREAM, DGRAM] {
            let fd = sys::socket(family, kind, 0)?;
            check_err!(get(&fd, libc::SOL_SOCKET, 9999), ENOPROTOOPT);
            check_err!(set(&fd, libc::SOL_SOCKET, 9999, 1), ENOPROTOOPT);
            let level = if family == V4 { IP } else { IPV6 };
            check_err!(get(&fd, level, 9999), ENOPROTOOPT);
            check_err!(set(&fd, level, 9999, 1), ENOPROTOOPT);
        }
        let fd = sys::socket(family, STREAM, 0)?;
        check_err!(get(&fd, TCP, 9999), ENOPROTOOPT);
        check_err!(set(&fd, TCP, 9999, 1), ENOPROTOOPT);
    }
    Ok(())
}

fn options_lengths_are_checked(_: &Case) -> Outcome {
    let fd = sys::socket(V4, STREAM, 0)?;
    for length in 0..4 {
        check_err!(sys::setsockopt(&fd, TCP, libc::TCP_NODELAY, &vec![1; length]), EINVAL);
        let (mut value, mut room) = ([0xa5; 4], length as i32);
        sys::getsockopt(&fd, TCP, libc::TCP_NODELAY, &mut value, &mut room)?;
        check_eq!(room, length as i32);
        check!(value[length..].iter().all(|byte| *byte == 0xa5));
    }
    Ok(())
}
