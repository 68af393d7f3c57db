//! Counters that can be waited for: eventfd(2).

use std::{
    io::{IoSlice, IoSliceMut},
    os::fd::AsRawFd,
    sync::Arc,
};

use super::{ALL, polled};
use crate::{
    harness::{Case, Outcome, Test, check, check_eq, check_err, tests},
    sys::{self, Region},
};

pub(crate) const TESTS: &[Test] = tests!("ready";
    eventfd_adds_up_and_is_taken_whole,
    eventfd_semaphore_gives_one_at_a_time,
    eventfd_lengths_are_those_of_a_counter,
    eventfd_has_a_greatest_value,
    eventfd_says_what_can_be_done,
    eventfd_reader_waits_for_a_writer,
    eventfd_writer_waits_for_room,
    eventfd_counts_of_many_writers_add_up,
    eventfd_flags,
    eventfd_is_an_anonymous_file,
    eventfd_bad_addresses,
    eventfd_limit_of_descriptors,
);

const NONBLOCK: i32 = libc::EFD_NONBLOCK;

fn eventfd_adds_up_and_is_taken_whole(_: &Case) -> Outcome {
    let counter = sys::eventfd(5, NONBLOCK)?;
    check_eq!(sys::take(&counter)?, 5);
    check_err!(sys::take(&counter), EAGAIN);
    check_eq!(sys::add(&counter, 1)?, 8);
    check_eq!(sys::add(&counter, 0)?, 8);
    check_eq!(sys::add(&counter, 1 << 40)?, 8);
    check_eq!(sys::take(&counter)?, (1 << 40) + 1);
    check_err!(sys::take(&counter), EAGAIN);
    check_eq!(sys::take(&sys::eventfd(u32::MAX, 0)?)?, u64::from(u32::MAX));
    Ok(())
}

fn eventfd_semaphore_gives_one_at_a_time(_: &Case) -> Outcome {
    let counter = sys::eventfd(1, NONBLOCK | libc::EFD_SEMAPHORE)?;
    sys::add(&counter, 2)?;
    for _ in 0..3 {
        check_eq!(sys::take(&counter)?, 1);
    }
    check_err!(sys::take(&counter), EAGAIN);
    Ok(())
}

fn eventfd_lengths_are_those_of_a_counter(_: &Case) -> Outcome {
    let counter = sys::eventfd(0, NONBLOCK)?;
    check_err!(sys::write(&counter, &[0; 7]), EINVAL);
    check_err!(sys::write(&counter, &[]), EINVAL);
    check_err!(sys::read(&counter, &mut [0; 7]), EINVAL, "the length is looked at first");
    sys::add(&counter, 9)?;
    check_err!(sys::read(&counter, &mut [0; 7]), EINVAL);
    check_err!(sys::read(&counter, &mut []), EINVAL);
    let mut room = [0xff; 16];
    check_eq!(sys::read(&counter, &mut room)?, 8);
    check_eq!(room[..9], [9, 0, 0, 0, 0, 0, 0, 0, 0xff]);
    // A vector is written range by range, and read as one.
    let (one, two) = (1_u64.to_ne_bytes(), 2_u64.to_ne_bytes());
    check_eq!(sys::writev(&counter, &[IoSlice::new(&one), IoSlice::new(&two)])?, 16);
    let (mut low, mut high) = ([0; 4], [0; 4]);
    check_eq!(sys::readv(&counter, &mut [IoSliceMut::new(&mut low), IoSliceMut::new(&mut high)])?, 8);
    check_eq!((low, high), ([3, 0, 0, 0], [0; 4]));
    check_err!(sys::writev(&counter, &[IoSlice::new(&one[..4]), IoSlice::new(&one[4..])]), EINVAL);
    check_eq!(sys::writev(&counter, &[IoSlice::new(&one), IoSlice::new(&two[..4])])?, 8);
    check_eq!(sys::take(&counter)?, 1);
    Ok(())
}

fn eventfd_has_a_greatest_value(_: &Case) -> Outcome {
    let counter = sys::eventfd(0, NONBLOCK)?;
    check_err!(sys::add(&counter, u64::MAX), EINVAL);
    sys::add(&counter, u64::MAX - 1)?;
    check_err!(sys::add(&counter, 1), EAGAIN);
    check_err!(sys::add(&counter, u64::MAX), EINVAL);
    check_eq!(sys::add(&counter, 0)?, 8);
    check_eq!(sys::take(&counter)?, u64::MAX - 1);
    Ok(())
}

fn eventfd_says_what_can_be_done(_: &Case) -> Outcome {
    let counter = sys::eventfd(0, NONBLOCK)?;
    check_eq!(polled(&counter, ALL)?, libc::POLLOUT);
    sys::add(&counter, 1)?;
    check_eq!(polled(&counter, ALL)?, libc::POLLIN | libc::POLLOUT);
    check_eq!(polled(&counter, libc::POLLRDNORM | libc::POLLWRNORM)?, 0);
    sys::take(&counter)?;
    sys::add(&counter, u64::MAX - 2)?;
    check_eq!(polled(&counter, ALL)?, libc::POLLIN | libc::POLLOUT);
    sys::add(&counter, 1)?;
    check_eq!(polled(&counter, ALL)?, libc::POLLIN);
    Ok(())
}

fn eventfd_reader_waits_for_a_writer(case: &Case) -> Outcome {
    let counter = Arc::new(sys::eventfd(0, 0)?);
    let answer = Arc::new(sys::eventfd(0, 0)?);
    let reader = case.spawn({
        let (counter, answer) = (counter.clone(), answer.clone());
        move || {
            for round in 1..=200 {
                check_eq!(sys::take(&*counter)?, round);
                sys::add(&*answer, round)?;
            }
            Ok(())
        }
    });
    for round in 1..=200 {
        sys::add(&*counter, round)?;
        check_eq!(sys::take(&*answer)?, round);
    }
    reader.join()
}

fn eventfd_writer_waits_for_room(case: &Case) -> Outcome {
    let counter = Arc::new(sys::eventfd(0, 0)?);
    sys::add(&*counter, u64::MAX - 1)?;
    let writer = case.spawn({
        let counter = counter.clone();
        move || Ok(sys::add(&*counter, 7)?)
    });
    for _ in 0..20 {
        check!(!writer.is_finished(), "there was room");
        sys::sched_yield()?;
    }
    check_eq!(sys::take(&*counter)?, u64::MAX - 1);
    check_eq!(writer.join()?, 8);
    check_eq!(sys::take(&*counter)?, 7);
    Ok(())
}

fn eventfd_counts_of_many_writers_add_up(case: &Case) -> Outcome {
    const WRITERS: u64 = 4;
    const ROUNDS: u64 = 500;
    let counter = Arc::new(sys::eventfd(0, 0)?);
    let writers: Vec<_> = (0..WRITERS)
        .map(|_| {
            let counter = counter.clone();
            case.spawn(move || {
                for _ in 0..ROUNDS {
                    sys::add(&*counter, 1)?;
                }
                Ok(())
            })
        })
        .collect();
    let mut sum = 0;
    while sum < WRITERS * ROUNDS {
        sum += sys::take(&*counter)?;
    }
    writers.into_iter().try_for_each(crate::harness::Worker::join)?;
    check_eq!(sum, WRITERS * ROUNDS);
    check_eq!(polled(&*counter, libc::POLLIN)?, 0);
    Ok(())
}

fn eventfd_flags(_: &Case) -> Outcome {
    for bit in 0..32 {
        let flag = 1_i32.wrapping_shl(bit);
        if flag & (libc::EFD_SEMAPHORE | libc::EFD_CLOEXEC | NONBLOCK) == 0 {
            check_err!(sys::eventfd(0, flag), EINVAL, "flag {flag:#x}");
        }
    }
    let plain = sys::eventfd(0, 0)?;
    check_eq!(sys::fcntl(&plain, libc::F_GETFL, 0)?, libc::O_RDWR as usize);
    check_eq!(sys::fcntl(&plain, libc::F_GETFD, 0)?, 0);
    let other = sys::eventfd(0, NONBLOCK | libc::EFD_CLOEXEC)?;
    check_eq!(sys::fcntl(&other, libc::F_GETFL, 0)?, (libc::O_RDWR | libc::O_NONBLOCK) as usize);
    check_eq!(sys::fcntl(&other, libc::F_GETFD, 0)?, libc::FD_CLOEXEC as usize);
    check_eq!(sys::fcntl(&other, libc::F_SETFL, 0)?, 0);
    check_eq!(sys::fcntl(&other, libc::F_GETFL, 0)?, libc::O_RDWR as usize);
    check_err!(sys::fcntl(&other, libc::F_SETFL, libc::O_DIRECT), EINVAL);
    Ok(())
}

fn eventfd_is_an_anonymous_file(_: &Case) -> Outcome {
    let counter = sys::eventfd(3, NONBLOCK)?;
    let path = std::ffi::CString::new(format!("/proc/self/fd/{}", counter.as_raw_fd())).expect("no NUL");
    let mut name = [0; 64];
    let length = sys::readlink(&path, &mut name)?;
    check_eq!(&name[..length], b"anon_inode:[eventfd]");
    check_err!(sys::open(&path, libc::O_RDWR, 0), ENXIO);
    let other = sys::eventfd(0, 0)?;
    let (one, two) = (sys::fstat(&counter)?, sys::fstat(&other)?);
    check_eq!((one.st_mode, one.st_size, one.st_nlink), (0o600, 0, 1));
    check_eq!((one.st_dev, one.st_ino), (two.st_dev, two.st_ino), "they share an inode");
    check_eq!(sys::lseek(&counter, 5, libc::SEEK_SET)?, 0);
    check_err!(sys::pread(&counter, &mut [0; 8], 0), ESPIPE);
    check_err!(sys::pwrite(&counter, &[0; 8], 0), ESPIPE);
    check_err!(sys::ftruncate(&counter, 0), EINVAL);
    check_err!(sys::fchmod(&counter, 0o666), ENOTSUP);
    check_err!(sys::getdents(&counter, &mut [0; 64]), ENOTDIR);
    check_err!(sys::listen(&counter, 1), ENOTSOCK);
    check_err!(
        Region::map(4096, libc::PROT_READ, libc::MAP_SHARED, counter.as_raw_fd(), 0).map(|_| ()),
        ENODEV
    );
    check_eq!(sys::take(&counter)?, 3);
    Ok(())
}

fn eventfd_bad_addresses(_: &Case) -> Outcome {
    let counter = sys::eventfd(4, NONBLOCK)?;
    let number = counter.as_raw_fd() as usize;
    let page = Region::new(1, libc::PROT_NONE)?;
    let call = |name, call, address| page.call(name, call, [number, address, 8, 0, 0, 0]);
    for address in [8, page.at(0), usize::MAX - 100, 1 << 63] {
        check_err!(call("write", libc::SYS_write, address), EFAULT, "{address:#x}");
    }
    check_eq!(polled(&counter, libc::POLLIN)?, libc::POLLIN, "nothing was taken");
    check_err!(call("read", libc::SYS_read, usize::MAX - 100), EFAULT);
    check_eq!(sys::take(&counter)?, 4, "an impossible range is seen before anything is taken");
    sys::add(&counter, 4)?;
    check_err!(call("read", libc::SYS_read, page.at(0)), EFAULT);
    check_err!(sys::take(&counter), EAGAIN, "a value that cannot be handed over is lost");
    Ok(())
}

fn eventfd_limit_of_descriptors(_: &Case) -> Outcome {
    let mut held = Vec::new();
    let met = loop {
        match sys::eventfd(0, 0) {
            Ok(counter) => held.push(counter),
            Err(errno) => break errno,
        }
        if held.len() > 5000 {
            return Ok(());
        }
    };
    check_eq!(met, crate::errno::Errno(libc::EMFILE));
    held.pop();
    sys::eventfd(0, 0)?;
    Ok(())
}
