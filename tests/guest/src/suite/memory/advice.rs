//! madvise, mincore, mlock and what they refuse.

use std::os::fd::AsRawFd;

use super::{RW, SHARED, in_child};
use crate::{
    harness::{Case, NOBODY, Need, Outcome, Test, check, check_eq, check_err, tests},
    sys::{self, PAGE, Region},
};

pub(crate) const TESTS: &[Test] = tests!("memory";
    advice_that_discards,
    advice_of_files_brings_the_file_back,
    advice_that_populates,
    advice_that_is_none,
    mincore_tells_what_is_there,
    mincore_refuses_bad_arguments,
    locked_memory,
    locked_memory_has_a_limit needs [Need::OtherUsers],
    lock_everything,
    mremap_moves_and_refuses,
    mmap_flags,
);

fn advise(region: &Region, offset: usize, length: usize, advice: i32) -> crate::errno::Result<usize> {
    let words = [region.at(offset), length, advice as usize, 0, 0, 0];
    region.call("madvise", libc::SYS_madvise, words)
}

fn byte(region: &Region, offset: usize) -> u8 {
    let mut byte = [0];
    region.read(offset, &mut byte);
    byte[0]
}

fn advice_that_discards(_: &Case) -> Outcome {
    let region = Region::new(4, RW)?;
    region.write(0, &[1; 4 * PAGE]);
    check_eq!(advise(&region, PAGE, 2 * PAGE, libc::MADV_DONTNEED), Ok(0));
    for (page, expected) in [(0, 1), (1, 0), (2, 0), (3, 1)] {
        check_eq!(byte(&region, page * PAGE + 9), expected, "page {page}");
    }
    check_eq!(advise(&region, 0, 0, libc::MADV_DONTNEED), Ok(0));
    Ok(())
}

fn advice_of_files_brings_the_file_back(case: &Case) -> Outcome {
    let fd = sys::open(&case.path("file"), libc::O_CREAT | libc::O_RDWR, 0o600)?;
    sys::write(&fd, &[7; 2 * PAGE])?;
    let region = Region::map(2 * PAGE, RW, libc::MAP_PRIVATE, fd.as_raw_fd(), 0)?;
    region.write(0, &[8; 2 * PAGE]);
    sys::pwrite(&fd, &[9; PAGE], 0)?;
    check_eq!(advise(&region, 0, 2 * PAGE, libc::MADV_DONTNEED), Ok(0));
    check_eq!((byte(&region, 0), byte(&region, PAGE)), (9, 7));
    check_err!(advise(&region, 0, PAGE, libc::MADV_FREE), EINVAL);
    check_err!(advise(&region, 0, PAGE, libc::MADV_WIPEONFORK), EINVAL);
    Ok(())
}

fn advice_that_populates(_: &Case) -> Outcome {
    let region = Region::new(8, RW)?;
    check_eq!(advise(&region, 0, 4 * PAGE, libc::MADV_POPULATE_WRITE), Ok(0));
    check_eq!(advise(&region, 4 * PAGE, 4 * PAGE, libc::MADV_POPULATE_READ), Ok(0));
    region.protect(0..PAGE, libc::PROT_READ)?;
    check_err!(advise(&region, 0, PAGE, libc::MADV_POPULATE_WRITE), EINVAL);
    Ok(())
}

fn advice_that_is_none(_: &Case) -> Outcome {
    let mut region = Region::new(4, RW)?;
    for advice in [
        libc::MADV_NORMAL,
        libc::MADV_RANDOM,
        libc::MADV_SEQUENTIAL,
        libc::MADV_WILLNEED,
        libc::MADV_DONTDUMP,
        libc::MADV_DODUMP,
    ] {
        check_eq!(advise(&region, 0, 4 * PAGE, advice), Ok(0), "advice {advice}");
        check_err!(advise(&region, 1, PAGE, advice), EINVAL, "advice {advice}");
    }
    check_err!(advise(&region, 0, PAGE, 99), EINVAL);
    check_err!(advise(&region, 0, 0, 99), EINVAL);
    check_err!(advise(&region, 0, usize::MAX, libc::MADV_DONTNEED), EINVAL);
    region.write(0, &[1; 4 * PAGE]);
    region.unmap(PAGE..2 * PAGE)?;
    check_err!(advise(&region, 0, 4 * PAGE, libc::MADV_DONTNEED), ENOMEM);
    check_eq!((byte(&region, 0), byte(&region, 3 * PAGE)), (0, 0), "the rest is discarded all the same");
    check_err!(advise(&region, 0, 4 * PAGE, libc::MADV_NORMAL), ENOMEM);
    Ok(())
}

/// mincore(2) of a whole region.
fn in_core(region: &Region, pages: usize) -> Outcome<Vec<u8>> {
    let vector = Region::new(1, RW)?;
    let words = [region.at(0), pages * PAGE, vector.at(0), 0, 0, 0];
    check_eq!(region.call("mincore", libc::SYS_mincore, words), Ok(0));
    let mut found = vec![0; pages];
    vector.read(0, &mut found);
    Ok(found.iter().map(|page| page & 1).collect())
}

fn mincore_tells_what_is_there(case: &Case) -> Outcome {
    let region = Region::new(6, RW)?;
    check_eq!(in_core(&region, 6)?, [0; 6]);
    region.write(PAGE, &[1]);
    region.write(4 * PAGE, &[1]);
    check_eq!(in_core(&region, 6)?, [0, 1, 0, 0, 1, 0]);
    advise(&region, PAGE, PAGE, libc::MADV_DONTNEED)?;
    check_eq!(in_core(&region, 6)?, [0, 0, 0, 0, 1, 0]);
    let fd = sys::open(&case.path("file"), libc::O_CREAT | libc::O_RDWR, 0o600)?;
    sys::write(&fd, &[7; 2 * PAGE])?;
    let file = Region::map(2 * PAGE, libc::PROT_READ, libc::MAP_SHARED, fd.as_raw_fd(), 0)?;
    check_eq!(in_core(&file, 2)?, [1, 1], "what was just written is in memory");
    Ok(())
}

fn mincore_refuses_bad_arguments(_: &Case) -> Outcome {
    let mut region = Region::new(3, RW)?;
    let vector = Region::new(1, RW)?;
    let mincore = |region: &Region, offset: usize, length: usize, vector: usize| {
        region.call("mincore", libc::SYS_mincore, [region.at(offset), length, vector, 0, 0, 0])
    };
    check_err!(mincore(&region, 1, PAGE, vector.at(0)), EINVAL);
    check_err!(mincore(&region, 0, PAGE, 1), EFAULT);
    check_err!(mincore(&region, 0, usize::MAX, vector.at(0)), ENOMEM);
    check_err!(mincore(&region, 0, 0, usize::MAX), EFAULT);
    region.unmap(PAGE..2 * PAGE)?;
    check_err!(mincore(&region, 0, 3 * PAGE, vector.at(0)), ENOMEM);
    check_eq!(mincore(&region, 0, PAGE, vector.at(0)), Ok(0));
    Ok(())
}

fn lock(region: &Region, offset: usize, length: usize) -> crate::errno::Result<usize> {
    region.call("mlock", libc::SYS_mlock, [region.at(offset), length, 0, 0, 0, 0])
}

fn unlock(region: &Region, offset: usize, length: usize) -> crate::errno::Result<usize> {
    region.call("munlock", libc::SYS_munlock, [region.at(offset), length, 0, 0, 0, 0])
}

fn locked_memory(_: &Case) -> Outcome {
    let mut region = Region::new(4, RW)?;
    check_eq!(lock(&region, 100, PAGE), Ok(0), "two pages, in part");
    check_eq!(in_core(&region, 4)?, [1, 1, 0, 0]);
    check_err!(advise(&region, 0, PAGE, libc::MADV_DONTNEED), EINVAL);
    let msync = [region.at(0), PAGE, libc::MS_INVALIDATE as usize, 0, 0, 0];
    check_err!(region.call("msync", libc::SYS_msync, msync), EBUSY);
    check_eq!(unlock(&region, 0, 2 * PAGE), Ok(0));
    check_eq!(advise(&region, 0, PAGE, libc::MADV_DONTNEED), Ok(0));
    check_eq!(lock(&region, 0, usize::MAX), Ok(0), "a length that overflows is none");
    let lock2 = |flags| region.call("mlock2", libc::SYS_mlock2, [region.at(2 * PAGE), PAGE, flags, 0, 0, 0]);
    check_err!(lock2(2), EINVAL);
    check_eq!(lock2(1), Ok(0));
    check_eq!(in_core(&region, 4)?[2], 0, "locked when it comes");
    region.protect(0..PAGE, libc::PROT_NONE)?;
    check_err!(lock(&region, 0, PAGE), ENOMEM);
    region.protect(0..PAGE, RW)?;
    region.unmap(PAGE..2 * PAGE)?;
    check_err!(lock(&region, 0, 3 * PAGE), ENOMEM);
    check_err!(unlock(&region, 0, 3 * PAGE), ENOMEM);
    Ok(())
}

fn locked_memory_has_a_limit(_: &Case) -> Outcome {
    in_child(|| {
        let region = Region::new(4, RW)?;
        sys::limit(libc::RLIMIT_MEMLOCK, 2 * PAGE as u64)?;
        sys::set_thread_uids(NOBODY, NOBODY, NOBODY)?;
        check_err!(lock(&region, 0, 3 * PAGE), ENOMEM);
        check_eq!(lock(&region, 0, 2 * PAGE), Ok(0));
        check_eq!(lock(&region, 0, 2 * PAGE), Ok(0), "locked once however often");
        check_err!(lock(&region, 2 * PAGE, PAGE), ENOMEM);
        sys::limit(libc::RLIMIT_MEMLOCK, 0)?;
        check_err!(lock(&region, 0, PAGE), EPERM);
        Ok(())
    })
}

fn lock_everything(_: &Case) -> Outcome {
    in_child(|| {
        let region = Region::new(4, RW)?;
        let all = |flags: usize| region.call("mlockall", libc::SYS_mlockall, [flags, 0, 0, 0, 0, 0]);
        for flags in [0, 4, 8] {
            check_err!(all(flags), EINVAL, "flags {flags}");
        }
        check_eq!(all(libc::MCL_FUTURE as usize), Ok(0));
        let later = Region::new(2, RW)?;
        check_err!(advise(&later, 0, PAGE, libc::MADV_DONTNEED), EINVAL);
        check_eq!(region.call("munlockall", libc::SYS_munlockall, [0; 6]), Ok(0));
        check_eq!(advise(&later, 0, PAGE, libc::MADV_DONTNEED), Ok(0));
        Ok(())
    })
}

fn mremap_moves_and_refuses(_: &Case) -> Outcome {
    let mut region = Region::new(3, RW)?;
    region.write(0, &[1; 3 * PAGE]);
    region.resize(400 * PAGE, libc::MREMAP_MAYMOVE)?;
    check_eq!((byte(&region, 3 * PAGE - 1), byte(&region, 3 * PAGE)), (1, 0));
    region.write(399 * PAGE, &[2]);
    region.resize(2 * PAGE, 0)?;
    check_eq!(byte(&region, PAGE), 1);
    check_err!(region.resize(0, libc::MREMAP_MAYMOVE), EINVAL);
    check_err!(region.resize(1 << 50, libc::MREMAP_MAYMOVE), EINVAL);
    check_err!(region.resize(PAGE, 8), EINVAL);
    check_err!(region.resize(PAGE, libc::MREMAP_FIXED), EINVAL);
    Ok(())
}

fn mmap_flags(case: &Case) -> Outcome {
    let fd = sys::open(&case.path("file"), libc::O_CREAT | libc::O_RDWR, 0o600)?;
    sys::write(&fd, &[7; PAGE])?;
    let file = |flags: i32| Region::map(PAGE, RW, flags, fd.as_raw_fd(), 0).map(drop);
    let anonymous = |flags: i32| Region::map(PAGE, RW, flags | libc::MAP_ANONYMOUS, -1, 0).map(drop);
    check_eq!(file(libc::MAP_SHARED_VALIDATE), Ok(()));
    check_err!(file(libc::MAP_SHARED_VALIDATE | 1 << 25), EOPNOTSUPP);
    check_err!(file(libc::MAP_SHARED_VALIDATE | libc::MAP_SYNC), EOPNOTSUPP);
    check_err!(anonymous(libc::MAP_SHARED_VALIDATE), EINVAL);
    check_err!(anonymous(4), EINVAL);
    check_eq!(anonymous(libc::MAP_PRIVATE | 1 << 25), Ok(()), "flags that do not exist are ignored");
    check_eq!(anonymous(libc::MAP_PRIVATE | libc::MAP_GROWSDOWN), Ok(()));
    check_err!(anonymous(libc::MAP_SHARED | libc::MAP_GROWSDOWN), EINVAL);
    check_err!(file(libc::MAP_PRIVATE | libc::MAP_GROWSDOWN), EINVAL);
    let low = Region::map(PAGE, RW, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_32BIT, -1, 0)?;
    low.write(0, &[1]);
    let populated = Region::map(3 * PAGE, RW, super::PRIVATE | libc::MAP_POPULATE, -1, 0)?;
    check_eq!(in_core(&populated, 3)?, [1; 3]);
    let shared = Region::map(3 * PAGE, RW, SHARED | libc::MAP_POPULATE, -1, 0)?;
    check_eq!(in_core(&shared, 3)?, [1; 3]);
    check!(Region::map(PAGE, 0x40, super::PRIVATE, -1, 0).is_ok(), "so are bits of the protection");
    Ok(())
}
