//! What a child of fork(2) gets: a copy of its own.

use std::{
    os::fd::AsRawFd,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{PRIVATE, RW, in_child};
use crate::{
    harness::{Case, Outcome, Test, check, check_eq, tests},
    sys::{self, PAGE, Region},
};

pub(crate) const TESTS: &[Test] = tests!("memory";
    fork_copies,
    fork_of_a_fork,
    fork_leaves_read_only_pages_as_they_are,
    fork_and_protection_that_comes_back,
    fork_and_the_kernels_writes,
    fork_and_the_heap,
    fork_and_private_files,
    fork_leaves_out_and_wipes,
    fork_while_others_write,
    fork_many_times,
);

const PAGES: usize = 700;

fn marked(region: &Region, pages: usize, mark: impl Fn(usize) -> u8) -> Outcome {
    for page in 0..pages {
        let mut byte = [0];
        region.read(page * PAGE + page % PAGE, &mut byte);
        check_eq!(byte[0], mark(page), "page {page}");
    }
    Ok(())
}

fn mark(region: &Region, pages: usize, mark: impl Fn(usize) -> u8) {
    for page in 0..pages {
        region.write(page * PAGE + page % PAGE, &[mark(page)]);
    }
}

fn fork_copies(_: &Case) -> Outcome {
    let region = Region::new(PAGES + 10, RW)?;
    mark(&region, PAGES, |page| page as u8);
    in_child(|| {
        marked(&region, PAGES, |page| page as u8)?;
        mark(&region, PAGES, |page| (page as u8).wrapping_add(7));
        marked(&region, PAGES, |page| (page as u8).wrapping_add(7))?;
        // Pages that nobody had touched.
        region.write(PAGES * PAGE, &[1; 10 * PAGE]);
        Ok(())
    })?;
    marked(&region, PAGES, |page| page as u8)?;
    let mut rest = vec![9; 10 * PAGE];
    region.read(PAGES * PAGE, &mut rest);
    check!(rest.iter().all(|byte| *byte == 0), "what the child touched first stays its own");
    // The other way round: the parent writes while the child is there.
    let (read, write) = sys::pipe2(0)?;
    let pid = sys::fork(|| {
        let mut byte = [0];
        let told = sys::read(&read, &mut byte) == Ok(1);
        i32::from(!(told && marked(&region, PAGES, |page| page as u8).is_ok()))
    })?;
    mark(&region, PAGES, |_| 0xaa);
    sys::write(&write, b"x")?;
    check_eq!(sys::wait_for(pid)?, 0);
    marked(&region, PAGES, |_| 0xaa)
}

fn fork_of_a_fork(_: &Case) -> Outcome {
    let region = Region::new(40, RW)?;
    mark(&region, 40, |_| 1);
    in_child(|| {
        mark(&region, 20, |_| 2);
        in_child(|| {
            marked(&region, 40, |page| if page < 20 { 2 } else { 1 })?;
            mark(&region, 40, |_| 3);
            in_child(|| marked(&region, 40, |_| 3))
        })?;
        marked(&region, 40, |page| if page < 20 { 2 } else { 1 })
    })?;
    marked(&region, 40, |_| 1)
}

fn fork_leaves_read_only_pages_as_they_are(_: &Case) -> Outcome {
    let region = Region::new(4, RW)?;
    mark(&region, 4, |_| 5);
    region.protect(0..2 * PAGE, libc::PROT_READ)?;
    region.protect(2 * PAGE..3 * PAGE, libc::PROT_NONE)?;
    let writable = |page: usize| -> Outcome<bool> {
        let (read, write) = sys::pipe2(0)?;
        sys::write(&write, b"w")?;
        let words = [read.as_raw_fd() as usize, region.at(page * PAGE + 100), 1, 0, 0, 0];
        Ok(region.call("read", libc::SYS_read, words).is_ok())
    };
    in_child(|| {
        for (page, expected) in [(0, false), (1, false), (2, false), (3, true)] {
            check_eq!(writable(page)?, expected, "page {page} of the child");
        }
        // Allowed again, a page is a copy all the same.
        region.protect(0..PAGE, RW)?;
        region.write(0, &[6]);
        Ok(())
    })?;
    check!(!writable(0)?);
    region.protect(0..4 * PAGE, RW)?;
    marked(&region, 4, |_| 5)
}

fn fork_and_protection_that_comes_back(_: &Case) -> Outcome {
    let region = Region::new(64, RW)?;
    mark(&region, 64, |_| 1);
    in_child(|| {
        region.protect(0..64 * PAGE, libc::PROT_READ)?;
        region.protect(0..64 * PAGE, RW)?;
        mark(&region, 64, |_| 2);
        marked(&region, 64, |_| 2)
    })?;
    marked(&region, 64, |_| 1)?;
    region.protect(0..64 * PAGE, libc::PROT_READ)?;
    region.protect(0..64 * PAGE, RW)?;
    mark(&region, 64, |_| 3);
    marked(&region, 64, |_| 3)
}

fn fork_and_the_kernels_writes(_: &Case) -> Outcome {
    let region = Region::new(3, RW)?;
    region.write(0, &[1; 3 * PAGE]);
    let (read, write) = sys::pipe2(0)?;
    in_child(|| {
        sys::write(&write, &[2; 2 * PAGE])?;
        let words = [read.as_raw_fd() as usize, region.at(100), 2 * PAGE, 0, 0, 0];
        check_eq!(region.call("read", libc::SYS_read, words), Ok(2 * PAGE));
        let mut bytes = vec![0; 3 * PAGE];
        region.read(0, &mut bytes);
        check!(bytes[100..100 + 2 * PAGE].iter().all(|byte| *byte == 2));
        check!(bytes[..100].iter().chain(&bytes[100 + 2 * PAGE..]).all(|byte| *byte == 1));
        Ok(())
    })?;
    let mut bytes = vec![0; 3 * PAGE];
    region.read(0, &mut bytes);
    check!(bytes.iter().all(|byte| *byte == 1), "the kernel wrote for the child into the parent's page");
    Ok(())
}

fn fork_and_the_heap(_: &Case) -> Outcome {
    let end = sys::heap_end()?;
    in_child(|| {
        check_eq!(sys::heap_end()?, end);
        let pages = Region::grow_heap(5)?;
        pages.write(0, &[1; 5 * PAGE]);
        Ok(())
    })?;
    check_eq!(sys::heap_end()?, end);
    let mut large = vec![3u8; 300_000];
    in_child(|| {
        check!(large.iter().all(|byte| *byte == 3));
        large.fill(4);
        Ok(())
    })?;
    check!(large.iter().all(|byte| *byte == 3));
    Ok(())
}

fn fork_and_private_files(case: &Case) -> Outcome {
    let fd = sys::open(&case.path("file"), libc::O_CREAT | libc::O_RDWR, 0o600)?;
    sys::write(&fd, &[7; 8 * PAGE])?;
    let region = Region::map(8 * PAGE, RW, libc::MAP_PRIVATE, fd.as_raw_fd(), 0)?;
    region.write(3 * PAGE, b"mine");
    in_child(|| {
        let mut bytes = [0; 5];
        region.read(3 * PAGE, &mut bytes);
        check_eq!(&bytes, b"mine\x07");
        region.read(5 * PAGE, &mut bytes);
        check_eq!(bytes, [7; 5]);
        region.write(5 * PAGE, b"child");
        Ok(())
    })?;
    let mut bytes = [0; 5];
    region.read(5 * PAGE, &mut bytes);
    check_eq!(bytes, [7; 5]);
    let mut stored = vec![0; 8 * PAGE];
    check_eq!(sys::pread(&fd, &mut stored, 0)?, 8 * PAGE);
    check!(stored.iter().all(|byte| *byte == 7));
    Ok(())
}

fn fork_leaves_out_and_wipes(_: &Case) -> Outcome {
    let region = Region::map(4 * PAGE, RW, PRIVATE, -1, 0)?;
    region.write(0, &[1; 4 * PAGE]);
    let advise = |page: usize, advice: i32| {
        region.call("madvise", libc::SYS_madvise, [region.at(page * PAGE), PAGE, advice as usize, 0, 0, 0])
    };
    check_eq!(advise(0, libc::MADV_DONTFORK), Ok(0));
    check_eq!(advise(1, libc::MADV_WIPEONFORK), Ok(0));
    check_eq!(advise(2, libc::MADV_DONTFORK), Ok(0));
    check_eq!(advise(2, libc::MADV_DOFORK), Ok(0));
    in_child(|| {
        let (_read, write) = sys::pipe2(0)?;
        let words = [write.as_raw_fd() as usize, region.at(0), 1, 0, 0, 0];
        check!(region.call("write", libc::SYS_write, words).is_err(), "left out");
        for (page, expected) in [(1, 0), (2, 1), (3, 1)] {
            let mut byte = [9];
            region.read(page * PAGE, &mut byte);
            check_eq!(byte[0], expected, "page {page}");
        }
        Ok(())
    })?;
    let mut bytes = vec![0; 4 * PAGE];
    region.read(0, &mut bytes);
    check!(bytes.iter().all(|byte| *byte == 1));
    Ok(())
}

fn fork_while_others_write(case: &Case) -> Outcome {
    // A thread counts in every page; what children see of a page never goes back, and never changes.
    let region = Arc::new(Region::new(32, RW)?);
    let stop = Arc::new(AtomicBool::new(false));
    let counter = {
        let (region, stop) = (Arc::clone(&region), Arc::clone(&stop));
        case.spawn(move || {
            let mut round = 0u64;
            while !stop.load(Ordering::Relaxed) {
                round += 1;
                for page in 0..32 {
                    region.write(page * PAGE, &round.to_ne_bytes());
                }
            }
            for page in 0..32 {
                let mut bytes = [0; 8];
                region.read(page * PAGE, &mut bytes);
                check_eq!(u64::from_ne_bytes(bytes), round, "page {page}");
            }
            Ok(())
        })
    };
    let result = (0..20).try_for_each(|_| {
        in_child(|| {
            let look = || -> Vec<u64> {
                (0..32)
                    .map(|page| {
                        let mut bytes = [0; 8];
                        region.read(page * PAGE, &mut bytes);
                        u64::from_ne_bytes(bytes)
                    })
                    .collect()
            };
            let first = look();
            for _ in 0..50 {
                check_eq!(look(), first);
            }
            Ok(())
        })
    });
    stop.store(true, Ordering::Relaxed);
    counter.join()?;
    result
}

fn fork_many_times(_: &Case) -> Outcome {
    let region = Region::new(20, RW)?;
    for round in 0..60u8 {
        mark(&region, 20, |_| round);
        let children = (0..4)
            .map(|_| {
                sys::fork(|| {
                    let same = marked(&region, 20, |_| round).is_ok();
                    mark(&region, 20, |_| 0xff);
                    i32::from(!same)
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        mark(&region, 10, |_| 0xee);
        for child in children {
            check_eq!(sys::wait_for(child)?, 0, "round {round}");
        }
        marked(&region, 20, |page| if page < 10 { 0xee } else { round })?;
    }
    Ok(())
}
