//! recvfrom(2)

use std::os::fd::OwnedFd;

use super::received_flags;
pub(crate) use super::{
    internet::{data::recvfrom::*, datagrams::recvfrom::*},
    netlink::data::recvfrom::*,
    vsock::recvfrom::*,
};
use crate::{
    address::Address,
    errno::Result,
    harness::{check_eq, check_err},
    probe::{Attempt, probed, situation::Situation},
    suite::unix::help::{bound, sequenced},
    sys,
};

fn receive(fd: &OwnedFd, into: &mut [u8], flags: i32) -> Result<usize> {
    sys::recv(fd, into, flags)
}

/// Data comes in pieces as they are asked for, with the name of the sender.
pub(crate) fn sockfd_af_unix_sock_stream(at: &Situation<'_>) -> Attempt {
    let (fd, address) = at.listener(&at.address("a"), 1)?;
    let (near, far) = at.accepted(&fd, &address)?;
    sys::write(&far, b"two pieces")?;
    let (mut data, mut buffer, mut length) = ([0; 4], [0; 128], 128);
    check_eq!(probed(sys::recvfrom(&near, &mut data, 0, &mut buffer, &mut length))?, 4);
    check_eq!(&data, b"two ");
    check_eq!(Address::from_filled(&buffer, length), address);
    check_eq!(probed(receive(&near, &mut [0; 16], 0))?, 6);
    check_err!(receive(&near, &mut [0; 16], libc::MSG_DONTWAIT), EAGAIN);
    Ok(())
}

pub(crate) fn flags_msg_peek(at: &Situation<'_>) -> Attempt {
    received_flags::msg_peek(at, receive)
}

pub(crate) fn flags_msg_dontwait(at: &Situation<'_>) -> Attempt {
    received_flags::msg_dontwait(at, receive)
}

pub(crate) fn flags_msg_waitall(at: &Situation<'_>) -> Attempt {
    received_flags::msg_waitall(at, receive)
}

pub(crate) fn flags_msg_nosignal(at: &Situation<'_>) -> Attempt {
    received_flags::msg_nosignal(at, receive)
}

pub(crate) fn flags_msg_cmsg_cloexec(at: &Situation<'_>) -> Attempt {
    received_flags::msg_cmsg_cloexec(at, receive)
}

/// A record comes alone, with the name of the sender.
pub(crate) fn sockfd_af_unix_sock_seqpacket(at: &Situation<'_>) -> Attempt {
    let address = at.abstract_address("records");
    let [_fd, near, far] = sequenced(&address)?;
    sys::write(&far, b"first")?;
    sys::write(&far, b"second")?;
    let (mut data, mut buffer, mut length) = ([0; 16], [0; 128], 128);
    check_eq!(probed(sys::recvfrom(&near, &mut data, 0, &mut buffer, &mut length))?, 5);
    check_eq!(&data[..5], b"first");
    check_eq!(Address::from_filled(&buffer, length), address);
    Ok(())
}

/// Each datagram comes with the name of its own sender.
pub(crate) fn sockfd_af_unix_sock_dgram(at: &Situation<'_>) -> Attempt {
    let address = at.abstract_address("receiver");
    let fd = bound(&address)?;
    let names = ["one", "other"].map(|name| at.abstract_address(name));
    for name in &names {
        sys::sendto(&bound(name)?, name.rest(), 0, address.bytes())?;
    }
    for name in &names {
        let (mut data, mut buffer, mut length) = ([0; 128], [0; 128], 128);
        let count = probed(sys::recvfrom(&fd, &mut data, 0, &mut buffer, &mut length))?;
        check_eq!(&data[..count], name.rest());
        check_eq!(&Address::from_filled(&buffer, length), name);
    }
    Ok(())
}

pub(crate) fn flags_msg_trunc(at: &Situation<'_>) -> Attempt {
    received_flags::msg_trunc(at, receive)
}
