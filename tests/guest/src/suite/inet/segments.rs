//! How a stream is cut into segments, and what is told of them: TCP_CORK, MSG_MORE, TCP_QUICKACK, TCP_INFO, MSG_TRUNC,
//! SO_LINGER (`tcp(7)`, `socket(7)`).

use std::time::{Duration, Instant};

use super::help::{DGRAM, FAMILIES, STREAM, V4, client, connection, listener, wait_for};
use super::options::{get, set};
use crate::{
    errno::Result,
    harness::{Case, Outcome, Test, check, check_eq, check_err, tests},
    suite::unix::{
        every::{RECEIVES, SENDS},
        help::{exchange, fill, read_full, set_nonblocking},
    },
    sys::{self, Descriptor},
};

pub(crate) const TESTS: &[Test] = tests!("inet";
    cork_of_streams_is_a_switch,
    cork_holds_short_segments_back,
    cork_lets_whole_segments_go,
    cork_does_not_hold_back_for_ever,
    cork_is_pulled_by_shutdown_and_close,
    more_follows_and_goes_together,
    info_of_a_connection,
    info_of_states,
    info_is_cut,
    acknowledgements_can_be_quick,
    trunc_gives_bytes_up,
    linger_waits_for_what_was_sent,
    linger_waits_no_longer_than_it_must,
    linger_is_shown,
);

const TCP: i32 = libc::IPPROTO_TCP;
const NODELAY: i32 = libc::TCP_NODELAY;
const CORK: i32 = libc::TCP_CORK;

/// `struct tcp_info`, as far as there was room.
#[track_caller]
pub(crate) fn info(fd: &impl Descriptor, room: usize) -> Result<Vec<u8>> {
    let (mut bytes, mut length) = (vec![0xa5; room], room as i32);
    sys::getsockopt(fd, TCP, libc::TCP_INFO, &mut bytes, &mut length)?;
    bytes.truncate(length as usize);
    Ok(bytes)
}

/// A field of 32 bits, or of 64.
pub(crate) fn word(info: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes(info[at..at + 4].try_into().expect("four bytes"))
}

pub(crate) fn wide(info: &[u8], at: usize) -> u64 {
    u64::from_ne_bytes(info[at..at + 8].try_into().expect("eight bytes"))
}

/// Fields' places in it.
pub(crate) const SEND_MSS: usize = 16;
const UNACKED: usize = 24;
const SACKED: usize = 28;
const RETRANSMITTED: usize = 100;
pub(crate) const RECEIVED: usize = 128;
const DATA_IN: usize = 152;
const DATA_OUT: usize = 156;
const BYTES_SENT: usize = 200;

fn cork_of_streams_is_a_switch(_: &Case) -> Outcome {
    for family in FAMILIES {
        let fd = sys::socket(family, STREAM, 0)?;
        check_eq!(get(&fd, TCP, CORK)?, 0);
        set(&fd, TCP, CORK, 5)?;
        check_eq!(get(&fd, TCP, CORK)?, 1);
        // Both may be set.
        set(&fd, TCP, NODELAY, 1)?;
        check_eq!((get(&fd, TCP, CORK)?, get(&fd, TCP, NODELAY)?), (1, 1));
        set(&fd, TCP, CORK, 0)?;
        check_eq!((get(&fd, TCP, CORK)?, get(&fd, TCP, NODELAY)?), (0, 1));
    }
    Ok(())
}

fn cork_holds_short_segments_back(_: &Case) -> Outcome {
    for family in FAMILIES {
        let (one, other) = connection(family)?;
        set(&one, TCP, CORK, 1)?;
        for _ in 0..3 {
            check_eq!(sys::write(&one, b"short")?, 5);
        }
        check_err!(sys::recv(&other, &mut [0; 32], libc::MSG_DONTWAIT), EAGAIN);
        let mut unsent = 0;
        sys::ioctl(&one, libc::TIOCOUTQ, &mut unsent)?;
        check_eq!(unsent, 15);
        set(&one, TCP, CORK, 0)?;
        let mut data = [0; 32];
        wait_for(&other, libc::POLLIN)?;
        check_eq!(sys::recv(&other, &mut data, 0)?, 15);
        check_eq!(word(&info(&other, 248)?, DATA_IN), 1, "in one segment");
        // TCP_NODELAY lets go of what waits, too.
        set(&one, TCP, CORK, 1)?;
        sys::write(&one, b"again")?;
        set(&one, TCP, NODELAY, 1)?;
        wait_for(&other, libc::POLLIN)?;
        check_eq!(sys::recv(&other, &mut data, 0)?, 5);
        set(&one, TCP, CORK, 0)?;
        exchange(&one, &other)?;
    }
    Ok(())
}

fn cork_lets_whole_segments_go(_: &Case) -> Outcome {
    let (fd, address) = listener(V4, 1)?;
    let one = sys::socket(V4, STREAM, 0)?;
    set(&one, TCP, libc::TCP_MAXSEG, 1000)?;
    sys::connect(&one, address.bytes())?;
    let other = sys::accept(&fd)?;
    set(&one, TCP, CORK, 1)?;
    let segment = word(&info(&one, 248)?, SEND_MSS) as usize;
    let length = segment * 2 + segment / 2;
    let data: Vec<u8> = (0..length).map(|place| place as u8).collect();
    for piece in data.chunks(100) {
        check_eq!(sys::write(&one, piece)?, piece.len());
    }
    let mut got = vec![0; length];
    check_eq!(read_full(&other, &mut got[..segment * 2])?, segment * 2);
    check_err!(sys::recv(&other, &mut [0; 8], libc::MSG_DONTWAIT), EAGAIN);
    set(&one, TCP, CORK, 0)?;
    check_eq!(read_full(&other, &mut got[segment * 2..])?, length - segment * 2);
    check!(got == data);
    Ok(())
}

fn cork_does_not_hold_back_for_ever(_: &Case) -> Outcome {
    let (one, other) = connection(V4)?;
    set(&one, TCP, CORK, 1)?;
    sys::write(&one, b"after a while")?;
    // 200 ms at most, tcp(7) says.
    check_eq!(sys::read(&other, &mut [0; 32])?, 13);
    Ok(())
}

fn cork_is_pulled_by_shutdown_and_close(_: &Case) -> Outcome {
    for family in FAMILIES {
        let (one, other) = connection(family)?;
        set(&one, TCP, CORK, 1)?;
        sys::write(&one, b"first")?;
        sys::shutdown(&one, libc::SHUT_WR)?;
        let mut data = [0; 32];
        check_eq!(read_full(&other, &mut data)?, 5);
        let (one, other) = connection(family)?;
        set(&one, TCP, CORK, 1)?;
        sys::write(&one, b"second")?;
        drop(one);
        check_eq!(read_full(&other, &mut data)?, 6);
    }
    Ok(())
}

fn more_follows_and_goes_together(_: &Case) -> Outcome {
    for family in FAMILIES {
        let (one, other) = connection(family)?;
        for (call, send) in SENDS {
            check_eq!(send(&one, b"one more ", libc::MSG_MORE)?, 9, "{call}");
            check_err!(sys::recv(&other, &mut [0; 32], libc::MSG_DONTWAIT), EAGAIN, "{call}");
            check_eq!(sys::send(&one, b"segment", 0)?, 7);
            let mut data = [0; 32];
            wait_for(&other, libc::POLLIN)?;
            check_eq!(sys::recv(&other, &mut data, 0)?, 16, "{call}");
            check_eq!(&data[..16], b"one more segment");
        }
    }
    Ok(())
}

fn info_of_a_connection(_: &Case) -> Outcome {
    for family in FAMILIES {
        let (one, other) = connection(family)?;
        sys::write(&one, &[1; 1000])?;
        sys::write(&one, &[2; 500])?;
        check_eq!(read_full(&other, &mut [0; 1500])?, 1500);
        sys::write(&other, b"x")?;
        check_eq!(sys::read(&one, &mut [0; 4])?, 1);
        let [near, far] = [info(&one, 248)?, info(&other, 248)?];
        for info in [&near, &far] {
            // TCP_ESTABLISHED, and timestamps, SACK and scaled windows.
            check_eq!((info[0], info[5] & 7), (1, 7));
            check!(word(info, SEND_MSS) > 500);
            check_eq!((word(info, RETRANSMITTED), info[2], info[3], info[4]), (0, 0, 0, 0));
            check!(word(info, 8) > 0, "a timeout");
            check!(word(info, 60) >= 16_384, "the way's MTU");
        }
        check_eq!((wide(&near, RECEIVED), wide(&far, RECEIVED)), (1, 1500));
        check_eq!((word(&near, DATA_OUT), word(&far, DATA_IN)), (2, 2));
        check_eq!((word(&near, DATA_IN), word(&far, DATA_OUT)), (1, 1));
        check_eq!((wide(&near, BYTES_SENT), wide(&far, BYTES_SENT)), (1500, 1));
    }
    Ok(())
}

fn info_of_states(_: &Case) -> Outcome {
    for family in FAMILIES {
        let fd = sys::socket(family, STREAM, 0)?;
        // TCP_CLOSE
        check_eq!(info(&fd, 248)?[0], 7);
        let (fd, address) = listener(family, 5)?;
        let listening = info(&fd, 248)?;
        check_eq!((listening[0], word(&listening, UNACKED), word(&listening, SACKED)), (10, 0, 5));
        let near = client(family, &address)?;
        wait_for(&fd, libc::POLLIN)?;
        check_eq!(word(&info(&fd, 248)?, UNACKED), 1, "one waits");
        let far = sys::accept(&fd)?;
        sys::shutdown(&near, libc::SHUT_WR)?;
        wait_for(&far, libc::POLLRDHUP)?;
        // TCP_CLOSE_WAIT; and TCP_FIN_WAIT2, as soon as the FIN is acknowledged.
        check_eq!(info(&far, 248)?[0], 8);
        let begun = Instant::now();
        while info(&near, 248)?[0] == 4 && begun.elapsed().as_secs() < 10 {
            std::thread::yield_now();
        }
        check_eq!(info(&near, 248)?[0], 5);
    }
    Ok(())
}

fn info_is_cut(_: &Case) -> Outcome {
    let (one, _other) = connection(V4)?;
    for room in [0, 1, 8, 104, 232] {
        check_eq!(info(&one, room)?.len(), room);
    }
    let whole = info(&one, 1000)?.len();
    check!((232..400).contains(&whole), "{whole}");
    check_err!(info(&sys::socket(V4, DGRAM, 0)?, 8), EOPNOTSUPP);
    check_err!(set(&one, TCP, libc::TCP_INFO, 1), ENOPROTOOPT);
    Ok(())
}

fn acknowledgements_can_be_quick(_: &Case) -> Outcome {
    for family in FAMILIES {
        let (one, other) = connection(family)?;
        for value in [0, 1] {
            set(&one, TCP, libc::TCP_QUICKACK, value)?;
            check_eq!(get(&one, TCP, libc::TCP_QUICKACK)?, value);
            exchange(&one, &other)?;
        }
    }
    Ok(())
}

fn trunc_gives_bytes_up(_: &Case) -> Outcome {
    for family in FAMILIES {
        let (one, other) = connection(family)?;
        for (call, receive) in RECEIVES {
            sys::write(&one, b"eight...")?;
            wait_for(&other, libc::POLLIN)?;
            let mut data = [b'-'; 5];
            check_eq!(receive(&other, &mut data, libc::MSG_TRUNC | libc::MSG_PEEK)?, 5, "{call}");
            check_eq!(receive(&other, &mut data, libc::MSG_TRUNC)?, 5, "{call}");
            check_eq!(&data, b"-----", "nothing is stored by {call}");
            check_eq!(sys::recv(&other, &mut data, 0)?, 3);
            check_eq!(&data[..3], b"...");
        }
    }
    Ok(())
}

#[track_caller]
fn set_linger(fd: &impl Descriptor, seconds: i32) -> Result<usize> {
    let value = [1_i32.to_ne_bytes(), seconds.to_ne_bytes()].concat();
    sys::setsockopt(fd, libc::SOL_SOCKET, libc::SO_LINGER, &value)
}

fn linger_waits_for_what_was_sent(_: &Case) -> Outcome {
    let (one, other) = connection(V4)?;
    set_linger(&one, 1)?;
    set_nonblocking(&one, true)?;
    let filled = fill(&one)?;
    // Nobody reads: a second passes, whether the socket is a blocking one or not.
    let begun = Instant::now();
    drop(one);
    check!(begun.elapsed() >= Duration::from_millis(900), "{:?}", begun.elapsed());
    // And nothing is lost.
    let mut rest = vec![0; filled + 1];
    check_eq!(read_full(&other, &mut rest)?, filled);
    Ok(())
}

fn linger_waits_no_longer_than_it_must(case: &Case) -> Outcome {
    for family in FAMILIES {
        let (one, other) = connection(family)?;
        set_linger(&one, 100)?;
        sys::write(&one, b"data")?;
        let begun = Instant::now();
        drop(one);
        check_eq!(read_full(&other, &mut [0; 8])?, 4);
        check!(begun.elapsed() < Duration::from_secs(50));
        // Somebody reads while it waits.
        let (one, other) = connection(family)?;
        set_linger(&one, 100)?;
        set_nonblocking(&one, true)?;
        let filled = fill(&one)?;
        let reader = case.spawn(move || {
            let mut rest = vec![0; filled + 1];
            Ok(read_full(&other, &mut rest)?)
        });
        drop(one);
        check_eq!(reader.join()?, filled);
        check!(begun.elapsed() < Duration::from_secs(50));
    }
    Ok(())
}

fn linger_is_shown(_: &Case) -> Outcome {
    for family in FAMILIES {
        for kind in [STREAM, DGRAM] {
            let fd = sys::socket(family, kind, 0)?;
            set_linger(&fd, 7)?;
            let (mut value, mut length) = ([0; 8], 8);
            sys::getsockopt(&fd, libc::SOL_SOCKET, libc::SO_LINGER, &mut value, &mut length)?;
            check_eq!(value, [1, 0, 0, 0, 7, 0, 0, 0]);
        }
    }
    Ok(())
}
