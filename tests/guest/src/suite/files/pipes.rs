//! Pipes, and poll(2) on what is no socket.

use std::sync::Arc;

use super::super::unix::help::{pattern, poll_for, read_full};
use crate::{
    harness::{Case, Outcome, Test, check, check_eq, check_err, tests},
    sys::{self, Descriptor},
};

pub(crate) const TESTS: &[Test] = tests!("files";
    pipe_passes_bytes_in_order,
    pipe_holds_65536_bytes,
    pipe_blocks_a_reader_until_data_comes,
    pipe_blocks_a_writer_until_there_is_room,
    pipe_ends_when_the_writer_is_gone,
    pipe_breaks_when_the_reader_is_gone,
    pipe_without_blocking,
    pipe_small_writes_are_whole,
    pipe_large_transfer,
    pipe_readiness,
    pipe_wakes_a_poll,
    pipe_is_a_fifo_to_fstat,
    pipe_opened_by_its_link_waits_for_nobody,
    poll_of_files_is_always_ready,
    poll_mixes_kinds,
);

fn pipe_passes_bytes_in_order(_: &Case) -> Outcome {
    let (read, write) = sys::pipe2(0)?;
    check!(read.number() < write.number());
    check_eq!(sys::write(&write, b"one")?, 3);
    check_eq!(sys::write(&write, b"two")?, 3);
    let mut got = [0; 16];
    check_eq!(sys::read(&read, &mut got[..2])?, 2);
    check_eq!(sys::read(&read, &mut got[2..])?, 4);
    check_eq!(&got[..6], b"onetwo");
    check_eq!(sys::write(&write, b"")?, 0);
    check_eq!(sys::read(&read, &mut [])?, 0);
    Ok(())
}

/// Writes without blocking until EAGAIN.
fn fill(write: &impl Descriptor) -> Outcome<usize> {
    let block = [7; 4096];
    let mut total = 0;
    loop {
        match sys::write(write, &block) {
            Ok(count) => total += count,
            Err(errno) => {
                check_eq!(errno.0, libc::EAGAIN);
                return Ok(total);
            }
        }
    }
}

fn pipe_holds_65536_bytes(_: &Case) -> Outcome {
    let (read, write) = sys::pipe2(libc::O_NONBLOCK)?;
    check_eq!(fill(&write)?, 65_536, "pipe(7), Pipe capacity");
    check_err!(sys::write(&write, b"x"), EAGAIN);
    let mut got = vec![0; 65_536];
    check_eq!(read_full(&read, &mut got)?, 65_536);
    check!(got.iter().all(|byte| *byte == 7));
    check_eq!(sys::write(&write, b"x")?, 1);
    Ok(())
}

fn pipe_blocks_a_reader_until_data_comes(case: &Case) -> Outcome {
    let (read, write) = sys::pipe2(0)?;
    let waiting = case.spawn(move || {
        let mut got = [0; 8];
        check_eq!(sys::read(&read, &mut got)?, 4);
        Ok(got)
    });
    sys::write(&write, b"wake")?;
    check_eq!(&waiting.join()?[..4], b"wake");
    Ok(())
}

fn pipe_blocks_a_writer_until_there_is_room(case: &Case) -> Outcome {
    let (read, write) = sys::pipe2(0)?;
    let writer = case.spawn(move || {
        check_eq!(sys::write(&write, &pattern(1, 200_003))?, 200_003, "a blocking write writes all");
        Ok(())
    });
    let mut got = vec![0; 200_004];
    check_eq!(read_full(&read, &mut got)?, 200_003);
    check!(got[..200_003] == pattern(1, 200_003)[..]);
    writer.join()
}

fn pipe_ends_when_the_writer_is_gone(case: &Case) -> Outcome {
    let (read, write) = sys::pipe2(0)?;
    let copy = sys::dup(&write)?;
    sys::write(&write, b"last")?;
    drop(write);
    let mut got = [0; 8];
    check_eq!(sys::read(&read, &mut got)?, 4);
    let waiting = case.spawn(move || Ok(sys::read(&read, &mut [0; 8])?));
    drop(copy);
    check_eq!(waiting.join()?, 0);
    Ok(())
}

fn pipe_breaks_when_the_reader_is_gone(_: &Case) -> Outcome {
    let (read, write) = sys::pipe2(0)?;
    sys::write(&write, b"unread")?;
    drop(read);
    check_err!(sys::write(&write, b"x"), EPIPE);
    Ok(())
}

fn pipe_without_blocking(_: &Case) -> Outcome {
    let (read, write) = sys::pipe2(libc::O_NONBLOCK)?;
    check_err!(sys::read(&read, &mut [0]), EAGAIN);
    sys::write(&write, b"ab")?;
    check_eq!(sys::read(&read, &mut [0; 8])?, 2);
    drop(write);
    check_eq!(sys::read(&read, &mut [0; 8])?, 0);
    Ok(())
}

fn pipe_small_writes_are_whole(case: &Case) -> Outcome {
    // Up to PIPE_BUF (4096) bytes in one write are never mixed with another's (pipe(7)).
    let (read, write) = sys::pipe2(0)?;
    let write = Arc::new(write);
    let writers: Vec<_> = (1..4u8)
        .map(|writer| {
            let write = Arc::clone(&write);
            case.spawn(move || {
                let record = [writer; 1000];
                for _ in 0..60 {
                    check_eq!(sys::write(&*write, &record)?, 1000);
                }
                Ok(())
            })
        })
        .collect();
    let mut counts = [0; 4];
    let mut record = [0; 1000];
    for _ in 0..180 {
        check_eq!(read_full(&read, &mut record)?, 1000);
        check!(record.iter().all(|byte| *byte == record[0]), "two records are mixed");
        counts[record[0] as usize] += 1;
    }
    check_eq!(counts, [0, 60, 60, 60]);
    writers.into_iter().try_for_each(crate::harness::Worker::join)
}

fn pipe_large_transfer(case: &Case) -> Outcome {
    const LENGTH: usize = 1_000_003;
    let (read, write) = sys::pipe2(0)?;
    let writer = case.spawn(move || {
        for piece in pattern(9, LENGTH).chunks(9_973) {
            check_eq!(sys::write(&write, piece)?, piece.len());
        }
        Ok(())
    });
    let mut got = vec![0; LENGTH + 1];
    check_eq!(read_full(&read, &mut got)?, LENGTH);
    check!(got[..LENGTH] == pattern(9, LENGTH)[..]);
    writer.join()
}

const IN: i16 = libc::POLLIN;
const OUT: i16 = libc::POLLOUT;

fn pipe_readiness(_: &Case) -> Outcome {
    let (read, write) = sys::pipe2(libc::O_NONBLOCK)?;
    check_eq!(poll_for(&read, IN | OUT, 0)?, 0);
    check_eq!(poll_for(&write, IN | OUT, 0)?, OUT);
    sys::write(&write, b"x")?;
    check_eq!(poll_for(&read, IN | OUT, 0)?, IN);
    fill(&write)?;
    check_eq!(poll_for(&write, IN | OUT, 0)?, 0);
    drop(write);
    check_eq!(poll_for(&read, IN, 0)?, IN | libc::POLLHUP);
    let (read, write) = sys::pipe2(0)?;
    drop(read);
    check_eq!(poll_for(&write, OUT, 0)?, OUT | libc::POLLERR);
    Ok(())
}

fn pipe_wakes_a_poll(case: &Case) -> Outcome {
    let (read, write) = sys::pipe2(0)?;
    let waiting = case.spawn(move || {
        check!(poll_for(&read, IN, -1)? & IN != 0, "with POLLHUP where the writer is gone already");
        check_eq!(sys::read(&read, &mut [0; 4])?, 1);
        Ok(poll_for(&read, IN, -1)?)
    });
    sys::write(&write, b"x")?;
    drop(write);
    check_eq!(waiting.join()?, libc::POLLHUP);
    Ok(())
}

fn pipe_is_a_fifo_to_fstat(_: &Case) -> Outcome {
    let (read, write) = sys::pipe2(0)?;
    for end in [&read, &write] {
        check_eq!(sys::fstat(end)?.st_mode & libc::S_IFMT, libc::S_IFIFO);
    }
    check_eq!(sys::fstat(&read)?.st_ino, sys::fstat(&write)?.st_ino);
    Ok(())
}

/// Shells name pipes so: `cat <(echo text)` opens /dev/fd/63, when echo may have ended already.
fn pipe_opened_by_its_link_waits_for_nobody(_: &Case) -> Outcome {
    let open = |of: &std::os::fd::OwnedFd, flags| {
        let path = std::ffi::CString::new(format!("/proc/self/fd/{}", of.number())).expect("no NUL");
        sys::open(&path, flags, 0)
    };
    let (read, write) = sys::pipe2(0)?;
    sys::write(&write, b"text")?;
    drop(write);
    let again = open(&read, libc::O_RDONLY)?;
    check_eq!(poll_for(&again, libc::POLLIN, 0)?, libc::POLLIN | libc::POLLHUP);
    let mut got = [0; 16];
    check_eq!(sys::read(&again, &mut got)?, 4);
    check_eq!(sys::read(&again, &mut got)?, 0);
    // The other end is there again, and the first reader has it too.
    let write = open(&read, libc::O_WRONLY)?;
    sys::write(&write, b"more")?;
    check_eq!(sys::read(&read, &mut got)?, 4);

    let (read, write) = sys::pipe2(0)?;
    drop(read);
    let again = open(&write, libc::O_WRONLY | libc::O_NONBLOCK)?;
    check_err!(sys::write(&again, b"x"), EPIPE);
    Ok(())
}

fn poll_of_files_is_always_ready(case: &Case) -> Outcome {
    let file = sys::open(&case.path("file"), libc::O_CREAT | libc::O_RDWR, 0o600)?;
    check_eq!(poll_for(&file, IN | OUT, -1)?, IN | OUT);
    let directory = sys::open(&case.path(""), libc::O_RDONLY | libc::O_DIRECTORY, 0)?;
    check_eq!(poll_for(&directory, IN | OUT, -1)?, IN | OUT);
    let null = sys::open(c"/dev/null", libc::O_RDWR, 0)?;
    check_eq!(poll_for(&null, IN | OUT, -1)?, IN | OUT);
    Ok(())
}

fn poll_mixes_kinds(case: &Case) -> Outcome {
    let (read, write) = sys::pipe2(0)?;
    let (left, right) = super::super::unix::help::pair()?;
    let entry = |fd: i32| libc::pollfd { fd, events: IN, revents: -1 };
    let mut entries = [entry(read.number()), entry(left.number())];
    check_eq!(sys::poll(&mut entries, 0)?, 0);
    let waker = case.spawn(move || {
        sys::write(&right, b"x")?;
        Ok(right)
    });
    check_eq!(sys::poll(&mut entries, -1)?, 1);
    check_eq!((entries[0].revents, entries[1].revents), (0, IN));
    let _right = waker.join()?;
    sys::write(&write, b"x")?;
    check_eq!(sys::poll(&mut entries, -1)?, 2);
    Ok(())
}
