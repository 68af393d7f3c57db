//! Who sends: SCM_CREDENTIALS with SO_PASSCRED, SCM_PIDFD with SO_PASSPIDFD (`unix(7)`).

use std::os::fd::OwnedFd;

use super::{
    control::{
        self, CREDENTIALS, Got, PASSPIDFD, PIDFD, RIGHTS, credentials, length, message, raw, receive,
        receive_with, rights, send, send_files, space, ucred,
    },
    help::{
        DGRAM, SEQPACKET, STREAM, accepted, client, exchange, listener, option, pair, pair_of, set_option,
        socket,
    },
};
use crate::{
    harness::{Case, NOBODY, Need, Outcome, Test, check_eq, check_err, tests},
    sys::{self, Descriptor},
};

pub(crate) const TESTS: &[Test] = tests!("unix";
    credentials_are_the_senders_own,
    credentials_come_if_either_side_asks,
    credentials_of_what_was_sent_before_are_unknown,
    credentials_are_not_shown_unasked,
    credentials_may_be_said_by_their_owner,
    credentials_are_real_ids needs [Need::OtherUsers],
    credentials_of_others_are_refused needs [Need::OtherUsers],
    credentials_of_others_may_be_said_with_privileges needs [Need::OtherUsers],
    credentials_refuse_bad_lengths,
    credentials_refuse_bad_values,
    credentials_part_messages_of_different_senders,
    credentials_of_one_sender_are_joined,
    credentials_part_messages_for_a_peek,
    credentials_come_with_open_files_behind_them,
    credentials_are_cut_to_the_room,
    credentials_without_control_buffer,
    credentials_are_inherited_from_the_listener,
    credentials_with_an_end_of_file,
    credentials_of_every_call_that_sends,
    pidfd_refers_to_the_sender,
    pidfd_of_the_peer,
    pidfd_of_no_peer,
    pidfd_comes_last,
    pidfd_that_finds_no_room,
    pidfd_of_what_was_sent_before,
    pidfd_beyond_the_limit_of_descriptors,
);

pub(crate) fn own() -> Outcome<Vec<u8>> {
    Ok(ucred(sys::getpid()? as i32, sys::getuid()? as u32, sys::getgid()? as u32))
}

fn unknown() -> Vec<u8> {
    ucred(0, NOBODY, NOBODY)
}

/// A pair whose second socket wants credentials.
fn passing() -> Outcome<(OwnedFd, OwnedFd)> {
    let (left, right) = pair()?;
    set_option(&right, libc::SO_PASSCRED, 1)?;
    Ok((left, right))
}

#[track_caller]
pub(crate) fn check_from(got: &Got, data: &[u8], from: &[u8]) -> Outcome {
    check_eq!(got.data, data);
    check_eq!(got.only(CREDENTIALS), Some(from));
    check_eq!((got.header.control, got.header.flags), (space(12), 0));
    Ok(())
}

fn credentials_are_the_senders_own(_: &Case) -> Outcome {
    let (left, right) = passing()?;
    check_eq!(option(&right, libc::SO_PASSCRED)?, 1);
    sys::write(&left, b"x")?;
    check_from(&receive(&right, 8)?, b"x", &own()?)?;
    set_option(&right, libc::SO_PASSCRED, 0)?;
    sys::write(&left, b"x")?;
    check_eq!(receive(&right, 8)?.header.control, 0);
    exchange(&left, &right)
}

fn credentials_come_if_either_side_asks(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    set_option(&left, libc::SO_PASSCRED, 1)?;
    sys::write(&left, b"x")?;
    set_option(&left, libc::SO_PASSCRED, 0)?;
    set_option(&right, libc::SO_PASSCRED, 1)?;
    check_from(&receive(&right, 8)?, b"x", &own()?)
}

fn credentials_of_what_was_sent_before_are_unknown(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    sys::write(&left, b"x")?;
    set_option(&right, libc::SO_PASSCRED, 1)?;
    check_from(&receive(&right, 8)?, b"x", &unknown())?;
    sys::write(&left, b"y")?;
    check_from(&receive(&right, 8)?, b"y", &own()?)
}

fn credentials_are_not_shown_unasked(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    let said = credentials(sys::getpid()? as i32, sys::getuid()? as u32, sys::getgid()? as u32);
    check_eq!(send(&left, b"x", &said, 0)?, 1);
    check_eq!(receive(&right, 8)?.header.control, 0);
    // What was said is kept, though.
    check_eq!(send(&left, b"y", &said, 0)?, 1);
    set_option(&right, libc::SO_PASSCRED, 1)?;
    check_from(&receive(&right, 8)?, b"y", &own()?)
}

fn credentials_may_be_said_by_their_owner(_: &Case) -> Outcome {
    let (left, right) = passing()?;
    let (pid, uid, gid) = (sys::getpid()? as i32, sys::geteuid()? as u32, sys::getegid()? as u32);
    check_eq!(send(&left, b"x", &credentials(pid, uid, gid), 0)?, 1);
    check_from(&receive(&right, 8)?, b"x", &ucred(pid, uid, gid))?;
    // The last ones count.
    let both = [credentials(pid, uid, gid), credentials(pid, uid, gid)].concat();
    check_eq!(send(&left, b"y", &both, 0)?, 1);
    check_from(&receive(&right, 8)?, b"y", &ucred(pid, uid, gid))
}

fn credentials_are_real_ids(case: &Case) -> Outcome {
    case.in_child(|| {
        let (left, right) = passing()?;
        sys::set_thread_gids(u32::MAX, NOBODY, u32::MAX)?;
        sys::set_thread_uids(u32::MAX, NOBODY, u32::MAX)?;
        sys::write(&left, b"x")?;
        check_from(&receive(&right, 8)?, b"x", &ucred(sys::getpid()? as i32, 0, 0))?;
        // Each of the three may be said.
        for (uid, gid) in [(0, 0), (NOBODY, 0), (0, NOBODY), (NOBODY, NOBODY)] {
            let said = credentials(sys::getpid()? as i32, uid, gid);
            check_eq!(send(&left, b"x", &said, 0)?, 1);
            check_from(&receive(&right, 8)?, b"x", &ucred(sys::getpid()? as i32, uid, gid))?;
        }
        Ok(())
    })
}

fn credentials_of_others_are_refused(case: &Case) -> Outcome {
    case.in_child(|| {
        let (left, right) = passing()?;
        sys::set_thread_gids(NOBODY, NOBODY, NOBODY)?;
        sys::set_thread_uids(NOBODY, NOBODY, NOBODY)?;
        let pid = sys::getpid()? as i32;
        let cases = [
            (sys::getppid()? as i32, NOBODY, NOBODY),
            (pid + 100_000, NOBODY, NOBODY),
            (0, NOBODY, NOBODY),
            (-1, NOBODY, NOBODY),
            (pid, 0, NOBODY),
            (pid, NOBODY, 0),
        ];
        for (pid, uid, gid) in cases {
            check_err!(send(&left, b"x", &credentials(pid, uid, gid), 0), EPERM, "{pid} {uid} {gid}");
        }
        check_eq!(send(&left, b"x", &credentials(pid, NOBODY, NOBODY), 0)?, 1);
        check_from(&receive(&right, 8)?, b"x", &ucred(pid, NOBODY, NOBODY))?;
        exchange(&left, &right)
    })
}

fn credentials_of_others_may_be_said_with_privileges(_: &Case) -> Outcome {
    let (left, right) = passing()?;
    let parent = sys::getppid()?.max(1) as i32;
    check_eq!(send(&left, b"x", &credentials(parent, NOBODY, NOBODY), 0)?, 1);
    check_from(&receive(&right, 8)?, b"x", &ucred(parent, NOBODY, NOBODY))?;
    check_err!(send(&left, b"x", &credentials(0x3fff_ffff, 0, 0), 0), ESRCH, "nobody has that number");
    check_err!(send(&left, b"x", &credentials(0, 0, 0), 0), ESRCH);
    check_err!(send(&left, b"x", &credentials(-1, 0, 0), 0), ESRCH);
    exchange(&left, &right)
}

fn credentials_refuse_bad_lengths(_: &Case) -> Outcome {
    let (left, right) = passing()?;
    let own = own()?;
    for data in [0, 4, 8, 11, 13, 16, 24] {
        let mut bytes = own.clone();
        bytes.resize(data, 0);
        check_err!(send(&left, b"x", &message(CREDENTIALS, &bytes), 0), EINVAL, "{data} bytes");
    }
    let beyond = raw(length(12) + 9, libc::SOL_SOCKET, CREDENTIALS, &own);
    check_err!(send(&left, b"x", &beyond, 0), EINVAL);
    exchange(&left, &right)
}

fn credentials_refuse_bad_values(_: &Case) -> Outcome {
    let (left, right) = passing()?;
    let pid = sys::getpid()? as i32;
    check_err!(send(&left, b"x", &credentials(pid, u32::MAX, 0), 0), EINVAL);
    check_err!(send(&left, b"x", &credentials(pid, 0, u32::MAX), 0), EINVAL);
    check_err!(send(&left, b"x", &credentials(0x3fff_ffff, u32::MAX, 0), 0), EINVAL, "they come first");
    exchange(&left, &right)
}

/// Sends a byte from a child process.
fn send_from_child(case: &Case, fd: &OwnedFd, byte: &[u8]) -> Outcome<i32> {
    let child = case.child(|| {
        sys::write(fd, byte)?;
        Ok(0)
    })?;
    let pid = child.pid;
    check_eq!(child.status()?, 0);
    Ok(pid)
}

fn credentials_part_messages_of_different_senders(case: &Case) -> Outcome {
    let (left, right) = passing()?;
    sys::write(&left, b"a")?;
    let child = send_from_child(case, &left, b"b")?;
    sys::write(&left, b"c")?;
    let of_child = ucred(child, sys::getuid()? as u32, sys::getgid()? as u32);
    check_from(&receive(&right, 8)?, b"a", &own()?)?;
    check_from(&receive_with(&right, 8, 64, libc::MSG_WAITALL)?, b"b", &of_child)?;
    check_from(&receive(&right, 8)?, b"c", &own()?)?;
    // Those that do not say are of another sender, too; and they are parted for read(2) as well.
    set_option(&right, libc::SO_PASSCRED, 0)?;
    sys::write(&left, b"d")?;
    set_option(&right, libc::SO_PASSCRED, 1)?;
    sys::write(&left, b"e")?;
    check_eq!(sys::read(&right, &mut [0; 8])?, 1);
    check_from(&receive(&right, 8)?, b"e", &own()?)?;
    // Who does not ask gets them joined.
    sys::write(&left, b"f")?;
    send_from_child(case, &left, b"g")?;
    set_option(&right, libc::SO_PASSCRED, 0)?;
    check_eq!(receive(&right, 8)?.data, b"fg");
    Ok(())
}

fn credentials_of_one_sender_are_joined(_: &Case) -> Outcome {
    let (left, right) = passing()?;
    for byte in [b"a", b"b", b"c"] {
        sys::write(&left, byte)?;
    }
    check_from(&receive(&right, 2)?, b"ab", &own()?)?;
    sys::write(&left, b"d")?;
    check_from(&receive(&right, 8)?, b"cd", &own()?)
}

fn credentials_part_messages_for_a_peek(case: &Case) -> Outcome {
    let (left, right) = passing()?;
    sys::write(&left, b"a")?;
    sys::write(&left, b"b")?;
    send_from_child(case, &left, b"c")?;
    for _ in 0..2 {
        check_from(&receive_with(&right, 8, 64, libc::MSG_PEEK)?, b"ab", &own()?)?;
    }
    Ok(())
}

fn credentials_come_with_open_files_behind_them(_: &Case) -> Outcome {
    let (left, right) = passing()?;
    send_files(&left, b"x", &[&left, &right])?;
    let got = receive(&right, 8)?;
    let kinds: Vec<_> = got.messages.iter().map(|(_, kind, _)| *kind).collect();
    check_eq!(kinds, [CREDENTIALS, RIGHTS]);
    check_eq!((got.files.len(), got.header.control), (2, space(12) + space(8)));
    let both = [rights(&[left.number()]), credentials(sys::getpid()? as i32, 0, 0)].concat();
    if sys::geteuid()? == 0 {
        check_eq!(send(&left, b"x", &both, 0)?, 1);
        let got = receive(&right, 8)?;
        check_eq!((got.files.len(), got.only(CREDENTIALS).map(<[u8]>::len)), (1, Some(12)));
    }
    Ok(())
}

fn credentials_are_cut_to_the_room(_: &Case) -> Outcome {
    let (left, right) = passing()?;
    let own = own()?;
    for room in 0..=40 {
        send_files(&left, b"x", &[&left])?;
        let got = receive_with(&right, 8, room, 0)?;
        let files = usize::from(room >= 32 + 20);
        check_eq!(got.files.len(), files, "room for {room}");
        let used = if room < 16 { 0 } else { room.min(32) };
        check_eq!((got.header.control, got.is_truncated()), (used, true), "room for {room}");
        if room >= 16 {
            check_eq!(got.only(CREDENTIALS), Some(&own[..(room - 16).min(12)]), "room for {room}");
        } else {
            check_eq!(got.messages.len(), 0, "room for {room}");
        }
    }
    for room in [52, 56, 60, 64] {
        send_files(&left, b"x", &[&left])?;
        let got = receive_with(&right, 8, room, 0)?;
        check_eq!((got.files.len(), got.is_truncated()), (1, false), "room for {room}");
        check_eq!(got.header.control, room.min(56), "room for {room}");
    }
    exchange(&left, &right)
}

fn credentials_without_control_buffer(_: &Case) -> Outcome {
    let (left, right) = passing()?;
    for with_pointer in [false, true] {
        sys::write(&left, b"x")?;
        let envelope = sys::Envelope {
            control: if with_pointer { Some(&mut []) } else { None },
            ..sys::Envelope::default()
        };
        let header = sys::recvmsg(&right, &mut [std::io::IoSliceMut::new(&mut [0; 8])], envelope, 0)?;
        check_eq!((header.bytes, header.control, header.flags), (1, 0, libc::MSG_CTRUNC));
    }
    exchange(&left, &right)
}

fn credentials_are_inherited_from_the_listener(case: &Case) -> Outcome {
    let address = case.abstract_address("a");
    let listening = listener(&address, 4)?;
    let early = client(&address)?;
    set_option(&listening, libc::SO_PASSCRED, 1)?;
    set_option(&listening, PASSPIDFD, 1)?;
    let (near, far) = (sys::accept(&listening)?, accepted(&listening, &address)?);
    check_eq!((option(&near, libc::SO_PASSCRED)?, option(&near, PASSPIDFD)?), (0, 0), "as it was then");
    check_eq!((option(&far.1, libc::SO_PASSCRED)?, option(&far.1, PASSPIDFD)?), (1, 1));
    set_option(&far.1, PASSPIDFD, 0)?;
    sys::write(&far.0, b"x")?;
    check_from(&receive(&far.1, 8)?, b"x", &own()?)?;
    // One that asks before it is connected, too.
    let asking = socket()?;
    set_option(&asking, libc::SO_PASSCRED, 1)?;
    sys::connect(&asking, address.bytes())?;
    let answering = sys::accept(&listening)?;
    set_option(&answering, libc::SO_PASSCRED, 0)?;
    sys::write(&answering, b"y")?;
    check_from(&receive(&asking, 8)?, b"y", &own()?)?;
    exchange(&early, &near)
}

fn credentials_with_an_end_of_file(_: &Case) -> Outcome {
    let (left, right) = passing()?;
    drop(left);
    let got = receive(&right, 8)?;
    check_eq!(got.data, b"");
    check_eq!(got.only(CREDENTIALS), Some(&[0; 12][..]), "there is no message that could have them");
    Ok(())
}

fn credentials_of_every_call_that_sends(case: &Case) -> Outcome {
    let (left, right) = passing()?;
    std::fs::write(case.directory().join("file"), b"s")?;
    let file = sys::open(&case.path("file"), libc::O_RDONLY, 0)?;
    let part = std::io::IoSlice::new(b"v");
    check_eq!(sys::write(&left, b"w")?, 1);
    check_eq!(sys::writev(&left, &[part])?, 1);
    check_eq!(sys::send(&left, b"t", 0)?, 1);
    check_eq!(sys::sendmsg(&left, &[part], sys::Envelope::default(), 0)?.bytes, 1);
    check_eq!(sys::sendfile(&left, &file, None, 1)?, 1);
    for byte in [b"w", b"v", b"t", b"v", b"s"] {
        check_from(&receive(&right, 1)?, byte, &own()?)?;
    }
    Ok(())
}

/// The number of the process that a descriptor refers to.
fn process_of(fd: &OwnedFd) -> Outcome<i32> {
    let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", fd.number()))?;
    let pid = info.lines().find_map(|line| line.strip_prefix("Pid:"));
    Ok(pid.and_then(|pid| pid.trim().parse().ok()).unwrap_or_default())
}

fn pidfd_refers_to_the_sender(case: &Case) -> Outcome {
    let (left, right) = pair()?;
    set_option(&right, PASSPIDFD, 1)?;
    check_eq!(option(&right, PASSPIDFD)?, 1);
    sys::write(&left, b"x")?;
    let got = receive(&right, 8)?;
    check_eq!((got.messages.len(), got.files.len(), got.header.control), (1, 1, space(4)));
    check_eq!(process_of(&got.files[0])?, sys::getpid()? as i32);
    check_eq!(sys::fcntl(&got.files[0], libc::F_GETFD, 0)?, libc::FD_CLOEXEC as usize);
    // A child's, while it lives.
    let (go, going) = sys::pipe2(0)?;
    let child = case.child(|| {
        sys::write(&left, b"y")?;
        sys::read(&go, &mut [0])?;
        Ok(0)
    })?;
    let got = receive_with(&right, 8, 64, 0)?;
    check_eq!(process_of(&got.files[0])?, child.pid);
    sys::write(&going, b"!")?;
    check_eq!(child.status()?, 0);
    check_eq!(process_of(&got.files[0])?, -1, "it is gone, and nobody else");
    Ok(())
}

/// SO_PEERPIDFD: a descriptor of the peer's process.
fn peer_process(fd: &OwnedFd) -> crate::errno::Result<OwnedFd> {
    let (mut value, mut length) = ([0; 4], 4);
    sys::getsockopt(fd, libc::SOL_SOCKET, control::PEERPIDFD, &mut value, &mut length)?;
    Ok(sys::adopt(i32::from_ne_bytes(value) as usize))
}

fn pidfd_of_the_peer(case: &Case) -> Outcome {
    for kind in [STREAM, SEQPACKET, DGRAM] {
        let (left, _right) = pair_of(kind)?;
        let process = peer_process(&left)?;
        check_eq!(process_of(&process)?, sys::getpid()? as i32);
        check_eq!(sys::fcntl(&process, libc::F_GETFD, 0)?, libc::FD_CLOEXEC as usize);
    }
    // A child that connects.
    let address = case.abstract_address("peer");
    let listening = listener(&address, 1)?;
    let child = case.child(|| {
        let near = client(&address)?;
        sys::read(&near, &mut [0])?;
        Ok(0)
    })?;
    let far = sys::accept(&listening)?;
    check_eq!(process_of(&peer_process(&far)?)?, child.pid);
    sys::write(&far, b"!")?;
    check_eq!(child.status()?, 0);
    Ok(())
}

fn pidfd_of_no_peer(_: &Case) -> Outcome {
    for kind in [STREAM, SEQPACKET, DGRAM] {
        let fd = sys::socket(libc::AF_UNIX, kind, 0)?;
        let lowest = sys::dup(&fd)?.number();
        check_err!(peer_process(&fd), ENODATA);
        // No descriptor is left behind, also where its number cannot be stored.
        let (left, _right) = pair_of(kind)?;
        let region = sys::Region::new(1, libc::PROT_NONE)?;
        let mut length = 4_i32.to_ne_bytes().to_vec();
        let words = [
            left.number() as usize,
            libc::SOL_SOCKET as usize,
            control::PEERPIDFD as usize,
            region.at(0),
            length.as_mut_ptr() as usize,
            0,
        ];
        check_err!(region.call("getsockopt", libc::SYS_getsockopt, words), EFAULT);
        drop((left, _right));
        check_eq!(sys::dup(&fd)?.number(), lowest);
    }
    Ok(())
}

fn pidfd_comes_last(_: &Case) -> Outcome {
    let (left, right) = passing()?;
    set_option(&right, PASSPIDFD, 1)?;
    send_files(&left, b"x", &[&left])?;
    let got = receive(&right, 8)?;
    let kinds: Vec<_> = got.messages.iter().map(|(_, kind, _)| *kind).collect();
    check_eq!(kinds, [CREDENTIALS, RIGHTS, PIDFD]);
    check_eq!(got.header.control, space(12) + 2 * space(4));
    Ok(())
}

fn pidfd_that_finds_no_room(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    set_option(&right, PASSPIDFD, 1)?;
    for room in [0, 1, 15, 16, 19] {
        sys::write(&left, b"x")?;
        let got = receive_with(&right, 8, room, 0)?;
        check_eq!((got.files.len(), got.header.control, got.is_truncated()), (0, 0, true), "room for {room}");
    }
    for room in [20, 23, 24, 25] {
        sys::write(&left, b"x")?;
        let got = receive_with(&right, 8, room, 0)?;
        check_eq!((got.files.len(), got.is_truncated()), (1, false), "room for {room}");
        check_eq!(got.header.control, room.min(24));
    }
    Ok(())
}

fn pidfd_of_what_was_sent_before(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    sys::write(&left, b"x")?;
    set_option(&right, PASSPIDFD, 1)?;
    let got = receive(&right, 8)?;
    check_eq!((got.messages.len(), got.header.control, got.header.flags), (0, 0, 0));
    Ok(())
}

/// As Linux does it, the negative errno stands in the place of the descriptor.
fn pidfd_beyond_the_limit_of_descriptors(case: &Case) -> Outcome {
    case.in_child(|| {
        let (left, right) = pair()?;
        set_option(&right, PASSPIDFD, 1)?;
        sys::write(&left, b"x")?;
        let free = sys::dup(&left)?;
        let limit = free.number();
        drop(free);
        sys::limit_descriptors(Some(limit as u64))?;
        let (mut data, mut buffer) = ([0; 8], [0; 64]);
        let envelope = sys::Envelope { control: Some(&mut buffer), ..sys::Envelope::default() };
        let header = sys::recvmsg(&right, &mut [std::io::IoSliceMut::new(&mut data)], envelope, 0)?;
        check_eq!((header.bytes, header.control, header.flags), (1, space(4), 0));
        let messages = control::parse(&buffer[..header.control]);
        check_eq!(messages, [(libc::SOL_SOCKET, PIDFD, (-libc::EMFILE).to_ne_bytes().to_vec())]);
        Ok(())
    })
}
