//! Memory that processes share.

use std::os::fd::AsRawFd;

use super::{RW, SHARED, dies_of, in_child};
use crate::{
    harness::{Case, Outcome, Test, check, check_eq, check_err, tests},
    sys::{self, PAGE, Region},
};

pub(crate) const TESTS: &[Test] = tests!("memory";
    shared_memory_is_seen_by_children,
    shared_memory_and_grandchildren,
    shared_memory_of_dev_zero,
    shared_memory_survives_dontneed,
    shared_memory_behind_its_end,
    shared_memory_can_be_read_only,
    shared_futexes,
    shared_futexes_of_files,
    private_futexes_stay_private,
    atomic_counters_lose_nothing,
);

fn byte(region: &Region, offset: usize) -> u8 {
    let mut byte = [0];
    region.read(offset, &mut byte);
    byte[0]
}

fn shared_memory_is_seen_by_children(_: &Case) -> Outcome {
    let region = Region::map(50 * PAGE, RW, SHARED, -1, 0)?;
    region.write(0, &[1]);
    in_child(|| {
        check_eq!(byte(&region, 0), 1);
        for page in 0..50 {
            region.write(page * PAGE + 1, &[page as u8 + 2]);
        }
        Ok(())
    })?;
    for page in 0..50 {
        check_eq!(byte(&region, page * PAGE + 1), page as u8 + 2, "page {page}");
        check_eq!(byte(&region, page * PAGE + 2), 0);
    }
    Ok(())
}

fn shared_memory_and_grandchildren(_: &Case) -> Outcome {
    let region = Region::map(3 * PAGE, RW, SHARED, -1, 0)?;
    in_child(|| {
        in_child(|| {
            region.write(PAGE, b"from far below");
            Ok(())
        })?;
        check_eq!(byte(&region, PAGE), b'f');
        Ok(())
    })?;
    check_eq!(byte(&region, PAGE + 13), b'w');
    Ok(())
}

fn shared_memory_of_dev_zero(_: &Case) -> Outcome {
    let zero = sys::open(c"/dev/zero", libc::O_RDWR, 0)?;
    let shared = Region::map(2 * PAGE, RW, libc::MAP_SHARED, zero.as_raw_fd(), 0)?;
    let private = Region::map(2 * PAGE, RW, libc::MAP_PRIVATE, zero.as_raw_fd(), 0)?;
    let other = Region::map(PAGE, libc::PROT_READ, libc::MAP_SHARED, zero.as_raw_fd(), 0)?;
    check_eq!((byte(&shared, PAGE), byte(&private, PAGE)), (0, 0));
    in_child(|| {
        shared.write(PAGE, &[1]);
        private.write(PAGE, &[1]);
        Ok(())
    })?;
    check_eq!((byte(&shared, PAGE), byte(&private, PAGE)), (1, 0));
    check_eq!(byte(&other, 0), 0);
    let null = sys::open(c"/dev/null", libc::O_RDWR, 0)?;
    check_err!(Region::map(PAGE, RW, libc::MAP_PRIVATE, null.as_raw_fd(), 0).map(drop), ENODEV);
    Ok(())
}

fn shared_memory_survives_dontneed(_: &Case) -> Outcome {
    let region = Region::map(2 * PAGE, RW, SHARED, -1, 0)?;
    region.write(0, &[5; 2 * PAGE]);
    let words = [region.at(0), 2 * PAGE, libc::MADV_DONTNEED as usize, 0, 0, 0];
    check_eq!(region.call("madvise", libc::SYS_madvise, words), Ok(0));
    check_eq!((byte(&region, 0), byte(&region, 2 * PAGE - 1)), (5, 5));
    let words = [region.at(0), 2 * PAGE, libc::MADV_FREE as usize, 0, 0, 0];
    check_err!(region.call("madvise", libc::SYS_madvise, words), EINVAL);
    Ok(())
}

fn shared_memory_behind_its_end(_: &Case) -> Outcome {
    // A second mapping of the same memory, larger than it.
    let region = Region::map(2 * PAGE, RW, SHARED, -1, 0)?;
    region.write(PAGE, b"same");
    let larger = region.again(4 * PAGE)?;
    let mut bytes = [0; 4];
    larger.read(PAGE, &mut bytes);
    check_eq!(&bytes, b"same");
    larger.write(0, b"back");
    region.read(0, &mut bytes);
    check_eq!(&bytes, b"back");
    dies_of(libc::SIGBUS, || larger.write(2 * PAGE, &[1]))?;
    let private = Region::new(1, RW)?;
    check_err!(private.again(PAGE).map(drop), EINVAL);
    Ok(())
}

fn shared_memory_can_be_read_only(_: &Case) -> Outcome {
    let region = Region::map(PAGE, RW, SHARED, -1, 0)?;
    region.write(0, &[3]);
    region.protect(0..PAGE, libc::PROT_READ)?;
    dies_of(libc::SIGSEGV, || region.write(0, &[4]))?;
    region.protect(0..PAGE, RW)?;
    in_child(|| {
        region.write(0, &[5]);
        Ok(())
    })?;
    check_eq!(byte(&region, 0), 5);
    Ok(())
}

/// futex(2) on a word of a region, without the flag for private ones.
fn futex(region: &Region, offset: usize, operation: i32, value: u32) -> crate::errno::Result<usize> {
    let words = [region.at(offset), operation as usize, value as usize, 0, 0, 0];
    region.call("futex", libc::SYS_futex, words)
}

/// Sleeps until the word is no longer zero.
fn sleep_while_zero(region: &Region, offset: usize) {
    while byte(region, offset) == 0 {
        // Whatever it says: the word is looked at again.
        let _ = futex(region, offset, libc::FUTEX_WAIT, 0);
    }
}

fn ping_pong(here: &Region, there: &Region) -> Outcome {
    let pid = sys::fork(|| {
        for round in 0..100 {
            sleep_while_zero(there, round * 8);
            there.write(round * 8 + 4, &[1]);
            let _ = futex(there, round * 8 + 4, libc::FUTEX_WAKE, 1);
        }
        0
    })?;
    for round in 0..100 {
        here.write(round * 8, &[1]);
        futex(here, round * 8, libc::FUTEX_WAKE, 1)?;
        sleep_while_zero(here, round * 8 + 4);
    }
    check_eq!(sys::wait_for(pid)?, 0);
    Ok(())
}

fn shared_futexes(_: &Case) -> Outcome {
    let region = Region::map(PAGE, RW, SHARED, -1, 0)?;
    // The child sleeps at another address than the parent wakes.
    let other = region.again(PAGE)?;
    ping_pong(&region, &other)
}

fn shared_futexes_of_files(case: &Case) -> Outcome {
    let fd = sys::open(&case.path("file"), libc::O_CREAT | libc::O_RDWR, 0o600)?;
    sys::write(&fd, &[0; 3 * PAGE])?;
    let here = Region::map(2 * PAGE, RW, libc::MAP_SHARED, fd.as_raw_fd(), 0)?;
    let there = Region::map(PAGE, RW, libc::MAP_SHARED, fd.as_raw_fd(), 0)?;
    ping_pong(&here, &there)
}

fn private_futexes_stay_private(_: &Case) -> Outcome {
    let region = Region::new(1, RW)?;
    check_eq!(futex(&region, 0, libc::FUTEX_WAKE, 1), Ok(0));
    check_err!(futex(&region, 0, libc::FUTEX_WAIT, 1), EAGAIN);
    check_err!(futex(&region, 2, libc::FUTEX_WAKE, 1), EINVAL);
    let absent = [8usize, libc::FUTEX_WAKE as usize, 1, 0, 0, 0];
    check_err!(region.call("futex", libc::SYS_futex, absent), EFAULT);
    Ok(())
}

fn atomic_counters_lose_nothing(_: &Case) -> Outcome {
    let region = Region::map(PAGE, RW, SHARED, -1, 0)?;
    let children = (0..4)
        .map(|_| {
            sys::fork(|| {
                for _ in 0..2000 {
                    region.add(0, 1);
                }
                0
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    for child in children {
        check_eq!(sys::wait_for(child)?, 0);
    }
    check!(region.add(0, 0) == 8000);
    Ok(())
}
