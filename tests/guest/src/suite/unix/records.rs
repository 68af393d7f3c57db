//! What goes with records besides their bytes: open files and who sends them, over SOCK_SEQPACKET and SOCK_DGRAM.

use std::os::fd::OwnedFd;

use super::{
    control::{
        self, CREDENTIALS, PASSPIDFD, PIDFD, credentials, receive, receive_with, rights, send, send_files,
        space, ucred,
    },
    credentials::{check_from, own},
    flight::check_gone,
    help::{
        DGRAM, SEQPACKET, STREAM, bound, client, datagram, exchange, listener, name, option, pair_of,
        poll_for, ready, record, set_option,
    },
};
use crate::{
    address::Address,
    harness::{Case, Outcome, Test, check, check_eq, check_err, tests},
    sys::{self, Descriptor, Outgoing},
};

pub(crate) const TESTS: &[Test] = tests!("unix";
    records_pass_files,
    records_pass_files_without_bytes,
    records_keep_their_files,
    records_that_are_cut_have_their_files,
    records_peeked_have_copies_of_files,
    records_lose_files_to_plain_calls,
    records_lose_files_to_bad_memory,
    records_close_files_that_find_no_room,
    records_never_received_close_their_files,
    records_of_a_former_peer_close_their_files,
    records_that_are_not_sent_close_their_files,
    records_have_files_after_a_wait_for_room,
    records_have_files_each_of_many,
    control_comes_with_each_of_many,
    records_to_themselves_are_garbage,
    records_in_a_circle_are_garbage,
    records_name_their_sender,
    records_name_the_sender_if_either_side_asks,
    records_sent_before_name_nobody,
    records_name_whom_the_sender_says,
    records_of_nobody_come_at_the_end,
    records_have_processes,
    records_bind_who_asks_for_names,
    connecting_binds_who_asks_for_names,
);

const KINDS: [i32; 2] = [SEQPACKET, DGRAM];

/// A pipe's ends, to tell what became of them: the reading end hangs up once the writing end is closed for good.
fn pipe() -> Outcome<(OwnedFd, OwnedFd)> {
    Ok(sys::pipe2(libc::O_NONBLOCK)?)
}

#[track_caller]
fn check_closed(reader: &OwnedFd, closed: bool) -> Outcome {
    check_eq!(ready(reader)? & libc::POLLHUP != 0, closed);
    Ok(())
}

fn records_pass_files(_: &Case) -> Outcome {
    for kind in KINDS {
        let (left, right) = pair_of(kind)?;
        let (reader, writer) = pipe()?;
        check_eq!(send_files(&left, b"two", &[&writer, &left])?, 3);
        drop(writer);
        let got = receive(&right, 8)?;
        check_eq!((&got.data[..], got.header.control, got.header.flags), (&b"two"[..], space(8), 0));
        check_eq!(got.files.len(), 2);
        check_eq!(sys::write(&got.files[0], b"through")?, 7);
        check_eq!(sys::read(&reader, &mut [0; 8])?, 7);
        exchange(&got.files[1], &right)?;
        drop(got);
        check_closed(&reader, true)?;
        exchange(&left, &right)?;
    }
    Ok(())
}

fn records_pass_files_without_bytes(_: &Case) -> Outcome {
    for kind in KINDS {
        let (left, right) = pair_of(kind)?;
        check_eq!(send_files(&left, b"", &[&left])?, 0);
        let got = receive(&right, 8)?;
        check_eq!((got.data.len(), got.files.len()), (0, 1));
        check_err!(receive(&right, 8), EAGAIN);
    }
    Ok(())
}

fn records_keep_their_files(_: &Case) -> Outcome {
    for kind in KINDS {
        let (left, right) = pair_of(kind)?;
        sys::write(&left, b"none")?;
        send_files(&left, b"one", &[&left])?;
        send_files(&left, b"two", &[&left, &right])?;
        sys::write(&left, b"none again")?;
        for (data, files) in [(&b"none"[..], 0), (b"one", 1), (b"two", 2), (b"none again", 0)] {
            let got = receive(&right, 16)?;
            check_eq!((&got.data[..], got.files.len(), got.header.flags), (data, files, 0));
        }
    }
    Ok(())
}

fn records_that_are_cut_have_their_files(_: &Case) -> Outcome {
    for kind in KINDS {
        let (left, right) = pair_of(kind)?;
        send_files(&left, b"long", &[&left])?;
        send_files(&left, b"next", &[&left])?;
        let got = receive(&right, 2)?;
        check_eq!((&got.data[..], got.files.len(), got.header.flags), (&b"lo"[..], 1, libc::MSG_TRUNC));
        let got = receive_with(&right, 0, 64, libc::MSG_TRUNC)?;
        check_eq!((got.header.bytes, got.files.len(), got.header.flags), (4, 1, libc::MSG_TRUNC));
    }
    Ok(())
}

fn records_peeked_have_copies_of_files(_: &Case) -> Outcome {
    for kind in KINDS {
        let (left, right) = pair_of(kind)?;
        let (reader, writer) = pipe()?;
        send_files(&left, b"x", &[&writer])?;
        drop(writer);
        for _ in 0..2 {
            let got = receive_with(&right, 8, 64, libc::MSG_PEEK)?;
            check_eq!((&got.data[..], got.files.len()), (&b"x"[..], 1));
            check_eq!(sys::write(&got.files[0], b"!")?, 1);
        }
        check_eq!(sys::read(&reader, &mut [0; 8])?, 2);
        check_closed(&reader, false)?;
        drop(receive(&right, 8)?);
        check_closed(&reader, true)?;
    }
    Ok(())
}

fn records_lose_files_to_plain_calls(_: &Case) -> Outcome {
    for kind in KINDS {
        let (left, right) = pair_of(kind)?;
        let (reader, writer) = pipe()?;
        send_files(&left, b"x", &[&writer])?;
        send_files(&left, b"y", &[&writer])?;
        drop(writer);
        check_eq!(record(&right)?, b"x");
        check_closed(&reader, false)?;
        check_eq!(sys::read(&right, &mut [0; 4])?, 1);
        check_closed(&reader, true)?;
    }
    Ok(())
}

fn records_lose_files_to_bad_memory(_: &Case) -> Outcome {
    for kind in KINDS {
        let (left, right) = pair_of(kind)?;
        let (reader, writer) = pipe()?;
        send_files(&left, b"lost", &[&writer])?;
        drop(writer);
        let region = sys::Region::new(1, libc::PROT_NONE)?;
        let words = [right.number() as usize, region.at(0), 8, 0, 0, 0];
        check_err!(region.call("read", libc::SYS_read, words), EFAULT);
        check_closed(&reader, true)?;
        check_err!(receive(&right, 8), EAGAIN);
        exchange(&left, &right)?;
    }
    Ok(())
}

fn records_close_files_that_find_no_room(_: &Case) -> Outcome {
    for kind in KINDS {
        let (left, right) = pair_of(kind)?;
        let (reader, writer) = pipe()?;
        for control in [0, space(4) - 1] {
            send_files(&left, b"x", &[&left, &writer])?;
            let got = receive_with(&right, 8, control, 0)?;
            check!(got.is_truncated());
            check_eq!(got.files.len(), usize::from(control > 0));
        }
        drop(writer);
        check_closed(&reader, true)?;
    }
    Ok(())
}

fn records_never_received_close_their_files(_: &Case) -> Outcome {
    for kind in KINDS {
        let (left, right) = pair_of(kind)?;
        let (reader, writer) = pipe()?;
        for _ in 0..3 {
            send_files(&left, b"x", &[&writer])?;
        }
        drop(writer);
        check_closed(&reader, false)?;
        drop(right);
        check_closed(&reader, true)?;
    }
    Ok(())
}

fn records_of_a_former_peer_close_their_files(_: &Case) -> Outcome {
    let (left, right) = pair_of(DGRAM)?;
    let (reader, writer) = pipe()?;
    send_files(&left, b"x", &[&writer])?;
    drop(writer);
    sys::connect(&right, &(libc::AF_UNSPEC as u16).to_ne_bytes())?;
    check_closed(&reader, true)
}

fn records_that_are_not_sent_close_their_files(case: &Case) -> Outcome {
    let (reader, writer) = pipe()?;
    let (left, right) = pair_of(DGRAM)?;
    drop(right);
    check_err!(send_files(&left, b"x", &[&writer]), ECONNREFUSED);
    let (left, right) = pair_of(SEQPACKET)?;
    sys::shutdown(&right, libc::SHUT_RD)?;
    check_err!(send(&left, b"x", &rights(&[writer.number()]), libc::MSG_NOSIGNAL), EPIPE);
    let lone = datagram()?;
    check_err!(send_files(&lone, b"x", &[&writer]), ENOTCONN);
    // A full receiver.
    let address = case.abstract_address("full");
    let receiver = bound(&address)?;
    sys::connect(&lone, address.bytes())?;
    while sys::send(&lone, b"x", libc::MSG_DONTWAIT).is_ok() {}
    check_err!(send(&lone, b"x", &rights(&[writer.number()]), libc::MSG_DONTWAIT), EAGAIN);
    drop(writer);
    check_closed(&reader, true)?;
    drop(receiver);
    Ok(())
}

fn records_have_files_after_a_wait_for_room(case: &Case) -> Outcome {
    let address = case.abstract_address("full");
    let receiver = bound(&address)?;
    let sender = datagram()?;
    sys::connect(&sender, address.bytes())?;
    let mut filled = 0;
    while sys::send(&sender, b"x", libc::MSG_DONTWAIT).is_ok() {
        filled += 1;
    }
    let (reader, writer) = pipe()?;
    let sending = case.spawn(move || Ok(send_files(&sender, b"with", &[&writer]).map(|sent| (sent, sender))));
    for _ in 0..filled {
        check_eq!(record(&receiver)?, b"x");
    }
    poll_for(&receiver, libc::POLLIN, 10_000)?;
    let got = receive(&receiver, 8)?;
    check_eq!((&got.data[..], got.files.len()), (&b"with"[..], 1));
    check_eq!(sending.join()??.0, 4);
    check_closed(&reader, false)?;
    drop(got);
    check_closed(&reader, true)
}

fn records_have_files_each_of_many(_: &Case) -> Outcome {
    for kind in KINDS {
        let (left, right) = pair_of(kind)?;
        let (one, two) = (rights(&[left.number()]), rights(&[left.number(), right.number()]));
        let message = |data, control| Outgoing { data, control: Some(control), to: None };
        let bad = rights(&[-1]);
        let messages = [message(&b"1"[..], &one[..]), message(b"2", &two), message(b"3", &bad)];
        check_eq!(sys::sendmmsg(&left, &messages, 0)?.0, 2, "the third one is refused");
        check_eq!(receive(&right, 8)?.files.len(), 1);
        check_eq!(receive(&right, 8)?.files.len(), 2);
        check_err!(receive(&right, 8), EAGAIN);
    }
    Ok(())
}

fn control_comes_with_each_of_many(_: &Case) -> Outcome {
    for kind in [STREAM, SEQPACKET, DGRAM] {
        let (left, right) = pair_of(kind)?;
        set_option(&right, libc::SO_PASSCRED, 1)?;
        set_option(&right, PASSPIDFD, 1)?;
        check_eq!((option(&right, libc::SO_PASSCRED)?, option(&right, PASSPIDFD)?), (1, 1));
        let (pid, uid, gid) = (sys::getpid()? as i32, sys::geteuid()? as u32, sys::getegid()? as u32);
        let said = [credentials(pid, uid, gid), rights(&[left.number()])].concat();
        let message = |data| Outgoing { data, control: Some(&said), to: None };
        check_eq!(sys::sendmmsg(&left, &[message(&b"1"[..]), message(b"2")], 0)?.0, 2);
        let (mut data, mut controls) = ([[0; 1]; 2], [[0; 128]; 2]);
        let [one, two] = &mut data;
        let [first, second] = &mut controls;
        let (mut buffers, mut rooms) = ([&mut one[..], two], [&mut first[..], second]);
        let (count, headers) =
            sys::recvmmsg_with(&right, &mut buffers, &mut rooms, libc::MSG_DONTWAIT, None)?;
        check_eq!((count, data), (2, [*b"1", *b"2"]));
        for (header, control) in headers.iter().zip(&controls) {
            let messages = control::parse(&control[..header.control]);
            let kinds: Vec<_> = messages.iter().map(|(_, kind, _)| *kind).collect();
            check_eq!(kinds, [CREDENTIALS, control::RIGHTS, PIDFD]);
            check_eq!(messages[0].2, ucred(pid, uid, gid));
            drop(control::adopt(&messages));
        }
    }
    Ok(())
}

fn records_to_themselves_are_garbage(_: &Case) -> Outcome {
    for kind in KINDS {
        let (left, right) = pair_of(kind)?;
        let (reader, writer) = pipe()?;
        send_files(&left, b"x", &[&right, &writer])?;
        drop(writer);
        drop(pair_of(STREAM)?);
        check_closed(&reader, false)?;
        // Nobody can receive them any more.
        drop(right);
        check_gone(&reader)?;
        drop(left);
    }
    Ok(())
}

fn records_in_a_circle_are_garbage(_: &Case) -> Outcome {
    // Across the types: each pair's far end waits at the next pair's.
    let mut pairs = vec![pair_of(DGRAM)?, pair_of(SEQPACKET)?, pair_of(STREAM)?, pair_of(DGRAM)?];
    let (reader, writer) = pipe()?;
    for (at, (_, right)) in pairs.iter().enumerate() {
        let (next, _) = &pairs[(at + 1) % pairs.len()];
        send_files(next, b"x", &[right])?;
    }
    send_files(&pairs[0].0, b"x", &[&writer])?;
    drop(writer);
    let (near, far) = pairs.remove(0);
    drop(pairs);
    drop(pair_of(STREAM)?);
    check_closed(&reader, false)?;
    check_eq!(sys::send(&near, b"still there", 0)?, 11);
    drop(far);
    check_gone(&reader)
}

fn records_name_their_sender(_: &Case) -> Outcome {
    for kind in KINDS {
        let (left, right) = pair_of(kind)?;
        set_option(&right, libc::SO_PASSCRED, 1)?;
        sys::write(&left, b"x")?;
        sys::write(&left, b"")?;
        check_from(&receive(&right, 8)?, b"x", &own()?)?;
        let got = receive(&right, 8)?;
        // write(2) of nothing sends a record all the same.
        check_from(&got, b"", &own()?)?;
        set_option(&right, libc::SO_PASSCRED, 0)?;
        sys::write(&left, b"x")?;
        check_eq!(receive(&right, 8)?.header.control, 0);
    }
    Ok(())
}

fn records_name_the_sender_if_either_side_asks(_: &Case) -> Outcome {
    for kind in KINDS {
        let (left, right) = pair_of(kind)?;
        set_option(&left, libc::SO_PASSCRED, 1)?;
        sys::write(&left, b"x")?;
        set_option(&left, libc::SO_PASSCRED, 0)?;
        set_option(&right, libc::SO_PASSCRED, 1)?;
        check_from(&receive(&right, 8)?, b"x", &own()?)?;
    }
    Ok(())
}

fn records_sent_before_name_nobody(_: &Case) -> Outcome {
    for kind in KINDS {
        let (left, right) = pair_of(kind)?;
        sys::write(&left, b"x")?;
        set_option(&right, libc::SO_PASSCRED, 1)?;
        check_from(&receive(&right, 8)?, b"x", &ucred(0, 65_534, 65_534))?;
        sys::write(&left, b"y")?;
        check_from(&receive(&right, 8)?, b"y", &own()?)?;
    }
    Ok(())
}

fn records_name_whom_the_sender_says(_: &Case) -> Outcome {
    for kind in KINDS {
        let (left, right) = pair_of(kind)?;
        let (pid, uid, gid) = (sys::getpid()? as i32, sys::geteuid()? as u32, sys::getegid()? as u32);
        check_eq!(send(&left, b"x", &credentials(pid, uid, gid), 0)?, 1);
        set_option(&right, libc::SO_PASSCRED, 1)?;
        check_from(&receive(&right, 8)?, b"x", &ucred(pid, uid, gid))?;
        check_err!(send(&left, b"x", &credentials(pid, uid, u32::MAX), 0), EINVAL);
        check_err!(receive(&right, 8), EAGAIN);
        // Files come behind it.
        let both = [credentials(pid, uid, gid), rights(&[left.number()])].concat();
        check_eq!(send(&left, b"z", &both, 0)?, 1);
        let got = receive(&right, 8)?;
        let kinds: Vec<_> = got.messages.iter().map(|(_, kind, _)| *kind).collect();
        check_eq!(kinds, [CREDENTIALS, control::RIGHTS]);
    }
    Ok(())
}

fn records_of_nobody_come_at_the_end(_: &Case) -> Outcome {
    let (left, right) = pair_of(SEQPACKET)?;
    set_option(&right, libc::SO_PASSCRED, 1)?;
    drop(left);
    let got = receive(&right, 8)?;
    check_eq!((got.data.len(), got.header.control, got.header.flags), (0, 0, 0));
    Ok(())
}

fn records_have_processes(_: &Case) -> Outcome {
    for kind in KINDS {
        let (left, right) = pair_of(kind)?;
        set_option(&right, PASSPIDFD, 1)?;
        sys::write(&left, b"x")?;
        let got = receive(&right, 8)?;
        check_eq!((got.only(PIDFD).map(<[u8]>::len), got.files.len()), (Some(4), 1));
        set_option(&right, PASSPIDFD, 0)?;
        sys::write(&left, b"x")?;
        check_eq!(receive(&right, 8)?.files.len(), 0);
    }
    Ok(())
}

fn records_bind_who_asks_for_names(_: &Case) -> Outcome {
    for kind in KINDS {
        for option in [libc::SO_PASSCRED, PASSPIDFD] {
            let (left, right) = pair_of(kind)?;
            set_option(&left, option, 1)?;
            check_eq!(name(&left)?.bytes().len(), 2);
            sys::write(&left, b"x")?;
            let address = name(&left)?;
            check_eq!(address.bytes().len(), 2 + 6, "an abstract name of five digits");
            sys::write(&left, b"y")?;
            check_eq!(name(&left)?, address, "once");
            check_eq!(name(&right)?.bytes().len(), 2, "the other side asks for nothing");
        }
    }
    Ok(())
}

fn connecting_binds_who_asks_for_names(case: &Case) -> Outcome {
    for kind in [STREAM, SEQPACKET] {
        let address: Address = case.abstract_address(&format!("listener {kind}"));
        let listening = sys::socket(libc::AF_UNIX, kind, 0)?;
        sys::bind(&listening, address.bytes())?;
        sys::listen(&listening, 4)?;
        let near = sys::socket(libc::AF_UNIX, kind, 0)?;
        set_option(&near, libc::SO_PASSCRED, 1)?;
        sys::connect(&near, address.bytes())?;
        check_eq!(name(&near)?.bytes().len(), 2 + 6);
        let far = sys::accept(&listening)?;
        check_eq!(super::help::peer_name(&far)?, name(&near)?);
    }
    let address = case.abstract_address("nobody");
    let lone = datagram()?;
    set_option(&lone, libc::SO_PASSCRED, 1)?;
    check_err!(sys::connect(&lone, address.bytes()), ECONNREFUSED);
    check_eq!(name(&lone)?.bytes().len(), 2 + 6, "also where it fails");
    // Who does not ask has no name.
    let address = case.abstract_address("plain");
    let _listening = listener(&address, 4)?;
    check_eq!(name(&client(&address)?)?.bytes().len(), 2);
    Ok(())
}
