//! sendmmsg(2) and recvmmsg(2).

use super::help::{DGRAM, SEQPACKET, STREAM, bound, datagram, option, pair_of, record};
use crate::{
    harness::{Case, Outcome, Test, check, check_eq, check_err, tests},
    sys::{self, Descriptor, Outgoing},
};

pub(crate) const TESTS: &[Test] = tests!("unix";
    many_messages_go_and_come,
    no_messages_are_none,
    no_more_than_1024_messages_go,
    sending_many_ends_at_the_first_error,
    sending_many_of_a_stream_ends_at_the_first_part,
    receiving_many_waits_for_all,
    receiving_many_until_there_are_no_more,
    receiving_many_within_a_time,
    receiving_many_refuses_bad_times,
    receiving_many_keeps_the_error_for_the_next_call,
    receiving_many_reports_a_pending_error_first,
    bad_memory_in_one_of_many,
);

fn plain(data: &[u8]) -> Outgoing<'_> {
    Outgoing { data, ..Outgoing::default() }
}

fn many_messages_go_and_come(_: &Case) -> Outcome {
    for kind in [DGRAM, SEQPACKET] {
        let (left, right) = pair_of(kind)?;
        let texts: Vec<_> = (0..20_u8).map(|length| vec![length; length.into()]).collect();
        let messages: Vec<_> = texts.iter().map(|text| plain(text)).collect();
        let (count, lengths) = sys::sendmmsg(&left, &messages, 0)?;
        check_eq!((count, lengths), (20, (0..20).collect()));
        let mut rooms = vec![[0; 32]; 20];
        let mut buffers: Vec<_> = rooms.iter_mut().map(|room| &mut room[..]).collect();
        let (count, headers) = sys::recvmmsg(&right, &mut buffers, 0, None)?;
        check_eq!(count, 20);
        for (header, (text, room)) in headers.iter().zip(texts.iter().zip(&rooms)) {
            check_eq!(&room[..header.bytes], &text[..]);
        }
    }
    Ok(())
}

fn no_messages_are_none(_: &Case) -> Outcome {
    let (left, right) = pair_of(DGRAM)?;
    check_eq!(sys::sendmmsg(&left, &[], 0)?.0, 0);
    check_eq!(sys::recvmmsg(&right, &mut [], 0, None)?.0, 0);
    check_err!(sys::sendmmsg(&-1, &[], 0), EBADF);
    check_err!(sys::recvmmsg(&-1, &mut [], 0, None), EBADF);
    let (pipe, _) = sys::pipe2(0)?;
    check_err!(sys::sendmmsg(&pipe, &[], 0), ENOTSOCK);
    check_err!(sys::recvmmsg(&pipe, &mut [], 0, None), ENOTSOCK);
    Ok(())
}

fn no_more_than_1024_messages_go(_: &Case) -> Outcome {
    let (left, right) = pair_of(STREAM)?;
    let messages: Vec<_> = (0..1100).map(|index| plain(if index % 100 == 0 { b"x" } else { b"" })).collect();
    let (count, lengths) = sys::sendmmsg(&left, &messages, libc::MSG_DONTWAIT)?;
    check_eq!(count, 1024);
    check_eq!(lengths[1023..1025], [0, u32::MAX]);
    check_eq!(record(&right)?, b"xxxxxxxxxxx");
    Ok(())
}

fn sending_many_ends_at_the_first_error(case: &Case) -> Outcome {
    let address = case.abstract_address("a");
    let fd = bound(&address)?;
    let absent = case.abstract_address("absent");
    let to = |data, to: &'static str| (data, to);
    let message = |(data, to): (&'static [u8], &'static str)| Outgoing {
        data,
        to: Some(if to == "a" { address.bytes() } else { absent.bytes() }),
        control: None,
    };
    let messages = [to(&b"one"[..], "a"), to(b"two", "a"), to(b"lost", "absent"), to(b"not tried", "a")];
    let messages: Vec<_> = messages.into_iter().map(message).collect();
    let sender = datagram()?;
    check_eq!(sys::sendmmsg(&sender, &messages, 0)?, (2, vec![3, 3, u32::MAX, u32::MAX]));
    check_eq!(option(&sender, libc::SO_ERROR)?, 0, "the error is forgotten");
    check_err!(sys::sendmmsg(&sender, &messages[2..], 0), ECONNREFUSED);
    check_eq!(record(&fd)?, b"one");
    check_eq!(record(&fd)?, b"two");
    check_err!(record(&fd), EAGAIN);
    Ok(())
}

fn sending_many_of_a_stream_ends_at_the_first_part(_: &Case) -> Outcome {
    let (left, _right) = pair_of(STREAM)?;
    let large = vec![0; 1 << 20];
    let messages = [plain(b"whole"), plain(&large), plain(b"not tried")];
    let (count, lengths) = sys::sendmmsg(&left, &messages, libc::MSG_DONTWAIT)?;
    check_eq!((count, lengths[0], lengths[2]), (2, 5, u32::MAX));
    check!(lengths[1] > 0 && lengths[1] < 1 << 20, "{} bytes", lengths[1]);
    check_err!(sys::sendmmsg(&left, &messages, libc::MSG_DONTWAIT), EAGAIN);
    Ok(())
}

fn receiving_many_waits_for_all(case: &Case) -> Outcome {
    let (left, right) = pair_of(SEQPACKET)?;
    let waiting = case.spawn(move || {
        let (mut one, mut two, mut three) = ([0; 8], [0; 8], [0; 8]);
        let (count, headers) = sys::recvmmsg(&right, &mut [&mut one, &mut two, &mut three], 0, None)?;
        Ok((count, headers.iter().map(|header| header.bytes).collect::<Vec<_>>()))
    });
    for data in [&b"a"[..], b"bb", b"ccc"] {
        sys::write(&left, data)?;
    }
    check_eq!(waiting.join()?, (3, vec![1, 2, 3]));
    Ok(())
}

fn receiving_many_until_there_are_no_more(_: &Case) -> Outcome {
    let (left, right) = pair_of(DGRAM)?;
    let (mut one, mut two, mut three) = ([0; 8], [0; 8], [0; 8]);
    for flags in [libc::MSG_DONTWAIT, libc::MSG_WAITFORONE, libc::MSG_DONTWAIT | libc::MSG_WAITFORONE] {
        sys::write(&left, b"one")?;
        sys::write(&left, b"two")?;
        let (count, _) = sys::recvmmsg(&right, &mut [&mut one, &mut two, &mut three], flags, None)?;
        check_eq!(count, 2);
        check_eq!(option(&right, libc::SO_ERROR)?, 0, "that there is no more is no error");
    }
    check_err!(sys::recvmmsg(&right, &mut [&mut one], libc::MSG_DONTWAIT, None), EAGAIN);
    // The end counts as a message, and is there again and again.
    let (left, right) = pair_of(SEQPACKET)?;
    sys::write(&left, b"last")?;
    drop(left);
    let (count, headers) = sys::recvmmsg(&right, &mut [&mut one, &mut two, &mut three], 0, None)?;
    check_eq!((count, headers[0].bytes, headers[1].bytes, headers[2].bytes), (3, 4, 0, 0));
    Ok(())
}

fn receiving_many_within_a_time(_: &Case) -> Outcome {
    let (left, right) = pair_of(DGRAM)?;
    let (mut one, mut two) = ([0; 8], [0; 8]);
    sys::write(&left, b"one")?;
    sys::write(&left, b"two")?;
    // No time at all is over after the first.
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    check_eq!(sys::recvmmsg(&right, &mut [&mut one, &mut two], 0, Some(&mut time))?.0, 1);
    check_eq!((time.tv_sec, time.tv_nsec), (0, 0));
    sys::write(&left, b"three")?;
    let mut time = libc::timespec { tv_sec: 1000, tv_nsec: 999_999_999 };
    check_eq!(sys::recvmmsg(&right, &mut [&mut one, &mut two], 0, Some(&mut time))?.0, 2);
    check!(time.tv_sec >= 900 && time.tv_sec <= 1000, "{} seconds are left", time.tv_sec);
    // Where nothing comes the time is not told.
    let mut time = libc::timespec { tv_sec: 5, tv_nsec: 7 };
    check_err!(sys::recvmmsg(&right, &mut [&mut one], libc::MSG_DONTWAIT, Some(&mut time)), EAGAIN);
    check_eq!((time.tv_sec, time.tv_nsec), (5, 7));
    Ok(())
}

fn receiving_many_refuses_bad_times(_: &Case) -> Outcome {
    let (_left, right) = pair_of(DGRAM)?;
    for (tv_sec, tv_nsec) in [(-1, 0), (0, -1), (0, 1_000_000_000)] {
        let mut time = libc::timespec { tv_sec, tv_nsec };
        check_err!(sys::recvmmsg(&right, &mut [], 0, Some(&mut time)), EINVAL);
        check_err!(
            sys::recvmmsg(&-1, &mut [], 0, Some(&mut time)),
            EINVAL,
            "before the descriptor is looked at"
        );
    }
    Ok(())
}

fn receiving_many_keeps_the_error_for_the_next_call(_: &Case) -> Outcome {
    let region = sys::Region::new(1, libc::PROT_READ | libc::PROT_WRITE)?;
    for kind in [DGRAM, SEQPACKET, STREAM] {
        let (left, right) = pair_of(kind)?;
        sys::write(&left, b"one.")?;
        sys::write(&left, b"two.")?;
        // Two headers: the first is good, the second has a buffer that is not there.
        let header = |vectors: usize| {
            let mut bytes = [0; 64];
            bytes[16..24].copy_from_slice(&vectors.to_ne_bytes());
            bytes[24..32].copy_from_slice(&1_usize.to_ne_bytes());
            bytes
        };
        region.write(0, &header(region.at(256)));
        region.write(64, &header(region.at(272)));
        for (at, base) in [(256, region.at(512)), (272, 0x10)] {
            region.write(at, &base.to_ne_bytes());
            region.write(at + 8, &4_usize.to_ne_bytes());
        }
        let words = [right.number() as usize, region.at(0), 2, libc::MSG_DONTWAIT as usize, 0, 0];
        check_eq!(region.call("recvmmsg", libc::SYS_recvmmsg, words)?, 1);
        check_eq!(option(&right, libc::SO_ERROR)?, libc::EFAULT);
        check_eq!(option(&right, libc::SO_ERROR)?, 0);
    }
    Ok(())
}

fn receiving_many_reports_a_pending_error_first(_: &Case) -> Outcome {
    let (left, right) = pair_of(STREAM)?;
    sys::write(&left, b"there")?;
    sys::write(&right, b"unread")?;
    drop(left);
    let mut data = [0; 8];
    check_err!(sys::recvmmsg(&right, &mut [&mut data], 0, None), ECONNRESET);
    check_eq!(sys::recvmmsg(&right, &mut [&mut data], 0, None)?.1[0].bytes, 5);
    Ok(())
}

fn bad_memory_in_one_of_many(_: &Case) -> Outcome {
    let (left, right) = pair_of(DGRAM)?;
    let region = sys::Region::new(2, libc::PROT_READ | libc::PROT_WRITE)?;
    region.protect(sys::PAGE..2 * sys::PAGE, libc::PROT_NONE)?;
    // The second header cannot be read: the first message has gone.
    let words = |fd: &std::os::fd::OwnedFd, at: usize| [fd.number() as usize, region.at(at), 2, 0, 0, 0];
    check_eq!(region.call("sendmmsg", libc::SYS_sendmmsg, words(&left, sys::PAGE - 64))?, 1);
    check_eq!(record(&right)?, b"");
    for at in [sys::PAGE - 40, sys::PAGE] {
        check_err!(region.call("sendmmsg", libc::SYS_sendmmsg, words(&left, at)), EFAULT);
        check_err!(region.call("recvmmsg", libc::SYS_recvmmsg, words(&right, at)), EFAULT);
    }
    Ok(())
}
