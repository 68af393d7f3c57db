//! splice(2), tee(2), vmsplice(2).

use std::io::{IoSlice, IoSliceMut};

use super::{contents, file, pattern};
use crate::{
    harness::{Case, Outcome, Test, check, check_eq, check_err, tests},
    suite::unix::help::{pair, read_full, set_nonblocking},
    sys,
};

pub(crate) const TESTS: &[Test] = tests!("splice::pipes";
    a_file_goes_through_a_pipe, offsets_that_are_given_move, pipes_pass_on_what_they_have, a_full_pipe_takes_no_more,
    readers_wait_for_writers, writers_wait_for_readers, the_end_of_a_pipe_is_the_end, sockets_and_pipes,
    a_socket_that_waits_gets_all, hints_change_nothing, tee_leaves_what_it_copies, vmsplice_both_ways, moved_pages_are_not_added_to,
);

const NOW: u32 = libc::SPLICE_F_NONBLOCK;

fn a_file_goes_through_a_pipe(case: &Case) -> Outcome {
    let expected = pattern(300_007);
    let from = file(case, "from", &expected)?;
    let to = file(case, "to", b"")?;
    let (reader, writer) = sys::pipe2(0)?;
    loop {
        let count = sys::splice(&from, None, &writer, None, 1 << 20, 0)?;
        if count == 0 {
            break;
        }
        check!(count <= 65_536);
        let mut left = count;
        while left > 0 {
            left -= sys::splice(&reader, None, &to, None, left, 0)?;
        }
    }
    check!(contents(&to)? == expected);
    Ok(())
}

fn offsets_that_are_given_move(case: &Case) -> Outcome {
    let from = file(case, "from", b"0123456789")?;
    let to = file(case, "to", b"")?;
    let (reader, writer) = sys::pipe2(0)?;
    let (mut start, mut end) = (4, 2);
    check_eq!(sys::splice(&from, Some(&mut start), &writer, None, 3, 0)?, 3);
    check_eq!(sys::splice(&reader, None, &to, Some(&mut end), 100, 0)?, 3);
    check_eq!((start, end), (7, 5));
    check_eq!(sys::lseek(&from, 0, libc::SEEK_CUR)?, 0);
    check_eq!(sys::lseek(&to, 0, libc::SEEK_CUR)?, 0);
    check_eq!(contents(&to)?, b"\0\x00456");
    Ok(())
}

fn pipes_pass_on_what_they_have(_: &Case) -> Outcome {
    let (reader, writer) = sys::pipe2(0)?;
    let (reader2, writer2) = sys::pipe2(0)?;
    let expected = pattern(20_000);
    check_eq!(sys::write(&writer, &expected)?, 20_000);
    check_eq!(sys::splice(&reader, None, &writer2, None, 100, 0)?, 100);
    check_eq!(sys::splice(&reader, None, &writer2, None, 10_000, 0)?, 10_000);
    check_eq!(sys::splice(&reader, None, &writer2, None, 100_000, 0)?, 9_900);
    let mut all = vec![0; 20_000];
    check_eq!(read_full(&reader2, &mut all)?, 20_000);
    check!(all == expected);
    check_err!(sys::splice(&reader, None, &writer2, None, 1, NOW), EAGAIN);
    Ok(())
}

fn a_full_pipe_takes_no_more(case: &Case) -> Outcome {
    let zero = sys::open(c"/dev/zero", libc::O_RDONLY, 0)?;
    let (reader, writer) = sys::pipe2(0)?;
    sys::write(&writer, b"abc")?;
    // A page is taken already.
    check_eq!(sys::splice(&zero, None, &writer, None, 1 << 20, 0)?, 15 * 4096);
    check_err!(sys::splice(&zero, None, &writer, None, 1, NOW), EAGAIN);
    set_nonblocking(&writer, true)?;
    check_err!(sys::splice(&zero, None, &writer, None, 1, 0), EAGAIN);
    let (reader2, writer2) = sys::pipe2(0)?;
    sys::write(&writer2, b"x")?;
    check_err!(sys::splice(&reader2, None, &writer, None, 1, 0), EAGAIN);
    check_err!(sys::tee(&reader2, &writer, 1, 0), EAGAIN);
    drop(reader);
    check_err!(sys::splice(&zero, None, &writer, None, 1, 0), EPIPE);
    check_err!(sys::splice(&reader2, None, &writer, None, 1, 0), EPIPE);
    check_err!(sys::tee(&reader2, &writer, 1, 0), EPIPE);
    let from = file(case, "from", b"1")?;
    check_err!(sys::splice(&from, None, &writer, None, 1, 0), EPIPE);
    Ok(())
}

fn readers_wait_for_writers(case: &Case) -> Outcome {
    let (reader, writer) = sys::pipe2(0)?;
    let (reader2, writer2) = sys::pipe2(0)?;
    let to = file(case, "to", b"")?;
    let mover = case.spawn(move || {
        check_eq!(sys::splice(&reader, None, &writer2, None, 100, 0)?, 3);
        check_eq!(sys::splice(&reader, None, &to, None, 100, 0)?, 2);
        check_eq!(sys::tee(&reader, &writer2, 100, 0)?, 0);
        check_eq!(contents(&to)?, b"de");
        Ok(())
    });
    sys::write(&writer, b"abc")?;
    let mut data = [0; 3];
    check_eq!(read_full(&reader2, &mut data)?, 3);
    sys::write(&writer, b"de")?;
    let mut entry = [libc::pollfd { fd: std::os::fd::AsRawFd::as_raw_fd(&writer), events: 0, revents: 0 }];
    // Taken by the file before the end comes, or the end would come with it.
    while sys::ioctl(&writer, libc::FIONREAD, &mut entry[0].fd).is_ok_and(|_| entry[0].fd != 0) {
        sys::sched_yield()?;
    }
    drop(writer);
    mover.join()
}

fn writers_wait_for_readers(case: &Case) -> Outcome {
    let expected = pattern(500_000);
    let from = file(case, "from", &expected)?;
    let (reader, writer) = sys::pipe2(0)?;
    let mover = case.spawn(move || {
        let mut left = 500_000;
        while left > 0 {
            left -= sys::splice(&from, None, &writer, None, left, 0)?;
        }
        Ok(())
    });
    let mut all = vec![0; 500_000];
    check_eq!(read_full(&reader, &mut all)?, 500_000);
    check!(all == expected);
    mover.join()
}

fn the_end_of_a_pipe_is_the_end(case: &Case) -> Outcome {
    let (reader, writer) = sys::pipe2(0)?;
    let (_reader2, writer2) = sys::pipe2(0)?;
    let (left, _right) = pair()?;
    let to = file(case, "to", b"")?;
    sys::write(&writer, b"abc")?;
    drop(writer);
    check_eq!(sys::splice(&reader, None, &to, None, 100, 0)?, 3);
    check_eq!(sys::splice(&reader, None, &to, None, 100, 0)?, 0);
    check_eq!(sys::splice(&reader, None, &writer2, None, 100, 0)?, 0);
    check_eq!(sys::splice(&reader, None, &left, None, 100, 0)?, 0);
    check_eq!(sys::tee(&reader, &writer2, 100, 0)?, 0);
    Ok(())
}

fn sockets_and_pipes(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    let (reader, writer) = sys::pipe2(0)?;
    let expected = pattern(10_000);
    check_eq!(sys::write(&right, &expected)?, 10_000);
    check_eq!(sys::splice(&left, None, &writer, None, 9_000, 0)?, 9_000);
    check_eq!(sys::splice(&left, None, &writer, None, 9_000, 0)?, 1_000);
    check_err!(sys::splice(&left, None, &writer, None, 9_000, NOW), EAGAIN);
    check_eq!(sys::sendfile(&writer, &right, None, 0)?, 0);
    check_eq!(sys::splice(&reader, None, &left, None, 100_000, 0)?, 10_000);
    let mut all = vec![0; 10_000];
    check_eq!(read_full(&right, &mut all)?, 10_000);
    check!(all == expected);
    sys::write(&right, b"last")?;
    check_eq!(sys::sendfile(&writer, &left, None, 100)?, 4, "to a pipe, a socket can be sent, too");
    drop(right);
    check_eq!(sys::splice(&left, None, &writer, None, 100, 0)?, 0);
    check_err!(sys::splice(&reader, None, &left, None, 100, 0), EPIPE);
    let mut data = [0; 4];
    check_eq!(read_full(&reader, &mut data)?, 4, "what was not sent is still there");
    check_eq!(&data, b"last");
    Ok(())
}

fn a_socket_that_waits_gets_all(case: &Case) -> Outcome {
    let (left, right) = pair()?;
    let (reader, writer) = sys::pipe2(0)?;
    let expected = pattern(800_000);
    let (first, second) = (expected.clone(), expected.clone());
    let source = case.spawn(move || {
        check_eq!(sys::write(&writer, &first)?, 800_000);
        Ok(())
    });
    let mover = case.spawn(move || {
        let mut left_over = 800_000;
        while left_over > 0 {
            left_over -= sys::splice(&reader, None, &left, None, left_over, 0)?;
        }
        Ok(())
    });
    let mut all = vec![0; 800_000];
    check_eq!(read_full(&right, &mut all)?, 800_000);
    check!(all == second);
    source.join()?;
    mover.join()
}

/// SPLICE_F_GIFT is for vmsplice(2), the others are about how, not about what.
fn hints_change_nothing(_: &Case) -> Outcome {
    const HINTS: [u32; 3] = [libc::SPLICE_F_MOVE, libc::SPLICE_F_MORE, libc::SPLICE_F_GIFT];
    let (left, right) = pair()?;
    let (reader, writer) = sys::pipe2(0)?;
    for flags in HINTS.into_iter().chain([HINTS.iter().sum()]) {
        sys::write(&writer, b"there and back")?;
        check_eq!(sys::splice(&reader, None, &left, None, 100, flags)?, 14);
        check_eq!(sys::splice(&right, None, &writer, None, 100, flags)?, 14);
        let mut data = [0; 14];
        check_eq!(read_full(&reader, &mut data)?, 14);
        check_eq!(&data, b"there and back");
    }
    Ok(())
}

fn tee_leaves_what_it_copies(_: &Case) -> Outcome {
    let (reader, writer) = sys::pipe2(0)?;
    let (reader2, writer2) = sys::pipe2(0)?;
    let expected = pattern(9_000);
    sys::write(&writer, &expected)?;
    check_eq!(sys::tee(&reader, &writer2, 5, 0)?, 5);
    check_eq!(sys::tee(&reader, &writer2, 100_000, 0)?, 9_000);
    let mut all = vec![0; 9_005];
    check_eq!(read_full(&reader2, &mut all)?, 9_005);
    check!(all[..5] == expected[..5] && all[5..] == expected);
    check_eq!(read_full(&reader, &mut all[..9_000])?, 9_000);
    check!(all[..9_000] == expected);
    check_err!(sys::tee(&reader, &writer2, 1, NOW), EAGAIN);
    set_nonblocking(&writer2, true)?;
    check_err!(sys::tee(&reader, &writer2, 1, 0), EAGAIN);
    Ok(())
}

fn vmsplice_both_ways(_: &Case) -> Outcome {
    let (reader, writer) = sys::pipe2(0)?;
    check_eq!(sys::vmsplice(&writer, &[IoSlice::new(b"abc"), IoSlice::new(b"defg")], 0)?, 7);
    check_eq!(sys::vmsplice(&writer, &[], 0)?, 0);
    let (mut one, mut other) = ([0; 2], [0; 9]);
    check_eq!(
        sys::vmsplice_out(&reader, &mut [IoSliceMut::new(&mut one), IoSliceMut::new(&mut other)], 0)?,
        7
    );
    check_eq!((&one, &other[..5]), (b"ab", b"cdefg".as_slice()));
    check_err!(sys::vmsplice_out(&reader, &mut [IoSliceMut::new(&mut one)], NOW), EAGAIN);
    let zero = sys::open(c"/dev/zero", libc::O_RDONLY, 0)?;
    check_eq!(sys::splice(&zero, None, &writer, None, 1 << 20, 0)?, 65_536);
    check_err!(sys::vmsplice(&writer, &[IoSlice::new(b"abc")], NOW), EAGAIN);
    Ok(())
}

/// Each page that was moved counts as one, however little it holds.
fn moved_pages_are_not_added_to(case: &Case) -> Outcome {
    let from = file(case, "from", b"0123456789")?;
    let (_reader, writer) = sys::pipe2(libc::O_NONBLOCK)?;
    for round in 0..16 {
        check_eq!(sys::splice(&from, Some(&mut 0), &writer, None, 1, 0)?, 1, "page {round}");
    }
    check_err!(sys::splice(&from, Some(&mut 0), &writer, None, 1, 0), EAGAIN);
    check_err!(sys::write(&writer, b"x"), EAGAIN);
    Ok(())
}
