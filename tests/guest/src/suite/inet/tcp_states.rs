//! Streams over TCP: listening, connecting, shutting down, and what poll(2) shows of it.

use super::help::{
    FAMILIES, STREAM, V4, any, client, connection, listener, loopback, nobody, port_of, reset, switch_on,
    wait_for,
};
use crate::{
    address::Address,
    harness::{Case, Outcome, Test, check, check_eq, check_err, tests},
    suite::unix::help::{exchange, name, option, peer_name, poll_for, read_full, set_nonblocking},
    sys,
};

pub(crate) const TESTS: &[Test] = tests!("inet";
    tcp_listen_without_a_name_chooses_one,
    tcp_listen_again_changes_the_backlog,
    tcp_listen_refuses_connected_sockets,
    tcp_connect_to_nobody_is_refused,
    tcp_connect_after_a_refusal,
    tcp_connect_refuses_connected_and_listening_sockets,
    tcp_connect_refuses_bad_addresses,
    tcp_connect_without_waiting,
    tcp_connect_without_waiting_to_nobody,
    tcp_connect_to_nothing,
    tcp_connects_to_itself,
    tcp_accept_says_who_connected,
    tcp_accept_refuses_others,
    tcp_accept_waits,
    tcp_accepts_what_was_closed_since,
    tcp_closed_listener_resets,
    tcp_full_backlog,
    tcp_what_accepted_sockets_inherit,
    tcp_shutdown_without_a_connection,
    tcp_shutdown_of_a_listener,
    tcp_shutdown_of_reading,
    tcp_shutdown_wakes_a_reader,
    tcp_poll_shows_each_state,
    tcp_poll_shows_the_end,
    tcp_ports_in_time_wait,
    tcp_reset_by_lost_descriptor,
    tcp_many_wait_at_one_listener,
);

const IN: i16 = libc::POLLIN | libc::POLLRDNORM;
const OUT: i16 = libc::POLLOUT | libc::POLLWRNORM;
const HUP: i16 = libc::POLLHUP;
const RDHUP: i16 = libc::POLLRDHUP;
const ALL: i16 = IN | OUT | RDHUP | libc::POLLPRI;

/// No address.
fn nothing() -> Address {
    Address::raw(libc::AF_UNSPEC as u16, &[0; 14])
}

fn tcp_listen_without_a_name_chooses_one(_: &Case) -> Outcome {
    for family in FAMILIES {
        let fd = sys::socket(family, STREAM, 0)?;
        sys::listen(&fd, 1)?;
        let port = port_of(&fd)?;
        check_eq!(name(&fd)?, any(family, port));
        check!(port >= 32768);
        check_eq!(option(&fd, libc::SO_ACCEPTCONN)?, 1);
        let near = client(family, &loopback(family, port))?;
        exchange(&near, &sys::accept(&fd)?)?;
    }
    Ok(())
}

fn tcp_listen_again_changes_the_backlog(_: &Case) -> Outcome {
    let (fd, address) = listener(V4, 0)?;
    sys::listen(&fd, 10)?;
    let open = (0..8).map(|_| client(V4, &address)).collect::<Result<Vec<_>, _>>()?;
    for _ in &open {
        sys::accept(&fd)?;
    }
    sys::listen(&fd, -1)?;
    Ok(())
}

fn tcp_listen_refuses_connected_sockets(_: &Case) -> Outcome {
    let (near, far) = connection(V4)?;
    check_err!(sys::listen(&near, 1), EINVAL);
    check_err!(sys::listen(&far, 1), EINVAL);
    exchange(&near, &far)
}

fn tcp_connect_to_nobody_is_refused(_: &Case) -> Outcome {
    for family in FAMILIES {
        let fd = sys::socket(family, STREAM, 0)?;
        check_err!(sys::connect(&fd, nobody(family, STREAM)?.bytes()), ECONNREFUSED);
        check_eq!(option(&fd, libc::SO_ERROR)?, 0, "connect(2) has told it");
        check_err!(peer_name(&fd), ENOTCONN);
        // Bound is not listening.
        let (_bound, address) = super::help::bound(family, STREAM)?;
        check_err!(sys::connect(&fd, address.bytes()), ECONNREFUSED);
    }
    Ok(())
}

fn tcp_connect_after_a_refusal(_: &Case) -> Outcome {
    for family in FAMILIES {
        let (listening, address) = listener(family, 1)?;
        // A port that bind(2) is told is kept; one that it has chosen is not.
        let own = nobody(family, STREAM)?;
        let fd = sys::socket(family, STREAM, 0)?;
        sys::bind(&fd, own.bytes())?;
        check_err!(sys::connect(&fd, nobody(family, STREAM)?.bytes()), ECONNREFUSED);
        check_eq!(name(&fd)?, own, "the name stays");
        sys::connect(&fd, address.bytes())?;
        exchange(&fd, &sys::accept(&listening)?)?;
        check_eq!(name(&fd)?, own);
    }
    Ok(())
}

fn tcp_connect_refuses_connected_and_listening_sockets(_: &Case) -> Outcome {
    let (fd, address) = listener(V4, 1)?;
    let near = client(V4, &address)?;
    check_err!(sys::connect(&near, address.bytes()), EISCONN);
    check_err!(sys::connect(&fd, address.bytes()), EISCONN);
    check_err!(sys::connect(&sys::accept(&fd)?, address.bytes()), EISCONN);
    Ok(())
}

fn tcp_connect_refuses_bad_addresses(_: &Case) -> Outcome {
    let (_fd, address) = listener(V4, 1)?;
    let fd = sys::socket(V4, STREAM, 0)?;
    for length in 0..16 {
        check_err!(sys::connect(&fd, &address.bytes()[..length]), EINVAL, "{length} bytes");
    }
    check_err!(sys::connect(&fd, loopback(libc::AF_INET6, 1).bytes()), EAFNOSUPPORT);
    let six = sys::socket(libc::AF_INET6, STREAM, 0)?;
    check_err!(sys::connect(&six, &loopback(libc::AF_INET6, 1).bytes()[..23]), EINVAL);
    check_err!(sys::connect(&six, &[address.bytes(), &[0; 12]].concat()), EAFNOSUPPORT);
    check_err!(sys::connect(&fd, super::help::at(V4, "224.0.0.1:1").bytes()), ENETUNREACH);
    sys::connect(&fd, address.bytes())?;
    Ok(())
}

fn tcp_connect_without_waiting(_: &Case) -> Outcome {
    for family in FAMILIES {
        let (listening, address) = listener(family, 1)?;
        let fd = sys::socket(family, STREAM | libc::SOCK_NONBLOCK, 0)?;
        check_err!(sys::connect(&fd, address.bytes()), EINPROGRESS);
        check_eq!(wait_for(&fd, libc::POLLOUT)?, libc::POLLOUT);
        check_eq!(option(&fd, libc::SO_ERROR)?, 0);
        sys::connect(&fd, address.bytes())?;
        check_err!(sys::connect(&fd, address.bytes()), EISCONN);
        let far = sys::accept(&listening)?;
        set_nonblocking(&fd, false)?;
        exchange(&fd, &far)?;
        // What is written before anybody has asked arrives.
        let fd = sys::socket(family, STREAM | libc::SOCK_NONBLOCK, 0)?;
        check_err!(sys::connect(&fd, address.bytes()), EINPROGRESS);
        wait_for(&fd, libc::POLLOUT)?;
        sys::write(&fd, b"at once")?;
        let far = sys::accept(&listening)?;
        let mut data = [0; 7];
        check_eq!(read_full(&far, &mut data)?, 7);
    }
    Ok(())
}

fn tcp_connect_without_waiting_to_nobody(_: &Case) -> Outcome {
    for family in FAMILIES {
        let address = nobody(family, STREAM)?;
        let fd = sys::socket(family, STREAM | libc::SOCK_NONBLOCK, 0)?;
        check_err!(sys::connect(&fd, address.bytes()), EINPROGRESS);
        let shown = wait_for(&fd, ALL)?;
        check_eq!(shown, IN | OUT | RDHUP | HUP | libc::POLLERR);
        check_eq!(option(&fd, libc::SO_ERROR)?, libc::ECONNREFUSED);
        check_eq!(option(&fd, libc::SO_ERROR)?, 0);
        check_err!(sys::connect(&fd, address.bytes()), ECONNABORTED, "the reason was told already");
        // As good as new.
        check_err!(sys::connect(&fd, address.bytes()), EINPROGRESS);
        wait_for(&fd, libc::POLLOUT)?;
        check_err!(sys::connect(&fd, address.bytes()), ECONNREFUSED);
    }
    Ok(())
}

fn tcp_connect_to_nothing(_: &Case) -> Outcome {
    for family in FAMILIES {
        let (listening, address) = listener(family, 2)?;
        let fd = client(family, &address)?;
        let far = sys::accept(&listening)?;
        sys::connect(&fd, nothing().bytes())?;
        check_err!(peer_name(&fd), ENOTCONN);
        wait_for(&far, HUP)?;
        check_err!(sys::read(&far, &mut [0; 4]), ECONNRESET);
        sys::connect(&fd, address.bytes())?;
        exchange(&fd, &sys::accept(&listening)?)?;
    }
    Ok(())
}

fn tcp_connects_to_itself(_: &Case) -> Outcome {
    let (fd, address) = super::help::bound(V4, STREAM)?;
    sys::connect(&fd, address.bytes())?;
    check_eq!(peer_name(&fd)?, address);
    sys::write(&fd, b"echo")?;
    let mut data = [0; 16];
    check_eq!(sys::read(&fd, &mut data)?, 4);
    sys::shutdown(&fd, libc::SHUT_WR)?;
    check_eq!(sys::read(&fd, &mut data)?, 0);
    Ok(())
}

fn tcp_accept_says_who_connected(_: &Case) -> Outcome {
    for family in FAMILIES {
        let (fd, address) = listener(family, 1)?;
        let near = client(family, &address)?;
        let (mut from, mut length) = ([0; 40], 40);
        let far = sys::accept_from(&fd, &mut from, &mut length)?;
        check_eq!(Address::from_filled(&from, length), name(&near)?);
        check_eq!(name(&far)?, address);
    }
    Ok(())
}

fn tcp_accept_refuses_others(_: &Case) -> Outcome {
    check_err!(sys::accept(&sys::socket(V4, STREAM, 0)?), EINVAL);
    let (near, far) = connection(V4)?;
    check_err!(sys::accept(&near), EINVAL);
    check_err!(sys::accept(&far), EINVAL);
    let (fd, _) = listener(V4, 1)?;
    check_err!(sys::accept4(&fd, 1), EINVAL);
    Ok(())
}

fn tcp_accept_waits(case: &Case) -> Outcome {
    let (fd, address) = listener(V4, 1)?;
    let server = case.spawn(move || {
        let far = sys::accept(&fd)?;
        sys::write(&far, b"welcome")?;
        Ok(())
    });
    let near = client(V4, &address)?;
    let mut data = [0; 7];
    check_eq!(read_full(&near, &mut data)?, 7);
    server.join()
}

fn tcp_accepts_what_was_closed_since(_: &Case) -> Outcome {
    let (fd, address) = listener(V4, 2)?;
    drop(client(V4, &address)?);
    let near = client(V4, &address)?;
    check_eq!(sys::read(&sys::accept(&fd)?, &mut [0; 4])?, 0);
    exchange(&near, &sys::accept(&fd)?)
}

fn tcp_closed_listener_resets(_: &Case) -> Outcome {
    for family in FAMILIES {
        let (fd, address) = listener(family, 2)?;
        let near = client(family, &address)?;
        drop(fd);
        wait_for(&near, HUP)?;
        check_err!(sys::read(&near, &mut [0; 4]), ECONNRESET);
        check_err!(client(family, &address), ECONNREFUSED);
    }
    Ok(())
}

fn tcp_full_backlog(_: &Case) -> Outcome {
    let (fd, address) = listener(V4, 1)?;
    let first = client(V4, &address)?;
    let second = client(V4, &address)?;
    let third = sys::socket(V4, STREAM | libc::SOCK_NONBLOCK, 0)?;
    check_err!(sys::connect(&third, address.bytes()), EINPROGRESS);
    check_eq!(poll_for(&third, libc::POLLOUT, 50)?, 0, "there is no room for it");
    check_err!(sys::connect(&third, address.bytes()), EALREADY);
    check_err!(peer_name(&third), ENOTCONN);
    check_err!(sys::write(&third, b"x"), EAGAIN);
    check_err!(sys::read(&third, &mut [0; 4]), EAGAIN);
    exchange(&first, &sys::accept(&fd)?)?;
    exchange(&second, &sys::accept(&fd)?)?;
    check_eq!(wait_for(&third, libc::POLLOUT)?, libc::POLLOUT, "it has asked again");
    set_nonblocking(&third, false)?;
    exchange(&third, &sys::accept(&fd)?)
}

fn tcp_what_accepted_sockets_inherit(_: &Case) -> Outcome {
    let (fd, address) = listener(V4, 1)?;
    switch_on(&fd, libc::SO_KEEPALIVE)?;
    switch_on(&fd, libc::SO_REUSEADDR)?;
    set_nonblocking(&fd, true)?;
    let tcp = |fd: &_, name| {
        let (mut value, mut length) = ([0; 4], 4);
        sys::getsockopt(fd, libc::IPPROTO_TCP, name, &mut value, &mut length)?;
        Ok::<_, crate::errno::Errno>(i32::from_ne_bytes(value))
    };
    for (name, value) in [(libc::TCP_NODELAY, 1_i32), (libc::TCP_KEEPIDLE, 77), (libc::TCP_KEEPCNT, 3)] {
        sys::setsockopt(&fd, libc::IPPROTO_TCP, name, &value.to_ne_bytes())?;
    }
    let near = client(V4, &address)?;
    wait_for(&fd, libc::POLLIN)?;
    let far = sys::accept(&fd)?;
    check_eq!(option(&far, libc::SO_KEEPALIVE)?, 1);
    check_eq!(option(&far, libc::SO_REUSEADDR)?, 1);
    check_eq!(option(&far, libc::SO_ACCEPTCONN)?, 0);
    check_eq!(tcp(&far, libc::TCP_NODELAY)?, 1);
    check_eq!(tcp(&far, libc::TCP_KEEPIDLE)?, 77);
    check_eq!(tcp(&far, libc::TCP_KEEPCNT)?, 3);
    check_eq!(tcp(&near, libc::TCP_NODELAY)?, 0);
    // O_NONBLOCK is the open file's.
    exchange(&near, &far)
}

fn tcp_shutdown_without_a_connection(_: &Case) -> Outcome {
    for family in FAMILIES {
        let fd = sys::socket(family, STREAM, 0)?;
        for how in [libc::SHUT_RD, libc::SHUT_WR, libc::SHUT_RDWR] {
            check_err!(sys::shutdown(&fd, how), ENOTCONN);
        }
        check_err!(sys::shutdown(&fd, 3), EINVAL);
        check_err!(sys::shutdown(&fd, -1), EINVAL);
    }
    Ok(())
}

fn tcp_shutdown_of_a_listener(case: &Case) -> Outcome {
    let (fd, address) = listener(V4, 1)?;
    sys::shutdown(&fd, libc::SHUT_WR)?;
    let near = client(V4, &address)?;
    exchange(&near, &sys::accept(&fd)?)?;
    // Who waits for a connection is told.
    let twin = sys::dup(&fd)?;
    let waiting = case.spawn(move || {
        check_err!(sys::accept(&twin), EINVAL);
        Ok(())
    });
    sys::shutdown(&fd, libc::SHUT_RD)?;
    waiting.join()?;
    check_err!(client(V4, &address), ECONNREFUSED);
    check_eq!(option(&fd, libc::SO_ACCEPTCONN)?, 0);
    sys::listen(&fd, 1)?;
    Ok(())
}

fn tcp_shutdown_of_reading(_: &Case) -> Outcome {
    let (near, far) = connection(V4)?;
    sys::write(&far, b"left")?;
    wait_for(&near, libc::POLLIN)?;
    sys::shutdown(&near, libc::SHUT_RD)?;
    check_eq!(sys::read(&near, &mut [0; 16])?, 4, "what is there stays there");
    check_eq!(sys::read(&near, &mut [0; 16])?, 0);
    sys::write(&near, b"on")?;
    check_eq!(sys::read(&far, &mut [0; 16])?, 2);
    Ok(())
}

fn tcp_shutdown_wakes_a_reader(case: &Case) -> Outcome {
    for how in [libc::SHUT_RD, libc::SHUT_RDWR] {
        let (near, far) = connection(V4)?;
        let twin = sys::dup(&near)?;
        let reader = case.spawn(move || {
            check_eq!(sys::read(&twin, &mut [0; 4])?, 0);
            Ok(())
        });
        sys::shutdown(&near, how)?;
        reader.join()?;
        drop(far);
    }
    Ok(())
}

fn tcp_poll_shows_each_state(_: &Case) -> Outcome {
    let shown = |fd: &_| poll_for(fd, ALL, 0);
    let fd = sys::socket(V4, STREAM, 0)?;
    check_eq!(shown(&fd)?, OUT | HUP);
    sys::bind(&fd, loopback(V4, 0).bytes())?;
    check_eq!(shown(&fd)?, OUT | HUP);
    sys::listen(&fd, 1)?;
    check_eq!(shown(&fd)?, 0);
    let near = client(V4, &name(&fd)?)?;
    check_eq!(wait_for(&fd, ALL)?, IN);
    let far = sys::accept(&fd)?;
    check_eq!(shown(&fd)?, 0);
    check_eq!(shown(&near)?, OUT);
    check_eq!(shown(&far)?, OUT);
    sys::write(&near, b"x")?;
    wait_for(&far, libc::POLLIN)?;
    check_eq!(shown(&far)?, IN | OUT);
    Ok(())
}

fn tcp_poll_shows_the_end(_: &Case) -> Outcome {
    let shown = |fd: &_| poll_for(fd, ALL, 0);
    let (near, far) = connection(V4)?;
    sys::shutdown(&near, libc::SHUT_WR)?;
    wait_for(&far, RDHUP)?;
    check_eq!(shown(&far)?, IN | OUT | RDHUP);
    check_eq!(shown(&near)?, OUT);
    sys::shutdown(&far, libc::SHUT_WR)?;
    wait_for(&near, HUP)?;
    check_eq!(shown(&near)?, IN | OUT | RDHUP | HUP);
    check_eq!(shown(&far)?, IN | OUT | RDHUP | HUP);
    let (near, far) = connection(V4)?;
    reset(near, &far)?;
    wait_for(&far, HUP)?;
    check_eq!(shown(&far)?, IN | OUT | RDHUP | HUP | libc::POLLERR);
    let (near, far) = connection(V4)?;
    sys::shutdown(&near, libc::SHUT_RD)?;
    check_eq!(shown(&near)?, IN | OUT | RDHUP);
    drop(far);
    Ok(())
}

fn tcp_ports_in_time_wait(_: &Case) -> Outcome {
    let (fd, address) = listener(V4, 1)?;
    let near = client(V4, &address)?;
    let far = sys::accept(&fd)?;
    // Who closes first waits.
    drop(far);
    check_eq!(sys::read(&near, &mut [0; 4])?, 0);
    drop(near);
    drop(fd);
    let again = sys::socket(V4, STREAM, 0)?;
    check_err!(sys::bind(&again, address.bytes()), EADDRINUSE);
    switch_on(&again, libc::SO_REUSEADDR)?;
    let other = sys::socket(V4, STREAM, 0)?;
    check_err!(sys::bind(&other, address.bytes()), EADDRINUSE);
    Ok(())
}

fn tcp_reset_by_lost_descriptor(_: &Case) -> Outcome {
    let (near, far) = connection(V4)?;
    reset(near, &far)?;
    wait_for(&far, HUP)?;
    check_err!(peer_name(&far), ENOTCONN);
    check_err!(sys::shutdown(&far, libc::SHUT_RDWR), ENOTCONN);
    Ok(())
}

fn tcp_many_wait_at_one_listener(case: &Case) -> Outcome {
    let (fd, address) = listener(V4, 16)?;
    let fd = std::sync::Arc::new(fd);
    let servers: Vec<_> = (0..4)
        .map(|_| {
            let fd = fd.clone();
            case.spawn(move || {
                for _ in 0..10 {
                    let far = sys::accept(&*fd)?;
                    sys::write(&far, b"!")?;
                }
                Ok(())
            })
        })
        .collect();
    for _ in 0..40 {
        let near = client(V4, &address)?;
        let mut byte = [0];
        check_eq!(sys::read(&near, &mut byte)?, 1);
    }
    for server in servers {
        server.join()?;
    }
    Ok(())
}
