//! recvfrom(2)

use std::os::fd::OwnedFd;

use super::received_flags;
use crate::{
    address::Address,
    errno::Result,
    harness::{Case, check_eq, check_err},
    probe::{Attempt, probed},
    suite::unix::help::{accepted, listener},
    sys,
};

fn receive(fd: &OwnedFd, into: &mut [u8], flags: i32) -> Result<usize> {
    sys::recv(fd, into, flags)
}

/// Data comes in pieces as they are asked for, with the name of the sender.
pub(crate) fn sockfd_af_unix_sock_stream(case: &Case) -> Attempt {
    let address = case.abstract_address("a");
    let fd = listener(&address, 1)?;
    let (near, far) = accepted(&fd, &address)?;
    sys::write(&far, b"two pieces")?;
    let (mut data, mut buffer, mut length) = ([0; 4], [0; 128], 128);
    check_eq!(probed(sys::recvfrom(&near, &mut data, 0, &mut buffer, &mut length))?, 4);
    check_eq!(&data, b"two ");
    check_eq!(Address::from_filled(&buffer, length), address);
    check_eq!(probed(receive(&near, &mut [0; 16], 0))?, 6);
    check_err!(receive(&near, &mut [0; 16], libc::MSG_DONTWAIT), EAGAIN);
    Ok(())
}

pub(crate) fn flags_msg_peek(_: &Case) -> Attempt {
    received_flags::msg_peek(receive)
}

pub(crate) fn flags_msg_dontwait(_: &Case) -> Attempt {
    received_flags::msg_dontwait(receive)
}

pub(crate) fn flags_msg_waitall(case: &Case) -> Attempt {
    received_flags::msg_waitall(case, receive)
}

pub(crate) fn flags_msg_nosignal(_: &Case) -> Attempt {
    received_flags::msg_nosignal(receive)
}

pub(crate) fn flags_msg_cmsg_cloexec(_: &Case) -> Attempt {
    received_flags::msg_cmsg_cloexec(receive)
}
