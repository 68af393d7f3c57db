//! Files that are mapped shared: one with what read and write see, and as long as they are.

use std::os::fd::{AsRawFd, OwnedFd};

use super::{RW, dies_of, in_child};
use crate::{
    harness::{Case, Outcome, Test, check, check_eq, check_err, tests},
    sys::{self, PAGE, Region},
};

pub(crate) const TESTS: &[Test] = tests!("memory";
    file_writes_are_seen_in_mappings,
    file_mappings_are_seen_by_reads,
    file_mappings_see_each_other,
    file_mapping_outlives_descriptor_and_name,
    file_mapping_needs_the_right_to_write,
    file_holes_can_be_mapped,
    file_mapping_ends_with_the_file,
    file_that_is_cut_loses_pages,
    file_that_grows_again_has_zeros,
    private_pages_are_cut_too,
    program_text_can_be_mapped_and_changed,
    file_mapping_can_be_resized,
    msync_and_bad_ranges,
    maps_shows_files,
);

fn file(case: &Case, length: usize) -> Outcome<OwnedFd> {
    let fd = sys::open(&case.path("file"), libc::O_CREAT | libc::O_RDWR | libc::O_TRUNC, 0o600)?;
    let contents: Vec<u8> = (0..length).map(|index| (index / 7) as u8).collect();
    check_eq!(sys::write(&fd, &contents)?, length);
    Ok(fd)
}

fn map(fd: &OwnedFd, length: usize, protection: i32) -> crate::errno::Result<Region> {
    Region::map(length, protection, libc::MAP_SHARED, fd.as_raw_fd(), 0)
}

fn bytes<const N: usize>(region: &Region, offset: usize) -> [u8; N] {
    let mut bytes = [0; N];
    region.read(offset, &mut bytes);
    bytes
}

fn look(region: &Region, offset: usize) {
    region.read(offset, &mut [0]);
}

fn cut(fd: &OwnedFd, length: usize) -> Outcome {
    sys::ftruncate(fd, length as i64)?;
    Ok(())
}

fn file_writes_are_seen_in_mappings(case: &Case) -> Outcome {
    let fd = file(case, 3 * PAGE)?;
    let region = map(&fd, 3 * PAGE, libc::PROT_READ)?;
    check_eq!(bytes(&region, 700), [100; 7]);
    sys::pwrite(&fd, b"written", 700)?;
    sys::pwrite(&fd, b"across", PAGE as i64 - 3)?;
    check_eq!(&bytes::<7>(&region, 700), b"written");
    check_eq!(&bytes::<6>(&region, PAGE - 3), b"across");
    Ok(())
}

fn file_mappings_are_seen_by_reads(case: &Case) -> Outcome {
    let fd = file(case, 3 * PAGE)?;
    let region = map(&fd, 3 * PAGE, RW)?;
    region.write(2 * PAGE - 2, b"mapped");
    let mut read = [0; 6];
    check_eq!(sys::pread(&fd, &mut read, 2 * PAGE as i64 - 2)?, 6);
    check_eq!(&read, b"mapped");
    in_child(|| {
        region.write(10, b"child");
        Ok(())
    })?;
    check_eq!(sys::pread(&fd, &mut read[..5], 10)?, 5);
    check_eq!(&read[..5], b"child");
    Ok(())
}

fn file_mappings_see_each_other(case: &Case) -> Outcome {
    let fd = file(case, 3 * PAGE)?;
    let first = map(&fd, 3 * PAGE, RW)?;
    let again = sys::open(&case.path("file"), libc::O_RDWR, 0)?;
    let second = Region::map(PAGE, RW, libc::MAP_SHARED, again.as_raw_fd(), PAGE as i64)?;
    let private = Region::map(3 * PAGE, RW, libc::MAP_PRIVATE, fd.as_raw_fd(), 0)?;
    private.write(PAGE, b"private");
    second.write(0, b"one");
    check_eq!(&bytes::<3>(&first, PAGE), b"one");
    first.write(PAGE, b"two");
    check_eq!(&bytes::<3>(&second, 0), b"two");
    check_eq!(&bytes::<7>(&private, PAGE), b"private");
    Ok(())
}

fn file_mapping_outlives_descriptor_and_name(case: &Case) -> Outcome {
    let fd = file(case, PAGE)?;
    let region = map(&fd, PAGE, RW)?;
    sys::unlink(&case.path("file"))?;
    drop(fd);
    region.write(0, b"still");
    in_child(|| {
        check_eq!(&bytes::<5>(&region, 0), b"still");
        region.write(0, b"there");
        Ok(())
    })?;
    check_eq!(&bytes::<5>(&region, 0), b"there");
    Ok(())
}

fn file_mapping_needs_the_right_to_write(case: &Case) -> Outcome {
    drop(file(case, PAGE)?);
    let read_only = sys::open(&case.path("file"), libc::O_RDONLY, 0)?;
    let write_only = sys::open(&case.path("file"), libc::O_WRONLY, 0)?;
    check_err!(map(&read_only, PAGE, RW).map(drop), EACCES);
    check_err!(map(&write_only, PAGE, RW).map(drop), EACCES);
    check_err!(map(&write_only, PAGE, libc::PROT_WRITE).map(drop), EACCES);
    let region = map(&read_only, PAGE, libc::PROT_READ)?;
    check_err!(region.protect(0..PAGE, RW), EACCES);
    check_eq!(region.protect(0..PAGE, libc::PROT_READ | libc::PROT_EXEC)?, 0);
    dies_of(libc::SIGSEGV, || region.write(0, &[1]))?;
    check_err!(Region::map(PAGE, RW, libc::MAP_SHARED, -1, 0).map(drop), EBADF);
    check_err!(Region::map(0, RW, libc::MAP_SHARED, read_only.as_raw_fd(), 0).map(drop), EINVAL);
    let far = i64::MAX & !(PAGE as i64 - 1);
    check_err!(
        Region::map(PAGE, libc::PROT_READ, libc::MAP_SHARED, read_only.as_raw_fd(), far).map(drop),
        EOVERFLOW
    );
    Ok(())
}

fn file_holes_can_be_mapped(case: &Case) -> Outcome {
    let fd = file(case, 0)?;
    cut(&fd, 64 * PAGE)?;
    let region = map(&fd, 64 * PAGE, RW)?;
    for page in (0..64).step_by(3) {
        check_eq!(bytes(&region, page * PAGE), [0; 8], "page {page}");
        region.write(page * PAGE + 5, &[page as u8 + 1]);
    }
    for page in 0..64 {
        let mut byte = [9];
        sys::pread(&fd, &mut byte, (page * PAGE + 5) as i64)?;
        check_eq!(byte[0], if page % 3 == 0 { page as u8 + 1 } else { 0 }, "page {page}");
    }
    Ok(())
}

fn file_mapping_ends_with_the_file(case: &Case) -> Outcome {
    let fd = file(case, PAGE + 100)?;
    let region = map(&fd, 4 * PAGE, RW)?;
    check_eq!(bytes(&region, PAGE + 100), [0; 100], "zeros to the end of the page");
    dies_of(libc::SIGBUS, || look(&region, 2 * PAGE))?;
    dies_of(libc::SIGBUS, || region.write(3 * PAGE, &[1]))?;
    let (_read, write) = sys::pipe2(0)?;
    let words = [write.as_raw_fd() as usize, region.at(2 * PAGE), 1, 0, 0, 0];
    check_err!(region.call("write", libc::SYS_write, words), EFAULT);
    // What is there once the file is longer is found.
    cut(&fd, 4 * PAGE)?;
    region.write(3 * PAGE, b"now");
    let mut read = [0; 3];
    sys::pread(&fd, &mut read, 3 * PAGE as i64)?;
    check_eq!(&read, b"now");
    Ok(())
}

fn file_that_is_cut_loses_pages(case: &Case) -> Outcome {
    let fd = file(case, 4 * PAGE)?;
    let region = map(&fd, 4 * PAGE, RW)?;
    region.write(0, &[1; 4 * PAGE]);
    let (ready, tell) = sys::pipe2(0)?;
    let (told, go) = sys::pipe2(0)?;
    // A child that has the pages too loses them as well.
    let pid = sys::fork(|| {
        look(&region, 3 * PAGE);
        let _ = sys::write(&tell, b"x");
        let _ = sys::read(&told, &mut [0]);
        look(&region, 2 * PAGE);
        0
    })?;
    check_eq!(sys::read(&ready, &mut [0])?, 1);
    cut(&fd, PAGE + 10)?;
    sys::write(&go, b"x")?;
    check_eq!(sys::wait_for(pid)?, libc::SIGBUS);
    dies_of(libc::SIGBUS, || region.write(2 * PAGE, &[1]))?;
    check_eq!(bytes(&region, PAGE + 8), [1, 1, 0, 0], "the rest of the last page is cleared");
    Ok(())
}

fn file_that_grows_again_has_zeros(case: &Case) -> Outcome {
    let fd = file(case, 0)?;
    cut(&fd, 3 * PAGE)?;
    let region = map(&fd, 3 * PAGE, RW)?;
    region.write(0, &[1; 3 * PAGE]);
    cut(&fd, 10)?;
    cut(&fd, 3 * PAGE)?;
    check_eq!(bytes(&region, 8), [1, 1, 0, 0]);
    check_eq!(bytes(&region, 2 * PAGE), [0; 8]);
    region.write(2 * PAGE, b"new");
    let mut read = [0; 3];
    sys::pread(&fd, &mut read, 2 * PAGE as i64)?;
    check_eq!(&read, b"new");
    Ok(())
}

fn private_pages_are_cut_too(case: &Case) -> Outcome {
    let fd = file(case, 2 * PAGE)?;
    let region = Region::map(2 * PAGE, RW, libc::MAP_PRIVATE, fd.as_raw_fd(), 0)?;
    region.write(PAGE, b"mine");
    cut(&fd, PAGE)?;
    dies_of(libc::SIGBUS, || look(&region, PAGE))?;
    cut(&fd, 2 * PAGE)?;
    check_eq!(bytes(&region, PAGE), [0; 4]);
    Ok(())
}

fn program_text_can_be_mapped_and_changed(_: &Case) -> Outcome {
    // The program that runs, from the boot image in the guest: as a private mapping, which can be written to.
    let fd = sys::open(c"/proc/self/exe", libc::O_RDONLY, 0)?;
    let pages = 40;
    let region = Region::map(pages * PAGE, RW, libc::MAP_PRIVATE, fd.as_raw_fd(), 0)?;
    let shared = Region::map(pages * PAGE, libc::PROT_READ, libc::MAP_SHARED, fd.as_raw_fd(), 0)?;
    check_eq!(&bytes::<4>(&region, 0), b"\x7fELF");
    for page in 0..pages {
        let mut read = [0; 16];
        check_eq!(sys::pread(&fd, &mut read, (page * PAGE) as i64)?, 16);
        check_eq!(bytes::<16>(&region, page * PAGE), read, "page {page}");
        region.write(page * PAGE, b"changed");
        check_eq!(bytes::<16>(&shared, page * PAGE), read, "page {page}");
    }
    Ok(())
}

fn file_mapping_can_be_resized(case: &Case) -> Outcome {
    let fd = file(case, 6 * PAGE)?;
    let mut region = map(&fd, 2 * PAGE, RW)?;
    region.write(PAGE, b"before");
    region.resize(6 * PAGE, libc::MREMAP_MAYMOVE)?;
    check_eq!(&bytes::<6>(&region, PAGE), b"before");
    region.write(5 * PAGE, b"after");
    let mut read = [0; 5];
    sys::pread(&fd, &mut read, 5 * PAGE as i64)?;
    check_eq!(&read, b"after");
    region.resize(PAGE, 0)?;
    let mut private = Region::map(2 * PAGE, RW, libc::MAP_PRIVATE, fd.as_raw_fd(), 0)?;
    private.write(0, b"own");
    private.resize(4 * PAGE, libc::MREMAP_MAYMOVE)?;
    check_eq!(&bytes::<3>(&private, 0), b"own");
    sys::pread(&fd, &mut read, 3 * PAGE as i64)?;
    check_eq!(bytes::<5>(&private, 3 * PAGE), read);
    Ok(())
}

fn msync_and_bad_ranges(case: &Case) -> Outcome {
    let fd = file(case, 2 * PAGE)?;
    let mut region = map(&fd, 2 * PAGE, RW)?;
    let msync = |region: &Region, offset: usize, length: usize, flags: i32| {
        region.call("msync", libc::SYS_msync, [region.at(offset), length, flags as usize, 0, 0, 0])
    };
    for flags in [0, libc::MS_SYNC, libc::MS_ASYNC, libc::MS_SYNC | libc::MS_INVALIDATE] {
        check_eq!(msync(&region, 0, 2 * PAGE, flags), Ok(0));
    }
    check_err!(msync(&region, 0, PAGE, libc::MS_SYNC | libc::MS_ASYNC), EINVAL);
    check_err!(msync(&region, 0, PAGE, 8), EINVAL);
    check_err!(msync(&region, 1, PAGE, libc::MS_SYNC), EINVAL);
    check_eq!(msync(&region, 0, 0, libc::MS_SYNC), Ok(0));
    check_eq!(msync(&region, 0, usize::MAX, libc::MS_SYNC), Ok(0), "a length that overflows is none");
    check_err!(msync(&region, 0, usize::MAX - PAGE, libc::MS_SYNC), ENOMEM);
    region.unmap(PAGE..2 * PAGE)?;
    check_err!(msync(&region, 0, 2 * PAGE, libc::MS_SYNC), ENOMEM);
    Ok(())
}

fn maps_shows_files(case: &Case) -> Outcome {
    let fd = file(case, 2 * PAGE)?;
    let region = Region::map(PAGE, RW, libc::MAP_SHARED, fd.as_raw_fd(), PAGE as i64)?;
    let maps = String::from_utf8_lossy(&std::fs::read("/proc/self/maps").unwrap_or_default()).into_owned();
    let line = maps.lines().find(|line| line.starts_with(&format!("{:08x}-", region.at(0))));
    let line = line.unwrap_or_default();
    check!(line.contains(" rw-s 00001000 "), "{line:?}");
    check!(line.ends_with(&*case.path("file").to_string_lossy()), "{line:?}");
    check!(maps.contains("[stack]") && maps.contains("[heap]"));
    Ok(())
}
