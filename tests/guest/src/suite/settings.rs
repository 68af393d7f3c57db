//! Options of the level SOL_SOCKET on every kind of socket: how long calls wait and how much they wait for, and what is
//! kept.

use std::{
    os::fd::OwnedFd,
    time::{Duration, Instant},
};

use super::{
    inet::help::{DGRAM, FAMILIES, STREAM, connection, datagrams, listener, wait_for},
    unix::help::{self, exchange, fill, name, option, pair_of, poll_for, set_nonblocking, set_option},
};
use crate::{
    errno::Result,
    harness::{Case, Need, Outcome, Test, check, check_eq, check_err, tests},
    sys::{self, Descriptor},
};

pub(crate) const TESTS: &[Test] = tests!("settings";
    every_setting_is_kept,
    timeouts_are_kept,
    timeouts_refuse_what_is_no_time,
    timeouts_end_receiving,
    timeouts_end_receiving_with_what_there_is,
    timeouts_end_sending,
    timeouts_end_accepting,
    timeouts_end_connecting,
    timeouts_of_the_past_do_not_wait,
    timeouts_do_not_end_what_comes_in_time,
    a_low_mark_makes_receiving_wait,
    a_low_mark_hides_little_data_of_tcp,
    linger_without_time_resets,
    linger_of_the_unix_family_means_nothing,
    priorities_are_for_those_who_may needs [Need::OtherUsers],
    cookies_tell_sockets_apart,
    settings_of_the_wrong_length,
    signals_of_data_are_asked_for,
);

/// SO_RCVTIMEO_NEW, SO_SNDTIMEO_NEW
const RECEIVE_NEW: i32 = 66;
const SEND_NEW: i32 = 67;

/// Connected pairs of every kind.
#[track_caller]
fn pairs() -> Result<Vec<(OwnedFd, OwnedFd)>> {
    let mut pairs = Vec::new();
    for kind in [STREAM, DGRAM, libc::SOCK_SEQPACKET] {
        pairs.push(pair_of(kind)?);
    }
    for family in FAMILIES {
        pairs.push(connection(family)?);
        pairs.push(datagrams(family)?);
    }
    for kind in [libc::SOCK_RAW, DGRAM] {
        let (one, other) = (sys::socket(libc::AF_NETLINK, kind, 0)?, sys::socket(libc::AF_NETLINK, kind, 0)?);
        for fd in [&one, &other] {
            sys::bind(fd, super::netlink::help::address(0, 0).bytes())?;
        }
        sys::connect(&one, name(&other)?.bytes())?;
        sys::connect(&other, name(&one)?.bytes())?;
        pairs.push((one, other));
    }
    if Need::VsockLoopback.missing().is_none() {
        for kind in super::vsock::help::TYPES {
            pairs.push(super::vsock::help::connection(kind)?);
        }
    }
    Ok(pairs)
}

/// Sets a timeout, in milliseconds.
#[track_caller]
fn set_timeout(fd: &impl Descriptor, option: i32, milliseconds: i64) -> Result<usize> {
    let words = [milliseconds / 1000, milliseconds % 1000 * 1000];
    let bytes = words.map(i64::to_ne_bytes).concat();
    sys::setsockopt(fd, libc::SOL_SOCKET, option, &bytes)
}

/// A timeout, in microseconds.
#[track_caller]
fn timeout(fd: &impl Descriptor, option: i32) -> Result<i64> {
    let (mut value, mut length) = ([0; 16], 16);
    sys::getsockopt(fd, libc::SOL_SOCKET, option, &mut value, &mut length)?;
    assert_eq!(length, 16, "the size of a struct timeval");
    let (words, _) = value.as_chunks::<8>();
    Ok(i64::from_ne_bytes(words[0]) * 1_000_000 + i64::from_ne_bytes(words[1]))
}

/// Whether at least so many milliseconds have gone by.
fn took(since: Instant, milliseconds: u64) -> bool {
    since.elapsed() >= Duration::from_millis(milliseconds)
}

fn every_setting_is_kept(_: &Case) -> Outcome {
    for (one, other) in pairs()? {
        for (name, usual, set, shown) in [
            (libc::SO_KEEPALIVE, 0, 5, 1),
            (libc::SO_BROADCAST, 0, 5, 1),
            (libc::SO_PRIORITY, 0, 6, 6),
            (libc::SO_RCVLOWAT, 1, 17, 17),
            (libc::SO_RCVLOWAT, 17, 0, 1),
        ] {
            check_eq!(option(&one, name)?, usual, "option {name}");
            set_option(&one, name, set)?;
            check_eq!(option(&one, name)?, shown, "option {name}");
        }
        check_eq!(option(&one, libc::SO_MARK)?, 0);
        check_eq!(option(&one, libc::SO_SNDLOWAT)?, 1);
        check_err!(set_option(&one, libc::SO_SNDLOWAT, 1), ENOPROTOOPT);
        set_option(&one, libc::SO_RCVLOWAT, -1)?;
        // Of TCP, as much as its buffers may hold.
        check!(option(&one, libc::SO_RCVLOWAT)? >= 1 << 20);
        set_option(&one, libc::SO_RCVLOWAT, 1)?;
        check_eq!(option(&other, libc::SO_PRIORITY)?, 0, "of this socket alone");
        exchange(&one, &other)?;
    }
    for kind in [STREAM, DGRAM, libc::SOCK_SEQPACKET] {
        let (one, other) = pair_of(kind)?;
        set_option(&one, libc::SO_DONTROUTE, 1)?;
        check_eq!(option(&one, libc::SO_DONTROUTE)?, 1);
        check_eq!(option(&other, libc::SO_DONTROUTE)?, 0);
        exchange(&one, &other)?;
    }
    Ok(())
}

fn timeouts_are_kept(_: &Case) -> Outcome {
    for (one, other) in pairs()? {
        for (old, new) in [(libc::SO_RCVTIMEO, RECEIVE_NEW), (libc::SO_SNDTIMEO, SEND_NEW)] {
            check_eq!(timeout(&one, old)?, 0);
            set_timeout(&one, old, 1500)?;
            check_eq!((timeout(&one, old)?, timeout(&one, new)?), (1_500_000, 1_500_000));
            set_timeout(&one, new, 20_000)?;
            check_eq!((timeout(&one, old)?, timeout(&one, new)?), (20_000_000, 20_000_000));
            check_eq!(timeout(&other, old)?, 0);
            set_timeout(&one, old, 0)?;
            check_eq!(timeout(&one, old)?, 0);
        }
    }
    Ok(())
}

fn timeouts_refuse_what_is_no_time(_: &Case) -> Outcome {
    for (one, _) in pairs()? {
        for name in [libc::SO_RCVTIMEO, libc::SO_SNDTIMEO, RECEIVE_NEW, SEND_NEW] {
            for microseconds in [-1_i64, 1_000_000] {
                let bytes = [0, microseconds].map(i64::to_ne_bytes).concat();
                check_err!(sys::setsockopt(&one, libc::SOL_SOCKET, name, &bytes), EDOM);
            }
            check_err!(sys::setsockopt(&one, libc::SOL_SOCKET, name, &[0; 15]), EINVAL);
        }
    }
    Ok(())
}

fn timeouts_end_receiving(_: &Case) -> Outcome {
    for (one, _other) in pairs()? {
        set_timeout(&one, libc::SO_RCVTIMEO, 30)?;
        let since = Instant::now();
        check_err!(sys::read(&one, &mut [0; 4]), EAGAIN);
        check!(took(since, 30));
        let since = Instant::now();
        check_err!(sys::recv(&one, &mut [0; 4], libc::MSG_WAITALL), EAGAIN);
        check!(took(since, 30));
    }
    Ok(())
}

fn timeouts_end_receiving_with_what_there_is(_: &Case) -> Outcome {
    for (one, other) in [pair_of(STREAM)?, connection(libc::AF_INET)?] {
        set_timeout(&one, libc::SO_RCVTIMEO, 30)?;
        sys::write(&other, b"some")?;
        wait_for(&one, libc::POLLIN)?;
        let since = Instant::now();
        check_eq!(sys::recv(&one, &mut [0; 16], libc::MSG_WAITALL)?, 4);
        check!(took(since, 30));
    }
    Ok(())
}

fn timeouts_end_sending(_: &Case) -> Outcome {
    for (one, _other) in [pair_of(STREAM)?, pair_of(libc::SOCK_SEQPACKET)?, connection(libc::AF_INET)?] {
        fill(&one)?;
        set_nonblocking(&one, false)?;
        set_timeout(&one, libc::SO_SNDTIMEO, 30)?;
        let since = Instant::now();
        check_err!(sys::write(&one, &[0; 4096]), EAGAIN);
        check!(took(since, 30));
    }
    // What has gone before counts.
    let (one, _other) = pair_of(STREAM)?;
    set_timeout(&one, libc::SO_SNDTIMEO, 30)?;
    let sent = sys::write(&one, &vec![0; 10_000_000])?;
    check!(sent > 0 && sent < 10_000_000, "{sent}");
    Ok(())
}

fn timeouts_end_accepting(case: &Case) -> Outcome {
    let unix = help::listener(&case.abstract_address("a"), 1)?;
    for fd in [unix, listener(libc::AF_INET, 1)?.0, listener(libc::AF_INET6, 1)?.0] {
        set_timeout(&fd, libc::SO_RCVTIMEO, 30)?;
        let since = Instant::now();
        check_err!(sys::accept(&fd), EAGAIN);
        check!(took(since, 30));
    }
    Ok(())
}

fn timeouts_end_connecting(case: &Case) -> Outcome {
    let address = case.abstract_address("a");
    let _unix = help::listener(&address, 0)?;
    let _first = help::client(&address)?;
    let fd = help::socket()?;
    set_timeout(&fd, libc::SO_SNDTIMEO, 30)?;
    let since = Instant::now();
    check_err!(sys::connect(&fd, address.bytes()), EAGAIN);
    check!(took(since, 30));
    let (_tcp, address) = listener(libc::AF_INET, 0)?;
    let _first = super::inet::help::client(libc::AF_INET, &address)?;
    let fd = sys::socket(libc::AF_INET, STREAM, 0)?;
    set_timeout(&fd, libc::SO_SNDTIMEO, 30)?;
    let since = Instant::now();
    check_err!(sys::connect(&fd, address.bytes()), EINPROGRESS);
    check!(took(since, 30));
    check_err!(sys::connect(&fd, address.bytes()), EALREADY);
    Ok(())
}

fn timeouts_of_the_past_do_not_wait(_: &Case) -> Outcome {
    for (one, _other) in pairs()? {
        let bytes = [-5_i64, 0].map(i64::to_ne_bytes).concat();
        sys::setsockopt(&one, libc::SOL_SOCKET, libc::SO_RCVTIMEO, &bytes)?;
        check_err!(sys::read(&one, &mut [0; 4]), EAGAIN);
        check_eq!(timeout(&one, libc::SO_RCVTIMEO)?, 0);
    }
    Ok(())
}

fn timeouts_do_not_end_what_comes_in_time(case: &Case) -> Outcome {
    for (one, other) in pairs()? {
        set_timeout(&one, libc::SO_RCVTIMEO, 20_000)?;
        let reader = case.spawn(move || {
            check_eq!(sys::read(&one, &mut [0; 4])?, 1);
            Ok(())
        });
        sys::write(&other, b"x")?;
        reader.join()?;
    }
    Ok(())
}

fn a_low_mark_makes_receiving_wait(case: &Case) -> Outcome {
    for (one, other) in [pair_of(STREAM)?, connection(libc::AF_INET)?, connection(libc::AF_INET6)?] {
        set_option(&one, libc::SO_RCVLOWAT, 6)?;
        sys::write(&other, b"abc")?;
        wait_for(&other, libc::POLLOUT)?;
        // Those who do not wait get what there is, those who have less room get it filled.
        check_eq!(sys::recv(&one, &mut [0; 16], libc::MSG_DONTWAIT)?, 3);
        sys::write(&other, b"abc")?;
        check_eq!(sys::read(&one, &mut [0; 2])?, 2);
        let reader = case.spawn(move || {
            let mut data = [0; 16];
            check_eq!(sys::read(&one, &mut data)?, 6);
            check_eq!(&data[..6], b"cdefgh");
            Ok(one)
        });
        sys::write(&other, b"defgh")?;
        let one = reader.join()?;
        // The end comes before.
        sys::write(&other, b"end")?;
        drop(other);
        check_eq!(sys::read(&one, &mut [0; 16])?, 3);
        check_eq!(sys::read(&one, &mut [0; 16])?, 0);
    }
    Ok(())
}

fn a_low_mark_hides_little_data_of_tcp(_: &Case) -> Outcome {
    let (one, other) = connection(libc::AF_INET)?;
    set_option(&one, libc::SO_RCVLOWAT, 4)?;
    sys::write(&other, b"abc")?;
    check_eq!(poll_for(&one, libc::POLLIN, 50)?, 0);
    sys::write(&other, b"d")?;
    check_eq!(wait_for(&one, libc::POLLIN)?, libc::POLLIN);
    check_eq!(sys::read(&one, &mut [0; 16])?, 4);
    sys::write(&other, b"x")?;
    drop(other);
    check!(wait_for(&one, libc::POLLIN)? & libc::POLLIN != 0, "no more will come");
    // To the UNIX family it is about reading alone.
    let (one, other) = pair_of(STREAM)?;
    set_option(&one, libc::SO_RCVLOWAT, 4)?;
    sys::write(&other, b"abc")?;
    check_eq!(wait_for(&one, libc::POLLIN)?, libc::POLLIN);
    Ok(())
}

/// SO_LINGER: whether it is on, and the seconds.
#[track_caller]
fn linger(fd: &impl Descriptor) -> Result<[i32; 2]> {
    let (mut value, mut length) = ([0; 8], 8);
    sys::getsockopt(fd, libc::SOL_SOCKET, libc::SO_LINGER, &mut value, &mut length)?;
    assert_eq!(length, 8, "the size of a struct linger");
    let (words, _) = value.as_chunks::<4>();
    Ok([i32::from_ne_bytes(words[0]), i32::from_ne_bytes(words[1])])
}

#[track_caller]
fn set_linger(fd: &impl Descriptor, on: i32, seconds: i32) -> Result<usize> {
    let bytes = [on, seconds].map(i32::to_ne_bytes).concat();
    sys::setsockopt(fd, libc::SOL_SOCKET, libc::SO_LINGER, &bytes)
}

fn linger_without_time_resets(_: &Case) -> Outcome {
    for family in FAMILIES {
        let (one, other) = connection(family)?;
        check_eq!(linger(&one)?, [0, 0]);
        set_linger(&one, 1, 0)?;
        check_eq!(linger(&one)?, [1, 0]);
        sys::write(&one, b"lost")?;
        drop(one);
        wait_for(&other, libc::POLLERR)?;
        check_eq!(sys::read(&other, &mut [0; 16])?, 4, "what has come before can still be read");
        check_eq!(option(&other, libc::SO_ERROR)?, libc::ECONNRESET);
        let (one, other) = connection(family)?;
        set_linger(&one, 1, 0)?;
        set_linger(&one, 0, 0)?;
        sys::write(&one, b"kept")?;
        drop(one);
        check_eq!(sys::read(&other, &mut [0; 16])?, 4);
        check_eq!(sys::read(&other, &mut [0; 16])?, 0);
        let (one, _other) = datagrams(family)?;
        set_linger(&one, 5, 0)?;
        check_eq!(linger(&one)?, [1, 0]);
    }
    Ok(())
}

fn linger_of_the_unix_family_means_nothing(_: &Case) -> Outcome {
    for kind in [STREAM, DGRAM, libc::SOCK_SEQPACKET] {
        let (one, other) = pair_of(kind)?;
        check_eq!(linger(&one)?, [0, 0]);
        set_linger(&one, 1, 5)?;
        check_eq!(linger(&one)?, [1, 5]);
        sys::write(&one, b"kept")?;
        drop(one);
        check_eq!(sys::read(&other, &mut [0; 16])?, 4);
        check_err!(sys::setsockopt(&other, libc::SOL_SOCKET, libc::SO_LINGER, &[1; 7]), EINVAL);
    }
    Ok(())
}

fn priorities_are_for_those_who_may(case: &Case) -> Outcome {
    for (one, _other) in pairs()? {
        for priority in [7, -1] {
            set_option(&one, libc::SO_PRIORITY, priority)?;
            check_eq!(option(&one, libc::SO_PRIORITY)?, priority);
        }
        set_option(&one, libc::SO_MARK, 77)?;
        check_eq!(option(&one, libc::SO_MARK)?, 77);
        case.spawn(move || {
            sys::set_thread_uids(12345, 12345, 12345)?;
            set_option(&one, libc::SO_PRIORITY, 6)?;
            check_err!(set_option(&one, libc::SO_PRIORITY, 7), EPERM);
            check_err!(set_option(&one, libc::SO_PRIORITY, -1), EPERM);
            check_err!(set_option(&one, libc::SO_MARK, 78), EPERM);
            check_eq!(option(&one, libc::SO_MARK)?, 77);
            Ok(())
        })
        .join()?;
    }
    Ok(())
}

fn cookies_tell_sockets_apart(_: &Case) -> Outcome {
    let cookie = |fd: &OwnedFd| {
        let (mut value, mut length) = ([0; 8], 8);
        sys::getsockopt(fd, libc::SOL_SOCKET, libc::SO_COOKIE, &mut value, &mut length)?;
        assert_eq!(length, 8, "64 bits");
        Ok::<_, crate::errno::Errno>(u64::from_ne_bytes(value))
    };
    let mut seen = std::collections::HashSet::new();
    for (one, other) in pairs()? {
        for fd in [&one, &other] {
            let number = cookie(fd)?;
            check!(number != 0 && seen.insert(number), "{number}");
            check_eq!(cookie(fd)?, number, "it stays");
        }
        check_err!(
            sys::getsockopt(&one, libc::SOL_SOCKET, libc::SO_COOKIE, &mut [0; 8], &mut 7),
            EINVAL,
            "it does not fit"
        );
    }
    Ok(())
}

fn settings_of_the_wrong_length(_: &Case) -> Outcome {
    for (one, _other) in pairs()? {
        for name in [libc::SO_KEEPALIVE, libc::SO_RCVLOWAT, libc::SO_PRIORITY, libc::SO_RCVTIMEO] {
            for length in 0..4 {
                check_err!(sys::setsockopt(&one, libc::SOL_SOCKET, name, &vec![0; length]), EINVAL);
            }
        }
    }
    Ok(())
}

fn signals_of_data_are_asked_for(_: &Case) -> Outcome {
    for (one, _other) in pairs()? {
        let is_on =
            || Ok::<_, crate::errno::Errno>(sys::fcntl(&one, libc::F_GETFL, 0)? as i32 & libc::O_ASYNC != 0);
        check!(!is_on()?);
        sys::ioctl(&one, libc::FIOASYNC, &mut 1)?;
        check!(is_on()?);
        sys::ioctl(&one, libc::FIOASYNC, &mut 0)?;
        check!(!is_on()?);
    }
    Ok(())
}
