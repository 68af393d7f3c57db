//! Names: bind(2), connect(2), getsockname(2), getpeername(2), and what the family has not.

use super::help::{address, parts, route, send_to};
use crate::{
    harness::{Case, NOBODY, Need, Outcome, Test, check, check_eq, check_err, tests},
    suite::unix::help::{DGRAM, STREAM, name, peer_name, set_option},
    sys,
};

pub(crate) const TESTS: &[Test] = tests!("netlink";
    names_begin_with_none,
    names_are_the_process_first,
    names_are_given_once,
    names_belong_to_one,
    names_carry_groups,
    names_that_are_none,
    names_come_with_sending,
    names_of_peers,
    names_of_peers_are_all_that_is_heard,
    names_are_free_when_the_socket_is_closed,
    names_of_types_and_protocols,
    names_and_calls_of_other_families,
    names_of_others_need_a_privilege needs [Need::OtherUsers],
);

fn names_begin_with_none(_: &Case) -> Outcome {
    let fd = route()?;
    check_eq!(parts(&name(&fd)?), (0, 0));
    check_eq!(parts(&peer_name(&fd)?), (0, 0));
    check_eq!(name(&fd)?.bytes().len(), 12);
    Ok(())
}

fn names_are_the_process_first(_: &Case) -> Outcome {
    let own = sys::getpid()? as u32;
    let (one, other) = (route()?, route()?);
    sys::bind(&one, address(0, 0).bytes())?;
    sys::bind(&other, address(0, 0).bytes())?;
    let (first, second) = (parts(&name(&one)?).0, parts(&name(&other)?).0);
    check!(first == own || first > i32::MAX as u32, "{first}: taken by another test, perhaps");
    check!(second != first && second > i32::MAX as u32, "{second:#x}");
    Ok(())
}

fn names_are_given_once(_: &Case) -> Outcome {
    let fd = route()?;
    sys::bind(&fd, address(0, 0).bytes())?;
    let own = parts(&name(&fd)?).0;
    for port in [0, own + 1] {
        check_err!(sys::bind(&fd, address(port, 0).bytes()), EINVAL, "{port}");
    }
    // With its own number, the groups can be changed.
    sys::bind(&fd, address(own, 1).bytes())?;
    check_eq!(parts(&name(&fd)?), (own, 1));
    Ok(())
}

fn names_belong_to_one(_: &Case) -> Outcome {
    let (one, other) = (route()?, route()?);
    sys::bind(&one, address(0, 0).bytes())?;
    let taken = name(&one)?;
    check_err!(sys::bind(&other, taken.bytes()), EADDRINUSE);
    Ok(())
}

fn names_carry_groups(_: &Case) -> Outcome {
    let fd = route()?;
    sys::bind(&fd, address(0, 0x8000_0011).bytes())?;
    check_eq!(parts(&name(&fd)?).1, 0x8000_0011);
    Ok(())
}

fn names_that_are_none(_: &Case) -> Outcome {
    let fd = route()?;
    let good = address(0, 0);
    for length in [0, 1, 2, 11] {
        check_err!(sys::bind(&fd, &good.bytes()[..length]), EINVAL, "{length}");
    }
    check_err!(sys::connect(&fd, &good.bytes()[..11]), EINVAL);
    let mut other = good.bytes().to_vec();
    other[0] = libc::AF_INET as u8;
    check_err!(sys::bind(&fd, &other), EINVAL);
    check_err!(sys::connect(&fd, &other), EINVAL);
    check_err!(sys::sendto(&fd, &[0; 16], 0, &other), EINVAL);
    check_err!(sys::sendto(&fd, &[0; 16], 0, &good.bytes()[..11]), EINVAL);
    // More is not looked at.
    sys::bind(&fd, &[good.bytes(), &[0xff; 20]].concat())?;
    Ok(())
}

fn names_come_with_sending(_: &Case) -> Outcome {
    let fd = route()?;
    sys::send(&fd, &[0; 16], 0)?;
    check!(parts(&name(&fd)?).0 != 0);
    let fd = route()?;
    sys::connect(&fd, address(0, 0).bytes())?;
    check!(parts(&name(&fd)?).0 != 0);
    Ok(())
}

fn names_of_peers(_: &Case) -> Outcome {
    let fd = route()?;
    sys::connect(&fd, address(77, 0b1100).bytes())?;
    check_eq!(parts(&peer_name(&fd)?), (77, 0b100), "the first group counts");
    sys::connect(&fd, &[0; 2])?;
    check_eq!(parts(&peer_name(&fd)?), (0, 0));
    Ok(())
}

fn names_of_peers_are_all_that_is_heard(_: &Case) -> Outcome {
    let (one, other, stranger) = (route()?, route()?, route()?);
    for fd in [&one, &other, &stranger] {
        sys::bind(fd, address(0, 0).bytes())?;
    }
    let port = |fd| name(fd).map(|name| parts(&name).0);
    sys::connect(&one, name(&other)?.bytes())?;
    check_err!(send_to(&stranger, b"unheard", port(&one)?), ECONNREFUSED);
    check_eq!(send_to(&other, b"heard", port(&one)?)?, 5);
    let mut room = [0; 16];
    check_eq!(sys::read(&one, &mut room)?, 5);
    Ok(())
}

fn names_are_free_when_the_socket_is_closed(_: &Case) -> Outcome {
    let fd = route()?;
    sys::bind(&fd, address(0, 0).bytes())?;
    let taken = name(&fd)?;
    drop(fd);
    let fd = route()?;
    sys::bind(&fd, taken.bytes())?;
    check_eq!(name(&fd)?, taken);
    Ok(())
}

fn names_of_types_and_protocols(_: &Case) -> Outcome {
    for kind in [STREAM, libc::SOCK_SEQPACKET, libc::SOCK_RDM] {
        check_err!(sys::socket(libc::AF_NETLINK, kind, 0), ESOCKTNOSUPPORT, "{kind}");
    }
    for kind in [libc::SOCK_RAW, DGRAM] {
        sys::socket(libc::AF_NETLINK, kind, libc::NETLINK_ROUTE)?;
        for protocol in [-1, 32, 1000] {
            check_err!(sys::socket(libc::AF_NETLINK, kind, protocol), EPROTONOSUPPORT, "{protocol}");
        }
    }
    check_err!(sys::socketpair(libc::AF_NETLINK, libc::SOCK_RAW, 0), EOPNOTSUPP);
    Ok(())
}

fn names_and_calls_of_other_families(_: &Case) -> Outcome {
    let fd = route()?;
    check_err!(sys::listen(&fd, 1), EOPNOTSUPP);
    check_err!(sys::accept(&fd), EOPNOTSUPP);
    check_err!(sys::shutdown(&fd, libc::SHUT_RDWR), EOPNOTSUPP);
    check_err!(set_option(&fd, libc::SO_PEERCRED, 1), ENOPROTOOPT);
    Ok(())
}

/// Without CAP_NET_ADMIN, a program speaks to the kernel alone.
fn names_of_others_need_a_privilege(case: &Case) -> Outcome {
    let far = route()?;
    sys::bind(&far, address(0, 0).bytes())?;
    let port = parts(&name(&far)?).0;
    let worker = case.spawn(move || {
        sys::set_thread_uids(NOBODY, NOBODY, NOBODY)?;
        let fd = route()?;
        check_err!(send_to(&fd, b"x", port), EPERM);
        check_err!(sys::sendto(&fd, b"x", 0, address(0, 1).bytes()), EPERM);
        check_err!(sys::connect(&fd, address(port, 0).bytes()), EPERM);
        check_err!(sys::connect(&fd, address(0, 1).bytes()), EPERM);
        sys::connect(&fd, address(0, 0).bytes())?;
        // To listen is everybody's right.
        sys::bind(&route()?, address(0, 1).bytes())?;
        Ok(())
    });
    worker.join()
}
