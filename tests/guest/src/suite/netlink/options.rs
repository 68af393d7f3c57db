//! Options of the level SOL_NETLINK, and what comes with messages.

use std::os::fd::OwnedFd;

use super::help::{ACK, REQUEST, Request, Talk, address, attributes, parts, receive, route, send_to, word};
use crate::{
    errno::Result,
    harness::{Case, NOBODY, Need, Outcome, Test, check, check_eq, check_err, tests},
    suite::{
        inet::options::{get, set},
        unix::{
            control,
            help::{name, set_option},
        },
    },
    sys::{self, Descriptor},
};

pub(crate) const TESTS: &[Test] = tests!("netlink";
    options_are_off_and_can_be_switched,
    options_of_membership,
    options_of_membership_are_listed,
    options_that_do_not_exist,
    options_of_acknowledgement,
    options_tell_of_the_group,
    options_tell_of_the_sender,
    options_need_a_privilege needs [Need::OtherUsers],
);

/// `SOL_NETLINK`
pub(crate) const LEVEL: i32 = libc::SOL_NETLINK;

/// All that can be switched on and off.
pub(crate) const SWITCHES: [i32; 7] = [
    libc::NETLINK_PKTINFO,
    libc::NETLINK_BROADCAST_ERROR,
    libc::NETLINK_NO_ENOBUFS,
    libc::NETLINK_LISTEN_ALL_NSID,
    libc::NETLINK_CAP_ACK,
    libc::NETLINK_EXT_ACK,
    libc::NETLINK_GET_STRICT_CHK,
];

/// Switches an option.
#[track_caller]
pub(crate) fn switch(fd: &impl Descriptor, option: i32, on: i32) -> Result<()> {
    set(fd, LEVEL, option, on).map(drop)
}

/// The groups that a socket listens to, a bit for each, and how many bytes they take.
#[track_caller]
pub(crate) fn memberships(fd: &impl Descriptor, room: usize) -> Result<(Vec<u32>, i32)> {
    let (mut bytes, mut length) = (vec![0xa5; room.max(1)], room as i32);
    sys::getsockopt(fd, LEVEL, libc::NETLINK_LIST_MEMBERSHIPS, &mut bytes, &mut length)?;
    Ok((bytes.chunks_exact(4).map(word).collect(), length))
}

fn options_are_off_and_can_be_switched(_: &Case) -> Outcome {
    let fd = route()?;
    for option in SWITCHES {
        check_eq!(get(&fd, LEVEL, option)?, 0, "{option}");
        for (value, shown) in [(1, 1), (0, 0), (77, 1), (-1, 1), (0, 0)] {
            switch(&fd, option, value)?;
            check_eq!(get(&fd, LEVEL, option)?, shown, "{option}");
        }
        // They have an int.
        check_err!(sys::getsockopt(&fd, LEVEL, option, &mut [0; 4], &mut 3), EINVAL);
        let mut length = 8;
        sys::getsockopt(&fd, LEVEL, option, &mut [0; 8], &mut length)?;
        check_eq!(length, 4);
    }
    Ok(())
}

fn options_of_membership(_: &Case) -> Outcome {
    let fd = route()?;
    for group in [1, 5, 32, 39] {
        set(&fd, LEVEL, libc::NETLINK_ADD_MEMBERSHIP, group)?;
    }
    check_eq!(parts(&name(&fd)?), (0, 0x8000_0011), "nobody gets a number by listening");
    set(&fd, LEVEL, libc::NETLINK_DROP_MEMBERSHIP, 5)?;
    set(&fd, LEVEL, libc::NETLINK_DROP_MEMBERSHIP, 5)?;
    check_eq!(parts(&name(&fd)?).1, 0x8000_0001);
    for group in [0, -1, 1000] {
        check_err!(set(&fd, LEVEL, libc::NETLINK_ADD_MEMBERSHIP, group), EINVAL, "{group}");
        check_err!(set(&fd, LEVEL, libc::NETLINK_DROP_MEMBERSHIP, group), EINVAL, "{group}");
    }
    // A name changes those that it can speak of.
    sys::bind(&fd, address(0, 2).bytes())?;
    check_eq!(memberships(&fd, 8)?.0, [2, 0x40]);
    Ok(())
}

fn options_of_membership_are_listed(_: &Case) -> Outcome {
    let fd = route()?;
    set(&fd, LEVEL, libc::NETLINK_ADD_MEMBERSHIP, 1)?;
    set(&fd, LEVEL, libc::NETLINK_ADD_MEMBERSHIP, 33)?;
    check_eq!(memberships(&fd, 8)?, (vec![1, 1], 8));
    check_eq!(memberships(&fd, 4)?, (vec![1], 8));
    check_eq!(memberships(&fd, 0)?.1, 8);
    check_eq!(memberships(&fd, 16)?.0[..2], [1, 1]);
    Ok(())
}

fn options_that_do_not_exist(_: &Case) -> Outcome {
    let fd = route()?;
    for option in [0, 6, 7, 13, 1000] {
        check_err!(get(&fd, LEVEL, option), ENOPROTOOPT, "{option}");
        check_err!(set(&fd, LEVEL, option, 1), ENOPROTOOPT, "{option}");
    }
    check_err!(get(&fd, libc::SOL_IP, 1), ENOPROTOOPT);
    check_err!(set(&fd, libc::SOL_TCP, 1, 1), ENOPROTOOPT);
    check_err!(set(&fd, LEVEL, libc::NETLINK_LIST_MEMBERSHIPS, 1), ENOPROTOOPT);
    check_err!(set_option(&fd, control::PASSPIDFD, 1), EOPNOTSUPP);
    Ok(())
}

/// NETLINK_CAP_ACK leaves the message out, NETLINK_EXT_ACK adds the reason.
fn options_of_acknowledgement(_: &Case) -> Outcome {
    let talk = Talk::new()?;
    let bad = super::help::new_address(9999, [192, 0, 2, 1], 24);
    let length = bad.bytes().len();
    let refused = || {
        talk.send(&bad)?;
        Ok::<_, crate::errno::Errno>(receive(&talk.fd, 0)?.remove(0))
    };
    let plain = refused()?;
    check_eq!((plain.errno(), plain.flags, plain.body.len()), (Some(libc::ENODEV), 0, 4 + length));
    switch(&talk.fd, libc::NETLINK_CAP_ACK, 1)?;
    let capped = refused()?;
    check_eq!((capped.errno(), capped.flags, capped.body.len()), (Some(libc::ENODEV), 0x100, 20));
    switch(&talk.fd, libc::NETLINK_EXT_ACK, 1)?;
    let told = refused()?;
    check_eq!((told.errno(), told.flags), (Some(libc::ENODEV), 0x300));
    let reasons = attributes(&told.body[20..]);
    check_eq!(reasons, [(1, b"ipv4: Device not found\0".to_vec())]);
    // Of what has been done there is nothing to say.
    talk.send(&Request::link_flags(libc::RTM_NEWLINK, ACK, 1, 0, 0))?;
    let done = receive(&talk.fd, 0)?.remove(0);
    check_eq!((done.errno(), done.flags, done.body.len()), (Some(0), 0x100, 20));
    Ok(())
}

fn message_with(fd: &OwnedFd) -> Result<control::Got> {
    control::receive_with(fd, 4096, 256, 0)
}

/// NETLINK_PKTINFO
fn options_tell_of_the_group(_: &Case) -> Outcome {
    let talk = Talk::new()?;
    switch(&talk.fd, libc::NETLINK_PKTINFO, 1)?;
    talk.send(&Request::link(libc::RTM_GETLINK, REQUEST, 1))?;
    let got = message_with(&talk.fd)?;
    check_eq!(got.messages, [(LEVEL, libc::NETLINK_PKTINFO, vec![0; 4])]);
    let listener = super::help::listener(&[5])?;
    switch(&listener, libc::NETLINK_PKTINFO, 1)?;
    let sender = route()?;
    sys::sendto(&sender, &[0; 8], 0, address(0, 1 << 4).bytes())?;
    let got = message_with(&listener)?;
    check_eq!(got.messages, [(LEVEL, libc::NETLINK_PKTINFO, 5_u32.to_ne_bytes().to_vec())]);
    Ok(())
}

/// SO_PASSCRED: of what comes from the kernel, nobody is the sender.
fn options_tell_of_the_sender(_: &Case) -> Outcome {
    let talk = Talk::new()?;
    set_option(&talk.fd, libc::SO_PASSCRED, 1)?;
    talk.send(&Request::link(libc::RTM_GETLINK, REQUEST, 1))?;
    check_eq!(message_with(&talk.fd)?.only(control::CREDENTIALS), Some(&[0; 12][..]));
    let sender = route()?;
    send_to(&sender, b"hello", parts(&name(&talk.fd)?).0)?;
    let own = control::ucred(sys::getpid()? as i32, sys::getuid()? as u32, sys::getgid()? as u32);
    check_eq!(message_with(&talk.fd)?.only(control::CREDENTIALS), Some(&own[..]));
    Ok(())
}

fn options_need_a_privilege(case: &Case) -> Outcome {
    let worker = case.spawn(|| {
        sys::set_thread_uids(NOBODY, NOBODY, NOBODY)?;
        let fd = route()?;
        for option in SWITCHES {
            match option {
                libc::NETLINK_LISTEN_ALL_NSID => check_err!(switch(&fd, option, 1), EPERM),
                _ => switch(&fd, option, 1)?,
            }
        }
        check!(set(&fd, LEVEL, libc::NETLINK_ADD_MEMBERSHIP, 1).is_ok());
        Ok(())
    });
    worker.join()
}
