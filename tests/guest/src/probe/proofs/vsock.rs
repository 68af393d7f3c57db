//! Proofs on sockets of AF_VSOCK: a module for each call.

use std::io::IoSliceMut;

use super::internet::{
    data::{WHOLE, arrives, is_received, parts as parts_of},
    kinds,
};
use crate::{
    harness::{check, check_eq, check_err},
    probe::{Attempt, probed, situation::Situation},
    suite::{
        unix::help::{name, option, peer_name},
        vsock::{
            help::{VSOCK, address, parts},
            options::{BUFFER_MAX, BUFFER_MIN, BUFFER_SIZE, TIMEOUT_NEW, TIMEOUT_OLD, get, set},
        },
    },
    sys::{self, Envelope, Outgoing},
};

/// A module whose functions all are one proof.
macro_rules! call {
    ($call:ident, $proof:expr; $($name:ident)*) => {
        pub(crate) mod $call {
            use super::*;

            fn proof(at: &Situation<'_>) -> Attempt {
                $proof(at)
            }

            kinds! { proof; $($name)* }
        }
    };
}

call! {
    socket,
    |at: &Situation<'_>| {
        for protocol in [0, VSOCK] {
            let fd = probed(sys::socket(VSOCK, at.kind(), protocol))?;
            check_eq!(option(&fd, libc::SO_DOMAIN)?, VSOCK);
            check_eq!(option(&fd, libc::SO_TYPE)?, at.kind());
            at.works(&fd)?;
        }
        Ok(())
    };
    family_af_vsock protocol_40
}

call! {
    bind,
    |at: &Situation<'_>| {
        let fd = at.socket()?;
        probed(sys::bind(&fd, at.address("a").bytes()))?;
        let own = name(&fd)?;
        check!(parts(&own).1 > 1023, "a port that everybody may have");
        check_err!(sys::bind(&at.socket()?, own.bytes()), EADDRINUSE);
        Ok(())
    };
    sockfd_af_vsock_sock_stream sockfd_af_vsock_sock_seqpacket addr_svm_family_af_vsock
}

call! {
    connect,
    |at: &Situation<'_>| {
        let (listening, address) = at.listener(&at.address("a"), 1)?;
        let near = at.socket()?;
        probed(sys::connect(&near, address.bytes()))?;
        check_eq!(peer_name(&near)?, address);
        let far = sys::accept(&listening)?;
        Ok(crate::suite::unix::help::exchange(&near, &far)?)
    };
    sockfd_af_vsock_sock_stream sockfd_af_vsock_sock_seqpacket addr_svm_family_af_vsock
}

call! {
    getsockname,
    |at: &Situation<'_>| {
        let fd = at.socket()?;
        check_eq!(probed(name(&fd))?, address(u32::MAX, u32::MAX));
        sys::bind(&fd, at.address("a").bytes())?;
        check!(parts(&probed(name(&fd))?).1 != u32::MAX);
        Ok(())
    };
    sockfd_af_vsock_sock_stream sockfd_af_vsock_sock_seqpacket
}

call! {
    getpeername,
    |at: &Situation<'_>| {
        let (listening, address) = at.listener(&at.address("a"), 1)?;
        let (near, far) = at.accepted(&listening, &address)?;
        check_eq!(probed(peer_name(&near))?, address);
        check_eq!(parts(&probed(peer_name(&far))?).1, parts(&name(&near)?).1);
        Ok(())
    };
    sockfd_af_vsock_sock_stream sockfd_af_vsock_sock_seqpacket
}

call! {
    listen,
    |at: &Situation<'_>| {
        let (fd, address) = at.bound(&at.address("a"))?;
        probed(sys::listen(&fd, 1))?;
        Ok(at.receives(&fd, &address)?)
    };
    sockfd_af_vsock_sock_stream sockfd_af_vsock_sock_seqpacket
}

call! {
    accept,
    |at: &Situation<'_>| {
        let (listening, address) = at.listener(&at.address("a"), 1)?;
        let near = at.client(&address)?;
        let far = probed(sys::accept(&listening))?;
        Ok(crate::suite::unix::help::exchange(&near, &far)?)
    };
    sockfd_af_vsock_sock_stream sockfd_af_vsock_sock_seqpacket
}

call! {
    accept4,
    |at: &Situation<'_>| {
        let (listening, address) = at.listener(&at.address("a"), 1)?;
        let near = at.client(&address)?;
        let far = probed(sys::accept4(&listening, libc::SOCK_NONBLOCK))?;
        check_err!(sys::read(&far, &mut [0; 4]), EAGAIN);
        Ok(crate::suite::unix::help::exchange(&near, &far)?)
    };
    sockfd_af_vsock_sock_stream sockfd_af_vsock_sock_seqpacket
}

call! {
    sendto, |at| arrives(at, |fd| sys::send(fd, WHOLE, 0));
    sockfd_af_vsock_sock_stream sockfd_af_vsock_sock_seqpacket
}
call! {
    sendmsg, |at| arrives(at, |fd| Ok(sys::sendmsg(fd, &parts_of(), Envelope::default(), 0)?.bytes));
    sockfd_af_vsock_sock_stream sockfd_af_vsock_sock_seqpacket
}
call! {
    sendmmsg,
    |at| arrives(at, |fd| {
        let (count, lengths) = sys::sendmmsg(fd, &[Outgoing { data: WHOLE, to: None, control: None }], 0)?;
        Ok(count * lengths[0] as usize)
    });
    sockfd_af_vsock_sock_stream sockfd_af_vsock_sock_seqpacket
}
call! {
    recvfrom, |at| is_received(at, |fd, into| sys::recv(fd, into, 0));
    sockfd_af_vsock_sock_stream sockfd_af_vsock_sock_seqpacket
}
call! {
    recvmsg,
    |at| is_received(at, |fd, into| {
        Ok(sys::recvmsg(fd, &mut [IoSliceMut::new(into)], Envelope::default(), 0)?.bytes)
    });
    sockfd_af_vsock_sock_stream sockfd_af_vsock_sock_seqpacket
}
call! {
    recvmmsg,
    |at| is_received(at, |fd, into| {
        let (count, headers) = sys::recvmmsg(fd, &mut [into], 0, None)?;
        Ok(count * headers[0].bytes)
    });
    sockfd_af_vsock_sock_stream sockfd_af_vsock_sock_seqpacket
}
call! {
    read, |at| is_received(at, |fd, into| sys::read(fd, into));
    fd_af_vsock_sock_stream fd_af_vsock_sock_seqpacket
}
call! {
    readv, |at| is_received(at, |fd, into| sys::readv(fd, &mut [IoSliceMut::new(into)]));
    fd_af_vsock_sock_stream fd_af_vsock_sock_seqpacket
}
call! {
    write, |at| arrives(at, |fd| sys::write(fd, WHOLE));
    fd_af_vsock_sock_stream fd_af_vsock_sock_seqpacket
}
call! {
    writev, |at| arrives(at, |fd| sys::writev(fd, &parts_of()));
    fd_af_vsock_sock_stream fd_af_vsock_sock_seqpacket
}
call! {
    sendfile,
    |at: &Situation<'_>| {
        let file = sys::open(&at.path("file"), libc::O_RDWR | libc::O_CREAT, 0o600)?;
        sys::write(&file, WHOLE)?;
        arrives(at, |fd| sys::sendfile(fd, &file, Some(&mut 0), WHOLE.len()))
    };
    out_fd_af_vsock_sock_stream out_fd_af_vsock_sock_seqpacket
}
call! {
    ioctl,
    |at: &Situation<'_>| {
        let (one, other) = at.pair()?;
        sys::write(&one, WHOLE)?;
        let mut bytes = -1;
        probed(sys::ioctl(&other, libc::FIONREAD, &mut bytes))?;
        check_eq!(bytes as usize, WHOLE.len());
        Ok(())
    };
    fd_af_vsock_sock_stream fd_af_vsock_sock_seqpacket
}
call! {
    shutdown,
    |at: &Situation<'_>| {
        let (one, other) = at.pair()?;
        probed(sys::shutdown(&one, libc::SHUT_WR))?;
        check_eq!(sys::read(&other, &mut [0; 4])?, 0);
        check_err!(sys::send(&one, b"x", libc::MSG_NOSIGNAL), EPIPE);
        Ok(())
    };
    sockfd_af_vsock_sock_stream sockfd_af_vsock_sock_seqpacket
}

pub(crate) mod getsockopt {
    use super::*;

    fn asked(at: &Situation<'_>, option: i32, usual: u64, other: u64) -> Attempt {
        let fd = at.socket()?;
        check_eq!(probed(get(&fd, option))?, usual);
        set(&fd, option, other)?;
        check_eq!(probed(get(&fd, option))?, other);
        Ok(())
    }

    pub(crate) fn optname_so_vm_sockets_buffer_size(at: &Situation<'_>) -> Attempt {
        asked(at, BUFFER_SIZE, 262_144, 5000)
    }

    pub(crate) fn optname_so_vm_sockets_buffer_min_size(at: &Situation<'_>) -> Attempt {
        asked(at, BUFFER_MIN, 128, 1000)
    }

    pub(crate) fn optname_so_vm_sockets_buffer_max_size(at: &Situation<'_>) -> Attempt {
        asked(at, BUFFER_MAX, 262_144, 500_000)
    }

    /// Seconds come first.
    fn asked_time(at: &Situation<'_>, option: i32) -> Attempt {
        let fd = at.socket()?;
        let (mut time, mut length) = ([0; 16], 16);
        probed(sys::getsockopt(&fd, VSOCK, option, &mut time, &mut length))?;
        check_eq!(u64::from_ne_bytes(time[..8].try_into().expect("eight bytes")), 2);
        Ok(())
    }

    kinds! {
        sizes; sockfd_af_vsock_sock_stream sockfd_af_vsock_sock_seqpacket level_af_vsock
    }

    fn sizes(at: &Situation<'_>) -> Attempt {
        asked(at, BUFFER_SIZE, 262_144, 6000)
    }

    pub(crate) fn optname_so_vm_sockets_connect_timeout_old(at: &Situation<'_>) -> Attempt {
        asked_time(at, TIMEOUT_OLD)
    }

    pub(crate) fn optname_so_vm_sockets_connect_timeout_new(at: &Situation<'_>) -> Attempt {
        asked_time(at, TIMEOUT_NEW)
    }
}

pub(crate) mod setsockopt {
    use super::*;

    /// A peer sends as much as is taken, and no more.
    fn bounds_the_peer(at: &Situation<'_>) -> Attempt {
        let (one, other) = at.pair()?;
        probed(set(&other, BUFFER_SIZE, 1000))?;
        sys::write(&one, &[0; 1000])?;
        check_err!(sys::send(&one, b"x", libc::MSG_DONTWAIT), EAGAIN);
        check_eq!(sys::read(&other, &mut [0; 2000])?, 1000);
        sys::write(&one, b"x")?;
        Ok(())
    }

    kinds! {
        bounds_the_peer;
        sockfd_af_vsock_sock_stream sockfd_af_vsock_sock_seqpacket level_af_vsock optname_so_vm_sockets_buffer_size
    }

    /// What is asked for is kept within the limits.
    fn limits(at: &Situation<'_>, option: i32, limit: u64, asked: u64) -> Attempt {
        let fd = at.socket()?;
        probed(set(&fd, option, limit))?;
        set(&fd, BUFFER_SIZE, asked)?;
        check_eq!(get(&fd, BUFFER_SIZE)?, limit);
        at.works(&fd)?;
        Ok(())
    }

    pub(crate) fn optname_so_vm_sockets_buffer_min_size(at: &Situation<'_>) -> Attempt {
        limits(at, BUFFER_MIN, 2000, 1000)
    }

    pub(crate) fn optname_so_vm_sockets_buffer_max_size(at: &Situation<'_>) -> Attempt {
        limits(at, BUFFER_MAX, 2000, 3000)
    }

    fn sets_time(at: &Situation<'_>, option: i32) -> Attempt {
        let fd = at.socket()?;
        let time = [7_u64.to_ne_bytes(), 5000_u64.to_ne_bytes()].concat();
        probed(sys::setsockopt(&fd, VSOCK, option, &time))?;
        let (mut shown, mut length) = ([0; 16], 16);
        sys::getsockopt(&fd, VSOCK, option, &mut shown, &mut length)?;
        check_eq!(shown[..], time);
        at.works(&fd)?;
        Ok(())
    }

    pub(crate) fn optname_so_vm_sockets_connect_timeout_old(at: &Situation<'_>) -> Attempt {
        sets_time(at, TIMEOUT_OLD)
    }

    pub(crate) fn optname_so_vm_sockets_connect_timeout_new(at: &Situation<'_>) -> Attempt {
        sets_time(at, TIMEOUT_NEW)
    }
}
