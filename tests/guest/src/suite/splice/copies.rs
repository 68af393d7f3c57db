//! sendfile(2) and copy_file_range(2): from a file to another, to a socket, to a pipe.

use super::{contents, file, pattern};
use crate::{
    errno::Errno,
    harness::{Case, Outcome, Test, check, check_eq, check_err, tests},
    suite::unix::help::{drain, fill, pair, read_full, set_nonblocking},
    sys,
};

pub(crate) const TESTS: &[Test] = tests!("splice::copies";
    sendfile_moves_the_offsets, sendfile_with_an_offset_leaves_that_of_the_file, sendfile_sends_all_of_a_large_file,
    sendfile_to_a_full_socket_is_short, sendfile_fills_a_pipe, sendfile_reads_devices, ranges_are_copied,
    a_range_of_the_same_file_is_copied, large_ranges_are_copied,
);

fn sendfile_moves_the_offsets(case: &Case) -> Outcome {
    let from = file(case, "from", b"0123456789")?;
    let to = file(case, "to", b"abcdef")?;
    sys::lseek(&from, 2, libc::SEEK_SET)?;
    sys::lseek(&to, 1, libc::SEEK_SET)?;
    check_eq!(sys::sendfile(&to, &from, None, 3)?, 3);
    check_eq!(sys::lseek(&from, 0, libc::SEEK_CUR)?, 5);
    check_eq!(sys::lseek(&to, 0, libc::SEEK_CUR)?, 4);
    check_eq!(sys::sendfile(&to, &from, None, 100)?, 5);
    check_eq!(sys::sendfile(&to, &from, None, 100)?, 0);
    check_eq!(sys::sendfile(&to, &from, None, 0)?, 0);
    check_eq!(contents(&to)?, b"a23456789");
    Ok(())
}

fn sendfile_with_an_offset_leaves_that_of_the_file(case: &Case) -> Outcome {
    let from = file(case, "from", b"0123456789")?;
    let to = file(case, "to", b"")?;
    let mut offset = 7;
    check_eq!(sys::sendfile(&to, &from, Some(&mut offset), 100)?, 3);
    check_eq!((offset, sys::lseek(&from, 0, libc::SEEK_CUR)?), (10, 0));
    check_eq!(sys::sendfile(&to, &from, Some(&mut offset), 100)?, 0);
    offset = 20;
    check_eq!(sys::sendfile(&to, &from, Some(&mut offset), 100)?, 0);
    check_eq!(offset, 20);
    check_eq!(contents(&to)?, b"789");
    Ok(())
}

fn sendfile_sends_all_of_a_large_file(case: &Case) -> Outcome {
    let expected = pattern(1_000_003);
    let from = file(case, "from", &expected)?;
    let (left, right) = pair()?;
    let receiver = case.spawn(move || {
        let mut all = vec![0; 1_000_003];
        check_eq!(read_full(&right, &mut all)?, 1_000_003);
        Ok(all)
    });
    check_eq!(sys::sendfile(&left, &from, None, 2_000_000)?, 1_000_003);
    drop(left);
    check!(receiver.join()? == expected);
    Ok(())
}

fn sendfile_to_a_full_socket_is_short(case: &Case) -> Outcome {
    let from = file(case, "from", &pattern(1 << 20))?;
    let (left, right) = pair()?;
    set_nonblocking(&left, true)?;
    let mut offset = 0;
    let sent = sys::sendfile(&left, &from, Some(&mut offset), 1 << 20)?;
    check!((1..1 << 20).contains(&sent), "{sent}");
    check_eq!(offset, sent as i64);
    fill(&left)?;
    check_err!(sys::sendfile(&left, &from, Some(&mut offset), 1), EAGAIN);
    check_eq!(offset, sent as i64);
    let mut start = vec![0; sent];
    check_eq!(read_full(&right, &mut start)?, sent);
    check!(start == pattern(sent));
    drain(&right)?;
    drop(right);
    check_err!(sys::sendfile(&left, &from, Some(&mut offset), 1), EPIPE);
    Ok(())
}

/// As much as it has room for, in one go.
fn sendfile_fills_a_pipe(case: &Case) -> Outcome {
    let from = file(case, "from", &pattern(100_000))?;
    let (reader, writer) = sys::pipe2(0)?;
    check_eq!(sys::sendfile(&writer, &from, None, 100_000)?, 65_536);
    check_eq!(sys::lseek(&from, 0, libc::SEEK_CUR)?, 65_536);
    set_nonblocking(&writer, true)?;
    check_err!(sys::sendfile(&writer, &from, None, 1), EAGAIN);
    let mut all = vec![0; 65_536];
    check_eq!(read_full(&reader, &mut all)?, 65_536);
    check!(all == pattern(65_536));
    drop(reader);
    check_err!(sys::sendfile(&writer, &from, None, 1), EPIPE);
    Ok(())
}

fn sendfile_reads_devices(case: &Case) -> Outcome {
    let zero = sys::open(c"/dev/zero", libc::O_RDONLY, 0)?;
    let null = sys::open(c"/dev/null", libc::O_RDWR, 0)?;
    let to = file(case, "to", b"")?;
    check_eq!(sys::sendfile(&to, &zero, None, 100_000)?, 100_000);
    check!(contents(&to)? == [0; 100_000]);
    sys::lseek(&to, 0, libc::SEEK_SET)?;
    check_eq!(sys::sendfile(&null, &to, None, 200_000)?, 100_000);
    check_err!(sys::sendfile(&to, &null, None, 5), EINVAL);
    Ok(())
}

fn ranges_are_copied(case: &Case) -> Outcome {
    let from = file(case, "from", b"0123456789")?;
    let to = file(case, "to", b"")?;
    check_eq!(sys::copy_file_range(&from, None, &to, None, 4, 0)?, 4);
    check_eq!(sys::copy_file_range(&from, None, &to, None, 100, 0)?, 6);
    check_eq!(sys::copy_file_range(&from, None, &to, None, 100, 0)?, 0);
    let (mut start, mut end) = (8, 1);
    check_eq!(sys::copy_file_range(&from, Some(&mut start), &to, Some(&mut end), 100, 0)?, 2);
    check_eq!((start, end), (10, 3));
    check_eq!(sys::copy_file_range(&from, Some(&mut start), &to, Some(&mut end), 100, 0)?, 0);
    check_eq!(contents(&to)?, b"0893456789");
    end = 12;
    check_eq!(sys::copy_file_range(&from, Some(&mut 0), &to, Some(&mut end), 1, 0)?, 1);
    check_eq!(contents(&to)?, b"0893456789\0\x000");
    Ok(())
}

fn a_range_of_the_same_file_is_copied(case: &Case) -> Outcome {
    let fd = file(case, "file", b"0123456789")?;
    check_eq!(sys::copy_file_range(&fd, Some(&mut 0), &fd, Some(&mut 5), 5, 0)?, 5);
    check_eq!(contents(&fd)?, b"0123401234");
    for (from, to) in [(0, 3), (3, 0), (0, 0), (4, 8)] {
        let met = sys::copy_file_range(&fd, Some(&mut { from }), &fd, Some(&mut { to }), 5, 0);
        check_eq!(met, Err(Errno(libc::EINVAL)), "{from} {to}");
    }
    // What is beyond the end is not there to overlap.
    check_eq!(sys::copy_file_range(&fd, Some(&mut 8), &fd, Some(&mut 0), 100, 0)?, 2);
    check_eq!(contents(&fd)?, b"3423401234");
    Ok(())
}

fn large_ranges_are_copied(case: &Case) -> Outcome {
    let expected = pattern(700_001);
    let from = file(case, "from", &expected)?;
    let to = file(case, "to", b"")?;
    check_eq!(sys::copy_file_range(&from, None, &to, None, usize::MAX >> 2, 0)?, 700_001);
    check!(contents(&to)? == expected);
    Ok(())
}
