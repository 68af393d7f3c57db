//! What passes over connections: bytes and records, and the credit that bounds them.

use std::io::IoSliceMut;

use super::help::{SEQPACKET, STREAM, TYPES, connection};
use super::options::{BUFFER_SIZE, set};
use crate::{
    harness::{Case, Need, Outcome, Test, check, check_eq, check_err, tests},
    suite::unix::{
        every::{PAYLOAD, READS, RECEIVES, SENDS, WRITES},
        help::{pattern, poll_for, read_full, ready, record, set_nonblocking, set_option, write_all},
    },
    sys::{self, Envelope, signals},
};

pub(crate) const TESTS: &[Test] = tests!("vsock";
    data_passes_by_every_call needs [Need::VsockLoopback],
    data_of_64_mib_arrives_intact needs [Need::VsockLoopback],
    data_is_bounded_by_credit needs [Need::VsockLoopback],
    data_is_looked_at needs [Need::VsockLoopback],
    data_is_waited_for needs [Need::VsockLoopback],
    data_is_counted needs [Need::VsockLoopback],
    data_for_a_bad_pointer_is_not_lost needs [Need::VsockLoopback],
    data_to_nobody_is_a_broken_pipe needs [Need::VsockLoopback],
    records_keep_their_boundaries needs [Need::VsockLoopback],
    records_that_do_not_fit_are_cut needs [Need::VsockLoopback],
    records_have_a_largest_size needs [Need::VsockLoopback],
    records_are_marked needs [Need::VsockLoopback],
);

fn data_passes_by_every_call(case: &Case) -> Outcome {
    for kind in TYPES {
        let (left, right) = connection(kind)?;
        for (send, sends) in SENDS.iter().chain(&WRITES) {
            for (receive, receives) in RECEIVES.iter().chain(&READS) {
                check_eq!(sends(&left, PAYLOAD, 0)?, PAYLOAD.len(), "{send}");
                let mut data = [0; 64];
                check_eq!(receives(&right, &mut data, 0)?, PAYLOAD.len(), "{send}, {receive}");
                check_eq!(&data[..PAYLOAD.len()], PAYLOAD, "{send}, {receive}");
            }
        }
        for flag in [libc::MSG_NOSIGNAL, libc::MSG_DONTWAIT, libc::MSG_EOR] {
            for (send, sends) in SENDS {
                check_eq!(sends(&left, PAYLOAD, flag)?, PAYLOAD.len(), "{send} {flag:#x}");
                check_eq!(sys::read(&right, &mut [0; 64])?, PAYLOAD.len());
            }
        }
        for flag in [libc::MSG_NOSIGNAL, libc::MSG_DONTWAIT, libc::MSG_WAITALL, libc::MSG_PEEK] {
            for (receive, receives) in RECEIVES {
                sys::write(&left, PAYLOAD)?;
                check_eq!(receives(&right, &mut [0; 12], flag)?, PAYLOAD.len(), "{receive} {flag:#x}");
                let rest = sys::recv(&right, &mut [0; 64], libc::MSG_DONTWAIT);
                check_eq!(rest.is_ok(), flag == libc::MSG_PEEK, "{receive}");
            }
        }
        let file = sys::open(&case.path(&format!("{kind}")), libc::O_RDWR | libc::O_CREAT, 0o600)?;
        sys::write(&file, PAYLOAD)?;
        check_eq!(sys::sendfile(&left, &file, Some(&mut 0), PAYLOAD.len())?, PAYLOAD.len());
        check_eq!(sys::read(&right, &mut [0; 64])?, PAYLOAD.len());
    }
    Ok(())
}

fn data_of_64_mib_arrives_intact(case: &Case) -> Outcome {
    const PIECE: usize = 1 << 20;
    let (left, right) = connection(STREAM)?;
    for (from, to) in [(sys::dup(&left)?, sys::dup(&right)?), (sys::dup(&right)?, sys::dup(&left)?)] {
        let sender = case.spawn(move || {
            for piece in 0..64 {
                write_all(&from, &pattern(piece, PIECE))?;
            }
            Ok(())
        });
        for piece in 0..64 {
            let mut data = vec![0; PIECE];
            check_eq!(read_full(&to, &mut data)?, PIECE);
            check!(data == pattern(piece, PIECE), "piece {piece}");
        }
        sender.join()?;
    }
    Ok(())
}

fn data_is_bounded_by_credit(case: &Case) -> Outcome {
    let (left, right) = connection(STREAM)?;
    set_nonblocking(&left, true)?;
    let mut sent = 0;
    while let Ok(count) = sys::write(&left, &[7; 10_000]) {
        sent += count;
    }
    check_eq!(sent, 262_144, "as much as the peer takes");
    check_eq!(ready(&left)?, 0);
    check_err!(sys::write(&left, b"x"), EAGAIN);
    // Who waits goes on as soon as there is room.
    set_nonblocking(&left, false)?;
    let writer = case.spawn(move || Ok(sys::write(&left, &[8; 100_000])?));
    let mut data = vec![0; sent + 100_000];
    check_eq!(read_full(&right, &mut data[..sent])?, sent);
    check_eq!(read_full(&right, &mut data[sent..])?, 100_000);
    check_eq!(writer.join()?, 100_000);
    // A smaller buffer counts at once.
    let (left, right) = connection(STREAM)?;
    set(&right, BUFFER_SIZE, 1000)?;
    set_nonblocking(&left, true)?;
    check_eq!(sys::write(&left, &[0; 5000])?, 1000);
    check_eq!(sys::read(&right, &mut [0; 5000])?, 1000);
    check_eq!(sys::write(&left, &[0; 5000])?, 1000);
    Ok(())
}

fn data_is_looked_at(_: &Case) -> Outcome {
    for kind in TYPES {
        let (left, right) = connection(kind)?;
        sys::write(&left, b"still there")?;
        let mut data = [0; 16];
        for _ in 0..2 {
            check_eq!(sys::recv(&right, &mut data, libc::MSG_PEEK)?, 11);
            check_eq!(&data[..11], b"still there");
        }
        check_eq!(sys::recv(&right, &mut data, 0)?, 11);
        check_err!(sys::recv(&right, &mut data, libc::MSG_PEEK | libc::MSG_DONTWAIT), EAGAIN);
    }
    Ok(())
}

fn data_is_waited_for(case: &Case) -> Outcome {
    let (left, right) = connection(STREAM)?;
    let reader = case.spawn(move || {
        let mut data = [0; 12];
        let count = sys::recv(&right, &mut data, libc::MSG_WAITALL)?;
        Ok((count, data, right))
    });
    for piece in [&b"first "[..], b"se", b"cond"] {
        sys::write(&left, piece)?;
    }
    let (count, data, right) = reader.join()?;
    check_eq!((count, &data), (12, b"first second"));
    // SO_RCVLOWAT, SO_RCVTIMEO
    set_option(&right, libc::SO_RCVLOWAT, 4)?;
    let time = [0_i64.to_ne_bytes(), 50_000_i64.to_ne_bytes()].concat();
    sys::setsockopt(&right, libc::SOL_SOCKET, libc::SO_RCVTIMEO, &time)?;
    sys::write(&left, b"ab")?;
    check_eq!(sys::recv(&right, &mut [0; 8], 0)?, 2, "when its time is over");
    check_err!(sys::recv(&right, &mut [0; 8], 0), EAGAIN);
    Ok(())
}

fn data_is_counted(_: &Case) -> Outcome {
    for kind in TYPES {
        let (left, right) = connection(kind)?;
        for (data, sum) in [(&b"abc"[..], 3), (b"de", 5)] {
            sys::write(&left, data)?;
            let mut count = -1;
            sys::ioctl(&right, libc::FIONREAD, &mut count)?;
            check_eq!(count, sum);
        }
        let mut count = -1;
        sys::ioctl(&left, libc::TIOCOUTQ, &mut count)?;
        check_eq!(count, 0, "it has arrived");
    }
    Ok(())
}

fn data_for_a_bad_pointer_is_not_lost(_: &Case) -> Outcome {
    let (left, right) = connection(STREAM)?;
    sys::write(&left, b"precious")?;
    let bad = sys::Region::new(1, libc::PROT_NONE)?;
    check_err!(
        bad.call(
            "recvfrom",
            libc::SYS_recvfrom,
            [sys::Descriptor::number(&right) as usize, bad.at(0), 8, 0, 0, 0]
        ),
        EFAULT
    );
    let mut data = [0; 8];
    check_eq!(sys::read(&right, &mut data)?, 8);
    check_eq!(&data, b"precious");
    check_err!(
        bad.call(
            "sendto",
            libc::SYS_sendto,
            [sys::Descriptor::number(&left) as usize, bad.at(0), 8, 0, 0, 0]
        ),
        EFAULT
    );
    sys::write(&left, b"x")?;
    check_eq!(sys::read(&right, &mut data)?, 1, "nothing of it was sent");
    Ok(())
}

fn data_to_nobody_is_a_broken_pipe(case: &Case) -> Outcome {
    case.in_child(|| {
        signals::react(libc::SIGPIPE, signals::Reaction::Record(0, 0))?;
        let (left, right) = connection(STREAM)?;
        drop(right);
        poll_for(&left, libc::POLLRDHUP, 10_000)?;
        check_err!(sys::send(&left, b"x", libc::MSG_NOSIGNAL), EPIPE);
        check_eq!(signals::records().len(), 0);
        check_err!(sys::write(&left, b"x"), EPIPE);
        check_eq!(signals::records().len(), 1);
        Ok(())
    })
}

fn records_keep_their_boundaries(_: &Case) -> Outcome {
    let (left, right) = connection(SEQPACKET)?;
    for data in [&b"one"[..], b"", b"three", &[7; 100_000]] {
        check_eq!(sys::write(&left, data)?, data.len());
    }
    check_eq!(record(&right)?, b"one");
    check_eq!(record(&right)?, b"");
    check_eq!(record(&right)?, b"three");
    let mut data = vec![0; 200_000];
    check_eq!(sys::read(&right, &mut data)?, 100_000);
    check_err!(record(&right), EAGAIN);
    Ok(())
}

fn records_that_do_not_fit_are_cut(_: &Case) -> Outcome {
    let (left, right) = connection(SEQPACKET)?;
    for (text, bytes, flags) in [(&b"12345"[..], 4, libc::MSG_TRUNC), (b"1234", 4, 0)] {
        sys::write(&left, text)?;
        let mut data = [0; 4];
        let header = sys::recvmsg(&right, &mut [IoSliceMut::new(&mut data)], Envelope::default(), 0)?;
        check_eq!((header.bytes, header.flags), (bytes, flags));
    }
    for (receive, receives) in RECEIVES {
        sys::write(&left, &[0; 100])?;
        check_eq!(receives(&right, &mut [0; 10], libc::MSG_TRUNC)?, 100, "{receive}");
        check_err!(record(&right), EAGAIN);
    }
    Ok(())
}

fn records_have_a_largest_size(_: &Case) -> Outcome {
    let (left, right) = connection(SEQPACKET)?;
    check_err!(sys::write(&left, &vec![0; 262_145]), EMSGSIZE);
    check_eq!(sys::write(&left, &vec![0; 262_144])?, 262_144);
    check_err!(sys::send(&left, b"x", libc::MSG_DONTWAIT), EAGAIN);
    check_eq!(sys::read(&right, &mut vec![0; 300_000])?, 262_144);
    sys::write(&left, b"x")?;
    Ok(())
}

fn records_are_marked(_: &Case) -> Outcome {
    let (left, right) = connection(SEQPACKET)?;
    for flags in [0, libc::MSG_EOR] {
        sys::send(&left, b"record", flags)?;
        let mut data = [0; 8];
        let header = sys::recvmsg(&right, &mut [IoSliceMut::new(&mut data)], Envelope::default(), 0)?;
        check_eq!((header.bytes, header.flags), (6, flags));
    }
    Ok(())
}
