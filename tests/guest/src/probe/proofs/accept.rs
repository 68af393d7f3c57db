//! accept(2)

pub(crate) use super::{internet::names::accept::*, vsock::accept::*};
use crate::{
    address::Address,
    harness::check_eq,
    probe::{Attempt, probed, situation::Situation},
    suite::unix::help::{exchange, option, record},
    sys,
};

/// The accepted socket is connected to the client, whose name is reported.
pub(crate) fn sockfd_af_unix_sock_stream(at: &Situation<'_>) -> Attempt {
    let (fd, address) = at.listener(&at.address("server"), 1)?;
    let own = at.address("client");
    let near = at.socket()?;
    sys::bind(&near, own.bytes())?;
    sys::connect(&near, address.bytes())?;
    let (mut buffer, mut length) = ([0; 128], 128);
    let far = probed(sys::accept_from(&fd, &mut buffer, &mut length))?;
    check_eq!(Address::from_filled(&buffer, length), own);
    check_eq!(sys::fcntl(&far, libc::F_GETFL, 0)? as i32, libc::O_RDWR);
    Ok(exchange(&near, &far)?)
}

/// The accepted socket has the listener's type, and keeps records apart.
pub(crate) fn sockfd_af_unix_sock_seqpacket(at: &Situation<'_>) -> Attempt {
    let fd = sys::socket(libc::AF_UNIX, libc::SOCK_SEQPACKET, 0)?;
    let address = at.abstract_address("server");
    sys::bind(&fd, address.bytes())?;
    sys::listen(&fd, 1)?;
    let near = sys::socket(libc::AF_UNIX, libc::SOCK_SEQPACKET, 0)?;
    sys::connect(&near, address.bytes())?;
    let far = probed(sys::accept(&fd))?;
    check_eq!(option(&far, libc::SO_TYPE)?, libc::SOCK_SEQPACKET);
    sys::write(&near, b"one")?;
    sys::write(&near, b"two")?;
    check_eq!(record(&far)?, b"one");
    Ok(())
}
