//! Bytes on a connection: boundaries, partial writes, large transfers, the end of the stream.

use std::sync::Arc;

use super::help::{
    accepted, drain, exchange, fill, listener, option, pair, pattern, poll_for, read_full, ready,
    set_nonblocking, socket, write_all,
};
use crate::{
    harness::{Case, Outcome, Test, check, check_eq, check_err, tests},
    sys,
};

pub(crate) const TESTS: &[Test] = tests!("unix";
    stream_keeps_order_and_no_boundaries,
    stream_delivers_a_write_in_pieces,
    stream_write_of_nothing_sends_nothing,
    stream_read_into_nothing_takes_nothing,
    stream_directions_are_independent,
    stream_read_blocks_until_data_comes,
    stream_read_blocks_until_the_peer_closes,
    stream_nonblocking_read_of_nothing,
    stream_fills_and_drains,
    stream_fills_one_direction_only,
    stream_nonblocking_write_is_partial,
    stream_blocked_write_goes_on_when_drained,
    stream_blocked_write_ends_when_the_peer_closes,
    stream_large_write_arrives_whole,
    stream_large_transfers_both_ways_at_once,
    stream_large_transfer_through_a_path,
    stream_small_buffers_carry_large_data,
    stream_many_small_messages,
    stream_unconnected_transfers_nothing,
    stream_end_comes_after_the_data,
    stream_write_to_a_closed_peer,
    stream_reset_by_unread_data,
    stream_reset_comes_after_the_data,
    stream_reset_is_in_so_error,
    stream_many_readers_lose_nothing,
    stream_many_writers_lose_nothing,
    stream_pairs_are_separate,
);

fn stream_keeps_order_and_no_boundaries(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    for part in [&b"one"[..], b"two", b"", b"three"] {
        check_eq!(sys::write(&left, part)?, part.len());
    }
    let mut data = [0; 64];
    check_eq!(sys::read(&right, &mut data)?, 11);
    check_eq!(&data[..11], b"onetwothree");
    Ok(())
}

fn stream_delivers_a_write_in_pieces(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    let sent = pattern(1, 1000);
    sys::write(&left, &sent)?;
    let mut got = Vec::new();
    for size in [1, 2, 3, 5, 100, 500, 389] {
        let mut piece = vec![0; size];
        check_eq!(sys::read(&right, &mut piece)?, size);
        got.extend_from_slice(&piece);
    }
    check!(got == sent);
    check_err!(sys::recv(&right, &mut [0], libc::MSG_DONTWAIT), EAGAIN);
    Ok(())
}

fn stream_write_of_nothing_sends_nothing(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    check_eq!(sys::write(&left, &[])?, 0);
    check_eq!(sys::send(&left, &[], 0)?, 0);
    check_eq!(ready(&right)?, libc::POLLOUT);
    check_err!(sys::recv(&right, &mut [0; 4], libc::MSG_DONTWAIT), EAGAIN);
    exchange(&left, &right)
}

fn stream_read_into_nothing_takes_nothing(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    check_eq!(sys::read(&right, &mut [])?, 0, "read of nothing never blocks");
    check_err!(sys::recv(&right, &mut [], libc::MSG_DONTWAIT), EAGAIN, "recv of nothing waits for data");
    sys::write(&left, b"x")?;
    check_eq!(sys::read(&right, &mut [])?, 0);
    check_eq!(sys::recv(&right, &mut [], 0)?, 0);
    let mut data = [0];
    check_eq!(sys::read(&right, &mut data)?, 1);
    check_eq!(&data, b"x");
    Ok(())
}

fn stream_directions_are_independent(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    sys::write(&left, b"to the right")?;
    sys::write(&right, b"to the left")?;
    let mut data = [0; 32];
    check_eq!(sys::read(&left, &mut data)?, 11);
    check_eq!(&data[..11], b"to the left");
    check_eq!(sys::read(&right, &mut data)?, 12);
    check_eq!(&data[..12], b"to the right");
    Ok(())
}

fn stream_read_blocks_until_data_comes(case: &Case) -> Outcome {
    let (left, right) = pair()?;
    let waiting = case.spawn(move || {
        let mut data = [0; 8];
        let count = sys::read(&right, &mut data)?;
        Ok((count, data, right))
    });
    check_eq!(sys::write(&left, b"wake")?, 4);
    let (count, data, _right) = waiting.join()?;
    check_eq!(&data[..count], b"wake");
    Ok(())
}

fn stream_read_blocks_until_the_peer_closes(case: &Case) -> Outcome {
    let (left, right) = pair()?;
    let waiting = case.spawn(move || Ok(sys::read(&right, &mut [0])?));
    drop(left);
    check_eq!(waiting.join()?, 0);
    Ok(())
}

fn stream_nonblocking_read_of_nothing(_: &Case) -> Outcome {
    let (left, right) = sys::socketpair(libc::AF_UNIX, libc::SOCK_STREAM | libc::SOCK_NONBLOCK, 0)?;
    check_err!(sys::read(&left, &mut [0]), EAGAIN);
    sys::write(&right, b"ab")?;
    let mut data = [0; 8];
    check_eq!(sys::read(&left, &mut data)?, 2, "what is there, not what was asked for");
    check_err!(sys::read(&left, &mut data), EAGAIN);
    set_nonblocking(&left, false)?;
    sys::write(&right, b"c")?;
    check_eq!(sys::read(&left, &mut data)?, 1);
    Ok(())
}

fn stream_fills_and_drains(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    let mut totals = Vec::new();
    for round in 0..3 {
        check_eq!(poll_for(&left, libc::POLLOUT, 0)?, libc::POLLOUT, "round {round}");
        let filled = fill(&left)?;
        check!(filled >= 4096, "only {filled} bytes fit");
        check_eq!(poll_for(&left, libc::POLLOUT, 0)?, 0, "round {round}: full");
        check_err!(sys::send(&left, b"x", libc::MSG_DONTWAIT), EAGAIN);
        check_eq!(drain(&right)?, filled, "round {round}");
        totals.push(filled);
    }
    check!(totals.windows(2).all(|two| two[0] == two[1]), "the room is the same each time: {totals:?}");
    Ok(())
}

fn stream_fills_one_direction_only(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    let filled = fill(&left)?;
    check_eq!(poll_for(&right, libc::POLLOUT | libc::POLLIN, 0)?, libc::POLLOUT | libc::POLLIN);
    check_eq!(sys::write(&right, b"back")?, 4);
    let mut data = [0; 8];
    check_eq!(sys::read(&left, &mut data)?, 4);
    check_eq!(drain(&right)?, filled);
    Ok(())
}

fn stream_nonblocking_write_is_partial(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    let sent = pattern(2, 4 << 20);
    let count = sys::send(&left, &sent, libc::MSG_DONTWAIT)?;
    check!(count > 0 && count < sent.len(), "{count} of {}", sent.len());
    let mut got = vec![0; count];
    check_eq!(read_full(&right, &mut got)?, count);
    check!(got == sent[..count]);
    check_err!(sys::recv(&right, &mut [0], libc::MSG_DONTWAIT), EAGAIN);
    Ok(())
}

fn stream_blocked_write_goes_on_when_drained(case: &Case) -> Outcome {
    let (left, right) = pair()?;
    let filled = fill(&left)?;
    let writer = case.spawn(move || {
        check_eq!(sys::write(&left, b"last")?, 4);
        Ok(left)
    });
    let mut data = vec![0; filled + 4];
    check_eq!(read_full(&right, &mut data)?, filled + 4);
    check_eq!(&data[filled..], b"last");
    writer.join()?;
    Ok(())
}

fn stream_blocked_write_ends_when_the_peer_closes(case: &Case) -> Outcome {
    let (left, right) = pair()?;
    fill(&left)?;
    let writer = case.spawn(move || {
        // Waiting or not yet: the peer is gone, with data unread.
        match sys::write(&left, b"unsent") {
            Err(errno) if errno.0 == libc::EPIPE || errno.0 == libc::ECONNRESET => Ok(()),
            other => Err(crate::harness::Failure::here(format!("write gives {other:?}"))),
        }
    });
    drop(right);
    writer.join()
}

fn stream_large_write_arrives_whole(case: &Case) -> Outcome {
    let (left, right) = pair()?;
    let sent = Arc::new(pattern(3, 2_000_003));
    let writer = case.spawn({
        let sent = Arc::clone(&sent);
        move || {
            check_eq!(sys::write(&left, &sent)?, sent.len(), "a blocking write writes all");
            Ok(())
        }
    });
    let mut got = vec![0; sent.len() + 1];
    check_eq!(read_full(&right, &mut got)?, sent.len());
    check!(
        got[..sent.len()] == sent[..],
        "the bytes differ at {:?}",
        got.iter().zip(&*sent).position(|(a, b)| a != b)
    );
    writer.join()
}

fn stream_large_transfers_both_ways_at_once(case: &Case) -> Outcome {
    const LENGTH: usize = 1_500_007;
    let (left, right) = pair()?;
    let (left, right) = (Arc::new(left), Arc::new(right));
    let sending = |fd: &Arc<std::os::fd::OwnedFd>, seed| {
        let fd = Arc::clone(fd);
        case.spawn(move || {
            let data = pattern(seed, LENGTH);
            // Sizes that share no factor with buffers or pages.
            for piece in data.chunks(7919) {
                write_all(&*fd, piece)?;
            }
            Ok(())
        })
    };
    let receiving = |fd: &Arc<std::os::fd::OwnedFd>, seed| {
        let fd = Arc::clone(fd);
        case.spawn(move || {
            let expected = pattern(seed, LENGTH);
            let mut got = vec![0; LENGTH];
            let mut done = 0;
            while done < LENGTH {
                let end = (done + 10_007).min(LENGTH);
                let count = sys::read(&*fd, &mut got[done..end])?;
                check!(count > 0, "the stream ended at {done}");
                done += count;
            }
            check!(got == expected, "differs at {:?}", got.iter().zip(&expected).position(|(a, b)| a != b));
            Ok(())
        })
    };
    let workers = [sending(&left, 11), sending(&right, 12), receiving(&right, 11), receiving(&left, 12)];
    workers.into_iter().try_for_each(crate::harness::Worker::join)
}

fn stream_large_transfer_through_a_path(case: &Case) -> Outcome {
    let address = case.path_address("node");
    let fd = listener(&address, 1)?;
    let sent = Arc::new(pattern(4, 700_001));
    let sender = case.spawn({
        let (sent, address) = (Arc::clone(&sent), address.clone());
        move || {
            let near = super::help::client(&address)?;
            write_all(&near, &sent)?;
            sys::shutdown(&near, libc::SHUT_WR)?;
            let mut answer = [0; 8];
            check_eq!(read_full(&near, &mut answer)?, 8);
            Ok(u64::from_ne_bytes(answer))
        }
    });
    let far = sys::accept(&fd)?;
    let mut got = vec![0; sent.len() + 1];
    let count = read_full(&far, &mut got)?;
    check_eq!(count, sent.len());
    let sum = |bytes: &[u8]| {
        bytes.iter().fold(7u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)))
    };
    sys::write(&far, &sum(&got[..count]).to_ne_bytes())?;
    check_eq!(sender.join()?, sum(&sent));
    Ok(())
}

fn stream_small_buffers_carry_large_data(case: &Case) -> Outcome {
    let (left, right) = pair()?;
    for fd in [&left, &right] {
        super::help::set_option(fd, libc::SO_SNDBUF, 1)?;
        super::help::set_option(fd, libc::SO_RCVBUF, 1)?;
    }
    let sent = Arc::new(pattern(5, 100_003));
    let writer = case.spawn({
        let sent = Arc::clone(&sent);
        move || {
            check_eq!(sys::write(&left, &sent)?, sent.len());
            Ok(left)
        }
    });
    let mut got = vec![0; sent.len()];
    check_eq!(read_full(&right, &mut got)?, sent.len());
    check!(got == *sent);
    let left = writer.join()?;
    exchange(&left, &right)
}

fn stream_many_small_messages(case: &Case) -> Outcome {
    const ROUNDS: u32 = 500;
    let (left, right) = pair()?;
    let echo = case.spawn(move || {
        let mut data = [0; 4];
        for _ in 0..ROUNDS {
            check_eq!(read_full(&right, &mut data)?, 4);
            write_all(&right, &(u32::from_ne_bytes(data) ^ u32::MAX).to_ne_bytes())?;
        }
        Ok(())
    });
    for round in 0..ROUNDS {
        write_all(&left, &round.to_ne_bytes())?;
        let mut data = [0; 4];
        check_eq!(read_full(&left, &mut data)?, 4);
        check_eq!(u32::from_ne_bytes(data), !round);
    }
    echo.join()
}

fn stream_unconnected_transfers_nothing(case: &Case) -> Outcome {
    let fd = socket()?;
    for bound in [false, true] {
        if bound {
            sys::bind(&fd, case.abstract_address("a").bytes())?;
        }
        check_err!(sys::read(&fd, &mut [0]), EINVAL);
        check_err!(sys::recv(&fd, &mut [0], 0), EINVAL);
        check_err!(sys::recv(&fd, &mut [0], libc::MSG_DONTWAIT), EINVAL);
        check_eq!(sys::read(&fd, &mut [])?, 0, "read of nothing asks nobody");
        check_err!(sys::write(&fd, b"x"), ENOTCONN);
        check_err!(sys::send(&fd, b"x", libc::MSG_DONTWAIT), ENOTCONN);
        check_err!(sys::send(&fd, b"", 0), ENOTCONN);
    }
    Ok(())
}

fn stream_end_comes_after_the_data(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    sys::write(&left, b"data")?;
    drop(left);
    let mut data = [0; 3];
    check_eq!(sys::read(&right, &mut data)?, 3);
    check_eq!(sys::read(&right, &mut data)?, 1);
    for _ in 0..3 {
        check_eq!(sys::read(&right, &mut data)?, 0, "the end stays");
    }
    Ok(())
}

fn stream_write_to_a_closed_peer(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    drop(right);
    // The program ignores SIGPIPE, as every Rust program does.
    for _ in 0..2 {
        check_err!(sys::write(&left, b"x"), EPIPE);
        check_err!(sys::send(&left, b"x", 0), EPIPE);
        check_err!(sys::send(&left, b"x", libc::MSG_NOSIGNAL), EPIPE);
        check_err!(sys::send(&left, b"", libc::MSG_NOSIGNAL), EPIPE);
    }
    check_eq!(sys::read(&left, &mut [0])?, 0);
    check_eq!(option(&left, libc::SO_ERROR)?, 0);
    Ok(())
}

fn stream_reset_by_unread_data(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    sys::write(&left, b"unread")?;
    drop(right);
    check_err!(sys::write(&left, b"x"), EPIPE);
    check_err!(sys::read(&left, &mut [0]), ECONNRESET);
    check_eq!(sys::read(&left, &mut [0])?, 0, "the error is reported once");
    Ok(())
}

fn stream_reset_comes_after_the_data(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    sys::write(&left, b"unread")?;
    sys::write(&right, b"farewell")?;
    drop(right);
    let mut data = [0; 16];
    check_eq!(sys::read(&left, &mut data)?, 8);
    check_eq!(&data[..8], b"farewell");
    check_err!(sys::read(&left, &mut data), ECONNRESET);
    check_eq!(sys::read(&left, &mut data)?, 0);
    Ok(())
}

fn stream_reset_is_in_so_error(case: &Case) -> Outcome {
    let address = case.abstract_address("a");
    let fd = listener(&address, 1)?;
    let (near, far) = accepted(&fd, &address)?;
    sys::write(&near, b"unread")?;
    drop(far);
    let polled = ready(&near)?;
    check_eq!(polled, libc::POLLIN | libc::POLLOUT | libc::POLLRDHUP | libc::POLLHUP | libc::POLLERR);
    check_eq!(option(&near, libc::SO_ERROR)?, libc::ECONNRESET);
    check_eq!(option(&near, libc::SO_ERROR)?, 0, "reading the error clears it");
    check_eq!(ready(&near)? & libc::POLLERR, 0);
    check_eq!(sys::read(&near, &mut [0])?, 0);
    Ok(())
}

fn stream_many_readers_lose_nothing(case: &Case) -> Outcome {
    const BYTES: usize = 60_000;
    let (left, right) = pair()?;
    let right = Arc::new(right);
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let right = Arc::clone(&right);
            case.spawn(move || {
                let mut counts = [0u64; 256];
                let mut data = [0; 97];
                loop {
                    match sys::read(&*right, &mut data)? {
                        0 => return Ok(counts),
                        count => data[..count].iter().for_each(|byte| counts[*byte as usize] += 1),
                    }
                }
            })
        })
        .collect();
    let sent = pattern(6, BYTES);
    write_all(&left, &sent)?;
    drop(left);
    let mut counts = [0u64; 256];
    for reader in readers {
        for (sum, count) in counts.iter_mut().zip(reader.join()?) {
            *sum += count;
        }
    }
    let mut expected = [0u64; 256];
    sent.iter().for_each(|byte| expected[*byte as usize] += 1);
    check!(counts == expected);
    Ok(())
}

fn stream_many_writers_lose_nothing(case: &Case) -> Outcome {
    const EACH: usize = 4000;
    let (left, right) = pair()?;
    let left = Arc::new(left);
    let writers: Vec<_> = (0..4u8)
        .map(|writer| {
            let left = Arc::clone(&left);
            case.spawn(move || {
                for index in 0..EACH {
                    // Two bytes in one write stay together.
                    check_eq!(sys::write(&*left, &[b'a' + writer, index as u8])?, 2);
                }
                Ok(())
            })
        })
        .collect();
    let mut next = [0u8; 4];
    let mut got = vec![0; EACH * 8];
    check_eq!(read_full(&right, &mut got)?, EACH * 8);
    for two in got.chunks(2) {
        let writer = usize::from(two[0].wrapping_sub(b'a'));
        check!(writer < 4, "no writer wrote {two:?}");
        check_eq!(two[1], next[writer], "writer {writer} is in order");
        next[writer] = next[writer].wrapping_add(1);
    }
    writers.into_iter().try_for_each(crate::harness::Worker::join)
}

fn stream_pairs_are_separate(_: &Case) -> Outcome {
    let pairs = (0..40).map(|_| pair()).collect::<Result<Vec<_>, _>>()?;
    for (index, (left, right)) in pairs.iter().enumerate() {
        sys::write(left, &[index as u8])?;
        sys::write(right, &[index as u8 + 100])?;
    }
    for (index, (left, right)) in pairs.iter().enumerate().rev() {
        let mut data = [0; 2];
        check_eq!(sys::read(left, &mut data)?, 1);
        check_eq!(data[0], index as u8 + 100);
        check_eq!(sys::read(right, &mut data)?, 1);
        check_eq!(data[0], index as u8);
    }
    Ok(())
}
