//! Data: what one call sends arrives, and what has arrived another call receives.

use std::{
    io::{IoSlice, IoSliceMut},
    os::fd::OwnedFd,
};

use super::kinds;
use crate::{
    errno::Result,
    harness::check_eq,
    probe::{Attempt, probed, situation::Situation},
    sys::{self, Envelope, Outgoing},
};

pub(in crate::probe::proofs) const WHOLE: &[u8] = b"whole";

/// What is sent is received whole.
pub(in crate::probe::proofs) fn arrives(
    at: &Situation<'_>,
    send: impl Fn(&OwnedFd) -> Result<usize>,
) -> Attempt {
    let (one, other) = at.pair()?;
    check_eq!(probed(send(&one))?, WHOLE.len());
    let mut data = [0; 8];
    check_eq!(sys::read(&other, &mut data)?, WHOLE.len());
    check_eq!(&data[..WHOLE.len()], WHOLE);
    Ok(())
}

/// What was sent is received whole.
pub(in crate::probe::proofs) fn is_received(
    at: &Situation<'_>,
    receive: impl Fn(&OwnedFd, &mut [u8]) -> Result<usize>,
) -> Attempt {
    let (one, other) = at.pair()?;
    sys::write(&one, WHOLE)?;
    let mut data = [0; 8];
    check_eq!(probed(receive(&other, &mut data))?, WHOLE.len());
    check_eq!(&data[..WHOLE.len()], WHOLE);
    Ok(())
}

/// The payload in two parts.
pub(in crate::probe::proofs) fn parts() -> [IoSlice<'static>; 2] {
    let (one, other) = WHOLE.split_at(3);
    [IoSlice::new(one), IoSlice::new(other)]
}

/// A module for a call whose descriptor is called `sockfd`, or `fd`.
macro_rules! call {
    (sockfd $call:ident, $proof:expr) => {
        call! {
            $call, $proof;
            sockfd_af_inet_sock_stream sockfd_af_inet_sock_dgram sockfd_af_inet6_sock_stream sockfd_af_inet6_sock_dgram
        }
    };
    (fd $call:ident, $proof:expr) => {
        call! {
            $call, $proof;
            fd_af_inet_sock_stream fd_af_inet_sock_dgram fd_af_inet6_sock_stream fd_af_inet6_sock_dgram
        }
    };
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

call! { sockfd sendto, |at| arrives(at, |fd| sys::send(fd, WHOLE, 0)) }
call! { fd write, |at| arrives(at, |fd| sys::write(fd, WHOLE)) }
call! { fd writev, |at| arrives(at, |fd| sys::writev(fd, &parts())) }
call! { sockfd sendmsg, |at| arrives(at, |fd| Ok(sys::sendmsg(fd, &parts(), Envelope::default(), 0)?.bytes)) }
call! {
    sockfd sendmmsg,
    |at| arrives(at, |fd| {
        let message = Outgoing { data: WHOLE, to: None, control: None };
        let (count, lengths) = sys::sendmmsg(fd, &[message], 0)?;
        Ok(count * lengths[0] as usize)
    })
}
call! { sockfd recvfrom, |at| is_received(at, |fd, into| sys::recv(fd, into, 0)) }
call! { fd read, |at| is_received(at, |fd, into| sys::read(fd, into)) }
call! { fd readv, |at| is_received(at, |fd, into| sys::readv(fd, &mut [IoSliceMut::new(into)])) }
call! {
    sockfd recvmsg,
    |at| is_received(at, |fd, into| {
        Ok(sys::recvmsg(fd, &mut [IoSliceMut::new(into)], Envelope::default(), 0)?.bytes)
    })
}
call! {
    sockfd recvmmsg,
    |at| is_received(at, |fd, into| {
        let (count, headers) = sys::recvmmsg(fd, &mut [into], 0, None)?;
        Ok(count * headers[0].bytes)
    })
}
// A request reaches the socket.
call! {
    fd ioctl,
    |at: &Situation<'_>| {
        let (one, other) = at.pair()?;
        sys::write(&one, WHOLE)?;
        at.arrived(&other)?;
        let mut bytes = -1;
        probed(sys::ioctl(&other, libc::FIONREAD, &mut bytes))?;
        check_eq!(bytes as usize, WHOLE.len());
        Ok(())
    }
}
// A file's contents are received.
call! {
    sendfile,
    |at: &Situation<'_>| {
        let file = sys::open(&at.path("file"), libc::O_RDWR | libc::O_CREAT, 0o600)?;
        sys::write(&file, WHOLE)?;
        arrives(at, |fd| sys::sendfile(fd, &file, Some(&mut 0), WHOLE.len()))
    };
    out_fd_af_inet_sock_stream out_fd_af_inet_sock_dgram out_fd_af_inet6_sock_stream out_fd_af_inet6_sock_dgram
}
