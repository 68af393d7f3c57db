//! Making sockets, and giving them names (`vsock(7)`). None of it needs a transport.

use super::help::{ANY, LOCAL, SEQPACKET, STREAM, TYPES, VSOCK, address, parts};
use crate::{
    address::Address,
    harness::{Case, Need, Outcome, Test, check, check_eq, check_err, tests},
    suite::unix::help::{name, option, peer_name, ready},
    sys,
};

pub(crate) const TESTS: &[Test] = tests!("vsock";
    sockets_of_two_types,
    sockets_of_other_types,
    sockets_have_no_name_at_first,
    names_are_ports_of_a_machine,
    names_are_nobody_elses,
    names_that_are_none,
    names_below_1024_need_leave,
    names_of_this_machine needs [Need::VsockLoopback],
    requests_that_every_socket_has,
);

fn sockets_of_two_types(_: &Case) -> Outcome {
    for kind in TYPES {
        for protocol in [0, VSOCK] {
            let fd = sys::socket(VSOCK, kind, protocol)?;
            check_eq!(option(&fd, libc::SO_DOMAIN)?, VSOCK);
            check_eq!(option(&fd, libc::SO_TYPE)?, kind);
            check_eq!(option(&fd, libc::SO_ACCEPTCONN)?, 0);
            check_eq!(ready(&fd)?, libc::POLLOUT);
        }
    }
    Ok(())
}

fn sockets_of_other_types(_: &Case) -> Outcome {
    for kind in [libc::SOCK_RAW, libc::SOCK_RDM] {
        check_err!(sys::socket(VSOCK, kind, 0), ESOCKTNOSUPPORT);
    }
    for protocol in [1, VSOCK + 1] {
        check_err!(sys::socket(VSOCK, STREAM, protocol), EPROTONOSUPPORT);
    }
    check_err!(sys::socketpair(VSOCK, STREAM, 0), EOPNOTSUPP);
    Ok(())
}

fn sockets_have_no_name_at_first(_: &Case) -> Outcome {
    for kind in TYPES {
        let fd = sys::socket(VSOCK, kind, 0)?;
        check_eq!(name(&fd)?, address(ANY, ANY));
        check_err!(peer_name(&fd), ENOTCONN);
        check_err!(sys::accept(&fd), EINVAL);
        check_err!(sys::listen(&fd, 1), EINVAL);
        check_err!(sys::send(&fd, b"x", libc::MSG_NOSIGNAL), ENOTCONN);
        check_err!(sys::recv(&fd, &mut [0; 4], 0), ENOTCONN);
        check_err!(sys::shutdown(&fd, libc::SHUT_RDWR), ENOTCONN);
        check_err!(sys::sendto(&fd, b"x", 0, address(LOCAL, 9).bytes()), EOPNOTSUPP);
        check_err!(sys::send(&fd, b"x", libc::MSG_OOB), EOPNOTSUPP);
    }
    Ok(())
}

fn names_are_ports_of_a_machine(_: &Case) -> Outcome {
    for kind in TYPES {
        let fd = sys::socket(VSOCK, kind, 0)?;
        sys::bind(&fd, address(ANY, ANY).bytes())?;
        let (cid, port) = parts(&name(&fd)?);
        check_eq!(cid, ANY);
        check!(port > 1023 && port != ANY, "{port}");
        check_err!(sys::bind(&fd, address(ANY, ANY).bytes()), EINVAL);
    }
    Ok(())
}

fn names_are_nobody_elses(_: &Case) -> Outcome {
    let fd = sys::socket(VSOCK, STREAM, 0)?;
    sys::bind(&fd, address(ANY, ANY).bytes())?;
    let own = name(&fd)?;
    for kind in TYPES {
        check_err!(sys::bind(&sys::socket(VSOCK, kind, 0)?, own.bytes()), EADDRINUSE);
    }
    drop(fd);
    let again = sys::socket(VSOCK, SEQPACKET, 0)?;
    sys::bind(&again, own.bytes())?;
    check_eq!(name(&again)?, own);
    Ok(())
}

fn names_that_are_none(_: &Case) -> Outcome {
    let good = address(ANY, ANY);
    for kind in TYPES {
        let fd = sys::socket(VSOCK, kind, 0)?;
        for length in [0, 2, 8, 15] {
            check_err!(sys::bind(&fd, &good.bytes()[..length]), EINVAL, "{length}");
            check_err!(sys::connect(&fd, &good.bytes()[..length]), EINVAL, "{length}");
        }
        check_err!(sys::bind(&fd, Address::raw(libc::AF_INET as u16, good.rest()).bytes()), EINVAL);
        // There is no such machine.
        check_err!(sys::bind(&fd, address(0x1234, 5000).bytes()), EADDRNOTAVAIL);
    }
    Ok(())
}

fn names_below_1024_need_leave(_: &Case) -> Outcome {
    let fd = sys::socket(VSOCK, STREAM, 0)?;
    // Who may is root of the first user name space.
    match sys::bind(&fd, address(ANY, 1).bytes()) {
        Ok(_) => check_eq!(parts(&name(&fd)?), (ANY, 1)),
        met => check_err!(met, EACCES),
    }
    Ok(())
}

fn names_of_this_machine(_: &Case) -> Outcome {
    for kind in TYPES {
        let fd = sys::socket(VSOCK, kind, 0)?;
        // There is no such machine.
        check_err!(sys::connect(&fd, address(0x1234, 5000).bytes()), ENODEV);
        sys::bind(&fd, address(LOCAL, ANY).bytes())?;
        let (cid, port) = parts(&name(&fd)?);
        check_eq!(cid, LOCAL);
        // All machines' is this one's, too.
        check_err!(sys::bind(&sys::socket(VSOCK, kind, 0)?, address(ANY, port).bytes()), EADDRINUSE);
    }
    Ok(())
}

fn requests_that_every_socket_has(_: &Case) -> Outcome {
    let fd = sys::socket(VSOCK, STREAM, 0)?;
    let mut on = 1;
    sys::ioctl(&fd, libc::FIONBIO, &mut on)?;
    check_eq!(sys::fcntl(&fd, libc::F_GETFL, 0)? as i32 & libc::O_NONBLOCK, libc::O_NONBLOCK);
    check_err!(sys::recv(&fd, &mut [0; 4], 0), ENOTCONN);
    Ok(())
}
