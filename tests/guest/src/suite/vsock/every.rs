//! The same for both types: what every socket has, and calls that are rarely made.

use super::help::{TYPES, VSOCK, client, connection, listener};
use crate::{
    harness::{Case, Need, Outcome, Test, check_eq, check_err, tests},
    suite::{
        inet::every::{flags_by_request, flags_of_receivers, has_no_credentials},
        unix::help::{option, set_option},
    },
    sys,
};

pub(crate) const TESTS: &[Test] = tests!("vsock";
    every_type_has_settings,
    every_type_can_be_made_with_flags,
    every_type_is_accepted_with_flags needs [Need::VsockLoopback],
    every_type_has_requests needs [Need::VsockLoopback],
    every_flag_of_receivers needs [Need::VsockLoopback],
);

fn every_type_has_settings(_: &Case) -> Outcome {
    for kind in TYPES {
        let fd = sys::socket(VSOCK, kind, 0)?;
        for (name, value) in [
            (libc::SO_TYPE, kind),
            (libc::SO_DOMAIN, VSOCK),
            (libc::SO_PROTOCOL, 0),
            (libc::SO_ACCEPTCONN, 0),
            (libc::SO_ERROR, 0),
            (libc::SO_SNDLOWAT, 1),
        ] {
            check_eq!(option(&fd, name)?, value, "{name}");
        }
        for name in [
            libc::SO_REUSEADDR,
            libc::SO_KEEPALIVE,
            libc::SO_BROADCAST,
            libc::SO_DONTROUTE,
            libc::SO_RCVLOWAT,
        ] {
            set_option(&fd, name, 1)?;
            check_eq!(option(&fd, name)?, 1, "{name}");
        }
        for name in [libc::SO_SNDBUF, libc::SO_RCVBUF] {
            set_option(&fd, name, 7000)?;
            check_eq!(option(&fd, name)?, 14_000, "{name}");
        }
        let linger = [1_i32, 5].map(i32::to_ne_bytes).concat();
        sys::setsockopt(&fd, libc::SOL_SOCKET, libc::SO_LINGER, &linger)?;
        let (mut value, mut length) = ([0; 8], 8);
        sys::getsockopt(&fd, libc::SOL_SOCKET, libc::SO_LINGER, &mut value, &mut length)?;
        check_eq!(value[..], linger);
        has_no_credentials("AF_VSOCK", &fd)?;
    }
    Ok(())
}

fn every_type_can_be_made_with_flags(_: &Case) -> Outcome {
    for kind in TYPES {
        let fd = sys::socket(VSOCK, kind | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC, 0)?;
        check_eq!(sys::fcntl(&fd, libc::F_GETFD, 0)?, libc::FD_CLOEXEC as usize);
        check_eq!(sys::fcntl(&fd, libc::F_GETFL, 0)? as i32 & libc::O_NONBLOCK, libc::O_NONBLOCK);
    }
    Ok(())
}

fn every_type_is_accepted_with_flags(_: &Case) -> Outcome {
    for kind in TYPES {
        let (fd, to) = listener(kind, 1)?;
        for flags in [0, libc::SOCK_CLOEXEC, libc::SOCK_NONBLOCK] {
            let _near = client(kind, &to)?;
            let far = sys::accept4(&fd, flags)?;
            let closes = if flags == libc::SOCK_CLOEXEC { libc::FD_CLOEXEC as usize } else { 0 };
            check_eq!(sys::fcntl(&far, libc::F_GETFD, 0)?, closes);
            if flags == libc::SOCK_NONBLOCK {
                check_err!(sys::read(&far, &mut [0]), EAGAIN);
            }
        }
    }
    Ok(())
}

fn every_type_has_requests(_: &Case) -> Outcome {
    for kind in TYPES {
        let (left, _right) = connection(kind)?;
        for on in [1, 0] {
            sys::ioctl(&left, libc::FIOASYNC, &mut { on })?;
        }
        flags_by_request("AF_VSOCK", &left)?;
    }
    Ok(())
}

fn every_flag_of_receivers(_: &Case) -> Outcome {
    for kind in TYPES {
        let (left, right) = connection(kind)?;
        flags_of_receivers("AF_VSOCK", &left, &right, |call, name| match name {
            "MSG_TRUNC" => kind == libc::SOCK_SEQPACKET,
            "MSG_WAITFORONE" => call == "recvmmsg",
            "MSG_CMSG_CLOEXEC" => false,
            _ => true,
        })?;
    }
    Ok(())
}
