//! The calls that send and receive.

use std::{
    io::{IoSlice, IoSliceMut},
    os::fd::OwnedFd,
};

use crate::{
    errno::Result,
    harness::{check, check_eq},
    probe::{Attempt, probed, situation::Situation},
    suite::{
        netlink::{
            help::{REQUEST, Request, Talk, by_send, messages},
            options::{LEVEL, switch},
        },
        unix::control::Messages,
    },
    sys::{self, Envelope},
};

/// What is sent by the call reaches the kernel, and another program.
fn sends(at: &Situation<'_>, send: fn(&OwnedFd, &[u8]) -> Result<usize>) -> Attempt {
    let talk = Talk::over(at.socket()?, by_send);
    let bytes = Request::link(libc::RTM_GETLINK, REQUEST, 1).bytes();
    check_eq!(probed(send(&talk.fd, &bytes))?, bytes.len());
    let mut room = [0; 4096];
    let count = sys::read(&talk.fd, &mut room)?;
    check_eq!(messages(&room[..count])[0].kind, libc::RTM_NEWLINK);
    let (left, right) = at.pair()?;
    check_eq!(probed(send(&left, b"to a program"))?, 12);
    check_eq!(sys::read(&right, &mut room)?, 12);
    Ok(())
}

/// A message at a time; what does not fit is lost.
fn receives(at: &Situation<'_>, receive: fn(&OwnedFd, &mut [u8]) -> Result<usize>) -> Attempt {
    let (left, right) = at.pair()?;
    for data in [&b"message"[..], b"next"] {
        check_eq!(sys::write(&left, data)?, data.len());
    }
    let mut data = [0; 4];
    check_eq!(probed(receive(&right, &mut data))?, 4);
    check_eq!(&data, b"mess");
    check_eq!(probed(receive(&right, &mut data))?, 4);
    check_eq!(&data, b"next");
    let talk = Talk::over(at.socket()?, by_send);
    talk.send(&Request::link(libc::RTM_GETLINK, REQUEST, 1))?;
    let mut room = [0; 4096];
    check!(probed(receive(&talk.fd, &mut room))? > 100);
    Ok(())
}

macro_rules! of_both_types {
    ($call:ident $prove:ident $by:expr; $raw:ident $dgram:ident) => {
        pub(crate) mod $call {
            use super::*;

            pub(crate) fn $raw(at: &Situation<'_>) -> Attempt {
                $prove(at, $by)
            }

            pub(crate) fn $dgram(at: &Situation<'_>) -> Attempt {
                $prove(at, $by)
            }
        }
    };
}

of_both_types! { sendto sends |fd, data| sys::send(fd, data, 0); sockfd_af_netlink_sock_raw sockfd_af_netlink_sock_dgram }
of_both_types! { sendmsg sends |fd, data| Ok(sys::sendmsg(fd, &[IoSlice::new(data)], Envelope::default(), 0)?.bytes); sockfd_af_netlink_sock_raw sockfd_af_netlink_sock_dgram }
of_both_types! { sendmmsg sends |fd, data| sys::sendmmsg(fd, &[sys::Outgoing { data, ..Default::default() }], 0).map(|(_, lengths)| lengths[0] as usize); sockfd_af_netlink_sock_raw sockfd_af_netlink_sock_dgram }
of_both_types! { recvmmsg receives |fd, room| sys::recvmmsg(fd, &mut [room], 0, None).map(|(_, headers)| headers[0].bytes); sockfd_af_netlink_sock_raw sockfd_af_netlink_sock_dgram }
of_both_types! { write sends |fd, data| sys::write(fd, data); fd_af_netlink_sock_raw fd_af_netlink_sock_dgram }
of_both_types! { writev sends |fd, data| sys::writev(fd, &data.chunks(5).map(IoSlice::new).collect::<Vec<_>>()); fd_af_netlink_sock_raw fd_af_netlink_sock_dgram }
of_both_types! { recvfrom receives |fd, room| sys::recv(fd, room, 0); sockfd_af_netlink_sock_raw sockfd_af_netlink_sock_dgram }
of_both_types! { read receives |fd, room| sys::read(fd, room); fd_af_netlink_sock_raw fd_af_netlink_sock_dgram }
of_both_types! { readv receives |fd, room| sys::readv(fd, &mut room.chunks_mut(room.len().div_ceil(2)).map(IoSliceMut::new).collect::<Vec<_>>()); fd_af_netlink_sock_raw fd_af_netlink_sock_dgram }

of_both_types! { recvmsg receives |fd, room| Ok(sys::recvmsg(fd, &mut [IoSliceMut::new(room)], Envelope::default(), 0)?.bytes); sockfd_af_netlink_sock_raw sockfd_af_netlink_sock_dgram }

fn tells_of_the_group(at: &Situation<'_>, receive: fn(&OwnedFd) -> Result<Messages>) -> Attempt {
    let (left, right) = at.pair()?;
    switch(&right, libc::NETLINK_PKTINFO, 1)?;
    sys::write(&left, b"x")?;
    check_eq!(probed(receive(&right))?, [(LEVEL, libc::NETLINK_PKTINFO, vec![0; 4])]);
    Ok(())
}

/// Who has asked is told to which group a message went.
pub(crate) mod told {
    pub(crate) mod recvmsg {
        use super::super::{Attempt, Situation, tells_of_the_group};
        use crate::suite::inet::told::by_recvmsg;

        pub(crate) fn msg_msg_control_cmsg_type_netlink_pktinfo(at: &Situation<'_>) -> Attempt {
            tells_of_the_group(at, by_recvmsg)
        }

        pub(crate) fn msg_msg_control_cmsg_level_sol_netlink(at: &Situation<'_>) -> Attempt {
            tells_of_the_group(at, by_recvmsg)
        }
    }

    pub(crate) mod recvmmsg {
        use super::super::{Attempt, Situation, tells_of_the_group};
        use crate::suite::inet::told::by_recvmmsg;

        pub(crate) fn msgvec_msg_hdr_msg_control_cmsg_type_netlink_pktinfo(at: &Situation<'_>) -> Attempt {
            tells_of_the_group(at, by_recvmmsg)
        }

        pub(crate) fn msgvec_msg_hdr_msg_control_cmsg_level_sol_netlink(at: &Situation<'_>) -> Attempt {
            tells_of_the_group(at, by_recvmmsg)
        }
    }
}

pub(crate) mod ioctl {
    use super::*;

    /// A request about interfaces reaches them.
    fn asks(at: &Situation<'_>) -> Attempt {
        let fd = at.socket()?;
        check_eq!(probed(crate::suite::inet::interfaces::number(&fd, libc::SIOCGIFINDEX, "lo"))?, 1);
        Ok(())
    }

    pub(crate) fn fd_af_netlink_sock_raw(at: &Situation<'_>) -> Attempt {
        asks(at)
    }

    pub(crate) fn fd_af_netlink_sock_dgram(at: &Situation<'_>) -> Attempt {
        asks(at)
    }
}
