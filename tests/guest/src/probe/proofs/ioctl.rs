//! ioctl(2)

pub(crate) use super::{interfaces::*, internet::data::ioctl::*, netlink::data::ioctl::*, vsock::ioctl::*};
use crate::{
    harness::{check, check_eq, check_err},
    probe::{Attempt, probed, situation::Situation},
    suite::unix::help::read_full,
    sys,
};

/// A request reaches the socket.
pub(crate) fn fd_af_unix_sock_stream(at: &Situation<'_>) -> Attempt {
    let mut bytes = -1;
    probed(sys::ioctl(&at.socket()?, libc::FIONREAD, &mut bytes))?;
    check_eq!(bytes, 0);
    Ok(())
}

/// O_NONBLOCK by another way.
pub(crate) fn request_fionbio(at: &Situation<'_>) -> Attempt {
    let (left, _right) = at.pair()?;
    probed(sys::ioctl(&left, libc::FIONBIO, &mut 1))?;
    check_err!(sys::read(&left, &mut [0]), EAGAIN);
    check_eq!(sys::fcntl(&left, libc::F_GETFL, 0)? as i32 & libc::O_NONBLOCK, libc::O_NONBLOCK);
    probed(sys::ioctl(&left, libc::FIONBIO, &mut 0))?;
    check_eq!(sys::fcntl(&left, libc::F_GETFL, 0)? as i32 & libc::O_NONBLOCK, 0);
    Ok(())
}

/// O_ASYNC by another way: the owner is told of data by SIGIO.
pub(crate) fn request_fioasync(at: &Situation<'_>) -> Attempt {
    let (left, _right) = at.pair()?;
    for on in [1, 0] {
        probed(sys::ioctl(&left, libc::FIOASYNC, &mut { on }))?;
        check_eq!(sys::fcntl(&left, libc::F_GETFL, 0)? as i32 & libc::O_ASYNC != 0, on == 1);
    }
    Ok(())
}

/// How much can be read, of one message or several; nothing of a listener, which is an error.
pub(crate) fn request_fionread(at: &Situation<'_>) -> Attempt {
    if at.keeps_records() {
        return fionread_of_records(at);
    }
    let (left, right) = at.pair()?;
    let mut bytes = -1;
    let mut sum = 0;
    for length in [1, 31, 300, 5000] {
        sys::write(&left, &vec![0; length])?;
        sum += length as i32;
        probed(sys::ioctl(&right, libc::FIONREAD, &mut bytes))?;
        check_eq!(bytes, sum);
    }
    check_eq!(read_full(&right, &mut [0; 1000])?, 1000);
    drop(left);
    probed(sys::ioctl(&right, libc::FIONREAD, &mut bytes))?;
    check_eq!(bytes, sum - 1000);
    let (fd, _) = at.listener(&at.address("a"), 1)?;
    check_err!(sys::ioctl(&fd, libc::FIONREAD, &mut bytes), EINVAL);
    Ok(())
}

/// How much the peer has not read yet, with what keeps it.
pub(crate) fn request_siocoutq(at: &Situation<'_>) -> Attempt {
    let (left, right) = at.pair()?;
    let mut bytes = -1;
    probed(sys::ioctl(&left, libc::TIOCOUTQ, &mut bytes))?;
    check_eq!(bytes, 0);
    sys::write(&left, &[0; 3000])?;
    probed(sys::ioctl(&left, libc::TIOCOUTQ, &mut bytes))?;
    if at.is_internet() {
        // It may have been acknowledged at once; what is answered has been.
        check!((0..=3000).contains(&bytes), "{bytes} bytes");
        sys::write(&right, b"answer")?;
        at.arrived(&left)?;
    } else {
        // Over the loopback transport of vsock it has arrived.
        check!(bytes >= 3000 || at.is_vsock() && bytes == 0, "{bytes} bytes");
    }
    probed(sys::ioctl(&right, libc::TIOCOUTQ, &mut bytes))?;
    check!(bytes == 0 || at.is_internet(), "the other direction");
    check_eq!(read_full(&right, &mut [0; 3000])?, 3000);
    probed(sys::ioctl(&left, libc::TIOCOUTQ, &mut bytes))?;
    check_eq!(bytes, 0);
    Ok(())
}

/// FD_CLOEXEC by another way.
pub(crate) fn request_fioclex(at: &Situation<'_>) -> Attempt {
    let fd = at.socket()?;
    probed(sys::ioctl(&fd, libc::FIOCLEX, &mut 0))?;
    check_eq!(sys::fcntl(&fd, libc::F_GETFD, 0)?, libc::FD_CLOEXEC as usize);
    Ok(())
}

/// And off again.
pub(crate) fn request_fionclex(at: &Situation<'_>) -> Attempt {
    let fd = at.socket_with(libc::SOCK_CLOEXEC)?;
    check_eq!(sys::fcntl(&fd, libc::F_GETFD, 0)?, libc::FD_CLOEXEC as usize);
    probed(sys::ioctl(&fd, libc::FIONCLEX, &mut 0))?;
    check_eq!(sys::fcntl(&fd, libc::F_GETFD, 0)?, 0);
    Ok(())
}

/// Of a connection, all records; of datagrams, the next one.
fn fionread_of_records(at: &Situation<'_>) -> Attempt {
    let (left, right) = at.pair()?;
    sys::write(&left, &[0; 100])?;
    sys::write(&left, &[0; 20])?;
    let mut bytes = -1;
    probed(sys::ioctl(&right, libc::FIONREAD, &mut bytes))?;
    check_eq!(bytes, if at.has_connections() { 120 } else { 100 });
    check_eq!(sys::read(&right, &mut [0])?, 1);
    probed(sys::ioctl(&right, libc::FIONREAD, &mut bytes))?;
    check_eq!(bytes, 20);
    Ok(())
}

/// A request reaches the socket.
pub(crate) fn fd_af_unix_sock_seqpacket(at: &Situation<'_>) -> Attempt {
    fionread_of_records(at)
}

/// A request reaches the socket.
pub(crate) fn fd_af_unix_sock_dgram(at: &Situation<'_>) -> Attempt {
    fionread_of_records(at)
}
