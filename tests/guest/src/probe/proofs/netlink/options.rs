//! Options of SOL_NETLINK: what each of them does.

use std::os::fd::OwnedFd;

use crate::{
    errno::Errno,
    harness::{check, check_eq, check_err},
    probe::{Attempt, probed, situation::Situation},
    suite::{
        inet::options::{get, set},
        netlink::{
            help::{ACK, Message, Pair, Request, Talk, by_send, listener, new_address, receive, word},
            options::{LEVEL, memberships, switch},
        },
        unix::{
            control,
            help::{option, set_option},
        },
    },
    sys,
};

/// The option is shown as it was set.
fn is_kept(at: &Situation<'_>, name: i32) -> Attempt {
    let fd = at.socket()?;
    check_eq!(probed(get(&fd, LEVEL, name))?, 0);
    probed(set(&fd, LEVEL, name, 1))?;
    check_eq!(probed(get(&fd, LEVEL, name))?, 1);
    Ok(())
}

/// The acknowledgement of something that cannot be done.
fn refusal(fd: &OwnedFd) -> Result<Message, Errno> {
    sys::send(fd, &new_address(9999, [192, 0, 2, 1], 24).bytes(), 0)?;
    Ok(receive(fd, 0)?.remove(0))
}

/// Messages that are lost, to a socket that has no room for them: its error.
fn deaf(at: &Situation<'_>, fd: &OwnedFd) -> Result<i32, Errno> {
    set_option(fd, libc::SO_RCVBUF, 4000)?;
    sys::bind(fd, crate::suite::netlink::help::address(0, 1).bytes())?;
    let pair = Pair::over(Talk::over(at.socket()?, by_send))?;
    for number in 0..60_u32 {
        let mtu = (1300 + number % 2).to_ne_bytes();
        pair.talk.make(&Request::link(libc::RTM_SETLINK, ACK, pair.index).with(libc::IFLA_MTU, &mtu))?;
    }
    option(fd, libc::SO_ERROR)
}

/// SO_ERROR: messages were lost.
pub(crate) fn error(at: &Situation<'_>) -> Attempt {
    let fd = at.socket()?;
    check_eq!(probed(deaf(at, &fd))?, libc::ENOBUFS);
    check_eq!(probed(option(&fd, libc::SO_ERROR))?, 0);
    Ok(())
}

/// SO_SNDBUF: no message is larger.
pub(crate) fn bounds_messages(at: &Situation<'_>) -> Attempt {
    for size in [4000, 20_000] {
        let (left, right) = at.pair()?;
        probed(set_option(&left, libc::SO_SNDBUF, size))?;
        let room = option(&left, libc::SO_SNDBUF)? as usize;
        check_eq!(room, size as usize * 2);
        check_eq!(sys::send(&left, &vec![0; room - 32], 0)?, room - 32);
        check_err!(sys::send(&left, &vec![0; room - 31], 0), EMSGSIZE);
        check_eq!(sys::read(&right, &mut [0; 1])?, 1);
    }
    Ok(())
}

macro_rules! kept {
    ($($name:ident $option:ident)*) => {
        pub(crate) mod getsockopt {
            use super::*;

            $(
                pub(crate) fn $name(at: &Situation<'_>) -> Attempt {
                    is_kept(at, libc::$option)
                }
            )*

            pub(crate) fn level_sol_netlink(at: &Situation<'_>) -> Attempt {
                is_kept(at, libc::NETLINK_EXT_ACK)
            }

            fn tells(at: &Situation<'_>) -> Attempt {
                check_eq!(probed(option(&at.socket()?, libc::SO_TYPE))?, at.kind());
                Ok(())
            }

            pub(crate) fn sockfd_af_netlink_sock_raw(at: &Situation<'_>) -> Attempt {
                tells(at)
            }

            pub(crate) fn sockfd_af_netlink_sock_dgram(at: &Situation<'_>) -> Attempt {
                tells(at)
            }

            pub(crate) fn optname_netlink_list_memberships(at: &Situation<'_>) -> Attempt {
                let fd = at.socket()?;
                set(&fd, LEVEL, libc::NETLINK_ADD_MEMBERSHIP, 9)?;
                check_eq!(probed(memberships(&fd, 4))?.0, [1 << 8]);
                Ok(())
            }
        }
    };
}

kept! {
    optname_netlink_pktinfo NETLINK_PKTINFO
    optname_netlink_broadcast_error NETLINK_BROADCAST_ERROR
    optname_netlink_no_enobufs NETLINK_NO_ENOBUFS
    optname_netlink_listen_all_nsid NETLINK_LISTEN_ALL_NSID
    optname_netlink_cap_ack NETLINK_CAP_ACK
    optname_netlink_ext_ack NETLINK_EXT_ACK
    optname_netlink_get_strict_chk NETLINK_GET_STRICT_CHK
}

pub(crate) mod setsockopt {
    use super::*;

    fn sets(at: &Situation<'_>) -> Attempt {
        let fd = at.socket()?;
        probed(set_option(&fd, libc::SO_RCVBUF, 5000))?;
        check_eq!(option(&fd, libc::SO_RCVBUF)?, 10_000);
        Ok(())
    }

    pub(crate) fn sockfd_af_netlink_sock_raw(at: &Situation<'_>) -> Attempt {
        sets(at)
    }

    pub(crate) fn sockfd_af_netlink_sock_dgram(at: &Situation<'_>) -> Attempt {
        sets(at)
    }

    pub(crate) fn level_sol_netlink(at: &Situation<'_>) -> Attempt {
        is_kept(at, libc::NETLINK_CAP_ACK)
    }

    /// Messages come with their group.
    pub(crate) fn optname_netlink_pktinfo(at: &Situation<'_>) -> Attempt {
        let (left, right) = at.pair()?;
        for on in [1, 0] {
            probed(switch(&right, libc::NETLINK_PKTINFO, on))?;
            sys::write(&left, b"x")?;
            check_eq!(control::receive_with(&right, 8, 64, 0)?.messages.len(), on as usize);
        }
        Ok(())
    }

    /// It is about what the kernel sends: a program is not told that a member of the group had no room.
    pub(crate) fn optname_netlink_broadcast_error(at: &Situation<'_>) -> Attempt {
        const GROUP: i32 = 20;
        let (sender, (receiver, _)) = (at.socket()?, at.bound(&at.address("receiver"))?);
        set_option(&receiver, libc::SO_RCVBUF, 3000)?;
        set(&receiver, LEVEL, libc::NETLINK_ADD_MEMBERSHIP, GROUP)?;
        let to = crate::suite::netlink::help::address(0, 1 << (GROUP - 1));
        for on in [0, 1] {
            probed(switch(&receiver, libc::NETLINK_BROADCAST_ERROR, on))?;
            for _ in 0..50 {
                check_eq!(sys::sendto(&sender, &[0; 500], 0, to.bytes())?, 500);
            }
            check_eq!(option(&receiver, libc::SO_ERROR)?, if on == 0 { libc::ENOBUFS } else { 0 });
        }
        Ok(())
    }

    /// That messages were lost is not told.
    pub(crate) fn optname_netlink_no_enobufs(at: &Situation<'_>) -> Attempt {
        for (on, error) in [(0, libc::ENOBUFS), (1, 0)] {
            let fd = at.socket()?;
            probed(switch(&fd, libc::NETLINK_NO_ENOBUFS, on))?;
            check_eq!(deaf(at, &fd)?, error);
        }
        Ok(())
    }

    /// With one network name space there is nothing more to hear.
    pub(crate) fn optname_netlink_listen_all_nsid(at: &Situation<'_>) -> Attempt {
        let fd = listener(&[1])?;
        probed(switch(&fd, libc::NETLINK_LISTEN_ALL_NSID, 1))?;
        let _pair = Pair::over(Talk::over(at.socket()?, by_send))?;
        check_eq!(receive(&fd, 0)?[0].kind, libc::RTM_NEWLINK);
        Ok(())
    }

    /// The message is not repeated.
    pub(crate) fn optname_netlink_cap_ack(at: &Situation<'_>) -> Attempt {
        let fd = at.socket()?;
        let before = refusal(&fd)?.body.len();
        probed(switch(&fd, libc::NETLINK_CAP_ACK, 1))?;
        check!(refusal(&fd)?.body.len() == 20 && before > 20);
        Ok(())
    }

    /// The reason is told.
    pub(crate) fn optname_netlink_ext_ack(at: &Situation<'_>) -> Attempt {
        let fd = at.socket()?;
        let before = refusal(&fd)?;
        probed(switch(&fd, libc::NETLINK_EXT_ACK, 1))?;
        let after = refusal(&fd)?;
        check_eq!((before.flags, after.flags), (0, libc::NLM_F_ACK_TLVS as u16));
        check!(after.body.windows(16).any(|it| it == b"Device not found"));
        Ok(())
    }

    /// What is asked for is checked.
    pub(crate) fn optname_netlink_get_strict_chk(at: &Situation<'_>) -> Attempt {
        let fd = at.socket()?;
        let odd = Request::address(libc::RTM_GETADDR, crate::suite::netlink::help::DUMP, 0, 9, 0);
        sys::send(&fd, &odd.bytes(), 0)?;
        check_eq!(receive(&fd, 0)?[0].kind, libc::RTM_NEWADDR);
        let fd = at.socket()?;
        probed(switch(&fd, libc::NETLINK_GET_STRICT_CHK, 1))?;
        sys::send(&fd, &odd.bytes(), 0)?;
        check_eq!(word(&receive(&fd, 0)?[0].body) as i32, -libc::EINVAL);
        Ok(())
    }

    fn hears(at: &Situation<'_>, option: i32, heard: bool) -> Attempt {
        // The kernel is not heard by those who have no number, as on Linux.
        let (fd, _) = at.bound(&at.address("listener"))?;
        if option == libc::NETLINK_DROP_MEMBERSHIP {
            set(&fd, LEVEL, libc::NETLINK_ADD_MEMBERSHIP, 1)?;
        }
        probed(set(&fd, LEVEL, option, 1))?;
        let _pair = Pair::over(Talk::over(at.socket()?, by_send))?;
        check_eq!(receive(&fd, libc::MSG_DONTWAIT).is_ok(), heard);
        Ok(())
    }

    pub(crate) fn optname_netlink_add_membership(at: &Situation<'_>) -> Attempt {
        hears(at, libc::NETLINK_ADD_MEMBERSHIP, true)
    }

    pub(crate) fn optname_netlink_drop_membership(at: &Situation<'_>) -> Attempt {
        hears(at, libc::NETLINK_DROP_MEMBERSHIP, false)
    }
}
