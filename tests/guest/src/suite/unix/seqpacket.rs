//! Connections of records: SOCK_SEQPACKET.

use std::{io::IoSliceMut, sync::Arc};

use super::help::{
    DGRAM, SEQPACKET, STREAM, UNIX, exchange, name, option, pair_of, peer_name, poll_for, ready, record,
    sequenced, set_nonblocking, set_option,
};
use crate::{
    harness::{Case, Outcome, Test, check_eq, check_err, tests},
    sys::{self, Envelope, Header, signals},
};

pub(crate) const TESTS: &[Test] = tests!("unix";
    records_keep_their_boundaries,
    records_that_do_not_fit_are_cut,
    records_are_not_joined_by_waitall,
    records_may_be_empty,
    records_have_a_largest_size,
    records_need_a_connection,
    records_go_to_the_peer_whatever_the_address,
    sequenced_listener_transfers_no_data,
    sequenced_backlog_is_honoured,
    sequenced_names_are_those_of_streams,
    sequenced_types_must_match,
    sequenced_end_comes_after_what_was_sent,
    sequenced_reset_comes_before_what_was_sent,
    sequenced_close_before_accept,
    sequenced_shutdown_of_writing,
    sequenced_shutdown_of_reading,
    sequenced_shutdown_before_connecting,
    sequenced_broken_pipe_sends_no_signal,
    sequenced_poll_shows_each_state,
    sequenced_poll_wakes,
    sequenced_full_buffer_blocks_the_sender,
    sequenced_accept_takes_nothing_from_the_listener,
);

const IN: i16 = libc::POLLIN;
const OUT: i16 = libc::POLLOUT;
const HUP: i16 = libc::POLLHUP;
const RDHUP: i16 = libc::POLLRDHUP;
const ERR: i16 = libc::POLLERR;

fn records_keep_their_boundaries(case: &Case) -> Outcome {
    let [_fd, near, far] = sequenced(&case.abstract_address("a"))?;
    for (from, to) in [(&near, &far), (&far, &near)] {
        for data in [&b"one"[..], b"two", b"three"] {
            check_eq!(sys::write(from, data)?, data.len());
        }
        for data in [&b"one"[..], b"two", b"three"] {
            check_eq!(record(to)?, data);
        }
        check_err!(record(to), EAGAIN);
    }
    Ok(())
}

fn records_that_do_not_fit_are_cut(_: &Case) -> Outcome {
    let (left, right) = pair_of(SEQPACKET)?;
    for (text, bytes, flags) in [(&b"12345"[..], 4, libc::MSG_TRUNC), (b"1234", 4, 0), (b"123", 3, 0)] {
        check_eq!(sys::send(&left, text, libc::MSG_EOR)?, text.len());
        let mut data = [0; 4];
        let mut into = [IoSliceMut::new(&mut data)];
        let header = sys::recvmsg(&right, &mut into, Envelope::default(), libc::MSG_DONTWAIT)?;
        // Linux never says MSG_EOR.
        check_eq!(header, Header { bytes, name: 0, control: 0, flags });
    }
    sys::write(&left, &[0; 100])?;
    check_eq!(sys::recv(&right, &mut [0; 10], libc::MSG_PEEK | libc::MSG_TRUNC)?, 100);
    check_eq!(sys::recv(&right, &mut [0; 10], libc::MSG_PEEK)?, 10);
    check_eq!(sys::recv(&right, &mut [0; 10], libc::MSG_TRUNC)?, 100);
    Ok(())
}

fn records_are_not_joined_by_waitall(_: &Case) -> Outcome {
    let (left, right) = pair_of(SEQPACKET)?;
    sys::write(&left, b"one")?;
    sys::write(&left, b"two")?;
    let mut data = [0; 6];
    check_eq!(sys::recv(&right, &mut data, libc::MSG_WAITALL)?, 3);
    check_eq!(&data[..3], b"one");
    Ok(())
}

fn records_may_be_empty(_: &Case) -> Outcome {
    let (left, right) = pair_of(SEQPACKET)?;
    check_eq!(sys::write(&left, b"")?, 0);
    check_eq!(ready(&right)?, IN | OUT);
    check_eq!(sys::read(&right, &mut [0; 4])?, 0);
    check_err!(record(&right), EAGAIN);
    exchange(&left, &right)
}

fn records_have_a_largest_size(_: &Case) -> Outcome {
    let (left, right) = pair_of(SEQPACKET)?;
    set_option(&left, libc::SO_SNDBUF, 10_000)?;
    check_err!(sys::write(&left, &[0; 20_000 - 31]), EMSGSIZE);
    check_eq!(sys::write(&left, &[0; 20_000 - 32])?, 20_000 - 32);
    check_eq!(sys::read(&right, &mut [0; 30_000])?, 20_000 - 32);
    Ok(())
}

fn records_need_a_connection(case: &Case) -> Outcome {
    let fd = sys::socket(UNIX, SEQPACKET, 0)?;
    let [listener, ..] = sequenced(&case.abstract_address("a"))?;
    for fd in [&fd, &listener] {
        check_err!(sys::write(fd, b"x"), ENOTCONN);
        check_err!(sys::recv(fd, &mut [0], 0), ENOTCONN);
        check_err!(sys::read(fd, &mut [0]), ENOTCONN);
        check_err!(peer_name(fd), ENOTCONN);
        check_err!(sys::sendto(fd, b"x", 0, case.abstract_address("a").bytes()), ENOTCONN);
    }
    Ok(())
}

fn records_go_to_the_peer_whatever_the_address(case: &Case) -> Outcome {
    let [_fd, near, far] = sequenced(&case.abstract_address("a"))?;
    for address in [&b"\x01\0"[..], b"\x02\0abc", b"x", case.abstract_address("absent").bytes()] {
        check_eq!(sys::sendto(&near, b"addressed", 0, address)?, 9);
        check_eq!(record(&far)?, b"addressed");
    }
    Ok(())
}

fn sequenced_listener_transfers_no_data(case: &Case) -> Outcome {
    let fd = sys::socket(UNIX, SEQPACKET, 0)?;
    check_err!(sys::listen(&fd, 1), EINVAL);
    check_err!(sys::accept(&fd), EINVAL);
    sys::bind(&fd, case.abstract_address("a").bytes())?;
    check_eq!(sys::listen(&fd, 1)?, 0);
    let mut bytes = 0;
    check_err!(sys::ioctl(&fd, libc::FIONREAD, &mut bytes), EINVAL);
    check_eq!(ready(&fd)?, 0);
    check_err!(sys::listen(&pair_of(SEQPACKET)?.0, 1), EINVAL);
    Ok(())
}

fn sequenced_backlog_is_honoured(case: &Case) -> Outcome {
    let address = case.abstract_address("a");
    let fd = sys::socket(UNIX, SEQPACKET, 0)?;
    sys::bind(&fd, address.bytes())?;
    sys::listen(&fd, 1)?;
    let connect = || {
        let fd = sys::socket(UNIX, SEQPACKET | libc::SOCK_NONBLOCK, 0)?;
        sys::connect(&fd, address.bytes()).map(|_| fd)
    };
    let (one, _two) = (connect()?, connect()?);
    check_err!(connect(), EAGAIN);
    let waiting = case.spawn({
        let address = address.clone();
        move || {
            let fd = sys::socket(UNIX, SEQPACKET, 0)?;
            sys::connect(&fd, address.bytes())?;
            Ok(fd)
        }
    });
    check_eq!(ready(&fd)?, IN);
    exchange(&one, &{
        let far = sys::accept(&fd)?;
        set_nonblocking(&far, false)?;
        far
    })?;
    let three = waiting.join()?;
    let _two_far = sys::accept(&fd)?;
    exchange(&three, &sys::accept(&fd)?)
}

fn sequenced_names_are_those_of_streams(case: &Case) -> Outcome {
    let address = case.path_address("a");
    let [fd, near, far] = sequenced(&address)?;
    check_eq!(name(&fd)?, address);
    check_eq!(name(&far)?, address);
    check_eq!(peer_name(&near)?, address);
    let late = case.abstract_address("late");
    sys::bind(&near, late.bytes())?;
    check_eq!(peer_name(&far)?, late);
    check_err!(sys::connect(&near, address.bytes()), EISCONN);
    Ok(())
}

fn sequenced_types_must_match(case: &Case) -> Outcome {
    let address = case.path_address("a");
    let _sockets = sequenced(&address)?;
    for kind in [STREAM, DGRAM] {
        check_err!(sys::connect(&sys::socket(UNIX, kind, 0)?, address.bytes()), EPROTOTYPE);
    }
    Ok(())
}

fn sequenced_end_comes_after_what_was_sent(_: &Case) -> Outcome {
    let (left, right) = pair_of(SEQPACKET)?;
    sys::write(&left, b"last")?;
    drop(left);
    check_eq!(ready(&right)?, IN | OUT | RDHUP | HUP);
    check_eq!(record(&right)?, b"last");
    for flags in [0, libc::MSG_DONTWAIT, libc::MSG_PEEK] {
        check_eq!(sys::recv(&right, &mut [0], flags)?, 0);
    }
    check_err!(sys::write(&right, b"x"), EPIPE);
    check_eq!(option(&right, libc::SO_ERROR)?, 0);
    Ok(())
}

fn sequenced_reset_comes_before_what_was_sent(_: &Case) -> Outcome {
    let (left, right) = pair_of(SEQPACKET)?;
    sys::write(&left, b"last")?;
    sys::write(&right, b"unread")?;
    drop(left);
    check_eq!(ready(&right)?, IN | OUT | RDHUP | HUP | ERR);
    check_err!(record(&right), ECONNRESET);
    check_eq!(record(&right)?, b"last");
    check_eq!(record(&right)?, b"");
    let (left, right) = pair_of(SEQPACKET)?;
    sys::write(&right, b"unread")?;
    drop(left);
    check_err!(sys::write(&right, b"x"), ECONNRESET);
    check_err!(sys::write(&right, b"x"), EPIPE);
    Ok(())
}

fn sequenced_close_before_accept(case: &Case) -> Outcome {
    let [fd, ..] = sequenced(&case.abstract_address("a"))?;
    let near = sys::socket(UNIX, SEQPACKET, 0)?;
    sys::connect(&near, case.abstract_address("a").bytes())?;
    check_eq!(sys::write(&near, b"early")?, 5);
    drop(fd);
    check_eq!(ready(&near)?, IN | OUT | RDHUP | HUP | ERR);
    check_err!(record(&near), ECONNRESET);
    check_eq!(record(&near)?, b"");
    Ok(())
}

fn sequenced_shutdown_of_writing(_: &Case) -> Outcome {
    let (left, right) = pair_of(SEQPACKET)?;
    sys::write(&left, b"before")?;
    sys::shutdown(&left, libc::SHUT_WR)?;
    check_err!(sys::write(&left, b"x"), EPIPE);
    check_eq!(ready(&right)?, IN | OUT | RDHUP);
    check_eq!(record(&right)?, b"before");
    check_eq!(record(&right)?, b"");
    check_eq!(sys::write(&right, b"back")?, 4);
    check_eq!(record(&left)?, b"back");
    check_err!(record(&left), EAGAIN);
    Ok(())
}

fn sequenced_shutdown_of_reading(_: &Case) -> Outcome {
    let (left, right) = pair_of(SEQPACKET)?;
    sys::write(&right, b"before")?;
    sys::shutdown(&left, libc::SHUT_RD)?;
    check_err!(sys::write(&right, b"x"), EPIPE);
    check_eq!(record(&left)?, b"before");
    check_eq!(record(&left)?, b"");
    check_eq!(sys::read(&left, &mut [0])?, 0);
    check_eq!(sys::write(&left, b"on")?, 2);
    check_eq!(record(&right)?, b"on");
    Ok(())
}

fn sequenced_shutdown_before_connecting(case: &Case) -> Outcome {
    let address = case.abstract_address("a");
    let [fd, ..] = sequenced(&address)?;
    let near = sys::socket(UNIX, SEQPACKET, 0)?;
    check_eq!(sys::shutdown(&near, libc::SHUT_WR)?, 0);
    check_eq!(ready(&near)?, OUT | HUP);
    sys::connect(&near, address.bytes())?;
    let far = sys::accept(&fd)?;
    check_err!(sys::write(&near, b"x"), EPIPE);
    check_eq!(ready(&far)?, OUT);
    check_eq!(sys::write(&far, b"x")?, 1);
    Ok(())
}

fn sequenced_broken_pipe_sends_no_signal(case: &Case) -> Outcome {
    case.in_child(|| {
        signals::react(libc::SIGPIPE, signals::Reaction::Record(0, 0))?;
        let (left, right) = pair_of(SEQPACKET)?;
        let (other, gone) = pair_of(DGRAM)?;
        sys::shutdown(&gone, libc::SHUT_RD)?;
        drop(right);
        check_err!(sys::write(&left, b"x"), EPIPE);
        check_err!(sys::send(&left, b"x", 0), EPIPE);
        check_err!(sys::write(&other, b"x"), EPIPE);
        check_eq!(signals::records().len(), 0);
        Ok(())
    })
}

fn sequenced_poll_shows_each_state(case: &Case) -> Outcome {
    let address = case.abstract_address("a");
    let fd = sys::socket(UNIX, SEQPACKET, 0)?;
    check_eq!(ready(&fd)?, OUT | HUP);
    sys::bind(&fd, address.bytes())?;
    check_eq!(ready(&fd)?, OUT | HUP);
    sys::listen(&fd, 1)?;
    check_eq!(ready(&fd)?, 0);
    let near = sys::socket(UNIX, SEQPACKET, 0)?;
    sys::connect(&near, address.bytes())?;
    check_eq!(ready(&fd)?, IN);
    check_eq!(ready(&near)?, OUT);
    let far = sys::accept(&fd)?;
    check_eq!(ready(&fd)?, 0);
    check_eq!(ready(&far)?, OUT);
    sys::shutdown(&far, libc::SHUT_RDWR)?;
    check_eq!(ready(&near)?, IN | OUT | RDHUP | HUP);
    Ok(())
}

fn sequenced_poll_wakes(case: &Case) -> Outcome {
    let (left, right) = pair_of(SEQPACKET)?;
    let waiting = case.spawn(move || Ok((poll_for(&right, IN, -1)?, right)));
    sys::write(&left, b"x")?;
    let (events, right) = waiting.join()?;
    check_eq!(events, IN);
    check_eq!(record(&right)?, b"x");
    let waiting = case.spawn(move || Ok(poll_for(&right, RDHUP, -1)?));
    drop(left);
    check_eq!(waiting.join()?, RDHUP | HUP);
    Ok(())
}

fn sequenced_full_buffer_blocks_the_sender(case: &Case) -> Outcome {
    let (left, right) = pair_of(SEQPACKET)?;
    let left = Arc::new(left);
    let mut count = 0;
    loop {
        match sys::send(&*left, &[0; 1000], libc::MSG_DONTWAIT) {
            Ok(_) => count += 1,
            met => {
                check_err!(met, EAGAIN);
                break;
            }
        }
    }
    check_eq!(ready(&*left)?, 0);
    let waiting = case.spawn({
        let left = Arc::clone(&left);
        move || Ok(sys::write(&*left, b"waited")?)
    });
    for _ in 0..count {
        check_eq!(sys::read(&right, &mut [0; 1000])?, 1000);
    }
    check_eq!(sys::read(&right, &mut [0; 1000])?, 6);
    check_eq!(waiting.join()?, 6);
    check_eq!(ready(&*left)?, OUT);
    Ok(())
}

fn sequenced_accept_takes_nothing_from_the_listener(case: &Case) -> Outcome {
    let address = case.abstract_address("a");
    let fd = sys::socket(UNIX, SEQPACKET | libc::SOCK_NONBLOCK, 0)?;
    set_option(&fd, libc::SO_SNDBUF, 9000)?;
    sys::bind(&fd, address.bytes())?;
    sys::listen(&fd, 1)?;
    let near = sys::socket(UNIX, SEQPACKET, 0)?;
    sys::connect(&near, address.bytes())?;
    let far = sys::accept(&fd)?;
    check_eq!(sys::fcntl(&far, libc::F_GETFL, 0)? as i32, libc::O_RDWR);
    check_eq!(option(&far, libc::SO_SNDBUF)?, option(&near, libc::SO_SNDBUF)?);
    check_eq!(option(&far, libc::SO_TYPE)?, SEQPACKET);
    check_eq!(option(&far, libc::SO_ACCEPTCONN)?, 0);
    exchange(&near, &far)
}
