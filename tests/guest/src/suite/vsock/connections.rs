//! Connections over the loopback transport: made, refused, ended.

use super::help::{LOCAL, TYPES, VSOCK, address, client, connection, listener, parts};
use crate::{
    harness::{Case, Need, Outcome, Test, check_eq, check_err, tests},
    suite::unix::help::{exchange, name, option, peer_name, poll_for, ready, set_nonblocking},
    sys,
};

pub(crate) const TESTS: &[Test] = tests!("vsock";
    connections_have_two_names needs [Need::VsockLoopback],
    connections_wait_to_be_accepted needs [Need::VsockLoopback],
    connections_are_refused_where_nobody_listens needs [Need::VsockLoopback],
    connections_are_of_one_type needs [Need::VsockLoopback],
    connections_are_as_many_as_may_wait needs [Need::VsockLoopback],
    connections_that_nobody_waits_for needs [Need::VsockLoopback],
    connections_end_with_what_was_sent needs [Need::VsockLoopback],
    connections_are_shut_by_halves needs [Need::VsockLoopback],
    connections_whose_listener_is_gone needs [Need::VsockLoopback],
    connections_two_hundred_at_once needs [Need::VsockLoopback],
    connected_sockets_connect_no_more needs [Need::VsockLoopback],
    connections_show_their_state needs [Need::VsockLoopback],
);

const IN: i16 = libc::POLLIN;
const OUT: i16 = libc::POLLOUT;
const HUP: i16 = libc::POLLHUP;
const RDHUP: i16 = libc::POLLRDHUP;
const ERR: i16 = libc::POLLERR;

fn connections_have_two_names(_: &Case) -> Outcome {
    for kind in TYPES {
        let (fd, to) = listener(kind, 1)?;
        check_eq!(option(&fd, libc::SO_ACCEPTCONN)?, 1);
        let near = client(kind, &to)?;
        let (mut from, mut length) = ([0; 16], 16);
        let far = sys::accept_from(&fd, &mut from, &mut length)?;
        check_eq!(peer_name(&near)?, to);
        check_eq!(name(&far)?, to);
        let own = parts(&name(&near)?).1;
        check_eq!(peer_name(&far)?, address(LOCAL, own));
        check_eq!((&from[..], length), (address(LOCAL, own).bytes(), 16));
        exchange(&near, &far)?;
    }
    Ok(())
}

fn connections_wait_to_be_accepted(case: &Case) -> Outcome {
    for kind in TYPES {
        let (fd, to) = listener(kind, 1)?;
        set_nonblocking(&fd, true)?;
        check_err!(sys::accept(&fd), EAGAIN);
        set_nonblocking(&fd, false)?;
        let waiting = case.spawn(move || Ok(sys::accept(&fd)?));
        let near = client(kind, &to)?;
        sys::write(&near, b"early")?;
        let far = waiting.join()?;
        check_eq!(sys::read(&far, &mut [0; 8])?, 5);
        exchange(&near, &far)?;
    }
    Ok(())
}

fn connections_are_refused_where_nobody_listens(_: &Case) -> Outcome {
    for kind in TYPES {
        let (fd, to) = listener(kind, 1)?;
        drop(fd);
        let near = sys::socket(VSOCK, kind, 0)?;
        check_err!(sys::connect(&near, to.bytes()), ECONNRESET);
        check_err!(sys::send(&near, b"x", libc::MSG_NOSIGNAL), ENOTCONN);
        // Nor where a socket only has the name.
        let bound = sys::socket(VSOCK, kind, 0)?;
        sys::bind(&bound, to.bytes())?;
        check_err!(sys::connect(&near, to.bytes()), ECONNRESET);
        sys::listen(&bound, 1)?;
        sys::connect(&near, to.bytes())?;
        exchange(&near, &sys::accept(&bound)?)?;
    }
    Ok(())
}

fn connections_are_of_one_type(_: &Case) -> Outcome {
    let [stream, records] = TYPES;
    for (listens, connects) in [(stream, records), (records, stream)] {
        let (_fd, to) = listener(listens, 1)?;
        check_err!(client(connects, &to), ECONNRESET);
    }
    Ok(())
}

fn connections_are_as_many_as_may_wait(_: &Case) -> Outcome {
    for kind in TYPES {
        let (fd, to) = listener(kind, 2)?;
        // One more than was asked for.
        let waiting = [client(kind, &to)?, client(kind, &to)?, client(kind, &to)?];
        check_err!(client(kind, &to), ECONNRESET);
        let far = sys::accept(&fd)?;
        exchange(&waiting[0], &far)?;
        client(kind, &to)?;
    }
    Ok(())
}

fn connections_that_nobody_waits_for(_: &Case) -> Outcome {
    for kind in TYPES {
        let (fd, to) = listener(kind, 1)?;
        let near = sys::socket(VSOCK, kind | libc::SOCK_NONBLOCK, 0)?;
        check_err!(sys::connect(&near, to.bytes()), EINPROGRESS);
        poll_for(&near, OUT, 10_000)?;
        check_eq!(option(&near, libc::SO_ERROR)?, 0);
        check_err!(sys::connect(&near, to.bytes()), EISCONN);
        exchange(&near, &sys::accept(&fd)?)?;
        drop(fd);
        let near = sys::socket(VSOCK, kind | libc::SOCK_NONBLOCK, 0)?;
        check_err!(sys::connect(&near, to.bytes()), EINPROGRESS);
        poll_for(&near, ERR, 10_000)?;
        check_eq!(option(&near, libc::SO_ERROR)?, libc::ECONNRESET);
    }
    Ok(())
}

fn connections_end_with_what_was_sent(_: &Case) -> Outcome {
    for kind in TYPES {
        let (near, far) = connection(kind)?;
        sys::write(&near, b"last words")?;
        drop(near);
        poll_for(&far, RDHUP, 10_000)?;
        check_eq!(sys::read(&far, &mut [0; 16])?, 10);
        check_eq!(sys::read(&far, &mut [0; 16])?, 0);
        check_err!(sys::send(&far, b"x", libc::MSG_NOSIGNAL), EPIPE);
        // With nothing to be read, too.
        let (near, far) = connection(kind)?;
        drop(near);
        check_eq!(sys::read(&far, &mut [0; 16])?, 0);
        check_err!(sys::send(&far, b"x", libc::MSG_NOSIGNAL), EPIPE);
    }
    Ok(())
}

fn connections_are_shut_by_halves(_: &Case) -> Outcome {
    for kind in TYPES {
        let (near, far) = connection(kind)?;
        sys::shutdown(&near, libc::SHUT_WR)?;
        check_eq!(sys::read(&far, &mut [0; 4])?, 0);
        check_err!(sys::send(&near, b"x", libc::MSG_NOSIGNAL), EPIPE);
        check_eq!(sys::write(&far, b"still")?, 5);
        check_eq!(sys::read(&near, &mut [0; 8])?, 5);
        let (near, far) = connection(kind)?;
        sys::shutdown(&near, libc::SHUT_RD)?;
        check_eq!(sys::read(&near, &mut [0; 4])?, 0);
        check_err!(sys::send(&far, b"x", libc::MSG_NOSIGNAL), EPIPE);
        check_eq!(sys::write(&near, b"still")?, 5);
        check_eq!(sys::read(&far, &mut [0; 8])?, 5);
        check_err!(sys::shutdown(&near, 3), EINVAL);
    }
    Ok(())
}

fn connections_whose_listener_is_gone(_: &Case) -> Outcome {
    for kind in TYPES {
        let (fd, to) = listener(kind, 1)?;
        let near = client(kind, &to)?;
        drop(fd);
        check_eq!(sys::read(&near, &mut [0; 4])?, 0);
        let (fd, to) = listener(kind, 1)?;
        let near = client(kind, &to)?;
        let far = sys::accept(&fd)?;
        drop(fd);
        exchange(&near, &far)?;
    }
    Ok(())
}

fn connections_two_hundred_at_once(_: &Case) -> Outcome {
    for kind in TYPES {
        let (fd, to) = listener(kind, 200)?;
        let mut pairs = Vec::new();
        for _ in 0..200 {
            let near = client(kind, &to)?;
            pairs.push((near, sys::accept(&fd)?));
        }
        for (place, (near, _)) in pairs.iter().enumerate() {
            sys::write(near, &(place as u32).to_ne_bytes())?;
        }
        for (place, (_, far)) in pairs.iter().enumerate().rev() {
            let mut number = [0; 4];
            check_eq!(sys::read(far, &mut number)?, 4);
            check_eq!(u32::from_ne_bytes(number), place as u32);
        }
    }
    Ok(())
}

fn connected_sockets_connect_no_more(_: &Case) -> Outcome {
    for kind in TYPES {
        let (fd, to) = listener(kind, 3)?;
        let near = client(kind, &to)?;
        check_err!(sys::connect(&near, to.bytes()), EISCONN);
        check_err!(sys::connect(&fd, to.bytes()), EINVAL);
        check_err!(sys::listen(&near, 1), EINVAL);
        check_err!(sys::sendto(&near, b"x", 0, to.bytes()), EISCONN);
        sys::shutdown(&near, libc::SHUT_RDWR)?;
        check_err!(sys::connect(&near, to.bytes()), EINVAL);
        check_err!(peer_name(&near), ENOTCONN);
    }
    Ok(())
}

fn connections_show_their_state(_: &Case) -> Outcome {
    for kind in TYPES {
        let (fd, to) = listener(kind, 1)?;
        check_eq!(ready(&fd)?, 0);
        let near = client(kind, &to)?;
        check_eq!((ready(&fd)?, ready(&near)?), (IN, OUT));
        let far = sys::accept(&fd)?;
        check_eq!(ready(&fd)?, 0);
        sys::write(&near, b"x")?;
        check_eq!(ready(&far)?, IN | OUT);
        sys::read(&far, &mut [0; 4])?;
        sys::shutdown(&near, libc::SHUT_WR)?;
        check_eq!((ready(&near)?, ready(&far)?), (0, IN | OUT | RDHUP));
        sys::shutdown(&far, libc::SHUT_WR)?;
        check_eq!((ready(&near)?, ready(&far)?), (IN | RDHUP | HUP, IN | RDHUP | HUP));
    }
    Ok(())
}
